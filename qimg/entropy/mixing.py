"""The entropy model: adaptive probabilities of contexts, mixed in the logistic domain; integers alone."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.range_coder import decode_bit, start

INPUTS = 6
"""Contexts of every bit."""


class Model(NamedTuple):
    """State of the entropy model."""

    probability: Array
    """(slots,) int32 probability of a one in each context, in units of 2⁻²²."""
    seen: Array
    """(slots,) uint8 how often the context was seen, up to a limit; sets how fast it learns."""
    weights: Array
    """(mixers, INPUTS) int32 weights of the contexts, in units of 2⁻¹⁶."""
    stretch: Array
    """(4096,) int16 256 ln(p / (1 − p)) by the first 12 bits of p."""
    squash: Array
    """(4096,) int32 its inverse, in units of 2⁻¹⁶, by 256 ln(p / (1 − p)) + 2048."""
    rate: Array
    """(256,) int32 share of a new bit by count, in units of 2⁻¹⁶."""
    context: Array
    """(INPUTS,) int64 workspace: contexts of the bit to be coded."""
    inputs: Array
    """(INPUTS,) int64 workspace: their logits."""


class Coder(NamedTuple):
    """Where bits go to or come from."""

    writing: bool
    bits: Array
    """uint8, written by the encoder."""
    probabilities: Array
    """uint16 probability of a one of each, written by the encoder."""
    position: Array
    """(1,) int64 bits written."""
    words: Array
    """uint32 words of the range coder, read by the decoder."""
    state: Array
    """uint64 state of the range decoder."""


def new_writer(room: int) -> Coder:
    """A coder that writes up to `room` bits."""
    return Coder(
        writing=True,
        bits=np.empty(room, np.uint8),
        probabilities=np.empty(room, np.uint16),
        position=np.zeros(1, np.int64),
        words=np.zeros(0, np.uint32),
        state=np.zeros(4, np.uint64),
    )


def new_reader(words: Array) -> Coder:
    """A coder that reads uint32 words."""
    return Coder(
        writing=False,
        bits=np.zeros(1, np.uint8),
        probabilities=np.zeros(1, np.uint16),
        position=np.zeros(1, np.int64),
        words=words,
        state=start(words),
    )


@inner
def set_contexts(model: Model, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    """Choose the six contexts of the next bit."""
    context = model.context
    context[0], context[1], context[2], context[3], context[4], context[5] = a, b, c, d, e, f


@compiled(inline="always")
def _mixed(model: Model, mixer: int) -> int:
    total = 0
    for i in range(INPUTS):
        said = np.int64(model.stretch[model.probability[model.context[i]] >> 10])
        model.inputs[i] = said
        total += model.weights[mixer, i] * said
    total >>= 16
    total = min(max(total, -2047), 2047)
    return int(model.squash[total + 2048])


@compiled
def probability_of_one(model: Model, mixer: int) -> int:
    """Probability, in units of 2⁻¹⁶, that the model gives a one in `model.context`; nothing is learnt."""
    return _mixed(model, mixer)


@compiled
def code_bit(coder: Coder, model: Model, mixer: int, bit: int) -> int:
    """Code one bit in `model.context` and learn from it; returns the bit.

    Args:
        coder: what writes or reads.
        model: the model's state, changed.
        mixer: row of its weights.
        bit: the bit, for a coder that writes; any value else.
    """
    p = _mixed(model, mixer)
    if coder.writing:
        place = coder.position[0]
        coder.bits[place] = bit
        coder.probabilities[place] = p
        coder.position[0] = place + 1
    else:
        bit = decode_bit(coder.state, coder.words, p)
    error = (bit << 16) - p
    for i in range(INPUTS):
        model.weights[mixer, i] += (model.inputs[i] * error * 3 + (1 << 19)) >> 20
        slot = model.context[i]
        seen = model.seen[slot]
        old = np.int64(model.probability[slot])
        model.probability[slot] = old + ((((bit << 22) - (bit << 10) + 512 - old) * model.rate[seen]) >> 16)
        if seen < 255:
            model.seen[slot] = seen + 1
    return bit


@inner
def code_bypass(coder: Coder, bit: int) -> int:
    """Code a bit without a model: one bit of the file."""
    if coder.writing:
        place = coder.position[0]
        coder.bits[place] = bit
        coder.probabilities[place] = 32768
        coder.position[0] = place + 1
        return bit
    return decode_bit(coder.state, coder.words, 32768)


def logistic_tables() -> tuple[Array, Array, Array]:
    """(stretch, squash, rate) as integers, computed in floating point once, when tables are fitted."""
    p = (np.arange(4096) + 0.5) / 4096
    stretch = np.clip(np.round(256 * np.log(p / (1 - p))), -2047, 2047).astype(np.int16)
    squash = np.clip(np.round(65536 / (1 + np.exp(-(np.arange(4096) - 2048) / 256))), 1, 65535).astype(np.int32)
    return stretch, squash, learning_rates(250)


def learning_rates(limit: int) -> Array:
    """(256,) share of a new bit by count: 1/(n + 1.5), no less than 1/limit."""
    return np.maximum(65536 / (np.arange(256) + 1.5), 65536 / limit).astype(np.int32)
