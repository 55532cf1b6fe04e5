"""Conditional probabilities and samples of pixels of a Born machine, given any subset of its pixels; exact.

Known pixels select a matrix of their core; the others are summed over. The sum over the sites right of a cut is a
matrix W Wᵀ on the bond at the cut, stored as its factor W with at most as many columns as the bond. Nothing is
subtracted, so no probability can become negative.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, one_blas_thread, require, require_shape
from qimg.tensor_train.born.machine import BornMachine, binary


def log_marginal(machine: BornMachine, images: ArrayLike, *, known: ArrayLike) -> Array:
    """Natural logarithm of the marginal probability (...) of the known pixels; −∞ where it is zero.

    Cost: O(pictures · pixels · bond³) at most; known pixels at the end cost O(bond²).

    Args:
        machine: of n pixels.
        images: (..., n) of zeros and ones; those that are not known have no effect.
        known: (n,) of booleans, the same for all pictures.
    """
    pixels, mask = _checked(machine, images, known)
    with one_blas_thread():
        logarithms = [_behind(machine, picture, mask)[1] for picture in pixels.reshape(-1, machine.pixels)]
    return np.array(logarithms).reshape(pixels.shape[:-1])


def pixel_probabilities(machine: BornMachine, images: ArrayLike, *, known: ArrayLike) -> Array:
    """Probability (..., n) that each pixel is 1, given the known pixels; 0 or 1 for a known pixel.

    Cost: O(pictures · pixels · bond³). Memory: 8 · pixels · bond² bytes.

    Args:
        machine: of n pixels.
        images: (..., n) of zeros and ones; those that are not known have no effect.
        known: (n,) of booleans, the same for all pictures.

    Raises:
        ValueError: the known pixels of a picture have probability zero.
    """
    pixels, mask = _checked(machine, images, known)
    result = pixels.astype(float)
    with one_blas_thread():
        for picture, row in zip(pixels.reshape(-1, machine.pixels), result.reshape(-1, machine.pixels), strict=True):
            behind = _possible(machine, picture, mask)
            before = np.ones((1, 1))
            for k, core in enumerate(machine.train.cores):
                both = [before @ core[:, value] for value in (0, 1)]
                if mask[k]:
                    before = _scaled(both[picture[k]])
                else:
                    weights = [float(np.square(one @ behind[k + 1]).sum()) for one in both]
                    row[k] = weights[1] / (weights[0] + weights[1])
                    before = _scaled(_narrow(np.concatenate(both).T).T)
    return result


def complete(machine: BornMachine, images: ArrayLike, *, known: ArrayLike, rng: np.random.Generator) -> Array:
    """Pictures (..., n), `uint8`, with the unknown pixels sampled exactly, given the known ones.

    Cost: O(pictures · pixels · bond³) at most. Memory: 8 · pixels · bond² bytes.

    Args:
        machine: of n pixels.
        images: (..., n) of zeros and ones; those that are not known have no effect.
        known: (n,) of booleans, the same for all pictures.
        rng: draws one number for each unknown pixel.

    Raises:
        ValueError: the known pixels of a picture have probability zero.
    """
    pixels, mask = _checked(machine, images, known)
    result = pixels.copy()
    with one_blas_thread():
        for picture in result.reshape(-1, machine.pixels):
            behind = _possible(machine, picture, mask)
            before = np.ones((1, 1))
            for k, core in enumerate(machine.train.cores):
                both = [before @ core[:, value] for value in (0, 1)]
                if not mask[k]:
                    weights = [float(np.square(one @ behind[k + 1]).sum()) for one in both]
                    picture[k] = rng.random() * (weights[0] + weights[1]) < weights[1]
                before = _scaled(both[picture[k]])
    return result


def _checked(machine: BornMachine, images: ArrayLike, known: ArrayLike) -> tuple[Array, Array]:
    pixels = binary("images", images, machine.pixels)
    mask = np.asarray(known)
    require_shape(mask.shape == (machine.pixels,), "known", f"({machine.pixels},)", mask)
    require(mask.dtype == bool, "known", "must hold booleans", mask.dtype.name)
    return pixels, mask


def _possible(machine: BornMachine, picture: Array, mask: Array) -> Sequence[Array]:
    factors, logarithm = _behind(machine, picture, mask)
    rule = "must have a positive probability at the known pixels"
    require(bool(np.isfinite(logarithm)), "images", rule, picture.tolist())
    return factors


def _behind(machine: BornMachine, picture: Array, mask: Array) -> tuple[Sequence[Array], float]:
    """Factors W (bond, columns) of norm 1 of the sums right of each cut, from the first site on, and log Σ ψ²."""
    factors, logarithm = [np.ones((1, 1))], 0.0
    for core, value, is_known in zip(machine.train.cores[::-1], picture[::-1], mask[::-1], strict=True):
        after = factors[-1]
        if is_known:
            factor = core[:, value] @ after
        else:
            factor = _narrow(np.concatenate([core[:, 0] @ after, core[:, 1] @ after], axis=1))
        norm = float(np.linalg.norm(factor))
        if norm == 0:
            return factors, -np.inf
        logarithm += 2 * float(np.log(norm))
        factors.append(factor / norm)
    return factors[::-1], logarithm


def _narrow(factor: Array) -> Array:
    """A factor of the same W Wᵀ with at most as many columns as rows."""
    rows, columns = factor.shape
    return factor if columns <= rows else np.asarray(np.linalg.qr(factor.T, mode="r")).T


def _scaled(factor: Array) -> Array:
    norm = np.linalg.norm(factor)
    return factor / norm if norm > 0 else factor
