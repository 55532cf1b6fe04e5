"""The training loop: steps of Adam on random crops, averaged weights, a log, and checkpoints."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from qimg.core import Array, integer, require
from qimg.core.fitting import Checkpoint
from qimg.core.schema import require_type
from qimg.learning.crops import Places, Sided
from qimg.learning.schedule import Schedule

N = TypeVar("N", bound=nn.Module)
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)

Loss = Callable[[N, C], tuple[Tensor, Tensor]]
"""Map from a network and crops to the loss that is minimised and the value that the log shows, such as the mean error
without regularisation. Random numbers come from PyTorch's global generator, whose state is part of a checkpoint."""


class Draws(Sided, Protocol[C_co]):
    """The pictures that crops are cut from."""

    @property
    def device(self) -> torch.device:
        """Device that holds them."""

    def to(self, device: torch.device) -> "Draws[C_co]":
        """The same on another device."""

    def crops(self, places: Tensor, side: int) -> C_co:
        """The crops of side × side blocks at places (B, 3): draw, row and column."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A line of the log."""

    step: int
    seconds: float
    """Training time so far, without evaluations."""
    loss: float
    """Mean over steps since the last line of the second value of the loss."""
    held_out: dict[str, float]
    """Figures of the averaged weights on held-out data, by name, such as mean gains in PSNR by quality."""


@dataclass(eq=False, kw_only=True)
class State(Generic[N]):
    """The state of a training between two steps."""

    network: N
    averaged: N
    optimizer: torch.optim.Adam
    generator: torch.Generator
    share: Tensor
    """() weight of the current parameters in their average, at the next step."""
    machine: str
    """Device that the steps run on."""
    step: int = 0
    seconds: float = 0.0
    log: list[Record] = field(default_factory=list)

    def to_checkpoint(self) -> dict[str, Any]:
        """The state for `Checkpoint.save`."""
        return {
            "network": _arrays(self.network.state_dict()),
            "averaged": _arrays(self.averaged.state_dict()),
            "optimizer": [_arrays(values) for values in self.optimizer.state_dict()["state"].values()],
            "generator": self.generator.get_state().numpy(),
            "noise": torch.get_rng_state().numpy(),
            "machine": self.machine,
            "step": self.step,
            "seconds": self.seconds,
            "log": [asdict(record) for record in self.log],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore the state of `to_checkpoint`."""
        self.network.load_state_dict(_tensors(saved["network"]))
        self.averaged.load_state_dict(_tensors(saved["averaged"]))
        moments = {number: _tensors(values) for number, values in enumerate(saved["optimizer"])}
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.generator.set_state(torch.from_numpy(saved["generator"]))
        torch.set_rng_state(torch.from_numpy(saved["noise"]))
        self.machine, self.step, self.seconds = saved["machine"], saved["step"], saved["seconds"]
        self.log = [Record(**record) for record in saved["log"]]
        for name, hint in {"machine": str, "step": int, "seconds": float, "log": list[Record]}.items():
            require_type(name, getattr(self, name), hint)


def _arrays(tensors: dict[str, Tensor]) -> dict[str, Array]:
    return {name: value.cpu().numpy() for name, value in tensors.items()}


def _tensors(arrays: dict[str, Array]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def begin(schedule: Schedule, device: torch.device, build: Callable[[], N]) -> State[N]:
    """The state before the first step; the initial weights depend on the seed alone, not on the device."""
    torch.manual_seed(schedule.seed)
    network = build().to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    rate = torch.tensor(schedule.rate, device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), capturable=device.type == "cuda")
    return State(
        network=network,
        averaged=deepcopy(network).eval(),
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
    checkpoint: Checkpoint,
    every: int = 1000,
    minutes: float | None = None,
    report: Callable[[Record], None] = lambda record: None,
    prepare: Callable[[N, float], None] | None = None,
) -> State[N]:
    """Train a network.

    On a CPU the result is bit-identical for the same machine and number of threads; a GPU sums in no fixed order.

    Args:
        schedule: the steps.
        draws: pictures to train on.
        held_out: figures of a network on other data, by name.
        build: makes a network.
        loss: the loss that is minimised.
        device: device to train on.
        checkpoint: stores the state; an interrupted training resumes from it. The caller removes it at the end.
        every: steps between lines of the log and checkpoints.
        minutes: time limit of the training; the learning rate is then scheduled by time if that ends sooner.
        report: called with each line of the log, after the checkpoint.
        prepare: called before each step with the network and the completed share of the training, to change what is not
            a parameter, such as the rounding of layers; before an evaluation also with the averaged network.

    Raises:
        ArtifactError: the checkpoint belongs to another training or is damaged.
    """
    integer("every", every, 1)
    require(minutes is None or minutes > 0, "minutes", "must be positive", minutes)
    draws = draws.to(device)
    state = begin(schedule, device, build)
    checkpoint.load(state.restore)
    # A graph repeats the step that was captured, whatever `prepare` changes.
    work = (_captured if device.type == "cuda" and prepare is None else _eager)(state, schedule, draws, loss)
    total = torch.zeros((), device=device)
    places = Places(draws, schedule.crop)
    start = time.perf_counter() - state.seconds  # excludes the time of evaluations
    while (share := _done(schedule, state.step, time.perf_counter() - start, minutes)) < 1:
        state.optimizer.param_groups[0]["lr"].fill_(schedule.learning_rate(state.step, share))
        # Early in the training the average is over the last tenth of the steps.
        state.share.fill_(max(1 - schedule.averaging, 10 / (state.step + 10)))
        if prepare is not None:
            prepare(state.network, share)
            prepare(state.averaged, share)
        total += work(places.draw(schedule.batch, state.generator))
        state.step += 1
        if state.step % every == 0:
            _log_and_save(state, total, start, held_out, checkpoint, report)
            start = time.perf_counter() - state.seconds
    if not state.log or state.log[-1].step != state.step:
        _log_and_save(state, total, start, held_out, checkpoint, report)
    return state


def _done(schedule: Schedule, step: int, seconds: float, minutes: float | None) -> float:
    """Completed share of the training."""
    steps = step / schedule.steps
    return steps if minutes is None else max(steps, seconds / (60 * minutes))


def _log_and_save(
    state: State[N],
    total: Tensor,
    start: float,
    held_out: Callable[[N], dict[str, float]],
    checkpoint: Checkpoint,
    report: Callable[[Record], None],
) -> None:
    """Append a line to the log, save a checkpoint, and reset the sum of errors."""
    steps = state.step - (state.log[-1].step if state.log else 0)
    mean = float(total) / max(steps, 1)  # waits for the device
    state.seconds = time.perf_counter() - start
    total.zero_()
    state.log.append(Record(step=state.step, seconds=state.seconds, loss=mean, held_out=held_out(state.averaged)))
    checkpoint.save(state.to_checkpoint())
    report(state.log[-1])


def _step(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C], places: Tensor) -> Tensor:
    value, distance = loss(state.network, draws.crops(places, schedule.crop))
    state.optimizer.zero_grad(set_to_none=False)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    with torch.no_grad():
        averaged: list[Tensor] = list(state.averaged.parameters())
        weights: list[Tensor] = list(state.network.parameters())
        torch._foreach_mul_(averaged, 1 - state.share)
        torch._foreach_add_(averaged, list(torch._foreach_mul(weights, state.share)))
    return distance


def _eager(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C]) -> Callable[[Tensor], Tensor]:
    return lambda places: _step(state, schedule, draws, loss, places.to(draws.device))


def _captured(state: State[N], schedule: Schedule, draws: Draws[C], loss: Loss[N, C]) -> Callable[[Tensor], Tensor]:
    """A step as one CUDA graph, which launches its hundreds of small kernels at once."""
    device = draws.device
    buffer = Places(draws, schedule.crop).draw(schedule.batch, torch.Generator().manual_seed(0)).to(device)
    networks = (state.network, state.averaged)
    weights = [deepcopy(network.state_dict()) for network in networks]
    optimizer = deepcopy(state.optimizer.state_dict())["state"]  # the state dict itself changes while warming up
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            _step(state, schedule, draws, loss, buffer)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        distance = _step(state, schedule, draws, loss, buffer)
    for network, values in zip(networks, weights, strict=True):
        network.load_state_dict(values)  # in place: the graph holds these tensors
    with torch.no_grad():
        for index, moments in enumerate(state.optimizer.state.values()):
            for name, moment in moments.items():
                moment.copy_(optimizer[index][name]) if optimizer else moment.zero_()

    def work(places: Tensor) -> Tensor:
        buffer.copy_(places)
        graph.replay()
        return distance

    return work
