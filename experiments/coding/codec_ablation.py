"""How many bytes does each ingredient of the block codec save?

Every picture is coded by the full codec and by variants that lack one ingredient each, at the same steps; bits count
whole files. The cost of leaving an ingredient out is the Bjøntegaard rate of the variant against the full codec, for
curves of means over the pictures between 28 and 37 dB. A fitted ingredient is removed from the shipped tables. With
`--refit`, the remaining tables are then fitted again on other pictures; those of the full codec are fitted again as
well, as a control.
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
from experiments.coding.compared_codecs import interval
from qimg import images, metrics
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.inspection.stages import Inspection, inspect
from qimg.codecs.block.model import tables as block_tables
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.evaluation.rate_curves import RANGES, Comparison, compare, curves

_ALL = (*VARIANTS, CONTROL)
_FAMILIES = (*FAMILIES, CONTROL.family)
DRAWS, SEED = 200, 0
"""Resamples of the pictures for an interval."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    variants: tuple[str, ...] = ()
    """Names as in the table, by default all; the full codec is always included."""
    steps: Steps = (6, 10, 16, 25, 40, 60, 95)
    """Luma steps in code values, 0.25 to 1000; at least four for a curve."""
    refit: tuple[str, ...] = ()
    """Pictures on which changed tables are fitted again; fewer than hundreds give a worse fit than the shipped one."""
    rounds: Count = 3
    """Rounds of coding and fitting with `refit`."""
    seed: Seed = 0
    """Seed of the crops and steps of these rounds."""

    def inputs(self) -> Gathered:
        """The coded pictures, and the pictures that tables are fitted on again."""
        pictures = self.gather()
        if not self.refit:
            return pictures
        sources = self.gather_from(self.refit)
        return pictures + sources


TINY = Params(box_mean=6, variants=("level alone", "DCT", "no learning"), steps=(4, 16, 40, 120))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one variant at one step."""

    image: str
    family: str
    """Of the ingredient: "predictive", "transform", "statistical", "hybrid", "control"; "" for the full codec."""
    variant: str
    refitted: int
    """Number of pictures that the variant's tables were fitted on again; 0 for shipped tables with the change only."""
    step: float
    """Step of luma in code values."""
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
    pictures, shipped = params.gather().pictures, block_tables.default()
    hashes = {picture.sha256 for picture in pictures}
    others = [one for one in gather(params.refit).pictures if one.sha256 not in hashes] if params.refit else []
    require(bool(others) or not params.refit, "refit", "must hold a picture that images does not", params.refit)
    prepared: list[tuple[Variant, Tables, int]] = []
    for variant in chosen:
        again = len(others) if variant.refitted else 0
        if again:
            made = fitted_again(variant, shipped, others, rounds=params.rounds, seed=params.seed, track=track)
        prepared.append((variant, made if again else variant.tables(shipped), again))
    rows: list[Row] = []
    for picture in track(pictures):
        image = picture.code_values()
        for variant, made, again in prepared:
            rows += [_row(picture.name, image, variant, made, again, step) for step in params.steps]
    return rows


def _chosen(names: Sequence[str]) -> list[Variant]:
    options = [variant.name for variant in VARIANTS]
    for name in names:
        require(name in options, "variants", f"must be among {', '.join(options)}", name)
    return [variant for variant in VARIANTS if not names or variant.name == FULL or variant.name in names]


def _row(name: str, image: Array, variant: Variant, made: Tables, refitted: int, step: float) -> Row:
    inspection = inspect(image, variant.parameters(image, step), tables=made, search=variant.search)
    decoded = np.empty_like(image)
    colour.to_pixels(inspection.filtered, decoded, inspection.parameters.space)
    size = len(_file(image, inspection))
    side = sum(block.division_bits + block.class_bits for block in inspection.blocks)
    chroma = sum(sum(block.magnitude_bits[1:]) + sum(block.sign_bits[1:]) for block in inspection.blocks)
    return Row(
        image=name,
        family=variant.family,
        variant=variant.name,
        refitted=refitted,
        step=float(step),
        bytes=size,
        bits_per_pixel=metrics.bits_per_pixel(size, image.shape),
        psnr_rgb_db=metrics.psnr_db(image, decoded),
        psnr_y_db=metrics.psnr_db(images.luma(image), images.luma(decoded), data_range=255),
        payload_bits=inspection.payload_bits,
        ideal_bits=inspection.ideal_bits,
        side_share=side / inspection.ideal_bits,
        chroma_share=chroma / inspection.ideal_bits,
    )


def _file(image: Array, inspection: Inspection) -> bytes:
    header = container.Header(
        width=inspection.width,
        height=inspection.height,
        channels=1 if image.ndim == 2 else 3,
        bits=8,
        planes=inspection.planes,
        identity=inspection.tables.identity,
        parameters=inspection.parameters.to_bytes(inspection.parameters.version),
        version=inspection.parameters.version,
    )
    return container.assemble(header, [(container.STRIP, inspection.payload)])


def costs(rows: Sequence[Row], measure: str = "psnr_rgb_db", *, draws: int = 0) -> dict[str, Comparison]:
    """The cost of leaving each ingredient out: the rate of each variant against the full codec."""
    by_variant = curves(rows, measure)
    if FULL not in by_variant:
        return {}
    return {
        name: compare(by_variant[FULL], curve, measure, draws=draws, seed=SEED)
        for name, curve in by_variant.items()
        if name != FULL
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """Growth of the files by family, the shares of the full codec's bits, and the payload's excess."""
    measured = costs(rows, draws=DRAWS)
    if not measured:
        return ["Every picture is coded exactly by some variant, so there is no curve of means over pictures."]
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
        f"; fitting the full codec again as well changes its bytes by {control.percent:+.1f} %"
        if control and not control.reason
        else ""
    )
    return [
        *sentences,
        f"In the full codec, {100 * side:.0f} % of the bits code sizes and classes of blocks, {100 * chroma:.0f} % "
        f"coefficients of chroma, and {100 * (1 - side - chroma):.0f} % coefficients of luma.",
        f"Payloads are {_excess(rows):.3f} % larger than the cross-entropy estimate, and at most "
        f"{_largest_excess(rows):.2f} % in files of more than 2 kB.",
        f"Changed classes were fitted again on {counted_pictures(refitted)}{again}."
        if refitted
        else "The ingredients were removed from the shipped tables; the rest was not fitted again.",
    ]


_SHARES = ("side_share", "chroma_share")
_NOT_COMPARED = Comparison(
    percent=np.nan, low=np.nan, high=np.nan, resamples=0, own=np.nan, own_pictures=0, reason="no curve"
)


def _of_family(measured: dict[str, Comparison], family: str) -> list[tuple[str, Comparison]]:
    """The variants of a family, by decreasing cost."""
    members = {variant.name for variant in _ALL if variant.family == family}
    named = [item for item in measured.items() if item[0] in members]
    return sorted(named, key=lambda item: -item[1].percent if np.isfinite(item[1].percent) else np.inf)


def _excess(rows: Sequence[Row]) -> float:
    """Percent by which payloads are larger than their cross-entropy estimate."""
    return 100 * (sum(values(rows, "payload_bits")) / sum(values(rows, "ideal_bits")) - 1)


def _largest_excess(rows: Sequence[Row]) -> float:
    """In percent; smaller files are left out, because the last words of the range coder dominate their excess."""
    return max((_excess([row]) for row in rows if row.bytes > 2000), default=0.0)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The cost of leaving each ingredient out, and the shares of the bits of the full codec."""
    return {"ingredients": _ingredients(rows), "shares": _shares_of_bits(rows)}


def _ingredients(rows: Sequence[Row]) -> Table:
    """The cost of leaving each ingredient out, by family, and the excess of payloads over their cross-entropy."""
    by_rgb, by_y = costs(rows, draws=DRAWS), costs(rows, "psnr_y_db")
    order = {variant.name: _FAMILIES.index(variant.family) for variant in _ALL[1:]}
    body = []
    for variant in sorted(_ALL[1:], key=lambda one: order[one.name]):
        variant_rows = select(rows, variant=variant.name)
        if variant_rows:
            rgb, luma = (measured.get(variant.name, _NOT_COMPARED) for measured in (by_rgb, by_y))
            how = variant.what + ("; fitted again" if variant_rows[0].refitted else "")
            costs_of_variant = [rgb.percent, interval(rgb, DRAWS), rgb.own, luma.percent, _excess(variant_rows)]
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
            errors = [[max(result.percent - result.low, 0)], [max(result.high - result.percent, 0)]]
            style = {"color": f"C{number}", "label": family if index == 0 else None, "ecolor": "0.4", "capsize": 2}
            ax.barh(places[name], result.percent, xerr=errors if result.resamples else None, **style)
        start += len(bars) + 0.6 if bars else 0
    ax.set_yticks(list(places.values()), list(places))
    ax.invert_yaxis()
    ax.axvline(0, color="0.4", linewidth=1)
    ax.set_xlabel("bytes more than the full codec at equal RGB PSNR, %")
    ax.set_title(f"what is left out; {pictures_counted(rows, 'psnr_rgb_db')}", fontsize="medium")
    if places:
        ax.legend()
    return figure
