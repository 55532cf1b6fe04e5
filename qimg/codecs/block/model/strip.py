"""Records for the compiled loops of encoder and decoder: the state of a strip and its parts."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.model.local_steps import Ladder, Local
from qimg.codecs.block.model.maps import Maps
from qimg.codecs.block.transform.blocks import Bases, Work
from qimg.core import Array
from qimg.entropy.mixing import Model


class Scales(NamedTuple):
    """Expected magnitudes of coefficients."""

    log_sigma: tuple[Array, ...]
    """By size: (3, classes, n) int16 8 log₂ of each coefficient's scale in code values."""
    expected: Array
    """(64,) int32 expected magnitude by level, as from `level_of`, in units of 1/256."""


class Settings(NamedTuple):
    """Settings that apply to a whole picture."""

    steps: Array
    """(3,) int64 step of each plane in units of samples."""
    log_steps: Array
    """(3,) int64 8 log₂(step / 64)."""
    planes: int
    """1 or 3."""
    lagrange: Array
    """(3,) float64 λ of each plane in units of its squared step."""
    weight: Array
    """(3,) float64 squared step · weight of each plane's error, in units of the luma step squared."""
    sizes: Array
    """(4,) uint8 1 for each size that the encoder may use."""
    depths: Array
    """(4,) int64 log₂ of the classes of each size."""
    optimised: bool
    """Whether integers minimise the cost; otherwise coefficients are rounded."""
    hidden_signs: bool
    """Whether luma has hidden signs."""
    matching: bool
    """Whether blocks may be matched."""
    candidates: int
    """Classes of least cost for luma that the encoder judges with chroma."""
    shortlist: int
    """Classes of least estimated cost that the encoder judges for luma."""


class Choice(NamedTuple):
    """Decisions on a superblock."""

    size: Array
    """(64,) int8 size index by 4×4 block in decoding order."""
    label: Array
    """(64,) int8 class."""
    matched: Array
    """(64,) int8 1 if the block is predicted from its matches."""
    q: Array
    """(3, 1024) int32 coefficients; those of a block begin at 16 · its first 4×4 block."""
    ends: Array
    """(64, 5) int64 bits of the row up to the end of each part of the block that begins at a 4×4 block: split flags,
    class, coefficients of each plane. Unused by a coder that reads."""


def new_choice() -> Choice:
    """Arrays for the decisions on one superblock."""
    return Choice(
        size=np.zeros(64, np.int8),
        label=np.zeros(64, np.int8),
        matched=np.zeros(64, np.int8),
        q=np.zeros((3, 1024), np.int32),
        ends=np.zeros((64, 5), np.int64),
    )


def decisions(count: int) -> Choice:
    """Arrays for the decisions on `count` superblocks, the first axis of each array."""
    return Choice(*(np.zeros((count, *part.shape), part.dtype) for part in new_choice()))


class Strip(NamedTuple):
    """Tables, state and samples of the current strip."""

    bases: Bases
    scales: Scales
    points: Array
    """(64, 3) int16 reconstruction points, as for `dequantize`."""
    settings: Settings
    ladder: Ladder
    offsets: Array
    """(rows / 32, width / 32) int8 offsets of the superblocks' steps, at most half of the ladder."""
    local: Local
    """Steps of the current superblock."""
    model: Model
    matching_model: Model
    """Model of the flags of matched blocks."""
    maps: Maps
    choice: Choice
    """Decisions on the current superblock."""
    work: Work
    rec: Array
    """(planes, 1 + rows, width) int16 decoded samples; the first row is the row above the strip."""
    above: bool
    """Whether there is a strip above this one."""


class Part(NamedTuple):
    """Properties of one plane of a block that its contexts use."""

    plane: int
    """0, 1, 2 for Y', Cb, Cr."""
    t: int
    """Size index."""
    label: int
    """Class."""
    nearby: int
    """Activity of the neighbours, 0 to 11."""
    hidden_signs: bool = False
    """Whether a sign of each set of coefficients may be hidden."""


class Expected(NamedTuple):
    """Statistics of the coefficients of one plane of a block."""

    sigma: Array
    """(n,) int16 8 log₂ of their scales."""
    log_step: int
    """8 log₂ of the step."""
    magnitude: Array
    """(64,) expected magnitudes, as `Scales.expected`."""
    order: Array
    """(n,) index 16 u + v of each coefficient in the separable basis, for sizes from 16."""
    largest: int
    """Largest magnitude, as from `largest_magnitude`."""
