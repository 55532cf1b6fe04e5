"""The first call of a process with an empty cache of compiled loops, and with a filled one.

CPU seconds, imports included.
"""

import tempfile
from pathlib import Path

import qimg
from benchmarks.timing import printed
from experiments._results.measurements import Measurement
from qimg import images

_CALLS = {
    "decode": "qimg.decode(open(file + '.qimg', 'rb').read())",
    "encode": "qimg.encode(np.zeros((40, 40, 3), np.uint8), codec='block', quality=50)",
    "progressive decode": "qimg.decode(open(file + '-layers.qimg', 'rb').read())",
    "progressive encode": "qimg.encode(images.bundled('coffee')[:40, :40], quality=60, progressive=True)",
    "restore": "qimg.restore(file + '.jpg')",
    "circuits.prepare": "__import__('circuits').prepare([0.4, 0.8, 0.4, 0.2], fidelity=0.9)",
}


def measure() -> list[Measurement]:
    """Each first call by a process with an empty cache, and by a second process."""
    from PIL import Image

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file, photo = Path(folder) / "small", images.bundled("coffee")[:96, :96]
        file.with_suffix(".qimg").write_bytes(qimg.encode(photo, quality=50))
        Path(f"{file}-layers.qimg").write_bytes(qimg.encode(photo, quality=60, progressive=True))
        Image.fromarray(photo).save(file.with_suffix(".jpg"), quality=30)
        for name, call in _CALLS.items():
            script = (
                "import sys, time; start = time.process_time(); file = sys.argv[1]\n"
                f"import numpy as np, qimg; from qimg import images\n{call}\nprint(time.process_time() - start)"
            )
            rows += [
                Measurement(
                    table="first_call",
                    what=name,
                    quantity=quantity,
                    value=float(printed(script, str(file), NUMBA_CACHE_DIR=f"{folder}/{name}")),
                    unit="s",
                )
                for quantity in ("empty cache", "second process")
            ]
    return rows
