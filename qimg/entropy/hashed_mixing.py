"""Context mixing with hashed contexts: bits whose probability comes from many contexts of any size, in integers.

Each context has a slot in a hash table with two kinds of statistics: a probability that adapts with the number of
occurrences, and the last seven bits, whose meaning is learned in a table that all contexts of a kind share. The logits
of both are mixed by weights that adapt to the coded bits (Mahoney, 2005), in several sets that selectors choose, and a
last stage corrects the mean of the sets' logits by what followed similar ones.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.mixing import Coder, code_predicted_bit

SETS = 4
"""Weight sets that are mixed."""
MOST_SLOTS = 1 << 18
_LOGIT = 2815  # 11 nats in units of 1/256
_NODES = 16  # of the correction on each side of zero
_SPACING = 176  # logits between them
_HALF = 1 << 21  # probability ½ in units of 2⁻²²
_PROBABILITY = (1 << 22) - 1
_COUNT, _HISTORY, _CHECK = 22, 30, 38  # lowest bits of the other parts of a slot
_KEY = 20  # bits of a hash that give the slot; the rest are the check
_LIMIT = 255
_EMPTY = _HALF | 1 << _HISTORY


class HashedModel(NamedTuple):
    """State of the model."""

    slots: Array
    """(contexts, slots) int64: from the lowest bit the probability of a one in units of 2⁻²² (22 bits), occurrences up
    to 255 (8 bits), the last bits behind a leading one (8 bits), and the check of the hash plus one, 0 if empty."""
    meaning: Array
    """(contexts, kinds, 256) int32 probability of a one by the last bits, in units of 2⁻²²."""
    weights: Array
    """(SETS, selectors, 2 · contexts) int32 in units of 2⁻¹⁶."""
    correction: Array
    """(selectors, 33) int32 corrected probability, in units of 2⁻²², by the logit in steps of 176/256."""
    hashes: Array
    """(contexts,) int64 contexts of the next bit, in [0, 2³²)."""
    selected: Array
    """(SETS + 1,) int64 row of each weight set, and of `correction`."""
    places: Array
    """(contexts,) int64 workspace: slots of the contexts."""
    inputs: Array
    """(2 · contexts,) int32 workspace: logits of the contexts."""
    logits: Array
    """(SETS,) int64 workspace: logits of the sets."""
    stretch: Array
    """(65536,) int16 256 ln(p / (1 − p)) by 2¹⁶ p."""
    squash: Array
    """(5631,) int32 2¹⁶ p by 256 ln(p / (1 − p)) + 2815."""
    rate: Array
    """(256,) int32 learning rate by count, in units of 2⁻¹⁶."""


def new_model(*, contexts: int, slots: int, kinds: int, selectors: int) -> HashedModel:
    """A model that predicts ½.

    Args:
        contexts: contexts of each bit.
        slots: of each context, a power of two up to `MOST_SLOTS`; a slot takes 8 bytes.
        kinds: kinds of bits, whose histories have meanings of their own.
        selectors: rows of each weight set.
    """
    stretch, squash = logistic_tables()
    nodes = squash[np.clip(_SPACING * np.arange(-_NODES, _NODES + 1) + _LOGIT, 0, 2 * _LOGIT)].astype(np.int32) << 6
    return HashedModel(
        slots=np.full((contexts, slots), _EMPTY, np.int64),
        meaning=np.tile(_meanings(), (contexts, kinds, 1)),
        weights=np.full((SETS, selectors, 2 * contexts), (1 << 16) // contexts, np.int32),
        correction=np.tile(nodes, (selectors, 1)),
        hashes=np.zeros(contexts, np.int64),
        selected=np.zeros(SETS + 1, np.int64),
        places=np.zeros(contexts, np.int64),
        inputs=np.zeros(2 * contexts, np.int32),
        logits=np.zeros(SETS, np.int64),
        stretch=stretch,
        squash=squash,
        rate=np.maximum(2 * 65536 // (2 * np.arange(256) + 3), 65536 // _LIMIT).astype(np.int32),
    )


def _meanings() -> Array:
    """(256,) int32 first probability of a one by the last bits: (ones + 2/5) / (bits + 4/5), in units of 2⁻²²."""
    histories = np.maximum(np.arange(256), 1)
    lengths = np.array([int(history).bit_length() - 1 for history in histories])
    ones = np.array([int(history).bit_count() - 1 for history in histories])
    return ((5 * ones + 2) * (1 << 22) // (5 * lengths + 4)).astype(np.int32)


@cache
def logistic_tables() -> tuple[Array, Array]:
    """The tables (stretch, squash), from correctly rounded decimal arithmetic: the same on every machine."""
    context = Context(prec=40, rounding=ROUND_HALF_EVEN)
    step, power, upper = context.exp(context.divide(Decimal(1), Decimal(256))), Decimal(1), []
    for _ in range(_LOGIT + 1):
        share = context.divide(power, context.add(power, Decimal(1)))
        upper.append(int(context.add(context.multiply(share, Decimal(65536)), Decimal("0.5"))))
        power = context.multiply(power, step)
    above = np.minimum(np.array(upper), 65535)
    squash = np.concatenate([65536 - above[:0:-1], above]).astype(np.int32)
    middles = squash[:-1] + squash[1:]  # twice the middle between neighbours
    stretch = np.searchsorted(middles, 2 * np.arange(65536), side="right") - _LOGIT
    return stretch.astype(np.int16), squash


@inner
def hashed(value: int, further: int) -> int:
    """The hash of a hash and a number, both in [0, 2³²)."""
    mixed = ((value ^ further) * 0x2C1B3C6D + further + 0x27D4EB2F) & 0xFFFFFFFF
    return int(mixed ^ (mixed >> 15))


@inner
def code_hashed_bit(coder: Coder, model: HashedModel, kind: int, salt: int, bit: int) -> int:
    """Code one bit in the contexts `model.hashes` and the weight sets `model.selected`, and update the model.

    Args:
        coder: writer or reader.
        model: the model's state, modified.
        kind: of the bit; each kind has its own meanings of histories.
        salt: a number in [0, 2³²) that is part of every context.
        bit: the bit, if `coder` writes; otherwise ignored.

    Returns:
        The bit.
    """
    _look_up(model, kind, salt)
    mean = _mixed_logit(model)
    table = model.selected[SETS]
    node = (mean + _NODES * _SPACING) // _SPACING
    share = mean + _NODES * _SPACING - _SPACING * node
    below, above = np.int64(model.correction[table, node]), np.int64(model.correction[table, node + 1])
    corrected = (below * (_SPACING - share) + above * share) // _SPACING >> 6
    p = min(max(int(model.squash[mean + _LOGIT] + corrected) >> 1, 1), 65535)
    bit = code_predicted_bit(coder, p, bit)
    goal = (bit << 22) - (bit << 6)
    nearer = node + (share > _SPACING // 2)
    model.correction[table, nearer] += (goal - np.int64(model.correction[table, nearer])) >> 6
    _update(model, kind, bit, goal)
    return bit


@inner
def _look_up(model: HashedModel, kind: int, salt: int) -> None:
    """Find the slots of the contexts, or replace the less used one of two, and set the inputs of the mixture."""
    inputs, places, occupied = model.inputs, model.places, 0
    mask = model.slots.shape[1] - 1
    for i in range(places.size):
        key = hashed(model.hashes[i], salt)
        check = (key >> _KEY) + 1
        place = key & mask
        slot = model.slots[i, place]
        if slot >> _CHECK != check:
            other = model.slots[i, place ^ 1]
            if other >> _CHECK == check:
                place, slot = place ^ 1, other
            else:
                if other >> _COUNT & 255 < slot >> _COUNT & 255:
                    place = place ^ 1
                slot = _EMPTY | check << _CHECK
                model.slots[i, place] = slot
        places[i] = place
        if slot >> _COUNT & 255:
            occupied += 1
            inputs[2 * i] = model.stretch[(slot & _PROBABILITY) >> 6]
            inputs[2 * i + 1] = model.stretch[model.meaning[i, kind, slot >> _HISTORY & 255] >> 6]
        else:
            inputs[2 * i] = 0
            inputs[2 * i + 1] = 0
    model.selected[SETS - 1] = kind * (places.size + 1) + occupied


@inner
def _mixed_logit(model: HashedModel) -> int:
    """The mean logit of the weight sets, which are stored for their update."""
    mean = 0
    for s in range(SETS):
        row = model.selected[s]
        total = np.int64(0)
        for i in range(model.inputs.size):
            total += np.int64(model.weights[s, row, i]) * np.int64(model.inputs[i])
        model.logits[s] = min(max(total >> 16, -_LOGIT), _LOGIT)
        mean += int(model.logits[s])
    return mean // SETS


@inner
def _update(model: HashedModel, kind: int, bit: int, goal: int) -> None:
    """Adapt the weights and the statistics of the contexts to a bit.

    Args:
        model: the model's state, modified.
        kind: of the bit.
        bit: the bit.
        goal: its probability, 0 or nearly 1, in units of 2⁻²².
    """
    for s in range(SETS):
        row = model.selected[s]
        error = ((bit << 16) - np.int64(model.squash[model.logits[s] + _LOGIT])) * 14
        for i in range(model.inputs.size):
            model.weights[s, row, i] += (np.int64(model.inputs[i]) * error + (1 << 19)) >> 20
    for i in range(model.places.size):
        slot = model.slots[i, model.places[i]]
        count, history, p = slot >> _COUNT & 255, slot >> _HISTORY & 255, slot & _PROBABILITY
        if count:
            meaning = np.int64(model.meaning[i, kind, history])
            model.meaning[i, kind, history] = meaning + ((goal - meaning) >> 5)
        p += ((goal - p) * model.rate[count]) >> 16
        history = history << 1 | bit
        if history > 255:
            history = history & 127 | 128
        count = min(count + 1, _LIMIT)
        model.slots[i, model.places[i]] = p | count << _COUNT | history << _HISTORY | slot >> _CHECK << _CHECK
