"""The decoder of the learned codec: from the bytes of a file to a picture, in integers."""

from collections.abc import Iterator

import numpy as np

from qimg.codecs.envelope import metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.learned.bitstream import Header, Stream, parse
from qimg.codecs.learned.design import BLOCK, COLOURS, MIDDLE, SAMPLE_FRACTION
from qimg.codecs.learned.model import LearnedModel, default
from qimg.codecs.learned.tiles import TILE, decoded_tile, windows
from qimg.codecs.learned.transform import MARGIN, decoded_window
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.core import Array

_WINDOW = 64  # positions on a side of what is synthesised and restored at once, which bounds the memory
_HALF = 1 << (SAMPLE_FRACTION - 1)


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file; the picture is the same on every machine.

    Memory in addition to the picture is that of two rows of tiles of 1024×1024 pixels.

    Raises:
        BitstreamError: the file is of another format, cut, altered, too large or written with another model.
    """
    stream = parse(data)
    header = stream.header
    options.check_area(header.height, header.width, header.size_at)
    model = model_for(header, options.tables)
    # Each latent takes a part of a bit at least, so that a small file cannot claim a large picture.
    image = np.empty((header.height, header.width) if header.gray else (header.height, header.width, COLOURS), np.uint8)
    for rows, latents, first in _rows_of_tiles(model, stream):
        paint(model, header.rate, latents, rows, first, image)
    return Decoded(image=image, partial=False, **metadata_of(stream.chunks))


def latents_of(model: LearnedModel, stream: Stream) -> Array:
    """All latents (channels, H, W) int32 of a file, for inspection.

    Raises:
        BitstreamError: the words of a tile are damaged.
    """
    return np.concatenate(
        [latents[:, rows.start - first : rows.stop - first] for rows, latents, first in _rows_of_tiles(model, stream)],
        axis=1,
    )


def model_for(header: Header, model: LearnedModel | None) -> LearnedModel:
    """The model that a file needs.

    Raises:
        BitstreamError: it is not available, or has no such rate.
    """
    model = default() if model is None else model
    if header.identity != model.identity:
        raise BitstreamError(
            f"the picture needs the model {header.identity.hex()}, but the available one is {model.identity.hex()}",
            header.identity_at,
        )
    if header.rate >= model.design.rates:
        most = model.design.rates - 1
        raise BitstreamError(f"the index of the rate must be at most {most}, but is {header.rate}", header.size_at)
    return model


def paint(model: LearnedModel, rate: int, latents: Array, rows: slice, first: int, image: Array) -> None:
    """Decode rows of latents and write their pixels.

    Args:
        model: the model.
        rate: index of the rate.
        latents: (channels, H, W) integers of these rows and of up to `MARGIN` rows on both sides.
        rows: rows of the picture's latents.
        first: row of the picture's latents that `latents` begins with.
        image: (height, width) or (height, width, 3); modified.
    """
    height, width = image.shape[:2]
    for down, columns in windows(rows.stop - rows.start, latents.shape[2], _WINDOW):
        begin = rows.start - first
        samples = decoded_window(model, latents, rate, (slice(begin + down.start, begin + down.stop), columns))
        top, left = BLOCK * (rows.start + down.start), BLOCK * columns.start
        bottom, right = min(BLOCK * (rows.start + down.stop), height), min(BLOCK * columns.stop, width)
        samples = samples[:, : bottom - top, : right - left]
        image[top:bottom, left:right] = _code_values(samples, gray=image.ndim == 2)


def _code_values(samples: Array, *, gray: bool) -> Array:
    """Code values (H, W, 3), or (H, W), rounded half up."""
    if gray:
        total = samples.sum(axis=0) + COLOURS * _HALF
        values = total // (COLOURS << SAMPLE_FRACTION)
    else:
        values = ((samples + _HALF) >> SAMPLE_FRACTION).transpose(1, 2, 0)
    clipped: Array = np.clip(values + MIDDLE, 0, 255).astype(np.uint8)
    return clipped


def _rows_of_tiles(model: LearnedModel, stream: Stream) -> Iterator[tuple[slice, Array, int]]:
    """Rows of tiles, each with its latents and those of `MARGIN` further rows, and the first of these rows."""
    rows, columns = stream.header.shape
    tiles = iter(stream.tiles)
    latents = np.zeros((model.design.channels, 0, columns), np.int32)
    first, previous = 0, None
    for row in range(0, rows, TILE):
        height = min(TILE, rows - row)
        further = np.empty((model.design.channels, height, columns), np.int32)
        for _, some in windows(1, columns):
            try:
                tile = decoded_tile(model, next(tiles), (height, some.stop - some.start), stream.header.rate)
            except BitstreamError as error:
                raise BitstreamError(str(error), stream.pixels_at) from None
            further[:, :, some] = tile
        if previous is not None:
            yield previous, np.concatenate([latents, further[:, :MARGIN]], axis=1), first
            kept = latents[:, -MARGIN:]
            latents, first = np.concatenate([kept, further], axis=1), row - kept.shape[1]
        else:
            latents = further
        previous = slice(row, row + height)
    if previous is not None:
        yield previous, latents, first
