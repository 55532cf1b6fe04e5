"""Coding of the blocks of a component: the decisions of a block, and the contexts of each.

The decisions of a block are the number of its last coefficient that is not zero, a tree of six bits; for each AC
coefficient up to there, from the last one down: is it zero, its sign, and its magnitude; and the difference of the DC
coefficient from its conditional mean in the same way.
"""

import numpy as np

from qimg.codecs.jpeg_recompression.model import (
    AC,
    CONTEXTS,
    DC,
    FIRST_SLOT,
    LAST,
    SIGN,
    ZERO,
    Model,
    code_decision,
    code_size,
    level_of,
    signed_level,
)
from qimg.codecs.jpeg_recompression.prediction import expected, predict_block
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
from qimg.entropy.mixing import Coder
from qimg.entropy.range_coder import INVALID
from qimg.images.jpeg.markers import ZIGZAG


@compiled(inline="always")
def _code_last(coder: Coder, model: Model, around: Surroundings, at: int, last: int) -> int:
    """Code the number of the last coefficient that is not zero."""
    left, above, corner = around.lasts[1, at - 1], around.lasts[0, at], around.lasts[0, at + 1]
    other, chroma = around.other_lasts[0, at], around.other_lasts[1, at]
    mean, c = (left + above + 1) >> 1, model.contexts
    energy = np.int64(0)
    for place in (1, 8, 9, 2, 16):
        energy += abs(around.quantized[CURRENT, at - 1, place]) + abs(around.quantized[CURRENT - 1, at, place])
    level = level_of(model, int(2 * energy))
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
        value = 2 * value + code_decision(coder, model, group, value & 15, int(last >> bit & 1))
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
    sure = level_of(model, abs(mean))
    level = level_of(model, magnitude)
    row, column, quantized = place >> 3, place & 7, around.quantized
    zone = min(number >> 2, 15)
    left, above = quantized[CURRENT, at - 1, place], quantized[CURRENT - 1, at, place]
    inverse, beside = around.inverse[place], PADDED * row + column + 1
    right = _size_class(around.block[beside + 1] * inverse)
    below = _size_class(around.block[beside + PADDED] * inverse)
    cross = min(_size_class(around.block[beside + PADDED + 1] * inverse), 2)
    inner_level = level_of(model, 4 * coded * model.reciprocal[last - number] >> 16) if last > number else 15
    other = signed_level(flip * (around.others[0, at, place] * around.inverse[place] >> 19), 4)
    chroma = signed_level(flip * (around.others[1, at, place] * around.inverse[place] >> 19), 4)
    by_left, by_above = flip * _side_level(model, around, place, 0), flip * _side_level(model, around, place, 1)
    base = FIRST_SLOT[AC]
    c[0] = base + number * 16 + level
    c[1] = base + number * 16 + sure
    c[2] = base + number * 64 + signed_level(flip * left, 3) * 8 + signed_level(flip * above, 3)
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
    if number < last and code_decision(coder, model, AC, ZERO, int(value != 0)) == 0:
        return 0
    negative = code_decision(coder, model, AC, SIGN, int(flip * value < 0))
    size = code_size(coder, model, AC, abs(value))
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
    apart = level_of(model, int(abs(by_left - by_above) * 4 // unit))
    lean = signed_level(int((by_left - by_above) * 2 // unit), 7)
    spread = level_of(model, int(abs(beside - over) * 2 // around.steps[0]))
    fraction = mean & 7
    activity = level_of(model, coded)
    energy = np.int64(0)
    for place in (1, 8, 9):
        energy += abs(around.values[CURRENT, at, place])
    local = level_of(model, int(2 * energy // around.steps[0]))
    other = signed_level(int(first * 2 // around.steps[0]), 7)
    chroma = signed_level(int(second * 2 // around.steps[0]), 7)
    base = FIRST_SLOT[DC]
    c[0] = base + apart * 16 + activity
    c[1] = base + lean * 16 + fraction
    c[2] = base + spread * 16 + apart
    c[3] = base + local * 16 + apart
    c[4] = base + min(last, 63) * 8 + fraction
    c[5] = base + activity * 16 + local
    c[6] = base + other * 15 + chroma
    c[7] = base + level_of(model, 4 * around.steps[0]) * 16 + apart
    c[8] = base + around.lasts[1, at - 1] // 4 * 16 + around.lasts[0, at] // 4
    c[9] = base + lean * 16 + local
    c[10] = base + other * 16 + lean
    c[11] = base + apart * 64 + (available * 8 + fraction)
    model.selectors[0], model.selectors[1], model.selectors[2] = apart, activity, local
    difference = value - center
    if code_decision(coder, model, DC, ZERO, int(difference != 0)) == 0:
        return int(center)
    negative = code_decision(coder, model, DC, SIGN, int(difference < 0))
    size = code_size(coder, model, DC, abs(difference))
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
