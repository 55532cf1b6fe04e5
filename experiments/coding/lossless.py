"""How many bits do photographs take without loss, and how fast is that?

Every file is decoded and compared with its picture. JPEG XL is measured at its slowest effort and at its default one.
Speeds are raw bytes of the samples over seconds of one thread, after a picture that is not counted.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated

import numpy as np
from PIL import Image

from experiments._run import (
    HERE,
    Array,
    Figure,
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
    mean,
    rows_by_picture,
    select,
    table_of,
    timed,
)
from experiments.coding.compared_codecs import is_installed, lossless_jpegxl
from qimg.codecs.peers.peer import save
from qimg.codecs.pictures import decode, encode

REFERENCE = "JPEG XL, effort 9"
CODECS = ("lossless", "contour", REFERENCE, "JPEG XL, effort 7", "WebP", "JPEG-LS", "JPEG 2000", "PNG")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: Annotated[tuple[str, ...], each(among(CODECS))] = CODECS
    """Codecs; those of JPEG XL, JPEG-LS and JPEG 2000 are measured where imagecodecs is installed."""


TINY = Params(box_mean=12, codecs=("lossless", "contour", REFERENCE, "PNG"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one codec."""

    image: str
    codec: str
    bytes: LibraryDependent
    """Of the whole file."""
    bits_per_pixel: LibraryDependent
    raw_bytes: int
    """Of the samples."""
    encode_seconds: Seconds
    decode_seconds: Seconds


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """Rows of the pictures."""
    check(params)
    return rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Rows of one picture.

    Raises:
        ValueError: a codec does not return the picture.
    """
    image = picture.code_values()
    rows = []
    for name in params.codecs:
        if name not in _ours() and name not in ("WebP", "PNG") and not is_installed("peer:jpegxl"):
            continue
        _warm_up(name, image.ndim)
        write, read = _functions(name)
        data, encode_seconds = timed(write, image)
        decoded, decode_seconds = timed(read, data)
        if decoded.shape != image.shape or (decoded != image).any():
            raise ValueError(f"codec {name}, picture {picture.name}: must return the picture, but does not")
        row = Row(
            image=picture.name,
            codec=name,
            bytes=len(data),
            bits_per_pixel=8 * len(data) / (image.shape[0] * image.shape[1]),
            raw_bytes=image.nbytes,
            encode_seconds=encode_seconds,
            decode_seconds=decode_seconds,
        )
        rows.append(row)
    return rows


def _ours() -> tuple[str, ...]:
    return ("lossless", "contour")


@cache
def _warm_up(name: str, dimensions: int) -> None:
    """Code a small picture once, so that the times exclude loading and compilation."""
    write, read = _functions(name)
    read(write(np.full((16, 16, 3)[:dimensions], 7, np.uint8)))


def _functions(name: str) -> tuple[Callable[[Array], bytes], Callable[[bytes], Array]]:
    """Encoder and decoder of a codec, of one thread."""
    if name in _ours():
        return partial(encode, codec=name, lossless=True), decode
    if name == "WebP":
        return lambda image: save(image, "WEBP", lossless=True, quality=100, method=6, exact=True), _pillow
    if name == "PNG":
        return partial(encode, codec="peer:png"), partial(decode, codec="peer:png")
    import imagecodecs

    if name == "JPEG-LS":
        return lambda image: bytes(imagecodecs.jpegls_encode(image)), imagecodecs.jpegls_decode
    if name == "JPEG 2000":
        return _jpeg2000, partial(imagecodecs.jpeg2k_decode, numthreads=1)
    effort = int(name[-1])
    return partial(lossless_jpegxl, effort=effort), partial(imagecodecs.jpegxl_decode, numthreads=1)


def _jpeg2000(image: Array) -> bytes:
    from imagecodecs import jpeg2k_encode

    return bytes(jpeg2k_encode(image, level=0, reversible=True, numthreads=1))


def _pillow(data: bytes) -> Array:
    return np.asarray(Image.open(io.BytesIO(data)))


def beyond(rows: Sequence[Row], codec: str) -> list[float]:
    """Bytes of a codec beyond those of JPEG XL at its slowest effort, in %, for every picture that both coded."""
    reference = {row.image: row.bytes for row in select(rows, codec=REFERENCE)}
    own = select(rows, codec=codec)
    return [100 * (row.bytes / reference[row.image] - 1) for row in own if row.image in reference]


def findings(rows: Sequence[Row]) -> list[str]:
    """Bytes of the lossless codec beyond those of the others."""
    bits = mean(rows, "bits_per_pixel", codec="lossless")
    sentences = [f"The lossless codec takes {bits:.3f} bits per pixel."]
    own = {row.image: row.bytes for row in select(rows, codec="lossless")}
    for codec in distinct(rows, "codec"):
        ratios = [own[row.image] / row.bytes for row in select(rows, codec=codec) if row.image in own]
        if codec != "lossless" and ratios:
            sentences.append(f"That is {100 * (float(np.mean(ratios)) - 1):+.1f} % against {codec}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Means over the pictures, and the bits of each picture."""

    def difference(own: Sequence[Row]) -> float:
        percent = beyond(rows, own[0].codec)
        return float(np.mean(percent)) if percent else math.nan

    def speed(seconds: str, own: Sequence[Row]) -> float:
        return sum(row.raw_bytes for row in own) / 1e6 / sum(getattr(row, seconds) for row in own)

    codecs = table_of(
        rows,
        {
            "codec": "codec",
            "bits per pixel": lambda own: mean(own, "bits_per_pixel"),
            "against JPEG XL, effort 9, %": difference,
            "encode, MB/s": partial(speed, "encode_seconds"),
            "decode, MB/s": partial(speed, "decode_seconds"),
        },
        by=("codec",),
        caption="Means over the pictures; the difference is the mean of those of single pictures",
        formats={
            "bits per pixel": ".3f",
            "against JPEG XL, effort 9, %": "+.1f",
            "encode, MB/s": ".2f",
            "decode, MB/s": ".2f",
        },
    )
    names = distinct(rows, "codec")

    def of_codec(name: str, own: Sequence[Row]) -> float:
        return mean(own, "bits_per_pixel", codec=name)

    pictures = table_of(
        rows,
        {"picture": "image", **{name: partial(of_codec, name) for name in names}},
        by=("image",),
        caption="Bits per pixel of whole files",
        formats=dict.fromkeys(names, ".3f"),
    )
    return {"codecs": codecs, "pictures": pictures}


def plot(rows: Sequence[Row]) -> Figure:
    """Bits per pixel of each codec, over the pictures in the order of those of the lossless codec."""
    order = sorted(select(rows, codec="lossless") or rows, key=lambda row: row.bits_per_pixel)
    places = {row.image: place + 1 for place, row in enumerate(order)}
    curves = {}
    for name in distinct(rows, "codec"):
        own = sorted(select(rows, codec=name), key=lambda row: places[row.image])
        curves[name] = ([places[row.image] for row in own], [row.bits_per_pixel for row in own])
    panel = Panel(curves=curves, x="picture, by its bits in the lossless codec", y="bits per pixel")
    return figure_of(panel, size=(7, 4), layout="constrained")
