"""The range coder: constriction's own decoder, exact integers, carries, ends of streams, and what it costs."""

import constriction
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from qimg.core import Array
from qimg.entropy import range_coder
from qimg.entropy.range_coder import decode_bit, encode_bits, has_ended, is_broken, is_complete, start

ALL = np.arange(1, 65536, dtype=np.uint16)
SHARES = st.one_of(st.integers(1, 65535), st.sampled_from([1, 2, 32767, 32768, 32769, 65534, 65535]))


@njit(cache=True)
def decode(words: NDArray[np.uint32], shares: Array) -> tuple[Array, Array]:
    """All bits, and the decoder's state after them."""
    bits = np.empty(shares.size, np.uint8)
    state = start(words)
    for index in range(shares.size):
        bits[index] = decode_bit(state, words, shares[index])
    return bits, state


def weights(shares: Array) -> Array:
    """constriction's parameters, apart from the code under test and in double precision: integers of sum 2^24 - 2."""
    return np.array([[2**24 - 256 * int(p1) - 1, 256 * int(p1) - 1] for p1 in shares], np.float64).reshape(-1, 2)


def decode_peer(words: NDArray[np.uint32], shares: Array) -> Array:
    """What constriction's own decoder reads."""
    family = constriction.stream.model.Categorical(perfect=False)
    return np.asarray(constriction.stream.queue.RangeDecoder(words).decode(family, weights(shares)))


def draw(rng: np.random.Generator, shares: Array) -> Array:
    """Bits drawn with their probabilities."""
    return (rng.integers(0, 65536, shares.size) < shares).astype(np.uint8)


def random_stream(rng: np.random.Generator, count: int) -> tuple[Array, Array, NDArray[np.uint32]]:
    """Bits, probabilities of all sizes, most near 0 or 1, and the words."""
    shares = (1 + rng.beta(0.3, 0.3, count) * 65534).astype(np.uint16)
    bits = draw(rng, shares)
    return bits, shares, encode_bits(bits, shares)


def check_round_trip(bits: Array, shares: Array) -> NDArray[np.uint32]:
    """Both decoders return the bits, and the stream ends as it should; returns the words."""
    words = encode_bits(bits, shares)
    decoded, state = decode(words, shares)
    assert_array_equal(decoded, bits)
    assert_array_equal(decode_peer(words, shares), bits)
    assert is_complete(state, words)
    assert not is_broken(state, words)
    return words


@given(stream=st.lists(st.tuples(st.integers(0, 1), SHARES), max_size=300))
def test_any_bits_with_any_probabilities_come_back(stream: list[tuple[int, int]]) -> None:
    bits = np.array([bit for bit, _ in stream], np.uint8)
    check_round_trip(bits, np.array([p1 for _, p1 in stream], np.uint16))


def test_every_probability_reaches_constriction_as_exactly_256_times_itself() -> None:
    # One bit from a fresh encoder: its interval is (2^40 - 1) · (24-bit probability), before any renormalisation.
    family = constriction.stream.model.Categorical(perfect=False)
    unit = (2**64 - 1) >> 24
    for p1, row in zip(ALL.tolist(), weights(ALL).astype(np.float32)[:, None, :], strict=True):
        for bit, low, share in ((0, 0, 2**24 - 256 * p1), (1, 2**24 - 256 * p1, 256 * p1)):
            encoder = constriction.stream.queue.RangeEncoder()
            encoder.encode(np.array([bit], np.int32), family, row)
            assert encoder.pos() == (0, (unit * low, unit * share))


@pytest.mark.parametrize("bit", [0, 1])
def test_every_probability_comes_back_for_both_bits(bit: int) -> None:
    check_round_trip(np.full(ALL.size, bit, np.uint8), ALL)


@pytest.mark.parametrize("p1", [1, 65535])
@pytest.mark.parametrize("bit", [0, 1])
def test_extreme_probabilities_for_likely_and_unlikely_bits(bit: int, p1: int) -> None:
    words = check_round_trip(np.full(5000, bit, np.uint8), np.full(5000, p1, np.uint16))
    likely = bit == (p1 > 32768)
    # 5000 likely bits hold 0.11 bits, 5000 unlikely ones 16 bits each; at most two words more for the end.
    assert 0 <= len(words) - (0 if likely else 2500) <= 2


def test_no_bits_are_no_words_and_one_bit_is_one() -> None:
    assert len(check_round_trip(np.zeros(0, np.uint8), np.zeros(0, np.uint16))) == 0
    for p1 in (1, 32768, 65535):
        for bit in (0, 1):
            assert len(check_round_trip(np.array([bit], np.uint8), np.array([p1], np.uint16))) == 1


@pytest.mark.parametrize("last", [0, 1])
def test_a_carry_runs_through_every_word_held_back(last: int) -> None:
    # Bits that keep 1/2 inside the interval leave open whether the stream begins 7fffffff ffffffff … or 80000000 0 …;
    # the last bit, likely to lie on either side, decides after about 100 words.
    rng = np.random.default_rng(3)
    shares = rng.integers(20000, 45000, 4000).astype(np.uint16)
    half = np.array([1 << 31], np.uint32)
    bits, state = decode(half, shares)
    assert 0 < state[range_coder.OFFSET] < state[range_coder.WIDTH]
    words = check_round_trip(np.append(bits, np.uint8(last)), np.append(shares, np.uint16(32768)))
    assert len(words) > 100
    assert set(words[:100].tolist()) in ({0x7FFFFFFF, 0xFFFFFFFF}, {0x80000000, 0})
    assert words[0] == (0x80000000 if last else 0x7FFFFFFF)


def test_golden_stream() -> None:
    # From constriction 0.5.0; a change here makes every stored stream unreadable.
    index = np.arange(160)
    shares = (1 + index * index * 40503 % 65535).astype(np.uint16)
    bits = (index * 7919 % 131 % 2).astype(np.uint8)
    words = encode_bits(bits, shares)
    golden = [0x7F5327EE, 0xDDCBD1D9, 0xEA186E61, 0xC44B44EA, 0xEA86844C, 0xEA7B86D9, 0xFDDF664A, 0xA389E230]
    assert_array_equal(words, golden)
    assert_array_equal(decode(np.array(golden, np.uint32), shares)[0], bits)


def test_more_bits_than_a_batch_are_one_stream() -> None:
    rng = np.random.default_rng(5)
    shares = rng.integers(1, 65536, 3 * range_coder._BATCH + 7).astype(np.uint16)
    bits = draw(rng, shares)
    family = constriction.stream.model.Categorical(perfect=False)
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(bits.astype(np.int32), family, weights(shares))
    assert_array_equal(encode_bits(bits, shares), encoder.get_compressed())


@pytest.mark.parametrize("shape", ["uniform", "near 0 or 1"])
def test_overhead_over_the_ideal_code_length(shape: str) -> None:
    rng = np.random.default_rng(7)
    count = 200_000
    share = rng.uniform(size=count) if shape == "uniform" else rng.beta(0.3, 0.3, count)
    shares = (1 + share * 65534).astype(np.uint16)
    bits = draw(rng, shares)
    probability = np.where(bits == 1, shares, 65536.0 - shares) / 65536
    ideal = -np.log2(probability).sum() / 8
    size = 4 * len(encode_bits(bits, shares))
    # The interval, log-uniform in [2^32, 2^64), loses on average 2^23 of its size to rounding, 2^-8 of 2^32:
    # 2^-9 / (32 ln² 2) = 1.27e-4 bits per bit, whatever the entropy; a little more where widths repeat.
    assert size - ideal <= 1.6e-4 * count / 8 + 8
    assert size - ideal >= 0
    if shape == "uniform":  # 0.72 bits per bit
        assert size <= ideal * 1.0002 + 8


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_cut_anywhere_decodes_as_constriction_decodes_it(seed: int) -> None:
    bits, shares, words = random_stream(np.random.default_rng(seed), 400)
    for kept in range(len(words)):
        cut = words[:kept].copy()
        decoded, state = decode(cut, shares)
        assert_array_equal(decoded, decode_peer(cut, shares))  # missing words are zeros in both
        assert not is_complete(state, cut)  # for these seeds; how often in general is tested below
        # Bits that the kept words alone decide, less the two words that the decoder is ahead, come back.
        prefix = 32 * max(kept - 2, 0) * 0.99
        spent = np.cumsum(-np.log2(np.where(bits == 1, shares, 65536.0 - shares) / 65536))
        safe = int(np.searchsorted(spent, prefix))
        assert_array_equal(decoded[:safe], bits[:safe])


def test_ends_are_recognised_as_often_as_documented() -> None:
    rng = np.random.default_rng(11)
    trials = 1500
    passed = dict.fromkeys(["last word lost", "bit flipped"], 0)
    wrong = 0
    for _ in range(trials):
        bits, shares, words = random_stream(rng, int(rng.integers(200, 1000)))
        cut = words[:-1].copy()
        decoded, state = decode(cut, shares)
        passed["last word lost"] += is_complete(state, cut)
        wrong += bool(is_complete(state, cut) and (decoded != bits).any())
        for shorter in (words[:-2].copy(), words[: len(words) // 2].copy()):
            assert not is_complete(decode(shorter, shares)[1], shorter)
        flipped = words.copy()
        flipped[rng.integers(len(words))] ^= np.uint32(1 << int(rng.integers(32)))
        passed["bit flipped"] += is_complete(decode(flipped, shares)[1], flipped)
        longer = np.append(words, rng.integers(0, 2**32, 2, dtype=np.uint32))
        assert not is_complete(decode(longer, shares)[1], longer)
        one = longer[:-1].copy()
        assert_array_equal(decode(one, shares)[0], bits)
    # 1 in 50 and 1 in 25 ± three standard errors of a binomial, rounded outwards.
    assert abs(passed["last word lost"] / trials - 1 / 50) < 0.012
    assert abs(passed["bit flipped"] / trials - 1 / 25) < 0.016
    assert wrong < passed["last word lost"] / 2


@given(
    words=st.lists(st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 2**32 - 1])), max_size=8),
    shares=st.lists(SHARES, min_size=1, max_size=300),
)
def test_arbitrary_words_decode_as_constriction_decodes_them_up_to_where_it_refuses(
    words: list[int], shares: list[int]
) -> None:
    data, probabilities = np.array(words, np.uint32), np.array(shares, np.uint16)
    state = start(data)
    peer = constriction.stream.queue.RangeDecoder(data)
    family = constriction.stream.model.Categorical(perfect=False)
    for p1, row in zip(probabilities, weights(probabilities), strict=True):
        bit = decode_bit(state, data, p1)
        try:
            expected = peer.decode(family, row[None])[0]
        except AssertionError:
            assert state[range_coder.INVALID] == 1
            break
        assert (bit, state[range_coder.INVALID]) == (expected, 0)
    bits, final = decode(data, probabilities)
    assert set(bits.tolist()) <= {0, 1}
    assert final[range_coder.OFFSET] < final[range_coder.WIDTH]
    assert final[range_coder.WIDTH] >= 2**32
    assert final[range_coder.INVALID] == 0 or (is_broken(final, data) and not is_complete(final, data))


def test_data_that_constriction_refuses_is_invalid() -> None:
    words = np.full(3, 2**32 - 1, np.uint32)
    with pytest.raises(AssertionError, match="invalid"):
        decode_peer(words, np.array([32768], np.uint16))
    state = decode(words, np.array([32768], np.uint16))[1]
    assert state[range_coder.INVALID] == 1
    assert is_broken(state, words)
    assert not is_complete(state, words)
    later = decode(words, np.full(1000, 32768, np.uint16))[1]
    assert later[range_coder.INVALID] == 1


def test_the_first_refused_word_is_the_one_that_constriction_refuses() -> None:
    share = np.array([32768], np.uint16)
    for low, invalid in ((2**32 - 2**24 - 1, 0), (2**32 - 2**24, 1)):
        words = np.array([2**32 - 1, low], np.uint32)
        assert decode(words, share)[1][range_coder.INVALID] == invalid
        if invalid:
            with pytest.raises(AssertionError, match="invalid"):
                decode_peer(words, share)
        else:
            assert_array_equal(decode_peer(words, share), [1])


def test_the_smallest_interval_is_kept_without_a_new_word() -> None:
    words = np.array([0, 0x12345678, 0x9ABCDEF0, 0x0FEDCBA9], np.uint32)
    state = start(words)
    state[range_coder.WIDTH] = 2**33
    peer = constriction.stream.queue.RangeDecoder(words)
    peer.seek(0, (0, 2**33))
    shares = np.full(80, 32768, np.uint16)
    expected = peer.decode(constriction.stream.model.Categorical(perfect=False), weights(shares))
    first = decode_bit(state, words, 32768)
    assert state[range_coder.WIDTH] == 2**32
    assert state[range_coder.POSITION] == 2
    assert_array_equal([first, *(decode_bit(state, words, p1) for p1 in shares[1:])], expected)


def test_a_stream_with_words_is_not_complete_before_its_first_bit() -> None:
    words = encode_bits([1], [5])
    assert not is_complete(start(words), words)
    assert not is_broken(start(words), words)


def test_a_number_out_of_range_breaks_a_stream_before_and_after_its_first_bit() -> None:
    words = encode_bits([1, 0], [40000, 9])
    for bits in range(3):
        state = start(words)
        for p1 in (40000, 9)[:bits]:
            decode_bit(state, words, p1)
        state[range_coder.INVALID] = 1
        assert is_broken(state, words)
        assert not is_complete(state, words)


def test_the_end_of_a_cut_stream_is_the_first_missing_word() -> None:
    _, shares, words = random_stream(np.random.default_rng(4), 3000)
    state = start(words)
    for p1 in shares:
        decode_bit(state, words[:3], int(p1))
        if has_ended(state, words[:3]):
            break
    assert state[range_coder.POSITION] == 4
    assert not is_broken(state, words[:3])


def test_words_consumed_are_counted() -> None:
    bits, shares, words = random_stream(np.random.default_rng(13), 3000)
    state = start(words)
    read = [int(state[range_coder.POSITION])]
    for p1 in shares:
        decode_bit(state, words, p1)
        read.append(int(state[range_coder.POSITION]))
    assert read[0] == 2
    assert set(np.diff(read).tolist()) == {0, 1}
    assert 0 <= read[-1] - len(words) <= 1
    # The interval is never smaller than 2^32 nor the decoder more than two words ahead of the bits' information.
    spent = np.cumsum(-np.log2(np.where(bits == 1, shares, 65536.0 - shares) / 65536))
    assert np.all(np.abs(np.array(read[1:]) - 2 - spent / 32) <= 1.001)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_probabilities_of_any_integer_type_decode_alike(dtype: type[np.integer]) -> None:
    shares = np.array([3, 200, 255, 17, 128] * 40)
    bits = draw(np.random.default_rng(17), shares * 200)
    words = encode_bits(bits.astype(bool), shares.astype(dtype))
    assert_array_equal(decode(words, shares.astype(dtype))[0], bits)
    words.setflags(write=False)
    assert_array_equal(decode(words, shares.astype(dtype))[0], bits)


@pytest.mark.parametrize(
    ("bits", "probabilities", "message"),
    [
        ([0, 2], [5, 5], r"bits must be in \[0, 1\], but bits=2"),
        ([0, -1], [5, 5], r"bits must be in \[0, 1\], but bits=-1"),
        ([0, 1], [5, 0], r"probabilities must be in \[1, 65535\], but probabilities=0"),
        ([0, 1], [5, 65536], r"probabilities must be in \[1, 65535\], but probabilities=65536"),
        ([0, 1], [0.5, 0.5], "probabilities must be integers, but probabilities='float64'"),
        ([0.0, 1.0], [5, 5], "bits must be integers, but bits='float64'"),
        ([0, 1], [5], r"probabilities must have shape \(2,\), as bits, but has shape \(1,\)"),
        ([[0, 1]], [5, 5], r"bits must have shape \(n,\), but has shape \(1, 2\)"),
    ],
)
def test_bad_arguments_are_named(bits: list[int], probabilities: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_bits(bits, probabilities)
