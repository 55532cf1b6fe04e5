"""Do transform circuits give the matrix product, and what do they cost in gates?

A batch of level-shifted luma patches enters Aer as one state Σ w_i |i⟩|ψ_i⟩ (the picture's own |where⟩|what⟩), one
circuit acts on "what", and the result is compared with the matrix product exactly and by shots.
"""

from collections.abc import Sequence
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
    mean,
    median,
    not_empty,
    subplots,
    sum_of,
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
    chi2 = [row.chi2_per_degree for row in rows if np.isfinite(row.chi2_per_degree)]
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
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Cost and agreement of each transform, worst over the pictures."""
    counts = {"CX (level 1)": "cx", "1-qubit": "one_qubit", "depth": "depth"}
    counts |= {"CX (level 2)": "cx_level_2", "depth (2)": "depth_level_2"}
    return Table(
        columns=["transform", *counts, "agreement", "χ²/degree", "compile, ms", "Aer batch, ms"],
        rows=[
            [
                name,
                *(getattr(own[-1], count) for count in counts.values()),
                max(values(own, "agreement")),
                mean(own, "chi2_per_degree"),
                1e3 * median(own, "compile_seconds"),
                1e3 * median(own, "aer_seconds"),
            ]
            for name, own in groups(rows, "transform").items()
        ],
        caption="Circuits on 6 qubits, all connected; agreement is the worst over the pictures",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Gate counts and agreement of each transform."""
    figure, axes = subplots(1, 2, figsize=(10, 3.4))
    shown = groups(rows, "transform")
    position = np.arange(len(shown))
    last = [own[-1] for own in shown.values()]
    axes[0].barh(position - 0.2, values(last, "cx"), 0.38, label="CX, level 1")
    axes[0].barh(position + 0.2, values(last, "depth"), 0.38, label="depth, level 1")
    axes[0].set_xlabel("gates, layers")
    for place, own in enumerate(shown.values()):
        axes[1].plot(np.maximum(values(own, "agreement"), 1e-17), np.full(len(own), place), "o", color="C0")
    axes[1].axvline(1e-12, color="0.5", linestyle="--", linewidth=1)
    axes[1].set(xscale="log", xlabel="largest difference / largest coefficient (one dot per picture)")
    for ax in axes:
        ax.set_yticks(position, list(shown))
        ax.invert_yaxis()
    axes[0].legend()
    return figure
