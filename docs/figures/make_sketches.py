"""Draw docs/figures/sketches.png, pictures of 200 bytes: `PYTHONPATH=. python docs/figures/make_sketches.py`."""

from grid import Views, draw

import qimg
from experiments.coding.sketch import PEERS, hashed, within
from qimg.codecs import registry
from qimg.images import box_mean, bundled

PICTURES = {"astronaut": 4, "coffee": 4}
"""Bundled photographs, and the factor by which they are reduced."""
SIZE = 200


def views(name: str) -> Views:
    """A thumbnail, and its versions; of a codec without a file that small, the smallest file."""
    photo = box_mean(bundled(name), PICTURES[name])
    sketch, block = (qimg.encode(photo, codec=codec, size=SIZE) for codec in ("sketch", "block"))
    peers = {codec: within(photo, codec, SIZE) for codec in PEERS}
    picture, length = hashed(photo, SIZE)
    return [
        (f"{name}, {photo.shape[1]}×{photo.shape[0]}", photo),
        (f"sketch, {len(sketch)} bytes", qimg.decode(sketch)),
        (f"qimg block, {len(block)} bytes", qimg.decode(block)),
        *(
            (f"{registry.codec(codec).name}, {len(file)} bytes", qimg.decode(file, codec=codec))
            for codec, file in peers.items()
        ),
        (f"BlurHash, {length} bytes", picture),
    ]


if __name__ == "__main__":
    originals = [box_mean(bundled(name), factor) for name, factor in PICTURES.items()]
    draw("sketches.png", [views(name) for name in PICTURES], originals, size=(15, 4.6), dpi=100)
