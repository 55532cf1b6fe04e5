"""The experiment on complex chroma: what it counts, what it predicts, and what it leaves out."""

import dataclasses
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from experiments._run import runner
from experiments._run.pictures import bundled
from experiments.operators import complex_chroma
from qimg import images, metrics
from qimg.core import Array
from qimg.operators import ComplexMoments, conditional_expectation

pytestmark = pytest.mark.slow

NOISE = 1 / 12


@pytest.fixture(scope="module")
def rows() -> list[complex_chroma.Row]:
    return complex_chroma.run(complex_chroma.TINY)


def on_pictures(folder: Path, **pictures: Array) -> complex_chroma.Params:
    for name, pixels in pictures.items():
        images.save(pixels, folder / f"{name}.png")
    return dataclasses.replace(complex_chroma.TINY, images=(str(folder),), box_mean=1)


def test_the_trial_does_not_run_it():
    assert "complex_chroma" not in runner.TRIAL
    assert "complex_chroma" in runner.EXPERIMENTS
    assert runner.question("complex_chroma").startswith("What does the phase of chroma carry")


def test_a_gray_picture_has_no_chroma(tmp_path: Path):
    photograph = images.bundled("coffee")[:48, :64]
    gray = on_pictures(tmp_path, gray=photograph[..., 1], gray_in_rgb=np.repeat(photograph[..., :1], 3, axis=2))
    assert complex_chroma.run(gray) == []
    assert complex_chroma.findings([]) == ["No picture is in colour, so there is no chroma."]
    mixed = complex_chroma.run(on_pictures(tmp_path, colour=photograph))
    assert [row.image for row in mixed] == ["colour", "pooled"]
    assert mixed[0].fitted_on == len(images.BUNDLED)


def test_rows_follow_from_the_moments(rows: list[complex_chroma.Row]):
    pictures = bundled(box_mean=complex_chroma.TINY.box_mean)
    operators = [complex_chroma.chroma_operator(picture) for picture in pictures]
    for row, operator in zip(rows, [*operators, reduce(add, operators)], strict=True):
        moments = ComplexMoments.from_real_joint(operator)
        assert row.pseudo_ratio == pytest.approx(moments.pseudo_ratio, rel=1e-9)
        assert row.patches == operator.count
        # Two ways to the same bits: circularity coefficients, and log-determinants of real operators.
        assert row.proper_excess_bits_per_pixel * 64 == pytest.approx(row.proper_excess_bits_per_patch, rel=1e-8)
        difference = 1 + row.entropy_hermitian_bits - row.entropy_joint_bits
        assert row.asymmetry_bits == pytest.approx(difference, abs=1e-9)
        assert len(row.circularity) == 64
        # With its own moments no code is shorter than that of all moments.
        own = (
            row.proper_excess_bits_per_pixel,
            row.separate_excess_bits_per_pixel,
            row.turned_excess_bits_per_pixel,
        )
        assert min(own) >= -1e-12
        assert 0 <= row.axis_share <= 1


def test_excess_is_the_difference_of_gaussian_code_lengths():
    """log₂ of explicit densities, averaged over the patches with the noise's share of the quadratic form by hand."""
    pictures = bundled(box_mean=8)
    model, data = (complex_chroma.chroma_operator(picture) for picture in pictures[:2])
    covariance = model.matrix / model.count
    proper = ComplexMoments.from_real_joint(model).proper().to_real_joint().matrix / model.count
    apart = covariance.copy()
    apart[:64, 64:] = apart[64:, :64] = 0

    def bits(matrix: Array) -> float:
        noisy = matrix + NOISE * np.eye(128)
        inverse = np.linalg.inv(noisy)
        quadratic = np.sum(inverse * (data.matrix / data.count + NOISE * np.eye(128)))
        return float(0.5 * np.linalg.slogdet(2 * np.pi * noisy)[1] + 0.5 * quadratic) / np.log(2)

    excess = complex_chroma.excess_bits(model, data, noise_variance=NOISE)
    assert excess["proper"] == pytest.approx(bits(proper) - bits(covariance), rel=1e-9)
    assert excess["separate"] == pytest.approx(bits(apart) - bits(covariance), rel=1e-9)


def test_turning_to_the_axis_helps_where_one_axis_is_all_there_is(rng: np.random.Generator):
    """Two independent planes turned by one angle: coded apart they cost nothing once the plane is turned back."""
    angle = 0.4
    planes = rng.normal(size=(4000, 64)) * 5 + 1j * rng.normal(size=(4000, 64))
    # Each sign of each plane: no correlation between the two at all.
    planes = np.concatenate([planes, planes.conj(), -planes, -planes.conj()])
    joint = ComplexMoments.from_patches(planes * np.exp(1j * angle)).to_real_joint()
    excess = complex_chroma.excess_bits(joint, joint, noise_variance=NOISE)
    assert excess["turned"] == pytest.approx(0, abs=1e-9)
    assert min(excess["separate"], excess["proper"]) > 1


def test_neighbours_are_the_pixels_left_of_the_block():
    chroma = np.arange(20 * 24).reshape(20, 24) * (1 + 1j)
    for columns in (1, 3, 8):
        seen, blocks = complex_chroma.neighbours_and_blocks(chroma, columns)
        assert (seen.shape, blocks.shape) == ((6, 8 * columns), (6, 64))
        # The second block of the second row of blocks, and what lies left of it.
        assert_allclose(blocks[2].reshape(8, 8), chroma[8:16, 8:16])
        assert_allclose(seen[2].reshape(8, columns), chroma[8:16, 8 - columns : 8])
    seen, blocks = complex_chroma.neighbours_and_blocks(chroma[:, :8], 1)
    assert (len(seen), len(blocks)) == (0, 0)


def test_predictions_are_fitted_on_the_other_pictures(tmp_path: Path):
    photograph = images.bundled("coffee")
    pictures = {str(k): photograph[64 * k : 64 * k + 48, 100:180] for k in range(3)}
    params = on_pictures(tmp_path, **pictures)
    rows = complex_chroma.run(params)
    assert [row.fitted_on for row in rows] == [2, 2, 2, 2]
    planes = [images.to_ycbcr(pixels)[..., 1:] - 128.0 for pixels in pictures.values()]
    seen, blocks = zip(*(_by_loops(plane) for plane in planes), strict=True)
    # The picture 0 from the other two, by the real joint conditional expectation of (Cb ⊕ Cr).
    vectors = np.hstack([np.concatenate(seen[1:]), np.concatenate(blocks[1:])])
    joint = complex_chroma.CorrelationOperator.from_patches(vectors)
    estimator = conditional_expectation(joint, observed=16, noise_variance=params.noise_variance)
    guess = estimator.apply(seen[0])
    assert rows[0].psnr_widely_linear_db == pytest.approx(metrics.psnr_db(blocks[0], guess, data_range=255), abs=1e-6)
    copied = np.repeat(seen[0], 8, axis=1)
    assert rows[0].psnr_copy_db == pytest.approx(metrics.psnr_db(blocks[0], copied, data_range=255), abs=1e-9)
    assert rows[0].blocks_predicted == len(blocks[0])


def _by_loops(plane: Array) -> tuple[Array, Array]:
    seen, blocks = [], []
    for top in range(0, plane.shape[0], 8):
        for left in range(8, plane.shape[1], 8):
            block = plane[top : top + 8, left : left + 8]
            seen.append(plane[top : top + 8, left - 1].T.ravel())
            blocks.append(block.transpose(2, 0, 1).ravel())
    return np.array(seen), np.array(blocks)


def test_pooled_is_the_mean_over_patches_and_blocks(rows: list[complex_chroma.Row]):
    *single, pooled = rows
    assert pooled.blocks_predicted == sum(row.blocks_predicted for row in single)
    errors = [10 ** (-row.psnr_widely_linear_db / 10) for row in single]
    mean = np.average(errors, weights=[row.blocks_predicted for row in single])
    assert pooled.psnr_widely_linear_db == pytest.approx(-10 * np.log10(mean), abs=1e-9)
    patches = [row.patches for row in single]
    assert len(set(patches)) > 1
    for name in ("proper", "separate", "turned"):
        values = [getattr(row, f"{name}_excess_others_bits_per_pixel") for row in (*single, pooled)]
        assert values[-1] == pytest.approx(np.dot(values[:-1], patches) / sum(patches), rel=1e-12)


def test_copying_takes_the_nearest_column_alone(rows: list[complex_chroma.Row]):
    wider = complex_chroma.run(dataclasses.replace(complex_chroma.TINY, columns=3))
    assert [row.psnr_copy_db for row in wider] == pytest.approx([row.psnr_copy_db for row in rows], abs=1e-9)
    assert all(one.psnr_mean_db != other.psnr_mean_db for one, other in zip(rows, wider, strict=True))


def test_pictures_too_narrow_for_a_neighbour_are_not_predicted(tmp_path: Path):
    photograph = images.bundled("coffee")
    rows = complex_chroma.run(on_pictures(tmp_path, first=photograph[:40, :8], second=photograph[:40, 50:56]))
    assert [row.blocks_predicted for row in rows] == [0, 0, 0]
    assert np.isnan([row.psnr_copy_db for row in rows]).all()
    assert complex_chroma.findings(rows)[-1].startswith("No block has a left neighbour")


def test_the_others_mislead_where_their_axis_is_another(tmp_path: Path):
    """Pictures in red and in blue alone: the pseudo-covariance of the one is that of the other turned."""
    generator = np.random.default_rng(3)
    luma = np.full((64, 64), 128.0)
    along = generator.normal(0, 20, (64, 64))
    pictures = {
        name: images.to_uint8(images.ycbcr_to_rgb(np.dstack([luma, 128 + a * along, 128 + b * along])))
        for name, a, b in (("blue", 1, 0), ("red", 0, 1))
    }
    rows = complex_chroma.run(on_pictures(tmp_path, **pictures))
    blue, red, _ = rows
    assert abs(blue.axis_degrees) < 1
    assert abs(red.axis_degrees) > 89
    for row in (blue, red):
        assert row.proper_excess_bits_per_pixel > 0.5
        assert row.proper_excess_others_bits_per_pixel < 0
