"""The densities of patches that the likelihood table compares, each fitted on the same blocks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.operators.densities import fit_ica, fit_laplace
from qimg import prior
from qimg.core import Array

VIEW = prior.View("luma8")
"""A block and all of its ring; the block's AC coefficients come last, behind its `LEVEL`."""
RASTER = VIEW.raster()
"""A block and what raster order has reached of its ring."""
LEVEL = VIEW.observed
"""Index, in vectors of `VIEW`, of the block's first coefficient, which is no AC coefficient."""
NOISE = prior.Recipe().noise_variance
"""Least variance of every model, in squared code values."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A density of the AC coefficients of a block in code values, of which ring coefficients may be known."""

    name: str
    components: int = 0
    known: str = "nothing"
    log_density: Callable[[Array, Array], Array]
    """(n,) nats from the vectors of `VIEW` and `RASTER`."""


def fit_models(
    kind: str, components: int, vectors: Array, *, seed: int, epochs: int, sklearn_patches: int
) -> list[Model]:
    """The models of one kind, fitted on vectors of `VIEW`.

    Args:
        kind: "mixture", "DCT-Laplace", "ICA", "joint mixture", "scikit-learn" or "shipped prior".
        components: Gaussians; not looked at where the kind has none or comes fitted.
        vectors: (n, d) in code values.
        seed: of first classes and rotations.
        epochs: passes over the vectors that fit a mixture.
        sklearn_patches: vectors that scikit-learn is given at most.

    Raises:
        ModuleNotFoundError: scikit-learn is asked for, but not installed.
    """
    rng = np.random.default_rng([seed, components])
    blocks = vectors[:, LEVEL + 1 :]
    if kind == "mixture":
        return [_of_blocks(kind, components, _mixture(blocks, components, epochs, rng).log_likelihood)]
    if kind == "DCT-Laplace":
        return [_of_blocks(kind, 0, fit_laplace(blocks, noise_variance=NOISE).log_likelihood)]
    if kind == "ICA":
        return [_of_blocks(kind, 0, fit_ica(blocks, rng=rng, noise_variance=NOISE).log_likelihood)]
    if kind == "joint mixture":
        return joint_models(kind, prior.JointMixture(VIEW, _mixture(vectors, components, epochs, rng)))
    if kind == "scikit-learn":
        return [
            _of_blocks(
                kind, components, _sklearn(blocks[rng.permutation(len(blocks))[:sklearn_patches]], components, seed)
            )
        ]
    shipped = prior.load().mixtures
    return [
        *(
            [_of_blocks(kind, shipped["patch8"].classes, shipped["patch8"].mixture.log_likelihood)]
            if "patch8" in shipped
            else []
        ),
        *(joint_models(f"{kind}, joint", shipped["luma8"]) if "luma8" in shipped else []),
    ]


def _mixture(vectors: Array, components: int, epochs: int, rng: np.random.Generator) -> prior.GaussianMixture:
    *_, last = prior.fit_mixture(vectors, components, rng=rng, noise_variance=NOISE, epochs=epochs)
    return last


def _of_blocks(name: str, components: int, log_density: Callable[[Array], Array]) -> Model:
    return Model(name=name, components=components, log_density=lambda whole, _: log_density(whole[:, LEVEL + 1 :]))


def joint_models(name: str, model: prior.JointMixture) -> list[Model]:
    """The same mixture with nothing known, the ring that raster order of the blocks has reached, and all of it."""
    alone = model.mixture.transformed(np.eye(VIEW.dimension)[LEVEL + 1 :])
    reached = model.restricted(RASTER)
    return [
        _of_blocks(name, model.classes, alone.log_likelihood),
        Model(
            name=name,
            components=model.classes,
            known="raster ring",
            log_density=lambda _, raster: reached.conditional_log_likelihood(raster, level=False),
        ),
        Model(
            name=name,
            components=model.classes,
            known="whole ring",
            log_density=lambda whole, _: model.conditional_log_likelihood(whole, level=False),
        ),
    ]


def _sklearn(blocks: Array, components: int, seed: int) -> Any:
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError:
        raise ModuleNotFoundError("sklearn_components needs the package scikit-learn (extra `peers`)") from None
    return GaussianMixture(components, reg_covar=NOISE, random_state=seed).fit(blocks).score_samples
