"""State of an encoder or decoder of strips, which continues from row to row and from strip to strip."""

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.step_map import ladder_of
from qimg.codecs.block.model import match_contexts
from qimg.codecs.block.model.local_steps import FURTHEST, new_local
from qimg.codecs.block.model.maps import new_maps
from qimg.codecs.block.model.strip import Choice, Settings, Strip, decisions, new_choice
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.blocks import new_work
from qimg.codecs.block.transform.dequantization import log_step
from qimg.codecs.block.transform.geometry import SIDES, SUPERBLOCK, padded
from qimg.codecs.block.transform.strip_filter import ABOVE, StripFilter
from qimg.core import Array

_STRIP = 1 << 20  # approximate number of pixels of a strip
_NOTHING = decisions(0)


def strip_rows(height: int, width: int) -> list[int]:
    """Rows of each strip of a picture: whole superblocks of about 2²⁰ pixels; the last strip has the remaining rows."""
    rows = max(1, _STRIP // (padded(width) * SUPERBLOCK)) * SUPERBLOCK
    return [min(rows, height - first) for first in range(0, height, rows)]


def settings_for(tables: Tables, parameters: Parameters, planes: int) -> Settings:
    """Settings of a picture for the compiled loops; those of the encoder's search are zero."""
    steps = np.array(parameters.steps, np.int64)
    log_steps = np.array([log_step(int(step)) for step in steps], np.int64)
    return Settings(
        steps=steps,
        log_steps=log_steps,
        planes=planes,
        lagrange=np.zeros(3),
        weight=np.zeros(3),
        sizes=np.zeros(len(SIDES), np.uint8),
        depths=np.array([count.bit_length() - 1 for count in tables.classes], np.int64),
        optimised=False,
        hidden_signs=parameters.hidden_signs,
        matching=parameters.matching,
        candidates=1,
        shortlist=1,
    )


class StripCoder:
    """Base class of the encoder and the decoder of strips.

    `unfiltered` holds the samples of the last strip before the filter, (planes, 1 + rows, width) int16; its first row
    is the row above the strip. It is always contiguous, since non-contiguous arrays would compile the loops again.

    With `keep`, `decisions` holds the decisions on every row of superblocks. With a map of steps, its rows are used in
    turn, from strip to strip.
    """

    def __init__(
        self, width: int, tables: Tables, settings: Settings, *, step_map: Array | None = None, keep: bool = False
    ) -> None:
        self.tables, self.planes, self.width = tables, settings.planes, padded(width)
        self.settings, self.step_map = settings, step_map
        self.ladder = ladder_of(settings.steps.tolist(), furthest=0 if step_map is None else FURTHEST)
        self.offsets, self._used = np.zeros((0, 0), np.int8), 0
        self.model = tables.new_model()
        self.matching_model = match_contexts.new_model(self.model)
        self.maps = new_maps(self.width // 4)
        self.choice, self.work, self._local = new_choice(), new_work(), new_local()
        self.unfiltered = np.zeros((self.planes, 1, self.width), np.int16)
        self.last = np.zeros((self.planes, ABOVE, self.width), np.int16)
        self.sizes = np.zeros((0, self.width // 4), np.int8)
        self.above = False
        self.keep = keep
        self.decisions: list[Choice] = []

    def begin(self, rows: int) -> Strip:
        """Start a strip of `rows` rows below the previous one; returns the record for the compiled loops."""
        tables = self.tables
        if self.above:
            self.last = self.unfiltered[:, -ABOVE:].copy()
        self.unfiltered = np.zeros((self.planes, 1 + rows, self.width), np.int16)
        self.unfiltered[:, 0] = self.last[:, -1]
        self.sizes = np.zeros((rows // 4, self.width // 4), np.int8)
        begun, self._used = self._used, self._used + rows // SUPERBLOCK
        if self.step_map is None:
            self.offsets = np.zeros((rows // SUPERBLOCK, self.width // SUPERBLOCK), np.int8)
        else:
            self.offsets = np.ascontiguousarray(self.step_map[begun : self._used])
        return Strip(
            bases=tables.bases,
            scales=tables.scales,
            points=tables.points,
            settings=self.settings,
            ladder=self.ladder,
            offsets=self.offsets,
            local=self._local,
            model=self.model,
            matching_model=self.matching_model,
            maps=self.maps,
            choice=self.choice,
            work=self.work,
            rec=self.unfiltered,
            above=self.above,
        )

    def row_decisions(self) -> Choice:
        """Arrays for the decisions of a row with `keep`, otherwise empty arrays."""
        if not self.keep:
            return _NOTHING
        self.decisions.append(decisions(self.width // SUPERBLOCK))
        return self.decisions[-1]

    def end_row(self, y: int) -> None:
        """Store the block sizes of a row of superblocks for the filter."""
        self.sizes[y // 4 : y // 4 + 8] = self.maps.size[1:]

    @property
    def filter(self) -> StripFilter:
        """The filter of the strip."""
        return StripFilter(
            samples=self.unfiltered[:, 1:],
            before=self.last if self.above else None,
            sizes=self.sizes,
            steps=np.ascontiguousarray(
                self.ladder.steps[self.offsets + len(self.ladder.levels) // 2].transpose(2, 0, 1)[: self.planes]
            ),
            weights=self.tables.filters_by_lane,
        )

    def smoothed(self, plane: int, rows: int | None = None) -> Array:
        """The first rows of a filtered plane of the strip, by default all; copies of the last row follow them."""
        end = min(self.unfiltered.shape[1] - 1, rows or self.unfiltered.shape[1])
        return self.filter.filtered(plane, 0, end, end=end)
