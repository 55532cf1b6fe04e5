"""A folder of pictures in one command: those that fail are named at the end, the others are done."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from qimg.cli.progress import bar


def each_of(
    paths: Sequence[Path], names: Sequence[str], out: Path, work: Callable[[Path, Path], str], what: str
) -> None:
    """Work on every picture of a folder; those that fail are named at the end, the others are done.

    Args:
        paths: pictures.
        names: of the files to write, one for each.
        out: the folder to write into, made where it does not exist.
        work: reads a file, writes another, and says what it did in one line.
        what: past participle for the error, such as "encoded".

    Raises:
        NotADirectoryError: `out` is a file.
        ValueError: some pictures failed.
    """
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: is a file, but the folder to write into is expected")
    out.mkdir(exist_ok=True)
    failed = []
    with bar("pictures") as track:
        for index in track(range(len(paths))):
            try:
                line = work(paths[index], out / names[index])
            except (ValueError, OSError, ModuleNotFoundError) as error:
                failed.append(" ".join(str(error).split()))
            else:
                print(line)
    if failed:
        for sentence in failed:
            print(f"qimg: failed: {sentence}", file=sys.stderr)
        raise ValueError(f"{len(failed)} of {len(paths)} pictures could not be {what}")
