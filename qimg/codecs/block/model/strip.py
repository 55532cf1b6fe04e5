"""The state of the compiled loops of either side in a strip, as one record."""

from typing import NamedTuple

import numpy as np

from qimg.codecs.block.model.maps import Maps
from qimg.codecs.block.transform.blocks import Bases, Work
from qimg.core import Array
from qimg.entropy.mixing import Model


class Scales(NamedTuple):
    """What the magnitudes of coefficients are expected to be."""

    log_sigma: tuple[Array, ...]
    """By size: (3, classes, n) int16 base-2 logarithm of each coefficient's scale, in eighths, code values."""
    expected: Array
    """(64,) int32 expected magnitude by log₂(scale / step) in eighths + 32, in units of 1/256."""


class Settings(NamedTuple):
    """Numbers that hold for a whole picture."""

    steps: Array
    """(3,) int64 step of each plane in samples' units."""
    log_steps: Array
    """(3,) int64 8 log₂(step / 64)."""
    step_level: int
    """Coarse logarithm of the luma step, 0 to 7."""
    planes: int
    """1 or 3."""
    lagrange: Array
    """(3,) float64 λ of each plane in units of its squared step."""
    weight: Array
    """(3,) float64 squared step · weight of each plane's error, in units of the luma step squared."""
    sizes: Array
    """(4,) uint8 whether a size may be used by the encoder."""
    depths: Array
    """(4,) int64 log₂ of the classes of each size."""
    optimised: bool
    """Whether integers are chosen by cost, or coefficients rounded."""


class Choice(NamedTuple):
    """What is decided about a superblock."""

    size: Array
    """(64,) int8 size index by 4×4 block in the order of decoding."""
    label: Array
    """(64,) int8 class."""
    q: Array
    """(3, 1024) int32 coefficients; a block's begin at 16 · its first 4×4 block."""
    ends: Array
    """(64, 5) int64 bits of the row up to the end of each part of the block that begins at a 4×4 block: divisions,
    class, coefficients of each plane. Not of a coder that reads."""


def new_choice() -> Choice:
    """Room for what is decided about a superblock."""
    return Choice(
        size=np.zeros(64, np.int8),
        label=np.zeros(64, np.int8),
        q=np.zeros((3, 1024), np.int32),
        ends=np.zeros((64, 5), np.int64),
    )


def decisions(count: int) -> Choice:
    """Room for those of so many superblocks, which are the first axis of each array."""
    return Choice(*(np.zeros((count, *part.shape), part.dtype) for part in new_choice()))


class Strip(NamedTuple):
    """Tables, state and samples of a strip that is written or read."""

    bases: Bases
    scales: Scales
    points: Array
    """(64, 3) int16 reconstruction points, as for `dequantize`."""
    settings: Settings
    model: Model
    maps: Maps
    choice: Choice
    """What is decided about the superblock in hand."""
    work: Work
    rec: Array
    """(planes, 1 + rows, width) int16 decoded samples, the row above the strip first."""
    above: bool
    """Whether the strip lies below another one."""


class Part(NamedTuple):
    """One plane of a block, as its contexts see it."""

    plane: int
    """0, 1, 2 for Y', Cb, Cr."""
    t: int
    """Size index."""
    label: int
    """Class."""
    nearby: int
    """Activity of the neighbours, 0 to 11."""


class Expected(NamedTuple):
    """What is expected of the coefficients of one plane of a block."""

    sigma: Array
    """(n,) int16 log₂ of their scales, in eighths."""
    log_step: int
    """That of the step."""
    magnitude: Array
    """(64,) of `Scales.expected`."""
    order: Array
    """(n,) index 16 u + v of each coefficient in the separable basis, for sizes from 16."""
