"""Oriented edge filters among the class eigenvectors: directions of classes, their plots, and a section of the page."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qimg.core import Array, arguments, integer
from qimg.prior import JointMixture
from qimg.prior.report.figures import as_one_class, chosen_classes, one_plot
from qimg.prior.report.orientation import Orientation, mean_orientation, nearest_cosine
from qimg.report.page import Section
from qimg.report.plots import _axes, plot_eigen_patches
from qimg.transforms import basis as transform_basis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECTORS = 12
"""Number of sectors, of 15 degrees each, for counting orientations; the first is centred on horizontal edges."""
_EIGENVECTORS = 8
_DRAWN = 3
_OBLIQUE = 15.0
_COHERENT = 0.5


def plot_edge_filters(
    model: JointMixture, *, classes: Sequence[int], count: int = 3, ax: "Axes | None" = None
) -> "Axes":
    """Plot leading eigenvectors of classes, each above the nearest DCT basis function; one class per column.

    The label below a column gives the class, the direction of the edges of its patches and their coherence
    (`mean_orientation`). The number on a DCT function is the modulus of its overlap with the eigenvector.

    Args:
        model: a mixture of a prior with one plane.
        classes: at least one, 0 to K − 1, from left to right.
        count: eigenvectors per class, from top to bottom.
        ax: axes to draw on; a new figure when left out.
    """
    size = model.view.size
    chosen = chosen_classes(model, classes)
    count = integer("count", count, 1, size * size)
    leading = leading_eigenvectors(model, classes=chosen, count=count)
    nearest, overlaps = nearest_cosine(leading.T)
    cosines = np.copysign(1.0, overlaps) * transform_basis("dct_2d", size * size)[:, nearest]
    rows = [both[:, rank::count] for rank in range(count) for both in (leading, cosines)]
    across = len(chosen)
    axes = plot_eigen_patches(np.hstack(rows), count=2 * count * across, across=across, ax=ax)
    centre, pitch = (size - 1) / 2, size + 1
    for column in range(across):
        for rank in range(count):
            axes.text(
                column * pitch + size - 0.7,
                (2 * rank + 1) * pitch + size - 0.7,
                f"{abs(overlaps[column * count + rank]):.2f}",
                horizontalalignment="right",
                verticalalignment="bottom",
                fontsize=7,
                color="black",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
            )
    directions = class_orientations(model, classes=chosen)
    below = zip(chosen, directions.degrees, directions.coherence, strict=True)
    labels = [f"class {k}\n{degrees:.0f}°\n{coherence:.2f}" for k, degrees, coherence in below]
    axes.set_xticks([column * pitch + centre for column in range(across)], labels)
    names = [name for rank in range(count) for name in (f"rank {rank + 1}", "DCT")]
    axes.set_yticks([row * pitch + centre for row in range(2 * count)], names)
    axes.tick_params(length=0)
    return axes


def plot_orientations(groups: Mapping[str, Orientation], *, ax: "Axes | None" = None) -> "Axes":
    """Plot the share of patches by edge direction in sectors of 15 degrees; each patch is weighted by its coherence.

    Args:
        groups: label → orientations of its patches; the bars of a group sum to its mean coherence.
        ax: axes to draw on; a new figure when left out.
    """
    axes = _axes(ax)
    width = 180 / SECTORS
    for number, (label, directions) in enumerate(groups.items()):
        shares = np.bincount(sector(directions.degrees), weights=np.ravel(directions.coherence), minlength=SECTORS)
        bar = 0.8 * width / len(groups)
        places = np.arange(SECTORS) * width + (number - (len(groups) - 1) / 2) * bar
        axes.bar(places, shares / max(directions.coherence.size, 1), bar, label=label)
    axes.set_xticks([0, 45, 90, 135])
    axes.set_xlabel("direction of the edges (degrees; 0 horizontal, 90 upright)")
    axes.set_ylabel("share × coherence")
    axes.grid(visible=False, axis="x")
    axes.legend()
    return axes


def edge_section(model: JointMixture) -> Section:
    """Section on the directional coherence of classes and their eigenvectors, compared with a single operator.

    Args:
        model: a mixture whose view has one plane.
    """
    count = min(_EIGENVECTORS, model.view.dimension - model.view.observed)
    single = as_one_class(model)
    classes = range(model.classes)
    directions, pooled = class_orientations(model, classes=classes), class_orientations(single, classes=[0])
    oblique = (np.abs((directions.degrees + 45) % 90 - 45) > _OBLIQUE) & (directions.coherence > _COHERENT)
    chosen = most_oriented(model)
    overlaps = [
        float(np.abs(nearest_cosine(leading_eigenvectors(one, classes=some, count=count).T)[1]).mean())
        for one, some in ((single, [0]), (model, classes), (model, np.flatnonzero(oblique).tolist()))
        if len(some)
    ]
    return Section(
        title="From frequencies to edges",
        question=f"How do the eigenvectors of the classes of {model.view.name} become oriented edge filters?",
        findings=[
            f"The mean coherence of direction is {directions.coherence.mean():.2f} over the classes and "
            f"{pooled.coherence[0]:.2f} for one operator with the second moments of all of them. 1 means that all "
            "gradients are parallel, 0 that no direction is preferred.",
            f"{int(oblique.sum())} of {model.classes} classes have a coherence above {_COHERENT} and edges more than "
            f"{_OBLIQUE:.0f}° off both axes.",
            "A DCT basis function is the product of a vertical and a horizontal cosine and has equal weight on a slope "
            f"and its mirror image. The mean overlap of the {count} leading eigenvectors with their nearest DCT basis "
            f"function is {overlaps[0]:.2f} for the one operator, {overlaps[1]:.2f} for all classes"
            + (f", and {overlaps[2]:.2f} for the oblique ones." if len(overlaps) > 2 else "."),
        ],
        figures=[
            one_plot(
                lambda ax: plot_edge_filters(model, classes=chosen, count=_DRAWN, ax=ax),
                (0.75 * len(chosen) + 0.7, 0.75 * 2 * _DRAWN + 0.6),
                f"The class of highest coherence for each of {SECTORS} directions that has one: its {_DRAWN} leading "
                "eigenvectors, each above the nearest DCT basis function with the modulus of their overlap. Labels "
                "below: class, direction of its edges, coherence.",
            ),
            one_plot(
                lambda ax: plot_orientations(
                    {f"{model.classes} classes": directions, "one operator for all": pooled}, ax=ax
                ),
                (6.4, 3.6),
                "Directions of the classes, each weighted by its coherence, and the direction of one operator for all. "
                "The bars of each colour sum to the mean coherence.",
            ),
        ],
    )


def leading_eigenvectors(model: JointMixture, *, classes: Sequence[int], count: int) -> Array:
    """(size², classes · count) leading eigenvectors, class by class, for a view with one plane."""
    arguments.require(model.view.planes == 1, "model", "must have a view with one plane", model.view.name)
    return np.hstack([model.basis(k)[:, :count] for k in classes])


def sector(degrees: Array) -> Array:
    """(n,) number of the sector that each direction falls into, 0 to SECTORS − 1."""
    return np.asarray(np.rint(np.ravel(degrees) / (180 / SECTORS)).astype(int) % SECTORS)


def class_orientations(model: JointMixture, *, classes: Sequence[int]) -> Orientation:
    """Orientation of the residuals of classes, for a view with one plane."""
    arguments.require(model.view.planes == 1, "model", "must have a view with one plane", model.view.name)
    return mean_orientation(np.stack([model.residual_covariance(k) for k in classes]))


def most_oriented(model: JointMixture) -> list[int]:
    """The class of highest coherence of each sector of directions that has one."""
    directions = class_orientations(model, classes=range(model.classes))
    sectors = sector(directions.degrees)
    candidates = (np.flatnonzero(sectors == one) for one in range(SECTORS))
    return [int(members[directions.coherence[members].argmax()]) for members in candidates if len(members)]
