"""Pictures to bytes and back, by any codec of the registry."""

import warnings
from typing import Any

from numpy.typing import ArrayLike

from qimg.codecs import registry
from qimg.codecs.errors import PartialPictureWarning
from qimg.codecs.protocol import Codec, Decoded, DecodeOptions, Encoded, EncodeOptions, Info
from qimg.core import Array, Track
from qimg.images import check_image


def encode(image: ArrayLike, *, codec: str = "auto", track: Track = iter, **options: Any) -> bytes:
    """The file of a picture; one of `quality`, `size`, `bits_per_pixel` and `psnr_db` sets how good it is to be.

    Args:
        image: `uint8` or `uint16`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        codec: id in `qimg.codecs.registry`; `auto` is `block`.
        track: called with the numbers of the picture's parts at every attempt, such as a progress bar.
        options: fields of `EncodeOptions`; what each means to `block` stands in `qimg.codecs.block.encoder.encode`.

    Raises:
        ImageError: `image` is no picture.
        ValueError: the codec does not support an option or such pictures; a target is missing, out of range, or out of
            reach.
        ModuleNotFoundError: the codec needs a package that is not installed.
    """
    return encode_picture(image, codec=codec, track=track, **options).data


def encode_picture(image: ArrayLike, *, codec: str = "auto", track: Track = iter, **options: Any) -> Encoded:
    """As `encode`, with what the encoder measured beside the file."""
    pixels, chosen, asked = check_image("image", image), registry.codec(codec), EncodeOptions(**options)
    registry.check(chosen, asked, pixels)
    return chosen.encode(pixels, asked, track=track)


def decode(data: bytes, *, codec: str = "auto", **options: Any) -> Array:
    """The picture of a file: pixels of the shape and the type that were encoded.

    Args:
        data: the whole file.
        codec: `auto` reads every file with qimg's envelope, by the codec that it names. Files of peers are read where
            their codec is named; what is promised of damaged and large files holds for envelopes.
        options: fields of `DecodeOptions`: `max_pixels` (2²⁸, or None for no limit), `tables`, `partial_ok`.

    Raises:
        BitstreamError: something else, cut, altered, too large, of a codec, a version or tables that are not at hand.
        ValueError: the codec does not support an option.

    Warns:
        PartialPictureWarning: the file is progressive and cut; what is there of it is returned.
    """
    decoded = decode_picture(data, codec=codec, **options)
    if decoded.partial:
        warnings.warn(f"the file is cut after {len(data)} bytes: the picture is partial", PartialPictureWarning, 2)
    return decoded.image


def decode_picture(data: bytes, *, codec: str = "auto", **options: Any) -> Decoded:
    """As `decode`, with the metadata beside the picture."""
    chosen, asked = _codec_of(data, codec), DecodeOptions(**options)
    registry.check(chosen, asked)
    return chosen.decode(data, asked)


def info(data: bytes, *, codec: str = "auto") -> Info:
    """The description of a file, cut files included; nothing is decoded. Arguments and errors as for `decode`."""
    return _codec_of(data, codec).info(data)


def _codec_of(data: bytes, codec: str) -> Codec:
    return registry.codec(registry.id_of(data) if codec == "auto" else codec)
