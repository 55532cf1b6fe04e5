"""Strips of a picture to payloads and back: the adaptive state runs on from strip to strip, and so does prediction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from qimg.codecs.block.bitstream.superblocks import read_row, write_row
from qimg.codecs.block.encoder.analysis import Aim, new_space
from qimg.codecs.block.model.maps import new_maps
from qimg.codecs.block.model.strip import Choice, Settings, Strip, decisions, new_choice
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.blocks import new_work
from qimg.codecs.block.transform.geometry import SIDES, SUPERBLOCK, padded
from qimg.codecs.block.transform.quantize import log_step
from qimg.codecs.block.transform.smoothing import smoothed
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.entropy import range_coder
from qimg.entropy.mixing import new_reader, new_writer

LAGRANGE = 0.07
"""λ in units of the squared luma step: what a bit may cost in squared error."""
WEIGHTS = (1.0, 1.086, 0.825)
"""Squared error of R, G and B together that a unit of squared error in Y', Cb or Cr makes, relative to Y'."""
_STRIP = 1 << 20  # pixels of a strip, about
_ABOVE = 3  # rows of the strip before that the filter sees


_NOTHING = decisions(0)


@dataclass(frozen=True)
class Parameters:
    """What a decoder has to know beside the tables and the size of the picture."""

    step: int
    """Luma step in 1/64 of a code value, 16 to 65535: 0.25 to 1024 code values."""
    chroma: tuple[int, int] = (48, 48)
    """Steps of Cb and Cr in 1/64 of the luma step."""

    def __post_init__(self) -> None:
        arguments.integer("step", self.step, 16, 65535)
        for ratio in self.chroma:
            arguments.integer("chroma", ratio, 16, 255)

    @property
    def steps(self) -> tuple[int, int, int]:
        """Steps of Y', Cb and Cr."""
        return (self.step, *((self.step * ratio + 32) // 64 for ratio in self.chroma))  # type: ignore[return-value]

    def to_bytes(self) -> bytes:
        """4 bytes: step, little-endian, and the two ratios."""
        return self.step.to_bytes(2, "little") + bytes(self.chroma)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Parameters":
        """The inverse; raises ValueError where a value is out of its range."""
        return cls(int.from_bytes(content[:2], "little"), (content[2], content[3]))


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the encoder tries; decoders read every stream alike."""

    sizes: tuple[int, ...] = SIDES
    """Sides of blocks."""
    lagrange: float = LAGRANGE
    """λ in units of the squared luma step."""
    optimised: bool = True
    """Integers chosen by distortion + λ · bits; otherwise coefficients are rounded."""
    filtered: bool = True
    """Use the decoder's filter where it brings samples closer to the source."""

    @classmethod
    def of_effort(cls, effort: int) -> "Search":
        """1 to 9: blocks of 8×8 and 16×16, from 3 also of 32×32, from 5 also of 4×4."""
        arguments.integer("effort", effort, 1, 9)
        return cls(sizes=(8, 16) if effort <= 2 else (8, 16, 32) if effort <= 4 else SIDES)

    def stable(self) -> "Search":
        """The search for fixed points: no filter, and a smaller λ, so that what was decided once is decided again."""
        return replace(self, lagrange=0.05, filtered=False)


def strip_rows(height: int, width: int) -> list[int]:
    """Rows of each strip of a picture: whole superblocks, about 2²⁰ pixels, the last one what is left."""
    rows = max(1, _STRIP // (padded(width) * SUPERBLOCK)) * SUPERBLOCK
    return [min(rows, height - first) for first in range(0, height, rows)]


def encode_strips(
    strips: Iterable[Array],
    tables: Tables,
    parameters: Parameters,
    *,
    search: Search | None = None,
    decoded: list[Array] | None = None,
) -> Iterator[bytes]:
    """Payloads of the strips of a picture.

    Args:
        strips: (planes, rows, width) int16 samples in 1/64 of a code value, 0 to 255 · 64, of 1 plane or of Y', Cb, Cr;
            as many rows as `strip_rows` says.
        tables: what the codec knows of pictures.
        parameters: steps.
        search: what the encoder tries.
        decoded: where given, what a decoder will return of each strip is appended to it.
    """
    state: StripCoder | None = None
    for strip in strips:
        planes, rows, width = strip.shape
        state = state or StripCoder(planes, width, tables, parameters, search or Search())
        source = np.pad(strip, ((0, 0), (0, padded(rows) - rows), (0, padded(width) - width)), mode="edge")
        payload, samples = state.write(source, rows, width)
        if decoded is not None:
            decoded.append(samples[:, :rows, :width])
        yield payload


def decode_strips(
    payloads: Iterable[bytes], rows: Iterable[int], planes: int, width: int, tables: Tables, parameters: Parameters
) -> Iterator[Array]:
    """Samples (planes, rows, width) int16 of each strip.

    Raises:
        BitstreamError: a payload cannot be what `encode_strips` wrote.
    """
    state = StripCoder(planes, width, tables, parameters, Search())
    for payload, count in zip(payloads, rows, strict=True):
        yield state.read(payload, padded(count))[:, :count, :width]


class StripCoder:
    """What runs on from row to row and from strip to strip, on either side.

    `unfiltered` holds the samples of the last strip before the filter, (planes, 1 + rows, width) int16, one row above
    them first. It is contiguous, gray or not: the loops would be compiled once more for arrays that are not.

    With `keep`, `decisions` holds what was decided for every row of superblocks, and `bits` what a coder that writes
    wrote of it: every bit with its probability of being 1 in units of 2⁻¹⁶.
    """

    def __init__(
        self, planes: int, width: int, tables: Tables, parameters: Parameters, search: Search, *, keep: bool = False
    ) -> None:
        self.tables, self.planes, self.width = tables, planes, padded(width)
        self.settings = settings(tables, parameters, search, planes=planes)
        self.search = search
        self.model = tables.new_model()
        cells = self.width // 4
        self.maps = new_maps(cells)
        self.choice, self.work, self.space = new_choice(), new_work(), new_space()
        self.unfiltered = np.zeros((planes, 1, self.width), np.int16)
        self.last = np.zeros((planes, _ABOVE, self.width), np.int16)
        self.sizes = np.zeros((0, cells), np.int8)
        self.above = False
        self.keep = keep
        self.whole = 0
        self.decisions: list[Choice] = []
        self.bits: list[tuple[Array, Array]] = []

    def _begin(self, rows: int) -> Array:
        """Room for a strip below the last rows of the one before; returns what the loops see: one row above it."""
        if self.above:
            self.last = self.unfiltered[:, -_ABOVE:].copy()
        self.unfiltered = np.zeros((self.planes, 1 + rows, self.width), np.int16)
        self.unfiltered[:, 0] = self.last[:, -1]
        self.sizes = np.zeros((rows // 4, self.width // 4), np.int8)
        return self.unfiltered

    def _kept(self) -> Choice:
        """Room for the decisions of a row, or none."""
        if not self.keep:
            return _NOTHING
        self.decisions.append(decisions(self.width // SUPERBLOCK))
        return self.decisions[-1]

    def _strip(self, rec: Array) -> Strip:
        """What the loops have at hand for a strip whose samples go to `rec`."""
        tables = self.tables
        return Strip(
            bases=tables.bases,
            scales=tables.scales,
            points=tables.points,
            settings=self.settings,
            model=self.model,
            maps=self.maps,
            choice=self.choice,
            work=self.work,
            rec=rec,
            above=self.above,
        )

    def _smoothed(self, plane: int) -> Array:
        """The strip's plane filtered; below its end the last row stands for the next strip."""
        samples = self.unfiltered[plane, 1:]
        if self.above:
            samples = np.concatenate([self.last[plane], samples])
        step, weights = int(self.settings.steps[plane]), self.tables.filters[plane]
        return smoothed(samples, self.sizes, step, weights, above=_ABOVE if self.above else 0)

    def write(self, source: Array, rows: int, width: int) -> tuple[bytes, Array]:
        """The payload of a strip, and what a decoder returns of it.

        Args:
            source: (planes, padded rows, padded width).
            rows: of the strip that count.
            width: of the picture.
        """
        strip = self._strip(self._begin(source.shape[1]))
        aim = Aim(source, self.tables.costs, self.space)
        room = SUPERBLOCK * self.width * self.planes * 60
        coder = new_writer(room)
        written = []
        for y in range(0, source.shape[1], SUPERBLOCK):
            coder.position[0] = 0
            write_row(coder, strip, aim, self._kept(), y)
            self.sizes[y // 4 : y // 4 + 8] = self.maps.size[1:]
            count = coder.position[0]
            written.append((coder.bits[:count].copy(), coder.probabilities[:count].copy()))
        if self.keep:
            self.bits += written
        bits, probabilities = (np.concatenate(part) for part in zip(*written, strict=True))
        words = range_coder.encode_bits(bits, probabilities)
        samples = strip.rec[:, 1:].copy()
        filtered = 0
        for plane in range(self.planes if self.search.filtered else 0):
            smoothed = self._smoothed(plane)
            wanted = source[plane, :rows, :width].astype(np.int64)
            before, after = (squared_error(wanted, have[:rows, :width]) for have in (samples[plane], smoothed))
            if after < before:
                filtered |= 1 << plane
                samples[plane] = smoothed
        self.above = True
        return bytes([filtered]) + words.astype("<u4").tobytes(), samples

    def read(self, payload: bytes, rows: int, *, cut: bool = False) -> Array:
        """The samples of a strip of so many padded rows.

        With `cut` the payload may end anywhere: `whole` superblocks are read, and the samples of the others are not
        meant to be used.
        """
        strip = self._strip(self._begin(rows))
        self.whole = 0
        if cut:
            payload = payload[: max(len(payload) - 1, 0) // 4 * 4 + 1] or b"\0"
        if len(payload) % 4 != 1:
            raise BitstreamError(f"a payload must be a byte and words of 4 bytes, but has {len(payload)} bytes")
        if payload[0] >> self.planes:
            raise BitstreamError(f"a payload must name filters of {self.planes} planes, but begins with {payload[0]}")
        words = np.frombuffer(payload, "<u4", offset=1).astype(np.uint32)
        coder = new_reader(words)
        for y in range(0, rows, SUPERBLOCK):
            whole = read_row(coder, strip, self._kept(), y, cut)
            self.sizes[y // 4 : y // 4 + 8] = self.maps.size[1:]
            self.whole += whole
            if whole < self.width // SUPERBLOCK:
                break
            if not cut and range_coder.is_broken(coder.state, words):
                raise BitstreamError(f"the payload ends or is broken in row {y} of its strip")
        if not (cut or range_coder.is_complete(coder.state, words)):
            raise BitstreamError("the payload does not end where its strip ends")
        samples = strip.rec[:, 1:].copy()
        for plane in range(self.planes):
            if payload[0] >> plane & 1:
                samples[plane] = self._smoothed(plane)
        self.above = True
        return samples


def squared_error(wanted: Array, have: Array) -> int:
    """Sum of squared differences of two integer arrays, of which the first is int64."""
    difference = wanted - have
    return int(np.vdot(difference, difference))


def settings(tables: Tables, parameters: Parameters, search: Search, *, planes: int) -> Settings:
    """Numbers of a whole picture for the compiled loops."""
    steps = np.array(parameters.steps, np.int64)
    weights = np.array(WEIGHTS) * (steps / steps[0]) ** 2
    log_steps = np.array([log_step(int(step)) for step in steps], np.int64)
    return Settings(
        steps=steps,
        log_steps=log_steps,
        step_level=int(np.clip(log_steps[0] // 8 - 1, 0, 7)),
        planes=planes,
        lagrange=search.lagrange / weights,
        weight=weights,
        sizes=np.array([side in search.sizes for side in SIDES], np.uint8),
        depths=np.array([count.bit_length() - 1 for count in tables.classes], np.int64),
        optimised=search.optimised,
    )
