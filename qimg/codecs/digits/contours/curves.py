"""Closed curves of digits: the outlines at one level of gray, at sub-pixel precision, as points from an aligned start.

A curve has `POINTS` points at equal distances along it, as complex numbers row + i · column in pixels; the first pixel
covers [0, 1) in both. Its descriptors are the Fourier coefficients of frequencies up to `FREQUENCIES`. Outer curves
and holes run in the same direction around what they enclose.
"""

import numpy as np

from qimg.core import Array

POINTS = 64
"""Points of a curve."""
LEVEL = 0.45
"""Level of the outlines, as a share of the digit's largest code value."""
FREQUENCIES = 12
"""Largest frequency of the descriptors, in both directions."""
SLOTS = ("outer", "hole", "second hole", "second outer")
"""Curves of a digit, at most."""
_LEAST_OUTER, _LEAST_SECOND, _LEAST_HOLE = 1.0, 2.0, 0.6
"""Pixels that outer curves, second outer curves and holes enclose at least; smaller ones are left out."""


def outlines(digit: Array) -> list[Array | None]:
    """The curves (POINTS,) of a digit (28, 28), by slot; None where there is none.

    The largest outline is the outer one; the larger two holes are ordered from top to bottom. Cost: O(pixels).
    """
    from skimage.measure import find_contours

    largest = int(digit.max(initial=0))
    if not largest:
        return [None] * len(SLOTS)
    lines = find_contours(np.pad(digit.astype(float), 1), LEVEL * largest, positive_orientation="high")
    polygons = [line[:-1, 0] + 1j * line[:-1, 1] - (0.5 + 0.5j) for line in lines]
    areas = [enclosed(polygon) for polygon in polygons]
    order = sorted(range(len(areas)), key=lambda number: -abs(areas[number]))
    outer = [polygons[number] for number in order if areas[number] >= _LEAST_OUTER]
    second = [polygon for polygon in outer[1:2] if enclosed(polygon) >= _LEAST_SECOND]
    holes = [polygons[number][::-1] for number in order if areas[number] <= -_LEAST_HOLE][:2]
    holes.sort(key=lambda hole: float(hole.real.mean()))
    slots = [*_filled(outer, 1), *_filled(holes, 2), *_filled(second, 1)]
    return [None if polygon is None else sampled(polygon) for polygon in slots]


def _filled(polygons: list[Array], count: int) -> list[Array | None]:
    """The first polygons, None where there are fewer than `count`."""
    return [polygons[k] if k < len(polygons) else None for k in range(count)]


def enclosed(curve: Array) -> float:
    """The signed area that a polygon encloses, in pixels: positive for the direction of outer curves."""
    following = np.roll(curve, -1)
    return float((curve.real * following.imag - curve.imag * following.real).sum() / 2)


def sampled(curve: Array) -> Array:
    """`POINTS` points at equal distances along a closed polygon, from its topmost point on."""
    start = int(np.argmin(curve.real))
    closed = np.concatenate([curve[start:], curve[: start + 1]])
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(closed)))])
    places = np.arange(POINTS) * length[-1] / POINTS
    return np.interp(places, length, closed.real) + 1j * np.interp(places, length, closed.imag)
