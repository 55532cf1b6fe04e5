"""Reading of JPEG files: marker segments, tables in force at each scan, and the coefficients of all components."""

from dataclasses import dataclass, field

import numpy as np

from qimg.core import Array
from qimg.images.jpeg import entropy
from qimg.images.jpeg.applications import Applications
from qimg.images.jpeg.huffman import SIZE, TYPICAL, HuffmanTable
from qimg.images.jpeg.markers import (
    APPLICATIONS,
    DHT,
    DNL,
    DQT,
    DRI,
    EOI,
    FRAMES,
    PROGRESSIVE,
    RESTARTS,
    SEQUENTIAL,
    SOI,
    SOS,
    FrameComponent,
    FrameHeader,
    ScanHeader,
    Segment,
    SegmentError,
    frame_header,
    huffman_tables,
    quantization_tables,
    scan_header,
    segment_at,
)
from qimg.images.jpeg.marks import MISSING, UNCERTAIN

MOST_SCANS = 1000
"""Scans after which a file is taken for damaged."""
CUT = "Premature end of JPEG file"
LARGEST = 2048
"""Twice the largest coefficient of 8-bit samples; encoders may exceed it by a step and by emphasis of edges."""
EXTRANEOUS = "Corrupt JPEG data: extraneous bytes before a marker"


@dataclass(eq=False)
class Plane:
    """The blocks of a component, as far as they are decoded."""

    header: FrameComponent
    rows: int
    """Rows of blocks, including those that pad the last MCU."""
    columns: int
    needed: tuple[int, int]
    """Rows and columns of blocks that hold samples of the picture."""
    base: int
    """Number of its first block among those of all components."""
    table: Array | None = None
    """(8, 8) quantization steps in force at its first scan."""
    levels: Array = field(default_factory=lambda: np.full(64, -1))
    """(64,) bits below those decoded, by coefficient in the order of the file; -1 before the first."""


class Reader:
    """A JPEG file that is read segment by segment."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.frame: FrameHeader | None = None
        self.planes: list[Plane] = []
        self.size = (0, 0)
        """Rows and columns of the picture."""
        self.warnings: list[str] = []
        """Descriptions of damage."""
        self.applications = Applications()
        self._tables: dict[int, Array] = {}
        self._codes: dict[tuple[int, int], HuffmanTable] = {}
        self._interval = 0
        self._position = 2
        self._bytes = np.frombuffer(content, np.uint8)
        self._scans = 0
        self._scan: ScanHeader | None = None
        """The scan that is to be decoded next."""

    def read_header(self) -> FrameHeader:
        """Read the segments before the first scan.

        Raises:
            SegmentError: they are incomplete or wrong.
        """
        while self._scan is None:
            segment = self._next()
            if segment is None or segment.marker == EOI:
                raise SegmentError(f"it ends before {'a scan' if self.frame else 'a frame header'}")
            self._apply(segment)
        assert self.frame is not None
        return self.frame

    def read_scans(self) -> None:
        """Decode all scans, after `allocate`; what is wrong after the first one has begun is described in `warnings`.

        Raises:
            SegmentError: the first scan cannot be decoded at all.
        """
        frame = self.frame
        assert frame is not None
        while self._scan is not None:
            try:
                self._decode(frame, self._scan)
            except SegmentError as error:
                if self._scans == 0:
                    raise
                self._warn(str(error))
                return
            self._scans, self._scan = self._scans + 1, None
            if self._scans == MOST_SCANS:
                self._warn(f"more than {MOST_SCANS} scans")
                return
            if not self._to_next_scan():
                return

    def _to_next_scan(self) -> bool:
        """Read the segments before the next scan; False at the end."""
        while self._scan is None:
            try:
                segment = self._next()
                if segment is None:
                    self._warn(CUT)
                    return False
                if segment.marker == EOI:
                    return False
                self._apply(segment)
            except SegmentError as error:
                self._warn(str(error))
                return False
        return True

    def _next(self) -> Segment | None:
        segment = segment_at(self.content, self._position)
        if segment is not None:
            self._position = segment.end
            if segment.skipped:
                self._warn(EXTRANEOUS)
        return segment

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _apply(self, segment: Segment) -> None:
        """Take a segment into account."""
        marker, body = segment.marker, segment.body
        if marker in FRAMES:
            if self.frame is not None:
                raise SegmentError("there are two frame headers")
            self.frame = frame_header(marker, body)
            self.size = (self.frame.height, self.frame.width)
        elif marker == DQT:
            self._tables |= quantization_tables(body)
        elif marker == DHT:
            self._codes |= huffman_tables(body)
        elif marker == DRI:
            if len(body) != 2:
                raise SegmentError(f"a restart interval must have 2 bytes, but has {len(body)}")
            self._interval = int.from_bytes(body, "big")
        elif marker == SOS:
            if self.frame is None:
                raise SegmentError("a scan comes before the frame header")
            self._scan = scan_header(body)
        elif marker == SOI:
            raise SegmentError("a second picture begins inside")
        elif marker in APPLICATIONS:
            self.applications.add(marker, body)
        elif marker < 0xC0 and marker != 0x01:
            raise SegmentError(f"the marker FF {marker:02X} does not exist")

    def height_after_scan(self) -> int:
        """Height in the DNL segment that follows the first scan; 0 without one."""
        at = self._position
        while True:
            at = self.content.find(b"\xff", at)
            if at < 0 or at + 1 >= len(self.content):
                return 0
            marker = self.content[at + 1]
            if marker == DNL:
                return int.from_bytes(self.content[at + 4 : at + 6], "big")
            if marker not in (0, 0xFF, *RESTARTS):
                return 0
            at += 2 if marker != 0xFF else 1

    def allocate(self) -> None:
        """Reserve memory for all blocks of `size`, after `read_header`; pages that stay zero cost none."""
        frame = self.frame
        assert frame is not None
        down = max(one.vertical for one in frame.components)
        across = max(one.horizontal for one in frame.components)
        mcus = [-(-length // (8 * factor)) for length, factor in zip(self.size, (down, across), strict=True)]
        total = 0
        for one in frame.components:
            samples = (-(-self.size[0] * one.vertical // down), -(-self.size[1] * one.horizontal // across))
            plane = Plane(
                header=one,
                rows=mcus[0] * one.vertical,
                columns=mcus[1] * one.horizontal,
                needed=(-(-samples[0] // 8), -(-samples[1] // 8)),
                base=total,
            )
            self.planes.append(plane)
            total += plane.rows * plane.columns
        self._mcus = mcus
        self.coefficients = np.zeros((total, 64), np.int16)
        self.marks = np.zeros(total, np.uint8)
        if frame.marker in SEQUENTIAL:
            self._codes = {**TYPICAL, **self._codes}

    def _decode(self, frame: FrameHeader, scan: ScanHeader) -> None:
        """Decode one scan."""
        planes, layout, description, keys = self._described(frame, scan)
        tables = [self._codes[key].prepared for key in keys] or [np.zeros(SIZE, np.int32)]
        state = np.zeros(9, np.int64)
        state[entropy.POSITION] = self._position
        entropy.decode_scan(
            self._bytes,
            np.empty(len(self.content) - self._position + entropy.PADDING, np.uint8),
            self.coefficients,
            self.marks,
            layout,
            np.stack(tables),
            description,
            state,
            np.zeros(len(planes), np.int64),
        )
        self._position = int(state[entropy.POSITION])
        ended = bool(state[entropy.ENDED])
        if not ended:
            self._position -= 2  # the marker after the scan is read again as a segment
        self._describe(state, ended=ended)
        for plane in planes:
            self._check_range(plane)
            if frame.marker == PROGRESSIVE:
                plane.levels[scan.first : scan.last + 1] = scan.low
            else:
                plane.levels[:] = 0

    def _described(
        self, frame: FrameHeader, scan: ScanHeader
    ) -> tuple[list[Plane], Array, Array, list[tuple[int, int]]]:
        """Components of a scan, layout and description for `entropy.decode_scan`, and keys of its Huffman tables."""
        planes = self._planes_of(scan)
        kind = self._kind(scan, planes) if frame.marker == PROGRESSIVE else entropy.SEQUENTIAL_SCAN
        self._latch(planes)
        layout, keys = self._layout(scan, planes, kind)
        rows, columns = planes[0].needed if len(planes) == 1 else self._mcus
        entries = (columns, rows, self._interval, kind, scan.first, scan.last, scan.high, scan.low)
        return planes, layout, np.array(entries, np.int64), keys

    def _describe(self, state: Array, *, ended: bool) -> None:
        if state[entropy.BAD]:
            self._warn("Corrupt JPEG data: bad Huffman code")
        if state[entropy.EXTRANEOUS]:
            self._warn(EXTRANEOUS)
        if state[entropy.RESYNCHRONISED] and not ended:
            self._warn("Corrupt JPEG data: wrong restart markers")
        if state[entropy.LACKING]:
            self._warn(CUT if ended else "Corrupt JPEG data: premature end of data segment")

    def _check_range(self, plane: Plane) -> None:
        """Mark all blocks of a component with a coefficient that no picture has; sums of differences reveal errors."""
        assert plane.table is not None
        some = slice(plane.base, plane.base + plane.rows * plane.columns)
        blocks, steps = self.coefficients[some], plane.table.ravel()
        largest = np.maximum(blocks.max(axis=0), -blocks.min(axis=0).astype(np.int64))
        if ((largest - 1) * steps > LARGEST).any():
            self._warn("Corrupt JPEG data: impossible coefficients")
            self.marks[some] |= UNCERTAIN

    def _planes_of(self, scan: ScanHeader) -> list[Plane]:
        planes: list[Plane] = []
        for identifier, _, _ in scan.components:
            matching = [one for one in self.planes if one.header.identifier == identifier and one not in planes]
            if not matching:
                raise SegmentError(f"a scan names component {identifier}, which the frame does not have")
            planes.append(matching[0])
        return planes

    def _kind(self, scan: ScanHeader, planes: list[Plane]) -> int:
        """Kind of a progressive scan, after a check of its parameters."""
        spectral = scan.first == scan.last == 0 or (0 < scan.first <= scan.last < 64 and len(planes) == 1)
        if not spectral or scan.low > 13 or (scan.high and scan.low != scan.high - 1):
            raise SegmentError(
                "Invalid progressive parameters "
                f"Ss={scan.first} Se={scan.last} Ah={scan.high} Al={scan.low} of {len(planes)} components"
            )
        expected = scan.high or -1
        if any((plane.levels[scan.first : scan.last + 1] != expected).any() for plane in planes):
            self._warn("Inconsistent progression of scans")
            for plane in planes:
                self.marks[plane.base : plane.base + plane.rows * plane.columns] |= UNCERTAIN
        if scan.first == 0:
            return entropy.DC_REFINED if scan.high else entropy.DC_FIRST
        return entropy.AC_REFINED if scan.high else entropy.AC_FIRST

    def _latch(self, planes: list[Plane]) -> None:
        """Keep the quantization table that is in force when the first scan of a component begins."""
        for plane in planes:
            if plane.table is None:
                if plane.header.table not in self._tables:
                    raise SegmentError(f"quantization table {plane.header.table} is not defined")
                plane.table = self._tables[plane.header.table]

    def _layout(self, scan: ScanHeader, planes: list[Plane], kind: int) -> tuple[Array, list[tuple[int, int]]]:
        """Layout of the components of a scan, and the keys of the Huffman tables that it uses."""
        single = len(planes) == 1
        keys: list[tuple[int, int]] = []
        layout = np.zeros((len(planes), 6), np.int64)
        with_dc, with_ac = kind <= entropy.DC_FIRST, kind in (entropy.SEQUENTIAL_SCAN, *_AC_KINDS)
        for row, plane, (_, dc, ac) in zip(layout, planes, scan.components, strict=True):
            row[entropy.BASE], row[entropy.STRIDE] = plane.base, plane.columns
            row[entropy.ACROSS] = 1 if single else plane.header.horizontal
            row[entropy.DOWN] = 1 if single else plane.header.vertical
            for column, used, key in ((entropy.DC_TABLE, with_dc, (0, dc)), (entropy.AC_TABLE, with_ac, (1, ac))):
                if used:
                    if key not in self._codes:
                        raise SegmentError(f"Huffman table {key[1]} for {'AC' if key[0] else 'DC'} is not defined")
                    if not (key[0] or self._codes[key].fits_dc):
                        raise SegmentError("a Huffman table for DC has symbols above 15")
                    row[column] = len(keys)
                    keys.append(key)
        return layout, keys

    def plane_of(self, number: int) -> tuple[Array, Array, Array | None]:
        """Coefficients (R, C, 8, 8), marks (R, C) and table of a component, without padding."""
        plane = self.planes[number]
        rows, columns = plane.needed
        some = slice(plane.base, plane.base + plane.rows * plane.columns)
        coefficients = self.coefficients[some].reshape(plane.rows, plane.columns, 8, 8)[:rows, :columns]
        marks = self.marks[some].reshape(plane.rows, plane.columns)[:rows, :columns]
        if (plane.levels < 0).all():
            marks = np.full_like(marks, MISSING | UNCERTAIN)
        elif (plane.levels != 0).any():
            marks = marks | np.uint8(UNCERTAIN)
        table = plane.table if plane.table is not None else self._tables.get(plane.header.table)
        return coefficients, marks, table


_AC_KINDS = (entropy.AC_FIRST, entropy.AC_REFINED)
