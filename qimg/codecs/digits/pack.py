"""The files of packs of digits: envelope, number of digits, setting, identity of the model, words of the range coder.

The header is the envelope (6 bytes), the number of digits (a variable integer), the setting (1 byte), the first 4 bytes
of the model's SHA-256, and a CRC. Chunk D holds the words, highest byte first, without the zero bytes at their end.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from qimg.codecs.digits.latent_model import SIDE
from qimg.codecs.envelope import Envelope, Reader, assemble, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, integer, require, require_shape
from qimg.core.records import short_repr
from qimg.entropy import range_coder

DATA = b"D"
MOST = 1 << 17
"""Largest number of digits of a pack."""
_VERSION = 1
_IDENTITY = 4


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Pack:
    """The contents of a file."""

    count: int
    """Number of digits."""
    setting: int
    """0 to 255, such as the number of the rate."""
    words: Array = field(repr=False)
    """(m,) uint32 of the range coder."""


def checked(images: ArrayLike) -> Array:
    """Digits as (n, 28, 28) uint8; n may be 0.

    Raises:
        ValueError: another shape or type, or more than `MOST` digits.
    """
    digits = np.asarray(images)
    require_shape(digits.ndim == 3 and digits.shape[1:] == (SIDE, SIDE), "images", f"(n, {SIDE}, {SIDE})", digits)
    require(digits.dtype == np.uint8, "images", "must be uint8", digits.dtype.name)
    integer("images", len(digits), 0, MOST)
    return digits


def to_bytes(pack: Pack, *, number: int, model: str) -> bytes:
    """The file of a pack.

    Args:
        pack: the contents.
        number: of the codec.
        model: hexadecimal SHA-256 of the model.
    """
    header = Envelope(number=number, version=_VERSION).to_bytes() + varint(pack.count) + bytes([pack.setting])
    words = pack.words.astype(">u4").tobytes().rstrip(b"\0")
    return assemble(header + bytes.fromhex(model)[:_IDENTITY], [(DATA, words)])


def setting_of(data: bytes, *, codec: str, number: int) -> int:
    """The setting of a file, which a codec with several models needs to choose one.

    Raises:
        BitstreamError: the file is cut, or of another codec or version.
    """
    reader = Reader(data)
    reader.envelope_of(codec, number, version=_VERSION)
    reader.varint("the number of digits")
    return reader.take(1, "the setting")[0]


def of_bytes(data: bytes, *, codec: str, number: int, model: str, settings: int) -> Pack:
    """The contents of a file.

    Args:
        data: the file.
        codec: id of the codec.
        number: of the codec.
        model: hexadecimal SHA-256 of the model.
        settings: the setting is below this.

    Raises:
        BitstreamError: the file is cut, altered, of another codec or version, or needs another model.
    """
    reader = Reader(data)
    reader.envelope_of(codec, number, version=_VERSION)
    start = reader.offset
    count = reader.varint("the number of digits")
    if count > MOST:
        raise BitstreamError(f"the number of digits must be at most {MOST}, but is {count}", start)
    start = reader.offset
    setting = reader.take(1, "the setting")[0]
    identity = reader.take(_IDENTITY, "the identity of the model").hex()
    reader.check("the header")
    if setting >= settings:
        raise BitstreamError(f"the setting must be at most {settings - 1}, but is {setting}", start)
    if identity != model[: 2 * _IDENTITY]:
        rule = f"the file needs the {codec} model {identity}…, but the one in use is {model[: 2 * _IDENTITY]}…"
        raise BitstreamError(rule, start + 1)
    payloads = [chunk.payload for chunk in reader.chunks([DATA]) if chunk.tag == DATA]
    if len(payloads) != 1:
        raise BitstreamError("chunk D must occur once, but is missing", reader.offset)
    return Pack(count=count, setting=setting, words=range_coder.words_of_bytes(payloads[0]))
