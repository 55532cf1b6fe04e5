"""Context model of binary pictures: counts of each pixel for the sixteen nearest pixels before it."""

import numpy as np

from qimg.core import Array

NEIGHBOURS = (
    *((0, -k) for k in range(1, 5)),
    *((-1, k) for k in range(-3, 4)),
    *((-2, k) for k in range(-2, 3)),
)
"""Rows and columns from the pixel to the sixteen of its context; outside of the picture all are 0."""

ADDED = 0.4
"""Initial count of each value in every context."""

_CHUNK = 5000
"""Pictures whose contexts are held at once."""


def contexts(pictures: Array) -> Array:
    """Number of the context (n, height, width), `uint16`, of every pixel of binary pictures (n, height, width)."""
    rows, columns = 2, 4
    padded = np.pad(pictures.astype(np.uint16), [(0, 0), (rows, 0), (columns, columns)])
    _, height, width = pictures.shape
    result = np.zeros(pictures.shape, np.uint16)
    for down, right in NEIGHBOURS:
        top, left = rows + down, columns + right
        result = 2 * result + padded[:, top : top + height, left : left + width]
    return result


def count(pictures: Array) -> Array:
    """How often a pixel is 0 and 1 in each context, (2, 65536)."""
    result = np.zeros((2, 2 ** len(NEIGHBOURS)), np.int64)
    for first in range(0, len(pictures), _CHUNK):
        part = pictures[first : first + _CHUNK]
        numbers = contexts(part)
        for value in (0, 1):
            result[value] += np.bincount(numbers[part == value], minlength=result.shape[1])
    return result


def nats(pictures: Array, counts: Array) -> Array:
    """−log p (n,) of binary pictures (n, height, width) under the shares of each context."""
    shares = (counts + ADDED) / (counts.sum(axis=0) + 2 * ADDED)
    costs = -np.log(shares)
    parts = [pictures[first : first + _CHUNK] for first in range(0, len(pictures), _CHUNK)]
    return np.concatenate([costs[part, contexts(part)].sum(axis=(1, 2)) for part in parts])
