"""How much of a JPEG's loss does the linear conditional expectation under the joint operator restore?

For each picture the joint operator of a decoded patch z and its error x − z, 2 × 192 dimensions in Y'CbCr, is fitted on
the other pictures and their mirror images; z + E[x − z | z] = z + C_ez C_zz⁻¹ z restores the decoded patches. It is one
linear map inside 8×8 blocks for all pictures: a lower bound for methods that know more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Figure,
    LeaveOneOut,
    Panel,
    Picture,
    PictureParams,
    Qualities,
    Table,
    Track,
    check,
    counted_pictures,
    distinct,
    fair_mean,
    finite_mean,
    groups,
    levels,
    others,
    picture_lines,
    pictures_counted,
    positive,
    select,
    subplots,
    values,
)
from qimg import images, metrics
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator, LinearEstimator, conditional_expectation
from qimg.patches import assemble_patches, extract_patches
from qimg.prior import jpeg_pairs


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 30, 50, 75, 90)
    """libjpeg qualities, 4:2:0 for colour."""
    shrinkage: Annotated[float, positive] = 1.0
    """Added to the variance of every decoded pixel, in squared code values: shrinks towards JPEG itself."""


TINY = Params(box_mean=8, qualities=(20,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one quality, decoded or restored."""

    image: str
    quality: int
    method: str
    """"JPEG" or "conditional expectation"."""
    fitted_on: int
    """Pictures that the estimator was fitted on; 0 for JPEG itself."""
    psnr_y_db: float
    psnr_rgb_db: float
    ssim_y: float
    ms_ssim_y: float
    """NaN where the picture is too small for the measure (SSIM 11, MS-SSIM 176 pixels)."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Two rows per picture and quality."""
    check(params)
    pictures = params.gather().pictures
    rows: list[Row] = []
    for quality in track(params.qualities):
        joint = LeaveOneOut(pictures, partial(joint_operator, quality=quality))
        for picture in pictures:
            estimator = estimate(joint.without(picture), shrinkage=params.shrinkage)
            image = picture.code_values()
            decoded = images.jpeg_round_trip(image, quality=quality).image
            fitted_on = len(others(pictures, picture))
            rows.append(_row(picture.name, quality, "JPEG", 0, image, decoded))
            restored = restore(decoded, estimator)
            rows.append(_row(picture.name, quality, "conditional expectation", fitted_on, image, restored))
    return rows


def estimate(joint: CorrelationOperator, *, shrinkage: float = 1.0) -> LinearEstimator:
    """The estimator of x − z from z under a `joint_operator`."""
    return conditional_expectation(joint, observed=192, noise_variance=shrinkage)


def joint_operator(picture: Picture, quality: int) -> CorrelationOperator:
    """Second moments of (decoded patch z, error x − z) and of its mirror images."""
    return jpeg_pairs.joint_operator(picture.image(), quality=quality)


def restore(decoded: Array, estimator: LinearEstimator) -> Array:
    """A decoded picture mapped back patch by patch, `uint8` of its shape."""
    planes = images.to_ycbcr(decoded)
    patches = extract_patches(planes) - LEVEL_SHIFT
    restored = assemble_patches(patches + estimator.apply(patches) + LEVEL_SHIFT, planes.shape)
    return images.to_uint8(restored[..., 0] if decoded.ndim == 2 else images.ycbcr_to_rgb(restored))


def _row(name: str, quality: int, method: str, fitted_on: int, image: Array, shown: Array) -> Row:
    luma, luma_shown = images.luma(image), images.luma(shown)
    return Row(
        image=name,
        quality=quality,
        method=method,
        fitted_on=fitted_on,
        psnr_y_db=metrics.psnr_db(luma, luma_shown, data_range=255),
        psnr_rgb_db=metrics.psnr_db(image, shown),
        ssim_y=metrics.measure("ssim", luma, luma_shown, data_range=255),
        ms_ssim_y=metrics.measure("ms_ssim", luma, luma_shown, data_range=255),
    )


def gains(rows: Sequence[Row], quality: int, measure: str) -> list[float]:
    """Restored minus JPEG for every picture at one quality."""
    jpeg, restored = (values(own, measure) for own in groups(select(rows, quality=quality), "method").values())
    # Equal infinities, an exact picture before and after, make no gain that could be measured: NaN.
    return [after - before for before, after in zip(jpeg, restored, strict=True)]


def findings(rows: Sequence[Row]) -> list[str]:
    """Gains at the lowest and the highest quality."""
    sentences = []
    qualities = levels(rows, "quality")
    for quality in dict.fromkeys((qualities[0], qualities[-1])):
        luma, rgb, ssim = (gains(rows, quality, name) for name in ("psnr_y_db", "psnr_rgb_db", "ssim_y"))
        measured = [gain for gain in luma if np.isfinite(gain)]
        if not measured:
            sentences.append(f"Quality {quality}: no picture has an error that can be measured before and after.")
            continue
        text = (
            f"Quality {quality}: fitted on {max(values(rows, 'fitted_on'))} other pictures, the linear conditional "
            f"expectation changes Y PSNR by {finite_mean(luma):+.2f} dB on average ({min(measured):+.2f} to "
            f"{max(measured):+.2f}), RGB PSNR by {finite_mean(rgb):+.2f} dB"
        )
        text += "." if np.isnan(ssim).all() else f", SSIM by {finite_mean(ssim):+.4f}."
        if len(measured) < len(luma):
            text += f" Left out: {counted_pictures(len(luma) - len(measured))}, exact before or after."
        sentences.append(text)
    sentences.append(
        "One linear map per block uses neither the neighbours nor the kind of patch; mixtures and overlapping blocks "
        "restore more."
    )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"means": _means(rows), "gains": _gains(rows)}


def _gains(rows: Sequence[Row]) -> Table:
    """Restored minus JPEG over the pictures at each quality."""
    body = []
    for quality in levels(rows, "quality"):
        luma, rgb, ssim = (gains(rows, quality, name) for name in ("psnr_y_db", "psnr_rgb_db", "ssim_y"))
        measured = [gain for gain in luma if np.isfinite(gain)] or [float("nan")]
        better = sum(gain > 0 for gain in measured)
        means = [finite_mean(own) for own in (luma, rgb, ssim)]
        body.append([quality, means[0], min(measured), max(measured), *means[1:], better, len(luma)])
    luma_headings = ["gain in Y PSNR, dB", "least", "largest"]
    others = {"gain in RGB PSNR, dB": "+.2f", "gain in SSIM (Y)": "+.4f"}
    return Table(
        columns=["quality", *luma_headings, *others, "pictures that gain in Y", "pictures"],
        rows=body,
        caption="Conditional expectation minus JPEG: mean over the pictures, and their least and largest gain in Y",
        formats=dict.fromkeys(luma_headings, "+.2f") | others,
    )


def _means(rows: Sequence[Row]) -> Table:
    """Means over the pictures at each quality, decoded and restored."""
    return Table(
        columns=["quality", "method", *_MEASURES],
        rows=[
            [quality, method, *(fair_mean(rows, name, quality=quality, method=method) for name in _MEASURES.values())]
            for quality in levels(rows, "quality")
            for method in distinct(rows, "method")
        ],
        caption=f"Means over {pictures_counted(rows, 'psnr_y_db')}",
        formats={name: ".4f" if "SSIM" in name else ".2f" for name in _MEASURES},
    )


_MEASURES = {
    "Y PSNR, dB": "psnr_y_db",
    "RGB PSNR, dB": "psnr_rgb_db",
    "SSIM (Y)": "ssim_y",
    "MS-SSIM (Y)": "ms_ssim_y",
}


def plot(rows: Sequence[Row]) -> Figure:
    """Gain of the conditional expectation over JPEG against quality: every picture and the mean."""
    figure, axes = subplots(1, 2, figsize=(10, 3.6))
    qualities = levels(rows, "quality")
    measures = {"psnr_y_db": "gain in Y PSNR, dB", "ssim_y": "gain in SSIM (Y)"}
    for ax, (measure, label) in zip(axes, measures.items(), strict=True):
        by_picture = np.array([gains(rows, quality, measure) for quality in qualities])
        by_picture[~np.isfinite(by_picture)] = np.nan
        picture_lines(ax, [(qualities, own) for own in by_picture.T])
        means = (qualities, list(map(finite_mean, by_picture)))
        Panel(curves={f"mean of {by_picture.shape[1]}": means}, x="JPEG quality", y=label, dashed=(0.0,)).draw(ax)
        ax.legend()
    return figure
