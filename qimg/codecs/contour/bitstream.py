"""The file of the contour codec: header, chunks of pixels and of fills; `docs/formats/contour.md` specifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.envelope import FLAGS_AT, METADATA_TAGS, Chunk, Envelope, Reader, assemble, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

ID, NUMBER = "contour", 7
PLAIN, FILLED = 1, 2
"""Stream versions: without fills, and with fills."""
LARGEST_SIDE = 1 << 20
PIXELS = b"D"
"""Tag of the chunk with the pixels."""
FILLS = b"F"
"""Tag of the chunk with the fills."""
_COLOUR, _ALPHA, _OPAQUE, _ONE_PLANE = 1, 2, 4, 8


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a file."""

    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    opaque: bool = False
    """Whether alpha is 255 everywhere, and not stored."""
    one_plane: bool = False
    """Whether red, green and blue are equal, and stored once."""
    colours: int = 0
    """Number of colours, up to 4096; 0 if colours are not numbered."""
    first: bytes = b""
    """The stored channels of the first pixel, if colours are numbered."""
    filled: bool = False
    """Whether areas have fills, in a chunk of their own."""

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            arguments.integer(name, side, 1, LARGEST_SIDE)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def stored(self) -> list[int]:
        """The channels of the picture that are stored."""
        colour = [0, 1, 2] if self.channels >= 3 and not self.one_plane else [0]
        return [*colour, *[self.channels - 1] * (self.has_alpha and not self.opaque)]

    @property
    def colour_channels(self) -> int:
        """The number of stored channels without alpha."""
        return 3 if self.channels >= 3 and not self.one_plane else 1

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        flags = (
            _COLOUR * (self.channels >= 3)
            | _ALPHA * self.has_alpha
            | _OPAQUE * self.opaque
            | _ONE_PLANE * self.one_plane
        )
        start = Envelope(number=NUMBER, version=FILLED if self.filled else PLAIN, flags=flags).to_bytes()
        return start + varint(self.width) + varint(self.height) + varint(self.colours) + self.first

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        envelope = reader.envelope_of(ID, NUMBER, version=FILLED)
        flags = envelope.flags
        for flag, other in ((_OPAQUE, _ALPHA), (_ONE_PLANE, _COLOUR)):
            if flags & flag and not flags & other:
                rule = f"flag {flag} must be combined with flag {other}, but the flags are {flags:#04x}"
                raise BitstreamError(rule, FLAGS_AT)
        if flags > _COLOUR | _ALPHA | _OPAQUE | _ONE_PLANE:
            raise BitstreamError(f"the flags must be below 0x10, but are {flags:#04x}", FLAGS_AT)
        bounds = {"width": (1, LARGEST_SIDE), "height": (1, LARGEST_SIDE), "number of colours": (0, MOST_COLOURS)}
        values = []
        for name, (least, most) in bounds.items():
            at, value = reader.offset, reader.varint(f"the {name}")
            if not least <= value <= most:
                raise BitstreamError(f"the {name} must be in [{least}, {most}], but is {value}", at)
            values.append(value)
        width, height, colours = values
        header = cls(
            width=width,
            height=height,
            channels=(3 if flags & _COLOUR else 1) + bool(flags & _ALPHA),
            opaque=bool(flags & _OPAQUE),
            one_plane=bool(flags & _ONE_PLANE),
            colours=colours,
            filled=envelope.version == FILLED,
        )
        first = reader.take(len(header.stored), "the first colour") if colours else b""
        reader.check("the header")
        return replace(header, first=first)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A parsed file with verified checksums."""

    header: Header
    chunks: Sequence[Chunk] = field(repr=False)
    """Chunks in order, without the end marker."""
    pixels: Chunk = field(repr=False)
    """The chunk with the pixels."""
    fills: Chunk | None = field(repr=False)
    """The chunk with the fills, if areas have fills."""
    parts: Mapping[str, int]
    """Bytes by purpose."""


def write(
    header: Header,
    payload: bytes,
    fills: bytes = b"",
    *,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """The bytes of a file: header, pixels, fills if there are any, and chunks of metadata before and after them."""
    filled = [(FILLS, fills)] if header.filled else []
    return assemble(header.to_bytes(), [*before, (PIXELS, payload), *filled, *after])


def parse(data: bytes | bytearray | memoryview) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    header = Header.read(reader)
    tags = [PIXELS, FILLS] if header.filled else [PIXELS]
    chunks = list(reader.chunks(tags))
    coded = {chunk.tag: chunk for chunk in chunks if chunk.tag in tags}
    for tag in tags:
        if tag not in coded:
            raise BitstreamError(f"the file must have a chunk {tag.decode()}, but has none", reader.offset)
    names = {tag: name for name, tag in METADATA_TAGS.items()} | {PIXELS: "pixels", FILLS: "fills"}
    parts = {names[chunk.tag]: len(chunk.payload) for chunk in chunks}
    parts["structure"] = reader.offset - sum(parts.values())
    return Stream(header=header, chunks=chunks, pixels=coded[PIXELS], fills=coded.get(FILLS), parts=parts)
