"""Correlation operators and batched transforms against the bare BLAS product."""

import numpy as np

import qimg
from benchmarks.timing import Comparison, compare, printed
from qimg import transforms


def from_patches(repeats: int) -> Comparison:
    """Operator of an array of 8×8 patches against `x.T @ x` of the same array."""
    patches = np.random.default_rng(0).normal(size=(200_000, 64))
    return compare(
        "CorrelationOperator.from_patches, 200 000 × 64",
        lambda: qimg.CorrelationOperator.from_patches(patches),
        "x.T @ x",
        lambda: patches.T @ patches,
        target="≥ 0.80",
        repeats=repeats,
    )


def from_planes(repeats: int) -> Comparison:
    """Operator of a plane, extraction and level shift included, against the product of ready patches."""
    plane = np.random.default_rng(0).uniform(0, 255, size=(3584, 3584))
    patches = qimg.extract_patches(plane) - 128.0
    return compare(
        "CorrelationOperator.from_planes, 3584 × 3584",
        lambda: qimg.CorrelationOperator.from_planes(plane),
        "x.T @ x of ready patches",
        lambda: patches.T @ patches,
        target="≥ 0.40",
        repeats=repeats,
    )


def batched_transform(repeats: int) -> Comparison:
    """2-D DCT of 100 000 patches against one bare matrix product."""
    patches = np.random.default_rng(0).normal(size=(100_000, 64))
    matrix = transforms.unitary("dct_2d", 64)
    return compare(
        "transforms.apply, 2-D DCT of 100 000 patches",
        lambda: transforms.apply(matrix, patches),
        "x @ U.T",
        lambda: patches @ matrix.T,
        target="≤ 1.5",
        repeats=repeats,
    )


def memory() -> list[tuple[int, float]]:
    """Peak memory of arrays in MiB of fitting 10 to 10 000 pictures of 64 Kpixel (NumPy reports to tracemalloc)."""
    script = (
        "import tracemalloc, numpy as np, qimg\n"
        "from functools import reduce\n"
        "tracemalloc.start()\n"
        "plane = np.random.default_rng(0).uniform(0, 255, (256, 256))\n"
        "operator = reduce(lambda a, b: a + b, (qimg.CorrelationOperator.from_planes(plane) for _ in range({n})))\n"
        "print(tracemalloc.get_traced_memory()[1])\n"
    )
    return [(n, int(printed(script.format(n=n))) / 2**20) for n in (10, 100, 1000, 10_000)]
