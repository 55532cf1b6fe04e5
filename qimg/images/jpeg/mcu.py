"""Minimum coded units (MCUs): the areas of pixels that one block of the coarsest component of a JPEG file covers."""

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
    """Rows and columns (n, 2) of the MCUs that contain changed blocks, in batches.

    Args:
        file: JPEG file.
        changed: (R, C) booleans of each component, true for changed blocks.
        most: largest number n of MCUs in a batch.
    """
    size = mcu_size(file)
    selected = np.zeros([-(-length // (BLOCK * side)) for length, side in zip(file.shape, size, strict=True)], bool)
    for component, blocks in zip(file.components, changed, strict=True):
        counts = size[0] // component.vertical, size[1] // component.horizontal
        selected[tuple((np.argwhere(blocks) // counts).T)] = True
    places = np.argwhere(selected)
    for first in range(0, len(places), most):
        yield places[first : first + most]


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """Positions of the pixels of some MCUs in a picture; pixels outside the picture repeat the last ones in it."""

    rows: Array
    """(n, h) row in the picture of each row of pixels."""
    columns: Array
    """(n, w) column in the picture of each column of pixels."""

    @classmethod
    def at(cls, places: Array, file: JpegFile) -> "Frame":
        """The frame of the MCUs at `places`, (n, 2)."""
        rows, columns = (
            np.minimum(BLOCK * side * places[:, axis, None] + np.arange(BLOCK * side), file.shape[axis] - 1)
            for axis, side in enumerate(mcu_size(file))
        )
        return cls(rows=rows, columns=columns)

    def of(self, selection: Array) -> "Frame":
        """The frame of a selection of the MCUs."""
        return Frame(rows=self.rows[selection], columns=self.columns[selection])

    def read(self, pixels: Array) -> Array:
        """Pixels (n, h, w, ...) of a picture (H, W, ...)."""
        return pixels[self.rows[:, :, None], self.columns[:, None, :]]

    def write(self, pixels: Array, values: Array) -> None:
        """Write MCUs (n, h, w, ...) into a picture; modifies `pixels`."""
        pixels[self.rows[:, :, None], self.columns[:, None, :]] = self.repeated(values)

    def repeated(self, values: Array) -> Array:
        """MCUs (n, h, w, ...) with pixels outside the picture replaced by the last ones in it."""
        row, column = (index - index[:, :1] for index in (self.rows, self.columns))
        partial = np.flatnonzero((row[:, -1] < row.shape[1] - 1) | (column[:, -1] < column.shape[1] - 1))
        if len(partial):
            values = values.copy()
            values[partial] = values[partial[:, None, None], row[partial, :, None], column[partial, None, :]]
        return values


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """One component in n MCUs, each with rows × columns of its blocks."""

    factors: tuple[int, int]
    """Rows and columns of pixels per sample."""
    bins: QuantizationBins
    """(n, rows, columns, 64) bins of the coefficients."""
    held: Array
    """(n, rows, columns, 2) rows and columns of samples of the picture in a block; further ones repeat the last."""

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

    def of(self, selection: Array) -> "Layer":
        """The component in a selection of the MCUs."""
        return replace(self, bins=self.bins.of(selection), held=self.held[selection])

    @property
    def real(self) -> Array:
        """(n, rows, columns) true for blocks stored in the file; the others pad the last MCUs."""
        return np.asarray(self.held.all(axis=-1))

    def blocks(self, samples: Array) -> Array:
        """Blocks (n, rows, columns, 64) that an encoder transforms, from samples (n, R, C)."""
        rows, columns = self.held.shape[1:3]
        out = samples.reshape(-1, rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
        if (self.held[..., 0] < BLOCK).any():  # below the picture an encoder repeats rows of samples, not of pixels
            last = np.maximum(self.held[..., 0, None] - 1, 0)
            out = np.take_along_axis(out, np.minimum(np.arange(BLOCK), last)[..., None], axis=3)
        return out.reshape(*self.held.shape[:3], BLOCK * BLOCK)

    def sampled(self, values: Array) -> Array:
        """Blocks (n, rows, columns, 64) of integer pixels (n, h, w), subsampled as by an encoder."""
        return self.blocks(downsampled(values, *self.factors))

    def coefficients(self, values: Array) -> Array:
        """Coefficients (n, rows, columns, 64) of real pixels (n, h, w), in code values, without level shift."""
        return np.asarray(self.blocks(self.boxes(values).mean(axis=(2, 4))) @ DCT.T)

    def boxes(self, values: Array) -> Array:
        """Pixels (n, h, w) grouped by their samples: (n, R, v, C, h)."""
        n, height, width = values.shape
        vertical, horizontal = self.factors
        return values.reshape(n, height // vertical, vertical, width // horizontal, horizontal)

    def spread(self, blocks: Array) -> Array:
        """Samples (n, rows, columns, 64) repeated over their pixels: (n, h, w)."""
        n, rows, columns = self.held.shape[:3]
        samples = blocks.reshape(n, rows, columns, BLOCK, BLOCK).swapaxes(2, 3)
        samples = samples.reshape(n, BLOCK * rows, BLOCK * columns)
        return np.repeat(np.repeat(samples, self.factors[0], axis=1), self.factors[1], axis=2)

    def shared(self, blocks: Array) -> Array:
        """Samples (n, rows, columns, 64); those outside the picture and the last one in it become their mean."""
        out = blocks.reshape(*blocks.shape[:3], BLOCK, BLOCK)
        for axis in (0, 1):
            last = np.maximum(self.held[..., axis] - 1, 0)[..., None, None]
            if (last < BLOCK - 1).any():
                same = np.expand_dims(np.arange(BLOCK), 1 - axis) >= last
                mean = (out * same).sum(axis=3 + axis, keepdims=True) / same.sum(axis=3 + axis, keepdims=True)
                out = np.where(same, mean, out).astype(blocks.dtype)
        return out.reshape(blocks.shape)
