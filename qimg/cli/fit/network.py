"""`qimg fit network`: a network that restores JPEG files, trained on pictures."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli.fit import carry_out

try:
    from qimg.learning.loop import Record
    from qimg.prior import load
    from qimg.restoration.jpeg.network import Learned
    from qimg.restoration.jpeg.training import Recipe, fit
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError("qimg fit network needs PyTorch: pip install 'qimg[learned]'", name="torch") from None


def network(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"])],
    held_out: tuple[str, ...],
    priors: tuple[str, ...] = (),
    device: str = "cpu",
    threads: int = 1,
    workers: int = 1,
    minutes: float | None = None,
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Train a network on pictures; after an interruption the same command goes on from the checkpoint.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.network. While the training runs, FILE.checkpoint keeps its state; FILE.log keeps
            the lines that report on it.
        held_out: Further pictures, on which gains are reported and standard deviations calibrated.
        priors: Files of priors with a mixture patch8, for the regulariser; each picture needs one not fitted on it.
        device: As PyTorch names it: cpu, cuda, mps.
        threads: Of PyTorch on the CPU. One gives the same bits again.
        workers: Processes that draw crops before the training begins.
        minutes: End the training sooner than its steps do, the learning rate falling accordingly.
        recipe: What to train.
    """

    def report(record: Record) -> None:
        gains = ", ".join(f"{name} {gain:+.3f} dB" for name, gain in record.gain_db.items())
        line = f"step {record.step}, {record.seconds:.0f} s: error {record.loss:.4f}, {gains}"
        print(line, flush=True)
        with Path(f"{out}.log").open("a") as file:
            file.write(line + "\n")

    def trained(**files: Any) -> Learned:
        try:
            return fit(
                sources,
                recipe,
                held_out=held_out,
                priors=[load(file) for file in priors],
                device=device,
                threads=threads,
                workers=workers,
                minutes=minutes,
                report=report,
                **files,
            )
        # Of devices that PyTorch lacks; a build without CUDA asserts that it has it.
        except (RuntimeError, AssertionError) as error:
            raise ValueError(str(error)) from None

    carry_out(trained, out)


COMMAND = network
