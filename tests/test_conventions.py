"""The conventions: one test per row of docs/guide/conventions.md, whose docstring begins with the row's name."""

import numpy as np
import pytest
from PIL import Image
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Choi, DensityMatrix, Kraus, Operator, Statevector, SuperOp, entropy, state_fidelity
from qiskit.quantum_info import partial_trace as qiskit_partial_trace
from scipy.stats import multivariate_normal

import circuits
import qimg
from qimg import channels, images, metrics, patches, prior, states, tensor_train, transforms
from qimg.operators import ComplexMoments
from qimg.transforms import unitary

# Sums of at most 192 products of order one: a few hundred units in the last place at the most.
ROUNDING = 1e-12


def random_patches(n: int = 50, d: int = 64, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(3.0, 0.1, d)


def random_density_matrix(d: int, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d))
    rho = factor @ factor.conj().T
    return rho / np.trace(rho).real


def test_index_order():
    """index order"""
    picture = np.zeros((8, 8))
    picture[5, 3] = 2.0
    (vector,) = qimg.extract_patches(picture)
    assert vector.argmax() == 8 * 5 + 3
    register = QuantumCircuit(6)
    register.x([0, 1])  # column 3 = 0b011 on qubits 0 to 2
    register.x([3, 5])  # row 5 = 0b101 on qubits 3 to 5
    state = qimg.amplitude_encode(vector).amplitudes
    assert np.array_equal(Statevector(register).data, state)
    assert np.allclose(circuits.statevectors(circuits.prepare(state))[0], state, atol=ROUNDING)


def test_planes():
    """planes"""
    colour = np.zeros((8, 8, 3))
    colour[2, 7, 1] = 1.0
    (vector,) = qimg.extract_patches(colour)
    assert vector.argmax() == 64 * 1 + 8 * 2 + 7
    padded = qimg.amplitude_encode(vector, n_qubits=8).amplitudes
    assert padded.shape == (256,)
    # The highest two qubits read the plane, the next three the row, the lowest three the column.
    assert Statevector(padded).probabilities_dict() == {"01" + "010" + "111": 1.0}
    everywhere = qimg.amplitude_encode(np.ones(192), n_qubits=8).amplitudes
    assert Statevector(everywhere).probabilities([6, 7])[3] == 0.0


def test_image_dtypes():
    """image dtypes"""
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert np.array_equal(images.code_values(deep), [[0.0, 100.0, 255.0]])
    shallow = np.array([[[1, 2, 3, 255]]], np.uint8)
    values = images.code_values(shallow)
    assert values.dtype == np.float64
    assert np.array_equal(values, [[[1.0, 2.0, 3.0]]])
    with pytest.raises(qimg.ImageError, match="uint8 or uint16"):
        images.code_values(np.zeros((2, 2)))


def test_ycbcr():
    """Y'CbCr"""
    corners = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 99]], np.uint8)
    ours = qimg.rgb_to_ycbcr(corners)
    assert np.allclose(ours[1], [255.0, 128.0, 128.0], atol=ROUNDING)
    assert np.allclose(ours[2], [0.299 * 255, 128 - 0.299 / 1.772 * 255, 255.5], atol=ROUNDING)
    reference = np.asarray(Image.fromarray(corners[None]).convert("YCbCr"), float)[0]
    # Pillow rounds to whole code values and clips 255.5; its tables are good to half a code value.
    assert np.abs(np.clip(ours, 0, 255) - reference).max() <= 1.0
    assert not np.array_equal(ours, np.rint(ours))


def test_level_shift():
    """level shift"""
    plane = np.random.default_rng(0).integers(0, 256, (16, 24)).astype(np.float64)
    shifted = qimg.CorrelationOperator.from_planes(plane)
    by_hand = qimg.CorrelationOperator.from_patches(qimg.extract_patches(plane) - 128.0)
    as_given = qimg.CorrelationOperator.from_patches(qimg.extract_patches(plane))
    assert np.allclose(shifted.matrix, by_hand.matrix, rtol=ROUNDING)
    assert np.allclose(shifted.mean, as_given.mean - 128.0, rtol=ROUNDING)


def test_state_vector():
    """state vector"""
    state, norm = qimg.amplitude_encode([3.0, 4.0j])
    assert np.allclose(state, [0.6, 0.8j], atol=ROUNDING)
    assert norm == pytest.approx(5.0)
    nothing, zero = qimg.amplitude_encode(np.zeros(4))
    assert np.array_equal(nothing, [1.0, 0.0, 0.0, 0.0])
    assert zero == 0.0
    assert np.array_equal(qimg.amplitude_decode(nothing, zero), np.zeros(4))


def test_correlation_operator():
    """correlation operator"""
    vectors = random_patches(7, 3) + 1j * random_patches(7, 3, seed=1)
    operator = qimg.CorrelationOperator.from_patches(vectors)
    assert np.allclose(operator.matrix, sum(np.outer(x, x.conj()) for x in vectors), rtol=ROUNDING)
    assert np.allclose(operator.sum, vectors.sum(axis=0), rtol=ROUNDING)
    merged = qimg.CorrelationOperator.from_patches(vectors[:3]) + qimg.CorrelationOperator.from_patches(vectors[3:])
    assert merged.count == operator.count == 7
    assert np.allclose(merged.matrix, operator.matrix, rtol=ROUNDING)


def test_density_matrix():
    """density matrix"""
    vectors = random_patches(9, 4)
    rho = qimg.CorrelationOperator.from_patches(vectors).density_matrix()
    amplitudes, norms = qimg.amplitude_encode(vectors)
    weights = norms**2 / (norms**2).sum()
    mixture = sum(w * DensityMatrix(Statevector(psi)).data for w, psi in zip(weights, amplitudes, strict=True))
    assert np.allclose(rho, mixture, atol=ROUNDING)
    assert np.trace(rho) == pytest.approx(1.0)


def test_uniform_weights():
    """uniform weights"""
    vectors = np.vstack([random_patches(9, 4), np.zeros(4)])
    operator = qimg.CorrelationOperator.from_patches(vectors, weights="uniform")
    amplitudes = qimg.amplitude_encode(vectors[:9]).amplitudes
    assert np.allclose(operator.density_matrix(), amplitudes.T @ amplitudes / 9, atol=ROUNDING)
    assert operator.count == 10


def test_covariance():
    """covariance"""
    vectors = random_patches(20, 5) + 4.0
    operator = qimg.CorrelationOperator.from_patches(vectors)
    assert np.allclose(operator.covariance(), np.cov(vectors.T, bias=True), atol=1e3 * ROUNDING)
    centred = operator.covariance() / np.trace(operator.covariance())
    assert qimg.trace_distance(operator.density_matrix(), centred) > 0.1


def test_flatten_order():
    """flatten order"""
    picture = np.arange(64.0).reshape(8, 8)
    assert np.array_equal(qimg.extract_patches(picture)[0], picture.ravel(order="C"))
    cut = qimg.extract_patches(np.arange(4 * 6.0).reshape(4, 6), size=2)
    state = qimg.picture_state(cut)
    flat = qimg.amplitude_encode(cut.ravel()).amplitudes
    assert np.allclose(state.ravel(), flat, atol=ROUNDING)
    # Six patches of four pixels: "what" is digit 1, the low one.
    what = qimg.partial_trace(np.outer(flat, flat), (6, 4), keep=1)
    assert np.allclose(what, states.reduced_what(state), atol=ROUNDING)


def test_vec_and_choi_matrix():
    """vec and Choi matrix"""
    rng = np.random.default_rng(3)
    operators = rng.normal(size=(2, 3, 2)) + 1j * rng.normal(size=(2, 3, 2))
    choi = channels.choi_matrix(operators)
    units = [np.outer(np.eye(2)[i], np.eye(2)[j]) for i in range(2) for j in range(2)]
    apply = channels.KrausChannel(operators).apply
    assert np.allclose(choi, sum(np.kron(unit, apply(unit)) for unit in units), atol=ROUNDING)
    stacked = sum(np.outer(K.ravel(order="F"), K.ravel(order="F").conj()) for K in operators)
    assert np.allclose(choi, stacked, atol=ROUNDING)
    assert np.allclose(choi, Choi(Kraus(list(operators))).data, atol=ROUNDING)
    assert np.trace(channels.dephasing(4, error_weight=0.3).choi()) == pytest.approx(4.0)


def test_fidelity():
    """fidelity"""
    first, second = qimg.amplitude_encode(random_patches(2, 8)).amplitudes
    pure = qimg.fidelity(np.outer(first, first), np.outer(second, second))
    # Square roots of eigenvalues that vanish up to rounding cost half of the digits.
    assert pure == pytest.approx(np.vdot(first, second) ** 2, abs=1e-7)
    rho, sigma = random_density_matrix(8), random_density_matrix(8, seed=1)
    assert qimg.fidelity(rho, sigma) == pytest.approx(state_fidelity(DensityMatrix(rho), DensityMatrix(sigma)))


def test_bits():
    """bits"""
    assert qimg.von_neumann_entropy(np.eye(8) / 8) == pytest.approx(3.0)
    rho = random_density_matrix(8)
    assert qimg.von_neumann_entropy(rho) == pytest.approx(entropy(DensityMatrix(rho), base=2))
    bell = np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2
    assert qimg.mutual_information(bell, (2, 2)) == pytest.approx(2.0)


def test_error_weight():
    """error weight"""
    from qiskit_aer.noise import depolarizing_error

    rho = random_density_matrix(4)
    ends = {
        channels.dephasing: np.diag(np.diag(rho)),
        channels.depolarizing: np.eye(4) / 4,
        channels.amplitude_damping: np.diag([1.0, 0.0, 0.0, 0.0]),
    }
    for noise, end in ends.items():
        assert np.allclose(noise(4, error_weight=0.0).apply(rho), rho, atol=ROUNDING)
        assert np.allclose(noise(4, error_weight=1.0).apply(rho), end, atol=ROUNDING)
    ours = SuperOp(channels.depolarizing(4, error_weight=0.2).to_qiskit())
    assert np.allclose(ours.data, SuperOp(depolarizing_error(0.2, 2)).data, atol=ROUNDING)


def test_coherence():
    """coherence"""
    plus = np.full((2, 2), 0.5)
    assert qimg.l1_coherence(plus, basis="pixel") == pytest.approx(1.0)
    columns = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    assert qimg.l1_coherence(plus, basis=columns) == pytest.approx(0.0, abs=ROUNDING)
    # A basis vector of the DCT is pure and incoherent among its own kind: only the columns of U† are that basis.
    vector = transforms.unitary("dct", 8)[3]
    pure = np.outer(vector, vector)
    assert qimg.l1_coherence(pure, basis=transforms.basis("dct", 8)) == pytest.approx(0.0, abs=ROUNDING)
    assert qimg.l1_coherence(pure, basis=transforms.unitary("dct", 8)) > 0.5
    with pytest.raises(TypeError, match="basis"):
        qimg.l1_coherence(plus)


def test_transform_unitary():
    """transform unitary"""
    from scipy.fft import dct

    vectors = random_patches(5, 8)
    matrix = transforms.unitary("dct", 8)
    assert np.allclose(matrix @ vectors[0], dct(vectors[0], norm="ortho"), atol=ROUNDING)
    assert np.allclose(transforms.apply(matrix, vectors), dct(vectors, norm="ortho"), atol=ROUNDING)
    assert np.allclose(transforms.basis("dct", 8)[:, 2], matrix[2], atol=ROUNDING)
    circuit = circuits.transform_circuit("dct", 3)
    assert np.allclose(Operator(circuits.compile_circuit(circuit)).data, matrix, atol=ROUNDING)


def test_2d_transforms():
    """2-D transforms"""
    rows, columns = transforms.unitary("dct", 8), transforms.unitary("haar", 8)
    picture = np.random.default_rng(5).normal(size=(8, 8))
    both = transforms.separable(rows, columns) @ picture.ravel()
    assert np.allclose(both.reshape(8, 8), rows @ picture @ columns.T, atol=ROUNDING)
    register = QuantumCircuit(6)
    register.unitary(columns, [0, 1, 2])
    register.unitary(rows, [3, 4, 5])
    assert np.allclose(Operator(register).data, transforms.separable(rows, columns), atol=ROUNDING)
    gradient = np.tile(np.arange(8.0), (8, 1))  # varies along a row only: horizontal frequencies only
    coefficients = (transforms.unitary("dct_2d", 64) @ gradient.ravel()).reshape(8, 8)
    assert np.abs(coefficients[1:]).max() < 1e-10
    assert abs(coefficients[0, 1]) > 1.0


def test_qft_sign():
    """QFT sign"""
    j, k = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    matrix = np.exp(2j * np.pi * j * k / 8) / np.sqrt(8)
    assert np.allclose(transforms.unitary("dft", 8), matrix, atol=ROUNDING)
    assert np.allclose(matrix, np.fft.ifft(np.eye(8), norm="ortho"), atol=ROUNDING)
    assert np.allclose(Operator(circuits.transform_circuit("qft", 3)).data, matrix, atol=ROUNDING)


def test_bits_per_pixel():
    """bits per pixel"""
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    file = images.jpeg_round_trip(image, quality=50).file
    assert file[:2] == b"\xff\xd8"
    assert file[-2:] == b"\xff\xd9"
    assert metrics.bits_per_pixel(len(file), image.shape) == 8 * len(file) / (24 * 40)


def test_register_dims():
    """register dims"""
    rows, columns = random_density_matrix(4), random_density_matrix(2, seed=1)
    rho = np.kron(rows, columns)
    assert np.allclose(qimg.partial_trace(rho, (4, 2), keep=0), rows, atol=ROUNDING)
    assert np.allclose(qimg.partial_trace(rho, (4, 2), keep=1), columns, atol=ROUNDING)
    qiskit = DensityMatrix(rho, dims=(2, 4))
    assert np.allclose(qiskit_partial_trace(qiskit, [0]).data, rows, atol=ROUNDING)
    colour = np.zeros((8, 8, 3))
    colour[6, 1, 2] = 1.0
    pure = qimg.CorrelationOperator.from_patches(patches.extract_patches(colour)).density_matrix()
    digits = [qimg.partial_trace(pure, (3, 8, 8), keep=k).diagonal().argmax() for k in range(3)]
    assert digits == [2, 6, 1]


def test_erasure_level():
    """erasure level"""
    coefficients = np.random.default_rng(0).normal(size=(2000, 4)) * [20.0, 8.0, 3.0, 1.0]
    channel = qimg.quantization_channel(coefficients, np.full(4, 10.0), reconstruction="centroid")
    rho = qimg.CorrelationOperator.from_patches(coefficients).density_matrix()
    out = channel.apply(rho)
    assert out.shape == (5, 5)
    assert out[4, 4] == pytest.approx(np.diag(rho) @ (1 - channel.gains))
    assert np.trace(out) == pytest.approx(1.0)
    # On three qubits level 4 is flag 1, data 00: Qiskit's "100".
    padded = np.zeros((8, 8))
    padded[:5, :5] = circuits.apply_stinespring(channel.gains, rho).real
    assert DensityMatrix(padded).probabilities_dict()["100"] == pytest.approx(out[4, 4])


def test_widely_linear_pair():
    """widely linear pair"""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 3))
    moments = ComplexMoments.from_real_joint(qimg.CorrelationOperator.from_patches(np.hstack([a, b])))
    psi = a + 1j * b
    assert np.allclose(moments.hermitian, sum(np.outer(x, x.conj()) for x in psi), atol=1e-10)
    assert np.allclose(moments.pseudo, sum(np.outer(x, x) for x in psi), atol=1e-10)


def test_views_of_the_prior():
    """views of the prior"""
    plane = np.random.default_rng(0).uniform(0, 255, (32, 32))
    view = prior.View("luma8")
    (vector,) = view.vectors(plane, [8], [8])
    ring = np.concatenate([plane[7, 7:24], plane[8:24, 7]])
    block = unitary("dct_2d", 64) @ (plane[8:16, 8:16].ravel() - ring.mean())
    assert np.allclose(vector[32:], block, atol=1e-10)
    assert np.allclose(vector[:32], unitary("dct", 33)[1:] @ ring, atol=1e-10)
    (patch,) = prior.View("patch8").vectors(plane, [8], [8])
    assert np.allclose(patch, (unitary("dct_2d", 64) @ plane[8:16, 8:16].ravel())[1:], atol=1e-10)


def test_likelihood():
    """likelihood"""
    patch = np.random.default_rng(0).normal(size=64) / 255
    shipped = prior.load()
    mixture = shipped.mixtures["patch8"].mixture
    coefficients = (unitary("dct_2d", 64) @ (255 * patch))[1:]
    densities = [
        weight * multivariate_normal(np.zeros(63), covariance).pdf(coefficients)
        for weight, covariance in zip(mixture.weights, mixture.covariances, strict=True)
    ]
    # A density per unit of code values / 255 is 255 times as large in each of 63 dimensions.
    expected = np.log(sum(densities)) + 63 * np.log(255)
    assert shipped.log_likelihood(patch) == pytest.approx(expected, rel=1e-9)
    assert shipped.log_likelihood(patch + 0.25) == pytest.approx(expected, rel=1e-9)


def test_excess_code_length():
    """excess code length"""
    model, truth = np.diag([4.0, 2.0]), np.diag([1.0, 2.0])
    noise = 1 / 12
    p, q = (matrix + noise * np.eye(2) for matrix in (model, truth))
    nats = (np.log(np.linalg.det(p) / np.linalg.det(q)) + np.trace(np.linalg.solve(p, q)) - 2) / 2
    excess = metrics.excess_code_length(model, truth, noise_variance=noise)
    assert float(excess) == pytest.approx(nats / np.log(2), rel=1e-12)


def test_sites_of_a_train():
    """sites of a train"""
    picture = np.zeros((8, 8))
    picture[5, 3] = 2.0  # index 0b101011
    train = qimg.picture_train(picture, order="quadtree")
    assert train.layout.sites == ((5, 2), (4, 1), (3, 0))
    # Digits (row bit, column bit), coarse to fine: (1, 0), (0, 1), (1, 1).
    assert np.flatnonzero(np.round(train.train.dense(), 12)).tolist() == [0b10_01_11]
    circuit = circuits.prepare_train(train.train, qubits=train.layout.qubits)
    assert np.allclose(Statevector(circuit).data, qimg.amplitude_encode(picture.ravel()).amplitudes, atol=ROUNDING)
    morton = tensor_train.layout((8, 8), "morton").to_vector(picture)
    assert np.array_equal(morton, picture.ravel()[patches.morton_order(8)])


def test_effort():
    """effort"""
    picture = np.zeros((8, 8), np.uint8)
    for command in (
        lambda effort: qimg.denoise(picture, sigma=1, effort=effort),
        lambda effort: qimg.inpaint(picture, picture > 0, effort=effort),
        lambda effort: qimg.restore(images.jpeg_round_trip(picture, quality=50).file, effort=effort),
        lambda effort: qimg.encode(picture, effort=effort),
    ):
        for effort in (0, 10):
            with pytest.raises(ValueError, match=r"effort must be in \[1, 9\]"):
                command(effort)
    assert np.array_equal(qimg.denoise(picture, sigma=1), qimg.denoise(picture, sigma=1, effort=5))


def test_data_range():
    """data range"""
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert metrics.psnr_db(black, white) == metrics.psnr_db(black / 1.0, white / 1.0, data_range=255) == 0
    assert metrics.psnr_db(black.astype(np.uint16), white.astype(np.uint16) * 257) == 0
    with pytest.raises(ValueError, match="data_range must be given"):
        metrics.psnr_db(black / 1.0, white / 1.0)
