"""The file of a picture: a header and chunks, each with a checksum; `docs/formats/block.md` specifies it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qimg.codecs import envelope
from qimg.codecs.block.bitstream.parameters import read_parameters
from qimg.codecs.block.transform.fold import is_thin
from qimg.codecs.envelope import Chunk, CutError, Envelope, Reader, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "block", 1, 4
IDENTITY = 4
"""Bytes of the tables' identity in the header."""
LARGEST_SIDE = 1 << 20
SEGMENTS = 32
"""Largest number of segments of a progressive payload."""
STRIP, SEGMENT, ALPHA, FLAT, LOSSLESS, STEPS = b"S", b"P", b"A", b"F", b"L", b"Q"
SMALLEST_SEGMENT = {SEGMENT: 128, LOSSLESS: 2048}
"""Least number of bytes of a segment, except for the last one."""

_COLOUR, _ALPHA, _DEEP, _ONE_PLANE, _PROGRESSIVE = 1, 2, 4, 8, 16


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a file."""

    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    bits: int
    """Bits per channel, 8 or 16."""
    planes: int
    """Coded planes: 3, or 1 for gray and for RGB whose channels are equal."""
    progressive: bool = False
    identity: bytes
    """First bytes of the SHA-256 of the tables that the payload needs."""
    parameters: bytes
    """`Parameters.to_bytes(version)`."""
    version: int = 1
    """Stream version: 2 allows flat areas and lossless pixels, and folds thin pictures; 3 has more parameters, and
    allows a map of steps."""

    identity_at = envelope.LENGTH
    parameters_at = identity_at + IDENTITY

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            arguments.integer(name, side, 1, LARGEST_SIDE)

    @property
    def width_at(self) -> int:
        """Offset of the width."""
        return self.parameters_at + len(self.parameters)

    @property
    def colour(self) -> bool:
        """Whether the picture has three colour channels."""
        return self.channels >= 3

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def folded(self) -> bool:
        """Whether the strips hold the folded picture."""
        return self.version >= 2 and is_thin(self.height, self.width)

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        flags = (
            _COLOUR * self.colour
            | _ALPHA * self.has_alpha
            | _DEEP * (self.bits == 16)
            | _ONE_PLANE * (self.colour and self.planes == 1)
            | _PROGRESSIVE * self.progressive
        )
        start = Envelope(number=NUMBER, version=self.version, flags=flags).to_bytes()
        return start + self.identity[:IDENTITY] + self.parameters + varint(self.width) + varint(self.height)

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        start = reader.envelope_of(ID, NUMBER, version=VERSION)
        flags = start.flags
        identity = reader.take(IDENTITY, "the identity of the tables")
        parameters = read_parameters(reader, start.version, progressive=bool(flags & _PROGRESSIVE))
        sides = {}
        for name in ("width", "height"):
            sides[name] = (reader.offset, reader.varint(f"the {name}"))
        reader.check("the header")
        for name, (at, side) in sides.items():
            if not 1 <= side <= LARGEST_SIDE:
                raise BitstreamError(f"the {name} must be in [1, {LARGEST_SIDE}], but is {side}", at)
        colour, one_plane = bool(flags & _COLOUR), bool(flags & _ONE_PLANE)
        if one_plane and not colour:
            rule = f"flag {_ONE_PLANE} must be combined with flag {_COLOUR}, but the flags are {flags:#04x}"
            raise BitstreamError(rule, envelope.FLAGS_AT)
        return cls(
            width=sides["width"][1],
            height=sides["height"][1],
            channels=(3 if colour else 1) + bool(flags & _ALPHA),
            bits=16 if flags & _DEEP else 8,
            planes=3 if colour and not one_plane else 1,
            progressive=bool(flags & _PROGRESSIVE),
            identity=identity,
            parameters=parameters,
            version=start.version,
        )


@short_repr
@dataclass(frozen=True, kw_only=True)
class Stream:
    """A parsed file with verified checksums."""

    header: Header
    chunks: tuple[Chunk, ...] = field(repr=False)
    """Complete chunks with supported tags, in order, without the end marker."""
    complete: bool
    """False if the file is cut after the header."""
    size: int
    """Bytes of the file."""

    def all(self, tag: bytes) -> list[Chunk]:
        """The chunks with a tag."""
        return [chunk for chunk in self.chunks if chunk.tag == tag]


def assemble(header: Header, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Assemble the bytes of a file; see `qimg.codecs.envelope.assemble`."""
    return envelope.assemble(header.to_bytes(), chunks)


def segments(payload: bytes, tag: bytes = SEGMENT) -> Iterator[tuple[bytes, bytes]]:
    """Split the payload of a progressive file into chunks, which are usable without the later ones."""
    length = max(SMALLEST_SEGMENT[tag], -(-len(payload) // SEGMENTS))
    for first in range(0, len(payload), length):
        yield tag, payload[first : first + length]


def parse(data: bytes | bytearray | memoryview, *, partial_ok: bool = False) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Args:
        data: the whole file.
        partial_ok: accept a file that is cut after its header; the result has the complete chunks.

    Raises:
        BitstreamError: the file is of another format or version, altered, cut or followed by further bytes.
    """
    reader = Reader(data)
    header = Header.read(reader)
    chunks: list[Chunk] = []
    complete = True
    try:
        tags = (STRIP, SEGMENT, ALPHA, FLAT, LOSSLESS, STEPS)
        for chunk in reader.chunks(tags, repeated=(STRIP, SEGMENT, LOSSLESS)):
            _check_place(chunk, header)
            chunks.append(chunk)
    except CutError:
        if not partial_ok:
            raise
        complete = False
    return Stream(header=header, chunks=tuple(chunks), complete=complete, size=len(reader.content))


def _check_place(chunk: Chunk, header: Header) -> None:
    expected, tag = SEGMENT if header.progressive else STRIP, chunk.tag
    if tag in (STRIP, SEGMENT) and tag != expected:
        raise BitstreamError(f"pixels must be in chunks {expected.decode()}, but one is {tag.decode()}", chunk.offset)
    least = {FLAT: 2, LOSSLESS: 2, STEPS: 3}.get(tag, 1)
    if header.version < least:
        rule = f"chunk {tag.decode()} must be in files of stream version {least} or later"
        raise BitstreamError(f"{rule}, but the version is {header.version}", chunk.offset)
    if tag == STEPS and header.progressive:
        raise BitstreamError("chunk Q must be in sequential files, but the file is progressive", chunk.offset)
    if tag == ALPHA and not header.has_alpha:
        raise BitstreamError("chunk A must be in pictures with alpha, but the header has no alpha flag", chunk.offset)
