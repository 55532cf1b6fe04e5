"""Does the standard deviation that restoration states say how far it is from the truth?

Luma is compressed as a gray JPEG and restored; an interval around every restored pixel should hold the true one with
its probability. Pooled over pictures it can be calibrated; single pictures differ, and their scatter is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments._run.parameters import integers
from experiments._run.pictures import PictureParams, Track
from qimg import images, restoration
from qimg.evaluation.summary import finite_mean
from qimg.report import Table, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qualities: tuple[int, ...] = (10, 20, 40, 75)
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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, quality and probability."""
    integers("qualities", params.qualities, 1, 100)
    rows = []
    for picture in track(params.gather().pictures):
        truth = picture.luma()
        for quality in params.qualities:
            file = images.jpeg_round_trip(truth, quality=quality).file
            restored = restoration.restore_picture(file, method=params.method, effort=params.effort)
            error = np.abs(restored.image.astype(np.float64) - truth)
            for probability in params.probabilities:
                rows.append(
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
                )
    return rows


def pooled(rows: Sequence[Row], quality: int, probability: float) -> float:
    """Coverage over all pixels of all pictures."""
    own = [row for row in rows if (row.quality, row.probability) == (quality, probability)]
    return sum(row.inside for row in own) / sum(row.pixels for row in own)


def ratio(rows: Sequence[Row], quality: int) -> float:
    """Root of true over expected squared error, all pictures pooled; NaN where nothing is expected."""
    own = [row for row in rows if row.quality == quality]
    expected = sum(row.expected_squared_error for row in own)
    return float(np.sqrt(sum(row.squared_error for row in own) / expected)) if expected > 0 else float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    probability = min({row.probability for row in rows}, key=lambda value: abs(value - 0.9))
    for quality in sorted({row.quality for row in rows}):
        single = [r.coverage for r in rows if (r.quality, r.probability) == (quality, probability)]
        text = (
            f"Quality {quality}: {100 * probability:g} % intervals hold "
            f"{100 * pooled(rows, quality, probability):.1f} % of the pixels, pooled; in single pictures "
            f"{100 * min(single):.1f} to {100 * max(single):.1f} %"
        )
        error = ratio(rows, quality)
        sentences.append(
            text + (f"; true root mean square errors are {error:.2f} of the stated ones." if error > 0 else ".")
        )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Coverage by quality and probability."""
    body = []
    probabilities = sorted({row.probability for row in rows})
    for quality in sorted({row.quality for row in rows}):
        covered = [100 * pooled(rows, quality, probability) for probability in probabilities]
        body.append([quality, *covered, ratio(rows, quality)])
    columns = ["quality", *(f"{100 * value:g} % interval, %" for value in probabilities), "true / stated error"]
    return Table(columns=columns, rows=body, caption=f"Pooled over {len({row.image for row in rows})} picture(s)")


def plot(rows: Sequence[Row]) -> "Figure":
    """Coverage against probability, pooled and of single pictures."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    probabilities = sorted({row.probability for row in rows})
    curves = {}
    for quality in sorted({row.quality for row in rows}):
        curves[f"quality {quality}"] = (probabilities, [pooled(rows, quality, value) for value in probabilities])
        for name in {row.image for row in rows}:
            own = {r.probability: r.coverage for r in rows if (r.image, r.quality) == (name, quality)}
            ax.plot(probabilities, [own[value] for value in probabilities], color="0.75", linewidth=0.6, zorder=0)
    plot_curves(curves, x_label="probability", y_label="share of pixels inside", ax=ax)
    ax.plot([min(probabilities), 1], [min(probabilities), 1], color="0.4", linestyle="--", linewidth=1)
    mean = finite_mean(row.coverage for row in rows)
    ax.set_title("gray: single pictures" if mean == mean else "", fontsize="medium")
    return figure
