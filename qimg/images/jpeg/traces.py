"""Traces of lossy compression: the format of a file, and the grid of an earlier JPEG in pixels."""

import os
from pathlib import Path

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.images.planes import luma

_SIDE = 200
_SMALLEST = 48
_SMALL = 0.75
_GAP = 0.02
_HIGH = DCT[np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel() >= 5].T


def lossy_format(path: str | os.PathLike[str]) -> str:
    """Name of the lossy format that a file begins like, such as "JPEG"; "" for other files and missing ones.

    AVIF and HEIC files count as lossy, although they can be lossless.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(16)
    except OSError:
        return ""
    if start[:2] == b"\xff\xd8":
        return "JPEG"
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8 ":
        return "WebP"
    if start[4:8] == b"ftyp":
        return {b"avif": "AVIF", b"avis": "AVIF"}.get(start[8:12], "HEIC" if start[8:11] == b"hei" else "")
    return ""


def jpeg_grid(image: Array) -> tuple[int, int] | None:
    """Row and column, 0 to 7, of the first corner of the blocks of an earlier JPEG compression; None without a trace.

    Quantization leaves many high-frequency coefficients near zero on its own grid and on no other. Of all 64 grids over
    the middle of the picture, the one with the largest share of such coefficients must exceed the next by 0.02. Resized
    pictures, and pictures smaller than 48×48, have no detectable grid. Cost: about 40 000 DCTs.

    Args:
        image: (H, W) or (H, W, channels), as in `qimg.images`.
    """
    first = [max(0, (length - _SIDE) // 2) for length in image.shape[:2]]
    part = image[first[0] : first[0] + _SIDE, first[1] : first[1] + _SIDE]
    if min(part.shape[:2]) < _SMALLEST:
        return None
    plane = luma(part).astype(np.float32)
    rows, columns = ((length - BLOCK + 1) // BLOCK for length in plane.shape)
    shares = np.zeros((BLOCK, BLOCK))
    for row, column in np.ndindex(BLOCK, BLOCK):
        window = plane[row : row + BLOCK * rows, column : column + BLOCK * columns]
        blocks = window.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
        shares[(first[0] + row) % BLOCK, (first[1] + column) % BLOCK] = (np.abs(blocks @ _HIGH) < _SMALL).mean()
    second, largest = np.sort(shares, axis=None)[-2:]
    place = np.unravel_index(shares.argmax(), shares.shape)
    return (int(place[0]), int(place[1])) if largest - second > _GAP else None
