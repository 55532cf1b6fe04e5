"""What does a small learned codec reach, and what does each part of its decoder buy?

The learned codec is compared with JPEG, WebP, AVIF and the block codec at equal PSNR, as in `rate_distortion`. Variants
of it leave out parts of the decoder, in the order of their cost in multiply-accumulates: the restoration network, then
the context networks, whose place is taken by the entropy of each channel's histogram in each picture (an ideal code
length, to which tables would have to be added). A further variant rounds latents to the nearest integers. Published
curves are copied from their sources: of means over all 24 Kodak pictures, with their own JPEG as the anchor, and of
Cool-chic for each picture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import numpy as np
from tyro.conf import arg

from experiments._run import (
    HERE,
    Array,
    Figure,
    Panel,
    Paths,
    Picture,
    PictureParams,
    Seconds,
    Table,
    Track,
    Workers,
    check,
    groups,
    median,
    per_picture,
    pictures_counted,
    subplots,
    table_of,
    whole,
)
from experiments.coding.compared_codecs import chosen, curve_of, modules_of, not_measured, round_trip, warm_up
from experiments.coding.external_curves import digests
from experiments.coding.published_curves import SETS, published_rates, read_published
from experiments.coding.rate_distortion import spread
from qimg import metrics
from qimg.codecs import registry
from qimg.codecs.learned.bitstream import parse
from qimg.codecs.learned.decoder import latents_of, paint
from qimg.codecs.learned.encoder import encode
from qimg.codecs.learned.latents import predictions
from qimg.codecs.learned.model import LearnedModel, default
from qimg.codecs.learned.tiles import windows
from qimg.codecs.protocol import DecodeOptions, EncodeOptions
from qimg.evaluation.rate_curves import RANGES, Comparison, compare
from qimg.evaluation.rate_curves import curves as rate_curves

WHOLE, LINEAR, HISTOGRAMS, NEAREST = (
    "learned",
    "learned, linear decoder",
    "learned, linear decoder, histograms",
    "learned, nearest integers",
)
"""The learned codec and its variants."""
ANCHOR = "JPEG"
MEASURE = "psnr_rgb_db"
_NEAREST = 1e-6  # of the slope, so that only the distortion counts


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: Annotated[tuple[str, ...], arg(metavar="CODEC ...")] = (
        "learned",
        "block",
        "peer:avif-psnr",
        "peer:webp",
        "peer:jpeg",
    )
    """Ids as in `qimg.codecs.registry`."""
    published: Paths = ()
    """CSV files with published curves: source, codec, picture or set, bits_per_pixel, rgb_psnr_db."""
    points: Annotated[int, whole(0)] = 0
    """Number of settings of each codec, evenly spaced over its curve; 0: all of them."""

    def files(self) -> dict[str, str]:
        """Hashes of the modules of imported codecs and of the files of curves."""
        return modules_of(self.codecs) | digests(self.published)


TINY = Params(box_mean=4, codecs=("learned", "peer:jpeg"), points=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec at one setting. NaN where a published curve does not state it."""

    image: str
    codec: str
    published: bool
    """Whether the row is copied from a file of curves."""
    setting: float
    bytes: float
    """Of the whole file; of the variant with histograms an ideal length."""
    bits_per_pixel: float
    psnr_rgb_db: float
    macs_per_pixel: float
    """Multiply-accumulates of the decoder's networks and transform per pixel; NaN for other codecs."""
    encode_seconds: Seconds
    decode_seconds: Seconds


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per codec and setting, and per variant of the learned codec."""
    image = picture.code_values()
    rows: list[Row] = []
    for codec in chosen(params.codecs):
        warm_up(codec.id, image.ndim)
        for setting in spread(curve_of(codec).settings, params.points):
            coded = round_trip(codec, image, setting, name=picture.name)
            seconds = coded.encode_seconds, coded.decode_seconds
            macs = float("nan")
            if codec.id == "learned":
                macs = sum(default().multiply_accumulates().values())
                rows += _variants(picture.name, image, setting, coded.data)
            rows.append(_row(picture.name, codec.name, setting, len(coded.data), image, coded.output, macs, seconds))
    return rows


measured_rows = per_picture(rows_of)


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """The rows of all codecs that are measured, and those of the files of curves."""
    check(params)
    rows: list[Row] = measured_rows(params, track=track, workers=workers)
    return rows + list(_published(params, {row.image for row in rows}))


def _row(
    name: str,
    codec: str,
    setting: float,
    size: float,
    image: Array,
    output: Array,
    macs: float,
    seconds: tuple[float, float] = (float("nan"), float("nan")),
) -> Row:
    return Row(
        image=name,
        codec=codec,
        published=False,
        setting=float(setting),
        bytes=float(size),
        bits_per_pixel=8 * size / (image.shape[0] * image.shape[1]),
        psnr_rgb_db=metrics.psnr_db(image, output),
        macs_per_pixel=macs,
        encode_seconds=seconds[0],
        decode_seconds=seconds[1],
    )


def _variants(name: str, image: Array, setting: float, data: bytes) -> Iterator[Row]:
    """The rows of the variants at the setting of a file."""
    model, stream = default(), parse(data)
    costs = model.multiply_accumulates()
    latents = latents_of(model, stream)
    linear = np.empty_like(image)
    for rows, _ in windows(latents.shape[1], 1):
        paint(_linear(), stream.header.rate, latents, rows, 0, linear)
    size = stream.size - stream.parts["pixels"] + _histogram_bits(latents) / 8
    yield _row(name, HISTOGRAMS, setting, size, image, linear, costs["transform"])
    yield _row(name, LINEAR, setting, stream.size, image, linear, costs["transform"] + costs["contexts"])
    nearest = encode(image, EncodeOptions(quality=setting), slope=_NEAREST)
    output = registry.codec("learned").decode(nearest.data, DecodeOptions()).image
    yield _row(name, NEAREST, setting, len(nearest.data), image, output, sum(costs.values()))


@cache
def _linear() -> LearnedModel:
    """The model without its restoration network."""
    contents = default().contents
    arrays = {name: array for name, array in contents.arrays.items() if not name.startswith("restoration.")}
    return LearnedModel.packed({**contents.header, "design": {**contents.header["design"], "blocks": 0}}, arrays)


def _histogram_bits(latents: Array) -> float:
    """Entropy of each channel's histogram times the number of latents; of the first channel after prediction."""
    first = latents[:1] - predictions(latents[0][..., None])[None, ..., 0]
    total = 0.0
    for channel in np.concatenate([first, latents[1:]]):
        counts = np.unique(channel, return_counts=True)[1]
        total -= float((counts * np.log2(counts / channel.size)).sum())
    return total


def _published(params: Params, names: set[str]) -> Iterator[Row]:
    """The rows of the files of curves: those of means over a set, and of the pictures that are measured."""
    for point in read_published(params.published):
        if point.where in names or point.where in SETS:
            yield Row(
                image=point.where,
                codec=point.codec,
                published=True,
                setting=float("nan"),
                bytes=float("nan"),
                bits_per_pixel=point.bits_per_pixel,
                psnr_rgb_db=point.psnr_rgb_db,
                macs_per_pixel=float("nan"),
                encode_seconds=float("nan"),
                decode_seconds=float("nan"),
            )


def comparisons(rows: Sequence[Row], anchor: str, *, draws: int = 0) -> dict[str, Comparison]:
    """The rate of every measured codec against an anchor on all measured pictures."""
    measured = rate_curves([row for row in rows if not row.published], MEASURE)
    if anchor not in measured:
        return {}
    return {
        codec: compare(measured[anchor], curve, MEASURE, draws=draws)
        for codec, curve in measured.items()
        if codec != anchor
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """The rate of the learned codec against each other codec, and what each part of its decoder buys."""
    sentences = []
    for codec in groups([row for row in rows if not row.published], "codec"):
        result = comparisons(rows, codec).get(WHOLE)
        if result is None or codec in (LINEAR, HISTOGRAMS, NEAREST):
            continue
        reason = f"cannot be compared: {result.reason}" if result.reason else f"{result.percent:+.1f} % bytes"
        sentences.append(f"{WHOLE} against {codec}: {reason} at equal RGB PSNR.")
    for better, worse, part in (
        (WHOLE, LINEAR, "The restoration network"),
        (LINEAR, HISTOGRAMS, "Context networks"),
        (WHOLE, NEAREST, "Rate-distortion optimised rounding"),
    ):
        result = comparisons(rows, worse).get(better)
        if result is not None and not result.reason:
            macs = (_macs(rows, better) - _macs(rows, worse)) / 1000
            cost = f" for {macs:.1f} kMAC per pixel" if macs else ""
            sentences.append(f"{part}: {result.percent:+.1f} % bytes{cost}.")
    return [*sentences, *not_measured({row.codec for row in rows})]


def _macs(rows: Sequence[Row], codec: str) -> float:
    return next((row.macs_per_pixel for row in rows if row.codec == codec), float("nan"))


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Rates against JPEG with costs, means of the learned codec, and rates of published curves."""
    measured = [row for row in rows if not row.published]
    against = comparisons(rows, ANCHOR, draws=200)
    body = []
    for codec, own in groups(measured, "codec").items():
        result = against.get(codec)
        percent, low, high = (result.percent, result.low, result.high) if result else (np.nan, np.nan, np.nan)
        seconds = [median(own, measure=cost) for cost in (_encode_rate, _decode_rate)]
        body.append([codec, percent, low, high, own[0].macs_per_pixel / 1000, *seconds])
    low, high = RANGES[MEASURE]
    columns = ["codec", f"against {ANCHOR}, %", "5 %", "95 %", "kMAC per pixel", "encode, MB/s", "decode, MB/s"]
    rates = Table(
        columns=columns,
        rows=body,
        caption=f"Bytes beyond those of {ANCHOR} at equal RGB PSNR, curves of means over "
        f"{pictures_counted(measured, MEASURE)}, {low:g} to {high:g} dB",
        formats={**dict.fromkeys(columns[1:4], "+.1f"), **dict.fromkeys(columns[4:], ".1f")},
    )
    scale = table_of(
        [row for row in measured if row.codec == WHOLE],
        {
            "quality": lambda own: f"{own[0].setting:g}",
            "bits per pixel": "bits_per_pixel",
            "RGB PSNR, dB": "psnr_rgb_db",
        },
        by=("setting",),
        caption=f"The learned codec, means over {pictures_counted(measured, MEASURE)}",
        formats={"bits per pixel": ".3f", "RGB PSNR, dB": ".2f"},
    )
    together = {"rates": rates, "scale": scale}
    published = [
        (one.codec, one.pictures, one.against[ANCHOR])
        for one in published_rates(rows, (ANCHOR,))
        if one.published and ANCHOR in one.against
    ]
    if published:
        together["published"] = Table(
            columns=["published codec", "pictures", "against JPEG, %", "common part, %"],
            rows=[[codec, where, result.percent, result.own] for codec, where, result in published],
            caption="Published curves: bytes beyond those of JPEG on the same pictures at equal RGB PSNR, "
            f"{low:g} to {high:g} dB, and over the part of this range that both curves cover; of means over 24 "
            "pictures against the JPEG of the same source",
            formats={"against JPEG, %": "+.1f", "common part, %": "+.1f"},
        )
    return together


def _encode_rate(row: Row) -> float:
    return 3e-6 * 8 * row.bytes / row.bits_per_pixel / row.encode_seconds


def _decode_rate(row: Row) -> float:
    return 3e-6 * 8 * row.bytes / row.bits_per_pixel / row.decode_seconds


def plot(rows: Sequence[Row]) -> Figure:
    """Curves of means over the pictures: of all codecs, and of the variants of the learned one."""
    figure, axes = subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    measured = [row for row in rows if not row.published]
    means = {name: line.mean(np.ones(len(line.rates))) for name, line in rate_curves(measured, MEASURE).items()}
    variants = (WHOLE, LINEAR, HISTOGRAMS, NEAREST)
    parts = (
        ("codecs", {name: line for name, line in means.items() if name not in variants[1:]}),
        ("variants of the learned codec", {name: line for name, line in means.items() if name in variants}),
    )
    for ax, (title, some) in zip(axes, parts, strict=True):
        Panel(curves=some, x="bits per pixel", y="RGB PSNR, dB", log="x").draw(ax)
        ax.set_title(title)
    return figure
