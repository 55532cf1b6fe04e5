"""Comparison of pictures: overlaps are those of the states, squared errors those of NumPy."""

import numpy as np
import pytest

import circuits
from circuits.algorithms.copies import swap_test
from qimg import images


def photograph(height: int, width: int) -> np.ndarray:
    return images.to_uint8(images.luma(images.bundled("coffee")[150 : 150 + height, 200 : 200 + width]))


@pytest.mark.parametrize("method", ["destructive", "ancilla"])
@pytest.mark.parametrize("name", ["amplitude", "frqi"])
def test_intervals_hold_the_overlap_of_the_states(name, method):
    first, second = photograph(4, 4), photograph(4, 4)[::-1, ::-1] // 2
    encoded = [circuits.encode_image(one, name) for one in (first, second)]
    overlap = float(circuits.image_state(encoded[0]) @ circuits.image_state(encoded[1]))
    compared = circuits.compare_pictures(*encoded, shots=20_000, method=method, level=0.999)
    assert compared.fidelity.low <= overlap**2 <= compared.fidelity.high
    assert compared.overlap.low <= abs(overlap) <= compared.overlap.high
    if name == "amplitude":
        error = float(((first.astype(float) - second) ** 2).mean())
        assert compared.mean_squared_error.low <= error <= compared.mean_squared_error.high
    else:
        assert compared.mean_squared_error is None


def test_coverage_of_the_squared_error():
    first, second = photograph(4, 4), photograph(8, 4)[4:]
    encoded = [circuits.encode_image(one, "amplitude") for one in (first, second)]
    error = float(((first.astype(float) - second) ** 2).mean())
    reads = [circuits.compare_pictures(*encoded, shots=2000, seed=seed).mean_squared_error for seed in range(12)]
    # At least 95 % each: 3 standard errors of 6 %.
    assert np.mean([one.low <= error <= one.high for one in reads]) > 0.76


def test_equal_pictures_have_fidelity_1():
    encoded = circuits.encode_image(photograph(2, 2), "neqr")
    compared = circuits.compare_pictures(encoded, encoded, shots=100)
    assert compared.fidelity.value == compared.overlap.value == 1
    assert 10 <= compared.cost.cx <= 30  # at most three CX for each pair of qubits


def test_digits_give_the_share_of_equal_pixels():
    first = photograph(2, 2)
    second = first.copy()
    second[0, 0] ^= 1
    encoded = [circuits.encode_image(one, "neqr") for one in (first, second)]
    compared = circuits.compare_pictures(*encoded, shots=20_000, level=0.999)
    assert compared.overlap.low <= 0.75 <= compared.overlap.high


def test_circuits_and_vectors_give_the_same_swap_test():
    vectors = np.random.default_rng(0).normal(size=(2, 8))
    loads = [circuits.prepare(one / np.linalg.norm(one)) for one in vectors]
    assert swap_test(*loads, shots=5000).value == swap_test(*vectors, shots=5000).value
    loads[0].measure_all()
    with pytest.raises(ValueError, match="first must not measure or reset"):
        swap_test(*loads, shots=10)


def test_pictures_that_do_not_fit_are_refused():
    first = circuits.encode_image(photograph(8, 8), "neqr")
    with pytest.raises(ValueError, match=r"first must have at most 12 qubits: crop the pictures.*but first=14"):
        circuits.compare_pictures(first, first, shots=10)
    small = circuits.encode_image(photograph(4, 4), "frqi")
    with pytest.raises(ValueError, match="second must have the order of first, row_major, but second='morton'"):
        circuits.compare_pictures(small, circuits.encode_image(photograph(4, 4), "frqi", order="morton"), shots=10)
