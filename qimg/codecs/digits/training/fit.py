"""Fits of the models of digits: files of digits, the training, provenance."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qimg.codecs.digits.latent_model import PIXELS, SIDE, LatentModel
from qimg.codecs.digits.raster_model import RasterModel
from qimg.codecs.digits.training import klt, latents, rasters
from qimg.codecs.digits.training.draws import Digits
from qimg.codecs.digits.training.recipes import RECIPES, KltRecipe, LatentRecipe, RasterRecipe
from qimg.core import Array, integer, require
from qimg.core.fitting import Checkpoint, versions
from qimg.images import ImageError, read_idx
from qimg.learning.loop import Record, State, learn

__all__ = ["RECIPES", "KltRecipe", "LatentRecipe", "RasterRecipe", "fit"]

_TEST_DIGITS = "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"
"""SHA-256 of the pixels of MNIST's test digits, which are for evaluation."""


def fit(
    sources: Iterable[Any],
    recipe: LatentRecipe | KltRecipe | RasterRecipe,
    *,
    device: str = "cpu",
    threads: int | None = None,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    minutes: float | None = None,
    root: Any = None,
    report: Callable[[Record], None] = lambda record: None,
) -> LatentModel | RasterModel:
    """Train a model of digits.

    Args:
        sources: IDX files of digits, folders that hold `train-images-idx3-ubyte.gz`, or arrays (n, 28, 28) uint8.
        recipe: parameters, such as `RECIPES["mnist-autoencoder"]`.
        device: PyTorch's name of the device.
        threads: number of threads of PyTorch on the CPU, for the whole process from now on; unchanged when left out.
        out: file that the model is written to.
        checkpoint: file that stores the state; an interrupted training resumes from it. Deleted at the end.
        minutes: time limit of the training; the learning rate is then scheduled by time if that ends sooner.
        root: folder for relative names that do not exist in the current folder.
        report: called with each line of the log.

    Raises:
        ImageError: a file cannot be read, or holds MNIST's test digits, which are for evaluation.
        ValueError: there are no more digits than the recipe holds out; the checkpoint belongs to another training.
    """
    if threads is not None:
        torch.set_num_threads(integer("threads", threads, 1))
    names, parts = zip(*(_read(source, root) for source in sources), strict=True)
    digits = np.concatenate(parts)
    require(len(digits) > recipe.held_out, "held_out", f"must be less than the {len(digits)} digits", recipe.held_out)
    digest = hashlib.sha256(digits.tobytes()).hexdigest()
    packages = versions(("qimg", "numpy", "torch"))
    state_file = Checkpoint(checkpoint, recipe=recipe, inputs=digest, packages=packages)
    given = {"device": torch.device(device), "checkpoint": state_file, "minutes": minutes, "report": report}
    training, held_out = digits[: -recipe.held_out], digits[-recipe.held_out :]
    train = {LatentRecipe: _latents, KltRecipe: _klt, RasterRecipe: _raster}[type(recipe)]
    state, finish = train(recipe, training, held_out, **given)  # type: ignore[operator]
    provenance = {
        "recipe": recipe.to_json(),
        "minutes": minutes,
        "machine": state.machine,
        "steps": state.step,
        "inputs": [str(name) for name in names],
        "sha256": digest,
        "log": [asdict(record) for record in state.log],
        "versions": packages,
    }
    model: LatentModel | RasterModel = finish(provenance)
    state_file.finish(model, out)
    return model


def _read(source: Any, root: Any) -> tuple[str, Array]:
    """The name and the digits of a source."""
    if isinstance(source, np.ndarray):
        name, digits = "array", source
    else:
        path = Path(source)
        if root is not None and not path.exists():
            path = Path(root) / path
        if path.is_dir():
            path /= "train-images-idx3-ubyte.gz"
        name, digits = path.name, read_idx(path, 3)
    if digits.shape[1:] != (SIDE, SIDE) or digits.dtype != np.uint8:
        raise ImageError(f"{name}: must hold digits (n, {SIDE}, {SIDE}) uint8, but has {digits.dtype} {digits.shape}")
    if hashlib.sha256(digits.tobytes()).hexdigest() == _TEST_DIGITS:
        raise ImageError(f"{name}: holds MNIST's test digits, which are for evaluation and not for fits")
    return name, digits


def _pixels(digits: Array) -> Array:
    return np.ascontiguousarray(digits.reshape(len(digits), PIXELS).T)


def _latents(recipe: LatentRecipe, training: Array, held_out: Array, **given: Any) -> Any:
    draws = Digits(pixels=torch.from_numpy(training.reshape(len(training), PIXELS).copy()), distorted=recipe.distorted)
    state: State[latents.AutoEncoder] = learn(
        recipe,
        draws,
        lambda network: latents.figures(network, _pixels(held_out)),
        build=lambda: latents.AutoEncoder(recipe),
        loss=latents.loss,
        prepare=latents.prepare,
        **given,
    )
    return state, state.averaged.to("cpu").export


def _klt(recipe: KltRecipe, training: Array, held_out: Array, **given: Any) -> Any:
    mean, basis = klt.transform(training.reshape(len(training), PIXELS), recipe.channels)
    draws = Digits(pixels=torch.from_numpy(training.reshape(len(training), PIXELS).copy()))
    state: State[klt.Klt] = learn(
        recipe,
        draws,
        lambda network: klt.figures(network, _pixels(held_out)),
        build=lambda: klt.Klt(recipe, mean, basis),
        loss=klt.loss,
        **given,
    )
    return state, state.averaged.to("cpu").export


def _raster(recipe: RasterRecipe, training: Array, held_out: Array, **given: Any) -> Any:
    levels, others = (
        np.searchsorted(recipe.edges, digits, side="right").astype(np.uint8) for digits in (training, held_out)
    )
    state: State[rasters.RasterNetwork] = learn(
        recipe,
        rasters.Rasters.of(levels, recipe),
        lambda network: rasters.figures(network, others),
        build=lambda: rasters.RasterNetwork(recipe),
        loss=rasters.loss,
        prepare=rasters.prepare,
        **given,
    )
    network = state.averaged.to("cpu")
    return state, lambda provenance: network.export(levels, training, provenance)
