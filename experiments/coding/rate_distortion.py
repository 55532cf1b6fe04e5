"""How many bytes does a picture cost at equal quality, beside what people use?

Every codec writes and reads every picture at the settings of its curve; bits count whole files. The Bjøntegaard rate
compares curves of means, of bits per pixel and of PSNR over the pictures, between 28 and 37 dB; its interval resamples
the pictures. Beside it stands the mean of the pictures' own rates, which no sharing of bits among pictures changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Figure,
    Mebibytes,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Table,
    fulfils,
    groups,
    median,
    not_empty,
    per_picture,
    pictures_counted,
    subplots,
    timed,
    values,
    whole,
)
from experiments.coding.compared_codecs import as_source, chosen, curve_of, decoded, encoded, not_measured
from qimg import images, metrics
from qimg.codecs import registry
from qimg.codecs.protocol import Codec
from qimg.evaluation.memory import peak_mebibytes
from qimg.evaluation.rate_curves import RANGES, Comparison, compare
from qimg.evaluation.rate_curves import curves as rate_curves

ANCHORS = ("AVIF", "JPEG")
"""Names of the codecs with which every codec is compared."""

DRAWS, SEED = 200, 0
"""Resamples of the pictures for an interval."""


def _are_qualities(settings: Sequence[float]) -> bool:
    return all(1 <= setting <= 100 for setting in settings)


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: tuple[str, ...] = ()
    """Ids as in `qimg.codecs.registry`; those of `compared_codecs.IDS` that are installed when left out."""
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
    """Of our codec, 1 to 100."""
    points: Annotated[int, whole(0)] = 0
    """Settings of each other codec, spread over its own; all of them where 0."""
    perceptual: bool = False
    """Whether to measure MS-SSIM and SSIMULACRA 2 as well: slow."""
    memory: bool = False
    """Whether to measure the memory of every coding in a process of its own: slow, and on Linux alone."""


TINY = Params(box_mean=2, codecs=("block", "peer:jpeg", "peer:webp"), qualities=(2, 25, 45, 65), points=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec at one setting. NaN where something was not asked for, or the picture is too small."""

    image: str
    codec: str
    setting: float
    """On the codec's own scale."""
    bytes: int
    """Of the whole file."""
    raw_bytes: int
    """Of the pixels, one for each sample."""
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
    """Growth of a process that does nothing else."""
    decode_peak_mib: Mebibytes


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per codec and setting."""
    image = images.to_uint8(images.code_values(picture.image()))
    rows: list[Row] = []
    for codec in chosen(params.codecs):
        _warm_up(codec.id, image.ndim)
        settings = params.qualities if codec.id == "block" else spread(curve_of(codec).settings, params.points)
        rows += [_row(picture.name, codec, setting, image, params) for setting in settings]
    return rows


run = per_picture(rows_of)


@cache
def _warm_up(codec_id: str, dimensions: int) -> None:
    """Code a small picture once, so that what is loaded or compiled on first use takes no time in the rows."""
    codec = registry.codec(codec_id)
    small = np.random.default_rng(0).integers(0, 256, (64, 64, 3)[:dimensions], np.uint8)
    decoded(codec, encoded(codec, small, curve_of(codec).settings[0]))


def spread(settings: Sequence[float], points: int) -> list[float]:
    """So many of the settings, evenly over them, both ends included; all of them for 0."""
    count = min(points or len(settings), len(settings))
    return [settings[k] for k in np.rint(np.linspace(0, len(settings) - 1, count)).astype(int)]


def _row(name: str, codec: Codec, setting: float, image: Array, params: Params) -> Row:
    data, encode_seconds = timed(encoded, codec, image, setting)
    back, decode_seconds = timed(decoded, codec, data)
    shown = as_source(image, back)
    nan = float("nan")
    axis = 2 if image.ndim == 3 else None
    memory = peak_mebibytes(codec.id, image, curve_of(codec).at(setting), data) if params.memory else (nan, nan)
    return Row(
        image=name,
        codec=codec.name,
        setting=float(setting),
        bytes=len(data),
        raw_bytes=image.size,
        bits_per_pixel=metrics.bits_per_pixel(len(data), image.shape),
        psnr_rgb_db=metrics.psnr_db(image, shown),
        psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(shown), data_range=255),
        ms_ssim=metrics.measure("ms_ssim", image, shown, channel_axis=axis) if params.perceptual else nan,
        ssimulacra2=metrics.ssimulacra2(image, shown) if params.perceptual else nan,
        encode_seconds=encode_seconds,
        decode_seconds=decode_seconds,
        encode_peak_mib=memory[0],
        decode_peak_mib=memory[1],
    )


def comparisons(rows: Sequence[Row], measure: str, *, draws: int = 0) -> dict[tuple[str, str], Comparison]:
    """Every codec against every anchor among the rows, but itself: (codec, anchor) → comparison."""
    found = rate_curves(rows, measure)
    return {
        (codec, anchor): compare(found[anchor], curve, measure, draws=draws, seed=SEED)
        for codec, curve in found.items()
        for anchor in ANCHORS
        if anchor in found and codec != anchor
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """Every codec's bytes against each anchor's at equal PSNR."""
    sentences = []
    luma = comparisons(rows, "psnr_y_db")
    for (codec, anchor), result in comparisons(rows, "psnr_rgb_db", draws=DRAWS).items():
        if result.reason:
            text = f"The curves of means of {codec} and {anchor} cannot be compared: {result.reason}"
        else:
            text = f"{codec} against {anchor}: {result.percent:+.1f} % bytes{_interval(result)} at equal RGB PSNR"
            if (codec, anchor) in luma and not luma[codec, anchor].reason:
                text += f", {luma[codec, anchor].percent:+.1f} % at equal Y PSNR"
        if result.own_pictures:
            text += f"; picture by picture {result.own:+.1f} % in RGB, over {result.own_pictures} picture(s)"
        sentences.append(f"{text}.")
    if not rate_curves(rows, "psnr_rgb_db"):
        sentences.append("Every picture is kept exactly by some codec, so there is no curve that goes over pictures.")
    return [*sentences, *not_measured(set(values(rows, "codec")))]


def _interval(result: Comparison) -> str:
    """5 to 95 % of the resamples, and how many of them could be compared where not all could."""
    if not result.resamples:
        return ""
    left_out = "" if result.resamples == DRAWS else f", over {result.resamples} of {DRAWS} resamples"
    return f" [{result.low:+.1f}, {result.high:+.1f}{left_out}]"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Bjøntegaard rates against every anchor, and medians of speed and memory over all pictures and settings."""
    measured = {
        "RGB": comparisons(rows, "psnr_rgb_db", draws=DRAWS),
        "Y": comparisons(rows, "psnr_y_db"),
        "MS-SSIM": comparisons(rows, "ms_ssim"),
        "SSIMULACRA 2": comparisons(rows, "ssimulacra2"),
    }
    kinds = [
        (name, anchor)
        for anchor in ANCHORS
        for name, found in measured.items()
        if any(against == anchor for _, against in found)
    ]
    costs = dict(COSTS) if any(np.isfinite(row.encode_peak_mib) for row in rows) else dict(list(COSTS.items())[:2])
    columns = ["codec"]
    for name, anchor in kinds:
        columns += [f"{name}, % of {anchor}", *(["5–95 %", "picture by picture"] if name == "RGB" else [])]
    body = []
    for codec, own in groups(rows, "codec").items():
        line: list[str | float] = [codec]
        for name, anchor in kinds:
            line += _cells(measured[name].get((codec, anchor)), scatter=name == "RGB")
        about = next(one.about for one in registry.codecs() if one.name == codec)
        body.append([*line, *(median(own, cost) for cost in costs.values()), about])
    low, high = RANGES["psnr_rgb_db"]
    counted = pictures_counted(rows, "psnr_rgb_db")
    return Table(
        columns=[*columns, *costs, "program"],
        rows=body,
        caption=f"Bjøntegaard rates of curves of means over {counted}, {low:g} to {high:g} dB; 1 MB is 10⁶ raw bytes",
    )


COSTS: dict[str, Callable[[Row], float]] = {
    "encode, MB/s": lambda row: row.raw_bytes / 1e6 / row.encode_seconds,
    "decode, MB/s": lambda row: row.raw_bytes / 1e6 / row.decode_seconds,
    "encode, MiB": lambda row: row.encode_peak_mib,
    "decode, MiB": lambda row: row.decode_peak_mib,
}
"""Speed, and memory where it was measured."""


def _cells(result: Comparison | None, *, scatter: bool) -> list[str | float]:
    """A rate in percent; where its scatter is shown, the interval and the mean of the pictures' own rates."""
    if result is None:
        return [np.nan, "–", np.nan] if scatter else [np.nan]
    interval = f"{result.low:.1f} to {result.high:.1f}" if result.resamples else "–"
    return [result.percent, interval, result.own] if scatter else [result.percent]


def plot(rows: Sequence[Row]) -> Figure:
    """Curves of means over the pictures, for RGB and for luma."""
    figure, axes = subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for ax, measure, label in zip(axes, ("psnr_rgb_db", "psnr_y_db"), ("RGB PSNR, dB", "Y PSNR, dB"), strict=True):
        means = {name: line.mean(np.ones(len(line.rates))) for name, line in rate_curves(rows, measure).items()}
        Panel(curves=means, x="bits per pixel", y=label, log="x").draw(ax)
        ax.axhspan(*RANGES[measure], color="0.5", alpha=0.08, linewidth=0)
        ax.set_title(f"means over {pictures_counted(rows, measure)}; gray: where rates are compared", fontsize="medium")
    return figure
