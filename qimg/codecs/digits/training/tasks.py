"""Trainings of the models of digits, for `qimg.codecs.training.train` and `qimg fit codec`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qimg.codecs.digits.contours.model import ContourModel
from qimg.codecs.digits.latent_model import PIXELS, RATES, SIDE, LatentModel
from qimg.codecs.digits.raster_model import RasterModel
from qimg.codecs.digits.training import contours, klt, latents, rasters
from qimg.codecs.digits.training.draws import Digits
from qimg.codecs.digits.training.recipes import (
    AUTOENCODER_RECIPE,
    CONTOUR_RECIPE,
    KLT_RECIPE,
    RASTER_RECIPES,
    ContourRecipe,
    DigitRecipe,
    KltRecipe,
    LatentRecipe,
    RasterRecipe,
)
from qimg.codecs.training import Pictures, Task, require_no_evaluation_pictures
from qimg.core import Array, require
from qimg.images import ImageError, read_idx
from qimg.images.collections import pixel_digest

_TRAINING_DIGITS = "train-images-idx3-ubyte.gz"


@dataclass(frozen=True, eq=False, kw_only=True)
class DigitTraining:
    """How a model of digits is trained; see `qimg.codecs.recipes.Training`.

    Sources are IDX files of digits, folders that hold `train-images-idx3-ubyte.gz`, or arrays (n, 28, 28) uint8.
    `file#first-end` takes the digits from `first` to before `end`. Without `held_out`, the last digits of the sources
    are held out, as many as the recipe says.
    """

    recipe: DigitRecipe

    def task(
        self, sources: Iterable[Any], recipe: Any, *, held_out: Iterable[Any] = (), root: Any = None
    ) -> Task[Any, Any, Any]:
        """The task for `qimg.codecs.training.train`.

        Args:
            sources: digits to learn from.
            recipe: parameters, of the type of `self.recipe`.
            held_out: digits for the figures of the log.
            root: folder for relative names that do not exist in the current folder.

        Raises:
            ImageError: a source cannot be read as digits.
            ValueError: sources or held-out digits are MNIST's test digits, or no more digits than are held out.
        """
        require(type(recipe) is type(self.recipe), "recipe", f"must be a {type(self.recipe).__name__}", recipe)
        parts, others = _read(sources, root, "sources"), _read(held_out, root, "held_out")
        require(bool(parts), "sources", "must hold digits", [])
        if not others:
            name, digits = parts[-1]
            count = recipe.held_out
            require(len(digits) > count, "held_out", f"must be less than the {len(digits)} digits of {name}", count)
            parts[-1], others = (name, digits[:-count]), [(f"the last {count} of {name}", digits[-count:])]
        training, evaluated = (np.concatenate([digits for _, digits in some]) for some in (parts, others))
        parameters = {"pictures": _pictures(parts), "held_out": _pictures(others), "recipe": recipe}
        if isinstance(recipe, ContourRecipe):
            return _contours(recipe, training, evaluated, parameters)
        if isinstance(recipe, LatentRecipe):
            return _latents(recipe, training, evaluated, parameters)
        return (_klt if isinstance(recipe, KltRecipe) else _raster)(recipe, training, evaluated, parameters)


def _read(sources: Iterable[Any], root: Any, argument: str) -> list[tuple[str, Array]]:
    """Names and digits of the sources of an argument."""
    return [_digits(source, root, argument) for source in sources]


def _digits(source: Any, root: Any, argument: str) -> tuple[str, Array]:
    if isinstance(source, np.ndarray):
        name, digits, part = "array", source, None
    else:
        text = str(source)
        part = re.search(r"#(\d+)-(\d+)$", text)
        path = Path(text[: part.start()] if part else text)
        if root is not None and not path.exists():
            path = Path(root) / path
        if path.is_dir():
            path /= _TRAINING_DIGITS
        name, digits = path.name + (part[0] if part else ""), read_idx(path, 3)
    if digits.shape[1:] != (SIDE, SIDE) or digits.dtype != np.uint8:
        raise ImageError(f"{name}: must hold digits (n, {SIDE}, {SIDE}) uint8, but has {digits.dtype} {digits.shape}")
    require_no_evaluation_pictures([pixel_digest(digits)], [name], argument)
    return name, digits[int(part[1]) : int(part[2])] if part else digits


def _pictures(parts: list[tuple[str, Array]]) -> Pictures:
    return Pictures(names=[name for name, _ in parts], digests={pixel_digest(digits): name for name, digits in parts})


def _flat(digits: Array) -> torch.Tensor:
    """(n, 784)."""
    return torch.from_numpy(digits.reshape(len(digits), PIXELS).copy())


def _columns(digits: Array) -> Array:
    """(784, n)."""
    return np.ascontiguousarray(digits.reshape(len(digits), PIXELS).T)


def _latents(recipe: LatentRecipe, training: Array, held_out: Array, parameters: Any) -> Task[Any, Any, LatentModel]:
    return Task(
        **parameters,
        draws=Digits(pixels=_flat(training), distorted=recipe.distorted),
        figures=lambda network: latents.figures(network, _columns(held_out)),
        build=lambda: latents.AutoEncoder(recipe),
        loss=latents.loss,
        assemble=lambda network, provenance: network.export(provenance),
    )


def _klt(recipe: KltRecipe, training: Array, held_out: Array, parameters: Any) -> Task[Any, Any, LatentModel]:
    mean, basis = klt.transform(training.reshape(len(training), PIXELS), recipe.channels)
    return Task(
        **parameters,
        draws=Digits(pixels=_flat(training)),
        figures=lambda network: klt.figures(network, _columns(held_out)),
        build=lambda: klt.Klt(recipe, mean, basis),
        loss=klt.loss,
        assemble=lambda network, provenance: network.export(provenance),
    )


def _contours(recipe: ContourRecipe, training: Array, held_out: Array, parameters: Any) -> Task[Any, Any, ContourModel]:
    frame = contours.fitted_frame(training, recipe)
    rates = np.random.default_rng(recipe.seed).integers(0, RATES, len(training))
    codes = contours.refined_codes(frame, training, frame.latents(training), rates, recipe)
    latents, others = frame.latents(held_out), {}
    for rate in (0, RATES // 2, RATES - 1):
        each = np.full(len(held_out), rate)
        others[rate] = contours.refined_codes(frame, held_out, latents, each, recipe)
    return Task(
        **parameters,
        draws=contours.Codes.of(codes, rates),
        figures=lambda network: contours.figures(network, held_out, others),
        build=lambda: contours.ContourNetwork(recipe, frame),
        loss=contours.loss,
        assemble=lambda network, provenance: network.export(provenance),
    )


def _raster(recipe: RasterRecipe, training: Array, held_out: Array, parameters: Any) -> Task[Any, Any, RasterModel]:
    levels, others = (
        np.searchsorted(recipe.edges, digits, side="right").astype(np.uint8) for digits in (training, held_out)
    )

    def assemble(network: rasters.RasterNetwork, provenance: Mapping[str, Any]) -> RasterModel:
        return network.export(levels, training, provenance)

    return Task(
        **parameters,
        draws=rasters.Rasters.of(levels, recipe),
        figures=lambda network: rasters.figures(network, others),
        build=lambda: rasters.RasterNetwork(recipe),
        loss=rasters.loss,
        assemble=assemble,
    )


AUTOENCODER = DigitTraining(recipe=AUTOENCODER_RECIPE)
KLT = DigitTraining(recipe=KLT_RECIPE)
CONTOURS = DigitTraining(recipe=CONTOUR_RECIPE)
RASTER2, RASTER4, RASTER8, RASTER256 = (DigitTraining(recipe=recipe) for recipe in RASTER_RECIPES)
