"""How many copies does quantum PCA need, beside measuring in the eigenbasis, shadows and an eigendecomposition?

The density matrix is that of the level-shifted luma patches, weighted by energy. Hadamard tests of controlled partial
swaps are drawn from their exact probabilities by the channel simulator, and run as a circuit on Aer up to 4×4 patches.
The register of ancillas takes the median of independent runs. The eigendecomposition of as many patches as copies reads
every pixel of patches that are drawn with equal probability; that of all patches is exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy import stats

from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    LibraryDependent,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    count_pictures,
    distinct,
    each,
    groups,
    mean,
    median,
    per_picture,
    select,
    subplots,
    table_of,
    whole,
)
from experiments.circuits import eigenvalue_estimators as estimators
from experiments.circuits.attempts import attempts
from experiments.circuits.eigenvalue_estimators import Estimator
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches

SWAPS, LONG, CIRCUIT, REGISTER = "swaps", "swaps, long times", "circuit", "phase register"
EIGENBASIS, SHADOW, EIGH, ALL = "eigenbasis", "shadow", "eigh of patches", "eigh of all patches"
MIXED = "maximally mixed"

SMALLEST = 1e-3
"""Least eigenvalue that is estimated with an interval; smaller ones take more copies than a run can have."""

MAX_CIRCUIT_DIMENSION = 16
"""Largest density matrix whose Hadamard test runs as a circuit."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    sizes: Annotated[tuple[int, ...], each(whole(2, 8))] = (4,)
    """Sides of the patches: 2, 4 or 8."""
    shots: Counts = (100, 1000, 10_000, 100_000)
    """Shots of each setting for the largest eigenvalue, with 3 times."""
    long_shots: Counts = (10**7, 10**9, 10**11)
    """Shots of each setting for the four largest eigenvalues."""
    stages: Annotated[int, whole(2, 12)] = 12
    """Times 1, 2, 4, … of the four largest eigenvalues."""
    ancillas: Annotated[tuple[int, ...], each(whole(2, 7))] = (2, 3, 4, 5)
    """Ancillas of the phase register."""
    copies: Counts = (1000, 10_000, 100_000)
    """Copies of the methods without swaps, and patches."""
    circuit_shots: Count = 20_000
    """Shots of each setting of the circuit, with 2 times."""
    repeats: Annotated[int, whole(2)] = 100
    """Independent runs of each method; the circuit runs once."""
    long_repeats: Annotated[int, whole(1)] = 4
    """Independent runs for the four largest eigenvalues, whose fit takes seconds."""
    seed: Seed = 0
    """First seed of the runs."""


TINY = Params(
    box_mean=8,
    sizes=(2,),
    shots=(1000, 10_000),
    long_shots=(10**8,),
    long_repeats=2,
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
    """Copies of ρ in one run, or drawn patches; 0 with all patches, or with none."""
    shots: int
    """Measurements in one run; 0 for patches."""
    cx: int
    """CX of the controlled swaps in one run, without the preparation of copies."""
    flops: int
    """Of the classical moments and eigenvalues in one run."""
    runs: int
    """Runs with a result."""
    refused: int
    """Runs that were refused because the shots give no interval above 0."""
    relative_error: LibraryDependent
    """Root mean square over the runs; not a number without runs."""
    bound: float
    """√((1 − λ)/(λN)), the Cramér–Rao bound of N copies; not a number without copies."""
    covered: LibraryDependent
    """Share of the runs whose 95 % interval holds the eigenvalue; not a number without an interval."""
    run_seconds: Seconds
    """Of one run."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per size of the patches, method, number of copies and eigenvalue; without energy there is no state."""
    rows = []
    for size in params.sizes:
        patches = extract_patches(picture.luma(), size) - LEVEL_SHIFT
        if not patches.any():
            continue
        rho = CorrelationOperator.from_patches(patches).density_matrix()
        spectrum = np.clip(np.linalg.eigvalsh(rho)[::-1], 0, 1)
        for estimator, repeats in _estimators(patches, rho, spectrum, params):
            measured = _measured(estimator, spectrum, range(params.seed, params.seed + repeats))
            rows += [Row(image=picture.name, patch=size, **one) for one in measured]
    return rows


run = per_picture(rows_of)


def _estimators(patches: Array, rho: Array, spectrum: Array, params: Params) -> Iterator[tuple[Estimator, int]]:
    """Estimators and numbers of their runs."""
    repeats = params.repeats
    for shots in params.shots:
        yield estimators.by_swaps(SWAPS, rho, components=1, stages=3, shots=shots), repeats
    components = int(np.count_nonzero(spectrum[: estimators.LARGEST] > SMALLEST))
    for shots in params.long_shots:
        long = estimators.by_swaps(LONG, rho, components=components, stages=params.stages, shots=shots)
        yield long, params.long_repeats
    if len(rho) <= MAX_CIRCUIT_DIMENSION:
        on_aer = {"backend": "density_matrix", "components": 1}
        yield estimators.by_swaps(CIRCUIT, rho, stages=2, shots=params.circuit_shots, **on_aer), 1
    for ancillas in params.ancillas:
        yield estimators.by_register(REGISTER, rho, ancillas=ancillas), repeats
    for copies in params.copies:
        yield estimators.in_eigenbasis(EIGENBASIS, spectrum, copies=copies), repeats
        yield estimators.by_shadow(SHADOW, rho, copies=copies), repeats
        yield estimators.by_patches(EIGH, patches, spectrum, count=copies), repeats
    yield estimators.by_patches(ALL, patches, spectrum, count=None), 1
    yield estimators.maximally_mixed(MIXED, len(rho)), 1


def _measured(estimator: Estimator, spectrum: Array, seeds: range) -> Iterator[dict[str, Any]]:
    """Columns of the rows of an estimator, for each eigenvalue that is not 0."""
    runs = attempts(estimator.one, seeds)
    estimates: Array = np.array(runs.results).reshape(len(runs.results), 3, -1)
    estimated = estimates.shape[2] if runs.results else 1
    for k in range(min(estimated, int(np.count_nonzero(spectrum > SMALLEST)))):
        value = float(spectrum[k])
        low, high = estimates[:, 1, k], estimates[:, 2, k]
        with_interval = bool(runs.results) and bool(np.isfinite(low).all())
        yield {
            "method": estimator.name,
            "component": k + 1,
            "eigenvalue": value,
            "copies": estimator.copies,
            "shots": estimator.shots,
            "cx": estimator.cx,
            "flops": estimator.flops,
            "runs": len(runs.results),
            "refused": runs.refused,
            "relative_error": _root_mean_square(estimates[:, 0, k] / value - 1),
            "bound": float(np.sqrt((1 - value) / (value * estimator.copies))) if estimator.copies else float("nan"),
            "covered": float(np.mean((low <= value) & (value <= high))) if with_interval else float("nan"),
            "run_seconds": runs.seconds,
        }


def _root_mean_square(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2))) if errors.size else float("nan")


def exponent(rows: Sequence[Row], method: str) -> tuple[float, float]:
    """Exponent a of N ∝ ε^−a for λ₁ and half its 95 % interval, from the slopes of ln ε for pictures and patch sizes.

    Not a number with fewer than two numbers of copies, or where the error does not fall with them.
    """
    slopes = []
    for own in groups(select(rows, method=method, component=1), "image", "patch").values():
        usable = [row for row in own if row.relative_error > 0]
        if len(distinct(usable, "copies")) > 1:
            error, number = (np.log([getattr(row, name) for row in usable]) for name in ("relative_error", "copies"))
            slopes.append(float(np.polyfit(number, error, 1)[0]))
    middle = float(np.mean(slopes)) if slopes else float("nan")
    if not middle < 0:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(slopes) - 1) * stats.sem(slopes)) if len(slopes) > 1 else float("nan")
    return -1 / middle, half / middle**2


def coverage(rows: Sequence[Row]) -> tuple[float, float, int]:
    """Share of the runs whose interval holds the eigenvalue, its standard error, and the number of runs."""
    with_interval = [row for row in rows if row.runs and np.isfinite(row.covered)]
    runs = sum(row.runs for row in with_interval)
    share = sum(row.covered * row.runs for row in with_interval) / runs if runs else float("nan")
    return share, float(np.sqrt(share * (1 - share) / runs)) if runs else float("nan"), runs


def findings(rows: Sequence[Row]) -> list[str]:
    """Errors of the circuit and of the smaller eigenvalues, exponents, copies beside the bound, and baselines."""
    if not rows:
        return ["No picture has energy after the level shift, so there is nothing to measure."]
    sentences = []
    of_circuit = [row for row in select(rows, method=CIRCUIT) if row.runs]
    if of_circuit:
        worst = max(row.relative_error for row in of_circuit)
        sentences.append(f"The circuit gives λ₁ within {worst:.2%} in the worst of {len(of_circuit)} runs.")
    longest = [row for row in _longest(rows) if row.runs]
    if longest:
        parts = ", ".join(
            f"λ{component} {max(row.relative_error for row in own):.2%}"
            for component, own in groups(longest, "component").items()
        )
        copies = max(row.copies for row in longest)
        sentences.append(f"The channel simulator with {copies:.1e} copies has relative errors of at most {parts}.")
    for method in distinct(rows, "method"):
        power, half = exponent(rows, method)
        if np.isfinite(power):
            spread = f" ± {half:.2f}" if np.isfinite(half) else ""
            sentences.append(f"Copies of {method} grow with ε^−{power:.2f}{spread} for λ₁.")
    for method in (SWAPS, LONG):
        share, error, runs = coverage(select(rows, method=method))
        if runs:
            sentences.append(f"The 95 % intervals of {method} hold {share:.1%} ± {error:.1%} of {runs} eigenvalues.")
    return sentences + _of_baselines(rows)


def _of_baselines(rows: Sequence[Row]) -> list[str]:
    """Copies beside the bound, and the classical eigendecomposition, which wins."""
    sentences = []
    ratios = _ratios(select(rows, method=SWAPS, component=1))
    if ratios:
        sentences.append(f"Swaps take {np.median(ratios):.0f} times the copies of the Cramér–Rao bound (median, λ₁).")
    of_all, long = select(rows, method=ALL, component=1), select(_longest(rows), component=1)
    if of_all and long:
        sentences.append(
            f"The classical baseline wins: an eigendecomposition of all patches is exact and takes "
            f"{median(of_all, 'flops'):.1e} flops and {1000 * median(of_all, 'run_seconds'):.1f} ms (medians); "
            f"the long swaps take {median(long, 'cx'):.1e} CX."
        )
    of_guess = select(rows, method=MIXED, component=1)
    if of_guess:
        sentences.append(f"The maximally mixed state misses λ₁ by {mean(of_guess, 'relative_error'):.0%} on average.")
    return sentences


def _ratios(rows: Sequence[Row]) -> list[float]:
    """Copies over those of the Cramér–Rao bound with the same error, where the bound is not 0."""
    return [(row.relative_error / row.bound) ** 2 for row in rows if row.runs and row.bound > 1e-9]


def _longest(rows: Sequence[Row]) -> list[Row]:
    long = select(rows, method=LONG)
    return [row for row in long if row.copies == max(one.copies for one in long)]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "methods": method_table(rows),
        "smaller": smaller_table(rows),
        "exponents": exponent_table(rows),
        "coverage": coverage_table(rows),
    }


def method_table(rows: Sequence[Row]) -> Table:
    """λ₁ by every method and number of copies."""
    order = distinct(rows, "method").index
    return table_of(
        sorted(
            [row for row in select(rows, component=1) if row.method != LONG],
            key=lambda row: (row.patch, order(row.method), row.copies),
        ),
        {
            "patch": "patch",
            "method": "method",
            "copies": "copies",
            "relative error, %": "relative_error",
            "bound, %": "bound",
            "times the bound's copies": lambda own: _geometric(_ratios(own)),
            "CX": "cx",
            "flops": "flops",
            "seconds": "run_seconds",
        },
        by=("patch", "method", "copies"),
        caption=f"λ₁, means over {count_pictures(rows)}; the ratio of copies is a geometric mean; *CX* of the swaps "
        "without preparations; *flops* of classical moments and eigenvalues",
        formats={
            "copies": "_d",
            "relative error, %": ".3%",
            "bound, %": ".3%",
            "times the bound's copies": ".1f",
            "CX": ".1e",
            "flops": ".1e",
            "seconds": ".4f",
        },
    )


def smaller_table(rows: Sequence[Row]) -> Table:
    """The four largest eigenvalues by swaps with long times, beside the bound."""
    return table_of(
        sorted(select(rows, method=LONG), key=lambda row: (row.patch, row.component, row.copies)),
        {
            "patch": "patch",
            "component": "component",
            "copies": "copies",
            "mean eigenvalue": "eigenvalue",
            "relative error, %": "relative_error",
            "largest, %": lambda own: max((row.relative_error for row in own if row.runs), default=float("nan")),
            "runs": lambda own: sum(row.runs for row in own),
            "refused": lambda own: sum(row.refused for row in own),
            "copies of the bound": lambda own: _geometric(
                [row.copies / ratio for row in own for ratio in _ratios([row]) if ratio > 0]
            ),
        },
        by=("patch", "component", "copies"),
        caption=f"Channel simulator, means over {count_pictures(rows)}; *largest* of the pictures; *copies of the "
        "bound*: those with which a measurement in the eigenbasis has the same error",
        formats={
            "copies": ".1e",
            "mean eigenvalue": ".4f",
            "relative error, %": ".3%",
            "largest, %": ".3%",
            "copies of the bound": ".1e",
        },
    )


def exponent_table(rows: Sequence[Row]) -> Table:
    """Fitted exponents with intervals over pictures and sizes of patches."""
    body = []
    for method in distinct(rows, "method"):
        power, half = exponent(rows, method)
        if np.isfinite(power):
            body.append([method, power, half])
    return Table(
        columns=["method", "exponent", "95 % ±"],
        rows=body,
        caption="Exponent a of copies N ∝ ε^−a for λ₁; intervals over pictures and sizes of patches",
        formats={"exponent": ".2f", "95 % ±": ".2f"},
    )


def coverage_table(rows: Sequence[Row]) -> Table:
    """Coverage of the intervals of swaps, over pictures and numbers of shots, with its standard error."""
    body = []
    for (method, patch, component), own in groups(rows, "method", "patch", "component").items():
        share, error, runs = coverage(own)
        if method in (SWAPS, LONG) and runs:
            body.append([method, patch, component, runs, share, error, sum(row.refused for row in own)])
    return Table(
        columns=["method", "patch", "component", "runs", "covered, %", "standard error, %", "refused"],
        rows=body,
        caption=f"Share of the 95 % intervals that hold the eigenvalue, over {count_pictures(rows)} and all shots",
        formats={"covered, %": ".1%", "standard error, %": ".1%"},
    )


def _geometric(numbers: Sequence[float]) -> float:
    positive = [number for number in numbers if number > 0]
    return float(np.exp(np.mean(np.log(positive)))) if positive else float("nan")


def plot(rows: Sequence[Row]) -> Figure:
    """Error of λ₁ against copies for each method, and of the four largest eigenvalues by swaps."""
    figure, axes = subplots(1, 2, figsize=(10, 4.6))
    shown = [row for row in rows if row.copies and row.relative_error > 0]
    of_first = [row for row in select(shown, component=1) if row.method != LONG]
    for ax, own, name, label in (
        (axes[0], of_first, "method", "{}"),
        (axes[1], select(shown, method=LONG), "component", "swaps, λ{}"),
    ):
        for number, (value, part) in enumerate(groups(own, name).items()):
            for style, (patch, of_size) in zip(("o-", "s--", "^:"), groups(part, "patch").items(), strict=False):
                by_copies = sorted(groups(of_size, "copies").items())
                x = [copies for copies, _ in by_copies]
                y = [100 * mean(some, "relative_error") for _, some in by_copies]
                text = f"{label.format(value)}, {patch}×{patch}"
                ax.plot(x, y, style, color=f"C{number}", label=text, markersize=4)
        if own:
            ax.set(xscale="log", yscale="log")
            ax.legend(fontsize=6)
        ax.set_xlabel("copies of ρ, or patches")
    axes[0].set_ylabel("relative error of λ₁, %")
    axes[1].set_ylabel("relative error, %")
    axes[1].axhline(2, color="0.5", linewidth=1, linestyle=":")
    return figure
