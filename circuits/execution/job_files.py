"""Files of counts: an SQLite database whose whole content is checked when it is opened.

Table `jobs` has one row for each job: the hash of all that its counts depend on, the number of measured bits, the
shots, the outcomes and counts as little-endian 64-bit integers, and a CRC-32 of these fields. Several processes may use
one file at the same time: each writes whole batches in transactions and waits for the others.
"""

import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

APPLICATION, VERSION = 0x714A4F42, 2
"""Identifiers in the header of the database: "qJOB", and the version of the format."""

PATIENCE = 60.0
"""Seconds to wait for another process that writes to the file."""

_HEADER = b"SQLite format 3\0"
_COLUMNS = (
    "key TEXT PRIMARY KEY, bits INTEGER NOT NULL, shots INTEGER NOT NULL, counts BLOB NOT NULL, crc INTEGER NOT NULL"
)
_SCHEMA = f"CREATE TABLE jobs ({_COLUMNS})"


class JobFileError(ValueError):
    """A file that is no file of jobs, is damaged, or cannot be read or written; the message names it and the reason."""


class JobFile:
    """An open file of jobs (`open_jobs`)."""

    def __init__(self, path: Path, store: sqlite3.Connection) -> None:
        """Wrap a checked database."""
        self._path, self._store = path, store

    def __len__(self) -> int:
        """Number of jobs in the file."""
        with reported(self._path):
            return int(self._store.execute("SELECT COUNT(*) FROM jobs").fetchone()[0])

    def missing(self, keys: Sequence[str]) -> set[str]:
        """The keys that are not in the file."""
        with reported(self._path):
            found = (self._store.execute("SELECT key FROM jobs WHERE key = ?", (key,)).fetchone() for key in keys)
            return {key for key, row in zip(keys, found, strict=True) if row is None}

    def counts(self, key: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Outcomes that occurred in a job, and their counts."""
        with reported(self._path):
            (blob,) = self._store.execute("SELECT counts FROM jobs WHERE key = ?", (key,)).fetchone()
        outcomes, numbers = np.frombuffer(blob, "<i8").reshape(2, -1)
        return outcomes, numbers

    def add(self, counts: Mapping[str, NDArray[np.int64]]) -> None:
        """Write the counts (2**bits,) of several jobs, all or none; jobs that the file has meanwhile remain."""
        rows = []
        for key, one in counts.items():
            outcomes = np.flatnonzero(one)
            blob = np.stack([outcomes, one[outcomes]]).astype("<i8").tobytes()
            fields = (key, len(one).bit_length() - 1, int(one.sum()), blob)
            rows.append((*fields, _crc(*fields)))
        with reported(self._path), transaction(self._store):
            self._store.executemany("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?, ?)", rows)


@contextmanager
def open_jobs(path: Path, *, write: bool) -> Iterator[JobFile]:
    """Open a file of jobs and check all of it; with `write` it is created if it does not exist.

    Raises:
        JobFileError: the file cannot be used.
    """
    if path.is_dir():
        raise JobFileError(f"{path}: is a folder, but a file of jobs is expected")
    if not path.absolute().parent.is_dir():
        raise JobFileError(f"{path}: its folder does not exist")
    if path.exists() and not path.is_file():
        raise JobFileError(f"{path}: is no regular file")
    with reported(path):
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                if file.read(len(_HEADER)) != _HEADER:
                    raise JobFileError(f"{path}: is no file of jobs of run_jobs")
        store = sqlite3.connect(path.absolute(), timeout=PATIENCE, isolation_level=None)
    with closing(store):
        with reported(path):
            _check_kind(path, store, write)
            _check_content(path, store)
            if write:
                _try_to_write(store)
        yield JobFile(path, store)


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Convert errors of the database and of the system to `JobFileError`."""
    try:
        yield
    except sqlite3.Error as error:
        busy = getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        reason = f"another process has locked it for more than {PATIENCE:.0f} s" if busy else str(error)
        raise JobFileError(f"{path}: {reason}") from error
    except OSError as error:
        raise JobFileError(f"{path}: {error.strerror}") from error


@contextmanager
def transaction(store: sqlite3.Connection) -> Iterator[None]:
    """A transaction that holds the write lock from the beginning."""
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
        store.execute("COMMIT")
    except BaseException:
        if store.in_transaction:
            store.execute("ROLLBACK")
        raise


def _check_kind(path: Path, store: sqlite3.Connection, write: bool) -> None:
    """Raise unless the database is a file of jobs; create its table in an empty one."""

    def number(name: str) -> int:
        return int(store.execute(f"PRAGMA {name}").fetchone()[0])

    def objects() -> list[tuple[str, str]]:
        return list(store.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))

    if write:
        with transaction(store):
            if not objects() and not number("application_id"):
                store.execute(_SCHEMA)
                store.execute(f"PRAGMA application_id = {APPLICATION}")
                store.execute(f"PRAGMA user_version = {VERSION}")
    if number("application_id") != APPLICATION:
        earlier = [name for name, _ in objects()] == ["jobs"]
        reason = "holds jobs of an earlier version: use another file" if earlier else "is no file of jobs of run_jobs"
        raise JobFileError(f"{path}: {reason}")
    version = number("user_version")
    if version != VERSION:
        raise JobFileError(f"{path}: has version {version} of the format, but this is version {VERSION}")
    if objects() != [("jobs", _SCHEMA)]:
        raise JobFileError(f"{path}: is damaged: its tables are not those of a file of jobs")


def _try_to_write(store: sqlite3.Connection) -> None:
    """Raise if the file or its folder is read-only, which a transaction shows only when it writes."""
    store.execute("BEGIN IMMEDIATE")
    try:
        store.execute(f"PRAGMA user_version = {VERSION}")
    finally:
        store.execute("ROLLBACK")


def _check_content(path: Path, store: sqlite3.Connection) -> None:
    """Raise unless the pages of the database and all rows are intact."""
    (state,) = store.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise JobFileError(f"{path}: is damaged: {' '.join(state.split())}")
    for number, row in enumerate(store.execute("SELECT key, bits, shots, counts, crc FROM jobs"), start=1):
        reason = _fault(*row)
        if reason:
            raise JobFileError(f"{path}: is damaged: job {number} {reason}")


def _fault(key: object, bits: object, shots: object, blob: object, crc: object) -> str:
    """What is wrong with a row; empty if nothing is."""
    if not (isinstance(key, str) and isinstance(bits, int) and isinstance(shots, int) and isinstance(blob, bytes)):
        return "has fields of other types"
    if len(blob) % 16 or not blob:
        return f"has {len(blob)} bytes of counts, which are no pairs of integers"
    outcomes, counts = np.frombuffer(blob, "<i8").reshape(2, -1)
    if not (outcomes[0] >= 0 and (np.diff(outcomes) > 0).all() and int(outcomes[-1]) >> max(bits, 0) == 0):
        return f"has outcomes that are not those of {bits} bits"
    if counts.min() < 1:
        return f"has a count of {counts.min()}"
    if sum(counts.tolist()) != shots:
        return f"has counts that sum to {sum(counts.tolist())} instead of {shots} shots"
    return "" if crc == _crc(key, bits, shots, blob) else "does not match its checksum"


def _crc(key: str, bits: int, shots: int, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(f"{key} {bits} {shots}".encode()))
