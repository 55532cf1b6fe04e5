"""Restoration by every method and effort beside the mean of 64 shifted JPEGs, and its memory on a large picture.

All on one thread, in CPU seconds: they do not depend on what else the machine does.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.codec import photograph
from benchmarks.timing import Comparison, medians
from experiments.restoration.restoration import shifts
from qimg import images, restoration

QUALITY = 10
_SAMPLES = 768 * 512
_LARGE = """
import os, resource, sys, time
from qimg import restoration
begin = time.process_time()
restored = restoration.restore_picture(sys.argv[1], method=sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{restored.image.size / 1e6:.0f} million samples: {time.process_time() - begin:.0f} s, {peak} MiB at most")
"""


def methods() -> dict[str, tuple[str, int]]:
    """What is measured: explicit efforts, and networks where PyTorch is installed."""
    found = {f"explicit, effort {effort}": ("explicit", effort) for effort in (1, 3, 5)}
    if find_spec("torch"):
        found |= {f"network, effort {effort}": ("network", effort) for effort in (1, 2)}
    return found


def one_thread() -> None:
    """PyTorch on one thread, as all else."""
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)


def restored(file: bytes, method: str, effort: int) -> Callable[[], object]:
    """A call that restores a file."""
    return lambda: restoration.restore(file, method=method, effort=effort)


def compare() -> tuple[list[Comparison], list[str]]:
    """Seconds for 768×512 samples of luma, one core."""
    one_thread()
    import time

    luma = images.to_uint8(images.luma(photograph()))
    coded = images.jpeg_round_trip(luma, quality=QUALITY)
    scale = _SAMPLES / luma.size
    rows = []
    for name, (method, effort) in methods().items():
        mine, theirs = medians(
            restored(coded.file, method, effort),
            lambda: shifts(coded.file, coded.image, QUALITY),
            repeats=3,
            clock=time.process_time,
        )
        target = {"explicit, effort 5": "≤ 1.5", "network, effort 1": "≤ 0.6"}.get(name, "≤ 1.5")
        target = "≤ 0.5" if name == "explicit, effort 3" else target
        rows.append(
            Comparison(
                what=f"restore {luma.shape[1]}×{luma.shape[0]} gray: {name}",
                ours_seconds=mine,
                peer="JPEG again at 64 shifts",
                peer_seconds=theirs,
                figure="s per 768×512, one core",
                value=scale * mine,
                target=target,
            )
        )
    return rows, []


def compare_large() -> tuple[list[Comparison], list[str]]:
    """Time and memory of a mosaic of 50 million pixels in 4:2:0."""
    photo = photograph()
    down, across = -(-6250 // photo.shape[0]), -(-8000 // photo.shape[1])
    mosaic = np.tile(photo, (down, across, 1))[:6250, :8000]
    said = []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.jpg"
        path.write_bytes(images.jpeg_round_trip(mosaic, quality=30).file)
        for method in sorted({method for method, _ in methods().values()}):
            command = [sys.executable, "-c", _LARGE, str(path), method]
            run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            said.append(f"restore 8000×6250 colour, {method}: {run.stdout.strip()}")
    return [], said
