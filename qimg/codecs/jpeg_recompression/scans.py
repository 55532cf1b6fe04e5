"""A JPEG file as headers and coefficients: the scans of a file, taken out and written again bit for bit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.jpeg_recompression.scan_writer import code_table, written
from qimg.core import Array
from qimg.core.records import short_repr
from qimg.images import MAX_PIXELS
from qimg.images.jpeg.markers import FrameHeader, ScanHeader
from qimg.images.jpeg.reader import Reader

MOST_BLOCKS = 1 << 28
"""Most blocks of all scans of a file."""


class NotKept(ValueError):
    """A file that cannot be written again bit for bit, or whose headers are of no use; the message says why."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Scan:
    """A scan as the headers describe it."""

    begin: int
    """Position of its data in the headers."""
    layout: Array
    description: Array
    """Both as for `qimg.images.jpeg.entropy.decode_scan`."""
    codes: Array
    """(tables, 256), as for `qimg.codecs.jpeg_recompression.scan_writer.written`."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Deviation:
    """How the data of a scan differ from those that the coefficients give."""

    padding: int = 1
    """Bit that fills the last byte of an interval."""
    kept: int | None = None
    """Bytes that are equal; None for all of them."""
    rest: bytes = field(default=b"", repr=False)
    """Bytes that follow."""


class Headers(Reader):
    """The headers of a file without the data of its scans: sizes, tables and descriptions of all scans."""

    def __init__(self, content: bytes, *, max_pixels: int | None = MAX_PIXELS) -> None:
        """Read headers.

        Raises:
            SegmentError: they are incomplete or wrong.
            NotKept: the file is of a kind that is not supported, or too large.
        """
        super().__init__(content)
        self.scans: list[Scan] = []
        check_frame(self, self.read_header(), max_pixels)
        self.allocate()
        self.read_scans()

    def _decode(self, frame: FrameHeader, scan: ScanHeader) -> None:
        _, layout, description, keys = self._described(frame, scan)
        codes = [code_table(self._codes[key].counts, self._codes[key].symbols) for key in keys]
        self.scans.append(
            Scan(
                begin=self._position,
                layout=layout,
                description=description,
                codes=np.stack(codes or [np.zeros(256, np.int64)]),
            )
        )
        if len(self.scans) * len(self.coefficients) > MOST_BLOCKS:
            raise NotKept(f"all scans must have at most {MOST_BLOCKS} blocks, but they have more")

    def scan_data(self, number: int, *, padding: int, most: int) -> tuple[bytes, int]:
        """The data of a scan by the coefficients, and the number of symbols without a code; as `written`."""
        scan = self.scans[number]
        return written(self.coefficients, scan.layout, scan.codes, scan.description, padding=padding, most=most)

    def file(self, deviations: Mapping[int, Deviation], most: int) -> bytes:
        """The file.

        Args:
            deviations: of scans, by their numbers.
            most: bytes at which it is given up.

        Raises:
            NotKept: a table has no code for a symbol, or the file has more than `most` bytes.
        """
        parts: list[bytes] = []
        at = length = 0
        for number, scan in enumerate(self.scans):
            deviation = deviations.get(number, Deviation())
            data, missing = self.scan_data(number, padding=deviation.padding, most=most - length)
            if missing and deviation.kept is None:
                raise NotKept(f"the Huffman tables of scan {number + 1} lack {missing} of its symbols")
            parts += [self.content[at : scan.begin], data[: deviation.kept], deviation.rest]
            at = scan.begin
            length += len(data[: deviation.kept]) + len(deviation.rest)
            if length > most:
                raise NotKept(f"the data of its scans must have at most {most} bytes, but have more")
        return b"".join([*parts, self.content[at:]])


class _Scanned(Reader):
    """A file whose scans are decoded, with the places of their data."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.places: list[tuple[int, int]] = []

    def _decode(self, frame: FrameHeader, scan: ScanHeader) -> None:
        begin = self._position
        super()._decode(frame, scan)
        self.places.append((begin, self._position))


def check_frame(reader: Reader, frame: FrameHeader, max_pixels: int | None) -> None:
    """Set the size of a picture, and refuse frames that are not supported; raises `NotKept`."""
    if frame.refusal:
        raise NotKept(f"it must be baseline or progressive with Huffman codes, but {frame.refusal}")
    if frame.bits != 8:
        raise NotKept(f"it must hold 8 bits per sample, but holds {frame.bits}")
    if len(frame.components) > 4:
        raise NotKept(f"it must have at most 4 components, but has {len(frame.components)}")
    height = frame.height or reader.height_after_scan()
    if height == 0:
        raise NotKept("its header holds no height")
    if max_pixels is not None and height * frame.width > max_pixels:
        raise NotKept(f"the picture must have at most max_pixels={max_pixels}, but has {height * frame.width}")
    reader.size = (height, frame.width)


def scanned(content: bytes, *, max_pixels: int | None = MAX_PIXELS) -> tuple[Headers, dict[int, Deviation]]:
    """Take the scans out of a file.

    Args:
        content: the file.
        max_pixels: larger pictures are refused.

    Returns:
        The headers with the coefficients, and what the data of scans have beside them: `Headers.file` gives the file.

    Raises:
        SegmentError: headers are incomplete or wrong.
        NotKept: the file is of a kind that is not supported, or its scans cannot be written again.
    """
    reader = _Scanned(content)
    check_frame(reader, reader.read_header(), max_pixels)
    if reader.size[0] * reader.size[1] // 64 > 1 << 16 and reader.size[0] * reader.size[1] // 64 > 256 * len(content):
        raise NotKept(f"it has {len(content)} bytes for {reader.size[0]}×{reader.size[1]} pixels")
    reader.allocate()
    reader.read_scans()
    headers = Headers(_without(content, reader.places), max_pixels=max_pixels)
    taken = np.cumsum([end - begin for begin, end in reader.places]).tolist()
    if [scan.begin + before for scan, before in zip(headers.scans, [0, *taken], strict=False)] != [
        begin for begin, _ in reader.places
    ]:
        raise NotKept("its headers cannot be told from the data of its scans")
    headers.coefficients = reader.coefficients
    deviations = {}
    for number, (begin, end) in enumerate(reader.places):
        deviation = _deviation(headers, number, content[begin:end])
        if deviation is not None:
            deviations[number] = deviation
    return headers, deviations


def _without(content: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    ends = [0, *(end for _, end in places)]
    begins = [*(begin for begin, _ in places), len(content)]
    return b"".join(content[end:begin] for end, begin in zip(ends, begins, strict=True))


def _deviation(headers: Headers, number: int, data: bytes) -> Deviation | None:
    """How the data of a scan differ from those that the coefficients give; None if they do not."""
    best = Deviation(kept=-1)
    for padding in (1, 0):
        rebuilt, _ = headers.scan_data(number, padding=padding, most=len(data))
        if rebuilt == data:
            return Deviation(padding=0) if padding == 0 else None
        kept = _equal_bytes(rebuilt, data)
        if best.kept is not None and kept > best.kept:
            best = Deviation(padding=padding, kept=kept, rest=data[kept:])
    return best


def _equal_bytes(first: bytes, second: bytes) -> int:
    """Number of equal bytes at the beginning."""
    length = min(len(first), len(second))
    differ = np.frombuffer(first, np.uint8, length) != np.frombuffer(second, np.uint8, length)
    return int(differ.argmax()) if differ.any() else length
