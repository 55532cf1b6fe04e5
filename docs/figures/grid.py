"""Figures of the documentation with versions of pictures on a grid, each with its PSNR."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qimg
from qimg.core import Array
from qimg.report import LIGHT

FOLDER = Path(__file__).parent

Views = Sequence[tuple[str, Array]]
"""Titles and pictures: versions of one picture, side by side."""


def draw(
    file: str, views: Sequence[Views], originals: Sequence[Array], *, corners: Sequence[tuple[int, int, int, int]] = (),
    down: bool = False, size: tuple[float, float], dpi: int
) -> None:  # fmt: skip
    """Write a figure with a row of versions for each picture.

    Args:
        file: name beside this file.
        views: of each picture; the title of a version that differs from the original states its PSNR.
        originals: of each picture.
        corners: row, column, rows and columns of the visible part of each picture; by default the whole picture.
        down: one column for each picture instead of one row.
        size: of the figure in inches.
        dpi: dots per inch.
    """
    parts = corners or [(0, 0, *original.shape[:2]) for original in originals]
    separator = ", " if down else "\n"
    with plt.rc_context({**LIGHT, "backend": "agg"}):
        shape = (len(views[0]), len(views)) if down else (len(views), len(views[0]))
        figure, axes = plt.subplots(*shape, figsize=size, layout="constrained")
        lines = zip(axes.T if down else axes, views, originals, parts, strict=True)
        for line, versions, original, (top, left, rows, columns) in lines:
            for ax, (title, picture) in zip(line, versions, strict=True):
                ax.imshow(picture[top : top + rows, left : left + columns], interpolation="nearest")
                same = np.array_equal(picture, original)
                psnr = "" if same else f"{separator}{qimg.psnr_db(original, picture, data_range=255):.2f} dB"
                ax.set_title(title + psnr, fontsize=9)
                ax.set_axis_off()
        figure.savefig(FOLDER / file, dpi=dpi)
