"""From a dense vector to a tensor train, and from a train to a smaller one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, dimensions, integer, numeric, one_blas_thread, require
from qimg.tensor_train.canonical import right_canonical
from qimg.tensor_train.ranks import Rule, Sweep, Swept, at_most, both, losing, search_slope
from qimg.tensor_train.sweeps import fitting, over_chain, over_vector
from qimg.tensor_train.train import TensorTrain

PRECISE = 1e-12
"""Discarded weight below which a Gram matrix, which holds squares, is too coarse and the sweep goes by SVD."""

Truncate: TypeAlias = Callable[[Sweep], Swept]
"""Chooses rules, and with them one result of a sweep."""


class Truncation(NamedTuple):
    """A tensor train and what it lost."""

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
    """Tensor train of a vector; exact where nothing is asked for.

    Exact trains go by SVD. Truncated ones go by the eigenvectors of Gram matrices, which is several times faster and
    gives the same train to half the digits, so that a sweep which loses less than 10⁻¹² is repeated by SVD. One core
    holds the norm, the last one, or the first after an odd number of refinements; the others are isometries. A sweep is
    quasi-optimal: its squared error is at most (sites − 1) times the least possible at these bonds (Oseledets, 2011).
    Cost: O(size · bond · dims) for a sweep; `parameters` takes 18.

    Args:
        vector: (size,) real or complex, not zero; a tensor of any shape is read row by row.
        dims: levels of the sites, which multiply to the size; the first site is the most significant digit.
        bond: largest bond dimension; a limit where another demand is given.
        discarded_weight: largest share of the squared norm that may be lost, in [0, 1), divided equally among the cuts.
        parameters: largest count of numbers; bonds are divided among the cuts so that a number buys the same weight
            everywhere.
        refinements: sweeps that go back and forth and fit two neighbouring cores at a time to the vector, under the
            same demand; for `bond` and `parameters`. Two gain most of what there is.

    Raises:
        ValueError: a zero vector, NaN, dims that do not multiply to the size, or a demand that cannot be met.

    >>> decompose([1.0, 2.0, 2.0, 4.0], (2, 2)).train.bonds
    (1,)
    """
    data = numeric("vector", vector)
    sizes = dimensions("dims", dims, data.size)
    integer("refinements", refinements, 0)
    if refinements and (discarded_weight is not None or (bond is None and parameters is None)):
        raise ValueError("refinements have no effect unless bond or parameters is given without discarded_weight")
    exact = (bond is None and parameters is None) if discarded_weight is None else discarded_weight < PRECISE
    with one_blas_thread():
        total = float(np.vdot(data, data).real)
        require(total > 0, "vector", "must not be zero: no site has a direction then", total)
        choose = _demand(sizes, total, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
        swept = choose(over_vector(data, sizes, precise=exact))
        if swept.lost < PRECISE * total and not exact:
            swept = choose(over_vector(data, sizes, precise=True))
        elif refinements:
            # Slopes come in steps, so the fit may spend fewer numbers than the sweep did: the nearer one is kept.
            swept = min(refine(data, swept, choose, refinements), swept, key=lambda one: one.lost)
    return Truncation(swept.train, max(swept.lost, 0.0) / total)


def refine(vector: Array, start: Swept, truncate: Truncate, rounds: int) -> Swept:
    """A train fitted to the vector in `rounds` sweeps that go back and forth, from the last site first.

    Args:
        vector: what was swept over.
        start: a left-canonical train.
        truncate: what is done with the sweep of each round.
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
    """The train with smaller bonds, without writing the vector out ("rounding").

    QR from right to left, then SVD from left to right: cost O(sites · dims · bond³). With nothing asked for it removes
    what is redundant alone. Demands as in `decompose`.

    >>> train = decompose([1.0, 2.0, 3.0, 5.0], (2, 2)).train
    >>> compress(train + train).train.bonds
    (2,)
    """
    with one_blas_thread():
        cores = right_canonical(train).cores
        total = float(np.vdot(cores[0], cores[0]).real)
        require(total > 0, "train", "must not be zero", total)
        choose = _demand(train.dims, total, bond=bond, discarded_weight=discarded_weight, parameters=parameters)
        swept = choose(over_chain(cores))
    return Truncation(swept.train, max(swept.lost, 0.0) / total)


def _demand(
    dims: tuple[int, ...],
    total: float,
    *,
    bond: int | None,
    discarded_weight: float | None,
    parameters: int | None,
) -> Truncate:
    """What was asked for, as a function of a sweep."""
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
    # Singular values that are rounding are never kept.
    if swept.lost > (discarded_weight * (1 + 1e-9) + 1e-26) * total:
        lost = swept.lost / total
        raise ValueError(f"bond={bond} cannot reach discarded_weight={discarded_weight}: it loses {lost:.3g}")
    return swept
