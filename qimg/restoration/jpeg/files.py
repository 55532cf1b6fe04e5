"""JPEG files to restored picture files, with colour profile, EXIF and XMP; written whole or not at all."""

import os
from typing import Any

from qimg import images
from qimg.core import to_write
from qimg.restoration.jpeg.restore import Restored, restore_picture


def restore_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    quality: int | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Restored:
    """Restore a JPEG file into a picture file, upright, with its colour profile, EXIF (orientation 1) and XMP.

    Args:
        source: JPEG file.
        out: file to write; its ending names the format, as for `qimg.images.save`.
        quality: of a lossy format, where it must be given.
        overwrite: replace a file that exists.
        options: method, effort and so on of `restore`.

    Raises:
        ImageError: the source is no JPEG file that can be read.
        OSError: the file exists already, or cannot be written.
    """
    path = to_write(out, overwrite=overwrite)
    restored = restore_picture(source, **options)
    images.save(restored.image, path, quality=quality, metadata=images.read_metadata(source))
    return restored
