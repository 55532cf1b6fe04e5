"""Picture files to files of the codec and back, with colour profile, EXIF and XMP; written whole or not at all."""

import os
from pathlib import Path
from typing import Any

from qimg import images
from qimg.codecs.block.decoder.decode import MAX_PIXELS, Decoded, decode_picture
from qimg.codecs.block.encoder.encode import Encoded, encode_picture
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.errors import BitstreamError
from qimg.core.files import to_write, write_atomically
from qimg.images import Metadata

SUFFIX = ".qimg"


def encode_file(
    source: str | os.PathLike[str], out: str | os.PathLike[str], *, overwrite: bool = False, **options: Any
) -> Encoded:
    """Encode a picture file, upright, with its colour profile, EXIF (orientation 1) and XMP.

    Args:
        source: as for `qimg.images.load`.
        out: file to write, ending in `.qimg`.
        overwrite: replace a file that exists.
        options: target, effort and so on of `encode`.

    Raises:
        ImageError: the source is no picture.
        ValueError: a target is missing or out of reach; the message begins with the source's name.
        OSError: the file exists already, or cannot be written.
    """
    path = to_write(out, overwrite=overwrite)
    if path.suffix.lower() != SUFFIX:
        raise ValueError(f"{path}: the file to write must end in {SUFFIX}")
    pixels = images.load(source)
    metadata = images.read_metadata(source)
    try:
        encoded = encode_picture(
            pixels, icc_profile=metadata.icc_profile, exif=metadata.exif, xmp=metadata.xmp, **options
        )
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    write_atomically(path, encoded.data)
    return encoded


def decode_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    quality: int | None = None,
    overwrite: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    tables: Tables | None = None,
    partial_ok: bool = True,
) -> Decoded:
    """Decode a file into a picture file of any format, with the metadata that the format holds.

    Args:
        source: file of the codec.
        out: picture file; its ending names the format, as for `qimg.images.save`.
        quality: of a lossy format, where it must be given.
        overwrite: replace a file that exists.
        max_pixels: as in `decode_picture`.
        tables: as in `decode_picture`.
        partial_ok: as in `decode_picture`.

    Raises:
        BitstreamError: something else, cut or altered; the message begins with the source's name.
        ImageError: the format cannot hold the picture.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: a file cannot be read or written, or exists already.
    """
    path = to_write(out, overwrite=overwrite)
    data = Path(source).read_bytes()
    try:
        decoded = decode_picture(data, max_pixels=max_pixels, tables=tables, partial_ok=partial_ok)
    except BitstreamError as error:
        raise error.of_file(source) from None
    metadata = Metadata(icc_profile=decoded.icc_profile, exif=decoded.exif, xmp=decoded.xmp)
    images.save(decoded.image, path, quality=quality, metadata=metadata)
    return decoded
