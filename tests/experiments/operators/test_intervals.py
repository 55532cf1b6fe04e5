"""Intervals over pictures are shown from eight pictures on, in findings, tables and figures; tables of made-up rows."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from experiments._run import LEAST_PICTURES, Table
from experiments.operators import convergence, likelihood, synthesis, transfer, universality, unseen
from experiments.operators.picture_sets import Kind

FEW, ENOUGH = LEAST_PICTURES - 1, LEAST_PICTURES


def convergence_rows(pictures: int) -> list[convergence.Row]:
    rng = np.random.default_rng(0)
    measures = ("trace_distance", "fidelity", "entropy_bits", "subspace_cos2", "energy_lost", "operator_error")
    return [
        convergence.Row(
            block=block,
            n_images=n,
            draw=draw,
            **dict.fromkeys(measures, float(rng.uniform(0.1, 0.9) / n)),
            cross_error=math.nan,
            largest_angle_degrees=10.0,
            excess_bits_per_pixel=float(rng.uniform(0.9, 1.1)) / n if n <= pictures // 2 else math.nan,
        )
        for block in convergence.BLOCKS
        for n in range(1, pictures + 1)
        for draw in range(4)
    ]


def transfer_rows(pictures: int) -> list[transfer.Row]:
    models = (transfer.OWN, transfer.VARIANCES, transfer.WHITE, "set@1")
    names = [*map(str, range(pictures)), "pooled"]
    return [
        transfer.Row(
            image=name,
            model=model,
            pictures=pictures if name == "pooled" else 1,
            excess_bits_per_pixel=0.5 + place,
            low=0.25 + place if name == "pooled" else math.nan,
            high=0.75 + place if name == "pooled" else math.nan,
            raw_excess_bits_per_pixel=1.0,
            fidelity=0.9,
            trace_distance=0.1,
        )
        for place, model in enumerate(models)
        for name in names
    ]


def likelihood_rows(pictures: int) -> list[likelihood.Row]:
    models = [
        *(("mixture", k, "nothing") for k in (1, 16, 64)),
        ("ICA", 0, "nothing"),
        *(("joint mixture", 8, known) for known in ("nothing", "raster ring", "whole ring")),
    ]
    return [
        likelihood.Row(
            image=str(picture),
            model=model,
            components=components,
            known=known,
            patches=10,
            fitted_on=3,
            nats_per_patch=80.0 + 2 * place + math.sin(picture * place),
            fit_seconds=1.0,
        )
        for picture in range(pictures)
        for place, (model, components, known) in enumerate(models)
    ]


def synthesis_rows(pictures: int) -> list[synthesis.Row]:
    """Every statistic of every source, of three textures or batches and the pictures."""
    rows = [
        synthesis.Row(source=source, image=str(number), statistic=one.field, x=one.x, value=1.0 + number)
        for one in synthesis.STATISTICS.values()
        for source in one.sources
        for number in range(pictures if source == "real" else 3)
    ]
    pooled = [
        synthesis.Row(source=source, image="pooled", statistic=name, x=x, value=3.0)
        for source in synthesis.SOURCES
        for name, x in (("kurtosis", math.nan), ("kurtosis of coefficient", 1.0), ("kurtosis of coefficient", 2.0))
    ]
    spectra = [
        synthesis.Row(source="real", image=str(number), statistic="power", x=x, value=1.0 + number)
        for number in range(pictures)
        for x in (0.1, 0.2)
    ]
    return [*rows, *pooled, *spectra]


def cells(table: Table, heading: str) -> list[str]:
    return [row[list(table.columns).index(heading)] for row in table.rows]


@pytest.mark.parametrize(
    ("module", "rows", "names"),
    [
        (convergence, convergence_rows, ("sizes", "blocks", "unseen")),
        (transfer, transfer_rows, ("pooled",)),
        (likelihood, likelihood_rows, ("models", "differences")),
        (synthesis, synthesis_rows, ("medians",)),
    ],
)
def test_intervals_are_shown_from_eight_pictures_on(module, rows: Callable[[int], list], names: tuple[str, ...]):
    for pictures, shown in ((FEW, False), (ENOUGH, True)):
        found = rows(pictures)
        tables = module.tables(found)
        for name in names:
            assert any("–" in cell and len(cell) > 1 for cell in cells(tables[name], "5–95 %")) == shown, name
        sentences = " ".join(module.findings(found))
        assert ("5–95 %" in sentences or "[" in sentences) == shown


def bands(figure) -> int:
    """Bands in a figure whose corners are numbers."""
    collections = [one for ax in figure.axes for one in ax.collections if isinstance(one, PolyCollection)]
    return sum(np.isfinite(path.vertices).all() for one in collections for path in one.get_paths())


@pytest.mark.parametrize(("module", "rows"), [(convergence, convergence_rows), (synthesis, synthesis_rows)])
def test_figures_have_bands_from_eight_pictures_on(module, rows):
    assert bands(module.plot(rows(FEW))) == 0
    assert bands(module.plot(rows(ENOUGH))) > 0


@pytest.mark.parametrize(("module", "rows"), [(transfer, transfer_rows), (likelihood, likelihood_rows)])
def test_figures_name_intervals_from_eight_pictures_on(module, rows):
    for pictures, shown in ((FEW, False), (ENOUGH, True)):
        figure = module.plot(rows(pictures))
        labels = [label for ax in figure.axes for label in ax.get_legend_handles_labels()[1]]
        assert ("5–95 %" in " ".join([*labels, *(ax.get_xlabel() for ax in figure.axes)])) == shown


def test_every_curve_of_the_likelihood_figure_has_an_entry_in_the_legend():
    left = likelihood.plot(likelihood_rows(ENOUGH)).axes[0]
    assert left.get_legend_handles_labels()[1] == ["ICA", "joint mixture, raster ring", "mixture"]


def universality_row(a: str, b: str, pictures: int, *, excess: float) -> universality.Row:
    names = ("fidelity", "fidelity_low", "fidelity_high", "trace_distance", "entropy_a_bits", "entropy_b_bits")
    return universality.Row(
        compared="halves" if a == b else "sets",
        set_a=a,
        scale_a=1,
        quality_a=0,
        pictures_a=pictures,
        set_b=b,
        scale_b=1,
        quality_b=0,
        pictures_b=pictures,
        shared_pictures=0,
        **dict.fromkeys(names, 0.5),
        excess_raw_bits_per_pixel=2 * excess,
        excess_bits_per_pixel=excess,
        excess_low=0.5 * excess,
        excess_high=1.5 * excess,
    )


@pytest.mark.parametrize(("pictures", "counted"), [(FEW, 0), (ENOUGH, 2)])
def test_splits_of_fewer_than_eight_pictures_are_no_reference(pictures: int, counted: int):
    pairs = [("a", "a", 0.1), ("b", "b", 0.2), ("a", "b", 0.15), ("b", "a", 0.5)]
    rows = [universality_row(a, b, pictures, excess=excess) for a, b, excess in pairs]
    table = universality.tables(rows)["comparisons"]
    (line,) = [row for row in table.rows if row[0] == "sets at equal scale"]
    # 0.15 is below the 95 % of the halves of b, 0.3, and 0.5 is above.
    assert list(line) == [
        "sets at equal scale",
        2,
        pytest.approx(0.325),
        pytest.approx(0.65),
        1.0,
        counted // 2,
        counted,
    ]
    assert ("95 %" in " ".join(universality.findings(rows))) == (counted > 0)


def test_matrices_have_halves_on_their_diagonal():
    pairs = [("a", "a", 0.1), ("b", "b", 0.2), ("a", "b", 0.15), ("b", "a", 0.5)]
    rows = [universality_row(a, b, 9, excess=excess) for a, b, excess in pairs]
    table = universality.tables(rows)[f"excess {Kind(scale=1).label}"]
    assert [list(row) for row in table.rows] == [["a", 0.1, 0.15], ["b", 0.5, 0.2]]


def test_the_law_of_the_excess_is_a_table():
    excess = {n: [0.1 + 2.0 / n] * 5 for n in (1, 2, 4, 8, 16)}
    floor, factor, exponent, reached, stable = unseen.law_table(excess).rows[0]
    # Without noise the law is found again.
    assert (floor, factor, exponent) == pytest.approx((0.1, 2.0, 1.0), rel=1e-3)
    assert (reached, stable) == (200, 16)
    assert all(math.isnan(value) for value in unseen.law_table({1: [0.5]}).rows[0])
