"""The encoder of the mixed codec: from a picture to the bytes of a file that meets a target."""

import math

from qimg.codecs.mixed.attempts import Attempts, MixedEncoded
from qimg.codecs.mixed.search import LEAST, approach
from qimg.codecs.protocol import EncodeOptions
from qimg.core import ArgumentError, Array, Track

FULL = 0.99
"""Least share of the allowed bytes that ends the search."""
NEAR_DB = 0.05
"""Largest excess over the target PSNR that ends the search."""
_EXACT_DB = 200.0  # replaces infinity
_DB_PER_QUALITY, _QUALITY_OF_30_DB = 0.27, 10.0  # first guesses, from slides
_LOG_BYTES_PER_QUALITY, _QUALITY_OF_ONE_BIT = 0.036, 50.0
_MOST_BITS = 1000.0  # per pixel, more than any picture can use


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> MixedEncoded:
    """Encode a picture as a file; alpha is coded without loss by the contour codec.

    At a quality both codecs encode the whole picture, and every tile goes to the one of less squared error + λ · bits;
    then each codec encodes its tiles, with the others filled. If that costs more than one codec alone, all tiles go to
    this one. For the other targets the quality is searched, with up to eight pairs of files, and with new maps where
    the quality moves by more than eight.

    Args:
        image: `uint8`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        options: the target and metadata; `quality` is on the scale of `qimg.codecs.quality`.
        track: wraps the indices of the two parts at every attempt.

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    attempts = Attempts(image, options, track)
    if options.quality is not None:
        return attempts.at(options.quality)
    if options.psnr_db is not None:
        return _of_psnr(attempts, options.psnr_db)
    area = image.shape[0] * image.shape[1]
    if options.size is not None:
        return _of_size(attempts, options.size, area, "size")
    size = math.floor(min(options.bits_per_pixel or 0.0, _MOST_BITS) * area / 8)
    return _of_size(attempts, size, area, "bits_per_pixel")


def _of_psnr(attempts: Attempts, psnr_db: float) -> MixedEncoded:
    """The smallest of the tried files that reach a PSNR."""
    tried: list[MixedEncoded] = []

    def reached(quality: float) -> float:
        tried.append(attempts.at(quality))
        return min(tried[-1].psnr_db, _EXACT_DB)

    start = _QUALITY_OF_30_DB + (psnr_db - 30) / _DB_PER_QUALITY
    approach(reached, psnr_db, psnr_db + NEAR_DB, start=start, slope=_DB_PER_QUALITY)
    enough = [file for file in tried if file.psnr_db >= psnr_db]
    if not enough:
        highest = math.floor(100 * max(file.psnr_db for file in tried)) / 100
        rule = f"{{0}} must be at most {highest:.2f} for this picture, but {{0}}={psnr_db}"
        raise ArgumentError(rule, "psnr_db")
    return min(enough, key=lambda file: len(file.data))


def _of_size(attempts: Attempts, size: int, area: int, name: str) -> MixedEncoded:
    """The best of the tried files of at most a number of bytes."""
    tried: list[MixedEncoded] = []

    def log_bytes(quality: float) -> float:
        tried.append(attempts.at(quality))
        return math.log(len(tried[-1].data))

    low, high = (math.log(max(1.0, limit)) for limit in (FULL * size, size))
    start = _QUALITY_OF_ONE_BIT + math.log(8 * max(1, size) / area) / _LOG_BYTES_PER_QUALITY
    approach(log_bytes, low, high, start=start, slope=_LOG_BYTES_PER_QUALITY)
    if all(len(file.data) > size for file in tried):
        log_bytes(LEAST)
    fitting = [file for file in tried if len(file.data) <= size]
    if not fitting:
        smallest = min(tried, key=lambda file: len(file.data))
        least = len(smallest.data) if name == "size" else f"{smallest.bits_per_pixel:.4g}"
        raise ArgumentError(f"{{0}} must be at least {least} for this picture, but allows {size} bytes", name)
    return max(fitting, key=lambda file: (file.psnr_db, -len(file.data)))
