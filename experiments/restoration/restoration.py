"""How much of what JPEG took away does restoration give back?

Every picture is compressed, decoded, and restored by several methods from the same file. In the protocol "luma" the
luma of BT.601 in studio range, rounded to bytes, is compressed as a gray JPEG, as the literature on LIVE1 and Classic5
does with colour pictures; gray ones are taken as they are. In "colour" the picture is compressed in 4:2:0.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Annotated

import numpy as np
from PIL import Image

from experiments._run import (
    Array,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Qualities,
    Seconds,
    Table,
    among,
    comparable,
    distinct,
    each,
    figure_of,
    finite_mean,
    groups,
    levels,
    mean,
    median,
    one_of,
    per_picture,
    pictures_counted,
    select,
    timed,
)
from qimg import images, metrics, restoration

PROTOCOLS = ("luma", "colour")
EXPLICIT = "qimg, effort"
NETWORK = "network, effort"
TV_WEIGHT = 0.0007
"""Weight of total variation, in white = 1, per unit of the table's size: best of a grid on the bundled photographs."""

PUBLISHED = {
    "AR-CNN (0.107 M parameters)": {10: 1.19, 20: 1.22, 30: 1.26, 40: 1.28},
    "TNRD": {10: 1.38, 20: 1.39, 30: 1.43},
    "DnCNN-3 (0.67 M)": {10: 1.42, 20: 1.52, 30: 1.57, 40: 1.61},
    "FBCNN (71.9 M)": {10: 1.98, 20: 2.06, 30: 2.13, 40: 2.18},
}
"""Gains in Y PSNR over JPEG on all 29 pictures of LIVE1, protocol "luma", as published: Dong et al. 2015, Chen and Pock
2017, Zhang et al. 2017, Jiang et al. 2021."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 30, 40)
    """Of libjpeg."""
    protocols: Annotated[tuple[str, ...], each(among(PROTOCOLS))] = PROTOCOLS
    """"luma", "colour"."""
    methods: tuple[str, ...] = ()
    """Names as in the table; all of them when left out."""


TINY = Params(box_mean=6, qualities=(20,), methods=("64 shifts", "qimg, effort 1"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one quality by one method. NaN where a measure does not apply."""

    image: str
    protocol: str
    quality: int
    method: str
    psnr_y_db: float
    """Protocol "luma": of the plane that was compressed."""
    psnr_rgb_db: float
    """NaN in the protocol "luma"."""
    ssim_y: float
    """NaN below 11 pixels."""
    psnr_b_y_db: float
    restore_seconds: Seconds
    """Reading the file included; of JPEG itself decoding alone."""
    equal_pixels: float
    """Share of the pixels that are those of the decoded JPEG."""


@cache
def methods() -> dict[str, Callable[[bytes, Array, int], Array]]:
    """Name → function of (file, decoded pixels, quality)."""
    model = restoration.load()
    efforts = range(1, len(model.cascade.stages) + 1)
    ours = {f"{EXPLICIT} {effort}": _restorer("explicit", effort) for effort in efforts}
    learned = {f"{NETWORK} {effort}": _restorer("network", effort) for effort in (1, 5)} if find_spec("torch") else {}
    return {"TV": _total_variation, "64 shifts": shifts, **ours, **learned}


def _restorer(method: str, effort: int) -> Callable[[bytes, Array, int], Array]:
    return lambda file, decoded, quality: restoration.restore(file, method=method, effort=effort)


def shifts(file: bytes, decoded: Array, quality: int) -> Array:
    """The decoded picture compressed again at all 64 places of the grid, and the mean of it (Nosratinia, 2001)."""
    height, width = decoded.shape[:2]
    edges = [(0, 8), (0, 8)] + [(0, 0)] * (decoded.ndim - 2)
    padded = np.pad(decoded, edges, mode="edge")
    padded = np.pad(padded, [(8, 0), (8, 0)] + [(0, 0)] * (decoded.ndim - 2), mode="edge")
    total = np.zeros(decoded.shape)
    for row in range(8):
        for column in range(8):
            moved = np.ascontiguousarray(padded[8 - row : 8 - row + height + 8, 8 - column : 8 - column + width + 8])
            again = images.jpeg_round_trip(moved, quality=quality).image
            total += again[row : row + height, column : column + width]
    return images.to_uint8(total / 64)


def _total_variation(file: bytes, decoded: Array, quality: int) -> Array:
    from skimage.restoration import denoise_tv_chambolle

    unit = float(np.sqrt(np.square(images.quantization_table(quality)).mean())) / 8
    axis = -1 if decoded.ndim == 3 else None
    return images.to_uint8(255 * denoise_tv_chambolle(decoded / 255, weight=TV_WEIGHT * unit, channel_axis=axis))


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per protocol, quality and method."""
    known = methods()
    chosen = {one_of("methods", name, known): known[name] for name in params.methods or known}
    image = images.to_uint8(images.code_values(picture.image()))
    rows: list[Row] = []
    for protocol in params.protocols:
        source = studio_luma(image) if protocol == "luma" else image
        for quality in params.qualities:
            file = images.jpeg_round_trip(source, quality=quality).file
            row = partial(_row, picture.name, protocol, quality, source)
            decoded, seconds = timed(lambda file=file: np.array(Image.open(io.BytesIO(file))))
            rows.append(row("JPEG", decoded, decoded, seconds))
            for name, method in chosen.items():
                rows.append(row(name, decoded, *timed(method, file, decoded, quality)))
    return rows


run = per_picture(rows_of)


def studio_luma(image: Array) -> Array:
    """BT.601 luma in studio range (16 to 235), rounded, as MATLAB's rgb2ycbcr gives it; gray pictures as they are."""
    if image.ndim == 2:
        return image
    return images.to_uint8(16 + image @ np.array([65.481, 128.553, 24.966]) / 255)


def _row(
    image: str, protocol: str, quality: int, source: Array, method: str, decoded: Array, shown: Array, seconds: float
) -> Row:
    luma, luma_shown = images.luma(source), images.luma(shown)
    return Row(
        image=image,
        protocol=protocol,
        quality=quality,
        method=method,
        psnr_y_db=metrics.psnr_db(luma, luma_shown, data_range=255),
        psnr_rgb_db=metrics.psnr_db(source, shown) if protocol == "colour" else float("nan"),
        ssim_y=metrics.measure("ssim", luma, luma_shown, data_range=255),
        psnr_b_y_db=metrics.measure("psnr_b_db", luma, luma_shown, data_range=255),
        restore_seconds=seconds,
        equal_pixels=float((shown == decoded).mean()),
    )


def gains(rows: Sequence[Row], protocol: str, quality: int, method: str, measure: str) -> dict[str, float]:
    """Picture → method minus JPEG; pictures that are exact somewhere, or too small, are left out."""
    own = select(rows, protocol=protocol, quality=quality)
    jpeg = {row.image: getattr(row, measure) for row in select(own, method="JPEG")}
    found = {row.image: getattr(row, measure) - jpeg[row.image] for row in select(own, method=method)}
    return {name: gain for name, gain in found.items() if np.isfinite(gain)}


def _measured(protocol: str) -> tuple[str, str]:
    """Measure that counts in a protocol, and its planes."""
    return ("psnr_y_db", "Y") if protocol == "luma" else ("psnr_rgb_db", "RGB")


def findings(rows: Sequence[Row]) -> list[str]:
    """Gains of the highest effort, on average and at least."""
    sentences = []
    for protocol, own in groups([row for row in rows if row.method != "JPEG"], "protocol").items():
        ours = [name for name in distinct(own, "method") if name.startswith(EXPLICIT)]
        measure, kind = _measured(protocol)
        for quality in levels(own, "quality") if ours else ():
            found = gains(rows, protocol, quality, ours[-1], measure)
            if not found:
                sentences.append(f"Quality {quality}, {protocol}: no picture has an error that could be measured.")
                continue
            least = min(found, key=lambda name: found[name])
            sentences.append(
                f"Quality {quality}, {protocol}: {ours[-1]} gains {finite_mean(found.values()):+.2f} dB of {kind} PSNR "
                f"over JPEG on average, least {found[least]:+.2f} dB on {least}."
            )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Means over the pictures, as gains over JPEG, and the published gains."""
    body: list[list[str | float]] = []
    for protocol in distinct(rows, "protocol"):
        for quality in levels(rows, "quality"):
            for method, own in groups(select(rows, protocol=protocol, quality=quality), "method").items():
                found = [gains(rows, protocol, quality, method, measure) for measure in _MEASURES.values()]
                costs = [median(own, "restore_seconds"), mean(own, "equal_pixels")]
                body.append([protocol, quality, method, *(finite_mean(one.values()) for one in found), *costs])
            for method, known in PUBLISHED.items():
                if protocol == "luma" and quality in known:
                    body.append([protocol, quality, f"{method}, published, LIVE1", known[quality], *[np.nan] * 5])
    counted = comparable(rows, "psnr_y_db")
    over = pictures_counted(counted, "psnr_y_db") if counted else "no picture"
    return Table(
        columns=["protocol", "quality", "method", *_MEASURES, "s", "as JPEG"],
        rows=body,
        caption=f"Gains over JPEG, means over {over}",
    )


_MEASURES = {
    "Y PSNR, dB": "psnr_y_db",
    "RGB PSNR, dB": "psnr_rgb_db",
    "SSIM (Y)": "ssim_y",
    "PSNR-B (Y), dB": "psnr_b_y_db",
}


def plot(rows: Sequence[Row]) -> Figure:
    """Gain over JPEG against quality, by method."""
    protocols, qualities = distinct(rows, "protocol"), levels(rows, "quality")
    methods = [method for method in distinct(rows, "method") if method != "JPEG"]
    panels = []
    for protocol in protocols:
        measure, kind = _measured(protocol)
        lines = {
            method: (
                qualities,
                [finite_mean(gains(rows, protocol, quality, method, measure).values()) for quality in qualities],
            )
            for method in methods
        }
        title = f"protocol {protocol}"
        panels.append(Panel(curves=lines, x="JPEG quality", y=f"gain in {kind} PSNR, dB", title=title, dashed=(0.0,)))
    return figure_of(*panels, size=(5.2 * len(protocols), 3.8), layout="constrained")
