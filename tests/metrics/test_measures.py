"""The list of measures: what it promises of each, and what is not defined for a picture."""

import numpy as np
import pytest

from qimg import images, metrics
from qimg.metrics import MEASURES, measure

PHOTOGRAPH = images.to_uint8(images.luma(images.bundled("coffee")))[:200, :190]
NOISY = images.to_uint8(PHOTOGRAPH + np.random.default_rng(0).normal(0, 8, PHOTOGRAPH.shape))
NOISIER = images.to_uint8(PHOTOGRAPH + np.random.default_rng(0).normal(0, 30, PHOTOGRAPH.shape))


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_best_for_equal_pictures_and_falls_with_noise(name) -> None:
    if name == "ssimulacra2":
        pytest.importorskip("ssimulacra2")
    chosen = MEASURES[name]
    little, much = (measure(name, PHOTOGRAPH, image) for image in (NOISY, NOISIER))
    assert measure(name, PHOTOGRAPH, PHOTOGRAPH) == pytest.approx(chosen.best)
    assert (chosen.best > little > much) if chosen.higher_is_better else (chosen.best < little < much)


@pytest.mark.parametrize("name", MEASURES)
def test_pictures_that_are_too_small_have_no_measure(name) -> None:
    smallest = MEASURES[name].smallest
    assert np.isnan(measure(name, PHOTOGRAPH[: smallest - 1], NOISY[: smallest - 1]))
    if name != "ssimulacra2":
        assert np.isfinite(measure(name, PHOTOGRAPH[:smallest], NOISY[:smallest]))


def test_an_unknown_measure_is_named() -> None:
    with pytest.raises(ValueError, match=r"name must be one of gmsd, .*, but name='mos'"):
        measure("mos", PHOTOGRAPH, NOISY)


def test_psnr_of_a_mean_error_is_that_of_the_pictures() -> None:
    error = float(np.sum((PHOTOGRAPH - NOISY.astype(float)) ** 2))
    found = metrics.psnr_of_error(error / PHOTOGRAPH.size, data_range=255)
    assert found == pytest.approx(metrics.psnr_db(PHOTOGRAPH, NOISY), rel=1e-12)
    assert metrics.psnr_of_error(0, data_range=255) == np.inf
