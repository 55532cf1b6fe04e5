"""The encoder of progressive payloads."""

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import MOST_BITS, StripWriter, padded_samples
from qimg.codecs.block.layers.picture import LENGTH, TILE, LayeredPicture, steps_of
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.colour import squared_error
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SUPERBLOCK
from qimg.core import Array, Track
from qimg.entropy import range_coder
from qimg.entropy.mixing import new_writer


def encode_progressive(
    samples: Array, tables: Tables, parameters: Parameters, *, search: Search, track: Track = iter
) -> tuple[bytes, Array]:
    """Encode a picture as a progressive payload; returns the payload and the decoded samples.

    Args:
        samples: (planes, rows, width) int16 as for `encode_strips`.
        tables: fitted tables.
        parameters: steps of the finest layer.
        search: settings of the search.
        track: wraps the indices of the layers.
    """
    planes, rows, width = samples.shape
    source, steps = padded_samples(samples), steps_of(parameters)
    coarse = search.coarse() if len(steps) > 1 else search
    coder = StripWriter(planes, width, tables, steps[0], coarse, keep=True)
    coarse_payload, decoded = coder.write(samples)
    picture = LayeredPicture(coder, [coarse.settings(tables, step, planes) for step in steps])
    writer = new_writer(SUPERBLOCK * coder.width * planes * MOST_BITS)
    stream = range_coder.Encoder()
    filters = []
    for layer in track(range(1, len(steps))):
        for row in range(picture.rows):
            writer.position[0] = 0
            picture.code_row(writer, layer, row, source=source)
            stream.push(writer.bits[: writer.position[0]], writer.probabilities[: writer.position[0]])
        filters.append(_useful_filters(picture, layer, samples) if search.filtered else 0)
        decoded = picture.decoded(layer, filters[-1])
    length = len(coarse_payload).to_bytes(LENGTH, "little")
    head = bytes([len(steps) - 1, *filters]) + length + _tiles(samples).tobytes()
    return head + coarse_payload + stream.words().astype("<u4").tobytes(), decoded[:, :rows, :width]


def _useful_filters(picture: LayeredPicture, layer: int, samples: Array) -> int:
    """Flags of the planes whose error the filter reduces."""
    _, rows, width = samples.shape
    flags = 0
    for plane in range(picture.planes):
        both = picture.layer.fine[plane, 1:], picture.filtered(plane, layer)
        before, after = (squared_error(samples[plane], decoded[:rows, :width]) for decoded in both)
        flags |= (after < before) << plane
    return flags


def _tiles(samples: Array) -> Array:
    """(planes, rows, columns) uint8 mean code values of the squares of `TILE` samples."""
    planes, rows, width = samples.shape
    firsts = [np.arange(0, length, TILE) for length in (rows, width)]
    sums = np.add.reduceat(np.add.reduceat(samples.astype(np.int64), firsts[0], axis=1), firsts[1], axis=2)
    counts = np.minimum(rows - firsts[0], TILE)[:, None] * np.minimum(width - firsts[1], TILE)
    return (
        ((2 * sums + SAMPLE_SCALE * counts) // (2 * SAMPLE_SCALE * counts))
        .astype(np.uint8)
        .reshape(planes, *counts.shape)
    )
