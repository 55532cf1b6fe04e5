"""Fits on a Dask cluster of real processes: the bits of a fit in threads, whatever happens to the workers."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from qimg import images
from qimg.core import workers
from qimg.prior import Prior, Recipe, fit

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.slow

RECIPE = Recipe(mixtures={"luma2": 3}, size=4, scales=(1,), windows=40, rounds=2, batch=60, part=1, parts_per_update=1)
PICTURES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster")
    for seed in range(PICTURES):
        noise = gaussian_filter(np.random.default_rng(seed).normal(0, 150, (24, 28, 3)), (1.2, 1.2, 0.5))
        images.save(np.clip(128 + noise, 0, 255).astype(np.uint8), path / f"{seed}.png")
    return path


@pytest.fixture(scope="module")
def reference(folder: Path) -> Prior:
    return fit([folder], RECIPE)


def local_cluster(count: int) -> Any:
    # Port 8787, which a scheduler takes by itself, may be that of another cluster.
    http = {"dashboard_address": "127.0.0.1:0"}
    return distributed.LocalCluster(
        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None, scheduler_kwargs=http
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two processes of one thread each; a nanny starts a new one where one dies."""
    with local_cluster(2) as started:
        yield started


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_local_cluster_gives_the_bits_of_threads(folder: Path, reference: Prior) -> None:
    ticks = []

    def track(parts: Iterable[int]) -> Iterator[int]:
        for part in parts:
            ticks.append(part)
            yield part

    assert fit([folder], RECIPE, scheduler="local", workers=2, track=track).sha256 == reference.sha256
    assert len(ticks) == 4 * PICTURES


def test_a_local_cluster_ends_with_the_fit() -> None:
    with workers.dask_cluster(None, workers=1) as pool:
        pids = list(pool.map(_pid, [0], None))
        assert os.getpid() not in pids
        assert all(map(alive, pids))
    deadline = time.monotonic() + 100
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def _pid(item: int, shared: None) -> int:
    return os.getpid()


def _shifted(item: int, shared: int) -> int:
    time.sleep(0.02 * (item % 3))
    return item + shared


def _failing(item: int, shared: None) -> int:
    if item == 3:
        raise ArithmeticError("three")
    return item


def test_a_scheduler_by_its_address_gives_the_bits_of_threads(folder: Path, reference: Prior, cluster: Any) -> None:
    assert fit([folder], RECIPE, scheduler=cluster.scheduler_address).sha256 == reference.sha256


def test_results_come_in_the_order_of_the_items(cluster: Any) -> None:
    with workers.dask_cluster(cluster.scheduler_address, workers=1) as pool:
        assert list(pool.map(_shifted, range(20), 100)) == list(range(100, 120))
    assert list(workers.Threads(3).map(_shifted, range(20), 100)) == list(range(100, 120))


def test_an_error_of_a_task_reaches_the_caller(cluster: Any) -> None:
    for pool in (workers.Threads(1), workers.Threads(2)):
        with pytest.raises(ArithmeticError, match="three"):
            list(pool.map(_failing, range(9), None))
    with (
        workers.dask_cluster(cluster.scheduler_address, workers=1) as pool,
        pytest.raises(ArithmeticError, match="three"),
    ):
        list(pool.map(_failing, range(9), None))


def _dying(item: int, shared: tuple[Path, int]) -> int:
    marker, number = shared
    if item == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item + number


def test_a_worker_that_dies_in_the_middle_of_a_task_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    with workers.dask_cluster(cluster.scheduler_address, workers=1) as pool:
        assert list(pool.map(_dying, range(8), (marker, 100))) == list(range(100, 108))
    assert marker.exists()


def test_a_killed_worker_changes_nothing(folder: Path, reference: Prior, cluster: Any) -> None:
    with distributed.Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        before = set(client.run(os.getpid).values())
        ticks = 0

        def track(parts: Iterable[int]) -> Iterator[int]:
            nonlocal ticks
            for part in parts:
                if ticks == 2 * PICTURES + 3:  # in the first round
                    os.kill(min(before), signal.SIGKILL)
                ticks += 1
                yield part

        assert fit([folder], RECIPE, scheduler=cluster.scheduler_address, track=track).sha256 == reference.sha256
        assert ticks == 4 * PICTURES
        client.wait_for_workers(2)
        assert min(before) not in client.run(os.getpid).values()


def test_a_cluster_that_loses_all_workers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WITHOUT_WORKERS", 2.0)
    with local_cluster(1) as started, workers.dask_cluster(started.scheduler_address, workers=1) as pool:
        results = pool.map(_slow, range(2), None)
        started.scale(0)
        with pytest.raises(ConnectionError, match="has had no workers for 2 seconds"):
            list(results)


def _slow(item: int, shared: None) -> int:
    time.sleep(10)
    return item


def test_a_scheduler_that_does_not_answer_is_named_quickly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, client = [], distributed.Client

    def impatient(address: str, *, timeout: str, **options: Any) -> Any:
        waits.append(timeout)
        return client(address, timeout="0.5s", **options)

    monkeypatch.setattr("distributed.Client", impatient)
    with pytest.raises(ConnectionError, match=r"scheduler tcp://127\.0\.0\.1:9: cannot be reached"):
        fit([folder], RECIPE, scheduler="tcp://127.0.0.1:9")
    assert waits == ["10s"]


def test_an_address_that_is_none_is_named(folder: Path) -> None:
    with pytest.raises(ConnectionError, match="scheduler nonsense://host: cannot be reached"):
        fit([folder], RECIPE, scheduler="nonsense://host")
    with pytest.raises(ValueError, match=r"scheduler must be threads, local, or an address .*, but scheduler='no host"):
        fit([folder], RECIPE, scheduler="no host:port")


def test_a_scheduler_without_workers_is_named(folder: Path) -> None:
    with local_cluster(0) as empty, pytest.raises(ConnectionError, match="has no workers"):
        fit([folder], RECIPE, scheduler=empty.scheduler_address)


def test_processes_are_counted_from_one(folder: Path) -> None:
    with pytest.raises(ValueError, match="workers must be an integer of at least 1, but workers=0"):
        fit([folder], RECIPE, scheduler="local", workers=0)
