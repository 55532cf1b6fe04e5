"""How much memory a codec takes: the growth of a fresh process while it writes a picture, or while it reads one."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np

from qimg.codecs.peers import peers
from qimg.core.arguments import Array

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak_mebibytes(codec: str, image: Array, setting: float, data: bytes) -> tuple[float, float]:
    """Growth of the resident set, at its peak, while `image` becomes a file, and while the file `data` is read.

    Each is done once, in a process of its own and after a picture of 64×64 pixels at most, so that neither what is
    loaded or compiled on first use counts, nor does memory that was freed before hide what is taken. The output counts,
    the input does not. Linux alone can tell; NaN elsewhere.
    """
    if not _RESET.exists():
        return float("nan"), float("nan")
    corner = image[:64, :64]
    return (
        _elsewhere("encode", codec, setting, corner, image),
        _elsewhere("decode", codec, setting, corner, np.frombuffer(data, np.uint8)),
    )


def _elsewhere(what: str, codec: str, setting: float, corner: Array, given: Array) -> float:
    file = io.BytesIO()
    np.savez(file, corner=corner, given=given)
    command = [sys.executable, "-m", "qimg.evaluation.memory", what, codec, repr(float(setting))]
    return float(subprocess.run(command, input=file.getvalue(), stdout=subprocess.PIPE, check=True).stdout)


def _measure(what: str, name: str, setting: float) -> float:
    """In the process of its own: MiB that it takes for what standard input gives."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as arrays:
        corner, given = arrays["corner"], arrays["given"]
    (codec,) = peers.chosen((name,))
    codec.decode(codec.encode(corner, setting))
    data = given.tobytes()
    _RESET.write_text("5")  # the peak begins at the present size
    before = _kibibytes("VmRSS")
    if what == "encode":
        codec.encode(given, setting)
    else:
        codec.decode(data)
    return (_kibibytes("VmHWM") - before) / 1024


def _kibibytes(name: str) -> float:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return float(line.split()[1])


if __name__ == "__main__":
    print(_measure(sys.argv[1], sys.argv[2], float(sys.argv[3])))
