"""What is left to restore in a picture that was compressed twice, on the same grid or on another?

A picture is compressed, decoded, cropped by some rows and columns or not, and compressed again. Restoration sees the
last file alone: it knows its cells, not those of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments._run.parameters import integers
from experiments._run.pictures import PictureParams, Track
from qimg import images, metrics, restoration
from qimg.core.arguments import integer
from qimg.evaluation.summary import finite_mean, pictures_counted
from qimg.report import Table, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    first: tuple[int, ...] = (10, 20, 40, 75)
    """Qualities of the first file."""
    second: tuple[int, ...] = (20, 75)
    """Qualities of the second."""
    shift: int = 4
    """Rows and columns cropped between them where the grids are not aligned, 1 to 7."""
    effort: int = restoration.EFFORT
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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, second quality, and first one on either grid; one for the second alone."""
    integers("first", params.first, 1, 100)
    integers("second", params.second, 1, 100)
    integer("shift", params.shift, 1, 7)
    rows = []
    for picture in track(params.gather().pictures):
        truth = picture.luma()
        if min(truth.shape) <= params.shift:
            continue
        for second in params.second:
            rows.append(_row(picture.name, truth, 0, second, 0, params.effort))
            for first in params.first:
                rows += [_row(picture.name, truth, first, second, shift, params.effort) for shift in (0, params.shift)]
    return rows


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


def _gain(rows: Sequence[Row], first: int, second: int, shift: int) -> float:
    own = [row for row in rows if (row.first, row.second, row.shift) == (first, second, shift)]
    return finite_mean(row.psnr_restored_db - row.psnr_jpeg_db for row in own)


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    shift = max((row.shift for row in rows), default=0)
    for second in sorted({row.second for row in rows}):
        alone = _gain(rows, 0, second, 0)
        for first in sorted({row.first for row in rows if row.first}):
            same, other = _gain(rows, first, second, 0), _gain(rows, first, second, shift)
            if np.isfinite([alone, same, other]).all():
                sentences.append(
                    f"Quality {first} before {second}: restoring the last file gains {same:+.2f} dB where the grids "
                    f"are the same and {other:+.2f} dB where they differ by {shift}; {alone:+.2f} dB where it is the "
                    f"only file."
                )
    return sentences or ["No picture has an error that could be measured."]


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    body = []
    for key in dict.fromkeys((row.second, row.first, row.shift) for row in rows):
        own = [row for row in rows if (row.second, row.first, row.shift) == key]
        second, first, shift = key
        means = [finite_mean(getattr(row, name) for row in own) for name in _MEASURES]
        body.append([first or "–", second, shift, *means, _gain(rows, first, second, shift)])
    columns = ["first", "second", "shift", "JPEG, dB", "restored, dB", "restored twice, dB", "gain, dB"]
    return Table(columns=columns, rows=body, caption=f"Luma, means over {pictures_counted(rows, 'psnr_jpeg_db')}")


_MEASURES = ("psnr_jpeg_db", "psnr_restored_db", "psnr_twice_db")


def plot(rows: Sequence[Row]) -> "Figure":
    """Gain against the first quality."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    firsts = sorted({row.first for row in rows if row.first})
    curves = {}
    for second in sorted({row.second for row in rows}):
        for shift in sorted({row.shift for row in rows}):
            name = f"then {second}, " + ("same grid" if shift == 0 else f"grid moved by {shift}")
            curves[name] = (firsts, [_gain(rows, first, second, shift) for first in firsts])
    plot_curves(curves, x_label="first quality", y_label="gain in Y PSNR, dB", ax=ax)
    ax.axhline(0.0, color="0.5", linestyle="--", linewidth=1)
    return figure
