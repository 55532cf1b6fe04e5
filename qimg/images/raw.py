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
from qimg.core.files import special
from qimg.core.records import short_repr
from qimg.images.contents import refuse_special
from qimg.images.limits import check_area
from qimg.images.planes import ImageError

RAW_SUFFIXES = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
"""File endings of RAW files, which can be read but not written."""

_UNKNOWN = "unknown camera"
_LINEAR = (1.0, 1.0)
_BT709 = (2.222, 4.5)  # LibRaw's notation of the curve: the inverse of its exponent and the slope near black


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class RawPicture:
    """A RAW file in linear light and rendered, with the same white balance, primaries and white level."""

    linear: Array
    """(H, W, 3) `float64` in [0, 1]: R, G, B of the sRGB primaries, proportional to light, not gamma-coded.

    Camera white balance, demosaiced by LibRaw's default for the sensor. 1 is the white level stored in the file, at
    which the channel with the smallest white-balance gain is full; higher values are clipped.
    """
    rendered: Array
    """(H, W, 3) `uint16`: the same R, G, B after the tone curve of ITU-R BT.709 (4.5 x up to 0.018, then a power)."""
    camera: str
    """Make and model, such as "Canon EOS Kiss X4"; "unknown camera" where the file has no readable tags."""


def load_raw(path: str | os.PathLike[str]) -> RawPicture:
    """Develop a RAW file by LibRaw (rawpy) into linear light and a rendered picture.

    The scale of both is independent of the brightness of the picture: rawpy's `postprocess` runs with
    `use_camera_wb=True`, `output_color=sRGB`, `output_bps=16`, `no_auto_bright=True` and `adjust_maximum_thr=0` (the
    white level is that of the file, not the brightest value), and with `gamma=(1, 1)` for linear light,
    (2.222, 4.5) for the rendered picture. The orientation is applied. Cost: two runs of LibRaw.

    Args:
        path: DNG, NEF, CR2, ARW, … (`RAW_SUFFIXES`).

    Raises:
        ImageError: the file is missing, truncated or not supported by LibRaw, or rawpy is not installed.
    """
    path = Path(path)
    with _opened(path) as raw:
        linear, rendered = _developed(raw, _LINEAR), _developed(raw, _BT709)
        return RawPicture(linear=linear / 65535.0, rendered=rendered, camera=_camera(path, raw))


def render_raw(path: Path, *, max_pixels: int | None = None) -> Array:
    """The rendered picture of `load_raw` alone, (H, W, 3) `uint16`: one run of LibRaw; raises the same errors."""
    with _opened(path) as raw:
        check_area(str(path), raw.sizes.iheight, raw.sizes.iwidth, max_pixels)
        return _developed(raw, _BT709)


def camera(path: str | os.PathLike[str]) -> str:
    """Make and model of the camera that wrote a RAW file, without developing it; raises the errors of `load_raw`."""
    path = Path(path)
    tags = None if special(path) else _tags_of_file(path)
    if tags:
        return _named(*tags)
    with _opened(path) as raw:
        return _camera(path, raw)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file by rawpy; any error inside the block is raised as an `ImageError` with the name of the file."""
    if not path.exists():
        raise ImageError(f"{path}: no such file")
    if path.is_dir():
        raise ImageError(f"{path}: is a folder, but an image file is expected")
    refuse_special(path)
    try:
        import rawpy
    except ImportError:
        raise ImageError(f"{path}: RAW files need the package rawpy (extra `raw`)") from None
    try:
        with rawpy.imread(str(path)) as raw:
            yield raw
    except ImageError:
        raise
    except Exception as error:  # errors of LibRaw, and of its wrapper on partially supported files
        reasons = [part.decode() if isinstance(part, bytes) else str(part) for part in error.args]
        reason = " ".join(reasons) or type(error).__name__
        raise ImageError(f"{path}: cannot be read as a RAW file ({reason})") from None


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
    except Exception:  # not a TIFF structure (CR3, RAF, X3F), or a non-standard one
        return None


def _tags_of_preview(raw: Any) -> tuple[str, str] | None:
    try:
        with Image.open(io.BytesIO(raw.extract_thumb().data)) as preview:
            exif = preview.getexif()
        return _text(exif.get(ExifTags.Base.Make)), _text(exif.get(ExifTags.Base.Model))
    except Exception:  # no preview, or a preview that is no JPEG file
        return None


def _text(value: object) -> str:
    return str(value or "").strip("\0 ")
