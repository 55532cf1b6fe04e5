"""Restoration by every method and effort beside the mean of 64 shifted JPEGs, and its memory on a large picture.

All on one thread, in CPU seconds: they do not depend on what else the machine does.
"""

import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.codec import photograph
from benchmarks.timing import Comparison, medians, printed
from experiments.restoration.restoration import shifts
from qimg import images, restoration

QUALITY = 10
TARGETS = {"explicit, effort 3": "≤ 0.5", "network, effort 1": "≤ 0.6"}
"""Seconds, of all others at most 1.5."""
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
        found |= {f"network, effort {effort}": ("network", effort) for effort in (1, 5)}
    return found


def compare() -> tuple[list[Comparison], list[str]]:
    """Seconds for 768×512 samples of luma, one core."""
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
    luma = images.to_uint8(images.luma(photograph()))
    coded = images.jpeg_round_trip(luma, quality=QUALITY)
    rows = []
    for name, (method, effort) in methods().items():
        ours = partial(restoration.restore, coded.file, method=method, effort=effort)
        theirs = partial(shifts, coded.file, coded.image, QUALITY)
        seconds, peer_seconds = medians(ours, theirs, repeats=3, clock=time.process_time)
        rows.append(
            Comparison(
                what=f"restore {luma.shape[1]}×{luma.shape[0]} gray: {name}",
                ours_seconds=seconds,
                peer="JPEG again at 64 shifts",
                peer_seconds=peer_seconds,
                figure="s per 768×512, one core",
                value=_SAMPLES / luma.size * seconds,
                target=TARGETS.get(name, "≤ 1.5"),
            )
        )
    return rows, []


def compare_large() -> tuple[list[Comparison], list[str]]:
    """Time and memory of a mosaic of 50 million pixels in 4:2:0."""
    photo = photograph()
    down, across = -(-6250 // photo.shape[0]), -(-8000 // photo.shape[1])
    mosaic = np.tile(photo, (down, across, 1))[:6250, :8000]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.jpg"
        path.write_bytes(images.jpeg_round_trip(mosaic, quality=30).file)
        run = partial(printed, _LARGE, str(path), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        names = sorted({method for method, _ in methods().values()})
        return [], [f"restore 8000×6250 colour, {name}: {run(name)}" for name in names]
