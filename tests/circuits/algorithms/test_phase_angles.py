"""Phase angles give their polynomial, polynomials approximate their function, and both refuse what is out of reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

import circuits


def signal(angles: np.ndarray, x: float) -> complex:
    """⟨0| e^{iφ₀Z} ∏ W(x) e^{iφ_jZ} |0⟩ by products of matrices."""
    w = np.array([[x, 1j * np.sqrt(1 - x * x)], [1j * np.sqrt(1 - x * x), x]])
    product = np.diag([np.exp(1j * angles[0]), np.exp(-1j * angles[0])])
    for angle in angles[1:]:
        product = product @ w @ np.diag([np.exp(1j * angle), np.exp(-1j * angle)])
    return complex(product[0, 0])


def bounded(coefficients: np.ndarray, modulus: float) -> circuits.Polynomial:
    largest = np.abs(chebyshev.chebval(np.cos(np.linspace(0, np.pi, 20001)), coefficients)).max()
    return circuits.Polynomial(coefficients=coefficients * modulus / largest, factor=1.0, error=0.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 120), st.floats(0.05, 0.999))
def test_angles_give_any_bounded_polynomial(seed, degree, modulus) -> None:
    coefficients = np.random.default_rng(seed).normal(size=degree + 1)
    coefficients[1 - degree % 2 :: 2] = 0
    polynomial = bounded(coefficients, modulus)
    phases = circuits.phase_angles(polynomial)
    assert np.array_equal(phases.angles, phases.angles[::-1])
    for x in np.random.default_rng(seed).uniform(0, 1, 5):
        assert signal(phases.angles, x).imag == pytest.approx(polynomial(x), abs=1e-10)


@pytest.mark.parametrize("degree", [1000, pytest.param(4000, marks=pytest.mark.slow), 1501])
def test_angles_of_high_degree(degree) -> None:
    polynomial = circuits.approximate(
        lambda s: np.exp(-4 * s) if degree % 2 == 0 else np.tanh(30 * s),
        parity=["even", "odd"][degree % 2],
        degree=degree,
    )
    phases = circuits.phase_angles(polynomial)
    assert phases.deviation < 1e-10
    x = 0.3
    assert signal(phases.angles, x).imag == pytest.approx(polynomial(x), abs=1e-10)


def test_angles_of_a_polynomial_that_is_no_block_are_refused() -> None:
    with pytest.raises(RuntimeError, match="miss the polynomial"):
        circuits.phase_angles(circuits.Polynomial(coefficients=np.array([0.0, 1.3]), factor=1.0, error=0.0))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.floats(0.05, 2), st.sampled_from(["even", "odd"]))
def test_polynomials_have_their_parity_bound_and_error(half, noise, parity) -> None:
    degree = 2 * half - (parity == "odd")

    def function(s):
        return s * s / (s * s + noise) if parity == "even" else s / (s + noise)

    polynomial = circuits.approximate(function, parity=parity, degree=degree)
    x = np.linspace(0, 1, 4001)
    assert np.abs(polynomial(x)).max() < 1
    assert np.allclose(polynomial(-x), polynomial(x) * (1 if parity == "even" else -1))
    miss = np.abs(polynomial(x) / polynomial.factor - function(x)).max()
    assert miss <= polynomial.error * 1.02 + 1e-3  # between the points of the fit


def test_the_minimax_error_is_least_and_falls_geometrically() -> None:
    """The pole of s²/(s² + ν) at i√ν gives the rate √ν + √(1 + ν) of Bernstein's ellipse."""
    noise = 0.04
    errors = [
        circuits.approximate(lambda s: s * s / (s * s + noise), parity="even", degree=degree).error
        for degree in (10, 20, 30)
    ]
    rate = np.sqrt(noise) + np.sqrt(1 + noise)
    assert np.log(errors[0] / errors[1]) / 10 == pytest.approx(np.log(rate), rel=0.1)
    assert np.log(errors[1] / errors[2]) / 10 == pytest.approx(np.log(rate), rel=0.1)
    x = np.cos(np.linspace(0, np.pi / 2, 999))
    series = chebyshev.chebinterpolate(lambda s: s * s / (s * s + noise), 20)
    assert errors[1] < np.abs(chebyshev.chebval(x, series) - x * x / (x * x + noise)).max()


def test_a_degree_is_chosen_for_an_error() -> None:
    polynomial = circuits.approximate(lambda s: s * s / (s * s + 0.01), parity="even", error=1e-3)
    assert polynomial.error <= 1e-3
    less = circuits.approximate(
        lambda s: s * s / (s * s + 0.01), parity="even", degree=int(polynomial.degree * 0.9) // 2 * 2
    )
    assert less.error > 1e-3
    constant = circuits.approximate(lambda s: 0 * s + 0.5, parity="even", error=1e-9)
    assert constant.degree == 2


def test_points_with_weights_take_a_lower_degree() -> None:
    points = np.array([0.02, 0.2, 0.5, 1.0])
    narrow = circuits.approximate(lambda s: s * s / (s * s + 0.001), parity="even", degree=12, points=points)
    wide = circuits.approximate(lambda s: s * s / (s * s + 0.001), parity="even", degree=12)
    assert narrow.error < wide.error / 2
    weights = np.array([1.0, 1.0, 1.0, 1000.0])
    weighted = circuits.approximate(
        lambda s: s * s / (s * s + 0.001), parity="even", degree=4, points=points, weights=weights
    )
    same = circuits.approximate(lambda s: s * s / (s * s + 0.001), parity="even", degree=4, points=points)

    def miss(polynomial):
        return abs(polynomial(1.0) / polynomial.factor - 1 / 1.001)

    assert miss(weighted) < miss(same)


def test_what_no_degree_reaches_is_refused_with_what_is_reached() -> None:
    with pytest.raises(ValueError, match=r"error must be at least 0\.\d+, that of degree 3999"):
        circuits.approximate(lambda s: (s > 0.5).astype(float), parity="odd", error=1e-6)
    with pytest.raises(ValueError, match="degree must be odd, but degree=4"):
        circuits.approximate(lambda s: s, parity="odd", degree=4)
    with pytest.raises(ValueError, match="one at a time"):
        circuits.approximate(lambda s: s, parity="odd")
    with pytest.raises(ValueError, match=r"degree must be in \[1, 4000\]|4000"):
        circuits.approximate(lambda s: s, parity="odd", degree=5001)
    with pytest.raises(ValueError, match="interval must be 0 <= a < b <= 1"):
        circuits.approximate(lambda s: s, parity="odd", degree=3, interval=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"finite|NaN"):
        circuits.approximate(lambda s: s * np.nan, parity="odd", degree=3, points=[0.5])
