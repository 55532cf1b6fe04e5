"""The file of the contour codec: header, and a chunk for each layer; `docs/formats/contour.md` specifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.envelope import FLAGS_AT, METADATA_TAGS, Chunk, CutError, Envelope, Reader, assemble, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

ID, NUMBER, VERSION = "contour", 7, 2
LARGEST_SIDE = 1 << 20
MOST_LAYERS = 8
PIXELS, CUT = b"D", b"C"
"""Tags of the chunks with the pixels of a layer, and with the beginning of those of a layer that is cut on purpose."""
_COLOUR, _ALPHA, _OPAQUE, _ONE_PLANE, _LAYERED = 1, 2, 4, 8, 16


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
    layers: int = 0
    """Number of layers of a progressive file, up to 8; 0 for other files, which have one."""

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

    def to_bytes(self) -> bytes:
        """The bytes of the header without its CRC."""
        flags = (
            _COLOUR * (self.channels >= 3)
            | _ALPHA * self.has_alpha
            | _OPAQUE * self.opaque
            | _ONE_PLANE * self.one_plane
            | _LAYERED * (self.layers > 0)
        )
        start = Envelope(number=NUMBER, version=2 if self.layers else 1, flags=flags).to_bytes()
        layers = varint(self.layers) if self.layers else b""
        return start + varint(self.width) + varint(self.height) + layers + varint(self.colours) + self.first

    @classmethod
    def read(cls, reader: Reader) -> "Header":
        """Read the header of a file and verify its CRC; raises `BitstreamError` if the header breaks a rule."""
        start = reader.envelope_of(ID, NUMBER, version=VERSION)
        flags = start.flags
        for flag, other in ((_OPAQUE, _ALPHA), (_ONE_PLANE, _COLOUR)):
            if flags & flag and not flags & other:
                rule = f"flag {flag} must be combined with flag {other}, but the flags are {flags:#04x}"
                raise BitstreamError(rule, FLAGS_AT)
        if start.version == 1 and flags & _LAYERED:
            raise BitstreamError(f"the flags must be below 0x10 in version 1, but are {flags:#04x}", FLAGS_AT)
        if start.version == 2 and not flags & _LAYERED:
            raise BitstreamError(
                f"files of version 2 must have flag {_LAYERED}, but the flags are {flags:#04x}", FLAGS_AT
            )
        bounds = {"width": (1, LARGEST_SIDE), "height": (1, LARGEST_SIDE)}
        bounds |= {"number of layers": (1, MOST_LAYERS)} if flags & _LAYERED else {}
        values = []
        for name, (least, most) in (bounds | {"number of colours": (0, MOST_COLOURS)}).items():
            at, value = reader.offset, reader.varint(f"the {name}")
            if not least <= value <= most:
                raise BitstreamError(f"the {name} must be in [{least}, {most}], but is {value}", at)
            values.append(value)
        width, height, *layers, colours = values
        header = cls(
            width=width,
            height=height,
            channels=(3 if flags & _COLOUR else 1) + bool(flags & _ALPHA),
            opaque=bool(flags & _OPAQUE),
            one_plane=bool(flags & _ONE_PLANE),
            colours=colours,
            layers=sum(layers),
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
    layers: Sequence[Chunk] = field(repr=False)
    """The chunks with the pixels of the complete layers, in order; at least one, except in a progressive file."""
    rest: Chunk | None = field(repr=False)
    """The beginning of the next layer's pixels; not verified in a file that is cut."""
    complete: bool
    """False if the file is cut."""
    parts: Mapping[str, int]
    """Bytes by purpose."""

    @property
    def truncated(self) -> bool:
        """Whether the file is a valid result of `truncate`, without a part of the encoded picture."""
        return self.complete and len(self.layers) < max(self.header.layers, 1)


def write(
    header: Header,
    payloads: Sequence[bytes],
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """The bytes of a file: header, pixels of each layer, and chunks of metadata before and after them."""
    return assemble(header.to_bytes(), [*before, *((PIXELS, payload) for payload in payloads), *after])


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
    try:
        for chunk in reader.chunks([PIXELS, *[CUT] * layered], repeated=[PIXELS] * layered):
            chunks.append(chunk)
            _check_place(chunks, header)
    except CutError as error:
        if not (partial_ok and layered):
            raise
        complete = False
        if error.chunk is not None and error.chunk.tag in (PIXELS, CUT):
            _check_place([*chunks, error.chunk], header)
            rest = error.chunk
    layers = [chunk for chunk in chunks if chunk.tag == PIXELS]
    cut = [chunk for chunk in chunks if chunk.tag == CUT]
    if complete and not (layers or cut):
        raise BitstreamError(f"the file must have a chunk {PIXELS.decode()}, but has none", reader.offset)
    names = {tag: name for name, tag in METADATA_TAGS.items()} | {PIXELS: "pixels", CUT: "pixels"}
    parts = {"pixels": len(rest.payload) if rest else 0}
    for chunk in chunks:
        parts[names[chunk.tag]] = parts.get(names[chunk.tag], 0) + len(chunk.payload)
    parts["structure"] = len(reader.content) - sum(parts.values())
    rest = cut[0] if cut else rest
    return Stream(header=header, chunks=chunks, layers=layers, rest=rest, complete=complete, parts=parts)


def _check_place(chunks: Sequence[Chunk], header: Header) -> None:
    """Raise `BitstreamError` if the last chunk is a layer too many, or follows one that is cut on purpose."""
    *before, last = (chunk for chunk in chunks if chunk.tag in (PIXELS, CUT) or chunk is chunks[-1])
    if last.tag not in (PIXELS, CUT):
        return
    if before and before[-1].tag == CUT:
        raise BitstreamError("a layer must not follow chunk C, but one does", last.offset)
    if header.layers and len(before) >= header.layers:
        raise BitstreamError(f"the file must have at most {header.layers} layers, but has more", last.offset)
