"""Commands that convert a file to a file, or a folder to a folder of files."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli.progress import bar
from qimg.cli.targets import Job, jobs_of
from qimg.core import one_line, require
from qimg.images.collections import PICTURE_SUFFIXES, Skipped, map_pictures, several

Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


@dataclass(frozen=True, kw_only=True)
class Many:
    """Processing of a folder."""

    recursive: bool = False
    """Search the subfolders of a folder as well; the files to write keep their subfolders."""

    workers: int = 1
    """Processes for a folder, each with one thread and one picture at a time; 0 uses one per core."""
    scheduler: str | None = None
    """Address of a Dask scheduler for a folder, or `local` for a Dask cluster on this machine."""


@dataclass(frozen=True, kw_only=True)
class Files(Many):
    """Files to write."""

    overwrite: bool = False
    """Replace existing files, also those that appear while the command runs."""
    skip_existing: bool = False
    """Skip pictures whose files exist, for example to resume an interrupted command."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Files):
    """Picture files to write."""

    quality: int | None = None
    """1 to 100; required by lossy formats."""
    format: str | None = None
    """Format of the files of a folder; png by default."""

    @property
    def suffix(self) -> str:
        """Ending of the files of a folder."""
        return "." + (self.format or "png").removeprefix(".")


def each_of(
    work: Callable[..., str],
    source: str,
    out: str,
    files: Files,
    options: dict[str, Any],
    *,
    verb: str,
    suffix: str,
    suffixes: Sequence[str] = PICTURE_SUFFIXES,
    what: str = "image",
) -> None:
    """Convert a file, or every file of a folder, a pattern or a list; print one line for each.

    Args:
        work: module-level function (source, out, overwrite=…, track=…, **options) → line to print, which converts one
            file and writes atomically.
        source: file, folder, pattern or list to read, also in the folder QIMG_DATA.
        out: the file to write, or the folder to write into, which is created if necessary.
        files: rules for existing files, and processing of folders.
        options: further arguments of `work`.
        verb: past participle for messages, such as "encoded".
        suffix: ending of the files of a folder.
        suffixes: as in `gather`.
        what: as in `gather`.

    Raises:
        NotADirectoryError: `out` is a file and `source` has several files.
        ValueError: some pictures failed; the error stream lists them, and the others are written.
    """
    both = files.overwrite and files.skip_existing
    require(not both, "skip-existing", "must not be combined with overwrite", files.skip_existing)
    root = os.environ.get("QIMG_DATA") or None
    options = {**options, "overwrite": files.overwrite}
    if not several(source, root=root):
        for name, default in (("recursive", False), ("workers", 1), ("scheduler", None), ("format", None)):
            if getattr(files, name, default) != default:
                hint = "; the ending of OUT determines the format" if name == "format" else ""
                raise ValueError(f"{name} has an effect for a folder only, but {source} is not a folder{hint}")
        if files.skip_existing and os.path.lexists(out):
            print(one_line(f"{out}: exists already"))
            return
        with bar("strips") as track:
            line = work(Path(source), Path(out), track=track, **options)
        print(one_line(line))
        return
    jobs = jobs_of(source, Path(out), root=root, suffix=suffix, suffixes=suffixes, what=what, recursive=files.recursive)
    left = [job for job in jobs if not (files.skip_existing and os.path.lexists(job.out))]
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} pictures are already {verb}")
    with bar("pictures") as track:
        lines = map_pictures(
            _work, left, shared=(work, options), workers=files.workers, scheduler=files.scheduler, track=track
        )
        report(lines, len(jobs), lambda job, line: print(one_line(line)), verb=verb)


def _work(job: Job, shared: tuple[Callable[..., str], dict[str, Any]]) -> str:
    work, options = shared
    return work(job.source, job.out, track=iter, **options)


def report(results: Iterable[tuple[Any, Any]], count: int, show: Callable[[Any, Any], None], *, verb: str) -> None:
    """Show the results of pictures as they arrive, and list the failed pictures at the end.

    Raises:
        ValueError: some pictures failed.
        SystemExit: the command was interrupted; finished files remain.
    """
    failed: list[str] = []
    try:
        for picture, result in results:
            if isinstance(result, Skipped):
                failed.append(result.reason)
            else:
                show(picture, result)
    except KeyboardInterrupt:
        print("qimg: interrupted; finished files remain, and --skip-existing skips them", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        for reason in failed:
            print(f"qimg: failed: {one_line(reason)}", file=sys.stderr)
    if failed:
        raise ValueError(f"{len(failed)} of {count} pictures could not be {verb}")
