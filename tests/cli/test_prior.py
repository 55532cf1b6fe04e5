"""`qimg fit prior`, `show` and `compare`: what they write, how they go on, and how they refuse bad input."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from qimg import cli, images, prior

FIT = ["--mixtures", "patch8", "3", "luma8", "2", "--rounds", "3", "--windows", "60", "--scheduler", "threads"]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with two folders of small photographs, one broken file and one that is too small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QIMG_DATA", raising=False)
    for folder, names in {"first": ("astronaut", "coffee"), "second": ("chelsea",)}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            images.save(images.box_mean(images.bundled(name), 4), tmp_path / folder / f"{name}.png")
    (tmp_path / "first" / "broken.png").write_bytes(b"\x89PNG and then nothing")
    images.save(images.bundled("coffee")[:5, :6], tmp_path / "second" / "small.png")
    return tmp_path


def refusal(arguments: list[str], capsys) -> str:
    """What is said on the error stream by a command that ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return " ".join(captured.err.split())


@pytest.mark.slow
def test_fit_show_and_compare(here, capsys):
    cli.main(["fit", "prior", "first", "second", "-o", "a.prior", *FIT])
    said = capsys.readouterr()
    a = prior.load("a.prior")
    assert a.sha256[:12] in said.out
    assert "broken.png" in said.err
    assert "small.png: must measure at least 8×8 pixels, but measures 5×6" in " ".join(said.err.split())
    assert {record["name"] for record in a.provenance["skipped"]} == {"first/broken.png", "second/small.png"}
    assert sorted(a.mixtures) == ["luma8", "patch8"]
    assert sorted(a.operators) == ["luma first@1", "luma first@2", "luma second@1", "luma second@2"]
    assert not Path("a.prior.checkpoint").exists()

    cli.main(["fit", "prior", "second", "-o", "b.prior", "--operators-only", "--workers", "1"])
    capsys.readouterr()
    assert list(prior.load("b.prior").mixtures) == []

    cli.main(["prior", "show", "a.prior"])
    shown = capsys.readouterr().out
    assert a.sha256 in shown
    assert "patch8" in shown
    cli.main(["prior", "show", "a.prior", "--html", "a.html"])
    page = Path("a.html").read_text("utf-8")
    assert a.sha256 in page
    assert page.count("<svg") > 4
    capsys.readouterr()

    cli.main(["prior", "compare", "a.prior", "b.prior"])
    assert "idelity" in capsys.readouterr().out


def test_the_shipped_prior_is_shown_by_default(capsys):
    cli.main(["prior", "show"])
    assert prior.load().sha256 in capsys.readouterr().out


@pytest.mark.slow
def test_labels_lists_and_named_sets(here, capsys, monkeypatch):
    (here / "lists.json").write_text('{"fit": {"A": ["first/coffee.png"], "B": ["second/chelsea.png"]}}')
    cli.main(["fit", "prior", "lists.json#fit", "-o", "a.prior", "--operators-only", "--scales", "1"])
    cli.main(["fit", "prior", "cups=first/coffee.png", "-o", "b.prior", "--operators-only", "--scales", "1"])
    monkeypatch.setenv("QIMG_DATA", str(here / "first"))
    cli.main(["fit", "prior", "coffee.png", "-o", "c.prior", "--operators-only", "--scales", "1"])
    capsys.readouterr()
    assert sorted(prior.load("a.prior").operators) == ["luma first@1", "luma second@1"]
    assert list(prior.load("b.prior").operators) == ["luma cups@1"]
    assert [record["name"] for record in prior.load("c.prior").provenance["inputs"]] == ["coffee.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fit", "-o", "a.prior"], "sources: at least one picture is needed"),
        (["fit", "nowhere", "-o", "a.prior"], "nowhere: no such file or folder"),
        (["fit", "first", "-o", "nowhere/a.prior"], "is no folder"),
        (["fit", "first", "-o", "first"], "first: is a folder"),
        (
            ["fit", "first", "-o", "first/coffee.png"],
            "first/coffee.png: exists already; remove it or choose another file",
        ),
        (
            ["fit", "first", "-o", "a.prior", "--workers", "-1"],
            "--workers must be an integer of at least 0, but --workers=-1",
        ),
        (["fit", "first", "-o", "a.prior", "--scheduler", "foo"], "--scheduler must be threads, local, or an address"),
        (["show", "first/coffee.png", "--html", "first/coffee.png"], "--html must end in .html or .htm"),
        (["show", "default", "--html", "nowhere/a.html"], "is no folder"),
        (["fit", "first", "-o", "a.prior", "--mixtures", "luma99", "4"], "view must be patch, luma or colour"),
        (
            ["fit", "first", "-o", "a.prior", "--operators-only", "--mixtures", "luma8", "4"],
            "--mixtures must be empty",
        ),
        (["fit", "first/broken.png", "-o", "a.prior"], "none of the 1 pictures can be used: first/broken.png"),
        (["fit", "second/small.png", "-o", "a.prior"], "must measure at least 8×8 pixels"),
        (["show", "nowhere.prior"], "nowhere.prior: cannot be read"),
        (["show", "first/broken.png"], "first/broken.png: cannot be read as a prior"),
        (["compare", "first/coffee.png", "default"], "first/coffee.png: cannot be read as a prior"),
    ],
)
def test_bad_input_is_one_sentence(arguments, said, here, capsys):
    before = sorted(here.rglob("*"))
    assert said in refusal(["prior", *arguments], capsys)
    assert sorted(here.rglob("*")) == before


@pytest.mark.slow
def test_a_killed_fit_goes_on_where_it_was(here, capsys):
    options = [*FIT, "--part", "1", "--workers", "1"]
    cli.main(["fit", "prior", "first", "second", "-o", "whole.prior", *options])
    script = (
        "import sys; from qimg.core import fitting; fitting.SECONDS_BETWEEN_CHECKPOINTS = 0.0\n"
        "from qimg.cli import main; main(sys.argv[1:])"
    )
    arguments = ["fit", "prior", "first", "second", "-o", "killed.prior", *options, "--windows", "2000"]
    whole = ["fit", "prior", "first", "second", "-o", "more.prior", *options, "--windows", "2000"]
    cli.main(whole)
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while not Path("killed.prior.checkpoint").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert Path("killed.prior.checkpoint").exists()
    assert not Path("killed.prior").exists()
    capsys.readouterr()
    cli.main(arguments)
    assert "killed.prior.checkpoint: resuming from this checkpoint" in " ".join(capsys.readouterr().err.split())
    assert prior.load("killed.prior").sha256 == prior.load("more.prior").sha256
    assert prior.load("killed.prior").sha256 != prior.load("whole.prior").sha256
    assert not Path("killed.prior.checkpoint").exists()


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["prior", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("fit", "show", "compare"))
