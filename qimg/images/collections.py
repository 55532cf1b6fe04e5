"""Collections of pictures from files, folders, patterns, lists and arrays, and work on each of their pictures."""

import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, Track, regular, sentence, ticked
from qimg.core.fitting import Named
from qimg.core.records import short_repr
from qimg.core.workers import Workers, open_workers
from qimg.images.files import SUFFIXES, load
from qimg.images.planes import ImageError, check_image, without_alpha
from qimg.images.raw import RAW_SUFFIXES, camera
from qimg.images.reading import READ_ONLY_SUFFIXES
from qimg.images.search import files_of, matching

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
PICTURE_SUFFIXES = (*SUFFIXES, *READ_ONLY_SUFFIXES, *RAW_SUFFIXES)
"""File endings of the pictures in a folder: `SUFFIXES`, `READ_ONLY_SUFFIXES` and `RAW_SUFFIXES`."""

_BEGINNING = 1 << 14  # bytes
_EXPECTED = (ValueError, OSError, ModuleNotFoundError, MemoryError)  # what broken, missing or huge files raise


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A picture that could not be used."""

    name: str
    reason: str
    """One line with the name of the picture."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """Source of one picture, which is read on demand."""

    name: str
    """Path of the file, or number of the array."""
    group: str
    """Group of the picture in fits: the label in front of the name, or the camera, or the name of the folder."""
    path: Path | None = None
    array: Array | None = None

    @property
    def jpeg(self) -> bool:
        """Whether the file is a JPEG."""
        return self.path is not None and self.path.suffix.lower() in JPEG_SUFFIXES

    @property
    def raw(self) -> bool:
        """Whether the file is a RAW file of a camera."""
        return self.path is not None and self.path.suffix.lower() in RAW_SUFFIXES

    def read(self) -> tuple[Array, str]:
        """Pixels without alpha and the SHA-256 of the file (of dtype, shape and pixels for an array).

        Raises:
            ImageError: the file is missing or is no image.
        """
        if self.path is None:
            pixels = check_image(self.name, self.array if self.array is not None else [])
            return without_alpha(pixels), pixel_digest(pixels)
        try:
            digest = _file_digest(regular(self.path))
        except OSError as error:
            raise ImageError(f"{self.path}: cannot be read ({error.strerror})") from None
        return without_alpha(load(self.path)), digest

    def state(self) -> list[str | int]:
        """Fingerprint that must not change between the passes of a fit: name, group, size and time of the file."""
        if self.path is None:
            return [self.name, self.group, hashlib.sha256(np.asarray(self.array).tobytes()).hexdigest()]
        try:
            status = self.path.stat()
        except OSError:
            return [self.name, self.group, -1, -1]
        return [self.name, self.group, status.st_size, status.st_mtime_ns]


def pixel_digest(pixels: Array) -> str:
    """SHA-256 of dtype, shape and pixels, which is equal for two files of the same picture."""
    return hashlib.sha256(f"{pixels.dtype} {pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def gather(
    entries: Iterable[str | os.PathLike[str] | ArrayLike],
    *,
    root: str | os.PathLike[str] | None = None,
    suffixes: Sequence[str] = PICTURE_SUFFIXES,
    what: str = "image",
    recursive: bool = False,
) -> list[Source]:
    """Resolve entries to pictures: the files sorted by name, then the arrays in their order.

    A file that is reached by several names, for instance through links, is one picture. Pipes, sockets and devices are
    skipped in folders and patterns and refused where they are named. A subfolder that cannot be read is a picture
    without pixels, so that it is reported with the broken files.

    Args:
        entries: image files, folders, patterns (`holiday/*.NEF`, with `**` for any depth of folders), lists
            (`splits.json#fit`: a JSON file whose entry `fit`, or `fit/A`, holds paths relative to the file, in lists at
            any depth), and image arrays. An existing file takes precedence over a pattern of the same text. A label in
            front, `label=folder`, names the group; without a label the group is the camera of a RAW file, and the
            folder of any other file.
        root: folder for names that do not exist relative to the working directory.
        suffixes: file endings to collect from folders; hidden files and subfolders are left out. Individually named
            files, patterns and lists are not restricted to these endings.
        what: noun for a file with one of these endings, used in the error about a folder without any.
        recursive: search the subfolders of folders as well, and links to folders, each folder once.

    Raises:
        ImageError: there is no source, or an entry matches nothing.
    """
    if isinstance(entries, str | os.PathLike):
        raise ImageError(f"sources: must be a list of pictures, but is the one name {os.fspath(entries)!r}")
    root = None if root is None else Path(root)
    files: dict[str, Source] = {}
    arrays: list[Source] = []
    for entry in entries:
        if not isinstance(entry, str | os.PathLike):
            number = len(arrays) + 1
            array = entry if isinstance(entry, np.ndarray) else np.asarray(entry)  # a mask is refused when it is read
            arrays.append(Source(name=f"array {number}", group="arrays", array=array))
            continue
        label, text = _labelled(os.fspath(entry), root)
        for name, path in _paths(text, root, _Search(suffixes=suffixes, what=what, recursive=recursive)):
            # A file that is reached by two names is one picture; otherwise it would have twice the weight in a fit.
            place = os.path.realpath(path)
            files.setdefault(place, Source(name=name, group=label or _group(path), path=path))
    shared = Counter(source.name for source in files.values())
    named = [replace(source, name=str(source.path)) if shared[source.name] > 1 else source for source in files.values()]
    sources = [*sorted(named, key=lambda source: source.name), *arrays]
    if not sources:
        raise ImageError("sources: at least one picture is needed, but none was given")
    return sources


def several(name: str, *, root: str | os.PathLike[str] | None = None) -> bool:
    """Whether a name refers to any number of pictures: a folder, a pattern or a list, also below the root."""
    below = named_path(name, root=root)
    return below.is_dir() or (not below.exists() and (glob.has_magic(name) or ".json#" in name))


def named_path(name: str, *, root: str | os.PathLike[str] | None = None) -> Path:
    """The path of a name in the working folder, or below the root where the working folder has no such name."""
    return _below(name, None if root is None else Path(root)) or Path(name)


def map_pictures(
    function: Callable[[T, Any], Any],
    pictures: Sequence[T],
    *,
    shared: Any = None,
    workers: int | Workers = 1,
    scheduler: str | None = None,
    track: Track = iter,
    done: Callable[[T], bool] = lambda picture: False,
    on_error: str = "record",
) -> Iterator[tuple[T, Any]]:
    """Apply a function to each picture, in constant memory: (picture, result) in the order of the pictures.

    Results do not depend on the number of workers, only on their package versions and processors. An error or Ctrl-C in
    the block that consumes the results stops the work in progress and removes partially written files.

    Args:
        function: (picture, shared) → result; with more than one worker a function at the top level of a module.
        pictures: sources, or other objects with a name.
        shared: second argument of all calls; sent to each process once.
        workers: number of processes with one thread each, 0 for one per core; 1 works in this process. Or workers that
            are already open.
        scheduler: as in `qimg.core.workers.open_workers`.
        track: counts the pictures.
        done: whether to leave a picture out, for instance because its output exists.
        on_error: "record" returns a `Skipped` as the result of a picture that cannot be read or processed, and
            continues; "raise" raises the error.

    Raises:
        ChildProcessError: a process died.
        ConnectionError: the scheduler cannot be reached, or lost a task repeatedly.
    """
    remaining = [picture for picture in pictures if not done(picture)]
    with ExitStack() as stack:
        pool = stack.enter_context(open_workers(workers, scheduler)) if isinstance(workers, int) else workers
        work, arguments = (_attempt, (function, shared)) if on_error == "record" else (function, shared)
        yield from zip(remaining, ticked(pool.map(work, remaining, arguments), len(remaining), track), strict=True)


def _attempt(picture: Any, work: tuple[Callable[[Any, Any], Any], Any]) -> Any:
    function, shared = work
    try:
        return function(picture, shared)
    except _EXPECTED as error:
        reason = sentence(error)
        return Skipped(name=picture.name, reason=reason if picture.name in reason else f"{picture.name}: {reason}")


def without_copies(sources: Sequence[Source]) -> tuple[list[Source], list[dict[str, str]]]:
    """The pictures without further copies of the same file, and a record of each copy that was left out.

    Only files of equal length and equal first bytes are read in full and compared by their hash.
    """
    alike: dict[tuple[int, bytes], list[Source]] = {}
    for source in sources:
        key = _length_and_beginning(source)
        if key is not None:
            alike.setdefault(key, []).append(source)
    copies: dict[str, str] = {}
    for group in alike.values():
        originals: dict[str, str] = {}
        for source in group if len(group) > 1 else []:
            first = originals.setdefault(_file_digest(source.path), source.name)  # type: ignore[arg-type]
            if first != source.name:
                copies[source.name] = first
    left_out = [{"name": name, "skipped": f"{name}: the same file as {first}"} for name, first in copies.items()]
    return [source for source in sources if source.name not in copies], left_out


def _length_and_beginning(source: Source) -> tuple[int, bytes] | None:
    """Length and hash of the first bytes of a file; None for an array, and for a broken file, which `read` reports."""
    try:
        if source.path is None:
            return None
        with source.path.open("rb") as file:
            return source.path.stat().st_size, hashlib.sha256(file.read(_BEGINNING)).digest()
    except OSError:
        return None


def parts_of(sources: Sequence[Source], size: int) -> list[list[Source]]:
    """Fixed partition into parts of `size` consecutive pictures."""
    return [list(sources[first : first + size]) for first in range(0, len(sources), size)]


def _group(path: Path) -> str:
    """The camera of a RAW file, the folder of any other file and of a broken RAW file, which `read` reports."""
    if path.suffix.lower() in RAW_SUFFIXES:
        with suppress(ImageError):
            return camera(path)
    return Path(os.path.realpath(path)).parent.name or "pictures"


def _labelled(text: str, root: Path | None) -> tuple[str, str]:
    label, sign, rest = text.partition("=")
    if not sign or Path(text).exists() or (root is not None and (root / text).exists()):
        return "", text
    return label.strip(), rest


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Rules for the files of folders."""

    suffixes: Sequence[str]
    what: str
    recursive: bool


def _paths(text: str, root: Path | None, search: _Search) -> list[tuple[str, Path]]:
    """Names and paths; pictures below the root, or of a list, are named relative to it."""
    file, _, entry = text.partition("#")
    if file.endswith(".json"):
        return _listed(_below(file, root) or Path(file), entry)
    below = _below(text, root)
    if below is None or root is None:
        return [(str(path), path) for path in _expanded(Path(text), search)]
    return [(path.relative_to(root).as_posix(), path) for path in _expanded(below, search)]


def _expanded(name: Path, search: _Search) -> list[Path]:
    """A file, the files of a folder, or those that match a pattern; links to files come last."""
    try:
        if name.is_dir():
            files = files_of(name, search.suffixes, recursive=search.recursive)
            below = "and its subfolders hold" if search.recursive else "holds"
            missing = f"the folder {below} no {search.what} ({' '.join(search.suffixes)})"
            missing += "" if search.recursive else "; subfolders are not searched"
        elif name.exists():
            files, missing = [regular(name)], ""
        elif glob.has_magic(str(name)):
            files, missing = matching(name), "no file matches the pattern"
        else:
            files, missing = [], "no such file or folder"
    except OSError as error:
        raise ImageError(f"{name}: cannot be read ({error.strerror})") from None
    if not files:
        raise ImageError(f"{name}: {missing}")
    return sorted(files, key=lambda path: (path.is_symlink(), path))


def _below(text: str, root: Path | None) -> Path | None:
    """The path below the root; None for an absolute name, and for a name that exists by itself."""
    return None if root is None or Path(text).exists() or Path(text).is_absolute() else root / text


def _listed(file: Path, entry: str) -> list[tuple[str, Path]]:
    try:
        content = json.loads(regular(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{file}: is no JSON list of pictures ({error})") from None
    for key in filter(None, entry.split("/")):
        if not isinstance(content, dict) or key not in content:
            entries = ", ".join(content) if isinstance(content, dict) else "nothing"
            raise ImageError(f"{file}: has no entry {key!r}; it holds {entries}")
        content = content[key]
    paths = [(name, file.parent / name) for name in _names(content)]
    if not paths:
        raise ImageError(f"{file}: the entry {entry!r} names no picture")
    return paths


def _names(content: object) -> list[str]:
    """The texts of nested lists and records in their order; a loop, since they may be nested deeply."""
    names, waiting = [], [content]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            names.append(part)
        elif isinstance(part, dict | list):
            waiting += reversed(part.values() if isinstance(part, dict) else part)
    return names
