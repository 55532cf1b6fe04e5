"""One pass forth and back over the centres of a train, with the vectors of all samples on both sides of a centre."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from qimg.core import Array, one_blas_thread
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.train import TensorTrain

V = TypeVar("V")

Step = Callable[[V, Array, Array], V]
"""The vectors of all samples behind a core, from those before it, the core and the samples' values at its site."""

Move = Callable[[list[Array], int, V, V, Sequence[Array]], None]
"""Improves the centre that begins at a site, given the vectors on both sides, and moves it by one site."""


def forth_and_back(
    train: TensorTrain, columns: Sequence[Array], *, width: int, start: V, step: Step[V], move: Move[V]
) -> TensorTrain:
    """Move a centre of one site or two from the first site to the last and back, improving it at every place.

    Cost: four `step`s and two `move`s for each site; the vectors of all samples at all sites are in memory.

    Args:
        train: with its centre at the first site.
        columns: values of the samples at each site.
        width: sites of a centre, 1 or 2, at most those of the train.
        start: vectors before the first core.
        step: see `Step`; not applied to a core while it is the centre.
        move: see `Move`; called with the columns of the direction.
    """
    columns = list(columns)
    with one_blas_thread():
        vectors = [start]
        for core, column in zip(reverse(train).cores[:-1], columns[:0:-1], strict=True):
            vectors.append(step(vectors[-1], core, column))
        for _ in range(2):
            # The way back is a sweep over the reversed train, whose right vectors are the new left vectors.
            cores, passed = list(train.cores), [start]
            del vectors[len(cores) - width + 1 :]
            for k in range(len(cores) - width + 1):
                move(cores, k, passed[-1], vectors.pop(), columns)
                if k < len(cores) - 1:
                    passed.append(step(passed[-1], cores[k], columns[k]))
            train, vectors, columns = reverse(TensorTrain(cores)), passed, columns[::-1]
    return train


def unit(vectors: Array) -> tuple[Array, Array]:
    """Vectors (n, r) scaled to norm 1, and their norms; zero vectors are unchanged."""
    norms = np.linalg.norm(vectors, axis=1)
    if norms.min(initial=1.0) < _TINY:  # their squares underflow
        largest = np.abs(vectors).max(axis=1)
        vectors = vectors / np.where(largest > 0, largest, 1.0)[:, None]
        norms = np.linalg.norm(vectors, axis=1)
        return vectors / np.where(norms > 0, norms, 1.0)[:, None], norms * largest
    return vectors / np.where(norms > 0, norms, 1.0)[:, None], norms


_TINY = 1e-140
"""Norm below which squares of the components may underflow."""
