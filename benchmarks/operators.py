"""Correlation operators and batched transforms against the bare BLAS product."""

import subprocess
import sys

import numpy as np

import qimg
from benchmarks.timing import Comparison, medians
from qimg import transforms


def from_patches(repeats: int) -> Comparison:
    """Operator of an array of 8×8 patches against `x.T @ x` of the same array."""
    patches = np.random.default_rng(0).normal(size=(200_000, 64))
    ours, peer = medians(
        lambda: qimg.CorrelationOperator.from_patches(patches), lambda: patches.T @ patches, repeats=repeats
    )
    return Comparison(
        what="CorrelationOperator.from_patches, 200 000 × 64",
        ours_seconds=ours,
        peer="x.T @ x",
        peer_seconds=peer,
        figure="speed of the bare product",
        value=peer / ours,
        target="≥ 0.80",
    )


def from_planes(repeats: int) -> Comparison:
    """Operator of a plane, extraction and level shift included, against the product of ready patches."""
    plane = np.random.default_rng(0).uniform(0, 255, size=(3584, 3584))
    patches = qimg.extract_patches(plane) - 128.0
    ours, peer = medians(
        lambda: qimg.CorrelationOperator.from_planes(plane), lambda: patches.T @ patches, repeats=repeats
    )
    return Comparison(
        what="CorrelationOperator.from_planes, 3584 × 3584",
        ours_seconds=ours,
        peer="x.T @ x of ready patches",
        peer_seconds=peer,
        figure="speed of the bare product",
        value=peer / ours,
        target="≥ 0.40",
    )


def batched_transform(repeats: int) -> Comparison:
    """2-D DCT of 100 000 patches against one bare matrix product."""
    patches = np.random.default_rng(0).normal(size=(100_000, 64))
    matrix = transforms.unitary("dct_2d", 64)
    ours, peer = medians(lambda: transforms.apply(matrix, patches), lambda: patches @ matrix.T, repeats=repeats)
    return Comparison(
        what="transforms.apply, 2-D DCT of 100 000 patches",
        ours_seconds=ours,
        peer="x @ U.T",
        peer_seconds=peer,
        figure="time of the bare product",
        value=ours / peer,
        target="≤ 1.5",
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
    peaks = []
    for n in (10, 100, 1000, 10_000):
        out = subprocess.run([sys.executable, "-c", script.format(n=n)], capture_output=True, text=True, check=True)
        peaks.append((n, int(out.stdout) / 2**20))
    return peaks
