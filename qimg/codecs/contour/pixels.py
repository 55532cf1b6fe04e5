"""Coding of pixels, one after the other: whether a pixel continues an area at one of its edges, or its colour.

A pixel that equals none of the tested neighbours and predictions has a new colour, whose channels are coded as
differences from a prediction, or an earlier one, whose number is coded. All decisions are bits of one stream. Encoder
and decoder run the same loop.
"""

import numpy as np

from qimg.codecs.contour.differences import code_differences
from qimg.codecs.contour.refinement import look_at_coarse
from qimg.codecs.contour.surroundings import LONG, MARGIN, REACH, SHORT, Surroundings, look_around, remember
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.hashed_mixing import HashedModel, code_hashed_bit
from qimg.entropy.mixing import Coder
from qimg.entropy.range_coder import INVALID

NUMBER_BITS = 12
"""Bits of the number of a colour."""
MOST_COLOURS = 1 << NUMBER_BITS
"""Most colours of a picture whose colours are numbered."""
_CANDIDATES = 8
_NEW = _CANDIDATES
_FIRST_BIT = _NEW + 1
_FIRST_CHANNEL = _FIRST_BIT + NUMBER_BITS
KINDS = _FIRST_CHANNEL + 32
"""Kinds of decisions: candidates, whether a colour is new, bits of a number and of four channels."""
SELECTORS = 1280
"""Rows of the weight sets."""
LAYER_KINDS = KINDS + 1
"""Kinds of decisions in a finer layer: whether a pixel has the colour of the coarser layer, too."""
LAYER_SELECTORS = 2048
"""Rows of the weight sets in a finer layer."""
DECISIONS = 1 + _CANDIDATES + 1 + 32
"""Most decisions of a pixel."""
_SAME, _SAME_SALT = KINDS, 1 << 15
_TREES = 512  # first selector of the bits of colours


@compiled
def code_part(
    coder: Coder,
    model: HashedModel,
    around: Surroundings,
    picture: Array,
    palette: Array,
    count: Array,
    channels: int,
    start: int,
    stop: int,
    coarse: Array,
) -> None:
    """Code a part of a row of a picture.

    Args:
        coder: writer or reader.
        model: state of the contexts, modified.
        around: state of the surroundings, modified.
        picture: (MARGIN + 1, W + 2 MARGIN) int64 colours of the rows above and of the row, which the decoder fills:
            numbers of colours, or with an empty palette the colours.
        palette: (K,) int64 colours by number, which the decoder fills from the second on; or (0,).
        count: (1,) int64 colours of the palette that have occurred, at least one.
        channels: 1 to 4 of 8 bits each; the highest 8 bits of a colour are the first.
        start: first column of the part, from 0.
        stop: column after the part.
        coarse: (2 REACH + 1, W + 2 MARGIN) int64 colours of the coarser layer, of the rows around the row; or (0, 0).
    """
    for column in range(MARGIN + start, MARGIN + stop):
        look_around(around, model, picture, MARGIN, column, coarse)
        same = -1
        if coarse.size:
            look_at_coarse(around, model, picture, coarse, column)
            same = coarse[REACH, column]
        colour = _code_candidates(coder, model, around, picture, palette, column, same)
        if colour < 0:
            colour = _code_colour(coder, model, around, picture, palette, count, column, channels)
        picture[MARGIN, column] = colour
        remember(around, colour)


@inner
def _code_candidates(
    coder: Coder, model: HashedModel, around: Surroundings, picture: Array, palette: Array, column: int, same: int
) -> int:
    """Code which of the neighbours and predictions the pixel equals; returns its colour, or −1 if it equals none.

    In a finer layer the first candidate is the colour of the coarser one, `same`, which is −1 in the first layer.
    """
    row = MARGIN
    actual = picture[row, column]
    left, above = picture[row, column - 1], picture[row - 1, column]
    left_above, right_above = picture[row - 1, column - 1], picture[row - 1, column + 1]
    left2, above2 = picture[row, column - 2], picture[row - 2, column]
    long, short = around.predicted[LONG], around.predicted[SHORT]
    trust_long, trust_short = around.trust[LONG], around.trust[SHORT]
    pattern = (left == above) + 2 * (above == right_above) + 4 * (left == left_above) + 8 * (above == left_above)
    pattern += 16 * (left == left2) + 32 * (above == above2)
    candidates = (left, above, left_above, right_above, long, short, left2, above2)
    tested = 0
    if same >= 0:
        tested = 1
        model.mixture.selected[0] = SELECTORS + pattern + 64 * (same == left) + 128 * (same == above)
        model.mixture.selected[1] = SELECTORS + int(same == long) * 17 + trust_long
        model.mixture.selected[2] = SELECTORS + int(same == short) * 17 + trust_short
        model.mixture.selected[4] = SELECTORS + 16 * min(trust_long, 15) + min(trust_short, 15)
        if code_hashed_bit(coder, model, _SAME, _SAME_SALT, int(actual == same)):
            return int(same)
    for step in range(_CANDIDATES):
        colour = candidates[step]
        earlier = colour < 0 or colour == same
        for other in range(step):
            earlier = earlier or candidates[other] == colour
        if earlier:
            continue
        tested += 1
        if tested == palette.size:
            return int(colour)
        is_long, is_short = int(colour == long), int(colour == short)
        model.mixture.selected[0] = step * 64 + pattern
        model.mixture.selected[1] = (step * 2 + is_long) * 17 + trust_long
        model.mixture.selected[2] = (step * 2 + is_short) * 17 + trust_short
        model.mixture.selected[4] = (
            (step * 4 + is_short + 2 * is_long) * 16 + min(trust_long, 3) * 4 + min(trust_short, 3)
        )
        if code_hashed_bit(coder, model, step, step, int(actual == colour)):
            return int(colour)
    return -1


@inner
def _code_colour(
    coder: Coder,
    model: HashedModel,
    around: Surroundings,
    picture: Array,
    palette: Array,
    count: Array,
    column: int,
    channels: int,
) -> int:
    """Code the colour of a pixel that equals no candidate: the number of an earlier one, or a new one."""
    actual, number = picture[MARGIN, column], count[0]
    if palette.size == 0:
        return int(
            code_differences(coder, model, around, picture, palette, column, actual, channels, _FIRST_CHANNEL, _TREES)
        )
    if number == palette.size:
        return _code_number(coder, model, int(actual), int(number))
    model.mixture.selected[0] = model.mixture.selected[1] = model.mixture.selected[2] = model.mixture.selected[4] = (
        _TREES + NUMBER_BITS
    )
    if not code_hashed_bit(coder, model, _NEW, _NEW, int(actual == number)):
        return _code_number(coder, model, int(actual), int(number))
    new = palette[number]
    palette[number] = code_differences(
        coder, model, around, picture, palette, column, new, channels, _FIRST_CHANNEL, _TREES
    )
    count[0] = number + 1
    return int(number)


@inner
def _code_number(coder: Coder, model: HashedModel, actual: int, count: int) -> int:
    """Code the bits of the number of a colour from the highest; returns the number, below `count`."""
    node = 1
    for bit in range(NUMBER_BITS - 1, -1, -1):
        model.mixture.selected[0] = model.mixture.selected[1] = _TREES + bit
        model.mixture.selected[2] = model.mixture.selected[4] = _TREES + min(node, 511)
        one = code_hashed_bit(coder, model, _FIRST_BIT + bit, _FIRST_BIT + node, int(actual >> bit & 1))
        node = 2 * node + one
    number = node - MOST_COLOURS
    if number >= count:
        coder.state[INVALID] = np.uint64(1)
        return 0
    return int(number)
