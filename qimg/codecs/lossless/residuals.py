"""Coding of the difference of a sample from its prediction: decisions under a mixture of two kinds of models.

The decisions are: is the difference zero, is it negative, and for each step of its size, is it larger. Steps have 2ᵏ
code values by the expected error; the lower k bits follow. Each prediction, with the scale of its errors, is a logistic
distribution, from which the probability of a decision follows; adaptive contexts give further probabilities.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.lossless.prediction import (
    CLASSES,
    CURRENT,
    PREDICTIONS,
    UNIT,
    Predictors,
    signed_class,
)
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.logistic_mixing import (
    LOGIT,
    ONE,
    Mixture,
    adapt_mixture,
    distribution_table,
    mixed_probability,
    new_mixture,
)
from qimg.entropy.mixing import Coder, code_bypass, code_predicted_bit
from qimg.entropy.range_coder import INVALID

CONTEXTS = 7
"""Adaptive contexts of each decision."""
_STEPS = 18  # whose decisions have contexts of their own, for each sign
_NODES = 2 + 2 * _STEPS + 8
_ZERO, _SIGN, _FIRST_STEP, _FIRST_LOW = 0, 1, 2, 2 + 2 * _STEPS
_SLOTS = 2048  # of each context and node
_MOST_STEPS = 40
_ESCAPE = 17  # bits of sizes beyond the steps
DECISIONS = 2 + _MOST_STEPS + _ESCAPE + 16
"""Most decisions of a sample."""
_COUNT = 10  # bits of the occurrences of a slot
_LIMIT = 250
_INPUTS = CONTEXTS + PREDICTIONS + 1
_SETS, _RATE = 2, 28  # weight sets of the mixture, and its rate of learning
_SMALL = 12  # bits of a scale whose steps have one code value
_FARTHEST = 2048  # logit beyond which a tail is taken as exponential
_LEAST = 32  # probability of a prediction's decision


class Residuals(NamedTuple):
    """State of the models."""

    slots: Array
    """(planes, contexts, _SLOTS, nodes) uint32: probability of a one in units of 2⁻²², times 1024, and occurrences."""
    mixture: Mixture
    """Of all planes; rows by plane, node and class."""
    contexts: Array
    """(contexts,) int64 workspace: contexts of the sample."""
    inverse: Array
    """(predictions + 1,) int64 workspace: logits for 1/32 code value, in units of 2⁻¹²."""
    distribution: Array
    """(5631,) int64 logistic distribution function in units of 2⁻³⁰."""
    rate: Array
    """(1024,) int64 learning rate by occurrences, in units of 2⁻¹⁶."""


def new_residuals(planes: int) -> Residuals:
    """Models without observations."""
    mixture = new_mixture(sets=_SETS, selectors=planes * _NODES * CLASSES, inputs=_INPUTS, weight=10000, rate=_RATE)
    mixture.weights[..., CONTEXTS:] = 20000
    return Residuals(
        slots=np.full((planes, CONTEXTS, _SLOTS, _NODES), 1 << 31, np.uint32),
        mixture=mixture,
        contexts=np.zeros(CONTEXTS, np.int64),
        inverse=np.zeros(PREDICTIONS + 1, np.int64),
        distribution=distribution_table(),
        rate=655360 // (10 * np.minimum(np.arange(1024), _LIMIT) + 16),
    )


@inner
def code_difference(
    coder: Coder, state: Residuals, predictors: Predictors, plane: int, column: int, level: int, sample: int
) -> int:
    """Code a sample; returns its value.

    Args:
        coder: writer or reader.
        state: modified.
        predictors: after `predict`.
        plane: of the sample.
        column: of the sample in the window.
        level: class of the expected error.
        sample: its value, if `coder` writes.
    """
    center = (predictors.values[PREDICTIONS] + (1 << UNIT - 1)) >> UNIT
    _set_contexts(state, predictors, plane, column, level, center)
    low = 0
    while predictors.scales[plane, PREDICTIONS, predictors.classes[PREDICTIONS]] >> (_SMALL + low) > 0 and low < 14:
        low += 1
    difference = sample - center
    size = abs(difference)
    half = 1 << UNIT - 1
    if _code(coder, state, predictors, plane, level, _ZERO, _ZERO, -half, half, int(size > 0)) == 0:
        return int(center)
    negative = _code(coder, state, predictors, plane, level, _SIGN, _SIGN, -half, half, int(difference < 0))
    kind, node, step = _FIRST_STEP + negative, _FIRST_STEP + _STEPS * negative, 0
    while step < _MOST_STEPS:
        edge, more = half + (step << low + UNIT), int(size - 1 >= (step + 1) << low)
        at = node + min(step, _STEPS - 1)
        if _code(coder, state, predictors, plane, level, kind, at, edge, edge + (1 << low + UNIT), more) == 0:
            break
        step += 1
    base = step << low
    rest = _code_rest(coder, state, predictors, plane, level, step, low, size - 1 - base)
    sample = center - 1 - base - rest if negative else center + 1 + base + rest
    if sample < 0 or sample > predictors.most:
        coder.state[INVALID] = np.uint64(1)
    return int(min(max(sample, 0), predictors.most))


@compiled(inline="always")
def _code_rest(
    coder: Coder, state: Residuals, predictors: Predictors, plane: int, level: int, step: int, low: int, rest: int
) -> int:
    """Code the lower bits of a size; only the highest one has a model."""
    bits, value = low if step < _MOST_STEPS else _ESCAPE, 0
    for bit in range(bits - 1, -1, -1):
        one = int(rest >> bit & 1)
        if bit == low - 1 and step < _MOST_STEPS:
            node = _FIRST_LOW + min(step, 7)
            one = _code(coder, state, predictors, plane, level, _FIRST_LOW, node, 0, 0, one)
        else:
            one = code_bypass(coder, one)
        value = 2 * value + one
    return value


@inner
def _set_contexts(state: Residuals, predictors: Predictors, plane: int, column: int, level: int, center: int) -> None:
    """Set the adaptive contexts of a sample, and the slopes of the predictions' distributions."""
    shift, mean, levels = predictors.shift, predictors.values[PREDICTIONS], predictors.levels
    own, residuals = predictors.window[plane], predictors.residuals
    left, above = own[CURRENT, column - 1] << UNIT, own[CURRENT - 1, column] << UNIT
    right = own[CURRENT - 1, column + 1] << UNIT
    left_error, above_error = residuals[plane, 1, column - 1] >> shift, residuals[plane, 0, column] >> shift
    before = signed_class(residuals[plane - 1, 1, column] >> shift) if plane > 0 else 0
    contexts, values = state.contexts, predictors.values
    contexts[0] = 8 * level + ((mean - (center << UNIT) + (1 << UNIT - 1)) >> UNIT - 3)
    contexts[1] = CLASSES * levels[min(abs(left_error) // 3, 8191)] + levels[min(abs(above_error) // 3, 8191)]
    contexts[2] = CLASSES * before + level
    contexts[3] = 81 * signed_class((left - mean) >> shift) + 9 * signed_class((above - mean) >> shift)
    contexts[3] += signed_class((right - mean) >> shift)
    contexts[4] = 81 * signed_class((values[0] - mean) >> shift) + 9 * signed_class((values[1] - mean) >> shift)
    contexts[4] += signed_class((values[2] - mean) >> shift)
    contexts[5] = 8 * (center >> shift) + level // 2
    contexts[6] = 81 * signed_class(left_error) + 9 * signed_class(above_error) + before
    for prediction in range(PREDICTIONS + 1):
        scale = predictors.scales[plane, prediction, predictors.classes[prediction]]
        state.inverse[prediction] = (26426 << 12) // scale


@compiled(inline="always")
def _code(
    coder: Coder,
    state: Residuals,
    predictors: Predictors,
    plane: int,
    level: int,
    kind: int,
    node: int,
    below: int,
    above: int,
    bit: int,
) -> int:
    """Code a decision.

    Args:
        coder: writer or reader.
        state: modified.
        predictors: with the predictions.
        plane: of the sample.
        level: class of the expected error.
        kind: `_ZERO`, `_SIGN`, `_FIRST_STEP` for steps up, one more for steps down, or `_FIRST_LOW`.
        node: of the adaptive contexts.
        below: lower edge of the step, relative to the center, in units of 1/32; for steps the nearer one.
        above: upper edge, or the farther one.
        bit: the decision, if `coder` writes.
    """
    mixture, slots = state.mixture, state.slots[plane]
    for i in range(CONTEXTS):
        mixture.inputs[i] = mixture.stretch[slots[i, state.contexts[i], node] >> _COUNT + 6]
    center = (predictors.values[PREDICTIONS] + (1 << UNIT - 1)) >> UNIT << UNIT
    for i in range(PREDICTIONS + 1):
        logit = 0
        if kind < _FIRST_LOW:
            offset, inverse = predictors.values[i] - center, state.inverse[i]
            if kind == _FIRST_STEP + 1:
                offset = -offset
            near, far = (below - offset) * inverse >> 12, (above - offset) * inverse >> 12
            logit = int(mixture.stretch[_share(state.distribution, kind, near, far)])
        mixture.inputs[CONTEXTS + i] = logit
    row = (plane * _NODES + node) * CLASSES
    mixture.selected[0] = row + level
    mixture.selected[1] = row + min(state.contexts[2] // CLASSES, CLASSES - 1)
    mixture.selected[2] = row
    bit = code_predicted_bit(coder, mixed_probability(mixture, _SETS, _INPUTS), bit)
    adapt_mixture(mixture, bit, _SETS, _INPUTS)
    goal = (bit << 22) - (bit << 6)
    for i in range(CONTEXTS):
        slot = np.int64(slots[i, state.contexts[i], node])
        count, p = slot & 1023, slot >> _COUNT
        p += (goal - p) * state.rate[count] >> 16
        slots[i, state.contexts[i], node] = p << _COUNT | min(count + 1, _LIMIT)
    return bit


@inner
def _share(distribution: Array, kind: int, near: int, far: int) -> int:
    """Probability of a decision under a logistic distribution, in units of 2⁻¹⁶.

    Args:
        distribution: its table.
        kind: as for `_code`.
        near: logit of the lower edge, or the nearer one.
        far: logit of the other edge.
    """
    if kind >= _FIRST_STEP:
        excess = max(near - _FARTHEST, 0)  # tails are exponential
        tail = distribution[LOGIT - min(max(near - excess, -LOGIT), LOGIT)]
        beyond = distribution[LOGIT - min(max(far - excess, -LOGIT), LOGIT)]
        share = (beyond << 16) // tail
    else:
        under = distribution[LOGIT + min(max(near, -LOGIT), LOGIT)]
        over = ONE - distribution[LOGIT + min(max(far, -LOGIT), LOGIT)]
        share = (under << 16) // (under + over) if kind == _SIGN else (under + over) >> 14
    return int(min(max(share, _LEAST), 65536 - _LEAST))
