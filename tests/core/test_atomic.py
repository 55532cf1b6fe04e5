"""Files and folders are whole or absent, replace nothing unasked, and remains of killed processes are removed."""

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qimg.core import atomic
from qimg.core.atomic import publish_folder, remove_abandoned, unfinished_folder, write_atomically

ROOT = Path(__file__).parents[2]
HOLDING = """
import sys, time
from pathlib import Path
from qimg.core import atomic

folder = Path(sys.argv[1])
atomic._publish = lambda *_: (print("written", flush=True), time.sleep(60))
if sys.argv[2] == "file":
    atomic.write_atomically(folder / "a", b"half")
else:
    with atomic.unfinished_folder(folder) as unfinished:
        (unfinished / "rows.csv").write_text("half")
        print("written", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not yet written anything."""
    monkeypatch.setattr(atomic, "_SWEPT", set())


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    link = os.link

    def late(source: Path, target: Path) -> None:
        path.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError) as caught:
        write_atomically(path, b"mine", overwrite=False)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"theirs"
    assert hidden(tmp_path) == []
    write_atomically(path, b"mine")
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("error", [PermissionError(errno.EPERM, "no links"), OSError(errno.EOPNOTSUPP, "no links")])
def test_file_systems_without_hard_links_replace_nothing_either(
    error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "link", refuse)
    write_atomically(tmp_path / "a", b"first", overwrite=False)
    (tmp_path / "b").symlink_to("nowhere")
    for name in "ab":
        with pytest.raises(FileExistsError, match="exists already"):
            write_atomically(tmp_path / name, b"second", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"first"
    assert hidden(tmp_path) == []


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_remains_of_killed_processes_are_removed_and_those_of_running_ones_are_not(what: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, tmp_path, what], stdout=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"written\n"
        (name,) = hidden(tmp_path)
        write_atomically(tmp_path / "b", b"")
        assert hidden(tmp_path) == [name]
        running.kill()
    atomic._SWEPT.clear()
    write_atomically(tmp_path / "c", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


@pytest.mark.usefixtures("fresh")
def test_only_own_names_are_removed_and_recent_ones_of_other_machines_are_kept(tmp_path: Path) -> None:
    other = ".qimg-00000000-0123456789abcdef.tmp"
    kept = [".hidden", ".qimg-notes.tmp", f"{other}x", ".a.png.x1y2z3ab", other]
    for name in kept:
        (tmp_path / name).touch()
    own = tmp_path / f".qimg-{atomic._machine()}-0123456789abcdef.tmp"
    own.touch()
    remove_abandoned(tmp_path)
    assert sorted(hidden(tmp_path)) == sorted(kept)
    os.utime(tmp_path / other, (0, time.time() - 2 * atomic._OLD))
    atomic._SWEPT.clear()
    remove_abandoned(tmp_path)
    assert other not in hidden(tmp_path)


def _write_to_a_full_disk(path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        write_atomically(path, bytes(5000))
    except OSError as error:
        os._exit(0 if error.filename == str(path) and error.errno == errno.EFBIG else 1)
    os._exit(2)


def test_a_full_disk_names_the_file_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    process = multiprocessing.get_context("fork").Process(target=_write_to_a_full_disk, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert path.read_bytes() == b"old"
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 255, "-v", "a\nb", "ä" * 127, "📷.png", "end.", os.fsdecode(b"\xff\xfe.png")])
def test_names_of_every_kind_and_length_are_written(name: str, tmp_path: Path) -> None:
    write_atomically(tmp_path / name, b"1", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(OSError, match="cannot be written") as caught:
        write_atomically(tmp_path / ("y" * 256), b"1")
    assert caught.value.filename == str(tmp_path / ("y" * 256))


def test_the_mask_of_permissions_holds(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_folders_take_the_first_free_name(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "mine").touch()
    (tmp_path / "2").touch()
    for expected in "34":
        with unfinished_folder(tmp_path) as folder:
            (folder / "rows").touch()
            assert publish_folder(folder, (tmp_path / name for name in "1234")) == tmp_path / expected
    with pytest.raises(FileExistsError), unfinished_folder(tmp_path) as folder:
        publish_folder(folder, [tmp_path / "1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "4"]
