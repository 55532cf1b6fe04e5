"""The encoder of the learned codec: from a picture to the bytes of a file."""

from dataclasses import dataclass
from itertools import chain
from math import inf, log10

import numpy as np

from qimg.codecs.envelope import metadata_chunks
from qimg.codecs.learned import targets
from qimg.codecs.learned.bitstream import Header, write
from qimg.codecs.learned.decoder import paint
from qimg.codecs.learned.design import BLOCK, COLOURS, CONDITION_FRACTION, GAIN_FRACTION, STEP_FRACTION, conditions
from qimg.codecs.learned.model import LearnedModel, default
from qimg.codecs.learned.quantizer import SLOPE, Quantizer
from qimg.codecs.learned.tiles import encoded_tile, windows
from qimg.codecs.learned.transform import AROUND, MARGIN, coefficients
from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.core import Array, Track, arguments
from qimg.core.records import short_repr

WORST, BEST = 748, 28
"""Indices of the rate of the qualities 1 and 100."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements."""

    psnr_db: float
    """PSNR of the decoded gray or RGB channels against the source; infinite if they are equal."""
    rate: int
    """Index of the rate."""


def rate_of_quality(quality: float) -> int:
    """Index of the rate of a quality.

    The quantization step is 230 code values at quality 1, and falls by a factor of 2 in 13.6 units to 4.7 at 100.
    """
    arguments.require(1 <= quality <= 100, "quality", "must be in [1, 100]", quality)
    return round(WORST - (quality - 1) / 99 * (WORST - BEST))


def encode(
    image: Array,
    options: EncodeOptions,
    *,
    track: Track = iter,
    slope: float = SLOPE,
    model: LearnedModel | None = None,
) -> LearnedEncoded:
    """Encode a picture as a file.

    With `size`, `bits_per_pixel` and `psnr_db` the step is searched, with up to 12 attempts.

    Args:
        image: `uint8`, (H, W) or (H, W, 3).
        options: the target and metadata.
        track: wraps the indices of tiles at every attempt.
        slope: squared error that is worth a bit, in squared steps.
        model: the model, by default that of qimg.

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    model = (default() if options.tables is None else options.tables) if model is None else model
    metadata = list(chain.from_iterable(metadata_chunks(options).values()))

    def attempt(rate: int) -> LearnedEncoded:
        return _attempt(model, image, rate, metadata, slope, track)

    rates = model.design.rates
    if options.quality is not None:
        return attempt(rate_of_quality(options.quality))
    if options.psnr_db is not None:
        return targets.of_psnr(attempt, options.psnr_db, rates)
    area = image.shape[0] * image.shape[1]
    most, name = options.size, "size"
    if most is None:
        assert options.bits_per_pixel is not None  # by `qimg.codecs.registry.check`
        most, name = int(options.bits_per_pixel * area / 8), "bits_per_pixel"
    return targets.of_size(attempt, most, name, rates)


def _attempt(
    model: LearnedModel, image: Array, rate: int, metadata: list[tuple[bytes, bytes]], slope: float, track: Track
) -> LearnedEncoded:
    """Encode at an index of the rate."""
    height, width = image.shape[:2]
    header = Header(height=height, width=width, gray=image.ndim == 2, rate=rate, identity=model.identity)
    latents = np.empty((model.design.channels, *header.shape), np.int32)
    words = []
    tiles = list(windows(*header.shape))
    for number in track(range(len(tiles))):
        tile = tiles[number]
        latents[:, tile[0], tile[1]], some = _encoded(model, image, rate, tile, slope)
        words.append(some)
    data = write(header, words, metadata)
    decoded = np.empty_like(image)
    for rows, _ in windows(header.shape[0], 1):
        paint(model, rate, latents, rows, 0, decoded)
    error = float(np.square(image.astype(np.int32) - decoded).mean())
    psnr_db = 10 * log10(255**2 / error) if error else inf
    return LearnedEncoded(data=data, bits_per_pixel=8 * len(data) / (height * width), psnr_db=psnr_db, rate=rate)


def _encoded(
    model: LearnedModel, image: Array, rate: int, tile: tuple[slice, slice], slope: float
) -> tuple[Array, Array]:
    """Latents and words of a tile."""
    pixels, inside = _around(image, tile)
    coordinates = coefficients(model, pixels)[:, inside[0], inside[1]] / (model.step(rate) / (1 << STEP_FRACTION))
    shares = conditions(model.design, [rate])[:, 0] / (1 << CONDITION_FRACTION)
    gains = (shares @ model.array("decoder_gains") / (1 << GAIN_FRACTION)).astype(np.float32)
    first = np.rint(coordinates[0] / gains[0]).astype(np.int32)
    return encoded_tile(model, first, Quantizer(coordinates=coordinates, gains=gains, slope=slope), rate)


def _around(image: Array, tile: tuple[slice, slice]) -> tuple[Array, tuple[slice, slice]]:
    """Pixels (3, H + 8, W + 8) of a tile and positions around it, and the places of the tile among its positions.

    The picture's edges are repeated, 4 pixels and up to a multiple of 8.
    """
    pixels, inside = image, []
    for axis, (one, length) in enumerate(zip(tile, image.shape[:2], strict=True)):
        start, stop = max(one.start - MARGIN, 0), min(one.stop + MARGIN, -(-length // BLOCK))
        places = np.clip(np.arange(BLOCK * start - AROUND, BLOCK * stop + AROUND), 0, length - 1)
        pixels = np.take(pixels, places, axis=axis)
        inside.append(slice(one.start - start, one.stop - start))
    planes = np.broadcast_to(pixels, (COLOURS, *pixels.shape)) if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return planes, (inside[0], inside[1])
