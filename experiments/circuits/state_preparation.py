"""How many CX does a photograph need, patch by patch, for a fidelity or for its PSNR?

Circuits of RY and CX are grown for each 8×8 luma patch. Either all patches reach the same fidelity, or the next CX goes
to the patch whose squared error falls most (equal slope). The Schmidt form by rank and Qiskit's exact preparation are
counted beside them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

import circuits
from circuits.preparation.ansatz import fewest_for_any_state
from circuits.preparation.baselines import qiskit_circuit, schmidt_circuit
from experiments._run import (
    Array,
    Count,
    Figure,
    LibraryDependent,
    Panel,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    count_pictures,
    each,
    figure_of,
    fulfils,
    groups,
    mean,
    mean_or_infinite,
    not_empty,
    positive,
    select,
    table_of,
    values,
    whole,
)
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
    mean_cx: LibraryDependent
    most_cx: int
    share_without_cx: LibraryDependent
    mean_infidelity: LibraryDependent
    psnr_db: LibraryDependent
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
    errors = [energy * curve for energy, curve in zip(energies, curves, strict=True)]
    for mean_cx in params.mean_cx:
        cx = circuits.equal_slope(errors, mean_cx=mean_cx)
        rows.append(row(SLOPE, mean_cx, cx, np.array([curve[k] for curve, k in zip(curves, cx, strict=True)])))
    for fidelity in params.fidelities:
        first = [np.flatnonzero(curve <= 1 - fidelity) for curve in curves]  # sizes that reach it
        cx = np.array([sizes[0] if len(sizes) else fewest_for_any_state(6) for sizes in first])
        reached = [curve[sizes[0]] if len(sizes) else 0.0 for curve, sizes in zip(curves, first, strict=True)]
        rows.append(row(FIDELITY, fidelity, cx, np.array(reached)))
    weights = np.linalg.svd(states.reshape(-1, 8, 8), compute_uv=False) ** 2
    exact: list[tuple[str, float, Callable[[Array], Any], Array]] = [
        (SCHMIDT, rank, partial(schmidt_circuit, rank=rank), weights[:, rank:].sum(axis=1)) for rank in (1, 2, 4, 8)
    ]
    for method, setting, circuit_of, infidelity in (*exact, (QISKIT, 1.0, qiskit_circuit, np.zeros(len(states)))):
        count = np.mean([circuits.count_gates(circuit_of(state)).cx for state in states[: params.counted]])
        rows.append(row(method, setting, np.full(len(states), count), infidelity))
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """PSNR for a budget of CX, CX for a fidelity, and CX of exact preparation."""
    sloped = groups(select(rows, method=SLOPE), "setting")
    budgets = sorted(setting for setting in sloped if setting > 0)
    middle = budgets[len(budgets) // 2] if budgets else 0.0
    sentences = [
        f"{setting:g} CX for each patch, put where they help most, give {_psnr(sloped[setting])}."
        for setting in dict.fromkeys((5.0, 12.0, middle))
        if setting in budgets
    ]
    sentences += [
        f"A fidelity of {fidelity:g} on every patch takes {mean(own, 'mean_cx'):.2f} CX on average; "
        f"{mean(own, 'share_without_cx'):.0%} of the patches need none."
        for fidelity, own in sorted(groups(select(rows, method=FIDELITY), "setting").items())
    ]
    sentences.append(
        f"Exact preparation takes {fewest_for_any_state(6)} fitted CX, "
        f"{mean(rows, 'mean_cx', method=SCHMIDT, setting=8):.0f} by the Schmidt form and "
        f"{mean(rows, 'mean_cx', method=QISKIT, setting=1):.0f} by Qiskit."
    )
    return sentences


def _psnr(rows: Sequence[Row]) -> str:
    psnr = mean(rows, "psnr_db")
    return f"{psnr:.2f} dB" if np.isfinite(psnr) else "the pictures exactly"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"methods": method_table(rows)}


def method_table(rows: Sequence[Row]) -> Table:
    """CX, infidelity and PSNR of each method at each setting."""
    methods = (SLOPE, FIDELITY, SCHMIDT, QISKIT)
    return table_of(
        sorted(rows, key=lambda row: (methods.index(row.method), row.setting)),
        {
            "method": "method",
            "setting": "setting",
            "mean CX": "mean_cx",
            "most CX": lambda own: max(values(own, "most_cx")),
            "patches without CX, %": "share_without_cx",
            "mean infidelity": lambda own: mean(own, "mean_infidelity") or "0",
            "PSNR, dB": partial(mean_or_infinite, measure="psnr_db"),
        },
        by=("method", "setting"),
        caption=f"8×8 luma patches, means over {count_pictures(rows)}; *setting*: mean CX allowed, fidelity, Schmidt "
        "rank, or 1 for exact preparation",
        formats={
            "setting": "g",
            "mean CX": ".2f",
            "patches without CX, %": ".0%",
            "mean infidelity": ".1e",
            "PSNR, dB": ".2f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR and infidelity against CX."""
    label = "CX for each patch, mean"
    figure = figure_of(
        Panel(curves=_by_cx(rows, "psnr_db"), x=label, y="PSNR of the pictures, dB"),
        Panel(curves=_by_cx(rows, "mean_infidelity"), x=label, y="mean infidelity"),
        size=(10, 3.8),
    )
    if any(row.mean_infidelity > 1e-9 for row in rows):
        figure.axes[1].set_yscale("log")
    return figure


def _by_cx(rows: Sequence[Row], measure: str) -> dict[str, tuple[Any, ...]]:
    """Method → mean CX and mean of the measure at each setting."""
    lines = {}
    for method in (SLOPE, FIDELITY, SCHMIDT):
        settings = groups(select(rows, method=method), "setting").values()
        means = [(mean(own, "mean_cx"), mean(own, measure)) for own in settings]
        points = sorted((cx, value) for cx, value in means if np.isfinite(value) and value > 1e-9)
        if points:
            lines[method] = tuple(zip(*points, strict=True))
    return lines
