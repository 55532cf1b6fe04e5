"""The decoder of strips."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import StripCoder, settings_for
from qimg.codecs.block.bitstream.superblocks import code_superblock, keep_decisions
from qimg.codecs.block.model.maps import next_row
from qimg.codecs.block.model.strip import Choice, Strip
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SMALLEST, SUPERBLOCK, padded
from qimg.codecs.block.transform.strip_filter import StripFilter
from qimg.codecs.errors import BitstreamError
from qimg.core import Array
from qimg.core.background import Background
from qimg.core.compiled import compiled
from qimg.entropy import range_coder
from qimg.entropy.mixing import Coder, new_reader
from qimg.entropy.range_coder import has_ended, is_broken

Finish = Callable[[int, Array], None]
FinishRows = Callable[[Array, int, int], None]
AT_ONCE = Background()
_BELOW = 8
"""Rows below a sample that its filter may read: three, and those of its 4×4 block, rounded up."""


def decode_strips(
    payloads: Iterable[bytes],
    rows: Iterable[int],
    planes: int,
    width: int,
    tables: Tables,
    parameters: Parameters,
    *,
    step_map: Array | None = None,
    needed: int | None = None,
    beside: Background = AT_ONCE,
    finish: Finish | None = None,
) -> Iterator[Array]:
    """Decode the payloads of strips; yields the samples (planes, rows, width) int16 of each strip.

    With another thread, they are complete when `beside.wait` has returned.

    Args:
        payloads: of the strips.
        rows: of each strip.
        planes: 1 or 3.
        width: columns of the picture.
        tables: the tables of the encoder.
        parameters: the parameters of the encoder.
        step_map: offsets of the steps of the superblocks, if the file has some.
        needed: rows from the top that are decoded; the last strip then has fewer rows, and no strip follows it.
        beside: runs the filter.
        finish: called with the first row in the picture and the samples (planes, rows, width) of rows after the
            filter, in order.

    Raises:
        BitstreamError: a payload cannot come from `encode_strips`.
    """
    first = 0
    reader = StripReader(width, tables, settings_for(tables, parameters, planes), step_map=step_map)
    rows = list(rows)
    needed = sum(rows) if needed is None else needed
    for payload, count in zip(payloads, rows, strict=True):
        wanted = min(count, needed)

        def finish_rows(samples: Array, row: int, last: int, first: int = first, wanted: int = wanted) -> None:
            if finish is not None and row < wanted:
                finish(first + row, samples[:, row : min(last, wanted), :width])

        yield reader.read(payload, padded(count), needed=needed, beside=beside, finish=finish_rows)[:, :wanted, :width]
        needed -= count
        first += count
        if needed <= 0:
            return


class StripReader(StripCoder):
    """Decoder of strips; `whole` is the number of complete superblocks of the last strip."""

    whole = 0

    def read(
        self,
        payload: bytes,
        rows: int,
        *,
        needed: int | None = None,
        cut: bool = False,
        beside: Background = AT_ONCE,
        finish: FinishRows | None = None,
    ) -> Array:
        """Decode a strip of `rows` padded rows; returns its samples, at least of the first `needed` rows.

        Rows are filtered by `beside` while the next ones are read, then passed to `finish` with their first row and
        the one after the last.

        With `cut` the payload may end anywhere: the result has the rows of superblocks that were begun, and only the
        samples of the first `whole` superblocks are valid.
        """
        if cut:
            payload = payload[: max(len(payload) - 1, 0) // 4 * 4 + 1] or b"\0"
        if len(payload) % 4 != 1 or (len(payload) == 1 and not cut):
            raise BitstreamError(f"a payload must be a byte and words of 4 bytes, but has {len(payload)} bytes")
        if payload[0] >> self.planes:
            rule = f"a payload must begin with filter flags of {self.planes} planes"
            raise BitstreamError(f"{rule}, but begins with {payload[0]:#04x}")
        words = np.frombuffer(payload, "<u4", offset=1).astype(np.uint32)
        coder = new_reader(words)
        some = rows if needed is None else min(rows, padded(needed + _BELOW))
        whole = some == rows
        if cut:
            return self.samples(self.read_decisions(coder, rows, some, cut=True), payload[0])
        filtering = FilteredRows(np.empty((self.planes, some, self.width), np.int16), payload[0], finish)

        def row_done(count: int) -> None:
            if beside.threaded:
                beside.call(filtering.up_to, self.filter, count - SMALLEST)

        self.read_decisions(coder, rows, some, row_done=row_done)
        if whole and not range_coder.is_complete(coder.state, words):
            raise BitstreamError("the payload does not end where its strip ends")
        beside.call(filtering.up_to, self.filter, some)
        self.above = True
        return filtering.samples

    def read_decisions(
        self,
        coder: Coder,
        rows: int,
        needed: int | None = None,
        *,
        cut: bool = False,
        row_done: Callable[[int], None] | None = None,
    ) -> int:
        """Read all rows of a strip, or those needed, without its filter flags; returns those begun.

        `row_done` is called with the number of rows that are complete, after each row of superblocks.
        """
        strip, some = self.begin(rows), rows if needed is None else needed
        self.whole = 0
        for y in range(0, some, SUPERBLOCK):
            whole = read_row(coder, strip, self.row_decisions(), y, cut)
            self.end_row(y)
            self.whole += whole
            if whole < self.width // SUPERBLOCK:
                if cut and has_ended(coder.state, coder.words):
                    return y + SUPERBLOCK
                place = f"row {y}, column {SUPERBLOCK * whole} of its strip"
                raise BitstreamError(f"the payload ends or is broken in {place}")
            if row_done is not None:
                row_done(y + SUPERBLOCK)
        return some

    def samples(self, rows: int, flags: int) -> Array:
        """Samples of the first rows of the strip that was read; the planes in `flags` are filtered."""
        samples = self.unfiltered[:, 1 : 1 + rows].copy()
        for plane in range(self.planes):
            if flags >> plane & 1:
                samples[plane] = self.smoothed(plane, rows + SUPERBLOCK)[:rows]
        self.above = True
        return samples


class FilteredRows:
    """Filters rows of a strip as they become complete.

    Args:
        samples: (planes, rows, width) int16, filled.
        flags: bits of the planes that are filtered.
        finish: called with the samples, the first new row and the one after the last.
    """

    def __init__(self, samples: Array, flags: int, finish: FinishRows | None) -> None:
        self.samples, self._flags, self._finish, self._done = samples, flags, finish, 0

    def up_to(self, strip: StripFilter, last: int) -> None:
        """Filter rows up to `last`, which three complete rows follow unless it is the end."""
        first, self._done = self._done, last
        end = min(last + SMALLEST, self.samples.shape[1])
        for plane, samples in enumerate(self.samples):
            if self._flags >> plane & 1:
                samples[first:last] = strip.filtered(plane, first, last, end=end)
            else:
                samples[first:last] = strip.samples[plane, first:last]
        if self._finish is not None:
            self._finish(self.samples, first, last)


@compiled
def read_row(coder: Coder, strip: Strip, row: Choice, y: int, cut: bool) -> int:
    """Read a row of superblocks into `strip.rec` up to the first one that is broken; returns the complete superblocks.

    Args:
        coder: reader.
        strip: strip; its samples and maps are updated.
        row: as from `decisions`, for the superblocks of the row or for none; receives the decisions.
        y: first row in the strip.
        cut: whether the words may end anywhere; superblocks after the end are not valid.
    """
    for x in range(0, strip.rec.shape[2], 32):
        code_superblock(coder, strip, y, x)
        if is_broken(coder.state, coder.words) or (cut and has_ended(coder.state, coder.words)):
            return x >> 5
        keep_decisions(strip.choice, row, x >> 5)
    next_row(strip.maps)
    return strip.rec.shape[2] >> 5
