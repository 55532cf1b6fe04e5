"""Training of a Born machine by its exact likelihood, in sweeps over centres of one or two sites.

If every core left of a centre C is a left isometry and every core right of it a right isometry, the amplitude of a
picture is linear in C, ψ(x) = ⟨Φ(x), C⟩ with Φ(x) the outer product of the picture's left and right vectors, and the
norm of the train is ‖C‖. At norm 1, the mean negative log-likelihood is f(C) − 1 with

    f(C) = ‖C‖² − 2/n Σ log |ψ(x)|,   gradient 2 C − 2/n Σ Φ(x) / ψ(x).

f is convex as long as no amplitude changes its sign, and has its minimum at norm 1. Each centre is improved by
conjugate gradients, with an exact line search by Newton iterations on the n amplitudes.

A centre of two sites is split by its Schmidt values, so that bonds grow where the pictures require it (Han et al.,
PRX 8, 031012, 2018). A centre of one site keeps the bonds and truncates nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, fraction, integer, require, require_shape
from qimg.tensor_train.born.machine import BornMachine, binary, step
from qimg.tensor_train.ranks import up_to
from qimg.tensor_train.sweeps import split
from qimg.tensor_train.training.descent import LEAST, check_descent, descend
from qimg.tensor_train.training.passes import Move, forth_and_back

NEWTON = 8
"""Largest number of Newton steps of a line search; the damped iteration converges quadratically."""


def one_site_sweep(machine: BornMachine, images: ArrayLike, *, steps: int = 1, rate: float = 1.0) -> BornMachine:
    """Improve the cores of a machine one at a time in one sweep forth and back; no bond grows.

    The mean negative log-likelihood of `images` never increases. Cost: O(pictures · pixels · bond² · steps) and
    O(pictures · pixels · bond²) for the vectors of the pictures, which take 8 · pictures · pixels · bond bytes.

    Args:
        machine: with its final bonds; a bond of 1 remains 1.
        images: (..., pixels) of zeros and ones, the batch of training pictures.
        steps: conjugate gradient steps at each site.
        rate: fraction of the optimal step, in (0, 1]; below 1 for batches that change from sweep to sweep.
    """
    descent = _descent(steps, rate)

    def move(cores: list[Array], k: int, left: Array, right: Array, columns: Sequence[Array]) -> None:
        centre = descent(cores[k], left, right, columns[k])
        if k == len(cores) - 1:
            cores[k] = centre
            return
        before, levels, after = centre.shape
        basis, rest = np.linalg.qr(centre.reshape(before * levels, after))
        cores[k] = basis.reshape(before, levels, -1)
        cores[k + 1] = np.tensordot(rest, cores[k + 1], axes=1)

    return _forth_and_back(machine, images, 1, move)


def two_site_sweep(
    machine: BornMachine, images: ArrayLike, *, bond: int, cutoff: float = 1e-10, steps: int = 1, rate: float = 1.0
) -> BornMachine:
    """Improve two neighbouring cores at a time in one sweep forth and back, with truncation between them.

    Each step decreases the mean negative log-likelihood of `images`; a truncation may increase it. Cost: twice that of
    `one_site_sweep`, and an eigenproblem of size 2 · bond at each cut.

    Args:
        machine: of at least two pixels.
        images: (..., pixels) of zeros and ones, the batch of training pictures.
        bond: largest bond dimension.
        cutoff: squared Schmidt values below this share of the largest are dropped.
        steps: conjugate gradient steps at each pair.
        rate: fraction of the optimal step, in (0, 1].
    """
    integer("bond", bond, 1)
    fraction("cutoff", cutoff)
    require(machine.pixels >= 2, "machine", "must have at least two pixels", machine)
    descent = _descent(steps, rate)

    keep = up_to(bond, cutoff)

    def move(cores: list[Array], k: int, left: Array, right: Array, columns: Sequence[Array]) -> None:
        pair = np.tensordot(cores[k], cores[k + 1], axes=1)
        before, after = pair.shape[0], pair.shape[-1]
        pair = descent(pair.reshape(before, 4, after), left, right, 2 * columns[k] + columns[k + 1])
        basis, rest, _ = split(pair.reshape(2 * before, 2 * after), k, before, 0.0, keep, precise=False)
        cores[k] = basis.reshape(before, 2, -1)
        cores[k + 1] = rest.reshape(-1, 2, after) / np.linalg.norm(rest)

    return _forth_and_back(machine, images, 2, move)


def _forth_and_back(machine: BornMachine, images: ArrayLike, width: int, move: Move[Array]) -> BornMachine:
    pixels = binary("images", images, machine.pixels).reshape(-1, machine.pixels)
    require_shape(len(pixels) > 0, "images", "(..., pixels) with at least one picture", pixels)

    def past(vectors: Array, core: Array, column: Array) -> Array:
        return step(vectors, core, column)[0]

    columns = list(np.ascontiguousarray(pixels.T))
    start = np.ones((len(pixels), 1))
    return BornMachine(train=forth_and_back(machine.train, columns, width=width, start=start, step=past, move=move))


def _descent(steps: int, rate: float) -> Callable[[Array, Array, Array, Array], Array]:
    """The update of a centre (left, levels, right) from the vectors on both sides and the level of each picture."""
    check_descent(steps, rate)

    def improve(centre: Array, left: Array, right: Array, levels: Array) -> Array:
        features = Features(left, right, levels, centre.shape[1])
        centre = descend(features, centre / np.linalg.norm(centre), steps=steps, rate=rate)
        return np.asarray(centre / np.linalg.norm(centre))

    return improve


class Features:
    """Φ(x) of every picture, left vector ⊗ level ⊗ right vector, in factored form: the `Objective` f.

    The scale of the vectors is arbitrary, because `mean_over` divides by amplitudes of the same scale.
    """

    def __init__(self, left: Array, right: Array, levels: Array, count: int) -> None:
        """Store vectors (n, left) and (n, right), grouped by levels (n,) with `count` values."""
        self._groups = [np.flatnonzero(levels == level) for level in range(count)]
        self._left = [left[rows] for rows in self._groups]
        self._right = [right[rows] for rows in self._groups]
        self._size = len(levels)

    def outputs(self, centre: Array) -> Array:
        """⟨Φ(x), C⟩ (n,) of a centre (left, levels, right)."""
        result = np.empty(self._size)
        for level, (rows, left, right) in enumerate(zip(self._groups, self._left, self._right, strict=True)):
            result[rows] = np.einsum("nr,nr->n", left @ centre[:, level], right)
        return result

    def downhill(self, centre: Array, outputs: Array) -> Array:
        """Half of the negative gradient of f."""
        return self.mean_over(outputs) - centre

    def best_step(self, centre: Array, direction: Array, outputs: Array, slopes: Array) -> float:
        """As the function `best_step`."""
        along, square = float(np.vdot(centre, direction)), float(np.vdot(direction, direction))
        return best_step(outputs, slopes, along, square)

    def mean_over(self, amplitudes: Array) -> Array:
        """1/n Σ Φ(x) / ψ(x), shaped as the centre."""
        weights = 1 / (self._size * _not_zero(amplitudes))
        blocks = [
            left.T @ (right * weights[rows, None])
            for rows, left, right in zip(self._groups, self._left, self._right, strict=True)
        ]
        return np.stack(blocks, axis=1)


def best_step(amplitudes: Array, slopes: Array, along: float, square: float) -> float:
    """The t ≥ 0 that minimises ‖C + t D‖² − 2/n Σ log |ψ + t δ| before the first amplitude changes its sign.

    The function is convex in this range, and the damped Newton iteration stays in it, because no step removes more than
    half of an amplitude.

    Args:
        amplitudes: ψ (n,).
        slopes: δ = ⟨Φ, D⟩ (n,).
        along: ⟨C, D⟩.
        square: ‖D‖².
    """
    t = 0.0
    for _ in range(NEWTON):
        ratio = slopes / _not_zero(amplitudes + t * slopes)
        curvature = square + float(np.square(ratio).mean())
        if curvature == 0:
            break
        change = (float(ratio.mean()) - along - t * square) / curvature
        relative = abs(change) * float(np.abs(ratio).max())
        change /= 1 + relative if relative > 0.5 else 1
        t += change
        if change**2 * curvature < 1e-9:  # the remaining gain, in nats
            break
    return max(t, 0.0)


def _not_zero(amplitudes: Array) -> Array:
    return np.where(np.abs(amplitudes) < LEAST, LEAST, amplitudes)
