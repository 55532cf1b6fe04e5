"""Initial classes from windows of the original pictures, each assigned to the class of least cost."""

from collections.abc import Sequence

import numpy as np

from qimg.codecs.block.fitting.classes import Classes
from qimg.codecs.block.transform.geometry import SUPERBLOCK, interleaved, upsampling
from qimg.core import Array

STEPS = (10.0, 18.0, 30.0, 50.0)
"""Steps, in code values, of the quantization noise in the fit."""
_FEWEST = 50


def windows(luma: Array, side: int, count: int, rng: np.random.Generator) -> Array:
    """Draw windows from a picture; returns vectors (count, m + n) of ring ⊕ block, relative to the ring's level.

    The pixels above and to the right are missing as often as in decoding order.

    Args:
        luma: (H, W) code values.
    """
    height, width = luma.shape
    if height <= side or width <= 2 * side:
        return np.zeros((0, 3 * min(side, 16) + 1 + min(side, 16) ** 2), np.float32)
    rows, columns = rng.integers(1, height - side + 1, count), rng.integers(1, width - 2 * side + 1, count)
    line = rows[:, None, None] - 1 + np.arange(side + 1)[None, :, None]
    place = columns[:, None, None] - 1 + np.arange(2 * side + 1)[None, None, :]
    window = luma[line, place]
    tops, lefts = (rng.integers(0, SUPERBLOCK // side, count) * side for _ in range(2))
    right = window[:, 0, side + 1 :].copy()
    missing = [not _has_top_right(int(top), int(left), side) for top, left in zip(tops, lefts, strict=True)]
    right[missing] = window[missing, 0, side : side + 1]
    ring = np.concatenate([window[:, 0, : side + 1], right, window[:, 1:, 0]], axis=1)
    level = ring.mean(axis=1, keepdims=True)
    ring, block = ring - level, window[:, 1:, 1 : side + 1] - level[:, :, None]
    if side == 32:
        ring = np.concatenate([ring[:, :1], ring[:, 1:].reshape(count, -1, 2).mean(axis=2)], axis=1)
        block = np.einsum("ia,nij,jb->nab", upsampling(), block, upsampling(), optimize=True) / 2
    return np.concatenate([ring, block.reshape(count, -1)], axis=1).astype(np.float32)


def _has_top_right(top: int, left: int, side: int) -> bool:
    if top == 0:
        return True
    return left + side < SUPERBLOCK and interleaved(top // 4 - 1, (left + side) // 4) < interleaved(top // 4, left // 4)


def first_classes(vectors: Array, side: int, count: int, *, rounds: int, rng: np.random.Generator) -> Classes:
    """Fit classes by alternation: assign every window to the class of least cost, then fit every class.

    The cost is the code length of independent Student coefficients (ν = 3) with the class's variances plus the noise of
    a step, drawn from `STEPS` for each window.

    Args:
        vectors: (n, m + n) from `windows`.
        rounds: number of alternations.
    """
    classes = Classes.empty(side, count)
    noise = (rng.choice(STEPS, len(vectors)) ** 2 / 6).astype(np.float32)[:, None]
    labels = _clustered(_structure(vectors[:, classes.ring :]), count, rng)
    pooled = _second_moments(vectors) / len(vectors)
    for _ in range(rounds):
        costs = np.empty((len(vectors), count), np.float32)
        for k in range(count):
            chosen = vectors[labels == k]
            if len(chosen) < _FEWEST:  # restart an almost empty class from random windows
                chosen = vectors[rng.integers(0, len(vectors), 10 * _FEWEST)]
            weight = 0.1 * classes.ring
            classes.fit(k, (_second_moments(chosen) + weight * pooled) / (len(chosen) + weight))
            coefficients = classes.coefficients(k, chosen)
            classes.sigma[0, k] = np.sqrt(2) * np.abs(coefficients).mean(axis=0) + 1e-3
            variance = (
                np.sqrt((coefficients.astype(np.float64) ** 2).mean(axis=0))[None].astype(np.float32) ** 2 + noise
            )
            c = classes.coefficients(k, vectors)
            usage = max(float((labels == k).mean()), 1e-3)
            length = 0.5 * np.log2(variance / noise) + 2 * np.log2(1 + c * c / variance)
            costs[:, k] = length.sum(axis=1) - np.log2(usage)
        labels = costs.argmin(axis=1)
    classes.sigma[1:] = 0.5 * classes.sigma[0]
    return classes


def _second_moments(vectors: Array) -> Array:
    return np.asarray(vectors.T @ vectors, np.float64)


def _structure(blocks: Array) -> Array:
    """(n, 3) features of blocks: logarithm of the gradient's energy and the double angle of its direction."""
    side = round(blocks.shape[1] ** 0.5)
    pixels = blocks.reshape(-1, side, side)
    down, right = np.diff(pixels, axis=1)[:, :, :-1], np.diff(pixels, axis=2)[:, :-1]
    a, b, c = ((x * y).mean(axis=(1, 2)) for x, y in ((right, right), (down, down), (right, down)))
    energy = a + b + 0.5
    return np.stack([0.5 * np.log2(energy), 2 * (a - b) / energy, 4 * c / energy], axis=1)


def _clustered(points: Array, count: int, rng: np.random.Generator, rounds: int = 15) -> Array:
    """Labels (n,) from k-means; the initial centres are random points."""
    centres = points[rng.choice(len(points), count, replace=len(points) < count)]
    labels = np.zeros(len(points), int)
    for _ in range(rounds):
        labels = (np.square(centres).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
        for k in range(count):
            members = points[labels == k]
            centres[k] = members.mean(axis=0) if len(members) else points[rng.integers(len(points))]
    return labels


def concatenated(parts: Sequence[Array], rng: np.random.Generator) -> Array:
    """Concatenate windows and shuffle them."""
    together = np.concatenate(parts)
    return np.asarray(together[rng.permutation(len(together))])
