"""How much does restoration gain on a picture that was compressed twice, on the same block grid or on a shifted one?

A picture is compressed, decoded, cropped by a few rows and columns or left as it is, and compressed again. Restoration
reads the last file alone, and so the quantization bins of the second compression but not those of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import numpy as np

from experiments._run import (
    Figure,
    LibraryDependent,
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
    """Qualities of the second file."""
    shift: Annotated[int, whole(1, 7)] = 4
    """Rows and columns cropped before the second compression, 1 to 7, where the grids are shifted."""
    effort: int = 5
    """Effort of restoration."""


TINY = Params(box_mean=6, first=(20,), second=(75,), effort=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """PSNR of luma for one picture, two qualities and one shift of the grid."""

    image: str
    first: int
    """0 where the picture was compressed once, at the second quality."""
    second: int
    shift: int
    """0 where both grids are the same."""
    psnr_jpeg_db: float
    """Of the decoded last file."""
    psnr_restored_db: LibraryDependent
    """Of the restored last file."""
    psnr_twice_db: LibraryDependent
    """Of the restored last file where the first file was also restored before the second compression; NaN for one
    file."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Measure one picture: a row per pair of qualities and grid, and one per second quality alone."""
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


def gain(rows: Sequence[Row], **setting: int) -> float:
    """Mean gain in PSNR of restoring the last file."""
    return mean(rows, lambda row: row.psnr_restored_db - row.psnr_jpeg_db, **setting)


def gain_of_both(rows: Sequence[Row], **setting: int) -> float:
    """Mean PSNR of restoring both files minus that of restoring the last file alone; NaN for one file."""
    return mean(rows, lambda row: row.psnr_twice_db - row.psnr_restored_db, **setting)


def findings(rows: Sequence[Row]) -> list[str]:
    """Gains on equal and on shifted grids, beside that of a file that was compressed once."""
    sentences = []
    shift = _largest_shift(rows)
    for second in levels(rows, "second"):
        for first in [first for first in levels(rows, "first") if first]:
            settings = ((0, 0), (first, 0), (first, shift))
            alone, same, other = (gain(rows, first=one, second=second, shift=moved) for one, moved in settings)
            if np.isfinite([alone, same, other]).all():
                sentences.append(
                    f"Quality {first} before {second}: restoring the last file gains {same:+.2f} dB where the grids "
                    f"are the same and {other:+.2f} dB where they differ by {shift}; {alone:+.2f} dB where it is the "
                    f"only file."
                )
    return sentences or ["No picture has an error that could be measured."]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"gains": gains(rows), "psnr": psnr_of_files(rows)}


def gains(rows: Sequence[Row]) -> Table:
    """Gain of restoring the last file, and further gain of restoring both, on either grid."""
    shift = _largest_shift(rows)
    columns = {
        "gain, same grid, dB": partial(gain, shift=0),
        f"gain, grid shifted by {shift}, dB": partial(gain, shift=shift),
        "both restored, same grid, dB": partial(gain_of_both, shift=0),
        f"both restored, grid shifted by {shift}, dB": partial(gain_of_both, shift=shift),
    }
    shown = table_of(
        sorted(rows, key=lambda row: (row.second, row.first)),
        {"first": lambda own: own[0].first or "none", "second": "second", **columns},
        by=("second", "first"),
        caption="Gain in Y PSNR over the decoded last file where that one is restored, and what restoring the first "
        f"file as well adds to it; means over {pictures_counted(rows, 'psnr_jpeg_db')}",
    )
    return replace(shown, formats=dict.fromkeys(columns, "+.2f"))


def psnr_of_files(rows: Sequence[Row]) -> Table:
    """Mean PSNR of the decoded and the restored files."""
    columns = {
        "JPEG, dB": "psnr_jpeg_db",
        "last file restored, dB": "psnr_restored_db",
        "both files restored, dB": "psnr_twice_db",
    }
    shown = table_of(
        rows,
        {"first": lambda own: own[0].first or "none", "second": "second", "shift": "shift", **columns},
        by=("second", "first", "shift"),
        caption=f"Y PSNR, means over {pictures_counted(rows, 'psnr_jpeg_db')}",
    )
    return replace(shown, formats=dict.fromkeys(columns, ".2f"))


def _largest_shift(rows: Sequence[Row]) -> int:
    return max((row.shift for row in rows), default=0)


def plot(rows: Sequence[Row]) -> Figure:
    """Gain of restoring the last file against the quality of the first."""
    firsts = [first for first in levels(rows, "first") if first]
    lines = {}
    for second in levels(rows, "second"):
        for shift in levels(rows, "shift"):
            name = f"second {second}, " + ("same grid" if shift == 0 else f"grid shifted by {shift}")
            lines[name] = (firsts, [gain(rows, first=first, second=second, shift=shift) for first in firsts])
    return figure_of(
        Panel(curves=lines, x="first quality", y="gain in Y PSNR, dB", dashed=(0.0,)),
        size=(5.6, 3.8),
        layout="constrained",
    )
