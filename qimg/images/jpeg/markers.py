"""Marker segments of JPEG files (ITU-T T.81, annex B)."""

import itertools
from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.huffman import BadTable, HuffmanTable

SOI, EOI, SOS, DQT, DHT, DRI, DNL, DAC, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xCC, 0xFE
RESTARTS = range(0xD0, 0xD8)
APPLICATIONS = range(0xE0, 0xF0)
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1), 0xC2
_WITHOUT_BODY = {0x01, SOI, EOI, *RESTARTS}
_REFUSED = {
    0xC3: "is lossless",
    0xC5: "is hierarchical",
    0xC6: "is hierarchical",
    0xC7: "is hierarchical",
    0xC9: "is arithmetic-coded",
    0xCA: "is arithmetic-coded",
    0xCB: "is lossless",
    0xCD: "is hierarchical",
    0xCE: "is hierarchical",
    0xCF: "is hierarchical",
}


def _zigzag() -> Array:
    """(64,) row-major index of each coefficient in the order of a file."""
    places = sorted(
        itertools.product(range(8), repeat=2),
        key=lambda place: (sum(place), place[0] if sum(place) % 2 else place[1]),
    )
    return np.array([8 * row + column for row, column in places])


ZIGZAG = _zigzag()


class SegmentError(ValueError):
    """A marker segment breaks the rules of the format; the message names the rule."""


@dataclass(frozen=True, kw_only=True)
class FrameComponent:
    """A component as the frame header declares it."""

    identifier: int
    horizontal: int
    """Blocks side by side in an MCU, 1 to 4."""
    vertical: int
    """Blocks on top of each other in an MCU, 1 to 4."""
    table: int
    """Number of the quantization table."""


@dataclass(frozen=True, kw_only=True)
class FrameHeader:
    """Header of a frame."""

    marker: int
    bits: int
    height: int
    """0 if a DNL segment after the first scan holds it."""
    width: int
    components: tuple[FrameComponent, ...]

    @property
    def refusal(self) -> str:
        """What keeps the frame from being read; "" if nothing does."""
        return _REFUSED.get(self.marker, "")


@dataclass(frozen=True, kw_only=True)
class ScanHeader:
    """Header of a scan."""

    components: tuple[tuple[int, int, int], ...]
    """Identifier, number of the DC table and number of the AC table of each component."""
    first: int
    last: int
    """First and last coefficient of a progressive scan, in the order of the file."""
    high: int
    low: int
    """Bits below those that earlier scans and that this scan have decoded."""


@dataclass(frozen=True)
class Segment:
    """A marker with its body."""

    marker: int
    body: bytes
    end: int
    """Position of the byte after it."""
    skipped: int
    """Bytes before the marker that belong to nothing."""


def segment_at(content: bytes, position: int) -> Segment | None:
    """The first segment from a position on; None if the content ends before it does.

    Raises:
        SegmentError: its length is impossible.
    """
    at = position
    while True:
        at = content.find(b"\xff", at)
        if at < 0:
            return None
        code = at
        while code < len(content) and content[code] == 0xFF:
            code += 1
        if code == len(content):
            return None
        if content[code]:
            break
        at = code
    marker, skipped = content[code], at - position
    if marker in _WITHOUT_BODY:
        return Segment(marker, b"", code + 1, skipped)
    if len(content) < code + 3:
        return None
    length = int.from_bytes(content[code + 1 : code + 3], "big")
    if length < 2:
        raise SegmentError(f"the length of segment FF {marker:02X} must be at least 2, but is {length}")
    body = content[code + 3 : code + 1 + length]
    return Segment(marker, body, code + 1 + length, skipped) if len(body) == length - 2 else None


def frame_header(marker: int, body: bytes) -> FrameHeader:
    """The frame header of a body."""
    count = body[5] if len(body) > 5 else 0
    if len(body) != 6 + 3 * count or count == 0:
        raise SegmentError(f"a frame header of {len(body)} bytes does not hold {count} components")
    components = tuple(
        FrameComponent(identifier=one, horizontal=factors >> 4, vertical=factors & 15, table=table)
        for one, factors, table in zip(body[6::3], body[7::3], body[8::3], strict=True)
    )
    if not all(1 <= one.horizontal <= 4 and 1 <= one.vertical <= 4 for one in components):
        factors = [(one.horizontal, one.vertical) for one in components]
        raise SegmentError(f"sampling factors must be in [1, 4], but are {factors}")
    height, width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
    if width == 0:
        raise SegmentError("the width must be at least 1, but is 0")
    return FrameHeader(marker=marker, bits=body[0], height=height, width=width, components=components)


def scan_header(body: bytes) -> ScanHeader:
    """The scan header of a body."""
    count = body[0] if body else 0
    if len(body) != 4 + 2 * count or not 1 <= count <= 4:
        raise SegmentError(f"a scan header of {len(body)} bytes does not hold {count} components")
    components = tuple((one, tables >> 4, tables & 15) for one, tables in zip(body[1:-3:2], body[2:-3:2], strict=True))
    return ScanHeader(
        components=components, first=body[-3], last=body[-2], high=body[-1] >> 4, low=body[-1] & 15
    )  # fmt: skip


def quantization_tables(body: bytes) -> dict[int, Array]:
    """Tables (8, 8) float64 by number."""
    tables, at = {}, 0
    while at < len(body):
        deep, number = body[at] >> 4, body[at] & 15
        size = 128 if deep else 64
        if deep > 1 or number > 3 or at + 1 + size > len(body):
            raise SegmentError("a quantization table is incomplete, or its number or precision is impossible")
        steps = np.frombuffer(body, ">u2" if deep else "u1", 64, at + 1)
        table = np.empty(64)
        table[ZIGZAG] = steps
        tables[number] = table.reshape(8, 8)
        at += 1 + size
    return tables


def huffman_tables(body: bytes) -> dict[tuple[int, int], HuffmanTable]:
    """Huffman tables by class (0 for DC, 1 for AC) and number."""
    tables, at = {}, 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        if len(counts) < 16 or len(symbols) < sum(counts) or body[at] >> 4 > 1 or body[at] & 15 > 3:
            raise SegmentError("a Huffman table is incomplete, or its number or class is impossible")
        try:
            tables[body[at] >> 4, body[at] & 15] = HuffmanTable(counts, symbols)
        except BadTable as error:
            raise SegmentError(str(error)) from None
        at += 17 + sum(counts)
    return tables
