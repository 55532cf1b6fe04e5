"""A training from pictures to a network: draws, steps, calibration, provenance."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qimg.core.arguments import require
from qimg.images.collections import gather, without_copies
from qimg.learning.loop import Record
from qimg.prior import Prior
from qimg.restoration.jpeg.calibration import Calibration
from qimg.restoration.jpeg.cascade import Estimate
from qimg.restoration.jpeg.fitting import Recipe as FitRecipe
from qimg.restoration.jpeg.fitting.calibration import calibrations
from qimg.restoration.jpeg.fitting.draws import draws
from qimg.restoration.jpeg.network.architecture import Network
from qimg.restoration.jpeg.network.weights import Learned
from qimg.restoration.jpeg.training import pictures
from qimg.restoration.jpeg.training.held_out import HeldOut
from qimg.restoration.jpeg.training.objective import train
from qimg.restoration.jpeg.training.pool import Picture, make, unseen
from qimg.restoration.jpeg.training.recipe import Recipe
from qimg.restoration.jpeg.training.regulariser import Regulariser
from qimg.restoration.jpeg.training.spread import learn_spread

_ALL, _VERSIONS = 1 << 40, 4


def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    held_out: Iterable[Any],
    priors: Iterable[Prior] = (),
    device: str = "cpu",
    workers: int = 1,
    checkpoint: Path | None = None,
    minutes: float | None = None,
    root: Any = None,
    report: Callable[[Record], None] = lambda record: None,
) -> Learned:
    """Train a network on pictures.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        recipe: what to train, and how.
        held_out: further pictures, on which gains are reported and deviations calibrated; one at least must measure
            160×160 pixels.
        priors: for the regulariser: with a mixture `patch8`, so that each picture has one that was not fitted on it.
        device: as PyTorch names it: cpu, cuda, mps.
        workers: processes that draw.
        checkpoint: file that keeps the state, and from which an interrupted training goes on.
        minutes: ends the training sooner than its steps do, the learning rate falling accordingly.
        root: folder in which names are looked up that do not exist as given.
        report: called with each line of the log.

    Raises:
        ImageError: no picture can be used.
        ValueError: the recipe takes an explicit estimate, which only `experiments.restoration.network_prior` makes; a
            prior is missing, or all know a picture; a held-out picture is trained on; a checkpoint of another recipe.
    """
    require("input" not in recipe.use, "use", "must not hold 'input' for a network that restores files", recipe.use)
    found, skipped = pictures.read(sources, root=root)
    judges = list(held_out)
    others, more = pictures.read(judges, root=root)
    _apart(found, others)
    where = torch.device(device)
    regulariser = _regulariser(recipe, list(priors), found, where)
    judge = HeldOut(others, device=where, prior=None, effort=recipe.effort)
    pool = make(
        found,
        versions=recipe.versions,
        seed=recipe.seed,
        qualities=recipe.qualities,
        least=recipe.crop,
        chroma=recipe.chroma,
        workers=workers,
    )
    state = train(
        recipe,
        pool,
        judge,
        device=where,
        regulariser=regulariser,
        checkpoint=checkpoint,
        minutes=minutes,
        report=report,
    )
    learn_spread(state.averaged, pool.to(where), recipe)
    network = state.averaged.to("cpu").eval()
    provenance = {
        "recipe": asdict(recipe),
        "minutes": minutes,
        "machine": state.machine,
        "steps": state.step,
        "inputs": [picture.name for picture in found],
        "held_out": [picture.name for picture in others],
        "skipped": [*skipped, *more],
        "log": [asdict(record) for record in state.log],
        "versions": {name: version(name) for name in ("qimg", "numpy", "torch")},
    }
    calibration = _calibrated(network, judges, root, left_out=[record["name"] for record in more])
    return Learned(network=network, calibration=calibration, provenance=provenance)


def _apart(found: list[Picture], others: list[Picture]) -> None:
    """Raise `ValueError` where a held-out picture is trained on, under whatever name."""
    known = {hashlib.sha256(picture.luma.tobytes()).digest(): picture.name for picture in found}
    for picture in others:
        twin = known.get(hashlib.sha256(picture.luma.tobytes()).digest())
        require(twin is None, "held_out", f"must hold no picture of sources, such as {twin}", picture.name)


def _regulariser(recipe: Recipe, priors: list[Prior], found: list[Picture], device: torch.device) -> Regulariser | None:
    if "regulariser" not in recipe.use:
        require(not priors, "priors", "have no effect without the use regulariser and must be left out", len(priors))
        return None
    judges = [unseen(picture.name, priors) for picture in found]
    return Regulariser([prior.mixtures["patch8"].mixture for prior in priors], judges).to(device)


def _calibrated(network: Network, held_out: Iterable[Any], root: Any, *, left_out: Iterable[str] = ()) -> Calibration:
    """The calibration of a network on pictures that can be used, every pixel counting alike, as in the training."""
    own, useless = FitRecipe(), set(left_out)
    drawn = draws(
        [source for source in without_copies(gather(held_out, root=root))[0] if source.name not in useless],
        qualities=own.qualities,
        pixels=_ALL,
        most=_VERSIONS,
        chroma=False,
        rng=np.random.default_rng(own.seed),
    )
    plain = Calibration(scales=np.ones((1, 1)), quantiles=np.ones((1, 1)), shapes=np.ones((1, 1)))
    learned = Learned(network=network, calibration=plain, provenance={})

    def estimates(coefficients: Any, table: Any) -> list[Estimate]:
        return [learned.estimate(coefficients, table)]

    return calibrations(estimates, 1, drawn, conditional=True)[0]
