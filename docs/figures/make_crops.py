"""Draws docs/figures/codec-crops.png, the codec and its peers at equal bytes: `python docs/figures/make_crops.py`."""

from grid import Views, draw

import qimg
from qimg.codecs.peers import peers
from qimg.core.arguments import Array
from qimg.images import bundled

PICTURES = {"astronaut": (30, 160, 170, 190), "coffee": (120, 150, 170, 190)}
"""Bundled photographs, and row, column, rows and columns of the crop."""
BITS_PER_PIXEL = 0.3
PEERS = ("AVIF", "WebP", "JPEG optimised")


def closest(codec: peers.Codec, photo: Array, size: int) -> bytes:
    """The peer's largest file of at most `size` bytes over all whole qualities."""
    files = [codec.encode(photo, quality) for quality in range(1, 96)]
    return max((file for file in files if len(file) <= size), key=len, default=min(files, key=len))


def views(name: str) -> Views:
    """A photograph, our codec's and the peers' versions of it."""
    photo = bundled(name)
    size = int(BITS_PER_PIXEL * photo[..., 0].size / 8)
    ours = qimg.encode(photo, size=size)
    shown = [next(codec for codec in peers.CODECS if codec.name.startswith(wanted)) for wanted in PEERS]
    files = {codec: closest(codec, photo, size) for codec in shown}
    return [
        (name, photo),
        (f"qimg, {len(ours)} bytes", qimg.decode(ours)),
        *((f"{codec.name}, {len(file)} bytes", codec.decode(file)) for codec, file in files.items()),
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
