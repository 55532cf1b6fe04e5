"""The fit of tables: initial classes from windows, then rounds of coding pictures and estimating from the result."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.fitting import estimation, open_loop
from qimg.codecs.block.fitting.classes import Classes
from qimg.codecs.block.fitting.statistics import Statistics, add_picture, code_picture
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import smoothing
from qimg.codecs.block.transform.colour import to_samples
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SIDES, SUPERBLOCK
from qimg.core import Array, Track, arguments, fitting, one_blas_thread
from qimg.core.workers import Workers, processes
from qimg.images import ImageError
from qimg.images.collections import Source, gather, parts_of, without_copies

_LEAST = 96
_FILTERS = (3, smoothing.CLASSES, smoothing.PLACES, smoothing.FEATURES)
_PACKAGES = ("qimg", "numpy", "numba", "constriction")


@dataclass(frozen=True, kw_only=True)
class Recipe(fitting.Recipe):
    """The parameters of a fit."""

    classes: tuple[int, int, int, int] = (16, 32, 32, 8)
    """Number of classes of blocks of 4, 8, 16 and 32: powers of two, at most 32."""
    windows: tuple[int, int, int, int] = (600, 1200, 330, 80)
    """Windows per picture and size for the initial classes."""
    first_rounds: int = 8
    """Rounds for the initial classes."""
    rounds: int = 8
    """Rounds of coding and estimation."""
    crop: int = 448
    """Largest side of the part of a picture that a round codes."""
    steps: tuple[float, float] = (8.0, 100.0)
    """Least and largest luma step in code values; each picture and round draws one log-uniformly."""
    part: int = 32
    """Pictures per task: the fixed partition that makes a fit independent of the number of workers."""
    seed: int = 0

    def __post_init__(self) -> None:
        for count in self.classes:
            arguments.one_of("classes", str(count), ("2", "4", "8", "16", "32"))
        for name in ("first_rounds", "rounds", "part"):
            arguments.integer(name, getattr(self, name), 1)
        arguments.integer("crop", self.crop, SUPERBLOCK)
        arguments.integer("seed", self.seed, 0)
        arguments.require(
            0.25 <= self.steps[0] < self.steps[1] <= 1000, "steps", "must grow in [0.25, 1000]", self.steps
        )


@dataclass(eq=False, kw_only=True)
class Progress:
    """The state of a fit between two rounds."""

    classes: list[Classes]
    expectations: dict[str, Array]
    """Expected magnitudes, reconstruction points and bits, as from `estimation.expectations`."""
    state: estimation.State = field(default_factory=estimation.first_state)
    """State of the entropy model."""
    weights: Array = field(default_factory=lambda: np.zeros(_FILTERS, np.int16))
    """Weights of the filter."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Bits per pixel and PSNR of each round."""
    blocks: dict[str, list[int]] = field(default_factory=dict)
    """Number of blocks of each class in the last round, by side."""

    @property
    def arrays(self) -> dict[str, Array]:
        """All arrays of the tables."""
        return estimation.all_arrays(self.classes, self.expectations, self.state, self.weights)


def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    workers: int = 1,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    root: Any = None,
    track: Track = iter,
) -> Tables:
    """Fit tables on pictures.

    The result is the same for any number of workers on one machine. Another machine may round matrix products
    differently and change last bits; for this reason streams hold the identity of their tables.

    Args:
        sources: files, folders, patterns, lists or arrays, as for `qimg.prior.fit`.
        recipe: parameters of the fit.
        workers: number of processes.
        out: file to write the tables to.
        checkpoint: file of the state after every round; an interrupted fit resumes from it. Deleted after `out` is
            written.
        root: folder for names that do not exist relative to the working directory.
        track: wraps the remaining rounds, for a progress bar; the initial classes count as a round.

    Raises:
        ImageError: no picture is usable.
        ArtifactError: the checkpoint belongs to another fit or is damaged.
    """
    pictures, copies = without_copies(gather(sources, root=root))
    arguments.integer("workers", workers, 1)
    pairs, skipped = fitting.usable(pictures, _checked, error=ImageError)
    packages = fitting.versions(_PACKAGES)
    inputs = [source.state() for source in pictures]
    types = (Progress, Classes)
    keeper = fitting.Checkpoint(
        checkpoint, recipe=recipe, inputs=inputs, packages=packages, types=types, state=Progress
    )
    progress: Progress | None = keeper.load()
    parts = parts_of([source for source, _ in pairs], recipe.part)
    with one_blas_thread(), processes(workers) as pool:
        for number in track(range(-1 if progress is None else len(progress.history), recipe.rounds + 1)):
            if progress is None:
                classes = list(pool.map(_initial_classes, [(recipe, size, parts) for size in range(len(SIDES))], None))
                progress = Progress(
                    classes=classes, expectations=estimation.expectations(Statistics.none(classes, filters=False))
                )
            else:
                _run_round(progress, recipe, number, parts, pool)
            keeper.save(progress)
    assert progress is not None
    provenance = {
        "recipe": recipe.to_json(),
        "versions": packages,
        "inputs": [record for _, record in pairs],
        "skipped": [*skipped, *copies],
        "rounds": progress.history,
        "blocks": progress.blocks,
    }
    tables = Tables.assemble(progress.arrays, provenance)
    keeper.finish(tables, out)
    return tables


def _checked(source: Source) -> dict[str, str]:
    """The provenance of a usable picture; raises `ImageError` if it is too small."""
    pixels, digest = source.read()
    if min(pixels.shape[:2]) < _LEAST:
        raise ImageError(f"{source.name}: must be at least {_LEAST} pixels wide and high, but is {pixels.shape[:2]}")
    return {"name": source.name, "sha256": digest}


def _run_round(progress: Progress, recipe: Recipe, number: int, parts: list[list[Source]], pool: Workers) -> None:
    """Code all pictures with the current tables and estimate new ones; the last round fits the filter."""
    last = number == recipe.rounds
    classes, state, tables = progress.classes, progress.state, Tables.assemble(progress.arrays, {})
    jobs = [(recipe, number, index, part, classes, tables, state, last) for index, part in enumerate(parts)]
    sums, states = zip(*pool.map(_code_part, jobs, None), strict=True)
    total = reduce(add, sums)
    progress.state = estimation.pooled_state(states)
    progress.history.append(
        {
            "bits_per_pixel": round(total.bits / total.pixels, 5),
            "psnr_db": round(10 * np.log10(255**2 * total.pixels / total.squared_error), 4),
        }
    )
    progress.blocks = {str(side): [int(count) for count in total.blocks[t]] for t, side in enumerate(SIDES)}
    progress.expectations = estimation.expectations(total)
    if last:
        progress.weights = estimation.filters(total)
        # The statistics of this round depend on the expected magnitudes of its tables, so these must not change.
        progress.expectations["expected"] = tables.array("expected")
    else:
        estimation.improve(classes, total)


def _rgb(source: Source) -> Array:
    pixels, _ = source.read()
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _initial_classes(job: tuple[Recipe, int, list[list[Source]]], _: None) -> Classes:
    recipe, size, parts = job
    rng = np.random.default_rng((recipe.seed, size))
    side = SIDES[size]
    with one_blas_thread():
        windows = [
            open_loop.windows(to_samples(_rgb(source), 3)[0] / float(SAMPLE_SCALE), side, recipe.windows[size], rng)
            for part in parts
            for source in part
        ]
        vectors = open_loop.concatenated(windows, rng)
        return open_loop.first_classes(vectors, side, recipe.classes[size], rounds=recipe.first_rounds, rng=rng)


def _code_part(
    job: tuple[Recipe, int, int, list[Source], list[Classes], Tables, estimation.State, bool], _: None
) -> tuple[Statistics, estimation.State]:
    recipe, number, index, part, classes, tables, state, last = job
    rng = np.random.default_rng((recipe.seed, 100 + number, index))
    total = Statistics.none(classes, filters=last)
    with one_blas_thread():
        for source in part:
            samples = to_samples(_crop(_rgb(source), recipe.crop, rng), 3)
            step = np.exp(rng.uniform(*np.log(recipe.steps)))
            coder, padded_source, payload = code_picture(samples, tables, Parameters(int(SAMPLE_SCALE * step)), state)
            add_picture(total, classes, coder, padded_source, payload)
            error = (padded_source[0].astype(np.int64) - coder.unfiltered[0, 1:]) / SAMPLE_SCALE
            total.squared_error += float(np.vdot(error, error))
            state = (coder.model.probability, coder.model.counts, coder.model.weights)
    return total, state


def _crop(pixels: Array, largest: int, rng: np.random.Generator) -> Array:
    """A random crop of whole superblocks, mirrored with probability ½."""
    sides = [min(largest, side) // SUPERBLOCK * SUPERBLOCK for side in pixels.shape[:2]]
    top, left = (int(rng.integers(0, length - side + 1)) for length, side in zip(pixels.shape, sides, strict=False))
    part = pixels[top : top + sides[0], left : left + sides[1]]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)
