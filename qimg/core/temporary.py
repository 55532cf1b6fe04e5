"""Work on systems without a folder for temporary files, such as containers with a read-only file system."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from qimg.core.atomic import unfinished_folder


@contextmanager
def importing() -> Iterator[None]:
    """Within the block, packages can be imported that look up the folder for temporary files but do not need it.

    Python raises an error where there is no such folder; Qiskit's dependency dill looks it up when it is imported.
    """
    missing = not _available()
    if missing:
        tempfile.tempdir = os.sep
    try:
        yield
    finally:
        if missing:
            tempfile.tempdir = None


@contextmanager
def temporary_files_in(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Within the block, temporary files of this process and its children have a folder, if necessary in `folder`.

    For commands, which write into `folder` anyway. Where Matplotlib's folder cannot be written, its cache is among the
    temporary files; Matplotlib would print two warnings in every process, or fail.
    """
    place = Path(folder).absolute()
    while not place.is_dir():
        place = place.parent
    with ExitStack() as stack:
        hidden = ""
        if not _available() and os.access(place, os.W_OK):
            hidden = tempfile.tempdir = str(stack.enter_context(unfinished_folder(place)))
            stack.callback(setattr, tempfile, "tempdir", None)
            stack.enter_context(_variable("TMPDIR", hidden))
        if "MPLCONFIGDIR" not in os.environ and not _can_be_written(_matplotlib()):
            cache = hidden or next((str(one / "matplotlib") for one in private_folder()), "")
            if cache:
                stack.enter_context(_variable("MPLCONFIGDIR", cache))
        yield


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def private_folder() -> list[Path]:
    """The folder among the temporary files that only this user can read and write; none where there is no such one."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    with suppress(OSError):
        if _available():
            private = Path(tempfile.gettempdir()) / f"qimg-numba-{user}"
            private.mkdir(mode=0o700, exist_ok=True)
            return [private] if _is_private(private) else []
    return []


def _is_private(folder: Path) -> bool:
    """Whether only the user can write to a folder."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o077)


def _matplotlib() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(base, "matplotlib")


def _can_be_written(folder: Path) -> bool:
    """Whether a folder, or the first of its parents that exists, is a folder and can be written."""
    if not folder.is_absolute():  # "~/.config" of an account without a home
        return False
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _available() -> bool:
    """Whether there is a folder for temporary files; Python takes the working folder where it finds no other one."""
    with suppress(OSError):
        return Path(tempfile.gettempdir()) != Path.cwd()
    return False
