"""`qimg fit tables`, `restorer` and `network`: files, skipped pictures, resuming, and how they refuse bad input."""

import builtins
import subprocess
import sys
from pathlib import Path

import pytest

from qimg import cli, images
from qimg.codecs.block.fitting import rounds
from qimg.codecs.block.model import tables
from qimg.core import fitting
from qimg.core.artifacts import Artifact
from qimg.restoration import load as load_restorer
from qimg.restoration.jpeg.fitting import stages

TABLES = [
    "--classes",
    "2",
    "2",
    "2",
    "2",
    "--windows",
    "100",
    "100",
    "60",
    "60",
    "--first-rounds",
    "1",
    "--rounds",
    "2",
    "--crop",
    "64",
    "--workers",
    "1",
]
RESTORER = ["--classes", "2", "2", "--pixels", "10000", "--most", "1", "--gate-vectors", "500", "--epochs", "1"]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with pictures, and one that is too small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QIMG_DATA", raising=False)
    (tmp_path / "set").mkdir()
    for name in ("coffee", "chelsea"):
        images.save(images.box_mean(images.bundled(name), 2)[:112, :144], tmp_path / "set" / f"{name}.png")
    images.save(images.bundled("coffee")[:20, :30], tmp_path / "set" / "small.png")
    return tmp_path


def load(verb: str, path: str) -> Artifact:
    return tables.load(path) if verb == "tables" else load_restorer(path)


class Stopped(KeyboardInterrupt):
    """A fit is interrupted."""


@pytest.mark.slow
@pytest.mark.parametrize(("verb", "options"), [("tables", TABLES), ("restorer", RESTORER)])
def test_an_interrupted_fit_ends_with_the_same_bits(verb, options, here, capsys, monkeypatch):
    save = fitting.Checkpoint.save
    count = 0

    def interrupted(self, state):
        nonlocal count
        save(self, state)
        count += 1
        if count == stop:
            raise Stopped

    monkeypatch.setattr(fitting.Checkpoint, "save", interrupted)
    stop = -1
    cli.main(["fit", verb, "set", "-o", "whole", *options])
    said = capsys.readouterr()
    passes, whole = count, load(verb, "whole")
    assert f"whole: {whole!r}" in said.out
    assert "skipped set/small.png: must" in " ".join(said.err.split())
    assert [record["name"] for record in whole.provenance["skipped"]] == ["set/small.png"]
    assert passes == {"tables": 4, "restorer": 6}[verb]
    for stop in {"tables": (2,), "restorer": (1, 2, 5)}[verb]:
        count = 0
        with pytest.raises(SystemExit) as ended:
            cli.main(["fit", verb, "set", "-o", "again", *options])
        assert ended.value.code == 130
        text = "again.checkpoint holds the state of the fit; run the same command again to resume"
        assert text in capsys.readouterr().err
        assert not Path("again").exists()
        count, stop = 0, -1
        cli.main(["fit", verb, "set", "-o", "again", *options])
        assert "again.checkpoint: resuming from this checkpoint" in capsys.readouterr().err
        assert Path("again").read_bytes() == Path("whole").read_bytes()
        assert not Path("again.checkpoint").exists()
        Path("again").unlink()


@pytest.mark.parametrize(("verb", "options"), [("tables", TABLES), ("restorer", RESTORER)])
def test_checkpoints_of_other_fits_are_refused(verb, options, here, capsys, monkeypatch):
    module = rounds if verb == "tables" else stages

    def stop(*arguments, **more):
        raise Stopped

    monkeypatch.setattr(module, "_run_round" if verb == "tables" else "_gate", stop)
    with pytest.raises(SystemExit):
        cli.main(["fit", verb, "set", "-o", "a", *options])
    capsys.readouterr()
    content = Path("a.checkpoint").read_bytes()
    for change, what in ((["--seed", "1"], "recipe"), (["more"], "set of pictures")):
        if change == ["more"]:
            images.save(images.bundled("coffee")[100:220, :140], "set/more.png")
        assert f"a.checkpoint: is the checkpoint of another {what}; remove it" in refusal(
            ["fit", verb, "set", "-o", "a", *options, *(change if what == "recipe" else [])], capsys
        )
        assert Path("a.checkpoint").read_bytes() == content


def refusal(arguments: list[str], capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return " ".join(captured.err.split())


@pytest.mark.parametrize("verb", ["prior", "tables", "restorer"])
def test_bad_input_is_one_sentence(verb, here, capsys):
    before = sorted(here.rglob("*"))
    for arguments, said in (
        (["-o", "a"], "sources: at least one picture is needed"),
        (["nowhere", "-o", "a"], "nowhere: no such file or folder"),
        (["set", "-o", "nowhere/a"], "is no folder"),
        (["set", "-o", "set"], "set: is a folder"),
        (["set", "-o", "set/coffee.png"], "set/coffee.png: exists already; remove it or choose another file"),
        (["set/small.png", "-o", "a"], "none of the 1 pictures can be used: set/small.png: must "),
    ):
        if verb == "prior" and arguments[0] == "set/small.png":
            continue
        assert said in refusal(["fit", verb, *arguments], capsys)
    if verb != "restorer":
        assert "workers must be an integer of at least 0" in refusal(
            ["fit", verb, "set", "-o", "a", "--workers", "-1"], capsys
        )
    assert sorted(here.rglob("*")) == before


def test_what_can_be_fitted_is_listed(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["fit", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("prior", "tables", "restorer", "network"))
    assert "the next word must be one of prior, tables, sketch, restorer, network, codec, but is 'poem'" in refusal(
        ["fit", "poem"], capsys
    )
    assert "but is ''" in refusal(["fit"], capsys)


def test_names_are_looked_up_in_the_folder_of_sets(here, capsys, monkeypatch):
    monkeypatch.setenv("QIMG_DATA", str(here / "set"))
    cli.main(["fit", "restorer", "coffee.png", "-o", "a", *RESTORER])
    assert load_restorer("a").provenance["inputs"] == ["coffee.png"]


def test_missing_pytorch_is_one_sentence_and_hinders_nothing_else(here, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("torch", "qimg.cli.fit.network", "qimg.learning"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("qimg.restoration.jpeg.network")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("qimg.restoration.jpeg.training")]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    said = refusal(["fit", "network", "set", "--held-out", "set", "-o", "a.network"], capsys)
    assert said == "qimg: error: qimg fit network needs PyTorch: pip install 'qimg[learned]'"
    for verb in ("prior", "tables", "restorer"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["fit", verb, "--help"])
        assert ended.value.code == 0


def test_other_fits_do_not_import_pytorch():
    script = (
        "import sys; import qimg.cli.fit.prior, qimg.cli.fit.tables, qimg.cli.fit.sketch, qimg.cli.fit.restorer; "
        "print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
