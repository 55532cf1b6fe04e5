"""Raw and JPEG pairs by libjpeg."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageFile

from qimg.core import Array, integer, one_of, require
from qimg.images.planes import code_values, to_uint8

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


class JpegRoundTrip(NamedTuple):
    """What a JPEG encoder made of an image."""

    image: Array
    """Decoded pixels, `uint8`, of the shape that went in."""
    file: bytes
    """The whole JPEG file."""


def jpeg_round_trip(image: ArrayLike, *, quality: int, subsampling: str | None = None) -> JpegRoundTrip:
    """Encode and decode by libjpeg (Pillow), with optimised Huffman tables.

    Args:
        image: an image array; 16 bit is rounded to 8, alpha is dropped.
        quality: 1 to 100, libjpeg's scale.
        subsampling: "4:4:4", "4:2:2" or "4:2:0" (when left out) for colour; must be left out for gray.
    """
    values = code_values(image)
    options: dict[str, Any] = {"quality": integer("quality", quality, 1, 100), "optimize": True}
    if values.ndim == 3:
        name = one_of("subsampling", "4:2:0" if subsampling is None else subsampling, _SUBSAMPLING)
        options["subsampling"] = _SUBSAMPLING[name]
    else:
        require(subsampling is None, "subsampling", "has no effect on a gray image and must be left out", subsampling)
    buffer = io.BytesIO()
    with _room_for(8 * values.size):
        Image.fromarray(to_uint8(values)).save(buffer, "JPEG", **options)
    with Image.open(buffer) as file:
        decoded = np.array(file)
    return JpegRoundTrip(decoded, buffer.getvalue())


@contextmanager
def _room_for(n_bytes: int) -> Iterator[None]:
    """Let Pillow's encoder take a buffer of this size: its own guess is too small for noise at high quality."""
    usual = ImageFile.MAXBLOCK
    ImageFile.MAXBLOCK = max(usual, n_bytes)
    try:
        yield
    finally:
        ImageFile.MAXBLOCK = usual
