"""Made-up digits: bright strokes on black, as wide as those of MNIST."""

from itertools import pairwise

import numpy as np

from qimg.core import Array

SIDE = 28


def strokes(count: int, *, seed: int = 0) -> Array:
    """Digits (count, 28, 28) uint8 of two or three straight strokes with soft edges."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), axis=-1).reshape(-1, 2)
    digits = np.zeros((count, SIDE * SIDE))
    for digit in digits:
        corners = rng.uniform(6, 22, (rng.integers(3, 5), 2))
        for start, end in pairwise(corners):
            along = end - start
            share = np.clip((place - start) @ along / (along @ along), 0, 1)
            distance = np.linalg.norm(place - start - share[:, None] * along, axis=1)
            np.maximum(digit, np.clip(2.2 - distance, 0, 1), out=digit)
    return np.round(255 * digits).astype(np.uint8).reshape(count, SIDE, SIDE)
