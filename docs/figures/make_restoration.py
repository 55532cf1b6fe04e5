"""Draws docs/figures/restoration.png, JPEG files and what comes back: `python docs/figures/make_restoration.py`.

Needs the extra `learned`.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qimg
from experiments.restoration.restoration import shifts
from qimg import images
from qimg.report import LIGHT

PICTURES = (
    ("astronaut", 10, (20, 150, 150, 170)),
    ("chelsea", 10, (60, 110, 150, 170)),
    ("coffee", 20, (120, 150, 150, 170)),
)
"""Bundled photographs, quality, and row, column, rows and columns of the crop."""


def main() -> None:
    """Write the figure beside this file."""
    with plt.rc_context({**LIGHT, "backend": "agg"}):
        figure, axes = plt.subplots(len(PICTURES), 6, figsize=(15.4, 7.6), layout="constrained")
        for row, (name, quality, (top, left, rows, columns)) in zip(axes, PICTURES, strict=True):
            photo = images.bundled(name)
            coded = images.jpeg_round_trip(photo, quality=quality)
            views = {
                name: photo,
                f"JPEG, quality {quality}, 4:2:0": coded.image,
                "the same at 64 shifts": shifts(coded.file, coded.image, quality),
                "qimg restore": qimg.restore(coded.file),
                "qimg restore --method network": qimg.restore(coded.file, method="network"),
                "qimg restore --tune natural": qimg.restore(coded.file, tune="natural"),
            }
            for ax, (title, picture) in zip(row, views.items(), strict=True):
                ax.imshow(picture[top : top + rows, left : left + columns], interpolation="nearest")
                quality_db = "" if np.array_equal(picture, photo) else f"\n{qimg.psnr_db(photo, picture):.2f} dB"
                ax.set_title(title + quality_db, fontsize=9)
                ax.set_axis_off()
        figure.savefig(Path(__file__).with_name("restoration.png"), dpi=110)


if __name__ == "__main__":
    main()
