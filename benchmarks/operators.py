"""Correlation operators and batched transforms against the bare matrix product."""

import numpy as np

import qimg
from benchmarks.timing import compare, printed
from experiments._results.measurements import Measurement
from qimg import transforms

REPEATS = 21


def measure() -> list[Measurement]:
    """Speed beside the matrix product, and memory as the number of pictures grows."""
    return [from_patches(), from_planes(), batched_transform(), *memory((10, 100, 1000, 10_000))]


def from_patches() -> Measurement:
    """Operator of an array of 8×8 patches against `x.T @ x` of the same array."""
    patches = np.random.default_rng(0).normal(size=(200_000, 64))
    return compare(
        "CorrelationOperator.from_patches, 200 000 × 64",
        lambda: qimg.CorrelationOperator.from_patches(patches),
        "x.T @ x",
        lambda: patches.T @ patches,
        target="≥ 0.80 times as fast",
        repeats=REPEATS,
    )


def from_planes() -> Measurement:
    """Operator of a plane, extraction and level shift included, against the product of ready patches."""
    plane = np.random.default_rng(0).uniform(0, 255, size=(3584, 3584))
    patches = qimg.extract_patches(plane) - 128.0
    return compare(
        "CorrelationOperator.from_planes, 3584 × 3584",
        lambda: qimg.CorrelationOperator.from_planes(plane),
        "x.T @ x of ready patches",
        lambda: patches.T @ patches,
        target="≥ 0.40 times as fast",
        repeats=REPEATS,
    )


def batched_transform() -> Measurement:
    """2-D DCT of 100 000 patches against one bare matrix product."""
    patches = np.random.default_rng(0).normal(size=(100_000, 64))
    matrix = transforms.unitary("dct_2d", 64)
    return compare(
        "transforms.apply, 2-D DCT of 100 000 patches",
        lambda: transforms.apply(matrix, patches),
        "x @ U.T",
        lambda: patches @ matrix.T,
        target="≥ 0.67 times as fast",
        repeats=REPEATS,
    )


def memory(counts: tuple[int, ...]) -> list[Measurement]:
    """Peak memory of the arrays, which NumPy reports to tracemalloc, when so many pictures are fitted."""
    script = (
        "import tracemalloc, numpy as np, qimg\n"
        "from functools import reduce\n"
        "tracemalloc.start()\n"
        "plane = np.random.default_rng(0).uniform(0, 255, (256, 256))\n"
        "operator = reduce(lambda a, b: a + b, (qimg.CorrelationOperator.from_planes(plane) for _ in range({n})))\n"
        "print(tracemalloc.get_traced_memory()[1])\n"
    )
    return [
        Measurement(
            table="fitted_pictures",
            what=str(count),
            quantity="peak memory of arrays",
            value=int(printed(script.format(n=count))) / 2**20,
            unit="MiB",
        )
        for count in counts
    ]
