"""Content of JPEG files: quantized coefficients, tables, sampling and damage of every component."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qimg.core import Array
from qimg.core.records import short_repr
from qimg.images.contents import content_of
from qimg.images.jpeg.markers import FrameHeader, SegmentError
from qimg.images.jpeg.marks import MISSING
from qimg.images.limits import MAX_PIXELS, check_area
from qimg.images.planes import ImageError

if TYPE_CHECKING:
    from qimg.images.jpeg.reader import Reader

_SMALL = 1 << 22


class DamagedJpegWarning(UserWarning):
    """Warning about a truncated or corrupt JPEG file; the message describes the damage."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Component:
    """One plane of a JPEG file."""

    coefficients: Array
    """(R, C, 8, 8) int16 quantized DCT coefficients of its blocks."""
    table: Array
    """(8, 8) float64 quantization steps."""
    vertical: int
    """Rows of the picture per row of samples."""
    horizontal: int
    """Columns of the picture per column of samples."""
    shape: tuple[int, int]
    """Rows and columns of samples that belong to the picture; further samples of the blocks are padding."""
    marks: Array | None = None
    """(R, C) uint8 damage of each block, 0 for an intact one; None for an intact file."""

    @property
    def missing(self) -> Array:
        """(R, C) True for blocks that the file does not hold; their coefficients are zero."""
        return self._marked(MISSING)

    @property
    def uncertain(self) -> Array:
        """(R, C) True for blocks that are missing, imprecise or possibly wrong.

        These are blocks without some of the scans of a progressive file, and blocks between two restarts, or in a scan
        without restarts, where a code was wrong: the place of an error is not known.
        """
        return self._marked(0xFF)

    def _marked(self, mark: int) -> Array:
        if self.marks is None:
            return np.zeros(self.coefficients.shape[:2], bool)
        return np.asarray(self.marks & mark != 0)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class JpegFile:
    """Content of a JPEG file."""

    shape: tuple[int, int]
    """Rows and columns of pixels as stored, before the orientation is applied."""
    components: tuple[Component, ...]
    """One component for a gray picture; Y, Cb, Cr, or R, G, B where `is_rgb`."""
    is_rgb: bool
    orientation: int
    """EXIF orientation, 1 to 8."""
    decoder_warnings: tuple[str, ...]
    """Descriptions of damage; empty for an intact file."""


def read_jpeg(source: str | os.PathLike[str] | bytes, *, max_pixels: int | None = MAX_PIXELS) -> JpegFile:
    """Read the coefficients of a JPEG file: baseline or progressive, any tables, gray or three components.

    The quantization table of a component is the one in force when its first scan begins. Of a truncated or corrupt
    file, coefficients that cannot be decoded are zero, `decoder_warnings` lists the damage, and `Component.uncertain`
    and `Component.missing` mark the blocks concerned. Damaged data are decoded as libjpeg does.

    Args:
        source: path, or the file's content.
        max_pixels: larger pictures are refused before memory is allocated for them; None accepts all.

    Raises:
        ImageError: the file is missing, no JPEG, in CMYK, in 12 bits, arithmetic-coded, lossless, hierarchical or too
            large, holds too little for its size, or its tables or sampling factors are invalid.
    """
    from qimg.images.jpeg.reader import Reader  # which loads Numba

    name = "the JPEG file" if isinstance(source, bytes) else os.fspath(source)
    content = source if isinstance(source, bytes) else content_of(Path(source), "a JPEG file")
    if content[:2] != b"\xff\xd8":
        raise ImageError(
            f"{name}: must be a JPEG file, which begins with FF D8, "
            f"but begins with {content[:2].hex(' ').upper() or 'nothing'}"
        )
    reader = Reader(content)
    try:
        frame = reader.read_header()
    except SegmentError as error:
        raise ImageError(f"{name}: its header cannot be read ({error})") from None
    _check(reader, frame, len(content), max_pixels, name)
    reader.allocate()
    try:
        reader.read_scans()
    except SegmentError as error:
        raise ImageError(f"{name}: cannot be decoded ({error})") from None
    components = _components(reader, frame, name)
    uncertain = any(component.marks is not None for component in components)
    return JpegFile(
        shape=reader.size,
        components=components,
        is_rgb=reader.applications.is_rgb(frame),
        orientation=reader.applications.orientation,
        decoder_warnings=tuple(reader.warnings) or (("Scans are missing",) if uncertain else ()),
    )


def _check(reader: "Reader", frame: FrameHeader, n_bytes: int, max_pixels: int | None, name: str) -> None:
    """Refuse files of kinds that are not read, and sizes that the content cannot fill."""
    if frame.refusal:
        raise ImageError(f"{name}: must be baseline or progressive with Huffman codes, but {frame.refusal}")
    if frame.bits != 8:
        raise ImageError(f"{name}: must hold 8 bits per sample, but holds {frame.bits}")
    count = len(frame.components)
    if count not in (1, 3):
        kind = " (CMYK or YCCK)" if count == 4 else ""
        raise ImageError(f"{name}: must be gray or have three components, but has {count}{kind}")
    height, width = frame.height or reader.height_after_scan(), frame.width
    if height == 0:
        raise ImageError(f"{name}: its header cannot be read (it holds no height)")
    reader.size = (height, width)
    check_area(name, height, width, max_pixels)
    if height * width > _SMALL and height * width // 64 > 32 * 8 * n_bytes:
        rule = "must hold at least 1 bit for 32 blocks"
        raise ImageError(f"{name}: {rule}, but has {n_bytes} bytes for {height}×{width} pixels")
    factors = [(one.vertical, one.horizontal) for one in frame.components]
    largest = np.max(factors, axis=0)
    if (largest % factors).any():
        raise ImageError(f"{name}: sampling factors must divide the largest ones, but are {[*map(list, factors)]}")


def _components(reader: "Reader", frame: FrameHeader, name: str) -> tuple[Component, ...]:
    down = max(one.vertical for one in frame.components)
    across = max(one.horizontal for one in frame.components)
    components = []
    for number, one in enumerate(frame.components):
        coefficients, marks, table = reader.plane_of(number)
        if table is None:
            table = np.ones((8, 8))  # the component is missing as well
        if table.min() < 1:
            raise ImageError(
                f"{name}: quantization steps must be at least 1, but table {one.table} holds {table.min():g}"
            )
        vertical, horizontal = down // one.vertical, across // one.horizontal
        components.append(
            Component(
                coefficients=coefficients,
                table=table,
                vertical=vertical,
                horizontal=horizontal,
                shape=(-(-reader.size[0] // vertical), -(-reader.size[1] // horizontal)),
                marks=marks if marks.any() else None,
            )
        )
    if all(component.missing.all() for component in components):
        raise ImageError(f"{name}: cannot be decoded ({'; '.join(reader.warnings)}): it holds no block of the picture")
    return tuple(components)
