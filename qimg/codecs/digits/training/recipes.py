"""Recipes of the models of digits."""

from dataclasses import dataclass
from itertools import pairwise

from qimg.codecs.digits.contours.channels import CURVES, Layout
from qimg.codecs.digits.contours.curves import FREQUENCIES
from qimg.codecs.digits.latent_model import SIDE
from qimg.codecs.training import CodecRecipe
from qimg.core import fraction, integer, require
from qimg.core.records import short_repr
from qimg.entropy.distributions import Distribution
from qimg.integer_networks.contexts import ContextDesign


@dataclass(frozen=True, kw_only=True)
class _DigitRecipe(CodecRecipe):
    """What all recipes of digits have; a crop is a whole digit."""

    crop: int = 1
    held_out: int = 2000
    """Digits at the end that are not trained on, for the figures of the log."""


@dataclass(frozen=True, kw_only=True)
class _RatedRecipe(_DigitRecipe):
    """What recipes of latents have whose model has all rates."""

    channels: int
    """Latents of a digit."""
    hidden: int
    """Features of the hidden layer of each context network."""
    weights: tuple[float, float]
    """Bits that a unit of squared error is worth, at the lowest rate and at the highest."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.weights[0] < self.weights[1], "weights", "must be positive and increase", self.weights)


@short_repr
@dataclass(frozen=True, kw_only=True)
class LatentRecipe(_RatedRecipe):
    """Parameters of an auto-encoder and its training."""

    batch: int = 256
    steps: int = 16_000
    averaging: float = 0.999
    rounded_from: float = 0.7
    channels: int = 32
    encoder: tuple[int, ...] = (256, 256)
    """Features of the hidden layers of the encoder."""
    decoder: tuple[int, ...] = (256, 320)
    """Features of the hidden layers of the decoder."""
    hidden: int = 24
    components: int = 2
    """Gaussians of a latent's distribution."""
    weights: tuple[float, float] = (5.0, 60.0)
    distorted: float = 0.5
    """Share of the training digits that are distorted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("channels", "hidden", "held_out"):
            integer(name, getattr(self, name), 1)
        integer("components", self.components, 1)
        fraction("distorted", self.distorted)

    @property
    def design(self) -> ContextDesign:
        """The context model: each latent given those before it and the rate."""
        return chain_design(self.channels, self.components, self.hidden)


@short_repr
@dataclass(frozen=True, kw_only=True)
class KltRecipe(_RatedRecipe):
    """Parameters of the KLT of digits and of the training of its context model; `weights` set the steps."""

    batch: int = 512
    steps: int = 4000
    rounded_from: float = 0.0
    channels: int = 104
    """Coefficients of a digit, those of the largest variances."""
    bands: tuple[int, ...] = (4, 4, 8, 16, 16, 24, 32)
    """Coefficients that are coded together, given those before."""
    hidden: int = 32
    weights: tuple[float, float] = (3.0, 40.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(sum(self.bands) == self.channels, "bands", f"must sum to channels={self.channels}", self.bands)

    @property
    def design(self) -> ContextDesign:
        """The context model: each band of coefficients given those before it and the rate."""
        return ContextDesign(
            distribution=Distribution(kind="laplace"),
            bands=self.bands,
            magnitudes=False,
            conditions=1,
            hidden=(self.hidden,),
            input_fraction=2,
        )


@short_repr
@dataclass(frozen=True, kw_only=True)
class ContourRecipe(_DigitRecipe):
    """Parameters of the contour codec: eigenbasis of curves, codes to learn from, training of the context model."""

    batch: int = 256
    steps: int = 5000
    averaging: float = 0.999
    rounded_from: float = 0.6
    coefficients: tuple[int, ...] = (30, 9, 7, 12)
    """Coefficients of the outer curve, the first and the second hole, and a second outer curve."""
    hidden: int = 24
    """Features of the hidden layer of each context network."""
    components: int = 2
    """Gaussians of a latent's distribution."""
    weights: tuple[float, float] = (2.5, 40.0)
    """Bits that a unit of squared error is worth, at the lowest rate and at the highest."""
    coarseness: float = 2.5
    """Squared step over that of least cost for independent coefficients at high rates, 6 / (weight · ln 2)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.weights[0] < self.weights[1], "weights", "must be positive and increase", self.weights)
        require(self.coarseness > 0, "coarseness", "must be positive", self.coarseness)
        require(len(self.coefficients) == CURVES, "coefficients", f"must be {CURVES} numbers", self.coefficients)
        for count in self.coefficients:
            integer("coefficients", count, 1, 4 * FREQUENCIES + 2)

    @property
    def design(self) -> ContextDesign:
        """The context model: each latent given those before it and the rate."""
        channels = Layout(coefficients=self.coefficients).channels
        return chain_design(channels, self.components, self.hidden)


@short_repr
@dataclass(frozen=True, kw_only=True)
class RasterRecipe(_DigitRecipe):
    """Parameters of a raster-encoder and its training."""

    batch: int = 512
    """Digits of a step; some pixels of each are used."""
    steps: int = 6000
    averaging: float = 0.998
    rounded_from: float = 0.75
    levels: int = 4
    """Levels of gray: 2, 4, 8 or 256."""
    thresholds: tuple[int, ...] = ()
    """Least code values of the levels above the first; left out, those of equal intervals."""
    reach: int = 5
    """Radius of the window of pixels in rows and columns."""
    hidden: tuple[int, ...] = (96, 64)
    """Features of the hidden layers."""
    weight: float = 0.0
    """Bits that a squared code value is worth to the encoder; 0 rounds to the nearest level."""
    counted: tuple[int, ...] = ()
    """Levels whose counts in the digit so far, and at the nearest pixels, each pixel's distribution depends on."""
    pixels: tuple[int, int] = (13, 3)
    """Pixels of a digit in a step: with a pixel in the window that is not black, and with none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.levels in (2, 4, 8, 256), "levels", "must be 2, 4, 8 or 256", self.levels)
        integer("reach", self.reach, 1)
        edges = [0, *self.thresholds, 256]
        rising = all(low < high for low, high in pairwise(edges))
        fitting = not self.thresholds or len(self.thresholds) == self.levels - 1
        require(rising and fitting, "thresholds", f"must be {self.levels - 1} increasing code values", self.thresholds)

    @property
    def edges(self) -> tuple[int, ...]:
        """The thresholds."""
        return self.thresholds or tuple(256 * level // self.levels for level in range(1, self.levels))

    @property
    def design(self) -> ContextDesign:
        """The context model: each pixel given a window of those before it and its position."""
        return ContextDesign(
            distribution=Distribution(kind="categorical", size=self.levels),
            bands=(1,),
            orders=("raster",),
            reach=self.reach,
            magnitudes=self.levels == 256,
            positions=True,
            grid=(SIDE, SIDE),
            hidden=self.hidden,
            counted=self.counted,
            bound=self.levels - 1,
            input_fraction=(self.levels - 1).bit_length(),
        )


def chain_design(channels: int, components: int, hidden: int) -> ContextDesign:
    """The context model of a chain: each latent given those before it and the rate."""
    several = components > 1
    return ContextDesign(
        distribution=Distribution(kind="mixture", size=components) if several else Distribution(kind="gaussian"),
        bands=(1,) * channels,
        magnitudes=False,
        conditions=1,
        hidden=(hidden,),
        input_fraction=2,
    )


DigitRecipe = LatentRecipe | KltRecipe | ContourRecipe | RasterRecipe

AUTOENCODER_RECIPE = LatentRecipe()
KLT_RECIPE = KltRecipe()
CONTOUR_RECIPE = ContourRecipe()
RASTER_RECIPES = (
    RasterRecipe(levels=2, weight=4e-4),
    RasterRecipe(levels=4, thresholds=(43, 128, 213), weight=9e-4),
    RasterRecipe(levels=8, weight=6e-3),
    RasterRecipe(levels=256, hidden=(128, 104), steps=20_000, counted=tuple(range(250, 256))),
)
