"""Restoration of JPEG files to picture files with colour profile, EXIF and XMP, written atomically."""

import os
from typing import Any

from qimg import images
from qimg.core import to_write
from qimg.restoration.jpeg.restore import Restored, restore_picture


def restore_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    content: bytes | None = None,
    quality: int | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Restored:
    """Restore a JPEG file into a picture file, upright, with its colour profile, EXIF (orientation 1) and XMP.

    Args:
        source: JPEG file.
        content: its content, which is read from the file when left out.
        out: file to write; its ending names the format, as for `qimg.images.save`.
        quality: quality of a lossy format, for which it is required.
        overwrite: replace an existing file.
        options: keyword arguments of `restore`, such as method and effort.

    Raises:
        ImageError: the source is not a readable JPEG file.
        OSError: the file exists already, or cannot be written.
    """
    path = to_write(out, overwrite=overwrite)
    restored = restore_picture(source if content is None else content, **options)
    metadata = images.read_metadata(source, content=content)
    images.save(restored.image, path, quality=quality, metadata=metadata, overwrite=overwrite)
    return restored
