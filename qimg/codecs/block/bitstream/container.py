"""The file of a picture: a header, then chunks, each with a checksum; specified in `docs/formats/block.md`."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qimg.codecs.errors import BitstreamError
from qimg.core import arguments

MAGIC = b"\x89qi\n"
"""The first byte is lost where bits are stripped to 7, the last one grows where text is converted."""
VERSION = 1
IDENTITY = 4
"""Bytes of the tables' identity that a header holds."""
LARGEST_SIDE = 1 << 20
SEGMENTS = 32
"""A progressive payload is cut into about this many segments, …"""
SMALLEST_SEGMENT = 128
"""… each of at least this many bytes but the last."""

STRIP, SEGMENT, ALPHA, END = b"S", b"P", b"A", b"E"
ICC_PROFILE, EXIF, XMP = b"i", b"e", b"x"
_REPEATED = (STRIP, SEGMENT)
_KNOWN = (STRIP, SEGMENT, ALPHA, END, ICC_PROFILE, EXIF, XMP)

_COLOUR, _ALPHA, _DEEP, _ONE_PLANE, _PROGRESSIVE = 1, 2, 4, 8, 16
_VERSION_AT, _FLAGS_AT, _IDENTITY_AT, _PARAMETERS_AT = 4, 5, 6, 10
_PARAMETERS = 4
_WIDTH_AT = _PARAMETERS_AT + _PARAMETERS
_CRC = 4
_LONGEST_VARINT = 5


@dataclass(frozen=True, kw_only=True)
class Header:
    """What stands before the chunks."""

    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    bits: int
    """Per channel, 8 or 16."""
    planes: int
    """Coded planes: 3, or 1 for gray and for RGB whose channels are equal."""
    progressive: bool = False
    identity: bytes
    """First bytes of the SHA-256 of the tables that the payload needs."""
    parameters: bytes
    """`Parameters.to_bytes()`."""

    parameters_at = _PARAMETERS_AT
    flags_at = _FLAGS_AT
    identity_at = _IDENTITY_AT
    width_at = _WIDTH_AT

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            arguments.integer(name, side, 1, LARGEST_SIDE)

    @property
    def colour(self) -> bool:
        """Whether the picture has three colour channels."""
        return self.channels >= 3

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    def to_bytes(self) -> bytes:
        """The header without its CRC."""
        flags = (
            _COLOUR * self.colour
            | _ALPHA * self.has_alpha
            | _DEEP * (self.bits == 16)
            | _ONE_PLANE * (self.colour and self.planes == 1)
            | _PROGRESSIVE * self.progressive
        )
        fixed = MAGIC + bytes([VERSION, flags]) + self.identity[:IDENTITY] + self.parameters
        return fixed + varint(self.width) + varint(self.height)


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A part of the file."""

    tag: bytes
    """One letter: a capital where a reader has to know it, a small one where it may skip it."""
    payload: bytes = field(repr=False)
    offset: int
    """Of the payload in the file."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A file taken apart, every checksum of it verified."""

    header: Header
    chunks: tuple[Chunk, ...] = field(repr=False)
    """Those that are whole, in order, without the end marker and without those of unknown tags."""
    complete: bool
    """False where the file is cut somewhere after the header."""
    size: int
    """Bytes of the file."""

    def all(self, tag: bytes) -> list[Chunk]:
        """The chunks of a tag."""
        return [chunk for chunk in self.chunks if chunk.tag == tag]

    def payload(self, tag: bytes) -> bytes | None:
        """The payload of a chunk that stands once, or None where there is none."""
        return next((chunk.payload for chunk in self.chunks if chunk.tag == tag), None)


def varint(value: int) -> bytes:
    """Unsigned LEB128: 7 bits per byte, the lowest first, the top bit set in all bytes but the last.

    >>> varint(300).hex()
    'ac02'
    """
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def assemble(header: Header, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a file.

    Args:
        header: of the picture.
        chunks: (tag, payload) in order, without the end marker.
    """
    file = bytearray(header.to_bytes())
    crc = zlib.crc32(file)
    file += crc.to_bytes(_CRC, "little")
    for tag, payload in [*chunks, (END, b"")]:
        start = tag + varint(len(payload))
        # Each checksum goes on from the one before: a chunk that was left out, moved or put in is found.
        crc = zlib.crc32(payload, zlib.crc32(start, crc))
        file += start
        file += payload
        file += crc.to_bytes(_CRC, "little")
    return bytes(file)


def segments(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A progressive payload as chunks, of which the first ones are worth something without the rest."""
    length = max(SMALLEST_SEGMENT, -(-len(payload) // SEGMENTS))
    for first in range(0, len(payload), length):
        yield SEGMENT, payload[first : first + length]


def parse(data: bytes | bytearray | memoryview, *, partial_ok: bool = False) -> Stream:
    """Take a file apart and verify its checksums; nothing is decoded.

    Args:
        data: the whole file.
        partial_ok: take a file that is cut after its header: the chunks that are whole.

    Raises:
        BitstreamError: something else, altered, of another version, followed by further bytes, or cut.
    """
    content = bytes(data)
    header, offset, crc = _header(content)
    chunks: list[Chunk] = []
    seen: set[bytes] = set()
    while True:
        try:
            chunk, offset, crc = _chunk(content, offset, crc)
        except _Cut as cut:
            if partial_ok:
                return Stream(header=header, chunks=tuple(chunks), complete=False, size=len(content))
            raise BitstreamError(str(cut), cut.at) from None
        if chunk.tag == END:
            break
        _check_place(chunk, header, seen)
        if chunk.tag in _KNOWN:
            chunks.append(chunk)
    if chunk.payload:
        raise BitstreamError(f"the end marker must be empty, but has {len(chunk.payload)} bytes", chunk.offset)
    if offset != len(content):
        raise BitstreamError(f"the file must end, but goes on for {len(content) - offset} bytes", offset)
    return Stream(header=header, chunks=tuple(chunks), complete=True, size=len(content))


class _Cut(Exception):
    """The bytes end before what was begun."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def _header(content: bytes) -> tuple[Header, int, int]:
    if content[: len(MAGIC)] != MAGIC:
        if content and MAGIC.startswith(content):
            raise BitstreamError(f"the file is cut: it must begin with {MAGIC.hex(' ')}, but ends", len(content))
        hint = ""
        if content[:3] in (b"\tqi", b"\x89qi"):
            hint = "; it was probably changed as if it were text, by a transfer or an editor"
        raise BitstreamError(f"is no qimg picture: it must begin with {MAGIC.hex(' ')}{hint}", 0)
    try:
        version = _take(content, _VERSION_AT, 1, "the version")[0]
        if version != VERSION:
            raise BitstreamError(f"the format's version must be {VERSION} for this qimg, but is {version}", _VERSION_AT)
        flags = _take(content, _FLAGS_AT, 1, "the flags")[0]
        identity = _take(content, _IDENTITY_AT, IDENTITY, "the identity of the tables")
        parameters = _take(content, _PARAMETERS_AT, _PARAMETERS, "the parameters")
        width, height_at = _varint(content, _WIDTH_AT, "the width")
        height, crc_at = _varint(content, height_at, "the height")
        stored = _take(content, crc_at, _CRC, "the header's CRC")
    except _Cut as cut:
        raise BitstreamError(str(cut), cut.at) from None
    crc = zlib.crc32(memoryview(content)[:crc_at])
    _check_crc("the header", crc, stored, crc_at)
    for name, side, at in (("width", width, _WIDTH_AT), ("height", height, height_at)):
        if not 1 <= side <= LARGEST_SIDE:
            raise BitstreamError(f"the {name} must be in [1, {LARGEST_SIDE}], but is {side}", at)
    colour, one_plane = bool(flags & _COLOUR), bool(flags & _ONE_PLANE)
    if flags >= 2 * _PROGRESSIVE or (one_plane and not colour):
        raise BitstreamError(f"the flags must be of a kind that this version knows, but are {flags:#04x}", _FLAGS_AT)
    header = Header(
        width=width,
        height=height,
        channels=(3 if colour else 1) + bool(flags & _ALPHA),
        bits=16 if flags & _DEEP else 8,
        planes=3 if colour and not one_plane else 1,
        progressive=bool(flags & _PROGRESSIVE),
        identity=identity,
        parameters=parameters,
    )
    return header, crc_at + _CRC, crc


def _chunk(content: bytes, offset: int, crc: int) -> tuple[Chunk, int, int]:
    tag = _take(content, offset, 1, "a chunk or the end marker")
    if not tag.isalpha():
        raise BitstreamError(f"a chunk must begin with a letter, but begins with {tag[0]:#04x}", offset)
    length, start = _varint(content, offset + 1, f"the length of chunk {tag.decode()}")
    payload = _take(content, start, length, f"chunk {tag.decode()}")
    stored = _take(content, start + length, _CRC, f"the CRC of chunk {tag.decode()}")
    crc = zlib.crc32(payload, zlib.crc32(content[offset:start], crc))
    _check_crc(f"chunk {tag.decode()}", crc, stored, start + length)
    return Chunk(tag=tag, payload=payload, offset=start), start + length + _CRC, crc


def _check_place(chunk: Chunk, header: Header, seen: set[bytes]) -> None:
    tag, name = chunk.tag, chunk.tag.decode()
    if tag.isupper() and tag not in _KNOWN:
        raise BitstreamError(f"chunk {name} is needed, but this version of qimg does not know it", chunk.offset)
    expected = SEGMENT if header.progressive else STRIP
    if tag in _REPEATED and tag != expected:
        raise BitstreamError(f"pixels must be in chunks {expected.decode()}, but one is {name}", chunk.offset)
    if tag == ALPHA and not header.has_alpha:
        raise BitstreamError("chunk A must be in pictures with alpha, but the header names none", chunk.offset)
    if tag in seen and tag in _KNOWN and tag not in _REPEATED:
        raise BitstreamError(f"chunk {name} must stand once, but stands again", chunk.offset)
    seen.add(tag)


def _take(content: bytes, offset: int, length: int, name: str) -> bytes:
    if length > len(content) - offset:
        raise _Cut(f"the file is cut: {name} needs {length} bytes, but {len(content) - offset} are left", offset)
    return content[offset : offset + length]


def _varint(content: bytes, offset: int, name: str) -> tuple[int, int]:
    """The value at an offset, and the offset behind it."""
    value = 0
    for index in range(_LONGEST_VARINT):
        byte = _take(content, offset + index, 1, name)[0]
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            if byte == 0 and index:
                raise BitstreamError(f"{name} must be written in as few bytes as possible, but is not", offset)
            return value, offset + index + 1
    raise BitstreamError(f"{name} must be of at most {_LONGEST_VARINT} bytes, but goes on", offset)


def _check_crc(name: str, crc: int, stored: bytes, offset: int) -> None:
    if crc != int.from_bytes(stored, "little"):
        expected = crc.to_bytes(_CRC, "little").hex()
        raise BitstreamError(f"{name} is altered: its CRC must be {expected}, but is {stored.hex()}", offset)
