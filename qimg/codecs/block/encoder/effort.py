"""Settings of the encoder's search by effort; decoders read the streams of every effort."""

from dataclasses import dataclass, replace

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.model.strip import Settings
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SIDES, SUPERBLOCK
from qimg.codecs.quality import LAGRANGE
from qimg.core import arguments

WEIGHTS = (1.0, 1.086, 0.825)
"""Total squared error of R, G and B per squared error of Y', Cb and Cr, relative to Y'."""
_COARSE_LAGRANGE = 0.4
"""Factor of λ for the coarse picture of a progressive file, from which the layers predict."""

_TUNED_LAGRANGE = 0.2
"""Factor of λ where errors are weighted: most weights are far below 1, those of low frequencies above."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Settings of the encoder's search."""

    sizes: tuple[int, ...] = SIDES
    """Sides of the blocks."""
    lagrange: float = LAGRANGE
    """λ in units of the squared luma step."""
    optimised: bool = True
    """Whether integers minimise distortion + λ · bits; otherwise coefficients are rounded."""
    filtered: bool = True
    """Whether to use the decoder's filter on planes where it reduces the error."""

    @classmethod
    def of_effort(cls, effort: int) -> "Search":
        """Settings of an effort, 1 to 9: blocks of 8×8 and 16×16, from 3 also of 32×32, from 5 also of 4×4."""
        arguments.integer("effort", effort, 1, 9)
        return cls(sizes=(8, 16) if effort <= 2 else (8, 16, 32) if effort <= 4 else SIDES)

    def stable(self) -> "Search":
        """Settings for fixed points: no filter, and a smaller λ, so that encoding again repeats the decisions."""
        return replace(self, lagrange=0.05, filtered=False)

    def tuned(self) -> "Search":
        """Settings for errors that are weighted as in the tangent error."""
        return replace(self, lagrange=self.lagrange * _TUNED_LAGRANGE)

    def coarse(self) -> "Search":
        """Settings for the coarse picture below layers: no blocks of 32.

        Blocks of 32 hold half of their frequencies only, so their layers could not converge to the picture.
        """
        sizes = tuple(side for side in self.sizes if side < SUPERBLOCK)
        return replace(self, sizes=sizes, lagrange=self.lagrange * _COARSE_LAGRANGE)

    def settings(self, tables: Tables, parameters: Parameters, planes: int) -> Settings:
        """Settings of a picture for the compiled loops."""
        common = settings_for(tables, parameters, planes)
        weights = np.array(WEIGHTS) * (common.steps / common.steps[0]) ** 2
        sizes = np.array([side in self.sizes for side in SIDES], np.uint8)
        return common._replace(lagrange=self.lagrange / weights, weight=weights, sizes=sizes, optimised=self.optimised)
