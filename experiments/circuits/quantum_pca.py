"""How many copies does quantum PCA need, beside measuring in the eigenbasis, shadows and an eigendecomposition?

The density matrix is that of the level-shifted luma patches, weighted by energy. Hadamard tests of controlled partial
swaps are drawn from their exact probabilities by the channel simulator, and run as a circuit on Aer for 4×4 patches.
The register of ancillas takes the median of independent runs. Every method has the same copies of ρ; the
eigendecomposition has as many patches, drawn with equal probability, of which every pixel is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy import stats

import circuits
from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    LibraryDependent,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    check,
    count_pictures,
    distinct,
    each,
    groups,
    mean,
    select,
    subplots,
    table_of,
    timed,
    whole,
)
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.states import qubits_for

SWAPS, CIRCUIT, REGISTER = "swaps", "circuit", "phase register"
EIGENBASIS, SHADOW, EIGH = "eigenbasis", "shadow", "eigh of patches"
RUNS_OF_THE_MEDIAN = 15
LONG = 10**9
"""Copies from which a run is one for the four largest eigenvalues."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    sizes: Annotated[tuple[int, ...], each(whole(2, 8))] = (4, 8)
    """Sides of the patches: powers of two."""
    shots: Counts = (100, 1000, 10_000, 100_000)
    """Shots of each setting for the largest eigenvalue, with 3 times."""
    long_shots: Counts = (10**9, 10**11)
    """Shots of each setting for the four largest eigenvalues."""
    stages: Annotated[int, whole(2, 14)] = 12
    """Times 1, 2, 4, … of the four largest eigenvalues."""
    ancillas: Annotated[tuple[int, ...], each(whole(2, 7))] = (2, 3, 4, 5)
    """Ancillas of the phase register."""
    copies: Counts = (1000, 10_000, 100_000)
    """Copies of the methods without swaps."""
    circuit_shots: Count = 20_000
    """Shots of each setting of the circuit, with 2 times."""
    repeats: Annotated[int, whole(2)] = 40
    """Independent runs of each method, and a fifth of it for the four largest eigenvalues."""
    seed: Seed = 0
    """Seed of all shots and draws."""


TINY = Params(
    box_mean=8,
    sizes=(2,),
    shots=(1000, 10_000),
    long_shots=(10**8,),
    stages=8,
    ancillas=(2, 3),
    copies=(1000, 10_000),
    circuit_shots=1000,
    repeats=5,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One eigenvalue by one method."""

    image: str
    patch: int
    """Side of the patches in pixels."""
    method: str
    component: int
    """1 for the largest eigenvalue."""
    eigenvalue: float
    """Of the picture's density matrix."""
    copies: int
    """Copies of ρ in one run, or patches."""
    runs: int
    refused: int
    """Runs that were refused because the shots give no interval above 0."""
    relative_error: LibraryDependent
    """Root mean square over the runs."""
    bound: float
    """√((1 − λ)/(λ N)), the Cramér–Rao bound of N copies."""
    covered: LibraryDependent
    """Share of the runs whose 95 % interval holds the eigenvalue; not a number without an interval."""
    seconds: Seconds
    """Of one run."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, size of the patches, method, number of copies and eigenvalue."""
    check(params)
    rows = []
    for picture in track(params.gather().pictures):
        for size in params.sizes:
            patches = extract_patches(picture.luma(), size) - LEVEL_SHIFT
            if patches.any():
                rows += [Row(image=picture.name, patch=size, **one) for one in _methods(patches, size, params)]
    return rows


def _methods(patches: Array, size: int, params: Params) -> Iterator[dict[str, Any]]:
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    spectrum = np.linalg.eigvalsh(rho)[::-1]
    rng = np.random.default_rng(params.seed)

    def measured(method: str, copies: int, repeats: int, one: Callable[[int], Any]) -> Iterator[dict[str, Any]]:
        results, refused, seconds = [], 0, 0.0
        for seed in range(params.seed, params.seed + repeats):
            try:
                result, took = timed(one, seed)
            except ValueError as error:
                if "shots must be at least" not in str(error):
                    raise
                refused += 1
            else:
                results.append(result)
                seconds += took
        if not results:
            return
        values = np.array([result[0] for result in results])
        for k in range(values.shape[1]):
            low, high = (np.array([result[end][k] for result in results]) for end in (1, 2))
            covered = float(np.mean((low <= spectrum[k]) & (spectrum[k] <= high)))
            yield {
                "method": method,
                "component": k + 1,
                "eigenvalue": float(spectrum[k]),
                "copies": copies,
                "runs": len(results),
                "refused": refused,
                "relative_error": float(np.sqrt(np.mean((values[:, k] / spectrum[k] - 1) ** 2))),
                "bound": float(np.sqrt((1 - spectrum[k]) / (spectrum[k] * copies))),
                "covered": covered if np.isfinite(low).all() else float("nan"),
                "seconds": seconds / len(results),
            }

    for shots in params.shots:
        yield from measured(SWAPS, 90 * shots, params.repeats, _by_swaps(rho, components=1, stages=3, shots=shots))
    copies = _copies_of(params.stages)
    components = min(4, len(rho))
    for shots in params.long_shots:
        long = _by_swaps(rho, components=components, stages=params.stages, shots=shots)
        yield from measured(SWAPS, copies * shots, max(params.repeats // 5, 2), long)
    if len(rho) <= 16:
        circuit = _by_swaps(rho, components=1, stages=2, shots=params.circuit_shots, backend="density_matrix")
        yield from measured(CIRCUIT, 24 * params.circuit_shots, 1, circuit)
    for ancillas in params.ancillas:
        register = circuits.phase_register(rho, ancillas=ancillas, swaps=8 * 2**ancillas)
        yield from measured(
            REGISTER, RUNS_OF_THE_MEDIAN * register.copies, params.repeats, _drawn(_median, register, rng)
        )
    for number in params.copies:
        yield from measured(EIGENBASIS, number, params.repeats, _drawn(_in_eigenbasis, spectrum, number, rng))
        yield from measured(SHADOW, number, params.repeats, _drawn(_by_shadow, rho, number, rng))
        yield from measured(EIGH, number, params.repeats, _drawn(_by_patches, patches, number, rng))


def _drawn(function: Callable[..., Any], *inputs: Any) -> Callable[[int], Any]:
    """The function of its inputs, without the seed of a repetition: the generator among them goes on."""
    return lambda _: function(*inputs)


def _copies_of(stages: int) -> int:
    """Copies of one shot in each setting and quadrature."""
    return int(2 * sum(np.ceil(2 * 4.0**k) + 1 for k in range(stages)))


def _by_swaps(rho: Array, **options: Any) -> Callable[[int], tuple[Array, Array, Array]]:
    def one(seed: int) -> tuple[Array, Array, Array]:
        result = circuits.quantum_pca(rho, ancillas=3, seed=seed, **options)
        return result.eigenvalues, result.low, result.high

    return one


def _without_interval(values: Array) -> tuple[Array, Array, Array]:
    return values, np.full(len(values), np.nan), np.full(len(values), np.nan)


def _median(register: circuits.PhaseRegister, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    drawn = rng.choice(register.eigenvalues, RUNS_OF_THE_MEDIAN, p=register.probabilities)
    return _without_interval(np.median(drawn, keepdims=True))


def _in_eigenbasis(spectrum: Array, copies: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    weights = np.clip(spectrum, 0, None)
    counts = rng.multinomial(copies, weights / weights.sum())[:4]
    low, high = circuits.probability_interval(counts, copies)
    return counts / copies, low, high


def _by_shadow(rho: Array, copies: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    bases = circuits.all_bases(qubits_for(len(rho)))
    shots = rng.multinomial(copies, np.full(len(bases), 1 / len(bases)))
    data = circuits.draw_bases(rho, bases[shots > 0], shots=shots[shots > 0].tolist(), rng=rng)
    return _without_interval(np.linalg.eigvalsh(circuits.unbiased_state(data))[::-1][:4])


def _by_patches(patches: Array, copies: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    drawn = CorrelationOperator.from_patches(patches[rng.integers(len(patches), size=copies)])
    return _without_interval(np.linalg.eigvalsh(drawn.density_matrix())[::-1][:4])


def exponent(rows: Sequence[Row], method: str) -> tuple[float, float]:
    """Exponent a of N ∝ ε^−a for λ₁ and half its 95 % interval, from the slopes of ln ε for pictures and patch sizes.

    Not a number with fewer than two numbers of copies, or where the error does not fall with them.
    """
    slopes = []
    for own in groups(select(rows, method=method, component=1), "image", "patch").values():
        short = [row for row in own if row.copies < LONG and row.relative_error > 0]
        if len(short) > 1:
            error, number = (np.log([getattr(row, name) for row in short]) for name in ("relative_error", "copies"))
            slopes.append(float(np.polyfit(number, error, 1)[0]))
    middle = float(np.mean(slopes)) if slopes else float("nan")
    if not middle < 0:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(slopes) - 1) * stats.sem(slopes)) if len(slopes) > 1 else float("nan")
    return -1 / middle, half / middle**2


def findings(rows: Sequence[Row]) -> list[str]:
    """Errors of the circuit and of the smaller eigenvalues, exponents, and the copies beside the bound."""
    sentences = []
    of_circuit = select(rows, method=CIRCUIT)
    if of_circuit:
        worst = max(row.relative_error for row in of_circuit)
        sentences.append(f"The circuit gives λ₁ within {worst:.2%} in the worst of {len(of_circuit)} runs.")
    longest = _longest(rows)
    if longest:
        parts = ", ".join(
            f"λ{own[0].component} {max(row.relative_error for row in own):.2%}"
            for own in groups(longest, "component").values()
        )
        copies = max(row.copies for row in longest)
        sentences.append(f"The channel simulator with {copies:.1e} copies has relative errors of at most {parts}.")
    for method in distinct(rows, "method"):
        power, _ = exponent(rows, method)
        if np.isfinite(power):
            sentences.append(f"Copies of {method} grow with ε^−{power:.2f} for λ₁.")
    own = [row for row in select(rows, method=SWAPS, component=1) if row.copies < LONG and row.bound > 0]
    if own:
        ratio = np.median([(row.relative_error / row.bound) ** 2 for row in own])
        sentences.append(f"Swaps take {ratio:.0f} times the copies of the Cramér–Rao bound for λ₁ (median).")
    covered = [row.covered for row in select(rows, method=SWAPS)]
    if covered:
        sentences.append(f"The 95 % intervals of swaps hold {np.nanmean(covered):.1%} of the eigenvalues.")
    return sentences


def _longest(rows: Sequence[Row]) -> list[Row]:
    long = [row for row in select(rows, method=SWAPS) if row.copies >= LONG]
    return [row for row in long if row.copies == max(one.copies for one in long)]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"methods": method_table(rows), "smaller": smaller_table(rows), "exponents": exponent_table(rows)}


def method_table(rows: Sequence[Row]) -> Table:
    """λ₁ by every method and number of copies."""
    own = [row for row in select(rows, component=1) if row.copies < LONG]
    order = distinct(rows, "method").index
    return table_of(
        sorted(own, key=lambda row: (row.patch, order(row.method), row.copies)),
        {
            "patch": "patch",
            "method": "method",
            "copies": "copies",
            "relative error, %": "relative_error",
            "bound, %": "bound",
            "times the bound's copies": lambda own: _geometric([(row.relative_error / row.bound) ** 2 for row in own]),
            "covered, %": "covered",
            "seconds": "seconds",
        },
        by=("patch", "method", "copies"),
        caption=f"λ₁, means over {count_pictures(rows)}; the ratio of copies is a geometric mean",
        formats={
            "copies": "_d",
            "relative error, %": ".3%",
            "bound, %": ".3%",
            "times the bound's copies": ".1f",
            "covered, %": ".1%",
            "seconds": ".3f",
        },
    )


def smaller_table(rows: Sequence[Row]) -> Table:
    """The four largest eigenvalues by swaps, beside the bound."""
    own = [row for row in select(rows, method=SWAPS) if row.copies >= LONG]
    return table_of(
        sorted(own, key=lambda row: (row.patch, row.component, row.copies)),
        {
            "patch": "patch",
            "component": "component",
            "copies": lambda own: f"{own[0].copies:.1e}",
            "mean eigenvalue": "eigenvalue",
            "relative error, %": "relative_error",
            "largest, %": lambda own: max(row.relative_error for row in own),
            "covered, %": lambda own: sum(row.covered * row.runs for row in own) / sum(row.runs for row in own),
            "runs": lambda own: sum(row.runs for row in own),
            "refused": lambda own: sum(row.refused for row in own),
            "copies of the bound": lambda own: (
                f"{_geometric([row.copies * (row.bound / row.relative_error) ** 2 for row in own]):.1e}"
            ),
        },
        by=("patch", "component", "copies"),
        caption=f"Channel simulator, means over {count_pictures(own)}; *largest* of the pictures; *copies of the "
        "bound*: those with which a measurement in the eigenbasis has the same error",
        formats={"mean eigenvalue": ".4f", "relative error, %": ".3%", "largest, %": ".3%", "covered, %": ".1%"},
    )


def exponent_table(rows: Sequence[Row]) -> Table:
    """Fitted exponents with intervals over pictures and sizes of patches."""
    body = []
    for method in distinct(rows, "method"):
        power, half = exponent(rows, method)
        if np.isfinite(power):
            body.append([method, power, half if np.isfinite(half) else ""])
    return Table(
        columns=["method", "exponent", "95 % ±"],
        rows=body,
        caption="Exponent a of copies N ∝ ε^−a for λ₁; intervals over pictures and sizes of patches",
        formats={"exponent": ".2f", "95 % ±": ".2f"},
    )


def _geometric(numbers: Sequence[float]) -> float:
    positive = [number for number in numbers if number > 0]
    return float(np.exp(np.mean(np.log(positive)))) if positive else float("nan")


def plot(rows: Sequence[Row]) -> Figure:
    """Error of λ₁ against copies for each method, and of the four largest eigenvalues by swaps."""
    figure, axes = subplots(1, 2, figsize=(10, 4.2))
    own = [row for row in select(rows, component=1) if row.copies < LONG]
    for number, (method, part) in enumerate(groups(own, "method").items()):
        for style, (patch, of_size) in zip(("o-", "s--", "^:"), groups(part, "patch").items(), strict=False):
            by_copies = sorted(groups(of_size, "copies").items())
            x, y = zip(*[(copies, 100 * mean(some, "relative_error")) for copies, some in by_copies], strict=True)
            axes[0].plot(x, y, style, color=f"C{number}", label=f"{method}, {patch}×{patch}", markersize=4)
    long = [row for row in select(rows, method=SWAPS) if row.copies >= LONG]
    for number, (component, part) in enumerate(groups(long, "component").items()):
        for style, (patch, of_size) in zip(("o-", "s--", "^:"), groups(part, "patch").items(), strict=False):
            by_copies = sorted(groups(of_size, "copies").items())
            x, y = zip(*[(copies, 100 * mean(some, "relative_error")) for copies, some in by_copies], strict=True)
            axes[1].plot(x, y, style, color=f"C{number}", label=f"λ{component}, {patch}×{patch}", markersize=4)
    axes[1].axhline(2, color="0.5", linewidth=1, linestyle=":", label="2 %")
    for ax, title in zip(axes, ("relative error of λ₁, %", "relative error by swaps, %"), strict=True):
        ax.set(xlabel="copies of ρ, or patches", ylabel=title, xscale="log", yscale="log")
        ax.legend(fontsize=7)
    return figure
