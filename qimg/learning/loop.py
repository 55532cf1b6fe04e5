"""A training's loop: steps of Adam on random crops, averaged weights, a log, and a checkpoint to go on from."""

import io
import pickle
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from qimg.core.arguments import integer, require
from qimg.core.files import write_atomically
from qimg.learning.crops import Places, Sided
from qimg.learning.layers import Blocks
from qimg.learning.schedule import Schedule

N = TypeVar("N", bound=Blocks)
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)

Loss = Callable[[N, C], tuple[Tensor, Tensor]]
"""What is minimised, and the mean error alone, from a network and crops."""


class Draws(Sided, Protocol[C_co]):
    """What crops are cut from."""

    @property
    def device(self) -> torch.device:
        """Where they are kept."""

    def to(self, device: torch.device) -> "Draws[C_co]":
        """The same on another device."""

    def crops(self, places: Tensor, side: int) -> C_co:
        """The crops of side × side blocks at places (B, 3): draw, row and column."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A line of the log."""

    step: int
    seconds: float
    """Of training so far, without evaluations."""
    loss: float
    """Mean over crops of the root mean square error in units, since the last line."""
    gain_db: dict[str, float]
    """Mean gain in PSNR over the decoded file on held-out crops, by quality; of averaged weights."""


@dataclass(eq=False, kw_only=True)
class State(Generic[N]):
    """What a training is made of, from step to step."""

    network: N
    averaged: N
    optimizer: torch.optim.Adam
    generator: torch.Generator
    share: Tensor
    """() of the weights in their average, at the next step."""
    machine: str
    """What the steps were made by."""
    step: int = 0
    seconds: float = 0.0
    log: list[Record] = field(default_factory=list)

    def save(self, path: Path, schedule: Schedule) -> None:
        """Write a checkpoint, all of it or nothing."""
        buffer = io.BytesIO()
        content = {
            "recipe": asdict(schedule),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "machine": self.machine,
            "step": self.step,
            "seconds": self.seconds,
            "log": [asdict(record) for record in self.log],
        }
        torch.save(content, buffer)
        write_atomically(path, buffer.getvalue())

    def restore(self, path: Path, schedule: Schedule, device: torch.device) -> None:
        """Go on from a checkpoint.

        Raises:
            ValueError: it is of another recipe, or damaged.
        """
        try:
            content = torch.load(path, map_location=device, weights_only=True)
        except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path}: is no checkpoint, or damaged; remove it ({reason})") from None
        if _plain(content["recipe"]) != _plain(asdict(schedule)):
            raise ValueError(f"{path}: is the checkpoint of another recipe; remove it, or write elsewhere")
        self.network.load_state_dict(content["network"])
        self.averaged.load_state_dict(content["averaged"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.generator.set_state(content["generator"].cpu())
        self.machine = content["machine"]
        self.step, self.seconds = content["step"], content["seconds"]
        self.log = [Record(**record) for record in content["log"]]


def _plain(recipe: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in recipe.items()}


def begin(schedule: Schedule, device: torch.device, build: Callable[[], N]) -> State[N]:
    """The state before the first step: weights follow from the seed, on every device."""
    torch.manual_seed(schedule.seed)
    network = build()
    network.low_precision = True
    averaged = build()
    averaged.load_state_dict(network.state_dict())
    for one in (network, averaged):
        one.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    rate = torch.tensor(schedule.rate, device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), capturable=device.type == "cuda")
    return State(
        network=network,
        averaged=averaged,
        optimizer=optimizer,
        generator=torch.Generator().manual_seed(schedule.seed),
        share=torch.ones((), device=device),
        machine=_machine(device),
    )


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} thread(s)"


def learn(
    schedule: Schedule,
    draws: Draws[C],
    held_out: Callable[[N], dict[str, float]],
    *,
    build: Callable[[], N],
    loss: Loss[N, C],
    device: torch.device,
    checkpoint: Path | None = None,
    every: int = 1000,
    minutes: float | None = None,
    report: Callable[[Record], None] = lambda record: None,
) -> State[N]:
    """Train a network.

    The same bits on the same machine and number of threads on a CPU; a GPU sums in no fixed order.

    Args:
        schedule: the steps, in a record of all that a checkpoint must have in common with the training.
        draws: what it is trained on.
        held_out: gains of a network on other pictures, by quality.
        build: makes a network.
        loss: what is minimised.
        device: where.
        checkpoint: file that keeps the state, and from which an interrupted training goes on.
        every: steps between lines of the log and checkpoints.
        minutes: shortens the training to what fits: the learning rate follows time where that ends sooner.
        report: called with each line of the log, after the checkpoint.

    Raises:
        ValueError: the checkpoint is of another recipe, or damaged.
    """
    integer("every", every, 1)
    require(minutes is None or minutes > 0, "minutes", "must be positive", minutes)
    draws = draws.to(device)
    state = begin(schedule, device, build)
    if checkpoint is not None and checkpoint.exists():
        state.restore(checkpoint, schedule, device)
    work = _captured(state, schedule, draws, loss) if device.type == "cuda" else _plainly(state, schedule, draws, loss)
    total = torch.zeros((), device=device)
    places = Places(draws, schedule.crop)
    start = time.perf_counter() - state.seconds  # later by what evaluations take
    while (share := _done(schedule, state.step, time.perf_counter() - start, minutes)) < 1:
        state.optimizer.param_groups[0]["lr"].fill_(schedule.rate * _rate(share, state.step, schedule))
        # An average over the last tenth of a young training's steps.
        state.share.fill_(max(1 - schedule.averaging, 10 / (state.step + 10)))
        total += work(places.draw(schedule.batch, state.generator))
        state.step += 1
        if state.step % every == 0:
            _note(state, schedule, total, start, held_out, checkpoint, report)
            start = time.perf_counter() - state.seconds
    if not state.log or state.log[-1].step != state.step:
        _note(state, schedule, total, start, held_out, checkpoint, report)
    return state


def _done(schedule: Schedule, step: int, seconds: float, minutes: float | None) -> float:
    """Share of the training that is done."""
    steps = step / schedule.steps
    return steps if minutes is None else max(steps, seconds / (60 * minutes))


def _rate(share: float, step: int, schedule: Schedule) -> float:
    return min(1.0, (step + 1) / max(schedule.warmup, 1)) * 0.5 * (1 + float(np.cos(np.pi * share)))


def _note(
    state: State[N],
    schedule: Schedule,
    total: Tensor,
    start: float,
    held_out: Callable[[N], dict[str, float]],
    checkpoint: Path | None,
    report: Callable[[Record], None],
) -> None:
    """A line of the log and a checkpoint; the sum of errors since the last line begins anew."""
    steps = state.step - (state.log[-1].step if state.log else 0)
    mean = float(total) / max(steps, 1)  # waits for the device
    state.seconds = time.perf_counter() - start
    total.zero_()
    state.log.append(Record(step=state.step, seconds=state.seconds, loss=mean, gain_db=held_out(state.averaged)))
    if checkpoint is not None:
        state.save(checkpoint, schedule)
    report(state.log[-1])


def _step(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C], places: Tensor) -> Tensor:
    value, distance = loss(state.network, draws.crops(places, schedule.crop))
    state.optimizer.zero_grad(set_to_none=False)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    with torch.no_grad():
        mine: list[Tensor] = list(state.averaged.parameters())
        theirs: list[Tensor] = list(state.network.parameters())
        torch._foreach_mul_(mine, 1 - state.share)
        torch._foreach_add_(mine, list(torch._foreach_mul(theirs, state.share)))
    return distance


def _plainly(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C]) -> Callable[[Tensor], Tensor]:
    return lambda places: _step(state, schedule, draws, loss, places.to(draws.device))


def _captured(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C]) -> Callable[[Tensor], Tensor]:
    """A step as one CUDA graph: its hundreds of small kernels are launched at once."""
    device = draws.device
    held = Places(draws, schedule.crop).draw(schedule.batch, torch.Generator().manual_seed(0)).to(device)
    kept = {name: value.clone() for name, value in state.network.state_dict().items()}
    averaged = {name: value.clone() for name, value in state.averaged.state_dict().items()}
    optimizer = deepcopy(state.optimizer.state_dict())  # which is the state itself, that warming up changes
    fresh = not optimizer["state"]
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            _step(state, schedule, draws, loss, held)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        distance = _step(state, schedule, draws, loss, held)
    with torch.no_grad():  # in place: the graph knows these tensors
        for network, values in ((state.network, kept), (state.averaged, averaged)):
            for name, value in network.state_dict().items():
                value.copy_(values[name])
        for index, values in enumerate(state.optimizer.state.values()):
            for name, value in values.items():
                value.zero_() if fresh else value.copy_(optimizer["state"][index][name])

    def work(places: Tensor) -> Tensor:
        held.copy_(places)
        graph.replay()
        return distance

    return work
