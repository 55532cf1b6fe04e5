"""How many pictures does the explicit estimator need?

Estimators are fitted on more and more pictures, each set holding the ones before, and restore luma that was compressed
as a gray JPEG. Classes are as given, however few pictures there are: thin ones are shrunk towards the sum of all.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Counts,
    Figure,
    FittingParams,
    Picture,
    Qualities,
    Seed,
    Table,
    Track,
    bundled,
    check,
    finite_mean,
    gather,
    not_empty,
    pictures_counted,
    plain_log_axis,
    plot_curves,
    subplots,
)
from qimg import images, metrics, restoration
from qimg.core.arguments import require
from qimg.restoration.jpeg.fitting import Recipe, fit


@dataclass(frozen=True, kw_only=True)
class Params(FittingParams):
    """Inputs of the experiment."""

    counts: Counts = (10, 30, 100, 1000)
    """Pictures that are drawn from them; a count above what there is takes all."""
    qualities: Qualities = (10, 40)
    """Of libjpeg."""
    classes: Annotated[tuple[int, ...], not_empty] = (32, 32)
    """Of each stage."""
    pixels: int = 150_000
    """Of luma that every picture gives in a pass."""
    seed: Seed = 0
    """Of the draw of pictures and of the fit."""


TINY = Params(box_mean=6, counts=(1, 2), qualities=(20,), classes=(2,), pixels=20_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one quality, restored by an estimator fitted on so many pictures."""

    image: str
    quality: int
    pictures: int
    """That the estimator was fitted on."""
    psnr_jpeg_db: float
    psnr_restored_db: float
    fit_seconds: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, quality and count."""
    check(params)
    pictures = params.gather().pictures
    own = gather(params.sources, box_mean=1).pictures if params.sources else bundled()
    rows: list[Row] = []
    fitted: dict[tuple[str, ...], tuple[restoration.Model, int, float]] = {}
    for count in track(params.counts):
        for one in pictures:
            others = _without(own, pictures if params.sources else [one])
            require(bool(others), "sources", "must hold a picture that images does not", params.sources)
            order = np.random.default_rng(params.seed).permutation(len(others))[:count]
            chosen = [others[index] for index in order]
            key = tuple(other.sha256 for other in chosen)
            if key not in fitted:
                fitted[key] = _fitted(chosen, params)
            rows += _rows(one, *fitted[key], params)
    return rows


def _without(pictures: Sequence[Picture], left_out: Sequence[Picture]) -> list[Picture]:
    names, hashes = {one.name for one in left_out if one.path is None}, {one.sha256 for one in left_out}
    return [one for one in pictures if one.sha256 not in hashes and not (one.path is None and one.name in names)]


def _fitted(chosen: Sequence[Picture], params: Params) -> tuple[restoration.Model, int, float]:
    sources = [images.bundled(one.name) if one.path is None else str(one.path) for one in chosen]
    recipe = Recipe(classes=params.classes, pixels=params.pixels, most=4, gate_vectors=100_000, seed=params.seed)
    start = time.perf_counter()
    model = fit(sources, recipe)
    return model, len(model.provenance["inputs"]), time.perf_counter() - start


def _rows(picture: Picture, model: restoration.Model, number: int, seconds: float, params: Params) -> list[Row]:
    truth = picture.luma()
    rows = []
    for quality in params.qualities:
        coded = images.jpeg_round_trip(truth, quality=quality)
        restored = restoration.restore(coded.file, model=model, effort=len(params.classes))
        rows.append(
            Row(
                image=picture.name,
                quality=quality,
                pictures=number,
                psnr_jpeg_db=metrics.psnr_db(truth, coded.image),
                psnr_restored_db=metrics.psnr_db(truth, restored),
                fit_seconds=seconds,
            )
        )
    return rows


def gain(rows: Sequence[Row], quality: int, pictures: int) -> float:
    """Mean gain over JPEG at one quality."""
    own = [row for row in rows if (row.quality, row.pictures) == (quality, pictures)]
    return finite_mean(row.psnr_restored_db - row.psnr_jpeg_db for row in own)


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    counts = sorted({row.pictures for row in rows})
    sentences = []
    for quality in sorted({row.quality for row in rows}):
        found = [gain(rows, quality, count) for count in counts]
        if not np.isfinite(found).all():
            sentences.append(f"Quality {quality}: no picture has an error that could be measured.")
            continue
        parts = ", ".join(f"{value:+.2f} dB from {count}" for count, value in zip(counts, found, strict=True))
        sentences.append(f"Quality {quality}: {parts} picture(s).")
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    body = []
    for quality in sorted({row.quality for row in rows}):
        for count in sorted({row.pictures for row in rows}):
            own = [row for row in rows if (row.quality, row.pictures) == (quality, count)]
            seconds = float(np.median([row.fit_seconds for row in own]))
            body.append([quality, count, gain(rows, quality, count), seconds])
    columns = ["quality", "pictures fitted on", "gain in Y PSNR, dB", "fit, s"]
    return Table(columns=columns, rows=body, caption=f"Means over {pictures_counted(rows, 'psnr_jpeg_db')}")


def plot(rows: Sequence[Row]) -> Figure:
    """Gain against pictures."""
    figure, ax = subplots(figsize=(5.2, 3.6), layout="constrained")
    counts = sorted({row.pictures for row in rows})
    curves = {
        f"quality {quality}": (counts, [gain(rows, quality, count) for count in counts])
        for quality in sorted({row.quality for row in rows})
    }
    plot_curves(curves, x_label="pictures fitted on", y_label="gain in Y PSNR, dB", ax=ax)
    plain_log_axis(ax, "x")
    return figure
