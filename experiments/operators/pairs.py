"""How many bits does JPEG take for the pictures at several qualities, and which PSNR does it reach?

Every picture is written as a JPEG file and read back. All other experiments start from these pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from experiments._run import (
    Figure,
    Picture,
    PictureParams,
    Qualities,
    Table,
    comparable,
    counted_pictures,
    curve,
    distinct,
    fair_mean,
    groups,
    levels,
    literal_label,
    mean,
    not_empty,
    per_picture,
    picture_lines,
    pictures_counted,
    plain_log_axis,
    plot_curves,
    select,
    subplots,
    table_of,
    values,
)
from qimg import images, metrics
from qimg.patches import grid


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 30, 50, 75, 90)
    """libjpeg qualities."""
    subsamplings: Annotated[tuple[str, ...], not_empty] = ("4:2:0", "4:4:4")
    """Chroma formats; gray pictures are written once."""


TINY = Params(box_mean=8, qualities=(10, 90))

MANY = 8
"""Pictures up to which each has a curve of its own colour in the figure."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One JPEG file."""

    image: str
    quality: int
    subsampling: str
    height: int
    width: int
    patches: int
    file_bytes: int
    bits_per_pixel: float
    psnr_rgb_db: float
    psnr_y_db: float


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per quality and chroma format."""
    image = picture.code_values()
    down, across = grid(image.shape, 8)
    rows = []
    for subsampling in params.subsamplings if image.ndim == 3 else ("gray",):
        options = {} if subsampling == "gray" else {"subsampling": subsampling}
        for quality in params.qualities:
            pair = images.jpeg_round_trip(image, quality=quality, **options)
            rows.append(
                Row(
                    image=picture.name,
                    quality=quality,
                    subsampling=subsampling,
                    height=image.shape[0],
                    width=image.shape[1],
                    patches=down * across,
                    file_bytes=len(pair.file),
                    bits_per_pixel=metrics.bits_per_pixel(len(pair.file), image.shape),
                    psnr_rgb_db=metrics.psnr_db(image, pair.image),
                    psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(pair.image), data_range=255),
                )
            )
    return rows


run = per_picture(rows_of)


def findings(rows: Sequence[Row]) -> list[str]:
    """Patches, and rate and PSNR at the lowest and the highest quality."""
    patches = {row.image: row.patches for row in rows}
    sentences = [f"{counted_pictures(len(patches))}, {sum(patches.values()):,} patches of 8×8 pixels in three planes."]
    qualities = levels(rows, "quality")
    for quality in dict.fromkeys((qualities[0], qualities[-1])):
        for subsampling in distinct(rows, "subsampling"):
            chosen = select(rows, quality=quality, subsampling=subsampling)
            luma, rgb = (
                fair_mean(rows, name, quality=quality, subsampling=subsampling) for name in ("psnr_y_db", "psnr_rgb_db")
            )
            text = f"At quality {quality}, {subsampling}, a file takes {_rate(chosen):.2f} bits per pixel"
            sentences.append(
                f"{text} and has {luma:.2f} dB in Y, {rgb:.2f} dB in RGB." if math.isfinite(luma) else f"{text}."
            )
    return sentences


def _rate(rows: Sequence[Row]) -> float:
    """Bits per pixel over all pixels."""
    return 8 * sum(row.file_bytes for row in rows) / sum(row.height * row.width for row in rows)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"rates": _rates(rows)}


def _rates(rows: Sequence[Row]) -> Table:
    """Rate and mean PSNR at each chroma format and quality."""
    measured = comparable(rows, "psnr_rgb_db")
    ordered = sorted(rows, key=lambda row: (row.subsampling, row.quality))
    return table_of(
        ordered,
        {
            "chroma format": "subsampling",
            "quality": "quality",
            "rate, bit/pixel": _rate,
            "Y PSNR, dB": lambda own: mean([row for row in own if row in measured], "psnr_y_db"),
            "RGB PSNR, dB": lambda own: mean([row for row in own if row in measured], "psnr_rgb_db"),
        },
        by=("subsampling", "quality"),
        formats={"rate, bit/pixel": ".2f", "Y PSNR, dB": ".2f", "RGB PSNR, dB": ".2f"},
        caption=f"Rate over all pixels; PSNR: means over {pictures_counted(rows, 'psnr_rgb_db')}",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Rate and Y PSNR of every picture and of their mean."""
    figure, axes = subplots(figsize=(7, 3.8))
    colour = next((row.subsampling for row in rows if row.subsampling != "gray"), "gray")
    chosen = [row for row in rows if row.subsampling in (colour, "gray")]
    curves = {
        literal_label(name): (values(own, "bits_per_pixel"), values(own, "psnr_y_db"))
        for name, own in groups(chosen, "image").items()
    }
    labels = {"x_label": f"bits per pixel of the file, {colour}", "y_label": "Y PSNR, dB"}
    if len(curves) > MANY:
        picture_lines(axes, curves.values())
        rate, psnr = (curve(chosen, "quality", name)[1] for name in ("bits_per_pixel", "psnr_y_db"))
        curves = {f"mean of {len(curves)} pictures at each quality": (rate, psnr)}
    plot_curves(curves, ax=axes, **labels)
    plain_log_axis(axes, "x")
    axes.legend()
    return figure
