"""Facts in the headers of files that Pillow's classes do not return."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARKER = re.compile(rb"\xff+([^\xff\x00])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Segment:
    """A segment of a JPEG file."""

    marker: int
    start: int
    """Place of the marker."""
    data: int
    """Place of the data, behind marker and length."""
    end: int


def jpeg_segments(content: bytes) -> list[Segment]:
    """The segments between the start of a JPEG file and its first scan.

    Empty where the segments cannot be followed, and the decoder has to search for markers.
    """
    segments: list[Segment] = []
    start = 2
    while (match := _MARKER.match(content, start)) is not None:
        marker, place = match[1][0], match.end()
        if marker in (0xDA, 0xD9):
            return segments
        length = 0 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else int.from_bytes(content[place : place + 2], "big")
        if length == 1 or place + length > len(content):
            return []
        segments.append(Segment(marker, start, place + min(length, 2), place + length))
        start = place + length
    return []


def frame_of_jpeg(content: bytes) -> tuple[int, int, int]:
    """Bits per sample, height and width in the frame header of a JPEG file; (8, 1, 1) if it is not found."""
    for one in jpeg_segments(content):
        if one.marker in _FRAMES and one.end - one.data >= 6:
            sides = content[one.data + 1 : one.data + 5]
            return content[one.data], int.from_bytes(sides[:2], "big"), int.from_bytes(sides[2:], "big")
    return 8, 1, 1


def size_of_webp(content: bytes) -> tuple[int, int]:
    """Height and width of a WebP file; (1, 1) if it has none, which its decoder then reports."""
    kind, data = content[12:16], content[20:30]
    if len(data) < 10:
        return 1, 1
    if kind == b"VP8X":
        return int.from_bytes(data[7:10], "little") + 1, int.from_bytes(data[4:7], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    return max(int.from_bytes(data[8:10], "little") & 0x3FFF, 1), max(int.from_bytes(data[6:8], "little") & 0x3FFF, 1)


def depth_of_avif(content: bytes) -> int:
    """Bits per sample in the configuration box of AV1, 8, 10 or 12; 8 if there is none."""
    place = content.find(b"av1C")
    flags = content[place + 6] if 0 <= place < len(content) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def depths_of_jpeg2000(content: bytes) -> set[int]:
    """Bits of the components in the header of a codestream, negative where they are signed."""
    place = content.find(b"\xff\x4f\xff\x51")
    count = int.from_bytes(content[place + 40 : place + 42], "big") if place >= 0 else 0
    sizes = content[place + 42 : place + 42 + 3 * count : 3]
    return {-((size & 127) + 1) if size & 128 else size + 1 for size in sizes}


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, data and whole bytes of each chunk, up to the first that is cut; checksums are not verified."""
    start = 8
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        if end > len(content):
            return
        yield content[start + 4 : start + 8], content[start + 8 : end - 4], content[start:end]
        start = end
