"""The latents of a digit: whether each curve is there, the coefficients of each, brightness and softness of the rims.

Only latents that have an effect are coded. A hole needs an outer curve, and a second hole the first one.
"""

from dataclasses import dataclass

import numpy as np

from qimg.core import Array
from qimg.core.cached import cached_property

CURVES = 4
"""Slots of curves: outer, hole, second hole, second outer."""
SIGNS = (1, -1, -1, 1)
"""Whether a curve adds its area or removes it, by slot."""
_NEEDS = (-1, 0, 1, 0)
"""The slot whose curve must be there, by slot."""
MOST_COEFFICIENTS = 64
"""Of a curve."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Positions of the latents.

    Channels are: a bit for each slot, the coefficients of each slot, brightness, softness.
    """

    coefficients: tuple[int, ...]
    """Of each slot."""

    @property
    def channels(self) -> int:
        """Number of latents."""
        return CURVES + sum(self.coefficients) + 2

    @property
    def brightness(self) -> int:
        """Channel of the brightness."""
        return self.channels - 2

    @property
    def softness(self) -> int:
        """Channel of the softness."""
        return self.channels - 1

    def curve(self, slot: int) -> slice:
        """Channels of the coefficients of a slot."""
        start = CURVES + sum(self.coefficients[:slot])
        return slice(start, start + self.coefficients[slot])

    @cached_property
    def needs(self) -> Array:
        """(channels,) the slot whose curve must be there so that a latent has an effect; −1 for the first bit."""
        slots = [*_NEEDS]
        for slot, count in enumerate(self.coefficients):
            slots += [slot] * count
        return np.array([*slots, 0, 0])

    def active(self, codes: Array) -> Array:
        """Which latents (channels, n) have an effect and are coded."""
        return np.stack([self.active_channel(codes, channel) for channel in range(self.channels)])

    def active_channel(self, codes: Array, channel: int) -> Array:
        """For which digits (n,) a latent has an effect, given the codes (channels, n) of those before it."""
        slot = self.needs[channel]
        return np.ones(codes.shape[1], bool) if slot < 0 else codes[slot] == 1

    def mean_magnitudes(self, codes: Array) -> Array:
        """(channels,) means of the magnitudes of codes (channels, n) over the digits for which they are coded."""
        active = self.active(codes)
        return np.abs(np.where(active, codes, 0)).sum(axis=1) / np.maximum(active.sum(axis=1), 1)
