"""The parameters of a training."""

from dataclasses import dataclass

from qimg.core import integer, one_of
from qimg.learning.schedule import Schedule
from qimg.restoration.jpeg.network.architecture import Architecture

PRIORS = ("input", "regulariser", "projection")
"""What the prior can be to a network."""


def libjpeg_qualities(name: str, qualities: tuple[int, int]) -> None:
    """Check that these are a lowest and a highest quality."""
    low, high = qualities
    integer(name, low, 1, 100)
    integer(name, high, low, 100)


@dataclass(frozen=True, kw_only=True)
class Recipe(Schedule):
    """The parameters of a training."""

    width: int = 48
    """Channels of features, at half resolution."""
    blocks: int = 5
    """Residual blocks of two 3×3 convolutions."""
    use: tuple[str, ...] = ("projection",)
    """What the prior is to the network: "input" (an explicit estimate is a further input), "regulariser" (unlikely
    patches cost), "projection" (outputs are confined to the quantization cells); any of them, or none."""
    effort: int = 1
    """Stages of the explicit estimator, for "input"."""
    strength: float = 0.01
    """Weight, for "regulariser", of nats per sample beside the error in units."""
    versions: int = 8
    """Draws of each picture that are kept: orientation, cut and table."""
    qualities: tuple[int, int] = (5, 95)
    """Lowest and highest of libjpeg's; drawn evenly in their logarithm."""
    chroma: bool = True
    """Draw chroma at half size as well."""
    spread_steps: int = 2000
    """Further steps, of 16 crops, in which the deviations are learnt, on weights that stay as they are."""

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
        """What the weights are for."""
        cell = 0.7 if "projection" in self.use else 0.0
        return Architecture(width=self.width, blocks=self.blocks, estimate="input" in self.use, cell=cell)
