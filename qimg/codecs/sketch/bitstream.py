"""The file format of the sketch codec: 10 to 12 bytes, then the payload, which may be cut at every byte."""

import zlib
from dataclasses import dataclass, field

from qimg.codecs.envelope import SHORT_LENGTH, Envelope, Reader
from qimg.codecs.errors import BitstreamError
from qimg.codecs.sketch.geometry import STEPS
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "sketch", 3, 1
LARGEST_SIDE = 1 << 16
LARGEST_PAYLOAD = (1 << 9) - 1
_GRAY = 16
_CRC = 2
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
        """Bytes before the payload."""
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

    @property
    def complete(self) -> bool:
        """Whether the file is whole."""
        return len(self.payload) == self.size


def write(header: Header, payload: bytes) -> bytes:
    """The bytes of a file."""
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
    start = Envelope(number=NUMBER, version=VERSION, flags=flags, short=True).to_bytes()
    crc = zlib.crc32(start + packed + payload) & 0xFFFF
    return start + crc.to_bytes(_CRC, "little") + packed + payload


def parse(data: bytes) -> Stream:
    """Parse a file, which may be cut inside of its payload.

    Raises:
        BitstreamError: the file is of another format or codec, altered, or cut inside of its header.
    """
    reader = Reader(data)
    flags = reader.envelope_of(ID, NUMBER, version=VERSION, short=True).flags
    stored = reader.take(_CRC, "the checksum")
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
    header = Header(height=height, width=width, gray=bool(flags & _GRAY), step=step)
    payload = data[reader.offset :]
    if header.side_bits != count:
        raise BitstreamError(f"the sides must take {header.side_bits} bits, but take {count}", SHORT_LENGTH - 1)
    if len(payload) > size:
        raise BitstreamError(f"the file must end here, but has {len(payload) - size} more bytes", reader.offset + size)
    if len(payload) == size:
        crc = (zlib.crc32(data[:SHORT_LENGTH] + packed + payload) & 0xFFFF).to_bytes(_CRC, "little")
        if crc != stored:
            rule = f"the file is altered: its checksum must be {crc.hex()}, but is {stored.hex()}"
            raise BitstreamError(rule, SHORT_LENGTH)
    return Stream(header=header, payload=payload, size=size)
