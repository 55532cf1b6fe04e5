"""The file of the contour codec: header, layers of pixels, fills; `docs/formats/contour.md` specifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qimg.codecs.channels import LARGEST_SIDE, MOST_FLAGS, PictureHeader, channels_of
from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.envelope import FLAGS_AT, Chunk, CutError, Envelope, Reader, assemble, parts_of, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

ID, NUMBER = "contour", 7
PLAIN, FILLED, LAYERED = 1, 2, 3
"""Stream versions: sequential without fills and with fills, and progressive, of layers without fills."""
MOST_LAYERS = 8
PIXELS, CUT = b"D", b"C"
"""Tags of the chunks with the pixels of a layer, and with the beginning of those of a layer that is cut on purpose."""
FILLS = b"F"
"""Tag of the chunk with the fills."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Header(PictureHeader):
    """The header of a file."""

    colours: int = 0
    """Number of colours, up to 4096; 0 if colours are not numbered."""
    first: bytes = b""
    """The stored channels of the first pixel, if colours are numbered."""
    filled: bool = False
    """Whether areas have fills, in a chunk of their own."""
    layers: int = 0
    """Number of layers of a progressive file, up to 8; 0 for sequential files, which have one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        arguments.require(not (self.filled and self.layers), "filled", "must be False in layers", self.filled)

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        version = LAYERED if self.layers else FILLED if self.filled else PLAIN
        start = Envelope(number=NUMBER, version=version, flags=self.flags).to_bytes()
        layers = varint(self.layers) if self.layers else b""
        return start + varint(self.width) + varint(self.height) + layers + varint(self.colours) + self.first

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        envelope = reader.envelope_of(ID, NUMBER, version=LAYERED)
        channels = channels_of(envelope.flags)
        if envelope.flags > MOST_FLAGS:
            raise BitstreamError(f"the flags must be below 0x10, but are {envelope.flags:#04x}", FLAGS_AT)
        bounds = {"width": (1, LARGEST_SIDE), "height": (1, LARGEST_SIDE)}
        bounds |= {"number of layers": (1, MOST_LAYERS)} if envelope.version == LAYERED else {}
        bounds |= {"number of colours": (0, MOST_COLOURS)}
        width, height, *layers, colours = (reader.bounded(f"the {name}", *ends) for name, ends in bounds.items())
        filled = envelope.version == FILLED
        header = cls(width=width, height=height, colours=colours, filled=filled, layers=sum(layers), **channels)
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
    layers: Sequence[Chunk] = field(repr=False)
    """The chunks with the pixels of the complete layers, in order; one in sequential files."""
    rest: Chunk | None = field(repr=False)
    """The beginning of the next layer's pixels; not verified in a file that is cut."""
    fills: Chunk | None = field(repr=False)
    """The chunk with the fills, if areas have fills."""
    complete: bool
    """False if the file is cut."""
    parts: Mapping[str, int]
    """Bytes by purpose."""

    @property
    def truncated(self) -> bool:
        """Whether the file is a valid result of `truncate`, without a part of the encoded picture."""
        return self.complete and len(self.layers) < self.header.layers


def write(
    header: Header,
    layers: Sequence[bytes],
    fills: bytes = b"",
    *,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """The bytes of a file: header, layers, fills if there are any, and chunks of metadata before and after them."""
    filled = [(FILLS, fills)] if header.filled else []
    return assemble(header.to_bytes(), [*before, *((PIXELS, layer) for layer in layers), *filled, *after])


def parse(data: bytes | bytearray | memoryview, *, partial_ok: bool = False) -> Stream:
    """Parse a file and verify its checksums without decoding it.

    Args:
        data: the whole file.
        partial_ok: accept a progressive file that is cut after its header.

    Raises:
        BitstreamError: the file is of another format or codec, cut or altered.
    """
    reader = Reader(data)
    header = Header.read(reader)
    layered = header.layers > 0
    chunks: list[Chunk] = []
    rest, complete = None, True
    tags = [PIXELS, *[FILLS] * header.filled, *[CUT] * layered]
    try:
        for chunk in reader.chunks(tags, repeated=[PIXELS] * layered):
            _check_place(chunk, chunks, header)
            chunks.append(chunk)
    except CutError as error:
        if not (partial_ok and layered):
            raise
        complete = False
        if error.chunk is not None and error.chunk.tag in (PIXELS, CUT):
            _check_place(error.chunk, chunks, header)
            rest = error.chunk
    by_tag = {tag: [chunk for chunk in chunks if chunk.tag == tag] for tag in (PIXELS, FILLS, CUT)}
    for tag in tags[: 1 + header.filled] if complete and not by_tag[CUT] else ():
        if not by_tag[tag]:
            raise BitstreamError(f"the file must have a chunk {tag.decode()}, but has none", reader.offset)
    names = {PIXELS: "pixels", CUT: "pixels", FILLS: "fills"}
    parts = {"pixels": 0} | parts_of([*chunks, *([rest] if rest else [])], names, len(reader.content))
    return Stream(
        header=header,
        chunks=chunks,
        layers=by_tag[PIXELS],
        rest=next(iter(by_tag[CUT]), rest),
        fills=next(iter(by_tag[FILLS]), None),
        complete=complete,
        parts=parts,
    )


def _check_place(chunk: Chunk, before: Sequence[Chunk], header: Header) -> None:
    """Raise `BitstreamError` if a chunk is a layer too many, or follows a layer that is cut on purpose."""
    layers = [one.tag for one in before if one.tag in (PIXELS, CUT)]
    if not header.layers or chunk.tag not in (PIXELS, CUT):
        return
    if CUT in layers:
        raise BitstreamError("a layer must not follow chunk C, but one does", chunk.offset)
    if len(layers) >= header.layers:
        raise BitstreamError(f"the file must have at most {header.layers} layers, but has more", chunk.offset)
