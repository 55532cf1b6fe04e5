"""Damaged files of the codec: the decoder must refuse each of them or return the original picture.

Checksums reveal most damage. Therefore the checksums of *forged* files are computed after the damage. A forged file may
decode to any picture of the announced shape, but must not cause a crash, a hang or another exception.
"""

import hashlib
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from qimg import codecs
from qimg.codecs.block.bitstream import container
from qimg.codecs.envelope import END, NUMBER_AT, varint
from qimg.core import Array

MAX_PIXELS = 1 << 14
"""Limit of the decoder in the fuzzer; larger pictures are refused."""

_TAGS = [bytes([value]) for value in b"SPAEiexZq0\xff"]
Track = Callable[[Iterable[int]], Iterable[int]]
Parts = list[tuple[bytes, bytes]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """A valid file and its contents."""

    data: bytes
    image: Array | None
    """Decoded picture; None if the file must be refused."""
    start: bytes
    """The header without its CRC."""
    parts: Parts
    """Tags and payloads, the end marker included."""


@dataclass(kw_only=True)
class Tally:
    """Outcomes of reading damaged files."""

    refused: int = 0
    """`BitstreamError` with an offset."""
    exact: int = 0
    """The original picture."""
    other: int = 0
    """Another picture of the announced shape; of forged files only."""
    partial: int = 0
    """The available part of a progressive file that is cut."""
    seconds: float = 0.0
    slowest: float = 0.0
    """CPU seconds of the slowest file."""
    reasons: Counter[str] = field(default_factory=Counter)
    """The first words of each refusal."""


def samples() -> list[Sample]:
    """Small pictures of all kinds, in random smooth colours."""
    rng = np.random.default_rng(1)
    files = []
    for shape, dtype, options in [
        (
            (24, 24, 3),
            np.uint8,
            {"quality": 40, "icc_profile": b"profile" * 9, "exif": b"II*\0" * 6, "xmp": b"<x/>" * 8},
        ),
        ((24, 24), np.uint8, {"quality": 80}),
        ((9, 17, 4), np.uint8, {"quality": 60}),
        ((40, 33, 3), np.uint16, {"quality": 70}),
        ((5, 3, 2), np.uint16, {"quality": 90, "exif": b"MM\0*" * 4}),
        ((1, 1), np.uint8, {"quality": 50}),
        ((3, 70, 3), np.uint8, {"quality": 20}),
        ((48, 50, 3), np.uint8, {"quality": 50, "profile": "max"}),
        ((40, 33, 3), np.uint8, {"quality": 85, "progressive": True}),
        ((20, 9, 2), np.uint16, {"quality": 97, "progressive": True, "xmp": b"<x/>"}),
    ]:
        walk = np.cumsum(np.cumsum(rng.normal(0, 1, shape), axis=0), axis=1)
        share = (walk - walk.min()) / max(float(np.ptp(walk)), 1.0)
        image = (share * np.iinfo(dtype).max).astype(dtype)
        files.append(sample(codecs.encode(image, codec="block", **options)))
    noise = rng.integers(0, 1 << 16, (24, 20, 3), np.uint16)  # coded without loss
    graphic = np.kron(rng.integers(0, 4, (6, 5)), np.full((8, 8), 60)).astype(np.uint8)
    graphic[:8, :24] = rng.integers(0, 256, (8, 24))  # the rest is in flat areas
    files += [sample(codecs.encode(noise, quality=95)), sample(codecs.encode(graphic, codec="block", quality=60))]
    files += [sample(codecs.encode(noise[:12], quality=95, progressive=True))]
    return files


def sample(data: bytes) -> Sample:
    """A file taken apart."""
    stream = container.parse(data)
    parts = [(chunk.tag, chunk.payload) for chunk in stream.chunks]
    start = stream.header.to_bytes()
    return Sample(data=data, image=codecs.decode(data), start=start, parts=[*parts, (END, b"")])


def seal(start: bytes, parts: Parts) -> bytes:
    """Assemble a file with correct checksums."""
    crc = zlib.crc32(start)
    file = start + crc.to_bytes(4, "little")
    for tag, payload in parts:
        body = tag + varint(len(payload)) + payload
        crc = zlib.crc32(body, crc)
        file += body + crc.to_bytes(4, "little")
    return file


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes with bits flipped, or bytes replaced, inserted, left out, repeated, cut or appended."""
    first, second = sorted(int(place) for place in rng.integers(0, len(data) + 1, 2))
    noise = rng.bytes(int(rng.integers(1, 9)))
    match int(rng.integers(8)):
        case 0 | 1:
            return flipped(data, rng)
        case 2:
            return data[:first] + noise + data[first + len(noise) :]
        case 3:
            return data[:first] + noise + data[first:]
        case 4:
            return data[:first] + data[min(second, first + 16) :]
        case 5:
            return data[:second] + data[first:second] + data[second:]
        case 6:
            return data[:first]
        case _:
            return data + noise


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes with one to three bits flipped; at least one byte is needed."""
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 4)):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def rearranged(parts: Parts, rng: np.random.Generator) -> Parts:
    """Chunks in another order, one left out, repeated, with another tag, or inserted."""
    changed, place = list(parts), int(rng.integers(len(parts)))
    tag = _TAGS[int(rng.integers(len(_TAGS)))]
    match int(rng.integers(5)):
        case 0:
            return [parts[index] for index in rng.permutation(len(parts))]
        case 1:
            del changed[place]
        case 2:
            changed.insert(int(rng.integers(len(parts) + 1)), changed[place])
        case 3:
            changed[place] = (tag, changed[place][1])
        case _:
            changed.insert(place, (tag, rng.bytes(int(rng.integers(40)))))
    return changed


def forged(source: Sample, rng: np.random.Generator) -> bytes:
    """A file with damage to the header, the order of chunks or a payload, and correct checksums."""
    start, parts = source.start, source.parts
    match int(rng.integers(6)):
        case 0:
            fixed = NUMBER_AT + 1  # files of another magic or codec are refused at once
            start = start[:fixed] + damaged(start[fixed:], rng)
        case 1:
            parts = rearranged(parts, rng)
        case _:
            places = [index for index, (_, payload) in enumerate(parts) if payload]
            parts, place = list(parts), int(rng.choice(places))
            damage = flipped if rng.random() < 0.6 else damaged  # most payloads of another length are refused at once
            parts[place] = (parts[place][0], damage(parts[place][1], rng))
    return seal(start, parts)


def damage(source: Sample, rng: np.random.Generator) -> bytes:
    """A file with damage that its checksums reveal: to its bytes, or to the order of its chunks."""
    if rng.random() < 0.2:
        return source.data[: len(source.start) + 4] + b"".join(shuffled_chunks(source, rng))
    return damaged(source.data, rng)


def outcome(data: bytes) -> str:
    """What a decoder makes of a file: its refusal, or the type, shape and hash of the picture."""
    try:
        image = codecs.decode_picture(data, max_pixels=MAX_PIXELS).image
    except codecs.BitstreamError as error:
        return f"refused: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"{image.dtype} {image.shape} {hashlib.sha256(image.tobytes()).hexdigest()[:16]}"


def check_outcome(data: bytes, source: Sample, tally: Tally, *, is_forged: bool) -> None:
    """Read one file and count the outcome; `AssertionError` at a forbidden one."""
    begin = time.process_time()
    try:
        decoded = codecs.decode_picture(data, max_pixels=MAX_PIXELS)
    except codecs.BitstreamError as error:
        _check(0 <= (-1 if error.offset is None else error.offset) <= len(data), f"offset {error.offset}: {error}")
        _check(data is not source.data or source.image is None, f"a valid file is refused: {error}")
        tally.refused += 1
        tally.reasons[" ".join(str(error).split()[:3])] += 1
    else:
        image, header = decoded.image, container.parse(data, partial_ok=True).header
        shape = (
            (header.height, header.width) if header.channels == 1 else (header.height, header.width, header.channels)
        )
        _check(image.shape == shape, f"shape {image.shape}, but {shape} was announced")
        _check(image.dtype.itemsize * 8 == header.bits, f"{image.dtype}, but {header.bits} bits were announced")
        same = source.image is not None and np.array_equal(image, source.image)
        _check(same or is_forged or decoded.partial, "another picture")
        if decoded.partial:
            tally.partial += 1
        else:
            tally.exact += same
            tally.other += not same
    seconds = time.process_time() - begin
    tally.seconds += seconds
    tally.slowest = max(tally.slowest, seconds)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)


def fuzz(count: int, seed: int, *, share_forged: float = 0.05, track: Track = iter) -> Tally:
    """Read damaged files and count the outcomes.

    Args:
        count: number of files.
        seed: of the random damage.
        share_forged: share of files with correct checksums.
        track: counts the files.

    Raises:
        AssertionError: an outcome is forbidden; the message holds the file.
    """
    rng, sources, tally = np.random.default_rng(seed), samples(), Tally()
    for _ in track(range(count)):
        source = sources[int(rng.integers(len(sources)))]
        is_forged = bool(rng.random() < share_forged)
        data = forged(source, rng) if is_forged else damage(source, rng)
        try:
            check_outcome(data, source, tally, is_forged=is_forged)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}; the file is {data.hex()}") from error
    return tally


def shuffled_chunks(source: Sample, rng: np.random.Generator) -> list[bytes]:
    """Chunks of the file, rearranged, with their original checksums."""
    whole, place = [], len(source.start) + 4
    for _, payload in source.parts:
        length = 1 + len(varint(len(payload))) + len(payload) + 4
        whole.append(source.data[place : place + length])
        place += length
    numbered = [(str(index).encode(), chunk) for index, chunk in enumerate(whole)]
    return [chunk for _, chunk in rearranged(numbered, rng)]
