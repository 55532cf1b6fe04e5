"""Coding of fills: the kind of each area's fill, and its coefficients, in mixed hashed contexts."""

import numpy as np

from qimg.codecs.contour.fills import LARGEST_COEFFICIENT, MOST_PRECISION, MOST_TERMS, TERMS, Areas, Fills
from qimg.codecs.envelope import Reader, varint
from qimg.codecs.errors import BitstreamError
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy import mixing, range_coder
from qimg.entropy.hashed_mixing import HashedModel, code_hashed_bit, hashed, new_model
from qimg.entropy.mixing import Coder

_CONTEXTS = 6
_SLOTS = 1 << 14
_ZERO, _SIGN, _LENGTH = 4, 5, 6  # kinds of decisions after those of the kind of a fill
_BITS = LARGEST_COEFFICIENT.bit_length()
_MANTISSA = _LENGTH + _BITS
_KINDS = _MANTISSA + _BITS
_SELECTORS = 256
_DECISIONS = 4 + 4 * MOST_TERMS * (2 + 2 * _BITS)


@inner
def _class_of(value: int) -> int:
    """Sign and size of a coefficient: 0, or up to 7 on each side."""
    length, rest = 0, abs(value)
    while rest:
        length += 1
        rest >>= 1
    length = min(length, 7)
    return length if value > 0 else 8 + length


@inner
def _code_kind(coder: Coder, model: HashedModel, size: int, share: int, previous: int, actual: int, kinds: int) -> int:
    """Code the kind of a fill by yes-or-no decisions in their order."""
    hashes = model.hashes
    hashes[0] = 1
    hashes[1] = hashed(1, size)
    hashes[2] = hashed(2, previous)
    hashes[3] = hashed(3, size << 8 | previous)
    hashes[4] = hashed(4, share)
    hashes[5] = hashed(5, share << 16 | size << 8 | previous)
    for kind in range(kinds - 1):
        model.mixture.selected[0], model.mixture.selected[1], model.mixture.selected[2], model.mixture.selected[4] = (
            kind,
            4 + min(size, 20),
            kind,
            kind,
        )
        if not code_hashed_bit(coder, model, kind, kind, int(actual > kind)):
            return kind
    return kinds - 1


@inner
def _code_coefficient(coder: Coder, model: HashedModel, selector: int, actual: int) -> int:
    """Code a coefficient: whether it is 0, its sign, the length of its magnitude, and the bits below the highest."""
    for chosen in (0, 1, 2, 4):
        model.mixture.selected[chosen] = selector
    if not code_hashed_bit(coder, model, _ZERO, _ZERO, int(actual != 0)):
        return 0
    negative = code_hashed_bit(coder, model, _SIGN, _SIGN, int(actual < 0))
    size, length = abs(actual), 1
    while length < _BITS and code_hashed_bit(coder, model, _LENGTH + length, _LENGTH + length, int(size >> length > 0)):
        length += 1
    value = 1
    for bit in range(length - 2, -1, -1):
        salt = _MANTISSA << 8 | length << 4 | bit
        value = 2 * value + code_hashed_bit(coder, model, _MANTISSA + bit, salt, int(size >> bit & 1))
    return -value if negative else value


@compiled
def _code_area(
    coder: Coder,
    model: HashedModel,
    box: Array,
    pixels: int,
    kinds: Array,
    coefficients: Array,
    terms: Array,
    area: int,
) -> None:
    """Code the fill of one area; the decoder fills `kinds[area]` and `coefficients[area]`."""
    size = 0
    while pixels >> size > 1:
        size += 1
    share = 8 * pixels // (box[2] * box[3])
    previous = kinds[area - 1] if area else 0
    kind = _code_kind(coder, model, size, share, int(previous), int(kinds[area]), terms.size)
    kinds[area] = kind
    hashes = model.hashes
    for channel in range(coefficients.shape[1]):
        before = 0
        for term in range(terms[kind]):
            place = term << 4 | kind
            other = _class_of(coefficients[area, channel - 1, term]) if channel else 0
            first = _class_of(coefficients[area, 0, term]) if channel else 0
            hashes[0] = hashed(10, place)
            hashes[1] = hashed(11, place << 4 | channel)
            hashes[2] = hashed(12, other << 16 | place << 4 | channel)
            hashes[3] = hashed(13, other << 8 | before)
            hashes[4] = hashed(14, (size << 16) | place << 4 | channel)
            hashes[5] = hashed(15, (other << 8 | first) << 4 | channel)
            selector = 25 + min(term, 6) * 4 + channel
            value = _code_coefficient(coder, model, selector, int(coefficients[area, channel, term]))
            coefficients[area, channel, term] = value
            before = _class_of(value)


def encode_fills(areas: Areas, fills: Fills) -> bytes:
    """Encode the fills of areas."""
    model = new_model(contexts=_CONTEXTS, slots=_SLOTS, kinds=_KINDS, selectors=_SELECTORS)
    encoder, writer = range_coder.Encoder(), mixing.new_writer(_DECISIONS)
    for area, (box, pixels) in enumerate(zip(areas.boxes, areas.pixels, strict=True)):
        writer.position[0] = 0
        _code_area(writer, model, box, pixels, fills.kinds, fills.coefficients, TERMS, area)
        encoder.push(*writer.coded)
    return varint(fills.precision) + range_coder.words_to_bytes(encoder.words())


def decode_fills(payload: bytes, areas: Areas, channels: int) -> Fills:
    """Decode the fills of areas.

    Args:
        payload: from `encode_fills`.
        areas: of the picture of stored colours.
        channels: of a fill.

    Raises:
        BitstreamError: the payload does not hold exactly these fills.
    """
    start = Reader(payload)
    precision = start.varint("the precision of fills")
    if not 1 <= precision <= MOST_PRECISION:
        rule = f"the precision of fills must be in [1, {MOST_PRECISION}], but is {precision}"
        raise BitstreamError(rule)
    words = range_coder.words_of_bytes(payload[start.offset :])
    model = new_model(contexts=_CONTEXTS, slots=_SLOTS, kinds=_KINDS, selectors=_SELECTORS)
    reader, count = mixing.new_reader(words), len(areas.pixels)
    kinds = np.zeros(count, np.int64)
    coefficients = np.zeros((count, channels, MOST_TERMS), np.int64)
    for area, (box, pixels) in enumerate(zip(areas.boxes, areas.pixels, strict=True)):
        _code_area(reader, model, box, pixels, kinds, coefficients, TERMS, area)
        if range_coder.is_broken(reader.state, words):
            raise BitstreamError(f"the fills are damaged: the stream ends or breaks in area {area}")
    if not range_coder.is_complete(reader.state, words):
        raise BitstreamError("the fills are damaged: the stream does not end where they do")
    return Fills(precision=precision, kinds=kinds, coefficients=coefficients)
