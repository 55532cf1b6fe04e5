"""The experiment `degradations`: its degradations are what they are called, and its comparison favours the others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from experiments.restoration.degradation_methods import MARGIN, NOTHING, OURS, tasks
from experiments.restoration.degradations import Row, best, findings, gain_db, middle, plot, tables
from qimg import images

PLANE = np.rint(images.luma(images.bundled("coffee"))[:120, :140])


def degraded(name: str):
    return tasks((20.0,))[name].degrade(PLANE, np.random.default_rng(0))


def test_noise_has_its_deviation() -> None:
    seen = degraded("noise 20")
    error = seen.plane - PLANE
    assert seen.sigma == 20
    # Standard error of a deviation: 20 / √(2 · 16800) = 0.11.
    assert error.std() == pytest.approx(20, abs=0.5)
    assert error.mean() == pytest.approx(0, abs=0.7)


@pytest.mark.parametrize(("name", "low", "high"), [("half missing", 0.48, 0.52), ("text over it", 0.08, 0.3)])
def test_missing_pixels_are_not_told(name, low, high) -> None:
    seen = degraded(name)
    assert low < seen.missing.mean() < high
    assert_array_equal(seen.plane[~seen.missing], PLANE[~seen.missing])
    assert np.unique(seen.plane[seen.missing]).size == 1


def test_half_size_is_the_box_mean() -> None:
    assert_array_equal(degraded("half size").plane, images.box_mean(images.to_uint8(PLANE), 2))


@pytest.mark.parametrize("name", ["Gaussian blur", "box blur"])
def test_blurs_keep_the_level(name) -> None:
    seen = degraded(name)
    assert seen.kernel.sum() == pytest.approx(1)
    assert seen.margin == MARGIN == len(seen.kernel) // 2
    assert seen.plane.mean() == pytest.approx(PLANE.mean(), abs=0.5)


def test_filters_are_given_what_was_blurred() -> None:
    """Mirrored and blurred on a torus is blurred and mirrored: a Wiener filter's error at the edges is as elsewhere."""
    from scipy.ndimage import convolve

    task = tasks((20.0,))["Gaussian blur"]
    seen = task.degrade(PLANE, np.random.default_rng(0))
    clean = type(seen)(plane=convolve(PLANE, seen.kernel, mode="mirror"), kernel=seen.kernel)
    torus, blurred = (
        np.pad(plane, [(0, length - 2) for length in PLANE.shape], mode="reflect") for plane in (PLANE, clean.plane)
    )
    assert_allclose(convolve(torus, seen.kernel, mode="wrap"), blurred, atol=1e-9)
    error = (task.methods["Wiener"]["balance 0.0001"](clean) - PLANE) ** 2
    assert error.mean() < 0.5 * np.mean((clean.plane - PLANE) ** 2)
    assert error[:MARGIN].mean() < 2 * error.mean()
    assert error[:, -MARGIN:].mean() < 2 * error.mean()


def test_middle() -> None:
    plane = np.arange(35.0).reshape(5, 7)
    assert_allclose(middle(plane, 0), plane[:4, :6])
    assert_allclose(middle(plane, 3), plane[1:3, 2:4])


def row(image: str, method: str, setting: str, psnr: float) -> Row:
    return Row(
        image=image,
        task="noise 20",
        method=method,
        setting=setting,
        psnr_db=psnr,
        ssim=0.5,
        coverage=float("nan"),
        method_seconds=0.0,
    )


def test_others_stand_at_their_best_setting_on_average() -> None:
    rows = [
        row(image, *key, psnr + shift)
        for image, shift in (("a", 0.0), ("b", 2.0))
        for *key, psnr in (
            (NOTHING, "", 20.0),
            (OURS, "effort 1", 30.0),
            (OURS, "effort 5", 30.5),
            ("TV", "weak", 28.0),
            ("TV", "strong", 29.0),
            ("NLM", "", 28.5),
        )
    ]
    assert best(rows, "noise 20") == [
        (NOTHING, ""),
        (OURS, "effort 1"),
        (OURS, "effort 5"),
        ("TV", "strong"),
        ("NLM", ""),
    ]
    gain, rival = gain_db(rows, "noise 20")
    assert (gain, rival) == (pytest.approx(1.5), "TV")
    assert findings(rows) == ["Noise 20: qimg +1.50 dB against TV, the best of the others."]
    assert [line[3] for line in tables(rows)["methods"].rows] == [21.0, 31.0, 31.5, 30.0, 29.5]
    assert tables(rows)["gains"].rows == [["noise 20", 21.0, 0.5, 31.5, 0.5, "TV", 30.0, 0.5, 1.5, 1.5]]
    assert tables(rows)["intervals"].rows == []
    (ax,) = plot(rows).axes
    dots, mean = ax.get_lines()[:2]
    assert_allclose(dots.get_xdata(), [1.5, 1.5])
    assert_allclose(mean.get_xdata(), [1.5])
