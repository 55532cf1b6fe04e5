"""The fit of a prior: passes over the pictures, one sum per update, and a checkpoint from which it resumes."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, Track, fitting, integer, one_blas_thread, require
from qimg.core.workers import Workers, open_workers
from qimg.images import ImageError
from qimg.images.collections import Source, gather, parts_of, without_copies
from qimg.operators import CorrelationOperator
from qimg.prior.fitting.contributions import Contribution, Task, contribution
from qimg.prior.fitting.maximization import Updates
from qimg.prior.fitting.moments import Moments
from qimg.prior.fitting.recipe import Recipe
from qimg.prior.model import Prior
from qimg.prior.views import View


@dataclass(eq=False, kw_only=True)
class Progress:
    """The state of a fit, as a checkpoint stores it."""

    step: int = 0
    """Pass: an index into `Recipe.steps`."""
    update: int = 0
    """Update within the pass."""
    part: int = 0
    """Parts of the update whose sums are in `sums`."""
    sums: Contribution = field(default_factory=Contribution)
    records: list[dict[str, Any]] = field(default_factory=list)
    """Records of the survey, one per picture."""
    operators: dict[str, CorrelationOperator] = field(default_factory=dict)
    mixtures: dict[str, Updates] = field(default_factory=dict)
    pooled: dict[str, Moments] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    """View → mean log-likelihood in nats, per pass, of the vectors under the mixtures of their updates."""
    round_sums: dict[str, list[float]] = field(default_factory=dict)
    """View → log-likelihood and number of vectors so far in this pass."""


def fit(
    images: Iterable[str | os.PathLike[str] | ArrayLike],
    recipe: Recipe | None = None,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    track: Track = iter,
    resumed: Callable[[int], None] = lambda passes: None,
) -> Prior:
    """Fit a prior on any number of pictures, in constant memory.

    The first pass sums exact second moments. For mixtures, a second pass makes initial classes and further passes run
    stepwise expectation–maximization (`recipe.steps`). Sums are added part by part in a fixed order, so the result is
    bit-identical for any number of workers. The sums of luma and colour operators are exact and do not depend on order
    or partition. During the fit BLAS runs on one thread in the whole process.

    Args:
        images: files, folders, patterns, lists (`splits.json#fit`) and image arrays, with `label=` in front of a path
            to name its group (see `qimg.images.collections.gather`). Each file counts once.
        recipe: parameters of the fit; operators and two mixtures of 16 classes when left out.
        workers: threads of this process, or processes of the local cluster.
        scheduler: "threads" or None for threads, "local" for a local Dask cluster, or the address of a Dask scheduler
            whose workers see the files under the same paths.
        out: file that the prior is written to.
        checkpoint: file that stores the state while the fit runs. If it exists, the fit resumes from it. Deleted at the
            end, after `out` was written.
        root: folder for relative names that do not exist in the current folder.
        track: wraps the parts of every pass to report progress; called once per pass.
        resumed: called with the number of finished passes when the fit resumes from a checkpoint.

    Returns:
        The prior, rounded as in its file. `prior.provenance["skipped"]` names the pictures that could not be used, with
        reasons.

    Raises:
        ImageError: no source, a source that does not exist, or no usable picture.
        ArtifactError: the checkpoint belongs to another fit or is damaged.
        ValueError: `recipe.operator` or `scheduler` does not exist.
        ConnectionError: the scheduler cannot be reached.
        OSError: the checkpoint or `out` cannot be written; the previous checkpoint remains.
    """
    recipe = Recipe() if recipe is None else recipe
    sources, copies = without_copies(gather(images, root=None if root is None else Path(root)))
    groups = sorted({source.group for source in sources})
    rule = f"must be one of the groups {', '.join(groups)}"
    require(recipe.operator in ("", *groups), "operator", rule, recipe.operator)
    raw = find_spec("rawpy") and any(source.raw for source in sources)
    packages = fitting.versions(("qimg", "numpy", "pillow", *(["rawpy"] if raw else [])))
    inputs = [source.state() for source in sources]
    types = (Progress, Contribution, CorrelationOperator, Moments, Updates)
    state_file = fitting.Checkpoint(
        checkpoint, recipe=recipe, inputs=inputs, packages=packages, types=types, state=Progress
    )
    progress: Progress = state_file.load() or Progress()
    if progress.step or progress.part:
        resumed(progress.step)
    # One limit around everything: it applies to the whole process, so threads cannot set separate limits.
    with one_blas_thread(), open_workers(integer("workers", workers, 1), scheduler or "threads") as pool:
        while progress.step < recipe.passes:
            _run_pass(progress, sources, recipe, pool, track, state_file)
    prior = _prior(progress, copies, recipe, packages)
    state_file.finish(prior, out)
    return prior


def _run_pass(
    progress: Progress,
    sources: Sequence[Source],
    recipe: Recipe,
    pool: Workers,
    track: Track,
    state_file: fitting.Checkpoint,
) -> None:
    updates = _updates(progress, sources, recipe)
    remaining = sum(map(len, updates[progress.update :])) - progress.part
    ticks = iter(track(range(remaining)))
    next(ticks, None)  # shows the bar; each further step marks a finished part
    while progress.update < len(updates):
        parts = updates[progress.update][progress.part :]
        for result in pool.map(contribution, parts, _task(progress, recipe)):
            progress.sums = progress.sums + result
            progress.part += 1
            state_file.save_if_due(progress)
            next(ticks, None)
        _finish_update(progress, recipe)
        progress.sums, progress.part = Contribution(), 0
        progress.update += 1
    _finish_pass(progress)
    state_file.save(progress)


def _updates(progress: Progress, sources: Sequence[Source], recipe: Recipe) -> list[list[list[Source]]]:
    """The parts of every update of a pass; pictures that were skipped are not read again."""
    if progress.step == 0:
        return [parts_of(sources, recipe.part)]
    used = {record["name"] for record in _used(progress.records)}
    parts = parts_of([source for source in sources if source.name in used], recipe.part)
    remaining = recipe.passes - progress.step
    if recipe.steps[progress.step] != "round" or 2 * remaining <= recipe.rounds:
        return [parts]
    # The mixture that needs most vectors limits the number of updates. Parts are dealt out in turn, so that every
    # update has pictures of every folder.
    possible = []
    for name, moments in progress.pooled.items():
        needed = recipe.vectors_per_update(progress.mixtures[name].mixture.components)
        possible.append(float(moments.counts.sum()) / needed)
    count = int(np.clip(min(possible), 1, max(1, len(parts) // recipe.parts_per_update)))
    return [parts[first::count] for first in range(count)]


def _task(progress: Progress, recipe: Recipe) -> Task:
    step = recipe.steps[progress.step]
    pooled = progress.pooled if step == "seed" else {}
    return Task(
        recipe=recipe,
        step=step,
        pooled={name: pooled_covariance(one, recipe) for name, one in pooled.items()},
        mixtures={name: updates.mixture for name, updates in progress.mixtures.items()},
    )


def pooled_covariance(pooled: Moments, recipe: Recipe) -> Array:
    """Covariance of all vectors of a view plus the noise variance, which makes it regular."""
    return np.asarray(pooled.matrices()[0] / pooled.counts[0] + recipe.noise_variance * np.eye(pooled.dimension))


def _finish_update(progress: Progress, recipe: Recipe) -> None:
    sums = progress.sums
    if progress.step == 0:
        _take_survey(progress, recipe)
        return
    _require_unchanged(progress)
    for name, moments in sums.moments.items():
        updates = progress.mixtures.get(name)
        if updates is None or len(updates.moments.counts) < len(moments.counts):
            progress.mixtures[name] = first_updates(moments, progress.pooled[name], recipe)
            continue
        updates.take(moments)
        so_far = progress.round_sums.get(name, [0.0, 0.0])
        progress.round_sums[name] = [so_far[0] + moments.log_likelihood, so_far[1] + float(moments.counts.sum())]


def first_updates(moments: Moments, pooled: Moments, recipe: Recipe) -> Updates:
    """Initial state of stepwise maximization from the first classes."""
    total = float(pooled.counts[0])
    return Updates(
        moments=moments.scaled(total),
        pooled=pooled_covariance(pooled, recipe),
        total=total,
        shrinkage=recipe.shrinkage * moments.dimension,
        noise_variance=recipe.noise_variance,
    )


def _used(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records of the pictures that were not skipped."""
    return [record for record in records if "sha256" in record]


def _require_unchanged(progress: Progress) -> None:
    """Raise `ImageError` where a picture differs from that of the first pass."""
    digests = {record["name"]: record["sha256"] for record in _used(progress.records)}
    for record in progress.sums.records:
        if record.get("sha256") != digests[record["name"]]:
            why = record.get("skipped", f"{record['name']}: has changed")
            raise ImageError(
                f"{why}; it could be used in the first pass of this fit, and must not change while it runs"
            )


def _take_survey(progress: Progress, recipe: Recipe) -> None:
    used = _used(progress.sums.records)
    if not used:
        reasons = "; ".join(record["skipped"] for record in progress.sums.records[:3])
        raise ImageError(f"none of the {len(progress.sums.records)} pictures can be used: {reasons}")
    empty = [name for name in recipe.mixtures if name not in progress.sums.moments]
    if empty:
        need = max(View(name).offsets.max() - View(name).offsets.min() + 1 for name in empty)
        raise ImageError(
            f"no picture is large enough for the windows of {', '.join(empty)}: "
            f"{need}×{need} pixels after the box means {recipe.scales}"
        )
    groups = {record["group"] for record in used}
    if recipe.operator and recipe.operator not in groups:
        raise ImageError(f"operator: no picture of the group {recipe.operator!r} can be used")
    progress.records = progress.sums.records
    progress.operators = progress.sums.operators
    progress.pooled = progress.sums.moments


def _finish_pass(progress: Progress) -> None:
    for name, (likelihood, count) in progress.round_sums.items():
        progress.history.setdefault(name, []).append(likelihood / count)
    progress.round_sums = {}
    progress.step, progress.update = progress.step + 1, 0


def _prior(progress: Progress, copies: list[dict[str, str]], recipe: Recipe, versions: Mapping[str, str]) -> Prior:
    provenance = {
        "recipe": recipe.to_json(),
        "inputs": _used(progress.records),
        "skipped": [*(record for record in progress.records if "sha256" not in record), *copies],
        "log_likelihood": {
            name: [round(value, 4) for value in values] for name, values in sorted(progress.history.items())
        },
        "vectors": {name: int(moments.counts[0]) for name, moments in sorted(progress.pooled.items())},
        "versions": dict(versions),
    }
    mixtures = {name: updates.mixture for name, updates in progress.mixtures.items()}
    return Prior.assemble(operators=progress.operators, mixtures=mixtures, provenance=provenance)
