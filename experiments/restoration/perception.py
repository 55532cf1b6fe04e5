"""What does a draw from the conditional distribution gain in naturalness, and what does it cost in error?

Luma is compressed as a gray JPEG and restored twice: by the conditional mean, which has the least squared error and is
smoother than pictures are, and by a draw, which has twice the error variance in theory and the statistics of pictures
as far as the model holds them. Distances of patch statistics are trace distances between density matrices of AC
coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments._run import (
    Array,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Qualities,
    Seed,
    Table,
    fair_mean,
    figure_of,
    groups,
    levels,
    per_picture,
    pictures_counted,
    select,
)
from qimg import images, metrics, restoration, transforms
from qimg.operators import CorrelationOperator

METHODS = ("JPEG", "mean", "draw")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 40)
    """Of libjpeg."""
    method: str = "explicit"
    """Of restoration."""
    effort: int | None = None
    """Of restoration; the highest when left out."""
    seed: Seed = 0
    """Of the draws."""


TINY = Params(box_mean=4, qualities=(20,), effort=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one quality by one method. NaN where a picture is too small for a measure."""

    image: str
    quality: int
    method: str
    """"JPEG", "mean" or "draw"."""
    psnr_y_db: float
    ssim_y: float
    ms_ssim_y: float
    gmsd_y: float
    """Smaller is better."""
    ssimulacra2: float
    """NaN where the package is missing."""
    patch_distance: float
    """Trace distance of the density matrices of patches without DC; NaN of pictures without AC."""
    energy: float
    """AC energy of the patches over that of the original; NaN without AC."""
    equal_coefficients: float
    """Share of the file's coefficients that compressing with its tables gives again."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Three rows per quality."""
    truth = picture.luma()
    restore = partial(restoration.restore_picture, method=params.method, effort=params.effort)
    rows = []
    for quality in params.qualities:
        coded = images.jpeg_round_trip(truth, quality=quality)
        mean_image = restore(coded.file).image
        draw = restore(coded.file, tune="natural", rng=np.random.default_rng(params.seed))
        shown = {
            "JPEG": (coded.image, 1.0),
            "mean": (mean_image, np.nan),
            "draw": (draw.image, draw.equal_coefficients),
        }
        rows += [_row(picture.name, quality, method, truth, *one) for method, one in shown.items()]
    return rows


run = per_picture(rows_of)


def _row(name: str, quality: int, method: str, truth: Array, image: Array, equal: float) -> Row:
    side = min(truth.shape)
    original, found = _moments(truth), _moments(image)
    energy = np.trace(original)
    comparable_patches = energy > 0 and np.trace(found) > 0
    distance = metrics.trace_distance(original / energy, found / np.trace(found)) if comparable_patches else np.nan
    return Row(
        image=name,
        quality=quality,
        method=method,
        psnr_y_db=metrics.psnr_db(truth, image),
        ssim_y=metrics.measure("ssim", truth, image),
        ms_ssim_y=metrics.measure("ms_ssim", truth, image),
        gmsd_y=metrics.measure("gmsd", truth, image),
        ssimulacra2=metrics.ssimulacra2(truth, image) if side >= 64 else float("nan"),
        patch_distance=float(distance),
        energy=float(np.trace(found) / energy) if energy > 0 else float("nan"),
        equal_coefficients=equal,
    )


def _moments(plane: Array) -> Array:
    """Second moments of the AC coefficients of all 8×8 patches."""
    operator = CorrelationOperator.from_planes(plane.astype(np.float64))
    return transforms.ac_block(operator.matrix / operator.count)


def _means(rows: Sequence[Row], measure: str, quality: int) -> tuple[float, float]:
    """Of the conditional mean and of the draw, over the pictures that have the measure at all settings."""
    expected, draw = (_mean(rows, measure, quality=quality, method=method) for method in ("mean", "draw"))
    return expected, draw


def _mean(rows: Sequence[Row], measure: str, **setting: Any) -> float:
    return fair_mean(select(rows, method="draw") if measure == "equal_coefficients" else rows, measure, **setting)


def findings(rows: Sequence[Row]) -> list[str]:
    """What a draw costs and what it gains, at each quality."""
    sentences = []
    for quality in levels(rows, "quality"):
        psnr, distance, energy = (_means(rows, name, quality) for name in ("psnr_y_db", "patch_distance", "energy"))
        if not np.isfinite([*psnr, *distance]).all():
            sentences.append(f"Quality {quality}: no picture has an error and a pattern that could be measured.")
            continue
        sentences.append(
            f"Quality {quality}: a draw costs {psnr[0] - psnr[1]:.2f} dB of PSNR beside the mean; AC energy is "
            f"{energy[1]:.2f} of the original's instead of {energy[0]:.2f}, and the density matrix of patches is "
            f"{distance[1]:.3f} away instead of {distance[0]:.3f}."
        )
        equal = _mean(rows, "equal_coefficients", quality=quality, method="draw")
        if np.isfinite(equal):
            sentences.append(f"Quality {quality}: compressing the draw gives {100 * equal:.4f} % of the coefficients.")
    return sentences


_MEASURES = {
    "Y PSNR, dB": "psnr_y_db",
    "SSIM": "ssim_y",
    "MS-SSIM": "ms_ssim_y",
    "GMSD": "gmsd_y",
    "SSIMULACRA 2": "ssimulacra2",
    "patch distance": "patch_distance",
    "AC energy": "energy",
    "equal coefficients": "equal_coefficients",
}


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    return Table(
        columns=["quality", "method", *_MEASURES],
        rows=[
            [quality, method, *(_mean(rows, name, quality=quality, method=method) for name in _MEASURES.values())]
            for quality, method in groups(rows, "quality", "method")
        ],
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_y_db')}",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Error against distance of patch statistics: the trade-off."""
    lines = {}
    for method in METHODS:
        settings = [{"quality": quality, "method": method} for quality in levels(rows, "quality")]
        psnr, distance = ([_mean(rows, name, **one) for one in settings] for name in ("psnr_y_db", "patch_distance"))
        lines[method] = (psnr, distance)
    return figure_of(
        Panel(curves=lines, x="Y PSNR, dB", y="trace distance of patch statistics"),
        size=(5.6, 3.8),
        layout="constrained",
    )
