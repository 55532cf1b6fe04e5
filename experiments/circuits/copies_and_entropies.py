"""Do circuits on copies of a photograph's density matrix give its purity and its Rényi entropies?

The copies are purifications of the density matrix of level-shifted luma patches, weighted by energy. Cyclic shifts of
the copies are measured without an ancilla or with one, and the intervals of repeated runs are compared with the values
of the matrix. The purity from the eigenvalues of as many patches stands beside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

import circuits
from circuits.algorithms.copies import METHODS, permutation_test
from experiments._run import (
    Array,
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
    groups,
    mean,
    subplots,
    table_of,
    timed,
    whole,
)
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches

PATCHES = "eigh of patches"
CASES = ((2, 2), (2, 3), (2, 4), (4, 2))
"""Side of the patches and number of copies: circuits of 8 to 16 qubits without the ancilla."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    shots: Counts = (1000, 10_000, 100_000)
    """Shots, of k copies each."""
    cases: Annotated[int, whole(1, len(CASES))] = len(CASES)
    """Number of cases: 2×2 patches with 2, 3 and 4 copies, 4×4 patches with 2."""
    repeats: Annotated[int, whole(1)] = 10
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
    """k · shots, or patches."""
    runs: int
    exact_entropy: float
    """Rényi entropy of order k in bits."""
    entropy_error: LibraryDependent
    """Root mean square over the runs, in bits."""
    interval_width: LibraryDependent
    """Mean width of the intervals of the entropy, in bits."""
    covered: LibraryDependent
    """Share of the runs whose 95 % interval holds the value."""
    refused: int
    """Runs refused because the interval of tr ρᵏ holds its least value."""
    qubits: int
    cx: int
    """CX of the shift and the measurement, without the preparation of the copies."""
    seconds: Seconds
    """Of one run."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, case, method and number of shots."""
    check(params)
    rows = []
    for picture in track(params.gather().pictures):
        for size, order in CASES[: params.cases]:
            patches = extract_patches(picture.luma(), size) - LEVEL_SHIFT
            if patches.any():
                measured = _of_case(patches, order, params)
                rows += [Row(image=picture.name, patch=size, order=order, **one) for one in measured]
    return rows


def _of_case(patches: Array, order: int, params: Params) -> Iterator[dict[str, Any]]:
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    spectrum = np.clip(np.linalg.eigvalsh(rho), 0, None)
    exact = _entropy(spectrum, order)
    rng = np.random.default_rng(params.seed)
    for method in (*METHODS, PATCHES):
        qubits, cx = _cost(rho, order, method) if method in METHODS else (0, 0)
        for shots in params.shots:
            results, refused, seconds = [], 0, 0.0
            for seed in range(params.seed, params.seed + params.repeats):
                try:
                    if method == PATCHES:
                        estimate = partial(_by_patches, patches, order, order * shots, rng)
                    else:
                        estimate = partial(
                            circuits.renyi_entropy, rho, order=order, shots=shots, method=method, seed=seed
                        )
                    result, took = timed(estimate)
                except ValueError as error:
                    if "shots must be at least" not in str(error):
                        raise
                    refused += 1
                else:
                    results.append(result)
                    seconds += took
            if not results:
                continue
            yield {
                "method": method,
                "shots": shots,
                "copies": order * shots,
                "runs": len(results),
                "exact_entropy": exact,
                "entropy_error": float(np.sqrt(np.mean([(one.value - exact) ** 2 for one in results]))),
                "interval_width": float(np.mean([one.high - one.low for one in results])),
                "covered": float("nan")
                if method == PATCHES
                else float(np.mean([one.low <= exact <= one.high for one in results])),
                "refused": refused,
                "qubits": qubits,
                "cx": cx,
                "seconds": seconds / len(results),
            }


def _entropy(spectrum: Array, order: int) -> float:
    return float(np.log2((spectrum**order).sum()) / (1 - order))


def _by_patches(patches: Array, order: int, count: int, rng: np.random.Generator) -> circuits.Expectation:
    drawn = CorrelationOperator.from_patches(patches[rng.integers(len(patches), size=count)])
    value = _entropy(np.clip(drawn.spectrum(), 0, None), order)
    return circuits.Expectation(value=value, low=float("nan"), high=float("nan"))


def _cost(rho: Array, order: int, method: str) -> tuple[int, int]:
    copy = circuits.purification_circuit(rho)
    n = len(rho).bit_length() - 1
    empty = copy.copy_empty_like()
    test = permutation_test([empty] * order, n, method=method)
    return test.num_qubits, circuits.count_gates(test).cx


def findings(rows: Sequence[Row]) -> list[str]:
    """Coverage, errors beside those of patches, and refusals."""
    of_circuits = [row for row in rows if row.method != PATCHES]
    if not of_circuits:
        return ["No picture has energy after the level shift, so there is nothing to measure."]
    covered = np.average([row.covered for row in of_circuits], weights=[row.runs for row in of_circuits])
    sentences = [f"The 95 % intervals hold {covered:.1%} of the entropies in {sum(r.runs for r in of_circuits)} runs."]
    shots = max(row.shots for row in rows)
    for order, own in groups([row for row in rows if row.shots == shots], "order").items():
        parts = ", ".join(
            f"{method} {mean(some, 'entropy_error'):.4f}" for method, some in groups(own, "method").items()
        )
        sentences.append(f"Errors of the entropy of order {order} with {order * shots:,} copies, in bits: {parts}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"entropies": entropy_table(rows)}


def entropy_table(rows: Sequence[Row]) -> Table:
    """Error, interval and cost of each order and method at each number of shots."""
    return table_of(
        sorted(rows, key=lambda row: (row.patch, row.order, (*METHODS, PATCHES).index(row.method), row.shots)),
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
            "qubits": lambda own: own[0].qubits,
            "CX": lambda own: own[0].cx,
            "seconds": "seconds",
        },
        by=("patch", "order", "method", "copies"),
        caption=f"Rényi entropies, means over {count_pictures(rows)}; CX of the shift without the preparation",
        formats={
            "copies": "_d",
            "entropy, bits": ".3f",
            "error, bits": ".4f",
            "interval, bits": ".4f",
            "covered, %": ".1%",
            "seconds": ".3f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Error of the entropy against copies, for each case."""
    cases = groups(rows, "patch", "order")
    figure, axes = subplots(1, max(len(cases), 1), figsize=(11, 3.4), sharey=True, squeeze=False)
    for ax, ((patch, order), own) in zip(axes[0], cases.items(), strict=False):
        for method, some in groups(own, "method").items():
            by_copies = sorted(groups(some, "copies").items())
            errors = [mean(part, "entropy_error") for _, part in by_copies]
            ax.plot([copies for copies, _ in by_copies], errors, "o-", label=method, markersize=4)
        ax.set(xscale="log", yscale="log", xlabel="copies of ρ, or patches", title=f"{patch}×{patch}, order {order}")
    axes[0, 0].set_ylabel("error of the Rényi entropy, bits")
    axes[0, 0].legend(fontsize=7)
    return figure
