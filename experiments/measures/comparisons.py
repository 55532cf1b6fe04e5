"""Measures side by side: how much nearer the near case of a pair is, and rank correlation with opinion scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments._run import Array
from experiments.measures.correlation import Correlation, correlation
from qimg import images, metrics

NAMES = {
    "psnr_db": "PSNR",
    "ssim_y": "SSIM",
    "ms_ssim_y": "MS-SSIM",
    "gmsd_y": "GMSD",
    "ssimulacra2": "SSIMULACRA 2",
    "tangent": "tangent error",
    "tangent_affine": "tangent error, affine",
    "bures": "Bures, populations",
    "bures_full": "Bures, matrices",
}
"""Attribute of a row → name of the measure."""
COMPARISONS = (
    ("line moved", "line missing"),
    ("line moved", "line dotted"),
    ("line moved", "line with noise"),
    ("C moved", "O for C"),
    ("C turned", "O for C"),
    ("O for C", "B for C"),
    ("texture again", "texture flat"),
    ("warp", "noise"),
    ("warp", "blur"),
    ("warp", "JPEG"),
    ("hot pixels", "noise"),
)
"""Near and far case."""


def measured(first: Array, second: Array) -> dict[str, float]:
    """All measures but affine deformations and full matrices of a pair of `uint8` pictures, as attributes of a row."""
    luma = [images.luma(picture) if picture.ndim == 3 else picture.astype(np.float64) for picture in (first, second)]
    options = {"data_range": 255, "channel_axis": 2 if first.ndim == 3 else None}
    return {
        "psnr_db": metrics.psnr_db(first, second),
        "ssim_y": metrics.measure("ssim", *luma, data_range=255),
        "ms_ssim_y": metrics.measure("ms_ssim", *luma, data_range=255),
        "gmsd_y": metrics.measure("gmsd", *luma, data_range=255),
        "ssimulacra2": metrics.ssimulacra2(first, second),
        "tangent": metrics.measure("tangent_error", first, second, **options),
        "bures": metrics.measure("patch_bures", first, second, **options),
    }


def dissimilarity(row: Any, name: str) -> float:
    """A measure turned so that 0 is for equal pictures and larger is worse: the squared error for PSNR."""
    value = float(getattr(row, name))
    if name == "psnr_db":
        return float(10 ** (-value / 10))
    if name in ("ssim_y", "ms_ssim_y"):
        return 1 - value
    return 100 - value if name == "ssimulacra2" else value


def ratio(rows: Sequence[Any], name: str, near: str, far: str) -> float:
    """The largest ratio of the near case to the far one, over positions, or pictures; NaN where none is measured."""
    ratios = []
    for one in (row for row in rows if row.case == near and row.level == 0):
        for other in (row for row in rows if row.case == far and row.level == 0):
            same_place = repr(one.position) == repr(other.position)
            if one.image == other.image and same_place and dissimilarity(other, name) > 0:
                ratios.append(dissimilarity(one, name) / dissimilarity(other, name))
    finite = [value for value in ratios if np.isfinite(value)]
    return max(finite) if finite else float("nan")


def correlations(rows: Sequence[Any]) -> dict[str, Correlation]:
    """Rank correlation of each measure with the opinion scores, where rows have scores and the measure."""
    scored = [row for row in rows if np.isfinite(row.opinion)]
    opinion, level = (np.array([getattr(row, name) for row in scored]) for name in ("opinion", "level"))
    found = {}
    for name in NAMES:
        measured = [row for row in scored if np.isfinite(getattr(row, name))]
        if len(measured) == len(scored) > 0:
            values = np.array([-dissimilarity(row, name) for row in scored])
            found[name] = correlation(values, opinion, level, [row.image for row in scored])
    return found
