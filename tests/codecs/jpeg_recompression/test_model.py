"""The models of JPEG coefficients: predictions against their definition, coefficients back as they were."""

import numpy as np
from numpy.testing import assert_array_equal
from scipy.fft import dctn, idctn

from qimg import images
from qimg.codecs.jpeg_recompression import planes
from qimg.codecs.jpeg_recompression.fitting import _set_features, jpeg_files, weights_of
from qimg.codecs.jpeg_recompression.planes import decode_planes, encode_planes
from qimg.codecs.jpeg_recompression.prediction import BITS, expected, new_prediction, predict_block
from qimg.codecs.jpeg_recompression.scans import scanned
from qimg.codecs.jpeg_recompression.statistics import models
from qimg.codecs.jpeg_recompression.surroundings import (
    CURRENT,
    EDGES,
    begin_block,
    new_surroundings,
    set_coefficient,
)
from qimg.core.compiled import compiled

PHOTO = images.bundled("coffee")[100:180, 200:300]


def test_edges_are_the_cosines_of_the_samples_at_the_edges():
    basis = idctn(np.eye(8), norm="ortho", axes=(0,))  # sample, frequency
    assert np.abs(EDGES - 1024 * basis[[0, 1, 7, 6]]).max() <= 0.5


def test_averages_of_coefficients_are_those_of_samples():
    samples = np.random.default_rng(0).integers(-500, 500, (16, 16)).astype(float)
    blocks = dctn(samples.reshape(2, 8, 2, 8), norm="ortho", axes=(1, 3))
    rows = planes._averages(2) / 1024
    total = sum(rows[i] @ blocks[i, :, j] @ rows[j].T for i in range(2) for j in range(2))
    pooled = samples.reshape(8, 2, 8, 2).mean(axis=(1, 3))
    assert np.abs(total - dctn(pooled, norm="ortho")).max() < 10  # matrices are rounded to 2⁻¹¹, 64 terms of about 600


def test_coefficients_come_back_in_parts_of_rows(monkeypatch):
    (jpeg,) = jpeg_files([PHOTO], seed=3)
    file = scanned(jpeg)[0]
    stored = file.coefficients.copy()
    payload = encode_planes(file, models())
    monkeypatch.setattr(planes, "_PART", 3)
    assert encode_planes(file, models()) == payload
    file.coefficients[:] = 0
    decode_planes(payload, file, models())
    assert_array_equal(file.coefficients, stored)


@compiled
def both_ways(prediction, around, place: int, features) -> tuple[int, int, int, int]:
    """Mean and magnitude as the codec computes them, and weighted features as the fit defines them, in eighths."""
    begin_block(around)
    for other in (63, 54, 47, 31, 28):
        if other != place:
            set_coefficient(around, 3, other, 5 - other % 9)
    predict_block(prediction, around, 3, 3)
    mean, size = expected(prediction, around, place, 3)
    _set_features(around, 3, place, features[0], features[1])
    by_weights, size_by_weights = 0, 0
    for i in range(features.shape[1]):
        by_weights += prediction.mean[3, i, place] * features[0, i]
        size_by_weights += prediction.magnitude[3, i, place] * features[1, i]
    return mean, size, (by_weights >> BITS) // around.steps[place], (size_by_weights >> BITS) // around.steps[place]


def test_predictions_are_the_weighted_features_of_the_fit():
    rng = np.random.default_rng(0)
    around = new_surroundings(4, rng.integers(1, 40, 64))
    for name in ("values", "profiles", "others", "sums"):
        part = getattr(around, name)
        part[:] = rng.integers(0 if name == "sums" else -300, 300, part.shape)
    around.values[CURRENT, 3] = 0
    weights = rng.integers(0, 1 << BITS - 2, (2, 4, 16, 64)).astype(np.int32)
    prediction = new_prediction(*weights)
    for place in range(64):
        mean, size, by_weights, size_by_weights = both_ways(prediction, around, place, np.zeros((2, 16), np.int64))
        assert abs(mean - by_weights) <= 1  # the inverse of the step is rounded
        assert abs(size - size_by_weights) <= 1
    assert mean != 0 < size


def test_weights_of_a_fit_are_small_and_of_all_frequencies_of_the_files():
    means, magnitudes = weights_of([scanned(jpeg)[0] for jpeg in jpeg_files([PHOTO], seed=0)])
    assert means.shape == magnitudes.shape == (3, 4, 16, 64)
    assert means[0, 3, :, :3].any(axis=0).all()
    assert magnitudes[0, 3, :, :3].any(axis=0).all()
    assert max(np.abs(means[0, 3]).max(), np.abs(magnitudes[0, 3]).max()) < 8 << BITS
