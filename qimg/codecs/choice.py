"""The codec of `codec="auto"`: which of those that can meet the target gives the better file.

A photograph is coded by `block`, or without loss by `lossless`, graphics by `contour`: `qimg.codecs.contents` tells
them apart. Between the two, both codecs encode the picture and the better file is kept.
"""

import math

from qimg.codecs import registry
from qimg.codecs.contents import graphic_share
from qimg.codecs.protocol import TANGENT, Encoded, EncodeOptions
from qimg.codecs.quality import weight_of_quality
from qimg.core import ArgumentError, Array, Track

PHOTOGRAPH, GRAPHICS = 0.1, 0.97
"""Shares of detail in graphic tiles: below the first a picture is coded by `block`, from the second by `contour`."""


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
    """Encode a picture by the codec that suits it.

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
    general = registry.codec(registry.AUTO_LOSSLESS if options.lossless else registry.AUTO)
    if image.itemsize > 1 or options.tune == TANGENT or not contour.capabilities.options.issuperset(options.named):
        return general.encode(image, options, track=track)
    share = graphic_share(image)
    if share < PHOTOGRAPH:
        return general.encode(image, options, track=track)
    files = []
    for codec in [contour] if share >= GRAPHICS else [contour, general]:
        try:
            files.append(codec.encode(image, options, track=track))
        except ArgumentError:  # the target is out of its reach
            continue
    return (
        min(files, key=lambda file: cost(image, options, file))
        if files
        else general.encode(image, options, track=track)
    )


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
