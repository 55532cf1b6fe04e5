"""How many pictures does the fit of the explicit estimator need?

Estimators are fitted on growing sets of pictures, each of which contains the previous one, and restore luma that was
compressed as a gray JPEG. The number of classes does not depend on the number of pictures: classes with few patches are
shrunk towards the sum of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from experiments._run import (
    Counts,
    Figure,
    FittingParams,
    LibraryDependent,
    Panel,
    Picture,
    Qualities,
    Seconds,
    Seed,
    Table,
    Track,
    bundled,
    check,
    counted_pictures,
    curve,
    curves,
    figure_of,
    gather,
    groups,
    levels,
    mean,
    median,
    not_empty,
    pictures_counted,
    require,
    select,
    table_of,
    timed,
)
from qimg import images, metrics, restoration
from qimg.restoration.jpeg.fitting import Recipe, fit


@dataclass(frozen=True, kw_only=True)
class Params(FittingParams):
    """Inputs of the experiment."""

    counts: Counts = (10, 30, 100, 1000)
    """Numbers of pictures drawn from the sources; all where a number exceeds theirs."""
    qualities: Qualities = (10, 40)
    """Quality settings of libjpeg."""
    classes: Annotated[tuple[int, ...], not_empty] = (32, 32)
    """Classes of each stage."""
    pixels: int = 150_000
    """Pixels of luma that each picture contributes to a pass."""
    seed: Seed = 0
    """Seed of the draw of pictures and of the fit."""


TINY = Params(box_mean=6, counts=(1, 2), qualities=(20,), classes=(2,), pixels=20_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """PSNR of one picture at one quality, restored by an estimator fitted on a number of pictures."""

    image: str
    quality: int
    pictures: int
    """Number of pictures that the estimator was fitted on."""
    psnr_jpeg_db: float
    psnr_restored_db: LibraryDependent
    fit_seconds: Seconds


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Measure all pictures: one row per picture, quality and count."""
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
    model, seconds = timed(fit, sources, recipe)
    return model, len(model.provenance["inputs"]), seconds


def _rows(picture: Picture, model: restoration.Model, number: int, seconds: float, params: Params) -> list[Row]:
    truth = picture.luma()
    files = {quality: images.jpeg_round_trip(truth, quality=quality) for quality in params.qualities}
    return [
        Row(
            image=picture.name,
            quality=quality,
            pictures=number,
            psnr_jpeg_db=metrics.psnr_db(truth, coded.image),
            psnr_restored_db=metrics.psnr_db(
                truth, restoration.restore(coded.file, model=model, effort=len(params.classes))
            ),
            fit_seconds=seconds,
        )
        for quality, coded in files.items()
    ]


def gain(rows: Sequence[Row]) -> float:
    """Mean gain in PSNR over JPEG."""
    return mean(rows, lambda row: row.psnr_restored_db - row.psnr_jpeg_db)


def findings(rows: Sequence[Row]) -> list[str]:
    """Gains by number of pictures, for each quality."""
    sentences = []
    for quality, own in sorted(groups(rows, "quality").items()):
        found = dict(zip(*curve(own, "pictures", gain), strict=True))
        if not np.isfinite(list(found.values())).all():
            sentences.append(f"Quality {quality}: no picture has an error that could be measured.")
            continue
        parts = ", ".join(f"{value:+.2f} dB from {counted_pictures(count)}" for count, value in found.items())
        sentences.append(f"Quality {quality}: {parts}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"gains": gains(rows), "by count": gains_by_count(rows)}


def gains(rows: Sequence[Row]) -> Table:
    """Mean gain and time of the fit, a line for each quality and number of pictures."""
    shown = table_of(
        sorted(rows, key=lambda row: (row.quality, row.pictures)),
        {
            "quality": "quality",
            "pictures": "pictures",
            "gain, dB": gain,
            "fit, s": lambda own: median(own, "fit_seconds"),
        },
        by=("quality", "pictures"),
        caption=_caption(rows),
    )
    return replace(shown, formats={"gain, dB": "+.2f", "fit, s": ".0f"})


def gains_by_count(rows: Sequence[Row]) -> Table:
    """Mean gain, a line for each quality and a column for each number of pictures."""
    counts = {f"{counted_pictures(count)}, dB": count for count in levels(rows, "pictures")}
    return Table(
        columns=["quality", *counts],
        rows=[
            [quality, *(gain(select(rows, quality=quality, pictures=count)) for count in counts.values())]
            for quality in levels(rows, "quality")
        ],
        caption=_caption(rows),
        formats=dict.fromkeys(counts, "+.2f"),
    )


def _caption(rows: Sequence[Row]) -> str:
    counted = pictures_counted(rows, "psnr_jpeg_db")
    return f"Gain in Y PSNR over JPEG by the number of pictures that were fitted on; means over {counted}"


def plot(rows: Sequence[Row]) -> Figure:
    """Gain in PSNR against the number of pictures fitted on."""
    ordered = sorted(rows, key=lambda row: row.quality)
    lines = curves(ordered, "pictures", gain, by="quality", label="quality {}")
    return figure_of(
        Panel(curves=lines, x="pictures fitted on", y="gain in Y PSNR, dB", log="x"),
        size=(5.2, 3.6),
        layout="constrained",
    )
