"""What does it bring to code a photograph's latents in bands of frequencies, each with its own contexts?

The channels of the learned codec's transform start as eigenvectors of the training pictures' second moments, in the
order of the eigenvalues. Its context model divides them into bands, coded one after the other: a band depends on those
before it and on its own neighbours. Codecs of the same transform, gains and training that differ only in the division
are compared at equal PSNR, without the restoration network, whose gain is the same for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from experiments._run import (
    Array,
    Count,
    Figure,
    LibraryDependent,
    Panel,
    Picture,
    Seconds,
    Seed,
    Table,
    Track,
    check,
    count_pictures,
    distinct,
    each,
    fulfils,
    mean,
    select,
    subplots,
    table_of,
    timed,
    whole,
)
from experiments.learned.entropy_models import DividedParams, divided
from qimg import metrics
from qimg.codecs.learned.design import BLOCK
from qimg.codecs.learned.encoder import encode
from qimg.codecs.learned.model import LearnedModel
from qimg.codecs.protocol import DecodeOptions, EncodeOptions
from qimg.codecs.registry import codec
from qimg.evaluation.rate_curves import Comparison, compare
from qimg.evaluation.rate_curves import curves as rate_curves

if TYPE_CHECKING:
    from qimg.codecs.learned.training.recipe import PhotographRecipe

MEASURE = "psnr_rgb_db"


@dataclass(frozen=True, kw_only=True)
class Params(DividedParams):
    """Inputs of the experiment."""

    divisions: Annotated[
        tuple[tuple[int, ...], ...],
        each(fulfils(lambda bands: len(bands) > 1 and bands[0] == 1, "must be one channel, then others")),
    ] = ((1, 143), (1, 11, 132), (1, 5, 26, 112), (1, 2, 3, 6, 8, 12, 16, 24, 32, 40))
    """Channels of each band; the first band has one channel, the mean of a block."""
    qualities: Annotated[tuple[int, ...], each(whole(1, 100))] = (17, 35, 53, 71, 90)
    """Qualities that are measured."""
    training: Count = 1500
    """Steps of the training of each codec."""
    batch: Count = 8
    crop: Count = 16
    """Blocks on a side of a crop."""
    seed: Seed = 0

    def recipe(self, bands: tuple[int, ...]) -> "PhotographRecipe":
        """The recipe of the shipped codec with other bands, without the restoration network."""
        from qimg.codecs.learned.training.recipe import PhotographRecipe

        return PhotographRecipe(
            bands=bands,
            blocks=0,
            steps=self.training,
            batch=self.batch,
            crop=self.crop,
            seed=self.seed,
            warmup=min(100, self.training),
        )


TINY = Params(box_mean=4, divisions=((1, 7), (1, 2, 5)), qualities=(35, 71), training=3, batch=2, crop=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec at one quality."""

    image: str
    codec: str
    """Channels of its bands."""
    quality: int
    bytes: LibraryDependent
    """Of the whole file."""
    bits_per_pixel: LibraryDependent
    psnr_rgb_db: LibraryDependent
    macs_per_pixel: float
    """Multiply-accumulates of the context networks."""
    weights: int
    """Numbers of the context networks."""
    train_seconds: Seconds
    """Processor time of the training."""
    encode_seconds: Seconds
    decode_seconds: Seconds


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of all codecs, pictures and qualities, in the order of the pictures."""
    check(params)
    jobs = [(own, fit, bands) for own, fit in divided(params) for bands in params.divisions]
    rows = [row for own, fit, bands in track(jobs) for row in _rows(own, fit, bands, params)]
    order = {picture.name: number for number, picture in enumerate(params.gather().pictures)}
    return sorted(rows, key=lambda row: order[row.image])


def _rows(own: Sequence[Picture], fit: Sequence[Picture], bands: tuple[int, ...], params: Params) -> list[Row]:
    from qimg.codecs.learned.training.recipe import TRAINING
    from qimg.codecs.training import train

    photographs = [_at_least(picture.code_values(), BLOCK * params.crop) for picture in fit]
    learnt = photographs[:-1] or photographs  # the last of several is held out, for the log
    task = TRAINING.task(learnt, params.recipe(bands), held_out=photographs[len(learnt) :])
    model, seconds = timed(train, task)
    name = "–".join(map(str, bands))
    return [_row(picture, name, quality, model, seconds) for picture in own for quality in params.qualities]


def _at_least(image: Array, side: int) -> Array:
    """A picture, continued by reflections where it is smaller than a crop."""
    rows, columns = (max(side - length, 0) for length in image.shape[:2])
    return np.pad(image, [(0, rows), (0, columns), *[(0, 0)] * (image.ndim - 2)], mode="symmetric")


def _row(picture: Picture, name: str, quality: int, model: LearnedModel, seconds: float) -> Row:
    image = picture.code_values()
    coded, encoding = timed(lambda: encode(image, EncodeOptions(quality=quality), model=model))
    decoded, decoding = timed(codec("learned").decode, coded.data, DecodeOptions(tables=model))
    networks = [value for key, value in model.contents.arrays.items() if key.endswith(".weight")]
    return Row(
        image=picture.name,
        codec=name,
        quality=quality,
        bytes=float(len(coded.data)),
        bits_per_pixel=coded.bits_per_pixel,
        psnr_rgb_db=metrics.psnr_db(image, decoded.image),
        macs_per_pixel=model.multiply_accumulates()["contexts"],
        weights=sum(value.size for value in networks),
        train_seconds=seconds,
        encode_seconds=encoding,
        decode_seconds=decoding,
    )


def comparisons(rows: Sequence[Row]) -> dict[str, Comparison]:
    """The rate of each codec against the one of the fewest bands."""
    curves = rate_curves(rows, MEASURE)
    names = distinct(rows, "codec")
    if names[0] not in curves:  # no picture has a finite PSNR at all qualities
        return {}
    return {name: compare(curves[names[0]], curves[name], MEASURE, draws=200) for name in names[1:] if name in curves}


def findings(rows: Sequence[Row]) -> list[str]:
    """What each division brings, and costs."""
    first = distinct(rows, "codec")[0]
    sentences = [f"Bands {first} take {mean(rows, 'bytes', codec=first):.0f} bytes on average over the qualities."]
    for name, result in comparisons(rows).items():
        reason = f"cannot be compared: {result.reason}" if result.reason else f"{result.percent:+.1f} % bytes"
        own = select(rows, codec=name)[0]
        sentences.append(
            f"Bands {name} against {first}: {reason} at equal RGB PSNR, with {own.weights:_d} weights and "
            f"{own.macs_per_pixel / 1000:.1f} kMAC per pixel in the context networks."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    first, against = distinct(rows, "codec")[0], comparisons(rows)

    def cell(name: str, own: Sequence[Row]) -> float:
        return getattr(against[own[0].codec], name) if own[0].codec in against else np.nan

    heading = f"against {first}, %"
    return {
        "bands": table_of(
            rows,
            {
                "channels of the bands": "codec",
                heading: lambda own: cell("percent", own),
                "5 %": lambda own: cell("low", own),
                "95 %": lambda own: cell("high", own),
                "weights": lambda own: own[0].weights,
                "kMAC per pixel": lambda own: own[0].macs_per_pixel / 1000,
                "training, s": "train_seconds",
                "encoding, s": "encode_seconds",
                "decoding, s": "decode_seconds",
            },
            by=("codec",),
            caption=f"Bytes beyond those of the fewest bands at equal RGB PSNR, curves of means over "
            f"{count_pictures(rows)}; weights and products of the context networks",
            formats={
                **dict.fromkeys((heading, "5 %", "95 %"), "+.1f"),
                "weights": "_d",
                **dict.fromkeys(("kMAC per pixel", "encoding, s", "decoding, s"), ".1f"),
                "training, s": ".0f",
            },
        )
    }


def plot(rows: Sequence[Row]) -> Figure:
    """RGB PSNR against bits per pixel, means over the pictures."""
    figure, ax = subplots(figsize=(6.5, 4.2), layout="constrained")
    means = {name: line.mean(np.ones(len(line.rates))) for name, line in rate_curves(rows, MEASURE).items()}
    Panel(curves=means, x="bits per pixel", y="RGB PSNR, dB", log="x").draw(ax)
    return figure
