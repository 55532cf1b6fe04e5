"""The fit: first classes from windows, then rounds of coding pictures and fitting everything on the outcome."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.fitting import estimation, open_loop
from qimg.codecs.block.fitting.classes import Classes
from qimg.codecs.block.fitting.statistics import Statistics, add_picture, code_picture
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.colour import to_samples
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SIDES, SUPERBLOCK
from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import one_blas_thread
from qimg.images import ImageError
from qimg.images.collections import Source, gather, parts_of, without_copies

_State = tuple[Array, Array, Array]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The parameters of a fit."""

    classes: tuple[int, int, int, int] = (16, 32, 32, 8)
    """Classes of blocks of 4, 8, 16 and 32: powers of two, at most 32."""
    windows: tuple[int, int, int, int] = (600, 1200, 330, 80)
    """Windows of each picture and size from which the first classes come."""
    first_rounds: int = 8
    """Rounds of the first classes."""
    rounds: int = 8
    """Rounds of coding and fitting again."""
    crop: int = 448
    """Largest side of the part of a picture that is coded in a round."""
    steps: tuple[float, float] = (8.0, 100.0)
    """Least and largest luma step, in code values; each picture and round draws one, evenly in its logarithm."""
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


def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    workers: int = 1,
    root: Any = None,
    track: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> Tables:
    """Fit tables on pictures.

    Equal for any number of workers on one machine; another machine's rounding of matrix products may change last bits,
    which is why streams name the tables they were made with.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        recipe: what to fit, and how.
        workers: processes.
        root: folder in which names are looked up that do not exist as given.
        track: wraps the list of tasks of the whole fit, for a progress bar.

    Raises:
        ImageError: no picture can be used.
    """
    pictures, copies = without_copies(gather(sources, root=root))
    arguments.integer("workers", workers, 1)
    usable, skipped = _usable(pictures)
    if not usable:
        raise ImageError(
            f"none of the {len(pictures)} pictures can be used: they must be at least 96 pixels wide and high"
        )
    parts = parts_of([source for source, _ in usable], recipe.part)
    history: list[dict[str, float]] = []
    with one_blas_thread(), _pool(workers) as pool:
        tasks = iter(track([*range(len(SIDES) + recipe.rounds + 1)]))
        jobs = [(recipe, size, parts) for size in range(len(SIDES)) if next(tasks, None) is not None]
        classes = list(pool.map(_first, jobs))
        known = estimation.beliefs(Statistics.none(classes, filters=False))
        state, weights = estimation.first_state(), np.zeros(_filter_shape(), np.int16)
        for number in range(recipe.rounds + 1):
            next(tasks, None)
            last = number == recipe.rounds
            tables = Tables.assemble(estimation.all_arrays(classes, known, state, weights), {})
            work = [(recipe, number, index, part, classes, tables, state, last) for index, part in enumerate(parts)]
            results = list(pool.map(_round, work))
            seen = results[0][0]
            for result in results[1:]:
                seen = seen + result[0]
            state = estimation.pooled_state([result[1] for result in results])
            history.append(
                {
                    "bits_per_pixel": round(seen.bits / seen.pixels, 5),
                    "psnr_db": round(10 * np.log10(255**2 * seen.pixels / seen.squared_error), 4),
                }
            )
            if last:
                weights = estimation.filters(seen)
            else:
                estimation.improve(classes, seen)
            known = estimation.beliefs(seen)
    provenance = {
        "recipe": asdict(recipe),
        "versions": {name: version(name) for name in ("qimg", "numpy", "numba", "constriction")},
        "inputs": [record for _, record in usable],
        "skipped": [*skipped, *copies],
        "rounds": history,
        "blocks": {str(side): [int(count) for count in seen.blocks[t]] for t, side in enumerate(SIDES)},
    }
    if last:
        # the last round only learns what does not change the integers that its own statistics were counted with
        known["expected"] = tables.array("expected")
    return Tables.assemble(estimation.all_arrays(classes, known, state, weights), provenance)


def _filter_shape() -> tuple[int, int, int, int]:
    from qimg.codecs.block.transform import smoothing

    return 3, smoothing.CLASSES, smoothing.PLACES, smoothing.FEATURES


def _pool(workers: int) -> Executor:
    # Forked children of a process with BLAS threads can hang; spawned ones cannot.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _usable(pictures: Sequence[Source]) -> tuple[list[tuple[Source, dict[str, str]]], list[dict[str, str]]]:
    usable, skipped = [], []
    for source in pictures:
        try:
            pixels, digest = source.read()
            if min(pixels.shape[:2]) < 96:
                raise ImageError(f"{source.name}: must be at least 96 pixels wide and high, but is {pixels.shape[:2]}")
            usable.append((source, {"name": source.name, "sha256": digest}))
        except ImageError as error:
            skipped.append({"name": source.name, "skipped": str(error)})
    return usable, skipped


def _rgb(source: Source) -> Array:
    pixels, _ = source.read()
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _first(job: tuple[Recipe, int, list[list[Source]]]) -> Classes:
    recipe, size, parts = job
    rng = np.random.default_rng((recipe.seed, size))
    side = SIDES[size]
    with one_blas_thread():
        found = [
            open_loop.windows(to_samples(_rgb(source), 3)[0] / float(SAMPLE_SCALE), side, recipe.windows[size], rng)
            for part in parts
            for source in part
        ]
        vectors = open_loop.concatenated(found, rng)
        return open_loop.first_classes(vectors, side, recipe.classes[size], rounds=recipe.first_rounds, rng=rng)


def _round(
    job: tuple[Recipe, int, int, list[Source], list[Classes], Tables, _State, bool],
) -> tuple[Statistics, _State]:
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
            state = (coder.model.probability, coder.model.seen, coder.model.weights)
    return total, state


def _crop(pixels: Array, largest: int, rng: np.random.Generator) -> Array:
    """A part of whole superblocks, mirrored half of the time."""
    sides = [min(largest, side) // SUPERBLOCK * SUPERBLOCK for side in pixels.shape[:2]]
    top, left = (int(rng.integers(0, have - want + 1)) for have, want in zip(pixels.shape, sides, strict=False))
    part = pixels[top : top + sides[0], left : left + sides[1]]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)
