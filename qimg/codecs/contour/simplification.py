"""Simplification of a picture at a λ: regions of one colour or one plane each, few colours, and short edges."""

import numpy as np

from qimg.codecs.contour.fills import LEAST_PIXELS
from qimg.codecs.contour.importance import plain
from qimg.codecs.contour.merging import EDGE_BITS, Merging, edges_of, label_areas
from qimg.codecs.contour.moments import PIXELS, means_of, planes_of
from qimg.codecs.contour.palettes import palette_of
from qimg.core import Array
from qimg.core.compiled import compiled

_SWEEPS = 3
_NEAR = 48  # largest difference of a channel between a plane and the palette's colour that stands for it


class Simplification:
    """A picture of which simpler versions are made."""

    def __init__(self, pixels: Array, *, planes: bool = False, importance: Array | None = None) -> None:
        """Prepare a picture.

        Args:
            pixels: (H, W, channels) `uint8`, without alpha.
            planes: whether areas may be planes, which `qimg.codecs.contour.fitting` fits.
            importance: (H, W) weights of the errors of pixels; by default all are 1.
        """
        self._pixels, self._planes = pixels, planes
        self._importance = plain(pixels) if importance is None else importance
        self._merging = Merging(pixels, planes=planes, importance=self._importance)

    def at(self, weight: float) -> Array:
        """The picture (H, W, channels) `uint8` of about least squared error + λ · bits.

        Each area has one colour. Of planes it is one near their mean, which differs from those of neighbouring areas.

        Args:
            weight: λ, squared error that is worth a bit, in squared code values.
        """
        labels, moments = self._merging.regions(weight)
        owner, palette = palette_of(moments[:, PIXELS], means_of(moments), weight)
        colours = np.rint(palette).astype(np.int64)
        plane, values = planes_of(moments, weight)
        plane &= self._planes
        owner[plane] = len(colours) + np.arange(int(plane.sum()))
        numbers = owner[labels]
        planes = values[plane]
        for _ in range(_SWEEPS):
            flat = np.zeros((*colours.shape, 3))
            flat[..., 0] = colours
            flip_pixels(self._pixels, self._importance, numbers, np.concatenate([flat, planes]), EDGE_BITS * weight)
            colours = _means(self._pixels, self._importance, numbers, colours)
        if len(planes):
            numbers, colours = _with_colours(self._pixels, numbers, colours, np.rint(means_of(moments[plane])))
        simple: Array = colours[numbers].astype(np.uint8)
        return simple


def _means(pixels: Array, importance: Array, numbers: Array, palette: Array) -> Array:
    """The rounded mean colour of the pixels of each number; colours without pixels stay."""
    flat, size, weights = numbers.ravel(), len(palette), importance.ravel()
    count = np.bincount(flat, weights, size)[:size]
    channels = np.moveaxis(pixels, 2, 0)
    sums = np.stack([np.bincount(flat, weights * channel.ravel(), size)[:size] for channel in channels], axis=1)
    means = np.rint(sums / np.where(count > 0, count, 1)[:, None]).astype(np.int64)
    return np.where(count[:, None] > 0, means, palette)


def _with_colours(pixels: Array, numbers: Array, colours: Array, means: Array) -> tuple[Array, Array]:
    """Give each plane a colour that no neighbour has, and areas of planes that are too small for a fill the nearest.

    Args:
        pixels: (H, W, channels) the picture.
        numbers: (H, W) int64 of colours, or of planes after these.
        colours: (K, channels) int64.
        means: (P, channels) mean colours of planes.

    Returns:
        (H, W) numbers of colours only, and the colours.
    """
    count, extended = len(colours), list(colours)
    first, second, _ = edges_of(numbers)
    pairs = np.concatenate([np.stack([first, second], axis=1), np.stack([second, first], axis=1)])
    pairs = pairs[pairs[:, 0] >= count]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    ends = np.searchsorted(pairs[:, 0], count + np.arange(len(means) + 1))
    chosen = np.concatenate([np.arange(count), np.full(len(means), -1)])
    for plane, mean in enumerate(means.astype(np.int64)):
        taken = chosen[pairs[ends[plane] : ends[plane + 1], 1]]
        distance = np.abs(colours - mean).max(axis=1)
        distance[taken[(taken >= 0) & (taken < count)]] = _NEAR + 1
        nearest = int(np.argmin(distance))
        if distance[nearest] > _NEAR:
            nearest = len(extended)
            extended.append(_apart(mean, [extended[one] for one in taken if one >= 0]))
        chosen[count + plane] = nearest
    result, every = chosen[numbers], np.array(extended)
    _fill_islets(pixels, numbers >= count, result, every)
    return result, every


def _apart(colour: Array, others: list[Array]) -> Array:
    """A colour that differs from others, as near as a change of the first channel allows."""
    first = {int(other[0]) for other in others}
    free = [value for value in range(256) if value not in first or value == colour[0]]
    if any((other == colour).all() for other in others):
        free.remove(int(colour[0]))
    changed = colour.copy()
    changed[0] = min(free, key=lambda value: abs(value - int(colour[0])))
    return changed


def _fill_islets(pixels: Array, of_plane: Array, numbers: Array, colours: Array) -> None:
    """Give areas of planes that are too small for a fill the colour nearest to their mean; `numbers` are modified."""
    areas = np.empty(numbers.shape, np.int32)
    label_areas(numbers[..., None], areas)
    count = np.bincount(areas.ravel(), minlength=areas.size)
    places = np.flatnonzero((of_plane & (count[areas] < LEAST_PIXELS)).ravel())
    flat, values = areas.ravel()[places], pixels.reshape(-1, pixels.shape[2])[places].astype(np.float64)
    roots, owner = np.unique(flat, return_inverse=True)
    sums = np.stack([np.bincount(owner, channel, len(roots)) for channel in values.T], axis=1)
    means = sums / np.bincount(owner, minlength=len(roots))[:, None]
    nearest = [int(np.argmin(np.square(colours - mean).sum(axis=1))) for mean in means]
    numbers.reshape(-1)[places] = np.array(nearest, np.int64)[owner]


@compiled
def flip_pixels(pixels: Array, importance: Array, numbers: Array, values: Array, weight: float) -> None:
    """Give each pixel the number of itself or a neighbour that costs least error + λ · edges.

    Args:
        pixels: (H, W, channels) the picture.
        importance: (H, W) weights of the errors of pixels.
        numbers: (H, W) int64 of colours or planes, modified.
        values: (K, channels, 3) of each number: value at the middle of the picture, slopes along rows and columns.
        weight: squared error that an edge between two pixels is worth.
    """
    height, width, channels = pixels.shape
    for row in range(height):
        for column in range(width):
            best, least = numbers[row, column], np.inf
            for step in range(5):
                number = _neighbour(numbers, row, column, step)
                if number < 0 or (step > 0 and number == numbers[row, column]):
                    continue
                cost = 0.0
                for channel in range(channels):
                    value = values[number, channel, 0]
                    value += values[number, channel, 1] * (row - height // 2)
                    value += values[number, channel, 2] * (column - width // 2)
                    cost += (pixels[row, column, channel] - value) ** 2
                cost *= importance[row, column]
                for other in range(1, 5):
                    beside = _neighbour(numbers, row, column, other)
                    cost += weight * (beside >= 0 and beside != number)
                if cost < least:
                    best, least = number, cost
            numbers[row, column] = best


@compiled(inline="always")
def _neighbour(numbers: Array, row: int, column: int, step: int) -> int:
    """The number of a pixel, or of the one to its left or right, above or below it; −1 outside of the picture."""
    row += (step == 4) - (step == 3)
    column += (step == 2) - (step == 1)
    if row < 0 or column < 0 or row >= numbers.shape[0] or column >= numbers.shape[1]:
        return -1
    return int(numbers[row, column])
