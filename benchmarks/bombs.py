"""Small files of the codec that announce large pictures: what the decoder does, in photographs' seconds and MiB."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_mebibytes
from qimg import codecs, images
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.packing import packed
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.model import tables

_FLAGS = b"\0"
_WORDS = bytes(24)


def stream(
    width: int,
    height: int,
    chunks: Sequence[tuple[bytes, bytes]],
    *,
    channels: int = 3,
    bits: int = 8,
    progressive: bool = False,
    step: int = 64,
    version: int = 1,
) -> bytes:
    """A file of any chunks with correct checksums."""
    header = container.Header(
        width=width,
        height=height,
        channels=channels,
        bits=bits,
        planes=3 if channels >= 3 else 1,
        progressive=progressive,
        identity=tables.default().identity,
        parameters=Parameters(step).to_bytes(),
        version=version,
    )
    return container.assemble(header, chunks)


def files() -> dict[str, bytes]:
    """Bombs by name; each must be refused."""
    empty, few = (b"S", _FLAGS), (b"S", _FLAGS + _WORDS)
    head, means = bytes([3, 0, 0, 0]), bytes([128]) * (3 * 46 * 46)
    deep = {"channels": 4, "bits": 16}
    nothing_flat = packed([bytes(6 + 512 * 512)])
    layered = {"channels": 4, "bits": 16, "progressive": True}
    return {
        "2²⁰ × 1, no words": stream(1 << 20, 1, [empty]),
        "1 × 2²⁰, no words": stream(1, 1 << 20, [empty] * 32),
        "2²⁰ × 256, no words": stream(1 << 20, 256, [empty] * 8, **deep),
        "16384², empty strips": stream(16384, 16384, [empty] * 256, **deep),
        "16384², strips of few words": stream(16384, 16384, [few] * 256, **deep),
        "16384², one strip": stream(16384, 16384, [few], **deep),
        "16384², no strip": stream(16384, 16384, [], **deep),
        "progressive 5792², no segment": stream(5792, 5792, [], **layered),
        "progressive 5792², header only": stream(5792, 5792, [], **layered)[:-6],
        "progressive 5792², truncated to a byte": stream(5792, 5792, [(b"P", b"\x83")], **layered),
        "progressive 5792², no coarse picture": stream(5792, 5792, [(b"P", head + bytes(4) + means)], **layered),
        "progressive 5792², few coarse words": stream(
            5792, 5792, [(b"P", head + (25).to_bytes(4, "little") + means + _FLAGS + _WORDS)], **layered
        ),
        "progressive 5792², many empty segments": stream(5792, 5792, [(b"P", b"")] * 1000, **layered),
        "16384², lossless pixels of few bytes": stream(16384, 16384, [(b"L", _WORDS)], version=2, **deep),
        "16384², flat areas of few bytes": stream(16384, 16384, [(b"F", b"\1" + _WORDS)], version=2, **deep),
        "16384², flat areas without a strip": stream(16384, 16384, [(b"F", b"\1" + nothing_flat)], version=2, **deep),
        "progressive 5792², cut lossless pixels": stream(5792, 5792, [(b"L", _WORDS)], version=2, **layered)[:-6],
        "2²⁰ × 1, folded, few words": stream(1 << 20, 1, [few], version=2),
        "larger than max_pixels": stream(1 << 20, 1 << 20, [empty], **deep),
    }


def outcome(data: bytes) -> tuple[str, float, float]:
    """What decoding does: the error or the shape, CPU seconds and additional peak memory in MiB."""
    with suppress(OSError):  # Linux only; elsewhere the peak of the warm-up hides smaller ones
        Path("/proc/self/clear_refs").write_text("5", "utf-8")  # resets the peak to the current memory
    before, start = peak_mebibytes(), time.process_time()
    try:
        result = str(codecs.decode(data).shape)
    except codecs.BitstreamError as error:
        result = f"BitstreamError: {error}" if error.offset is not None else f"without an offset: {error}"
    return result, time.process_time() - start, peak_mebibytes() - before


def photograph_seconds() -> float:
    """CPU seconds of decoding a photograph of 600×400 pixels."""
    data = codecs.encode(images.bundled("coffee"), quality=50, effort=1)
    start = time.process_time()
    codecs.decode(data)
    return time.process_time() - start


def main() -> None:
    """Print the outcomes of all bombs as JSON, with seconds in units of `photograph_seconds`."""
    picture = np.arange(40 * 40, dtype=np.uint16).reshape(40, 40)
    for progressive in (False, True):  # loads the compiled code
        codecs.decode(codecs.encode(picture, quality=50, progressive=progressive))
    unit = photograph_seconds()
    report = {}
    for name, data in files().items():
        result, seconds, mebibytes = outcome(data)
        report[name] = (result, seconds / unit, mebibytes)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
