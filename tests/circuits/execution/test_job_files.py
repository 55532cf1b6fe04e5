"""Files of jobs: every damage is one error at opening, and several processes use one file."""

import os
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

import circuits
from circuits.execution import job_files


def turned(count: int) -> list[QuantumCircuit]:
    many = []
    for k in range(count):
        circuit = QuantumCircuit(2)
        circuit.ry(0.2 + k, 0)
        circuit.cx(0, 1)
        many.append(circuit)
    return many


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.sqlite"
    circuits.run_jobs(turned(5), shots=100, file=path)
    return path


def refused(path: Path, reason: str) -> None:
    """Both functions raise the one error, before anything is run, and leave the file alone."""
    content = path.read_bytes() if path.is_file() else None
    for call in (lambda: circuits.run_jobs(turned(5), shots=100, file=path), lambda: circuits.jobs_done(path)):
        with pytest.raises(circuits.JobFileError, match=rf"{path.name}: .*{reason}"):
            call()
    assert content is None or path.read_bytes() == content


def test_bytes_that_are_no_database(tmp_path):
    for content in (b"\x89PNG" + bytes(200), b"SQLite", b"\x80\x04pickle", b"x" * 5000):
        (tmp_path / "other").write_bytes(content)
        refused(tmp_path / "other", "is no file of jobs")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    refused(file, "")


@pytest.mark.parametrize("seed", range(8))
def test_garbage_is_found_or_changes_nothing(file, seed):
    counts = circuits.run_jobs(turned(5), shots=100, file=file)
    rng = np.random.default_rng(seed)
    content = bytearray(file.read_bytes())
    start = int(rng.integers(len(content) - 64))
    content[start : start + 64] = rng.bytes(64)
    file.write_bytes(content)
    try:
        again = circuits.run_jobs(turned(5), shots=100, file=file)
    except circuits.JobFileError:
        return
    np.testing.assert_array_equal(again, counts)


def test_a_foreign_database(tmp_path):
    for sql in ("CREATE TABLE photos (name TEXT)", "CREATE TABLE jobs (key TEXT, other TEXT)"):
        path = tmp_path / f"{len(sql)}.sqlite"
        store = sqlite3.connect(path)
        store.execute(sql)
        store.commit()
        store.close()
        refused(path, "is no file of jobs|holds jobs of an earlier version: use another file")


def altered(file: Path, sql: str, *values: object) -> None:
    store = sqlite3.connect(file)
    store.execute(sql, values)
    store.commit()
    store.close()


def crc(key: str, bits: int, shots: int, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(f"{key} {bits} {shots}".encode()))


@pytest.mark.parametrize(
    ("outcomes", "counts", "reason"),
    [
        ([0, 3], [40, 50], "counts that sum to 90 instead of 100 shots"),
        ([0, 3], [140, -40], "a count of -40"),
        ([0, 3], [100, 0], "a count of 0"),
        ([0, 4], [50, 50], "outcomes that are not those of 2 bits"),
        ([-1, 3], [50, 50], "outcomes that are not those of 2 bits"),
        ([3, 0], [50, 50], "outcomes that are not those of 2 bits"),
    ],
)
def test_counts_that_no_run_gives(file, outcomes, counts, reason):
    key, blob = "0" * 64, np.array([outcomes, counts], "<i8").tobytes()
    altered(file, "INSERT INTO jobs VALUES (?, 2, 100, ?, ?)", key, blob, crc(key, 2, 100, blob))
    refused(file, f"is damaged: job 6 has {reason}")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("UPDATE jobs SET counts = x'00'", "job 1 has 1 bytes of counts"),
        ("UPDATE jobs SET counts = 'text'", "job 1 has fields of other types"),
        ("UPDATE jobs SET shots = shots + 1", "job 1 has counts that sum to 100 instead of 101 shots"),
        ("UPDATE jobs SET bits = 3", "job 1 does not match its checksum"),
        ("UPDATE jobs SET key = 'a' || key", "job 1 does not match its checksum"),
        ("ALTER TABLE jobs ADD COLUMN more TEXT", "its tables are not those of a file of jobs"),
        ("CREATE TRIGGER t AFTER INSERT ON jobs BEGIN SELECT 1; END", "its tables are not those of a file of jobs"),
        ("PRAGMA user_version = 9", "has version 9 of the format, but this is version 2"),
    ],
)
def test_rows_and_tables_that_were_altered(file, sql, reason):
    altered(file, sql)
    refused(file, reason)


def test_places_that_cannot_hold_a_file(tmp_path):
    with pytest.raises(circuits.JobFileError, match=r": is a folder, but a file of jobs is expected"):
        circuits.run_jobs(turned(1), shots=1, file=tmp_path)
    with pytest.raises(circuits.JobFileError, match=r"jobs: its folder does not exist"):
        circuits.run_jobs(turned(1), shots=1, file=tmp_path / "none" / "jobs")
    with pytest.raises(circuits.JobFileError, match=r"null: is no regular file"):
        circuits.run_jobs(turned(1), shots=1, file="/dev/null")
    assert circuits.jobs_done(tmp_path / "none") == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder(file):
    os.chmod(file, 0o444)
    os.chmod(file.parent, 0o555)
    try:
        assert circuits.jobs_done(file) == 5
        with pytest.raises(circuits.JobFileError, match="attempt to write a readonly database"):
            circuits.run_jobs(turned(5), shots=100, file=file)
        with pytest.raises(circuits.JobFileError, match="unable to open database file"):
            circuits.run_jobs(turned(5), shots=100, file=file.parent / "other")
    finally:
        os.chmod(file.parent, 0o755)


def test_a_read_only_database_is_the_same_error(file, monkeypatch):
    connect = sqlite3.connect

    def read_only(path, **options):
        return connect(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr(job_files.sqlite3, "connect", read_only)
    assert circuits.jobs_done(file) == 5
    with pytest.raises(circuits.JobFileError, match=r"jobs.sqlite: attempt to write a readonly database"):
        circuits.run_jobs(turned(5), shots=100, file=file)


def test_a_lock_that_is_held_is_reported(file, monkeypatch):
    monkeypatch.setattr(job_files, "PATIENCE", 0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(circuits.JobFileError, match=r"jobs.sqlite: another process has locked it for more than 0 s"):
        circuits.run_jobs(turned(6), shots=100, file=file)
    other.execute("ROLLBACK")
    other.close()
    assert circuits.run_jobs(turned(6), shots=100, file=file).sum() == 600


def test_an_interrupted_write_leaves_whole_batches(file):
    store = sqlite3.connect(file)
    store.execute("INSERT INTO jobs VALUES ('half', 1, 1, x'00', 0)")
    store.close()  # not committed: what a kill leaves behind
    assert circuits.jobs_done(file) == 5


SCRIPT = """
import sys, numpy as np, circuits
from qiskit.circuit import QuantumCircuit
many = []
for k in range(24):
    circuit = QuantumCircuit(2); circuit.ry(0.2 + k, 0); circuit.cx(0, 1); many.append(circuit)
counts = circuits.run_jobs(many, shots=100, file=sys.argv[1], batch=3)
sys.stdout.buffer.write(counts.astype("<i8").tobytes())
"""


@pytest.mark.slow
def test_several_processes_fill_one_file(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "jobs.sqlite")]
    alone = subprocess.run([*command[:-1], str(tmp_path / "alone.sqlite")], capture_output=True, check=True).stdout
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert set(outputs) == {alone}
    assert circuits.jobs_done(tmp_path / "jobs.sqlite") == 24


def test_a_batch_that_another_process_finished_is_not_run(file, monkeypatch):
    sent = []
    run = circuits.run

    def meanwhile(batch, *arguments, **options):
        sent.append(len(batch))
        if len(sent) == 1:  # the other process runs the remaining jobs
            circuits.run_jobs(turned(12), shots=100, file=file, batch=2)
        return run(batch, *arguments, **options)

    monkeypatch.setattr("circuits.execution.jobs.run", meanwhile)
    counts = circuits.run_jobs(turned(12), shots=100, file=file, batch=2)
    assert sum(sent) == 2 + 7  # its own first batch, and the 7 of the other process
    np.testing.assert_array_equal(counts.sum(axis=1), 100)
    assert circuits.jobs_done(file) == 12
