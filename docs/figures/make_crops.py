"""Draw docs/figures/codec-crops.png, the codec and its peers at equal bytes: `python docs/figures/make_crops.py`."""

from grid import Views, draw

import qimg
from qimg.codecs import registry
from qimg.core import Array
from qimg.images import bundled

PICTURES = {"astronaut": (30, 160, 170, 190), "coffee": (120, 150, 170, 190)}
"""Bundled photographs, and row, column, rows and columns of the crop."""
BITS_PER_PIXEL = 0.3
PEERS = ("peer:avif-psnr", "peer:avif", "peer:webp", "peer:jpeg-optimised")


def closest(codec: str, photo: Array, size: int) -> bytes:
    """The largest file of a peer of at most `size` bytes, over integer qualities; file sizes grow with the quality."""
    low, high = 1, 95
    file = qimg.encode(photo, codec=codec, quality=low)
    while high - low > 1:
        middle = (low + high) // 2
        larger = qimg.encode(photo, codec=codec, quality=middle)
        if len(larger) <= size:
            low, file = middle, larger
        else:
            high = middle
    return file


def views(name: str) -> Views:
    """A photograph, and its versions by the block codec and the peers."""
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
        size=(13, 4.9),
        dpi=110,
    )
