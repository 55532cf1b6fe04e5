"""How many Schmidt values each cut keeps: by a bond, by the weight that may be lost, or by what a number buys.

A sweep from left to right applies a rule at each cut. The squared Schmidt values that it discards add up to the squared
error exactly, because every step is a projection of what the steps before it left.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from qimg.core import Array
from qimg.tensor_train.train import TensorTrain


class Cut(NamedTuple):
    """The arguments of a rule at one cut."""

    number: int
    """Counted from the left, from 0."""
    weights: Array
    """(m,) squared Schmidt values at this cut, descending, those that are rounding left out; at least one."""
    left: int
    """Bond that the cut before kept; 1 at the first."""
    lost: float
    """Weight discarded at the cuts before."""


Rule: TypeAlias = Callable[[Cut], int]
"""How many weights to keep at a cut, at least 1."""


class Swept(NamedTuple):
    """What a sweep made."""

    train: TensorTrain
    """In the order of its own sites, whichever way the sweep went."""
    bonds: tuple[int, ...]
    """In the order in which the sweep came to the cuts."""
    lost: float
    """Squared error."""


class Sweep(NamedTuple):
    """A way through the cuts of a train that applies a rule at each of them."""

    dims: tuple[int, ...]
    """Levels of the sites in the order in which the sweep comes to them."""
    run: Callable[[Rule], Swept]


def at_most(bond: int | None) -> Rule:
    """Keep `bond` values, or all where it is None."""
    return lambda cut: len(cut.weights) if bond is None else min(bond, len(cut.weights))


def losing(budget: float, cuts: int) -> Rule:
    """Discard at most `budget` in all: each cut may take an equal share of what is left of it."""

    def rule(cut: Cut) -> int:
        allowed = max(budget - cut.lost, 0.0) / (cuts - cut.number)
        # Weight lost if only the first k are kept, k = 0 … m.
        tail = np.append(np.cumsum(cut.weights[::-1])[::-1], 0.0)
        return max(1, int(np.argmax(tail <= allowed)))

    return rule


def steeper_than(slope: float, dims: Sequence[int], right: Sequence[int]) -> Rule:
    """Keep the values that bring at least `slope` of weight for each number they cost.

    One more value at a cut between cores (l, d, r) and (r, d', r') costs d l + d' r' numbers; r' is not known yet and
    taken from a sweep before. At equal slope everywhere no number could be spent better at another cut.

    Args:
        slope: weight per number.
        dims: levels of the sites.
        right: bonds of a sweep before.
    """

    def rule(cut: Cut) -> int:
        k = cut.number
        beyond = right[k + 1] if k + 1 < len(right) else 1
        cost = dims[k] * cut.left + dims[k + 1] * beyond
        return max(1, int((cut.weights > slope * cost).sum()))

    return rule


def both(first: Rule, second: Rule) -> Rule:
    """The smaller of two."""
    return lambda cut: min(first(cut), second(cut))


RANGE = 45.0
"""Width of the range of log slopes, from the whole weight for one number down to 3·10⁻²⁰ of it."""

STEPS = 18
"""Halvings of that range: the slope is found to two parts in ten thousand."""

SETTLING = 3
"""Most sweeps at one slope."""


def search_slope(
    sweep: Sweep, total: float, accept: Callable[[TensorTrain], bool], *, steepest: bool, limit: Rule
) -> Swept | None:
    """The accepted train of the steepest slope (fewest numbers), or of the least (most numbers).

    Args:
        sweep: is run at one slope after the other.
        total: weight of the whole vector.
        accept: holds for trains of all slopes below one value where `steepest`, above it otherwise.
        steepest: which end is looked for.
        limit: a rule that holds besides.

    Returns:
        The best sweep accepted, or None where none was.
    """
    dims = sweep.dims
    low, high = np.log(total) - RANGE, np.log(total)
    right: tuple[int, ...] = (1,) * (len(dims) - 1)
    best = None
    for _ in range(STEPS):
        middle = (low + high) / 2
        # Costs are those of the bonds of the sweep before, so sweeps are repeated until these are their own.
        for _ in range(SETTLING):
            swept = sweep.run(both(limit, steeper_than(float(np.exp(middle)), dims, right)))
            settled, right = swept.bonds == right, swept.bonds
            if settled:
                break
        accepted = accept(swept.train)
        if accepted and (best is None or _better(swept, best, steepest)):
            best = swept
        if accepted == steepest:
            low = middle
        else:
            high = middle
    return best


def _better(swept: Swept, best: Swept, steepest: bool) -> bool:
    if steepest:
        return swept.train.parameters <= best.train.parameters
    return swept.lost <= best.lost
