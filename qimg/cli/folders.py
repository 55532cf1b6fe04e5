"""Commands that convert a file to a file, or a folder to a folder of files."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli import placeholders
from qimg.cli.errors import as_options
from qimg.cli.progress import bar
from qimg.cli.reading import remarked
from qimg.cli.results import Done, Report
from qimg.cli.targets import Job, jobs_of
from qimg.core import ArgumentError, literal, one_line, one_of, sentence, spelled_as, to_write
from qimg.images import SUFFIXES, check_format
from qimg.images.collections import PICTURE_SUFFIXES, Skipped, map_pictures, several

DAMAGED = 3
"""Exit status when all files are written, but some sources are damaged."""
Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


@dataclass(frozen=True, kw_only=True)
class Many:
    """Processing of a folder."""

    recursive: bool = False
    """Search the subfolders of a folder as well; the files to write keep their subfolders."""

    workers: int = 1
    """Processes for a folder, each with one thread and one picture at a time; 0 uses one per core."""
    scheduler: placeholders.Address = None
    """Address of a Dask scheduler for a folder, or `local` for a Dask cluster on this machine."""


@dataclass(frozen=True, kw_only=True)
class Files(Many):
    """Files to write."""

    overwrite: bool = False
    """Replace existing files, also those that appear while the command runs."""
    skip_existing: bool = False
    """Skip pictures whose files exist, for example to resume an interrupted command."""
    report: Annotated[str | None, tyro.conf.arg(metavar="FILE.csv")] = None
    """CSV file to write, with a row for each picture: its files, status, seconds, results and remarks. With
    --skip-existing, the rows of an existing report are kept."""


@dataclass(frozen=True, kw_only=True)
class Pictures(Files):
    """Picture files to write."""

    quality: Annotated[int | None, tyro.conf.arg(metavar="1-100")] = None
    """1 to 100; required by lossy formats."""
    format: Annotated[str | None, tyro.conf.arg(metavar=f"{{{','.join(ending[1:] for ending in SUFFIXES)}}}")] = None
    """Format of the files of a folder; png by default."""

    @property
    def suffix(self) -> str:
        """Ending of the files of a folder."""
        return "." + (self.format or "png").removeprefix(".")


def each_of(
    work: Callable[..., Done],
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
        work: module-level function (source, out, overwrite=…, track=…, **options) → `Done`, which converts one file and
            writes atomically.
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
        SystemExit: with status `DAMAGED`, some sources are damaged and none failed.
    """
    if files.overwrite and files.skip_existing:
        raise ArgumentError("{0} must not be combined with {1}", "skip_existing", "overwrite")
    root = os.environ.get("QIMG_DATA") or None
    options = {**options, "overwrite": files.overwrite}
    one = not several(source, root=root)
    if one:
        for name, default in (("recursive", False), ("workers", 1), ("scheduler", None), ("format", None)):
            if getattr(files, name, default) != default:
                hint = "; the ending of OUT determines the format" if name == "format" else ""
                raise ArgumentError(
                    f"{{0}} has an effect for a folder only, but {literal(source)} is not a folder{hint}", name
                )
    if one and not files.skip_existing:
        to_write(out, overwrite=files.overwrite)
    if isinstance(files, Pictures):
        check_target(out, files, one=one)
    written = Report(files.report, overwrite=files.overwrite, resumed=files.skip_existing)
    if one:
        _one(work, Path(source), Path(out), files, options, written)
        return
    jobs = jobs_of(source, Path(out), root=root, suffix=suffix, suffixes=suffixes, what=what, recursive=files.recursive)
    existing = {job.out for job in jobs if files.skip_existing and os.path.lexists(job.out)}
    left = [job for job in jobs if job.out not in existing]
    for job in jobs:
        if job.out in existing:
            written.existing(job.source, job.out)
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} pictures are already {verb}")
    with bar("pictures") as track:
        lines = map_pictures(
            _work, left, shared=(work, options), workers=files.workers, scheduler=files.scheduler, track=track
        )
        damaged = 0

        def show(job: Job, result: tuple[Done, float]) -> None:
            nonlocal damaged
            damaged += result[0].damaged
            print(one_line(result[0].line))

        try:
            report(_noted(lines, written), len(jobs), show, verb=verb)
        finally:
            written.write()
            if damaged:
                print(f"qimg: {damaged} of {len(jobs)} files are damaged", file=sys.stderr)
    if damaged:
        raise SystemExit(DAMAGED)


def check_target(out: str, files: Pictures, *, one: bool) -> None:
    """Check, before any picture is read, that the format of the files to write is known and the quality suits it."""
    if not one:
        ending = (files.format or "png").removeprefix(".").lower()
        one_of("format", ending, [suffix.removeprefix(".") for suffix in SUFFIXES])
    check_format(out if one else f"a{files.suffix}", files.quality)


def _one(
    work: Callable[..., Done], source: Path, out: Path, files: Files, options: dict[str, Any], written: Report
) -> None:
    """Convert one file."""
    if files.skip_existing and os.path.lexists(out):
        print(one_line(f"{out}: exists already"))
        written.existing(source, out)
    else:
        start = time.perf_counter()
        try:
            with bar("strips") as track:
                result = remarked(work, source, out, track=track, **options)
        except (ValueError, OSError) as error:
            written.failed(source, out, sentence(error))
            written.write()
            raise
        print(one_line(result.line))
        written.done(source, out, result, time.perf_counter() - start)
        if result.damaged:
            written.write()
            raise SystemExit(DAMAGED)
    written.write()


def _work(job: Job, shared: tuple[Callable[..., Done], dict[str, Any]]) -> tuple[Done, float]:
    work, options = shared
    start = time.perf_counter()
    with spelled_as(as_options(options)):  # again, because this may be another process
        result = remarked(work, job.source, job.out, track=iter, **options)
    return result, time.perf_counter() - start


def _noted(results: Iterable[tuple[Job, Any]], written: Report) -> Iterator[tuple[Job, Any]]:
    """The results, which are also added to the report."""
    for job, result in results:
        if isinstance(result, Skipped):
            written.failed(job.source, job.out, result.reason)
        else:
            written.done(job.source, job.out, *result)
        yield job, result


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
