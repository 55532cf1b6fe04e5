"""Parameters of the training of a network."""

from dataclasses import dataclass

from qimg.core import integer, one_of
from qimg.core.records import short_repr
from qimg.learning.schedule import Schedule
from qimg.restoration.jpeg.network.architecture import Architecture

PRIORS = ("input", "regulariser", "projection")
"""Uses of the prior in a network."""


def libjpeg_qualities(name: str, qualities: tuple[int, int]) -> None:
    """Raise `ValueError` unless these are a lowest and a highest quality of libjpeg."""
    low, high = qualities
    integer(name, low, 1, 100)
    integer(name, high, low, 100)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Recipe(Schedule):
    """Parameters of the training of a network."""

    width: int = 48
    """Channels of features, at half resolution."""
    blocks: int = 5
    """Residual blocks of two 3×3 convolutions."""
    use: tuple[str, ...] = ("projection",)
    """Uses of the prior: "input" (an explicit estimate is an additional input), "regulariser" (unlikely patches are
    penalised), "projection" (outputs are confined to the quantization bins); any of them, or none."""
    effort: int = 1
    """Stages of the explicit estimator, for "input"."""
    strength: float = 0.01
    """Weight, for "regulariser", of nats per coefficient relative to the error in table scales."""
    versions: int = 8
    """Draws of each picture, with different orientations, offsets and tables."""
    qualities: tuple[int, int] = (5, 95)
    """Lowest and highest quality of libjpeg; qualities are drawn uniformly in their logarithm."""
    chroma: bool = True
    """Draw chroma at half size as well."""
    spread_steps: int = 2000
    """Further steps, of 16 crops each, in which the deviations are learned while all other weights are fixed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.use:
            one_of("use", name, PRIORS)
        integer("versions", self.versions, 1)
        integer("spread_steps", self.spread_steps, 1)
        integer("effort", self.effort, 0)
        libjpeg_qualities("qualities", self.qualities)
        _ = self.architecture

    @property
    def architecture(self) -> Architecture:
        """Architecture of the network."""
        cell = 0.7 if "projection" in self.use else 0.0
        return Architecture(width=self.width, blocks=self.blocks, estimate="input" in self.use, cell=cell)
