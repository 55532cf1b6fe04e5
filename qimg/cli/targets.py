"""Files that a command writes for the pictures of a folder, a pattern or a list."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qimg.core import names_for, require
from qimg.core.atomic import unfinished_folder
from qimg.core.files import alike
from qimg.images.collections import gather, named_path


@dataclass(frozen=True)
class Job:
    """A picture and the file to write for it."""

    source: Path
    out: Path

    @property
    def name(self) -> str:
        """Name of the picture in messages."""
        return str(self.source)


def jobs_of(
    source: str, out: Path, *, root: str | None, suffix: str, suffixes: Sequence[str], what: str, recursive: bool
) -> list[Job]:
    """The pictures of a folder, a pattern or a list with the files to write, whose folders are created.

    Args:
        source: as for `gather`.
        out: folder to write into. The files have the names of `names_for`; those of subfolders keep them.
        root: as for `gather`.
        suffix: ending of the files to write.
        suffixes: as for `gather`.
        what: as for `gather`.
        recursive: search the subfolders of a folder, except `out`.

    Raises:
        NotADirectoryError: `out` is a file.
        ValueError: two pictures would be written to one file, or `recursive` has no effect.
    """
    below = named_path(source, root=root) if recursive else None
    is_folder = below is None or below.is_dir()
    require(is_folder, "recursive", "has an effect on a folder only; in patterns, ** stands for subfolders", source)
    sources = gather([source], root=root, suffixes=suffixes, what=what, recursive=recursive)
    paths = [one.path for one in sources if one.path is not None]
    if recursive:  # files of an earlier call are not read
        written = os.path.realpath(out)
        paths = [path for path in paths if not Path(os.path.realpath(path)).is_relative_to(written)]
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: must be a folder to write into, but is a file")
    jobs = [Job(path, out / name) for path, name in zip(paths, names_for(paths, suffix, below=below), strict=True)]
    out.mkdir(exist_ok=True)
    for folder in {job.out.parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    _require_distinct(jobs)
    return jobs


def _require_distinct(jobs: Sequence[Job]) -> None:
    """Raise ValueError where the file system gives two files to write the same name, as many do for `a` and `A`."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(alike(str(job.out)), []).append(job)
    for first, *others in groups.values():
        for other in others:
            if _same_name(first.out, other.out):
                raise ValueError(f"{first.source} and {other.source} would both be written to {other.out}")


def _same_name(first: Path, second: Path) -> bool:
    """Whether a file system does not distinguish two names, which is tried in a hidden folder."""
    with suppress(OSError):  # of names that cannot be written, which is reported later
        if first.parent.samefile(second.parent):
            with unfinished_folder(first.parent) as trial:
                (trial / first.name).touch()
                return (trial / second.name).exists()
    return False
