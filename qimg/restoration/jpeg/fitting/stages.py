"""The fit, stage after stage: a gate on the estimates so far, then the joint moments of its classes, then experts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
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
    turned_patches,
    unit_of,
)
from qimg.restoration.jpeg.experts import Experts, groups
from qimg.restoration.jpeg.fitting.calibration import calibrations
from qimg.restoration.jpeg.fitting.draws import Draw, draws, planes
from qimg.restoration.jpeg.model import Model
from qimg.restoration.jpeg.rounding import RoundedExperts, rounded

EVEN = ((0, 0), (0, 4), (4, 0), (4, 4))
ODD = ((2, 2), (2, 6), (6, 2), (6, 6))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The parameters of a fit."""

    classes: tuple[int, ...] = (64, 64, 64, 64, 64)
    """Classes of each stage; offsets of the grid alternate between multiples of 4 and what lies between them."""
    margins: tuple[int, int] = (0, 2)
    """Samples of the decoded plane, and of the estimate, around a patch that an expert sees."""
    qualities: tuple[int, ...] = (5, 10, 10, 15, 20, 20, 25, 30, 30, 40, 40, 50, 60, 75, 90)
    """Of libjpeg, each as likely."""
    pixels: int = 400_000
    """Of luma that every picture should give in a pass: small ones are drawn again at other cuts and qualities."""
    most: int = 8
    """Draws of one picture in a pass."""
    chroma: bool = True
    """Whether chroma at half size is drawn as well."""
    rounded: bool = True
    """Whether the truth is in whole code values, as what is compressed always is, or as deep as the picture."""
    gate_vectors: int = 500_000
    """Patches that a gate is fitted on."""
    epochs: int = 12
    """Passes over them."""
    shrinkage: float = 300.0
    """Pseudo-vectors of its phase's pooled operator that every class is shrunk with."""
    noise_variance: float = 1e-3
    """Added to the diagonal of every joint covariance, in squared units."""
    precision: float = 0.01
    """Step to which weights are rounded, as a share of what an expert misses."""
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


Track = Callable[[Sequence[Any]], Iterable[Any]]


@in_one_blas_thread
def fit(
    sources: Iterable[Any],
    recipe: Recipe,
    *,
    held_out: Iterable[Any] = (),
    root: Any = None,
    track: Track = iter,
) -> Model:
    """Fit the explicit estimator on pictures.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        recipe: what to fit, and how.
        held_out: pictures on which the standard deviation is calibrated; the fitted ones where there are none.
        root: folder in which names are looked up that do not exist as given.
        track: wraps the list of passes over the pictures, for a progress bar.

    Raises:
        ImageError: no picture can be used.
    """
    pictures, skipped = _usable(without_copies(gather(sources, root=root)))
    others = list(held_out)
    judges, more = _usable(without_copies(gather(others, root=root))) if others else (pictures, [])
    passes = iter(track([*range(2 + 2 * len(recipe.classes))]))

    def drawn(number: int, chosen: Sequence[Source] = pictures, *, chroma: bool = recipe.chroma) -> Iterator[Draw]:
        next(passes, None)
        rng = np.random.default_rng([recipe.seed, number])
        return draws(
            chosen,
            qualities=recipe.qualities,
            pixels=recipe.pixels,
            most=recipe.most,
            chroma=chroma,
            rounded=recipe.rounded,
            rng=rng,
        )

    experts = [_first(drawn(0), recipe)]
    cascade = Cascade(first=experts[0].experts(), stages=())
    for number, classes in enumerate(recipe.classes):
        offsets = ODD if number % 2 else EVEN
        stage, own = _stage(cascade, partial(_later, drawn, 2 * number), classes, offsets, recipe)
        experts.append(own)
        # Later stages are fitted on what the rounded experts give.
        cascade = Cascade(first=cascade.first, stages=(*cascade.stages, replace(stage, experts=own.experts())))
    judged = drawn(1 + 2 * len(recipe.classes), judges, chroma=False)
    known = calibrations(cascade.estimates, len(cascade.stages) + 1, judged)
    provenance = {
        "recipe": asdict(recipe),
        "inputs": [source.name for source in pictures],
        "held_out": [source.name for source in judges] if others else [],
        "skipped": [*skipped, *more],
        "versions": {name: version(name) for name in ("qimg", "numpy", "scipy")},
    }
    return Model.assemble(cascade, experts, known, provenance)


def _later(drawn: Callable[[int], Iterator[Draw]], before: int, step: int) -> Iterator[Draw]:
    """Pass `step` of a stage, of which `before` came earlier."""
    return drawn(before + step)


def _usable(found: tuple[list[Source], list[dict[str, str]]]) -> tuple[list[Source], list[dict[str, str]]]:
    """The pictures that can be read, and why the others are left out."""
    pictures, skipped = found
    usable: list[Source] = []
    for source in pictures:
        try:
            planes(source)
        except ImageError as error:
            skipped = [*skipped, {"name": source.name, "skipped": str(error)}]
        else:
            usable.append(source)
    if not usable:
        raise ImageError(
            f"none of the {len(pictures)} pictures can be used: {skipped[0]['skipped'] if skipped else ''}"
        )
    return usable, skipped


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
        """(E, d, d) covariances, each class shrunk towards the sum of them all as the prior shrinks thin classes."""
        rows, columns = np.tril_indices(self.matrices.shape[1])
        moments = Moments(counts=self.counts, packed=self.matrices[:, rows, columns], log_likelihood=0.0)
        pooled = self.matrices.sum(axis=0) / max(self.counts.sum(), 1.0)
        shrunk = maximization(moments, pooled, shrinkage=recipe.shrinkage, noise_variance=recipe.noise_variance)
        return shrunk.covariances


def _rounded(sums: Sequence[_Sums], recipe: Recipe) -> RoundedExperts:
    """Conditional expectations under joint operators over what is seen ⊕ what is missing."""
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
    """The first estimate: what is missing in a block, from the decoded plane around it."""
    sums: _Sums | None = None
    for plane, coefficients, table in drawn:
        seen, unit = decoded(coefficients, table), unit_of(table)
        inputs = first_inputs(seen, unit)
        sums = sums or _Sums(len(COUNTS) + 1, inputs.shape[1] + BLOCK * BLOCK)
        sums.add(inputs, to_blocks(plane - seen) / np.float32(unit), first_labels(coefficients))
    assert sums is not None
    return _rounded([sums], recipe)


def _nothing(count: int, size: int) -> Experts:
    """Experts that say nothing yet."""
    outputs = BLOCK * BLOCK
    weights = np.broadcast_to(np.float32(0), (count, size, outputs))
    return Experts(weights=weights, variances=np.ones((count, outputs), np.float32))


def _stage(
    cascade: Cascade,
    drawn: Callable[[int], Iterator[Draw]],
    classes: int,
    offsets: tuple[tuple[int, int], ...],
    recipe: Recipe,
) -> tuple[Stage, RoundedExperts]:
    """The gate of the next stage on the estimates of a cascade, and its experts."""
    gate = _gate(cascade, drawn(1), classes, offsets, recipe)
    count, size = len(offsets) * classes, sum((BLOCK + 2 * margin) ** 2 for margin in recipe.margins)
    stage = Stage(gate=gate, experts=_nothing(count, size), offsets=offsets, margins=recipe.margins)
    sums = [_Sums(classes, size + BLOCK * BLOCK) for _ in offsets]
    for plane, coefficients, table in drawn(2):
        seen, estimate, unit = decoded(coefficients, table), _last(cascade, coefficients, table), unit_of(table)
        for offset in offsets:
            turned = stage.turned(seen, estimate, unit, offset)
            labels = stage.labels(turned)
            missing = turned.turn(cut(plane - estimate, offset) / np.float32(unit))
            for phase, one in enumerate(sums):
                rows = np.flatnonzero(turned.phases == phase)
                one.add(turned.inputs[rows], missing[rows], labels[rows] - classes * phase)
    return stage, _rounded(sums, recipe)


def _gate(
    cascade: Cascade,
    drawn: Iterable[Draw],
    classes: int,
    offsets: tuple[tuple[int, int], ...],
    recipe: Recipe,
) -> GaussianMixture:
    """A mixture over turned patches of the estimates, of one grid of each draw."""
    rng = np.random.default_rng([recipe.seed, len(cascade.stages), classes])
    vectors: list[Array] = []
    for _, coefficients, table in drawn:
        estimate = _last(cascade, coefficients, table)
        offset = offsets[int(rng.integers(len(offsets)))]
        turned = turned_patches(estimate, estimate, unit_of(table), offset, offsets=offsets, margins=(0, 0))
        kept = rng.permutation(len(turned.inputs))[: max(recipe.gate_vectors // 100, 1)]
        vectors.append(gated(turned.inputs[kept], 0))
    together = np.concatenate(vectors)
    together = together[rng.permutation(len(together))[: recipe.gate_vectors]]
    noise = recipe.noise_variance / 10
    *_, gate = fit_mixture(together, classes, rng=rng, noise_variance=noise, epochs=recipe.epochs)
    return gate


def _last(cascade: Cascade, coefficients: Array, table: Array) -> Array:
    """The estimate after the last stage."""
    *_, estimate = cascade.estimates(coefficients, table)
    return estimate.values
