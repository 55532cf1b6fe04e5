"""JPEG encoding and decoding of images by libjpeg."""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageFile

from qimg.core import Array, integer, one_of, require
from qimg.core.records import short_repr
from qimg.images.planes import code_values, to_uint8

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


@short_repr
class JpegRoundTrip(NamedTuple):
    """Result of encoding and decoding an image by JPEG."""

    image: Array
    """Decoded pixels, `uint8`, of the shape of the input without alpha."""
    file: bytes
    """The whole JPEG file."""


def jpeg_round_trip(image: ArrayLike, *, quality: int, subsampling: str | None = None) -> JpegRoundTrip:
    """Encode and decode by libjpeg (Pillow), with optimised Huffman tables.

    Args:
        image: an image array; 16 bit is rounded to 8, alpha is dropped.
        quality: 1 to 100, libjpeg's scale.
        subsampling: "4:4:4", "4:2:2" or "4:2:0" (the default) for colour; must be omitted for gray.
    """
    values = code_values(image)
    options: dict[str, Any] = {"quality": integer("quality", quality, 1, 100), "optimize": True}
    if values.ndim == 3:
        name = one_of("subsampling", "4:2:0" if subsampling is None else subsampling, _SUBSAMPLING)
        options["subsampling"] = _SUBSAMPLING[name]
    else:
        require(subsampling is None, "subsampling", "has no effect on a gray image and must be left out", subsampling)
    buffer = io.BytesIO()
    with _BUFFER_SIZE.at_least(8 * values.size):
        Image.fromarray(to_uint8(values)).save(buffer, "JPEG", **options)
    with Image.open(buffer) as file:
        decoded = np.array(file)
    return JpegRoundTrip(decoded, buffer.getvalue())


class _BufferSize:
    """Size of the buffer of Pillow's encoder, whose default is too small for noise at high quality.

    It is one number for the process. It is raised while any thread encodes, and restored when the last one has
    finished; a forked process begins with the default.
    """

    def __init__(self) -> None:
        self._default = ImageFile.MAXBLOCK
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        ImageFile.MAXBLOCK = self._default

    @contextmanager
    def at_least(self, n_bytes: int) -> Iterator[None]:
        """A buffer of at least this size inside the block."""
        with self._lock:
            if self._users == 0:
                self._default = ImageFile.MAXBLOCK
            self._users += 1
            ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, n_bytes)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    ImageFile.MAXBLOCK = self._default


_BUFFER_SIZE = _BufferSize()
