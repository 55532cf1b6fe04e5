"""The file format of the learned codec: header, and the words of all tiles in one chunk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.envelope import FLAGS_AT, Chunk, Envelope, Reader, assemble, parts_of, varint
from qimg.codecs.errors import BitstreamError
from qimg.codecs.learned.design import BLOCK
from qimg.codecs.learned.model import IDENTITY
from qimg.codecs.learned.tiles import TILE
from qimg.core import Array
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "learned", 2, 1
PIXELS = b"P"
"""Tag of the chunk with the words of all tiles."""
GRAY = 1
"""Flag of gray pictures."""
LARGEST_SIDE = 1 << 24
_WORD = 4


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header:
    """What precedes the chunks."""

    height: int
    width: int
    gray: bool
    rate: int
    """Index of the rate."""
    identity: bytes
    """Of the model."""
    size_at: int = 0
    """Offset of the height in the file."""
    identity_at: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the latents."""
        return -(-self.height // BLOCK), -(-self.width // BLOCK)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        rows, columns = (-(-length // TILE) for length in self.shape)
        return rows * columns

    def to_bytes(self) -> bytes:
        """The envelope and the header."""
        envelope = Envelope(number=NUMBER, version=VERSION, flags=GRAY if self.gray else 0)
        return envelope.to_bytes() + self.identity + varint(self.height) + varint(self.width) + varint(self.rate)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A parsed file."""

    header: Header
    chunks: Sequence[Chunk]
    size: int
    """Bytes of the file."""
    tiles: Sequence[Array] = field(repr=False)
    """(m,) uint32 words of each tile."""
    parts: Mapping[str, int]
    """Bytes by purpose."""
    pixels_at: int
    """Offset of the payload with the tiles."""


def write(header: Header, tiles: Iterable[Array], metadata: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a file.

    Args:
        header: the header.
        tiles: (m,) uint32 words of each tile.
        metadata: chunks of metadata.
    """
    several = [np.asarray(words, "<u4") for words in tiles]
    # The last tile has the rest of the words.
    lengths = b"".join(varint(len(words)) for words in several[:-1])
    payload = lengths + b"".join(words.tobytes() for words in several)
    return assemble(header.to_bytes(), [*metadata, (PIXELS, payload)])


def parse(data: bytes) -> Stream:
    """Parse a file.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    envelope = reader.envelope_of(ID, NUMBER, version=VERSION)
    if envelope.flags & ~GRAY:
        raise BitstreamError(f"flags must be at most {GRAY}, but are {envelope.flags}", FLAGS_AT)
    identity_at = reader.offset
    identity = reader.take(IDENTITY, "the identity of the model")
    size_at = reader.offset
    height, width = (reader.varint(f"the {side}") for side in ("height", "width"))
    rate = reader.varint("the index of the rate")
    reader.check("the header")
    for name, value in (("height", height), ("width", width)):
        if not 1 <= value <= LARGEST_SIDE:
            raise BitstreamError(f"the {name} must be in [1, {LARGEST_SIDE}], but is {value}", size_at)
    header = Header(
        height=height,
        width=width,
        gray=bool(envelope.flags & GRAY),
        rate=rate,
        identity=identity,
        size_at=size_at,
        identity_at=identity_at,
    )
    chunks = list(reader.chunks([PIXELS]))
    pixels = next((chunk for chunk in chunks if chunk.tag == PIXELS), None)
    if pixels is None:
        raise BitstreamError("the file must have a chunk P, but has none", len(data))
    return Stream(
        header=header,
        chunks=chunks,
        size=len(data),
        tiles=_tiles(pixels, header.tiles),
        parts=parts_of(chunks, {PIXELS: "pixels"}, len(data)),
        pixels_at=pixels.offset,
    )


def _tiles(pixels: Chunk, count: int) -> list[Array]:
    """The words of each tile."""
    reader = Reader(pixels.payload)
    try:
        lengths = [
            reader.varint("the number of words of a tile") for _ in range(min(count - 1, len(pixels.payload) + 1))
        ]
    except BitstreamError as error:
        raise BitstreamError(f"the lengths of tiles are damaged ({error})", pixels.offset) from None
    left = len(pixels.payload) - reader.offset - _WORD * sum(lengths)
    if left < 0 or left % _WORD:
        raise BitstreamError("the lengths of tiles must match the chunk, but do not", pixels.offset)
    words = np.frombuffer(pixels.payload, "<u4", offset=reader.offset).astype(np.uint32)
    ends = np.cumsum([*lengths, left // _WORD])
    return [words[start:stop] for start, stop in zip([0, *ends[:-1]], ends, strict=True)]
