"""What the commands of trainings share: where they write, what they say, and how they end."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from qimg.core.arguments import integer
from qimg.core.files import to_write
from qimg.learning.loop import Record


class Trained(Protocol):
    """A trained network."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Under `skipped` the pictures that were left out."""

    def save(self, path: Path) -> None:
        """Write the file."""


def carry_out(
    fitted: Callable[[Path, Callable[[Record], None], Path | None], Trained], out: str, *, threads: int
) -> None:
    """Train and write a file; errors and interruptions end the process in a sentence.

    Args:
        fitted: trains, given the file of the checkpoint, what reports, and the folder that QIMG_DATA names.
        out: file to write; FILE.checkpoint keeps the state while the training runs, FILE.log what it said.
        threads: of PyTorch.
    """
    path = Path(out)
    log = path.with_name(f"{path.name}.log")
    checkpoint = path.with_name(f"{path.name}.checkpoint")

    def report(record: Record) -> None:
        gains = ", ".join(f"{name} {gain:+.3f} dB" for name, gain in record.gain_db.items())
        line = f"step {record.step}, {record.seconds:.0f} s: error {record.loss:.4f}, {gains}"
        print(line, flush=True)
        with log.open("a") as file:
            file.write(line + "\n")

    root = os.environ.get("QIMG_DATA")
    try:
        if path.exists():
            raise FileExistsError(f"{path}: exists already; remove it, or write elsewhere")
        to_write(path, overwrite=False)  # a missing folder is found before the training
        torch.set_num_threads(integer("threads", threads, 1))
        model = fitted(checkpoint, report, Path(root) if root else None)
    # PyTorch that knows no CUDA asserts that it does.
    except (ValueError, OSError, RuntimeError, AssertionError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        going_on = f"; the same command goes on from {checkpoint}" if checkpoint.exists() else ""
        print(f"interrupted{going_on}", file=sys.stderr)
        raise SystemExit(130) from None
    for record in model.provenance["skipped"]:
        print(f"skipped {record['skipped']}")
    model.save(path)
    checkpoint.unlink(missing_ok=True)
    print(f"{path}: {model!r}")
