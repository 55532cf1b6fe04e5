"""How much PSNR does restoration gain over decoding a JPEG file?

Every picture is compressed, decoded, and restored by several methods from the same file. The protocol "luma" is that of
the literature on LIVE1 and Classic5: the luma of BT.601 in studio range, rounded to bytes, is compressed as a gray
JPEG; gray pictures are compressed as they are. The protocol "colour" compresses the picture in 4:2:0. The protocol
"pairs" restores JPEG files of a folder and compares them with their originals in another.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from typing import Annotated, TypeAlias

import numpy as np
from PIL import Image
from tyro.conf import arg

from experiments._run import (
    Array,
    Figure,
    Gathered,
    LibraryDependent,
    Named,
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
    legend_below,
    levels,
    mean,
    median,
    one_of,
    pictures_counted,
    select,
    timed,
)
from experiments._run.pairs import Pair, TwoFolders, pair_inputs, per_picture_or_pair
from qimg import images, metrics, restoration
from qimg.images.collections import JPEG_SUFFIXES
from qimg.images.jpeg import read_jpeg
from qimg.images.jpeg.tables import quality_estimate

PROTOCOLS = ("luma", "colour")
PAIRS = "pairs"
"""Protocol of rows whose files are not made by the experiment."""
EXPLICIT = "qimg, effort"
NETWORK = "network, effort"
SHIFTS = "64 shifts"
TV_WEIGHT = 0.0007
"""Weight of total variation for pictures in [0, 1], per unit of the root mean square step of the quantization table;
the best of a grid of weights on the bundled photographs."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 30, 40)
    """Quality settings of libjpeg."""
    protocols: Annotated[tuple[str, ...], each(among(PROTOCOLS)), arg(metavar="{luma,colour} ...")] = PROTOCOLS
    """"luma", "colour", or both."""
    methods: Named = ()
    """Methods by their names in the table; all of them when left out."""
    pairs: TwoFolders = ()
    """Two folders, of JPEG files and of their originals of the same names, instead of `images`; neither qualities nor
    protocols apply."""

    def inputs(self) -> Gathered:
        """The pictures, or both pictures of every pair."""
        return pair_inputs(self.pairs, suffixes=JPEG_SUFFIXES) if self.pairs else self.gather()


TINY = Params(box_mean=6, qualities=(20,), methods=(SHIFTS, "qimg, effort 1"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """Measures of one picture at one quality by one method; NaN where a measure does not apply."""

    image: str
    protocol: str
    quality: int
    """Of libjpeg; in the protocol "pairs" the nearest to the tables of the file."""
    method: str
    psnr_y_db: LibraryDependent
    """In the protocol "luma", PSNR of the plane that was compressed."""
    psnr_rgb_db: LibraryDependent
    """NaN in the protocol "luma"."""
    ssim_y: LibraryDependent
    """NaN below 11 pixels."""
    psnr_b_y_db: LibraryDependent
    restore_seconds: Seconds
    """Time including the reading of the file; for JPEG, the time of decoding."""
    equal_pixels: LibraryDependent
    """Fraction of pixels that equal those of the decoded JPEG."""


Method: TypeAlias = Callable[[bytes, Array, int], Array]
"""A function of (file, decoded pixels, quality)."""


@cache
def methods() -> dict[str, Method]:
    """Methods by name."""
    model = restoration.load()
    efforts = range(1, len(model.cascade.stages) + 1)
    ours = {f"{EXPLICIT} {effort}": _restorer("explicit", effort) for effort in efforts}
    learned = {f"{NETWORK} {effort}": _restorer("network", effort) for effort in (1, 5)} if find_spec("torch") else {}
    return {"TV": _total_variation, SHIFTS: shifts, **ours, **learned}


def _restorer(method: str, effort: int) -> Method:
    return lambda file, decoded, quality: restoration.restore(file, method=method, effort=effort)


def shifts(file: bytes, decoded: Array, quality: int) -> Array:
    """Mean of the decoded picture compressed again at all 64 shifts of the block grid (Nosratinia, 2001)."""
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

    step = float(np.sqrt(np.square(images.quantization_table(quality)).mean())) / 8
    axis = -1 if decoded.ndim == 3 else None
    return images.to_uint8(255 * denoise_tv_chambolle(decoded / 255, weight=TV_WEIGHT * step, channel_axis=axis))


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Measure one picture: one row per protocol, quality and method."""
    chosen = _chosen(params)
    image = picture.code_values()
    rows: list[Row] = []
    for protocol in params.protocols:
        source = studio_luma(image) if protocol == "luma" else image
        for quality in params.qualities:
            file = images.jpeg_round_trip(source, quality=quality).file
            row = partial(_row, picture.name, protocol, quality, source)
            decoded, seconds = timed(lambda file=file: np.array(Image.open(io.BytesIO(file))))
            rows += _rows_of_file(row, chosen, file, quality, decoded, seconds)
    return rows


def rows_of_pair(pair: Pair, params: Params) -> list[Row]:
    """Measure one pair: a row per method, and one of the file as it is decoded."""
    chosen = _chosen(params)
    file = pair.degraded.read_bytes()
    quality = quality_estimate(read_jpeg(file).components[0].table)
    source = images.to_uint8(images.code_values(images.without_alpha(images.load(pair.original))))
    decoded, seconds = timed(images.load, pair.degraded)
    row = partial(_row, pair.name, PAIRS, quality, source)
    return _rows_of_file(row, chosen, file, quality, decoded, seconds)


run = per_picture_or_pair(rows_of, rows_of_pair, suffixes=JPEG_SUFFIXES)


def _chosen(params: Params) -> dict[str, Method]:
    available = methods()
    return {one_of("methods", name, available): available[name] for name in params.methods or available}


def _rows_of_file(
    row: Callable[..., Row], chosen: Mapping[str, Method], file: bytes, quality: int, decoded: Array, seconds: float
) -> list[Row]:
    """One row of the decoded file and one per method."""
    return [
        row("JPEG", decoded, decoded, seconds),
        *(row(name, decoded, *timed(method, file, decoded, quality)) for name, method in chosen.items()),
    ]


def studio_luma(image: Array) -> Array:
    """BT.601 luma in studio range (16 to 235), rounded, as by MATLAB's rgb2ycbcr; gray pictures unchanged."""
    if image.ndim == 2:
        return image
    return images.to_uint8(16 + image @ np.array([65.481, 128.553, 24.966]) / 255)


def _row(
    image: str, protocol: str, quality: int, source: Array, method: str, decoded: Array, shown: Array, seconds: float
) -> Row:
    luma, luma_shown = images.luma(source), images.luma(shown)
    has_rgb = protocol == "colour" or (protocol == PAIRS and source.ndim == 3)
    return Row(
        image=image,
        protocol=protocol,
        quality=quality,
        method=method,
        psnr_y_db=metrics.psnr_db(luma, luma_shown, data_range=255),
        psnr_rgb_db=metrics.psnr_db(source, shown) if has_rgb else float("nan"),
        ssim_y=metrics.measure("ssim", luma, luma_shown, data_range=255),
        psnr_b_y_db=metrics.measure("psnr_b_db", luma, luma_shown, data_range=255),
        restore_seconds=seconds,
        equal_pixels=float((shown == decoded).mean()),
    )


def gains(rows: Sequence[Row], protocol: str, quality: int, method: str, measure: str) -> dict[str, float]:
    """Measure of a method minus that of JPEG, by picture, without pictures where either is infinite or NaN."""
    own = select(rows, protocol=protocol, quality=quality)
    jpeg = {row.image: getattr(row, measure) for row in select(own, method="JPEG")}
    found = {row.image: getattr(row, measure) - jpeg[row.image] for row in select(own, method=method)}
    return {name: gain for name, gain in found.items() if np.isfinite(gain)}


def _measured(protocol: str) -> tuple[str, str]:
    """Main measure of a protocol, and the name of its planes."""
    return ("psnr_rgb_db", "RGB") if protocol == "colour" else ("psnr_y_db", "Y")


def pooled(rows: Sequence[Row]) -> list[Row]:
    """The rows with one quality, 0, for all files of pairs, which mostly have one each."""
    return [replace(row, quality=0) if row.protocol == PAIRS else row for row in rows]


def findings(rows: Sequence[Row]) -> list[str]:
    """Mean and least gain of the highest effort of the explicit estimator."""
    sentences, rows = [], pooled(rows)
    for protocol, own in groups([row for row in rows if row.method != "JPEG"], "protocol").items():
        ours = [name for name in distinct(own, "method") if name.startswith(EXPLICIT)]
        measure, kind = _measured(protocol)
        for quality in levels(own, "quality") if ours else ():
            found = gains(rows, protocol, quality, ours[-1], measure)
            place = f"Quality {quality}, {protocol}" if quality else f"Files of {protocol}"
            if not found:
                sentences.append(f"{place}: no picture has an error that could be measured.")
                continue
            least = min(found, key=lambda name: found[name])
            sentences.append(
                f"{place}: {ours[-1]} gains {finite_mean(found.values()):+.2f} dB of {kind} PSNR "
                f"over JPEG on average; the least gain is {found[least]:+.2f} dB on {least}."
            )
    return sentences


_MEASURES = {
    "Y PSNR, dB": ("psnr_y_db", "+.2f"),
    "RGB PSNR, dB": ("psnr_rgb_db", "+.2f"),
    "SSIM (Y)": ("ssim_y", "+.3f"),
    "PSNR-B (Y), dB": ("psnr_b_y_db", "+.2f"),
}
"""Heading → attribute of a row and format of its gain."""


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    rows = pooled(rows)
    found = {"gains": gains_of_methods(rows)}
    for protocol in distinct(rows, "protocol"):
        found[protocol] = gains_by_quality(rows, protocol)
        found[f"{protocol} best"] = gains_by_quality(rows, protocol, methods=_highest_efforts(rows))
    return found


def gains_of_methods(rows: Sequence[Row]) -> Table:
    """Mean gain over JPEG in every measure, by protocol, quality and method."""
    body: list[list[str | float]] = []
    for protocol in distinct(rows, "protocol"):
        for quality in levels(rows, "quality"):
            for method, own in groups(select(rows, protocol=protocol, quality=quality), "method").items():
                found = [gains(rows, protocol, quality, method, measure) for measure, _ in _MEASURES.values()]
                costs = [median(own, "restore_seconds"), mean(own, "equal_pixels")]
                body.append(
                    [protocol, quality or "of the files", method, *(finite_mean(one.values()) for one in found), *costs]
                )
    formats = {heading: spec for heading, (_, spec) in _MEASURES.items()} | {"s": ".2f", "as JPEG, %": ".1%"}
    return Table(
        columns=["protocol", "quality", "method", *_MEASURES, "s", "as JPEG, %"],
        rows=body,
        caption=f"Gains over JPEG, means over {_pictures(rows)}",
        formats=formats,
    )


def gains_by_quality(rows: Sequence[Row], protocol: str, methods: Sequence[str] = ()) -> Table:
    """Mean gain in PSNR over JPEG, a line for each method and a column for each quality; of all methods by default."""
    qualities = levels(rows, "quality")
    planes = {"Y": "psnr_y_db"} if protocol == "luma" else {"Y": "psnr_y_db", "RGB": "psnr_rgb_db"}
    headings = [f"{f'Q{quality}' if quality else 'all files'}, {plane} dB" for quality in qualities for plane in planes]
    body: list[list[str | float]] = []
    for method in methods or [name for name in distinct(rows, "method") if name != "JPEG"]:
        found = [gains(rows, protocol, quality, method, name) for quality in qualities for name in planes.values()]
        body.append([method, *(finite_mean(one.values()) for one in found)])
    return Table(
        columns=["method", *headings],
        rows=body,
        caption=f"Gain in PSNR over JPEG, means over {_pictures(rows)}",
        formats=dict.fromkeys(headings, "+.2f"),
    )


def _highest_efforts(rows: Sequence[Row]) -> list[str]:
    """Methods other than ours, and the highest effort of each of ours."""
    names = [name for name in distinct(rows, "method") if name != "JPEG"]
    ours = [[name for name in names if name.startswith(prefix)][-1:] for prefix in (EXPLICIT, NETWORK)]
    others = [name for name in names if not name.startswith((EXPLICIT, NETWORK))]
    return [*others, *(name for some in ours for name in some)]


def _pictures(rows: Sequence[Row]) -> str:
    counted = comparable(rows, "psnr_y_db")
    return pictures_counted(counted, "psnr_y_db") if counted else "no picture"


def plot(rows: Sequence[Row]) -> Figure:
    """Gain in PSNR over JPEG against the quality of the file, by method."""
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
        label, title = f"gain in {kind} PSNR, dB", f"protocol {protocol}"
        panels.append(Panel(curves=lines, x="JPEG quality", y=label, title=title, dashed=(0.0,), legend=False))
    figure = figure_of(*panels, size=(max(5.2 * len(protocols), 6.0), 4.4), layout="constrained")
    legend_below(figure)
    return figure
