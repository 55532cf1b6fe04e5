"""Settings of the encoder's search by effort; decoders read the streams of every effort."""

from dataclasses import dataclass, replace

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.encoder.analysis import MOST_CANDIDATES
from qimg.codecs.block.model.contexts import CLASSES
from qimg.codecs.block.model.strip import Settings
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.geometry import SIDES, SUPERBLOCK
from qimg.codecs.quality import LAGRANGE
from qimg.core import arguments

DEFAULT_EFFORT = 5
"""Effort of `encode` where none is asked for."""
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
    candidates: int = MOST_CANDIDATES
    """Classes of least cost for luma that are judged with chroma, 1 to 4."""
    shortlist: int = CLASSES
    """Classes of least estimated cost that are judged for luma, 1 to 32 (all)."""
    filtered: bool = True
    """Whether to use the decoder's filter on planes where it reduces the error."""

    @classmethod
    def of_effort(cls, effort: int) -> "Search":
        """Settings of an effort, 1 to 9.

        Blocks of 8×8 and 16×16, five classes judged for luma and one with chroma; from 3 also blocks of 32×32, and
        eight and two classes; from 5 also blocks of 4×4, and twelve and four classes; from 7 all classes for luma.
        """
        arguments.integer("effort", effort, 1, 9)
        sizes = (8, 16) if effort <= 2 else (8, 16, 32) if effort <= 4 else SIDES
        candidates = 1 if effort <= 2 else 2 if effort <= 4 else MOST_CANDIDATES
        shortlist = 5 if effort <= 2 else 8 if effort <= 4 else 12 if effort <= 6 else CLASSES
        return cls(sizes=sizes, candidates=candidates, shortlist=shortlist)

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
        weights = parameters.space.weights * (common.steps / common.steps[0]) ** 2
        sizes = np.array([side in self.sizes for side in SIDES], np.uint8)
        return common._replace(
            lagrange=self.lagrange / weights,
            weight=weights,
            sizes=sizes,
            optimised=self.optimised,
            candidates=self.candidates,
            shortlist=self.shortlist,
        )
