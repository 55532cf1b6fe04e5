"""How much does encoding for the tangent error save, and what do other measures say of the pictures?

A picture is encoded at several qualities, and tuned for the tangent error at exactly these sizes: photographs by the
block codec, drawings of a script by the contour codec. Bytes are those of whole files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    HERE,
    Figure,
    LibraryDependent,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Table,
    Track,
    Workers,
    among,
    check,
    each,
    figure_of,
    groups,
    mean,
    positive,
    rows_by_picture,
    select,
    table_of,
    timed,
    whole,
)
from experiments.coding.graphics import Drawing
from experiments.coding.graphics_pictures import KINDS
from experiments.measures.comparisons import NAMES, dissimilarity, measured
from qimg import metrics
from qimg.codecs.pictures import decode, encode
from qimg.codecs.protocol import TANGENT, TUNES

BLOCK, CONTOUR = "block", "contour"
MEASURES = {
    name: NAMES[name] for name in ("psnr_db", "ssim_y", "ms_ssim_y", "gmsd_y", "ssimulacra2", "tangent", "bures")
}
"""Attribute of a row → name of the measure."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    drawings: Annotated[tuple[str, ...], each(among(KINDS), empty=True)] = ("logo", "map", "slide")
    """Kinds of drawings, in addition to the pictures; without pictures, the only ones."""
    side: Annotated[int, whole(64)] = 160
    """Rows and columns of a drawing."""
    qualities: Annotated[tuple[float, ...], each(positive)] = (20.0, 35.0, 50.0, 65.0)
    """Qualities of the files that are not tuned."""


TINY = Params(box_mean=8, drawings=(), side=64, qualities=(30.0, 60.0))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, encoded for one measure at one size; NaN where it is too small for a measure."""

    image: str
    codec: str
    tune: str
    quality: float
    """Of the file that sets the size."""
    bytes: int
    """Of the whole file."""
    pixels: int
    psnr_db: LibraryDependent
    ssim_y: LibraryDependent
    ms_ssim_y: LibraryDependent
    gmsd_y: LibraryDependent
    ssimulacra2: LibraryDependent
    tangent: LibraryDependent
    bures: LibraryDependent
    encode_seconds: Seconds
    """CPU seconds at the quality, of tuned contour files at the size."""


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """Rows of the pictures, then of the drawings."""
    check(params)
    drawings = [Drawing(kind=kind, side=params.side, seed=1) for kind in params.drawings]
    items: list[Any] = [*(() if drawings and not params.images else params.gather().pictures), *drawings]
    return rows_by_picture(rows_of, items, params, track=track, workers=workers)


def rows_of(picture: Picture | Drawing, params: Params) -> list[Row]:
    """Rows of one picture: at every quality not tuned, and tuned for the same size."""
    image = picture.code_values()
    codec = CONTOUR if isinstance(picture, Drawing) else BLOCK
    rows = []
    for quality in params.qualities:
        size = 0
        for tune in TUNES:
            write = partial(encode, image, codec=codec, tune=tune)
            target = {"size": size} if tune == TANGENT and codec == CONTOUR else {"quality": quality}
            data, seconds = timed(partial(write, **target), clock=process_time)
            if tune == TUNES[0]:
                size = len(data)
            elif codec == BLOCK:
                data = write(size=size)
            rows.append(
                Row(
                    image=picture.name,
                    codec=codec,
                    tune=tune,
                    quality=quality,
                    bytes=len(data),
                    pixels=image.shape[0] * image.shape[1],
                    **measured(image, decode(data)),
                    encode_seconds=seconds,
                )
            )
    return rows


def saved(rows: Sequence[Row], measure: str) -> float:
    """Bytes of tuned files of one picture at equal values of a measure, beyond those of the others, in %.

    The Bjøntegaard rate over −10 log₁₀ of the dissimilarity; NaN where the curves share no range.
    """
    curves: list[list[float]] = []
    for tune in TUNES:
        own = select(rows, tune=tune)
        values = [dissimilarity(row, measure) for row in own]
        if not all(math.isfinite(value) and value > 0 for value in values):
            return math.nan
        curves += [[float(row.bytes) for row in own], [-10 * math.log10(value) for value in values]]
    try:
        return metrics.bd_rate(*curves)
    except ValueError:
        return math.nan


def ratio(rows: Sequence[Row], measure: str) -> list[float]:
    """Dissimilarity of tuned files over that of the others, at every quality of every picture."""
    pairs = groups(rows, "image", "quality").values()
    values = [{row.tune: dissimilarity(row, measure) for row in pair} for pair in pairs]
    return [value[TANGENT] / value[TUNES[0]] for value in values if value[TUNES[0]] > 0]


def findings(rows: Sequence[Row]) -> list[str]:
    """The tangent error at equal bytes, bytes at equal tangent error, and PSNR."""
    sentences = []
    for codec, own in groups(rows, "codec").items():
        ratios = ratio(own, "tangent")
        if not ratios:
            continue
        lost = mean(own, "psnr_db", tune=TUNES[0]) - mean(own, "psnr_db", tune=TANGENT)
        sentences.append(
            f"{codec}: at equal bytes the tangent error is {min(ratios):.2f} to {max(ratios):.2f} times that of files "
            f"that are not tuned, and PSNR {lost:.2f} dB lower."
        )
        percent = [saved(one, "tangent") for one in groups(own, "image").values()]
        if np.isfinite(percent).any():
            sentences.append(f"{codec}: {np.nanmean(percent):+.1f} % of the bytes at equal tangent error.")
    return sentences or ["All files are exact."]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Bytes at equal measures, measures at equal bytes, and both errors of every picture."""
    return {"saved": _saved(rows), "equal": _equal_bytes(rows), "pictures": _pictures(rows)}


def _saved(rows: Sequence[Row]) -> Table:
    def of_codec(name: str, own: Sequence[Row]) -> float:
        percent = np.array([saved(one, name) for one in groups(own, "image").values()])
        return float(np.mean(percent[np.isfinite(percent)])) if np.isfinite(percent).any() else math.nan

    return table_of(
        rows,
        {"codec": "codec"} | {label: partial(of_codec, name) for name, label in MEASURES.items()},
        by=("codec",),
        caption="Bytes of tuned files beyond those of files that are not, in %, at equal values of each measure: means "
        "of Bjøntegaard rates of single pictures",
        formats=dict.fromkeys(MEASURES.values(), "+.1f"),
    )


def _equal_bytes(rows: Sequence[Row]) -> Table:
    spec = {"psnr_db": ".2f", "ssimulacra2": ".1f", "ssim_y": ".4f", "ms_ssim_y": ".4f", "gmsd_y": ".4f"}
    columns: dict[str, Any] = {
        "codec": "codec",
        "quality": "quality",
        "tune": "tune",
        "bytes": "bytes",
        **{label: name for name, label in MEASURES.items()},
        "s": "encode_seconds",
    }
    formats = {"quality": "g", "bytes": ".0f", "s": ".2f"}
    return table_of(
        rows,
        columns,
        by=("codec", "quality", "tune"),
        caption="Measures at equal bytes: means over the pictures; CPU seconds of encoding at the quality",
        formats=formats | {label: spec.get(name, ".4f") for name, label in MEASURES.items()},
    )


def _pictures(rows: Sequence[Row]) -> Table:
    def largest(own: Sequence[Row]) -> float:
        return max(ratio(own, "tangent"), default=math.nan)

    def lost(own: Sequence[Row]) -> float:
        return mean(own, "psnr_db", tune=TUNES[0]) - mean(own, "psnr_db", tune=TANGENT)

    columns: dict[str, Any] = {
        "picture": "image",
        "codec": "codec",
        "largest ratio of tangent errors": largest,
        "bytes at equal tangent error, %": lambda own: saved(own, "tangent"),
        "PSNR lost, dB": lost,
        "bytes at equal SSIMULACRA 2, %": lambda own: saved(own, "ssimulacra2"),
    }
    return table_of(
        rows,
        columns,
        by=("image", "codec"),
        caption="Tuned files of each picture against the others: at equal bytes the ratio of tangent errors and the "
        "loss of PSNR, and bytes at equal measures",
        formats={name: ".2f" if "dB" in name or "ratio" in name else "+.1f" for name in list(columns)[2:]},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Tangent error and SSIMULACRA 2 over bits per pixel, means over the pictures of a codec at each quality."""
    panels: list[Panel] = []
    for name, log in (("tangent", "xy"), ("psnr_db", "x"), ("ssimulacra2", "x")):
        curves = {
            f"{codec}, {tune}": _means(own, name)
            for (codec, tune), own in groups(rows, "codec", "tune").items()
            if any(math.isfinite(value) for value in _means(own, name)[1])
        }
        if not any(value > 0 for _, values in curves.values() for value in values):
            log = log.replace("y", "")
        if curves or (name == "ssimulacra2" and not panels):
            panels.append(Panel(curves=curves, x="bits per pixel", y=_LABELS[name], log=log, legend=not panels))
    return figure_of(*panels, size=(4 * len(panels), 3.6), layout="constrained")


_LABELS = {"tangent": "tangent error", "psnr_db": "PSNR, dB", "ssimulacra2": "SSIMULACRA 2"}


def _means(rows: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    """Mean bits per pixel, and mean of a measure, at each quality."""
    by_quality = groups(rows, "quality").values()
    bits = [float(np.mean([8 * row.bytes / row.pixels for row in own])) for own in by_quality]
    return bits, [mean(own, name) for own in by_quality]
