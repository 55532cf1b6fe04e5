"""Patches at random positions of pictures in memory, cut out batch by batch in every pass."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer

BATCH_BYTES = 1 << 25
"""Size of a batch in single precision."""


class DrawnPatches:
    """n patches of size×size pixels at random positions, which are drawn once and cut out anew in every pass.

    Memory holds the pictures and 12 bytes per patch, never the patches: a source for `LowRankOperator.from_patches`. A
    picture is drawn with the probability of its number of positions, so that every position of every picture is
    equally likely; positions may repeat. Component `size² p + size r + c` is pixel (r, c) of plane p.

    Args:
        pictures: planes (H, W) or (H, W, C) of one number type, with sides of at least `size`.
        size: side of a patch in pixels.
        count: n ≥ 1.
        seed: of the positions.

    >>> source = DrawnPatches([np.arange(100, dtype=np.uint8).reshape(10, 10)], size=4, count=7, seed=0)
    >>> [batch.shape for batch in source]
    [(7, 16)]
    """

    def __init__(self, pictures: Sequence[ArrayLike], *, size: int, count: int, seed: int = 0) -> None:
        self.size = integer("size", size, 1)
        self.count = integer("count", count, 1)
        arguments.require(len(pictures) > 0, "pictures", "must hold at least one picture", [])
        self._planes = [_planar(picture) for picture in pictures]
        forms = {(planes.shape[0], planes.dtype.str) for planes in self._planes}
        arguments.require(len(forms) == 1, "pictures", "must have one number of planes and one number type", forms)
        smallest = min(min(planes.shape[1:]) for planes in self._planes)
        rule = f"must be at most {smallest} for these pictures"
        arguments.require(self.size <= smallest, "size", rule, self.size)
        rng = np.random.default_rng(integer("seed", seed, 0))
        room = np.array([(p.shape[1] - size + 1, p.shape[2] - size + 1) for p in self._planes])
        positions = room.prod(axis=1)
        self._picture = rng.choice(len(room), self.count, p=positions / positions.sum()).astype(np.int32)
        self._row = (rng.random(self.count) * room[self._picture, 0]).astype(np.int32)
        self._column = (rng.random(self.count) * room[self._picture, 1]).astype(np.int32)

    @property
    def dimension(self) -> int:
        """Length C·size² of the vectors."""
        return int(self._planes[0].shape[0] * self.size**2)

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self.count // self._step())

    def __iter__(self) -> Iterator[Array]:
        """The batches (b, d) of a pass, in the number type of the pictures."""
        step = self._step()
        return (self.patches(np.arange(k, min(k + step, self.count))) for k in range(0, self.count, step))

    def patches(self, numbers: ArrayLike) -> Array:
        """(m, d) the patches of these numbers, 0 to n − 1."""
        chosen = np.asarray(numbers)
        planes, size = self._planes, self.size
        result = np.empty((len(chosen), planes[0].shape[0], size, size), planes[0].dtype)
        places = zip(
            self._picture[chosen].tolist(), self._row[chosen].tolist(), self._column[chosen].tolist(), strict=True
        )
        for patch, (picture, row, column) in zip(result, places, strict=True):
            patch[...] = planes[picture][:, row : row + size, column : column + size]
        return result.reshape(len(chosen), -1)

    def sample(self, count: int, seed: int) -> Array:
        """At most `count` different patches of all, drawn without reading the others."""
        rng = np.random.default_rng([integer("seed", seed, 0), 1])
        return self.patches(np.sort(rng.permutation(self.count)[: integer("count", count, 1)]))

    def _step(self) -> int:
        return max(1, BATCH_BYTES // (4 * self.dimension))


def _planar(picture: ArrayLike) -> Array:
    pixels = arguments.plain("pictures", picture)
    ok = pixels.ndim in (2, 3) and pixels.size > 0
    arguments.require_shape(ok, "pictures", "(H, W) or (H, W, C) with at least one pixel", pixels)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0))
