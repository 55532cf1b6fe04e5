"""Draw docs/figures/restoration.png, JPEG files and their restorations: `python docs/figures/make_restoration.py`.

Needs the extra `learned`.
"""

from grid import Views, draw

import qimg
from experiments.restoration.restoration import shifts
from qimg import images

PICTURES = {
    "astronaut": (10, (20, 150, 150, 170)),
    "chelsea": (10, (60, 110, 150, 170)),
    "coffee": (20, (120, 150, 150, 170)),
}
"""Bundled photographs, quality, and row, column, rows and columns of the crop."""


def views(name: str, quality: int) -> Views:
    """A photograph, its JPEG file, and restorations of that file."""
    photo = images.bundled(name)
    coded = images.jpeg_round_trip(photo, quality=quality)
    return [
        (name, photo),
        (f"JPEG, quality {quality}, 4:2:0", coded.image),
        ("the same at 64 shifts", shifts(coded.file, coded.image, quality)),
        ("qimg restore", qimg.restore(coded.file)),
        ("qimg restore --method network", qimg.restore(coded.file, method="network")),
        ("qimg restore --tune natural", qimg.restore(coded.file, tune="natural")),
    ]


if __name__ == "__main__":
    draw(
        "restoration.png",
        [views(name, quality) for name, (quality, _) in PICTURES.items()],
        [images.bundled(name) for name in PICTURES],
        corners=[corner for _, corner in PICTURES.values()],
        size=(15.4, 7.6),
        dpi=110,
    )
