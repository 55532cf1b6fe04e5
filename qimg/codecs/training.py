"""Training of a learned codec to a model file: checks, steps of the shared loop, rounding, provenance."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from qimg.core import integer, require
from qimg.core.artifacts import Artifact
from qimg.core.fitting import Checkpoint, versions
from qimg.core.records import short_repr
from qimg.learning.schedule import Schedule

if TYPE_CHECKING:
    from torch import nn

    from qimg.learning.loop import Record

N = TypeVar("N", bound="nn.Module")
C = TypeVar("C")
A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True, kw_only=True)
class CodecRecipe(Schedule):
    """Parameters of the training of a codec."""

    rounded_from: float = 0.5
    """Share of the training from which weights and activations are rounded as in the model file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.rounded_from <= 1, "rounded_from", "must be in [0, 1]", self.rounded_from)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Pictures:
    """What a codec is trained or evaluated on, for its provenance."""

    names: Sequence[str]
    digests: Mapping[str, str]
    """SHA-256 of the pixels → name."""
    skipped: Sequence[Mapping[str, str]] = ()
    """Pictures that cannot be used, with the reason under `skipped`."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Task(Generic[N, C, A]):
    """A codec to be trained: a network with its loss, the data, and the file that is made of the result."""

    recipe: CodecRecipe
    draws: Any
    """What is learnt from: `qimg.learning.loop.Draws`."""
    pictures: Pictures
    """The pictures of `draws`."""
    held_out: Pictures
    """Other pictures, which `figures` evaluates."""
    figures: Callable[[N], dict[str, float]]
    """Figures of a network on the held-out pictures, by name; the network rounds its layers as at that time."""
    build: Callable[[], N]
    loss: Callable[[N, C], tuple[Any, Any]]
    """`qimg.learning.loop.Loss`."""
    assemble: Callable[[N, Mapping[str, Any]], A]
    """Makes the file of a network, whose layers round, and its provenance."""


def train(
    task: Task[N, C, A],
    *,
    device: str = "cpu",
    threads: int | None = None,
    minutes: float | None = None,
    every: int = 1000,
    out: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    report: Callable[["Record"], None] = lambda record: None,
) -> A:
    """Train a codec.

    On a CPU the result is bit-identical for the same machine and number of threads.

    Args:
        task: what is trained, and on what.
        device: PyTorch's name of the device: cpu, cuda, mps.
        threads: number of threads of PyTorch on the CPU, for the whole process from now on; unchanged when left out.
        minutes: time limit of the training; the learning rate is then scheduled by time if that ends sooner.
        every: steps between lines of the log and checkpoints.
        out: file that the model is written to.
        checkpoint: file that stores the state; an interrupted training resumes from it. Deleted at the end, after `out`
            was written.
        report: called with each line of the log.

    Raises:
        ValueError: a held-out picture is also learnt from, or the checkpoint belongs to another training.
    """
    import torch

    from qimg.learning.fixed_point import set_rounding
    from qimg.learning.loop import learn

    if threads is not None:
        torch.set_num_threads(integer("threads", threads, 1))
    for digest, name in task.held_out.digests.items():
        twin = task.pictures.digests.get(digest)
        require(twin is None, "held_out", f"must hold no picture of sources, such as {twin}", name)
    packages = versions(("qimg", "numpy", "torch"))
    digests = [dict(task.pictures.digests), dict(task.held_out.digests)]
    state_file = Checkpoint(checkpoint, recipe=task.recipe, inputs=digests, packages=packages)

    def prepare(network: N, share: float) -> None:
        set_rounding(network, share >= task.recipe.rounded_from)

    state = learn(
        task.recipe,
        task.draws,
        task.figures,
        build=task.build,
        loss=task.loss,
        device=torch.device(device),
        checkpoint=state_file,
        every=every,
        minutes=minutes,
        report=report,
        prepare=prepare,
    )
    network = state.averaged.to("cpu").eval()
    set_rounding(network, True)
    provenance = {
        "recipe": task.recipe.to_json(),
        "minutes": minutes,
        "machine": state.machine,
        "steps": state.step,
        "inputs": list(task.pictures.names),
        "held_out": list(task.held_out.names),
        "skipped": [*task.pictures.skipped, *task.held_out.skipped],
        "log": [asdict(record) for record in state.log],
        "versions": packages,
    }
    model = task.assemble(network, provenance)
    state_file.finish(model, out)
    return model


def require_no_evaluation_pictures(digests: Iterable[str], names: Iterable[str], argument: str = "sources") -> None:
    """Raise ValueError if one of the pictures belongs to an evaluation set.

    Args:
        digests: SHA-256 of the pixels of each picture (`qimg.images.collections.pixel_digest`).
        names: name of each picture, for the message.
        argument: that the pictures belong to, for the message.

    Raises:
        ValueError: a picture is one of `evaluation_pictures.csv`, under whatever name.
    """
    known = _evaluation_pictures()
    for digest, name in zip(digests, names, strict=True):
        picture = known.get(digest[:_DIGITS])
        require(
            picture is None, argument, f"must hold no picture that codecs are evaluated on, such as {picture}", name
        )


_DIGITS = 16  # of a digest: 64 bits tell some hundred pictures apart


def _evaluation_pictures() -> dict[str, str]:
    """The first digits of the digest → set and name."""
    from importlib.resources import files

    lines = files("qimg.codecs").joinpath("evaluation_pictures.csv").read_text("utf-8").splitlines()
    return {digest: f"{group}/{name}" for group, name, digest in (line.split(",") for line in lines[1:])}
