"""Simpler versions of a picture, each of areas with and without fills."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qimg import metrics
from qimg.codecs.contour.colours import colours_of
from qimg.codecs.contour.fills import Areas, Fills, areas_of, paint
from qimg.codecs.contour.fitting import fit
from qimg.codecs.contour.simplification import Simplification
from qimg.core import Array
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Version:
    """A simpler version of a picture."""

    stored: Array
    """(H, W, stored channels) `uint8` colours of its areas."""
    shown: Array
    """(H, W, colour channels) `uint8` colours with fills."""
    psnr_db: float
    """PSNR of `shown` against the source."""
    areas: Areas | None = None
    """Areas that may have fills."""
    fills: Fills | None = None
    """Fills of `areas`, if there are any."""


class Versions:
    """Makes versions of a picture at several λ, and keeps the latest one."""

    def __init__(self, stored: Array, colour_channels: int, weigh: Callable[[Array], Array]) -> None:
        """Prepare a picture.

        Args:
            stored: (H, W, channels) `uint8`, with alpha as the last channel if it is stored.
            colour_channels: channels without alpha.
            weigh: as for `qimg.codecs.contour.encoder.encode`.
        """
        self._stored = stored
        self.colour = np.ascontiguousarray(stored[..., :colour_channels])
        """(H, W, colour channels) `uint8`."""
        self._importance = weigh(self.colour)
        self._simplifications: dict[bool, Simplification] = {}
        self._latest: tuple[float, bool, Version] | None = None

    def at(self, weight: float, *, planes: bool) -> Version:
        """The version at a λ.

        Args:
            weight: λ, squared error that is worth a bit.
            planes: whether areas may have fills.
        """
        if self._latest is None or self._latest[:2] != (weight, planes):
            self._latest = weight, planes, self._made(weight, planes=planes)
        return self._latest[2]

    def _made(self, weight: float, *, planes: bool) -> Version:
        if planes not in self._simplifications:
            self._simplifications[planes] = Simplification(self.colour, planes=planes, importance=self._importance)
        shown, areas, fills = self._simplifications[planes].at(weight), None, None
        stored = np.concatenate([shown, self._stored[..., shown.shape[2] :]], axis=2)
        if planes:
            areas = areas_of(colours_of(stored))
            fills = fit(shown, areas, self.colour, weight)
            if fills is not None:
                paint(shown, areas, fills)
        return Version(stored=stored, shown=shown, psnr_db=self.psnr_db(shown), areas=areas, fills=fills)

    def psnr_db(self, shown: Array) -> float:
        """PSNR of colours (H, W, colour channels) against the source; infinite if they are equal."""
        return metrics.psnr_db(self.colour, shown, data_range=255)
