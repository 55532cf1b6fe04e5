"""Files and folders that appear under their name only when they are complete.

They are written under a temporary name in the same folder and then renamed. The writer holds a lock on the temporary
file or folder. The next process that writes into the folder removes those without a lock, which killed processes left.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which does not remove open files either
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\.qimg-([0-9a-f]{8})-[0-9a-f]{16}\.tmp")
"""Temporary names: a hash of the machine's name and a random number. They are short, because the name of the file may
have the greatest length that the file system allows."""
_OLD = 24 * 3600.0  # seconds after which remains of another machine, whose locks may be invisible, are removed
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)  # what renaming a folder to a name in use gives
_EXISTS = "exists already, and overwriting is not enabled"
_SWEPT: set[tuple[int, int]] = set()


def write_atomically(path: str | os.PathLike[str], content: bytes, *, overwrite: bool = True) -> None:
    """Write `content` under a temporary name in the same folder, then rename the file.

    Args:
        path: file to write.
        content: its bytes.
        overwrite: replace an existing file. Otherwise a file of this name is never replaced, even if it appears while
            `content` is written; on file systems without hard links this is checked right before the file is renamed.

    Raises:
        FileExistsError: the file exists and may not be overwritten.
        OSError: it cannot be written; `filename` is the name of the file.
    """
    path = Path(path)
    with _errors_of(path):
        remove_abandoned(path.parent)
        temporary, lock = _reserved_file(path.parent)
        try:
            # The file is closed before it is renamed, since some file systems report a full disk only then. The lock
            # lasts until `lock` is closed.
            with os.fdopen(os.dup(lock), "wb") as file:
                file.write(content)
            if fcntl is None:
                os.close(lock)
                lock = -1
            _publish(temporary, path, overwrite)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        finally:
            if lock >= 0:
                os.close(lock)


@contextmanager
def unfinished_folder(parent: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder under a temporary name in `parent`; at the end it is removed unless `publish_folder` renamed it.

    Raises:
        OSError: the folder cannot be created; `filename` is that of `parent`.
    """
    with _errors_of(Path(parent)):
        remove_abandoned(parent)
        folder, lock = _reserved_folder(Path(parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock >= 0:
            os.close(lock)


def publish_folder(folder: Path, names: Iterable[Path]) -> Path:
    """Rename a folder to the first of these names that is free or an empty folder, and return it.

    Raises:
        FileExistsError: none of them is.
        OSError: the folder cannot be renamed; `filename` is the name.
    """
    last = folder
    for last in names:
        try:
            folder.rename(last)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise OSError(error.errno, error.strerror, str(last)) from None
        else:
            return last
    raise FileExistsError(errno.EEXIST, _EXISTS, str(last))


def remove_abandoned(folder: str | os.PathLike[str]) -> None:
    """Remove unfinished files and folders of processes that were killed; once per folder and process.

    Only names that this module gives are removed, and only where no running process holds their lock.
    """
    with suppress(OSError):
        status = os.stat(folder)
        key = status.st_dev, status.st_ino
        if fcntl is None or key in _SWEPT:
            return
        _SWEPT.add(key)
        with os.scandir(folder) as entries:
            remains = [entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name)]
        for path in remains:
            _remove_if_abandoned(Path(path))


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        status = path.lstat()
        match = _TEMPORARY.fullmatch(path.name)
        here = match is not None and match[1] == _machine()
        is_folder = stat.S_ISDIR(status.st_mode)
        if not (is_folder or stat.S_ISREG(status.st_mode)) or not (here or time.time() - status.st_mtime > _OLD):
            return
        lock = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_folder:
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(lock)


def _reserved_file(parent: Path) -> tuple[Path, int]:
    """A new temporary file, and a descriptor for writing that holds its lock."""
    while True:
        path = parent / _temporary_name()
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o666)
        if _locked(path, handle):
            return path, handle


def _reserved_folder(parent: Path) -> tuple[Path, int]:
    """A new temporary folder, and a descriptor that holds its lock, or −1 where folders cannot be opened."""
    while True:
        path = parent / _temporary_name()
        os.mkdir(path)
        if fcntl is None:
            return path, -1
        handle = os.open(path, os.O_RDONLY)
        if _locked(path, handle):
            return path, handle


def _temporary_name() -> str:
    return f".qimg-{_machine()}-{secrets.token_hex(8)}.tmp"


@cache
def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _locked(path: Path, handle: int) -> bool:
    """Lock a new file or folder; False, with the descriptor closed, if another process has just removed it."""
    if fcntl is not None:
        with suppress(OSError):  # file systems without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            present = os.path.samestat(os.lstat(path), os.fstat(handle))
        except OSError:
            present = False
        if not present:
            os.close(handle)
        return present
    return True


def _publish(temporary: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, _EXISTS) from None
    except (OSError, NotImplementedError, AttributeError):  # a file system or a system without hard links
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, _EXISTS) from None
        os.rename(temporary, path)
    else:
        os.unlink(temporary)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Errors of the system with the name of the file to write instead of that of the temporary file, or of none."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        text = reason if isinstance(error, FileExistsError) else f"cannot be written ({reason})"
        raise OSError(error.errno, text, str(path)) from None
