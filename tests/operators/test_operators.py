"""Correlation operators: they add, they truncate, they survive a file."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from qiskit import quantum_info

from qimg import images
from qimg.core import Array
from qimg.operators import CorrelationOperator, OperatorFileError, purity, von_neumann_entropy
from qimg.patches import extract_patches
from qimg.truncation import discarded_weight

SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = st.sampled_from(["energy", "uniform"])


def samples(seed: int, count: int, dimension: int, *, complex_: bool = True) -> Array:
    real, imaginary = np.random.default_rng(seed).normal(size=(2, count, dimension))
    return real + 1j * imaginary if complex_ else real


def assert_same(first: CorrelationOperator, second: CorrelationOperator, *, rtol: float = 1e-13) -> None:
    """Equal up to the rounding of sums taken in another order."""
    scale = float(np.abs(second.matrix).max())
    assert_allclose(first.matrix, second.matrix, rtol=0, atol=rtol * scale)
    assert_allclose(first.sum, second.sum, rtol=0, atol=rtol * np.sqrt(scale) * max(second.count, 1))
    assert (first.count, first.weights) == (second.count, second.weights)


@given(seed=SEEDS, count=st.integers(1, 12), dimension=st.integers(1, 5), complex_=st.booleans())
def test_second_moments_by_definition(seed: int, count: int, dimension: int, complex_: bool) -> None:
    vectors = samples(seed, count, dimension, complex_=complex_)
    kept = vectors.copy()
    operator = CorrelationOperator.from_patches(vectors)
    assert_allclose(operator.matrix, sum(np.outer(x, x.conj()) for x in vectors), atol=1e-12)
    assert_allclose(operator.sum, vectors.sum(axis=0), atol=1e-12)
    assert_allclose(operator.mean, vectors.mean(axis=0), atol=1e-12)
    assert operator.count == count
    assert_array_equal(vectors, kept)


@given(seed=SEEDS, count=st.integers(1, 12), dimension=st.integers(1, 5))
def test_uniform_weights_average_unit_vectors(seed: int, count: int, dimension: int) -> None:
    vectors = samples(seed, count, dimension) * np.logspace(-3, 3, count)[:, None]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    operator = CorrelationOperator.from_patches(np.vstack([vectors, np.zeros((2, dimension))]), "uniform")
    assert_allclose(operator.matrix, units.T @ units.conj(), atol=1e-12)
    assert_allclose(operator.sum, units.sum(axis=0), atol=1e-12)
    assert_allclose(np.trace(operator.matrix), count)
    assert operator.count == count + 2


@given(seed=SEEDS, cuts=st.lists(st.integers(0, 30), max_size=4), weights=WEIGHTS, complex_=st.booleans())
def test_parts_add_to_the_whole(seed: int, cuts: list[int], weights: str, complex_: bool) -> None:
    vectors = samples(seed, 30, 4, complex_=complex_)
    total = CorrelationOperator.from_patches(np.zeros((0, 4)), weights)
    for part in np.split(vectors, sorted(cuts)):
        total = total + CorrelationOperator.from_patches(part, weights)
    assert_same(total, CorrelationOperator.from_patches(vectors, weights))


def test_addition_leaves_both_operators_alone() -> None:
    first, second = (CorrelationOperator.from_patches(samples(seed, 5, 3)) for seed in (0, 1))
    before = first.matrix.copy(), second.matrix.copy()
    assert_same(first + second, second + first)
    assert_array_equal((first.matrix, second.matrix), before)


def test_many_vectors_are_summed_in_batches_without_loss(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(5000, 64))  # 2.4 MiB: three batches
    operator = CorrelationOperator.from_patches(vectors)
    # A sum of n products rounds to about sqrt(n) · 1e-16 of its terms' size.
    assert_allclose(operator.matrix, vectors.T @ vectors, rtol=0, atol=1e-14 * 5000)
    assert operator.count == 5000


@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 30), st.integers(1, 30)),
        st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 3)),
    ),
    size=st.sampled_from([1, 2, 3, 8]),
    weights=WEIGHTS,
    seed=SEEDS,
)
def test_planes_are_their_level_shifted_patches(shape: tuple[int, ...], size: int, weights: str, seed: int) -> None:
    planes = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    operator = CorrelationOperator.from_planes(planes, size=size, weights=weights)
    assert_same(operator, CorrelationOperator.from_patches(extract_patches(planes, size) - 128.0, weights))


def test_colour_photograph_has_192_dimensions_on_256_levels() -> None:
    operator = CorrelationOperator.from_planes(images.to_ycbcr(images.bundled("coffee")))
    state = operator.to_qiskit()
    assert operator.dimension == 192
    assert state.num_qubits == 8
    assert_array_equal(state.data[:192, :192], operator.density_matrix())
    assert_array_equal(state.data[192:], 0)
    assert_array_equal(state.data[:, 192:], 0)
    # DESIGN.md measured 1.63 bit on Kodak; any photograph is far from the 7.58 bit of white noise.
    assert 0.5 < von_neumann_entropy(operator.density_matrix()) < 3.5


@given(seed=SEEDS, dimension=st.integers(1, 9))
def test_qiskit_reads_the_same_state(seed: int, dimension: int) -> None:
    operator = CorrelationOperator.from_patches(samples(seed, 12, dimension))
    state = operator.to_qiskit()
    assert isinstance(state, quantum_info.DensityMatrix)
    assert state.is_valid()
    assert_allclose(state.purity(), purity(operator.density_matrix()), atol=1e-12)
    assert_allclose(state.data[:dimension, :dimension], operator.density_matrix(), atol=1e-15)


@given(seed=SEEDS, count=st.integers(1, 9), complex_=st.booleans())
def test_covariance_is_numpys(seed: int, count: int, complex_: bool) -> None:
    vectors = samples(seed, count, 3, complex_=complex_) + 5
    covariance = CorrelationOperator.from_patches(vectors).covariance()
    # Subtracting mean mean† of size 25 loses at most two digits.
    assert_allclose(covariance, np.cov(vectors, rowvar=False, bias=True), atol=1e-12)


@given(seed=SEEDS, count=st.integers(1, 8), dimension=st.integers(1, 6))
def test_spectrum_and_eigenbasis_rebuild_the_density_matrix(seed: int, count: int, dimension: int) -> None:
    operator = CorrelationOperator.from_patches(samples(seed, count, dimension))
    rho, basis, weights = operator.density_matrix(), operator.eigenbasis(), operator.spectrum()
    assert_allclose(basis * weights @ basis.conj().T, rho, atol=1e-13)
    assert_allclose(basis.conj().T @ basis, np.eye(dimension), atol=1e-13)
    assert_allclose([weights.sum(), np.trace(rho).real], 1.0, rtol=1e-13)
    assert (np.diff(weights) <= 0).all()
    pivots = basis[np.abs(basis).argmax(axis=0), np.arange(dimension)]
    assert_allclose(pivots, np.abs(pivots), atol=1e-14)


@given(seed=SEEDS, dimension=st.integers(1, 6), data=st.data())
def test_truncation_loses_the_energy_it_discards(seed: int, dimension: int, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, dimension))
    vectors = samples(seed, 10, dimension)
    operator = CorrelationOperator.from_patches(vectors)
    kept = operator.truncate(rank=rank)
    energy = np.trace(operator.matrix).real
    share = 1 - discarded_weight(operator.density_matrix(), rank=rank)
    assert_allclose(np.trace(kept.matrix).real, share * energy, rtol=1e-12)
    assert np.linalg.matrix_rank(kept.matrix, tol=1e-10 * energy) == rank
    projector = operator.eigenbasis()[:, :rank] @ operator.eigenbasis()[:, :rank].conj().T
    assert_same(kept, CorrelationOperator.from_patches(vectors @ projector.T), rtol=1e-12)


@given(seed=SEEDS, dimension=st.integers(1, 6), weights=WEIGHTS)
def test_permuted_operator_is_that_of_permuted_vectors(seed: int, dimension: int, weights: str) -> None:
    vectors = samples(seed, 7, dimension)
    order = np.random.default_rng(seed).permutation(dimension)
    permuted = CorrelationOperator.from_patches(vectors, weights).permuted(order)
    assert_same(permuted, CorrelationOperator.from_patches(vectors[:, order], weights))


@given(seed=SEEDS, count=st.integers(0, 5), dimension=st.integers(1, 5), weights=WEIGHTS, complex_=st.booleans())
def test_file_round_trip(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, dimension: int, weights: str, complex_: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "operator.npz"
    operator = CorrelationOperator.from_patches(samples(seed, count, dimension, complex_=complex_), weights)
    operator.save(path)
    assert_same(CorrelationOperator.load(path), operator, rtol=0)


@pytest.fixture(scope="module")
def operator_file() -> bytes:
    buffer = io.BytesIO()
    operator = CorrelationOperator.from_patches(samples(0, 5, 3))
    header = np.array(["qimg correlation operator", "1", "energy"])
    np.savez(buffer, header=header, matrix=operator.matrix, sum=operator.sum, count=np.int64(5))
    return buffer.getvalue()


@given(share=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_damaged_operator_files_are_named(
    tmp_path_factory: pytest.TempPathFactory, operator_file: bytes, share: float, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    position = int(share * len(operator_file))
    tail = b"" if cut else bytes([operator_file[position] ^ 0xFF]) + operator_file[position + 1 :]
    path.write_bytes(operator_file[:position] + tail)
    try:
        outcome: object = CorrelationOperator.load(path).matrix
    except OperatorFileError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert "damaged.npz: " in outcome
    else:  # a byte that zip does not look at, such as a date
        assert not cut
        assert_array_equal(outcome, CorrelationOperator.from_patches(samples(0, 5, 3)).matrix)


GOOD = {
    "header": np.array(["qimg correlation operator", "1", "energy"]),
    "matrix": np.eye(2),
    "sum": np.zeros(2),
    "count": np.int64(3),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"header": np.array(["qimg correlation operator", "9", "energy"])}, "expected .* version 1, but found .* 9"),
        ({"header": np.array(["other", "1", "energy"])}, "expected qimg correlation operator .* but found other 1"),
        ({"header": np.array(["qimg"])}, "expected qimg correlation operator version 1, but found"),
        ({"header": np.array(["qimg correlation operator", "1", "loud"])}, "weights must be one of energy, uniform"),
        ({"matrix": np.array([[1.0, 2.0], [0.0, 1.0]])}, "matrix must be Hermitian"),
        ({"matrix": np.array([[np.inf, 0.0], [0.0, 1.0]])}, "matrix must be finite"),
        ({"matrix": np.ones((2, 3))}, "matrix must have shape"),
        ({"matrix": np.array([None, 1], object)}, "is no correlation operator, or damaged"),
        ({"sum": np.zeros(3)}, r"sum must have shape \(2,\), but has shape \(3,\)"),
        ({"sum": np.array([np.nan, 0.0])}, "sum must be finite"),
        ({"count": np.int64(-1)}, "count must be an integer of at least 0, but count=-1"),
        ({"count": np.array([1, 2])}, "size 1"),
        ({"count": np.float64(1.5)}, "count must be an integer of at least 0, but count=1.5"),
        ({"count": None}, "is no correlation operator, or damaged"),
        ({"matrix": np.diag([1.0, -1.0])}, "matrix must be positive semidefinite"),
        ({"matrix": np.diag([1e200, 1.0])}, r"matrix and sum must be at most 1e\+140"),
        ({"sum": np.array([9.0, 0.0])}, "sum must have a norm of at most 2.44949 with 3 vectors"),
        ({"header": np.array([None])}, "header must not hold objects"),
    ],
)
def test_what_is_no_operator_file(tmp_path: Path, change: dict[str, Array | None], message: str) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **{name: value for name, value in (GOOD | change).items() if value is not None})
    with pytest.raises(OperatorFileError, match=f"bad.npz: .*{message}"):
        CorrelationOperator.load(path)


def test_missing_operator_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorFileError, match=r"absent\.npz: no such file"):
        CorrelationOperator.load(tmp_path / "absent.npz")


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "operator.npz"
    CorrelationOperator.from_patches(np.eye(2)).save(path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        CorrelationOperator.from_patches(np.eye(3)).save(path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert CorrelationOperator.load(path).dimension == 2


@pytest.mark.parametrize(("dimension", "eigen_pictures"), [(16, 8), (12, 8), (3, 3), (5, 0)])
def test_notebook_display_is_self_contained(dimension: int, eigen_pictures: int) -> None:
    operator = CorrelationOperator.from_patches(samples(0, 1500, dimension))
    text = operator._repr_html_()
    assert "http" not in text
    assert f"dimension {dimension}" in text
    assert "1,500 vectors" in text
    assert f"entropy {float(von_neumann_entropy(operator.density_matrix())):.3f} bit" in text
    pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", text)]
    assert pictures[0].size == (dimension, dimension)
    assert len(pictures) == 1 + eigen_pictures
    assert text.count("<rect") == dimension


def test_display_draws_row_0_at_the_top() -> None:
    operator = CorrelationOperator.from_patches([[5.0, 0.0], [0.0, 0.1]])
    data = re.findall(r"base64,([^\"]+)", operator._repr_html_())[0]
    heat = np.array(Image.open(io.BytesIO(base64.b64decode(data))))
    assert_array_equal(heat[0, 0], [180, 4, 38])
    assert_array_equal(heat[0, 1], [242, 242, 240])


def test_short_texts() -> None:
    operator = CorrelationOperator.from_patches(np.ones((3, 2)))
    assert repr(operator) == "CorrelationOperator(dimension=2, count=3, weights='energy', real)"
    assert "all vectors are zero" in CorrelationOperator.from_patches(np.zeros((3, 2)))._repr_html_()


def operator(**changes: object) -> CorrelationOperator:
    fields: dict[str, object] = {"matrix": np.eye(2), "sum": np.zeros(2), "count": 3, "weights": "energy"}
    return CorrelationOperator(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CorrelationOperator.from_patches([[1.0, np.nan]]), "patches must be finite, but hold NaN"),
        (lambda: CorrelationOperator.from_patches([[1.0, -np.inf]]), "patches must be finite, but hold NaN"),
        (lambda: CorrelationOperator.from_patches([[np.nan, 1.0]], "uniform"), "patches must be finite"),
        (lambda: CorrelationOperator.from_patches(["text"]), "patches must be numeric, but have dtype"),
        (lambda: CorrelationOperator.from_patches([1.0]), r"patches must have shape \(n, d\), but has shape \(1,\)"),
        (lambda: CorrelationOperator.from_patches([[1.0]], "loud"), "weights must be one of energy, uniform, but"),
        (lambda: CorrelationOperator.from_planes(np.zeros(4)), r"plane must have shape \(H, W\)"),
        (lambda: CorrelationOperator.from_planes([[np.nan]]), "planes must be finite"),
        (lambda: CorrelationOperator.from_planes([[1.0]], size=0), "size must be an integer of at least 1"),
        (lambda: operator(matrix=np.array([[1, 2], [0, 1]])), "matrix must be Hermitian, but deviates by 1 of its"),
        (lambda: operator(matrix=np.ones((2, 3))), r"matrix must have shape \(\.\.\., d, d\), but has shape \(2, 3\)"),
        (lambda: operator(count=1.5), "count must be an integer of at least 0, but count=1.5"),
        (lambda: operator() + operator(weights="uniform"), "operators of different weights do not add: energy and"),
        (lambda: operator() + operator(matrix=np.eye(3), sum=np.zeros(3)), "different dimensions do not add: 2 and 3"),
        (lambda: operator(matrix=np.zeros((2, 2))).density_matrix(), "needs a vector that is not zero"),
        (lambda: operator(count=0).mean, "a mean needs at least one vector, but count=0"),
        (lambda: operator(count=0).covariance(), "a mean needs at least one vector, but count=0"),
        (lambda: operator().truncate(rank=0), r"rank must be in \[1, 2\], but rank=0"),
        (lambda: operator().truncate(rank=3), r"rank must be in \[1, 2\], but rank=3"),
        (lambda: operator().permuted([0, 0]), "order must be a permutation of 2 components"),
    ],
)
def test_arguments_are_checked(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_only_operators_add() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        operator() + 1  # type: ignore[operator]


def test_taking_a_set_out_leaves_the_other(rng):
    first, second = rng.normal(size=(30, 5)), rng.normal(size=(20, 5))
    whole = CorrelationOperator.from_patches(np.vstack([first, second]))
    rest = whole - CorrelationOperator.from_patches(second)
    # One subtraction of sums of at most 50 squares.
    np.testing.assert_allclose(rest.matrix, first.T @ first, atol=1e-12)
    np.testing.assert_allclose(rest.sum, first.sum(axis=0), atol=1e-12)
    assert rest.count == 30
    with pytest.raises(ValueError, match="other must be part of the 20 vectors"):
        CorrelationOperator.from_patches(second) - whole


def test_operators_keep_copies_in_double_precision():
    matrix, total = np.eye(2, dtype=np.float32), np.ones(2, dtype=np.float32)
    operator = CorrelationOperator(matrix=matrix, sum=total, count=2, weights="energy")
    matrix[0, 0] = total[0] = 7.0
    np.testing.assert_array_equal(operator.matrix, np.eye(2))
    np.testing.assert_array_equal(operator.sum, np.ones(2))
    assert operator.matrix.dtype == operator.sum.dtype == np.float64


def test_an_operator_that_is_not_positive_has_no_spectrum():
    operator = CorrelationOperator(matrix=np.diag([2.0, -1.0]), sum=np.zeros(2), count=1, weights="energy")
    with pytest.raises(ValueError, match="rho must be positive semidefinite"):
        operator.spectrum()


@pytest.mark.parametrize("dtype", [np.uint16, np.complex128])
def test_planes_are_real_and_in_8_bit_code_values(dtype):
    with pytest.raises(ValueError, match="planes must be real and in 8-bit code values"):
        CorrelationOperator.from_planes(np.ones((8, 8), dtype))
