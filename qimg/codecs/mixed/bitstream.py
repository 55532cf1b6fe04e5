"""The file of the mixed codec: header, map, and a file of each codec; `docs/formats/mixed.md` specifies it."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qimg.codecs.envelope import END, FLAGS_AT, MAGIC, Chunk, Envelope, Reader, assemble, parts_of, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, arguments
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "mixed", 8, 1
LARGEST_SIDE = 1 << 20
MAP, BLOCK, CONTOUR, ALPHA = b"M", b"B", b"C", b"A"
"""Tags of the chunks with the map, the files of the two codecs, and that of the alpha channel."""
_NAMES = {MAP: "map", BLOCK: "block", CONTOUR: "contour", ALPHA: "alpha"}
_COLOUR, _ALPHA = 1, 2
_CRC = 4
_END = END + varint(0)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a file."""

    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            arguments.integer(name, side, 1, LARGEST_SIDE)

    @classmethod
    def of(cls, image: Array) -> "Header":
        """The header of a picture, (H, W) or (H, W, channels)."""
        return cls(width=image.shape[1], height=image.shape[0], channels=1 if image.ndim == 2 else image.shape[2])

    @property
    def colours(self) -> int:
        """Channels without alpha: 1 or 3."""
        return 3 if self.channels >= 3 else 1

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        flags = _COLOUR * (self.channels >= 3) | _ALPHA * (self.channels in (2, 4))
        start = Envelope(number=NUMBER, version=VERSION, flags=flags).to_bytes()
        return start + varint(self.width) + varint(self.height)

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        flags = reader.envelope_of(ID, NUMBER, version=VERSION).flags
        if flags > _COLOUR | _ALPHA:
            raise BitstreamError(f"the flags must be below 0x04, but are {flags:#04x}", FLAGS_AT)
        width, height = (reader.bounded(f"the {side}", 1, LARGEST_SIDE) for side in ("width", "height"))
        reader.check("the header")
        channels = (3 if flags & _COLOUR else 1) + bool(flags & _ALPHA)
        return cls(width=width, height=height, channels=channels)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A parsed file with verified checksums."""

    header: Header
    chunks: Sequence[Chunk] = field(repr=False)
    """Chunks in order, without the end marker."""
    parts: Mapping[str, int]
    """Bytes by purpose."""

    def chunk(self, tag: bytes) -> Chunk | None:
        """The chunk with a tag, if there is one."""
        return next((chunk for chunk in self.chunks if chunk.tag == tag), None)


def write(
    header: Header,
    chunks: Sequence[tuple[bytes, bytes]],
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """The bytes of a file: header, chunks of the pixels, and chunks of metadata before and after them."""
    return assemble(header.to_bytes(), [*before, *chunks, *after])


def parse(data: bytes | bytearray | memoryview) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    header = Header.read(reader)
    chunks = list(reader.chunks(list(_NAMES)))
    tags = [chunk.tag for chunk in chunks]
    if MAP not in tags:
        raise BitstreamError(f"the file must have a chunk {MAP.decode()}, but has none", reader.offset)
    if ALPHA in tags and header.channels not in (2, 4):
        raise BitstreamError("chunk A must be in pictures with alpha, but the header has no alpha flag", FLAGS_AT)
    parts = parts_of(chunks, _NAMES, reader.offset)
    return Stream(header=header, chunks=chunks, parts=parts)


def embedded(file: bytes) -> bytes:
    """A file of a codec without its magic and its end marker, which are always the same."""
    return file[len(MAGIC) : -len(_END) - _CRC]


def whole(part: bytes) -> bytes:
    """The file of an embedded one.

    Its last bytes are the CRC of a chunk, with which the CRC of the end marker continues.
    """
    crc = zlib.crc32(_END, int.from_bytes(part[-_CRC:], "little"))
    return MAGIC + part + _END + crc.to_bytes(_CRC, "little")
