"""`qimg fit`: fits a prior, tables or statistics of a codec, a restorer, a network or a learned codec on pictures."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qimg.core import integer, one_line, to_write
from qimg.core.artifacts import Artifact

VERBS = {
    "prior": "Fit a prior.",
    "tables": "Fit codec tables.",
    "sketch": "Fit the statistics of the sketch codec.",
    "restorer": "Fit the explicit estimator that restores JPEG files.",
    "network": "Train a network that restores JPEG files.",
    "codec": "Train a learned codec.",
}
"""Verbs; the module `qimg.cli.fit.<verb>` has `COMMAND`."""


def carry_out(fit: Callable[..., Artifact], out: str) -> None:
    """Run a fit and write its file; an interrupted fit resumes from FILE.checkpoint when it is run again.

    Args:
        fit: function with the keyword arguments `out`, `checkpoint` and `root`, the folder in QIMG_DATA.
        out: file to write.
    """
    path, checkpoint = Path(out), Path(f"{out}.checkpoint")
    if path.is_file():
        raise FileExistsError(f"{path}: exists already; remove it or choose another file")
    to_write(path, overwrite=False)
    if checkpoint.exists():
        print(one_line(f"{checkpoint}: resuming from this checkpoint"), file=sys.stderr)
    root = os.environ.get("QIMG_DATA")
    try:
        artifact = fit(out=path, checkpoint=checkpoint, root=Path(root) if root else None)
    except ValueError:  # bad input; the message already explains the role of the checkpoint
        raise
    except BaseException:
        if checkpoint.exists():
            text = f"{checkpoint} holds the state of the fit; run the same command again to resume"
            print(one_line(text), file=sys.stderr)
        raise
    for record in artifact.provenance["skipped"]:
        print(one_line(f"skipped {record['skipped']}"), file=sys.stderr)
    print(one_line(f"{path}: {artifact!r}"))


def report_line(out: str, line: str) -> None:
    """Print a line of progress of a training, and append it to FILE.log."""
    print(line, flush=True)
    with Path(f"{out}.log").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@contextmanager
def device_errors() -> Iterator[None]:
    """Convert what PyTorch raises for unavailable devices to ValueError; a build without CUDA raises AssertionError."""
    try:
        yield
    except (RuntimeError, AssertionError) as error:
        raise ValueError(str(error)) from None


def worker_count(workers: int) -> int:
    """Number of workers; 0 gives one per core."""
    return integer("workers", workers, 0) or os.cpu_count() or 1
