"""What the tests share: one Hypothesis profile, one bundled picture, random density matrices."""

import os
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import settings

from qimg import images
from qimg.core.arguments import Array

os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("qimg", max_examples=40, deadline=None, derandomize=True, database=None)
settings.load_profile("qimg")


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
