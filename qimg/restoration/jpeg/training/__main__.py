"""`python -m qimg.restoration.jpeg.training SOURCES… --held-out SOURCES… --out my.safetensors`: train a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

from qimg import prior
from qimg.learning.loop import Record
from qimg.restoration.jpeg.network import Learned
from qimg.restoration.jpeg.training import Recipe, fit
from qimg.restoration.jpeg.training.command import carry_out


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

    def fitted(checkpoint: Path, report: Callable[[Record], None], root: Path | None) -> Learned:
        return fit(
            sources,
            recipe,
            held_out=held_out,
            priors=[prior.load(file) for file in priors],
            device=device,
            workers=workers,
            checkpoint=checkpoint,
            minutes=minutes,
            root=root,
            report=report,
        )

    carry_out(fitted, out, threads=threads)


if __name__ == "__main__":
    tyro.cli(main, prog="python -m qimg.restoration.jpeg.training")
