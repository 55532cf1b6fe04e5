"""Decomposition of a dense vector into a tensor train, and compression of trains."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, dimensions, integer, numeric, one_blas_thread, require
from qimg.core.records import short_repr
from qimg.tensor_train.canonical import right_isometries
from qimg.tensor_train.ranks import Rule, Sweep, Swept, at_most, both, losing, search_slope
from qimg.tensor_train.scale import scaled, spread
from qimg.tensor_train.sweeps import fitting, over_chain, over_vector
from qimg.tensor_train.train import TensorTrain

PRECISE = 1e-12
"""Discarded weight below which a sweep uses SVD; Gram matrices contain squares, which limits their accuracy."""

Truncate: TypeAlias = Callable[[Sweep], Swept]
"""Runs a sweep with one rule or several and returns one result."""


@short_repr
class Truncation(NamedTuple):
    """A truncated tensor train and its discarded weight."""

    train: TensorTrain
    discarded_weight: float
    """Squared error as a share of the squared norm."""


def decompose(
    vector: ArrayLike,
    dims: Sequence[int],
    *,
    bond: int | None = None,
    discarded_weight: float | None = None,
    parameters: int | None = None,
    refinements: int = 0,
) -> Truncation:
    """Tensor train of a vector, exact if no limit is set.

    Exact trains are computed by SVD. Truncated trains are computed from the eigenvectors of Gram matrices, which is
    several times faster but accurate to half the digits only; a sweep with a discarded weight below 10⁻¹² is therefore
    repeated by SVD. The last core holds the norm (the first core after an odd number of refinements); the other cores
    are isometries. A sweep is quasi-optimal: its squared error is at most (sites − 1) times the smallest possible at
    these bonds (Oseledets, 2011). Cost: O(size · bond · dims) for a sweep; `parameters` takes 18 sweeps or more.

    Args:
        vector: (size,) real or complex, not zero; a tensor of any shape is flattened row-major.
        dims: levels of the sites, whose product is the size; the first site is the most significant digit.
        bond: largest bond dimension; may be combined with another limit.
        discarded_weight: largest share of the squared norm to discard, in [0, 1), divided equally among the cuts.
        parameters: largest number of stored numbers; bonds are chosen so that the marginal weight per number is equal
            at all cuts.
        refinements: number of sweeps in alternating directions that fit two neighbouring cores at a time to the vector,
            under the same limit; only with `bond` or `parameters`. Two sweeps reach most of the possible gain.

    Raises:
        ValueError: a zero vector, NaN, dims whose product is not the size, or a limit that cannot be met.

    >>> decompose([1.0, 2.0, 2.0, 4.0], (2, 2)).train.bonds
    (1,)
    """
    data = numeric("vector", vector)
    sizes = dimensions("dims", dims, data.size)
    integer("refinements", refinements, 0)
    if refinements and (discarded_weight is not None or (bond is None and parameters is None)):
        raise ValueError("refinements have no effect unless bond or parameters is given without discarded_weight")
    exact = (bond is None and parameters is None) if discarded_weight is None else discarded_weight < PRECISE
    data, exponent = scaled(data)
    with one_blas_thread():
        total = float(np.vdot(data, data).real)
        require(total > 0, "vector", "must not be zero: no site has a direction then", total)
        choose = _demand(sizes, total, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
        swept = choose(over_vector(data, sizes, precise=exact))
        if swept.lost < PRECISE * total and not exact:
            swept = choose(over_vector(data, sizes, precise=True))
        elif refinements:
            # Slopes are discrete, so the refined train may have fewer numbers and a larger error than the first one.
            swept = min(refine(data, swept, choose, refinements), swept, key=lambda one: one.lost)
    return _truncation(swept, total, exponent)


def refine(vector: Array, start: Swept, truncate: Truncate, rounds: int) -> Swept:
    """Fit a train to the vector in `rounds` sweeps of alternating direction, the first one from the last site.

    Args:
        vector: the vector of the first sweep.
        start: a left-canonical train.
        truncate: runs the sweep of each round.
        rounds: number of sweeps.
    """
    swept = start
    for number in range(rounds):
        swept = truncate(fitting(vector, swept.train, backwards=number % 2 == 0))
    return swept


def compress(
    train: TensorTrain,
    *,
    bond: int | None = None,
    discarded_weight: float | None = None,
    parameters: int | None = None,
) -> Truncation:
    """Reduce the bonds of a train, without the dense vector ("rounding").

    QR from right to left, then SVD from left to right: cost O(sites · dims · bond³). Without a limit it removes
    redundant bond dimensions only. Limits as in `decompose`.

    >>> train = decompose([1.0, 2.0, 3.0, 5.0], (2, 2)).train
    >>> compress(train + train).train.bonds
    (2,)
    """
    with one_blas_thread():
        cores, exponent = right_isometries(train)
        total = float(np.vdot(cores[0], cores[0]).real)
        require(total > 0, "train", "must not be zero", total)
        choose = _demand(train.dims, total, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
        swept = choose(over_chain(cores))
    return _truncation(swept, total, exponent)


def _truncation(swept: Swept, total: float, exponent: int) -> Truncation:
    """The result of a sweep over a vector that was divided by 2**exponent."""
    train = TensorTrain(spread(swept.train.cores, exponent)) if exponent else swept.train
    return Truncation(train, max(swept.lost, 0.0) / total)


def _demand(
    dims: tuple[int, ...],
    total: float,
    *,
    bond: int | None,
    discarded_weight: float | None,
    parameters: int | None,
) -> Truncate:
    """The limits of `decompose` as a function of a sweep."""
    if bond is not None:
        integer("bond", bond, 1)
    if discarded_weight is not None and parameters is not None:
        raise ValueError("at most one of discarded_weight and parameters may be given, but both are")
    limit = at_most(bond)
    if parameters is not None:
        least = sum(dims)
        rule = f"must be at least {least}, the numbers at bonds of 1"
        require(parameters >= least, "parameters", rule, parameters)
        return lambda sweep: _largest(sweep, total, parameters, limit)
    if discarded_weight is None:
        return lambda sweep: sweep.run(limit)
    require(0 <= discarded_weight < 1, "discarded_weight", "must be in [0, 1)", discarded_weight)
    return lambda sweep: _within(sweep, total, discarded_weight, bond)


def _largest(sweep: Sweep, total: float, parameters: int, limit: Rule) -> Swept:
    swept = search_slope(sweep, total, lambda train: train.parameters <= parameters, steepest=False, limit=limit)
    assert swept is not None, "bonds of 1 fit"
    return swept


def _within(sweep: Sweep, total: float, discarded_weight: float, bond: int | None) -> Swept:
    swept = sweep.run(both(at_most(bond), losing(discarded_weight * total, len(sweep.dims) - 1)))
    # The tolerances allow for singular values at rounding level, which are always discarded.
    if swept.lost > (discarded_weight * (1 + 1e-9) + 1e-26) * total:
        lost = swept.lost / total
        raise ValueError(f"bond={bond} cannot reach discarded_weight={discarded_weight}: it loses {lost:.3g}")
    return swept
