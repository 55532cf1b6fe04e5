"""PNG by Pillow (zlib): lossless, 8 bits, with alpha."""

import numpy as np
from PIL import Image

from qimg.codecs.errors import BitstreamError
from qimg.codecs.peers.peer import Peer, metadata_in, save
from qimg.codecs.protocol import METADATA, Capabilities, EncodeOptions
from qimg.core import Array
from qimg.images.metadata import in_png


def _write(image: Array, options: EncodeOptions) -> bytes:
    return in_png(save(image, "PNG", optimize=True), metadata_in(options, ".png", image))


def _pixels(picture: Image.Image) -> Array:
    if any(
        "16" in str(tile[3]) for tile in getattr(picture, "tile", ())
    ):  # Pillow cuts 16-bit colour down to 8 bits (its issue 7723)
        raise BitstreamError("pixels must have 8 bits per channel, but have 16; qimg.load reads them")
    return np.asarray(picture)


CODEC = Peer(
    id="peer:png",
    name="PNG",
    about="zlib by Pillow, optimised, without loss",
    suffix=".png",
    form="PNG",
    capabilities=Capabilities(options=frozenset(METADATA), alpha=True, lossless=True),
    write=_write,
    pixels=_pixels,
)
