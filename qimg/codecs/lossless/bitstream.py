"""The file of the lossless codec: header, and one chunk with the samples; `docs/formats/lossless.md` specifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from qimg.codecs.channels import LARGEST_SIDE, PictureHeader, channels_of
from qimg.codecs.envelope import Chunk, Envelope, Reader, assemble, parts_of, varint
from qimg.codecs.errors import BitstreamError
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "lossless", 10, 1
SAMPLES, PLAIN = b"D", b"P"
"""Tags of the chunk with the samples: coded, or plain where coding makes them longer."""
_SIXTEEN = 16


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header(PictureHeader):
    """The header of a file; green is stored before red and blue."""

    ORDER: ClassVar[tuple[int, int, int]] = (1, 0, 2)
    bit_depth: int = 8
    """Per channel, 8 or 16."""
    bits: int = 8
    """Bits of a stored sample, at most `bit_depth`, at least 8."""
    zeros: int = 0
    """Lowest bits of every sample of 16 bits that are 0, and not stored."""

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        flags = self.flags | _SIXTEEN * (self.bit_depth == 16)
        start = Envelope(number=NUMBER, version=VERSION, flags=flags).to_bytes()
        depth = bytes([(self.bits - 8) << 4 | self.zeros]) * (self.bit_depth == 16)
        return start + varint(self.width) + varint(self.height) + depth

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        flags = reader.envelope_of(ID, NUMBER, version=VERSION).flags
        channels = channels_of(flags)
        width, height = (reader.bounded(f"the {side}", 1, LARGEST_SIDE) for side in ("width", "height"))
        bit_depth, bits, zeros = 8, 8, 0
        if flags & _SIXTEEN:
            at = reader.offset
            depth = reader.take(1, "the bits of a sample")[0]
            bit_depth, bits, zeros = 16, 8 + (depth >> 4), depth & 15
            if bits + zeros > 16:
                raise BitstreamError(f"a sample must have at most 16 bits, but has {bits} + {zeros}", at)
        reader.check("the header")
        return cls(width=width, height=height, bit_depth=bit_depth, bits=bits, zeros=zeros, **channels)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A parsed file with verified checksums."""

    header: Header
    chunks: Sequence[Chunk] = field(repr=False)
    """Chunks in order, without the end marker."""
    samples: Chunk = field(repr=False)
    """The chunk with the samples, of tag `SAMPLES` or `PLAIN`."""
    parts: Mapping[str, int]
    """Bytes by purpose."""


def write(
    header: Header,
    payload: bytes,
    *,
    tag: bytes = SAMPLES,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """The bytes of a file: header, the chunk of samples, and chunks of metadata before and after them."""
    return assemble(header.to_bytes(), [*before, (tag, payload), *after])


def parse(data: bytes | bytearray | memoryview) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    header = Header.read(reader)
    chunks = list(reader.chunks([SAMPLES, PLAIN]))
    samples = [chunk for chunk in chunks if chunk.tag in (SAMPLES, PLAIN)]
    if len(samples) != 1:
        rule = f"the file must have one chunk {SAMPLES.decode()} or {PLAIN.decode()}, but has {len(samples)}"
        raise BitstreamError(rule, reader.offset)
    parts = parts_of(chunks, {SAMPLES: "pixels", PLAIN: "pixels"}, reader.offset)
    return Stream(header=header, chunks=chunks, samples=samples[0], parts=parts)
