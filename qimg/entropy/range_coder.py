"""Range coding: bits or symbols with their probabilities to 32-bit words and back, in constriction's stream format.

The encoder has all bits and probabilities and makes one pass of constriction's `RangeEncoder` (Bamler, 2022). The
decoder reads one bit at a time inside a Numba loop, since a probability may depend on earlier bits; `decode_bit` is the
integer arithmetic of constriction's `RangeDecoder`, so each reads the other's streams.

A probability is an integer `p1`, 1 ≤ p1 ≤ 65535: the bit 1 has probability p1 / 65536. constriction's probabilities
have units of 2^-24 and are exactly 256 · p1, so the stream depends on integers only and is the same on every platform.

    state = start(words)
    bit = decode_bit(state, words, p1)  # once for each bit
    is_complete(state, words)           # False: the stream is cut short, too long or damaged

A symbol of a larger alphabet is an interval [left, left + width) of the numbers below 2^24, its cumulative probability
in units of 2^-24. The decoder finds the symbol whose interval contains `quantile`, and calls `advance` with it.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qimg.core import arguments
from qimg.core.compiled import compiled

WIDTH = 0
"""Index into the state: size of the current interval; at least 2^32 between calls."""
OFFSET = 1
"""Index into the state: position of the coded number inside the interval, below its size."""
POSITION = 2
"""Index into the state: words consumed, including missing words, which count as zero."""
INVALID = 3
"""Index into the state: 1 after data that no encoder writes or a number out of range, otherwise 0."""

_BATCH = 1 << 16  # bits per call of constriction: bounds the memory for their probabilities to 0.5 MiB
_WORD = np.uint64(32)
_WORD_SIZE = np.uint64(1 << 32)
_ONE = np.uint64(1)
_SHARES = np.uint64(1 << 16)
_PRECISION = np.uint64(24)
_SHARE = np.uint64(24 - 16)

TOTAL = 1 << 24
"""Units of the cumulative probabilities of `encode_intervals`."""
_TOTAL = np.uint64(TOTAL)


def encode_bits(bits: ArrayLike, probabilities: ArrayLike) -> NDArray[np.uint32]:
    """Encode bits as words; `decode_bit` returns the bits for the same probabilities in the same order.

    The length is Σ -log2(probability of the bit), plus a small loss per bit for the rounding of intervals (none if
    every p1 is 32768) and at most two words for the end of the stream. No bits give no words. Cost: O(n).

    Exact: constriction's `Categorical(perfect=False)` turns float weights (w0, w1) into 24-bit probabilities
    (⌊w0·s⌋ + 1, rest) with s = (2^24 - 2) / (w0 + w1). The weights here are the integers
    w0 = 2^24 - 256·p1 - 1 and w1 = 256·p1 - 1. These, their sum 2^24 - 2 and hence s = 1 are exact in single precision,
    so nothing is rounded: the probability of 1 is 256·p1 / 2^24 on any platform with IEEE arithmetic.

    Args:
        bits: (n,) integers or booleans, 0 or 1.
        probabilities: (n,) integers p1 in [1, 65535], the probability of 1 in units of 1/65536.

    Returns:
        (m,) words; the caller chooses the byte order of a file.

    Raises:
        ValueError: the shapes differ, or a value has the wrong type or is out of range.

    >>> encode_bits([1, 0, 1, 1], [32768, 32768, 60000, 9])
    array([3221090472], dtype=uint32)
    """
    encoder = Encoder()
    encoder.push(bits, probabilities)
    return encoder.words()


def encode_intervals(lefts: ArrayLike, widths: ArrayLike) -> NDArray[np.uint32]:
    """Encode symbols as words: intervals of their cumulative probabilities; `quantile` and `advance` decode them.

    The length is Σ log2(2^24 / width), plus the losses of `encode_bits`. Exact for the same reason: the weights
    left − 1, width − 1 and 2^24 − left − width − 1 of three symbols are exact in single precision, as their sums are.

    Args:
        lefts: (n,) integers, the lower ends of the intervals in units of 2^-24, at least 1.
        widths: (n,) integers, at least 1; left + width is at most 2^24 − 1.

    Raises:
        ValueError: the shapes differ, or a value has the wrong type or is out of range.

    >>> words = encode_intervals([1, 1 << 23], [1 << 22, 1 << 20])
    >>> state = start(words)
    >>> 1 <= quantile(state) < 1 + (1 << 22)
    True
    >>> advance(state, words, 1, 1 << 22)
    >>> (1 << 23) <= quantile(state) < (1 << 23) + (1 << 20)
    True
    """
    encoder = Encoder()
    encoder.push_intervals(lefts, widths)
    return encoder.words()


class Encoder:
    """Incremental `encode_bits` and `encode_intervals`: bits and intervals arrive in batches.

    >>> encoder = Encoder()
    >>> encoder.push([1, 0], [32768, 32768])
    >>> encoder.push([1, 1], [60000, 9])
    >>> encoder.words()
    array([3221090472], dtype=uint32)
    """

    def __init__(self) -> None:
        import constriction  # imported late: decoding does not need it, and some platforms (Linux on ARM) have no wheel

        self._family = constriction.stream.model.Categorical(perfect=False)
        self._encoder = constriction.stream.queue.RangeEncoder()

    def push(self, bits: ArrayLike, probabilities: ArrayLike) -> None:
        """Append bits; arguments and errors as for `encode_bits`."""
        symbols = _integers("bits", bits, 0, 1)
        shares = _integers("probabilities", probabilities, 1, 65535)
        arguments.require_shape(shares.shape == symbols.shape, "probabilities", f"{symbols.shape}, as bits", shares)
        for begin in range(0, len(symbols), _BATCH):
            ones = 256 * shares[begin : begin + _BATCH].astype(np.int32)
            weights = np.stack([(1 << 24) - ones - 1, ones - 1], axis=1).astype(np.float32)
            self._encoder.encode(symbols[begin : begin + _BATCH].astype(np.int32), self._family, weights)

    def push_intervals(self, lefts: ArrayLike, widths: ArrayLike) -> None:
        """Append symbols; arguments and errors as for `encode_intervals`."""
        starts = _integers("lefts", lefts, 1, TOTAL - 2)
        sizes = _integers("widths", widths, 1, TOTAL - 2)
        arguments.require_shape(sizes.shape == starts.shape, "widths", f"{starts.shape}, as lefts", sizes)
        for begin in range(0, len(starts), _BATCH):
            left = starts[begin : begin + _BATCH].astype(np.int32)
            width = sizes[begin : begin + _BATCH].astype(np.int32)
            rest = TOTAL - left - width
            least = int(rest.min())
            arguments.require(least >= 1, "widths", f"must leave left + width below {TOTAL}", TOTAL - least)
            weights = np.stack([left - 1, width - 1, rest - 1], axis=1).astype(np.float32)
            self._encoder.encode(np.ones(len(left), np.int32), self._family, weights)

    def words(self) -> NDArray[np.uint32]:
        """The words of all symbols so far, as from `encode_bits`."""
        words: NDArray[np.uint32] = self._encoder.get_compressed()
        return words


def words_to_bytes(words: NDArray[np.uint32]) -> bytes:
    """Words with the highest byte first, without the zero bytes at the end of the last word but its first byte.

    >>> words_to_bytes(np.array([1, 0x02030000], np.uint32)).hex()
    '000000010203'
    """
    content = words.astype(">u4").tobytes()
    last = content[-4:]
    return content[:-4] + last[:1] + last[1:].rstrip(b"\0")


def words_of_bytes(content: bytes) -> NDArray[np.uint32]:
    """The words of `words_to_bytes`: missing bytes of the last word are zero."""
    return np.frombuffer(content + bytes(-len(content) % 4), ">u4").astype(np.uint32)


@compiled(allocates=True)
def start(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The decoder's state before the first bit: four `uint64`, indexed by `WIDTH`, `OFFSET`, `POSITION` and `INVALID`.

    Args:
        words: (m,) `uint32` from `encode_bits`, m ≥ 0; two words are consumed, and missing words count as zero.

    >>> start(np.array([7], np.uint32))
    array([18446744073709551615, 30064771072, 2, 0], dtype=uint64)
    """
    state = np.zeros(4, np.uint64)
    state[WIDTH] = ~np.uint64(0)
    for index in range(2):
        word = np.uint64(words[index]) if index < words.size else np.uint64(0)
        state[OFFSET] = (state[OFFSET] << _WORD) | word
    state[POSITION] = np.uint64(2)
    return state


@compiled
def decode_bit(state: NDArray[np.uint64], words: NDArray[np.uint32], p1: int) -> int:
    """Decode the next bit, 0 or 1, and update `state`. Callable from Python and from a Numba function.

    With scale = ⌊width / 2^24⌋ · 256 the interval is split at scale · (65536 - p1): the bit is 0 below the split and 1
    in the scale · p1 above it. Once the interval is smaller than 2^32, a word is consumed. No division, no loop, and no
    read outside `words`: words past the end count as zero, as in constriction. An offset in the part of the interval
    that is lost to rounding, which constriction refuses as invalid data, sets `state[INVALID]` permanently; later bits
    are meaningless.

    Args:
        state: from `start`, with the same words; modified.
        words: (m,) `uint32`.
        p1: probability of 1 in units of 1/65536, equal to the encoder's; in [1, 65535], which is not checked.

    >>> words = encode_bits([1, 0], [40000, 9])
    >>> state = start(words)
    >>> decode_bit(state, words, 40000), decode_bit(state, words, 9), is_complete(state, words)
    (1, 0, True)
    """
    share = np.uint64(p1)
    width = state[WIDTH]
    offset = state[OFFSET]
    scale = (width >> _PRECISION) << _SHARE
    split = scale * (_SHARES - share)
    bit = 0
    width = split
    if offset >= split:
        bit = 1
        offset -= split
        width = scale * share
        if offset >= width:
            state[INVALID] = _ONE
            offset = np.uint64(0)
    if width < _WORD_SIZE:
        position = state[POSITION]
        word = np.uint64(words[position]) if position < np.uint64(words.size) else np.uint64(0)
        state[POSITION] = position + _ONE
        width <<= _WORD
        offset = (offset << _WORD) | word
    state[WIDTH] = width
    state[OFFSET] = offset
    return bit


@compiled
def quantile(state: NDArray[np.uint64]) -> int:
    """The number in [0, 2^24) whose interval is the next symbol's; `advance` must follow.

    Data that no encoder writes give 2^24 − 1 and set `state[INVALID]` permanently.

    Args:
        state: from `start`; modified only if the data are invalid.
    """
    position = state[OFFSET] // (state[WIDTH] >> _PRECISION)
    if position >= _TOTAL:
        state[INVALID] = _ONE
        position = _TOTAL - _ONE
    return int(position)


@compiled
def advance(state: NDArray[np.uint64], words: NDArray[np.uint32], left: int, width: int) -> None:
    """Remove a symbol from the stream.

    Args:
        state: from `start`, with the same words; modified.
        words: (m,) `uint32`.
        left: lower end of the symbol's interval in units of 2^-24.
        width: its size; the interval should contain the result of `quantile`, otherwise `state[INVALID]` is set.
    """
    scale = state[WIDTH] >> _PRECISION
    size = scale * np.uint64(width)
    begin = scale * np.uint64(left)
    offset = state[OFFSET] - begin
    if state[OFFSET] < begin or offset >= size:
        state[INVALID] = _ONE
        offset = np.uint64(0)
    if size < _WORD_SIZE:
        position = state[POSITION]
        word = np.uint64(words[position]) if position < np.uint64(words.size) else np.uint64(0)
        state[POSITION] = position + _ONE
        size <<= _WORD
        offset = (offset << _WORD) | word
    state[WIDTH] = size
    state[OFFSET] = offset


@compiled
def is_broken(state: NDArray[np.uint64], words: NDArray[np.uint32]) -> bool:
    """Whether a partly read stream cannot come from `encode_bits`: invalid data, or too few words for the bits read.

    A decoder consumes at most one word past the end of a valid stream. The check is cheap enough for every block. A
    damaged stream may pass; `is_complete` after the last bit is stricter, and only a checksum is reliable. A decoder
    that reads a number out of range sets `state[INVALID]` as well.

    Args:
        state: from `start`, after any number of bits.
        words: (m,) `uint32`.

    >>> words = np.zeros(0, np.uint32)
    >>> state = start(words)
    >>> before = is_broken(state, words)
    >>> before, decode_bit(state, words, 32768), is_broken(state, words)
    (False, 0, True)
    """
    if state[INVALID] != np.uint64(0):
        return True
    return state[WIDTH] != ~np.uint64(0) and state[POSITION] > np.uint64(words.size) + _ONE


@compiled
def has_ended(state: NDArray[np.uint64], words: NDArray[np.uint32]) -> bool:
    """Whether a missing word was consumed: in a stream that is cut, the bits read so far may not be the encoder's.

    Args:
        state: from `start`, after any number of bits.
        words: (m,) `uint32`.
    """
    return bool(state[POSITION] > np.uint64(words.size))


@compiled
def is_complete(state: NDArray[np.uint64], words: NDArray[np.uint32]) -> bool:
    """Whether a stream ends here as `encode_bits` ends it; meaningful after the last bit.

    True for every stream of `encode_bits` once all its bits are decoded: all words and at most one missing word are
    consumed, no data were invalid, and the offset is below 2^32, since the encoder ends with the smallest word that
    identifies its interval. False for most streams that are cut short or damaged, but no substitute for a checksum: 1
    in 50 random streams without their last word passes, most of them with the right bits since that word was zero, and
    1 in 25 with a flipped bit. One surplus word, which changes no bit, may pass; more do not.

    Args:
        state: from `start`, after the last bit.
        words: (m,) `uint32`.

    >>> words = encode_bits([0] * 100, [20000] * 100)
    >>> state = start(words)
    >>> decoded = [decode_bit(state, words, 20000) for _ in range(100)]
    >>> is_complete(state, words), is_complete(state, words[:-1])
    (True, False)
    """
    if is_broken(state, words):
        return False
    if state[WIDTH] == ~np.uint64(0):
        return words.size == 0
    if state[POSITION] < np.uint64(words.size):
        return False
    return state[OFFSET] < _WORD_SIZE


def _integers(name: str, value: ArrayLike, low: int, high: int) -> NDArray[Any]:
    """`value` as a vector of integers or booleans, each in [low, high]."""
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(np.int32)  # an empty list is of floats
    arguments.require(array.dtype.kind in "biu", name, "must be integers", array.dtype.name)
    arguments.require_shape(array.ndim == 1, name, "(n,)", array)
    if array.size:
        for extreme in (int(array.min()), int(array.max())):
            arguments.require(low <= extreme <= high, name, f"must be in [{low}, {high}]", extreme)
    return array
