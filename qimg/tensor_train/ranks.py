"""Rules for the number of Schmidt values at each cut: by bond dimension, discarded weight, or weight per number.

A sweep from left to right applies a rule at each cut. The sum of the discarded squared Schmidt values is exactly the
squared error, because every step is an orthogonal projection of the result of the previous step.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from qimg.core import Array
from qimg.tensor_train.train import TensorTrain


class Cut(NamedTuple):
    """The arguments of a rule at one cut."""

    number: int
    """Number of the cut, counted from the left, from 0."""
    weights: Array
    """(m,) squared Schmidt values at this cut above rounding level, descending; at least one."""
    left: int
    """Bond dimension of the previous cut; 1 at the first."""
    lost: float
    """Weight discarded at the previous cuts."""


Rule: TypeAlias = Callable[[Cut], int]
"""Returns the number of weights to keep at a cut, at least 1."""


class Swept(NamedTuple):
    """Result of a sweep."""

    train: TensorTrain
    """The train in the order of its sites, for both directions of the sweep."""
    bonds: tuple[int, ...]
    """Bonds in the order of the sweep."""
    lost: float
    """Squared error."""


class Sweep(NamedTuple):
    """A pass over the cuts of a train that applies a rule at each of them."""

    dims: tuple[int, ...]
    """Levels of the sites in the order of the sweep."""
    run: Callable[[Rule], Swept]


def at_most(bond: int | None) -> Rule:
    """Keep at most `bond` values; all if `bond` is None."""
    return lambda cut: len(cut.weights) if bond is None else min(bond, len(cut.weights))


def up_to(bond: int, cutoff: float) -> Rule:
    """Keep at most `bond` values, and none below a share `cutoff` of the largest."""
    return lambda cut: max(1, min(bond, int((cut.weights > cutoff * cut.weights[0]).sum())))


def losing(budget: float, cuts: int) -> Rule:
    """Discard a total weight of at most `budget`: each cut may use an equal share of the remaining budget."""

    def rule(cut: Cut) -> int:
        allowed = max(budget - cut.lost, 0.0) / (cuts - cut.number)
        # Weight lost if only the first k are kept, k = 0 … m.
        tail = np.append(np.cumsum(cut.weights[::-1])[::-1], 0.0)
        return max(1, int(np.argmax(tail <= allowed)))

    return rule


def steeper_than(slope: float, dims: Sequence[int], right: Sequence[int]) -> Rule:
    """Keep the values whose weight per stored number exceeds `slope`.

    One more value at a cut between cores (l, d, r) and (r, d', r') adds d l + d' r' numbers; r' is that of a previous
    sweep. With the same slope at all cuts, moving numbers from one cut to another gains nothing.

    Args:
        slope: weight per number.
        dims: levels of the sites.
        right: bonds of a previous sweep.
    """

    def rule(cut: Cut) -> int:
        k = cut.number
        next_bond = right[k + 1] if k + 1 < len(right) else 1
        cost = dims[k] * cut.left + dims[k + 1] * next_bond
        return max(1, int((cut.weights > slope * cost).sum()))

    return rule


def both(first: Rule, second: Rule) -> Rule:
    """The smaller number of two rules."""
    return lambda cut: min(first(cut), second(cut))


RANGE = 45.0
"""Width of the range of log slopes, from the whole weight for one number down to 3·10⁻²⁰ of it."""

STEPS = 18
"""Bisections of that range, which determine the slope to two parts in ten thousand."""

SETTLING = 3
"""Largest number of sweeps at one slope."""


def search_slope(
    sweep: Sweep, total: float, accept: Callable[[TensorTrain], bool], *, steepest: bool, limit: Rule
) -> Swept | None:
    """Bisect for the accepted train of the steepest slope (fewest numbers) or of the smallest (most numbers).

    Args:
        sweep: is run at each slope.
        total: weight of the whole vector.
        accept: true for the trains of all slopes below a threshold if `steepest`, above it otherwise.
        steepest: whether to search for the steepest slope.
        limit: an additional rule.

    Returns:
        The best accepted sweep; None if no sweep was accepted.
    """
    dims = sweep.dims
    low, high = np.log(total) - RANGE, np.log(total)
    right: tuple[int, ...] = (1,) * (len(dims) - 1)
    best = None
    for _ in range(STEPS):
        middle = (low + high) / 2
        # Costs depend on the bonds of the previous sweep, so sweeps are repeated until the bonds do not change.
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
