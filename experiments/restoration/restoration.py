"""How much of what JPEG took away does restoration give back?

Every picture is compressed, decoded, and restored by several methods from the same file. In the protocol "luma" the
luma of BT.601 in studio range, rounded to bytes, is compressed as a gray JPEG, as the literature on LIVE1 and Classic5
does with colour pictures; gray ones are taken as they are. In "colour" the picture is compressed in 4:2:0.
"""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import PictureParams, Track
from qimg import images, metrics, restoration
from qimg.core.arguments import Array, one_of
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.report import Table, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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

    qualities: tuple[int, ...] = (10, 20, 30, 40)
    """Of libjpeg."""
    protocols: tuple[str, ...] = PROTOCOLS
    """"luma", "colour"."""
    methods: tuple[str, ...] = ()
    """Names as in the table; all of them when left out."""


TINY = Params(box_mean=6, qualities=(20,), methods=("64 shifts", "qimg, effort 0"))


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
    restore_seconds: float
    """Reading the file included; of JPEG itself decoding alone."""
    equal_pixels: float
    """Share of the pixels that are those of the decoded JPEG."""


def methods() -> dict[str, Callable[[bytes, Array, int], Array]]:
    """Name → function of (file, decoded pixels, quality)."""
    model = restoration.load()
    efforts = range(len(model.cascade.stages) + 1)
    ours = {f"{EXPLICIT} {effort}": _explicit(effort) for effort in efforts}
    learned = {f"{NETWORK} {effort}": _network(effort) for effort in (1, 2)} if find_spec("torch") else {}
    return {"TV": _total_variation, "64 shifts": shifts, **ours, **learned}


def _explicit(effort: int) -> Callable[[bytes, Array, int], Array]:
    return lambda file, decoded, quality: restoration.restore(file, effort=effort)


def _network(effort: int) -> Callable[[bytes, Array, int], Array]:
    return lambda file, decoded, quality: restoration.restore(file, method="network", effort=effort)


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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, protocol, quality and method."""
    integers("qualities", params.qualities, 1, 100)
    not_empty("protocols", params.protocols)
    for protocol in params.protocols:
        one_of("protocols", protocol, PROTOCOLS)
    known = methods()
    chosen = {one_of("methods", name, known): known[name] for name in params.methods or known}
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        image = images.to_uint8(images.code_values(picture.image()))
        for protocol in params.protocols:
            source = studio_luma(image) if protocol == "luma" else image
            for quality in params.qualities:
                file = images.jpeg_round_trip(source, quality=quality).file
                start = time.perf_counter()
                with Image.open(io.BytesIO(file)) as opened:
                    decoded = np.array(opened)
                rows.append(_row(picture.name, protocol, quality, "JPEG", source, decoded, decoded, start))
                for name, method in chosen.items():
                    start = time.perf_counter()
                    shown = method(file, decoded, quality)
                    rows.append(_row(picture.name, protocol, quality, name, source, shown, decoded, start))
    return rows


def studio_luma(image: Array) -> Array:
    """BT.601 luma in studio range (16 to 235), rounded, as MATLAB's rgb2ycbcr gives it; gray pictures as they are."""
    if image.ndim == 2:
        return image
    return images.to_uint8(16 + image @ np.array([65.481, 128.553, 24.966]) / 255)


def _row(
    name: str, protocol: str, quality: int, method: str, source: Array, shown: Array, decoded: Array, start: float
) -> Row:
    seconds = time.perf_counter() - start
    luma, luma_shown = images.luma(source), images.luma(shown)
    return Row(
        image=name,
        protocol=protocol,
        quality=quality,
        method=method,
        psnr_y_db=metrics.psnr_db(luma, luma_shown, data_range=255),
        psnr_rgb_db=metrics.psnr_db(source, shown) if protocol == "colour" else float("nan"),
        ssim_y=metrics.ssim(luma, luma_shown, data_range=255) if min(luma.shape) >= 11 else float("nan"),
        psnr_b_y_db=metrics.psnr_b(luma, luma_shown, data_range=255) if min(luma.shape) > 8 else float("nan"),
        restore_seconds=seconds,
        equal_pixels=float((shown == decoded).mean()),
    )


def gains(rows: Sequence[Row], protocol: str, quality: int, method: str, measure: str) -> dict[str, float]:
    """Picture → method minus JPEG; pictures that are exact somewhere, or too small, are left out."""
    own = [row for row in rows if (row.protocol, row.quality) == (protocol, quality)]
    values = {(row.image, row.method): getattr(row, measure) for row in own}
    found = {name: values[name, method] - values[name, "JPEG"] for name, by in values if by == method}
    return {name: gain for name, gain in found.items() if np.isfinite(gain)}


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    for protocol in dict.fromkeys(row.protocol for row in rows):
        own = [row for row in rows if row.protocol == protocol and row.method != "JPEG"]
        ours = [name for name in dict.fromkeys(row.method for row in own) if name.startswith(EXPLICIT)]
        if not ours:
            continue
        best = ours[-1]
        measure = "psnr_y_db" if protocol == "luma" else "psnr_rgb_db"
        for quality in sorted({row.quality for row in own}):
            found = gains(rows, protocol, quality, best, measure)
            if not found:
                sentences.append(f"Quality {quality}, {protocol}: no picture has an error that could be measured.")
                continue
            least = min(found, key=lambda name: found[name])
            kind = "Y" if protocol == "luma" else "RGB"
            sentences.append(
                f"Quality {quality}, {protocol}: {best} gains {finite_mean(found.values()):+.2f} dB of {kind} PSNR "
                f"over JPEG on average, least {found[least]:+.2f} dB on {least}."
            )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures, as gains over JPEG, and the published gains."""
    body: list[list[str | float]] = []
    for protocol in dict.fromkeys(row.protocol for row in rows):
        for quality in sorted({row.quality for row in rows}):
            for method in dict.fromkeys(row.method for row in rows):
                own = [r for r in rows if (r.protocol, r.quality, r.method) == (protocol, quality, method)]
                line: list[str | float] = [protocol, quality, method]
                for measure in ("psnr_y_db", "psnr_rgb_db", "ssim_y", "psnr_b_y_db"):
                    line.append(finite_mean(gains(rows, protocol, quality, method, measure).values()))
                body.append(
                    [
                        *line,
                        float(np.median([row.restore_seconds for row in own])),
                        finite_mean(r.equal_pixels for r in own),
                    ]
                )
            for method, known in PUBLISHED.items():
                if protocol == "luma" and quality in known:
                    body.append([protocol, quality, f"{method}, published, LIVE1", known[quality], *[np.nan] * 5])
    columns = [
        "protocol",
        "quality",
        "method",
        "Y PSNR, dB",
        "RGB PSNR, dB",
        "SSIM (Y)",
        "PSNR-B (Y), dB",
        "s",
        "as JPEG",
    ]
    counted = (
        pictures_counted(comparable(rows, "psnr_y_db"), "psnr_y_db") if comparable(rows, "psnr_y_db") else "no picture"
    )
    return Table(columns=columns, rows=body, caption=f"Gains over JPEG, means over {counted}")


def plot(rows: Sequence[Row]) -> "Figure":
    """Gain over JPEG against quality, by method."""
    import matplotlib.pyplot as plt

    protocols = list(dict.fromkeys(row.protocol for row in rows))
    figure, axes = plt.subplots(
        1, len(protocols), figsize=(5.2 * len(protocols), 3.8), squeeze=False, layout="constrained"
    )
    qualities = sorted({row.quality for row in rows})
    for ax, protocol in zip(axes[0], protocols, strict=True):
        measure = "psnr_y_db" if protocol == "luma" else "psnr_rgb_db"
        curves = {}
        for method in dict.fromkeys(row.method for row in rows if row.method != "JPEG"):
            means = [finite_mean(gains(rows, protocol, quality, method, measure).values()) for quality in qualities]
            curves[method] = (qualities, means)
        plot_curves(
            curves, x_label="JPEG quality", y_label=f"gain in {'Y' if protocol == 'luma' else 'RGB'} PSNR, dB", ax=ax
        )
        ax.axhline(0.0, color="0.5", linestyle="--", linewidth=1)
        ax.set_title(f"protocol {protocol}", fontsize="medium")
    return figure
