"""`qimg fit network`: trains a network that restores JPEG files."""

from typing import Annotated, Any

import tyro

from qimg.cli import placeholders
from qimg.cli.fit import carry_out, device_errors, report_line

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
    sources: placeholders.Sources,
    /,
    *,
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    held_out: placeholders.Pictures,
    priors: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATH ...")] = (),
    device: Annotated[str, tyro.conf.arg(metavar="{cpu,cuda,mps}")] = "cpu",
    threads: int = 1,
    workers: int = 1,
    minutes: Annotated[float | None, tyro.conf.arg(metavar="MINUTES")] = None,
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Train a network on pictures; an interrupted training resumes when the same command is run again.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write, such as my.network. During the training FILE.checkpoint holds its state and FILE.log its
            progress reports.
        held_out: Further pictures for reported gains and the calibration of standard deviations.
        priors: Files of priors with a mixture patch8, for the regulariser; each picture needs a prior that was not
            fitted on it.
        device: PyTorch device: cpu, cuda, mps.
        threads: PyTorch threads on the CPU. With one thread, results are reproducible to the bit.
        workers: Processes that draw crops before the training begins.
        minutes: End the training after this time, if its steps take longer; the learning rate decays accordingly.
        recipe: Parameters of the training.
    """

    def report(record: Record) -> None:
        gains = ", ".join(f"{name} {gain:+.3f} dB" for name, gain in record.held_out.items())
        report_line(out, f"step {record.step}, {record.seconds:.0f} s: error {record.loss:.4f}, {gains}")

    def trained(**files: Any) -> Learned:
        with device_errors():
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

    carry_out(trained, out)


COMMAND = network
