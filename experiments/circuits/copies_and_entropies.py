"""Do circuits on copies of a photograph's density matrix give its purity and its Rényi entropies?

The copies are purifications of the density matrix of level-shifted luma patches, weighted by energy. Cyclic shifts of
the copies are measured without an ancilla or with one, and the intervals of repeated runs are compared with the values
of the matrix. At equal copies stand beside: classical shadows, of which k independent parts are multiplied, the
eigenvalues of as many patches, and the maximally mixed state, which takes none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

import circuits
from circuits.algorithms.copies import METHODS, permutation_test
from circuits.seeds import stream
from experiments._run import (
    Array,
    Counts,
    Figure,
    LibraryDependent,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    count_pictures,
    groups,
    mean,
    per_picture,
    subplots,
    table_of,
    whole,
    zero_line,
)
from experiments.circuits.attempts import attempts
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.states import qubits_for

SHADOW, PATCHES, MIXED = "shadow", "eigh of patches", "maximally mixed"
ORDER_OF_METHODS = (*METHODS, SHADOW, PATCHES, MIXED)

CASES = ((2, 2), (2, 3), (2, 4), (4, 2))
"""Side of the patches and number of copies: circuits of 8 to 16 qubits without the ancilla."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    shots: Counts = (1000, 10_000, 100_000)
    """Shots, of k copies each."""
    cases: Annotated[int, whole(1, len(CASES))] = 3
    """Number of cases: 2×2 patches with 2, 3 and 4 copies, 4×4 patches with 2."""
    repeats: Annotated[int, whole(1)] = 20
    """Independent runs."""
    seed: Seed = 0
    """Seed of the shots."""


TINY = Params(box_mean=8, shots=(1000,), cases=2, repeats=3)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One order and method at one number of shots."""

    image: str
    patch: int
    """Side of the patches in pixels."""
    order: int
    """k of tr ρᵏ."""
    method: str
    shots: int
    copies: int
    """k · shots, also of the other methods, or as many patches; 0 for the maximally mixed state."""
    runs: int
    """Runs with a result."""
    exact_entropy: float
    """Rényi entropy of order k in bits."""
    entropy_error: LibraryDependent
    """Root mean square over the runs, in bits; not a number without runs."""
    interval_width: LibraryDependent
    """Mean width of the intervals of the entropy, in bits; not a number without intervals."""
    covered: LibraryDependent
    """Share of the runs whose 95 % interval holds the value; not a number without intervals."""
    refused: int
    """Runs refused because the interval of tr ρᵏ holds its least value."""
    qubits: int
    cx: int
    """CX of the shift and the measurement, without the preparation of the copies."""
    run_seconds: Seconds
    """Of one run."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per case, method and number of shots; without energy there is no state."""
    rows = []
    for size, order in CASES[: params.cases]:
        patches = extract_patches(picture.luma(), size) - LEVEL_SHIFT
        if patches.any():
            measured = _of_case(patches, order, params)
            rows += [Row(image=picture.name, patch=size, order=order, **one) for one in measured]
    return rows


run = per_picture(rows_of)


def _of_case(patches: Array, order: int, params: Params) -> Iterator[dict[str, Any]]:
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    exact = _entropy(np.linalg.eigvalsh(rho), order)
    seeds = range(params.seed, params.seed + params.repeats)
    for method in METHODS:
        qubits, cx = _cost(rho, order, method)
        for shots in params.shots:
            estimate = partial(_by_shifts, rho, order, method, shots)
            columns = {"method": method, "shots": shots, "copies": order * shots, "qubits": qubits, "cx": cx}
            yield columns | _measured(estimate, exact, seeds)
    for shots in params.shots:
        copies = order * shots
        shadow = partial(_by_shadow, rho, order, shots)
        columns = {"shots": copies, "copies": copies, "cx": 0}
        yield columns | {"method": SHADOW, "qubits": qubits_for(len(rho))} | _measured(shadow, exact, seeds)
        eigh = partial(_by_patches, patches, order, copies)
        yield columns | {"method": PATCHES, "shots": 0, "qubits": 0} | _measured(eigh, exact, seeds)
    guess = _without_interval(float(np.log2(len(rho))))
    columns = {"method": MIXED, "shots": 0, "copies": 0, "qubits": 0, "cx": 0}
    yield columns | _measured(lambda seed: guess, exact, seeds[:1])


def _measured(estimate: Callable[[int], circuits.Expectation], exact: float, seeds: range) -> dict[str, Any]:
    """Columns of the repeated runs of one estimator."""
    runs = attempts(estimate, seeds)
    values, low, high = np.array([(one.value, one.low, one.high) for one in runs.results]).reshape(-1, 3).T
    with_intervals = bool(runs.results) and bool(np.isfinite(low).all())
    return {
        "runs": len(values),
        "exact_entropy": exact,
        "entropy_error": float(np.sqrt(np.mean((values - exact) ** 2))) if runs.results else float("nan"),
        "interval_width": float(np.mean(high - low)) if with_intervals else float("nan"),
        # Entropies of pure states are 0 up to rounding, and their intervals end there.
        "covered": float(np.mean((low <= exact + 1e-9) & (exact <= high + 1e-9))) if with_intervals else float("nan"),
        "refused": runs.refused,
        "run_seconds": runs.seconds,
    }


def _entropy(spectrum: Array, order: int) -> float:
    return abs(float(np.log2((np.clip(spectrum, 0, None) ** order).sum()) / (1 - order)))


def _without_interval(value: float) -> circuits.Expectation:
    return circuits.Expectation(value=value, low=float("nan"), high=float("nan"))


def _by_shifts(rho: Array, order: int, method: str, shots: int, seed: int) -> circuits.Expectation:
    return circuits.renyi_entropy(rho, order=order, shots=shots, method=method, seed=seed)


def _by_shadow(rho: Array, order: int, shots: int, seed: int) -> circuits.Expectation:
    """tr(ρ̂₁ρ̂₂…ρ̂_k) of k independent shadows, which is unbiased, cut to its possible values."""
    rng = np.random.default_rng(stream(seed, "shadow", rho, order, shots))
    bases = circuits.all_bases(qubits_for(len(rho)))
    product = np.eye(len(rho))
    for _ in range(order):
        drawn = rng.multinomial(shots, np.full(len(bases), 1 / len(bases)))
        data = circuits.draw_bases(rho, bases[drawn > 0], shots=drawn[drawn > 0].tolist(), rng=rng)
        product = product @ circuits.unbiased_state(data)
    least = float(len(rho)) ** (1 - order)
    return _without_interval(float(np.log2(np.clip(np.trace(product).real, least, 1)) / (1 - order)))


def _by_patches(patches: Array, order: int, count: int, seed: int) -> circuits.Expectation:
    rng = np.random.default_rng(stream(seed, "patches", len(patches), order, count))
    drawn = patches[rng.integers(len(patches), size=count)]
    # A draw without energy leaves the maximally mixed state.
    moments = drawn.T @ drawn if drawn.any() else np.eye(patches.shape[1])
    return _without_interval(_entropy(np.linalg.eigvalsh(moments / np.trace(moments)), order))


def _cost(rho: Array, order: int, method: str) -> tuple[int, int]:
    empty = circuits.purification_circuit(rho).copy_empty_like()
    test = permutation_test([empty] * order, qubits_for(len(rho)), method=method)
    return test.num_qubits, circuits.count_gates(test).cx


def findings(rows: Sequence[Row]) -> list[str]:
    """Coverage, errors beside those of the baselines, and refusals."""
    if not rows:
        return ["No picture has energy after the level shift, so there is nothing to measure."]
    sentences = []
    with_intervals = [row for row in rows if row.method in METHODS and row.runs]
    if with_intervals:
        runs = sum(row.runs for row in with_intervals)
        covered = sum(row.covered * row.runs for row in with_intervals) / runs
        error = np.sqrt(covered * (1 - covered) / runs)
        sentences.append(f"The 95 % intervals hold {covered:.1%} ± {error:.1%} of the entropies in {runs} runs.")
    most = max(row.copies // row.order for row in rows)
    for order, own in groups([row for row in rows if row.runs], "order").items():
        longest = [row for row in own if row.copies in (0, order * most)]
        errors = {method: mean(some, "entropy_error") for method, some in groups(longest, "method").items()}
        parts = ", ".join(f"{method} {error:.4f}" for method, error in errors.items())
        sentences.append(
            f"Errors of the entropy of order {order} with {order * most:,} copies, in bits: {parts}; "
            f"least for {min(errors, key=lambda method: errors[method])}."
        )
    refused = sum(row.refused for row in rows)
    if refused:
        sentences.append(f"{refused} runs are refused, because their shots do not bound the entropy below n bits.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"entropies": entropy_table(rows)}


def entropy_table(rows: Sequence[Row]) -> Table:
    """Error, interval and cost of each order and method at each number of shots."""
    return table_of(
        sorted(rows, key=lambda row: (row.patch, row.order, ORDER_OF_METHODS.index(row.method), row.copies)),
        {
            "patch": "patch",
            "order": "order",
            "method": "method",
            "copies": "copies",
            "entropy, bits": "exact_entropy",
            "error, bits": "entropy_error",
            "interval, bits": "interval_width",
            "covered, %": "covered",
            "refused": lambda own: sum(row.refused for row in own),
            "qubits": lambda own: max(row.qubits for row in own),
            "CX": lambda own: max(row.cx for row in own),
            "seconds": "run_seconds",
        },
        by=("patch", "order", "method", "copies"),
        caption=f"Rényi entropies, means over {count_pictures(rows)}; CX of the shift without the preparation",
        formats={
            "copies": "_d",
            "entropy, bits": ".3f",
            "error, bits": ".4f",
            "interval, bits": ".4f",
            "covered, %": ".1%",
            "seconds": ".4f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Error of the entropy against copies, for each case; the maximally mixed state is a dashed line."""
    cases = groups([row for row in rows if row.runs], "patch", "order")
    figure, axes = subplots(1, max(len(cases), 1), figsize=(11, 3.4), sharey=True, squeeze=False)
    for ax, ((patch, order), own) in zip(axes[0], cases.items(), strict=False):
        for method, some in groups(own, "method").items():
            errors = {copies: mean(part, "entropy_error") for copies, part in sorted(groups(some, "copies").items())}
            positive = {copies: error for copies, error in errors.items() if error > 0}
            if method == MIXED:
                zero_line(ax, errors[0])
            elif positive:
                ax.plot(list(positive), list(positive.values()), "o-", label=method, markersize=4)
                ax.set(xscale="log", yscale="log")
        ax.set(xlabel="copies of ρ, or patches", title=f"{patch}×{patch}, order {order}")
    axes[0, 0].set_ylabel("error of the Rényi entropy, bits")
    axes[0, -1].legend(fontsize=7, loc="upper right", bbox_to_anchor=(1, 0.9))  # below the dashed line
    return figure
