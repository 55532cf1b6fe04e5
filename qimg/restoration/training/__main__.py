"""`python -m qimg.restoration.training SOURCES… --held-out SOURCES… --out my.safetensors`: train a network."""

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import tyro

from qimg import prior
from qimg.arguments import integer
from qimg.images import to_write
from qimg.restoration.training import Recipe, fit
from qimg.restoration.training.run import Record


def main(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: str,
    held_out: tuple[str, ...],
    priors: tuple[str, ...] = (),
    device: str = "cpu",
    threads: int = 1,
    workers: int = 1,
    minutes: float | None = None,
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Train a network on pictures; run it again after an interruption and it goes on where it was.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write; while the training runs, FILE.checkpoint keeps its state; FILE.log keeps what it said.
        held_out: Further pictures, on which gains are reported and standard deviations calibrated.
        priors: Files of priors with a mixture patch8, for the regulariser; each picture needs one not fitted on it.
        device: As PyTorch names it: cpu, cuda, mps.
        threads: Of PyTorch on the CPU. One gives the same bits again.
        workers: Processes that draw crops before the training begins.
        minutes: End the training sooner than its steps do, the learning rate falling accordingly.
        recipe: What to train.
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
        model = fit(
            sources,
            recipe,
            held_out=held_out,
            priors=[prior.load(file) for file in priors],
            device=device,
            workers=workers,
            checkpoint=checkpoint,
            minutes=minutes,
            root=Path(root) if root else None,
            report=report,
        )
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


if __name__ == "__main__":
    tyro.cli(main, prog="python -m qimg.restoration.training")
