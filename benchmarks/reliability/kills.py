"""Commands that are killed at random moments: what is half-written, resumed wrongly, or left behind.

Each trial starts a small command, sends it SIGKILL after a random time, and runs it again, with `--skip-existing` where
there is this option, until it ends by itself. What it has written must then be what an undisturbed run writes.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import qimg
from benchmarks.records import rows_of
from experiments._results.measurements import Measurement
from qimg import images

HALF_WRITTEN, WRONG, LEFT, KILLED = "half-written files", "wrong resumes", "hidden files left", "killed before the end"
QUANTITIES = (KILLED, HALF_WRITTEN, WRONG, LEFT)
_ROOT = Path(__file__).parents[2]
_NUMBER = re.compile(r"-\d+/")  # of the folder of a repeated experiment


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command in a folder that holds its pictures, and the names of the files it writes."""

    name: str
    words: Sequence[str]
    out: str


COMMANDS = (
    Command(name="encode", words=("encode", "png", "out", "--quality", "50", "--effort", "1"), out="out/*"),
    Command(name="decode", words=("decode", "qimg", "out"), out="out/*"),
    Command(name="restore", words=("restore", "jpg", "out", "--effort", "1"), out="out/*"),
    Command(name="denoise", words=("denoise", "png", "out", "--sigma", "9", "--effort", "1"), out="out/*"),
    Command(name="fit prior", words=("fit", "prior", "png", "--out", "a.prior", "--rounds", "2"), out="a.prior"),
    Command(
        name="experiments",
        words=("experiments", "pairs", "--images", "png", "--box-mean", "1", "--out", "runs"),
        out="runs/pairs/*/rows.csv",
    ),
)


def measure(count: int = 20, seed: int = 0, commands: Sequence[Command] = COMMANDS) -> list[Measurement]:
    """Outcomes of `count` kills of each command."""
    rows: list[Measurement] = []
    for command in commands:
        tally = trials(command, count, np.random.default_rng(seed))
        rows += rows_of("killed_command", command.name, {"tried": count, **tally})
    return rows


def trials(command: Command, count: int, rng: np.random.Generator) -> dict[str, int]:
    """How often each of `QUANTITIES` occurs in `count` trials of one command."""
    tally = dict.fromkeys(QUANTITIES, 0)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "whole"):  # the first run compiles loops
            whole = Path(folder, name)
            make_pictures(whole)
            start = time.monotonic()
            _run(command, whole)
            seconds = time.monotonic() - start
        expected = written(command, whole)
        for number in range(count):
            place = Path(folder, str(number))
            make_pictures(place)
            # Most of a short run is the start of Python; the later half is where files are written.
            killed = _run(command, place, seconds * float(rng.uniform(0.3, 1.05))) == -signal.SIGKILL
            tally[KILLED] += killed
            tally[HALF_WRITTEN] += sum(
                expected.get(name, content) != content for name, content in written(command, place).items()
            )
            _run(command, place, again=True)
            tally[WRONG] += written(command, place) != expected
            tally[LEFT] += len(list(place.rglob(".*")))
            shutil.rmtree(place)
    return tally


def make_pictures(folder: Path) -> None:
    """Four small photographs as PNG, JPEG and `.qimg` files in three folders."""
    photo = images.box_mean(images.bundled("coffee"), 6)
    for kind in ("png", "jpg", "qimg"):
        (folder / kind).mkdir(parents=True)
    for number in range(4):
        pixels = np.roll(photo, 9 * number, axis=1)
        images.save(pixels, folder / f"png/{number}.png")
        images.save(pixels, folder / f"jpg/{number}.jpg", quality=30)
        (folder / f"qimg/{number}.qimg").write_bytes(qimg.encode(pixels, quality=50, effort=1))


def written(command: Command, folder: Path) -> dict[str, bytes]:
    """The files that a command has written, without hidden ones; repeated experiments under the name of the first."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.glob(command.out) if path.name[0] != "."}
    return {_NUMBER.sub("/", name): path.read_bytes() for name, path in files.items()}


def _run(command: Command, folder: Path, seconds: float | None = None, *, again: bool = False) -> int:
    """Run a command in a folder, killed after some seconds; its exit status, −9 where it was killed."""
    options = ["--skip-existing"] if again and command.out == "out/*" else []
    process = subprocess.Popen(
        [sys.executable, "-m", "qimg", *command.words, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
