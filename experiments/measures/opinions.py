"""Distortions of TID2013 that can be made again at its levels, and their published opinion scores."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from experiments._run import Array, require
from experiments.measures.cases import compressed, smoothed, with_error
from qimg import images

LEVELS_DB = (33.0, 30.0, 27.0, 24.0, 21.0)
"""PSNR of the five levels of TID2013 (Ponomarenko et al., 2015)."""
DISTORTIONS = {
    1: "white noise",
    3: "spatially correlated noise",
    5: "high-frequency noise",
    6: "impulse noise",
    7: "quantization",
    8: "Gaussian blur",
    10: "JPEG",
    11: "JPEG 2000",
}
"""Number in TID2013 → name."""
SIZE = (384, 512)
"""Rows and columns of its pictures, crops of those of Kodak."""
_REFERENCES, _KINDS, _STEPS, _JPEG = 25, 24, 12, 10

Distort = Callable[[float], Array]


def distorted(picture: Array, kind: int, level: int, rng: np.random.Generator) -> Array:
    """A picture (`uint8`) with a distortion at the PSNR of a level.

    Args:
        picture: `uint8` (H, W) or (H, W, 3).
        kind: of `DISTORTIONS`.
        level: 1 to 5, of `LEVELS_DB`.
        rng: of the noise.
    """
    error = 255**2 / 10 ** (LEVELS_DB[level - 1] / 10)
    if kind == _JPEG:
        return images.to_uint8(compressed(picture, mean_squared_error=error))
    distort, low, high = _distortion(picture, kind, rng)
    found = with_error(picture, distort, error, low=low, high=high, steps=_STEPS)
    return images.to_uint8(found)


def centre(picture: Array) -> Array:
    """The middle of a picture in the size of TID2013, or what there is of it."""
    (top, left), (height, width) = (
        [max(0, side - wanted) // 2 for side, wanted in zip(picture.shape, SIZE, strict=False)],
        SIZE,
    )
    return picture[top : top + height, left : left + width]


def reference_number(name: str) -> int:
    """Number of a picture of Kodak among the references of TID2013; 0 for other pictures."""
    found = re.fullmatch(r"kodim(\d\d)", name)
    return int(found[1]) if found else 0


def read_scores(paths: Sequence[str]) -> Array:
    """(25, 24, 5) mean opinion scores by reference, distortion and level.

    Args:
        paths: one file of 3000 numbers, a line each, in the order i01_01_1, i01_01_2, …, i25_24_5.
    """
    shape = (_REFERENCES, _KINDS, len(LEVELS_DB))
    require(len(paths) == 1, "scores", "must name one file", paths)
    scores = np.array(Path(paths[0]).read_text("utf-8").split(), np.float64)
    require(scores.size == np.prod(shape), "scores", "must hold 3000 numbers", f"{paths[0]} with {scores.size}")
    return scores.reshape(shape)


def _distortion(picture: Array, kind: int, rng: np.random.Generator) -> tuple[Distort, float, float]:
    """The distortion by its strength, and the range of strengths."""
    noise = rng.normal(size=picture.shape)
    if kind in (3, 5):
        low_pass = smoothed(noise, 1.0)
        noise = low_pass if kind == 3 else noise - low_pass
    order, polarity = rng.random(picture.shape), rng.integers(0, 2, picture.shape) * 255.0
    makers: dict[int, tuple[Distort, float, float]] = {
        6: (lambda share: np.where(order < share, polarity, picture), 1e-5, 0.5),
        7: (lambda step: np.floor(picture / step) * step + step / 2, 1.0, 128.0),
        8: (lambda sigma: smoothed(picture, sigma), 0.1, 20.0),
        11: (lambda reduction: _jpeg2000(picture, reduction), 1.5, 500.0),
    }
    distort, low, high = makers.get(kind, (lambda scale: picture + scale * noise, 0.5, 200.0))
    return lambda strength: images.to_uint8(distort(strength)).astype(np.float64), low, high


def _jpeg2000(picture: Array, reduction: float) -> Array:
    from qimg import codecs

    return codecs.decode(codecs.encode(picture, codec="peer:jpeg2000", reduction=reduction), codec="peer:jpeg2000")
