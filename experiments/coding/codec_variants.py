"""Variants of the codec that lack one ingredient each, and the changes of the tables that remove it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import numpy as np

from experiments._run import Array, fulfils, not_empty
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.decorrelation import in_space, space_of
from qimg.codecs.block.encoder.effort import DEFAULT_EFFORT, Search
from qimg.codecs.block.model import contexts
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.blocks import BASIS_BITS
from qimg.codecs.block.transform.geometry import SIDES
from qimg.operators import eigenbasis
from qimg.states import partial_trace
from qimg.transforms import unitary

Arrays: TypeAlias = dict[str, Array]
FULL = "full codec"
FAMILIES = ("predictive", "transform", "statistical", "hybrid")
"""Prediction; bases, blocks and quantization; the entropy model; and decisions that concern several of them."""

Steps = Annotated[
    tuple[float, ...],
    not_empty,
    fulfils(lambda steps: all(0.25 <= step <= 1000 for step in steps), "must lie in [0.25, 1000]"),
]
"""Luma steps in code values."""

_SEARCH = Search.of_effort(DEFAULT_EFFORT)
_HALF = 1 << 14  # a probability of one half in the tables
_FREEZE = 16  # factor by which the inputs of mixers are divided and their weights multiplied


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The codec with one thing changed."""

    name: str
    family: str
    what: str
    """Description of the change, for tables."""
    search: Search = _SEARCH
    chroma: tuple[int, int] | None = None
    """Steps of the chroma planes in 1/64 of the luma step, by default those of the codec."""
    eigenbasis: bool = True
    """Whether colours are coded in their eigenbasis."""
    hidden_signs: bool = True
    matching: bool = False
    """Whether blocks may be predicted from their matches, as with `profile="max"`."""
    change: Callable[[Arrays, Mapping[str, Sequence[int]]], None] | None = None
    """Changes arrays of the tables; its second argument holds, by size, the number of blocks that chose each class."""
    refitted: bool = False
    """Whether the rest can be fitted again on pictures, because the change concerns classes, not the entropy model."""

    def parameters(self, image: Array, step: float) -> Parameters:
        """Parameters of a picture, gray or RGB, at a luma step in code values."""
        start = Parameters(round(64 * step), hidden_signs=self.hidden_signs, matching=self.matching)
        parameters = in_space(start, space_of(image)) if self.eigenbasis else start
        return replace(parameters, chroma=self.chroma) if self.chroma else parameters

    def tables(self, full: Tables) -> Tables:
        """The tables of this variant, from those of the full codec."""
        if self.change is None:
            return full
        arrays = {name: full.array(name) for name in full.contents.arrays}
        self.change(arrays, full.provenance["blocks"])
        return Tables.assemble(arrays, {**full.provenance, "variant": self.name})


def unchanged(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Change nothing."""


def level_alone(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Predict blocks by the mean of the ring only."""
    for side in SIDES:
        arrays[f"predictor {side}"][:] = 0


def cosines(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The DCT in place of every class basis, with scales and order from the diagonal of each class covariance in it."""
    for side in SIDES:
        dct = unitary("dct", min(side, 16))
        for label in range(len(arrays[f"order {side}"])):
            _put_basis(arrays, side, label, np.kron(dct, dct), factors=(dct, dct))


def one_eigenbasis(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The eigenbasis of the classes' mean covariance, weighted by numbers of blocks, in place of every class basis."""
    for side in SIDES:
        labels = range(len(arrays[f"order {side}"]))
        weights = blocks[str(side)] if any(blocks[str(side)]) else [1] * len(labels)
        mean = sum(weights[label] * _covariance(arrays, side, label) for label in labels)
        rho = mean / np.trace(mean)
        if side <= 8:
            basis, factors = eigenbasis(rho).T, None
        else:
            rows, columns = (eigenbasis(partial_trace(rho, (16, 16), keep=axis)).T for axis in (0, 1))
            basis, factors = np.kron(rows, columns), (rows, columns)
        for label in labels:
            _put_basis(arrays, side, label, basis, factors=factors)


def few_classes(count: int) -> Callable[[Arrays, Mapping[str, Sequence[int]]], None]:
    """Keep, for each size, the classes that most blocks chose when the tables were fitted."""

    def change(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
        probability, counts = arrays["probability"], arrays["count"]
        if all(len(arrays[f"order {side}"]) <= count for side in SIDES):
            return
        for t, side in enumerate(SIDES):
            labels = np.sort(np.argsort(-np.array(blocks[str(side)]), kind="stable")[:count])
            for name in (f"predictor {side}", f"order {side}", f"basis {side}", f"rows {side}", f"columns {side}"):
                if name in arrays:
                    arrays[name] = arrays[name][labels]
            arrays[f"log sigma {side}"] = arrays[f"log sigma {side}"][:, labels]
            for state in (probability, counts):
                for slots in slots_by_class(state, t):
                    slots[:, : len(labels)] = slots[:, labels]
        tree = slice(contexts._CLASS, contexts._END_A)
        probability[tree], counts[tree] = _HALF, 0

    return change


def fixed_model(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Probabilities and mixing weights stay at their fitted values."""
    arrays["rate"][:] = 0
    _freeze_mixers(arrays, arrays["weights"].astype(np.int64))


def fixed_contexts(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The probabilities of contexts stay at their fitted values; mixers learn."""
    arrays["rate"][:] = 0


def cold_start(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Every context starts at one half with a count of zero, and all mixers weight their inputs equally."""
    arrays["probability"][:], arrays["count"][:] = _HALF, 0
    arrays["weights"][:] = 65536 * 3 // 10


def first_context_alone(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Only the first of the six contexts of every bit predicts it; the mixers give the other contexts no weight."""
    weights = np.zeros(arrays["weights"].shape, np.int64)
    weights[:, 0] = 65536
    _freeze_mixers(arrays, weights)


def fixed_mixers(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Mixing weights stay at their fitted values; contexts learn."""
    _freeze_mixers(arrays, arrays["weights"].astype(np.int64))


def slots_by_class(state: Array, t: int) -> tuple[Array, Array]:
    """Views (…, classes, …) of the contexts that depend on the class, for blocks of size index t."""
    ends, magnitudes = state[contexts._END_C : contexts._END_D], state[contexts._M_C : contexts._M_D]
    return ends.reshape(2, 4, contexts.CLASSES, -1)[:, t], magnitudes.reshape(-1, 4, contexts.CLASSES, 64)[:, t]


def _freeze_mixers(arrays: Arrays, weights: Array) -> None:
    # With smaller inputs and equally larger weights, sums are the same, but weights learn slower by the factor squared.
    arrays["stretch"] = np.round(arrays["stretch"] / _FREEZE).astype(np.int16)
    arrays["weights"] = (_FREEZE * weights).astype(np.int32)


def _basis(arrays: Arrays, side: int, label: int) -> Array:
    """(n, n) class basis, rows by decreasing scale; for blocks of 32, on their 16×16 samples."""
    scale = 1.0 / (1 << BASIS_BITS)
    if side <= 8:
        return np.asarray(arrays[f"basis {side}"][label] * scale)
    rows, columns = (arrays[f"{name} {side}"][label] * scale for name in ("rows", "columns"))
    return np.kron(rows, columns)[arrays[f"order {side}"][label]]


def _variances(arrays: Arrays, side: int, label: int) -> Array:
    """(3, n) squared scales of the planes."""
    return np.asarray(4.0 ** (arrays[f"log sigma {side}"][:, label] / 8.0))


def _covariance(arrays: Arrays, side: int, label: int) -> Array:
    """Bᵀ diag(σ²) B of luma."""
    basis = _basis(arrays, side, label)
    return np.asarray(basis.T @ (_variances(arrays, side, label)[0][:, None] * basis))


def _put_basis(
    arrays: Arrays, side: int, label: int, basis: Array, *, factors: tuple[Array, Array] | None = None
) -> None:
    """Replace the basis of a class by N; its variances become diag(N Bᵀ diag(σ²) B Nᵀ); those of luma set the order.

    Args:
        arrays: of the tables, changed in place.
        side: of the blocks.
        label: the class.
        basis: (n, n) N, rows are basis vectors.
        factors: (16, 16) factors whose Kronecker product N is, for blocks of 16 and 32.
    """
    rotation = basis @ _basis(arrays, side, label).T
    variances = _variances(arrays, side, label) @ (rotation**2).T
    order = np.argsort(-variances[0], kind="stable")
    sigma = 4 * np.log2(np.maximum(variances[:, order], 1e-8))
    arrays[f"log sigma {side}"][:, label] = np.clip(np.round(sigma), -100, 120)
    scale = 1 << BASIS_BITS
    if factors is None or side <= 8:
        arrays[f"basis {side}"][label] = np.round(scale * basis[order])
        return
    for name, factor in zip(("rows", "columns"), factors, strict=True):
        arrays[f"{name} {side}"][label] = np.round(scale * factor)
    arrays[f"order {side}"][label] = order


VARIANTS = (
    Variant(name=FULL, family="", what="as it is"),
    Variant(
        name="level alone",
        family="predictive",
        what="blocks are predicted by the mean of their ring",
        change=level_alone,
        refitted=True,
    ),
    Variant(
        name="8×8 alone", family="transform", what="no blocks of 4, 16 and 32", search=replace(_SEARCH, sizes=(8,))
    ),
    Variant(name="without 4×4", family="transform", what="no blocks of 4", search=replace(_SEARCH, sizes=(8, 16, 32))),
    Variant(
        name="without 32×32", family="transform", what="no blocks of 32", search=replace(_SEARCH, sizes=(4, 8, 16))
    ),
    Variant(
        name="DCT",
        family="transform",
        what="the DCT in place of every class eigenbasis, its scales from the class covariances",
        change=cosines,
        refitted=True,
    ),
    Variant(
        name="one eigenbasis",
        family="transform",
        what="one eigenbasis per size, of the classes' mean covariance",
        change=one_eigenbasis,
        refitted=True,
    ),
    Variant(name="equal steps", family="transform", what="steps of chroma are those of luma", chroma=(64, 64)),
    Variant(name="Y'CbCr", family="transform", what="Y'CbCr in place of the colours' eigenbasis", eigenbasis=False),
    Variant(
        name="no learning", family="statistical", what="probabilities and mixing weights as fitted", change=fixed_model
    ),
    Variant(
        name="contexts do not learn",
        family="statistical",
        what="probabilities as fitted; mixing weights learn",
        change=fixed_contexts,
    ),
    Variant(
        name="mixers do not learn",
        family="statistical",
        what="mixing weights as fitted; probabilities learn",
        change=fixed_mixers,
    ),
    Variant(
        name="one context",
        family="statistical",
        what="the first of the six contexts alone, which learns",
        change=first_context_alone,
    ),
    Variant(
        name="cold start",
        family="statistical",
        what="the entropy model begins with nothing learnt",
        change=cold_start,
    ),
    Variant(
        name="8 classes",
        family="hybrid",
        what="the 8 classes of each size that were used most",
        change=few_classes(8),
        refitted=True,
    ),
    Variant(
        name="2 classes",
        family="hybrid",
        what="the 2 classes of each size that were used most",
        change=few_classes(2),
        refitted=True,
    ),
    Variant(
        name="rounding",
        family="hybrid",
        what="coefficients are rounded; blocks and classes are still chosen by distortion + λ · bits",
        search=replace(_SEARCH, optimised=False),
    ),
    Variant(
        name="classes of luma",
        family="hybrid",
        what="classes are chosen by luma alone",
        search=replace(_SEARCH, candidates=1),
    ),
    Variant(
        name="plus matched blocks",
        family="predictive",
        what='nothing is left out; blocks may be predicted from their matches, as with profile="max"',
        matching=True,
    ),
    Variant(name="all signs", family="hybrid", what="no hidden signs", hidden_signs=False),
    Variant(
        name="no filter", family="hybrid", what="no filter behind the decoder", search=replace(_SEARCH, filtered=False)
    ),
)
"""All variants, the full codec first."""

CONTROL = Variant(
    name="fitted again",
    family="control",
    what="nothing is left out",
    change=unchanged,
    refitted=True,
)
"""The effect of fitting again without a change: few pictures and rounds give worse tables than many."""
