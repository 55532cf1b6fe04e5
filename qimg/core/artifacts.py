"""Files of fitted data: a JSON header, numeric arrays and a SHA-256 digest (`docs/formats/artifacts.md`)."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from qimg.core.arguments import Array, require
from qimg.core.atomic import write_atomically
from qimg.core.files import regular, sentence
from qimg.core.records import short_repr

MAGIC = b"QIMGPRIO"
VERSION = 1
NAMES = {
    None: "a prior",
    "codec": "codec tables",
    "restoration": "a restorer",
    "network": "a network",
    "checkpoint": "the checkpoint of a fit",
    "preparation": "circuits of a vector",
    "train": "a model that is a tensor train",
    "latents": "an auto-encoder or a KLT of digits",
    "raster": "a raster-encoder of digits",
    "contours": "a contour codec of digits",
    "photographs": "a learned codec for photographs",
    "recompression": "statistics of JPEG coefficients",
    "sketch": "statistics of sketches",
    "preparations": "circuits of a set of vectors",
}
"""Names of the kinds of files in error messages, by the header entry `kind`; priors have no such entry."""
_PREFIX = len(MAGIC) + 4 + 4
_DIGEST = 32
_TYPES = {name: np.dtype(name) for name in ("<i1", "<i2", "<i4", "<i8", "<u4", "<f2", "<f4", "<f8")}


class ArtifactError(ValueError):
    """A file without the expected fitted data; the message names the file, the expected kind and the reason."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fitted data."""

    tag: str | None
    """`kind` in the header of its files, one of `NAMES`."""
    ending: str
    """File ending, such as ".prior"."""
    package: str = ""
    """Package that contains the files shipped with qimg."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Contents:
    """Contents of a file."""

    header: Mapping[str, Any]
    """JSON values."""
    arrays: Mapping[str, Array]
    """Little-endian arrays, read-only."""
    content: bytes
    """The whole file."""
    sha256: str
    """Hexadecimal SHA-256 of everything before the digest at the end of the file."""


A = TypeVar("A", bound="Artifact")


@dataclass(frozen=True, eq=False)
class Artifact:
    """Fitted data, defined entirely by the contents of one file."""

    KIND: ClassVar[Kind]
    contents: Contents = field(repr=False)

    @classmethod
    def packed(cls: type[A], header: Mapping[str, Any], arrays: Mapping[str, Array]) -> A:
        """Build the artifact from a header and arrays, as it would be after saving and loading."""
        tag = {} if cls.KIND.tag is None else {"kind": cls.KIND.tag}
        return cls(unpack(pack({**header, **tag}, arrays)))

    @classmethod
    def load(cls: type[A], path: str | os.PathLike[str] | None = None) -> A:
        """Read and check a file; without a path, the default file shipped with qimg.

        Raises:
            ArtifactError: the file is missing, truncated, altered, of another version, or of another kind.
        """
        return shipped(cls, "default") if path is None else cls.parse(Path(path), os.fspath(path))

    @classmethod
    def parse(cls: type[A], file: Path | Traversable, name: str, *, trusted: bool = False) -> A:
        """Read and check a file.

        Args:
            file: the file.
            name: name of the file in error messages.
            trusted: leave out `check_values`, for the files shipped with qimg.

        Raises:
            ArtifactError: as `load` does.
        """
        try:
            artifact = cls(unpack(_read(file)))
            tag = artifact.contents.header.get("kind")
            if tag != cls.KIND.tag:
                raise ArtifactError(f"it holds {NAMES.get(str(tag) if tag else None, f'data of the kind {tag!r}')}")
            with explained("it does not hold what its header names"):
                _check_provenance(artifact.provenance)
                artifact.check()
                if not trusted:
                    artifact.check_values()
        except (OSError, ArtifactError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ArtifactError(f"{name}: cannot be read as {NAMES[cls.KIND.tag]}: {reason}") from None
        return artifact

    def check(self) -> None:
        """Raise an error of any type unless header and arrays are those of this kind."""

    def check_values(self) -> None:
        """Raise an error of any type unless the numbers in the arrays are valid, after `check`.

        It may take longer than opening the file. The tests apply it to the files shipped with qimg.
        """

    def require_range(self, name: str, low: int, high: int) -> None:
        """Raise an error where an array has a number outside [low, high]."""
        array = self.contents.arrays[name]
        extremes = (int(array.min(initial=low)), int(array.max(initial=low)))
        require(low <= extremes[0] and extremes[1] <= high, name, f"must be in [{low}, {high}]", extremes)

    def require_arrays(self, expected: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
        """Raise an error where an array is missing or differs from the expected shape and type of its name."""
        for name, (shape, dtype) in expected.items():
            array = self.contents.arrays[name]
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name} must be {dtype} of shape {shape}, but is {array.dtype} {array.shape}")

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 at the end of the file, which identifies the artifact."""
        return self.contents.sha256

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Recipe, inputs, skipped files, versions and a log of the fit."""
        provenance: Mapping[str, Any] = self.contents.header["provenance"]
        return provenance

    def array(self, name: str) -> Array:
        """A copy of one of the arrays, in native byte order."""
        stored = self.contents.arrays[name]
        return np.array(stored, stored.dtype.newbyteorder("="), order="C")

    def part(self, prefix: str) -> dict[str, Array]:
        """The arrays whose names begin with `prefix/`, by their names without the prefix."""
        start = f"{prefix}/"
        return {key.removeprefix(start): value for key, value in self.contents.arrays.items() if key.startswith(start)}

    def to_bytes(self) -> bytes:
        """The file's content."""
        return self.contents.content

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the file atomically; without `overwrite`, an existing file is an error."""
        write_atomically(path, self.to_bytes(), overwrite=overwrite)


def shipped(kind: type[A], name: str) -> A:
    """An artifact shipped with qimg; each file is read once per process."""
    if (kind, name) not in _SHIPPED:
        file = files(kind.KIND.package).joinpath(name + kind.KIND.ending)
        _SHIPPED[kind, name] = kind.parse(file, file.name, trusted=True)
    return cast(A, _SHIPPED[kind, name])


_SHIPPED: dict[tuple[type, str], "Artifact"] = {}


def _read(file: Path | Traversable) -> bytes:
    """The content of a file; of a file of another format, only its beginning."""
    if isinstance(file, Path):
        regular(file)
    with file.open("rb") as stream:
        start = stream.read(len(MAGIC))
        return start + stream.read() if start == MAGIC else start


def _check_provenance(provenance: Any) -> None:
    require(isinstance(provenance, dict), "provenance", "must be a record", provenance)
    for key in ("inputs", "held_out", "skipped"):
        require(isinstance(provenance.get(key, []), list), key, "must be a list", provenance.get(key))
    for entry in provenance.get("inputs", []):
        named = isinstance(entry, str) or (isinstance(entry, dict) and isinstance(entry.get("name"), str))
        require(named, "inputs", "must be names, or records with a name", entry)
    for entry in provenance.get("skipped", []):
        reason = isinstance(entry, dict) and isinstance(entry.get("skipped"), str)
        require(reason, "skipped", "must be records with the reason under `skipped`", entry)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Convert errors of any type into an `ArtifactError`.

    Parsers, decompressors and PyTorch raise errors of many types on damaged data.
    """
    try:
        yield
    except Exception as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else sentence(error)
        raise ArtifactError(f"{what} ({reason})") from None


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a file, a deterministic function of its contents.

    Args:
        header: JSON values; the entry "arrays" is added.
        arrays: signed integers of 1, 2, 4 or 8 bytes, unsigned of 4, floating point of 2, 4 or 8.

    Raises:
        ValueError: an array has another type, or the header has no JSON form.
    """
    table: dict[str, Any] = {}
    payload = bytearray()
    for name, array in sorted(arrays.items()):
        stored = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        names = [key for key, dtype in _TYPES.items() if dtype == stored.dtype]
        if not names:
            raise ValueError(f"{name} must be of one of the types {', '.join(_TYPES)}, but is {array.dtype}")
        payload += bytes(-len(payload) % 8)
        table[name] = {"dtype": names[0], "shape": list(np.shape(array)), "offset": len(payload)}
        payload += stored.tobytes()
    text = json.dumps({**header, "arrays": table}, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(_PREFIX + len(text)) % 8)
    body = MAGIC + VERSION.to_bytes(4, "little") + len(text).to_bytes(4, "little") + text + bytes(payload)
    return body + hashlib.sha256(body).digest()


def unpack(content: bytes) -> Contents:
    """The contents of a file; arrays are views of the bytes.

    Raises:
        ArtifactError: the bytes are of another format or version, truncated or altered.
    """
    if content[: len(MAGIC)] != MAGIC[: len(content)] or not content:
        raise ArtifactError(f"it must begin with {MAGIC.decode()} at offset 0")
    if len(content) < _PREFIX + _DIGEST:
        raise ArtifactError(f"it is cut: {len(content)} bytes, but at least {_PREFIX + _DIGEST} are needed")
    version = int.from_bytes(content[8:12], "little")
    if version != VERSION:
        raise ArtifactError(f"it has format version {version} at offset 8, but this qimg reads version {VERSION}")
    digest = hashlib.sha256(memoryview(content)[:-_DIGEST]).digest()
    if digest != content[-_DIGEST:]:
        raise ArtifactError(f"it is cut or altered: its last {_DIGEST} bytes are not the SHA-256 of the rest")
    start = _PREFIX + int.from_bytes(content[12:16], "little")
    with explained("its header does not describe its arrays"):
        header = json.loads(content[_PREFIX:start], object_pairs_hook=_record, parse_constant=_no_number)
        arrays = {key: _array(content, start, entry) for key, entry in header.pop("arrays").items()}
    return Contents(header=header, arrays=arrays, content=content, sha256=digest.hex())


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a name occurs twice")
    return record


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _array(content: bytes, start: int, entry: Mapping[str, Any]) -> Array:
    dtype, shape = _TYPES[entry["dtype"]], tuple(int(length) for length in entry["shape"])
    count = math.prod(shape)
    offset = start + int(entry["offset"])
    if min(shape, default=0) < 0 or offset < start or offset + count * dtype.itemsize > len(content) - _DIGEST:
        raise ValueError(f"array of shape {shape} at offset {offset} lies outside the file")
    return np.frombuffer(content, dtype, count, offset).reshape(shape)
