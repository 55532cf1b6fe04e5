"""The parameters of a fit, which the file of the prior repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from qimg.core import arguments, fitting, integer
from qimg.core.records import short_repr
from qimg.prior.fitting.maximization import SHRINKAGE, coarse_classes
from qimg.prior.views import View

ROUNDING = (0.299**2 + 0.587**2 + 0.114**2) / 12
"""Variance of luma, in squared code values, that results from rounding R, G and B to whole code values."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Recipe(fitting.Recipe):
    """The parameters of a fit."""

    mixtures: Mapping[str, int] = field(default_factory=lambda: {"patch8": 16, "luma8": 16})
    """Views and their numbers of classes, such as patch8 200 luma8 32 colour8 16."""
    size: int = 8
    """Side of the patches of the operators."""
    operator: str = ""
    """Group whose luma operator, at the smallest scale, is the prior's `operator`; all groups when left out."""
    colour: bool = False
    """Fit Y'CbCr operators (192-dimensional for 8×8) at the smallest scale, beside those of luma."""
    linear: bool = False
    """Fit operators of RAW files in linear light beside the rendered ones: luma of 255 · linear R, G, B."""
    jpeg_qualities: tuple[int, ...] = ()
    """Qualities at which joint operators of (decoded JPEG ⊕ its error) are fitted, without JPEG files as inputs."""
    jpeg_samplings: tuple[str, ...] = ("4:2:0",)
    """Chroma formats of those JPEG files: 4:4:4, 4:2:2 or 4:2:0."""
    scales: tuple[int, ...] = (1, 2)
    """Factors of the box means by which every picture is reduced; 1 is full size."""
    jpeg_scale: int = 2
    """Smallest factor at which JPEG files are used for the mixtures; 2 blurs their block grid."""
    stride: int = 0
    """Pixels between the patches of the operators; 0 cuts them side by side. 3 covers every phase of a JPEG grid."""
    windows: int = 1500
    """Windows per picture and scale for each mixture, a quarter of it for vectors longer than 128."""
    coarse_rounds: int = 4
    """Rounds of expectation–maximization before mixtures of 32 and more classes are split from an eighth of them."""
    rounds: int = 10
    """Rounds of expectation–maximization after that."""
    batch: int = 0
    """Target number of vectors per update in the first half of the rounds; 0: 300 per class, at least 5000."""
    shrinkage: float = SHRINKAGE
    """Pseudo-vectors of the pooled covariance in every class, divided by the dimension."""
    noise_variance: float = ROUNDING
    """Added to every variance, in squared code values; by default that of luma due to the rounding of R, G and B."""
    part: int = 8
    """Pictures per task: the fixed partition that makes a fit bit-identical for any number of workers."""
    parts_per_update: int = 4
    """Fewest parts in an update of a mixture; workers wait for each other at every update."""
    seed: int = 0
    """Seed of the windows and of the first classes."""

    def __post_init__(self) -> None:
        for name, classes in self.mixtures.items():
            View(name)
            integer(f"classes of {name}", classes, 1)
        integer("size", self.size, 2, 32)
        arguments.require(len(self.scales) > 0, "scales", "must hold at least one value", self.scales)
        for scale in self.scales:
            integer("scales", scale, 1, 64)
        for quality in self.jpeg_qualities:
            integer("jpeg_qualities", quality, 1, 100)
        for sampling in self.jpeg_samplings:
            arguments.one_of("jpeg_samplings", sampling, ("4:4:4", "4:2:2", "4:2:0"))
        eight = not self.jpeg_qualities or self.size == 8
        arguments.require(eight, "size", "must be 8 where jpeg_qualities are given: the grid of JPEG", self.size)
        for name in ("jpeg_scale", "windows", "coarse_rounds", "rounds", "part", "parts_per_update"):
            integer(name, getattr(self, name), 1)
        for name in ("stride", "batch", "seed"):
            integer(name, getattr(self, name), 0)
        arguments.require(0 <= self.shrinkage < 1e12, "shrinkage", "must not be negative", self.shrinkage)
        arguments.require(0 < self.noise_variance < 1e12, "noise_variance", "must be positive", self.noise_variance)

    @property
    def passes(self) -> int:
        """Number of passes over the pictures; one for operators alone."""
        return len(self.steps)

    @property
    def steps(self) -> tuple[str, ...]:
        """The task of each pass: "survey", "seed", then "round" and, once, "split"."""
        if not self.mixtures:
            return ("survey",)
        coarse = any(coarse_classes(classes) < classes for classes in self.mixtures.values())
        before = ("round",) * self.coarse_rounds + ("split",) if coarse else ()
        return ("survey", "seed", *before, *("round",) * self.rounds)

    def mixture_scales(self, *, jpeg: bool) -> tuple[int, ...]:
        """Factors of the box means at which a picture is used for the mixtures."""
        if not jpeg:
            return self.scales
        return tuple(scale for scale in self.scales if scale >= self.jpeg_scale) or (self.jpeg_scale,)

    def windows_of(self, view: View) -> int:
        """Windows of one picture and scale for a view."""
        return self.windows if view.dimension <= 128 else -(-self.windows // 4)

    def vectors_per_update(self, classes: int) -> int:
        """Target number of vectors in an update of a mixture with this number of classes."""
        return self.batch or max(5000, 300 * classes)
