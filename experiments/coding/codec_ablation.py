"""How many bytes does each ingredient of the block codec save?

Every picture is coded by the full codec and by codecs that lack one ingredient each, at the same steps; bits count
whole files. The Bjøntegaard rate of a variant against the full codec, of curves of means over the pictures between 28
and 37 dB, is what leaving the ingredient out costs. Ingredients that are fitted are left out of the tables as they are,
or, with `--refit`, what is left is fitted again around the gap on other pictures, and so is a codec that lacks nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments._run import (
    Array,
    Count,
    Figure,
    Gathered,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    counted_pictures,
    gather,
    pictures_counted,
    require,
    select,
    subplots,
    values,
)
from experiments.coding.codec_refit import fitted_again
from experiments.coding.codec_variants import CONTROL, FAMILIES, FULL, VARIANTS, Steps, Variant
from qimg import images, metrics
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.inspection.stages import Inspection, inspect
from qimg.codecs.block.model import tables as block_tables
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.evaluation.rate_curves import RANGES, Comparison, compare, curves
from qimg.report import format_cell

_ALL = (*VARIANTS, CONTROL)
_FAMILIES = (*FAMILIES, CONTROL.family)
DRAWS, SEED = 200, 0
"""Resamples of the pictures for an interval."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    variants: tuple[str, ...] = ()
    """Names as in the table, the full codec among them in any case; all of them when left out."""
    steps: Steps = (6, 10, 16, 25, 40, 60, 95)
    """Luma steps in code values, 0.25 to 1000; at least four for a curve."""
    refit: tuple[str, ...] = ()
    """Pictures on which changed tables are fitted again: hundreds, or the fit is worse than the shipped one."""
    rounds: Count = 3
    """Rounds of coding and fitting for that."""
    seed: Seed = 0
    """Of the crops and steps of those rounds."""

    def inputs(self) -> Gathered:
        """The pictures, and those that tables are fitted on again."""
        pictures = self.gather()
        if not self.refit:
            return pictures
        sources = gather(self.refit, box_mean=self.box_mean)
        return pictures + sources


TINY = Params(box_mean=6, variants=("level alone", "DCT", "no learning"), steps=(4, 16, 40, 120))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one variant at one step."""

    image: str
    family: str
    """Of what is left out: "predictive", "transform", "statistical", "hybrid"; "control", "" for the full codec."""
    variant: str
    refitted: int
    """Pictures that the variant's tables were fitted on again; 0 where they are as shipped but for the change."""
    step: float
    """Of luma, in code values."""
    bytes: int
    """Of the whole file."""
    bits_per_pixel: float
    psnr_rgb_db: float
    """Of gray pictures that of their one plane."""
    psnr_y_db: float
    payload_bits: int
    """Of the coded pixels in the file."""
    ideal_bits: float
    """Σ −log₂ p of the same decisions: the cross-entropy estimate of the payload."""
    side_share: float
    """Share of `ideal_bits` for the sizes and classes of blocks."""
    chroma_share: float
    """Share of `ideal_bits` of the coefficients of Cb and Cr."""

    @property
    def codec(self) -> str:
        """The variant, as rate curves name it."""
        return self.variant


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, variant and step."""
    check(params)
    chosen = [*_chosen(params.variants), *([CONTROL] if params.refit else [])]
    pictures, known = params.gather().pictures, block_tables.default()
    hashes = {picture.sha256 for picture in pictures}
    others = [one for one in gather(params.refit).pictures if one.sha256 not in hashes] if params.refit else []
    require(bool(others) or not params.refit, "refit", "must hold a picture that images does not", params.refit)
    prepared: list[tuple[Variant, Tables, int]] = []
    for variant in chosen:
        again = len(others) if variant.refitted else 0
        if again:
            made = fitted_again(variant, known, others, rounds=params.rounds, seed=params.seed, track=track)
        prepared.append((variant, made if again else variant.tables(known), again))
    rows: list[Row] = []
    for picture in track(pictures):
        image = images.to_uint8(images.code_values(picture.image()))
        for variant, made, again in prepared:
            rows += [_row(picture.name, image, variant, made, again, step) for step in params.steps]
    return rows


def _chosen(names: Sequence[str]) -> list[Variant]:
    known = [variant.name for variant in VARIANTS]
    for name in names:
        require(name in known, "variants", f"must be among {', '.join(known)}", name)
    return [variant for variant in VARIANTS if not names or variant.name == FULL or variant.name in names]


def _row(name: str, image: Array, variant: Variant, made: Tables, refitted: int, step: float) -> Row:
    found = inspect(image, Parameters(round(64 * step), variant.chroma), tables=made, search=variant.search)
    shown = np.empty_like(image)
    colour.to_pixels(found.filtered, shown)
    size = len(_file(image, found))
    side = sum(block.division_bits + block.class_bits for block in found.blocks)
    chroma = sum(sum(block.magnitude_bits[1:]) + sum(block.sign_bits[1:]) for block in found.blocks)
    return Row(
        image=name,
        family=variant.family,
        variant=variant.name,
        refitted=refitted,
        step=float(step),
        bytes=size,
        bits_per_pixel=metrics.bits_per_pixel(size, image.shape),
        psnr_rgb_db=metrics.psnr_db(image, shown),
        psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(shown), data_range=255),
        payload_bits=found.payload_bits,
        ideal_bits=found.ideal_bits,
        side_share=side / found.ideal_bits,
        chroma_share=chroma / found.ideal_bits,
    )


def _file(image: Array, found: Inspection) -> bytes:
    header = container.Header(
        width=found.width,
        height=found.height,
        channels=1 if image.ndim == 2 else 3,
        bits=8,
        planes=found.planes,
        identity=found.tables.identity,
        parameters=found.parameters.to_bytes(),
    )
    return container.assemble(header, [(container.STRIP, found.payload)])


def costs(rows: Sequence[Row], measure: str = "psnr_rgb_db", *, draws: int = 0) -> dict[str, Comparison]:
    """What leaving an ingredient out costs: the rate of each variant against the full codec."""
    found = curves(rows, measure)
    if FULL not in found:
        return {}
    return {
        name: compare(found[FULL], curve, measure, draws=draws, seed=SEED)
        for name, curve in found.items()
        if name != FULL
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """Growth of the files by family, the shares of the full codec's bits, and the payload's excess."""
    measured = costs(rows, draws=DRAWS)
    if not measured:
        return ["Every picture is kept exactly somewhere, so there is no curve that goes over pictures."]
    sentences = []
    for family in _FAMILIES:
        named = _of_family(measured, family)
        parts = [f"{name} {result.percent:+.1f} %" for name, result in named if not result.reason]
        if parts and family != CONTROL.family:
            sentences.append(f"{family.capitalize()}: bytes at equal RGB PSNR grow by {', '.join(parts)}.")
        sentences += [
            f"The curve of “{name}” cannot be compared with the full codec's: {result.reason}."
            for name, result in named
            if result.reason
        ]
    side, chroma = _shares(rows)
    refitted = max(values(rows, "refitted"))
    control = measured.get(CONTROL.name)
    again = (
        f"; a codec that lacks nothing and was fitted again needs {control.percent:+.1f} % by that"
        if control and not control.reason
        else ""
    )
    return [
        *sentences,
        f"Of the full codec's bits {100 * side:.0f} % code sizes and classes of blocks, {100 * chroma:.0f} % "
        f"coefficients of chroma, and {100 * (1 - side - chroma):.0f} % coefficients of luma.",
        f"Payloads are {_excess(rows):.3f} % larger than the cross-entropy estimate, {_largest_excess(rows):.2f} % at "
        "most in a picture of more than 2 kB.",
        f"Classes that lack an ingredient were fitted again on {counted_pictures(refitted)}{again}."
        if refitted
        else "Tables are as shipped but for what is left out: what is left was not fitted again around the gap.",
    ]


_SHARES = ("side_share", "chroma_share")
_NOT_COMPARED = Comparison(
    percent=np.nan, low=np.nan, high=np.nan, resamples=0, own=np.nan, own_pictures=0, reason="no curve"
)


def _of_family(measured: dict[str, Comparison], family: str) -> list[tuple[str, Comparison]]:
    """The variants of a family by what leaving them out costs, most first."""
    members = {variant.name for variant in _ALL if variant.family == family}
    named = [item for item in measured.items() if item[0] in members]
    return sorted(named, key=lambda item: -item[1].percent if np.isfinite(item[1].percent) else np.inf)


def _excess(rows: Sequence[Row]) -> float:
    """Percent by which payloads are larger than their cross-entropy estimate."""
    return 100 * (sum(values(rows, "payload_bits")) / sum(values(rows, "ideal_bits")) - 1)


def _largest_excess(rows: Sequence[Row]) -> float:
    """In percent; files below 2 kB are left out, where the range coder's last words count."""
    return max((_excess([row]) for row in rows if row.bytes > 2000), default=0.0)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """What leaving each ingredient out costs, and where the bits of the full codec go."""
    return {"ingredients": _ingredients(rows), "shares": _shares_of_bits(rows)}


def _ingredients(rows: Sequence[Row]) -> Table:
    """What leaving each ingredient out costs, by family, and how far payloads lie above their cross-entropy."""
    by_rgb, by_y = costs(rows, draws=DRAWS), costs(rows, "psnr_y_db")
    order = {variant.name: _FAMILIES.index(variant.family) for variant in _ALL[1:]}
    body = []
    for variant in sorted(_ALL[1:], key=lambda one: order[one.name]):
        own = select(rows, variant=variant.name)
        if own:
            rgb, luma = (measured.get(variant.name, _NOT_COMPARED) for measured in (by_rgb, by_y))
            ends = [format_cell(end, "+.1f") for end in (rgb.low, rgb.high)]
            interval = f"[{', '.join(ends)}]" if rgb.resamples else "–"
            how = variant.what + ("; fitted again" if own[0].refitted else "")
            costs_of_variant = [rgb.percent, interval, rgb.own, luma.percent, _excess(own)]
            body.append([variant.family, variant.name, *costs_of_variant, how])
    low, high = RANGES["psnr_rgb_db"]
    columns = ["family", "left out", "RGB, %", "5–95 %", "mean of single pictures, %", "Y, %", "payload over ideal, %"]
    return Table(
        columns=[*columns, "how"],
        rows=body,
        caption=(
            f"Bytes more than the full codec at equal PSNR, {low:g} to {high:g} dB, curves of means over "
            f"{pictures_counted(rows, 'psnr_rgb_db')}"
        ),
        formats={"payload over ideal, %": ".3f"} | dict.fromkeys((columns[2], *columns[4:6]), "+.1f"),
    )


def _shares_of_bits(rows: Sequence[Row]) -> Table:
    """Shares of the bits of the full codec, and the excess of payloads over their cross-entropy."""
    side, chroma = _shares(rows)
    columns = ["sizes and classes, %", "chroma, %", "luma, %", "payload over ideal, %", "largest, files above 2 kB, %"]
    return Table(
        columns=["codec", *columns],
        rows=[["full", 100 * side, 100 * chroma, 100 * (1 - side - chroma), _excess(rows), _largest_excess(rows)]],
        caption="Shares of the ideal bits of the full codec over all pictures and steps, and payloads of all variants",
        formats=dict.fromkeys(columns[:3], ".0f") | dict.fromkeys(columns[3:], ".3f"),
    )


def _shares(rows: Sequence[Row]) -> tuple[float, float]:
    """Shares of the full codec's bits for sizes and classes of blocks, and for coefficients of chroma."""
    full = select(rows, variant=FULL)
    total = sum(values(full, "ideal_bits"))
    side, chroma = (sum(getattr(row, name) * row.ideal_bits for row in full) / total for name in _SHARES)
    return side, chroma


def plot(rows: Sequence[Row]) -> Figure:
    """Bars of what leaving each ingredient out costs, with the interval over resampled pictures."""
    measured = costs(rows, draws=DRAWS)
    figure, ax = subplots(figsize=(8, 4.8), layout="constrained")
    places: dict[str, float] = {}
    start = 0.0
    for number, family in enumerate(_FAMILIES):
        bars = dict(item for item in _of_family(measured, family) if not item[1].reason)
        for index, (name, result) in enumerate(bars.items()):
            places[name] = start + index
            around = [[max(result.percent - result.low, 0)], [max(result.high - result.percent, 0)]]
            style = {"color": f"C{number}", "label": family if index == 0 else None, "ecolor": "0.4", "capsize": 2}
            ax.barh(places[name], result.percent, xerr=around if result.resamples else None, **style)
        start += len(bars) + 0.6 if bars else 0
    ax.set_yticks(list(places.values()), list(places))
    ax.invert_yaxis()
    ax.axvline(0, color="0.4", linewidth=1)
    ax.set_xlabel("bytes more than the full codec at equal RGB PSNR, %")
    ax.set_title(f"what is left out; {pictures_counted(rows, 'psnr_rgb_db')}", fontsize="medium")
    if places:
        ax.legend()
    return figure
