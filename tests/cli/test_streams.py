"""Output on terminals of any encoding, on closed and full streams, and with readers that end early."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import qimg
from qimg import images
from qimg.cli import main
from qimg.cli.progress import bar
from qimg.cli.streams import any_terminal

ROOT = str(Path(qimg.__file__).parents[1])
VERBS = {
    "encode": ["encode", "in", "out", "--quality", "20", "--effort", "1"],
    "denoise": ["denoise", "in", "out", "--sigma", "5", "--effort", "1"],
    "help": ["encode", "--help"],
    "experiments": ["experiments"],
    "prior": ["prior", "show"],
}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `in` with a picture whose name has letters that most encodings lack, and a byte that is no text."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    images.save(images.box_mean(images.bundled("coffee"), 16), "in/é→📷" + os.fsdecode(b"\xff") + ".png")
    return tmp_path


def run(arguments: list[str], **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "qimg", *arguments],
        env=os.environ | {"PYTHONPATH": ROOT} | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("locale", [C_LOCALE, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii:strict"}])
def test_every_terminal_shows_every_line(verb: str, locale: dict[str, str]) -> None:
    done = run(VERBS[verb], **locale)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout
    if verb in ("encode", "denoise"):
        assert b" -> out/" in done.stdout


def test_letters_are_replaced_where_they_are_missing_and_streams_are_as_before(tmp_path: Path) -> None:
    before = sys.stdout
    with (tmp_path / "text").open("w", encoding="ascii") as sys.stdout:
        try:
            with any_terminal():
                print("a → b × c: é " + os.fsdecode(b"\xff"))
            assert sys.stdout.errors == "strict"
        finally:
            sys.stdout = before
    assert (tmp_path / "text").read_bytes() == b"a -> b x c: \\xe9 \xff\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(["version"])
        assert ended.value.code == 2
        assert capsys.readouterr().err == "qimg: error: the standard output: No space left on device\n"


def test_a_reader_that_ends_early_ends_the_command_silently(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert ended.value.code == 141
    assert capsys.readouterr().err == ""


def test_commands_work_with_closed_streams(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    main(VERBS["encode"])
    with bar("parts") as track:
        assert list(track(range(2))) == [0, 1]
    assert len(list((here / "out").iterdir())) == 1
