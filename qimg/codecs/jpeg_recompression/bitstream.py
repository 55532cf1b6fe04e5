"""The file of a recompressed JPEG file: header, and chunks with headers, deviations and coefficients.

`docs/formats/jpeg_recompression.md` specifies it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from qimg.codecs.envelope import Chunk, Envelope, Reader, assemble, parts_of, varint
from qimg.codecs.errors import BitstreamError
from qimg.codecs.jpeg_recompression.headers import LONGEST, packed, unpacked
from qimg.codecs.jpeg_recompression.recompression import ID, NUMBER
from qimg.codecs.jpeg_recompression.scans import Deviation
from qimg.core.records import short_repr

VERSION = 1
HEADERS, DEVIATIONS, COEFFICIENTS = b"H", b"V", b"D"
"""Tags of the chunks."""
_NAMES = {HEADERS: "headers", DEVIATIONS: "deviations", COEFFICIENTS: "coefficients"}
T = TypeVar("T")
_PADDED_BY_ZERO, _WITH_REST = 1, 2


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A parsed file with verified checksums."""

    length: int
    """Bytes of the JPEG file."""
    crc: int
    """CRC-32 of the JPEG file."""
    headers: bytes = field(repr=False)
    deviations: Mapping[int, Deviation]
    coefficients: Chunk = field(repr=False)
    parts: Mapping[str, int]
    """Bytes by purpose."""


def write(*, length: int, crc: int, headers: bytes, deviations: Mapping[int, Deviation], coefficients: bytes) -> bytes:
    """The bytes of a file; arguments as in `Stream`."""
    header = Envelope(number=NUMBER, version=VERSION).to_bytes() + varint(length) + crc.to_bytes(4, "little")
    chunks = [(HEADERS, packed(headers))]
    if deviations:
        chunks.append((DEVIATIONS, b"".join(_deviation_bytes(*one) for one in sorted(deviations.items()))))
    return assemble(header, [*chunks, (COEFFICIENTS, coefficients)])


def parse(data: bytes | bytearray | memoryview) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    flags = reader.envelope_of(ID, NUMBER, version=VERSION).flags
    if flags:
        raise BitstreamError(f"the flags must be 0, but are {flags:#04x}", reader.offset - 1)
    length = reader.bounded("the length of the JPEG file", 4, LONGEST)
    crc = int.from_bytes(reader.take(4, "the CRC of the JPEG file"), "little")
    reader.check("the header")
    chunks = list(reader.chunks(list(_NAMES)))
    by_tag = {chunk.tag: chunk for chunk in chunks}
    for tag in (HEADERS, COEFFICIENTS):
        if tag not in by_tag:
            raise BitstreamError(f"the file must have a chunk {tag.decode()}, but has none", reader.offset)
    return Stream(
        length=length,
        crc=crc,
        headers=_read(unpacked, by_tag[HEADERS]),
        deviations=_read(_deviations, by_tag[DEVIATIONS]) if DEVIATIONS in by_tag else {},
        coefficients=by_tag[COEFFICIENTS],
        parts=parts_of(chunks, _NAMES, reader.offset),
    )


def _read(read: Callable[[bytes], T], chunk: Chunk) -> T:
    """What a chunk holds; errors have the offset of the chunk."""
    try:
        return read(chunk.payload)
    except BitstreamError as error:
        raise BitstreamError(str(error), None if error.offset is not None else chunk.offset) from None


def _deviation_bytes(number: int, deviation: Deviation) -> bytes:
    flags = _PADDED_BY_ZERO * (deviation.padding == 0) | _WITH_REST * (deviation.kept is not None)
    content = varint(number) + bytes([flags])
    if deviation.kept is not None:
        content += varint(deviation.kept) + varint(len(deviation.rest)) + deviation.rest
    return content


def _deviations(payload: bytes) -> dict[int, Deviation]:
    reader, deviations, least = Reader(payload), {}, 0
    while reader.offset < len(payload):
        number = reader.bounded("the number of a scan", least, LONGEST)
        flags = reader.take(1, "the flags of a scan")[0]
        if flags not in (1, 2, 3):
            raise BitstreamError(f"the flags of a scan must be in [1, 3], but are {flags}", reader.offset - 1)
        kept, rest = None, b""
        if flags & _WITH_REST:
            kept = reader.varint("the equal bytes of a scan")
            rest = reader.take(reader.varint("the other bytes of a scan"), "the other bytes of a scan")
        deviations[number] = Deviation(padding=0 if flags & _PADDED_BY_ZERO else 1, kept=kept, rest=rest)
        least = number + 1
    return deviations
