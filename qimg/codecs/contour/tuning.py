"""Files of the contour codec of low tangent error."""

import math

from qimg import metrics
from qimg.codecs.contour.decoder import decode
from qimg.codecs.contour.encoder import ContourEncoded, encode
from qimg.codecs.contour.importance import importance_of, plain
from qimg.codecs.protocol import DecodeOptions, EncodeOptions
from qimg.core import ArgumentError, Array, Track
from qimg.images import without_alpha
from qimg.metrics.perceptual.scales import SMALLEST


def encode_tuned(image: Array, options: EncodeOptions, *, track: Track = iter) -> ContourEncoded:
    """The file of lower tangent error of two of a size: with errors weighted by `importance_of`, and without weights.

    Errors along contours hang together, which weights of single pixels do not see, so that weights do not always help.
    Pictures with fewer than 8 rows or columns are encoded without weights.

    Args:
        image: as for `encode`.
        options: `size` or `bits_per_pixel`, and others as for `encode`.
        track: wraps the indices of the rows at every attempt.

    Raises:
        ValueError: another target is set, or the size is out of reach.
    """
    if options.size is None and options.bits_per_pixel is None:
        raise ArgumentError(f"size or bits_per_pixel must be set if {{0}}={options.tune}", "tune")
    best = encode(image, options, track=track, weigh=plain)
    if min(image.shape[:2]) < SMALLEST or math.isinf(best.psnr_db):
        return best
    weighted = encode(image, options, track=track, weigh=importance_of)
    return min(best, weighted, key=lambda file: _error(image, file))


def _error(image: Array, file: ContourEncoded) -> float:
    shown = decode(file.data, DecodeOptions(max_pixels=None)).image
    source, other = without_alpha(image), without_alpha(shown)
    return metrics.tangent_error(source, other, channel_axis=2 if source.ndim == 3 else None)
