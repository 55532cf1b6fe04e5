"""By how much do JPEG files become smaller without loss, and how fast is that?

Pictures are saved as JPEG by Pillow at several qualities, samplings and kinds of scans. Every file comes back bit for
bit. Speeds are bytes of the JPEG files over processor seconds of all threads, after a file that is not counted.
"""

import importlib.util
import io
import math
import time
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
    Qualities,
    Seconds,
    Table,
    Track,
    Workers,
    among,
    check,
    distinct,
    each,
    figure_of,
    rows_by_picture,
    select,
    table_of,
    timed,
)
from qimg.codecs import original_jpeg, recompress

OWN, LEPTON, JPEG_XL = "qimg", "Lepton", "JPEG XL"
CODECS = (OWN, LEPTON, JPEG_XL)
_PACKAGES = {LEPTON: "lepton_jpeg_python", JPEG_XL: "imagecodecs"}
SAMPLINGS = {"4:2:0": 2, "4:4:4": 0}
KINDS = ("baseline", "progressive")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: Annotated[tuple[str, ...], each(among(CODECS))] = CODECS
    """Codecs; Lepton is measured where lepton-jpeg-python is installed, JPEG XL where imagecodecs is."""
    qualities: Qualities = (50, 75, 90)
    """Qualities of the JPEG files."""
    samplings: Annotated[tuple[str, ...], each(among(tuple(SAMPLINGS)))] = tuple(SAMPLINGS)
    """Samplings of chroma."""
    kinds: Annotated[tuple[str, ...], each(among(KINDS))] = KINDS
    """Kinds of scans; progressive files have optimised Huffman tables."""


TINY = Params(box_mean=12, qualities=(75,), samplings=("4:2:0",))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One JPEG file by one codec."""

    image: str
    kind: str
    sampling: str
    quality: int
    codec: str
    jpeg_bytes: LibraryDependent
    """Of the JPEG file."""
    bytes: LibraryDependent
    """Of the recompressed file."""
    encode_seconds: Seconds
    decode_seconds: Seconds


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """Rows of the pictures."""
    check(params)
    return rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Rows of one picture.

    Raises:
        ValueError: a codec does not return the file.
    """
    image, rows = picture.code_values(), []
    codecs = [name for name in params.codecs if name == OWN or importlib.util.find_spec(_PACKAGES[name])]
    for kind in params.kinds:
        for sampling in params.samplings:
            for quality in params.qualities:
                jpeg = _jpeg(image, kind, sampling, quality)
                for name in codecs:
                    _warm_up(name)
                    write, read = _functions(name)
                    try:
                        data, encode_seconds = timed(write, jpeg, clock=time.process_time)
                    except RuntimeError:
                        if name != LEPTON:
                            raise
                        continue  # Lepton refuses files with a few bytes in their scan
                    restored, decode_seconds = timed(read, data, clock=time.process_time)
                    if restored != jpeg:
                        raise ValueError(f"codec {name}, picture {picture.name}: must return the file, but does not")
                    row = Row(
                        image=picture.name,
                        kind=kind,
                        sampling=sampling,
                        quality=quality,
                        codec=name,
                        jpeg_bytes=len(jpeg),
                        bytes=len(data),
                        encode_seconds=encode_seconds,
                        decode_seconds=decode_seconds,
                    )
                    rows.append(row)
    return rows


def _jpeg(image: Array, kind: str, sampling: str, quality: int) -> bytes:
    file, options = io.BytesIO(), {"subsampling": SAMPLINGS[sampling]} if image.ndim == 3 else {}
    Image.fromarray(image).save(file, "JPEG", quality=quality, progressive=kind == "progressive", **options)
    return file.getvalue()


@cache
def _warm_up(name: str) -> None:
    """Recompress a small file once, so that the times exclude loading and compilation."""
    write, read = _functions(name)
    for kind in KINDS:
        read(write(_jpeg(np.full((32, 32, 3), 7, np.uint8), kind, "4:2:0", 75)))


def _functions(name: str) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    """Recompression and its inverse, of one thread."""
    if name == OWN:
        return recompress, original_jpeg
    if name == LEPTON:
        import lepton_jpeg_python

        return (
            lambda jpeg: bytes(lepton_jpeg_python.compress_bytes(jpeg)),
            lambda data: bytes(lepton_jpeg_python.decompress_bytes(data)),
        )
    import imagecodecs

    return (
        lambda jpeg: bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, numthreads=1)),
        lambda data: bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=1)),
    )


def beyond(rows: Sequence[Row], codec: str, reference: str) -> list[float]:
    """Bytes of a codec beyond those of another one, in %, for every file that both coded."""
    others = {_file(row): row.bytes for row in select(rows, codec=reference)}
    own = select(rows, codec=codec)
    return [100 * (row.bytes / others[_file(row)] - 1) for row in own if _file(row) in others]


def _file(row: Row) -> tuple[str, str, str, int]:
    return row.image, row.kind, row.sampling, row.quality


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def findings(rows: Sequence[Row]) -> list[str]:
    """Share of the bytes that remain, and the bytes beyond those of the others."""
    own = select(rows, codec=OWN)
    sentences = [f"{OWN} keeps {100 * _mean([row.bytes / row.jpeg_bytes for row in own]):.1f} % of the bytes."]
    for other in distinct(rows, "codec"):
        if other != OWN and (percent := beyond(rows, OWN, other)):
            least, most = min(percent), max(percent)
            sentences.append(f"That is {_mean(percent):+.1f} % against {other}, {least:+.1f} to {most:+.1f} %.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Means over the pictures of each kind of file, and of each codec."""

    def share(own: Sequence[Row]) -> float:
        return 100 * _mean([row.bytes / row.jpeg_bytes for row in own])

    def against(other: str, own: Sequence[Row]) -> float:
        every = [row for row in rows if _file(row) in {_file(one) for one in own}]
        return _mean(beyond(every, own[0].codec, other))

    def speed(seconds: str, own: Sequence[Row]) -> float:
        return sum(row.jpeg_bytes for row in own) / 1e6 / sum(getattr(row, seconds) for row in own)

    columns = {
        "share of the JPEG file, %": share,
        "against Lepton, %": partial(against, LEPTON),
        "against JPEG XL, %": partial(against, JPEG_XL),
        "encode, MB/s": partial(speed, "encode_seconds"),
        "decode, MB/s": partial(speed, "decode_seconds"),
    }
    formats = dict(zip(columns, (".1f", "+.1f", "+.1f", ".2f", ".2f"), strict=True))
    codecs = table_of(
        rows,
        {"codec": "codec", **columns},
        by=("codec",),
        caption="Means over all files; differences are means of those of single files",
        formats=formats,
    )
    files = table_of(
        select(rows, codec=OWN),
        {"kind": "kind", "sampling": "sampling", "quality": "quality", **columns},
        by=("kind", "sampling", "quality"),
        caption="qimg: means over the pictures",
        formats=formats,
    )
    return {"codecs": codecs, "files": files}


def plot(rows: Sequence[Row]) -> Figure:
    """Share of the bytes of the JPEG files that remain, by quality, for each codec and sampling."""
    curves = {}
    for codec in distinct(rows, "codec"):
        for sampling in distinct(rows, "sampling"):
            own = select(rows, codec=codec, sampling=sampling)
            qualities = sorted({row.quality for row in own})
            shares = [
                100 * _mean([row.bytes / row.jpeg_bytes for row in own if row.quality == quality])
                for quality in qualities
            ]
            curves[f"{codec}, {sampling}"] = (qualities, shares)
    panel = Panel(curves=curves, x="quality of the JPEG files", y="bytes that remain, %")
    return figure_of(panel, size=(7, 4), layout="constrained")
