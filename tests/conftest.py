"""What the tests share: tiers, one Hypothesis profile, one bundled picture, random density matrices."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.golden.kernels import KERNELS

# Workers, which inherit this, run side by side, one on each core: threads of BLAS, PyTorch and Aer would wait in turns.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
os.environ.update(KERNELS)
os.environ["MPLBACKEND"] = "Agg"

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from qimg import images
from qimg.core import Array

TIERS = {
    "slow": "every experiment, fuzzing, documentation site, notebooks, clusters: at most 15 minutes on 2 cores",
    "full": "100 000 damaged files: about half an hour",
}
"""What `python -m pytest` leaves out; `-m` with the name of a tier runs it, and nothing is in two tiers."""

ROOMS = {
    "learned": ("codecs/digits", "codecs/learned", "codecs/test_training.py", "integer_networks", "learning"),
    "codecs": ("codecs", "entropy", "experiments/coding", "benchmarks", "cli/test_codec.py", "test_cli.py"),
    "preparation": ("circuits/preparation",),
}
"""Tests that run in one worker, so that the loops that they share are compiled once; others go by their file."""

APART = ("test_notebooks.py",)
"""Tests of these files share nothing and take long, so that each may run in any worker."""

EXPERIMENTS = "experiments/test_experiments.py"
"""Its tests go by the experiment, the last part of their parameters, whose rows they share."""

# Time limits of Hypothesis depend on the machine: neither a deadline nor the check for slow draws.
settings.register_profile(
    "qimg",
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
settings.load_profile("qimg")


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one worker for each core of this process, at most 8, because each one collects all tests."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one `work_unit` go to one worker; `--dist=loadgroup` of xdist 3.8 groups nothing under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWorkUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return work_unit(nodeid)

    return ByWorkUnit(config, log)


def work_unit(nodeid: str) -> str:
    """The tests that run in the same worker as a test: those of its room, of its experiment, or of its file."""
    path, _, test = nodeid.partition("::")
    file = path.removeprefix("tests/")
    if file in APART:
        return nodeid
    if file == EXPERIMENTS and test.endswith("]"):
        return test[:-1].replace("[", "-").rpartition("-")[2]
    return next((room for room, paths in ROOMS.items() if path != file and file.startswith(paths)), path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.markexpr == "not slow and not full":
        terminalreporter.section("the rest, by further commands")
        for tier, what in TIERS.items():
            terminalreporter.line(f"{Path(sys.executable)} -m pytest -n auto -m {tier}    # {what}")


@pytest.fixture(autouse=True)
def _figures_are_closed() -> Iterator[None]:
    """Figures that a test leaves open do not add up to Matplotlib's limit in another one."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def bundled_luma() -> Array:
    """A bundled photograph as a luma plane (300, 451), not a multiple of 8, that nobody can modify."""
    plane = images.luma(images.bundled("chelsea"))
    plane.setflags(write=False)
    return plane


@pytest.fixture(scope="session")
def density_matrices() -> Callable[..., Array]:
    """(seed, d) → complex density matrices (*batch, d, d), of full rank unless `rank` is given."""

    def draw(seed: int, dimension: int, *, rank: int | None = None, batch: tuple[int, ...] = ()) -> Array:
        generator = np.random.default_rng(seed)
        real, imaginary = generator.normal(size=(2, *batch, dimension, rank or dimension))
        factor = real + 1j * imaginary
        matrix = factor @ np.swapaxes(factor, -1, -2).conj()
        return matrix / np.trace(matrix, axis1=-2, axis2=-1).real[..., None, None]

    return draw


@pytest.fixture(scope="session")
def unitaries() -> Callable[[int, int], Array]:
    """(seed, d) → a random unitary matrix (d, d)."""

    def draw(seed: int, dimension: int) -> Array:
        real, imaginary = np.random.default_rng(seed).normal(size=(2, dimension, dimension))
        return np.linalg.qr(real + 1j * imaginary)[0]

    return draw
