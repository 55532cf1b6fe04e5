"""Content of JPEG files, read by jpeglib: quantized coefficients, tables and sampling of every component."""

import io
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from qimg.core import Array
from qimg.core.files import special
from qimg.core.records import short_repr
from qimg.images.planes import ImageError

MAX_PIXELS = 1 << 28
"""Default limit on the pixels of a picture."""


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
    """Warnings of libjpeg about damage; empty for an intact file."""


def read_jpeg(source: str | os.PathLike[str] | bytes, *, max_pixels: int | None = MAX_PIXELS) -> JpegFile:
    """Read the coefficients of a JPEG file: baseline or progressive, any tables, gray or three components.

    Of a truncated or corrupt file, coefficients that cannot be decoded are zero, and `decoder_warnings` lists the
    damage.

    Args:
        source: path, or the file's content.
        max_pixels: larger pictures are refused before memory is allocated for them; None accepts all.

    Raises:
        ImageError: the file is missing, no JPEG, in CMYK, in 12 bits or too large, or its tables or sampling factors
            are invalid.
    """
    name = "the JPEG file" if isinstance(source, bytes) else os.fspath(source)
    content = source if isinstance(source, bytes) else _content(Path(source))
    if content[:2] != b"\xff\xd8":
        raise ImageError(
            f"{name}: must be a JPEG file, which begins with FF D8, "
            f"but begins with {content[:2].hex(' ').upper() or 'nothing'}"
        )
    height, width, bands, orientation = _header(content, name)
    if max_pixels is not None and height * width > max_pixels:
        raise ImageError(f"{name}: must have at most max_pixels={max_pixels} pixels, but has {height}×{width}")
    if bands not in (1, 3):
        raise ImageError(f"{name}: must be gray or have three components, but has {bands} (CMYK or YCCK)")
    read, decoder_warnings = _coefficients(content, name)
    return JpegFile(
        shape=(height, width),
        components=_components(read, bands, (height, width), name),
        is_rgb=bands == 3 and str(read.jpeg_color_space).endswith("JCS_RGB"),
        orientation=orientation,
        decoder_warnings=decoder_warnings,
    )


def _content(path: Path) -> bytes:
    if special(path):
        raise ImageError(f"{path}: is {special(path)}, but a JPEG file is expected")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, but a JPEG file is expected") from None


def _header(content: bytes, name: str) -> tuple[int, int, int, int]:
    """Height, width, components and EXIF orientation."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the caller checks the size; broken EXIF is tolerated
            with Image.open(io.BytesIO(content), formats=("JPEG", "MPO")) as file:
                width, height = file.size
                bands = len(file.getbands())
                bits = getattr(file, "bits", 8)
                orientation = _orientation(file)
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: is too large ({error})") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: its header cannot be read as that of a JPEG file") from None
    except Exception as error:  # Pillow raises errors of many types on broken headers
        raise ImageError(f"{name}: its header cannot be read ({error})") from None
    if bits != 8:
        raise ImageError(f"{name}: must hold 8 bits per sample, but holds {bits}")
    return height, width, bands, orientation


def _orientation(file: Image.Image) -> int:
    try:
        orientation = file.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF: not turned, as in `images.load`
        return 1
    return orientation if orientation in range(1, 9) else 1


def _coefficients(content: bytes, name: str) -> tuple[Any, tuple[str, ...]]:
    try:
        import jpeglib
    except ModuleNotFoundError:
        raise ModuleNotFoundError("reading JPEG coefficients needs jpeglib: pip install jpeglib") from None
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file, _error_stream() as messages:
        file.write(content)
        file.flush()
        try:
            read = jpeglib.read_dct(file.name)
            _ = read.Y  # decodes
        except Exception as error:
            reason = "; ".join(messages()) or str(error).replace(file.name, name)
            raise ImageError(f"{name}: cannot be decoded ({reason})") from None
        return read, tuple(dict.fromkeys(messages()))


_LOCK = threading.Lock()


@contextmanager
def _error_stream() -> Iterator[Any]:
    """Capture the error stream of C code; libjpeg reports damage only there."""
    with _LOCK, tempfile.TemporaryFile() as sink:
        original = os.dup(2)
        os.dup2(sink.fileno(), 2)

        def messages() -> list[str]:
            sink.seek(0)
            return [line.strip() for line in sink.read().decode(errors="replace").splitlines() if line.strip()]

        try:
            yield messages
        finally:
            os.dup2(original, 2)
            os.close(original)


def _components(read: Any, bands: int, shape: tuple[int, int], name: str) -> tuple[Component, ...]:
    planes = [read.Y] if bands == 1 else [read.Y, read.Cb, read.Cr]
    factors = np.asarray(read.samp_factor)[:bands] if bands == 3 else np.array([[1, 1]])
    largest = factors.max(axis=0)
    components = []
    for plane, number, (vertical, horizontal) in zip(planes, read.quant_tbl_no, factors, strict=False):
        if plane is None or largest[0] % vertical or largest[1] % horizontal:
            raise ImageError(f"{name}: sampling factors must divide the largest ones, but are {factors.tolist()}")
        table = np.asarray(read.qt[number], np.float64)
        if table.min() < 1:
            raise ImageError(f"{name}: quantization steps must be at least 1, but table {number} holds {table.min():g}")
        rows, columns = largest[0] // vertical, largest[1] // horizontal
        size = (-(-shape[0] // int(rows)), -(-shape[1] // int(columns)))
        needed = tuple(-(-length // 8) for length in size)
        if plane.shape[0] < needed[0] or plane.shape[1] < needed[1]:
            raise ImageError(f"{name}: must hold {needed} blocks of each component, but holds {plane.shape[:2]}")
        components.append(
            Component(
                coefficients=np.asarray(plane[: needed[0], : needed[1]]),
                table=table,
                vertical=int(rows),
                horizontal=int(columns),
                shape=size,
            )
        )
    return tuple(components)
