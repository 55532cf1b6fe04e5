"""Restoration by every method and effort beside the mean of 64 shifted JPEGs, and its memory for a large picture.

Everything runs on one thread and is timed in CPU seconds, which other processes hardly change.
"""

import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.codec import photograph
from benchmarks.timing import comparison, medians, printed
from experiments._results.measurements import Measurement
from experiments.restoration.restoration import shifts
from qimg import images, restoration
from qimg.core import in_one_blas_thread

QUALITY = 10
TARGETS = {"explicit, effort 3": "≤ 0.5 s", "network, effort 1": "≤ 0.6 s"}
_OTHER_TARGET = "≤ 1.5 s"
_SAMPLES = 768 * 512
_LARGE = """
import sys, time
from benchmarks.memory import peak_mebibytes
from qimg import restoration
start = time.process_time()
restored = restoration.restore_picture(sys.argv[1], method=sys.argv[2])
seconds = time.process_time() - start
print(restored.image.size / 1e6, seconds, peak_mebibytes())
"""


def methods() -> dict[str, tuple[str, int]]:
    """Methods and efforts that are measured: the explicit ones, and the networks where PyTorch is installed."""
    chosen = {f"explicit, effort {effort}": ("explicit", effort) for effort in (1, 3, 5)}
    if find_spec("torch"):
        chosen |= {f"network, effort {effort}": ("network", effort) for effort in (1, 5)}
    return chosen


@in_one_blas_thread
def measure() -> list[Measurement]:
    """CPU seconds for 768×512 samples of luma."""
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
    luma = images.to_uint8(images.luma(photograph()))
    coded = images.jpeg_round_trip(luma, quality=QUALITY)
    scale = _SAMPLES / luma.size
    rows = []
    for name, (method, effort) in methods().items():
        ours = partial(restoration.restore, coded.file, method=method, effort=effort)
        theirs = partial(shifts, coded.file, coded.image, QUALITY)
        seconds, peer_seconds = medians(ours, theirs, repeats=3, clock=time.process_time)
        rows.append(
            comparison(
                f"restore, {name}",
                (scale * seconds, scale * peer_seconds),
                "JPEG again at 64 shifts",
                target=TARGETS.get(name, _OTHER_TARGET),
                quantity="CPU time for 768×512",
            )
        )
    return rows


def measure_large() -> list[Measurement]:
    """Time and memory of a mosaic of 50 million pixels in 4:2:0."""
    photo = photograph()
    down, across = -(-6250 // photo.shape[0]), -(-8000 // photo.shape[1])
    mosaic = np.tile(photo, (down, across, 1))[:6250, :8000]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mosaic.jpg"
        path.write_bytes(images.jpeg_round_trip(mosaic, quality=30).file)
        for method in sorted({method for method, _ in methods().values()}):
            values = printed(_LARGE, str(path), method, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
            quantities = (("samples", "million"), ("CPU time", "s"), ("peak memory", "MiB"))
            rows += [
                Measurement(table="method", what=method, quantity=quantity, value=float(value), unit=unit)
                for (quantity, unit), value in zip(quantities, values.split(), strict=True)
            ]
    return rows
