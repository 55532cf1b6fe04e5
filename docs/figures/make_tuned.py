"""Draw docs/figures/tuned-crops.png, the block codec tuned for two errors: `python docs/figures/make_tuned.py`."""

from grid import Views, draw

import qimg
from qimg.codecs.protocol import TUNES
from qimg.images import bundled

PICTURES = {"coffee": (120, 150, 150, 190), "motorcycle": (180, 300, 150, 190)}
"""Bundled photographs, and row, column, rows and columns of the crop."""
BITS_PER_PIXEL = 0.3


def views(name: str) -> Views:
    """A photograph, and its files of equal size."""
    photo = bundled(name)
    files = {tune: qimg.encode(photo, codec="block", bits_per_pixel=BITS_PER_PIXEL, tune=tune) for tune in TUNES}
    return [(name, photo), *((f"tune={tune}, {len(file)} bytes", qimg.decode(file)) for tune, file in files.items())]


if __name__ == "__main__":
    draw(
        "tuned-crops.png",
        [views(name) for name in PICTURES],
        [bundled(name) for name in PICTURES],
        corners=list(PICTURES.values()),
        size=(10, 5.4),
        dpi=110,
    )
