"""`qimg fit codec`: trains a learned codec on pictures."""

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from qimg.cli import placeholders
from qimg.cli.fit import carry_out, device_errors, report_line
from qimg.codecs.recipes import RECIPES, training
from qimg.codecs.training import train

if TYPE_CHECKING:
    from qimg.core.artifacts import Artifact
    from qimg.learning.loop import Record


def _require_pytorch() -> None:
    try:
        import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError("qimg fit codec needs PyTorch: pip install 'qimg[learned]'", name="torch") from None


def codec(
    sources: placeholders.Sources,
    /,
    *,
    recipe: Annotated[str, tyro.conf.arg(metavar=f"{{{','.join(RECIPES)}}}")],
    out: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="PATH")],
    held_out: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATHS")],
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    seed: Annotated[int | None, tyro.conf.arg(metavar="N")] = None,
    device: Annotated[str, tyro.conf.arg(metavar="{cpu,cuda,mps}")] = "cpu",
    threads: int = 1,
    minutes: Annotated[float | None, tyro.conf.arg(metavar="MINUTES")] = None,
    every: int = 1000,
) -> None:
    """Train a learned codec on pictures; an interrupted training resumes when the same command is run again.

    Pictures that codecs are evaluated on (Kodak, LIVE1, Classic5, the test digits of MNIST and others) are refused.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA; for digits IDX files.
        recipe: What is trained, and how. Or a training of yours, module:object.
        out: File to write, such as photographs.codec. During the training FILE.checkpoint holds its state and FILE.log
            its progress reports.
        held_out: Further pictures for the reported figures.
        steps: Steps of Adam; by default those of the recipe.
        seed: Seed of weights, crops and noise; by default that of the recipe.
        device: PyTorch device: cpu, cuda, mps.
        threads: PyTorch threads on the CPU. With one thread, results are reproducible to the bit.
        minutes: End the training after this time, if its steps take longer; the learning rate decays accordingly.
        every: Steps between progress reports.
    """
    _require_pytorch()

    def report(record: "Record") -> None:
        figures = ", ".join(f"{name} {figure:.4g}" for name, figure in record.held_out.items())
        report_line(out, f"step {record.step}, {record.seconds:.0f} s: loss {record.loss:.4f}, {figures}")

    def trained(root: Any, **files: Any) -> "Artifact":
        chosen = training(recipe)
        given = {name: value for name, value in (("steps", steps), ("seed", seed)) if value is not None}
        parameters = replace(chosen.recipe, **given)
        with device_errors():
            task = chosen.task(sources, parameters, held_out=held_out, root=root)
            return train(task, device=device, threads=threads, minutes=minutes, every=every, report=report, **files)

    carry_out(trained, out)


COMMAND = codec
