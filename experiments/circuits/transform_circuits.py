"""Do transform circuits give the matrix product, and what do they cost in gates?

A batch of level-shifted luma patches enters Aer as one state Σ w_i |i⟩|ψ_i⟩, the state |where⟩|what⟩ of the picture.
One circuit acts on "what", and the result is compared with the matrix product, exactly and by shots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

import circuits
from experiments._run import (
    Array,
    Count,
    Figure,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    check,
    groups,
    median,
    not_empty,
    subplots,
    sum_of,
    table_of,
    timed,
    values,
)
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.transforms import apply


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    transforms: Annotated[tuple[str, ...], not_empty] = ("qft", "dct_2d", "haar_2d", "klt_2d", "walsh_2d")
    """Names of `circuits.transform_circuit`; the KLT is that of all pictures' luma."""
    patches: Count = 1024
    """Patches in a batch, drawn at random from each picture."""
    shots: Count = 200_000
    """Shots of the whole batch."""
    seed: Seed = 0
    """Seed of the draw and of the shots."""


TINY = Params(box_mean=8, patches=8, shots=2000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One transform of one picture's patches."""

    image: str
    transform: str
    patches: int
    agreement: float
    """Largest difference to the matrix product, as a share of the largest coefficient."""
    shots: int
    chi2_per_degree: float
    """Pearson's χ² of the counts against |matrix product|², per degree of freedom: 1 where they agree."""
    degrees_of_freedom: int
    cx: int
    one_qubit: int
    depth: int
    optimization_level: int
    cx_level_2: int
    depth_level_2: int
    compile_seconds: Seconds
    aer_seconds: Seconds
    """State vector of the whole batch, without compiling."""
    matrix_seconds: Seconds
    """The matrix product in NumPy."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture and transform."""
    check(params)
    rng = np.random.default_rng(params.seed)
    batches, operators = {}, []
    for picture in params.gather().pictures:
        patches = extract_patches(picture.planes()[..., 0]) - LEVEL_SHIFT
        if patches.any():
            batch = patches[rng.permutation(len(patches))[: params.patches]]
            batches[picture.name] = batch if batch.any() else patches[patches.any(axis=1)][: params.patches]
            operators.append(CorrelationOperator.from_patches(patches))
    if not batches:
        return []
    pooled = sum_of(operators)
    rows = []
    for name in track(params.transforms):
        rho = pooled.density_matrix() if name.startswith("klt") else None
        circuit = circuits.transform_circuit(name, 6, rho=rho)
        matrix = circuits.transform_unitary(name, 6, rho=rho)
        circuits.compile_circuit(circuit)  # the first call of a process loads the transpiler's plug-ins
        compiled, compile_seconds = timed(circuits.compile_circuit, circuit)
        cost, cost_2 = (circuits.count_gates(circuit, optimization_level=level) for level in (1, 2))
        for image, batch in batches.items():
            exact, aer_seconds = timed(circuits.transform_batch, compiled, batch)
            product, matrix_seconds = timed(apply, matrix, batch)
            counts = circuits.sample_batch(compiled, batch, shots=params.shots, seed=params.seed)
            chi2, degrees = _chi_squared(counts, np.abs(product) ** 2)
            rows.append(
                Row(
                    image=image,
                    transform=name,
                    patches=len(batch),
                    agreement=float(np.abs(exact - product).max() / np.abs(product).max()),
                    shots=params.shots,
                    chi2_per_degree=chi2 / degrees if degrees else float("nan"),
                    degrees_of_freedom=degrees,
                    cx=cost.cx,
                    one_qubit=cost.one_qubit,
                    depth=cost.depth,
                    optimization_level=cost.optimization_level,
                    cx_level_2=cost_2.cx,
                    depth_level_2=cost_2.depth,
                    compile_seconds=compile_seconds,
                    aer_seconds=aer_seconds,
                    matrix_seconds=matrix_seconds,
                )
            )
    return rows


def _chi_squared(counts: Array, weights: Array, *, least: float = 10.0) -> tuple[float, int]:
    """Pearson's χ² and its degrees of freedom; outcomes expected fewer than `least` times are pooled into one."""
    expected = np.ravel(weights) / weights.sum() * counts.sum()
    seen = np.ravel(counts).astype(float)
    order = np.argsort(expected)
    rare = order[: np.searchsorted(expected[order], least)]
    common = order[len(rare) :]
    pairs = [(seen[common], expected[common])]
    if len(rare) and expected[rare].sum() >= least:
        pairs.append((seen[rare].sum(keepdims=True), expected[rare].sum(keepdims=True)))
    value = sum(float(((got - due) ** 2 / due).sum()) for got, due in pairs)
    return value, max(sum(len(due) for _, due in pairs) - 1, 0)


def findings(rows: Sequence[Row]) -> list[str]:
    """Agreement by state and by shots, gates, and times beside NumPy."""
    if not rows:
        return ["No picture has energy after the level shift, so there is nothing to transform."]
    chi2 = _chi2(rows)
    cheap = ", ".join(f"{name} {own[0].cx}" for name, own in groups(rows, "transform").items())
    seconds, product = median(rows, "aer_seconds"), median(rows, "matrix_seconds")
    by_shots = (
        f"By {rows[0].shots:,} shots χ² per degree of freedom is {min(chi2):.2f} to {max(chi2):.2f}; counts that "
        "follow the matrix product have 1 on average."
        if chi2
        else ""
    )
    return [
        "On Aer's state vector the circuits agree with the matrix products to "
        f"{max(values(rows, 'agreement')):.1e} of the largest coefficient.",
        *([by_shots] if by_shots else []),
        f"CX gates on 6 qubits at optimisation level 1: {cheap}. Level 2 may leave qubits permuted, so matrices are "
        "compared at level 1.",
        f"A batch of up to {max(values(rows, 'patches')):,} patches takes {1e3 * seconds:.0f} ms on Aer; the same "
        f"product takes NumPy {1e3 * product:.2f} ms.",
    ]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"gates": gate_table(rows), "seconds": time_table(rows)}


def gate_table(rows: Sequence[Row]) -> Table:
    """Gates and agreement of each transform, worst over the pictures."""
    return table_of(
        rows,
        {
            "transform": "transform",
            "CX, level 1": _of_circuit("cx"),
            "one-qubit gates": _of_circuit("one_qubit"),
            "depth": _of_circuit("depth"),
            "CX, level 2": _of_circuit("cx_level_2"),
            "depth, level 2": _of_circuit("depth_level_2"),
            "largest difference": lambda own: max(values(own, "agreement")),
            "least χ²/degree": lambda own: min(_chi2(own), default=float("nan")),
            "largest χ²/degree": lambda own: max(_chi2(own), default=float("nan")),
        },
        by=("transform",),
        caption="Circuits on 6 qubits, all connected, at two optimisation levels; the largest difference to the matrix "
        "product is a share of the largest coefficient",
        formats={"largest difference": ".0e", "least χ²/degree": ".2f", "largest χ²/degree": ".2f"},
    )


def time_table(rows: Sequence[Row]) -> Table:
    """Median times of compiling, of a batch on Aer and of the matrix product."""
    columns = {"compile, ms": "compile_seconds", "Aer, ms": "aer_seconds", "NumPy, ms": "matrix_seconds"}
    return Table(
        columns=["transform", *columns],
        rows=[
            [name, *(1e3 * median(own, measure) for measure in columns.values())]
            for name, own in groups(rows, "transform").items()
        ],
        caption="Medians over the pictures, for a batch of patches",
        formats={"compile, ms": ".1f", "Aer, ms": ".1f", "NumPy, ms": ".2f"},
    )


def _of_circuit(count: str) -> Callable[[list[Row]], int]:
    """A count of gates, the same for all pictures."""
    return lambda own: int(getattr(own[-1], count))


def _chi2(rows: Sequence[Row]) -> list[float]:
    return [row.chi2_per_degree for row in rows if np.isfinite(row.chi2_per_degree)]


def plot(rows: Sequence[Row]) -> Figure:
    """Gate counts and agreement of each transform."""
    figure, axes = subplots(1, 2, figsize=(10, 3.4))
    shown = groups(rows, "transform")
    position = np.arange(len(shown))
    last = [own[-1] for own in shown.values()]
    axes[0].barh(position - 0.2, values(last, "cx"), 0.38, label="CX")
    axes[0].barh(position + 0.2, values(last, "depth"), 0.38, label="depth")
    axes[0].set_xlabel("CX and depth at optimisation level 1")
    for place, own in enumerate(shown.values()):
        shares = np.maximum(values(own, "agreement"), 1e-17)
        axes[1].plot(shares, np.full(len(own), place), "o", color="C0", label="" if place else "one picture")
    axes[1].axvline(1e-12, color="0.5", linestyle="--", linewidth=1, label="10⁻¹²")
    axes[1].set(xscale="log", xlabel="largest difference / largest coefficient")
    for ax in axes:
        ax.set_yticks(position, list(shown))
        ax.invert_yaxis()
        ax.legend()
    return figure
