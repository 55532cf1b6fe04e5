"""The figure of the synthesis experiment: pictures and boards of patches above the curves that compare them."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from experiments._run import (
    Array,
    Axes,
    Figure,
    bare,
    finite_quantiles,
    groups,
    groups_by,
    picture_interval,
    plain_log_axis,
    select,
    values,
    zero_line,
)
from qimg import images

REAL, GAUSSIAN, MIXTURE = "real", "Gaussian", "mixture"
GAUSSIAN_TEXTURE, TEXTURE, COLOUR = "Gaussian texture", "prior texture", "prior texture in colour"
WHOLE = (REAL, GAUSSIAN_TEXTURE, TEXTURE)
"""Sources of planes."""
SOURCES = (REAL, GAUSSIAN, MIXTURE, GAUSSIAN_TEXTURE, TEXTURE)
"""Sources of patches."""
SHOWN = 256
"""Largest side of a picture in the figure."""

_CAPTIONS = {
    REAL: "a real picture",
    GAUSSIAN_TEXTURE: "texture of one Gaussian",
    TEXTURE: "texture of the prior",
    COLOUR: "the prior in colour",
    f"{REAL} patches": "real 8×8 patches",
    f"{GAUSSIAN} patches": "patches of one Gaussian",
    f"{MIXTURE} patches": "patches of the mixture",
}
_LINES = {
    REAL: ("C0", "-", "o"),
    GAUSSIAN: ("C1", "--", "s"),
    MIXTURE: ("C2", "--", "D"),
    GAUSSIAN_TEXTURE: ("C3", "-", "^"),
    TEXTURE: ("C4", "-", "v"),
}


def board(patches: Array, largest: float, *, gap: int = 1) -> Array:
    """Patches (n, 64) as a square of squares around middle gray, `largest` in white; at least one.

    Args:
        patches: relative to their mean, in code values.
        largest: code value that becomes white.
        gap: white pixels between patches.
    """
    across = math.ceil(math.sqrt(len(patches)))
    step = 8 + gap
    picture = np.full((across * step - gap, across * step - gap), 255.0)
    for number, patch in enumerate(patches):
        row, column = step * (number // across), step * (number % across)
        picture[row : row + 8, column : column + 8] = 128 + 127 / largest * patch.reshape(8, 8)
    return picture


def encoded(picture: Array) -> str:
    """A `uint8` image as a file in base64: PNG for gray, JPEG of quality 90 for colour."""
    if picture.ndim == 3:
        content = images.jpeg_round_trip(picture, quality=90, subsampling="4:4:4").file
    else:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
        content = buffer.getvalue()
    return base64.b64encode(content).decode("ascii")


def draw(rows: Sequence[Any]) -> Figure:
    """Pictures, boards and curves."""
    import matplotlib.pyplot as plt

    pictures = {row.source: row.picture for row in rows if row.picture}
    planes = [source for source in (*WHOLE, COLOUR) if source in pictures]
    boards = [source for source in pictures if source.endswith(" patches")]
    heights = [height for names, height in ((planes, 7.6 / max(len(planes), 1)), (boards, 2.5)) if names]
    figure = plt.figure(figsize=(7, sum(heights) + 4.4))
    *parts, bottom = np.atleast_1d(figure.subfigures(len(heights) + 1, 1, height_ratios=(*heights, 4.4)))
    for part, names in zip(parts, filter(None, (planes, boards)), strict=True):
        for ax, name in zip(np.atleast_1d(part.subplots(1, len(names))), names, strict=True):
            _show(pictures[name], _CAPTIONS[name], ax)
    axes = bottom.subplots(2, 2).ravel()
    _bands(rows, "power", "power spectrum", axes[0])
    axes[0].set_yscale("log")
    _tails(rows, axes[1])
    _bands(rows, "contrast", "correlation of contrast", axes[2])
    _bands(rows, "edges", "continuation of edges", axes[3])
    return figure


def _show(picture: str, caption: str, ax: Axes) -> None:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as file:
        ax.imshow(np.array(file), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    bare(ax)
    ax.set_xlabel(caption)


def _tails(rows: Sequence[Any], ax: Axes) -> None:
    """Pooled kurtosis of the coefficients on every diagonal of the DCT, its median."""
    for source in SOURCES:
        own = select(rows, source=source, statistic="kurtosis of coefficient")
        diagonals = dict(sorted(groups_by(own, lambda row: sum(divmod(int(row.x), 8))).items()))
        middle = [finite_quantiles(values(there, "value"))[1] for there in diagonals.values()]
        colour, line, marker = _LINES[source]
        ax.plot(list(diagonals), middle, line, color=colour, marker=marker, markersize=2.5, label=source)
    ax.set(xlabel="u + v of the DCT coefficient", title="kurtosis, 3 for a Gaussian")
    _logarithmic(ax, "y")
    low, high = ax.get_ylim()
    ax.set_ylim(low, 2.5 * high)  # room for the legend above the curves
    ax.legend(fontsize=6, loc="upper left", ncols=2)


def _bands(rows: Sequence[Any], statistic: str, title: str, ax: Axes) -> None:
    """Median and 5–95 % over the planes of each source against x."""
    for source in WHOLE:
        there = dict(sorted(groups(select(rows, source=source, statistic=statistic), "x").items()))
        if there:
            drawn = [values(own, "value") for own in there.values()]
            low, high = np.array([picture_interval(own, len(own)) for own in drawn]).T
            colour, line, marker = _LINES[source]
            middle = [finite_quantiles(own)[1] for own in drawn]
            ax.plot(list(there), middle, line, color=colour, marker=marker, markersize=2.5, label=source)
            ax.fill_between(list(there), low, high, color=colour, alpha=0.15, linewidth=0)
    if statistic != "power":
        zero_line(ax)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=6)
    ax.set(xlabel="cycles per pixel" if statistic == "power" else "distance, pixels", title=title)
    _logarithmic(ax, "x")


def _logarithmic(ax: Axes, which: str) -> None:
    if ax.get_lines():
        plain_log_axis(ax, which)
