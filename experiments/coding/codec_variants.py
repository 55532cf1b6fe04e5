"""The codec without one of its ingredients: what is left out, and how the tables are changed for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import numpy as np

from experiments._run import Array, fulfils, not_empty
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
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
"""Prediction; bases, blocks and quantization; entropy model; and what decides about several of them at once."""

Steps = Annotated[
    tuple[float, ...],
    not_empty,
    fulfils(lambda steps: all(0.25 <= step <= 1000 for step in steps), "must lie in [0.25, 1000]"),
]
"""Luma steps in code values."""

_EVEN = 1 << 14  # a probability of one half in the tables
_STILL = 16  # how many times smaller the inputs of mixers are made, and their weights larger


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The codec with one thing changed."""

    name: str
    family: str
    what: str
    """Literally."""
    search: Search = field(default_factory=Search)
    chroma: tuple[int, int] = Parameters.chroma
    change: Callable[[Arrays, Mapping[str, Sequence[int]]], None] | None = None
    """Changes arrays of the tables, given how many blocks of each size chose each class in their fit."""
    refitted: bool = False
    """Whether what is left can be fitted again on pictures: its arrays are classes, not the entropy model."""

    def tables(self, known: Tables) -> Tables:
        """The tables of this variant."""
        if self.change is None:
            return known
        arrays = {name: known.array(name) for name in known.contents.arrays}
        self.change(arrays, known.provenance["blocks"])
        return Tables.assemble(arrays, {**known.provenance, "variant": self.name})


def nothing(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Leave everything as it is."""


def level_alone(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Predict the mean of the ring and nothing else."""
    for side in SIDES:
        arrays[f"predictor {side}"][:] = 0


def cosines(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The DCT in place of every class basis: scales and order from the diagonal of each class covariance in it."""
    for side in SIDES:
        dct = unitary("dct", min(side, 16))
        for label in range(len(arrays[f"order {side}"])):
            _put_basis(arrays, side, label, np.kron(dct, dct), factors=(dct, dct))


def one_eigenbasis(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The eigenbasis of the classes' mean covariance, weighed by their blocks, in place of every class basis."""
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
    """Keep of each size the classes that most blocks chose when the tables were fitted."""

    def change(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
        probability, seen = arrays["probability"], arrays["count"]
        if all(len(arrays[f"order {side}"]) <= count for side in SIDES):
            return
        for t, side in enumerate(SIDES):
            kept = np.sort(np.argsort(-np.array(blocks[str(side)]), kind="stable")[:count])
            for name in (f"predictor {side}", f"order {side}", f"basis {side}", f"rows {side}", f"columns {side}"):
                if name in arrays:
                    arrays[name] = arrays[name][kept]
            arrays[f"log sigma {side}"] = arrays[f"log sigma {side}"][:, kept]
            for state in (probability, seen):
                for slots in slots_by_class(state, t):
                    slots[:, : len(kept)] = slots[:, kept]
        tree = slice(contexts._CLASS, contexts._END_A)
        probability[tree], seen[tree] = _EVEN, 0

    return change


def unlearning(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Probabilities and mixing weights stay what they were fitted to be."""
    arrays["rate"][:] = 0
    _still_mixers(arrays, arrays["weights"].astype(np.int64))


def unlearning_contexts(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The probabilities of contexts stay what they were fitted to be; mixers learn."""
    arrays["rate"][:] = 0


def cold(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Every context begins at one half, never seen, and all mixers weigh their inputs equally."""
    arrays["probability"][:], arrays["count"][:] = _EVEN, 0
    arrays["weights"][:] = 65536 * 3 // 10


def first_context_alone(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """The first of the six contexts of every bit gives its probability; the mixers give no other any weight."""
    weights = np.zeros(arrays["weights"].shape, np.int64)
    weights[:, 0] = 65536
    _still_mixers(arrays, weights)


def still_mixers(arrays: Arrays, blocks: Mapping[str, Sequence[int]]) -> None:
    """Mixing weights stay what they were fitted to be; contexts learn."""
    _still_mixers(arrays, arrays["weights"].astype(np.int64))


def slots_by_class(state: Array, t: int) -> tuple[Array, Array]:
    """Views (…, classes, …) of the contexts that hold the class of a block of size index t."""
    ends, magnitudes = state[contexts._END_C : contexts._END_D], state[contexts._M_C : contexts._M_D]
    return ends.reshape(2, 4, contexts.CLASSES, -1)[:, t], magnitudes.reshape(-1, 4, contexts.CLASSES, 64)[:, t]


def _still_mixers(arrays: Arrays, weights: Array) -> None:
    # Inputs 16 times smaller and weights 16 times larger give the same sums, and weights that learn 256 times slower.
    arrays["stretch"] = np.round(arrays["stretch"] / _STILL).astype(np.int16)
    arrays["weights"] = (_STILL * weights).astype(np.int32)


def _basis(arrays: Arrays, side: int, label: int) -> Array:
    """(n, n) class basis, rows strongest first; of blocks of 32 on their 16×16 samples."""
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
    """Give a class another basis N; its variances there are diag(N Bᵀ diag(σ²) B Nᵀ), and luma's say the order.

    Args:
        arrays: of the tables, changed.
        side: of the blocks.
        label: the class.
        basis: (n, n) N, rows are basis vectors.
        factors: (16, 16) factors whose Kronecker product N is, for blocks of 16 and 32.
    """
    turned = basis @ _basis(arrays, side, label).T
    variances = _variances(arrays, side, label) @ (turned**2).T
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
    Variant(name="8×8 alone", family="transform", what="no blocks of 4, 16 and 32", search=Search(sizes=(8,))),
    Variant(name="without 4×4", family="transform", what="no blocks of 4", search=Search(sizes=(8, 16, 32))),
    Variant(name="without 32×32", family="transform", what="no blocks of 32", search=Search(sizes=(4, 8, 16))),
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
    Variant(name="equal steps", family="transform", what="steps of Cb and Cr are those of Y'", chroma=(64, 64)),
    Variant(
        name="no learning", family="statistical", what="probabilities and mixing weights as fitted", change=unlearning
    ),
    Variant(
        name="contexts do not learn",
        family="statistical",
        what="probabilities as fitted; mixing weights learn",
        change=unlearning_contexts,
    ),
    Variant(
        name="mixers do not learn",
        family="statistical",
        what="mixing weights as fitted; probabilities learn",
        change=still_mixers,
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
        change=cold,
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
        search=Search(optimised=False),
    ),
    Variant(name="no filter", family="hybrid", what="no filter behind the decoder", search=Search(filtered=False)),
)
"""The full codec first."""

CONTROL = Variant(
    name="fitted again",
    family="control",
    what="nothing is left out",
    change=nothing,
    refitted=True,
)
"""What fitting again does by itself: few pictures and rounds fit worse tables than many."""
