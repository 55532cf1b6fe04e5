"""The tangent error of small errors as a quadratic form: order of convergence, gradient, and brute-force diagonals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from qimg.core import Array
from qimg.metrics import TangentForm, tangent_error, tangent_error_gradient, tangent_weights
from qimg.metrics.perceptual.deformation import DEFORMATIONS
from qimg.metrics.perceptual.octave_weights import octave_matrix, passed_energy, response

KINDS = list(DEFORMATIONS)
SHAPES = [((37, 42), None), ((20, 33, 3), -1)]


def picture(shape: tuple[int, ...]) -> Array:
    rows, columns = np.indices(shape[:2]) / 3
    waves = 60 * np.sin(rows) + 50 * np.cos(0.7 * columns) + 128
    return waves if len(shape) == 2 else waves[..., None] * np.array([1.0, 0.5, 0.3])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_the_form_is_the_tangent_error_up_to_third_order(shape, axis, kind):
    whole, options = picture(shape), {"data_range": 255, "channel_axis": axis, "deformation": kind}
    error = np.random.default_rng(0).normal(size=shape)
    form = TangentForm(whole, **options)
    sizes = np.array([0.1, 0.05, 0.025])
    rest = [abs(tangent_error(whole, whole + size * error, **options) - form(size * error)) for size in sizes]
    # Third order; the fourth one is of relative size 0.1.
    assert np.diff(np.log(rest)) / np.diff(np.log(sizes)) == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_the_action_is_half_the_gradient(shape, axis, kind):
    whole, options = picture(shape), {"data_range": 255, "channel_axis": axis, "deformation": kind}
    error = np.random.default_rng(1).normal(size=shape)
    form = TangentForm(whole, **options)
    action = form.apply(error)
    assert_allclose(np.vdot(error, action), form(error), rtol=1e-12)
    assert action.shape == shape
    size = 1e-3
    _, gradient = tangent_error_gradient(whole, whole + size * error, **options)
    assert_allclose(gradient / (2 * size), action, atol=1e-4 * np.abs(action).max())


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(KINDS))
def test_the_form_is_symmetric_and_positive_and_a_deformation_lowers_it(seed, kind):
    rng = np.random.default_rng(seed)
    whole = picture((18, 21)) + rng.normal(0, 10, (18, 21))
    first, second = rng.normal(size=(2, 18, 21))
    form = TangentForm(whole, data_range=255, deformation=kind)
    assert_allclose(np.vdot(first, form.apply(second)), np.vdot(second, form.apply(first)), rtol=1e-10, atol=1e-15)
    assert 0 < form(first) <= TangentForm(whole, data_range=255, deformation="none")(first) * (1 + 1e-12)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_the_diagonal_is_that_of_single_pixels(shape, axis):
    whole = picture(shape)
    none, shift = (TangentForm(whole, data_range=255, channel_axis=axis, deformation=kind) for kind in KINDS[:2])
    diagonal = none.diagonal()
    assert_allclose(shift.diagonal(), diagonal, rtol=1e-12)
    for at in ((0, 0), (3, 4), (19, 20), (11, 32)):
        error = np.zeros(shape)
        error[at if axis is None else (*at, 1)] = 1
        assert_allclose(none(error), diagonal[at], rtol=1e-12)
        # Waves of one direction everywhere: two of about 25 samples of a window are explained, more near the border.
        assert 0.7 * diagonal[at] < shift(error) <= diagonal[at]


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_weights_of_octaves_give_the_form_without_deformation(shape, axis):
    whole = picture(shape)
    error = np.random.default_rng(2).normal(size=shape)
    maps = tangent_weights(whole, data_range=255, channel_axis=axis)
    planes = [error] if axis is None else list(np.moveaxis(error, -1, 0))
    total = 0.0
    for octave, weights in enumerate(maps):
        rows, columns = (octave_matrix(n, octave) for n in shape[:2])
        assert weights.shape == (shape[0] >> octave, shape[1] >> octave)
        total += float(np.mean([np.mean(weights * (rows @ plane @ columns.T) ** 2) for plane in planes]))
    form = TangentForm(whole, data_range=255, channel_axis=axis, deformation="none")
    assert_allclose(total / len(maps), form(error), rtol=1e-12)


@pytest.mark.parametrize("octave", range(4))
def test_octaves_keep_the_mean_and_pass_noise_as_stated(octave):
    assert response(octave).sum() == pytest.approx(1, abs=1e-5)
    rows = octave_matrix(128, octave).toarray()[3:-3]  # without the mirror at the borders
    assert_allclose((rows**2).sum(axis=1), np.sqrt(passed_energy(octave)), rtol=1e-12)


def test_errors():
    form = TangentForm(picture((16, 16)), data_range=255)
    with pytest.raises(ValueError, match=r"error must have shape \(1, 16, 16\), but error=\(1, 16, 15\)"):
        form(np.zeros((16, 15)))
    with pytest.raises(ValueError, match="deformation must be one of"):
        TangentForm(picture((16, 16)), data_range=255, deformation="turn")
    with pytest.raises(ValueError, match="data_range must be given"):
        tangent_weights(picture((16, 16)))
