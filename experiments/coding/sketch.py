"""How good is a picture of 100 to 400 bytes as a sketch, beside other codecs and BlurHash?

Every codec encodes every picture in at most so many bytes, whole files: the sketch and the block codec by their target
size, AVIF, WebP and JPEG at the highest quality whose file fits. A file that does not fit at any quality has no PSNR.
The sketch of the largest size is also cut to the smaller sizes. BlurHash has up to nine cosines along rows and columns,
as many as fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments._run import (
    Array,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Table,
    curves,
    distinct,
    figure_of,
    groups,
    mean,
    per_picture,
    select,
    values,
)
from experiments.coding.blurhash import round_trip
from experiments.coding.compared_codecs import as_source, is_installed
from qimg import images, metrics
from qimg.codecs import registry
from qimg.codecs.pictures import decode, encode, encode_picture
from qimg.codecs.protocol import DecodeOptions
from qimg.codecs.sketch.bitstream import LARGEST_PAYLOAD
from qimg.codecs.sketch.encoder import SMALLEST_SIZE, SketchEncoded
from qimg.core import arguments, require

SKETCH, CUT, BLURHASH = "sketch", "sketch, cut", "BlurHash"
PEERS = ("peer:avif-psnr", "peer:webp", "peer:jpeg-optimised")
_MOST_COMPONENTS = 9


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    sizes: Counts = (100, 150, 200, 250, 300, 400)
    """Largest numbers of bytes of a file."""
    colour: bool = False
    """Whether pictures are coded in colour; otherwise their luma is."""
    effort: int = 5
    """Of the sketch codec, 1 to 9."""

    def __post_init__(self) -> None:
        arguments.effort(self.effort)
        for size in (min(self.sizes), max(self.sizes)):
            require(SMALLEST_SIZE <= size <= LARGEST_PAYLOAD, "sizes", f"must be in [{SMALLEST_SIZE}, 511]", size)


TINY = Params(box_mean=16, sizes=(60, 80), effort=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec in at most so many bytes."""

    image: str
    codec: str
    size: int
    """Largest number of bytes."""
    bytes: int
    """Of the file; more than `size` if no file of the codec is as small."""
    psnr_db: float
    """Over all gray or RGB values; NaN if the file is too large."""
    fit_psnr_db: float
    """Of a sketch before quantization, on the reduced picture of the fit; NaN for other files and cut sketches."""
    quantized_psnr_db: float
    """The same after quantization."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Rows of one picture."""
    return list(_rows(picture, params))


def _rows(picture: Picture, params: Params) -> Iterator[Row]:
    source = picture.code_values()
    image = source if params.colour else images.to_uint8(images.luma(source))
    largest = b""
    for size in sorted(params.sizes):
        made = encode_picture(image, codec="sketch", size=size, effort=params.effort)
        assert isinstance(made, SketchEncoded)
        largest, fitted = made.data, (made.fit_psnr_db, made.quantized_psnr_db)
        yield _row(picture.name, SKETCH, size, len(largest), image, decode(largest), fitted)
        for peer in filter(is_installed, PEERS):
            data = within(image, peer, size)
            shown = as_source(image, decode(data, codec=peer))
            yield _row(picture.name, registry.codec(peer).name, size, len(data), image, shown)
        block = _block(image, size)
        yield _row(picture.name, registry.codec("block").name, size, len(block), image, decode(block))
        picture_of_hash, length = hashed(image, size)
        yield _row(picture.name, BLURHASH, size, length, image, picture_of_hash)
    for size in sorted(params.sizes):
        partial = registry.codec("sketch").decode(largest[:size], DecodeOptions()).image
        yield _row(picture.name, CUT, size, min(size, len(largest)), image, partial)


run = per_picture(rows_of)


_NAN = float("nan")


def _row(
    picture: str,
    codec: str,
    size: int,
    length: int,
    image: Array,
    shown: Array,
    fitted: tuple[float, float] = (_NAN, _NAN),
) -> Row:
    psnr = float(metrics.psnr_db(image, shown)) if length <= size else _NAN
    return Row(
        image=picture,
        codec=codec,
        size=size,
        bytes=length,
        psnr_db=psnr,
        fit_psnr_db=fitted[0],
        quantized_psnr_db=fitted[1],
    )


def within(image: Array, peer: str, size: int) -> bytes:
    """The file of the highest quality that fits, or of quality 1."""
    low, high, best = 1, 100, encode(image, codec=peer, quality=1)
    while high - low > 1:
        middle = (low + high) // 2
        data = encode(image, codec=peer, quality=middle)
        low, high, best = (middle, high, data) if len(data) <= size else (low, middle, best)
    return best


def _block(image: Array, size: int) -> bytes:
    """The file of the block codec for a size, or its smallest one."""
    try:
        return encode(image, codec="block", size=size)
    except ValueError:
        return encode(image, codec="block", quality=1)


def hashed(image: Array, size: int) -> tuple[Array, int]:
    """BlurHash with as many components as fit, in the proportion of the sides."""
    pairs = [(rows, columns) for rows in range(1, _MOST_COMPONENTS + 1) for columns in range(1, _MOST_COMPONENTS + 1)]
    fitting = [pair for pair in pairs if 4 + 2 * pair[0] * pair[1] <= size]
    ratio = np.log(image.shape[0] / image.shape[1])
    return round_trip(image, max(fitting, key=lambda pair: pair[0] * pair[1] - abs(np.log(pair[0] / pair[1]) - ratio)))


def findings(rows: Sequence[Row]) -> list[str]:
    """PSNR of sketches relative to the block codec at every size."""
    sentences = []
    for size in distinct(rows, "size"):
        both = [_pairs(rows, codec, size) for codec in (SKETCH, CUT)]
        if both[0]:
            gains = [float(np.mean(gain)) for gain in both]
            sentences.append(
                f"At {size} bytes, PSNR of sketches minus that of the block codec is {gains[0]:+.2f} dB, and "
                f"{gains[1]:+.2f} dB for the largest sketches cut to this size."
            )
    return sentences or ["No file of the block codec is as small as the sizes."]


def _pairs(rows: Sequence[Row], codec: str, size: int) -> list[float]:
    """PSNR of a codec minus that of the block codec, for the pictures that both code within a size."""
    gains = []
    for own in groups(select(rows, size=size), "image").values():
        decibels = {row.codec: row.psnr_db for row in own}
        gain = decibels[codec] - decibels[registry.codec("block").name]
        if np.isfinite(gain):
            gains.append(gain)
    return gains


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Means of every codec at every size, and sketches against the block codec and their own fit."""
    return {"decibels": _decibels(rows), "gains": _gains(rows)}


def _gains(rows: Sequence[Row]) -> Table:
    """PSNR minus that of the block codec, and what quantization takes."""
    columns = ["bytes", "sketch, dB", "least, dB", "cut, dB", "least of cut, dB", "lost by quantization, dB"]
    body: list[list[Any]] = []
    for size in distinct(rows, "size"):
        whole, cut = (_pairs(rows, codec, size) or [_NAN] for codec in (SKETCH, CUT))
        lost = [row.fit_psnr_db - row.quantized_psnr_db for row in select(rows, codec=SKETCH, size=size)]
        means = [float(np.mean(gains)) for gains in (whole, cut, lost)]
        body.append([size, means[0], min(whole), means[1], min(cut), means[2]])
    return Table(
        columns=columns,
        rows=body,
        caption="PSNR of sketches, and of the largest one cut, minus that of the block codec: means over the pictures "
        "that both code within the size, and the least of one picture; and PSNR before quantization minus that after "
        "it, on the reduced picture of the fit",
        formats={**dict.fromkeys(columns[1:5], "+.2f"), columns[5]: ".2f"},
    )


def _decibels(rows: Sequence[Row]) -> Table:
    """Mean PSNR; a dash where the files of some pictures are too large."""
    sizes = distinct(rows, "size")
    columns = ["codec", *(f"{size} B, dB" for size in sizes), "smallest file, B"]
    body = []
    for codec in distinct(rows, "codec"):
        decibels = [mean(select(rows, codec=codec, size=size), "psnr_db") for size in sizes]
        body.append([codec, *decibels, min(values(select(rows, codec=codec), "bytes"))])
    return Table(
        columns=columns,
        rows=body,
        caption=f"means over {len(distinct(rows, 'image'))} pictures of whole files of at most so many bytes; "
        "without a number where a picture of the codec has no file as small",
        formats=dict.fromkeys(columns[1:-1], ".2f"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Mean PSNR by size, of the codecs whose files are small enough for all pictures."""
    small = [codec for codec in distinct(rows, "codec") if np.isfinite(mean(select(rows, codec=codec), "psnr_db"))]
    usable = [row for row in rows if row.codec in small]
    panel = Panel(curves=curves(usable, "size", "psnr_db", by="codec"), x="bytes", y="PSNR, dB")
    return figure_of(panel, size=(6, 3.8), layout="constrained")
