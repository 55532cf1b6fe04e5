"""Picture files to files of a codec and back, with colour profile, EXIF and XMP; written whole or not at all."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qimg import images
from qimg.codecs import pictures, registry
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import METADATA, Decoded, Encoded
from qimg.core import Track, to_write, write_atomically
from qimg.images import Metadata


def encode_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    codec: str = "auto",
    overwrite: bool = False,
    track: Track = iter,
    **options: Any,
) -> Encoded:
    """Encode a picture file, upright, with what the codec holds of colour profile, EXIF (orientation 1) and XMP.

    Args:
        source: as for `qimg.images.load`.
        out: file to write, with the ending of the codec's files.
        codec: id, as for `qimg.encode`.
        overwrite: replace a file that exists.
        track: as for `qimg.encode`.
        options: target, effort and so on of `EncodeOptions`.

    Raises:
        ImageError: the source is no picture.
        ValueError: an option is not supported, a target is missing or out of reach; the message begins with the
            source's name.
        OSError: the file exists already, or cannot be written.
    """
    path, chosen = to_write(out, overwrite=overwrite), registry.codec(codec)
    if path.suffix.lower() != chosen.suffix:
        raise ValueError(f"{path}: the file to write must end in {chosen.suffix} for codec {chosen.id}")
    pixels, metadata = images.load(source), asdict(images.read_metadata(source))
    options |= {name: metadata[name] for name in METADATA if name in chosen.capabilities.options}
    try:
        encoded = pictures.encode_picture(pixels, codec=codec, track=track, **options)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    write_atomically(path, encoded.data)
    return encoded


def decode_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    codec: str = "auto",
    quality: int | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Decoded:
    """Decode a file into a picture file of any format, with the metadata that the format holds.

    Args:
        source: file of the codec.
        out: picture file; its ending names the format, as for `qimg.images.save`.
        codec: as for `qimg.decode`.
        quality: of a lossy format, where it must be given.
        overwrite: replace a file that exists.
        options: of `DecodeOptions`.

    Raises:
        BitstreamError: something else, cut or altered; the message begins with the source's name.
        ImageError: the format cannot hold the picture.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: a file cannot be read or written, or exists already.
    """
    path, data = to_write(out, overwrite=overwrite), Path(source).read_bytes()
    try:
        decoded = pictures.decode_picture(data, codec=codec, **options)
    except BitstreamError as error:
        raise error.of_file(source) from None
    metadata = Metadata(icc_profile=decoded.icc_profile, exif=decoded.exif, xmp=decoded.xmp)
    images.save(decoded.image, path, quality=quality, metadata=metadata)
    return decoded
