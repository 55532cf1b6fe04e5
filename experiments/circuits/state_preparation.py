"""How many CX does a photograph need, patch by patch, for a fidelity or for its PSNR?

Circuits of RY and CX are grown for each 8×8 luma patch; either all reach the same fidelity, or CX go where the squared
error falls most for each (equal slope). The Schmidt form by rank and Qiskit's exact preparation stand beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

import circuits
from circuits.preparation.ansatz import fewest_for_any_state
from circuits.preparation.baselines import qiskit_circuit, schmidt_circuit
from experiments._run import (
    Count,
    Figure,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    each,
    finite_mean,
    fulfils,
    not_empty,
    plot_curves,
    positive,
    subplots,
    whole,
)
from qimg.core.arguments import Array
from qimg.patches import extract_patches
from qimg.states import amplitude_encode

SLOPE, FIDELITY, SCHMIDT, QISKIT = "grown, equal slope", "grown, equal fidelity", "Schmidt form", "Qiskit"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    patches: Annotated[int, whole(0)] = 256
    """Patches drawn at random from each picture; 0 takes all."""
    mean_cx: Annotated[tuple[float, ...], not_empty] = (0, 1, 2, 3, 5, 8, 10, 12, 16, 20)
    """CX for each patch on average, at equal slope."""
    fidelities: Annotated[
        tuple[float, ...], each(fulfils(lambda fidelity: 0 < fidelity < 1, "must lie between 0 and 1"))
    ] = (0.99, 0.999)
    """Fidelities that every patch reaches."""
    max_cx: Count = 24
    """Most CX that are grown; a fidelity that is not reached then takes an exact circuit."""
    squared_error: Annotated[float, positive] = 0.5
    """Mean squared error of a patch at which its growth may end."""
    counted: Count = 4
    """Patches for which the circuits of the Schmidt form and of Qiskit are built and counted."""
    effort: str = "default"
    """Effort of the growth: "default" or "search"."""
    workers: int = 1
    """Threads."""
    seed: Seed = 0
    """Seed of the draw."""


TINY = Params(box_mean=8, patches=4, mean_cx=(0, 2, 5), fidelities=(0.99,), max_cx=6, counted=1, squared_error=4.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one method at one setting."""

    image: str
    method: str
    setting: float
    """Mean CX allowed, fidelity, or Schmidt rank; 1 where the preparation is exact."""
    patches: int
    mean_cx: float
    most_cx: int
    share_without_cx: float
    mean_infidelity: float
    psnr_db: float
    """Of the patches drawn, each scaled by its best factor: error ‖x‖² (1 − F)."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, method and setting."""
    check(params)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        patches = extract_patches(picture.luma()).astype(float)
        if params.patches:
            patches = patches[rng.permutation(len(patches))[: params.patches]]
        rows += _of_picture(picture, patches, params)
    return rows


def _of_picture(picture: Picture, patches: Array, params: Params) -> list[Row]:
    states, norms = amplitude_encode(patches)
    energies = norms**2 / patches.shape[1]
    ends = np.minimum(params.squared_error / np.maximum(energies, 1e-12), 1 - max(params.fidelities))
    paths = circuits.preparation_paths(
        states, max_cx=params.max_cx, infidelity=ends, effort=params.effort, workers=params.workers
    )
    curves = [np.array([preparation.infidelity for preparation in path]) for path in paths]

    def row(method: str, setting: float, cx: Array, infidelity: Array) -> Row:
        error = float((energies * infidelity).mean())
        return Row(
            image=picture.name,
            method=method,
            setting=setting,
            patches=len(patches),
            mean_cx=float(cx.mean()),
            most_cx=int(np.ceil(cx.max())),
            share_without_cx=float((cx == 0).mean()),
            mean_infidelity=float(infidelity.mean()),
            psnr_db=10 * float(np.log10(255**2 / error)) if error > 1e-12 else float("inf"),
        )

    rows = []
    for mean_cx in params.mean_cx:
        errors = [energy * curve for energy, curve in zip(energies, curves, strict=True)]
        cx = circuits.equal_slope(errors, mean_cx=mean_cx)
        rows.append(row(SLOPE, mean_cx, cx, np.array([curve[k] for curve, k in zip(curves, cx, strict=True)])))
    for fidelity in params.fidelities:
        first = [np.flatnonzero(curve <= 1 - fidelity) for curve in curves]
        cx = np.array([found[0] if len(found) else fewest_for_any_state(6) for found in first])
        reached = [curve[found[0]] if len(found) else 0.0 for curve, found in zip(curves, first, strict=True)]
        rows.append(row(FIDELITY, fidelity, cx, np.array(reached)))
    weights = np.linalg.svd(states.reshape(-1, 8, 8), compute_uv=False) ** 2
    counted = states[: params.counted]
    for rank in (1, 2, 4, 8):
        count = np.mean([circuits.count_gates(schmidt_circuit(state, rank=rank)).cx for state in counted])
        rows.append(row(SCHMIDT, rank, np.full(len(states), count), weights[:, rank:].sum(axis=1)))
    count = np.mean([circuits.count_gates(qiskit_circuit(state)).cx for state in counted])
    rows.append(row(QISKIT, 1.0, np.full(len(states), count), np.zeros(len(states))))
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    budgets = [setting for setting in _settings(rows, SLOPE) if setting > 0]
    middle = budgets[len(budgets) // 2] if budgets else 0.0
    shown = [setting for setting in dict.fromkeys((5.0, 12.0, middle)) if setting in budgets]
    for setting in shown:
        sentences.append(
            f"{setting:g} CX for each patch, put where they help most, give {_psnr(rows, SLOPE, setting)}."
        )
    for fidelity in _settings(rows, FIDELITY):
        chosen = _of(rows, FIDELITY, fidelity)
        sentences.append(
            f"A fidelity of {fidelity:g} on every patch takes {finite_mean(row.mean_cx for row in chosen):.2f} CX on "
            f"average; {finite_mean(row.share_without_cx for row in chosen):.0%} of the patches need none."
        )
    exact = finite_mean(row.mean_cx for row in _of(rows, SCHMIDT, 8))
    sentences.append(
        f"Exact preparation takes {fewest_for_any_state(6)} fitted CX, {exact:.0f} by the Schmidt form and "
        f"{finite_mean(row.mean_cx for row in _of(rows, QISKIT, 1)):.0f} by Qiskit."
    )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    body = []
    for method in (SLOPE, FIDELITY, SCHMIDT, QISKIT):
        for setting in _settings(rows, method):
            chosen = _of(rows, method, setting)
            body.append(
                [
                    method,
                    setting,
                    finite_mean(row.mean_cx for row in chosen),
                    max(row.most_cx for row in chosen),
                    finite_mean(row.share_without_cx for row in chosen),
                    finite_mean(row.mean_infidelity for row in chosen),
                    _mean_psnr(chosen),
                ]
            )
    return Table(
        columns=["method", "setting", "mean CX", "most CX", "without CX", "mean infidelity", "PSNR, dB"],
        rows=body,
        caption=f"Means over {len({row.image for row in rows})} picture(s), 8×8 luma patches",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR and infidelity against CX."""
    figure, axes = subplots(1, 2, figsize=(10, 3.8))
    methods = [method for method in (SLOPE, FIDELITY, SCHMIDT) if _settings(rows, method)]
    for ax, measure, label in zip(
        axes, ("psnr_db", "mean_infidelity"), ("PSNR of the pictures, dB", "mean infidelity"), strict=True
    ):
        curves = {}
        for method in methods:
            settings = _settings(rows, method)
            points = [(finite_mean(row.mean_cx for row in _of(rows, method, s)), s) for s in settings]
            values = [finite_mean(getattr(row, measure) for row in _of(rows, method, s)) for _, s in points]
            pairs = sorted(
                (cx, value)
                for (cx, _), value in zip(points, values, strict=True)
                if np.isfinite(value) and value > 1e-9
            )
            if pairs:
                curves[method] = tuple(zip(*pairs, strict=True))
        if curves:
            plot_curves(curves, x_label="CX for each patch, mean", y_label=label, ax=ax)
        ax.set_xlabel("CX for each patch, mean")
    if any(row.mean_infidelity > 1e-9 for row in rows):
        axes[1].set_yscale("log")
    return figure


def _settings(rows: Sequence[Row], method: str) -> list[float]:
    return sorted({row.setting for row in rows if row.method == method})


def _of(rows: Sequence[Row], method: str, setting: float) -> list[Row]:
    return [row for row in rows if (row.method, row.setting) == (method, setting)]


def _psnr(rows: Sequence[Row], method: str, setting: float) -> str:
    value = _mean_psnr(_of(rows, method, setting))
    return f"{value:.2f} dB" if np.isfinite(value) else "the pictures exactly"


def _mean_psnr(rows: Sequence[Row]) -> float:
    """Mean over the pictures that are not exact; infinite where all are."""
    finite = finite_mean(row.psnr_db for row in rows)
    return finite if np.isfinite(finite) else float("inf")
