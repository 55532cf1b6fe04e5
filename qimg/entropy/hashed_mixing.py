"""Context mixing with hashed contexts: bits whose probability comes from many contexts of any size, in integers.

Each context has a slot in a hash table with two kinds of statistics: a probability that adapts with the number of
occurrences, and the last seven bits, whose meaning is learned in a table that all contexts of a kind share. The logits
of both are mixed by weights that adapt to the coded bits (Mahoney, 2005), in several sets that selectors choose, and a
last stage corrects the mean of the sets' logits by what followed similar ones.
"""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.logistic_mixing import Mixture, adapt_mixture, mixed_probability, new_mixture
from qimg.entropy.mixing import Coder, code_predicted_bit

SETS = 4
"""Weight sets that are mixed."""
MOST_SLOTS = 1 << 18
_HALF = 1 << 21  # probability ½ in units of 2⁻²²
_PROBABILITY = (1 << 22) - 1
_COUNT, _HISTORY, _CHECK = 22, 30, 38  # lowest bits of the other parts of a slot
_KEY = 20  # bits of a hash that give the slot; the rest are the check
_LIMIT = 255
_RATE = 14  # of the weights
_EMPTY = _HALF | 1 << _HISTORY


class HashedModel(NamedTuple):
    """State of the model."""

    slots: Array
    """(contexts, slots) int64: from the lowest bit the probability of a one in units of 2⁻²² (22 bits), occurrences up
    to 255 (8 bits), the last bits behind a leading one (8 bits), and the check of the hash plus one, 0 if empty."""
    meaning: Array
    """(contexts, kinds, 256) int32 probability of a one by the last bits, in units of 2⁻²²."""
    mixture: Mixture
    """Of two logits for each context; `code_hashed_bit` sets the last but one of the selected rows."""
    hashes: Array
    """(contexts,) int64 contexts of the next bit, in [0, 2³²)."""
    places: Array
    """(contexts,) int64 workspace: slots of the contexts."""
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
    weight = (1 << 16) // contexts
    mixture = new_mixture(sets=SETS, selectors=selectors, inputs=2 * contexts, weight=weight, rate=_RATE)
    return HashedModel(
        slots=np.full((contexts, slots), _EMPTY, np.int64),
        meaning=np.tile(_meanings(), (contexts, kinds, 1)),
        mixture=mixture,
        hashes=np.zeros(contexts, np.int64),
        places=np.zeros(contexts, np.int64),
        rate=np.maximum(2 * 65536 // (2 * np.arange(256) + 3), 65536 // _LIMIT).astype(np.int32),
    )


def _meanings() -> Array:
    """(256,) int32 first probability of a one by the last bits: (ones + 2/5) / (bits + 4/5), in units of 2⁻²²."""
    histories = np.maximum(np.arange(256), 1)
    lengths = np.array([int(history).bit_length() - 1 for history in histories])
    ones = np.array([int(history).bit_count() - 1 for history in histories])
    return ((5 * ones + 2) * (1 << 22) // (5 * lengths + 4)).astype(np.int32)


@inner(forceinline=True)
def hashed(value: int, further: int) -> int:
    """The hash of a hash and a number, both in [0, 2³²)."""
    mixed = ((value ^ further) * 0x2C1B3C6D + further + 0x27D4EB2F) & 0xFFFFFFFF
    return int(mixed ^ (mixed >> 15))


@inner
def code_hashed_bit(coder: Coder, model: HashedModel, kind: int, salt: int, bit: int) -> int:
    """Code one bit in the contexts `model.hashes` and the weight sets `mixture.selected`, and update the model.

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
    bit = code_predicted_bit(coder, mixed_probability(model.mixture, SETS, 2 * model.places.size), bit)
    adapt_mixture(model.mixture, bit, SETS, 2 * model.places.size)
    _update(model, kind, bit)
    return bit


@inner(forceinline=True)
def _look_up(model: HashedModel, kind: int, salt: int) -> None:
    """Find the slots of the contexts, or replace the less used one of two, and set the inputs of the mixture."""
    inputs, stretch, places, occupied = model.mixture.inputs, model.mixture.stretch, model.places, 0
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
            inputs[2 * i] = stretch[(slot & _PROBABILITY) >> 6]
            inputs[2 * i + 1] = stretch[model.meaning[i, kind, slot >> _HISTORY & 255] >> 6]
        else:
            inputs[2 * i] = 0
            inputs[2 * i + 1] = 0
    model.mixture.selected[SETS - 1] = kind * (places.size + 1) + occupied


@inner(forceinline=True)
def _update(model: HashedModel, kind: int, bit: int) -> None:
    """Adapt the statistics of the contexts to a bit of a kind."""
    goal = (bit << 22) - (bit << 6)
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
