"""The fit: brute-force sums, the same bits however it runs, and no picture or kill that it does not survive."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from threadpoolctl import threadpool_info

from qimg import images
from qimg.core import Array
from qimg.images import ImageError
from qimg.images.collections import gather
from qimg.operators import CorrelationOperator
from qimg.prior import Prior, Recipe, View, fit, joint_operator, load
from qimg.prior.fitting.contributions import Task, contribution, picture_vectors

RECIPE = Recipe(
    mixtures={"patch2": 2, "luma2": 3},
    size=4,
    scales=(1, 2),
    colour=True,
    windows=40,
    rounds=4,
    batch=60,
    part=2,
    parts_per_update=1,
)
"""Seven pictures make 4 parts a pass and 6 passes; the first two rounds have 4 updates of one part each."""
OPERATORS = Recipe(mixtures={}, size=4, scales=(1,))
PARTS, PASSES = 4, 6


def picture(seed: int, height: int = 24, width: int = 29) -> Array:
    noise = np.random.default_rng(seed).normal(0, 150, (height, width, 3))
    return np.clip(np.rint(128 + gaussian_filter(noise, (1.2, 1.2, 0.5))), 0, 255).astype(np.uint8)


def write_pictures(folder: Path, count: int = 7) -> Path:
    folder.mkdir()
    for seed in range(count):
        images.save(picture(seed), folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures that no test changes."""
    return write_pictures(tmp_path_factory.mktemp("fit") / "set")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Prior:
    return fit([folder], RECIPE)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every part."""
    monkeypatch.setattr("qimg.core.fitting.SECONDS_BETWEEN_CHECKPOINTS", 0.0)


def assert_same_operators(first: Prior, second: Prior) -> None:
    assert list(first.operators) == list(second.operators)
    for name in first.operators:
        assert_array_equal(first.operators[name].matrix, second.operators[name].matrix)
        assert_array_equal(first.operators[name].sum, second.operators[name].sum)
        assert first.operators[name].count == second.operators[name].count


def brute_force(planes: Array, size: int, step: int) -> tuple[Array, Array, int]:
    """Second moments, sum and number of level-shifted patches, one outer product at a time."""
    planes = np.rint(planes * 16) / 16 - 128
    planes = planes[..., None] if planes.ndim == 2 else planes
    dimension = size**2 * planes.shape[2]
    matrix, total, count = np.zeros((dimension, dimension)), np.zeros(dimension), 0
    for row in range(0, planes.shape[0] - size + 1, step):
        for column in range(0, planes.shape[1] - size + 1, step):
            patch = planes[row : row + size, column : column + size].transpose(2, 0, 1).ravel()
            matrix, total, count = matrix + np.outer(patch, patch), total + patch, count + 1
    return matrix, total, count


@pytest.mark.parametrize("stride", [0, 3, 4])
def test_operators_are_brute_force_sums(stride: int) -> None:
    """To the last bit: products of planes in sixteenths add without rounding. 24×29 is not a multiple of 4."""
    pictures = [picture(seed) for seed in range(3)]
    prior = fit(pictures, replace(OPERATORS, scales=(1, 2), colour=True, stride=stride))
    for kind, planes, scales in (("luma", images.luma, (1, 2)), ("colour", images.to_ycbcr, (1,))):
        for scale in scales:
            found = prior.operators[f"{kind} arrays@{scale}"]
            parts = [brute_force(planes(images.box_mean(one, scale)), 4, stride or 4) for one in pictures]
            assert_array_equal(found.matrix, sum(part[0] for part in parts))
            assert_array_equal(found.sum, sum(part[1] for part in parts))
            assert found.count == sum(part[2] for part in parts)
    assert_array_equal(prior.operator.matrix, prior.operators["luma arrays@1"].matrix)
    assert "colour arrays@2" not in prior.operators


def test_a_photograph_has_the_operator_of_its_planes() -> None:
    photograph = images.box_mean(images.bundled("astronaut"), 8)
    prior = fit([photograph], Recipe(mixtures={}, scales=(1,)))
    plane = np.rint(images.luma(photograph) * 16) / 16
    expected = CorrelationOperator.from_planes(plane)
    assert_array_equal(prior.operator.matrix, expected.matrix)
    assert prior.operator.count == expected.count == 64


def test_operators_have_the_same_bits_for_any_order_and_partition(folder: Path, reference: Prior) -> None:
    files = sorted(folder.iterdir())
    for part in (1, 3, 100):
        recipe = replace(RECIPE, mixtures={}, part=part)
        assert_same_operators(fit(reversed(files), recipe, workers=2), reference)
    arrays = [images.load(file) for file in files]
    forth, back = (fit(order, OPERATORS) for order in (arrays, arrays[::-1]))
    assert_same_operators(forth, back)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_prior_is_the_same_for_any_number_of_workers(folder: Path, reference: Prior, workers: int) -> None:
    assert fit([folder], RECIPE, workers=workers).sha256 == reference.sha256


def test_the_prior_is_the_same_for_any_order_of_the_files(folder: Path, reference: Prior) -> None:
    files = sorted(folder.iterdir())
    assert fit([files[3], *files[::-1]], RECIPE, scheduler="threads").sha256 == reference.sha256


def test_a_seed_changes_the_mixtures_and_not_the_operators(folder: Path, reference: Prior) -> None:
    other = fit([folder], replace(RECIPE, seed=1))
    assert_same_operators(other, reference)
    assert other.sha256 != reference.sha256
    assert not np.allclose(other.mixtures["luma2"].mixture.factors, reference.mixtures["luma2"].mixture.factors)


def test_vectors_of_a_picture_are_the_same_in_every_pass_and_those_of_its_places() -> None:
    pixels = picture(0)
    first, second = (list(picture_vectors(pixels, "0123456789abcdef", False, RECIPE)) for _ in range(2))
    assert [(name, len(vectors)) for name, vectors in first] == [("luma2", 40), ("patch2", 40)] * 2
    for (_, one), (_, two) in zip(first, second, strict=True):
        assert_array_equal(one, two)
    other = next(picture_vectors(pixels, "0123456789abcdee", False, RECIPE))[1]
    assert not np.array_equal(other, first[0][1])
    # With more windows than places, every window is seen once.
    _, every = next(picture_vectors(pixels, "0" * 16, False, replace(RECIPE, mixtures={"patch2": 1}, windows=10**4)))
    spots = np.array([(row, column) for row in range(23) for column in range(28)])
    assert_allclose(every, View("patch2").vectors(images.luma(pixels), *spots.T))


def test_jpeg_files_feed_mixtures_at_reduced_scales_alone(folder: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, scales=(1, 2, 3), jpeg_scale=2)
    counts = [len(list(picture_vectors(picture(0), "0" * 16, jpeg, recipe))) for jpeg in (False, True)]
    assert counts == [6, 4]
    images.save(picture(0), tmp_path / "one.JPG", quality=90)
    short = replace(RECIPE, mixtures={"patch2": 1}, rounds=1)
    prior = fit([tmp_path / "one.JPG"], short)
    assert prior.provenance["vectors"] == {"patch2": 40}
    assert "luma " + tmp_path.name + "@1" in prior.operators


def test_log_likelihoods_of_the_rounds_are_kept_and_grow(reference: Prior) -> None:
    assert reference.provenance["vectors"] == {"luma2": 560, "patch2": 560}
    for name in ("luma2", "patch2"):
        values = reference.provenance["log_likelihood"][name]
        assert len(values) == RECIPE.rounds
        # The last two rounds take full batches, so only shrinkage can cost a little.
        assert values[-1] >= values[-2] - 0.01
        assert values[-1] > values[0]


def test_a_mixture_of_one_class_is_the_covariance_of_all_vectors(folder: Path) -> None:
    recipe = replace(RECIPE, mixtures={"luma2": 1}, rounds=2, windows=10**4, shrinkage=0.0)
    prior = fit([folder], recipe)
    vectors = [
        found
        for file in sorted(folder.iterdir())
        for _, found in picture_vectors(images.load(file), "0" * 16, False, recipe)
    ]
    stacked = np.concatenate(vectors)
    expected = stacked.T @ stacked / len(stacked) + recipe.noise_variance * np.eye(12)
    # 16-bit factors, and moments in single precision: 1e-4 of the largest entry.
    found = prior.mixtures["luma2"].mixture.covariances[0]
    assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


class Stop:
    """A `track` that counts the ticks of all passes and, at one of them, calls something."""

    def __init__(self, at: int = -1, then: Callable[[], None] = lambda: None) -> None:
        self.ticks, self.passes, self._at, self._then = 0, 0, at, then

    def __call__(self, parts: Iterable[int]) -> Iterator[int]:
        self.passes += 1
        for part in parts:
            if self.ticks == self._at:
                self._then()
            self.ticks += 1
            yield part


def interrupt() -> None:
    raise KeyboardInterrupt


def test_progress_is_reported_part_by_part(folder: Path, reference: Prior) -> None:
    track = Stop()
    fit([folder], RECIPE, track=track)
    assert (track.passes, track.ticks) == (PASSES, PASSES * PARTS)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("at", "passes", "workers"), [(1, 0, 1), (4, 1, 2), (6, 1, 1), (9, 2, 2), (14, 3, 1), (17, 4, 2), (23, 5, 1)]
)
def test_an_interrupted_fit_ends_with_the_same_bits(
    folder: Path, reference: Prior, tmp_path: Path, at: int, passes: int, workers: int
) -> None:
    path, done = tmp_path / "state", []
    with pytest.raises(KeyboardInterrupt):
        fit([folder], RECIPE, checkpoint=path, track=Stop(at, interrupt), workers=workers)
    assert list(tmp_path.iterdir()) == [path]
    track = Stop()
    prior = fit([folder], RECIPE, checkpoint=path, track=track, resumed=done.append)
    assert prior.sha256 == reference.sha256
    assert done == [passes]
    # The part that was under way is done again, and no other.
    assert track.ticks == PASSES * PARTS - at
    assert list(tmp_path.iterdir()) == []


LARGE = replace(RECIPE, mixtures={"patch2": 33, "luma2": 3}, coarse_rounds=2, rounds=2)
"""Survey, first classes, 2 rounds with 5 classes for `patch2`, their split, 2 rounds with 33."""


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("at", [13, 18, 21])
def test_a_fit_of_many_classes_ends_with_the_same_bits(folder: Path, tmp_path: Path, at: int) -> None:
    whole = fit([folder], LARGE, workers=2)
    assert [whole.mixtures[name].classes for name in ("patch2", "luma2")] == [33, 3]
    assert [len(whole.provenance["log_likelihood"][name]) for name in ("patch2", "luma2")] == [4, 5]
    with pytest.raises(KeyboardInterrupt):
        fit([folder], LARGE, checkpoint=tmp_path / "state", track=Stop(at, interrupt))
    assert fit([folder], LARGE, checkpoint=tmp_path / "state").sha256 == whole.sha256


@pytest.mark.usefixtures("eager")
def test_a_fit_of_operators_alone_goes_on_too(folder: Path, tmp_path: Path) -> None:
    recipe, path = replace(OPERATORS, part=1), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit([folder], recipe, checkpoint=path, track=Stop(3, interrupt))
    assert fit([folder], recipe, checkpoint=path).sha256 == fit([folder], recipe).sha256


def test_checkpoints_are_written_at_leisure_and_at_the_end_of_each_pass(
    folder: Path, reference: Prior, tmp_path: Path
) -> None:
    path, seen = tmp_path / "state", []
    prior = fit([folder], RECIPE, checkpoint=path, track=Stop(3, lambda: seen.append(path.exists())))
    assert prior.sha256 == reference.sha256
    assert seen == [False]
    with pytest.raises(KeyboardInterrupt):
        fit([folder], RECIPE, checkpoint=path, track=Stop(PARTS, interrupt))
    assert path.exists()


@pytest.mark.usefixtures("eager")
def test_a_fit_without_a_checkpoint_writes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit([folder], OPERATORS)
    assert list(tmp_path.iterdir()) == []


SCRIPT = """
import json, sys, time
from qimg.core import fitting
from qimg.prior import Recipe, fit

def slow(parts):
    for part in parts:
        time.sleep(0.1)
        yield part

fitting.SECONDS_BETWEEN_CHECKPOINTS = 0.0
recipe = json.loads(sys.argv[3])
fit([sys.argv[1]], Recipe(**recipe | {"scales": tuple(recipe["scales"])}), checkpoint=sys.argv[2], track=slow)
"""


@pytest.mark.slow
def test_a_killed_fit_ends_with_the_same_bits(folder: Path, reference: Prior, tmp_path: Path) -> None:
    path, done = tmp_path / "state", []
    recipe = json.dumps({**asdict(RECIPE), "mixtures": dict(RECIPE.mixtures)})
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, folder, path, recipe])
    try:
        deadline = time.monotonic() + 300
        while not path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.6)  # some parts further
    finally:
        process.send_signal(signal.SIGKILL)
        code = process.wait(100)
    assert code == -signal.SIGKILL
    assert path.exists()
    assert fit([folder], RECIPE, checkpoint=path, resumed=done.append).sha256 == reference.sha256
    assert len(done) == 1
    assert not path.exists()


@pytest.fixture
def checkpoint(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a fit that was interrupted in its third round."""
    monkeypatch.setattr("qimg.core.fitting.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit([folder], RECIPE, checkpoint=path, track=Stop(18, interrupt))
    return path


def test_checkpoints_of_other_fits_are_refused(folder: Path, checkpoint: Path, tmp_path: Path) -> None:
    content = checkpoint.read_bytes()
    message = "state: is the checkpoint of another set of pictures; remove it, or write elsewhere"
    with pytest.raises(ValueError, match="state: is the checkpoint of another recipe; remove it, or write elsewhere"):
        fit([folder], replace(RECIPE, windows=41), checkpoint=checkpoint)
    with pytest.raises(ValueError, match=message):
        fit([folder, picture(8)], RECIPE, checkpoint=checkpoint)
    with pytest.raises(ValueError, match=message):
        fit([f"label={folder}"], RECIPE, checkpoint=checkpoint)
    touched = shutil.copytree(folder, tmp_path / "set")
    with pytest.raises(ValueError, match=message):
        fit([touched], RECIPE, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == content


def test_a_checkpoint_is_refused_after_a_picture_has_changed(tmp_path: Path) -> None:
    files, path = write_pictures(tmp_path / "set", 3), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        fit([files], RECIPE, checkpoint=path, track=Stop(2, interrupt))
    images.save(picture(50), files / "1.png")
    with pytest.raises(ValueError, match="state: is the checkpoint of another set of pictures"):
        fit([files], RECIPE, checkpoint=path)


@pytest.mark.parametrize("damage", ["empty", "text", "half", "short", "altered", "other archive", "prior"])
def test_damaged_checkpoints_are_named(
    folder: Path, reference: Prior, checkpoint: Path, tmp_path: Path, damage: str
) -> None:
    content = checkpoint.read_bytes()
    middle = len(content) // 2
    damaged = {
        "empty": b"",
        "text": b"no checkpoint",
        "half": content[:middle],
        "short": content[:-1],
        "altered": content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :],
        "prior": reference.to_bytes(),
    }
    if damage == "other archive":
        with checkpoint.open("wb") as file:
            np.savez(file, header=np.frombuffer(b"[]", np.uint8))
    else:
        checkpoint.write_bytes(damaged[damage])
    with pytest.raises(
        ValueError, match=r"state: cannot be read as the checkpoint of a fit: .*; remove it to begin anew"
    ):
        fit([folder], RECIPE, checkpoint=checkpoint)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("writes", [1, 6, 13])
def test_a_full_disk_leaves_the_checkpoint_before(
    folder: Path, reference: Prior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    path, left = tmp_path / "state", [writes]
    rename = os.replace

    def filling(*names: Any) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        rename(*names)

    monkeypatch.setattr("os.replace", filling)
    with pytest.raises(OSError, match="No space left"):
        fit([folder], RECIPE, checkpoint=path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert fit([folder], RECIPE, checkpoint=path).sha256 == reference.sha256


def test_a_checkpoint_in_a_missing_folder(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        fit([folder], OPERATORS, checkpoint=tmp_path / "absent" / "state")


def test_the_prior_is_written_before_its_checkpoint_is_deleted(
    folder: Path, reference: Prior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "state", tmp_path / "absent" / "one.prior"
    with pytest.raises(OSError, match="cannot be written"):
        fit([folder], RECIPE, checkpoint=path, out=out)
    assert path.exists()
    out.parent.mkdir()
    track = Stop()
    assert fit([folder], RECIPE, checkpoint=path, out=out, track=track).sha256 == reference.sha256
    assert track.ticks == 0
    assert load(out).sha256 == reference.sha256
    assert not path.exists()


def test_broken_small_and_copied_pictures_are_skipped_with_reasons(
    folder: Path, reference: Prior, tmp_path: Path
) -> None:
    files = tmp_path / "set"
    shutil.copytree(folder, files)
    (files / "broken.png").write_bytes((folder / "0.png").read_bytes()[:200])
    (files / "no.png").write_bytes(b"no picture")
    images.save(picture(0, 3, 40), files / "small.png")
    shutil.copy(folder / "2.png", files / "z copy of 2.png")
    prior = fit(["set"], RECIPE, root=tmp_path)
    skipped = {record["name"]: record["skipped"] for record in prior.provenance["skipped"]}
    assert sorted(skipped) == ["set/broken.png", "set/no.png", "set/small.png", "set/z copy of 2.png"]
    assert "broken.png: " in skipped["set/broken.png"]
    assert "no.png: " in skipped["set/no.png"]
    assert skipped["set/small.png"] == "set/small.png: must measure at least 4×4 pixels, but measures 3×40"
    assert skipped["set/z copy of 2.png"] == "set/z copy of 2.png: the same file as set/2.png"
    assert [record["name"] for record in prior.provenance["inputs"]] == [f"set/{seed}.png" for seed in range(7)]
    assert_same_operators(prior, reference)
    # Skipped pictures shift the parts of the first pass alone; pooled sums change in their last digits, no more.
    assert_allclose(
        prior.mixtures["luma2"].mixture.covariance(),
        reference.mixtures["luma2"].mixture.covariance(),
        rtol=1e-2,
        atol=1,
    )


def test_provenance_names_files_below_the_root_alone(folder: Path) -> None:
    prior = fit(["set"], OPERATORS, root=folder.parent)
    record = prior.provenance["inputs"][3]
    assert (record["name"], record["group"], record["shape"]) == ("set/3.png", "set", [24, 29, 3])
    assert str(folder.parent) not in prior.to_bytes().decode("utf-8", "replace")
    assert prior.provenance["recipe"] == json.loads(json.dumps(OPERATORS.to_json()))
    assert set(prior.provenance["versions"]) == {"qimg", "numpy", "pillow"}


def test_reasons_name_files_below_the_root_alone(tmp_path: Path) -> None:
    files = write_pictures(tmp_path / "set", 1)
    (files / "broken.png").write_bytes(b"no picture")
    prior = fit(["set"], OPERATORS, root=tmp_path)
    assert str(tmp_path) not in prior.to_bytes().decode("utf-8", "replace")


def test_constant_pictures_have_the_noise_alone() -> None:
    prior = fit([np.full((16, 16), 90, np.uint8), np.full((16, 16, 3), 7, np.uint8)], RECIPE)
    for name in ("patch2", "luma2"):
        mixture = prior.mixtures[name].mixture
        # Luma of (7, 7, 7) rounds to 7 within 1e-15.
        expected = np.broadcast_to(RECIPE.noise_variance * np.eye(mixture.dimension), mixture.covariances.shape)
        assert_allclose(mixture.covariances, expected, rtol=1e-4, atol=1e-12)
    assert_array_equal(prior.operators["luma arrays@1"].matrix, np.full((16, 16), 16.0 * (38**2 + 121**2)))


def test_a_picture_too_small_for_windows_still_counts_in_the_operators() -> None:
    recipe = replace(RECIPE, mixtures={"luma8": 1}, scales=(1,), rounds=1)
    prior = fit([picture(0, 40, 40), picture(1, 10, 10)], recipe)
    assert prior.operators["luma arrays@1"].count == 100 + 4
    assert prior.provenance["vectors"] == {"luma8": 40}
    with pytest.raises(ImageError, match="no picture is large enough for the windows of luma8: 17×17 pixels"):
        fit([picture(1, 10, 10)], recipe)


def test_no_usable_picture_and_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    images.save(picture(0, 2, 2), tmp_path / "b.png")
    with pytest.raises(ImageError, match=r"none of the 2 pictures can be used: .*a\.png.*; .*b\.png: must measure"):
        fit([tmp_path], RECIPE)
    with pytest.raises(ImageError, match="at least one picture is needed, but none was given"):
        fit([], RECIPE)
    with pytest.raises(ImageError, match="absent"):
        fit([tmp_path / "absent"], RECIPE)
    with pytest.raises(ImageError, match="array 1: pixels must be uint8 or uint16, but are float64"):
        fit([np.zeros((8, 8))], RECIPE)


@pytest.mark.parametrize(
    ("at", "fate"),
    [(PARTS, "gone"), (PARTS, "changed"), (PARTS, "broken"), (2 * PARTS, "gone"), (4 * PARTS + 1, "changed")],
)
def test_pictures_must_stay_as_they_are(tmp_path: Path, at: int, fate: str) -> None:
    files = write_pictures(tmp_path / "set")
    victim = files / "6.png"

    def change() -> None:
        if fate == "gone":
            victim.unlink()
        elif fate == "changed":
            images.save(picture(99), victim)
        else:
            victim.write_bytes(b"no picture")

    with pytest.raises(ImageError, match=r"6\.png: .*must not change while it runs"):
        fit([files], RECIPE, track=Stop(at, change))


def test_groups_are_labels_folders_or_arrays(folder: Path, tmp_path: Path) -> None:
    images.save(picture(11), tmp_path / "one.png")
    prior = fit([f"holiday={folder}", tmp_path / "one.png", picture(12)], replace(OPERATORS, scales=(1, 2)))
    groups = {"arrays": 1, tmp_path.name: 1, "holiday": 7}
    counts = {
        f"luma {group}@{scale}": 42 * n if scale == 1 else 9 * n for group, n in groups.items() for scale in (1, 2)
    }
    assert {name: operator.count for name, operator in prior.operators.items()} == counts
    assert prior.operator_of("luma", group="holiday", scale=2).count == 63
    assert prior.operator.count == 9 * 42


def test_a_file_that_is_named_twice_counts_once_under_its_first_label(folder: Path) -> None:
    prior = fit([f"one={folder / '0.png'}", folder, folder / "0.png"], OPERATORS)
    assert {name: operator.count for name, operator in prior.operators.items()} == {
        "luma one@1": 42,
        "luma set@1": 6 * 42,
    }
    assert prior.provenance["skipped"] == []
    assert prior.operator.count == 7 * 42
    chosen = fit([f"one={folder / '0.png'}", folder], replace(OPERATORS, operator="one"))
    assert chosen.operator.count == 42


def test_a_path_with_an_equals_sign_is_no_label(tmp_path: Path) -> None:
    files = write_pictures(tmp_path / "a=b", 1)
    assert list(fit([files], OPERATORS).operators) == ["luma a=b@1"]
    assert list(fit(["a=b"], OPERATORS, root=tmp_path).operators) == ["luma a=b@1"]
    assert list(fit(["c=a=b"], OPERATORS, root=tmp_path).operators) == ["luma c@1"]


def test_lists_of_pictures(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "set")
    path = tmp_path / "splits.json"
    splits = {"fit": {"A": ["set/0.png", "set/1.png"], "B": [["set/2.png"]]}, "test": "set/3.png", "none": []}
    path.write_text(json.dumps(splits))

    def named(entry: str, **options: Any) -> list[str]:
        return [source.name for source in gather([entry], **options)]

    assert named(f"{path}#fit/A") == ["set/0.png", "set/1.png"]
    assert named(f"{path}#fit") == ["set/0.png", "set/1.png", "set/2.png"]
    assert named(f"{path}#test") == ["set/3.png"]
    assert len(named(f"{path}")) == 4
    assert named("splits.json#fit/B", root=tmp_path) == ["set/2.png"]
    prior = fit(["label=splits.json#fit/A"], OPERATORS, root=tmp_path)
    assert list(prior.operators) == ["luma label@1"]
    assert prior.operator.count == 84
    for entry, message in [
        ("#fit/C", r"splits\.json: has no entry 'C'; it holds A, B"),
        ("#fit/A/x", r"splits\.json: has no entry 'x'; it holds nothing"),
        ("#none", r"splits\.json: the entry 'none' names no picture"),
    ]:
        with pytest.raises(ImageError, match=message):
            gather([f"{path}{entry}"])
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ImageError, match=r"bad\.json: is no JSON list of pictures"):
        gather([tmp_path / "bad.json"])
    with pytest.raises(ImageError, match=r"absent\.json: cannot be read \(No such file"):
        gather([f"{tmp_path / 'absent.json'}#fit"])


def test_lists_in_two_folders_may_use_the_same_names(tmp_path: Path) -> None:
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        images.save(picture(number), tmp_path / name / "a.png")
        (tmp_path / name / "list.json").write_text('["a.png"]')
    recipe = replace(RECIPE, rounds=1)
    prior = fit([tmp_path / "one" / "list.json", tmp_path / "two" / "list.json"], recipe)
    assert prior.provenance["vectors"] == {"luma2": 160, "patch2": 160}
    assert prior.operator.count == 84


def test_a_missing_file_of_a_list_is_skipped_by_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps(["absent.png", str(folder / "0.png")]))
    prior = fit([tmp_path / "list.json"], OPERATORS)
    assert [record["name"] for record in prior.provenance["skipped"]] == ["absent.png"]
    assert prior.operator.count == 42


def test_names_are_looked_up_below_the_root(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names = [source.name for source in gather(["set/*.png"], root=folder.parent)]
    assert names == [f"set/{seed}.png" for seed in range(7)]
    write_pictures(tmp_path / "set", 1)  # what is there under the very name comes first
    assert [source.path for source in gather(["set"], root=folder.parent)] == [Path("set/0.png")]
    with pytest.raises(ImageError, match="absent"):
        gather(["absent"], root=folder.parent)


def test_16_bit_gray_and_transparent_pictures_are_the_same_pictures(tmp_path: Path) -> None:
    pixels = picture(3)
    gray = pixels[..., 0]
    variants = {
        "deep": pixels.astype(np.uint16) * 257,
        "clear": np.dstack([pixels, np.full(pixels.shape[:2], 9, np.uint8)]),
        "gray": gray,
        "gray deep": gray.astype(np.uint16) * 257,
        "gray colour": np.repeat(gray[..., None], 3, axis=2),
    }
    found = {}
    for name, variant in variants.items():
        images.save(variant, tmp_path / f"{name}.png")
        found[name] = fit([tmp_path / f"{name}.png"], replace(OPERATORS, colour=True)).operator_of("colour")
    plain = fit([pixels], replace(OPERATORS, colour=True)).operator_of("colour")
    for name in ("deep", "clear"):
        assert_array_equal(found[name].matrix, plain.matrix)
    for name in ("gray deep", "gray colour"):
        assert_array_equal(found[name].matrix, found["gray"].matrix)


def test_given_arrays_are_not_modified() -> None:
    pixels = picture(0)
    kept = pixels.copy()
    fit([pixels], replace(RECIPE, rounds=1))
    assert_array_equal(pixels, kept)


def test_contributions_add(folder: Path) -> None:
    sources = gather([folder])
    task = Task(recipe=RECIPE, step="survey")
    whole = contribution(sources, task)
    total = contribution(sources[:3], task) + contribution(sources[3:], task)
    assert total.records == whole.records
    for name, operator in whole.operators.items():
        assert_array_equal(total.operators[name].matrix, operator.matrix)
    for name, moments in whole.moments.items():
        # Sums in another order.
        assert_allclose(total.moments[name].packed, moments.packed, rtol=1e-12, atol=1e-9)


def test_recipe_in_figures() -> None:
    assert (RECIPE.passes, OPERATORS.passes) == (PASSES, 1)
    assert LARGE.steps == ("survey", "seed", "round", "round", "split", "round", "round")
    assert Recipe().mixture_scales(jpeg=False) == (1, 2)
    assert Recipe().mixture_scales(jpeg=True) == (2,)
    assert Recipe(scales=(1,), jpeg_scale=3).mixture_scales(jpeg=True) == (3,)
    assert [Recipe(windows=10).windows_of(View(name)) for name in ("patch8", "luma8", "colour8")] == [10, 10, 3]
    assert [Recipe().vectors_per_update(classes) for classes in (1, 100)] == [5000, 30000]
    assert Recipe(batch=7).vectors_per_update(100) == 7
    assert json.loads(json.dumps(Recipe().to_json())) == Recipe().to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixtures": {"luma1": 2}}, "view must be patch, luma or colour"),
        ({"mixtures": {"luma8": 0}}, "classes of luma8 must be an integer of at least 1, but classes of luma8=0"),
        ({"size": 1}, r"size must be in \[2, 32\], but size=1"),
        ({"scales": ()}, "scales must hold at least one value"),
        ({"scales": (1, 0)}, r"scales must be in \[1, 64\], but scales=0"),
        ({"jpeg_scale": 0}, "jpeg_scale must be an integer of at least 1"),
        ({"windows": 0}, "windows must be an integer of at least 1"),
        ({"rounds": 0}, "rounds must be an integer of at least 1"),
        ({"coarse_rounds": 0}, "coarse_rounds must be an integer of at least 1"),
        ({"part": 0}, "part must be an integer of at least 1"),
        ({"stride": -1}, "stride must be an integer of at least 0"),
        ({"batch": -1}, "batch must be an integer of at least 0"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"shrinkage": -0.5}, "shrinkage must not be negative, but shrinkage=-0.5"),
        ({"noise_variance": 0}, "noise_variance must be positive, but noise_variance=0"),
        ({"noise_variance": float("nan")}, "noise_variance must be positive"),
    ],
)
def test_recipes_are_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**change)


def test_workers_are_counted_from_one(folder: Path) -> None:
    with pytest.raises(ValueError, match="workers must be an integer of at least 1, but workers=0"):
        fit([folder], OPERATORS, workers=0)


def test_joint_operators_of_jpeg_pairs_are_fitted_on_sources_without_loss(tmp_path: Path) -> None:
    images.save(picture(1), tmp_path / "raw.png")
    images.save(picture(2), tmp_path / "lossy.jpg", quality=90)
    recipe = Recipe(mixtures={}, scales=(1, 2), jpeg_qualities=(10, 50), jpeg_samplings=("4:4:4", "4:2:0"))
    prior = fit([f"here={tmp_path}"], recipe)
    settings = {f"jpeg {quality} {sampling}" for quality in (10, 50) for sampling in ("4:4:4", "4:2:0")}
    assert {name.rsplit(" ", 1)[0] for name in prior.operators} == settings | {"luma"}
    assert all(name.endswith("here@1") for name in prior.operators if name.startswith("jpeg"))
    found = prior.operator_of("jpeg 10 4:2:0")
    expected = joint_operator(picture(1), quality=10, subsampling="4:2:0")
    # The file rounds moments to 1/256.
    assert_allclose(found.matrix, expected.matrix, rtol=0, atol=1 / 512 + 1e-6)
    assert found.count == expected.count
    with pytest.raises(ValueError, match="size must be 8 where jpeg_qualities are given"):
        Recipe(size=4, jpeg_qualities=(10,))


def test_raw_files_are_grouped_by_camera(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.dng", "b.NEF", "broken.arw"):
        shutil.copy(folder / "0.png", tmp_path / name)

    def camera(path: Path) -> str:
        if path.stem == "broken":
            raise ImageError(f"{path}: broken")
        return {"a": "Maker One", "b": "Maker Two"}[path.stem]

    monkeypatch.setattr("qimg.images.collections.camera", camera)
    sources = gather([tmp_path])
    assert [source.group for source in sources] == ["Maker One", "Maker Two", tmp_path.name]
    assert [source.group for source in gather([f"mine={tmp_path}"])] == ["mine"] * 3


@pytest.mark.slow
def test_blas_threads_change_no_bit_and_are_given_back(tmp_path: Path) -> None:
    pictures = [picture(seed, 60, 70) for seed in range(6)]
    recipe = Recipe(mixtures={"luma16": 2}, scales=(1,), windows=400, rounds=2, part=1, parts_per_update=1)
    before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    factors = []
    for workers in (1, 3):
        taken: list[Array] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Prior, "assemble", lambda *, mixtures, taken=taken, **_: taken.append(mixtures["luma16"].factors)
            )
            fit(pictures, recipe, workers=workers)
        factors.append(taken[0])
    # Before they are rounded for the file.
    assert_array_equal(factors[0], factors[1])
    assert [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"] == before


def test_the_operator_must_be_that_of_a_group(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="operator must be one of the groups set, but operator='sets'"):
        fit([folder], replace(OPERATORS, operator="sets"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="no picture of the group 'bad' can be used"):
        fit([folder, tmp_path / "bad"], replace(OPERATORS, operator="bad"))


def test_one_bad_array_and_an_unreadable_file_are_skipped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior = fit([picture(1), np.zeros((9, 9))], OPERATORS)
    (skipped,) = prior.provenance["skipped"]
    assert skipped["name"] == "array 2"
    assert "float64" in skipped["skipped"]
    shutil.copy(folder / "0.png", tmp_path / "0.png")
    shutil.copy(folder / "0.png", tmp_path / "1.png")
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "1.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    (skipped,) = fit([tmp_path], OPERATORS).provenance["skipped"]
    assert skipped["skipped"].endswith("1.png: cannot be read (Permission denied)")


def test_linear_light_of_raw_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    light = np.random.default_rng(0).uniform(size=(16, 24, 3))
    (tmp_path / "a.dng").write_bytes(b"any")
    raw = images.RawPicture(linear=light, rendered=np.zeros((16, 24, 3), np.uint16), camera="Maker One")
    monkeypatch.setattr("qimg.images.collections.camera", lambda path: raw.camera)
    monkeypatch.setattr("qimg.images.collections.load", lambda path: raw.rendered)
    monkeypatch.setattr("qimg.images.load_raw", lambda path: raw)
    prior = fit([tmp_path], replace(OPERATORS, size=8, linear=True))
    assert sorted(prior.operators) == ["linear Maker One@1", "luma Maker One@1"]
    expected = CorrelationOperator.from_planes(255 * light @ [0.299, 0.587, 0.114])
    # Linear light is kept in 16 bits, planes in sixteenths of a code value: at most 1/16 off by rounding.
    found = prior.operator_of("linear")
    assert_allclose(found.matrix, expected.matrix, atol=found.count * 128 * 2 / 16)
    assert_allclose(found.sum, expected.sum, atol=found.count / 16)
