"""Conversion between picture files and files of a codec, with colour profile, EXIF and XMP; writes are atomic."""

import os
from dataclasses import asdict, replace
from typing import Any

from qimg import images
from qimg.codecs import pictures, registry
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import METADATA, Decoded, Encoded, EncodeOptions
from qimg.core import ArgumentError, Array, Track, regular, to_write, write_atomically
from qimg.images.metadata import Metadata, fitting, orientation_of, turned_upright


def encode_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    codec: str = "auto",
    overwrite: bool = False,
    max_pixels: int | None = images.MAX_PIXELS,
    first_frame: bool = False,
    to_rgb: bool = False,
    track: Track = iter,
    **options: Any,
) -> Encoded:
    """Encode a picture file, rotated upright, with the metadata that the codec supports.

    The metadata are colour profile, EXIF (with orientation 1) and XMP.

    Args:
        source: as for `qimg.images.load`.
        out: file to write, with the ending of the codec's files.
        codec: id, as for `qimg.encode`.
        overwrite: replace an existing file.
        max_pixels: as for `qimg.images.load`, as `first_frame` and `to_rgb` are.
        first_frame: as above.
        to_rgb: as above.
        track: as for `qimg.encode`.
        options: fields of `EncodeOptions`, such as the target and the effort. `importance` may name the file of a gray
            picture of the size of the source, whose values are weights.

    Raises:
        ImageError: the source, or the picture of the weights, is not a picture.
        ValueError: an option is not supported, or a target is missing or out of reach; the message begins with the
            source's name.
        OSError: the file exists already or cannot be written.

    Warns:
        PictureWarning: a part of the source is rounded, or not kept.
    """
    path, chosen = to_write(out, overwrite=overwrite), registry.codec_for(codec, EncodeOptions(**options))
    if path.suffix.lower() != chosen.suffix:
        raise ValueError(f"{path}: the file to write must end in {chosen.suffix} for codec {chosen.id}")
    pixels = images.load(source, max_pixels=max_pixels, first_frame=first_frame, to_rgb=to_rgb)
    if isinstance(options.get("importance"), str | os.PathLike):
        options["importance"] = weights_in(options["importance"], max_pixels=max_pixels)
    stored = images.read_metadata(source)
    metadata = asdict(fitting(stored, chosen.suffix, images.colours(pixels), str(source)))
    options |= {name: metadata[name] for name in METADATA if name in chosen.capabilities.options}
    try:
        encoded = pictures.encode_picture(pixels, codec=codec, track=track, **options)
    except ArgumentError as error:
        raise error.of_file(source) from None
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    write_atomically(path, encoded.data, overwrite=overwrite)
    return encoded


def weights_in(path: str | os.PathLike[str], *, max_pixels: int | None = images.MAX_PIXELS) -> Array:
    """Weights (H, W) in the file of a gray picture, or of one whose channels are equal.

    Raises:
        ImageError: the file is not such a picture.
    """
    pixels = images.load(path, max_pixels=max_pixels)
    planes = pixels.reshape(*pixels.shape[:2], -1)
    if images.has_alpha(pixels) or (planes != planes[..., :1]).any():
        raise images.ImageError(f"{path}: a picture of weights must be gray, without colours and alpha, but is not")
    return planes[..., 0]


def decode_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    codec: str = "auto",
    quality: int | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Decoded:
    """Decode a file into a picture file of any format, upright, with the metadata that the format supports.

    Args:
        source: file of the codec.
        out: picture file; its ending determines the format, as for `qimg.images.save`.
        codec: as for `qimg.decode`.
        quality: quality of the picture file; required by lossy formats.
        overwrite: replace an existing file.
        options: fields of `DecodeOptions`.

    Raises:
        BitstreamError: the file is not of this codec, cut or altered; the message begins with the source's name.
        ImageError: the format cannot hold the picture.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: a file cannot be read or written, or exists already.
    """
    path, data = to_write(out, overwrite=overwrite), regular(source).read_bytes()
    try:
        decoded = pictures.decode_picture(data, codec=codec, **options)
    except BitstreamError as error:
        raise error.of_file(source) from None
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    stored = Metadata(icc_profile=decoded.icc_profile, exif=decoded.exif, xmp=decoded.xmp)
    image, metadata = images.upright(decoded.image, orientation_of(stored)), turned_upright(stored)
    images.save(image, path, quality=quality, metadata=metadata, overwrite=overwrite)
    return replace(decoded, image=image, **asdict(metadata))
