"""Lossless coding of pixels as packed differences, for noise and for graphics."""

import zlib
from collections.abc import Iterable

import numpy as np

from qimg.codecs.block.bitstream.packing import packed, unpacked
from qimg.codecs.block.layers.picture import CUT
from qimg.codecs.errors import BitstreamError
from qimg.core import Array

PLAIN, ABOVE, LEFT = 0, 1, 2
"""Predictions of a pixel: 0, the pixel above, the pixel to the left."""
_BLOCK = 1 << 20  # values at a time
_SMALL = 1 << 18  # bytes of pictures for which every prediction is tried
_SAMPLE = 1 << 16  # bytes of the rows that are tried


def encode_lossless(pixels: Array) -> bytes:
    """Encode pixels without loss, by the prediction that suits them best.

    The payload is a byte with the number of the prediction and, packed, the differences modulo 2⁸ or 2¹⁶, row by row,
    the channels of a pixel together, 16-bit numbers with the low byte first. It exceeds the pixels by 0.01 % and 5
    bytes at most.

    Args:
        pixels: (H, W, channels) `uint8` or `uint16`.
    """
    predictions = (PLAIN, ABOVE, LEFT)
    if pixels.nbytes <= _SMALL:
        return min((_payload(pixels, prediction) for prediction in predictions), key=len)
    sizes = [sum(len(zlib.compress(part, 1)) for part in _differences(pixels, kind)) for kind in predictions]
    return _payload(pixels, predictions[int(np.argmin(sizes))])


def _payload(pixels: Array, prediction: int) -> bytes:
    return bytes([prediction]) + packed(_differences(pixels, prediction))


def looks_simple(pixels: Array) -> bool:
    """Whether a few rows of a picture deflate to a quarter, as those of photographs do not."""
    count = max(1, _SAMPLE // pixels[0].nbytes)
    first = max(0, (len(pixels) - count) // 2)
    part = np.ascontiguousarray(pixels[first : first + count, :_SAMPLE])
    return len(zlib.compress(part.tobytes(), 1)) <= part.nbytes / 4


def decode_lossless(payload: bytes, pixels: Array, *, cut: bool) -> None:
    """Decode pixels; the stream is unpacked only up to their size.

    Args:
        payload: from `encode_lossless`.
        pixels: (H, W, channels) `uint8` or `uint16`, filled.
        cut: the payload may end early; the rows that are missing become mid-gray.

    Raises:
        BitstreamError: the payload is not a prediction and exactly these pixels.
    """
    prediction = payload[0] & ~CUT if payload else PLAIN
    if prediction > LEFT:
        raise BitstreamError(f"lossless pixels must have a prediction in [0, {LEFT}], but have {prediction}")
    cut = cut or bool(payload and payload[0] & CUT)
    height, stored = len(pixels), pixels.dtype.newbyteorder("<")
    content = unpacked(payload[1:], pixels.nbytes, pixels.nbytes, "lossless pixels", cut=cut)
    rows = len(content) // (pixels.nbytes // height)
    values = np.frombuffer(content, stored, rows * pixels[0].size).reshape(rows, *pixels.shape[1:])
    pixels[rows:] = 1 << (8 * pixels.itemsize - 1)
    if prediction == PLAIN:
        pixels[:rows] = values
    else:
        axis = 0 if prediction == ABOVE else 1
        pixels[:rows] = np.add.accumulate(values, axis=axis, dtype=pixels.dtype)


def _differences(pixels: Array, prediction: int) -> Iterable[bytes]:
    rows = max(1, _BLOCK // pixels[0].size)
    for first in range(0, len(pixels), rows):
        part = pixels[first : first + rows]
        if prediction == LEFT:
            part = np.diff(part, axis=1, prepend=pixels.dtype.type(0))
        elif prediction == ABOVE:
            above = pixels[first - 1 : first] if first else np.zeros_like(part[:1])
            part = np.diff(part, axis=0, prepend=above)
        yield part.astype(pixels.dtype.newbyteorder("<")).tobytes()
