"""Binary pictures, counts in contexts, and what the experiment on Born machines does with digits."""

import dataclasses
import gzip

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from experiments._run.pictures import bundled
from experiments.tensor_trains import binary_pictures, born_machine, pixel_contexts
from qimg import images
from qimg.core import Array


def idx(pictures: Array) -> bytes:
    header = b"\0\0\x08\x03" + b"".join(length.to_bytes(4, "big") for length in pictures.shape)
    return gzip.compress(header + pictures.tobytes())


@pytest.fixture
def mnist(tmp_path, monkeypatch) -> tuple[Array, Array]:
    """A set of the same form: digits of 6×5 pixels that are mostly one vertical stroke."""
    rng = np.random.default_rng(0)
    made = []
    for name, count in zip(binary_pictures.MNIST, (60, 40), strict=True):
        pictures = rng.integers(0, 30, (count, 6, 5), np.uint8)
        pictures[np.arange(count), :, rng.integers(0, 5, count)] = 250
        (tmp_path / "mnist").mkdir(exist_ok=True)
        (tmp_path / "mnist" / name).write_bytes(idx(pictures))
        made.append(pictures)
    monkeypatch.setenv("QIMG_DATA", str(tmp_path))
    return made[0], made[1]


def test_digits_are_read_as_they_are_stored(mnist):
    found = binary_pictures.digits(50)
    assert_array_equal(found.train, mnist[0][:50])
    assert_array_equal(found.test, mnist[1])
    with pytest.raises(images.ImageError, match=r"digits must be at most 60, .* but digits=61"):
        binary_pictures.digits(61)


def test_digits_without_their_set_are_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.delenv("QIMG_DATA", raising=False)
    with pytest.raises(images.ImageError, match="digits need the set mnist in the folder that QIMG_DATA names"):
        born_machine.run(dataclasses.replace(born_machine.TINY, digits=10))
    monkeypatch.setenv("QIMG_DATA", str(tmp_path))
    with pytest.raises(images.ImageError, match=r"train-images-idx3-ubyte.gz: no such file"):
        binary_pictures.digits(10)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"\0\0\x08\x01" + bytes(12)), gzip.compress(b"short"), b"no gzip"],
    ids=["other magic", "short", "no gzip"],  # a gzip file holds the time
)
def test_broken_files_of_digits_are_refused_by_name(mnist, content, tmp_path):
    path = tmp_path / "mnist" / binary_pictures.MNIST[0]
    path.write_bytes(content)
    with pytest.raises(images.ImageError, match=r"train-images-idx3-ubyte.gz: is no IDX file"):
        binary_pictures.digits(10)


def test_drawn_pixels_have_their_value_as_probability():
    gray = np.full((4000, 1, 2), [51, 255], np.uint8)
    drawn = binary_pictures.binarise(gray, binary_pictures.SAMPLE, np.random.default_rng(0))
    # 51/255 = 0.2 over 4000 draws: four standard errors.
    assert abs(drawn[:, 0].mean() - 0.2) < 4 * np.sqrt(0.16 / 4000)
    assert drawn[:, 1].all()
    thresholded = binary_pictures.binarise(
        np.array([[[127, 128]]]), binary_pictures.THRESHOLD, np.random.default_rng(0)
    )
    assert_array_equal(thresholded, [[0, 1]])


def test_patches_that_are_tested_are_not_learnt_from():
    one = binary_pictures.luma_patches(bundled(box_mean=4)[0], side=4, count=10**6, rng=np.random.default_rng(0))
    height, width = bundled(box_mean=4)[0].luma().shape
    together = (height // 4) * (width // 4)
    assert len(one.train) == len(one.test) == together // 2


def test_contexts_are_the_pixels_before():
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 2, (3, 7, 9))
    found = pixel_contexts.contexts(pictures)
    for n, r, c in np.ndindex(*pictures.shape):
        bits = ""
        for down, right in pixel_contexts.NEIGHBOURS:
            inside = r + down >= 0 and 0 <= c + right < 9
            bits += str(pictures[n, r + down, c + right]) if inside else "0"
        assert found[n, r, c] == int(bits, 2)
    assert all((down, right) < (0, 0) for down, right in pixel_contexts.NEIGHBOURS)
    assert len(set(pixel_contexts.NEIGHBOURS)) == 16


def test_contexts_learn_pictures_that_they_determine():
    stripes = np.tile(np.arange(8) % 2, (50, 8, 1))
    counts = pixel_contexts.count(stripes)
    assert counts.sum() == stripes.size
    cost = pixel_contexts.nats(stripes, counts)
    assert cost.shape == (50,)
    # The first two pixels see nothing but zeros and differ; 62 more cost log(1 + 0.4/n), seen at least 50 times.
    assert_allclose(cost, 2 * np.log(2), atol=62 * 0.4 / 50)
    assert_allclose(pixel_contexts.nats(stripes, np.zeros_like(counts)), 64 * np.log(2))


def test_the_machine_learns_digits_better_than_what_it_began_at(mnist):
    params = dataclasses.replace(born_machine.TINY, digits=60, bond=6, sweeps=4)
    assert [picture.name for picture in params.inputs().pictures] == list(binary_pictures.MNIST)
    rows = born_machine.run(params)
    costs = {row.model: row for row in rows}
    assert {row.image for row in rows} == {"mnist"}
    assert costs[born_machine.BORN].train_nats < costs[born_machine.MIXTURE].train_nats
    assert costs[born_machine.MIXTURE].train_nats < costs[born_machine.INDEPENDENT].train_nats
    last = rows[-1]
    assert len(last.entropies_bits) == 29
    assert len(last.drawn) == len(last.tested) == len(last.completed) == params.shown
    upper = [born_machine.read(last, one)[:3].tolist() for one in last.completed]
    assert upper == [born_machine.read(last, one)[:3].tolist() for one in last.tested]


def test_batches_are_drawn_anew_and_steps_cool(mnist, monkeypatch):
    batches, rates = [], []

    def watched(machine, images, *, rate):
        batches.append(images)
        rates.append(rate)
        return machine

    monkeypatch.setattr(born_machine.tensor_train, "one_site_sweep", watched)
    changes = {"digits": 60, "binarisation": "sample", "batch": 50, "rate": 0.5, "cooling": 1.0, "two_site_every": 0}
    rows = born_machine.run(dataclasses.replace(born_machine.TINY, **changes))
    assert [batch.shape for batch in batches] == [(50, 30)] * 3
    assert not np.array_equal(batches[0], batches[1])
    assert_allclose(rates, [0.5, 0.25, 0.5 / 3])
    assert rows[-1].pictures == 60
