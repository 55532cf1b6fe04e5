"""Vectors whose leading eigenvectors are sought: patches of pictures, digits, and a flat spectrum."""

from collections.abc import Sequence
from math import inf, log10, nan
from typing import Any

import numpy as np

from experiments._run import Array, Picture, gather, others
from experiments.tensor_trains.binary_pictures import digits
from qimg import images
from qimg.images import LEVEL_SHIFT
from qimg.operators import DrawnPatches

PATCHES = {"patches 8×8": 8, "patches 32×32": 32}
MNIST, SYNTHETIC = "MNIST", "flat spectrum"
COLLECTIONS = (*PATCHES, MNIST, SYNTHETIC)
_SYNTHETIC_DIMENSION, _SYNTHETIC_RANK, _NOISE = 2048, 4, 0.01


def psnr_db(vectors: Array, weight: float) -> float:
    """PSNR in 8-bit code values where this share of the energy is lost; infinite where nothing is."""
    if not vectors.size:
        return nan
    error = max(weight, 0.0) * float(np.mean(np.square(vectors, dtype=np.float64)))
    return 10 * log10(255**2 / error) if error > 0 else inf


def pictures_of(params: Any) -> tuple[Sequence[Picture], Sequence[Picture]]:
    """Pictures of the fit, and those held out: the last one where no sources are named."""
    pictures = params.gather().pictures
    if params.sources:
        used = {picture.sha256 for picture in pictures}
        return [one for one in gather(params.sources, box_mean=1).pictures if one.sha256 not in used], pictures
    return others(pictures, pictures[-1]), pictures[-1:]


def vectors_of(name: str, params: Any, fit: Sequence[Picture], held_out: Sequence[Picture]) -> tuple[Array, Array]:
    """Vectors (n, d) of a collection and held-out ones, in single precision; none where no picture is large enough."""
    if name == MNIST:
        collection = digits(params.vectors)
        return _flat(collection.train), _flat(collection.test[: params.unseen])
    if name == SYNTHETIC:
        rng = np.random.default_rng(params.seed)
        span = np.linalg.qr(rng.normal(size=(_SYNTHETIC_DIMENSION, _SYNTHETIC_RANK)))[0]
        signal = rng.normal(size=(params.vectors, _SYNTHETIC_RANK)) @ span.T
        noise = _NOISE * rng.normal(size=(params.vectors, _SYNTHETIC_DIMENSION))
        return (signal + noise).astype(np.float32), np.empty((0, _SYNTHETIC_DIMENSION), np.float32)
    size = PATCHES[name]
    return (
        _drawn(fit, size, params.vectors, params.seed),
        _drawn(held_out, size, params.unseen, params.seed + 1),
    )


def _drawn(pictures: Sequence[Picture], size: int, count: int, seed: int) -> Array:
    planes = [images.to_uint8(picture.planes()) for picture in pictures]
    large = [one for one in planes if min(one.shape[:2]) >= size]
    if not large:
        return np.empty((0, 3 * size * size), np.float32)
    source = DrawnPatches(large, size=size, count=count, seed=seed)
    return np.concatenate([np.subtract(batch, LEVEL_SHIFT, dtype=np.float32) for batch in source])


def _flat(pictures: Array) -> Array:
    return pictures.reshape(len(pictures), -1).astype(np.float32)
