"""Picture representations: the circuit is the state, the state is the picture, and the gates are counted right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

import circuits
from circuits.representation.encodings import REPRESENTATIONS
from circuits.representation.multiplexed import (
    append_rotation,
    keep_largest,
    parity_path,
    rotation_cost,
    walsh_angles,
    walsh_coefficients,
)
from circuits.representation.positions import positions, states_of_picture
from circuits.representation.protocol import LoadedContents, Representation
from qimg import images, psnr_db
from qimg.patches import morton_order

GRAY = tuple(name for name in REPRESENTATIONS if name not in ("mcrqi", "frqci"))


def photograph(height: int, width: int, *, colour: bool = False, dtype=np.uint8) -> np.ndarray:
    pixels = images.bundled("coffee")[150 : 150 + height, 200 : 200 + width]
    pixels = pixels if colour else images.to_uint8(images.luma(pixels))
    return pixels if dtype == np.uint8 else pixels.astype(np.uint16) * 257


def for_representation(name: str, height: int, width: int) -> np.ndarray:
    return photograph(height, width, colour=name in ("mcrqi", "frqci"))


def encoded(image: np.ndarray, name: str, order: str = "row_major") -> circuits.EncodedImage:
    return circuits.encode_image(image, name, order=order, kept=64 if name == "dct" else None)


@pytest.mark.parametrize("order", ["row_major", "morton"])
@pytest.mark.parametrize("shape", [(8, 8), (3, 5), (1, 1), (2, 7)])
@pytest.mark.parametrize("name", [name for name in REPRESENTATIONS if name != "dct"])
def test_the_circuit_is_the_state_and_the_state_is_the_picture(name, shape, order):
    image = for_representation(name, *shape)
    record = encoded(image, name, order)
    circuit = circuits.image_circuit(record)
    state = Statevector(circuit).data
    # Hundreds of gates of rounding 1e-16 each.
    np.testing.assert_allclose(state, circuits.image_state(record), atol=1e-11)
    decoded = circuits.decode_state(record, state)
    assert decoded.dtype == image.dtype
    np.testing.assert_array_equal(decoded, image)


@pytest.mark.parametrize("shape", [(8, 8), (16, 8), (13, 9)])
@pytest.mark.parametrize("kept", [8, 16, 64])
def test_the_dct_form_is_the_low_pass_of_its_blocks(shape, kept):
    image = photograph(*shape)
    record = circuits.encode_image(image, "dct", kept=kept)
    state = Statevector(circuits.image_circuit(record)).data
    np.testing.assert_allclose(state, circuits.image_state(record), atol=1e-11)
    if kept == 64:
        np.testing.assert_array_equal(circuits.decode_state(record, state), image)
    else:
        side = max(8, 1 << (max(shape) - 1).bit_length())
        padded = np.pad(image, [(0, side - shape[0]), (0, side - shape[1])], mode="edge").astype(float)
        low = np.zeros((8, 8))
        low[: 4 if kept == 16 else 2, :4] = 1
        basis = np.kron(*[circuits.transform_unitary("dct", 3)] * 2)
        projector = basis.T @ np.diag(low.ravel()) @ basis
        blocks = padded.reshape(side // 8, 8, side // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 64) @ projector
        expected = blocks.reshape(side // 8, side // 8, 8, 8).transpose(0, 2, 1, 3).reshape(side, side)
        expected = np.clip(np.rint(expected), 0, 255)[: shape[0], : shape[1]]
        np.testing.assert_array_equal(circuits.decode_state(record, state), expected)


@pytest.mark.parametrize("name", ["amplitude", "frqi", "neqr", "ineqr", "ifrqi"])
def test_sixteen_bits_come_back(name):
    image = photograph(4, 4, dtype=np.uint16)
    record = encoded(image, name)
    decoded = circuits.decode_state(record, circuits.image_state(record))
    assert decoded.dtype == np.uint16
    np.testing.assert_array_equal(decoded, image)


@pytest.mark.parametrize("name", ["amplitude", "frqi"])
def test_code_values_come_back_without_rounding(name):
    image = np.random.default_rng(0).uniform(0, 255, (5, 6))
    record = encoded(image, name)
    decoded = circuits.decode_state(record, circuits.image_state(record))
    # Arcs near 0 and π lose half of the digits.
    np.testing.assert_allclose(decoded, image, atol=1e-6)


def test_alpha_is_the_fourth_plane_of_mcrqi():
    image = np.dstack([photograph(4, 4, colour=True), photograph(4, 4)])
    record = encoded(image, "mcrqi")
    np.testing.assert_array_equal(circuits.decode_state(record, circuits.image_state(record)), image)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6)])
def test_colour_amplitudes_have_the_planes_on_their_two_highest_qubits(shape):
    image = photograph(*shape, colour=True)
    record = encoded(image, "amplitude")
    planes = circuits.image_state(record).reshape(4, -1)
    red = circuits.image_state(encoded(image[..., 0], "amplitude"))
    np.testing.assert_allclose(planes[0] / np.linalg.norm(planes[0]), red, atol=1e-14)
    assert not planes[3].any()
    np.testing.assert_array_equal(circuits.decode_state(record, circuits.image_state(record)), image)


def test_row_major_position_is_8_r_plus_c_and_morton_is_that_of_patches():
    np.testing.assert_array_equal(positions(8, 8, order="row_major", square=True).states, np.arange(64).reshape(8, 8))
    np.testing.assert_array_equal(
        positions(16, 16, order="morton", square=True).states.ravel()[morton_order(16)], np.arange(256)
    )
    blocks = positions(16, 24, order="blocks", square=False).states
    assert blocks.shape == (16, 32)
    np.testing.assert_array_equal(blocks[8:, 8:16].ravel(), 5 * 64 + np.arange(64))


def test_registers_follow_the_definitions():
    image = photograph(8, 8)
    sizes = {name: encoded(image, name).n_qubits for name in GRAY}
    assert sizes == {"amplitude": 6, "dct": 6, "frqi": 7, "neqr": 14, "ineqr": 14, "ifrqi": 10}
    colour = photograph(8, 8, colour=True)
    assert [encoded(colour, name).n_qubits for name in ("mcrqi", "frqci")] == [9, 7]
    # A strip is padded to a square, except by INEQR.
    assert [encoded(photograph(2, 8), name).n_qubits for name in ("neqr", "ineqr")] == [14, 12]


def test_frqi_of_a_patch_takes_63_cx_and_64_rotations():
    # Of whole numbers, a few coefficients vanish exactly.
    record = encoded(np.random.default_rng(0).uniform(0, 255, (8, 8)), "frqi")
    circuit = circuits.image_circuit(record)
    assert circuit.count_ops() == {"ry": 64 + 6, "cx": 63}
    assert (record.n_qubits, *circuits.image_cost(record)[:2]) == (7, 63, 70)


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_gates_are_counted_as_they_are_built(name):
    record = encoded(for_representation(name, 8, 8), name)
    cost = circuits.image_cost(record)
    compiled = circuits.count_gates(circuits.image_circuit(record))
    assert (circuits.image_circuit(record).num_qubits, cost.cx) == (record.n_qubits, compiled.cx)
    # The compiler joins rotations where the loading meets the inverse DCT.
    assert compiled.one_qubit <= cost.one_qubit <= compiled.one_qubit + (6 if name == "dct" else 0)


def test_large_amplitude_registers_are_loaded_by_the_template():
    record = encoded(photograph(32, 32), "amplitude")
    assert (record.n_qubits, *circuits.image_cost(record)[:2]) == (10, 2**10 - 2, 2**10 - 1)
    circuit = circuits.image_circuit(record)
    assert circuit.count_ops()["cx"] == 2**10 - 2
    np.testing.assert_array_equal(circuits.decode_state(record, Statevector(circuit).data), photograph(32, 32))


@pytest.mark.parametrize("name", ["amplitude", "frqi", "neqr", "ifrqi", "ineqr", "frqci", "mcrqi"])
def test_counts_give_the_picture_up_to_their_noise(name):
    image = for_representation(name, 4, 4)
    record = encoded(image, name)
    counts = circuits.run(circuits.image_circuit(record), shots=200_000, seed=0)[0]
    decoded = circuits.decode_counts(record, counts)
    assert decoded.shape == image.shape
    if name in ("neqr", "ineqr"):
        np.testing.assert_array_equal(decoded, image)
    elif name == "ifrqi":
        # Levels of two bits lie 0.2 π apart; 12 500 shots a pixel know the angle to 1/√12 500 = 0.009.
        np.testing.assert_array_equal(decoded, image)
    elif name == "frqci":
        # The highest of the three bytes that share one angle is known to 255 · 2/π · 0.009 = 1.5 levels; five times.
        assert np.abs(decoded[..., 0].astype(int) - image[..., 0]).max() <= 8
    else:
        # An FRQI level errs by 255/(π √n), n = 12 500 shots a pixel (3100 for MCRQI's planes); an amplitude by
        # ‖x‖/(2 √N): below 1.5 levels each. Six standard errors.
        assert np.abs(decoded.astype(int) - image).max() <= 9


def test_pixels_never_seen_get_the_mean_of_the_others():
    record = encoded(np.array([[100, 200], [50, 60]], np.uint8), "neqr")
    counts = np.zeros(2**10)
    counts[100 * 4 + 0] = 3
    counts[200 * 4 + 1] = 1
    np.testing.assert_array_equal(circuits.decode_counts(record, counts), [[100, 200], [150, 150]])


def test_means_of_unseen_pixels_are_those_of_their_plane():
    image = np.zeros((2, 2, 3), np.uint8)
    image[...] = 255, 0, 255
    image[1, 1] = 0, 255, 0
    record = encoded(image, "mcrqi")
    counts = np.rint(circuits.image_state(record) ** 2 * 3200).reshape(2, 4, 4)
    assert counts.sum() == 3200
    counts[:, 0, 0] = counts[:, 1, 3] = 0  # red of the first pixel, green of the last
    decoded = circuits.decode_counts(record, counts.ravel())
    np.testing.assert_array_equal(decoded[0, 0], [round(2 / 3 * 255), 0, 255])
    np.testing.assert_array_equal(decoded[1, 1], [0, 0, 0])
    counts[:, 1] = 0  # all of green: the mean of the other planes
    np.testing.assert_array_equal(circuits.decode_counts(record, counts.ravel())[..., 1], round(255 * 5 / 7))


@pytest.mark.parametrize("name", [name for name in REPRESENTATIONS if name != "dct"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 3), (5, 2), (1, 7)])
def test_a_picture_of_one_colour_is_constant_whatever_falls_into_its_padding(name, shape):
    colour = [200, 30, 90] if 3 in REPRESENTATIONS[name].channels and name != "amplitude" else 200
    image = np.full((*shape, 3) if isinstance(colour, list) else shape, colour, np.uint8)
    record = encoded(image, name)
    weights = np.rint(circuits.image_state(record) ** 2 * 1e15)
    rng = np.random.default_rng(0)
    table = weights.reshape(-1, 2**record.position_qubits)
    places = states_of_picture(REPRESENTATIONS[name], record) % table.shape[1]
    pixels = np.isin(np.arange(table.shape[1]), places)
    table[:, ~pixels] = rng.integers(0, 10**14, (len(table), int((~pixels).sum())))
    if name != "amplitude":  # of which the first pixel of each plane alone is seen
        table[:, places[:, 1:]] = 0
    np.testing.assert_array_equal(circuits.decode_counts(record, table.ravel()), image)
    if not pixels.all():
        table[:, pixels] = 0
        with pytest.raises(ValueError, match="must have an outcome in the picture, and not only in its padding"):
            circuits.decode_counts(record, table.ravel())


def test_a_colour_picture_of_amplitudes_leaves_its_empty_plane_out():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    record = encoded(image, "amplitude")
    counts = circuits.image_state(record) ** 2 * 1e15
    counts[3 * 16 :] = 1e13
    np.testing.assert_array_equal(circuits.decode_counts(record, counts), image)
    low, high = circuits.decode_intervals(record, counts)
    assert ((low <= image + 1e-3) & (image - 1e-3 <= high)).all()


@pytest.mark.parametrize("phase", [1, -1, 1j, -1j, np.exp(0.3j), np.exp(1.6j), np.exp(-3.1j)])
@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_a_global_phase_changes_nothing(name, phase):
    image = for_representation(name, 8, 8)
    record = encoded(image, name)
    state = circuits.image_state(record)
    np.testing.assert_array_equal(circuits.decode_state(record, phase * state), circuits.decode_state(record, state))


@pytest.mark.parametrize("phase", [1, -1, 1j, np.exp(2j)])
def test_amplitudes_of_both_signs_have_a_positive_sum(phase):
    image = np.array([[90.0, 10.0], [20.0, 5.0]])
    record = encoded(image, "amplitude")
    wanted = image * [[1, -1], [-1, -1]]
    state = phase * wanted.ravel() / np.linalg.norm(image)
    np.testing.assert_allclose(circuits.decode_state(record, state), wanted, atol=1e-12)
    balanced = np.array([0.6, -0.6, 0.2, -0.2]) / np.sqrt(0.8)  # the sum has no sign: the first largest is positive
    decoded = circuits.decode_state(record, phase * balanced)
    assert decoded[0, 0] == pytest.approx(0.6 / np.sqrt(0.8) * record.norm)


def test_amplitudes_that_are_not_real_are_refused():
    record = encoded(np.ones((2, 2)), "amplitude")
    with pytest.raises(ValueError, match="state must be real up to a global phase within 1e-06 of its norm"):
        circuits.decode_state(record, np.array([1, 1j, 1, 1]) / 2)


angle_tables = st.integers(0, 4).flatmap(
    lambda p: arrays(np.float64, 2**p, elements=st.sampled_from([0.0, 0.5, 1.0, np.pi / 2, np.pi, -2.0, 3.25]))
)


@given(angle_tables)
@settings(max_examples=80, deadline=None)
def test_a_multiplexed_rotation_turns_by_the_angle_of_each_control_state(angles):
    controls = len(angles).bit_length() - 1
    coefficients = walsh_coefficients(angles)
    np.testing.assert_allclose(walsh_angles(coefficients), angles, atol=1e-13)
    circuit = QuantumCircuit(controls + 1)
    for qubit in range(controls):
        circuit.h(qubit)
    append_rotation(circuit, coefficients, list(range(controls)), controls)
    expected = np.concatenate([np.cos(angles / 2), np.sin(angles / 2)]) / np.sqrt(len(angles))
    np.testing.assert_allclose(Statevector(circuit).data, expected, atol=1e-12)
    counted = circuit.count_ops()
    assert rotation_cost(coefficients)[:2] == (counted.get("cx", 0), counted.get("ry", 0))


@given(st.integers(1, 7), st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_paths_visit_every_parity_once_and_are_not_longer_than_the_gray_code(bits, seed, share):
    coefficients = np.random.default_rng(seed).normal(size=2**bits)
    kept = keep_largest(coefficients, share)
    assert np.count_nonzero(kept) == round(share * 2**bits)
    path = parity_path(kept)
    assert sorted(path) == [mask for mask in range(1, 2**bits) if kept[mask]]
    # In the order of the Gray code, flips between gaps merge: at most 2ᵖ − 1 in all.
    assert len(path) <= rotation_cost(kept).cx <= 2**bits - 1


def test_compression_keeps_the_largest_angles_and_its_circuit_is_its_state():
    image = photograph(16, 16)
    record = encoded(image, "frqi")
    small = circuits.compress_image(record, 0.25)
    assert np.count_nonzero(small.table) == 64
    circuit = circuits.image_circuit(small)
    state = Statevector(circuit).data
    np.testing.assert_allclose(state, circuits.image_state(small), atol=1e-12)
    assert circuit.count_ops()["cx"] == circuits.image_cost(small).cx < 90
    # Dropped angles change the picture by their mean square alone: Parseval.
    error = (255 / np.pi) ** 2 * float(((record.table - small.table) ** 2).sum())
    decoded = circuits.decode_state(small, state)
    assert psnr_db(image, decoded, data_range=255) == pytest.approx(10 * np.log10(255**2 / error), abs=0.3)
    assert np.array_equal(
        circuits.decode_state(record, circuits.image_state(circuits.compress_image(record, 1.0))), image
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.encode_image(np.zeros((2, 2)), "qpie"), "representation must be one of amplitude, dct"),
        (lambda: circuits.encode_image(np.zeros((2, 2)), "amplitude"), "image must not be black for amplitude"),
        (lambda: circuits.encode_image(np.ones((2, 2)), "dct"), "kept must be given for dct"),
        (lambda: circuits.encode_image(np.ones((8, 8)), "dct", kept=3), "kept must be a power of two, but kept=3"),
        (lambda: circuits.encode_image(np.ones((2, 2)), "dct", kept=4), "padded to 8×8 pixels at least for blocks"),
        (lambda: circuits.encode_image(np.ones((2, 2)), "frqi", kept=4), "kept has no effect on frqi"),
        (lambda: circuits.encode_image(np.ones((2, 2)), "neqr"), "image must be uint8 or uint16 for neqr"),
        (lambda: circuits.encode_image(np.full((2, 2), 256.0), "frqi"), r"must have code values in \[0, 255\]"),
        (lambda: circuits.encode_image(np.ones((2, 2, 3), np.uint8), "frqi"), r"shape \(H, W\) for frqi"),
        (lambda: circuits.encode_image(np.ones((2, 2), np.uint8), "mcrqi"), r"\(H, W, 3\) or \(H, W, 4\) for mcrqi"),
        (lambda: circuits.encode_image(np.ones((2, 2, 3), np.uint16), "frqci"), "must be uint8 for frqci"),
        (lambda: circuits.encode_image(np.full((2, 2), np.nan), "frqi"), "image must be finite"),
        (lambda: circuits.encode_image(np.ones((2, 2)), "frqi", order="snake"), "order must be one of"),
        (
            lambda: circuits.compress_image(encoded(np.ones((2, 2)), "amplitude"), 0.5),
            "encoded must have colour qubits",
        ),
        (lambda: circuits.compress_image(encoded(np.ones((2, 2)), "frqi"), 2), r"share must be in \[0, 1\]"),
        (lambda: circuits.decode_state(encoded(np.ones((2, 2)), "frqi"), np.ones(4)), r"state must have shape \(8,\)"),
        (lambda: circuits.decode_counts(encoded(np.ones((2, 2)), "frqi"), np.zeros(8)), "counts must not all be zero"),
        (lambda: circuits.decode_counts(encoded(np.ones((2, 2)), "frqi"), -np.ones(8)), "counts must not be negative"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Brightness(Representation):
    """A toy: one pixel as the angle of one qubit, without a position."""

    def encode(self, levels, *, bits, kept):
        return LoadedContents(levels[:, :1] / (2**bits - 1), (), colour_qubits=1)

    def state(self, encoded):
        share = np.repeat(encoded.table, 4, axis=1)
        return np.concatenate([np.sqrt(1 - share), np.sqrt(share)]).ravel() / 2

    def circuit(self, encoded):
        circuit = QuantumCircuit(3)
        circuit.h([0, 1])
        circuit.ry(2 * np.arcsin(np.sqrt(encoded.table.item())), 2)
        return circuit

    def cost(self, encoded):
        return circuits.GateCount(cx=0, one_qubit=3)

    def levels_of_state(self, encoded, state):
        return self.levels_of_counts(encoded, np.abs(state) ** 2)

    def levels_of_counts(self, encoded, counts):
        ones, trials = self.outcomes(encoded, counts)
        return self.levels_of_probability(encoded, ones / trials)

    def outcomes(self, encoded, counts):
        return np.full(4, counts[4:].sum()), np.full(4, counts.sum())

    def levels_of_probability(self, encoded, probability):
        return probability[None] * 255


def test_a_representation_is_one_record_in_one_list(monkeypatch):
    monkeypatch.setitem(REPRESENTATIONS, "brightness", Brightness(name="brightness"))
    image = np.full((2, 2), 100, np.uint8)
    record = circuits.encode_image(image, "brightness")
    assert (record.representation, record.n_qubits, record.order) == ("brightness", 3, "row_major")
    circuit = circuits.image_circuit(record)
    np.testing.assert_allclose(Statevector(circuit).data, circuits.image_state(record), atol=1e-15)
    assert circuits.image_cost(record) == (0, 3, 0, 0)
    np.testing.assert_array_equal(circuits.decode_state(record, circuits.image_state(record)), image)
    counts = circuits.run(circuit, shots=20_000, seed=0)[0]
    # A share of 0.39 of 20 000 shots is known to 255 · √(0.24 / 20 000) = 0.9 levels; six times.
    assert np.abs(circuits.decode_counts(record, counts).astype(int) - image).max() <= 6
    low, high = circuits.decode_intervals(record, counts)
    assert low.shape == high.shape == (2, 2)
    assert (low < image).all()
    assert (image < high).all()
    with pytest.raises(ValueError, match="encoded must have colour qubits to be compressed, but encoded='brightness'"):
        circuits.compress_image(record, 0.5)
