"""Labelled pictures, and what the experiment on classifiers does with digits."""

import dataclasses
import gzip

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from experiments._run.pictures import bundled
from experiments.tensor_trains import digit_classifiers, labelled_pictures
from experiments.tensor_trains.binary_pictures import MNIST
from experiments.tensor_trains.classifier_models import MODELS, NETWORK, SEEDED, SHIFTED_NETWORK, TRAIN
from qimg import images
from qimg.core import Array
from qimg.tensor_train import layout as layout_of


def idx(values: Array) -> bytes:
    lengths = b"".join(length.to_bytes(4, "big") for length in values.shape)
    return gzip.compress(bytes([0, 0, 8, values.ndim]) + lengths + values.tobytes())


@pytest.fixture
def mnist(tmp_path, monkeypatch) -> dict[str, Array]:
    """A set of the same form: digits of 8×8 pixels with one stroke, upright or lying, at a random place."""
    rng = np.random.default_rng(0)
    made = {}
    (tmp_path / "mnist").mkdir()
    for pictures_name, labels_name, count in zip(MNIST, labelled_pictures.LABELS, (80, 40), strict=True):
        labels = rng.integers(0, 2, count).astype(np.uint8)
        pictures = rng.integers(0, 30, (count, 8, 8), np.uint8)
        for picture, label, place in zip(pictures, labels, rng.integers(1, 6, count), strict=True):
            picture[(slice(place, place + 2), slice(None)) if label else (slice(None), slice(place, place + 2))] = 250
        made |= {pictures_name: pictures, labels_name: labels}
    for name, values in made.items():
        (tmp_path / "mnist" / name).write_bytes(idx(values))
    monkeypatch.setenv("QIMG_DATA", str(tmp_path))
    return made


def test_labelled_digits_are_read_as_they_are_stored(mnist):
    found = labelled_pictures.labelled_digits(50)
    assert_allclose(found.train, mnist[MNIST[0]][:50] / 255, atol=1e-7)
    assert_array_equal(found.train_labels, mnist[labelled_pictures.LABELS[0]][:50])
    assert_array_equal(found.test_labels, mnist[labelled_pictures.LABELS[1]])
    with pytest.raises(images.ImageError, match=r"digits must be at most 80, .* but digits=81"):
        labelled_pictures.labelled_digits(81)


def test_shifted_copies_move_by_one_pixel(mnist):
    one = labelled_pictures.labelled_digits(3)
    shifted = one.shifted()
    assert len(shifted.train) == len(shifted.train_labels) == 15
    assert_array_equal(shifted.train[:3], one.train)
    assert_array_equal(shifted.train[3:6, 1:], one.train[:, :-1])
    assert not shifted.train[3:6, 0].any()
    assert_array_equal(shifted.train[12:, :, :-1], one.train[:, :, 1:])
    assert_array_equal(shifted.train_labels, np.tile(one.train_labels, 5))
    assert_array_equal(shifted.test, one.test)


def test_smaller_pictures_are_means_over_boxes(mnist):
    one = labelled_pictures.labelled_digits(3)
    assert_allclose(one.smaller(2).train[1, 2, 3], one.train[1, 4:6, 6:8].mean(), rtol=1e-6)
    assert one.smaller(20).train.shape == (3, 1, 1)


def test_a_snake_keeps_neighbours_together():
    pictures = np.arange(12).reshape(1, 3, 4)
    assert labelled_pictures.along_a_snake(pictures).tolist() == [[0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11]]


def test_patches_stand_upright_or_upside_down():
    found = labelled_pictures.upright_patches(bundled()[0], side=4, count=10, rng=np.random.default_rng(0))
    assert found.classes == 2
    assert_array_equal(found.train[:10], found.train[10:, ::-1])
    assert found.train_labels.tolist() == [1] * 10 + [0] * 10


def test_low_depth_states_are_close_to_the_pictures():
    rng = np.random.default_rng(1)
    flat = np.outer(rng.random(4), rng.random(4))  # a product of rows and columns
    pictures = np.stack([flat, np.zeros((4, 4))])
    states = labelled_pictures.low_depth_states(pictures, bond=16)
    layout = layout_of((4, 4), "morton")
    assert_allclose(states[0], layout.to_vector(flat), atol=1e-12)
    assert_array_equal(states[1], np.eye(1, 16)[0])
    assert labelled_pictures.low_depth_states(np.ones((2, 1, 1)), bond=2).tolist() == [[1.0, 0.0]] * 2


def test_the_experiment_trains_each_model_on_each_number_of_digits(mnist):
    params = dataclasses.replace(
        digit_classifiers.TINY,
        digits=(40, 80),
        box=2,
        seeds=(0, 1),
        bond=6,
        seen=16_000,
        models=tuple(model for model in MODELS if "CNN" not in model),
    )
    rows = digit_classifiers.run(params)
    for count in (40, 80):
        for model in params.models:
            own = [row for row in rows if (row.pictures, row.model) == (count, model)]
            assert [row.seed for row in own] == ([0, 1] if model in SEEDED else [0])
            assert {(row.pixels, row.tested, row.classes) for row in own} == {(16, 40, 2)}
    errors = {row.model: row.test_error for row in rows if row.pictures == 80}
    assert errors[TRAIN] < 0.2 < errors["most frequent class"]
    assert any("fewer errors than the tensor train" in sentence for sentence in digit_classifiers.findings(rows))
    assert {entry.name for entry in params.inputs().pictures} == set(labelled_pictures.FILES)


@pytest.mark.slow
def test_the_network_is_a_baseline(mnist):
    params = dataclasses.replace(
        digit_classifiers.TINY, digits=(80,), box=1, seen=4000, models=(NETWORK, SHIFTED_NETWORK)
    )
    first, second = digit_classifiers.run(params), digit_classifiers.run(params)
    assert [row.test_error for row in first] == [row.test_error for row in second]
    assert all(row.test_error < 0.2 for row in first)
    # Two convolutions of 16 and 32 channels, and 2·2·32 features for 2 classes.
    assert {row.parameters for row in first} == {16 * 10 + 32 * (16 * 9 + 1) + 2 * (128 + 1)}
