"""Coding of the coefficients of a block: binary decisions under mixed adaptive contexts, in integers.

The decisions of a block are the number of its last coefficient that is not zero, a tree of six bits; for each AC
coefficient up to there, from the last one down: is it zero, its sign, and its magnitude in unary, large ones in
exponential Golomb code; and the difference of the DC coefficient from its conditional mean in the same way.
"""

import math
from typing import NamedTuple

import numpy as np

from qimg.codecs.jpeg_recompression.prediction import Prediction, expected, new_prediction, predict_block
from qimg.codecs.jpeg_recompression.surroundings import (
    CURRENT,
    FRACTION,
    MARGIN,
    PADDED,
    Surroundings,
    begin_block,
    end_block,
    set_coefficient,
)
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.logistic_mixing import Mixture, adapt_mixture, mixed_probability, new_mixture
from qimg.entropy.mixing import Coder, code_bypass, code_predicted_bit
from qimg.entropy.range_coder import INVALID
from qimg.images.jpeg.markers import ZIGZAG

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
_ZERO, _SIGN, _UNARY, _EXPONENT, _MANTISSA = 0, 1, 2, 10, 14
_MOST_UNARY = 8
_MOST_EXPONENT = 16
SETS = 3
_LEVELS = 16
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
def _level(model: Model, eighths: int) -> int:
    return int(model.levels[min(max(eighths, 0), 1023)])


@inner
def _signed(value: int, most: int) -> int:
    """A number from 0 to 2 · most by a signed one."""
    return int(min(max(value, -most), most) + most)


@compiled(inline="always")
def _code(coder: Coder, model: Model, group: int, node: int, bit: int) -> int:
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
def _code_size(coder: Coder, model: Model, group: int, size: int) -> int:
    """Code a magnitude of at least 1."""
    unary = 1
    while unary <= _MOST_UNARY:
        if _code(coder, model, group, _UNARY + unary - 1, int(size > unary)) == 0:
            return unary
        unary += 1
    rest, exponent = size - unary + 1, 0
    while exponent < _MOST_EXPONENT:
        if _code(coder, model, group, _EXPONENT + min(exponent, 3), int(rest >> exponent + 1 > 0)) == 0:
            break
        exponent += 1
    value = 1
    for bit in range(exponent - 1, -1, -1):
        one = int(rest >> bit & 1)
        if bit == exponent - 1:
            one = _code(coder, model, group, _MANTISSA + min(exponent - 1, 1), one)
        else:
            one = code_bypass(coder, one)
        value = 2 * value + one
    return int(value + unary - 1)


@compiled(inline="always")
def _code_last(coder: Coder, model: Model, around: Surroundings, at: int, last: int) -> int:
    """Code the number of the last coefficient that is not zero."""
    left, above, corner = around.lasts[1, at - 1], around.lasts[0, at], around.lasts[0, at + 1]
    other, chroma = around.other_lasts[0, at], around.other_lasts[1, at]
    mean, c = (left + above + 1) >> 1, model.contexts
    energy = np.int64(0)
    for place in (1, 8, 9, 2, 16):
        energy += abs(around.quantized[CURRENT, at - 1, place]) + abs(around.quantized[CURRENT - 1, at, place])
    level = _level(model, int(2 * energy))
    c[0] = mean
    c[1] = (left >> 2) * 16 + (above >> 2)
    c[2] = (corner >> 2) * 16 + (mean >> 2)
    c[3] = other
    c[4] = (other >> 2) * 16 + (mean >> 2)
    c[5] = level * 16 + (mean >> 2)
    c[6] = chroma * 4 + (other >> 4)
    c[7] = (around.lasts[0, at - 1] >> 2) * 16 + (around.lasts[1, at - 2] >> 2)
    c[8] = ((left + above + corner + around.lasts[0, at - 1]) >> 2) + 64 * min(level >> 2, 3)
    c[9] = (chroma >> 2) * 256 + (other >> 2) * 16 + (mean >> 2)
    c[10] = min(int(energy), 255)
    c[11] = (left >> 3) * 64 + (above >> 3) * 8 + (corner >> 3)
    model.selectors[0], model.selectors[1], model.selectors[2] = mean, level, other
    value = 1
    for bit in range(5, -1, -1):
        group = LAST + (value >> 4)
        value = 2 * value + _code(coder, model, group, value & 15, int(last >> bit & 1))
        shift = FIRST_SLOT[LAST + (value >> 4)] - FIRST_SLOT[group] if bit > 0 else 0
        for i in range(CONTEXTS):
            c[i] += shift
    return int(value - 64)


@inner
def _side_level(model: Model, around: Surroundings, place: int, side: int) -> int:
    """Mean of a coefficient by the neighbour to the left (0) or above (1) alone, as the signed level of half steps."""
    frequency, line = (place & 7, place >> 3) if side == 0 else (place >> 3, place & 7)
    missing = model.prediction.edges[side, line] - around.known[2 * side, line]
    steps = (missing * around.inverse[place] >> 20) * around.inverse_edges[frequency] >> 10 + FRACTION - 1
    return int(min(max(steps, -4), 4))


@inner
def _size_class(size: int) -> int:
    """Class, 0 to 3, of a magnitude in units of 2⁻²⁰ steps."""
    return int(min(max((size >> 19) + 1 >> 1, 0), 3))


@compiled(inline="always")
def _code_coefficient(
    coder: Coder,
    model: Model,
    around: Surroundings,
    at: int,
    number: int,
    last: int,
    coded: int,
    previous: int,
    available: int,
    value: int,
) -> int:
    """Code an AC coefficient.

    Args:
        coder: writer or reader.
        model: modified.
        around: of the block.
        at: column of the block in the window.
        number: of the coefficient in the order of a file.
        last: number of the last coefficient that is not zero.
        coded: sum of the magnitudes of the coefficients that are coded, up to 2 of each.
        previous: magnitudes of the last two of them, up to 3, in base 4.
        available: case of neighbours.
        value: the coefficient, if `coder` writes.
    """
    place, c = ZIGZAG[number], model.contexts
    mean, magnitude = expected(model.prediction, around, place, available)
    flip = 1 if mean >= 0 else -1
    sure = _level(model, abs(mean))
    level = _level(model, magnitude)
    row, column, quantized = place >> 3, place & 7, around.quantized
    zone = min(number >> 2, 15)
    left, above = quantized[CURRENT, at - 1, place], quantized[CURRENT - 1, at, place]
    inverse, beside = around.inverse[place], PADDED * row + column + 1
    right = _size_class(around.block[beside + 1] * inverse)
    below = _size_class(around.block[beside + PADDED] * inverse)
    cross = min(_size_class(around.block[beside + PADDED + 1] * inverse), 2)
    inner_level = _level(model, 4 * coded * model.reciprocal[last - number] >> 16) if last > number else 15
    other = _signed(flip * (around.others[0, at, place] * around.inverse[place] >> 19), 4)
    chroma = _signed(flip * (around.others[1, at, place] * around.inverse[place] >> 19), 4)
    by_left, by_above = flip * _side_level(model, around, place, 0), flip * _side_level(model, around, place, 1)
    base = FIRST_SLOT[AC]
    c[0] = base + number * 16 + level
    c[1] = base + number * 16 + sure
    c[2] = base + number * 64 + _signed(flip * left, 3) * 8 + _signed(flip * above, 3)
    c[3] = base + number * 48 + right * 12 + below * 3 + cross
    c[4] = base + number * 16 + inner_level
    c[5] = base + number * 32 + min((last - number), 31)
    c[6] = base + (other * 9 + chroma) * 16 + level
    c[7] = base + (previous * 16 + level) * 16 + zone
    c[8] = base + ((by_left + 4) * 9 + by_above + 4) * 16 + zone
    c[9] = base + min(last, 63) * 32 + min(coded, 31)
    c[10] = base + ((min(abs(left), 3) * 4 + min(abs(above), 3)) * 16 + right * 4 + below) * 16 + zone
    c[11] = base + (sure * 16 + inner_level) * 16 + zone
    model.selectors[0], model.selectors[1], model.selectors[2] = number, level * 4 + min(sure >> 2, 3), sure * 4
    model.selectors[2] += min(inner_level >> 2, 3)
    if number < last and _code(coder, model, AC, _ZERO, int(value != 0)) == 0:
        return 0
    negative = _code(coder, model, AC, _SIGN, int(flip * value < 0))
    size = _code_size(coder, model, AC, abs(value))
    return -flip * size if negative else flip * size


@compiled(inline="always")
def _code_dc(
    coder: Coder, model: Model, around: Surroundings, at: int, last: int, coded: int, available: int, value: int
) -> int:
    """Code the DC coefficient as the difference from its conditional mean; arguments as for `_code_coefficient`."""
    mean, _ = expected(model.prediction, around, 0, available)
    c, known, edges = model.contexts, around.known, model.prediction.edges
    unit = around.steps[0] << FRACTION
    center = (mean + (1 << FRACTION - 1)) >> FRACTION
    by_left, by_above = (edges[0, 0] - known[0, 0]) * 1024 // 362, (edges[1, 0] - known[2, 0]) * 1024 // 362
    beside, over = around.values[CURRENT, at - 1, 0], around.values[CURRENT - 1, at, 0]
    first = around.others[0, at, 0] - around.others[0, at - 1, 0]
    second = around.others[1, at, 0] - around.others[1, at - 1, 0]
    apart = _level(model, int(abs(by_left - by_above) * 4 // unit))
    lean = _signed(int((by_left - by_above) * 2 // unit), 7)
    spread = _level(model, int(abs(beside - over) * 2 // around.steps[0]))
    fraction = mean & 7
    activity = _level(model, coded)
    energy = np.int64(0)
    for place in (1, 8, 9):
        energy += abs(around.values[CURRENT, at, place])
    local = _level(model, int(2 * energy // around.steps[0]))
    other = _signed(int(first * 2 // around.steps[0]), 7)
    chroma = _signed(int(second * 2 // around.steps[0]), 7)
    base = FIRST_SLOT[DC]
    c[0] = base + apart * 16 + activity
    c[1] = base + lean * 16 + fraction
    c[2] = base + spread * 16 + apart
    c[3] = base + local * 16 + apart
    c[4] = base + min(last, 63) * 8 + fraction
    c[5] = base + activity * 16 + local
    c[6] = base + other * 15 + chroma
    c[7] = base + _level(model, 4 * around.steps[0]) * 16 + apart
    c[8] = base + around.lasts[1, at - 1] // 4 * 16 + around.lasts[0, at] // 4
    c[9] = base + lean * 16 + local
    c[10] = base + other * 16 + lean
    c[11] = base + apart * 64 + (available * 8 + fraction)
    model.selectors[0], model.selectors[1], model.selectors[2] = apart, activity, local
    difference = value - center
    if _code(coder, model, DC, _ZERO, int(difference != 0)) == 0:
        return int(center)
    negative = _code(coder, model, DC, _SIGN, int(difference < 0))
    size = _code_size(coder, model, DC, abs(difference))
    return int(center - size if negative else center + size)


@inner
def code_block(coder: Coder, model: Model, around: Surroundings, at: int, available: int, block: Array) -> None:
    """Code a block.

    Args:
        coder: writer with room for `DECISIONS` bits, or reader.
        model: modified.
        around: modified.
        at: column of the block in the window.
        available: case of neighbours: 1 with one to the left, and 2 with one above.
        block: (64,) int16 coefficients, which a reader fills.
    """
    begin_block(around)
    last = 0
    if coder.writing:
        last = 63
        while last > 0 and block[ZIGZAG[last]] == 0:
            last -= 1
    last = _code_last(coder, model, around, at, last)
    predict_block(model.prediction, around, at, available)
    coded, previous = 0, 0
    for number in range(last, 0, -1):
        place = ZIGZAG[number]
        value = _code_coefficient(
            coder, model, around, at, number, last, coded, previous, available, int(block[place])
        )  # fmt: skip
        if value != 0:
            block[place] = _stored(coder, value)
            set_coefficient(around, at, place, block[place])
        coded += min(abs(value), 2)
        previous = (previous & 3) << 2 | min(abs(value), 3)
    value = _code_dc(coder, model, around, at, last, coded, available, int(block[0]))
    block[0] = _stored(coder, value)
    set_coefficient(around, at, 0, block[0])
    end_block(around, at, last)


@inner
def _stored(coder: Coder, value: int) -> int:
    """A coefficient in 16 bits; of numbers that need more, the stream is marked as broken."""
    if value < -32768 or value > 32767:
        coder.state[INVALID] = np.uint64(1)
    return min(max(value, -32768), 32767)


@compiled
def code_row(coder: Coder, model: Model, around: Surroundings, row: int, first: int, blocks: Array) -> None:
    """Code a part of a row of blocks.

    Args:
        coder: writer with room for `DECISIONS` bits a block, or reader.
        model: modified.
        around: modified.
        row: of blocks.
        first: column of the part.
        blocks: (columns, 64) int16, which a reader fills.
    """
    for column in range(first, first + len(blocks)):
        available = (1 if column > 0 else 0) + (2 if row > 0 else 0)
        code_block(coder, model, around, column + MARGIN, available, blocks[column - first])
