"""The entropy model: adaptive context probabilities, mixed in the logistic domain, in integer arithmetic."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.range_coder import INVALID, decode_bit, start

INPUTS = 6
"""Number of contexts of each bit."""


class Model(NamedTuple):
    """State of the entropy model."""

    probability: Array
    """(slots,) int32 probability of a one in each context, in units of 2⁻²²."""
    counts: Array
    """(slots,) uint8 occurrences of each context, up to a limit; they set its learning rate."""
    weights: Array
    """(mixers, INPUTS) int32 weights of the contexts, in units of 2⁻¹⁶."""
    stretch: Array
    """(4096,) int16 256 ln(p / (1 − p)) by the first 12 bits of p."""
    squash: Array
    """(4096,) int32 inverse of `stretch`, in units of 2⁻¹⁶, indexed by 256 ln(p / (1 − p)) + 2048."""
    rate: Array
    """(256,) int32 learning rate by count, in units of 2⁻¹⁶."""
    context: Array
    """(INPUTS,) int64 workspace: contexts of the next bit."""
    inputs: Array
    """(INPUTS,) int64 workspace: logits of these contexts."""


class Coder(NamedTuple):
    """A destination or a source of bits."""

    writing: bool
    bits: Array
    """uint8, written by the encoder; the script of a scripted decoder, replaced by the bits that were read."""
    probabilities: Array
    """uint16 probability of a one for each of these bits."""
    position: Array
    """(1,) int64 number of these bits."""
    words: Array
    """uint32 words of the range coder, read by the decoder."""
    state: Array
    """uint64 state of the range decoder."""
    scripted: bool = False
    """Whether the decoder reads `bits` instead of words."""

    @property
    def coded(self) -> tuple[Array, Array]:
        """Bits written, or read from a script, and their probabilities: arguments of `range_coder.encode_bits`."""
        count = self.position[0]
        return self.bits[:count].copy(), self.probabilities[:count].copy()


def new_writer(capacity: int) -> Coder:
    """A coder that writes up to `capacity` bits."""
    return Coder(
        writing=True,
        bits=np.empty(capacity, np.uint8),
        probabilities=np.empty(capacity, np.uint16),
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


LIKELY, UNLIKELY = 2, 3
"""Entries of a script: the bit that the model predicts, and the other one; 0 and 1 are bits."""


def new_script(script: Array) -> Coder:
    """A coder that reads decisions from a script instead of words, for files that no encoder would write.

    `coded` returns the bits that were read and their probabilities; `range_coder.encode_bits` makes words of them from
    which a decoder reads the same decisions. A decoder that needs more bits is marked as broken.

    Args:
        script: (n,) uint8 of 0, 1, `LIKELY` and `UNLIKELY`; modified.
    """
    nothing = np.zeros(0, np.uint32)
    return Coder(
        writing=False,
        bits=script,
        probabilities=np.zeros(len(script), np.uint16),
        position=np.zeros(1, np.int64),
        words=nothing,
        state=start(nothing),
        scripted=True,
    )


@inner(forceinline=True)
def set_contexts(model: Model, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    """Set the six contexts of the next bit."""
    context = model.context
    context[0], context[1], context[2], context[3], context[4], context[5] = a, b, c, d, e, f


@compiled(inline="always")
def _mixed_probability(model: Model, mixer: int) -> int:
    total = 0
    for i in range(INPUTS):
        logit = np.int64(model.stretch[model.probability[model.context[i]] >> 10])
        model.inputs[i] = logit
        total += model.weights[mixer, i] * logit
    total >>= 16
    total = min(max(total, -2047), 2047)
    return int(model.squash[total + 2048])


@compiled
def probability_of_one(model: Model, mixer: int) -> int:
    """Predicted probability of a one in `model.context`, in units of 2⁻¹⁶; the model is not updated."""
    return _mixed_probability(model, mixer)


@inner(forceinline=True)
def code_predicted_bit(coder: Coder, p: int, bit: int) -> int:
    """Code a bit whose probability of a one is p / 2¹⁶; returns the bit, which a reader is not given."""
    if not coder.writing:
        return _read_bit(coder, p)
    place = coder.position[0]
    coder.bits[place] = bit
    coder.probabilities[place] = p
    coder.position[0] = place + 1
    return bit


@inner
def _read_bit(coder: Coder, p: int) -> int:
    if not coder.scripted:
        return decode_bit(coder.state, coder.words, p)
    place = coder.position[0]
    bit = 1 if p >= 32768 else 0
    if place >= coder.bits.size:
        coder.state[INVALID] = np.uint64(1)
        return bit
    if coder.bits[place] < LIKELY:
        bit = int(coder.bits[place])
    elif coder.bits[place] == UNLIKELY:
        bit = 1 - bit
    coder.bits[place] = bit
    coder.probabilities[place] = p
    coder.position[0] = place + 1
    return bit


@compiled(forceinline=True)
def code_bit(coder: Coder, model: Model, mixer: int, bit: int) -> int:
    """Code one bit in `model.context` and update the model; returns the bit.

    Args:
        coder: writer or reader.
        model: the model's state, modified.
        mixer: row of `model.weights`.
        bit: the bit, if `coder` writes; otherwise ignored.
    """
    p = _mixed_probability(model, mixer)
    bit = code_predicted_bit(coder, p, bit)
    error = (bit << 16) - p
    for i in range(INPUTS):
        model.weights[mixer, i] += (model.inputs[i] * error * 3 + (1 << 19)) >> 20
        slot = model.context[i]
        count = model.counts[slot]
        old = np.int64(model.probability[slot])
        model.probability[slot] = old + ((((bit << 22) - (bit << 10) + 512 - old) * model.rate[count]) >> 16)
        if count < 255:
            model.counts[slot] = count + 1
    return bit


@inner
def code_bypass(coder: Coder, bit: int) -> int:
    """Code a bit at probability ½ without a model; it takes one bit of the file."""
    return code_predicted_bit(coder, 32768, bit)


@compiled(inline="always")
def at_most(coder: Coder, value: int, most: int) -> int:
    """Bound a number that was read: above `most` the stream is marked as broken, and the result is `most`."""
    if value > most:
        coder.state[INVALID] = np.uint64(1)
    return min(value, most)


def logistic_tables() -> tuple[Array, Array, Array]:
    """The integer tables (stretch, squash, rate), computed in floating point when codec tables are fitted."""
    p = (np.arange(4096) + 0.5) / 4096
    stretch = np.clip(np.round(256 * np.log(p / (1 - p))), -2047, 2047).astype(np.int16)
    squash = np.clip(np.round(65536 / (1 + np.exp(-(np.arange(4096) - 2048) / 256))), 1, 65535).astype(np.int32)
    return stretch, squash, learning_rates(250)


def learning_rates(limit: int) -> Array:
    """(256,) learning rate by count n: 1/(n + 1.5), at least 1/limit, in units of 2⁻¹⁶."""
    return np.maximum(65536 / (np.arange(256) + 1.5), 65536 / limit).astype(np.int32)
