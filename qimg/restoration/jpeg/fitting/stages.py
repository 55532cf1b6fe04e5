"""The fit of the stages in turn: a gate on the previous estimates, the joint moments of its classes, the experts."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qimg.core import Array, Track, arguments, fitting, in_one_blas_thread
from qimg.images import ImageError
from qimg.images.collections import Source, gather, without_copies
from qimg.images.jpeg.blocks import BLOCK, cut, decoded, to_blocks
from qimg.operators import CorrelationOperator, conditional_expectation
from qimg.prior import GaussianMixture, fit_mixture
from qimg.prior.fitting.maximization import maximization
from qimg.prior.fitting.moments import Moments
from qimg.restoration.jpeg.cascade import (
    COUNTS,
    Cascade,
    Stage,
    first_inputs,
    first_labels,
    gated,
    table_scale,
    turned_patches,
)
from qimg.restoration.jpeg.experts import Experts, groups
from qimg.restoration.jpeg.fitting.calibration import calibrations
from qimg.restoration.jpeg.fitting.draws import Draw, draws, planes
from qimg.restoration.jpeg.model import Model
from qimg.restoration.jpeg.rounding import RoundedExperts, rounded

EVEN = ((0, 0), (0, 4), (4, 0), (4, 4))
ODD = ((2, 2), (2, 6), (6, 2), (6, 6))


@dataclass(frozen=True, kw_only=True)
class Recipe(fitting.Recipe):
    """The parameters of a fit."""

    classes: tuple[int, ...] = (64, 64, 64, 64, 64)
    """Classes of each stage. The offsets of the grid are 0 and 4 in stages 0, 2, …, and 2 and 6 in stages 1, 3, …"""
    margins: tuple[int, int] = (0, 2)
    """Samples around a patch in an expert's input, for the decoded plane and for the estimate."""
    qualities: tuple[int, ...] = (5, 10, 10, 15, 20, 20, 25, 30, 30, 40, 40, 50, 60, 75, 90)
    """Qualities of libjpeg, with equal probabilities."""
    pixels: int = 400_000
    """Target number of luma pixels per picture and pass; small pictures are drawn again at other offsets."""
    most: int = 8
    """Largest number of draws of one picture in a pass."""
    chroma: bool = True
    """Draw chroma at half size as well."""
    rounded: bool = True
    """Round the true samples to whole code values, as in the input of an encoder."""
    gate_vectors: int = 500_000
    """Patches that a gate is fitted on."""
    epochs: int = 12
    """Passes over the patches of a gate."""
    shrinkage: float = 300.0
    """Pseudo-vectors of the pooled operator of its phase with which every class is shrunk."""
    noise_variance: float = 1e-3
    """Added to the diagonal of every joint covariance, relative to the squared table scale."""
    precision: float = 0.01
    """Rounding step of the weights relative to the error of an expert."""
    seed: int = 0

    def __post_init__(self) -> None:
        arguments.require(len(self.classes) > 0, "classes", "must name at least one stage", self.classes)
        for count in self.classes:
            arguments.integer("classes", count, 1)
        for quality in self.qualities:
            arguments.integer("qualities", quality, 1, 100)
        for name in ("pixels", "most", "gate_vectors", "epochs"):
            arguments.integer(name, getattr(self, name), 1)
        for margin in self.margins:
            arguments.integer("margins", margin, 0, BLOCK - 1)
        arguments.integer("seed", self.seed, 0)
        arguments.require(self.noise_variance > 0, "noise_variance", "must be positive", self.noise_variance)


_PACKAGES = ("qimg", "numpy", "scipy")


@dataclass(eq=False, kw_only=True)
class Progress:
    """The state of a fit between two passes over the pictures."""

    experts: list[RoundedExperts] = field(default_factory=list)
    """Experts of the first estimate and of the finished stages."""
    stages: list[Stage] = field(default_factory=list)
    """Finished stages, with the rounded experts."""
    gate: GaussianMixture | None = None
    """Gate of the next stage, once it is fitted."""

    @property
    def passes(self) -> int:
        """Number of finished passes."""
        return len(self.experts) + len(self.stages) + (self.gate is not None)

    @property
    def cascade(self) -> Cascade:
        """The cascade of the finished stages."""
        return Cascade(first=self.experts[0].experts(), stages=tuple(self.stages))


@in_one_blas_thread
def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    held_out: Iterable[Any] = (),
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    root: Any = None,
    track: Track = iter,
) -> Model:
    """Fit the explicit estimator on pictures.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        recipe: parameters of the fit.
        held_out: pictures on which the standard deviation is calibrated; the fitted ones if there are none.
        out: file that the model is written to.
        checkpoint: file that stores the state after every pass. If it exists, the fit resumes from it. Deleted at the
            end, after `out` was written.
        root: folder for relative names that do not exist in the current folder.
        track: wraps the remaining passes over the pictures, for a progress bar.

    Raises:
        ImageError: no picture can be used.
        ArtifactError: the checkpoint belongs to another fit or is damaged.
    """
    pictures, skipped = _usable(sources, root)
    others = list(held_out)
    measured_on, more = _usable(others, root) if others else (pictures, [])
    packages = fitting.versions(_PACKAGES)
    state_file = fitting.Checkpoint(
        checkpoint,
        recipe=recipe,
        inputs=[[source.state() for source in some] for some in (pictures, measured_on)],
        packages=packages,
        types=(Progress, RoundedExperts, GaussianMixture, Stage, Experts),
        state=Progress,
    )
    progress: Progress = state_file.load() or Progress()

    def drawn(number: int, chosen: Sequence[Source] = pictures, *, chroma: bool = recipe.chroma) -> Iterator[Draw]:
        return draws(
            chosen,
            qualities=recipe.qualities,
            pixels=recipe.pixels,
            most=recipe.most,
            chroma=chroma,
            rounded=recipe.rounded,
            rng=np.random.default_rng([recipe.seed, number]),
        )

    last, measured = 1 + 2 * len(recipe.classes), []
    for number in track(range(progress.passes, last + 1)):
        if number == last:
            estimates = progress.cascade.estimates
            measured = calibrations(estimates, len(progress.experts), drawn(number, measured_on, chroma=False))
        elif number == 0:
            progress.experts = [_first(drawn(number), recipe)]
        elif number % 2:
            progress.gate = _gate(progress.cascade, drawn(number), recipe)
        else:
            _add_stage(progress, drawn(number), recipe)
        state_file.save(progress)
    provenance = {
        "recipe": recipe.to_json(),
        "inputs": [source.name for source in pictures],
        "held_out": [source.name for source in measured_on] if others else [],
        "skipped": [*skipped, *more],
        "versions": packages,
    }
    model = Model.assemble(progress.cascade, progress.experts, measured, provenance)
    state_file.finish(model, out)
    return model


def _usable(sources: Iterable[Any], root: Any) -> tuple[list[Source], list[dict[str, str]]]:
    """The usable pictures, and the reasons why others are skipped."""
    distinct, copies = without_copies(gather(sources, root=root))
    pairs, skipped = fitting.usable(distinct, _read_planes, error=ImageError)
    return [source for source, _ in pairs], [*copies, *skipped]


def _read_planes(source: Source) -> None:
    planes(source)


class _Sums:
    """Counts and second moments of joint vectors z ⊕ x by class."""

    def __init__(self, classes: int, dimension: int) -> None:
        self.counts = np.zeros(classes)
        self.matrices = np.zeros((classes, dimension, dimension))

    def add(self, inputs: Array, missing: Array, labels: Array) -> None:
        for label, rows in groups(labels, len(self.counts)):
            joint = np.concatenate([inputs[rows], missing[rows]], axis=1)
            self.matrices[label] += joint.T @ joint
            self.counts[label] += len(rows)

    def joint(self, recipe: Recipe) -> Array:
        """(E, d, d) covariances, each class shrunk towards the pooled one by `maximization`."""
        rows, columns = np.tril_indices(self.matrices.shape[1])
        moments = Moments(counts=self.counts, packed=self.matrices[:, rows, columns], log_likelihood=0.0)
        pooled = self.matrices.sum(axis=0) / max(self.counts.sum(), 1.0)
        shrunk = maximization(moments, pooled, shrinkage=recipe.shrinkage, noise_variance=recipe.noise_variance)
        return shrunk.covariances


def _rounded(sums: Sequence[_Sums], recipe: Recipe) -> RoundedExperts:
    """Rounded conditional expectations under joint operators over observed samples ⊕ errors."""
    covariances = np.concatenate([one.joint(recipe) for one in sums])
    dimension = covariances.shape[1]
    observed = dimension - BLOCK * BLOCK
    weights, variances = [], []
    for covariance in covariances:
        operator = CorrelationOperator(matrix=covariance, sum=np.zeros(dimension), count=1, weights="energy")
        estimator = conditional_expectation(operator, observed=observed, noise_variance=0.0)
        weights.append(estimator.weights.T)
        variances.append(np.diagonal(estimator.residual))
    return rounded(
        np.array(weights),
        np.array(variances),
        covariances[:, :observed, :observed],
        np.concatenate([one.counts for one in sums]),
        precision=recipe.precision,
    )


def _first(drawn: Iterable[Draw], recipe: Recipe) -> RoundedExperts:
    """Fit the experts of the first estimate, from the decoded plane around a block to the error of the block."""
    sums: _Sums | None = None
    for plane, coefficients, table in drawn:
        observed, scale = decoded(coefficients, table), table_scale(table)
        inputs = first_inputs(observed, scale)
        sums = sums or _Sums(len(COUNTS) + 1, inputs.shape[1] + BLOCK * BLOCK)
        sums.add(inputs, to_blocks(plane - observed) / np.float32(scale), first_labels(coefficients))
    assert sums is not None
    return _rounded([sums], recipe)


def _offsets(number: int) -> tuple[tuple[int, int], ...]:
    return ODD if number % 2 else EVEN


def _add_stage(progress: Progress, drawn: Iterable[Draw], recipe: Recipe) -> None:
    """Fit and round the experts of the next stage, whose gate is fitted already, and add the stage."""
    assert progress.gate is not None
    cascade, offsets, classes = progress.cascade, _offsets(len(progress.stages)), progress.gate.components
    size = sum((BLOCK + 2 * margin) ** 2 for margin in recipe.margins)
    shape = (len(offsets) * classes, size, BLOCK * BLOCK)
    empty = Experts(weights=np.broadcast_to(np.float32(0), shape), variances=np.ones(shape[::2], np.float32))
    stage = Stage(gate=progress.gate, experts=empty, offsets=offsets, margins=recipe.margins)
    sums = [_Sums(classes, size + BLOCK * BLOCK) for _ in offsets]
    for plane, coefficients, table in drawn:
        observed, estimate, scale = (
            decoded(coefficients, table),
            _last(cascade, coefficients, table),
            table_scale(table),
        )
        for offset in offsets:
            turned = stage.turned(observed, estimate, scale, offset)
            labels = stage.labels(turned)
            missing = turned.turn(cut(plane - estimate, offset) / np.float32(scale))
            for phase, one in enumerate(sums):
                rows = np.flatnonzero(turned.phases == phase)
                one.add(turned.inputs[rows], missing[rows], labels[rows] - classes * phase)
    progress.experts.append(_rounded(sums, recipe))
    progress.stages.append(replace(stage, experts=progress.experts[-1].experts()))
    progress.gate = None


def _gate(cascade: Cascade, drawn: Iterable[Draw], recipe: Recipe) -> GaussianMixture:
    """Fit a mixture over turned patches of the estimates, from one grid of each draw."""
    number = len(cascade.stages)
    classes, offsets = recipe.classes[number], _offsets(number)
    rng = np.random.default_rng([recipe.seed, number, classes])
    vectors: list[Array] = []
    for _, coefficients, table in drawn:
        estimate = _last(cascade, coefficients, table)
        offset = offsets[int(rng.integers(len(offsets)))]
        turned = turned_patches(estimate, estimate, table_scale(table), offset, offsets=offsets, margins=(0, 0))
        chosen = rng.permutation(len(turned.inputs))[: max(recipe.gate_vectors // 100, 1)]
        vectors.append(gated(turned.inputs[chosen], 0))
    together = np.concatenate(vectors)
    together = together[rng.permutation(len(together))[: recipe.gate_vectors]]
    noise = recipe.noise_variance / 10
    *_, gate = fit_mixture(together, classes, rng=rng, noise_variance=noise, epochs=recipe.epochs)
    return gate


def _last(cascade: Cascade, coefficients: Array, table: Array) -> Array:
    """The estimate after the last stage."""
    *_, estimate = cascade.estimates(coefficients, table)
    return estimate.values
