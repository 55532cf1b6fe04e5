"""The statistics of the synthesis experiment on fields whose values are known, and what its figure is given."""

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from experiments.operators import synthesis
from experiments.operators import texture_statistics as statistics
from experiments.operators.synthesis_figure import board, encoded
from qimg.prior import GaussianMixture, JointMixture, View

pytestmark = pytest.mark.slow


def power_law_field(exponent: float, seed: int, side: int = 256) -> np.ndarray:
    """White noise whose spectrum was made to fall as frequency to the power `exponent`."""
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = np.inf
    return np.fft.ifft2(white * frequency ** (exponent / 2)).real


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -2.5])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    slopes = [
        statistics.spectral_slope(statistics.radial_spectrum(power_law_field(exponent, seed))) for seed in range(6)
    ]
    # The lowest bins hold a few dozen exponentially distributed values each; the spread over seeds is 0.03.
    assert np.mean(slopes) == pytest.approx(exponent, abs=0.06)


def test_the_slope_does_not_depend_on_level_and_contrast():
    field = power_law_field(-2.0, 0)
    slope = statistics.spectral_slope(statistics.radial_spectrum(field))
    assert statistics.spectral_slope(statistics.radial_spectrum(50 + 9 * field)) == pytest.approx(slope, abs=1e-6)
    assert math.isnan(statistics.spectral_slope(statistics.radial_spectrum(np.full((32, 32), 7.0))))


def test_edges_of_a_polygon_go_on_and_those_of_noise_do_not():
    rows, columns = np.mgrid[:256, :256] - 128
    square = np.where((abs(rows) < 100) & (abs(columns) < 100), 200.0, 50.0)
    # Two directions in equal parts prefer none; only near the four corners does a tangent lead into nothing.
    assert statistics.edge_continuation(square, 16) > 0.8
    noise = np.random.default_rng(0).standard_normal((256, 256))
    # 2 · 3277 strong pixels, of which about a tenth are independent: standard error 0.03 with the magnitudes' weights.
    assert abs(statistics.edge_continuation(noise, 16)) < 0.1
    stripes = np.sin(rows / 3.0)
    # All have one direction, so that its preference explains everything.
    assert abs(statistics.edge_continuation(stripes, 16)) < 0.02
    assert math.isnan(statistics.edge_continuation(np.full((64, 64), 3.0), 16))


def test_contrast_reaches_as_far_as_it_is_made_to():
    rng = np.random.default_rng(0)
    strength = rng.choice([1.0, 30.0], size=(16, 16)).repeat(32, 0).repeat(32, 1)
    field = strength * rng.standard_normal((512, 512))
    near, far = (statistics.contrast_correlation(field, distance) for distance in (8, 64))
    # At 8 of 32 pixels three quarters of the pairs share a region; at 64 none does, 256 regions leave 1/16 of chance.
    assert near > 0.5
    assert abs(far) < 0.25
    assert abs(statistics.contrast_correlation(rng.standard_normal((512, 512)), 32)) < 0.02


def test_seams_are_seen_at_borders_of_blocks_alone():
    rng = np.random.default_rng(0)
    white = rng.standard_normal((256, 256))
    assert statistics.seam_ratio(white) == pytest.approx(1.0, abs=0.06)
    blocks = rng.standard_normal((32, 32)).repeat(8, 0).repeat(8, 1)
    # Differences across borders: 2 + 2 for two fields; inside, those of one field alone.
    assert statistics.seam_ratio(white + blocks) == pytest.approx(2.0, abs=0.2)
    assert math.isnan(statistics.seam_ratio(np.full((16, 16), 1.0)))


def test_kurtosis_of_known_laws():
    rng = np.random.default_rng(0)
    values = np.stack([rng.standard_normal(200_000), rng.laplace(size=200_000), np.full(200_000, 3.0)], axis=1)
    normal, laplace, constant = statistics.kurtosis(values)
    # Standard errors √(24/n) = 0.011 and, with E x⁸ = 8!, about 0.1.
    assert normal == pytest.approx(3, abs=0.06)
    assert laplace == pytest.approx(6, abs=0.5)
    assert math.isnan(constant)


def test_a_common_scale_correlates_magnitudes_and_spreads_energy():
    rng = np.random.default_rng(0)
    mixture = GaussianMixture.from_covariances([1.0], np.eye(63)[None])
    normal = rng.standard_normal((20_000, 63))
    scaled = normal * np.exp(0.7 * rng.standard_normal((20_000, 1)))
    assert abs(statistics.magnitude_correlation(normal)) < 0.005
    assert statistics.magnitude_correlation(scaled) > 0.2
    # Variance of a squared χ² deviation: relative error of the mean below √(15/n).
    assert statistics.energy_spread(normal, mixture) == pytest.approx(1.0, abs=5 * math.sqrt(15 / 20_000))
    assert statistics.energy_spread(scaled, mixture) > 10


def test_windows_are_counted_by_the_energy_of_their_class():
    view = View("luma4")
    strengths = np.array([1.0, 100.0, 400.0, 1e4])
    covariances = strengths[:, None, None] * (view.analysis @ view.analysis.T)
    model = JointMixture(view, GaussianMixture.from_covariances(np.full(4, 0.25), covariances))
    plane = np.random.default_rng(0).standard_normal((64, 128))
    assert statistics.busy_share(20 * plane, model) == 0.0
    plane[:, 64:] *= 100
    # Half of the windows, but for the few that lie across the border and look like the stronger side.
    assert statistics.busy_share(plane, model) == pytest.approx(0.5, abs=0.1)


def test_boards_show_patches_in_order():
    patches = np.zeros((5, 64))
    patches[1], patches[3] = 20.0, -20.0
    shown = board(patches, 20.0)
    assert shown.shape == (26, 26)
    assert (shown[:8, 9:17] == 255).all()
    assert (shown[9:17, :8] == 1).all()
    assert (shown[:8, :8] == 128).all()
    assert (shown[8] == 255).all()


def test_gray_pictures_of_rows_are_exact():
    gray = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    with Image.open(io.BytesIO(base64.b64decode(encoded(gray)))) as file:
        np.testing.assert_array_equal(np.array(file), gray)
    colour = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    with Image.open(io.BytesIO(base64.b64decode(encoded(colour)))) as file:
        assert np.abs(np.array(file).astype(int) - colour).max() < 6


def row(source: str, image: str, value: float) -> synthesis.Row:
    return synthesis.Row(source=source, image=image, statistic="slope", x=math.nan, value=value)


@pytest.mark.parametrize(("drawn", "shared"), [(1.9, False), (2.1, True), (3.9, True), (4.1, False)])
def test_shared_is_the_middle_half_of_the_pictures(drawn, shared):
    rows = [row("real", str(k), float(k)) for k in range(1, 6)]
    rows += [row("real", "pooled", 100.0), *(row("prior texture", str(k), drawn) for k in range(3))]
    # The quartiles of 1 … 5 are 2 and 4.
    assert synthesis.shared(rows, "slope", "prior texture") == shared
