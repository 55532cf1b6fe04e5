"""Encoding for the tangent error: weights by brute force, lower errors at equal bytes, and pictures of every kind."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from qimg import codecs, metrics
from qimg.codecs.block.encoder import importance
from qimg.codecs.block.encoder.importance import FLOOR, PLAIN, importance_of, weighted_error
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform.colour import squared_error
from qimg.core import Array
from qimg.images import bundled
from qimg.metrics import TangentForm, tangent_error
from qimg.metrics.perceptual.octave_weights import octave_matrix


@pytest.fixture(scope="module")
def photo() -> Array:
    return bundled("coffee")[120:280, 200:400]


def tuned(image: Array, **options) -> codecs.protocol.Encoded:
    return codecs.encode_picture(image, codec="block", tune="tangent", **options)


@pytest.mark.parametrize("size", [1200, 3000])
def test_a_tuned_file_of_equal_size_has_a_lower_tangent_error(photo, size):
    files = [codecs.encode_picture(photo, codec="block", size=size, **options) for options in ({}, {"tune": "tangent"})]
    errors = [tangent_error(photo, codecs.decode(file.data), channel_axis=-1) for file in files]
    assert all(0.98 * size <= len(file.data) <= size for file in files)
    assert errors[1] < 0.9 * errors[0]
    assert files[1].psnr_db < files[0].psnr_db


def test_psnr_is_the_default_and_the_same_file(photo):
    assert codecs.encode(photo, quality=40, tune="psnr") == codecs.encode(photo, quality=40)


def test_a_psnr_target_is_the_psnr(photo):
    file = tuned(photo, psnr_db=33.0)
    assert metrics.psnr_db(photo, codecs.decode(file.data)) == pytest.approx(file.psnr_db)
    assert 33.0 <= file.psnr_db <= 33.05
    assert len(file.data) > len(codecs.encode(photo, psnr_db=33.0))


def kinds(photo: Array) -> dict[str, Array]:
    alpha = np.dstack([photo, photo[..., 1]])
    return {
        "gray": photo[..., 1],
        "gray RGB": np.repeat(photo[..., :1], 3, axis=2),
        "RGB + alpha": alpha,
        "16 bits": photo.astype(np.uint16) * 257,
        "8 rows": photo[:8, :31],
    }


@pytest.mark.parametrize("kind", ["gray", "gray RGB", "RGB + alpha", "16 bits", "8 rows"])
def test_pictures_of_every_kind(photo, kind):
    image = kinds(photo)[kind]
    file = tuned(image, quality=50)
    shown = codecs.decode(file.data)
    assert shown.shape == image.shape
    assert shown.dtype == image.dtype
    assert file.psnr_db > 30
    assert file.data != codecs.encode(image, codec="block", quality=50)
    if kind == "16 bits":  # weights do not depend on the range
        assert file.psnr_db == pytest.approx(tuned(photo, quality=50).psnr_db, abs=0.1)


@pytest.mark.parametrize("shape", [(7, 40), (5, 5), (12, 40), (1, 1)])
def test_pictures_without_windows_are_encoded_as_without_tuning(photo, shape):
    part = photo[: shape[0], : shape[1]]
    assert tuned(part, quality=50).data == codecs.encode(part, codec="block", quality=50)


@pytest.mark.parametrize("option", ["progressive", "stable"])
def test_what_cannot_be_tuned_is_refused(photo, option):
    with pytest.raises(ValueError, match=f"tune must be psnr if {option} is set, but tune=tangent"):
        tuned(photo, quality=50, **{option: True})


def test_graphics_with_flat_areas_are_tuned_as_well():
    graphic = np.full((96, 96, 3), (200, 30, 60), np.uint8)
    graphic[20:60, 30:90] = bundled("coffee")[100:140, 100:160]
    shown = codecs.decode(tuned(graphic, quality=30).data)
    assert_array_equal(shown[64:], graphic[64:])


@pytest.mark.parametrize("t", range(4))
def test_gains_are_energies_of_filtered_basis_vectors(t):
    """A basis vector in the middle of a picture, filtered as the metric does, at all positions on an octave's grid."""
    known = tables.default()
    side, label, k = 4 << t, 1, 3
    if t < 2:
        vector = known.bases.full[t][label, k].reshape(side, side) / 8192
    else:
        u, v = divmod(int(known.bases.order[t][label, k]), 16)
        vector = np.outer(known.bases.rows[t - 2][label, u] / 8192, known.bases.columns[t - 2][label, v] / 8192)
        if t == 3:
            up = known.bases.upsampling / 8192
            vector = up @ vector @ up.T
    gains = importance_of(np.zeros((8, 8, 1), np.uint8), known).gains[t]
    for octave in range(4):
        energies = []
        for at in range(1 << octave):
            picture = np.zeros((160, 160))
            picture[64 + at : 64 + at + side, 64 : 64 + side] = vector
            rows = octave_matrix(160, octave)
            across = np.stack([np.roll(picture, shift, axis=1) for shift in range(1 << octave)])
            energies += [float(((rows @ plane @ rows.T) ** 2).sum()) for plane in across]
        # Means over positions, times the pixels of a sample; matrices are stored in single precision.
        assert_allclose(gains[label, octave, k], np.mean(energies) * 4**octave, rtol=2e-3)
    assert gains[label, importance.MAPS - 1, k] == 1


def test_weighted_errors_are_the_quadratic_form_and_a_part_of_the_squared_error(photo):
    values = photo[:96, :128]
    weights = importance_of(values, tables.default())
    shown = codecs.decode(codecs.encode(values, quality=20))
    difference = values.astype(float) - shown
    total = sum(weighted_error(weights, values[..., c], shown[..., c]) for c in range(3))
    scale = (1 - FLOOR) / sum(plane.mean() for plane in metrics.tangent_weights(values, channel_axis=-1))
    form = TangentForm(values, channel_axis=-1, deformation="none")(difference)
    # Weights are means over blocks of 4×4.
    expected = FLOOR * np.sum(difference**2) + form * scale * 4 * values.size
    assert total == pytest.approx(expected, rel=0.02)
    assert weighted_error(PLAIN, values, shown) == squared_error(values, shown)
