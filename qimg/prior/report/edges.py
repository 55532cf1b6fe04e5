"""How class eigenvectors become oriented edge filters: directions of classes, their plots, and the page's section."""

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
"""Orientations are counted in sectors of 15 degrees, the first one centred on horizontal edges."""
_EIGENVECTORS = 8
_DRAWN = 3
_OBLIQUE = 15.0
_COHERENT = 0.5


def plot_edge_filters(
    model: JointMixture, *, classes: Sequence[int], count: int = 3, ax: "Axes | None" = None
) -> "Axes":
    """Leading eigenvectors of classes, each above the DCT basis function nearest to it; one class per column.

    Below each column: the class, the direction of the edges of its patches and their coherence (`mean_orientation`).
    On each DCT function: the modulus of its overlap with the eigenvector.

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
    """Share of patches by the direction of their edges, each patch counted by its coherence; sectors of 15 degrees.

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
    """How far classes keep to one direction, and their eigenvectors with them, beside one operator for all.

    Args:
        model: a mixture whose view has one plane.
    """
    count = min(_EIGENVECTORS, model.view.dimension - model.view.observed)
    single = as_one_class(model)
    classes = range(model.classes)
    directions, alone = class_orientations(model, classes=classes), class_orientations(single, classes=[0])
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
            f"Coherence of direction is {directions.coherence.mean():.2f} on average over the classes, and "
            f"{alone.coherence[0]:.2f} for one operator with the second moments of all of them; 1 means that all "
            "patches run one way, 0 that no direction stands out.",
            f"{int(oblique.sum())} of {model.classes} classes have a coherence above {_COHERENT} and edges more than "
            f"{_OBLIQUE:.0f}° off both axes.",
            "A cosine of the DCT is a vertical times a horizontal wave and tells no slope from its mirror image. The "
            f"{count} leading eigenvectors overlap with the cosine nearest to them by {overlaps[0]:.2f} on average in "
            f"the one operator, by {overlaps[1]:.2f} in all classes"
            + (f", and by {overlaps[2]:.2f} in the oblique ones." if len(overlaps) > 2 else "."),
        ],
        figures=[
            one_plot(
                lambda ax: plot_edge_filters(model, classes=chosen, count=_DRAWN, ax=ax),
                (0.75 * len(chosen) + 0.7, 0.75 * 2 * _DRAWN + 0.6),
                f"For each of {SECTORS} directions the class that keeps to it the most, where there is one: its "
                f"{_DRAWN} leading eigenvectors, each above the DCT basis function nearest to it with the modulus of "
                "their overlap. Below: class, direction of its edges, coherence.",
            ),
            one_plot(
                lambda ax: plot_orientations(
                    {f"{model.classes} classes": directions, "one operator for all": alone}, ax=ax
                ),
                (6.4, 3.6),
                "Directions of the classes, each counted by its coherence, and the direction of one operator for all. "
                "The bars of each colour sum to the mean coherence.",
            ),
        ],
    )


def leading_eigenvectors(model: JointMixture, *, classes: Sequence[int], count: int) -> Array:
    """(size², classes · count) leading eigenvectors of classes of a view with one plane, class by class."""
    arguments.require(model.view.planes == 1, "model", "must have a view with one plane", model.view.name)
    return np.hstack([model.basis(k)[:, :count] for k in classes])


def sector(degrees: Array) -> Array:
    """(n,) number of the sector that each direction falls into, 0 to SECTORS − 1."""
    return np.asarray(np.rint(np.ravel(degrees) / (180 / SECTORS)).astype(int) % SECTORS)


def class_orientations(model: JointMixture, *, classes: Sequence[int]) -> Orientation:
    """Orientation of what classes of a view with one plane leave to be coded."""
    arguments.require(model.view.planes == 1, "model", "must have a view with one plane", model.view.name)
    return mean_orientation(np.stack([model.residual_covariance(k) for k in classes]))


def most_oriented(model: JointMixture) -> list[int]:
    """For each sector of directions the class of the highest coherence, where there is one."""
    directions = class_orientations(model, classes=range(model.classes))
    sectors = sector(directions.degrees)
    candidates = (np.flatnonzero(sectors == one) for one in range(SECTORS))
    return [int(members[directions.coherence[members].argmax()]) for members in candidates if len(members)]
