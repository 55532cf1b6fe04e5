"""How many bytes does a picture take at equal quality, compared with JPEG, WebP, JPEG 2000, JPEG XL and AVIF?

Every codec writes and reads every picture at the settings of its curve; bits count whole files. The Bjøntegaard rate
compares curves of means, of bits per pixel and of PSNR over the pictures, between 28 and 37 dB; its interval resamples
the pictures. The mean of the rates of single pictures is reported as well, because it does not depend on the
distribution of bits over the pictures. At equal PSNR, the first anchor is AVIF tuned for PSNR, the second the default
of Pillow. Published curves are copied from their sources: of single pictures, and of means over a set, whose codecs are
compared with those that were published on the same set.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated, Any

import numpy as np
from tyro.conf import arg

from experiments._run import (
    HERE,
    Array,
    Figure,
    Mebibytes,
    Panel,
    Paths,
    Picture,
    PictureParams,
    Seconds,
    Table,
    Track,
    Workers,
    check,
    comparable,
    counted_pictures,
    fulfils,
    groups,
    median,
    not_empty,
    per_picture,
    pictures_counted,
    subplots,
    table_of,
    values,
    whole,
)
from experiments.coding.compared_codecs import (
    about,
    chosen,
    curve_of,
    interval,
    modules_of,
    not_measured,
    round_trip,
    warm_up,
)
from experiments.coding.external_curves import Point, digests, read_curves
from experiments.coding.published_curves import (
    NAMES,
    PublishedPoint,
    PublishedRate,
    on_measured_pictures,
    published_rates,
    read_published,
)
from qimg import images, metrics
from qimg.codecs import registry
from qimg.codecs.protocol import Codec
from qimg.evaluation.memory import peak_mebibytes
from qimg.evaluation.rate_curves import RANGES, Comparison, compare, valued
from qimg.evaluation.rate_curves import curves as rate_curves

TUNED = "AVIF tuned for PSNR"
"""The anchor for PSNR. By default Pillow's AVIF is tuned for perception, so the anchor of perceptual measures is the
default."""

ANCHORS = {
    "psnr_rgb_db": (TUNED, "AVIF", "JPEG"),
    "psnr_y_db": (TUNED, "AVIF", "JPEG"),
    "ms_ssim": ("AVIF", "JPEG"),
    "ssimulacra2": ("AVIF", "JPEG"),
}
"""Measure → names of the codecs with which every codec is compared at equal values of the measure."""

MEASURES = {"psnr_rgb_db": "RGB", "psnr_y_db": "Y", "ms_ssim": "MS-SSIM", "ssimulacra2": "SSIMULACRA 2"}
"""Measures and their short names."""

PUBLISHED_ANCHORS = (NAMES["cool-chic-5.0"], "JPEG")
"""Codecs with which others are compared on the pictures of published curves, where theirs are known."""

DRAWS, SEED = 200, 0
"""Resamples of the pictures for an interval."""


def _are_qualities(settings: Sequence[float]) -> bool:
    return all(1 <= setting <= 100 for setting in settings)


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: Annotated[tuple[str, ...], arg(metavar="CODEC ...")] = ()
    """Ids as in `qimg.codecs.registry`, or import names of codecs of yours (module:object); by default the installed
    ones of `compared_codecs.IDS`."""
    curves: Paths = ()
    """CSV files with curves of further codecs: codec, picture, bytes or bits_per_pixel, psnr_rgb_db or psnr_y_db."""
    published: Paths = ()
    """CSV files with published curves: source, codec, picture or set, bits_per_pixel, rgb_psnr_db."""
    qualities: Annotated[tuple[float, ...], not_empty, fulfils(_are_qualities, "must lie in [1, 100]")] = (
        2,
        8,
        14,
        20,
        27,
        34,
        41,
        48,
        56,
        70,
    )
    """Settings of the block codec, 1 to 100."""
    points: Annotated[int, whole(0)] = 0
    """Number of settings of each other codec, evenly spaced over its curve; 0: all of them."""
    perceptual: bool = False
    """Whether to measure MS-SSIM and SSIMULACRA 2 as well, which is slow."""
    memory: bool = False
    """Whether to measure the memory of every encoding and decoding in a separate process, which is slow; Linux only."""

    def files(self) -> dict[str, str]:
        """Hashes of the modules of imported codecs and of the files of curves."""
        return modules_of(self.codecs) | digests((*self.curves, *self.published))


TINY = Params(box_mean=2, codecs=("block", "peer:jpeg", "peer:webp"), qualities=(2, 25, 45, 65), points=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec at one setting. NaN if a measure was not requested or the picture is too small."""

    image: str
    """A picture; of published curves a set as well."""
    codec: str
    published: bool
    """Whether the row is copied from a file of published curves, which state bits per pixel and RGB PSNR only."""
    setting: float
    """On the codec's own scale."""
    bytes: float
    """Of the whole file."""
    raw_bytes: float
    """One byte per sample."""
    bits_per_pixel: float
    psnr_rgb_db: float
    """Of gray pictures that of their one plane."""
    psnr_y_db: float
    """BT.601 full-range luma, not rounded."""
    ms_ssim: float
    """Mean over R, G and B."""
    ssimulacra2: float
    encode_seconds: Seconds
    decode_seconds: Seconds
    encode_peak_mib: Mebibytes
    """Growth of the memory of a process that only encodes."""
    decode_peak_mib: Mebibytes


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per codec and setting."""
    image = picture.code_values()
    rows: list[Row] = []
    for codec in chosen(params.codecs):
        warm_up(codec.id, image.ndim)
        settings = params.qualities if codec.id == "block" else spread(curve_of(codec).settings, params.points)
        rows += [_row(picture.name, codec, setting, image, params) for setting in settings]
    return rows


measured_rows = per_picture(rows_of)


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """The rows of all codecs that are measured, and those of the files of curves."""
    check(params)
    names = [codec.name for codec in chosen(params.codecs)]
    points: dict[str, list[Point]] = {}
    pixels: dict[str, tuple[int, ...]] = {}
    if params.curves:
        pixels = {picture.name: picture.image().shape for picture in params.gather().pictures}
        areas = {name: shape[0] * shape[1] for name, shape in pixels.items()}
        points = read_curves(params.curves, areas, taken=names)
    rows: list[Row] = measured_rows(params, track=track, workers=workers)
    rows += [_read_row(name, pixels[name], point) for name, own in points.items() for point in own]
    return rows + [_published_row(point) for point in read_published(params.published)]


def _published_row(point: PublishedPoint) -> Row:
    values: dict[str, Any] = {field.name: math.nan for field in fields(Row)}
    values |= {"image": point.where, "codec": point.codec, "published": True}
    return Row(**values | {"bits_per_pixel": point.bits_per_pixel, "psnr_rgb_db": point.psnr_rgb_db})


def _read_row(name: str, shape: tuple[int, ...], point: Point) -> Row:
    nan = float("nan")
    return Row(
        image=name,
        codec=point.codec,
        published=False,
        setting=point.setting,
        bytes=point.bytes,
        raw_bytes=math.prod(shape),
        bits_per_pixel=point.bits_per_pixel,
        **point.values,
        encode_peak_mib=nan,
        decode_peak_mib=nan,
    )


def spread(settings: Sequence[float], points: int) -> list[float]:
    """`points` of the settings, evenly spaced, with both ends; all settings for 0."""
    count = min(points or len(settings), len(settings))
    return [settings[k] for k in np.rint(np.linspace(0, len(settings) - 1, count)).astype(int)]


def _row(name: str, codec: Codec, setting: float, image: Array, params: Params) -> Row:
    coded = round_trip(codec, image, setting, name=name)
    data, output = coded.data, coded.output
    nan = float("nan")
    axis = 2 if image.ndim == 3 else None
    memory = (nan, nan)
    if params.memory:
        memory = peak_mebibytes(registry.name_of(codec), image, curve_of(codec).at(setting), data)
    return Row(
        image=name,
        codec=codec.name,
        published=False,
        setting=float(setting),
        bytes=len(data),
        raw_bytes=image.size,
        bits_per_pixel=metrics.bits_per_pixel(len(data), image.shape),
        psnr_rgb_db=metrics.psnr_db(image, output),
        psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(output), data_range=255),
        ms_ssim=metrics.measure("ms_ssim", image, output, channel_axis=axis) if params.perceptual else nan,
        ssimulacra2=metrics.ssimulacra2(image, output) if params.perceptual else nan,
        encode_seconds=coded.encode_seconds,
        decode_seconds=coded.decode_seconds,
        encode_peak_mib=memory[0],
        decode_peak_mib=memory[1],
    )


def comparisons(rows: Sequence[Row], measure: str, *, draws: int = 0) -> dict[tuple[str, str], Comparison]:
    """The rate of every codec against each other codec that is an anchor of the measure: (codec, anchor) → rate."""
    measured = rate_curves(rows, measure)
    return {
        (codec, anchor): compare(measured[anchor], curve, measure, draws=draws, seed=SEED)
        for codec, curve in measured.items()
        for anchor in ANCHORS[measure]
        if anchor in measured and codec != anchor
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """The rate of every codec against each anchor at equal PSNR."""
    rows = measured_on(rows)
    sentences = []
    luma = comparisons(rows, "psnr_y_db")
    for (codec, anchor), result in comparisons(rows, "psnr_rgb_db", draws=DRAWS).items():
        if result.reason:
            text = f"The curves of means of {codec} and {anchor} cannot be compared: {result.reason}"
        else:
            around = f" {interval(result, DRAWS)}" if result.resamples else ""
            text = f"{codec} against {anchor}: {result.percent:+.1f} % bytes{around} at equal RGB PSNR"
            if (codec, anchor) in luma and not luma[codec, anchor].reason:
                text += f", {luma[codec, anchor].percent:+.1f} % at equal Y PSNR"
        if result.own_pictures:
            text += f"; {result.own:+.1f} % in RGB as the mean of the rates of {counted_pictures(result.own_pictures)}"
        sentences.append(f"{text}.")
    if not rate_curves(rows, "psnr_rgb_db"):
        sentences.append("Every picture is coded exactly by some codec, so there is no curve of means over pictures.")
    return [*sentences, *not_measured(set(values(rows, "codec")))]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Rates against all anchors, rates with intervals against each anchor, costs, the scale, and published rates."""
    published = published_rates(rows, PUBLISHED_ANCHORS)
    rows = measured_on(rows)
    measured = {measure: comparisons(rows, measure, draws=DRAWS) for measure in MEASURES}
    anchors = [name for name in (TUNED, "AVIF", "JPEG") if any(name == pair[1] for pair in measured["psnr_rgb_db"])]
    together = {
        "rates": _rates(rows, measured, anchors),
        **{f"against {anchor}": _against(rows, measured, anchor) for anchor in anchors},
        "costs": _costs(rows),
    }
    ours = [row for row in rows if row.codec == "qimg"]
    if ours:
        together["scale"] = _scale(ours)
    if published:
        together["published"] = _published(published)
    return together


def measured_on(rows: Sequence[Row]) -> list[Row]:
    """The rows that were measured, without those of published curves."""
    return [row for row in rows if not row.published]


def _published(rates: Sequence[PublishedRate]) -> Table:
    """Rates on the measured pictures and on those of published means."""
    low, high = RANGES["psnr_rgb_db"]
    columns = [f"{anchor}, %" for anchor in PUBLISHED_ANCHORS]

    def percent(one: PublishedRate, anchor: str) -> float:
        return one.against[anchor].own if anchor in one.against else math.nan

    return Table(
        columns=["pictures", "codec", "curve", *columns],
        rows=[
            [
                one.pictures,
                one.codec,
                "published" if one.published else "measured",
                *(percent(one, anchor) for anchor in PUBLISHED_ANCHORS),
            ]
            for one in rates
        ],
        caption="Bytes beyond those of the codec in the heading on the same pictures at equal RGB PSNR, in %: "
        f"Bjøntegaard rates of curves of means over the part of {low:g} to {high:g} dB that both curves cover. "
        "On the published set, JPEG is that of the source",
        formats=dict.fromkeys(columns, "+.1f"),
    )


def _rates(rows: Sequence[Row], measured: Mapping[str, Any], anchors: Sequence[str]) -> Table:
    """Rates of all codecs against all anchors."""
    kinds = [
        (measure, anchor)
        for anchor in anchors
        for measure in MEASURES
        if any(pair[1] == anchor for pair in measured[measure])
    ]
    columns = ["codec", *(f"{anchor}, {MEASURES[measure]}" for measure, anchor in kinds), "program"]
    body = []
    for codec in groups(rows, "codec"):
        results = [measured[measure].get((codec, anchor)) for measure, anchor in kinds]
        body.append([codec, *(one.percent if one else np.nan for one in results), about(codec)])
    return Table(
        columns=columns,
        rows=body,
        caption="Bytes beyond those of the codec in the heading at equal PSNR, in %: "
        f"{_method(rows)}{_perceptual(kinds)}",
        formats=dict.fromkeys(columns[1:-1], "+.1f"),
    )


def _perceptual(kinds: Sequence[tuple[str, str]]) -> str:
    """What a caption adds where perceptual measures are compared."""
    units = {"ms_ssim": "dB of −10 log₁₀(1 − MS-SSIM)", "ssimulacra2": "points of SSIMULACRA 2"}
    shown = [measure for measure in units if any(measure == one for one, _ in kinds)]
    ranges = [f"{RANGES[measure][0]:g} to {RANGES[measure][1]:g} {units[measure]}" for measure in shown]
    return f"; by other measures at equal values, {' and '.join(ranges)}" if shown else ""


def _against(rows: Sequence[Row], measured: Mapping[str, Any], anchor: str) -> Table:
    """Rates of all other codecs against one anchor, with the interval and the mean of single pictures."""
    columns = ["codec", "RGB, %", "5–95 %", "mean of single pictures, %", "Y, %"]
    body = []
    for (codec, against), result in measured["psnr_rgb_db"].items():
        if against == anchor:
            luma = measured["psnr_y_db"].get((codec, anchor))
            body.append([codec, result.percent, interval(result, DRAWS), result.own, luma.percent if luma else np.nan])
    return Table(
        columns=columns,
        rows=body,
        caption=f"Bytes beyond those of {anchor} at equal PSNR: {_method(rows)}",
        formats=dict.fromkeys((columns[1], *columns[3:]), "+.1f"),
    )


def _method(rows: Sequence[Row]) -> str:
    low, high = RANGES["psnr_rgb_db"]
    counted = pictures_counted(valued(rows, "psnr_rgb_db"), "psnr_rgb_db")
    return f"Bjøntegaard rates of curves of means over {counted}, {low:g} to {high:g} dB"


def _costs(rows: Sequence[Row]) -> Table:
    """Medians of speed, and of memory where it was measured, over all pictures and settings."""
    with_memory = any(np.isfinite(row.encode_peak_mib) for row in rows)
    costs = {name: cost for name, cost in COSTS.items() if with_memory or "MB/s" in name}
    return table_of(
        rows,
        {"codec": "codec", **{name: partial(median, measure=cost) for name, cost in costs.items()}},
        by=("codec",),
        caption="Medians over pictures and settings; 1 MB is 10⁶ bytes of pixels",
    )


COSTS: dict[str, Callable[[Row], float]] = {
    "encode, MB/s": lambda row: row.raw_bytes / 1e6 / row.encode_seconds,
    "decode, MB/s": lambda row: row.raw_bytes / 1e6 / row.decode_seconds,
    "encode, MiB": lambda row: row.encode_peak_mib,
    "decode, MiB": lambda row: row.decode_peak_mib,
}
"""Speed, and memory where it was measured."""


def _scale(rows: Sequence[Row]) -> Table:
    """Means over the pictures at every quality of the block codec."""
    return table_of(
        comparable(rows, "psnr_rgb_db"),
        {
            "quality": lambda own: f"{own[0].setting:g}",
            "bits per pixel": "bits_per_pixel",
            "RGB PSNR, dB": "psnr_rgb_db",
            "Y PSNR, dB": "psnr_y_db",
        },
        by=("setting",),
        caption=f"Means over {pictures_counted(rows, 'psnr_rgb_db')}",
        formats={"bits per pixel": ".3f", "RGB PSNR, dB": ".1f", "Y PSNR, dB": ".1f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Curves of means over the pictures, for RGB and for luma; published ones of the same pictures for RGB."""
    published = on_measured_pictures(rows)
    rows = measured_on(rows)
    figure, axes = subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    for ax, measure in zip(axes, ("psnr_rgb_db", "psnr_y_db"), strict=True):
        means = {name: line.mean(np.ones(len(line.rates))) for name, line in rate_curves(rows, measure).items()}
        if measure == "psnr_rgb_db":
            means |= published
        Panel(curves=means, x="bits per pixel", y=f"{MEASURES[measure]} PSNR, dB", log="x").draw(ax)
        ax.axhspan(*RANGES[measure], color="0.5", alpha=0.08, linewidth=0)
        counted = pictures_counted(valued(rows, measure), measure)
        counted = counted.partition(" (")[0]  # captions have room for the reason
        ax.set_title(f"means over {counted}")
        note = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "fontsize": "small"}
        ax.annotate("rates are compared here", (0.98, RANGES[measure][0]), **note)
    return figure
