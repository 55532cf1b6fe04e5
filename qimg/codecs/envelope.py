"""The envelope of every file: six bytes that name the codec, then what the codec writes, in chunks with checksums.

Four bytes of magic, the codec's number, and a byte whose upper three bits are the stream version minus one and whose
lower five are flags of the codec's own. Variable integers, chunks and their running CRC are shared by all codecs, as
are the chunks of metadata; `docs/formats/block.md` specifies them.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import METADATA, EncodeOptions
from qimg.core import arguments

MAGIC = b"\x89qi\n"
"""The first byte is lost where bits are stripped to 7, the last one grows where text is converted."""
NUMBER_AT, FLAGS_AT = 4, 5
LENGTH = 6
"""Bytes before a codec's own data."""
ICC_PROFILE, EXIF, XMP, END = b"i", b"e", b"x", b"E"
METADATA_TAGS = dict(zip(METADATA, (ICC_PROFILE, EXIF, XMP), strict=True))
_CRC = 4
_LONGEST_VARINT = 5


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What stands before a codec's own data."""

    number: int
    """Of the codec, 1 to 255."""
    version: int = 1
    """Of the codec's stream, 1 to 8."""
    flags: int = 0
    """The codec's own, 0 to 31."""

    def __post_init__(self) -> None:
        arguments.integer("number", self.number, 1, 255)
        arguments.integer("version", self.version, 1, 8)
        arguments.integer("flags", self.flags, 0, 31)

    def to_bytes(self) -> bytes:
        """Six bytes."""
        return MAGIC + bytes([self.number, (self.version - 1) << 5 | self.flags])


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A part of the file."""

    tag: bytes
    """One letter: a capital where a reader needs it, a small one where it may skip it."""
    payload: bytes = field(repr=False)
    offset: int
    """Of the payload in the file."""


class CutError(BitstreamError):
    """The file ends before what was begun."""


class Reader:
    """Goes through a file from its beginning; `offset` is the next byte.

    A checksum goes over all bytes before it, earlier checksums left out: a chunk that was left out, moved or put in is
    found.
    """

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self.content = bytes(data)
        self.offset = 0
        self._crc = 0

    def take(self, length: int, name: str) -> bytes:
        """The next bytes; raises `CutError` where there are not so many."""
        left = len(self.content) - self.offset
        if length > left:
            raise CutError(f"the file is cut: {name} needs {length} bytes, but {left} are left", self.offset)
        part = self.content[self.offset : self.offset + length]
        self.offset += length
        self._crc = zlib.crc32(part, self._crc)
        return part

    def varint(self, name: str) -> int:
        """The next variable integer, as `varint` writes it."""
        start, value = self.offset, 0
        for index in range(_LONGEST_VARINT):
            byte = self.take(1, name)[0]
            value |= (byte & 127) << (7 * index)
            if byte < 128:
                if byte == 0 and index:
                    raise BitstreamError(f"{name} must be written in as few bytes as possible, but is not", start)
                return value
        raise BitstreamError(f"{name} must be of at most {_LONGEST_VARINT} bytes, but goes on", start)

    def check(self, name: str) -> None:
        """Compare the checksum that comes next."""
        start, crc = self.offset, self._crc
        stored = self.take(_CRC, f"the CRC of {name}")
        self._crc = crc
        if crc != int.from_bytes(stored, "little"):
            expected = crc.to_bytes(_CRC, "little").hex()
            raise BitstreamError(f"{name} is altered: its CRC must be {expected}, but is {stored.hex()}", start)

    def envelope(self) -> Envelope:
        """The first six bytes."""
        begin = self.content[: len(MAGIC)]
        if begin != MAGIC:
            if begin and MAGIC.startswith(begin):
                raise CutError(f"the file is cut: it must begin with {MAGIC.hex(' ')}, but ends", len(begin))
            hint = ""
            if begin[:3] in (b"\tqi", b"\x89qi"):
                hint = "; it was probably changed as if it were text, by a transfer or an editor"
            raise BitstreamError(f"is no qimg picture: it must begin with {MAGIC.hex(' ')}{hint}", 0)
        self.take(len(MAGIC), "the magic")
        number = self.take(1, "the codec's number")[0]
        if number == 0:
            raise BitstreamError("the codec's number must be in [1, 255], but is 0", NUMBER_AT)
        flags = self.take(1, "the version and the flags")[0]
        return Envelope(number=number, version=(flags >> 5) + 1, flags=flags & 31)

    def envelope_of(self, codec: str, number: int, *, version: int) -> Envelope:
        """The first six bytes of a file of a codec, up to the stream version that it reads."""
        envelope = self.envelope()
        if envelope.number != number:
            rule = f"the file must be of codec {number} ({codec}), but needs codec {envelope.number}"
            raise BitstreamError(rule, NUMBER_AT)
        if envelope.version > version:
            raise BitstreamError(f"{codec} stream version {envelope.version}, this qimg reads {version}", FLAGS_AT)
        return envelope

    def chunks(self, known: Sequence[bytes], *, repeated: Sequence[bytes] = ()) -> Iterator[Chunk]:
        """The chunks up to the end marker, with which the file has to end; unknown ones of small letters are skipped.

        Args:
            known: tags of the codec's own; metadata and the end marker are always known.
            repeated: those of them that may stand more than once.
        """
        tags = (*known, *METADATA_TAGS.values(), END)
        before: set[bytes] = set()
        while True:
            start = self.offset
            tag = self.take(1, "a chunk or the end marker")
            if not tag.isalpha():
                raise BitstreamError(f"a chunk must begin with a letter, but begins with {tag[0]:#04x}", start)
            name = f"chunk {tag.decode()}"
            length = self.varint(f"the length of {name}")
            offset = self.offset
            payload = self.take(length, name)
            self.check(name)
            if tag == END:
                break
            if tag.isupper() and tag not in tags:
                raise BitstreamError(f"{name} is needed, but this version of qimg does not know it", offset)
            if tag in before and tag not in repeated:
                raise BitstreamError(f"{name} must stand once, but stands again", offset)
            if tag in tags:
                before.add(tag)
                yield Chunk(tag=tag, payload=payload, offset=offset)
        if payload:
            raise BitstreamError(f"the end marker must be empty, but has {len(payload)} bytes", offset)
        if self.offset != len(self.content):
            left = len(self.content) - self.offset
            raise BitstreamError(f"the file must end, but goes on for {left} bytes", self.offset)


def varint(value: int) -> bytes:
    """Unsigned LEB128: 7 bits per byte, the lowest first, the top bit set in all bytes but the last.

    >>> varint(300).hex()
    'ac02'
    """
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def assemble(header: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a file.

    Args:
        header: the envelope's six bytes, and what the codec writes before its chunks.
        chunks: (tag, payload) in order, without the end marker.
    """
    file, crc = bytearray(), 0
    parts = [(tag + varint(len(payload)), payload) for tag, payload in [*chunks, (END, b"")]]
    for start, payload in [(header, b""), *parts]:
        crc = zlib.crc32(payload, zlib.crc32(start, crc))
        file += start + payload + crc.to_bytes(_CRC, "little")
    return bytes(file)


def metadata_chunks(options: EncodeOptions) -> dict[str, list[tuple[bytes, bytes]]]:
    """Chunks of the metadata that are not empty, by the name of the option."""
    exif = options.exif.removeprefix(b"Exif\0\0") if options.exif else None
    parts = {"icc_profile": options.icc_profile, "exif": exif, "xmp": options.xmp}
    return {name: [(METADATA_TAGS[name], part)] if part else [] for name, part in parts.items()}


def metadata_of(chunks: Iterable[Chunk]) -> Mapping[str, bytes]:
    """Metadata of a file by the name of the option, as keywords of `Decoded` and `Info`."""
    payloads = {chunk.tag: chunk.payload for chunk in chunks}
    return {name: payloads[tag] for name, tag in METADATA_TAGS.items() if tag in payloads}
