"""The file format of the sketch codec: 8 to 12 bytes, the payload, which may be cut at every byte, and a last byte.

The header has a checksum of its own, so that an altered length is no cut file; the checksum of the whole file has its
first bits in the header and the others in the last byte. Files of version 1 have one checksum and no last byte;
those of versions 1 and 2 have other statistics.
"""

import zlib
from dataclasses import dataclass, field

from qimg.codecs.envelope import SHORT_LENGTH, Envelope, Reader
from qimg.codecs.errors import BitstreamError
from qimg.codecs.sketch.geometry import STEPS
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "sketch", 3, 3
LARGEST_SIDE = 1 << 16
LARGEST_PAYLOAD = (1 << 9) - 1
_GRAY = 16
_CRC = 2
_HEADER_BITS, _FILE_BITS = 10, 6
_HEADER_POLYNOMIAL = 0x233
"""Of the checksum of the header, x¹⁰ + x⁹ + x⁵ + x⁴ + x + 1: no alteration within 10 bits goes undetected."""
AFTER = 1
"""Bytes after the payload."""
_LENGTH_BITS, _STEP_BITS = 9, 5
SIDES_AT = SHORT_LENGTH + _CRC
"""Offset of the numbers of rows and columns."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header:
    """What precedes the payload."""

    height: int
    width: int
    gray: bool
    step: int
    """Number of the quantization step."""
    version: int = VERSION
    """Version of the stream."""

    @property
    def side_bits(self) -> int:
        """Binary digits of the numbers of rows and of columns."""
        return max((max(self.height, self.width) - 1).bit_length(), 1)

    @property
    def planes(self) -> int:
        """Planes of the picture, luma alone or Y'CbCr."""
        return 1 if self.gray else 3

    @property
    def length(self) -> int:
        """Bytes before the payload, in all versions."""
        return SHORT_LENGTH + _CRC + -(-(2 * self.side_bits + _LENGTH_BITS + _STEP_BITS) // 8)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Stream:
    """A parsed file."""

    header: Header
    payload: bytes = field(repr=False)
    """The bytes that are there."""
    size: int
    """Bytes of the payload of the whole file."""
    missing: int
    """Bytes that the file lacks."""

    @property
    def complete(self) -> bool:
        """Whether the file is whole."""
        return not self.missing


def write(header: Header, payload: bytes) -> bytes:
    """The bytes of a file of stream version 2 or 3."""
    bits, digits = 0, 0
    fields = (
        (header.height - 1, header.side_bits),
        (header.width - 1, header.side_bits),
        (header.step, _STEP_BITS),
        (len(payload), _LENGTH_BITS),
    )
    for value, count in fields:
        bits, digits = bits << count | value, digits + count
    packed = (bits << -digits % 8).to_bytes(-(-digits // 8), "big")
    flags = (_GRAY if header.gray else 0) | (header.side_bits - 1)
    start = Envelope(number=NUMBER, version=header.version, flags=flags, short=True).to_bytes()
    whole = zlib.crc32(start + packed + payload)
    checks = header_check(start + packed) << _FILE_BITS | (whole >> 8) & ((1 << _FILE_BITS) - 1)
    return start + checks.to_bytes(_CRC, "little") + packed + payload + bytes([whole & 0xFF])


def header_check(content: bytes) -> int:
    """The checksum of a header, 10 bits: the remainder of its polynomial, with the highest bit first.

    >>> hex(header_check(bytes([4, 0])))
    '0x233'
    """
    remainder = 0
    for bit in range(8 * len(content)):
        remainder = remainder << 1 | (content[bit >> 3] >> (7 - (bit & 7))) & 1
        if remainder >> _HEADER_BITS:
            remainder ^= 1 << _HEADER_BITS | _HEADER_POLYNOMIAL
    return remainder


def parse(data: bytes) -> Stream:
    """Parse a file, which may be cut inside of its payload.

    Raises:
        BitstreamError: the file is of another format or codec, altered, or cut inside of its header.
    """
    reader = Reader(data)
    envelope = reader.envelope_of(ID, NUMBER, version=VERSION, short=True)
    flags, after = envelope.flags, AFTER if envelope.version > 1 else 0
    stored = int.from_bytes(reader.take(_CRC, "the checksum"), "little")
    count = (flags & 15) + 1
    digits = 2 * count + _STEP_BITS + _LENGTH_BITS
    packed = reader.take(-(-digits // 8), "the header")
    padding = -digits % 8
    bits = int.from_bytes(packed, "big")
    if bits & ((1 << padding) - 1):
        raise BitstreamError("the last bits of the header must be 0, but are not", reader.offset - 1)
    bits >>= padding
    size = bits & ((1 << _LENGTH_BITS) - 1)
    step = bits >> _LENGTH_BITS & (STEPS - 1)
    width = (bits >> (_LENGTH_BITS + _STEP_BITS) & ((1 << count) - 1)) + 1
    height = (bits >> (_LENGTH_BITS + _STEP_BITS + count)) + 1
    header = Header(height=height, width=width, gray=bool(flags & _GRAY), step=step, version=envelope.version)
    if header.side_bits != count:
        raise BitstreamError(f"the sides must take {header.side_bits} bits, but take {count}", SHORT_LENGTH - 1)
    start, rest = data[:SHORT_LENGTH] + packed, data[reader.offset :]
    if after:
        _compare("the header", header_check(start), stored >> _FILE_BITS)
    if len(rest) > size + after:
        surplus = len(rest) - size - after
        raise BitstreamError(f"the file must end here, but has {surplus} more bytes", reader.offset + size + after)
    payload = rest[:size]
    if len(rest) == size + after:
        crc = zlib.crc32(start + payload)
        if after:
            given = (stored & ((1 << _FILE_BITS) - 1)) << 8 | rest[size]
            _compare("the file", crc & ((1 << (_FILE_BITS + 8)) - 1), given)
        else:
            _compare("the file", crc & 0xFFFF, stored)
    return Stream(header=header, payload=payload, size=size, missing=size + after - len(rest))


def _compare(name: str, computed: int, stored: int) -> None:
    if computed != stored:
        rule = f"{name} is altered: its checksum must be {computed:04x}, but is {stored:04x}"
        raise BitstreamError(rule, SHORT_LENGTH)
