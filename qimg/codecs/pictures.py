"""Encoding and decoding of pictures with any codec of the registry."""

import warnings
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from qimg.codecs import choice, registry
from qimg.codecs.envelope import NUMBER_AT
from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.codecs.protocol import Codec, Decoded, DecodeOptions, Encoded, EncodeOptions, Info
from qimg.core import Array, Track
from qimg.images import check_image


def encode(image: ArrayLike, *, codec: str = "auto", track: Track = iter, **options: Any) -> bytes:
    """Encode a picture as the bytes of a file.

    `quality`, `size`, `bits_per_pixel`, `psnr_db` or `lossless` sets the target.

    Args:
        image: `uint8` or `uint16`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        codec: id in `qimg.codecs.registry`; `auto` is the one of `qimg.codecs.choice`: `block` for photographs, and
            `contour` for graphics and without loss.
        track: wraps the indices of the picture's parts at every attempt, for a progress bar.
        options: fields of `EncodeOptions`; `qimg.codecs.block.encoder.encode` documents their effect on `block`.

    Raises:
        ImageError: `image` is not a picture.
        ValueError: the codec does not support an option or this kind of picture, or a target is missing, out of range
            or out of reach.
        ModuleNotFoundError: the codec needs a package that is not installed.
    """
    return encode_picture(image, codec=codec, track=track, **options).data


def encode_picture(image: ArrayLike, *, codec: str = "auto", track: Track = iter, **options: Any) -> Encoded:
    """Encode a picture as `encode` does; returns the file with the encoder's measurements."""
    pixels = check_image("image", image)
    if callable(options.get("importance")):
        options["importance"] = options["importance"](pixels)
    settings = EncodeOptions(**options)
    chosen = registry.codec_for(codec, settings)
    registry.check(chosen, settings, pixels)
    encode = choice.encode if codec == "auto" else chosen.encode
    return encode(pixels, settings, track=track)


def decode(data: bytes, *, codec: str = "auto", **options: Any) -> Array:
    """Decode a file to pixels of the shape and the type that were encoded, or a rectangle of them.

    Args:
        data: the whole file.
        codec: `auto` reads every file with qimg's envelope, using the codec that the envelope identifies. A file of a
            peer needs the id of its codec. The guarantees for damaged and large files hold for files with an envelope.
        options: fields of `DecodeOptions`: `max_pixels` (2²⁸, or None for no limit), `tables`, `partial_ok`, `threads`
            (1), and `crop` (top, left, height and width).

    Raises:
        BitstreamError: the file is of another format, cut, altered or too large, or its codec, version or tables are
            not available.
        ValueError: the codec does not support an option, or the rectangle is not within the picture.

    Warns:
        PartialPictureWarning: the file is progressive and cut; its available part is returned.
    """
    decoded = decode_picture(data, codec=codec, **options)
    if decoded.partial:
        warnings.warn(f"the file is cut after {len(data)} bytes: the picture is partial", PartialPictureWarning, 2)
    return decoded.image


def decode_picture(data: bytes, *, codec: str = "auto", **options: Any) -> Decoded:
    """Decode a file as `decode` does; returns the picture with its metadata."""
    chosen, settings = _codec_of(data, codec), DecodeOptions(**options)
    registry.check(chosen, settings)
    decoded = chosen.decode(data, settings)
    return decoded if settings.crop is None else replace(decoded, image=settings.cropped(decoded.image))


def info(data: bytes, *, codec: str = "auto") -> Info:
    """Describe a file without decoding it; the file may be cut. Arguments and errors as for `decode`."""
    return _codec_of(data, codec).info(data)


def _codec_of(data: bytes, codec: str) -> Codec:
    if codec != "auto":
        return registry.codec(codec)
    codec_id = registry.id_of(data)
    if not isinstance(registry.named(codec_id), Codec):
        rule = f"the file must hold one picture, but is a pack: qimg.codecs.get({codec_id!r}) decodes it"
        raise BitstreamError(rule, NUMBER_AT)
    return registry.codec(codec_id)
