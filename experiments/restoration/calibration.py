"""Are the standard deviations that restoration states those of its errors?

Luma is compressed as a gray JPEG and restored; an interval around every restored pixel should hold the true one with
its probability. Pooled over pictures it can be calibrated; single pictures differ, and their scatter is shown.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments._run import (
    Figure,
    Picture,
    PictureParams,
    Qualities,
    Table,
    curve,
    curves,
    distinct,
    groups,
    levels,
    per_picture,
    plot_curves,
    select,
    subplots,
    table_of,
    values,
)
from qimg import images, restoration


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: Qualities = (10, 20, 40, 75)
    """Of libjpeg."""
    method: str = "explicit"
    """Of restoration."""
    effort: int | None = None
    """Of restoration; the highest when left out."""
    probabilities: tuple[float, ...] = (0.5, 0.68, 0.8, 0.9, 0.95, 0.99)
    """Of the intervals."""


TINY = Params(box_mean=6, qualities=(20,), effort=1, probabilities=(0.5, 0.9))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one quality and probability."""

    image: str
    quality: int
    probability: float
    pixels: int
    inside: int
    """Pixels whose true value lies in the interval."""
    squared_error: float
    """Sum over the pixels, squared code values."""
    expected_squared_error: float
    """Sum of the stated variances."""
    clipped: float
    """Share of pixels that are black or white in truth: their errors are one-sided."""

    @property
    def coverage(self) -> float:
        """Share of the pixels inside."""
        return self.inside / self.pixels


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per quality and probability."""
    truth = picture.luma()
    rows = []
    for quality in params.qualities:
        file = images.jpeg_round_trip(truth, quality=quality).file
        restored = restoration.restore_picture(file, method=params.method, effort=params.effort)
        error = np.abs(restored.image.astype(np.float64) - truth)
        rows += [
            Row(
                image=picture.name,
                quality=quality,
                probability=probability,
                pixels=error.size,
                # Restored pixels are rounded to bytes: half a code value is theirs.
                inside=int((error <= restored.half_width(probability) + 0.5).sum()),
                squared_error=float(np.square(error).sum()),
                expected_squared_error=float(np.square(restored.deviation, dtype=np.float64).sum()),
                clipped=float(((truth == 0) | (truth == 255)).mean()),
            )
            for probability in params.probabilities
        ]
    return rows


run = per_picture(rows_of)


def pooled(rows: Sequence[Row]) -> float:
    """Coverage over all pixels of all rows."""
    return sum(row.inside for row in rows) / sum(row.pixels for row in rows)


def ratio(rows: Sequence[Row]) -> float:
    """Root of true over expected squared error, all rows pooled; NaN where nothing is expected."""
    expected = sum(row.expected_squared_error for row in rows)
    return float(np.sqrt(sum(row.squared_error for row in rows) / expected)) if expected > 0 else float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """Coverage of the intervals of about 90 %, and true errors against stated ones."""
    sentences = []
    probability = min(levels(rows, "probability"), key=lambda value: abs(value - 0.9))
    for quality in levels(rows, "quality"):
        own = select(rows, quality=quality, probability=probability)
        single, error = values(own, "coverage"), ratio(select(rows, quality=quality))
        text = (
            f"Quality {quality}: {100 * probability:g} % intervals hold {100 * pooled(own):.1f} % of the pixels, "
            f"pooled; in single pictures {100 * min(single):.1f} to {100 * max(single):.1f} %"
        )
        sentences.append(
            text + (f"; true root mean square errors are {error:.2f} of the stated ones." if error > 0 else ".")
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Coverage by quality and probability."""
    columns: dict[str, str | Callable[[Sequence[Row]], float]] = {"quality": "quality"}
    for value in levels(rows, "probability"):
        columns[f"{100 * value:g} % interval, %"] = partial(_covered_percent, probability=value)
    columns["true / stated error"] = ratio
    return table_of(
        sorted(rows, key=lambda row: row.quality),
        columns,
        by=("quality",),
        caption=f"Pooled over {len(distinct(rows, 'image'))} picture(s)",
    )


def _covered_percent(rows: Sequence[Row], probability: float) -> float:
    return 100 * pooled(select(rows, probability=probability))


def plot(rows: Sequence[Row]) -> Figure:
    """Coverage against probability, pooled and of single pictures."""
    figure, ax = subplots(figsize=(4.6, 4.2), layout="constrained")
    for own in groups(rows, "image", "quality").values():
        ax.plot(*curve(own, "probability", "coverage"), color="0.75", linewidth=0.6, zorder=0)
    ordered = sorted(rows, key=lambda row: row.quality)
    lines = curves(ordered, "probability", pooled, by="quality", label="quality {}")
    plot_curves(lines, x_label="probability", y_label="share of pixels inside", ax=ax)
    least = min(levels(rows, "probability"))
    ax.plot([least, 1], [least, 1], color="0.4", linestyle="--", linewidth=1)
    ax.set_title("gray: single pictures", fontsize="medium")
    return figure
