"""Fitted data as a file: a JSON header, arrays of integers, a SHA-256 of all of it (`docs/formats/artifacts.md`)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qimg.core.arguments import Array

MAGIC = b"QIMGPRIO"
VERSION = 1
_PREFIX = len(MAGIC) + 4 + 4
_DIGEST = 32
_TYPES = {name: np.dtype(name) for name in ("<i1", "<i2", "<i4", "<i8", "<u4")}


class PriorFileError(ValueError):
    """A file that does not hold a prior that this version reads; the message says what was expected and where."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Contents:
    """What a file holds."""

    header: Mapping[str, Any]
    """JSON values."""
    arrays: Mapping[str, Array]
    """Little-endian integers, read-only."""
    content: bytes
    """The whole file."""
    sha256: str
    """Hexadecimal SHA-256 of everything before the digest at the end of the file: the prior's identity."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a file: equal contents give equal bytes.

    Args:
        header: JSON values; "arrays" is added to it.
        arrays: signed integers of 1, 2, 4 or 8 bytes, or unsigned of 4.
    """
    table: dict[str, Any] = {}
    payload = bytearray()
    for name, array in sorted(arrays.items()):
        stored = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        payload += bytes(-len(payload) % 8)
        kind = next(key for key, dtype in _TYPES.items() if dtype == stored.dtype)
        table[name] = {"dtype": kind, "shape": list(stored.shape), "offset": len(payload)}
        payload += stored.tobytes()
    text = json.dumps({**header, "arrays": table}, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(_PREFIX + len(text)) % 8)
    body = MAGIC + VERSION.to_bytes(4, "little") + len(text).to_bytes(4, "little") + text + bytes(payload)
    return body + hashlib.sha256(body).digest()


def unpack(content: bytes, name: str) -> Contents:
    """The contents of a file; arrays are views of the bytes.

    Args:
        content: the whole file.
        name: what errors call it.

    Raises:
        PriorFileError: something else, cut, altered, or of another version.
    """
    if content[: len(MAGIC)] != MAGIC[: len(content)] or not content:
        raise PriorFileError(f"{name}: is no prior: it must begin with {MAGIC.decode()} at offset 0")
    if len(content) < _PREFIX + _DIGEST:
        raise PriorFileError(f"{name}: is cut: {len(content)} bytes, but at least {_PREFIX + _DIGEST} are needed")
    version = int.from_bytes(content[8:12], "little")
    if version != VERSION:
        raise PriorFileError(f"{name}: has format version {version} at offset 8, but this qimg reads version {VERSION}")
    digest = hashlib.sha256(memoryview(content)[:-_DIGEST]).digest()
    if digest != content[-_DIGEST:]:
        raise PriorFileError(f"{name}: is cut or altered: its last {_DIGEST} bytes are not the SHA-256 of the rest")
    start = _PREFIX + int.from_bytes(content[12:16], "little")
    try:
        header = json.loads(content[_PREFIX:start])
        arrays = {key: _array(content, start, entry) for key, entry in header.pop("arrays").items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PriorFileError(f"{name}: has a header that does not describe its arrays ({error})") from None
    return Contents(header=header, arrays=arrays, content=content, sha256=digest.hex())


def _array(content: bytes, start: int, entry: Mapping[str, Any]) -> Array:
    dtype, shape = _TYPES[entry["dtype"]], tuple(int(length) for length in entry["shape"])
    count = int(np.prod(shape, dtype=np.int64))
    offset = start + int(entry["offset"])
    if min(shape, default=0) < 0 or offset < start or offset + count * dtype.itemsize > len(content) - _DIGEST:
        raise ValueError(f"array of shape {shape} at offset {offset} lies outside the file")
    return np.frombuffer(content, dtype, count, offset).reshape(shape)
