"""Pictures found, read, and worked on one by one: files, folders, patterns, lists, sets, RAW files and arrays."""

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

from qimg.core import Array, Track, sentence, ticked
from qimg.core.fitting import Named
from qimg.core.workers import Workers, open_workers
from qimg.images.files import SUFFIXES, load
from qimg.images.planes import ImageError, check_image, without_alpha
from qimg.images.raw import RAW_SUFFIXES, camera

JPEG_SUFFIXES = (".jpg", ".jpeg")
PICTURE_SUFFIXES = (*SUFFIXES, *RAW_SUFFIXES)
"""File endings that a folder is searched for: `SUFFIXES` and `RAW_SUFFIXES`."""

_BEGINNING = 1 << 14  # bytes
_EXPECTED = (ValueError, OSError, ModuleNotFoundError)  # what broken or missing files raise


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A picture that could not be used."""

    name: str
    reason: str
    """One line, which names it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """One picture that is read when it is needed, once per pass."""

    name: str
    """The path, or the number of an array."""
    group: str
    """What its operators are counted under: the label that was given, or the name of the folder."""
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
            ImageError: the file is missing or no image.
        """
        if self.path is None:
            pixels = check_image(self.name, np.asarray(self.array))
            return without_alpha(pixels), pixel_digest(pixels)
        try:
            digest = _file_digest(self.path)
        except OSError as error:
            raise ImageError(f"{self.path}: cannot be read ({error.strerror})") from None
        return without_alpha(load(self.path)), digest

    def state(self) -> list[str | int]:
        """What must not change between the passes of a fit: name, size and time of the file."""
        if self.path is None:
            return [self.name, self.group, hashlib.sha256(np.asarray(self.array).tobytes()).hexdigest()]
        try:
            about = self.path.stat()
        except OSError:
            return [self.name, self.group, -1, -1]
        return [self.name, self.group, about.st_size, about.st_mtime_ns]


def pixel_digest(pixels: Array) -> str:
    """SHA-256 of dtype, shape and pixels: the same picture in two files has one."""
    return hashlib.sha256(f"{pixels.dtype} {pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def gather(
    given: Iterable[str | os.PathLike[str] | ArrayLike],
    *,
    root: str | os.PathLike[str] | None = None,
    suffixes: Sequence[str] = PICTURE_SUFFIXES,
    what: str = "image",
) -> list[Source]:
    """The pictures that are named, sorted by name, arrays behind the files in the order given.

    Args:
        given: image files, folders, patterns (`holiday/*.NEF`, with `**` for any depth of folders), lists
            (`splits.json#fit`: a JSON file whose entry `fit`, or `fit/A`, holds paths relative to the file, in lists at
            any depth), and image arrays. What exists under the very name is no pattern. A label in front,
            `label=folder`, names the group; otherwise the camera of a RAW file does, or the folder of any other.
        root: folder in which names are looked up that do not exist as given.
        suffixes: endings that folders are searched for, hidden files and subfolders left out. Files that are named,
            patterns and lists may have any.
        what: name for a file with one of these endings in the message about a folder that has none.

    Raises:
        ImageError: there is no source, or one names nothing.
    """
    if isinstance(given, str | os.PathLike):
        raise ImageError(f"sources: must be a list of pictures, but is the one name {os.fspath(given)!r}")
    root = None if root is None else Path(root)
    files: dict[Path, Source] = {}
    arrays: list[Source] = []
    for entry in given:
        if not isinstance(entry, str | os.PathLike):
            number = len(arrays) + 1
            arrays.append(Source(name=f"array {number}", group="arrays", array=np.asarray(entry)))
            continue
        label, text = _labelled(os.fspath(entry), root)
        for name, path in _paths(text, root, suffixes, what):
            # One file under two names is one picture: counted twice it would weigh twice.
            files.setdefault(path.resolve(), Source(name=name, group=label or _group(path), path=path))
    shared = Counter(source.name for source in files.values())
    named = [replace(source, name=str(source.path)) if shared[source.name] > 1 else source for source in files.values()]
    found = [*sorted(named, key=lambda source: source.name), *arrays]
    if not found:
        raise ImageError("sources: at least one picture is needed, but none was given")
    return found


def several(name: str, *, root: str | os.PathLike[str] | None = None) -> bool:
    """Whether a name stands for any number of pictures: a folder, a pattern, a list, or such a name below the root."""
    below = _below(name, None if root is None else Path(root)) or Path(name)
    return below.is_dir() or (not below.exists() and (glob.has_magic(name) or ".json#" in name))


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
    """Work on pictures one by one, in constant memory: (picture, result) in the order of the pictures.

    Results do not depend on the workers, but on their versions and processors. Where the block that takes the results
    ends by an error or by Ctrl-C, work that has begun is stopped, and files that are being written are removed.

    Args:
        function: (picture, shared) → result; for more than one worker a function of a module, found by its name.
        pictures: sources, or anything else with a name.
        shared: what the function needs for all of them; it reaches each process once.
        workers: processes of this machine with one thread each, 0 for one per core; 1 works in this process. Or workers
            that are open already.
        scheduler: as in `qimg.core.workers.open_workers`.
        track: counts the pictures.
        done: pictures that are left out, such as those whose files are there already.
        on_error: "record" gives a `Skipped` as the result of a picture that cannot be read or worked on and goes on
            with the others; "raise" ends there.

    Raises:
        ChildProcessError: a process died.
        ConnectionError: the scheduler cannot be reached, or lost a task again and again.
    """
    left = [picture for picture in pictures if not done(picture)]
    with ExitStack() as stack:
        pool = stack.enter_context(open_workers(workers, scheduler)) if isinstance(workers, int) else workers
        work, about = (_attempt, (function, shared)) if on_error == "record" else (function, shared)
        yield from zip(left, ticked(pool.map(work, left, about), len(left), track), strict=True)


def _attempt(picture: Any, work: tuple[Callable[[Any, Any], Any], Any]) -> Any:
    function, shared = work
    try:
        return function(picture, shared)
    except _EXPECTED as error:
        reason = sentence(error)
        return Skipped(name=picture.name, reason=reason if picture.name in reason else f"{picture.name}: {reason}")


def without_copies(sources: Sequence[Source]) -> tuple[list[Source], list[dict[str, str]]]:
    """The pictures without further copies of the same file, and a record of each copy that was left out.

    Files of equal length that begin alike are compared by their hash; others are not read.
    """
    alike: dict[tuple[int, bytes], list[Source]] = {}
    for source in sources:
        key = _first_look(source)
        if key is not None:
            alike.setdefault(key, []).append(source)
    copies: dict[str, str] = {}
    for group in alike.values():
        seen: dict[str, str] = {}
        for source in group if len(group) > 1 else []:
            first = seen.setdefault(_file_digest(source.path), source.name)  # type: ignore[arg-type]
            if first != source.name:
                copies[source.name] = first
    left_out = [{"name": name, "skipped": f"{name}: the same file as {first}"} for name, first in copies.items()]
    return [source for source in sources if source.name not in copies], left_out


def _first_look(source: Source) -> tuple[int, bytes] | None:
    """Length and beginning of a file; None for an array, and for a file that will be reported when it is read."""
    try:
        if source.path is None:
            return None
        with source.path.open("rb") as file:
            return source.path.stat().st_size, hashlib.sha256(file.read(_BEGINNING)).digest()
    except OSError:
        return None


def parts_of(sources: Sequence[Source], size: int) -> list[list[Source]]:
    """The fixed partition: consecutive pictures, `size` at a time."""
    return [list(sources[first : first + size]) for first in range(0, len(sources), size)]


def _group(path: Path) -> str:
    """The camera of a RAW file, the folder of any other; a broken RAW file is reported when it is read."""
    if path.suffix.lower() in RAW_SUFFIXES:
        with suppress(ImageError):
            return camera(path)
    return path.resolve().parent.name or "pictures"


def _labelled(text: str, root: Path | None) -> tuple[str, str]:
    label, sign, rest = text.partition("=")
    if not sign or Path(text).exists() or (root is not None and (root / text).exists()):
        return "", text
    return label.strip(), rest


def _paths(text: str, root: Path | None, suffixes: Sequence[str], what: str) -> list[tuple[str, Path]]:
    """Names and paths; what is found below the root, or through a list, is named relative to it."""
    file, _, entry = text.partition("#")
    if file.endswith(".json"):
        return _listed(_below(file, root) or Path(file), entry)
    below = _below(text, root)
    if below is None or root is None:
        return [(str(path), path) for path in _expanded(Path(text), suffixes, what)]
    return [(path.relative_to(root).as_posix(), path) for path in _expanded(below, suffixes, what)]


def _expanded(name: Path, suffixes: Sequence[str], what: str) -> list[Path]:
    """A file, the files of a folder, or those that match a pattern."""
    if name.is_dir():
        files = [entry for entry in name.iterdir() if entry.suffix.lower() in suffixes and entry.name[0] != "."]
        missing = f"the folder holds no {what} ({' '.join(suffixes)}); subfolders are not searched"
    elif name.exists():
        files, missing = [name], ""
    elif glob.has_magic(str(name)):
        files = [path for path in map(Path, glob.glob(str(name), recursive=True)) if not path.is_dir()]
        missing = "no file matches the pattern"
    else:
        files, missing = [], "no such file or folder"
    if not files:
        raise ImageError(f"{name}: {missing}")
    return sorted(files)


def _below(text: str, root: Path | None) -> Path | None:
    """The path below the root, where there is nothing under the name itself."""
    return None if root is None or Path(text).exists() or Path(text).is_absolute() else root / text


def _listed(file: Path, entry: str) -> list[tuple[str, Path]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ImageError(f"{file}: is no JSON list of pictures ({error})") from None
    for key in filter(None, entry.split("/")):
        if not isinstance(content, dict) or key not in content:
            known = ", ".join(content) if isinstance(content, dict) else "nothing"
            raise ImageError(f"{file}: has no entry {key!r}; it holds {known}")
        content = content[key]
    paths = [(name, file.parent / name) for name in _names(content)]
    if not paths:
        raise ImageError(f"{file}: the entry {entry!r} names no picture")
    return paths


def _names(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [name for part in inner for name in _names(part)]
