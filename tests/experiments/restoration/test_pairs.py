"""Pairs of degraded pictures and their originals, from two folders of the user."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from experiments import __main__ as command
from experiments._run.pairs import Pair, PairError, check_shapes, gather_pairs, unmatched
from experiments.restoration import degradations, restoration
from qimg import images, metrics


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `originals`, `coded` (JPEG, one without a partner), `noisy`, `half` and `other` (sizes)."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("originals", "coded", "noisy", "half", "other", "empty"):
        Path(folder).mkdir()
    for name, quality in (("astronaut", 10), ("coffee", 40)):
        image = images.box_mean(images.bundled(name), 10)[:40, :42]
        images.save(image, f"originals/{name}.png")
        images.save(image, f"coded/{name}.jpg", quality=quality)
        images.save(images.to_uint8(image + rng.normal(0, 20, image.shape)), f"noisy/{name}.tif")
        images.save(images.box_mean(image, 2), f"half/{name}.png")
        images.save(image[1:], f"other/{name}.png")
    images.save(image, "coded/alone.jpg", quality=40)
    return tmp_path


def test_files_are_matched_by_their_names_without_endings(here) -> None:
    folders = ("coded", "originals")
    pairs = gather_pairs(folders, suffixes=(".jpg",))
    assert [pair.name for pair in pairs] == ["astronaut", "coffee"]
    assert pairs[0] == Pair(
        name="astronaut", degraded=Path("coded/astronaut.jpg"), original=Path("originals/astronaut.png")
    )
    assert [one.reason for one in unmatched(folders)] == ["coded/alone.jpg: has no partner in originals"]


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        (("coded", "nowhere"), "nowhere: is no folder, but pairs are the files of two folders"),
        (("empty", "coded"), r"empty: holds no picture \(.*\); subfolders are not searched"),
        (("twice", "coded"), "twice/a.jpg and twice/a.png: must have different names, apart from their endings"),
        (
            ("single", "originals"),
            "single and originals: must hold files of equal names, but hold b and astronaut, cof",
        ),
    ],
)
def test_folders_without_pairs_are_refused(here, folders, sentence) -> None:
    for name in ("twice/a.jpg", "twice/a.png", "single/b.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"")
    with pytest.raises(PairError, match=sentence):
        gather_pairs(folders)


def test_sizes_are_checked_before_anything_is_measured(here) -> None:
    check_shapes(gather_pairs(("half", "originals")), factors=(1, 2))
    sentence = (
        r"other/astronaut.png: must have the shape \(40, 42, 3\) of originals/astronaut.png, but has \(39, 42, 3\)"
    )
    with pytest.raises(PairError, match=sentence):
        check_shapes(gather_pairs(("other", "originals")))


def test_jpeg_files_are_restored_and_compared_with_their_originals(here, capsys) -> None:
    options = ["--pairs", "coded", "originals", "--methods", "qimg, effort 1"]
    command.main(["restoration", *options])
    said = capsys.readouterr().out
    assert "skipped coded/alone.jpg: has no partner in originals" in said
    assert "Files of pairs: qimg, effort 1 gains" in said
    params = restoration.Params(pairs=("coded", "originals"), methods=("qimg, effort 1",))
    rows = restoration.run(params)
    assert [(row.image, row.quality, row.method) for row in rows] == [
        ("astronaut", 10, "JPEG"),
        ("astronaut", 10, "qimg, effort 1"),
        ("coffee", 40, "JPEG"),
        ("coffee", 40, "qimg, effort 1"),
    ]
    original, decoded = images.load("originals/coffee.png"), images.load("coded/coffee.jpg")
    assert rows[2].psnr_rgb_db == metrics.psnr_db(original, decoded)
    assert rows[3].psnr_rgb_db == metrics.psnr_db(original, qimg.restore("coded/coffee.jpg", effort=1))
    line = next(row for row in restoration.tables(rows)["gains"].rows if row[2] == "qimg, effort 1")
    assert line[:2] == ["pairs", "of the files"]
    assert line[4] == pytest.approx(np.mean([rows[k + 1].psnr_rgb_db - rows[k].psnr_rgb_db for k in (0, 2)]))
    assert restoration.plot(rows).axes
    assert {picture.name for picture in params.inputs().pictures} >= {"degraded/coffee", "original/coffee"}


@pytest.mark.slow
def test_noise_is_a_task_of_pairs(here) -> None:
    rows = degradations.run(degradations.Params(pairs=("noisy", "originals"), crop=32))
    assert {row.task for row in rows} == {"pairs, noise"}
    (degraded,) = (row for row in rows if (row.image, row.method) == ("coffee", "nothing done"))
    (ours,) = (row for row in rows if (row.image, row.setting) == ("coffee", "effort 1"))
    planes = [images.luma(images.load(name)) for name in ("originals/coffee.png", "noisy/coffee.tif")]
    original, noisy = (plane[4:36, 5:37] for plane in planes)
    assert degraded.psnr_db == pytest.approx(metrics.psnr_db(original, noisy, data_range=255))
    assert ours.psnr_db > degraded.psnr_db


def test_originals_of_twice_the_size_are_a_task_of_resolution(here) -> None:
    rows = degradations.run(degradations.Params(pairs=("half", "originals"), crop=0))
    assert {row.task for row in rows} == {"pairs, half size"}
    assert "nothing done" not in {row.method for row in rows}


def test_originals_that_were_compressed_before_are_remarked(here) -> None:
    assert restoration.Params(pairs=("coded", "originals")).inputs().remarks == []
    (remark, _) = restoration.Params(pairs=("coded", "coded")).inputs().remarks[:2]
    assert remark.startswith("original/alone: was compressed before (JPEG file), so that it is no original")


@pytest.mark.parametrize("side", [0, 8, 20, 32, 64])
@pytest.mark.parametrize("factor", [1, 2])
def test_squares_of_both_planes_show_the_same(side: int, factor: int) -> None:
    original = np.random.default_rng(1).integers(0, 256, (factor * 33, factor * 40)).astype(float)
    degraded = original.reshape(33, factor, 40, factor).mean(axis=(1, 3))
    given, plane = degradations.middle_of_pair(degraded, original, side)
    assert plane.shape == (factor * given.shape[0], factor * given.shape[1])
    blocks = plane.reshape(len(given), factor, -1, factor)
    assert_array_equal(blocks.mean(axis=(1, 3)), given)
    assert side == 0 or max(plane.shape) <= side


@pytest.mark.parametrize("experiment", [restoration, degradations])
def test_pairs_and_images_exclude_each_other(here, experiment) -> None:
    params = experiment.Params(pairs=("coded", "originals"), images=("originals",))
    with pytest.raises(ValueError, match="images must be left out with pairs"):
        experiment.run(params)
    with pytest.raises(ValueError, match="box_mean must be left out with pairs"):
        experiment.run(replace(params, images=(), box_mean=2))
    with pytest.raises(ValueError, match="pairs must name two folders, but pairs="):
        experiment.run(replace(params, pairs=("coded",)))
