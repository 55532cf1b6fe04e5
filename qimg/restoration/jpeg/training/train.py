"""Training from pictures to a network file: draws, steps, calibration, provenance."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from qimg.core import Array, integer, require
from qimg.core.fitting import Checkpoint, versions
from qimg.images.collections import gather, without_copies
from qimg.learning.loop import Record
from qimg.prior import Prior
from qimg.restoration.jpeg.calibration import Calibration
from qimg.restoration.jpeg.cascade import Estimate
from qimg.restoration.jpeg.fitting import Recipe as FitRecipe
from qimg.restoration.jpeg.fitting.calibration import calibrations
from qimg.restoration.jpeg.fitting.draws import draws
from qimg.restoration.jpeg.network.architecture import Network
from qimg.restoration.jpeg.network.weights import Learned, estimate
from qimg.restoration.jpeg.training import pictures
from qimg.restoration.jpeg.training.held_out import HeldOut
from qimg.restoration.jpeg.training.objective import train
from qimg.restoration.jpeg.training.pool import Picture, first_not_fitted_on, make
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
    threads: int | None = None,
    workers: int = 1,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    minutes: float | None = None,
    root: Any = None,
    report: Callable[[Record], None] = lambda record: None,
) -> Learned:
    """Train a network on pictures.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        recipe: parameters of the training.
        held_out: other pictures, on which gains are reported and deviations calibrated; at least one must measure
            160×160 pixels.
        priors: priors with a mixture `patch8` for the regulariser; each picture needs one that was not fitted on it.
        device: PyTorch's name of the device: cpu, cuda, mps.
        threads: number of threads of PyTorch on the CPU, for the whole process from now on; unchanged when left out.
        workers: number of processes that draw.
        out: file that the network is written to.
        checkpoint: file that stores the state; an interrupted training resumes from it. Deleted at the end, after `out`
            was written.
        minutes: time limit of the training; the learning rate is then scheduled by time if that ends sooner.
        root: folder for relative names that do not exist in the current folder.
        report: called with each line of the log.

    Raises:
        ImageError: no picture can be used.
        ValueError: the recipe uses an explicit estimate as input, which only `experiments.restoration.network_prior`
            supports; a prior is missing, or all were fitted on a picture; a held-out picture is also a source; the
            checkpoint belongs to another training.
    """
    if threads is not None:
        torch.set_num_threads(integer("threads", threads, 1))
    require("input" not in recipe.use, "use", "must not hold 'input' for a network that restores files", recipe.use)
    training, skipped = pictures.read(sources, root=root)
    held_out = list(held_out)
    others, more = pictures.read(held_out, root=root)
    digests = [{_digest(picture): picture.name for picture in some} for some in (training, others)]
    for digest, name in digests[1].items():
        twin = digests[0].get(digest)
        require(twin is None, "held_out", f"must hold no picture of sources, such as {twin}", name)
    packages = versions(("qimg", "numpy", "torch"))
    state_file = Checkpoint(checkpoint, recipe=recipe, inputs=digests, packages=packages)
    where = torch.device(device)
    regulariser = _regulariser(recipe, list(priors), training, where)
    gains = HeldOut(others, device=where, prior=None, effort=recipe.effort)
    pool = make(
        training,
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
        gains,
        device=where,
        regulariser=regulariser,
        checkpoint=state_file,
        minutes=minutes,
        report=report,
    )
    learn_spread(state.averaged, pool.to(where), recipe)
    network = state.averaged.to("cpu")
    provenance = {
        "recipe": recipe.to_json(),
        "minutes": minutes,
        "machine": state.machine,
        "steps": state.step,
        "inputs": [picture.name for picture in training],
        "held_out": [picture.name for picture in others],
        "skipped": [*skipped, *more],
        "log": [asdict(record) for record in state.log],
        "versions": packages,
    }
    left_out = {record["name"] for record in more}
    learned = Learned.assemble(network, _calibrated(network, held_out, root, left_out), provenance)
    state_file.finish(learned, out)
    return learned


def _digest(picture: Picture) -> str:
    return hashlib.sha256(picture.luma.tobytes()).hexdigest()


def _regulariser(
    recipe: Recipe, priors: list[Prior], training: list[Picture], device: torch.device
) -> Regulariser | None:
    if "regulariser" not in recipe.use:
        require(not priors, "priors", "have no effect without the use regulariser and must be left out", len(priors))
        return None
    chosen = [first_not_fitted_on(picture.name, priors) for picture in training]
    return Regulariser([prior.mixtures["patch8"].mixture for prior in priors], chosen).to(device)


def _calibrated(network: Network, held_out: Iterable[Any], root: Any, left_out: set[str]) -> Calibration:
    """The calibration of a network on the usable held-out pictures, with equal weight for every pixel."""
    recipe = FitRecipe()
    drawn = draws(
        [source for source in without_copies(gather(held_out, root=root))[0] if source.name not in left_out],
        qualities=recipe.qualities,
        pixels=_ALL,
        most=_VERSIONS,
        chroma=False,
        rng=np.random.default_rng(recipe.seed),
    )

    def estimates(coefficients: Array, table: Array) -> list[Estimate]:
        return [estimate(network, coefficients, table)]

    return calibrations(estimates, 1, drawn, conditional=True)[0]
