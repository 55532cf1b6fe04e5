"""Statistics of the numbers of sketches: parameters of their distributions, as integers.

Those of stream version 3 are fitted on photographs by `qimg fit sketch`, and shipped as a file. Scales are indices of
`qimg.entropy.distributions`, eight for an octave; logits are in units of 1/16 nat. The rank of an ellipse is
⌊2 log₂ (place in the file)⌋, from 0.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from qimg.codecs.sketch import geometry
from qimg.core import Array
from qimg.core.artifacts import Artifact, Kind, shipped
from qimg.core.records import short_repr
from qimg.entropy.distributions import SCALES

_COUNTS = 16, 12  # ranks, and octaves of amplitudes
_LOGIT = 255
Numbers = tuple[int, ...]


@short_repr
class Statistics(NamedTuple):
    """Parameters of all distributions."""

    rims: Numbers
    """Logits of the numbers of rims."""
    octaves: tuple[tuple[Numbers, ...], ...]
    """Logits of the octaves of amplitudes, by half octaves of the magnitude before an ellipse, and by rank."""
    size_by_rank: Numbers
    """Mean binary logarithm of sizes by rank, in units of 2⁻¹², in addition to `height` and `width`."""
    height: Numbers
    """Mean binary logarithm in units of 2⁻¹², and scale for the step of amplitude 1."""
    width: Numbers
    """As `height`, for a height of the logarithm `geometry.MEAN_LOG`."""
    width_by_height: Numbers
    """Sixteenths of the height's binary logarithm that the width's mean follows."""
    shear: Numbers
    """Scale for the step of amplitude 1, and its growth in an octave of height/width above and below 1."""
    slopes: Numbers
    """Scale of slopes for amplitude 1, and its growth in an octave of the amplitude."""
    chroma: Numbers
    """As `slopes`, of the amplitudes of chroma."""
    base: tuple[Numbers, ...]
    """Scales of the coefficients of the base, in luma and in chroma, for step 0."""

    def octaves_of(self, rank: int, before: int) -> Numbers:
        """Logits of the octaves of an amplitude.

        Args:
            rank: of the ellipse.
            before: magnitude before the ellipse.
        """
        by_rank = self.octaves[min(geometry.half_octaves(before), len(self.octaves) - 1)]
        return by_rank[min(rank, len(by_rank) - 1)]


class FittedStatistics(Artifact):
    """A file of statistics, with the provenance of their fit."""

    KIND = Kind(tag="sketch", ending=".statistics", package="qimg.codecs.sketch")

    @classmethod
    def assemble(cls, statistics: Statistics, provenance: Mapping[str, Any]) -> "FittedStatistics":
        """The file of statistics."""
        arrays = {name: np.array(value, np.int32) for name, value in statistics._asdict().items()}
        return cls.packed({"provenance": dict(provenance)}, arrays)

    @property
    def statistics(self) -> Statistics:
        """The statistics as plain integers."""
        return Statistics(**{name: _plain(self.array(name)) for name in Statistics._fields})

    def check(self) -> None:
        """Raise an error unless all arrays have their shapes."""
        expected = {name: np.shape(value) for name, value in EARLIER._asdict().items()}
        held = self.contents.arrays["octaves"].shape
        expected["octaves"] = (max(held[0], 1), max(held[1], 1), _COUNTS[1])
        self.require_arrays({name: (shape, "<i4") for name, shape in expected.items()})

    def check_values(self) -> None:
        """Raise an error unless logits and scales are in their ranges."""
        for name in ("rims", "octaves"):
            self.require_range(name, -_LOGIT, _LOGIT)
        for name in ("shear", "slopes", "chroma", "base"):
            self.require_range(name, -SCALES, 2 * SCALES)
        for name in ("size_by_rank", "height", "width", "width_by_height"):
            self.require_range(name, -16 * geometry.LOG_UNIT, 16 * geometry.LOG_UNIT)


def _plain(array: Array) -> Any:
    return tuple(_plain(one) for one in array) if array.ndim else int(array)


EARLIER = Statistics(
    rims=(-60, -29, -21, -15, -3, 0, -10, -6, -6, -10),
    octaves=(
        (
            (-112, -57, -18, 0, -2, -23, -65, -120, -133, -133, -133, -133),
            (-91, -41, -10, 0, -10, -39, -89, -132, -134, -134, -134, -134),
            (-69, -26, -3, 0, -17, -55, -110, -133, -133, -133, -133, -133),
            (-51, -16, 0, -5, -29, -74, -126, -134, -134, -134, -134, -134),
            (-37, -8, 0, -12, -43, -95, -133, -134, -134, -134, -134, -134),
            (-24, -2, 0, -18, -57, -112, -133, -133, -133, -133, -133, -133),
            (-16, 0, -5, -29, -74, -126, -134, -134, -134, -134, -134, -134),
            (-9, 0, -11, -41, -92, -133, -135, -135, -135, -135, -135, -135),
            (-4, 0, -16, -53, -107, -134, -135, -135, -135, -135, -135, -135),
            (0, -2, -23, -65, -120, -135, -135, -135, -135, -135, -135, -135),
            (0, -7, -33, -80, -132, -138, -138, -138, -138, -138, -138, -138),
            (0, -11, -43, -94, -138, -140, -140, -140, -140, -140, -140, -140),
            (0, -16, -52, -107, -141, -142, -142, -142, -142, -142, -142, -142),
            (0, -20, -60, -118, -143, -143, -143, -143, -143, -143, -143, -143),
            (0, -22, -64, -122, -143, -143, -143, -143, -143, -143, -143, -143),
            (0, -22, -64, -122, -143, -143, -143, -143, -143, -143, -143, -143),
        ),
    ),
    size_by_rank=(4308, 3413, 2535, 1673, 828, 0, -812, -1607, -2386, -3149, -3895, -4624, -5337, -6033, -6713, -7377),
    height=(-16076, 32),
    width=(-16420, 32),
    width_by_height=(3,),
    shear=(24, 7, 2),
    slopes=(13, 10),
    chroma=(8, 11),
    base=((104, 88, 90, 83, 83, 83, 81, 77, 75, 77), (90, 74, 78, 67, 65, 70, 60, 60, 56, 62)),
)
"""Of stream versions 1 and 2, from the photographs `splits.json#fit`; a fit begins with them."""


@cache
def of_version(version: int) -> Statistics:
    """The statistics of a stream version."""
    return shipped(FittedStatistics, "default").statistics if version > 2 else EARLIER
