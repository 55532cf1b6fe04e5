"""How many bytes do graphics take in the contour codec, compared with other codecs, at equal quality and without loss?

Pictures are drawn by a script, of several kinds, and may be files as well. At each target the file is the smallest one
that reaches the PSNR over RGB values: the contour and the block codec search for it themselves; for WebP, AVIF and JPEG
XL the setting is bisected, for PNG the number of colours of a palette, which median cut or libimagequant chooses.
Lossless files are those of the contour codec, WebP, JPEG XL at its slowest effort, and optimised PNG. Bytes are those
of whole files. The mixed codec, and the choice between the three by the picture ("auto"), are measured on request.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
from PIL import Image

from experiments._run import (
    HERE,
    Array,
    Figure,
    Gathered,
    LibraryDependent,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Table,
    Track,
    Workers,
    among,
    check,
    distinct,
    each,
    figure_of,
    groups,
    legend_below,
    levels,
    mean,
    positive,
    rows_by_picture,
    select,
    table_of,
    timed,
    whole,
)
from experiments.coding.compared_codecs import as_source, is_installed, lossless_jpegxl
from experiments.coding.graphics_pictures import KINDS, drawing
from qimg import metrics
from qimg.codecs import registry
from qimg.codecs.peers.peer import save
from qimg.codecs.pictures import decode, encode

CONTOUR, AUTO = "contour", "auto"
_OWN = (CONTOUR, "block", "mixed", AUTO)
PALETTE, IMAGEQUANT = "palette PNG", "palette PNG (libimagequant)"
_SCALES: dict[str, tuple[str, float, float]] = {
    "peer:webp": ("quality", 0, 100),
    "peer:avif": ("quality", 0, 100),
    "peer:avif-psnr": ("quality", 0, 100),
    "peer:jpegxl": ("distance", 25, 0.05),
}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawing of the script."""

    kind: str
    side: int
    seed: int

    @property
    def name(self) -> str:
        """Kind and seed."""
        return f"{self.kind} {self.seed}"

    def code_values(self) -> Array:
        """Its pixels."""
        return drawing(self.kind, side=self.side, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class DrawingParams(PictureParams):
    """Pictures and drawings of an experiment."""

    drawings: Annotated[tuple[str, ...], each(among(KINDS), empty=True)] = KINDS
    """Kinds of drawings, each in addition to the pictures."""
    side: Annotated[int, whole(64)] = 480
    """Rows and columns of a drawing."""
    seeds: Annotated[int, whole(1)] = 2
    """Drawings of each kind."""

    def inputs(self) -> Gathered:
        """The pictures; the bundled photographs only without drawings."""
        return Gathered(pictures=(), skipped=()) if self.drawings and not self.images else self.gather()


@dataclass(frozen=True, kw_only=True)
class Params(DrawingParams):
    """Inputs of the experiment."""

    targets: Annotated[tuple[float, ...], each(positive)] = (30.0, 35.0, 40.0)
    """PSNR in dB."""
    codecs: Annotated[tuple[str, ...], each(among((*_OWN, *_SCALES, PALETTE, IMAGEQUANT)))] = (
        CONTOUR,
        "block",
        *_SCALES,
        PALETTE,
        IMAGEQUANT,
    )
    """Codecs at the targets; `mixed` and `auto` can be added. Codecs that are not installed are left out."""


TINY = Params(box_mean=12, drawings=(), targets=(30.0,), codecs=(CONTOUR, "block", "peer:webp", PALETTE))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec at one target."""

    image: str
    kind: str
    """Kind of the drawing, or "picture"."""
    codec: str
    target_db: float
    """Least PSNR; infinite for files without loss."""
    bytes: LibraryDependent
    """Of the whole file; NaN where no setting reaches the target."""
    psnr_db: LibraryDependent
    """Over gray or RGB values; infinite for equal pictures."""
    encode_seconds: Seconds
    """Of the search for the target, too."""


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """Rows of the pictures, then of the drawings."""
    check(params)
    return rows_by_picture(rows_of, pictures_of(params), params, track=track, workers=workers)


def pictures_of(params: DrawingParams) -> list[Any]:
    """The pictures, then the drawings."""
    drawings = [
        Drawing(kind=kind, side=params.side, seed=seed) for kind in params.drawings for seed in range(params.seeds)
    ]
    return [*params.inputs().pictures, *drawings]


def rows_of(picture: Picture | Drawing, params: Params) -> list[Row]:
    """Rows of one picture: without loss, and at every target."""
    image = picture.code_values()
    kind = picture.kind if isinstance(picture, Drawing) else "picture"

    def row(codec: str, target_db: float, measured: tuple[int, float] | None, seconds: float) -> Row:
        length, psnr_db = measured or (math.nan, math.nan)
        return Row(
            image=picture.name,
            kind=kind,
            codec=codec,
            target_db=target_db,
            bytes=float(length),
            psnr_db=psnr_db,
            encode_seconds=seconds,
        )

    rows: list[Row] = []
    for name, write in _lossless().items():
        data, seconds = timed(write, image)
        rows.append(row(name, math.inf, (len(data), math.inf), seconds))
    for psnr_db in params.targets:
        for codec in params.codecs:
            if not _is_available(codec):
                continue
            measured, seconds = timed(partial(_at, codec), image, psnr_db)
            rows.append(row(_name(codec), psnr_db, measured, seconds))
    return rows


def _is_available(codec: str) -> bool:
    if codec == IMAGEQUANT:
        return find_spec("imagequant") is not None
    return codec not in registry.ids() or is_installed(codec)


def _name(codec: str) -> str:
    return registry.named(codec).name if codec in registry.ids() else codec


def _lossless() -> dict[str, Callable[[Array], bytes]]:
    """Codecs without loss that are installed."""
    several: dict[str, Callable[[Array], bytes]] = {
        CONTOUR: lambda image: encode(image, codec=CONTOUR, lossless=True),
        "WebP": lambda image: save(image, "WEBP", lossless=True, quality=100, method=6, exact=True),
        "PNG": lambda image: save(image, "PNG", optimize=True),
    }
    if is_installed("peer:jpegxl"):
        several["JPEG XL"] = partial(lossless_jpegxl, effort=9)
    return several


def _at(codec: str, image: Array, psnr_db: float) -> tuple[int, float] | None:
    """Bytes and PSNR of the smallest file that reaches a target, or None."""
    if codec in _OWN:
        try:
            data = encode(image, codec=codec, psnr_db=psnr_db)
        except ValueError:  # the finest step does not reach it
            return None
        return len(data), metrics.psnr_db(image, decode(data))
    if codec in (PALETTE, IMAGEQUANT):
        quantize, fewest = (_by_median_cut, 1) if codec == PALETTE else (_by_imagequant, 2)
        return _bisected(partial(_palette, quantize, image), fewest, 256, psnr_db, whole=True)
    option, coarse, fine = _SCALES[codec]
    return _bisected(partial(_peer, codec, option, image), coarse, fine, psnr_db, whole=option == "quality")


def _bisected(
    attempt: Callable[[float], tuple[int, float]], coarse: float, fine: float, psnr_db: float, *, whole: bool
) -> tuple[int, float] | None:
    """The smallest of the tried files that reach a target; settings between coarse and fine are bisected."""
    tried = [attempt(coarse), attempt(fine)]
    if tried[0][1] < psnr_db <= tried[1][1]:
        for _ in range(8):
            setting = (coarse + fine) / 2
            if whole:
                setting = round(setting)
            if setting in (coarse, fine):
                break
            tried.append(attempt(setting))
            coarse, fine = (setting, fine) if tried[-1][1] < psnr_db else (coarse, setting)
    return min((one for one in tried if one[1] >= psnr_db), default=None)


def _peer(codec: str, option: str, image: Array, setting: float) -> tuple[int, float]:
    options: dict[str, Any] = {option: setting}
    data = encode(image, codec=codec, **options)
    return len(data), metrics.psnr_db(image, as_source(image, decode(data, codec=codec)))


def _palette(quantize: Callable[[Image.Image, int], Image.Image], image: Array, colours: float) -> tuple[int, float]:
    """A PNG file with a palette, without dithering."""
    picture = Image.fromarray(image).convert("RGB")
    few = quantize(picture, int(colours))
    shown = np.asarray(few.convert("RGB"))
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return file.tell(), metrics.psnr_db(np.asarray(picture), shown)


def _by_median_cut(picture: Image.Image, colours: int) -> Image.Image:
    return picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _by_imagequant(picture: Image.Image, colours: int) -> Image.Image:
    import imagequant  # imported late: an optional peer

    few: Image.Image = imagequant.quantize_pil_image(picture, dithering_level=0.0, max_colors=colours)
    return few


def target_name(target_db: float) -> str:
    """A target in words."""
    return f"{target_db:g} dB" if math.isfinite(target_db) else "lossless"


def saved(rows: Sequence[Row], target_db: float) -> list[float]:
    """Bytes of the contour codec beyond those of the smallest other file, in %, for every picture at a target."""
    result = []
    for own in groups(select(rows, target_db=target_db), "image").values():
        others = [row.bytes for row in own if row.codec not in (CONTOUR, "mixed", AUTO) and math.isfinite(row.bytes)]
        contour = [row.bytes for row in own if row.codec == CONTOUR and math.isfinite(row.bytes)]
        if others and contour:
            result.append(100 * (contour[0] / min(others) - 1))
    return result


def findings(rows: Sequence[Row]) -> list[str]:
    """Bytes of the contour codec beyond those of the smallest other file."""
    sentences = []
    for target in levels(rows, "target_db"):
        for kind, own in groups(select(rows, target_db=target), "kind").items():
            percent = saved(own, target)
            if percent:
                span = f"{min(percent):+.1f} to {max(percent):+.1f} %"
                where = f"{kind.capitalize()}, {target_name(target)}"
                sentences.append(f"{where}: files of contour against the smallest other file {span}.")
    return sentences or ["No codec was measured at any target."]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Mean bytes by kind and target, and of each picture; of the codecs of qimg alone if `mixed` or `auto` is one."""
    tables = {"kinds": _table(rows, "kind", "kind of picture"), "pictures": _table(rows, "image", "picture")}
    if {"mixed", AUTO} & set(distinct(rows, "codec")):
        tables["own"] = _own_table([row for row in rows if math.isfinite(row.target_db)])
    return tables


def _own_table(rows: Sequence[Row]) -> Table:
    """Bytes of the codecs of qimg by picture and target, and what the choice costs or saves."""
    names = [name for name in map(_name, _OWN) if name in distinct(rows, "codec")]

    def ratio(codec: str, over: Sequence[str], own: Sequence[Row]) -> float:
        lengths = {name: mean(own, "bytes", codec=name) for name in (codec, *over)}
        finite = [lengths[name] for name in over if math.isfinite(lengths[name])]
        return 100 * (lengths[codec] / min(finite) - 1) if finite else math.nan

    block = _name("block")
    ratios = {
        f"{codec} against {what}, %": partial(ratio, codec, over)
        for codec in ("mixed", AUTO)
        for what, over in ((block, [block]), ("the smaller one", [CONTOUR, block]))
        if codec in names
    }
    return table_of(
        rows,
        {
            "picture": "image",
            "target": lambda own: target_name(own[0].target_db),
            **{name: partial(_mean_bytes, name) for name in names},
            **ratios,
        },
        by=("image", "target_db"),
        caption="Bytes of whole files of the codecs of qimg; the smaller one of contour and block",
        formats={**dict.fromkeys(names, ".0f"), **dict.fromkeys(ratios, "+.1f")},
    )


def _mean_bytes(name: str, own: Sequence[Row]) -> float:
    return mean(own, "bytes", codec=name)


def _table(rows: Sequence[Row], key: str, heading: str) -> Table:
    names = distinct(rows, "codec")

    def smallest(own: Sequence[Row]) -> float:
        percent = saved(own, own[0].target_db)
        return float(np.mean(percent)) if percent else math.nan

    columns = {
        heading: key,
        "target": lambda own: target_name(own[0].target_db),
        **{name: partial(_mean_bytes, name) for name in names},
    }
    return table_of(
        rows,
        {**columns, "contour against the smallest other, %": smallest},
        by=(key, "target_db"),
        caption="Bytes of whole files, means over the pictures",
        formats={**dict.fromkeys(names, ".0f"), "contour against the smallest other, %": "+.1f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Bytes over those of the contour codec at each target: geometric means over the pictures that a codec can code."""
    ratios = {name: _ratios(rows, name) for name in distinct(rows, "codec") if name != CONTOUR}
    panel = Panel(
        curves={name: curve for name, curve in ratios.items() if curve[0]},
        x="RGB PSNR, dB",
        y="bytes over those of the contour codec",
        log="y",
        dashed=(1.0,),
        legend=False,
    )
    figure = figure_of(panel, size=(7, 4.6), layout="constrained")
    legend_below(figure)
    return figure


def _ratios(rows: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    """Targets, and ratios of a codec at those that it reaches for some picture."""
    own = {(row.image, row.target_db): row.bytes for row in rows if row.codec == CONTOUR}
    found: dict[float, list[float]] = {}
    for row in select(rows, codec=name):
        ratio = row.bytes / own[row.image, row.target_db]
        if math.isfinite(row.target_db) and math.isfinite(ratio):
            found.setdefault(row.target_db, []).append(math.log(ratio))
    targets = sorted(found)
    return targets, [math.exp(float(np.mean(found[target]))) for target in targets]
