"""RAW files of cameras, developed by LibRaw: linear light, the rendered picture, and the name of the camera."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from qimg.core import Array
from qimg.images.planes import ImageError

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""File endings of RAW files, which are read but never written."""

_UNKNOWN = "unknown camera"
_LINEAR = (1.0, 1.0)
_BT709 = (2.222, 4.5)  # LibRaw's way to write the curve: the inverse of its power, and the slope of its toe


@dataclass(frozen=True, eq=False, kw_only=True)
class RawPicture:
    """One RAW file in linear light and rendered, with the same white balance, primaries and white level."""

    linear: Array
    """(H, W, 3) `float64` in [0, 1]: R, G, B of the sRGB primaries, proportional to light, not gamma-coded.

    Camera white balance, demosaiced by LibRaw's default for the sensor; 1 is the white level that the file states, at
    which the channel that white balance amplifies least is full. More is clipped.
    """
    rendered: Array
    """(H, W, 3) `uint16`: the same R, G, B after the tone curve of ITU-R BT.709 (4.5 x up to 0.018, then a power)."""
    camera: str
    """Make and model, such as "Canon EOS Kiss X4"; "unknown camera" where the file does not say in a way we read."""


def load_raw(path: str | os.PathLike[str]) -> RawPicture:
    """Develop a RAW file by LibRaw (rawpy) into linear light and a rendered picture.

    Neither depends on how bright the picture is: rawpy's `postprocess` runs with `use_camera_wb=True`,
    `output_color=sRGB`, `output_bps=16`, `no_auto_bright=True` and `adjust_maximum_thr=0` (the white level is that of
    the file, not the brightest value), and with `gamma=(1, 1)` for linear light, (2.222, 4.5) for the rendered picture.
    The orientation is applied. Cost: two runs of LibRaw, about 0.2 s each per 2 million pixels.

    Args:
        path: DNG, NEF, CR2, ARW, … (`RAW_SUFFIXES`).

    Raises:
        ImageError: the file is missing, truncated or no RAW file that LibRaw knows, or rawpy is not installed.
    """
    path = Path(path)
    with _opened(path) as raw:
        linear, rendered = _developed(raw, _LINEAR), _developed(raw, _BT709)
        return RawPicture(linear=linear / 65535.0, rendered=rendered, camera=_camera(path, raw))


def render_raw(path: Path) -> Array:
    """The rendered picture of `load_raw` alone, (H, W, 3) `uint16`, in half its time; the same errors."""
    with _opened(path) as raw:
        return _developed(raw, _BT709)


def camera(path: str | os.PathLike[str]) -> str:
    """Make and model of the camera that wrote a RAW file, without developing it; the errors of `load_raw`."""
    path = Path(path)
    tags = _tags_of_file(path)
    if tags:
        return _named(*tags)
    with _opened(path) as raw:
        return _camera(path, raw)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file opened by rawpy; whatever goes wrong inside the block becomes an `ImageError` with the file's name."""
    if not path.exists():
        raise ImageError(f"{path}: no such file")
    if path.is_dir():
        raise ImageError(f"{path}: is a folder, but an image file is expected")
    try:
        import rawpy
    except ImportError:
        raise ImageError(f"{path}: RAW files need the package rawpy (extra `raw`)") from None
    try:
        with rawpy.imread(str(path)) as raw:
            yield raw
    except Exception as error:  # LibRaw's own kinds, and those of its wrapper on files that it half understands
        said = [part.decode() if isinstance(part, bytes) else str(part) for part in error.args]
        raise ImageError(f"{path}: cannot be read as a RAW file ({' '.join(said) or type(error).__name__})") from None


def _developed(raw: Any, gamma: tuple[float, float]) -> Array:
    import rawpy

    pixels = np.asarray(
        raw.postprocess(
            gamma=gamma,
            use_camera_wb=True,
            output_color=rawpy.ColorSpace.sRGB,
            output_bps=16,
            no_auto_bright=True,
            adjust_maximum_thr=0.0,
        )
    )
    # A sensor without colour filters has one channel.
    return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)


def _camera(path: Path, raw: Any) -> str:
    """Make and model from the file's own TIFF tags, or from the EXIF data of its preview."""
    return _named(*(_tags_of_file(path) or _tags_of_preview(raw) or ("", "")))


def _named(make: str, model: str) -> str:
    if model.lower().startswith(make.lower()):
        make = ""
    return f"{make} {model}".strip() or _UNKNOWN


def _tags_of_file(path: Path) -> tuple[str, str] | None:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            tags = file.pages[0].tags
            return _text(tags.valueof(ExifTags.Base.Make)), _text(tags.valueof(ExifTags.Base.Model))
    except Exception:  # not built on TIFF (CR3, RAF, X3F), or in a way of its own
        return None


def _tags_of_preview(raw: Any) -> tuple[str, str] | None:
    try:
        with Image.open(io.BytesIO(raw.extract_thumb().data)) as preview:
            exif = preview.getexif()
        return _text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model))
    except Exception:  # no preview, or one that is no JPEG file
        return None


def _text(value: object) -> str:
    return str(value or "").strip("\0 ")
