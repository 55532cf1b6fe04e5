"""The figure of the synthesis experiment: pictures and boards of patches above the curves that compare them."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from experiments._run import Axes, Figure, finite_quantiles, plain_log_axis, zero_line
from qimg import images
from qimg.core.arguments import Array

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
    GAUSSIAN_TEXTURE: "one Gaussian, block after block",
    TEXTURE: "the prior, block after block",
    COLOUR: "the prior in colour",
    f"{REAL} patches": "real 8×8 patches",
    f"{GAUSSIAN} patches": "one Gaussian of the same covariance",
    f"{MIXTURE} patches": "the prior's mixture",
}
_LINES = {REAL: ("C0", "-"), GAUSSIAN: ("C1", "--"), MIXTURE: ("C2", "--"), GAUSSIAN_TEXTURE: ("C1", "-")} | {
    TEXTURE: ("C2", "-")
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

    pictures = {row.source: row.picture for row in rows if row.statistic == "picture"}
    planes = [source for source in (*WHOLE, COLOUR) if source in pictures]
    boards = [source for source in pictures if source.endswith(" patches")]
    figure = plt.figure(figsize=(12, 11))
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(3.2 if len(planes) == 4 else 4, 3.4, 3.6))
    for part, names in ((top, planes), (middle, boards)):
        for ax, name in zip(np.atleast_1d(part.subplots(1, len(names))), names, strict=True):
            _show(pictures[name], _CAPTIONS[name], ax)
    axes = bottom.subplots(1, 4)
    _spectra(rows, axes[0])
    _tails(rows, axes[1])
    _reach(rows, "contrast", "correlation of contrast", axes[2])
    _reach(rows, "edges", "continuation of edges", axes[3])
    return figure


def _show(picture: str, caption: str, ax: Axes) -> None:
    with Image.open(io.BytesIO(base64.b64decode(picture))) as file:
        pixels = np.array(file)
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(caption)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _spectra(rows: Sequence[Any], ax: Axes) -> None:
    for source in WHOLE:
        _band(rows, source, "power", ax)
    ax.set(xlabel="cycles per pixel", title="power spectrum")
    _logarithmic(ax, "x")
    ax.set_yscale("log")


def _tails(rows: Sequence[Any], ax: Axes) -> None:
    """Pooled kurtosis of the coefficients on every diagonal of the DCT, its median."""
    for source in SOURCES:
        diagonals: dict[int, list[float]] = {}
        for row in rows:
            if row.source == source and row.statistic == "kurtosis of coefficient":
                diagonals.setdefault(sum(divmod(int(row.x), 8)), []).append(row.value)
        colour, line = _LINES[source]
        places = sorted(diagonals)
        middle = [finite_quantiles(diagonals[place])[1] for place in places]
        ax.plot(places, middle, line, color=colour, label=source)
    ax.set(xlabel="u + v of the DCT coefficient", title="kurtosis, 3 for a Gaussian")
    ax.legend(fontsize=7.5)
    _logarithmic(ax, "y")


def _reach(rows: Sequence[Any], statistic: str, title: str, ax: Axes) -> None:
    for source in WHOLE:
        _band(rows, source, statistic, ax)
    zero_line(ax)
    ax.set(xlabel="distance, pixels", title=title)
    _logarithmic(ax, "x")


def _band(rows: Sequence[Any], source: str, statistic: str, ax: Axes) -> None:
    """Median and 5–95 % over the planes of a source against x."""
    values: dict[float, list[float]] = {}
    for row in rows:
        if row.source == source and row.statistic == statistic:
            values.setdefault(row.x, []).append(row.value)
    if not values:
        return
    places = sorted(values)
    low, middle, high = np.array([finite_quantiles(values[place]) for place in places]).T
    colour, line = _LINES[source]
    ax.plot(places, middle, line, color=colour, label=source)
    ax.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def _logarithmic(ax: Axes, which: str) -> None:
    if ax.get_lines():
        plain_log_axis(ax, which)
