"""Band contexts: which coded latents, and which other numbers, the distribution of a latent depends on.

Latents are integers (channels, H, W, n), with the pictures of a batch last. Channels are divided into bands, coded one
after the other. Within a band, positions are coded in phases; all channels of a band at the positions of a phase are
independent given what was coded before. For each phase of a band, a network maps the features of one position to the
parameters of the distributions of the band's channels:

- a. of the channels of all lower bands: y and |y| at the position, and Σ |y| over its 3×3 neighbourhood;
- b. of the first band, unless it is the own one: y at the eight neighbours; with `lower_neighbours` also y at the four
  nearest neighbours of the other lower bands, for transforms of blocks, whose edges meet;
- c. of the own band: y, and |y|, at the neighbours within `reach` that earlier phases have coded;
  of levels of a categorical distribution, which are not negative, whether they are positive takes the place of |y|;
- d. side information at the position;
- e. conditions of the picture;
- f. row and column of the position;
- g. of each of the levels `counted`, in the order of the raster: how often it has been coded in the picture, companded,
  and whether each of the four nearest neighbours before the position has it.

The entropy models of the literature are points of this space: no features (factorized), side information (a scale
hyperprior; Ballé et al. 2018), causal features, or both (Minnen et al. 2018). The raster-encoder is one channel in the
order of the raster. The same functions gather features of PyTorch's tensors and of NumPy's arrays.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from qimg.core import Array, integer, one_of, require
from qimg.core.records import short_repr
from qimg.entropy.distributions import Distribution

ORDERS = ("once", "checkerboard", "quarters", "dyadic", "raster", "wavefront")
"""Orders of the positions of a band: all at once; the two colours of a checkerboard; the four positions of a 2×2 period
in the order of `quarters`; those of an 8×8 period, halving distances; one after the other by rows; with the neighbours
of the raster, all positions (i, j) of equal j + (reach + 1) i at once, which do not depend on each other."""

_LARGEST_BOUND = 1 << 11
_QUARTERS = ((0, 0), (1, 1), (0, 1), (1, 0))


@short_repr
@dataclass(frozen=True, kw_only=True)
class Phase:
    """The positions of a band that are coded together."""

    lattices: tuple[tuple[int, int], ...]
    """Rows and columns, modulo the period; one, or two for a checkerboard."""
    period: int
    """Of the positions in rows and columns."""
    visible: tuple[tuple[int, int], ...]
    """Offsets of the neighbours that earlier phases have coded, the same at all of these positions."""
    one_by_one: bool = False
    """Whether the positions are coded one after the other by rows."""
    slope: int = 0
    """Unless 0, positions (i, j) of equal j + slope · i are coded together, in ascending order of this number."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class ContextDesign:
    """The design of a context model.

    Raises:
        ValueError: an argument is out of range, or two of them contradict each other.
    """

    distribution: Distribution
    """Family of the distributions."""
    bands: tuple[int, ...]
    """Channels of each band; 1 or more."""
    orders: tuple[str, ...] = ("once",)
    """One of `ORDERS` for each band; the last one holds for all further bands."""
    reach: int = 0
    """Radius of the neighbourhood of features c; 0 leaves them out, as `b`."""
    lower_bands: bool = True
    """Whether features a are used."""
    lower_neighbours: bool = False
    """Whether features b are of all lower bands."""
    magnitudes: bool = True
    """Whether |y| is used; of levels of a categorical distribution `bound` where y > 0 and 0 elsewhere."""
    companded: bool = False
    """Whether |y| and Σ |y| pass through `companded`; for latents of large magnitude."""
    side: int = 0
    """Channels of side information."""
    conditions: int = 0
    """Numbers that describe a picture."""
    positions: bool = False
    """Whether features f are used."""
    grid: tuple[int, int] = (0, 0)
    """Rows and columns of all pictures, at most: features f are then one for each row and each column, `bound` at the
    own ones and 0 at others; (0, 0): they are the numbers of row and column."""
    counted: tuple[int, ...] = ()
    """Levels of features g, for one channel of a categorical distribution in the order "raster"."""
    hidden: tuple[int, ...] = (64,)
    """Features of the hidden layers of each network."""
    bound: int = 127
    """Largest magnitude of an integer feature; larger ones are clamped."""
    input_fraction: int = 0
    """Binary digits after the point of the features: 0 for small latents, 5 for code values."""

    def __post_init__(self) -> None:
        require(len(self.bands) > 0, "bands", "must not be empty", self.bands)
        for size in self.bands:
            integer("bands", size, 1)
        require(
            1 <= len(self.orders) <= len(self.bands),
            "orders",
            "must have an entry, at most one for each band",
            self.orders,
        )
        for order in self.orders:
            one_of("orders", order, ORDERS)
        for name in ("reach", "side", "conditions"):
            integer(name, getattr(self, name), 0)
        integer("bound", self.bound, 1, _LARGEST_BOUND)
        for length in self.grid:
            integer("grid", length, 0)
        require(self.positions or not any(self.grid), "grid", "has no effect without positions", self.grid)
        integer("input_fraction", self.input_fraction, 0, 12)
        for level in self.counted:
            integer("counted", level, 0, self.distribution.size - 1)
        single = self.bands == (1,) and self.orders == ("raster",) and self.reach > 0
        levels_of_raster = single and self.distribution.kind == "categorical"
        require(levels_of_raster or not self.counted, "counted", "needs levels in the order raster", self.counted)

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        return sum(self.bands)

    @property
    def starts(self) -> tuple[int, ...]:
        """First channel of each band."""
        return tuple(sum(self.bands[:band]) for band in range(len(self.bands)))

    def phases(self, band: int) -> tuple[Phase, ...]:
        """The phases of a band."""
        return phases_of(self.orders[min(band, len(self.orders) - 1)], self.reach)

    def features(self, band: int, phase: Phase) -> int:
        """Number of features of a position."""
        lower = self.starts[band] if self.lower_bands else 0
        signs = 2 if self.magnitudes else 1
        first = 8 * self.bands[0] if band and self.lower_bands and self.reach else 0
        others = 4 * (lower - self.bands[0]) if first and self.lower_neighbours else 0
        own = signs * self.bands[band] * len(phase.visible)
        given = self.side + self.conditions + self.position_features + self.counted_features
        return (signs + 1) * lower + first + others + own + given

    @property
    def position_features(self) -> int:
        """Number of features f."""
        return (sum(self.grid) or 2) if self.positions else 0

    @property
    def counted_features(self) -> int:
        """Number of features g."""
        return (1 + len(BEFORE)) * len(self.counted)

    def fractions(self, band: int) -> list[int]:
        """Binary digits after the point of the parameters of a band: (channels, outputs) in a row."""
        return list(self.distribution.fractions) * self.bands[band]

    def steps(self) -> Iterator[tuple[int, int, Phase]]:
        """Band, number of the phase in it, and phase, in the order of coding."""
        for band in range(len(self.bands)):
            for number, phase in enumerate(self.phases(band)):
                yield band, number, phase


def phases_of(order: str, reach: int) -> tuple[Phase, ...]:
    """The phases of an order."""
    offsets = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1) if (i, j) != (0, 0)]
    if order == "once":
        return (Phase(lattices=((0, 0),), period=1, visible=()),)
    if order in ("raster", "wavefront"):
        visible = tuple(offset for offset in offsets if offset < (0, 0))
        slope = reach + 1 if order == "wavefront" else 0
        return (Phase(lattices=((0, 0),), period=1, visible=visible, one_by_one=not slope, slope=slope),)
    groups, period = _groups(order)
    time = {place: number for number, group in enumerate(groups) for place in group}
    phases = []
    for number, group in enumerate(groups):
        earlier = [
            offset
            for offset in offsets
            if all(time[(i + offset[0]) % period, (j + offset[1]) % period] < number for i, j in group)
        ]
        phases.append(Phase(lattices=group, period=period, visible=tuple(earlier)))
    return tuple(phases)


def _groups(order: str) -> tuple[list[tuple[tuple[int, int], ...]], int]:
    """Positions of each phase in a period, and the period."""
    if order == "checkerboard":
        return [((0, 0), (1, 1)), ((0, 1), (1, 0))], 2
    if order == "quarters":
        return [(place,) for place in _QUARTERS], 2
    groups: list[tuple[tuple[int, int], ...]] = [((0, 0),)]
    for step in (4, 2, 1):
        coarse = range(0, 8, 2 * step)
        for i, j in _QUARTERS[1:]:
            groups.append(tuple((row + step * i, column + step * j) for row in coarse for column in coarse))
    return groups, 8


COMPANDING_FRACTION = 3
"""Binary digits after the point of companded magnitudes."""


@cache
def _logarithms() -> Array:
    """`companded` of all sums of nine magnitudes; no value before rounding is within 1e-6 of the middle of integers."""
    table = np.rint((1 << COMPANDING_FRACTION) * np.log2(1.0 + np.arange(9 * _LARGEST_BOUND + 1))).astype(np.float32)
    table.flags.writeable = False
    return table


def companded(magnitudes: Array) -> Array:
    """Round 8 log2(1 + v) of integers v of at most nine times the largest bound; the type is kept."""
    return _logarithms()[magnitudes.astype(np.intp)].astype(magnitudes.dtype)


def place_features(design: ContextDesign, height: int, width: int) -> Array:
    """Features f of all positions, (position features, H, W, 1) integers.

    Raises:
        ValueError: the picture is larger than the design's grid.
    """
    if not any(design.grid):
        places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"))
        return np.minimum(places, design.bound)[..., None]
    rows, columns = design.grid
    require(height <= rows and width <= columns, "grid", f"must be at least {height}×{width}", design.grid)
    features = np.zeros((rows + columns, height, width, 1), np.int64)
    for row in range(height):
        features[row, row] = design.bound
    for column in range(width):
        features[rows + column, :, column] = design.bound
    return features


def count_features(design: ContextDesign, counts: Any) -> Any:
    """Features g of counts of levels coded in the picture so far: integers of at most the design's bound.

    Counts above 2048 are as 2048.
    """
    return np.minimum(companded(np.minimum(counts, _LARGEST_BOUND)) << _COUNT_SHIFT, design.bound)


def magnitudes_of(design: ContextDesign, clamped: Any) -> Any:
    """What features use as |y|, of clamped latents."""
    return (clamped > 0) * design.bound if design.distribution.kind == "categorical" else abs(clamped)


def energies(magnitudes: Any) -> Any:
    """Σ |y| over 3×3 neighbourhoods of (C, H + 2, W + 2, n), padded by one row and column on each side."""
    rows = magnitudes[:, :-2] + magnitudes[:, 1:-1] + magnitudes[:, 2:]
    return rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Coded:
    """What features are gathered from: arrays or tensors whose last axis is the batch."""

    y: Any
    """(channels, H + 2m, W + 2m, n) latents clamped to the bound, with a margin m = max(reach, 1) of zeros."""
    magnitudes: Any
    """|y|, companded where the design says so."""
    energy: Any
    """(channels, H, W, n) Σ |y| over 3×3 neighbourhoods, companded alike, and clamped; valid for lower bands."""
    side: Any = None
    """(side, H, W, n), or None."""
    conditions: Any = None
    """(conditions, n), or None."""
    positions: Any = None
    """(position features, H, W, 1) of `place_features`, or None."""
    counts: Any = None
    """(counted levels, H, W, n) of `count_features` before each position, or None."""
    join: Callable[[Sequence[Any]], Any]
    """Concatenation along the first axis."""
    spread: Callable[[Any, tuple[int, ...]], Any]
    """Broadcasting to a shape."""


def gather(design: ContextDesign, coded: Coded, band: int, phase: Phase, rows: Any, columns: Any) -> Any:
    """Features (F, H', W', n) of positions of one lattice, or (F, P, n) of P single positions.

    Args:
        design: the design.
        coded: latents and other numbers.
        band: the band.
        phase: the phase.
        rows: slice of the rows of the positions, with a start, a stop of at most H, and a step; or (P,) integers.
        columns: as `rows`.
    """
    margin = max(design.reach, 1)
    start, size = design.starts[band], design.bands[band]

    def at(array: Any, channels: slice, offset: tuple[int, int]) -> Any:
        places = [shifted(one, margin + by) for one, by in zip((rows, columns), offset, strict=True)]
        return array[channels, places[0], places[1]]

    parts = []
    own = slice(start, start + size)
    if design.lower_bands and band:
        lower = slice(0, start)
        parts.append(at(coded.y, lower, (0, 0)))
        if design.magnitudes:
            parts.append(at(coded.magnitudes, lower, (0, 0)))
        parts.append(coded.energy[lower, rows, columns])
        if design.reach:
            parts += [at(coded.y, slice(0, design.bands[0]), offset) for offset in _AROUND]
            others = slice(design.bands[0], start)
            parts += [at(coded.y, others, offset) for offset in _NEAREST if design.lower_neighbours]
    for array in (coded.y, coded.magnitudes) if design.magnitudes else (coded.y,):
        if phase.one_by_one and size == 1 and (rows.stop - rows.start, columns.stop - columns.start) == (1, 1):
            width = array.shape[2]  # one product of slices for each neighbour would take most of the time of a raster
            place = (rows.start + margin) * width + columns.start + margin
            steps = [place + i * width + j for i, j in phase.visible]
            parts.append(array[start].reshape(-1, array.shape[3])[steps][:, None, None])
        else:
            parts += [at(array, own, offset) for offset in phase.visible]
    if design.side:
        parts.append(coded.side[:, rows, columns])
    shape = (*at(coded.y, slice(0, 1), (0, 0)).shape[1:],)
    if design.conditions:
        each = coded.conditions.reshape(design.conditions, *(1,) * (len(shape) - 1), -1)
        parts.append(coded.spread(each, (design.conditions, *shape)))
    if design.positions:
        parts.append(coded.spread(coded.positions[:, rows, columns], (design.position_features, *shape)))
    if design.counted:
        parts.append(coded.counts[:, rows, columns])
        near = [at(coded.y, own, offset) for offset in BEFORE]
        full = 0 * near[0] + design.bound  # of the type of the latents
        parts += [(one == level) * full for level in design.counted for one in near]
    if not parts:
        return at(coded.y, slice(0, 0), (0, 0))
    return coded.join(parts)


def shifted(places: Any, by: int) -> Any:
    """A slice or an array of positions, moved."""
    return slice(places.start + by, places.stop + by, places.step) if isinstance(places, slice) else places + by


BEFORE = ((0, -1), (-1, -1), (-1, 0), (-1, 1))
"""Offsets of the nearest neighbours that the raster has passed."""
_COUNT_SHIFT = 2
_NEAREST = ((-1, 0), (0, -1), (0, 1), (1, 0))
_AROUND = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
