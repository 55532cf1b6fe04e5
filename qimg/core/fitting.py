"""Infrastructure of all fits: recipes, usable pictures, checkpoints, provenance."""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from qimg.core.arguments import Array
from qimg.core.artifacts import Artifact, ArtifactError, Kind, explained, pack
from qimg.core.atomic import write_atomically
from qimg.core.schema import require_type

SECONDS_BETWEEN_CHECKPOINTS = 20.0

R = TypeVar("R", bound="Recipe")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Parameters of a fit; all fields are stored in the fitted file."""

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=dict))
        return plain

    @classmethod
    def from_json(cls: type[R], values: Mapping[str, Any]) -> R:
        """The record of plain values."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


class Named(Protocol):
    """A picture or its source."""

    @property
    def name(self) -> str:
        """Name in records and error messages."""


S = TypeVar("S", bound=Named)
T = TypeVar("T")


def usable(
    sources: Sequence[S], look: Callable[[S], T], *, error: type[ValueError]
) -> tuple[list[tuple[S, T]], list[dict[str, str]]]:
    """The pictures that a fit can use, each with the result of `look`, and a record of each skipped one.

    Args:
        sources: at least one.
        look: reads a picture; raises `error` with the reason if it cannot be used.
        error: type of that error.

    Raises:
        error: no picture can be used.
    """
    pairs: list[tuple[S, T]] = []
    skipped: list[dict[str, str]] = []
    for source in sources:
        try:
            pairs.append((source, look(source)))
        except error as reason:
            # Provenance holds no folders of this machine: a path becomes the name, which is relative to its list.
            path = getattr(source, "path", None)
            text = str(reason) if path is None else str(reason).replace(str(path), source.name)
            skipped.append({"name": source.name, "skipped": text})
    if not pairs:
        raise error(f"none of the {len(sources)} pictures can be used: {skipped[0]['skipped']}")
    return pairs, skipped


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed versions of packages."""
    return {package: version(package) for package in packages}


class _State(Artifact):
    KIND: ClassVar = Kind(tag="checkpoint", ending=".checkpoint")


class Checkpoint:
    """The exact state of a running fit in one file; an interrupted fit resumes from it with the same result."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        recipe: Recipe,
        inputs: Any = (),
        packages: Mapping[str, str] | None = None,
        types: Iterable[type] = (),
        state: Any = Any,
    ) -> None:
        """Bind a file to a fit.

        Args:
            path: file; None stores nothing.
            recipe: of the fit.
            inputs: JSON values that identify the pictures.
            packages: versions of the packages that the fit uses.
            types: data classes in the state, besides dicts, lists, tuples, arrays and JSON values.
            state: annotated type of the state, which is checked when it is loaded.
        """
        self._path = None if path is None else Path(path)
        bound = {"recipe": recipe.to_json(), "set of pictures": inputs, "set of versions": dict(packages or {})}
        self._bound: dict[str, Any] = json.loads(json.dumps(bound))
        self._types: dict[str, type] = {one.__name__: one for one in (tuple, float, *types)}
        self._state = state
        self._last = time.monotonic()

    def load(self, restore: Callable[[Any], object] = lambda state: None) -> Any:
        """The stored state; None where there is none.

        Args:
            restore: called with the state; its errors are those of a damaged file.

        Raises:
            ArtifactError: the file is damaged, no checkpoint, or the checkpoint of another fit; the message names it.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            stored = _State.load(self._path)
        except ArtifactError as error:
            raise ArtifactError(f"{error}; remove it to begin anew") from None
        for what, value in self._bound.items():
            if stored.provenance.get(what) != value:
                raise ArtifactError(f"{self._path}: is the checkpoint of another {what}; remove it, or write elsewhere")
        with explained(f"{self._path}: is the checkpoint of another version of qimg; remove it to begin anew"):
            state = self._rebuilt(stored.contents.header["state"], stored)
            require_type("state", state, self._state)
            restore(state)
            return state

    def save(self, state: Any) -> None:
        """Write the state atomically."""
        if self._path is not None:
            arrays: dict[str, Array] = {}
            header = {"kind": _State.KIND.tag, "provenance": self._bound, "state": _plain(state, arrays)}
            write_atomically(self._path, pack(header, arrays))
            self._last = time.monotonic()

    def save_if_due(self, state: Any) -> None:
        """Write the state if the last one is older than `SECONDS_BETWEEN_CHECKPOINTS`."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_CHECKPOINTS:
            self.save(state)

    def finish(self, artifact: Artifact, out: str | os.PathLike[str] | None) -> None:
        """Write the fitted data to `out`, if given, and then remove the checkpoint.

        Raises:
            OSError: the file cannot be written, or appeared since the fit began; the checkpoint remains.
        """
        if out is not None:
            artifact.save(out, overwrite=False)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _rebuilt(self, value: Any, stored: _State) -> Any:
        if isinstance(value, list):
            return [self._rebuilt(one, stored) for one in value]
        if not isinstance(value, dict):
            return value
        if value.get("") == "array":
            shape, axes = value["shape"], value["axes"]
            array = stored.array(value["name"]).view(value["dtype"])
            return array.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))
        made = {key: self._rebuilt(one, stored) for key, one in value.items() if key}
        if "" not in value:
            return made
        make = self._types[value[""]]
        return make(made["values"]) if make in (tuple, float) else make(**made)


def _plain(value: Any, arrays: dict[str, Array]) -> Any:
    """JSON values of a state, with types under the key ""; arrays are added to `arrays` with their memory layout."""
    if isinstance(value, np.ndarray):
        axes = np.argsort([-abs(stride) for stride in value.strides], kind="stable").tolist()
        stored = np.ascontiguousarray(value.transpose(axes))
        name = str(len(arrays))
        arrays[name] = stored.view(np.int8) if stored.itemsize == 1 else stored
        return {"": "array", "name": name, "dtype": value.dtype.str, "shape": value.shape, "axes": axes}
    if is_dataclass(value):
        parts = {one.name: _plain(getattr(value, one.name), arrays) for one in fields(value) if one.init}
        return {"": type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {key: _plain(one, arrays) for key, one in value.items()}
    if isinstance(value, list | tuple):
        values = [_plain(one, arrays) for one in value]
        return {"": "tuple", "values": values} if isinstance(value, tuple) else values
    if isinstance(value, float) and not np.isfinite(value):
        return {"": "float", "values": repr(value)}
    return value
