"""State of the models of JPEG coefficients, and the coding of a decision in it, in integers.

Magnitudes are coded in unary, large ones in exponential Golomb code.
"""

import math
from typing import NamedTuple

import numpy as np

from qimg.codecs.jpeg_recompression.prediction import Prediction, new_prediction
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.logistic_mixing import Mixture, adapt_mixture, mixed_probability, new_mixture
from qimg.entropy.mixing import Coder, code_bypass, code_predicted_bit

KINDS = 3
"""Components with statistics of their own: luma and all components of other files, and the two of chroma."""
CONTEXTS = 12
NODES = 16
"""Decisions that a context value has probabilities of: 64 bytes, a line of the processor's cache."""
LAST, DC, AC = 0, 4, 5
"""Groups of decisions: of the last coefficient, a group for each two bits of its tree, and of coefficients."""
GROUPS = 6
FIRST_SLOT = (0, 1024, 2048, 3072, 4096, 5120)
"""First slot of each group."""
SLOTS = 5120 + 4096
"""Values of each context in all groups."""
ZERO, SIGN, _UNARY, _EXPONENT, _MANTISSA = 0, 1, 2, 10, 14
_MOST_UNARY = 8
_MOST_EXPONENT = 16
SETS = 3
DECISIONS = 6 + 64 * (2 + _MOST_UNARY + 2 * _MOST_EXPONENT + 2)
"""Most decisions of a block."""
_COUNT = 10
LIMIT = 255
"""Largest number of occurrences that sets a learning rate."""


class Model(NamedTuple):
    """State of the models of one kind of component."""

    slots: Array
    """(CONTEXTS, SLOTS, NODES) uint32: probability of a one in units of 2⁻²², times 1024, and occurrences."""
    mixture: Mixture
    contexts: Array
    """(CONTEXTS,) int64 workspace: contexts of the next decisions."""
    selectors: Array
    """(SETS,) int64 workspace: selectors of weight sets."""
    prediction: Prediction
    levels: Array
    """(1024,) int64 level of a magnitude in eighths of a step."""
    rate: Array
    """(256,) int32 learning rate by occurrences, in units of 2⁻¹⁶."""
    reciprocal: Array
    """(64,) int64 2¹⁶ / n."""
    stretch: Array
    """(4096,) int32 logit by the highest bits of a probability."""


def new_model(mean_weights: Array, magnitude_weights: Array) -> Model:
    """Models without observations."""
    rows = GROUPS * NODES * 64
    mixture = new_mixture(sets=SETS, selectors=rows, inputs=CONTEXTS, weight=18000, rate=18)
    return Model(
        slots=_aligned((CONTEXTS, SLOTS, NODES)),
        mixture=mixture,
        contexts=np.zeros(CONTEXTS, np.int64),
        selectors=np.zeros(SETS, np.int64),
        prediction=new_prediction(mean_weights, magnitude_weights),
        levels=_levels(),
        rate=(655360 // (10 * np.arange(LIMIT + 1) + 16)).astype(np.int32),
        reciprocal=65536 // np.maximum(np.arange(64), 1),
        stretch=mixture.stretch[8::16].astype(np.int32),
    )


def copied(model: Model) -> Model:
    """A model in the same state."""
    copy = new_model(model.prediction.mean, model.prediction.magnitude)
    copy.slots[:] = model.slots
    copy.mixture.weights[:] = model.mixture.weights
    return copy


def _aligned(shape: tuple[int, ...]) -> Array:
    """Slots without observations that begin at a multiple of 64 bytes."""
    size = 4 * math.prod(shape)
    memory = np.empty(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    slots = memory[first : first + size].view(np.uint32).reshape(shape)
    slots[:] = 1 << 31
    return slots


def _levels() -> Array:
    starts = [1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 37, 52, 76, 120, 240]
    return np.searchsorted(starts, np.arange(1024), side="right").astype(np.int64)


@inner
def level_of(model: Model, eighths: int) -> int:
    """Level, 0 to 15, of a magnitude in eighths of a step."""
    return int(model.levels[min(max(eighths, 0), 1023)])


@inner
def signed_level(value: int, most: int) -> int:
    """A number from 0 to 2 · most by a signed one."""
    return int(min(max(value, -most), most) + most)


@compiled(inline="always")
def code_decision(coder: Coder, model: Model, group: int, node: int, bit: int) -> int:
    """Code a decision in `model.contexts`."""
    mixture, slots = model.mixture, model.slots
    for i in range(CONTEXTS):
        mixture.inputs[i] = model.stretch[slots[i, model.contexts[i], node] >> _COUNT + 10]
    row = (group * NODES + node) * 64
    for i in range(SETS):
        mixture.selected[i] = row + model.selectors[i]
    mixture.selected[SETS] = row
    bit = code_predicted_bit(coder, mixed_probability(mixture, SETS, CONTEXTS), bit)
    adapt_mixture(mixture, bit, SETS, CONTEXTS)
    goal = (bit << 22) - (bit << 6)
    for i in range(CONTEXTS):
        slot = np.int64(slots[i, model.contexts[i], node])
        count, p = slot & LIMIT, slot >> _COUNT
        p += (goal - p) * np.int64(model.rate[count]) >> 16
        slots[i, model.contexts[i], node] = p << _COUNT | min(count + np.int64(1), np.int64(LIMIT))
    return bit


@compiled(inline="always")
def code_size(coder: Coder, model: Model, group: int, size: int) -> int:
    """Code a magnitude of at least 1."""
    unary = 1
    while unary <= _MOST_UNARY:
        if code_decision(coder, model, group, _UNARY + unary - 1, int(size > unary)) == 0:
            return unary
        unary += 1
    rest, exponent = size - unary + 1, 0
    while exponent < _MOST_EXPONENT:
        if code_decision(coder, model, group, _EXPONENT + min(exponent, 3), int(rest >> exponent + 1 > 0)) == 0:
            break
        exponent += 1
    value = 1
    for bit in range(exponent - 1, -1, -1):
        one = int(rest >> bit & 1)
        if bit == exponent - 1:
            one = code_decision(coder, model, group, _MANTISSA + min(exponent - 1, 1), one)
        else:
            one = code_bypass(coder, one)
        value = 2 * value + one
    return int(value + unary - 1)
