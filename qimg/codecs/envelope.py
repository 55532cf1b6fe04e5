"""The envelope of every file: six bytes that identify the codec, then the codec's data in chunks with checksums.

Codecs for files of a few hundred bytes use the short envelope of four bytes, and no chunks.

The six bytes are four bytes of magic, the codec's number, and a byte whose upper three bits are the stream version
minus one and whose lower five are flags that the codec defines. All codecs share variable integers, chunks, their
running CRC and the chunks of metadata; `docs/formats/block.md` specifies them.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import METADATA, EncodeOptions
from qimg.core import arguments
from qimg.core.records import short_repr

MAGIC = b"\x89qi\n"
"""Transfers that strip bytes to 7 bits change the first byte; conversions of line ends change the last one."""
SHORT_MAGIC = b"\x89q"
"""Of the short envelope, for files of a few hundred bytes; the codec's number follows it."""
LARGEST_SHORT_NUMBER = 31
NUMBER_AT, FLAGS_AT = 4, 5
LENGTH, SHORT_LENGTH = 6, 4
"""Bytes before the codec's data, of the envelope and of the short one."""
ICC_PROFILE, EXIF, XMP, END = b"i", b"e", b"x", b"E"
METADATA_TAGS = dict(zip(METADATA, (ICC_PROFILE, EXIF, XMP), strict=True))
_CRC = 4
_LONGEST_VARINT = 5


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The six bytes before the codec's data."""

    number: int
    """Number of the codec, 1 to 255."""
    version: int = 1
    """Version of the codec's stream, 1 to 8."""
    flags: int = 0
    """Flags that the codec defines, 0 to 31."""
    short: bool = False
    """Whether the envelope has four bytes; the number is at most 31 then."""

    def __post_init__(self) -> None:
        arguments.integer("number", self.number, 1, LARGEST_SHORT_NUMBER if self.short else 255)
        arguments.integer("version", self.version, 1, 8)
        arguments.integer("flags", self.flags, 0, 31)

    def to_bytes(self) -> bytes:
        """The envelope as six bytes, or four if it is short."""
        magic = SHORT_MAGIC if self.short else MAGIC
        return magic + bytes([self.number, (self.version - 1) << 5 | self.flags])


@short_repr
@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A part of the file."""

    tag: bytes
    """One letter: upper case if the chunk is required, lower case if a reader may skip it."""
    payload: bytes = field(repr=False)
    offset: int
    """Offset of the payload in the file."""


class CutError(BitstreamError):
    """The file ends in the middle of a field or a chunk."""

    chunk: Chunk | None = None
    """The chunk whose payload or checksum is cut, with what there is of its payload; not verified."""


class Reader:
    """Sequential reader of a file; `offset` is the position of the next byte.

    A checksum covers all bytes before it except earlier checksums, so that missing, moved and inserted chunks are
    detected.
    """

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self.content = bytes(data)
        self.offset = 0
        self._crc = 0

    def take(self, length: int, name: str) -> bytes:
        """Read the next `length` bytes; raises `CutError` if the file has fewer left."""
        left = len(self.content) - self.offset
        if length > left:
            raise CutError(f"the file is cut: {name} needs {length} bytes, but {left} are left", self.offset)
        part = self.content[self.offset : self.offset + length]
        self.offset += length
        self._crc = zlib.crc32(part, self._crc)
        return part

    def varint(self, name: str) -> int:
        """Read the next variable integer, as `varint` writes it."""
        start, value = self.offset, 0
        for index in range(_LONGEST_VARINT):
            byte = self.take(1, name)[0]
            value |= (byte & 127) << (7 * index)
            if byte < 128:
                if byte == 0 and index:
                    raise BitstreamError(f"{name} must be written in as few bytes as possible, but is not", start)
                return value
        raise BitstreamError(f"{name} must have at most {_LONGEST_VARINT} bytes, but is longer", start)

    def bounded(self, name: str, least: int, most: int) -> int:
        """Read a variable integer; raises `BitstreamError` if it is not in [least, most]."""
        start, value = self.offset, self.varint(name)
        if not least <= value <= most:
            raise BitstreamError(f"{name} must be in [{least}, {most}], but is {value}", start)
        return value

    def check(self, name: str) -> None:
        """Read and verify the next checksum."""
        start, crc = self.offset, self._crc
        stored = self.take(_CRC, f"the CRC of {name}")
        self._crc = crc
        if crc != int.from_bytes(stored, "little"):
            expected = crc.to_bytes(_CRC, "little").hex()
            raise BitstreamError(f"{name} is altered: its CRC must be {expected}, but is {stored.hex()}", start)

    def envelope(self) -> Envelope:
        """Read the envelope, short or not."""
        begin = self.content[: len(MAGIC)]
        short = begin != MAGIC
        if not has_envelope(begin):
            if begin and MAGIC.startswith(begin):
                raise CutError(f"the file is cut: it ends before the first bytes {MAGIC.hex(' ')} do", len(begin))
            hint = ""
            if begin[:3] in (b"\tqi", b"\x89qi"):
                hint = "; a transfer or an editor probably converted it as text"
            raise BitstreamError(f"not a qimg picture: it must begin with {MAGIC.hex(' ')}{hint}", 0)
        self.take(len(SHORT_MAGIC if short else MAGIC), "the magic")
        number = self.take(1, "the codec's number")[0]
        if number == 0:
            raise BitstreamError("the codec's number must be in [1, 255], but is 0", self.offset - 1)
        flags = self.take(1, "the version and the flags")[0]
        return Envelope(number=number, version=(flags >> 5) + 1, flags=flags & 31, short=short)

    def envelope_of(self, codec: str, number: int, *, version: int, short: bool = False) -> Envelope:
        """Read the envelope of a file of one codec, in stream versions up to `version`."""
        envelope = self.envelope()
        if envelope.short != short and envelope.number == number:
            names = ("of six bytes", "of four bytes")
            rule = f"the envelope of codec {number} ({codec}) must be the one {names[short]}"
            raise BitstreamError(f"{rule}, but is the one {names[envelope.short]}", 0)
        if envelope.number != number:
            rule = f"the file must be of codec {number} ({codec}), but needs codec {envelope.number}"
            raise BitstreamError(rule, self.offset - 2)
        if envelope.version > version:
            rule = f"the {codec} stream version must be at most {version} for this version of qimg"
            raise BitstreamError(f"{rule}, but is {envelope.version}", self.offset - 1)
        return envelope

    def chunks(self, tags: Sequence[bytes], *, repeated: Sequence[bytes] = ()) -> Iterator[Chunk]:
        """Read the chunks up to the end marker, which must end the file; unknown lower-case tags are skipped.

        Args:
            tags: tags that the codec defines; metadata and the end marker are always supported.
            repeated: tags among them that may occur more than once.
        """
        supported = (*tags, *METADATA_TAGS.values(), END)
        earlier: set[bytes] = set()
        while True:
            start = self.offset
            tag = self.take(1, "a chunk or the end marker")
            if not tag.isalpha():
                raise BitstreamError(f"a chunk must begin with a letter, but begins with {tag[0]:#04x}", start)
            name = f"chunk {tag.decode()}"
            length = self.varint(f"the length of {name}")
            offset = self.offset
            try:
                payload = self.take(length, name)
                self.check(name)
            except CutError as error:
                error.chunk = Chunk(tag=tag, payload=self.content[offset : offset + length], offset=offset)
                raise
            if tag == END:
                break
            if tag.isupper() and tag not in supported:
                raise BitstreamError(f"{name} is required, but this version of qimg does not support it", offset)
            if tag in earlier and tag not in repeated:
                raise BitstreamError(f"{name} must occur at most once, but occurs again", offset)
            if tag in supported:
                earlier.add(tag)
                yield Chunk(tag=tag, payload=payload, offset=offset)
        if payload:
            raise BitstreamError(f"the end marker must be empty, but has {len(payload)} bytes", offset)
        if self.offset != len(self.content):
            left = len(self.content) - self.offset
            raise BitstreamError(f"the file must end here, but has {left} more bytes", self.offset)


def has_envelope(data: bytes) -> bool:
    """Whether data begin with the magic of an envelope, or with that of a short one and a number for it."""
    number = data[len(SHORT_MAGIC) : len(SHORT_MAGIC) + 1]
    short = data.startswith(SHORT_MAGIC) and b"\0" < number <= bytes([LARGEST_SHORT_NUMBER])
    return short or data.startswith(MAGIC)


def varint(value: int) -> bytes:
    """Encode an unsigned integer as LEB128: 7 bits per byte, lowest first, the top bit set in all bytes but the last.

    >>> varint(300).hex()
    'ac02'
    """
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def assemble(header: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Assemble the bytes of a file.

    Args:
        header: the envelope's six bytes and the codec's header.
        chunks: (tag, payload) in order, without the end marker.
    """
    file, crc = bytearray(), 0
    parts = [(tag + varint(len(payload)), payload) for tag, payload in [*chunks, (END, b"")]]
    for start, payload in [(header, b""), *parts]:
        crc = zlib.crc32(payload, zlib.crc32(start, crc))
        file += start + payload + crc.to_bytes(_CRC, "little")
    return bytes(file)


def metadata_chunks(options: EncodeOptions) -> dict[str, list[tuple[bytes, bytes]]]:
    """Chunks of non-empty metadata, by name of the option."""
    exif = options.exif.removeprefix(b"Exif\0\0") if options.exif else None
    parts = {"icc_profile": options.icc_profile, "exif": exif, "xmp": options.xmp}
    return {name: [(METADATA_TAGS[name], part)] if part else [] for name, part in parts.items()}


def metadata_around(options: EncodeOptions) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Chunks of non-empty metadata before the pixels, which a viewer needs to show them, and after them."""
    metadata = metadata_chunks(options)
    return metadata["icc_profile"], metadata["exif"] + metadata["xmp"]


def parts_of(chunks: Iterable[Chunk], names: Mapping[bytes, str], size: int) -> dict[str, int]:
    """Bytes of a file by purpose: payloads by name, and the rest as `structure`.

    Args:
        chunks: of the file; several may have one name.
        names: of the codec's tags.
        size: bytes of the file.
    """
    names = {tag: name for name, tag in METADATA_TAGS.items()} | dict(names)
    parts: dict[str, int] = {}
    for chunk in chunks:
        parts[names[chunk.tag]] = parts.get(names[chunk.tag], 0) + len(chunk.payload)
    return parts | {"structure": size - sum(parts.values())}


def metadata_of(chunks: Iterable[Chunk]) -> Mapping[str, bytes]:
    """Metadata of a file by name of the option, as keyword arguments of `Decoded` and `Info`."""
    payloads = {chunk.tag: chunk.payload for chunk in chunks}
    return {name: payloads[tag] for name, tag in METADATA_TAGS.items() if tag in payloads}
