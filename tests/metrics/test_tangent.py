"""The tangent error: least squares by brute force in one window, laws, and its gradient by differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from qimg.core import Array
from qimg.metrics import tangent_error, tangent_error_gradient
from qimg.metrics.perceptual import deformation as parts
from qimg.metrics.perceptual import filters
from qimg.metrics.perceptual.scales import MASKING, NOISE, ROBUSTNESS

SEEDS = st.integers(0, 2**32 - 1)
KINDS = list(parts.DEFORMATIONS)


def pair(seed: int, shape: tuple[int, ...] = (19, 26), deviation: float = 20.0) -> tuple[Array, Array]:
    """Smooth random pictures, the second with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape[:2]) / 3
    waves = 60 * np.sin(rows + rng.normal()) + 50 * np.cos(columns * rng.uniform(0.3, 1.5)) + 128
    first = waves if len(shape) == 2 else waves[..., None] * rng.uniform(0.2, 1, shape[2])
    return first, first + rng.normal(0, deviation, shape)


def window_error(first: Array, second: Array, at: tuple[int, int], kind: str) -> float:
    """q of the window at a pixel: weighted least squares with a prior, solved by `lstsq` on the samples themselves."""

    def smooth(plane: Array, row_taps: tuple[float, ...], column_taps: tuple[float, ...]) -> Array:
        padded = np.pad(plane, 1, mode="symmetric")
        height, width = plane.shape
        return sum(
            row_taps[i] * column_taps[j] * padded[i : i + height, j : j + width] for i in range(3) for j in range(3)
        )

    middle = (first + second) / 2
    error = smooth(first - second, filters.SMOOTHING, filters.SMOOTHING)
    mean = smooth(middle, filters.SMOOTHING, filters.SMOOTHING)
    down = smooth(middle, filters.DERIVATIVE, filters.SMOOTHING)
    right = smooth(middle, filters.SMOOTHING, filters.DERIVATIVE)
    rho, gamma = (
        (index - centre) / parts.WINDOW_SIGMA for index, centre in zip(np.indices(first.shape), at, strict=True)
    )
    weights = np.exp(-(rho**2 + gamma**2) / 2) * (np.abs(rho) <= 3) * (np.abs(gamma) <= 3)
    weights /= weights.sum()
    variance = NOISE**2 * 255**2 + MASKING * (np.sum(weights * mean**2) - np.sum(weights * mean) ** 2)
    columns, sigmas = [], []
    for a, b in parts.DEFORMATIONS[kind]:
        columns += [down * rho**a * gamma**b, right * rho**a * gamma**b]
        sigmas += 2 * [parts.SLOPE_SIGMA if a + b else parts.SHIFT_SIGMA]
    root = np.sqrt(weights / variance).ravel()
    system = np.concatenate(
        [np.reshape(columns, (len(columns), first.size)).T * root[:, None], np.diag(1 / np.array(sigmas))]
    )
    right_side = np.concatenate([error.ravel() * root, np.zeros(len(columns))])
    solution = np.linalg.lstsq(system, right_side)[0] if columns else np.zeros(0)
    return float(np.sum((right_side - system @ solution) ** 2))


@pytest.mark.parametrize("kind", KINDS)
def test_every_window_is_a_least_squares_problem(kind):
    first, second = pair(0, (14, 15))
    whole = parts.difference(
        (first - second)[None], ((first + second) / 2)[None], (NOISE * 255) ** 2, parts.DEFORMATIONS[kind]
    )
    (strip,) = parts.residuals(whole)
    for at in ((0, 0), (6, 7), (13, 3), (2, 14)):
        assert_allclose(strip.values[at], window_error(first, second, at, kind), rtol=1e-9)
    # 15 columns: both sides are below 16, so that there is one scale.
    expected = np.log1p(strip.values / ROBUSTNESS).mean()
    assert_allclose(tangent_error(first, second, data_range=255, deformation=kind), expected, rtol=1e-12)


def test_values_are_a_schur_complement():
    """q Z = det [[A + Z/τ², b], [bᵀ, s]] / det (A + Z/τ²)."""
    first, second = pair(1)
    whole = parts.difference(
        (first - second)[None], ((first + second) / 2)[None], (NOISE * 255) ** 2, parts.DEFORMATIONS["shift"]
    )
    (strip,) = parts.residuals(whole)
    at = (9, 11)
    planes = [*(tangent[0] for tangent in whole.tangents), whole.error[0]]
    joint = np.array([[strip.windows.mean(a * b)[at] for a in planes] for b in planes])
    joint[[0, 1], [0, 1]] += strip.variance[at] / parts.SHIFT_SIGMA**2
    ratio = np.linalg.det(joint) / np.linalg.det(joint[:2, :2])
    assert_allclose(strip.values[at] * strip.variance[at], ratio, rtol=1e-9)


@settings(max_examples=6)
@given(seed=SEEDS, kind=st.sampled_from(KINDS), channels=st.sampled_from([None, 3]))
def test_laws(seed, kind, channels):
    shape = (24, 32) if channels is None else (24, 32, channels)
    axis = None if channels is None else 2
    first, second = pair(seed, shape)
    options = {"channel_axis": axis, "deformation": kind}
    error = tangent_error(first, second, data_range=255, **options)
    assert error > 0
    assert tangent_error(first, first, data_range=255, **options) == 0
    # Rounding of sums of squares.
    same = {"rel": 1e-9}
    assert tangent_error(second, first, data_range=255, **options) == pytest.approx(error, **same)
    assert tangent_error(2 * first + 7, 2 * second + 7, data_range=510, **options) == pytest.approx(error, **same)
    turned = [np.swapaxes(picture, 0, 1) for picture in (first, second)]
    assert tangent_error(*turned, data_range=255, **options) == pytest.approx(error, **same)
    flipped = [picture[::-1] for picture in (first, second)]
    # Sides are multiples of 8, so that octaves are symmetric.
    assert tangent_error(*flipped, data_range=255, **options) == pytest.approx(error, **same)


@settings(max_examples=6)
@given(seed=SEEDS)
def test_more_freedom_explains_more(seed):
    errors = [tangent_error(*pair(seed), data_range=255, deformation=kind) for kind in ("none", "shift", "affine")]
    assert errors[0] >= errors[1] >= errors[2] > 0


@settings(max_examples=6)
@given(seed=SEEDS, data=st.data())
def test_a_single_wrong_pixel_is_an_error(seed, data):
    first, _ = pair(seed)
    at = tuple(data.draw(st.integers(0, side - 1)) for side in first.shape)
    second = first.copy()
    second[at] += 1
    assert tangent_error(first, second, data_range=255) > 1e-9


def test_the_finest_pattern_is_seen():
    """The smoothing filter vanishes nowhere: a checkerboard of ±20 on gray is an error."""
    board = 20.0 * (-1) ** np.indices((16, 16)).sum(axis=0)
    assert tangent_error(np.zeros((16, 16)), board, data_range=255) > 1e-3


def test_equal_channels_are_one_channel():
    first, second = pair(3)
    error = tangent_error(first, second, data_range=255)
    colour = [np.stack(3 * [picture], axis=0) for picture in (first, second)]
    assert tangent_error(*colour, data_range=255, channel_axis=0) == pytest.approx(error, rel=1e-12)


def test_channels_move_together():
    """Red and blue moved apart is an error that a common shift does not explain."""
    edge = np.broadcast_to(255.0 / (1 + np.exp(-(np.arange(48.0) - 24) / 2)), (48, 48))
    moved = [np.broadcast_to(255.0 / (1 + np.exp(-(np.arange(48.0) - at) / 2)), (48, 48)) for at in (23.5, 24.5)]
    first = np.stack([edge, edge], axis=-1)
    together, apart = np.stack([moved[0]] * 2, axis=-1), np.stack(moved, axis=-1)
    for second, explained in ((together, 0.6), (apart, 0.0)):
        alone, shifted = (
            tangent_error(first, second, data_range=255, channel_axis=2, deformation=kind) for kind in ("none", "shift")
        )
        assert 1 - shifted / alone == pytest.approx(explained, abs=0.15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("shape", "axis"), [((19, 34), None), ((3, 17, 24), 0)])
def test_gradient_is_that_of_differences(kind, shape, axis):
    rng = np.random.default_rng(4)
    first = rng.uniform(0, 255, shape)
    second = first + rng.normal(0, 20, shape)
    options = {"data_range": 255, "channel_axis": axis, "deformation": kind}
    error, gradient = tangent_error_gradient(first, second, **options)
    assert error == pytest.approx(tangent_error(first, second, **options), rel=1e-12)
    assert gradient.shape == shape
    direction, step = rng.normal(size=shape), 1e-4
    ahead, behind = (tangent_error(first, second + sign * step * direction, **options) for sign in (1, -1))
    # Central differences: the error of order step², and rounding of 1e-16 / step.
    assert_allclose((ahead - behind) / (2 * step), np.sum(gradient * direction), rtol=1e-5)


def test_gradient_of_equal_pictures_vanishes():
    first, _ = pair(5)
    error, gradient = tangent_error_gradient(first, first, data_range=255)
    assert error == 0
    assert not gradient.any()


def test_strips_of_windows_change_nothing(monkeypatch):
    first, second = pair(6)
    expected = tangent_error_gradient(first, second, data_range=255, deformation="affine")
    monkeypatch.setattr(parts, "_STRIP", 60)
    found = tangent_error_gradient(first, second, data_range=255, deformation="affine")
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    assert_allclose(found[1], expected[1], atol=1e-15)


def test_integers_bring_their_range():
    first, second = (np.clip(np.rint(picture), 0, 255).astype(np.uint8) for picture in pair(7))
    assert tangent_error(first, second) == tangent_error(first.astype(float), second.astype(float), data_range=255)


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        (np.zeros((9, 9)), np.zeros((9, 8)), {}, r"image must have shape \(9, 9\) as reference"),
        (np.zeros((7, 9)), np.zeros((7, 9)), {}, "both sides at least 8"),
        (np.zeros((9, 9, 3)), np.zeros((9, 9, 3)), {}, r"\(H, W\) per channel"),
        (np.zeros((9, 9)), np.full((9, 9), np.nan), {}, "image must be finite"),
        (np.zeros((9, 9)), np.zeros((9, 9)), {"data_range": None}, "data_range must be given"),
        (np.zeros((9, 9)), np.zeros((9, 9)), {"data_range": 0}, "data_range must be positive"),
        (np.zeros((9, 9)), np.zeros((9, 9)), {"deformation": "turn"}, "deformation must be one of affine, none, shift"),
    ],
)
def test_errors(first, second, options, message):
    for function in (tangent_error, tangent_error_gradient):
        with pytest.raises(ValueError, match=message):
            function(first, second, **{"data_range": 255, **options})
