"""Do the standard deviations that restoration predicts match its errors?

Luma is compressed as a gray JPEG and restored. An interval of a given probability around each restored pixel should
contain the true value with that probability. Coverage is pooled over all pictures, and the figure also shows each
picture by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from experiments._run import (
    LEAST_PICTURES,
    CountOfReals,
    Figure,
    LibraryDependent,
    Picture,
    PictureParams,
    Qualities,
    Table,
    counted_pictures,
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
    """Quality settings of libjpeg."""
    method: str = "explicit"
    """Restoration method, "explicit" or "network"."""
    effort: int | None = None
    """Effort of restoration; the highest when left out."""
    tune: str = "psnr"
    """Aim of restoration, "psnr" or "natural", a draw seeded with 0."""
    probabilities: tuple[float, ...] = (0.5, 0.68, 0.8, 0.9, 0.95, 0.99)
    """Nominal probabilities of the intervals."""


TINY = Params(box_mean=6, qualities=(20,), effort=1, probabilities=(0.5, 0.9))


@dataclass(frozen=True, kw_only=True)
class Row:
    """Coverage of one picture at one quality and probability."""

    image: str
    quality: int
    probability: float
    pixels: int
    """Number of pixels whose deviation is known: none of pictures that are left as decoded."""
    inside: CountOfReals
    """Number of pixels whose true value lies in the interval."""
    squared_error: LibraryDependent
    """Sum of squared errors over the pixels, squared code values."""
    expected_squared_error: LibraryDependent
    """Sum of the predicted variances over the pixels."""
    clipped: float
    """Fraction of pixels that are black or white in the original; their errors are one-sided."""

    @property
    def coverage(self) -> float:
        """Fraction of the pixels inside the interval."""
        return self.inside / self.pixels if self.pixels else float("nan")


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Measure one picture: one row per quality and probability."""
    truth = picture.luma()
    rows = []
    for quality in params.qualities:
        file = images.jpeg_round_trip(truth, quality=quality).file
        restored = restoration.restore_picture(file, method=params.method, effort=params.effort, tune=params.tune)
        known = np.isfinite(restored.deviation)
        error = np.abs(restored.image.astype(np.float64) - truth)[known]
        rows += [
            Row(
                image=picture.name,
                quality=quality,
                probability=probability,
                pixels=error.size,
                # Restored pixels are rounded to whole code values, which adds up to half a code value.
                inside=int((error <= restored.half_width(probability)[known] + 0.5).sum()),
                squared_error=float(np.square(error).sum()),
                expected_squared_error=float(np.square(restored.deviation[known], dtype=np.float64).sum()),
                clipped=float(((truth == 0) | (truth == 255)).mean()),
            )
            for probability in params.probabilities
        ]
    return rows


run = per_picture(rows_of)


def pooled(rows: Sequence[Row]) -> float:
    """Coverage over all pixels of all rows."""
    pixels = sum(row.pixels for row in rows)
    return sum(row.inside for row in rows) / pixels if pixels else float("nan")


def error_ratio(rows: Sequence[Row]) -> float:
    """Ratio of true to predicted root mean square error, all rows pooled; NaN where the prediction is zero."""
    expected = sum(row.expected_squared_error for row in rows)
    return float(np.sqrt(sum(row.squared_error for row in rows) / expected)) if expected > 0 else float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """Coverage of the intervals nearest to 90 %, and true against predicted errors."""
    sentences = []
    probability = min(levels(rows, "probability"), key=lambda value: abs(value - 0.9))
    for quality in levels(rows, "quality"):
        own = select(rows, quality=quality, probability=probability)
        text = (
            f"Quality {quality}: {100 * probability:g} % intervals contain {100 * pooled(own):.1f} % of the pixels, "
            "pooled over all pictures"
        )
        if len(own) >= LEAST_PICTURES:
            single = values(own, "coverage")
            text += f", and {100 * min(single):.1f} to {100 * max(single):.1f} % in single pictures"
        error = error_ratio(select(rows, quality=quality))
        sentences.append(
            text + (f"; the true root mean square error is {error:.2f} of the predicted one." if error > 0 else ".")
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"coverage": coverage(rows), "pictures": coverage_of_pictures(rows)}


def coverage(rows: Sequence[Row]) -> Table:
    """Pooled coverage by quality, a column for each probability."""
    columns: dict[str, str | Callable[[Sequence[Row]], float]] = {"quality": "quality"}
    percent = {f"{100 * value:g} % interval, %": value for value in levels(rows, "probability")}
    for heading, value in percent.items():
        columns[heading] = partial(_covered_percent, probability=value)
    columns["true / predicted error"] = error_ratio
    shown = table_of(
        sorted(rows, key=lambda row: row.quality),
        columns,
        by=("quality",),
        caption=f"Pixels inside the intervals, pooled over {counted_pictures(len(distinct(rows, 'image')))}",
    )
    return replace(shown, formats=dict.fromkeys(percent, ".1f") | {"true / predicted error": ".2f"})


def coverage_of_pictures(rows: Sequence[Row]) -> Table:
    """Lowest and highest coverage of a single picture; no lines for fewer than `LEAST_PICTURES` pictures."""
    shown = table_of(
        sorted(rows, key=lambda row: (row.quality, row.probability))
        if len(distinct(rows, "image")) >= LEAST_PICTURES
        else [],
        {
            "quality": "quality",
            "interval, %": lambda own: 100 * own[0].probability,
            "lowest, %": lambda own: 100 * min(values(own, "coverage")),
            "pooled, %": lambda own: 100 * pooled(own),
            "highest, %": lambda own: 100 * max(values(own, "coverage")),
        },
        by=("quality", "probability"),
        caption="Pixels inside the intervals, by picture",
    )
    percent = dict.fromkeys(("lowest, %", "pooled, %", "highest, %"), ".1f")
    return replace(shown, formats=percent | {"interval, %": ".0f"})


def _covered_percent(rows: Sequence[Row], probability: float) -> float:
    return 100 * pooled(select(rows, probability=probability))


def plot(rows: Sequence[Row]) -> Figure:
    """Fraction of pixels inside the interval against its probability, pooled and for each picture."""
    figure, ax = subplots(figsize=(4.6, 4.2), layout="constrained")
    ordered = sorted(rows, key=lambda row: row.quality)
    lines = curves(ordered, "probability", pooled, by="quality", label="quality {}")
    plot_curves(lines, x_label="probability of the interval", y_label="fraction of pixels inside", ax=ax)
    for number, own in enumerate(groups(rows, "image", "quality").values()):
        thin = {"color": "0.75", "linewidth": 0.6, "zorder": 0}
        ax.plot(*curve(own, "probability", "coverage"), **thin, label="one picture" if number == 0 else None)
    least = min(levels(rows, "probability"))
    ax.plot([least, 1], [least, 1], color="0.4", linestyle="--", linewidth=1, label="exact calibration")
    ax.legend()
    return figure
