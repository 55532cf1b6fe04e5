"""Hyperparameters of the learned codec, and the integers that an index of the rate stands for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, require
from qimg.core.records import short_repr
from qimg.entropy.distributions import Distribution
from qimg.integer_networks.contexts import ContextDesign

BLOCK = 8
"""Pixels between two positions of the latents, in rows and columns."""
SUPPORT = 2 * BLOCK
"""Rows and columns of pixels of a basis function."""
COLOURS = 3
OCTAVE = 128
"""Indices of the rate in which the quantization step doubles."""
CONDITION_FRACTION = 5
"""Binary digits after the point of conditions."""
STEP_FRACTION = 6
"""Binary digits after the point of quantization steps."""
GAIN_FRACTION = 12
"""Binary digits after the point of gains."""
COORDINATE_FRACTION = 12
"""Binary digits after the point of dequantized latents."""
SYNTHESIS_FRACTION = 16
"""Binary digits after the point of basis functions."""
SAMPLE_FRACTION = 6
"""Binary digits after the point of decoded samples before they are rounded to code values."""
MIDDLE = 128
"""Code value that is subtracted from pictures."""
SIDE = 16
"""Channels of side information from the first channel of the latents: eight differences and their magnitudes."""
INPUT_FRACTION = 3
"""Binary digits after the point of the features of context models."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Design:
    """Hyperparameters of the codec.

    Raises:
        ValueError: a value is out of range.
    """

    bands: tuple[int, ...] = (1, 2, 3, 6, 8, 12, 16, 24, 32, 40)
    """Channels of each band of the latents, in the order of the KLT's eigenvalues; the first band has one channel."""
    hidden: tuple[int, ...] = (96,)
    """Features of the hidden layers of context networks."""
    width: int = 32
    """Channels of the restoration network."""
    blocks: int = 3
    """Residual blocks of two 3×3 convolutions of the restoration network; 0 for a linear decoder."""
    least: int = 2
    """Binary logarithm of the smallest quantization step, in code values of an orthonormal transform."""
    octaves: int = 6
    """Octaves of quantization steps."""

    def __post_init__(self) -> None:
        require(self.bands[:1] == (1,) and len(self.bands) > 1, "bands", "must be one channel, then others", self.bands)
        for name, low in (("width", 1), ("blocks", 0), ("least", 0), ("octaves", 1)):
            integer(name, getattr(self, name), low)
        integer("octaves", self.octaves, 1, 8)
        integer("channels", self.channels, 2, COLOURS * BLOCK * BLOCK)

    @property
    def channels(self) -> int:
        """Channels of the latents."""
        return sum(self.bands)

    @property
    def rates(self) -> int:
        """Number of indices of the rate; 0 has the smallest step."""
        return OCTAVE * self.octaves + 1

    @property
    def conditions(self) -> int:
        """Numbers that describe a rate."""
        return self.octaves + 1

    def first_context(self) -> ContextDesign:
        """Context model of the first channel."""
        return ContextDesign(
            distribution=Distribution(kind="laplace"),
            bands=(1,),
            orders=("dyadic",),
            reach=1,
            conditions=self.conditions,
            hidden=self.hidden,
            input_fraction=INPUT_FRACTION,
        )

    def further_context(self) -> ContextDesign:
        """Context model of all further channels."""
        return ContextDesign(
            distribution=Distribution(kind="laplace"),
            bands=self.bands[1:],
            orders=("quarters",),
            reach=1,
            side=SIDE,
            conditions=self.conditions,
            hidden=self.hidden,
            input_fraction=INPUT_FRACTION,
        )

    def steps(self) -> Array:
        """(rates,) int32 quantization steps in units of 2^-`STEP_FRACTION`."""
        exponents = self.least + STEP_FRACTION + np.arange(self.rates) / OCTAVE
        return np.rint(2.0**exponents).astype(np.int32)


def conditions(design: Design, rates: ArrayLike) -> Array:
    """(conditions, n) integers that describe rates: linear interpolation between whole octaves, which sums to 32.

    Args:
        design: the design.
        rates: (n,) integers, indices of the rate.

    >>> conditions(Design(octaves=3), [0, 96, 128])[:, 1]
    array([ 8, 24,  0,  0])
    """
    one = 1 << CONDITION_FRACTION
    places = np.asarray(rates, np.int64) * one // OCTAVE
    return np.maximum(one - np.abs(places - one * np.arange(design.conditions)[:, None]), 0)
