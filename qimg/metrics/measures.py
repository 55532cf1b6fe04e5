"""The measures that compare a picture with a reference, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg.core import Array, one_of
from qimg.core.records import short_repr
from qimg.metrics.perceptual import gmsd, patch_bures, ssimulacra2, tangent_error
from qimg.metrics.pixels import ms_ssim, psnr_b, psnr_db, ssim


@short_repr
@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a picture against a reference."""

    function: Callable[..., float]
    """`function(reference, image, …)`."""
    best: float
    """Value for equal pictures."""
    higher_is_better: bool = True
    smallest: int = 1
    """Smallest number of rows and columns of a picture."""


MEASURES = {
    "psnr_db": Measure(function=psnr_db, best=np.inf),
    "psnr_b_db": Measure(function=psnr_b, best=np.inf, smallest=9),
    "ssim": Measure(function=ssim, best=1.0, smallest=11),
    "ms_ssim": Measure(function=ms_ssim, best=1.0, smallest=176),
    "gmsd": Measure(function=gmsd, best=0.0, higher_is_better=False, smallest=8),
    "ssimulacra2": Measure(function=ssimulacra2, best=100.0, smallest=8),
    "tangent_error": Measure(function=tangent_error, best=0.0, higher_is_better=False, smallest=8),
    "patch_bures": Measure(function=patch_bures, best=0.0, higher_is_better=False, smallest=8),
}
"""Name → measure."""


def measure(name: str, reference: Array, image: Array, **options: Any) -> float:
    """Evaluate a measure of `MEASURES`; NaN if the pictures are too small for it or its package is missing.

    Args:
        name: key of `MEASURES`.
        reference: picture.
        image: picture of the same shape.
        options: `data_range`, `channel_axis` and so on of the function.
    """
    chosen = MEASURES[one_of("name", name, MEASURES)]
    if min(reference.shape[:2]) < chosen.smallest:
        return float("nan")
    return chosen.function(reference, image, **options)
