"""What does JPEG make of the pictures at several qualities?

Every picture is written as a JPEG file and read back: the raw/JPEG pairs that all other steps start from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import PictureParams, Track
from qimg import images, metrics
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.patches import grid
from qimg.report import Table, literal_label, plain_log_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: tuple[int, ...] = (10, 20, 30, 50, 75, 90)
    """libjpeg qualities."""
    subsamplings: tuple[str, ...] = ("4:2:0", "4:4:4")
    """Chroma formats; gray pictures are written once."""


TINY = Params(box_mean=8, qualities=(10, 90))


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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, quality and chroma format."""
    integers("qualities", params.qualities, 1, 100)
    not_empty("subsamplings", params.subsamplings)
    rows = []
    for picture in track(params.gather().pictures):
        image = images.to_uint8(images.code_values(picture.image()))
        rows_down, columns = grid(image.shape, 8)
        for subsampling in params.subsamplings if image.ndim == 3 else ("gray",):
            for quality in params.qualities:
                options = {} if subsampling == "gray" else {"subsampling": subsampling}
                pair = images.jpeg_round_trip(image, quality=quality, **options)
                rows.append(
                    Row(
                        image=picture.name,
                        quality=quality,
                        subsampling=subsampling,
                        height=image.shape[0],
                        width=image.shape[1],
                        patches=rows_down * columns,
                        file_bytes=len(pair.file),
                        bits_per_pixel=metrics.bits_per_pixel(len(pair.file), image.shape),
                        psnr_rgb_db=metrics.psnr_db(image, pair.image),
                        psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(pair.image)),
                    )
                )
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    patches = sum({row.image: row.patches for row in rows}.values())
    names = {row.image for row in rows}
    sentences = [f"{len(names)} picture(s), {patches:,} patches of 8×8 pixels in three planes."]
    for quality in sorted({min(row.quality for row in rows), max(row.quality for row in rows)}):
        for subsampling in dict.fromkeys(row.subsampling for row in rows):
            rate, luma, rgb = _summary(rows, subsampling, quality)
            text = f"At quality {quality}, {subsampling}, a file takes {rate:.2f} bits per pixel"
            sentences.append(
                f"{text} and has {luma:.2f} dB in Y, {rgb:.2f} dB in RGB." if math.isfinite(luma) else f"{text}."
            )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    keys = sorted({(row.subsampling, row.quality) for row in rows})
    return Table(
        columns=["chroma", "quality", "bits per pixel", "Y PSNR, dB", "RGB PSNR, dB"],
        rows=[[*key, *_summary(rows, *key)] for key in keys],
        caption=f"Rate over all pixels; PSNR: means over {pictures_counted(rows, 'psnr_rgb_db')}",
    )


def _summary(rows: Sequence[Row], subsampling: str, quality: int) -> tuple[float, float, float]:
    """Bits per pixel over all pixels, mean PSNR in Y and in RGB over the pictures with an error at every quality."""
    chosen = [row for row in rows if (row.subsampling, row.quality) == (subsampling, quality)]
    rate = 8 * sum(row.file_bytes for row in chosen) / sum(row.height * row.width for row in chosen)
    measured = [row for row in comparable(rows, "psnr_rgb_db") if row in chosen]
    return rate, finite_mean(row.psnr_y_db for row in measured), finite_mean(row.psnr_rgb_db for row in measured)


def plot(rows: Sequence[Row]) -> "Figure":
    """Rate and quality of every picture."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    colour = next((row.subsampling for row in rows if row.subsampling != "gray"), "gray")
    chosen = [row for row in rows if row.subsampling in (colour, "gray")]
    for name in dict.fromkeys(row.image for row in chosen):
        points = [(row.bits_per_pixel, row.psnr_y_db) for row in chosen if row.image == name]
        axes.plot(*zip(*points, strict=True), marker="o", label=literal_label(name))
    plain_log_axis(axes, "x")
    axes.set_xlabel(f"bits per pixel (whole file, {colour})")
    axes.set_ylabel("Y PSNR, dB")
    if len({row.image for row in chosen}) <= 8:
        axes.legend()
    return figure
