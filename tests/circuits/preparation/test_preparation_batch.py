"""Batched preparation: the same as one by one, on any number of threads, from the cache, and gates where they pay."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

import circuits
from qimg import extract_patches, images
from qimg.core.artifacts import ArtifactError, pack
from qimg.states import amplitude_encode


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    return extract_patches(images.to_uint8(images.luma(images.bundled("coffee"))))[::240][:16].astype(float)


def infidelity(vector: np.ndarray, prepared: np.ndarray) -> float:
    return 1 - abs(np.vdot(amplitude_encode(vector).amplitudes, prepared)) ** 2


def test_batch_reaches_the_fidelity_and_its_circuits_are_its_states(patches):
    found = circuits.prepare_batch(patches, fidelity=0.999)
    for patch, preparation in zip(patches, found, strict=True):
        circuit = preparation.circuit()
        assert set(circuit.count_ops()) <= {"ry", "cx"}
        assert circuit.count_ops().get("cx", 0) == preparation.cx
        # A few dozen gates of rounding 1e-16 each.
        np.testing.assert_allclose(Statevector(circuit).data, preparation.statevector(), atol=1e-13)
        assert preparation.infidelity <= 1e-3
        assert infidelity(patch, preparation.statevector()) == pytest.approx(preparation.infidelity, abs=1e-12)
    assert np.mean([preparation.cx for preparation in found]) < 12


def test_complex_vectors_are_prepared_up_to_nothing(patches):
    vectors = (patches[:4, :16] + 1j * patches[4:8, :16]) / 100
    for vector, preparation in zip(vectors, circuits.prepare_batch(vectors), strict=True):
        assert preparation.imaginary
        state = amplitude_encode(vector).amplitudes
        np.testing.assert_allclose(preparation.statevector(), state, atol=1e-10)
        np.testing.assert_allclose(Statevector(preparation.circuit()).data, state, atol=1e-10)


def test_threads_and_loops_give_the_same(patches):
    batch = circuits.prepare_batch(patches[:6], fidelity=0.99, workers=3)
    looped = [circuits.prepare_batch(patch[None], fidelity=0.99)[0] for patch in patches[:6]]
    for one, other in zip(batch, looped, strict=True):
        np.testing.assert_array_equal(one.pairs, other.pairs)
        np.testing.assert_array_equal(one.angles, other.angles)


def test_what_the_cache_knows_is_not_computed_again(patches):
    cache: dict = {}
    first = circuits.prepare_batch(patches[:3], fidelity=0.99, cache=cache)
    steps = []

    def track(items):
        steps.extend(items)
        return items

    again = circuits.prepare_batch(7 * patches[:4], fidelity=0.99, cache=cache, track=track)
    assert [id(one) for one in again[:3]] == [id(one) for one in first]
    assert len(steps) == 1
    assert len(cache) == 4
    circuits.prepare_batch(patches[:3], fidelity=0.9, cache=cache)
    assert len(cache) == 7


def test_an_interrupted_batch_keeps_what_it_finished(patches):
    cache: dict = {}

    def interrupt(items):
        yield from itertools.islice(items, 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        circuits.prepare_batch(patches, fidelity=0.99, cache=cache, track=interrupt)
    assert len(cache) == 2


def test_results_in_files_are_those_that_were_stored(patches, tmp_path):
    vectors = [patches[:3], patches[:2] + 1j * patches[1:3]]
    store = circuits.PreparationStore(tmp_path / "store")
    stored = [one for part in vectors for one in circuits.prepare_batch(part, fidelity=0.9, cache=store)]
    again = circuits.PreparationStore(tmp_path / "store")
    assert len(again) == len(list(again)) == 5
    loaded = [one for part in vectors for one in circuits.prepare_batch(part, fidelity=0.9, cache=again)]
    for one, other in zip(stored, loaded, strict=True):
        np.testing.assert_array_equal(one.pairs, other.pairs)
        np.testing.assert_array_equal(one.angles, other.angles)
        assert (one.n_qubits, one.imaginary, one.infidelity) == (other.n_qubits, other.imaginary, other.infidelity)
    key = next(iter(again))
    (file,) = (tmp_path / "store").glob(f"{key}*")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=f"{key}.preparation: cannot be read as circuits of a vector: it is cut"):
        again[key]
    del again[key]
    with pytest.raises(KeyError):
        again[key]


def _file(*, n_qubits, pairs, angles, infidelity):
    header = {"kind": "preparation", "provenance": {}}
    header |= {"preparations": [{"n_qubits": n_qubits, "imaginary": False}]}
    return pack(header, {"0/pairs": pairs, "0/angles": angles, "0/infidelity": np.array([infidelity])})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": np.array([[0, 0]])}, "pairs must be pairs of 2 qubits"),
        ({"pairs": np.array([[0, 2]])}, "pairs must be pairs of 2 qubits"),
        ({"angles": np.zeros(3)}, "0/angles must be"),
        ({"angles": np.full(4, np.nan)}, "must be finite"),
        ({"n_qubits": 99}, "must have 1 to 8 qubits"),
    ],
)
def test_files_of_other_circuits_are_refused(change, message, tmp_path):
    good = {"n_qubits": 2, "pairs": np.array([[0, 1]]), "angles": np.zeros(4), "infidelity": 0.0}
    store = circuits.PreparationStore(tmp_path)
    store["good"] = [circuits.Preparation(**good)]
    assert store["good"][0].cx == 1
    content = _file(**good | change)
    (tmp_path / "bad.preparation").write_bytes(content)
    with pytest.raises(ArtifactError, match=message):
        store["bad"]


def test_zero_vectors_are_the_first_basis_state():
    preparation = circuits.prepare_batch(np.zeros((1, 8)))[0]
    assert preparation.cx == 0
    np.testing.assert_allclose(preparation.statevector(), np.eye(8)[0], atol=1e-12)


def test_paths_begin_with_a_product_and_improve(patches):
    for path in circuits.preparation_paths(patches[:4], max_cx=6, infidelity=1e-4):
        assert [preparation.cx for preparation in path] == list(range(len(path)))
        assert all(preparation.infidelity > 1e-4 for preparation in path[:-1])
        assert path[-1].infidelity <= 1e-4 or path[-1].cx == 6
        assert path[-1].infidelity <= path[0].infidelity


def test_every_vector_has_its_own_end_of_the_path(patches):
    paths = circuits.preparation_paths(patches[:2], max_cx=9, infidelity=[0.5, 1e-6])
    assert len(paths[0]) == 1
    assert len(paths[1]) > 1


curves = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=1, max_size=4)


@given(curves, st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_equal_slope_is_optimal_among_budgets_that_it_exhausts(curves, budget):
    errors = [np.array(curve, float) for curve in curves]
    chosen = circuits.equal_slope(errors, mean_cx=budget / len(errors))
    spent = chosen.sum()
    assert spent <= budget
    best = min(
        sum(curve[k] for curve, k in zip(errors, sizes, strict=True))
        for sizes in itertools.product(*(range(len(curve)) for curve in errors))
        if sum(sizes) <= spent
    )
    got = sum(curve[k] for curve, k in zip(errors, chosen, strict=True))
    # Steps on the hull are whole: the one that no longer fits is left out, and others may fill the budget after it.
    steps = [curve[0] - curve.min() for curve in errors]
    assert got - best <= max(steps)
    if spent == sum(int(np.argmin(curve)) for curve in errors):
        assert got == best


def test_equal_slope_takes_the_steepest_first():
    errors = [[10.0, 9.0, 8.5], [10.0, 2.0, 1.0]]
    assert circuits.equal_slope(errors, mean_cx=0.5).tolist() == [0, 1]
    assert circuits.equal_slope(errors, mean_cx=1.0).tolist() == [1, 1]
    assert circuits.equal_slope(errors, mean_cx=9.0).tolist() == [2, 2]
    assert circuits.equal_slope([[1.0, 2.0]], mean_cx=3).tolist() == [0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: circuits.prepare_batch(np.ones(4)), r"vectors must have shape \(n, 2\*\*q\)"),
        (lambda: circuits.prepare_batch(np.ones((2, 6))), r"vectors must have shape \(n, 2\*\*q\)"),
        (lambda: circuits.prepare_batch(np.ones((1, 512))), "at most 256 components to be fitted"),
        (lambda: circuits.prepare_batch(np.ones((1, 4)), fidelity=0), r"fidelity must be in \(0, 1\]"),
        (lambda: circuits.prepare_batch(np.ones((1, 4)), effort="much"), "effort must be one of default, search"),
        (lambda: circuits.prepare_batch(np.ones((1, 4)), workers=0), "workers must be an integer of at least 1"),
        (lambda: circuits.preparation_paths(np.ones((1, 4)), max_cx=-1, infidelity=0.1), "max_cx must be"),
        (lambda: circuits.preparation_paths(np.ones((1, 4)), max_cx=1, infidelity=0), "infidelity must be positive"),
        (lambda: circuits.preparation_paths(np.ones((1, 4)), max_cx=1, infidelity=[1, 1]), "infidelity must have"),
        (lambda: circuits.equal_slope([[1.0]], mean_cx=-1), "mean_cx must not be negative"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
