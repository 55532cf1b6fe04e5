"""Plots of the mixtures of a prior: eigen-patches, spectra and predictors of classes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qimg.core import Array, arguments, integer
from qimg.prior import GaussianMixture, JointMixture
from qimg.report.page import Figure
from qimg.report.plots import _axes, bare, plain_log_axis, plot_eigen_patches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

_GAP = 2


def as_one_class(model: JointMixture) -> JointMixture:
    """A mixture of a single class with the second moments of the whole mixture."""
    whole = model.mixture.covariance()
    return JointMixture(model.view, GaussianMixture.from_covariances([1.0], whole[None]))


def by_weight(model: JointMixture) -> Array:
    """(K,) the classes by descending weight."""
    return np.argsort(-model.mixture.weights, kind="stable")


def plot_class_eigen_patches(
    model: JointMixture, *, classes: Sequence[int], count: int = 8, ax: "Axes | None" = None
) -> "Axes":
    """Plot leading eigenvectors of the residuals of classes: one class per row, labelled with its weight.

    Every patch is scaled to its extremes. Colour patches are interpreted as Y', Cb and Cr around middle gray.

    Args:
        model: a mixture of a prior.
        classes: at least one, 0 to K − 1, from top to bottom.
        count: eigenvectors per class, from left to right.
        ax: axes to draw on; a new figure when left out.
    """
    view = model.view
    chosen = chosen_classes(model, classes)
    count = integer("count", count, 1, view.planes * view.size**2)
    columns = np.hstack([model.basis(k)[:, :count] for k in chosen])
    axes = plot_eigen_patches(columns, count=count * len(chosen), planes=view.planes, across=count, ax=ax)
    centres = (view.size - 1) / 2
    axes.set_xticks([k * (view.size + 1) + centres for k in range(count)], [str(k + 1) for k in range(count)])
    axes.set_yticks(
        [row * (view.size + 1) + centres for row in range(len(chosen))],
        [f"class {k}: {100 * model.mixture.weights[k]:.1f} %" for k in chosen],
    )
    axes.tick_params(length=0)
    axes.set_xlabel("rank of the eigenvector")
    return axes


def plot_class_spectra(model: JointMixture, *, ax: "Axes | None" = None) -> "Axes":
    """Plot the spectra of all classes as thin lines and that of one operator for all as a thick line, log-log.

    Args:
        model: a mixture of a prior.
        ax: axes to draw on; a new figure when left out.
    """
    axes = _axes(ax)
    count = model.view.dimension - model.view.observed
    ranks = np.arange(1, count + 1)
    shade = float(np.clip(12 / model.classes, 0.15, 0.7))
    for k in range(model.classes):
        label = f"{model.classes} classes" if k == 0 else "_"
        axes.plot(
            ranks, np.maximum(model.spectrum(k)[:count], 1e-9), color="C0", linewidth=0.7, alpha=shade, label=label
        )
    axes.plot(ranks, as_one_class(model).spectrum(0)[:count], color="C1", linewidth=2.2, label="one operator for all")
    plain_log_axis(axes, "x")
    axes.set_yscale("log")
    axes.set_xlabel("rank k")
    axes.set_ylabel("eigenvalue (code values²)")
    legend = axes.legend()
    for handle in legend.get_lines():
        handle.set_alpha(1.0)
    return axes


def plot_predictors(
    model: JointMixture,
    *,
    classes: Sequence[int],
    pixels: Sequence[int] | None = None,
    impulses: Sequence[int] | None = None,
    plane: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot the predictors of a block from its ring, one class per row: weights and impulse responses.

    For a pixel of the block: the weights of the ring's pixels in its prediction, drawn at the places of those pixels
    around the empty block. For a pixel of the ring: the change of the predicted block when that pixel is one code value
    brighter. Colours follow sign(w)·√|w|, scaled to the largest weight in the figure.

    Args:
        model: a mixture of a prior whose view has a ring.
        classes: at least one, 0 to K − 1, from top to bottom.
        pixels: pixels of the block, row-major, 0 to size² − 1; the first, the centre and the last when left out.
        impulses: pixels of the ring, indices of `View.ring`; those next to the middle of the block's upper and left
            edge when left out.
        plane: plane of the ring and the block: 0 for Y', 1 for Cb, 2 for Cr.
        ax: axes to draw on; a new figure when left out.
    """
    view, size = model.view, model.view.size
    arguments.require(view.observed > 0, "model", "must have a view with a ring", view.name)
    chosen = chosen_classes(model, classes)
    plane = integer("plane", plane, 0, view.planes - 1)
    middle = size // 2
    pixels = (0, size * middle + middle, size * size - 1) if pixels is None else pixels
    if impulses is None:
        ring = view.ring.tolist()
        impulses = [ring.index(place) for place in ([-1, middle], [middle, -1]) if place in ring]
    pixels = [integer("pixels", pixel, 0, size * size - 1) for pixel in pixels]
    impulses = [integer("impulses", pixel, 0, len(view.ring) - 1) for pixel in impulses]
    places = [*(divmod(pixel, size) for pixel in pixels), *(view.ring[pixel] for pixel in impulses)]
    kinds = ["block"] * len(pixels) + ["ring"] * len(impulses)
    titles = [f"{kind} pixel\n{_pixel_name(place)}" for kind, place in zip(kinds, places, strict=True)]
    arguments.require(len(titles) > 0, "pixels", "and impulses must name at least one pixel", (pixels, impulses))
    boards = [[*_panels(model, k, plane, pixels, impulses)] for k in chosen]
    axes = _axes(ax)
    _draw_board(axes, boards)
    pitch = 2 * size + 1 + _GAP
    for row in range(len(chosen)):
        for column in range(len(titles)):
            _outline(axes, column * pitch + 1, row * pitch + 1, size)
            y, x = places[column]
            _outline(axes, column * pitch + 1 + x, row * pitch + 1 + y, 1, color="C1")
    axes.set_xticks([column * pitch + size for column in range(len(titles))], titles)
    axes.xaxis.tick_top()
    axes.set_yticks([row * pitch + size / 2 for row in range(len(chosen))], [f"class {k}" for k in chosen])
    axes.tick_params(length=0)
    return axes


def one_plot(plot: "Callable[[Axes], Axes]", size: tuple[float, float], caption: str) -> Figure:
    """A figure of a page with one plot; `size` is width and height in inches."""

    def draw() -> "MatplotlibFigure":
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=size)
        plot(ax)
        return figure

    return Figure(draw=draw, caption=caption)


def chosen_classes(model: JointMixture, classes: Sequence[int]) -> list[int]:
    """The classes as integers, after a check of their range."""
    chosen = [integer("classes", k, 0, model.classes - 1) for k in classes]
    arguments.require(len(chosen) > 0, "classes", "must name at least one class", chosen)
    return chosen


def _panels(model: JointMixture, k: int, plane: int, pixels: Sequence[int], impulses: Sequence[int]) -> list[Array]:
    """Squares of 2 · size + 1 pixels with ring and block, NaN where nothing is drawn."""
    size, ring = model.view.size, model.view.ring
    block, m = size * size, len(ring)
    weights = model.predictor(k)[plane * block : (plane + 1) * block, plane * m : (plane + 1) * m]
    panels = []
    for pixel in pixels:
        panel = np.full((2 * size + 1, 2 * size + 1), np.nan)
        panel[ring[:, 0] + 1, ring[:, 1] + 1] = weights[pixel]
        panels.append(panel)
    for pixel in impulses:
        panel = np.full((2 * size + 1, 2 * size + 1), np.nan)
        panel[ring[pixel, 0] + 1, ring[pixel, 1] + 1] = 1.0
        panel[1 : size + 1, 1 : size + 1] = weights[:, pixel].reshape(size, size)
        panels.append(panel)
    return panels


def _draw_board(axes: "Axes", boards: Sequence[Sequence[Array]]) -> None:
    padded = [[np.pad(panel, (0, _GAP), constant_values=np.nan) for panel in row] for row in boards]
    board = np.vstack([np.hstack(row) for row in padded])[:-_GAP, :-_GAP]
    scale = float(np.nanmax(np.abs(board)))
    colours = np.ma.masked_invalid(np.sign(board) * np.sqrt(np.abs(board) / scale))
    image = axes.imshow(colours, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    bare(axes)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02, shrink=0.6)
    marks = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    bar.set_ticks(marks.tolist(), labels=[f"{np.sign(mark) * mark * mark * scale:.2g}" for mark in marks])
    bar.set_label("weight")
    bar.outline.set_visible(False)


def _outline(axes: "Axes", left: int, top: int, size: int, *, color: str = "0.5") -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fill=False, edgecolor=color, linewidth=0.8))


def _pixel_name(place: Sequence[int] | Array) -> str:
    return f"({int(place[0])}, {int(place[1])})".replace("-", "−")
