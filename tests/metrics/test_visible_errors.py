"""Cases that a measure of visible errors must order. Its constants were frozen on them, before opinion scores."""

import numpy as np
import pytest

from experiments.measures import cases
from qimg import images
from qimg.core import Array
from qimg.metrics import patch_bures, psnr_db, tangent_error

KINDS = [("shift", False), ("shift", True), ("affine", False)]
PHASES = np.arange(0, 8, 0.5)  # a period of the coarsest octave
MEASURED = {"data_range": 255}


def drawn(first: Array, second: Array, kind: str, colour: bool) -> float:
    """Tangent error of two coverages in ink on paper."""
    shown = [cases.painted(coverage, colour=colour) for coverage in (first, second)]
    return tangent_error(*shown, data_range=255, deformation=kind, channel_axis=2 if colour else None)


@pytest.mark.parametrize("width", [1, 1.5, 2])
@pytest.mark.parametrize(("kind", "colour"), KINDS)
def test_a_line_moved_by_half_a_pixel_is_nearly_right_and_a_dotted_line_is_not(kind, colour, width):
    for phase in PHASES if (kind, colour) == KINDS[0] else PHASES[::5]:
        line = cases.line(phase, width=width)
        moved = drawn(line, cases.line(phase + 0.5, width=width), kind, colour)
        dotted = drawn(line, cases.dotted(line), kind, colour)
        missing = drawn(line, np.zeros_like(line), kind, colour)
        assert moved <= missing / 20
        assert moved <= dotted / 10
        assert dotted < missing


def test_mean_squared_error_does_not_tell_a_moved_line_from_a_dotted_one():
    line = cases.line(0)
    moved, dotted = (np.mean((line - other) ** 2) for other in (cases.line(0.5), cases.dotted(line)))
    assert moved > dotted / 3


@pytest.mark.parametrize("height", [18, 36])
@pytest.mark.parametrize(("kind", "colour"), KINDS)
def test_another_letter_is_an_error_and_a_moved_or_turned_one_is_not(kind, colour, height):
    letter = cases.glyph("C", height=height)
    exchanged, other = (drawn(letter, cases.glyph(name, height=height), kind, colour) for name in "OB")
    for motion in ({"shift": (0.5, 0)}, {"shift": (0, 0.5)}, {"shift": (0.35, -0.35)}, {"degrees": 2}):
        assert drawn(letter, cases.glyph("C", height=height, **motion), kind, colour) <= exchanged / 30
    assert exchanged < other


@pytest.fixture(scope="module", params=images.BUNDLED[1:3])
def photograph(request) -> Array:
    return images.luma(images.bundled(request.param))[60:188, 60:188]


def test_errors_of_equal_energy_in_a_photograph(photograph):
    rng = np.random.default_rng(0)
    warped = cases.warped(photograph, rng)
    energy = float(np.mean((warped - photograph) ** 2))
    others = {
        "noise": cases.noisy(photograph, rng, mean_squared_error=energy),
        "hot pixels": cases.with_hot_pixels(photograph, rng, mean_squared_error=energy),
        "blur": cases.blurred(photograph, mean_squared_error=energy),
    }
    errors = {name: tangent_error(photograph, other, **MEASURED) for name, other in others.items()}
    assert tangent_error(photograph, warped, **MEASURED) < 0.75 * errors["noise"]
    assert tangent_error(photograph, warped, **MEASURED) < 0.75 * errors["blur"]
    # Few pixels that are far off weigh less than the same energy everywhere.
    assert errors["hot pixels"] < 0.8 * errors["noise"]
    for other in others.values():  # one hot pixel of 128² has up to 0.17 dB
        assert psnr_db(photograph, other, data_range=255) == pytest.approx(
            psnr_db(photograph, warped, data_range=255), abs=0.2
        )
    statistics = {name: patch_bures(photograph, other, **MEASURED) for name, other in others.items()}
    for states in ("diagonal", "full"):
        assert patch_bures(photograph, warped, **MEASURED, states=states) < min(statistics.values()) / 3


def test_errors_grow_with_strength(photograph):
    shown = images.to_uint8(photograph)
    compressed = [images.jpeg_round_trip(shown, quality=quality).image for quality in (90, 60, 30, 10, 5)]
    blurred = [cases.blurred(photograph, mean_squared_error=energy) for energy in (5, 20, 80)]
    noise = np.random.default_rng(0).normal(size=photograph.shape)
    noisy = [photograph + deviation * noise for deviation in (1, 3, 9, 27)]
    for measure in (tangent_error, patch_bures):
        for pictures, original in ((compressed, shown), (blurred, photograph), (noisy, photograph)):
            errors = [measure(original, other, data_range=255) for other in pictures]
            assert errors == sorted(errors)
            assert errors[0] < errors[-1] / 3


@pytest.mark.parametrize("states", ["diagonal", "full"])
def test_another_sample_of_a_texture_has_its_patches(states):
    """Near in patch statistics, far from flat; pixels, and with them the tangent error, tell only that all is wrong."""
    first, second = (cases.texture(np.random.default_rng(seed)) for seed in (0, 1))
    flat = np.full_like(first, 128)
    assert (
        patch_bures(first, second, **MEASURED, states=states) < patch_bures(first, flat, **MEASURED, states=states) / 4
    )
    assert tangent_error(first, second, **MEASURED) > tangent_error(first, flat, **MEASURED)
    weighted = [patch_bures(first, other, **MEASURED, states=states, fidelity=1) for other in (second, flat)]
    assert weighted[0] > weighted[1] / 2
