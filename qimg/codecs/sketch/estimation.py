"""Estimation of the statistics of sketches from coded sketches: relative frequencies, means, and least code length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qimg.codecs.sketch import geometry
from qimg.codecs.sketch.geometry import AMPLITUDE, HEIGHT, LOG_UNIT, RIM, WIDTH
from qimg.codecs.sketch.numbers import Frame, magnitude_before
from qimg.codecs.sketch.statistics import Numbers, Statistics
from qimg.core import Array
from qimg.entropy.distributions import LOGIT_FRACTION, SMALLEST

_CONTEXTS = 14  # half octaves of the magnitude before; the last one stands for all above it, and for the first ellipse
_NEIGHBOUR = 0.3  # weight of the counts of a neighbouring context
_PRIOR = 0.2  # counts of an octave that does not occur
_STEPS: dict[str, tuple[int, ...]] = {
    "height": (LOG_UNIT // 16, 1),
    "width": (LOG_UNIT // 16, 1),
    "width_by_height": (1,),
    "shear": (1, 1, 1),
    "slopes": (1, 1),
    "chroma": (1, 1),
}
"""Parameters that least code length determines, and their steps."""
_PASSES = 2


class Sketch(NamedTuple):
    """The numbers of a file."""

    step: int
    """Number of the quantization step."""
    extent: tuple[int, int]
    """`geometry.sides` of the picture."""
    base: Array
    """(planes, coefficients) integers."""
    ellipses: Sequence[Array]
    """(9,) or (11,) integers of each ellipse."""


@dataclass(frozen=True, eq=False)
class _Ellipse:
    """An ellipse of a sketch with what its code depends on."""

    sketch: Sketch
    index: int
    before: int

    @property
    def numbers(self) -> Array:
        return self.sketch.ellipses[self.index]

    def bits(self, statistics: Statistics) -> float:
        frame = Frame(step=self.sketch.step, extent=self.sketch.extent, statistics=statistics)
        return frame.ellipse_bits(self.numbers, self.index, self.before)


def estimated(sketches: Sequence[Sketch], start: Statistics) -> Statistics:
    """The statistics of sketches.

    Logits are those of smoothed relative frequencies, scales of the base those of mean magnitudes, and sizes by rank
    follow a parabola of least squares. The other parameters begin at `start` and change in steps while the code length
    falls.

    Args:
        sketches: gray and RGB; without RGB, the parameters of chroma are those of `start`.
        start: any statistics.
    """
    several = [
        _Ellipse(sketch, index, magnitude_before(sketch.ellipses, index))
        for sketch in sketches
        for index in range(len(sketch.ellipses))
    ]
    statistics = start._replace(
        rims=_logits(np.bincount([int(one.numbers[RIM]) for one in several], minlength=geometry.RIMS) + 1.0),
        octaves=_octaves(several, len(start.octaves[0][0])),
        size_by_rank=_sizes(several, len(start.size_by_rank)),
        base=tuple(_base(sketches, plane, start.base[plane]) for plane in range(2)),
    )
    for _ in range(_PASSES):
        for name, steps in _STEPS.items():
            for place, step in enumerate(steps):
                statistics = _descended(several, statistics, name, place, step)
    return statistics


def bits(sketches: Iterable[Sketch], statistics: Statistics) -> float:
    """Code length of sketches."""
    frames = ((one, Frame(step=one.step, extent=one.extent, statistics=statistics)) for one in sketches)
    return sum(frame.base_bits(one.base) + frame.bits(one.ellipses) for one, frame in frames)


def _logits(counts: Array) -> Numbers:
    values = np.rint((1 << LOGIT_FRACTION) * np.log(counts / counts.max()))
    return tuple(int(value) for value in np.maximum(values, -255))


def _octaves(several: Sequence[_Ellipse], size: int) -> tuple[tuple[Numbers, ...], ...]:
    counts = np.zeros((_CONTEXTS + 2, size))
    for one in several:
        context = min(geometry.half_octaves(one.before), _CONTEXTS - 1)
        counts[context + 1, abs(int(one.numbers[AMPLITUDE])).bit_length() - 1] += 1
    smooth = counts[1:-1] + _NEIGHBOUR * (counts[:-2] + counts[2:]) + _PRIOR
    return tuple((_logits(row),) for row in smooth)


def _sizes(several: Sequence[_Ellipse], ranks: int) -> Numbers:
    """Mean logarithms by rank relative to rank 5, from a parabola."""
    logs, own = [], []
    for one in several:
        numbers = [int(number) for number in one.numbers]
        fine = geometry.size_step(numbers[AMPLITUDE], numbers[RIM])
        logs.append(sum(geometry.log_size(numbers[place], fine) for place in (HEIGHT, WIDTH)) / 2)
        own.append(min(geometry.half_octaves(one.index + 1), ranks - 1))
    parabola = np.polynomial.Polynomial.fit(own, logs, 2)
    values = parabola(np.arange(ranks)) - parabola(5)
    return tuple(int(value) for value in np.rint(values))


def _base(sketches: Sequence[Sketch], plane: int, start: Numbers) -> Numbers:
    """Scales of the coefficients at step 0: indices of mean magnitudes."""
    rows = [
        np.abs(channel) * 2.0 ** (sketch.step / 4)
        for sketch in sketches
        for channel in (sketch.base[1:] if plane else sketch.base[:1])
    ]
    if not rows:
        return start
    means = np.maximum(np.mean(rows, axis=0), SMALLEST)
    return tuple(int(value) for value in np.rint(8 * np.log2(means / SMALLEST)))


def _descended(several: Sequence[_Ellipse], start: Statistics, name: str, place: int, step: int) -> Statistics:
    """Change one number in steps while the code length falls."""
    if name == "chroma":
        several = [one for one in several if len(one.numbers) > geometry.GRAY_NUMBERS]
    best, least = start, sum(one.bits(start) for one in several)
    for change in (-step, step):
        while several:
            numbers = list(getattr(best, name))
            numbers[place] += change
            tried = best._replace(**{name: tuple(numbers)})
            length = sum(one.bits(tried) for one in several)
            if length >= least:
                break
            best, least = tried, length
    return best
