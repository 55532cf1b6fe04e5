"""What does a draw from the conditional distribution gain in naturalness, and what does it cost in error?

Luma is compressed as a gray JPEG and restored twice: by the conditional mean, which has the least squared error and is
smoother than pictures are, and by a draw, which has twice the error variance in theory and the statistics of pictures
as far as the model knows them. Distances of patch statistics are trace distances between density matrices of AC
coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments._run.parameters import integers
from experiments._run.pictures import PictureParams, Track
from qimg import images, metrics, restoration, transforms
from qimg.core.arguments import Array, integer
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.operators import CorrelationOperator
from qimg.report import Table, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("JPEG", "mean", "draw")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: tuple[int, ...] = (10, 20, 40)
    """Of libjpeg."""
    method: str = "explicit"
    """Of restoration."""
    effort: int | None = None
    """Of restoration; the highest when left out."""
    seed: int = 0
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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Three rows per picture and quality."""
    integers("qualities", params.qualities, 1, 100)
    integer("seed", params.seed, 0)
    rows = []
    for picture in track(params.gather().pictures):
        truth = picture.luma()
        for quality in params.qualities:
            coded = images.jpeg_round_trip(truth, quality=quality)
            rng = np.random.default_rng(params.seed)
            mean = restoration.restore_picture(coded.file, method=params.method, effort=params.effort)
            draw = restoration.restore_picture(
                coded.file, method=params.method, effort=params.effort, tune="natural", rng=rng
            )
            shown = (coded.image, mean.image, draw.image)
            equal = (1.0, float("nan"), draw.equal_coefficients)
            rows += [
                _row(picture.name, quality, method, truth, image, share)
                for method, image, share in zip(METHODS, shown, equal, strict=True)
            ]
    return rows


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
        ssim_y=metrics.ssim(truth, image) if side >= 11 else float("nan"),
        ms_ssim_y=metrics.ms_ssim(truth, image) if side >= 176 else float("nan"),
        gmsd_y=metrics.gmsd(truth, image) if side >= 8 else float("nan"),
        ssimulacra2=metrics.ssimulacra2(truth, image) if side >= 64 else float("nan"),
        patch_distance=float(distance),
        energy=float(np.trace(found) / energy) if energy > 0 else float("nan"),
        equal_coefficients=equal,
    )


def _moments(plane: Array) -> Array:
    """Second moments of the AC coefficients of all 8×8 patches."""
    operator = CorrelationOperator.from_planes(plane.astype(np.float64))
    return transforms.ac_block(operator.matrix / operator.count)


def means(rows: Sequence[Row], measure: str) -> dict[tuple[int, str], float]:
    """(quality, method) → mean over the pictures that have the measure at all settings."""
    relevant = rows if measure != "equal_coefficients" else [row for row in rows if row.method == "draw"]
    kept = comparable(relevant, measure)
    keys = dict.fromkeys((row.quality, row.method) for row in rows)
    return {
        (quality, method): finite_mean(
            getattr(row, measure) for row in kept if (row.quality, row.method) == (quality, method)
        )
        for quality, method in keys
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    psnr, distance, energy = (means(rows, name) for name in ("psnr_y_db", "patch_distance", "energy"))
    equal = means(rows, "equal_coefficients")
    sentences = []
    for quality in sorted({row.quality for row in rows}):
        mean, draw = (quality, "mean"), (quality, "draw")
        if not np.isfinite([psnr[mean], psnr[draw], distance[mean], distance[draw]]).all():
            sentences.append(f"Quality {quality}: no picture has an error and a pattern that could be measured.")
            continue
        sentences.append(
            f"Quality {quality}: a draw costs {psnr[mean] - psnr[draw]:.2f} dB of PSNR beside the mean; AC energy is "
            f"{energy[draw]:.2f} of the original's instead of {energy[mean]:.2f}, and the density matrix of patches is "
            f"{distance[draw]:.3f} away instead of {distance[mean]:.3f}."
        )
        if np.isfinite(equal[draw]):
            sentences.append(
                f"Quality {quality}: compressing the draw gives {100 * equal[draw]:.4f} % of the coefficients."
            )
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


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    found = {column: means(rows, measure) for column, measure in _MEASURES.items()}
    body = [
        [quality, method, *(values[quality, method] for values in found.values())]
        for quality, method in dict.fromkeys((row.quality, row.method) for row in rows)
    ]
    caption = f"Luma, means over {pictures_counted(rows, 'psnr_y_db')}"
    return Table(columns=["quality", "method", *_MEASURES], rows=body, caption=caption)


def plot(rows: Sequence[Row]) -> "Figure":
    """Error against distance of patch statistics: the trade-off."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    psnr, distance = means(rows, "psnr_y_db"), means(rows, "patch_distance")
    curves = {}
    for method in METHODS:
        qualities = sorted({row.quality for row in rows})
        curves[method] = ([psnr[q, method] for q in qualities], [distance[q, method] for q in qualities])
    plot_curves(curves, x_label="Y PSNR, dB", y_label="trace distance of patch statistics", ax=ax)
    return figure
