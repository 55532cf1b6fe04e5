"""The encoder of strips; the states of the entropy model and of prediction continue from strip to strip."""

from collections.abc import Iterable, Iterator

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import StripCoder
from qimg.codecs.block.bitstream.superblocks import code_superblock, keep_decisions
from qimg.codecs.block.encoder.analysis import Target, new_space
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.importance import PLAIN, Importance, weighted_error
from qimg.codecs.block.encoder.search import search as search_superblock
from qimg.codecs.block.encoder.shortlist import expected_costs
from qimg.codecs.block.model.maps import next_row
from qimg.codecs.block.model.strip import Choice, Strip
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SUPERBLOCK, padded
from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.entropy import range_coder
from qimg.entropy.mixing import Coder, new_writer

MOST_BITS = 60
"""Upper bound on the bits of a sample."""


def encode_strips(
    strips: Iterable[Array],
    tables: Tables,
    parameters: Parameters,
    *,
    search: Search | None = None,
    importance: Importance = PLAIN,
    step_map: Array | None = None,
    decoded: list[Array] | None = None,
) -> Iterator[bytes]:
    """Encode the strips of a picture; yields their payloads.

    Args:
        strips: (planes, rows, width) int16 samples in 1/64 of a code value, 0 to 255 · 64, of 1 plane or of Y', Cb, Cr;
            rows as from `strip_rows`.
        tables: fitted tables.
        parameters: steps.
        search: settings of the search.
        importance: weights of errors in the picture.
        step_map: offsets of the steps of its superblocks, as from `step_map_of`.
        decoded: list to which the decoded samples of each strip are appended.
    """
    writer: StripWriter | None = None
    first = 0
    for strip in strips:
        planes, _, width = strip.shape
        writer = writer or StripWriter(planes, width, tables, parameters, search or Search(), step_map=step_map)
        payload, samples = writer.write(strip, importance.rows(first, strip.shape[1]))
        first += strip.shape[1]
        if decoded is not None:
            decoded.append(samples)
        yield payload


class StripWriter(StripCoder):
    """Encoder of strips. With `keep`, `bits` holds every bit and its probability of one in units of 2⁻¹⁶."""

    def __init__(
        self,
        planes: int,
        width: int,
        tables: Tables,
        parameters: Parameters,
        search: Search,
        *,
        step_map: Array | None = None,
        keep: bool = False,
    ) -> None:
        super().__init__(width, tables, search.settings(tables, parameters, planes), step_map=step_map, keep=keep)
        self.search, self.space = search, new_space()
        lagrange = float(self.settings.lagrange[0])
        self.expected = expected_costs(tables.costs, tables.points, lagrange)
        self.bits: list[tuple[Array, Array]] = []

    def write(self, samples: Array, importance: Importance = PLAIN) -> tuple[bytes, Array]:
        """Encode samples (planes, rows, width); returns the payload and the decoded samples of the same shape.

        Args:
            samples: int16.
            importance: weights of errors in these rows.
        """
        _, rows, width = samples.shape
        source = padded_samples(samples)
        strip = self.begin(source.shape[1])
        target = Target(source, self.tables.costs, self.space, self.expected, importance)
        writer = new_writer(SUPERBLOCK * self.width * self.planes * MOST_BITS)
        written = []
        for y in range(0, source.shape[1], SUPERBLOCK):
            writer.position[0] = 0
            write_row(writer, strip, target, self.row_decisions(), y)
            self.end_row(y)
            count = writer.position[0]
            written.append((writer.bits[:count].copy(), writer.probabilities[:count].copy()))
        if self.keep:
            self.bits += written
        words = range_coder.encode_bits(*(np.concatenate(part) for part in zip(*written, strict=True)))
        decoded = strip.rec[:, 1 : 1 + rows, :width].copy()
        filtered = 0
        for plane in range(self.planes if self.search.filtered else 0):
            smoothed = self.smoothed(plane)[:rows, :width]
            before, after = (weighted_error(importance, samples[plane], one) for one in (decoded[plane], smoothed))
            if after < before:
                filtered |= 1 << plane
                decoded[plane] = smoothed
        self.above = True
        return bytes([filtered]) + words.astype("<u4").tobytes(), decoded


def padded_samples(samples: Array) -> Array:
    """Samples (planes, rows, width), padded to whole superblocks with copies of their last row and column."""
    more = [(0, padded(side) - side) for side in samples.shape[1:]]
    return np.pad(samples, ((0, 0), *more), mode="edge")


@compiled
def write_row(coder: Coder, strip: Strip, target: Target, row: Choice, y: int) -> None:
    """Decide and write a row of superblocks.

    Args:
        coder: writer.
        strip: strip; its samples and maps are updated.
        target: input of the search.
        row: as from `decisions`, for the superblocks of the row or for none; receives the decisions.
        y: first row in the strip.
    """
    for x in range(0, strip.rec.shape[2], 32):
        search_superblock(strip, target, y, x)
        code_superblock(coder, strip, y, x)
        keep_decisions(strip.choice, row, x >> 5)
    next_row(strip.maps)
