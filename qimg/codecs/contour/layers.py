"""Layers of a progressive file: simpler versions of its picture, by influence, and the picture itself.

A region's influence is contrast² · area, so that a large λ keeps the regions of large influence. Each simpler version
is made from the source at its λ and fitted to the next finer one, to make that one cheap: an area of the finer version
lies in one area of the simpler one, and a colour of the simpler version is the most frequent of those that it becomes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.contour.bitstream import MOST_LAYERS
from qimg.codecs.contour.colours import colours_of, numbered, pixels_of
from qimg.codecs.contour.merging import label_areas
from qimg.codecs.contour.rows import Rows, encode_layer, encode_rows
from qimg.core import Array, Track
from qimg.core.records import short_repr

MOST_COST = 1.15
"""Largest bytes of the layers relative to those of the picture in one layer."""
MOST_SHARE = 0.7
"""Largest bytes of a simpler version relative to those of the next finer one."""
_STEP = 4.0
_FINEST, _COARSEST = 64.0, 2.0**18
"""λ of the simpler versions that are tried."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """A version of a picture."""

    stored: Array = field(repr=False)
    """(H, W, channels) `uint8`, with alpha if it is stored."""
    error: float
    """Sum of squared errors of the colour channels against the source."""


def simpler_layers(
    target: Array, source: Array, simple_at: Callable[[float], Array], weight: float, length: int
) -> list[Layer]:
    """Simpler versions of a picture, and the picture as the last one; errors fall from one to the next.

    Versions at several λ are encoded. Those are taken which save most error for their bytes, the corners of the convex
    hull of bytes and errors, from the finest on as far as each has at most `MOST_SHARE` of the bytes of the next one.

    Args:
        target: (H, W, channels) `uint8`, the picture of the last layer.
        source: (H, W, colour channels) `uint8`, whose λ-versions the simpler ones follow.
        simple_at: version of the source at a λ.
        weight: λ of the target, below which no version is tried.
        length: bytes of the target in one layer.
    """
    finest, level = max(weight, _FINEST / _STEP), _COARSEST
    points, tried = [(0, spread(source))], []
    while level > finest:
        simple = simple_at(level)
        colours = colours_of(simple)
        numbers, palette = numbered(colours)
        points.append((len(encode_rows(numbers, simple.shape[2], palette)), _error(simple, source)))
        tried.append(simple)
        level /= _STEP
    error = _error(target, source)
    found = [Layer(stored=target, error=error)]
    for corner in reversed(_corners([*points, (length, error)])[1:-1]):
        if points[corner][0] > MOST_SHARE * length:
            continue
        stored = fitted(tried[corner - 1], found[0].stored)
        error = _error(stored, source)
        if error > found[0].error:
            found.insert(0, Layer(stored=stored, error=error))
            length = points[corner][0]
    return found[-MOST_LAYERS:]


def _corners(points: Sequence[tuple[int, float]]) -> list[int]:
    """Indices of the corners of the convex hull from the first point to the last, below all others.

    Args:
        points: bytes and error of each, of which the last has the least error.
    """
    chosen = [0]
    while chosen[-1] < len(points) - 1:
        length, error = points[chosen[-1]]
        steepest = {
            index: (error - points[index][1]) / (points[index][0] - length)
            for index in range(chosen[-1] + 1, len(points) - 1)
            if points[index][0] > length
        }
        last = len(points) - 1
        rest = max(points[last][0] - length, 1)
        steepest[last] = (error - points[last][1]) / rest
        chosen.append(max(steepest, key=lambda index: steepest[index]))
    return chosen


def spread(source: Array) -> float:
    """Squared error without layers, that of the mean colour."""
    return float(source[..., 0].size * np.var(source, axis=(0, 1)).sum())


def fitted(simple: Array, fine: Array) -> Array:
    """A simpler version whose areas consist of those of a finer one and whose colours are of the finer one.

    Args:
        simple: (H, W, colour channels) `uint8`.
        fine: (H, W, channels) `uint8`; alpha, if it is stored, is the same in the result.
    """
    labels = np.empty(fine.shape[:2], np.int32)
    label_areas(fine, labels)
    areas = np.unique(labels, return_inverse=True)[1].ravel()
    own = np.concatenate([simple, fine[..., simple.shape[2] :]], axis=2)
    values, colours = np.unique(colours_of(own), return_inverse=True)
    colours = _most_frequent(areas, colours.ravel(), len(values))[areas]
    finer, numbers = np.unique(colours_of(fine), return_inverse=True)
    classes = np.unique(colours, return_inverse=True)[1].ravel()
    result = finer[_most_frequent(classes, numbers.ravel(), len(finer))[classes]]
    return pixels_of(result.reshape(fine.shape[:2]), fine.shape[2])


def _most_frequent(groups: Array, values: Array, count: int) -> Array:
    """The most frequent value of each group; values are below `count`, and every group occurs."""
    keys, uses = np.unique(groups * count + values, return_counts=True)
    group = keys // count
    order = np.lexsort((uses, group))
    last = np.append(np.flatnonzero(np.diff(group[order])), len(order) - 1)
    return (keys % count)[order][last]


def _error(pixels: Array, source: Array) -> float:
    difference = pixels[..., : source.shape[2]].astype(np.float64) - source
    return float(np.square(difference).sum())


def encode_layers(layers: Sequence[Array], channels: int, palette: Array, *, track: Track = iter) -> list[bytes]:
    """Encode layers one after the other.

    Args:
        layers: (H, W) int64 numbers of colours in the order of their first occurrence, or colours, of each layer.
        channels: of a colour.
        palette: as for `qimg.codecs.contour.rows.Rows`.
        track: wraps the indices of the rows of each layer.
    """
    rows = Rows(layers[0].shape, channels, palette)
    payloads = []
    for index, layer in enumerate(layers):
        if index:
            rows.refine(layers[index - 1])
        payloads.append(encode_layer(rows, layer, track=track))
    return payloads


def superfluous(errors: Sequence[float], lengths: Sequence[int], first: float, most: float) -> int | None:
    """The layer to leave out next, or None.

    It is the first one that saves less error per byte than the next one. If there is none and the layers cost too much,
    it is the one before the last.

    Args:
        errors: squared errors of the layers.
        lengths: their bytes.
        first: squared error without layers.
        most: bytes that all layers may cost.
    """
    saved = -np.diff([first, *errors]) / np.maximum(lengths, 1)
    rises = np.flatnonzero(np.diff(saved) >= 0)
    if len(rises):
        return int(rises[0])
    return len(lengths) - 2 if len(lengths) > 1 and sum(lengths) > most else None
