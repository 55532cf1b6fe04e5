"""Digits under a codec: bytes in one pack, one file each, or one sheet; decoded pixels, times, unchanged codes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from experiments._run import Array, timed
from experiments.coding.compared_codecs import as_source, curve_of, decoded, encoded, is_installed, lossless_jpegxl
from qimg import codecs
from qimg.codecs.digits.contours.codec import ContourCodec
from qimg.codecs.digits.latent_codec import LatentCodec
from qimg.codecs.digits.latent_model import SIDE
from qimg.codecs.digits.raster_codec import RasterCodec
from qimg.codecs.digits.raster_model import RasterModel
from qimg.codecs.protocol import Codec

_ACROSS = 100  # digits beside each other on a sheet
_RASTER = "mnist-raster"


@dataclass(frozen=True, eq=False, kw_only=True)
class Coded:
    """Digits that were coded."""

    codec: str
    """Name in tables."""
    setting: str
    form: str
    """"pack", "file each" or "sheet"."""
    output: Array
    """(n, 28, 28) uint8."""
    size: int
    """Bytes of all files."""
    scan: float = math.nan
    """Bytes of the entropy-coded data of JPEG."""
    ideal_bits: float = math.nan
    """Cross entropy of the model, of packs."""
    model: int = 0
    """Bytes of the model's file."""
    encode_seconds: float
    decode_seconds: float
    unchanged: tuple[float, ...] = ()
    """Share of the digits whose codes stay as they were when the decoded digit is coded again, by round."""


def rated_pack(name: str, digits: Array, rate: float, effort: int | None, *, rounds: int, recoded: int) -> Coded:
    """A pack of a codec with a rate; the first decoded digits are coded again, so many times."""
    codec: Any = codecs.get(name)
    assert isinstance(codec, LatentCodec | ContourCodec)
    setting = f"rate {rate:.2f}" + (f", effort {effort}" if effort else "")
    given: dict[str, Any] = {"rate": rate} | ({"effort": effort} if effort else {})
    codes, seconds = timed(lambda: codec.codes(digits, **given))
    data, more_seconds = timed(lambda: codec.file(codes, rate=rate))
    output, decode_seconds = timed(codec.decode, data)
    unchanged = []
    picture, before = output[:recoded], codes[:, :recoded]
    for _ in range(rounds):
        again = codec.codes(picture, **given)
        unchanged.append(float((again == before).all(axis=0).mean()))
        picture, before = codec.decode(codec.file(again, rate=rate)), again
    return Coded(
        codec=codec.name,
        setting=setting,
        form="pack",
        output=output,
        size=len(data),
        ideal_bits=codec.ideal_bits(codes, rate=rate),
        model=len(codec.model().to_bytes()),
        encode_seconds=seconds + more_seconds,
        decode_seconds=decode_seconds,
        unchanged=tuple(unchanged),
    )


def raster_pack(digits: Array, levels: int, effort: int, *, rounds: int, recoded: int) -> Coded:
    """A pack of `mnist-raster`; the first decoded digits are coded again, so many times."""
    codec: Any = codecs.get(_RASTER)
    assert isinstance(codec, RasterCodec)
    codes, seconds = timed(lambda: codec.codes(digits, levels=levels, effort=effort))
    data, more_seconds = timed(lambda: codec.file(codes, levels=levels))
    output, decode_seconds = timed(codec.decode, data)
    model: RasterModel = codec.model(levels)
    unchanged = []
    picture, before = output[:recoded], codes[:recoded]
    for _ in range(rounds):
        again = codec.codes(picture, levels=levels, effort=effort)
        unchanged.append(float((again == before).all(axis=(1, 2)).mean()))
        picture, before = model.reproduced(again), again
    return Coded(
        codec=codec.name,
        setting=f"{levels} levels, effort {effort}",
        form="pack",
        output=output,
        size=len(data),
        ideal_bits=codec.ideal_bits(codes, levels=levels),
        model=len(model.to_bytes()),
        encode_seconds=seconds + more_seconds,
        decode_seconds=decode_seconds,
        unchanged=tuple(unchanged),
    )


def single_files(codec: Codec, digits: Array, setting: float) -> Coded:
    """One file for each digit."""

    def encode() -> list[bytes]:
        return [encoded(codec, digit, setting) for digit in digits]

    files, encode_seconds = timed(encode)
    outputs, decode_seconds = timed(lambda: [decoded(codec, file) for file in files])
    output = np.stack([as_source(digit, one) for digit, one in zip(digits, outputs, strict=True)])
    return Coded(
        codec=codec.name,
        setting=_setting(codec, setting),
        form="file each",
        output=output,
        size=sum(map(len, files)),
        scan=_scans(codec, files),
        encode_seconds=encode_seconds,
        decode_seconds=decode_seconds,
    )


def sheet_file(codec: Codec, digits: Array, setting: float) -> Coded:
    """All digits on one picture."""
    picture = sheet(digits)
    file, encode_seconds = timed(encoded, codec, picture, setting)
    output, decode_seconds = timed(decoded, codec, file)
    return Coded(
        codec=codec.name,
        setting=_setting(codec, setting),
        form="sheet",
        output=from_sheet(as_source(picture, output), len(digits)),
        size=len(file),
        scan=_scans(codec, [file]),
        encode_seconds=encode_seconds,
        decode_seconds=decode_seconds,
    )


def lossless_codecs() -> list[str]:
    """PNG, and JPEG XL where it is installed."""
    return ["PNG", "JPEG XL"] if is_installed("peer:jpegxl") else ["PNG"]


def lossless_sheet(name: str, digits: Array) -> Coded:
    """All digits on one picture, without loss."""
    picture = sheet(digits)
    encode, decode = _PNG if name == "PNG" else (partial(lossless_jpegxl, effort=7), _from_jpeg_xl)
    data, encode_seconds = timed(encode, picture)
    output, decode_seconds = timed(decode, data)
    return Coded(
        codec=name,
        setting="lossless",
        form="sheet",
        output=from_sheet(output, len(digits)),
        size=len(data),
        encode_seconds=encode_seconds,
        decode_seconds=decode_seconds,
    )


_PNG = (codecs.get("peer:png").encode, codecs.get("peer:png").decode)


def _from_jpeg_xl(data: bytes) -> Array:
    from imagecodecs import jpegxl_decode

    return np.asarray(jpegxl_decode(data, numthreads=1))


def class_means(train: Array, labels: Array, digits: Array, told: Array) -> Coded:
    """The mean of the training digits of a label, which takes log2(10) bits for each digit."""
    classes = int(labels.max()) + 1
    means = np.stack([train[labels == label].mean(axis=0) for label in range(classes)])
    bits = len(digits) * math.log2(classes)
    return Coded(
        codec="label and class mean",
        setting="",
        form="pack",
        output=np.round(means[told]).astype(np.uint8),
        size=math.ceil(bits / 8),
        ideal_bits=bits,
        model=means.size,
        encode_seconds=0.0,
        decode_seconds=0.0,
    )


def sheet(digits: Array) -> Array:
    """Digits (n, 28, 28) on one picture, by rows; empty places are black."""
    across = min(_ACROSS, len(digits))
    rows = -(-len(digits) // across)
    padded = np.concatenate([digits, np.zeros((rows * across - len(digits), SIDE, SIDE), np.uint8)])
    return padded.reshape(rows, across, SIDE, SIDE).swapaxes(1, 2).reshape(rows * SIDE, across * SIDE)


def from_sheet(picture: Array, count: int) -> Array:
    """The first digits (count, 28, 28) of a sheet."""
    rows, across = picture.shape[0] // SIDE, picture.shape[1] // SIDE
    return picture.reshape(rows, SIDE, across, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)[:count]


def scan_bytes(data: bytes) -> int:
    """Bytes of the entropy-coded segments of a JPEG file: what follows the headers of scans, up to the next marker."""
    place, total = 2, 0
    while place + 4 <= len(data) and data[place + 1] != 0xD9:
        scan = data[place + 1] == 0xDA
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if scan:
            start = place
            while data[place] != 0xFF or data[place + 1] == 0 or 0xD0 <= data[place + 1] <= 0xD7:
                place += 1
            total += place - start
    return total


def _scans(codec: Codec, files: Sequence[bytes]) -> float:
    return (
        float(sum(map(scan_bytes, files))) if codec.id.startswith("peer:jpeg") and codec.suffix == ".jpg" else math.nan
    )


def _setting(codec: Codec, setting: float) -> str:
    return f"{curve_of(codec).option} {setting:g}"
