"""Maps of steps: for each superblock an offset in eighths of an octave from the steps of the picture."""

from collections.abc import Sequence

import numpy as np

from qimg.codecs.block.bitstream.packing import packed, unpacked
from qimg.codecs.block.model.local_steps import FURTHEST, Ladder
from qimg.codecs.block.transform.dequantization import log_step
from qimg.codecs.block.transform.geometry import SUPERBLOCK, padded
from qimg.codecs.errors import BitstreamError
from qimg.core import Array

_ROOT_BITS = 14
_ROOTS = [round(2 ** (k / 8 + _ROOT_BITS)) for k in range(8)]
_FINEST, _COARSEST = 16, 65535


def step_at(step: int, offset: int) -> int:
    """The step · 2^(offset / 8), rounded, in integers; at least 16, or the step if that is less, and at most 65535."""
    octaves, part = divmod(int(offset), 8)
    shift = _ROOT_BITS - octaves
    return min(max((int(step) * _ROOTS[part] + (1 << (shift - 1))) >> shift, min(step, _FINEST)), _COARSEST)


def ladder_of(steps: Sequence[int], *, furthest: int = FURTHEST) -> Ladder:
    """The steps of three planes at the offsets −furthest to furthest.

    >>> ladder_of((640, 480, 480), furthest=8).steps[[0, 8, 12, 16]].tolist()
    [[320, 240, 240], [640, 480, 480], [905, 679, 679], [1280, 960, 960]]
    """
    offsets = range(-furthest, furthest + 1)
    every = np.array([[step_at(step, offset) for step in steps] for offset in offsets], np.int64)
    log_steps = np.array([[log_step(int(step)) for step in row] for row in every], np.int64)
    return Ladder(every, log_steps, np.clip(log_steps[:, 0] // 8 - 1, 0, 7))


def map_shape(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of superblocks of a picture."""
    return padded(height) // SUPERBLOCK, padded(width) // SUPERBLOCK


def step_map_to_bytes(offsets: Array) -> bytes:
    """Pack offsets (rows, columns) int8: differences to the offset to the left, in the first column to that above."""
    before = np.concatenate([np.zeros((1, 1), np.int8), offsets[:-1, :1]])
    return packed([np.diff(offsets, axis=1, prepend=before).astype(np.int8).tobytes()])


def step_map_from_bytes(payload: bytes, height: int, width: int) -> Array:
    """Offsets (rows, columns) int8 of the superblocks of a picture from the bytes of `step_map_to_bytes`.

    Raises:
        BitstreamError: the payload does not hold so many offsets, or one is out of range.
    """
    rows, columns = map_shape(height, width)
    content = unpacked(payload, rows * columns, rows * columns, "the map of steps")
    offsets = np.frombuffer(content, np.int8).reshape(rows, columns).astype(np.int64)
    offsets[:, 0] = np.cumsum(offsets[:, 0])
    offsets = np.cumsum(offsets, axis=1)
    furthest = int(np.abs(offsets).max())
    if furthest > FURTHEST:
        rule = f"the offsets of steps must be in [-{FURTHEST}, {FURTHEST}]"
        raise BitstreamError(f"{rule}, but one has the magnitude {furthest}")
    return offsets.astype(np.int8)
