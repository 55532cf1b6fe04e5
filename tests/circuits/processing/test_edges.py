"""Edge detection: differences are those of SciPy everywhere, by shots within their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator, Statevector
from scipy import ndimage

import circuits
from circuits.processing.blocks import MODES
from qimg import images


def photograph(height: int, width: int) -> np.ndarray:
    return images.to_uint8(images.luma(images.bundled("coffee")[100 : 100 + height, 180 : 180 + width]))


def finite_differences(image: np.ndarray, mode: str = "nearest") -> list[np.ndarray]:
    real = image.astype(float)
    return [ndimage.correlate1d(real, [-1, 1], axis=axis, origin=-1, mode=mode) for axis in (0, 1)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("shape", "block"), [((9, 14), 8), ((1, 1), 2), ((1, 6), 4)])
def test_differences_are_those_of_scipy(mode, shape, block):
    image = photograph(*shape)
    edges = circuits.edge_detection(image, block=block, mode=mode)
    # Two Hadamards and about 50 gates on amplitudes of at most 255 pixels each: rounding of about 1e-14 · 255.
    for ours, theirs in zip((edges.rows, edges.columns), finite_differences(image, mode), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    np.testing.assert_allclose(edges.magnitude, np.hypot(edges.rows, edges.columns))
    np.testing.assert_array_equal(edges.low, edges.magnitude)
    assert edges.edges.shape == shape


@pytest.mark.slow
@pytest.mark.parametrize("block", [16, 32, 1024])
def test_a_photograph_of_512_by_512_is_exact(block):
    image = images.to_uint8(images.luma(images.bundled("astronaut")))
    assert image.shape == (512, 512)
    edges = circuits.edge_detection(image, block=block)
    for ours, theirs in zip((edges.rows, edges.columns), finite_differences(image), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([2, 4, 8]), st.integers(0, 2**32 - 1))
def test_every_size_and_block_gives_the_same(height, width, block, seed):
    image = np.random.default_rng(seed).normal(size=(height, width))
    edges = circuits.edge_detection(image, block=block)
    for ours, theirs in zip((edges.rows, edges.columns), finite_differences(image), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    # Each difference has the amplitude d / 2‖x‖ of the register of all blocks.
    assert edges.success[0] <= 1
    assert edges.blocks == -(-height // (block - 1)) * -(-width // (block - 1))


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_the_circuit_is_differences_and_sums(axis, rows):
    columns = 3
    circuit = circuits.difference_circuit(rows, columns, axis=axis)
    picture = np.random.default_rng(rows).normal(size=(2**rows, 2**columns))
    picture /= np.linalg.norm(picture)
    state = Operator(circuit).data[:, : picture.size] @ picture.ravel()
    following = np.roll(picture, -1, 0 if axis == "rows" else 1)
    expected = np.stack([picture + following, picture - following]) / 2
    np.testing.assert_allclose(state.reshape(expected.shape), expected, atol=1e-10)


def test_the_circuit_follows_the_preparation_of_a_picture():
    image = photograph(8, 8)
    encoded = circuits.encode_image(image, "amplitude")
    whole = circuits.difference_circuit(3, 3, axis="columns").compose(
        circuits.image_circuit(encoded), range(6), front=True
    )
    differences = -2 * encoded.norm * Statevector(whole).data[64:].real.reshape(8, 8)
    np.testing.assert_allclose(differences[:, :7], np.diff(image.astype(float), axis=1), atol=1e-9)


def test_intervals_cover_the_magnitude_with_their_level():
    image = photograph(24, 24)
    exact = circuits.edge_detection(image).magnitude
    held = [
        (read.low <= exact + 1e-9) & (exact - 1e-9 <= read.high)
        for read in (circuits.edge_detection(image, shots=10**6, seed=seed) for seed in range(8))
    ]
    # At least 95 % for every pixel by Bonferroni; 4608 pixels have a standard error of 0.3 %.
    assert np.mean(held) > 0.94


def test_shots_converge_to_the_moduli():
    image = photograph(16, 16)
    exact = circuits.edge_detection(image)
    read = circuits.edge_detection(image, shots=10**7, seed=1)
    for moduli, differences in ((read.rows, exact.rows), (read.columns, exact.columns)):
        # The standard error of ‖x‖ √p·2 is ‖x‖/√n, and pixels of blocks that overlap add to ‖x‖; 5 of them.
        bound = 5 * 2 * np.linalg.norm(image.astype(float)) / np.sqrt(10**7)
        assert np.abs(moduli - np.abs(differences)).max() < bound
    assert read.shots == 10**7


def test_success_is_the_energy_of_the_differences():
    image = photograph(7, 7)
    edges = circuits.edge_detection(image, block=8)
    bordered = np.pad(image.astype(float), [(0, 1), (0, 1)], mode="edge")
    expected = [(one**2).sum() / (4 * (bordered**2).sum()) for one in finite_differences(image)]
    np.testing.assert_allclose(edges.success, expected, rtol=1e-10)


def test_cost_and_qubits_of_a_photograph():
    edges = circuits.edge_detection(photograph(40, 40), block=16)
    assert (edges.blocks, edges.qubits) == (9, 4 + 8 + 1)
    assert edges.cost[0] == edges.cost[1]
    assert edges.cost[0].cx == 40  # 2n(n + 1) for n = 4


def test_a_threshold_chooses_the_edges():
    image = np.zeros((6, 6))
    image[:, 3:] = 10
    edges = circuits.edge_detection(image, threshold=5)
    np.testing.assert_array_equal(np.flatnonzero(edges.edges.any(axis=0)), [2])
    assert circuits.edge_detection(image).threshold == pytest.approx(2 * np.sqrt(100 / 6))


def test_large_pictures_take_several_runs(monkeypatch):
    image = photograph(30, 30)
    whole = circuits.edge_detection(image, block=4)
    monkeypatch.setattr("circuits.processing.edges.AMPLITUDES_OF_A_RUN", 100)
    np.testing.assert_allclose(circuits.edge_detection(image, block=4).rows, whole.rows, atol=1e-10)


def test_a_constant_picture_has_no_edges():
    edges = circuits.edge_detection(np.full((5, 5), 7.0), shots=10)
    assert not edges.magnitude.any()
    assert not edges.edges.any()
    assert edges.high.min() > 0


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((4, 4)), {}, "image must not be black"),
        (np.ones((4, 4, 3)), {}, r"image must have shape \(H, W\), of which no side is 0, but has shape \(4, 4, 3\)"),
        (np.ones((0, 4)), {}, "image must have shape"),
        (np.ones((4, 4)), {"block": 12}, r"block must be a power of two in \[2, 2048\], but block=12"),
        (np.ones((4, 4)), {"mode": "edge"}, "mode must be one of constant, mirror, nearest, reflect, wrap"),
        (np.ones((4, 4)), {"threshold": -1.0}, "threshold must not be negative"),
        (np.ones((4, 4)), {"level": 1.0}, r"level must be in \(0, 1\)"),
        (np.eye(4) + 100, {"shots": 10}, "shots must be at least .* to count a difference of rows"),
    ],
)
def test_bad_arguments_are_named(image, options, message):
    with pytest.raises(ValueError, match=message):
        circuits.edge_detection(image, **options)


def test_the_number_of_shots_in_the_message_suffices():
    image = np.eye(4) + 100
    with pytest.raises(ValueError, match="at least") as refused:
        circuits.edge_detection(image, shots=10)
    needed = int(str(refused.value).split("at least ")[1].split()[0])
    assert circuits.edge_detection(image, shots=needed).shots == needed


def test_an_axis_of_one_pixel_has_no_differences():
    with pytest.raises(ValueError, match="row_qubits must be at least 1 for differences of rows"):
        circuits.difference_circuit(0, 3, axis="rows")
