"""Initialisation of a Born machine by a mixture of independent pixels, a tensor train of one bond per component.

Training of neighbouring sites can correlate distant pixels only through the bonds, and those of a product state
transmit nothing. The amplitudes Σ_k √w_k ∏ √p_k(xᵢ) transmit the component through every cut from the start.
"""

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, plain, real, require, require_shape
from qimg.tensor_train.born.machine import BornMachine, binary, machine_from_train
from qimg.tensor_train.train import TensorTrain

PRIOR = 0.05
"""Pseudo-count: number of all-black and of all-white pictures added to the data of every component."""

LEAST = 0.005
"""Smallest probability of a pixel's value in a component."""


def fit_mixture(
    images: ArrayLike, *, components: int, iterations: int = 20, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Fit a mixture of independent pixels, p(x) = Σ_k w_k ∏ p_k(xᵢ), by expectation maximisation.

    The components start at distinct pictures, drawn without replacement: components that start alike stay alike. Only
    where there are fewer distinct pictures than components, some do. Cost: O(iterations · pictures · pixels ·
    components).

    Args:
        images: (..., pixels) of zeros and ones.
        components: number of components, at most the number of pictures.
        iterations: number of EM iterations.
        rng: draws the initial pictures.

    Returns:
        The weights w (components,), which sum to 1, and the probabilities of a one, (components, pixels).
    """
    array = plain("images", images)
    require_shape(array.ndim >= 2 and array.size > 0, "images", "(..., pixels), not empty", array)
    pixels = binary("images", images, array.shape[-1]).reshape(-1, array.shape[-1]).astype(float)
    integer("components", components, 1, len(pixels))
    integer("iterations", iterations, 0)
    weights = np.full(components, 1 / components)
    ones = 0.25 + 0.5 * _drawn(pixels, components, rng)
    for _ in range(iterations):
        joint = mixture_terms(pixels, weights, ones)
        shares = np.exp(joint - joint.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        sizes = shares.sum(axis=0)
        weights = (sizes + 2 * PRIOR) / (len(pixels) + 2 * PRIOR * components)
        ones = np.clip((shares.T @ pixels + PRIOR) / (sizes[:, None] + 2 * PRIOR), LEAST, 1 - LEAST)
    return weights, ones


def _drawn(pictures: Array, count: int, rng: np.random.Generator) -> Array:
    """Different pictures, or any where there are too few."""
    drawn = pictures[rng.choice(len(pictures), count, replace=False)]
    if len(np.unique(drawn, axis=0)) < count <= len(distinct := np.unique(pictures, axis=0)):
        drawn = distinct[rng.choice(len(distinct), count, replace=False)]
    return np.asarray(drawn)


def mixture_terms(images: Array, weights: Array, ones: Array) -> Array:
    """log(w_k p_k(x)) of pictures (n, pixels), as (n, components)."""
    return np.asarray(images @ np.log(ones / (1 - ones)).T + np.log(1 - ones).sum(axis=1) + np.log(weights))


def mixture_machine(weights: ArrayLike, ones: ArrayLike) -> BornMachine:
    """The Born machine of the amplitudes Σ_k √w_k ∏ √p_k(xᵢ): one bond for each component.

    Its probabilities are those of the mixture where components do not overlap; otherwise amplitudes add.

    Args:
        weights: (components,), positive.
        ones: (components, pixels) probabilities of a one, in [0, 1].
    """
    share = real("weights", weights)
    require_shape(share.ndim == 1 and share.size > 0, "weights", "(components,)", share)
    require(float(share.min()) > 0, "weights", "must be positive", float(share.min()))
    p = real("ones", ones)
    require_shape(p.ndim == 2 and len(p) == len(share) and p.size > 0, "ones", f"({len(share)}, n)", p)
    require(p.min() >= 0 and p.max() <= 1, "ones", "must be in [0, 1]", (float(p.min()), float(p.max())))
    factors = np.sqrt(np.stack([1 - p, p], axis=-1))  # (components, pixels, 2)
    count, pixels, _ = factors.shape
    diagonal = np.arange(count)
    cores = []
    for k in range(pixels):
        core = np.zeros((count, 2, count))
        core[diagonal, :, diagonal] = factors[:, k]
        cores.append(core)
    cores[0] = np.tensordot(np.sqrt(share)[None], cores[0], axes=1)
    cores[-1] = cores[-1].sum(axis=2, keepdims=True)
    return machine_from_train(TensorTrain(cores))
