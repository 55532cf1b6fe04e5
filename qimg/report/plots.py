"""Plots of operators, spectra and curves. Every function takes `ax=` and returns the `Axes`; none shows anything."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Curve(NamedTuple):
    """One line with an optional band."""

    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None


def plot_density_matrix(
    rho: ArrayLike, *, registers: Sequence[tuple[str, int]] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Heat map of the real part of ρ: row i at the top-left, column j to the right, as the matrix is written.

    Colours follow sign(ρ)·√|ρ|, scaled to the largest entry, so that coherences far below the populations show.

    Args:
        rho: (d, d) Hermitian.
        registers: names and sizes of blocks along an axis, for instance [("Y", 64), ("Cb", 64), ("Cr", 64)].
        ax: axes to draw on; a new figure when left out.
    """
    matrix = arguments.hermitian("rho", rho)
    arguments.require_shape(matrix.ndim == 2, "rho", "(d, d)", matrix)
    axes = _axes(ax)
    scale = max(float(np.abs(matrix).max()), 1e-300)
    image = axes.imshow(
        np.sign(matrix.real) * np.sqrt(np.abs(matrix.real) / scale),
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    axes.grid(visible=False)
    axes.set_xlabel("column j")
    axes.set_ylabel("row i")
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    marks = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    bar.set_ticks(marks.tolist(), labels=[f"{np.sign(m) * m * m * scale:.2g}" for m in marks])
    bar.set_label(r"Re $\rho_{ij}$")
    bar.outline.set_visible(False)
    if registers:
        edges = np.cumsum([0, *(size for _, size in registers)])
        arguments.require(
            int(edges[-1]) == len(matrix), "registers", f"must have sizes that sum to {len(matrix)}", registers
        )
        for edge in edges[1:-1]:
            axes.axhline(edge - 0.5, color="0.5", linewidth=0.8)
            axes.axvline(edge - 0.5, color="0.5", linewidth=0.8)
        centres = (edges[:-1] + edges[1:]) / 2 - 0.5
        names = [name for name, _ in registers]
        axes.set_xticks(centres, names)
        axes.set_yticks(centres, names)
    return axes


def plot_spectrum(spectra: Mapping[str, ArrayLike], *, ax: "Axes | None" = None) -> "Axes":
    """Eigenvalues of density matrices against their rank, both axes logarithmic.

    Args:
        spectra: label → (d,) eigenvalues, descending, such as `CorrelationOperator.spectrum()`.
        ax: axes to draw on; a new figure when left out.
    """
    axes = _axes(ax)
    for label, values in spectra.items():
        eigenvalues = arguments.vectors("spectra", values)
        axes.plot(np.arange(1, len(eigenvalues) + 1), np.maximum(eigenvalues, 1e-12), label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rank k")
    axes.set_ylabel(r"eigenvalue $\lambda_k$ of $\rho$")
    axes.legend()
    return axes


def plot_patch(
    patch: ArrayLike, *, side: int | None = None, data_range: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """A patch as a picture, row 0 at the top; signed patches in red and blue around zero.

    Args:
        patch: (side²,) or (side, side) real.
        side: rows of the patch; the square root of its length when left out.
        data_range: value shown in white (and its negative in full blue); the patch's own extremes when left out.
        ax: axes to draw on; a new figure when left out.
    """
    values = arguments.real("patch", patch)
    arguments.require(data_range is None or data_range > 0, "data_range", "must be positive", data_range)
    rows = math.isqrt(values.size) if side is None else integer("side", side, 1)
    arguments.require_shape(values.size % rows == 0, "patch", f"with a multiple of {rows} pixels", values)
    values = values.reshape(rows, -1)
    axes = _axes(ax)
    if values.min() < 0:
        limit = float(np.abs(values).max()) if data_range is None else data_range
        axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    else:
        low, high = (None, None) if data_range is None else (0.0, data_range)
        axes.imshow(values, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    bare(axes)
    return axes


def plot_eigen_patches(
    basis: ArrayLike, *, count: int = 16, planes: int = 1, across: int | None = None, ax: "Axes | None" = None
) -> "Axes":
    """The leading columns of a basis as patches on one board, rank 1 first, row by row.

    Args:
        basis: (d, r) columns, d = planes · side².
        count: patches shown.
        planes: with 3, one patch is shown in colour, its planes read as Y', Cb and Cr around middle gray.
        across: patches in a row; as many as rows, or one more, when left out.
        ax: axes to draw on; a new figure when left out.
    """
    from qimg.images import to_uint8, ycbcr_to_rgb

    vectors = arguments.numeric("basis", basis).real
    side = math.isqrt(len(vectors) // planes)
    arguments.require_shape(planes * side * side == len(vectors), "basis", "(planes · side², r)", vectors)
    count = integer("count", count, 1, vectors.shape[1])
    across = math.ceil(math.sqrt(count)) if across is None else integer("across", across, 1)
    down = math.ceil(count / across)
    board = np.full((down * (side + 1) - 1, across * (side + 1) - 1, 3), 255, np.uint8)
    cover = np.zeros(board.shape[:2], bool)
    for k in range(count):
        patch = vectors[:, k].reshape(planes, side, side)
        shown = 127.0 * patch / np.abs(patch).max()
        picture = (
            np.repeat(shown.transpose(1, 2, 0), 3, axis=2) + 128
            if planes == 1
            else ycbcr_to_rgb(shown.transpose(1, 2, 0) + 128)
        )
        row, column = (k // across) * (side + 1), (k % across) * (side + 1)
        board[row : row + side, column : column + side] = to_uint8(picture)
        cover[row : row + side, column : column + side] = True
    axes = _axes(ax)
    axes.imshow(np.dstack([board, np.where(cover, 255, 0).astype(np.uint8)]), interpolation="nearest")
    bare(axes)
    return axes


def plot_curves(
    curves: Mapping[str, Curve | tuple[Any, ...]], *, x_label: str, y_label: str, ax: "Axes | None" = None
) -> "Axes":
    """Lines with optional bands, one per label, each with a colour and a marker of its own and an entry in the legend.

    Args:
        curves: label → `(x, y)` or `(x, y, low, high)`.
        x_label: quantity and unit of x.
        y_label: quantity and unit of y.
        ax: axes to draw on; a new figure when left out.
    """
    axes = _axes(ax)
    styles = itertools.islice(curve_styles(), len(axes.get_legend_handles_labels()[0]), None)
    for (label, values), style in zip(curves.items(), styles, strict=False):
        curve = Curve(*values)
        (line,) = axes.plot(np.asarray(curve.x), np.asarray(curve.y), label=label, **style)
        if curve.low is not None and curve.high is not None:
            low, high = np.asarray(curve.low), np.asarray(curve.high)
            axes.fill_between(np.asarray(curve.x), low, high, color=line.get_color(), alpha=0.18, linewidth=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if len(curves) > 1:
        axes.legend()
    return axes


MARKERS = "osD^vP*X<>"


def curve_styles() -> Iterator[dict[str, Any]]:
    """Colour, marker and line of one curve after the other; no two of the first 70 look alike."""
    from matplotlib import rcParams

    colours = rcParams["axes.prop_cycle"].by_key()["color"]
    for turn in itertools.count():
        for place, colour in enumerate(colours):
            yield {
                "color": colour,
                "marker": MARKERS[(place + turn) % len(MARKERS)],
                "linestyle": ("-", "--", ":", "-.")[turn % 4],
            }


def literal_label(name: str, *, longest: int = 28) -> str:
    """A file's name for matplotlib, letter by letter: no mathematics, not hidden from a legend, not too long."""
    short = name if len(name) <= longest else f"{name[: longest - 1]}…"
    # Legends leave out what begins with an underscore.
    return (" " if short.startswith("_") else "") + short.replace("$", r"\$")


def plain_log_axis(ax: "Axes", which: str) -> None:
    """Make an axis logarithmic with plain numbers as marks: 0.5, 1, 2, 5 instead of powers of ten.

    Args:
        ax: axes to change, after something was drawn on them.
        which: "x" or "y".
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    arguments.one_of("which", which, ("x", "y"))
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high > 8 * low else range(1, 10), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(5.2, 3.8))[1]


def bare(axes: "Axes") -> None:
    """Leave of axes what is drawn on them: no grid, ticks or frame."""
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def as_board(pictures: Sequence[Array], *, gap: int = 4) -> Array:
    """Pictures of one height side by side with a transparent gap: (H, W, 4) `uint8`."""
    columns: list[Array] = []
    for k, picture in enumerate(pictures):
        colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
        if k:
            columns.append(np.zeros((len(colour), gap, 4), np.uint8))
        columns.append(np.dstack([colour, np.full(colour.shape[:2], 255, np.uint8)]))
    return np.hstack(columns)
