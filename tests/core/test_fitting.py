"""The bookkeeping of fits: recipes, usable pictures, checkpoints of any state, bound to their fit."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from qimg.codecs.block.fitting import Recipe as TablesRecipe
from qimg.core import fitting
from qimg.core.artifacts import ArtifactError, Contents
from qimg.core.fitting import Checkpoint, Recipe, usable
from qimg.images import ImageError
from qimg.images.collections import Source
from qimg.prior import Recipe as PriorRecipe
from qimg.prior import load
from qimg.restoration.jpeg.fitting import Recipe as RestorerRecipe


@dataclass(frozen=True, kw_only=True)
class Toy(Recipe):
    """A recipe of its own."""

    sides: tuple[int, ...] = (1, 2)
    seed: int = 0


@dataclass
class State:
    """A state with what states are made of."""

    values: Any
    parts: dict[str, Any] = field(default_factory=dict)


def checkpoint(path: Path | None, recipe: Recipe | None = None, **options: Any) -> Checkpoint:
    return Checkpoint(path, recipe=recipe or Toy(), types=[State], **options)


@pytest.mark.parametrize(
    "recipe", [Toy(sides=(3,)), PriorRecipe(scales=(4,)), TablesRecipe(rounds=2), RestorerRecipe()]
)
def test_recipes_are_plain_values_and_back(recipe: Recipe) -> None:
    plain = recipe.to_json()
    assert not any(isinstance(value, tuple) for value in plain.values())
    assert type(recipe).from_json(plain) == recipe


DTYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "u4", "bool"])


@given(arrays_of.arrays(DTYPES, arrays_of.array_shapes(min_dims=0, max_dims=4, max_side=3)), st.permutations(range(4)))
def test_arrays_come_back_with_their_layout(tmp_path_factory: pytest.TempPathFactory, array: Any, axes: Any) -> None:
    """The order of the axes in memory decides which products BLAS computes, and so the last bits."""
    turned = array.transpose([axis for axis in axes if axis < array.ndim])
    path = tmp_path_factory.mktemp("states") / "state"
    checkpoint(path).save({"array": turned})
    again = checkpoint(path).load()["array"]
    assert (again.dtype, again.shape) == (turned.dtype, turned.shape)
    assert again.tobytes() == turned.tobytes()
    assert again.flags.writeable
    long = [axis for axis in range(turned.ndim) if turned.shape[axis] > 1]
    assert [again.strides[axis] for axis in long] == [turned.strides[axis] for axis in long]


def test_states_of_any_kind_come_back(tmp_path: Path) -> None:
    state = State([1, 2.5, None, "ä", True], {"inner": State((1, (2, "x"))), "infinite": [float("inf"), -float("inf")]})
    checkpoint(tmp_path / "state").save(state)
    assert checkpoint(tmp_path / "state").load() == state
    checkpoint(tmp_path / "state").save({"none": float("nan")})
    assert np.isnan(checkpoint(tmp_path / "state").load()["none"])
    assert checkpoint(tmp_path / "absent").load() is None
    nowhere = checkpoint(None)
    nowhere.save(state)
    assert nowhere.load() is None


def test_a_checkpoint_belongs_to_one_fit(tmp_path: Path) -> None:
    path = tmp_path / "state"
    checkpoint(path, inputs=[["a", 1]], packages={"numpy": "2"}).save(1)
    assert checkpoint(path, inputs=[("a", 1)], packages={"numpy": "2"}).load() == 1
    others = {
        "recipe": checkpoint(path, Toy(seed=1), inputs=[["a", 1]], packages={"numpy": "2"}),
        "set of pictures": checkpoint(path, inputs=[["a", 2]], packages={"numpy": "2"}),
        "set of versions": checkpoint(path, inputs=[["a", 1]], packages={"numpy": "3"}),
    }
    for what, other in others.items():
        with pytest.raises(ArtifactError) as caught:
            other.load()
        assert str(caught.value) == f"{path}: is the checkpoint of another {what}; remove it, or write elsewhere"


def test_damaged_checkpoints_and_those_of_another_version_are_named(tmp_path: Path) -> None:
    path = tmp_path / "state"
    checkpoint(path).save(State(np.arange(3)))
    content = path.read_bytes()
    for offset in range(len(content)):
        path.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
        with pytest.raises(ArtifactError, match=r"state: cannot be read as the checkpoint of a fit: .*; remove it to"):
            checkpoint(path).load()
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"state: is the checkpoint of another version of qimg; remove it"):
        Checkpoint(path, recipe=Toy()).load()


def test_states_of_another_shape_are_refused_when_they_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "state"
    checkpoint(path).save({"values": [1, 2], "step": 3})
    refusal = r"state: is the checkpoint of another version of qimg; remove it to begin anew \("
    with pytest.raises(ArtifactError, match=refusal + r"state\['step'\] must be a list"):
        checkpoint(path, state=dict[str, list[int]]).load()
    with pytest.raises(ArtifactError, match=refusal + "there is no 'weights'"):
        checkpoint(path).load(lambda state: state["weights"])
    assert checkpoint(path, state=dict[str, Any]).load() == {"values": [1, 2], "step": 3}


def test_a_file_that_appeared_during_the_fit_is_kept(tmp_path: Path) -> None:
    one = checkpoint(tmp_path / "state")
    one.save(1)
    (tmp_path / "a.prior").write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match="exists already"):
        one.finish(load(), tmp_path / "a.prior")
    assert (tmp_path / "a.prior").read_bytes() == b"theirs"
    assert one.load() == 1


def test_checkpoints_are_written_at_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = checkpoint(tmp_path / "state")
    one.save_if_due(1)
    assert not (tmp_path / "state").exists()
    monkeypatch.setattr(fitting, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    one.save_if_due(2)
    assert one.load() == 2


def test_what_was_fitted_is_written_before_the_checkpoint_is_removed(tmp_path: Path) -> None:
    one, path = checkpoint(tmp_path / "state"), tmp_path / "a.prior"
    one.save(1)
    with pytest.raises(OSError, match="cannot be written"):
        one.finish(load(), tmp_path / "none" / "a.prior")
    assert one.load() == 1
    one.finish(load(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.prior"]
    assert isinstance(load(path).contents, Contents)


@dataclass(frozen=True)
class Picture:
    """A picture by its name."""

    name: str


def test_pictures_that_cannot_be_used_are_recorded() -> None:
    def look(picture: Picture) -> int:
        if picture.name == "bad":
            raise KeyError("of another sort")
        return len(picture.name)

    class Refused(ValueError):
        pass

    def refuse(picture: Picture) -> int:
        if picture.name.startswith("bad"):
            raise Refused(f"{picture.name}: too small")
        return len(picture.name)

    good, bad = Picture("good"), Picture("bad")
    assert usable([bad, good], refuse, error=Refused) == ([(good, 4)], [{"name": "bad", "skipped": "bad: too small"}])
    with pytest.raises(Refused, match="none of the 2 pictures can be used: bad: too small"):
        usable([bad, replace(bad, name="bad too")], refuse, error=Refused)
    with pytest.raises(KeyError):
        usable([bad], look, error=Refused)


def test_records_of_pictures_hold_no_folders(tmp_path: Path) -> None:
    file = Source(name="set/bad.png", group="", path=tmp_path / "set" / "bad.png")

    def refuse(source: Source) -> int:
        if source.path is not None:
            raise ImageError(f"{source.path}: too small")
        return 1

    good = Source(name="good", group="")
    _, skipped = usable([file, good], refuse, error=ImageError)
    assert skipped == [{"name": "set/bad.png", "skipped": "set/bad.png: too small"}]
