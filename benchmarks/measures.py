"""The measures of visible errors on one megapixel, beside SSIM, on one thread."""

import time
from functools import partial
from typing import Any

import numpy as np

from benchmarks.codec import photograph
from benchmarks.timing import compare
from experiments._results.measurements import Measurement
from qimg import images, metrics
from qimg.core import Array, in_one_blas_thread

SIDE = 1024
REPEATS = 3
TARGET = "≤ 2 s"


@in_one_blas_thread
def measure() -> list[Measurement]:
    """CPU seconds of a megapixel."""
    colour = _megapixel(photograph())
    gray = images.to_uint8(images.luma(colour))
    rows = []
    for kind, picture, axis in (("gray", gray, None), ("colour", colour, 2)):
        noise = np.random.default_rng(0).normal(0, 5, picture.shape)
        pair = (picture, images.to_uint8(picture + noise))
        options: dict[str, Any] = {"data_range": 255, "channel_axis": axis}
        peer = partial(metrics.ssim, *pair, **options)
        measures: tuple[tuple[str, Any, str], ...] = (
            ("tangent_error", metrics.tangent_error, TARGET),
            ("tangent_error, affine", partial(metrics.tangent_error, deformation="affine"), ""),
            ("tangent_error_gradient", metrics.tangent_error_gradient, ""),
            ("patch_bures", metrics.patch_bures, TARGET),
            ("patch_bures, full", partial(metrics.patch_bures, states="full"), ""),
        )
        for what, function, target in measures:
            ours = partial(function, *pair, **options)
            name = f"{what}, one megapixel in {kind}"
            rows.append(compare(name, ours, "SSIM", peer, target=target, repeats=REPEATS, clock=time.process_time))
    return rows


def _megapixel(picture: Array) -> Array:
    """Copies of a picture side by side, 1024 × 1024 pixels of them."""
    down, across = (-(-SIDE // side) for side in picture.shape[:2])
    return np.tile(picture, (down, across, 1))[:SIDE, :SIDE]
