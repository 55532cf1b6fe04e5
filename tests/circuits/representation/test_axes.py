"""Volumes and videos: each axis is one more register, in all functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

import circuits
from circuits.representation.positions import MAX_POSITION_QUBITS, axis_qubits, positions, states_of_picture
from circuits.representation.registry import BUILT_IN, REPRESENTATIONS
from qimg.patches import order_bits


def video(name: str, *sides: int, seed: int = 0) -> np.ndarray:
    one = REPRESENTATIONS[name]
    shape = (*sides, *((one.channels[0],) if one.in_colour else ()))
    return np.random.default_rng(seed).integers(1, 256, shape, np.uint8)


def encoded(image: np.ndarray, name: str, order: str = "row_major", axes: int = 3) -> circuits.EncodedImage:
    return circuits.encode_image(image, name, order=order, axes=axes, kept=64 if name == "dct" else None)


@pytest.mark.parametrize("order", ["row_major", "morton"])
@pytest.mark.parametrize("sides", [(4, 4, 4), (3, 2, 5), (1, 3, 2), (5, 1, 1)])
@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "dct"])
def test_the_circuit_is_the_state_and_the_state_is_the_video(name, sides, order):
    image = video(name, *sides)
    record = encoded(image, name, order)
    assert record.shape == image.shape
    assert record.axes == 3
    state = circuits.image_state(record)
    if record.n_qubits <= (6 if name == "amplitude" else 12):  # larger ones take seconds
        # Hundreds of gates of rounding 1e-16 each.
        np.testing.assert_allclose(Statevector(circuits.image_circuit(record)).data, state, atol=1e-11)
    for decoded in (circuits.decode_state(record, state), circuits.decode_counts(record, state**2)):
        assert decoded.dtype == image.dtype
        np.testing.assert_array_equal(decoded, image)
    low, high = circuits.decode_intervals(record, np.rint(state**2 * 1e15))
    # Probabilities of 1e15 shots are known to 1e-7, and angles at their ends to the root of this.
    assert ((low <= image + 0.1) & (image - 0.1 <= high)).all()


def test_the_dct_of_a_video_is_that_of_its_frames():
    image = video("dct", 3, 8, 16)
    record = encoded(image, "dct")
    state = circuits.image_state(record)
    np.testing.assert_allclose(Statevector(circuits.image_circuit(record)).data, state, atol=1e-11)
    np.testing.assert_array_equal(circuits.decode_state(record, state), image)
    few = circuits.encode_image(image.astype(float), "dct", kept=16, axes=3)
    decoded = circuits.decode_state(few, circuits.image_state(few))
    for frame, wanted in zip(decoded, image, strict=True):
        alone = circuits.encode_image(wanted.astype(float), "dct", kept=16)
        np.testing.assert_allclose(frame, circuits.decode_state(alone, circuits.image_state(alone)), atol=1e-9)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_video_of_one_frame_is_a_picture(name):
    image = video(name, 1, 8, 8)
    record, alone = encoded(image, name), encoded(image[0], name, axes=2)
    np.testing.assert_array_equal(circuits.image_state(record), circuits.image_state(alone))
    assert record.table.tobytes() == alone.table.tobytes()


@pytest.mark.parametrize("name", ["frqi", "neqr", "amplitude"])
def test_time_is_the_highest_register(name):
    image = video(name, 4, 2, 2)
    record = encoded(image, name)
    assert record.position_qubits == 4
    table = circuits.image_state(record).reshape(-1, 4, 4)
    for number, frame in enumerate(image):
        own = circuits.image_state(encoded(frame, name, axes=2)).reshape(-1, 4)
        # Each frame is its own state, weighted by its energy where pixels are amplitudes, and equally otherwise.
        np.testing.assert_allclose(table[:, number] / np.linalg.norm(table[:, number]), own, atol=1e-12)


def test_rows_and_columns_are_padded_to_a_square_and_time_by_itself():
    sizes = {name: encoded(video(name, 3, 2, 7), name).position_qubits for name in ("frqi", "ineqr", "mcrqi")}
    assert sizes == {"frqi": 2 + 3 + 3, "ineqr": 2 + 1 + 3, "mcrqi": 2 + 3 + 3 + 2}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.sampled_from(["row_major", "morton"]))
@settings(max_examples=60, deadline=None)
def test_orders_are_permutations_of_the_bits_of_all_axes(bits, order):
    listed = order_bits(order, *bits)
    assert sorted(listed) == list(range(sum(bits)))
    # Bits of an axis keep their order.
    first = 0
    for count in bits[::-1]:
        own = [bit for bit in listed if first <= bit < first + count]
        assert own == sorted(own)
        first += count


def test_morton_order_of_a_cube_takes_the_bits_in_turn():
    states = positions(4, 4, 4, order="morton", square=True).states
    depth, row, column = np.indices((4, 4, 4))
    wanted = sum(
        (axis >> bit & 1) << 3 * bit + place for place, axis in enumerate((column, row, depth)) for bit in (0, 1)
    )
    np.testing.assert_array_equal(states, wanted)
    blocks = positions(2, 8, 16, order="blocks", square=False).states
    frame = positions(8, 16, order="blocks", square=False).states
    np.testing.assert_array_equal(blocks, [frame, frame + 128])


@pytest.mark.parametrize("name", ["frqi", "amplitude"])
def test_four_axes(name):
    image = video(name, 2, 3, 2, 2)
    record = encoded(image, name, axes=4)
    assert record.position_qubits == 1 + 2 + 1 + 1
    np.testing.assert_array_equal(circuits.decode_state(record, circuits.image_state(record)), image)


def test_intervals_of_a_video_cover_and_padding_is_left_out():
    image = video("frqi", 3, 2, 2)
    record = encoded(image, "frqi")
    weights, held = circuits.image_state(record) ** 2, []
    for counts in np.random.default_rng(0).multinomial(2000, weights / weights.sum(), size=60):
        low, high = circuits.decode_intervals(record, counts)
        assert low.shape == image.shape
        held.append((low <= image) & (image <= high))
    # Three standard errors of nearly independent pixels.
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / np.size(held))
    one_frame = np.unique(states_of_picture(REPRESENTATIONS["frqi"], record))
    np.testing.assert_array_equal(one_frame, np.arange(12))


def test_a_compressed_video_is_its_circuit():
    record = encoded(video("frqi", 2, 4, 4), "frqi")
    small = circuits.compress_image(record, 0.25)
    assert np.count_nonzero(small.table) == 8
    np.testing.assert_allclose(Statevector(circuits.image_circuit(small)).data, circuits.image_state(small), atol=1e-12)
    assert circuits.decode_state(small, circuits.image_state(small)).shape == (2, 4, 4)


GRAY = np.ones((2, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.encode_image(GRAY, "frqi"), r"shape \(H, W\) for frqi, or axes=3, but has shape \(2, 4, 4\)"),
        (lambda: circuits.encode_image(GRAY, "frqi", axes=1), "axes must be an integer of at least 2, but axes=1"),
        (
            lambda: circuits.encode_image(GRAY, "frqi", axes=4),
            r"shape \(D1, D2, H, W\) for frqi with axes=4, or axes=3, but has shape \(2, 4, 4\)",
        ),
        (
            lambda: circuits.encode_image(GRAY, "mcrqi", axes=3),
            r"shape \(D, H, W, 3\) or \(D, H, W, 4\) for mcrqi with axes=3, or axes=2, but has shape",
        ),
        (lambda: circuits.encode_image(GRAY, "dct", axes=3, kept=4), "must be padded to 8×8 pixels at least"),
        (
            lambda: positions(1000, 1024, 1024, order="row_major", square=True),
            "must need at most 26 qubits of positions, as 256×512×512 does, "
            "but image='1000×1024×1024 pixels with 30 qubits'",
        ),
        (lambda: order_bits("blocks", 5), "order must be row_major or morton for one axis"),
        (
            lambda: circuits.image_state(encoded(np.ones((1, 2**9, 2**9), np.uint8), "neqr")),
            "encoded must have at most 24 qubits for a state vector, but encoded=26",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_would(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_largest_register_holds_what_the_message_names():
    assert sum(axis_qubits((256, 512, 512), square=True)) == MAX_POSITION_QUBITS
