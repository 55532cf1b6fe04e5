"""The first call of a process with an empty cache of compiled loops, and with a filled one.

In CPU seconds, imports included: they do not depend on what else the machine does.
"""

import tempfile
from pathlib import Path

import qimg
from benchmarks.timing import Comparison, printed
from qimg import images

_CALLS = {
    "decode": "qimg.decode(open(file + '.qimg', 'rb').read())",
    "encode": "qimg.encode(np.zeros((40, 40, 3), np.uint8), quality=50)",
    "progressive decode": "qimg.decode(open(file + '-layers.qimg', 'rb').read())",
    "progressive encode": "qimg.encode(images.bundled('coffee')[:40, :40], quality=60, progressive=True)",
    "restore": "qimg.restore(file + '.jpg')",
    "circuits.prepare": "__import__('circuits').prepare([0.4, 0.8, 0.4, 0.2], fidelity=0.9)",
}


def compare() -> tuple[list[Comparison], list[str]]:
    """Seconds of each first call, by a process with an empty cache and by a second one."""
    from PIL import Image

    said = []
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
            seconds = [float(printed(script, str(file), NUMBA_CACHE_DIR=f"{folder}/{name}")) for _ in range(2)]
            said.append(f"first {name}: {seconds[0]:.1f} s with an empty cache, {seconds[1]:.1f} s in a second process")
    return [], said
