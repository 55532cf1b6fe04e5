"""Matrices of comparisons as heat maps with named rows and columns."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from experiments._run import Axes, literal_label
from qimg.core import Array

MAX_WRITTEN = 12
"""Largest number of rows for which the value of each cell is written into it."""


def plot_matrix(
    values: Array,
    labels: Sequence[str],
    *,
    groups: Sequence[str],
    unit: str,
    logarithmic: bool,
    palette: str,
    ax: Axes,
) -> Axes:
    """Draw a square matrix with the same names along both sides.

    Args:
        values: (k, k); NaN cells stay empty.
        labels: k names.
        groups: the group of each; neighbours of one group are framed together under its name.
        unit: of the values, below the colour bar.
        logarithmic: whether colours follow the logarithm of the values; cells that are not positive stay empty.
        palette: name of one of matplotlib's colour maps.
        ax: axes to draw on.
    """
    from matplotlib.colors import LogNorm, Normalize

    drawable = np.where(np.isfinite(values) & ((values > 0) | (not logarithmic)), values, np.nan)
    finite = drawable[np.isfinite(drawable)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.1, 1.0)
    norm: Any = LogNorm(low, max(high, 1.01 * low)) if logarithmic else Normalize(low, max(high, low + 1e-9))
    image = ax.imshow(drawable, cmap=palette, norm=norm)
    names = [literal_label(label) for label in labels]
    size = 9 if len(labels) <= MAX_WRITTEN else max(5.0, 9 - 0.13 * (len(labels) - MAX_WRITTEN))
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    ax.set_yticks(range(len(names)), names, fontsize=size)
    ax.grid(visible=False)
    start = 0
    for group, members in groupby(groups):
        count = len(list(members))
        if start > 0:
            ax.axhline(start - 0.5, color="white", linewidth=1.5)
            ax.axvline(start - 0.5, color="white", linewidth=1.5)
        ax.text(start + (count - 1) / 2, -0.8, group, ha="center", va="bottom", fontsize=9)
        start += count
    if len(labels) <= MAX_WRITTEN:
        for (row, column), value in np.ndenumerate(drawable):
            if np.isfinite(value):
                light = sum(image.cmap(norm(value))[:3]) > 1.6
                text = f"{value:.3f}" if value < 0.9995 or logarithmic else "1"
                colour = "black" if light else "white"
                ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
    ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03).ax.set_xlabel(unit, fontsize=8)
    return ax
