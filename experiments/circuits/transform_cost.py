"""What does a transform cost in gates, and what does it buy in coding gain and kept energy?

Circuits on six qubits are counted at several optimisation levels. Coding gain and kept energy of their matrices are
measured on level-shifted luma patches of each picture, DC included, and on classes of the shipped prior. KLTs are those
of the other pictures; `circuits.grow_transforms` grows others within a budget of CX.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import numpy as np

import circuits
from experiments._run import (
    Array,
    Figure,
    LeaveOneOut,
    LibraryDependent,
    Picture,
    PictureParams,
    Table,
    Track,
    among,
    check,
    count_pictures,
    each,
    groups_by,
    integer,
    legend_below,
    levels,
    mean,
    plot_curves,
    select,
    subplots,
    whole,
)
from qimg import prior
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator
from qimg.patches import extract_patches
from qimg.transforms import in_basis, klt

FIXED = ("identity", "walsh_2d", "haar_2d", "dct_2d", "dct", "qft_2d", "qft")
FITTED = ("klt_2d", "klt", "leading klt")
KEPT = 8
"""Coefficients whose energy is counted, of 64; the leading KLT keeps as many."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    transforms: Annotated[tuple[str, ...], each(among((*FIXED, *FITTED)))] = (*FIXED, *FITTED)
    """Transforms of the picture's patches."""
    levels: Annotated[tuple[int, ...], each(whole(0, 3))] = (0, 1, 2, 3)
    """Optimisation levels of the compiler."""
    budgets: Annotated[tuple[int, ...], each(whole(0))] = (0, 6, 12, 24, 36)
    """CX of the grown KLTs."""
    classes: tuple[int, ...] = (0, 3, 8)
    """Classes of the shipped prior whose residual covariance is transformed as well."""


TINY = Params(box_mean=8, transforms=("walsh_2d", "dct_2d", "klt_2d"), levels=(1,), budgets=(0, 2), classes=(3,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One transform of one picture's patches or of one class, at one optimisation level."""

    image: str
    """A picture, or "prior"."""
    operator: str
    """"luma", or the class."""
    transform: str
    budget: int
    """CX that a grown transform may have; 0 for the others."""
    optimization_level: int
    cx: int
    one_qubit: int
    depth: int
    coding_gain_db: LibraryDependent
    """10 log₁₀ of the arithmetic over the geometric mean of the variances; not a number for an isometry."""
    kept_energy: LibraryDependent
    """Share of the energy in the 8 strongest coefficients."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture or class, transform and optimisation level."""
    check(params)
    model = prior.load().mixtures["luma8"]
    for number in params.classes:
        integer("classes", number, 0, model.classes - 1)
    pictures = params.gather().pictures
    alive = [picture for picture in pictures if _operator(picture).matrix.any()]
    rows: list[Row] = []
    others = LeaveOneOut(alive, _operator) if alive else None
    for picture in track(alive):
        assert others is not None
        other = others.without(picture)
        fitted = (other if other.matrix.any() else others.own(picture)).density_matrix()
        rows += _of_operator(picture.name, "luma", others.own(picture).density_matrix(), fitted, params)
    for number in track(params.classes):
        covariance = model.residual_covariance(number)
        rho = covariance / np.trace(covariance)
        rows += _of_operator("prior", f"class {number}", rho, rho, params)
    return rows


def _of_operator(image: str, operator: str, rho: Array, fitted: Array, params: Params) -> list[Row]:
    rows = []
    cases = [(name, 0, *_transform(name, fitted)) for name in params.transforms]
    if params.budgets:
        path = circuits.grow_transforms(fitted, max_cx=max(params.budgets))
        cases += [("grown", cx, path[cx].circuit(), path[cx].unitary()) for cx in params.budgets]
    for name, budget, circuit, matrix in cases:
        after = in_basis(matrix, rho)
        strongest = np.sort(np.diagonal(after).real)[::-1]
        gain = float("nan") if name == "leading klt" else circuits.coding_gain_db(after)
        for level in params.levels:
            cost = (
                _fixed_cost(name, level) if name in FIXED else circuits.count_gates(circuit, optimization_level=level)
            )
            rows.append(
                Row(
                    image=image,
                    operator=operator,
                    transform=name,
                    budget=budget,
                    optimization_level=level,
                    cx=cost.cx,
                    one_qubit=cost.one_qubit,
                    depth=cost.depth,
                    coding_gain_db=gain,
                    kept_energy=float(strongest[:KEPT].sum() / strongest.sum()),
                )
            )
    return rows


def _transform(name: str, fitted: Array) -> tuple[Any, Array]:
    if name == "leading klt":
        # Its first rows are the KLT's; what the others are does not change the energy of the strongest ones.
        return circuits.leading_klt_circuit(fitted, kept=KEPT), klt(fitted)
    rho = fitted if name in FITTED else None
    return circuits.transform_circuit(name, 6, rho=rho), circuits.transform_unitary(name, 6, rho=rho)


@cache
def _fixed_cost(name: str, level: int) -> circuits.GateCount:
    return circuits.count_gates(circuits.transform_circuit(name, 6), optimization_level=level)


def _operator(picture: Picture) -> CorrelationOperator:
    return CorrelationOperator.from_patches(extract_patches(picture.luma()) - LEVEL_SHIFT)


def findings(rows: Sequence[Row]) -> list[str]:
    """CX and coding gain of the transforms, on pictures and on classes of the prior."""
    if not rows:
        return ["No picture has energy after the level shift, so there is nothing to transform."]
    level = _shown_level(rows)
    sentences = []
    for where, own in zip(("pictures", "classes of the prior"), _parts(rows, level).values(), strict=True):
        parts = [
            f"{name} {mean(group, 'cx'):.0f} CX, {mean(group, 'coding_gain_db'):.2f} dB"
            for name, group in groups_by(own, _name).items()
            if np.isfinite(mean(group, "coding_gain_db"))
        ]
        if parts:
            sentences.append(f"Coding gain on {where}, level {level}: {'; '.join(parts)}.")
    return sentences


def _parts(rows: Sequence[Row], level: int | None = None) -> dict[str, list[Row]]:
    """Rows on pictures, and on classes of the prior; of one optimisation level, or of all."""
    shown = [row for row in rows if level in (None, row.optimization_level)]
    return {"pictures": [row for row in shown if row.image != "prior"], "prior": select(shown, image="prior")}


def _name(row: Row) -> str:
    return f"grown to {row.budget}" if row.transform == "grown" else row.transform


def _shown_level(rows: Sequence[Row]) -> int:
    compiled = levels(rows, "optimization_level")
    return 1 if 1 in compiled else min(compiled, default=1)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"transforms": transform_table(rows)}


def transform_table(rows: Sequence[Row]) -> Table:
    """Cost, coding gain and kept energy of each transform, on pictures and on classes of the prior."""
    compiled = levels(rows, "optimization_level")
    parts = _parts(rows)
    energy = f"energy in {KEPT} of 64 coefficients"
    body: list[list[object]] = []
    for name in groups_by(rows, _name):
        own = {where: groups_by(part, _name).get(name, []) for where, part in parts.items()}
        costs = [
            _shared(*(mean(group, count, optimization_level=level) for group in own.values()))
            for level in compiled
            for count in ("cx", "depth")
        ]
        values = [mean(group, measure) for group in own.values() for measure in ("coding_gain_db", "kept_energy")]
        body.append([name, *costs, *(value if np.isfinite(value) else "" for value in values)])
    measures = [f"{what}, {where}" for where in ("pictures", "classes") for what in ("coding gain in dB", "energy")]
    return Table(
        columns=[
            "transform",
            *(f"{count}, level {level}" for level in compiled for count in ("CX", "depth")),
            *measures,
        ],
        rows=body,
        caption=f"Means over {count_pictures(parts['pictures'])} and over classes of the prior; *energy*: {energy}; "
        "two counts are those of pictures and of classes",
        formats={name: ".3f" if name.startswith("energy") else ".2f" for name in measures},
    )


def _shared(*counts: float) -> str:
    """Mean counts as text: once where all agree."""
    return ", ".join(dict.fromkeys(f"{count:.0f}" for count in counts if np.isfinite(count)))


def plot(rows: Sequence[Row]) -> Figure:
    """Coding gain against CX, on pictures and on classes of the prior."""
    figure, axes = subplots(1, 2, figsize=(10, 4.6))
    level = _shown_level(rows)
    for ax, (where, own) in zip(axes, _parts(rows, level).items(), strict=True):
        points = {
            name: (mean(group, "cx"), mean(group, "coding_gain_db")) for name, group in groups_by(own, _name).items()
        }
        shown = {name: point for name, point in points.items() if np.isfinite(point[1]) and name != "identity"}
        grown = sorted(point for name, point in shown.items() if name.startswith("grown"))
        lines: dict[str, tuple[Any, ...]] = {"grown": tuple(zip(*grown, strict=True))} if grown else {}
        lines |= {name: ([x], [y]) for name, (x, y) in shown.items() if not name.startswith("grown")}
        plot_curves(lines, x_label=f"CX at level {level}", y_label="coding gain, dB", ax=ax)
        ax.set_xscale("symlog", linthresh=10)
        ax.set_title({"prior": "classes of the prior"}.get(where, where))
        if ax.get_legend():
            ax.get_legend().remove()
    if rows:
        legend_below(figure)
    return figure
