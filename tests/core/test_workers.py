"""Work on many items: the same results in the same order, whatever works; clear errors; nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from qimg.core.workers import HERE, Threads, open_workers, processes


def shifted(item: int, shared: int) -> int:
    time.sleep(0.01 * (item % 3))
    return item + shared


def failing(item: int, shared: None) -> int:
    if item == 3:
        raise ArithmeticError("three")
    return item


def state(item: int, shared: np.ndarray) -> tuple[int, list[int], str, float]:
    threads = [pool["num_threads"] for pool in threadpool_info()]
    return os.getpid(), threads, os.environ.get("NUMBA_NUM_THREADS", ""), float(shared.sum())


def dying(item: int, shared: None) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_worker_is_this_process() -> None:
    with open_workers(1) as pool:
        assert next(iter(pool.map(state, [0], np.ones(3))))[0] == os.getpid()
    assert list(HERE.map(shifted, range(5), 10)) == list(range(10, 15))


def test_threads_keep_the_order_and_hand_on_errors() -> None:
    assert list(Threads(3).map(shifted, range(20), 100)) == list(range(100, 120))
    with pytest.raises(ArithmeticError, match="three"):
        list(Threads(2).map(failing, range(9), None))


def test_processes_keep_the_order_have_one_thread_and_end_with_the_block() -> None:
    """One pool for all of it: each takes about a second to start."""
    with processes(2) as pool:
        assert list(pool.map(shifted, range(20), 100)) == list(range(100, 120))
        states = list(pool.map(state, range(6), np.ones(5)))
        pids = {pid for pid, *_ in states}
        assert os.getpid() not in pids
        assert 1 <= len(pids) <= 2
        assert {count for _, threads, *_ in states for count in threads} == {1}
        assert {(numba, total) for _, _, numba, total in states} == {("1", 5.0)}
        with pytest.raises(ArithmeticError, match="three") as caught:
            list(pool.map(failing, range(9), None))
        assert "in failing" in caught.value.__notes__[0]  # where it happened
        assert list(pool.map(shifted, range(3), 0)) == [0, 1, 2]  # an error of an item is not the end of the pool
    assert not any(map(alive, pids))


def test_a_process_that_dies_is_one_clear_error() -> None:
    with (
        pytest.raises(ChildProcessError, match="a worker process died, possibly because memory ran out"),
        processes(1) as pool,
    ):
        list(pool.map(dying, range(5), None))


@pytest.mark.parametrize(
    ("workers", "scheduler", "message"),
    [
        (-1, None, "workers must be an integer of at least 0, but workers=-1"),
        (2, "no host:port", r"scheduler must be threads, local, or an address such as .*, but scheduler='no host"),
    ],
)
def test_bad_workers_are_named(workers: int, scheduler: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message), open_workers(workers, scheduler):
        pass


SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from qimg.core import write_atomically
from qimg.core.workers import processes

def work(item, folder):
    write_atomically(folder / f"{os.getpid()}.pid", b"")
    replace = os.replace
    os.replace = lambda *names: (time.sleep(3), replace(*names))
    write_atomically(folder / "one.txt", bytes(1 << 20))

if __name__ == "__main__":
    from qimg.core.interrupts import raise_when_asked_to_end

    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in commands in the background
    raise_when_asked_to_end(KeyboardInterrupt)
    with processes(1) as pool:
        list(pool.map(work, range(3), Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_their_parent_and_leave_nothing_half_written(tmp_path: Path, sign: int) -> None:
    """Asked to end, the parent stops what is under way; where it is killed, the item at hand is finished."""
    script, folder = tmp_path / "script.py", tmp_path / "out"
    folder.mkdir()
    script.write_text(SCRIPT)
    with subprocess.Popen([sys.executable, script, folder], stderr=subprocess.PIPE, start_new_session=True) as parent:
        deadline = time.monotonic() + 300
        while not all(map(any, map(folder.glob, ("*.pid", ".qimg-*.tmp")))) and time.monotonic() < deadline:
            time.sleep(0.02)
        (pid,) = (int(path.stem) for path in folder.glob("*.pid"))
        os.kill(parent.pid, sign)
        parent.wait(timeout=300)
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
    whole = ["one.txt"] if sign == signal.SIGKILL else []
    assert sorted(path.name for path in folder.iterdir()) == [f"{pid}.pid", *whole]
    assert all((folder / name).stat().st_size == 1 << 20 for name in whole)
