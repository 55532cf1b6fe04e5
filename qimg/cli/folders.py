"""What the verbs share that make a file of a file, or a folder of files of a folder."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli.progress import bar
from qimg.core import names_for, require
from qimg.images.collections import PICTURE_SUFFIXES, Skipped, gather, map_pictures, several

Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


@dataclass(frozen=True, kw_only=True)
class Many:
    """How the pictures of a folder are worked on."""

    workers: int = 1
    """Pictures of a folder at a time, each in a process with one thread; 0 takes one per core."""
    scheduler: str | None = None
    """Address of a Dask scheduler that works on a folder, or `local` for a Dask cluster on this machine."""


@dataclass(frozen=True, kw_only=True)
class Files(Many):
    """Files to write."""

    overwrite: bool = False
    """Replace files that exist."""
    skip_existing: bool = False
    """Leave out pictures whose files exist: after an interruption the same command goes on."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Files):
    """Picture files to write."""

    quality: int | None = None
    """1 to 100, for a lossy format, which needs it."""
    format: str | None = None
    """Of the files, where there is a folder of them: png when left out."""

    @property
    def suffix(self) -> str:
        """Ending of the files of a folder."""
        return "." + (self.format or "png").removeprefix(".")


@dataclass(frozen=True)
class _Job:
    source: Path
    out: Path

    @property
    def name(self) -> str:
        return str(self.source)


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
    """Make a file of a file, or a folder of files of a folder, a pattern or a list; print one line for each.

    Args:
        work: function of a module: (source, out, overwrite=…, track=…, **options) → the line; reads a file, and writes
            another whole or not at all.
        source: what to read; names in the folder QIMG_DATA count as well.
        out: the file to write, or the folder to write into, made where it does not exist.
        files: what may be overwritten or left out, and how a folder is worked on.
        options: further arguments of `work`.
        verb: past participle for the error, such as "encoded".
        suffix: ending of the files of a folder.
        suffixes: as in `gather`.
        what: as in `gather`.

    Raises:
        NotADirectoryError: `out` is a file, and `source` more than one.
        ValueError: some pictures failed, which are named on the error stream; the others are done.
    """
    require(not (files.overwrite and files.skip_existing), "skip-existing", "must leave something to overwrite", True)
    root = os.environ.get("QIMG_DATA") or None
    options = {**options, "overwrite": files.overwrite}
    if not several(source, root=root):
        for name, default in (("workers", 1), ("scheduler", None), ("format", None)):
            if getattr(files, name, default) != default:
                why = ": the ending of OUT names it" if name == "format" else ""
                raise ValueError(f"{name} has an effect for a folder only, but {source} is none{why}")
        if files.skip_existing and Path(out).exists():
            print(f"{out}: exists already")
            return
        with bar("strips") as track:
            line = work(Path(source), Path(out), track=track, **options)
        print(line)
        return
    sources = gather([source], root=root, suffixes=suffixes, what=what)
    paths = [one.path for one in sources if one.path is not None]
    folder = Path(out)
    jobs = [_Job(path, folder / name) for path, name in zip(paths, names_for(paths, suffix), strict=True)]
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: is a file, but the folder to write into is expected")
    folder.mkdir(exist_ok=True)
    left = [job for job in jobs if not (files.skip_existing and job.out.exists())]
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} pictures are {verb} already")
    with bar("pictures") as track:
        lines = map_pictures(
            _work, left, shared=(work, options), workers=files.workers, scheduler=files.scheduler, track=track
        )
        report(lines, len(jobs), lambda job, line: print(line), verb=verb)


def _work(job: _Job, shared: tuple[Callable[..., str], dict[str, Any]]) -> str:
    work, options = shared
    return work(job.source, job.out, track=iter, **options)


def report(results: Iterable[tuple[Any, Any]], count: int, show: Callable[[Any, Any], None], *, verb: str) -> None:
    """Show the results of pictures as they come, and name those that failed at the end.

    Raises:
        ValueError: some failed.
        SystemExit: interrupted; what is done stays.
    """
    failed: list[str] = []
    try:
        for picture, result in results:
            if isinstance(result, Skipped):
                failed.append(result.reason)
            else:
                show(picture, result)
    except KeyboardInterrupt:
        print("qimg: interrupted; files that are whole stay, and --skip-existing leaves them out", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        for reason in failed:
            print(f"qimg: failed: {reason}", file=sys.stderr)
    if failed:
        raise ValueError(f"{len(failed)} of {count} pictures could not be {verb}")
