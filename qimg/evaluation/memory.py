"""Peak memory of a codec: growth of a new process while it encodes or decodes a picture."""

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
    """Peak growth of the resident set during encoding of `image`, and during decoding of `data`, in MiB.

    Each is measured once in a separate process that has coded a picture of at most 64×64 pixels, so that neither code
    that is loaded or compiled on first use nor memory that was freed earlier affects the result. The output counts, the
    input does not. NaN without `/proc`, that is on any system but Linux.

    Args:
        codec: id in the registry.
        image: picture that the codec supports.
        options: numeric options of `qimg.encode`.
        data: a file of the codec.
    """
    if not _RESET.exists():
        return float("nan"), float("nan")
    content = np.frombuffer(data, np.uint8)
    encoding, decoding = (_in_new_process(verb, codec, options, image, content) for verb in ("encode", "decode"))
    return encoding, decoding


def _in_new_process(verb: str, codec: str, options: Mapping[str, Any], image: Array, content: Array) -> float:
    file = io.BytesIO()
    np.savez(file, corner=image[:64, :64], source=image if verb == "encode" else content)
    command = [sys.executable, "-m", "qimg.evaluation.memory", verb, codec, json.dumps(dict(options))]
    return float(subprocess.run(command, input=file.getvalue(), stdout=subprocess.PIPE, check=True).stdout)


def _measure(verb: str, codec: str, options: Mapping[str, Any]) -> float:
    """Measure the growth of this process in MiB for the data on standard input."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as arrays:
        corner, source = arrays["corner"], arrays["source"]
    codecs.decode(codecs.encode(corner, codec=codec, **options), codec=codec)
    data = source.tobytes()
    _RESET.write_text("5")  # resets the peak to the current size
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
