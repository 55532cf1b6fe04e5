"""A training from pictures to a network: draws, steps, calibration, provenance."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qimg.prior import Prior
from qimg.prior.sources import gather, without_copies
from qimg.restoration.calibration import Calibration
from qimg.restoration.cascade import Estimate
from qimg.restoration.fitting import Recipe as FitRecipe
from qimg.restoration.fitting.calibration import calibrations
from qimg.restoration.fitting.draws import draws
from qimg.restoration.network.architecture import Network
from qimg.restoration.network.model import Learned
from qimg.restoration.training import pictures
from qimg.restoration.training.held_out import HeldOut
from qimg.restoration.training.pool import Picture, make, unseen
from qimg.restoration.training.recipe import Recipe
from qimg.restoration.training.regulariser import Regulariser
from qimg.restoration.training.run import Record, train

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
        held_out: further pictures, on which gains are reported and deviations calibrated.
        priors: for the regulariser: with a mixture `patch8`, so that each picture has one that was not fitted on it.
        device: as PyTorch names it: cpu, cuda, mps.
        workers: processes that draw.
        checkpoint: file that keeps the state, and from which an interrupted training goes on.
        minutes: ends the training sooner than its steps do, the learning rate falling accordingly.
        root: folder in which names are looked up that do not exist as given.
        report: called with each line of the log.

    Raises:
        ImageError: no picture can be used.
        ValueError: a prior is missing, or knows a picture that it should advise on; a checkpoint of another recipe.
    """
    found, skipped = pictures.read(sources, root=root)
    judges = list(held_out)
    others, more = pictures.read(judges, root=root)
    where = torch.device(device)
    pool = make(
        found,
        versions=recipe.versions,
        seed=recipe.seed,
        qualities=recipe.qualities,
        least=recipe.crop,
        chroma=recipe.chroma,
        workers=workers,
    )
    judge = HeldOut(others, device=where, prior=None, effort=recipe.effort)
    regulariser = _regulariser(recipe, list(priors), found, where)
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
    return Learned(network=network, calibration=_calibrated(network, judges, root), provenance=provenance)


def _regulariser(recipe: Recipe, priors: list[Prior], found: list[Picture], device: torch.device) -> Regulariser | None:
    if "regulariser" not in recipe.use:
        return None
    judges = [unseen(picture.name, priors) for picture in found]
    return Regulariser([prior.mixtures["patch8"].mixture for prior in priors], judges).to(device)


def _calibrated(network: Network, held_out: Iterable[Any], root: Any) -> Calibration:
    """The calibration of a network on pictures, every pixel of which counts alike, as in the training."""
    own = FitRecipe()
    drawn = draws(
        without_copies(gather(held_out, root=root))[0],
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
