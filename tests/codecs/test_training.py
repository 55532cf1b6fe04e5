"""Trainings of codecs: rounding, files, resumption, refusals, and the command."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from qimg import cli
from qimg.codecs import recipes, training
from qimg.codecs.training import require_no_evaluation_pictures, train
from qimg.core import Array
from qimg.images.collections import pixel_digest
from qimg.learning.loop import Record
from tests.codecs.toy_training import TRAINING, ToyModel

NAME = "tests.codecs.toy_training:TRAINING"


def picture(seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)


def task(sources: Any = None, held_out: Any = None, **changed: Any) -> Any:
    sources = [picture(seed) for seed in range(5)] if sources is None else sources
    recipe = replace(TRAINING.recipe, **changed)
    return TRAINING.task(sources, recipe, held_out=[picture(9)] if held_out is None else held_out)


def test_the_model_is_rounded_and_has_its_provenance(tmp_path: Path) -> None:
    lines: list[Record] = []
    model = train(task(), every=20, threads=1, out=tmp_path / "mean.toy", report=lines.append)
    assert [line.step for line in lines] == [20, 40, 60]
    mean = np.mean([picture(seed).mean() for seed in range(5)]) / 255
    assert int(model.array("mean.bias")[0]) * 2.0 ** -int(model.array("mean.shift")[0]) / 16 == pytest.approx(
        mean, abs=0.04
    )
    # Rounded to sixteenths from half of the training, the mean of the log is on their grid.
    assert (lines[-1].held_out["mean"] * 16).is_integer()
    assert ToyModel.load(tmp_path / "mean.toy").provenance["steps"] == 60
    assert len(model.provenance["inputs"]) == 5
    assert model.provenance["recipe"]["rounded_from"] == 0.5


def test_an_interrupted_training_resumes(tmp_path: Path) -> None:
    whole = train(task(), every=20, threads=1)

    def stop(record: Record) -> None:
        if record.step == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task(), every=20, threads=1, checkpoint=tmp_path / "state", report=stop)
    resumed = train(task(), every=20, threads=1, checkpoint=tmp_path / "state")
    np.testing.assert_array_equal(resumed.array("mean.bias"), whole.array("mean.bias"))
    assert not (tmp_path / "state").exists()


def test_the_time_ends_a_training() -> None:
    model = train(task(steps=10_000_000), threads=1, minutes=0.01)
    assert 0 < model.provenance["steps"] < 10_000_000


def test_pictures_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="held_out must hold no picture of sources"):
        train(task(held_out=[picture(2)]))
    evaluation = picture(2)
    monkeypatch.setattr(training, "_evaluation_pictures", lambda: {pixel_digest(evaluation)[:16]: "kodak/kodim99.png"})
    with pytest.raises(
        ValueError, match="sources must hold no picture that codecs are evaluated on, such as kodak/kodim99"
    ):
        task()
    require_no_evaluation_pictures([pixel_digest(picture(3))], ["three"])


def test_evaluation_pictures_are_listed_by_their_pixels() -> None:
    listed = training._evaluation_pictures()
    assert {name.split("/")[0] for name in listed.values()} >= {"kodak", "live1", "classic5", "standards", "mnist"}
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in listed)


def test_names_of_recipes() -> None:
    assert recipes.training(NAME) is TRAINING
    for name in recipes.RECIPES:
        assert isinstance(recipes.training(name), recipes.Training)
    with pytest.raises(ValueError, match="recipe"):
        recipes.training("mnist-hologram")
    with pytest.raises(ValueError, match="must have a recipe and a task"):
        recipes.training("qimg.codecs.training:train")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from qimg import images

    for seed in range(3):
        images.save(picture(seed), tmp_path / f"{seed}.png")
    out = tmp_path / "mean.toy"
    arguments = [str(tmp_path / "0.png"), str(tmp_path / "1.png"), "--held-out", str(tmp_path / "2.png")]
    command = ["fit", "codec", *arguments, "--recipe", NAME, "--out", str(out), "--every", "30", "--seed", "3"]
    cli.main(command)
    printed = capsys.readouterr().out
    assert "step 60" in printed
    assert "mean" in printed
    assert (tmp_path / "mean.toy.log").read_text().count("\n") == 2
    assert ToyModel.load(out).provenance["recipe"]["seed"] == 3
    with pytest.raises(SystemExit):
        cli.main(command)
    assert "exists already" in capsys.readouterr().err
