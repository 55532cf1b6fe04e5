"""Plots draw on the axes they are given, the right way up."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from numpy.testing import assert_allclose, assert_array_equal

from qimg import report
from qimg.core import Array
from qimg.report.plots import Curve, as_board, plain_log_axis

RHO = np.array([[0.64, 0.16j + 0.04, 0.0], [-0.16j + 0.04, 0.36, -0.09], [0.0, -0.09, 0.0]])
PATCH = np.arange(6.0)
PLOTS: dict[str, Callable[[Axes | None], Axes]] = {
    "density_matrix": lambda ax: report.plot_density_matrix(RHO, ax=ax),
    "spectrum": lambda ax: report.plot_spectrum({"one": [0.75, 0.25], "two": [0.5, 0.5]}, ax=ax),
    "patch": lambda ax: report.plot_patch(PATCH, side=2, ax=ax),
    "eigen_patches": lambda ax: report.plot_eigen_patches(np.eye(4), count=3, ax=ax),
    "curves": lambda ax: report.plot_curves({"a": ([1, 2], [3, 4])}, x_label="x", y_label="y", ax=ax),
}


@pytest.fixture
def ax() -> Iterator[Axes]:
    axes = plt.subplots()[1]
    yield axes
    plt.close("all")


def shown(axes: Axes) -> Array:
    """The array of the one image on the axes, whose row 0 must be drawn at the top and column 0 at the left."""
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    assert left < right
    assert top < bottom
    low, high = axes.get_ylim()
    assert low > high
    assert image.origin == "upper"
    return np.asarray(image.get_array())


@pytest.mark.parametrize("name", PLOTS)
def test_plots_draw_on_the_given_axes_and_open_nothing(ax: Axes, name: str) -> None:
    before = plt.get_fignums()
    assert PLOTS[name](ax) is ax
    assert plt.get_fignums() == before
    assert ax.has_data()


@pytest.mark.parametrize("name", PLOTS)
def test_plots_open_one_figure_without_axes(ax: Axes, name: str) -> None:
    drawn = PLOTS[name](None)
    assert drawn is not ax
    assert len(plt.get_fignums()) == 2
    assert not ax.has_data()


def test_density_matrix_is_drawn_as_it_is_written(ax: Axes) -> None:
    report.plot_density_matrix(RHO, ax=ax)
    # sign(ρ) √(|Re ρ| / max |ρ|)
    expected = [[1, 0.25, 0], [0.25, 0.75, -0.375], [0, -0.375, 0]]
    assert_allclose(shown(ax), expected, atol=1e-12)
    assert ax.images[0].get_clim() == (-1, 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column j", "row i")


def test_colour_bar_undoes_the_square_root(ax: Axes) -> None:
    report.plot_density_matrix(RHO, ax=ax)
    bar = ax.images[0].colorbar
    assert bar is not None
    assert_allclose(bar.get_ticks(), [-1, -0.5, 0, 0.5, 1])
    assert [tick.get_text() for tick in bar.ax.get_yticklabels()] == ["-0.64", "-0.16", "0", "0.16", "0.64"]


def test_registers_are_marked_at_their_edges(ax: Axes) -> None:
    report.plot_density_matrix(RHO, registers=[("Y", 2), ("C", 1)], ax=ax)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[1]] == [1.5]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_ydata()[0] == line.get_ydata()[1]] == [1.5]
    assert_array_equal(ax.get_xticks(), [0.5, 2])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["Y", "C"]


def test_spectrum_counts_ranks_from_one_on_logarithmic_axes(ax: Axes) -> None:
    report.plot_spectrum({"one": [0.75, 0.25, 0.0], "two": [1.0]}, ax=ax)
    assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    assert_array_equal(ax.lines[0].get_ydata(), [0.75, 0.25, 1e-12])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


@pytest.mark.parametrize("sign", [1, -1])
def test_patch_keeps_its_rows_and_shows_signs_symmetrically(ax: Axes, sign: int) -> None:
    report.plot_patch(sign * PATCH, side=2, ax=ax)
    assert_array_equal(shown(ax), sign * PATCH.reshape(2, 3))
    if sign < 0:
        assert ax.images[0].get_clim() == (-5, 5)
    else:
        assert ax.images[0].get_cmap().name == "gray"


def test_square_patch_needs_no_side(ax: Axes) -> None:
    report.plot_patch(np.arange(16), ax=ax)
    assert shown(ax)[1, 2] == 6


def test_eigen_patches_fill_the_board_row_by_row(ax: Axes) -> None:
    report.plot_eigen_patches(np.eye(4), count=3, ax=ax)
    board = shown(ax)
    # Patches of 2×2 pixels with a gap of one: patch k has its only bright pixel at row k // 2, column k % 2.
    assert board.shape == (5, 5, 4)
    bright = np.argwhere((board[..., :3] == 255).all(axis=2) & (board[..., 3] == 255))
    assert_array_equal(bright, [[0, 0], [0, 4], [4, 0]])
    assert (board[2, :, 3] == 0).all()
    assert (board[3:, 3:, 3] == 0).all()


def test_eigen_patches_in_colour(ax: Axes) -> None:
    vector = np.zeros(12)
    vector[8:] = 1.0  # Cr
    report.plot_eigen_patches(vector[:, None], count=1, planes=3, ax=ax)
    # Y' = 128 and Cr = 255 in BT.601: red is clipped, green 128 − 0.714 · 127, blue 128.
    assert_array_equal(shown(ax)[0, 0], [255, 37, 128, 255])


def test_curves_have_bands_and_a_legend_where_there_are_two(ax: Axes) -> None:
    curves = {"a": Curve([1, 2], [3, 4], [2, 3], [4, 6]), "b": ([1, 2], [5, 5])}
    report.plot_curves(curves, x_label="rate", y_label="PSNR in dB", ax=ax)
    assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 4]])
    (band,) = ax.collections
    assert isinstance(band, PolyCollection)
    corners = {tuple(point) for point in band.get_paths()[0].vertices}
    assert {(1, 2), (2, 3), (1, 4), (2, 6)} <= corners
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate", "PSNR in dB")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_single_curve_has_no_legend(ax: Axes) -> None:
    assert PLOTS["curves"](ax).get_legend() is None


@pytest.mark.parametrize("which", ["x", "y"])
def test_plain_log_axis_prints_numbers_in_full(ax: Axes, which: str) -> None:
    ax.plot([0.1, 1000.0], [0.1, 1000.0])
    plain_log_axis(ax, which)
    assert (ax.get_xscale(), ax.get_yscale()) == (("log", "linear") if which == "x" else ("linear", "log"))
    ax.figure.canvas.draw()
    axis = ax.xaxis if which == "x" else ax.yaxis
    marks = {label.get_text() for label in axis.get_majorticklabels()}
    assert {"0.1", "0.2", "0.5", "1", "500", "1,000"} <= marks


def test_board_of_pictures_side_by_side() -> None:
    gray, colour = np.full((2, 1), 7, np.uint8), np.full((2, 3, 3), 9, np.uint8)
    board = as_board([gray, colour], gap=2)
    assert board.shape == (2, 6, 4)
    assert_array_equal(board[0], [[7, 7, 7, 255], [0] * 4, [0] * 4, *[[9, 9, 9, 255]] * 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda ax: report.plot_density_matrix([[1, 2], [0, 1]], ax=ax), "rho must be Hermitian"),
        (lambda ax: report.plot_density_matrix(np.eye(2)[None], ax=ax), r"rho must have shape \(d, d\), but has shape"),
        (
            lambda ax: report.plot_density_matrix(RHO, registers=[("Y", 2)], ax=ax),
            "registers must have sizes that sum to 3",
        ),
        (lambda ax: report.plot_spectrum({"one": [np.nan]}, ax=ax), "spectra must be finite"),
        (lambda ax: report.plot_patch(PATCH, side=4, ax=ax), "patch must have shape with a multiple of 4 pixels"),
        (lambda ax: report.plot_eigen_patches(np.eye(5), ax=ax), r"basis must have shape \(planes · side², r\)"),
        (lambda ax: report.plot_eigen_patches(np.eye(4), count=5, ax=ax), r"count must be in \[1, 4\], but count=5"),
    ],
)
def test_arguments_are_checked(ax: Axes, call: Callable[[Axes], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ax)


def test_patches_can_share_one_scale():
    figure, axes = plt.subplots(1, 2)
    for level, ax in zip((10.0, 200.0), axes, strict=True):
        report.plot_patch(np.full(4, level), data_range=255, ax=ax)
        assert ax.images[0].get_clim() == (0.0, 255.0)
    plt.close(figure)


def test_names_of_files_are_shown_letter_by_letter():
    figure, ax = plt.subplots()
    for name in ("_DSC0001", "a$b_{$", "x" * 80):
        ax.plot([0, 1], [0, 1], label=report.literal_label(name))
    shown = [text.get_text() for text in ax.legend().get_texts()]
    figure.canvas.draw()  # a dollar sign that is read as mathematics would fail here
    assert shown == [" _DSC0001", r"a\$b_{\$", "x" * 27 + "…"]
    plt.close(figure)
