"""Trains of Fourier and cosine modes: the projection, its error, its bonds, and the bound on truncated trains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.fft import dctn, idctn

from qimg import images
from qimg import tensor_train as tt
from qimg.tensor_train.fourier import BASES

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda shape: max(shape) > 1)


def picture_of(shape: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape) + 2.0


def padded(picture: np.ndarray) -> np.ndarray:
    lengths = [1 << (length - 1).bit_length() for length in picture.shape]
    return np.pad(picture, [(0, full - length) for full, length in zip(lengths, picture.shape, strict=True)], "edge")


def projected(picture: np.ndarray, modes: int, basis: str) -> np.ndarray:
    """The projection by SciPy's cosine transform or NumPy's Fourier transform."""
    if basis == "cosine":
        coefficients = dctn(picture, norm="ortho")
        kept = np.zeros_like(coefficients)
        kept[:modes, :modes] = coefficients[:modes, :modes]
        return np.asarray(idctn(kept, norm="ortho"))
    spectrum = np.fft.fft2(picture)
    low = [np.abs(np.fft.fftfreq(length) * length) < modes for length in picture.shape]
    return np.fft.ifft2(spectrum * np.outer(*low)).real


@settings(max_examples=40, deadline=None)
@given(shapes, st.integers(1, 4), st.sampled_from(BASES), st.integers(0, 99))
def test_the_train_is_the_projection_onto_the_modes(shape, modes, basis, seed) -> None:
    picture = picture_of(shape, seed)
    whole = padded(picture)
    modes = min(modes, max(1, min(whole.shape) // 2))
    result = tt.fourier_train(picture, modes=modes, basis=basis)
    expected = projected(whole, modes, basis)
    # Sums of a few hundred products of numbers of order one.
    assert_allclose(result.train.picture(), expected[: shape[0], : shape[1]], atol=1e-11)
    assert max(result.train.train.bonds, default=1) <= 2 * modes - 1
    error = ((whole - expected) ** 2).sum() / (whole**2).sum()
    assert result.discarded_weight == pytest.approx(error, abs=1e-12)
    truncated = tt.decompose(whole, (2,) * (whole.size.bit_length() - 1), bond=2 * modes - 1)
    assert truncated.discarded_weight <= result.bound + 1e-12


@pytest.mark.parametrize(("basis", "order"), [("cosine", 3), ("fourier", 1)])
def test_the_error_falls_with_the_smoothness_of_the_extension(basis, order) -> None:
    """The even extension of a smooth picture has kinks, modes of weight k⁻⁴; the periodic one has jumps, k⁻²."""
    rows, columns = np.meshgrid(*[(np.arange(512) + 0.5) / 512] * 2, indexing="ij")
    picture = np.exp(rows - 0.5 * columns)
    results = [tt.fourier_train(picture, modes=modes, basis=basis) for modes in (8, 16)]
    # Sums over the missing modes fall as modes⁻³ and modes⁻¹, up to terms of relative size 1/modes.
    ratio = results[0].discarded_weight / results[1].discarded_weight
    assert np.log2(ratio) == pytest.approx(order, abs=0.2)


def test_pictures_that_are_flat_at_the_edges_have_a_tiny_bound() -> None:
    rows, columns = np.meshgrid(*[(np.arange(64) + 0.5) / 64] * 2, indexing="ij")
    picture = np.exp(-50 * (rows - 0.5) ** 2 - 50 * (columns - 0.5) ** 2)
    bounds = [tt.fourier_train(picture, modes=modes).bound for modes in (4, 8, 16)]
    # Modes of a Gaussian of this width have weights proportional to exp(−(πk)²/100).
    assert bounds[0] > 10 * bounds[1] > 1e4 * bounds[2]


def test_a_photograph_keeps_its_mean_and_more_with_more_modes() -> None:
    picture = images.luma(images.box_mean(images.bundled("coffee"), 8)).astype(float)
    results = [tt.fourier_train(picture, modes=modes) for modes in (1, 4, 16)]
    errors = [float(((result.train.picture() - picture) ** 2).sum()) for result in results]
    assert errors[0] > errors[1] > errors[2]
    # A truncated train of the same bonds is nearer than the modes.
    whole = padded(picture)
    truncated = tt.decompose(whole, (2,) * (whole.size.bit_length() - 1), bond=7)
    assert truncated.discarded_weight < results[1].discarded_weight
    assert results[0].train.train.bonds == (1,) * (len(results[0].train.train.cores) - 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tt.fourier_train(np.zeros((4, 4)), modes=1), "picture must not be zero"),
        (lambda: tt.fourier_train(np.ones((4, 4)), modes=3), r"modes must be in \[1, 2\], but modes=3"),
        (lambda: tt.fourier_train(np.ones((4, 4, 3)), modes=1), r"picture must have shape \(H, W\)"),
        (lambda: tt.fourier_train(np.ones((4, 4)), modes=1, basis="haar"), "basis must be one of cosine, fourier"),
    ],
)
def test_errors_name_argument_rule_and_value(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
