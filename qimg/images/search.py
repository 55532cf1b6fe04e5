"""Files of folders and patterns. Links to folders are followed, but every folder is searched only once."""

import glob
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from qimg.core.files import special

_EVERY_DEPTH = "**"


def files_of(folder: Path, suffixes: Sequence[str], *, recursive: bool = False) -> list[Path]:
    """The files of a folder with one of these endings, by their names; none that are hidden, pipes or devices.

    Args:
        folder: to search.
        suffixes: endings of the files, in lower case.
        recursive: search the subfolders that are not hidden as well. One that cannot be read is a member of the list.

    Raises:
        OSError: the folder itself cannot be read.
    """
    files: list[Path] = []
    for below, entries in _folders(folder) if recursive else [(folder, _entries(folder))]:
        if entries is None:
            files.append(below)
            continue
        files += [
            below / entry.name
            for entry in entries
            if not entry.name.startswith(".")
            and os.path.splitext(entry.name)[1].lower() in suffixes
            and _is_file(entry)
        ]
    return files


def matching(pattern: Path) -> list[Path]:
    """The files that match a pattern, where `**` stands for any number of folders that are not hidden.

    A folder below `**` that cannot be read is a member of the list.
    """
    segments: list[list[str]] = [[]]
    for part in pattern.parts:
        segments.append([]) if part == _EVERY_DEPTH else segments[-1].append(part)
    first, *later = segments
    matches, unreadable = _matches([Path()], first), []
    for segment in later:
        folders: dict[Path, None] = {}
        for top in matches:
            for below, entries in _folders(top) if top.is_dir() else ():
                if entries is None:
                    unreadable.append(below)
                else:
                    folders[below] = None
        matches = _matches(folders, segment or ["*"])
    return [path for path in matches if not path.is_dir() and not special(path)] + unreadable


def _matches(folders: Iterable[Path], parts: Sequence[str]) -> list[Path]:
    if not parts:
        return list(folders)
    paths = (Path(glob.escape(str(folder)), *parts) for folder in folders)
    return list(dict.fromkeys(Path(match) for path in paths for match in glob.glob(str(path))))


def _folders(top: Path) -> Iterator[tuple[Path, list["os.DirEntry[str]"] | None]]:
    """Folders at and below `top` with their entries, or with None where they cannot be read.

    A folder that is reached by several names is visited once, by a name without links if there is one, since folders
    behind links are visited last. Links that lead in circles therefore come to an end.
    """
    visited: set[str] = set()
    direct, linked = deque([top]), deque[Path]()
    while direct or linked:
        folder = direct.popleft() if direct else linked.popleft()
        place = os.path.realpath(folder)
        if place in visited:
            continue
        visited.add(place)
        try:
            entries = _entries(folder)
        except OSError:
            if folder == top:
                raise
            yield folder, None
            continue
        yield folder, entries
        for entry in entries:
            if not entry.name.startswith(".") and Path(entry.path).is_dir():
                (linked if entry.is_symlink() else direct).append(folder / entry.name)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file, or a link to nothing, which is reported when it is read."""
    path = Path(entry.path)  # whose methods accept links that lead to themselves
    return path.is_file() or (not path.is_dir() and not special(path))
