"""Draws docs/figures/codec-crops.png, the codec and its peers at equal bytes: `python docs/figures/make_crops.py`."""

from grid import Views, draw

import qimg
from qimg.codecs import registry
from qimg.core import Array
from qimg.images import bundled

PICTURES = {"astronaut": (30, 160, 170, 190), "coffee": (120, 150, 170, 190)}
"""Bundled photographs, and row, column, rows and columns of the crop."""
BITS_PER_PIXEL = 0.3
PEERS = ("peer:avif", "peer:webp", "peer:jpeg-optimised")


def closest(codec: str, photo: Array, size: int) -> bytes:
    """The peer's largest file of at most `size` bytes over all whole qualities."""
    files = [qimg.encode(photo, codec=codec, quality=quality) for quality in range(1, 96)]
    return max((file for file in files if len(file) <= size), key=len, default=min(files, key=len))


def views(name: str) -> Views:
    """A photograph, our codec's and the peers' versions of it."""
    photo = bundled(name)
    size = int(BITS_PER_PIXEL * photo[..., 0].size / 8)
    ours = qimg.encode(photo, size=size)
    files = {codec: closest(codec, photo, size) for codec in PEERS}
    return [
        (name, photo),
        (f"qimg, {len(ours)} bytes", qimg.decode(ours)),
        *(
            (f"{registry.codec(codec).name}, {len(file)} bytes", qimg.decode(file, codec=codec))
            for codec, file in files.items()
        ),
    ]


if __name__ == "__main__":
    originals = [bundled(name) for name in PICTURES]
    draw(
        "codec-crops.png",
        [views(name) for name in PICTURES],
        originals,
        corners=list(PICTURES.values()),
        size=(13, 5.6),
        dpi=110,
    )
