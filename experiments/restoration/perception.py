"""How much closer to the statistics of pictures is a draw than the conditional mean, and how much PSNR does it cost?

Luma is compressed as a gray JPEG and restored twice. The conditional mean has the least squared error and is smoother
than pictures are. A draw from the conditional distribution has twice the error variance in theory, and the statistics
of pictures as far as the model contains them. Distances of patch statistics are trace distances between density
matrices of AC coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments._run import (
    Array,
    Figure,
    LibraryDependent,
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
    """Quality settings of libjpeg."""
    method: str = "explicit"
    """Restoration method, "explicit" or "network"."""
    effort: int | None = None
    """Effort of restoration; the highest when left out."""
    seed: Seed = 0
    """Seed of the draws."""


TINY = Params(box_mean=4, qualities=(20,), effort=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Measures of one picture at one quality by one method; NaN where a picture is too small for a measure."""

    image: str
    quality: int
    method: str
    """"JPEG", "mean" or "draw"."""
    psnr_y_db: LibraryDependent
    ssim_y: LibraryDependent
    ms_ssim_y: LibraryDependent
    gmsd_y: LibraryDependent
    """Smaller is better."""
    ssimulacra2: LibraryDependent
    """NaN where the package is missing."""
    patch_distance: LibraryDependent
    """Trace distance between the density matrices of patches without DC; NaN for pictures without AC."""
    energy: LibraryDependent
    """AC energy of the patches divided by that of the original; NaN without AC."""
    equal_coefficients: LibraryDependent
    """Fraction of the file's coefficients that compression with its quantization tables reproduces."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Measure one picture: three rows per quality."""
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
    """Means of a measure for the conditional mean and for the draw, over pictures that have it at all settings."""
    expected, draw = (_mean(rows, measure, quality=quality, method=method) for method in ("mean", "draw"))
    return expected, draw


def _mean(rows: Sequence[Row], measure: str, **setting: Any) -> float:
    return fair_mean(select(rows, method="draw") if measure == "equal_coefficients" else rows, measure, **setting)


def findings(rows: Sequence[Row]) -> list[str]:
    """Costs and gains of a draw against the mean, at each quality."""
    sentences = []
    for quality in levels(rows, "quality"):
        psnr, distance, energy = (_means(rows, name, quality) for name in ("psnr_y_db", "patch_distance", "energy"))
        if not np.isfinite([*psnr, *distance]).all():
            sentences.append(f"Quality {quality}: no picture has an error and a pattern that could be measured.")
            continue
        sentences.append(
            f"Quality {quality}: a draw has {psnr[0] - psnr[1]:.2f} dB less PSNR than the mean; its AC energy is "
            f"{energy[1]:.2f} of the original's instead of {energy[0]:.2f}, and the trace distance of patch statistics "
            f"is {distance[1]:.3f} instead of {distance[0]:.3f}."
        )
        equal = _mean(rows, "equal_coefficients", quality=quality, method="draw")
        if np.isfinite(equal):
            sentences.append(
                f"Quality {quality}: compression of the draw reproduces {100 * equal:.4f} % of the coefficients."
            )
    return sentences


_MEASURES = {
    "Y PSNR, dB": ("psnr_y_db", ".2f"),
    "SSIM": ("ssim_y", ".3f"),
    "MS-SSIM": ("ms_ssim_y", ".3f"),
    "GMSD": ("gmsd_y", ".3f"),
    "SSIMULACRA 2": ("ssimulacra2", ".1f"),
    "patch distance": ("patch_distance", ".3f"),
    "AC energy": ("energy", ".2f"),
    "equal coefficients, %": ("equal_coefficients", ".4%"),
}
"""Heading → attribute of a row and format."""


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"measures": measures(rows)}


def measures(rows: Sequence[Row]) -> Table:
    """Mean of every measure for the decoded file, the conditional mean and the draw."""
    names = [name for name, _ in _MEASURES.values()]
    return Table(
        columns=["quality", "method", *_MEASURES],
        rows=[
            [quality, method, *(_mean(rows, name, quality=quality, method=method) for name in names)]
            for quality, method in groups(rows, "quality", "method")
        ],
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_y_db')}",
        formats={heading: spec for heading, (_, spec) in _MEASURES.items()},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Trace distance of patch statistics against PSNR, one point for each quality."""
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
