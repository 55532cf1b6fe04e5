"""The codec of `codec="auto"`: which of those that can meet the target gives the better file.

A photograph is coded by `block`, or without loss by `lossless`, graphics by `contour`: `qimg.codecs.contents` tells
them apart. Between the two, with loss, `mixed` encodes the picture, and unless that is clearly better than one codec
alone, so do both; the best file is kept.
"""

import math

from qimg.codecs import registry
from qimg.codecs.contents import graphic_share
from qimg.codecs.protocol import TANGENT, Codec, Encoded, EncodeOptions
from qimg.codecs.quality import weight_of_quality
from qimg.core import ArgumentError, Array, Track

PHOTOGRAPH, GRAPHICS = 0.1, 0.9
"""Shares of detail in graphic tiles: below the first a picture is coded by `block`, from the second by `contour`."""
MIXED = "mixed"
"""Id of the codec that is tried between these shares."""
CLEAR = 0.97
"""Cost of a mixed file over that of the better codec alone below which neither is tried."""


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
    """Encode a picture by the codec that suits it.

    With `max_error` that is `contour`, the only one that supports it.
    Pictures of 16 bits and options that `contour` does not support, such as `effort`, need `block`, or without loss
    `lossless`; `tune="tangent"` needs `block`. Otherwise the picture decides; of two files the one with fewer bytes is
    kept if the target is a PSNR, the one of higher PSNR if it is a size, and at a quality the one of less squared error
    + λ · bits.

    Args:
        image: as for `qimg.encode`.
        options: those that `qimg.codecs.registry.check` accepts for the codec of `registry.codec_for`.
        track: as for `qimg.encode`.

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    contour = registry.codec(registry.AUTO_GRAPHICS)
    if options.max_error is not None:
        return contour.encode(image, options, track=track)
    general = registry.codec(registry.AUTO_LOSSLESS if options.lossless else registry.AUTO)
    if image.itemsize > 1 or options.tune == TANGENT or not _takes(contour, options):
        return general.encode(image, options, track=track)
    share = graphic_share(image)
    if share < PHOTOGRAPH:
        return general.encode(image, options, track=track)
    several = (contour,) if share >= GRAPHICS else (registry.codec(MIXED), contour, general)
    files: list[Encoded] = []
    for codec in (codec for codec in several if _takes(codec, options)):
        try:
            files.append(codec.encode(image, options, track=track))
        except ArgumentError:  # the target is out of its reach
            continue
        if _clearly_better(files[-1]):
            break
    if not files:
        return general.encode(image, options, track=track)
    return min(files, key=lambda file: cost(image, options, file))


def _takes(codec: Codec, options: EncodeOptions) -> bool:
    return codec.capabilities.options.issuperset(options.named)


def _clearly_better(file: Encoded) -> bool:
    """Whether a file is one of the mixed codec that is known to be better than those of both codecs."""
    from qimg.codecs.mixed.attempts import MixedEncoded

    return isinstance(file, MixedEncoded) and file.relative_cost < CLEAR


def cost(image: Array, options: EncodeOptions, file: Encoded) -> tuple[float, float]:
    """What makes one of several files for a target the better one; the least is best.

    Args:
        image: source.
        options: its target.
        file: a file that meets the target, with its PSNR.
    """
    assert file.psnr_db is not None  # by the codecs of this module
    length = len(file.data)
    if options.psnr_db is not None or options.lossless:
        return length, -file.psnr_db
    if options.quality is None:
        return -file.psnr_db, length
    error = 255**2 * 10 ** (-file.psnr_db / 10) if math.isfinite(file.psnr_db) else 0.0
    return error * image.shape[0] * image.shape[1] + weight_of_quality(options.quality, 1) * 8 * length, length
