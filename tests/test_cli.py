"""The commands: what they print, and how they refuse bad input: exit status 2, one sentence, nothing written."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qimg
from experiments import __main__ as experiments_command
from experiments._run import runner
from experiments._run import trial as trial_module
from qimg import cli, images


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=600)


def qimg_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return python("-c", "from qimg.cli import main; main()", *arguments, cwd=cwd)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working folder with a good picture, a broken one, and a folder of each kind."""
    monkeypatch.chdir(tmp_path)
    images.save(images.bundled("coffee")[:16, :24], tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no picture at all")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "notes.txt").write_text("no picture")
    (tmp_path / "damaged").mkdir()
    for name in ("a.png", "b.jpg"):
        (tmp_path / "damaged" / name).write_bytes(b"\xff\xd8 and then nothing")
    return tmp_path


def content(root: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))}


def refusal(command, arguments: list[str], capsys) -> str:
    """What is said on the error stream by a command that ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err.strip()


def test_version(capsys):
    cli.main(["version"])
    assert capsys.readouterr().out == f"qimg {qimg.__version__}\n"


def test_the_installed_command_prints_its_version(tmp_path):
    done = qimg_command("version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"qimg {qimg.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["encode", "decode", "info", "trial", "version"]),
        (["trial", "--help"], ["--out", "--seed", "Run the practical trial", "Seed of every random draw"]),
    ],
)
def test_help(arguments, words, tmp_path):
    done = qimg_command(*arguments, cwd=tmp_path)
    assert done.returncode == 0
    for word in words:
        assert word in " ".join(done.stdout.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent.png"], "absent.png: no such file or folder"),
        (["good.png", "nowhere"], "nowhere: no such file or folder"),
        (["without"], "without: the folder holds no image ("),
        (["text.png"], "none of the 1 files can be read: text.png: "),
        (["damaged"], "none of the 2 files can be read: damaged/a.png: "),
        (["good.png", "--out", "full"], "full: exists already, but results are never overwritten; name a new folder"),
        (["good.png", "--out", "good.png"], "good.png: exists already, but results are never overwritten"),
        (["good.png", "--out", "no/where"], "no: no such folder to write where into"),
        (["good.png", "--out", "good.png/report"], "good.png: no such folder to write report into"),
        (["good.png", "--seed", "-1"], "--seed must be an integer of at least 0, but --seed=-1"),
    ],
)
def test_bad_input_to_the_trial_is_one_sentence(arguments, sentence, here, capsys):
    before = content(here)
    said = refusal(cli.main, ["trial", *arguments], capsys)
    assert said.startswith(f"qimg: error: {sentence}")
    assert len(said.splitlines()) == 1
    assert content(here) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["trial", "--nosuch", "3"], "--nosuch"),
        (["trial", "--seed", "many"], "many"),
        (["trail"], "trail"),
        ([], "version"),
    ],
)
def test_options_and_commands_that_do_not_exist_are_named(arguments, named, here, capsys):
    before = content(here)
    assert named in refusal(cli.main, arguments, capsys)
    assert content(here) == before


def test_a_refusal_by_the_real_process(here):
    before = content(here)
    done = qimg_command("trial", "damaged", "--out", "report", cwd=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().startswith("qimg: error: none of the 2 files can be read")
    assert content(here) == before


def test_the_trial_says_where_the_report_is(here, monkeypatch, capsys):
    given = []

    def run_trial(sources, **options):
        given.append((sources, options))
        options["out"].mkdir()
        facts = {"skipped": [{"path": "damaged/one.png", "reason": "damaged/one.png: not an image"}]}
        (options["out"] / "provenance.json").write_text(json.dumps(facts))
        return options["out"]

    monkeypatch.setattr(trial_module, "run_trial", run_trial)
    cli.main(["trial", "good.png", "damaged", "--out", "report", "--seed", "4"])
    assert given == [(("good.png", "damaged"), {"out": Path("report"), "seed": 4})]
    said = capsys.readouterr()
    assert said.out == f"report: {Path('report', 'report.html')}\n"
    assert said.err == "skipped damaged/one.png: not an image\n"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "qimg: interrupted; nothing was written"),
        (PermissionError(13, "Permission denied", "/sealed"), 2, "qimg: error: /sealed: Permission denied"),
        (OSError(28, "No space left on device"), 2, "qimg: error: [Errno 28] No space left on device"),
        (ModuleNotFoundError("install the extra"), 2, "qimg: error: install the extra"),
        (ValueError("two\n  lines"), 2, "qimg: error: two lines"),
    ],
)
def test_errors_while_running_become_one_sentence(error, status, said, monkeypatch, capsys):
    def stop(*_, **__):
        raise error

    monkeypatch.setattr(trial_module, "run_trial", stop)
    with pytest.raises(SystemExit) as ended:
        cli.main(["trial"])
    assert ended.value.code == status
    assert capsys.readouterr().err == f"{said}\n"


def test_a_defect_of_the_program_is_not_hidden(monkeypatch):
    def stop(*_, **__):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(trial_module, "run_trial", stop)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        cli.main(["trial"])


@pytest.mark.slow
def test_experiments_are_listed_with_their_questions(tmp_path):
    done = python("-m", "experiments", cwd=tmp_path)
    assert done.returncode == 0
    for name in runner.EXPERIMENTS:
        assert f"{name}  {runner.question(name)}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch"], "NAME must be one of pairs, convergence, "),
        (["pairs", "--images", "absent.png"], "absent.png: no such file or folder"),
        (["pairs", "--images", "without"], "without: the folder holds no image"),
        (["pairs", "--images", "damaged"], "none of the 2 files can be read"),
        (["pairs", "--images", "good.png", "--qualities", "0"], "--qualities must be in [1, 100], but --qualities=0"),
        (["pairs", "--images", "good.png", "--qualities"], "--qualities must hold at least one value"),
        (["truncation", "--images", "good.png", "--ranks", "0"], "--ranks must be in [1, 192], but --ranks=0"),
        (["shots", "--images", "good.png", "--seed", "-1"], "--seed must be an integer of at least 0, but --seed=-1"),
        (["purification", "--box-mean", "-1"], "--box-mean must be an integer of at least 0, but --box-mean=-1"),
        (["pairs", "--images", "good.png", "--out", "good.png"], "good.png: is a file, but a folder for results"),
    ],
)
def test_bad_input_to_an_experiment_is_one_sentence(arguments, sentence, here, capsys):
    before = content(here)
    said = refusal(experiments_command.main, arguments, capsys)
    # Bars that had begun stand above the sentence.
    assert said.splitlines()[-1].startswith(f"qimg: error: {sentence}")
    assert content(here) == before


@pytest.mark.parametrize("arguments", [["pairs", "--nosuch", "3"], ["pairs", "--qualities", "high"]])
def test_options_that_an_experiment_does_not_have_are_named(arguments, here, capsys):
    before = content(here)
    assert arguments[-1] in refusal(experiments_command.main, arguments, capsys)
    assert content(here) == before


def test_an_experiment_prints_and_writes_what_it_found(here, capsys):
    experiments_command.main(["pairs", "--images", "good.png", "text.png", "--qualities", "50", "--out", "found"])
    said = capsys.readouterr().out
    (folder,) = (here / "found" / "pairs").iterdir()
    assert f"written to {Path('found', 'pairs', folder.name)}" in said
    assert "skipped text.png" in said
    assert "means over 1 picture\n" in said
    assert len((folder / "rows.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("module", ["qimg", "qimg.cli"])
def test_importing_qimg_loads_nothing_heavy(module, tmp_path):
    heavy = (
        "matplotlib",
        "qiskit",
        "qiskit_aer",
        "skimage",
        "scipy.ndimage",
        "tensornetwork",
        "numba",
        "constriction",
        "experiments",
        "circuits",
    )
    done = python("-c", f"import sys, {module}; print(*[n for n in {heavy} if n in sys.modules])", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_nothing_is_printed_by_the_library(capsys, tmp_path):
    operator = qimg.CorrelationOperator.from_planes(images.luma(images.bundled("coffee"))[:64, :64])
    operator.save(tmp_path / "operator.npz")
    assert np.trace(operator.density_matrix()) == pytest.approx(1)
    assert capsys.readouterr() == ("", "")
