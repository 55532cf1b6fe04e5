"""Mixing in the logistic domain: the probability of a bit from the logits of several predictions, in integers.

Logits are in units of 1/256 nat, from −`LOGIT` to `LOGIT`. Weight sets, of which a selector chooses one row each, give
a logit each (Mahoney, 2005); a last stage corrects the mean of these logits by what followed similar ones.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner

LOGIT = 2815
"""Largest logit: 11 nats."""
ONE = 1 << 30
"""Certainty in `distribution_table`."""
_NODES = 16  # of the correction on each side of zero
_SPACING = 176  # logits between them


class Mixture(NamedTuple):
    """State of the mixture."""

    weights: Array
    """(sets, selectors, inputs) int32 in units of 2⁻¹⁶."""
    correction: Array
    """(selectors, 33) int32 corrected probability, in units of 2⁻²², by the logit in steps of 176/256."""
    selected: Array
    """(sets + 1,) int64 row of each weight set, and of `correction`."""
    inputs: Array
    """(inputs,) int32 workspace: logits of the predictions."""
    logits: Array
    """(sets,) int64 workspace: logits of the sets."""
    stretch: Array
    """(65536,) int16 256 ln(p / (1 − p)) by 2¹⁶ p."""
    squash: Array
    """(5631,) int32 2¹⁶ p by 256 ln(p / (1 − p)) + 2815."""
    corrected: Array
    """(2,) int64 workspace: node of the correction that is adapted next, and its row."""
    rate: int
    """A weight grows by its input times the error of its set times this, in units of 2⁻²⁰."""


def new_mixture(*, sets: int, selectors: int, inputs: int, weight: int, rate: int) -> Mixture:
    """A mixture that adds its inputs with equal weights.

    Args:
        sets: weight sets.
        selectors: rows of each set.
        inputs: predictions.
        weight: first weight of each input, in units of 2⁻¹⁶.
        rate: of learning, as in `Mixture`.
    """
    stretch, squash = logistic_tables()
    nodes = squash[np.clip(_SPACING * np.arange(-_NODES, _NODES + 1) + LOGIT, 0, 2 * LOGIT)].astype(np.int32) << 6
    return Mixture(
        weights=np.full((sets, selectors, inputs), weight, np.int32),
        correction=np.tile(nodes, (selectors, 1)),
        selected=np.zeros(sets + 1, np.int64),
        inputs=np.zeros(inputs, np.int32),
        logits=np.zeros(sets, np.int64),
        stretch=stretch,
        squash=squash,
        corrected=np.zeros(2, np.int64),
        rate=rate,
    )


@cache
def logistic_tables() -> tuple[Array, Array]:
    """The tables (stretch, squash), from correctly rounded decimal arithmetic: the same on every machine."""
    above = np.minimum(_upper_half(65536), 65535)
    squash = np.concatenate([65536 - above[:0:-1], above]).astype(np.int32)
    middles = squash[:-1] + squash[1:]  # twice the middle between neighbours
    stretch = np.searchsorted(middles, 2 * np.arange(65536), side="right") - LOGIT
    return stretch.astype(np.int16), squash


@cache
def distribution_table() -> Array:
    """(5631,) int64 logistic distribution function in units of 2⁻³⁰, by 256 x + 2815; correctly rounded."""
    above = _upper_half(ONE)
    return np.concatenate([ONE - above[:0:-1], above])


def _upper_half(one: int) -> Array:
    """(2816,) int64 one / (1 + e^(−i / 256)), rounded."""
    context = Context(prec=40, rounding=ROUND_HALF_EVEN)
    step, power, upper = context.exp(context.divide(Decimal(1), Decimal(256))), Decimal(1), []
    for _ in range(LOGIT + 1):
        share = context.divide(power, context.add(power, Decimal(1)))
        upper.append(int(context.add(context.multiply(share, Decimal(one)), Decimal("0.5"))))
        power = context.multiply(power, step)
    return np.array(upper, np.int64)


@inner(forceinline=True)
def mixed_probability(mixture: Mixture, sets: int, inputs: int) -> int:
    """Probability of a one, in [1, 65535] units of 2⁻¹⁶, for `mixture.inputs` and `mixture.selected`.

    Args:
        mixture: the state.
        sets: of the mixture; constants make the compiled loop a third faster.
        inputs: of the mixture.
    """
    mean = 0
    for s in range(sets):
        weights, total = mixture.weights[s, mixture.selected[s]], np.int64(0)
        for i in range(inputs):
            total += np.int64(weights[i]) * np.int64(mixture.inputs[i])
        mixture.logits[s] = min(max(total >> 16, -LOGIT), LOGIT)
        mean += int(mixture.logits[s])
    mean //= sets
    row = mixture.selected[sets]
    node = (mean + _NODES * _SPACING) // _SPACING
    share = mean + _NODES * _SPACING - _SPACING * node
    below, above = np.int64(mixture.correction[row, node]), np.int64(mixture.correction[row, node + 1])
    corrected = (below * (_SPACING - share) + above * share) // _SPACING >> 6
    mixture.corrected[0], mixture.corrected[1] = node + (share > _SPACING // 2), row
    return min(max(int(mixture.squash[mean + LOGIT] + corrected) >> 1, 1), 65535)


@inner(forceinline=True)
def adapt_mixture(mixture: Mixture, bit: int, sets: int, inputs: int) -> None:
    """Adapt the weights and the correction that gave the last probability to the bit that followed."""
    goal = (bit << 22) - (bit << 6)
    node, row = mixture.corrected[0], mixture.corrected[1]
    mixture.correction[row, node] += (goal - np.int64(mixture.correction[row, node])) >> 6
    for s in range(sets):
        weights = mixture.weights[s, mixture.selected[s]]
        error = ((bit << 16) - np.int64(mixture.squash[mixture.logits[s] + LOGIT])) * mixture.rate
        step = np.int32(error)  # products of two int32 need one instruction, those of int64 several
        for i in range(inputs):
            weights[i] += (np.int64(mixture.inputs[i]) * np.int64(step) + (1 << 19)) >> 20
