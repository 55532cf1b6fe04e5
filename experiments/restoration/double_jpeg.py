"""What is left to restore in a picture that was compressed twice, on the same grid or on another?

A picture is compressed, decoded, cropped by some rows and columns or not, and compressed again. Restoration is given
the last file alone: its quantization bins, not those of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Figure,
    Panel,
    Picture,
    PictureParams,
    Qualities,
    Table,
    figure_of,
    levels,
    mean,
    per_picture,
    pictures_counted,
    table_of,
    whole,
)
from qimg import images, metrics, restoration


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    first: Qualities = (10, 20, 40, 75)
    """Qualities of the first file."""
    second: Qualities = (20, 75)
    """Qualities of the second."""
    shift: Annotated[int, whole(1, 7)] = 4
    """Rows and columns cropped between them where the grids are not aligned, 1 to 7."""
    effort: int = 5
    """Of restoration."""


TINY = Params(box_mean=6, first=(20,), second=(75,), effort=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, two qualities, one way of laying the grids. PSNR is of luma."""

    image: str
    first: int
    """0 where the picture was compressed once, at the second quality."""
    second: int
    shift: int
    """0 where both grids are the same."""
    psnr_jpeg_db: float
    """Of the decoded last file."""
    psnr_restored_db: float
    """Of the restored last file."""
    psnr_twice_db: float
    """Where the first file was restored before it was compressed again, and the second as well; NaN for one file."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per second quality and first one on either grid; one for the second alone."""
    truth = picture.luma()
    if min(truth.shape) <= params.shift:
        return []
    settings = [(0, 0), *((first, shift) for first in params.first for shift in (0, params.shift))]
    return [
        _row(picture.name, truth, first, second, shift, params.effort)
        for second in params.second
        for first, shift in settings
    ]


run = per_picture(rows_of)


def _row(name: str, truth: np.ndarray, first: int, second: int, shift: int, effort: int) -> Row:
    seen, better = truth, truth
    if first:
        once = images.jpeg_round_trip(truth, quality=first)
        seen, better = once.image, restoration.restore(once.file, effort=effort)
    seen, better, truth = (np.ascontiguousarray(image[shift:, shift:]) for image in (seen, better, truth))
    last = images.jpeg_round_trip(seen, quality=second)

    def psnr(image: np.ndarray) -> float:
        return metrics.psnr_db(truth, image)

    twice = float("nan")
    if first:
        again = images.jpeg_round_trip(better, quality=second).file
        twice = psnr(restoration.restore(again, effort=effort))
    return Row(
        image=name,
        first=first,
        second=second,
        shift=shift,
        psnr_jpeg_db=psnr(last.image),
        psnr_restored_db=psnr(restoration.restore(last.file, effort=effort)),
        psnr_twice_db=twice,
    )


def _gain(rows: Sequence[Row], **setting: int) -> float:
    """Mean gain of restoring the last file."""
    return mean(rows, lambda row: row.psnr_restored_db - row.psnr_jpeg_db, **setting)


def findings(rows: Sequence[Row]) -> list[str]:
    """Gains on equal and on moved grids, beside that of a file that was compressed once."""
    sentences = []
    shift = max((row.shift for row in rows), default=0)
    for second in levels(rows, "second"):
        for first in [first for first in levels(rows, "first") if first]:
            settings = ((0, 0), (first, 0), (first, shift))
            alone, same, other = (_gain(rows, first=one, second=second, shift=moved) for one, moved in settings)
            if np.isfinite([alone, same, other]).all():
                sentences.append(
                    f"Quality {first} before {second}: restoring the last file gains {same:+.2f} dB where the grids "
                    f"are the same and {other:+.2f} dB where they differ by {shift}; {alone:+.2f} dB where it is the "
                    f"only file."
                )
    return sentences or ["No picture has an error that could be measured."]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    return table_of(
        rows,
        {
            "first": lambda own: own[0].first or "–",
            "second": "second",
            "shift": "shift",
            "JPEG, dB": "psnr_jpeg_db",
            "restored, dB": "psnr_restored_db",
            "restored twice, dB": "psnr_twice_db",
            "gain, dB": _gain,
        },
        by=("second", "first", "shift"),
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_jpeg_db')}",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Gain against the first quality."""
    firsts = [first for first in levels(rows, "first") if first]
    lines = {}
    for second in levels(rows, "second"):
        for shift in levels(rows, "shift"):
            name = f"then {second}, " + ("same grid" if shift == 0 else f"grid moved by {shift}")
            lines[name] = (firsts, [_gain(rows, first=first, second=second, shift=shift) for first in firsts])
    return figure_of(
        Panel(curves=lines, x="first quality", y="gain in Y PSNR, dB", dashed=(0.0,)),
        size=(5.6, 3.8),
        layout="constrained",
    )
