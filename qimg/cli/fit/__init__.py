"""`qimg fit`: a prior, codec tables, a restorer or a network, fitted on pictures; one file for each."""

import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from qimg.core import integer, to_write
from qimg.core.artifacts import Artifact

VERBS = {
    "prior": "Fit a prior.",
    "tables": "Fit codec tables.",
    "restorer": "Fit the explicit estimator that restores JPEG files.",
    "network": "Train a network that restores JPEG files.",
}
"""What can be fitted; `qimg.cli.fit.<verb>` holds its `COMMAND`."""


def carry_out(fit: Callable[..., Artifact], out: str) -> None:
    """Fit and write a file; FILE.checkpoint keeps the state meanwhile, and the same command goes on from it.

    Args:
        fit: called with the file to write, the file of the checkpoint, and the folder that QIMG_DATA names, by keyword.
        out: file to write.
    """
    path, checkpoint, console = Path(out), Path(f"{out}.checkpoint"), Console(stderr=True)
    if path.is_file():
        raise FileExistsError(f"{path}: exists already; remove it, or write elsewhere")
    to_write(path, overwrite=False)
    if checkpoint.exists():
        console.print(f"{checkpoint}: going on where the checkpoint ends", highlight=False, soft_wrap=True)
    root = os.environ.get("QIMG_DATA")
    try:
        artifact = fit(out=path, checkpoint=checkpoint, root=Path(root) if root else None)
    except ValueError:  # bad input; the message explains what the checkpoint has to do with it
        raise
    except BaseException:
        if checkpoint.exists():
            text = f"{checkpoint} holds what was done; the same command goes on from there"
            console.print(text, highlight=False, soft_wrap=True)
        raise
    for record in artifact.provenance["skipped"]:
        console.print(f"skipped {record['skipped']}", highlight=False, soft_wrap=True)
    print(f"{path}: {artifact!r}")


def worker_count(workers: int) -> int:
    """Workers that are asked for; one for each core for 0."""
    return integer("workers", workers, 0) or os.cpu_count() or 1
