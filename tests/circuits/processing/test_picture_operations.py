"""Operations on encoded pictures: the result is NumPy's, the matrix the circuit's, the state that of the result."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator, Statevector

import circuits
from circuits.processing.operation import marginal
from circuits.processing.register import BY_POSITION, WITH_COLOUR
from qimg import images

COLOUR = ("mcrqi", "frqci")
GEOMETRY: dict[str, tuple[Callable, Callable]] = {
    "rows": (lambda one: circuits.flip_picture(one, "rows"), lambda image: np.flip(image, 0)),
    "columns": (lambda one: circuits.flip_picture(one, "columns"), lambda image: np.flip(image, 1)),
    "transposition": (circuits.transpose_picture, lambda image: np.swapaxes(image, 0, 1)),
    **{
        f"{turns} turns": (
            lambda one, turns=turns: circuits.rotate_picture(one, turns),
            lambda image, turns=turns: np.rot90(image, turns),
        )
        for turns in (0, 1, 2, 3, -1)
    },
}


def photograph(height: int, width: int, *, colour: bool = False) -> np.ndarray:
    pixels = images.bundled("coffee")[150 : 150 + height, 200 : 200 + width]
    return pixels if colour else images.to_uint8(images.luma(pixels))


def picture_for(name: str, height: int, width: int) -> np.ndarray:
    return photograph(height, width, colour=name in COLOUR)


def after(operation: circuits.PictureOperation) -> np.ndarray:
    """The state of the result's register, which must not be entangled with ancillas that are not |0…0⟩."""
    state = np.zeros(2**operation.circuit.num_qubits)
    state[: 2**operation.source.n_qubits] = circuits.image_state(operation.source)
    return Statevector(state).evolve(operation.circuit).data


def check(operation: circuits.PictureOperation, expected: np.ndarray) -> None:
    read = circuits.process_picture(operation)
    assert read.picture.dtype == expected.dtype
    if expected.dtype.kind == "u":
        np.testing.assert_array_equal(read.picture, expected)
    else:
        # Angles near 0 and π are the roots of probabilities that round to 1e-16.
        np.testing.assert_allclose(read.picture, expected, atol=1e-5)
    if operation.circuit.num_qubits <= 14:
        # What the result's own circuit prepares is the state on its wires.
        probabilities = marginal(np.abs(after(operation)) ** 2, operation.wires)
        np.testing.assert_allclose(probabilities, circuits.image_state(operation.result) ** 2, atol=1e-10)
    decoded = circuits.decode_state(operation.result, circuits.image_state(operation.result))
    np.testing.assert_allclose(decoded, expected, atol=1e-5)


@pytest.mark.parametrize(("shape", "order"), [((4, 4), "morton"), ((3, 5), "row_major"), ((1, 3), "morton")])
@pytest.mark.parametrize("change", GEOMETRY)
@pytest.mark.parametrize("name", ["amplitude", "ineqr"])
def test_geometry_is_that_of_numpy(name, change, shape, order):
    image = picture_for(name, *shape)
    encoded = circuits.encode_image(image, name, order=order)
    ours, theirs = GEOMETRY[change]
    operation = ours(encoded)
    check(operation, theirs(image))
    np.testing.assert_allclose(after(operation), circuits.image_state(operation.result), atol=1e-10)


@pytest.mark.parametrize("name", sorted({*BY_POSITION} - {"amplitude", "ineqr"}))
def test_geometry_is_the_same_in_every_representation(name):
    image = picture_for(name, 3, 2)
    encoded = circuits.encode_image(image, name)
    check(circuits.rotate_picture(encoded, 1), np.rot90(image))
    check(circuits.flip_picture(encoded, "columns"), np.flip(image, 1))


def test_colour_amplitudes_are_moved_plane_by_plane():
    image = photograph(5, 3, colour=True)
    encoded = circuits.encode_image(image, "amplitude")
    check(circuits.rotate_picture(encoded, 3), np.rot90(image, 3))


def test_blocks_are_moved_in_their_order():
    image = photograph(16, 12)
    encoded = circuits.encode_image(image, "amplitude", order="blocks")
    check(circuits.rotate_picture(encoded, 1), np.rot90(image))


@settings(max_examples=8, deadline=None)
@given(st.integers(-4, 4), st.integers(-8, 8), st.sampled_from(["amplitude", "ineqr"]))
def test_shifts_are_those_of_numpy(rows, columns, name):
    image = photograph(4 if name == "ineqr" else 8, 8)
    encoded = circuits.encode_image(image, name)
    check(circuits.shift_picture(encoded, rows=rows, columns=columns), np.roll(image, (rows, columns), (0, 1)))


@pytest.mark.parametrize("name", WITH_COLOUR)
def test_negation_is_that_of_numpy(name):
    image = picture_for(name, 3, 4)
    check(circuits.negate_picture(circuits.encode_image(image, name)), 255 - image)


def test_negation_of_16_bits_and_of_real_pixels():
    deep = photograph(2, 2).astype(np.uint16) * 257 - 3
    check(circuits.negate_picture(circuits.encode_image(deep, "neqr")), 65535 - deep)
    real = photograph(4, 4) / 3
    check(circuits.negate_picture(circuits.encode_image(real, "frqi")), 255 - real)


@pytest.mark.parametrize("level", [1, 96, 100, 128, 255])
@pytest.mark.parametrize("name", ["neqr", "ineqr"])
def test_thresholds_are_those_of_numpy(name, level):
    image = np.array([[0, 1, 95, 96], [99, 100, 127, 128], [129, 200, 254, 255]], np.uint8)
    check(circuits.threshold_picture(circuits.encode_image(image, name), level), np.uint8(255) * (image >= level))


@pytest.mark.parametrize("amount", [-255, -1, 0, 64, 77])
def test_levels_are_added_as_unsigned_integers(amount):
    image = photograph(3, 4)
    expected = ((image.astype(int) + amount) % 256).astype(np.uint8)
    check(circuits.add_level(circuits.encode_image(image, "neqr"), amount), expected)


@pytest.mark.parametrize("name", ["frqi", "mcrqi"])
def test_levels_are_added_to_angles(name):
    image = picture_for(name, 4, 4) // 2 + 20
    encoded = circuits.encode_image(image, name)
    for amount in (-20, 0, 107):
        check(circuits.add_level(encoded, amount), (image.astype(int) + amount).astype(np.uint8))
    with pytest.raises(ValueError, match=r"amount must be in \[-\d+, \d+\] for this picture, but amount=250"):
        circuits.add_level(encoded, 250)


@pytest.mark.parametrize("name", ["neqr", "ineqr", "frqi", "mcrqi"])
def test_pictures_are_added(name):
    angles = name in ("frqi", "mcrqi")
    first, second = (picture_for(name, 2, 5)[:, columns] for columns in (slice(0, 1), slice(3, 4)))
    first, second = (one // 2 if angles else one for one in (first, second))
    operation = circuits.add_pictures(circuits.encode_image(first, name), circuits.encode_image(second, name))
    check(operation, first + second)
    assert operation.ancillas == (0 if angles else 8)


@pytest.mark.parametrize(
    "operation",
    [
        circuits.rotate_picture(circuits.encode_image(photograph(3, 4), "frqi"), 1),
        circuits.shift_picture(circuits.encode_image(photograph(4, 4), "amplitude"), rows=1, columns=3),
        circuits.negate_picture(circuits.encode_image(photograph(2, 2), "neqr")),
        circuits.add_level(circuits.encode_image(photograph(4, 4) // 2, "frqi"), 99),
        circuits.add_pictures(*[circuits.encode_image(photograph(4, 4) // 2, "frqi")] * 2),
    ],
    ids=lambda one: one.name,
)
def test_the_matrix_is_that_of_the_circuit(operation):
    matrix = operation.matrix()
    np.testing.assert_allclose(matrix, Operator(operation.circuit).data, atol=1e-10)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), atol=1e-10)
    cost = operation.cost()
    assert cost == circuits.count_gates(operation.circuit)


def test_geometry_is_a_permutation_matrix():
    encoded = circuits.encode_image(photograph(3, 4), "amplitude")
    matrix = circuits.rotate_picture(encoded, 1).matrix()
    np.testing.assert_allclose(np.sort(np.abs(matrix), axis=0)[-1], 1, atol=1e-10)
    np.testing.assert_allclose(np.abs(matrix).sum(), 16, atol=1e-9)


def test_costs_of_the_docstrings():
    neqr = circuits.encode_image(photograph(8, 8), "neqr")
    assert circuits.negate_picture(neqr).cost()[:2] == (0, 8)
    assert circuits.flip_picture(neqr, "rows").cost()[:2] == (0, 3)
    assert circuits.transpose_picture(neqr).cost(optimization_level=0).cx == 9
    assert circuits.threshold_picture(neqr, 128).cost().cx == 1
    assert circuits.threshold_picture(neqr, 101).cost().cx <= 4 * 64


@pytest.mark.slow
def test_shots_hold_the_picture_in_their_intervals():
    image = photograph(4, 4)
    operation = circuits.rotate_picture(circuits.encode_image(image, "amplitude"), 1)
    held = []
    for seed in range(20):
        read = circuits.process_picture(operation, shots=4096, seed=seed)
        held.append((read.low <= np.rot90(image)) & (np.rot90(image) <= read.high))
    # 320 intervals of at least 95 %: 3 standard errors of 1.2 %.
    assert np.mean(held) > 0.91


def test_digits_by_shots_are_exact():
    image = photograph(2, 2)
    read = circuits.process_picture(circuits.threshold_picture(circuits.encode_image(image, "ineqr"), 77), shots=400)
    np.testing.assert_array_equal(read.picture, np.uint8(255) * (image >= 77))
    assert read.shots == 400


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("amplitude", circuits.negate_picture, "encoded must be in a representation that allows negation: frqci, frqi"),
        ("frqi", lambda one: circuits.threshold_picture(one, 9), "that allows thresholds: ineqr, neqr"),
        ("amplitude", lambda one: circuits.add_level(one, 9), "the addition of a level: frqi, ineqr, mcrqi, neqr"),
        ("ifrqi", lambda one: circuits.add_pictures(one, one), "the addition of pictures: frqi, ineqr, mcrqi, neqr"),
        ("amplitude", lambda one: circuits.shift_picture(one, columns=1), "crop or extend them to 8, but .*7 columns"),
        ("amplitude", lambda one: circuits.shift_picture(one, columns=8), r"columns must be in \[-7, 7\]"),
        ("amplitude", lambda one: circuits.rotate_picture(one, 4), r"quarter_turns must be in \[-3, 3\]"),
        ("amplitude", lambda one: circuits.flip_picture(one, "up"), "axis must be one of columns, rows"),
        ("ineqr", lambda one: circuits.flip_picture(one, "left"), "axis must be one of columns, rows"),
        ("neqr", lambda one: circuits.threshold_picture(one, 0), r"level must be in \[1, 255\], but level=0"),
        ("neqr", lambda one: circuits.add_level(one, 0.5), r"amount must be in \[-255, 255\] and a whole number"),
    ],
)
def test_refusals_name_what_would_work(name, change, message):
    encoded = circuits.encode_image(photograph(5, 7), name)
    with pytest.raises(ValueError, match=message):
        change(encoded)


def test_a_threshold_needs_a_square_register():
    wide = circuits.encode_image(photograph(2, 8), "ineqr")
    with pytest.raises(ValueError, match=r"encoded must have a square register for a threshold: encode it as neqr"):
        circuits.threshold_picture(wide, 9)


def test_pictures_of_two_kinds_are_refused():
    first = circuits.encode_image(photograph(4, 4), "neqr")
    with pytest.raises(ValueError, match="second must have the representation of first, neqr, but second='frqi'"):
        circuits.add_pictures(first, circuits.encode_image(photograph(4, 4), "frqi"))
    with pytest.raises(ValueError, match=r"second must have shape \(4, 4\), that of first, but has shape \(4, 3\)"):
        circuits.add_pictures(first, circuits.encode_image(photograph(4, 3), "neqr"))
    bright = circuits.encode_image(np.full((2, 2), 200, np.uint8), "frqi")
    with pytest.raises(ValueError, match="second must have sums of at most 255 with first: add halves of both"):
        circuits.add_pictures(bright, bright)


def test_dct_pictures_and_large_registers_are_refused():
    loaded = circuits.encode_image(photograph(8, 8), "dct", kept=16)
    with pytest.raises(ValueError, match="that allows flips: amplitude, frqci"):
        circuits.flip_picture(loaded, "rows")
    one = circuits.encode_image(photograph(32, 32), "neqr")
    with pytest.raises(ValueError, match="operation must have at most 24 qubits: crop the picture"):
        circuits.process_picture(circuits.add_pictures(one, one))
    with pytest.raises(ValueError, match="circuit must have at most 12 qubits for its matrix, but circuit=18"):
        circuits.negate_picture(one).matrix()
    compressed = circuits.compress_image(circuits.encode_image(photograph(8, 8), "neqr"), 0.5)
    with pytest.raises(ValueError, match="encoded must not be compressed"):
        circuits.threshold_picture(compressed, 9)
