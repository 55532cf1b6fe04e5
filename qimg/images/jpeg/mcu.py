"""Units of a picture: the squares of pixels that one block of the coarsest component of a JPEG file covers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.images.jpeg.coefficients import Component, JpegFile
from qimg.images.jpeg.libjpeg import QuantizationBins, downsampled, quantization_bins


def mcu_size(file: JpegFile) -> tuple[int, int]:
    """Rows and columns of blocks of pixels in an MCU."""
    return max(one.vertical for one in file.components), max(one.horizontal for one in file.components)


def mcus_with(file: JpegFile, changed: list[Array], *, most: int) -> Iterator[Array]:
    """(n, 2) rows and columns of the MCUs that hold changed blocks, so many at a time.

    Args:
        file: JPEG file.
        changed: (R, C) of each component: which blocks.
        most: n, at most.
    """
    size = mcu_size(file)
    wanted = np.zeros([-(-length // (BLOCK * side)) for length, side in zip(file.shape, size, strict=True)], bool)
    for component, blocks in zip(file.components, changed, strict=True):
        counts = size[0] // component.vertical, size[1] // component.horizontal
        wanted[tuple((np.argwhere(blocks) // counts).T)] = True
    found = np.argwhere(wanted)
    for first in range(0, len(found), most):
        yield found[first : first + most]


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """Where some MCUs lie in a picture, and which of their pixels lie beyond it: those repeat the last ones."""

    rows: Array
    """(n, h) row in the picture of each row of pixels."""
    columns: Array
    """(n, w)."""

    @classmethod
    def at(cls, places: Array, file: JpegFile) -> "Frame":
        """Of the MCUs at `places`, (n, 2)."""
        rows, columns = (
            np.minimum(BLOCK * side * places[:, axis, None] + np.arange(BLOCK * side), file.shape[axis] - 1)
            for axis, side in enumerate(mcu_size(file))
        )
        return cls(rows=rows, columns=columns)

    def of(self, kept: Array) -> "Frame":
        """Of some of the MCUs."""
        return Frame(rows=self.rows[kept], columns=self.columns[kept])

    def read(self, pixels: Array) -> Array:
        """(n, h, w, ...) pixels of a picture (H, W, ...)."""
        return pixels[self.rows[:, :, None], self.columns[:, None, :]]

    def write(self, pixels: Array, values: Array) -> None:
        """Put MCUs (n, h, w, ...) into a picture, which is changed."""
        pixels[self.rows[:, :, None], self.columns[:, None, :]] = self.repeated(values)

    def repeated(self, values: Array) -> Array:
        """MCUs (n, h, w, ...), pixels beyond the picture replaced by the last ones in it."""
        row, column = (index - index[:, :1] for index in (self.rows, self.columns))
        partial = np.flatnonzero((row[:, -1] < row.shape[1] - 1) | (column[:, -1] < column.shape[1] - 1))
        if len(partial):
            values = values.copy()
            values[partial] = values[partial[:, None, None], row[partial, :, None], column[partial, None, :]]
        return values


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """One component in some MCUs, of which each has as many (rows, columns) of its blocks."""

    factors: tuple[int, int]
    """Rows and columns of pixels for a sample."""
    bins: QuantizationBins
    """(n, rows, columns, 64)."""
    held: Array
    """(n, rows, columns, 2) rows and columns of samples of the picture in a block; those beyond repeat the last."""

    @classmethod
    def over(cls, component: Component, places: Array, file: JpegFile) -> "Layer":
        """A component of a file in the MCUs at `places`, (n, 2)."""
        size = mcu_size(file)
        counts = size[0] // component.vertical, size[1] // component.horizontal
        block = [places[:, axis, None] * count + np.arange(count) for axis, count in enumerate(counts)]
        held = [np.clip(length - BLOCK * one, 0, BLOCK) for length, one in zip(component.shape, block, strict=True)]
        row, column = (
            np.minimum(one, length - 1) for one, length in zip(block, component.coefficients.shape[:2], strict=True)
        )
        coefficients = component.coefficients[row[:, :, None], column[:, None, :]]
        return cls(
            factors=(component.vertical, component.horizontal),
            bins=quantization_bins(coefficients.reshape(*coefficients.shape[:3], BLOCK * BLOCK), component.table),
            held=np.stack(np.broadcast_arrays(held[0][:, :, None], held[1][:, None, :]), axis=-1),
        )

    def of(self, kept: Array) -> "Layer":
        """In some of the MCUs."""
        return replace(self, bins=self.bins.of(kept), held=self.held[kept])

    @property
    def real(self) -> Array:
        """(n, rows, columns) which blocks the file holds; the others pad the last MCUs."""
        return np.asarray(self.held.all(axis=-1))

    def blocks(self, samples: Array) -> Array:
        """(n, rows, columns, 64) what an encoder transforms, from samples (n, R, C)."""
        rows, columns = self.held.shape[1:3]
        out = samples.reshape(-1, rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
        if (self.held[..., 0] < BLOCK).any():  # below the picture rows of samples are repeated, not rows of pixels
            last = np.maximum(self.held[..., 0, None] - 1, 0)
            out = np.take_along_axis(out, np.minimum(np.arange(BLOCK), last)[..., None], axis=3)
        return out.reshape(*self.held.shape[:3], BLOCK * BLOCK)

    def sampled(self, values: Array) -> Array:
        """(n, rows, columns, 64) blocks of integer pixels (n, h, w), as an encoder subsamples them."""
        return self.blocks(downsampled(values, *self.factors))

    def coefficients(self, values: Array) -> Array:
        """(n, rows, columns, 64) of real pixels (n, h, w), in code values, without level shift."""
        return np.asarray(self.blocks(self.boxes(values).mean(axis=(2, 4))) @ DCT.T)

    def boxes(self, values: Array) -> Array:
        """(n, R, v, C, h) pixels (n, h, w) by the samples that they belong to."""
        n, height, width = values.shape
        vertical, horizontal = self.factors
        return values.reshape(n, height // vertical, vertical, width // horizontal, horizontal)

    def spread(self, blocks: Array) -> Array:
        """(n, h, w) samples (n, rows, columns, 64) repeated over their pixels."""
        n, rows, columns = self.held.shape[:3]
        samples = blocks.reshape(n, rows, columns, BLOCK, BLOCK).swapaxes(2, 3)
        samples = samples.reshape(n, BLOCK * rows, BLOCK * columns)
        return np.repeat(np.repeat(samples, self.factors[0], axis=1), self.factors[1], axis=2)

    def shared(self, blocks: Array) -> Array:
        """Samples (n, rows, columns, 64), those beyond the picture and the last one in it replaced by their mean."""
        out = blocks.reshape(*blocks.shape[:3], BLOCK, BLOCK)
        for axis in (0, 1):
            last = np.maximum(self.held[..., axis] - 1, 0)[..., None, None]
            if (last < BLOCK - 1).any():
                same = np.expand_dims(np.arange(BLOCK), 1 - axis) >= last
                mean = (out * same).sum(axis=3 + axis, keepdims=True) / same.sum(axis=3 + axis, keepdims=True)
                out = np.where(same, mean, out).astype(blocks.dtype)
        return out.reshape(blocks.shape)
