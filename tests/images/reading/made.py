"""Small PNG and TIFF files, made tag by tag."""

import struct
import zlib

import numpy as np

from qimg.core import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMATS = {1: "B", 3: "H", 4: "I"}


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of PNG with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples: Array, bits: int, form: int, *between: bytes, size: tuple[int, int] | None = None) -> bytes:
    """A PNG file of samples (H, W, C) with further chunks between header and pixels; `size` replaces (H, W)."""
    height, width = size or samples.shape[:2]
    rows = b"".join(b"\0" + packed(row[None], bits) for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bits, form, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *between, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(parts)


def packed(rows: Array, bits: int, order: str = ">") -> bytes:
    """Rows of samples (H, N), each row padded to whole bytes; more than 8 bits in whole bytes follow the byte order."""
    if bits in (16, 32, 64):
        return rows.astype(f"{order}u{bits // 8}").tobytes()
    planes = rows.astype(np.uint64)[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint64) & np.uint64(1)
    return np.packbits(planes.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def tiff(data: bytes, size: tuple[int, int], tags: dict[int, tuple[int, tuple[int, ...]]], order: str = "<") -> bytes:
    """An uncompressed TIFF file in one strip; tags are (type, values) by number and replace the usual ones."""
    height, width = size
    usual = {256: (4, (width,)), 257: (4, (height,)), 259: (3, (1,)), 273: (4, (8,)), 278: (4, (height,))}
    entries = {**usual, 279: (4, (len(data),)), **tags}
    place = 8 + len(data) + len(data) % 2
    further = place + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, numbers) in sorted(entries.items()):
        stored = struct.pack(f"{order}{len(numbers)}{_FORMATS[kind]}", *numbers)
        if len(stored) > 4:
            offset, values = further + len(values), values + stored + b"\0" * (len(stored) % 2)
            stored = struct.pack(f"{order}I", offset)
        directory += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + stored.ljust(4, b"\0")
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", place)
    return start + data + b"\0" * (len(data) % 2) + directory + bytes(4) + values


def described(
    photometric: int, bits: int, channels: int, **more: tuple[int, ...]
) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Tags of samples; further ones are `extras`, `planes`, `format`, `order`, `orientation` and `colours`."""
    numbers = {"extras": 338, "planes": 284, "format": 339, "order": 266, "orientation": 274, "colours": 320}
    tags: dict[int, tuple[int, tuple[int, ...]]] = {
        258: (3, (bits,) * channels),
        262: (3, (photometric,)),
        277: (3, (channels,)),
    }
    return tags | {numbers[name]: (3, values) for name, values in more.items()}
