"""What the encoder's search tries, by effort; decoders read every stream alike."""

from dataclasses import dataclass, replace

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.model.strip import Settings
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SIDES, SUPERBLOCK
from qimg.core import arguments

LAGRANGE = 0.07
"""λ in units of the squared luma step: what a bit may cost in squared error."""
WEIGHTS = (1.0, 1.086, 0.825)
"""Squared error of R, G and B together that a unit of squared error in Y', Cb or Cr makes, relative to Y'."""
_COARSE_LAGRANGE = 0.4
"""Of λ, for the coarse picture of a progressive file: the layers predict from it."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the encoder tries."""

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

    def coarse(self) -> "Search":
        """The search for a picture below layers, without blocks of 32.

        They keep half of their frequencies only: layers on them could never come close to the picture.
        """
        sizes = tuple(side for side in self.sizes if side < SUPERBLOCK)
        return replace(self, sizes=sizes, lagrange=self.lagrange * _COARSE_LAGRANGE)

    def settings(self, tables: Tables, parameters: Parameters, planes: int) -> Settings:
        """Numbers of a whole picture for the compiled loops."""
        common = settings_for(tables, parameters, planes)
        weights = np.array(WEIGHTS) * (common.steps / common.steps[0]) ** 2
        sizes = np.array([side in self.sizes for side in SIDES], np.uint8)
        return common._replace(lagrange=self.lagrange / weights, weight=weights, sizes=sizes, optimised=self.optimised)
