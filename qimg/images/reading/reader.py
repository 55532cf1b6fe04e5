"""Reading of a picture file in any format."""

import struct
import warnings
from pathlib import Path
from typing import Any

from qimg.core import Array
from qimg.images.contents import content_of
from qimg.images.limits import several
from qimg.images.metadata import Metadata, orientation_of
from qimg.images.planes import ImageError, PictureWarning
from qimg.images.reading.formats import START, format_of
from qimg.images.reading.opened import read_opened
from qimg.images.reading.png_files import frames, read_png
from qimg.images.reading.samples import upright
from qimg.images.reading.tags import stored_metadata
from qimg.images.reading.tiff_files import read_tiff

_UNIDENTIFIED = "not identified by this driver"  # Pillow's words about a header that it cannot follow


def read(path: Path, *, max_pixels: int | None, first_frame: bool, to_rgb: bool) -> Array:
    """The picture of a file as `qimg.images.load` returns it.

    Raises:
        ImageError: the file is missing, damaged, no picture, or of a kind that is not read.
    """
    content, name = content_of(path), str(path)
    form = format_of(content[:START], path.suffix.lower())
    if form is None:
        kind = "cannot be read as an image (no TIFF file)" if path.suffix.lower() in (".tif", ".tiff") else None
        raise ImageError(f"{name}: {kind or 'not an image file that can be read'}")
    options: dict[str, Any] = {"max_pixels": max_pixels, "first_frame": first_frame, "convert": to_rgb}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(PIL|tifffile|png|pillow_heif)(\.|$)")
            if form == "TIFF":
                return read_tiff(content, name, **options)
            if form != "PNG":
                metadata = _quietly_stored(form, content, name)
                pixels = read_opened(form, content, name, metadata.icc_profile, **options)
            elif frames(content) > 1 and not first_frame:
                raise several(name, frames(content))
            else:
                metadata = _quietly_stored(form, content, name)
                pixels = read_png(content, name, max_pixels=max_pixels)
    except (ImageError, PictureWarning):
        raise
    except Exception as error:  # decoders raise errors of many types on broken files
        raise ImageError(f"{name}: cannot be read as an image ({_reason(error, form)})") from None
    orientation = 1 if form == "HEIF" else orientation_of(metadata)  # pillow-heif turns the picture
    return upright(pixels, orientation) if orientation > 1 else pixels


def _quietly_stored(form: str, content: bytes, name: str) -> Metadata:
    """The metadata without the warnings that `read_metadata` issues."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PictureWarning)
        return stored_metadata(form, content, name)


def _reason(error: Exception, form: str) -> str:
    text = " ".join(str(error).split())
    # Pillow passes the errors of `struct` on as SyntaxError.
    if isinstance(error, struct.error | IndexError | TypeError) or "unpack" in text or text in ("", _UNIDENTIFIED):
        return f"its {form} header is damaged or incomplete"
    return text
