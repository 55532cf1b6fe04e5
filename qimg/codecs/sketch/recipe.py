"""Fit of the statistics of sketches on pictures: rounds of coding and estimation."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg.codecs.sketch import estimation
from qimg.codecs.sketch.encoder import SMALLEST_SIZE, sketched
from qimg.codecs.sketch.estimation import Sketch
from qimg.codecs.sketch.statistics import EARLIER, FittedStatistics, Statistics
from qimg.codecs.training import require_no_evaluation_pictures
from qimg.core import Array, Track, arguments, fitting
from qimg.images import ImageError, box_mean, luma, to_uint8, without_alpha
from qimg.images.collections import Source, gather, without_copies

_LONGEST = 512  # pixels of the longer side, about
_PACKAGES = ("qimg", "numpy", "scipy", "numba")


@dataclass(frozen=True, kw_only=True)
class Recipe(fitting.Recipe):
    """Parameters of a fit."""

    pictures: int = 32
    """Pictures that are coded, at equal distances in their order; every third one in colour."""
    sizes: tuple[int, ...] = (250, 150, 350)
    """Bytes of the files, one size for each picture in turn."""
    rounds: int = 1
    """Rounds of coding and estimation."""
    effort: int = 2
    """Of the encoder, 1 to 9."""

    def __post_init__(self) -> None:
        for name in ("pictures", "rounds"):
            arguments.integer(name, getattr(self, name), 1)
        for size in self.sizes:
            arguments.integer("sizes", size, SMALLEST_SIZE, 511)
        arguments.effort(self.effort)


def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    root: Any = None,
    track: Track = iter,
) -> FittedStatistics:
    """Fit statistics on pictures.

    Args:
        sources: files, folders, patterns, lists or arrays, as for `qimg.prior.fit`.
        recipe: parameters of the fit.
        out: file to write the statistics to.
        checkpoint: file of the state after every round; an interrupted fit resumes from it. Deleted after `out` is
            written.
        root: folder for names that do not exist relative to the working directory.
        track: wraps the pictures of each round.

    Raises:
        ImageError: no picture is usable.
        ValueError: sources hold evaluation pictures.
        ArtifactError: the checkpoint belongs to another fit or is damaged.
    """
    pictures, copies = without_copies(gather(sources, root=root))
    pairs, skipped = fitting.usable(pictures, _described, error=ImageError)
    require_no_evaluation_pictures([record["sha256"] for _, record in pairs], [source.name for source, _ in pairs])
    places = np.unique(np.linspace(0, len(pairs) - 1, recipe.pictures).round().astype(int))
    chosen = [pairs[place] for place in places]
    packages, inputs = fitting.versions(_PACKAGES), [record for _, record in chosen]
    keeper = fitting.Checkpoint(checkpoint, recipe=recipe, inputs=inputs, packages=packages)
    state: dict[str, Any] = keeper.load() or {"statistics": EARLIER._asdict(), "rounds": []}
    statistics = Statistics(**state["statistics"])
    for _ in range(len(state["rounds"]), recipe.rounds):
        sketches = [_coded(source, index, recipe, statistics) for index, (source, _) in enumerate(track(chosen))]
        before = estimation.bits(sketches, statistics)
        statistics = estimation.estimated(sketches, statistics)
        ratio = estimation.bits(sketches, statistics) / before
        state = {"statistics": statistics._asdict(), "rounds": [*state["rounds"], {"bits": round(ratio, 5)}]}
        keeper.save(state)
    provenance: Mapping[str, Any] = {
        "recipe": recipe.to_json(),
        "versions": packages,
        "inputs": inputs,
        "skipped": [*skipped, *copies],
        "rounds": state["rounds"],
    }
    fitted = FittedStatistics.assemble(statistics, provenance)
    keeper.finish(fitted, out)
    return fitted


def _described(source: Source) -> dict[str, str]:
    return {"name": source.name, "sha256": source.read()[1]}


def _coded(source: Source, index: int, recipe: Recipe, statistics: Statistics) -> Sketch:
    """The numbers of a picture, gray or in colour."""
    pixels: Array = without_alpha(source.read()[0])
    pixels = box_mean(to_uint8(pixels), max(1, round(max(pixels.shape[:2]) / _LONGEST)))
    image = pixels if pixels.ndim == 3 and index % 3 == 2 else to_uint8(luma(pixels))
    made = sketched(image, recipe.sizes[index % len(recipe.sizes)], effort=recipe.effort, statistics=statistics)
    return Sketch(made.frame.step, made.frame.extent, made.base, made.ellipses)
