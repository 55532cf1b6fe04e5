"""Peak memory of a codec: the growth of a fresh process while it writes a picture, or while it reads one."""

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qimg import codecs
from qimg.core import Array

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak_mebibytes(codec: str, image: Array, options: Mapping[str, Any], data: bytes) -> tuple[float, float]:
    """Growth of the resident set, at its peak, while `image` becomes a file, and while the file `data` is read.

    Each is done once, in a process of its own and after a picture of 64×64 pixels at most, so that neither what is
    loaded or compiled on first use counts, nor does memory that was freed before hide what is taken. The output counts,
    the input does not. NaN where there is no `/proc`, that is anywhere but on Linux.

    Args:
        codec: id in the registry.
        image: picture that the codec holds.
        options: of `qimg.encode`; numbers.
        data: a file of the codec.
    """
    if not _RESET.exists():
        return float("nan"), float("nan")
    content = np.frombuffer(data, np.uint8)
    encoding, decoding = (_elsewhere(verb, codec, options, image, content) for verb in ("encode", "decode"))
    return encoding, decoding


def _elsewhere(verb: str, codec: str, options: Mapping[str, Any], image: Array, content: Array) -> float:
    file = io.BytesIO()
    np.savez(file, corner=image[:64, :64], source=image if verb == "encode" else content)
    command = [sys.executable, "-m", "qimg.evaluation.memory", verb, codec, json.dumps(dict(options))]
    return float(subprocess.run(command, input=file.getvalue(), stdout=subprocess.PIPE, check=True).stdout)


def _measure(verb: str, codec: str, options: Mapping[str, Any]) -> float:
    """In the process of its own: MiB that it takes for what standard input holds."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as arrays:
        corner, source = arrays["corner"], arrays["source"]
    codecs.decode(codecs.encode(corner, codec=codec, **options), codec=codec)
    data = source.tobytes()
    _RESET.write_text("5")  # the peak begins at the present size
    before = _kibibytes("VmRSS")
    if verb == "encode":
        codecs.encode(source, codec=codec, **options)
    else:
        codecs.decode(data, codec=codec)
    return (_kibibytes("VmHWM") - before) / 1024


def _kibibytes(name: str) -> float:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return float(line.split()[1])


if __name__ == "__main__":
    print(_measure(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
