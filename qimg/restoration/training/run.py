"""The training: steps of Adam on random crops, averaged weights, a log, and a checkpoint to go on from."""

import io
import pickle
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qimg.arguments import integer, require
from qimg.images import write_atomically
from qimg.restoration.network.architecture import Network, units
from qimg.restoration.training.pool import Crops, Places, Pool
from qimg.restoration.training.recipe import Recipe
from qimg.restoration.training.regulariser import Regulariser

_SPREAD = 0.1
_LEAST = 0.01


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
class State:
    """What a training is made of, from step to step."""

    network: Network
    averaged: Network
    optimizer: torch.optim.Adam
    generator: torch.Generator
    share: Tensor
    """() of the weights in their average, at the next step."""
    machine: str
    """What the steps were made by."""
    step: int = 0
    seconds: float = 0.0
    log: list[Record] = field(default_factory=list)

    def save(self, path: Path, recipe: Recipe) -> None:
        """Write a checkpoint, all of it or nothing."""
        buffer = io.BytesIO()
        content = {
            "recipe": asdict(recipe),
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

    def restore(self, path: Path, recipe: Recipe, device: torch.device) -> None:
        """Go on from a checkpoint.

        Raises:
            ValueError: it is of another recipe, or damaged.
        """
        try:
            content = torch.load(path, map_location=device, weights_only=True)
        except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(f"{path}: is no checkpoint, or damaged; remove it ({reason})") from None
        if _plain(content["recipe"]) != _plain(asdict(recipe)):
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


def begin(recipe: Recipe, device: torch.device) -> State:
    """The state before the first step: weights follow from the seed, on every device."""
    torch.manual_seed(recipe.seed)
    network = Network(recipe.architecture)
    network.low_precision = True
    averaged = Network(recipe.architecture)
    averaged.load_state_dict(network.state_dict())
    for one in (network, averaged):
        one.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    rate = torch.tensor(recipe.rate, device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=(0.9, 0.99), capturable=device.type == "cuda")
    return State(
        network=network,
        averaged=averaged,
        optimizer=optimizer,
        generator=torch.Generator().manual_seed(recipe.seed),
        share=torch.ones((), device=device),
        machine=_machine(device),
    )


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} thread(s)"


def train(
    recipe: Recipe,
    pool: Pool,
    held_out: Callable[[Network], dict[str, float]],
    *,
    device: torch.device,
    regulariser: Regulariser | None = None,
    checkpoint: Path | None = None,
    every: int = 1000,
    minutes: float | None = None,
    report: Callable[[Record], None] = lambda record: None,
) -> State:
    """Train a network.

    The same bits on the same machine and number of threads on a CPU; a GPU sums in no fixed order.

    Args:
        recipe: what to train, and how.
        pool: draws of the pictures.
        held_out: gains of a network on other pictures, by quality.
        device: where.
        regulariser: for its use.
        checkpoint: file that keeps the state, and from which an interrupted training goes on.
        every: steps between lines of the log and checkpoints.
        minutes: shortens the training to what fits: the learning rate follows time where that ends sooner.
        report: called with each line of the log, after the checkpoint.

    Raises:
        ValueError: the checkpoint is of another recipe, or damaged.
    """
    integer("every", every, 1)
    require(minutes is None or minutes > 0, "minutes", "must be positive", minutes)
    pool = pool.to(device)
    state = begin(recipe, device)
    if checkpoint is not None and checkpoint.exists():
        state.restore(checkpoint, recipe, device)
    loss = _Loss(recipe, regulariser)
    work = _captured(state, recipe, pool, loss) if device.type == "cuda" else _plainly(state, recipe, pool, loss)
    total = torch.zeros((), device=device)
    places = Places(pool, recipe.crop)
    start = time.perf_counter() - state.seconds  # later by what evaluations take
    while (share := _done(recipe, state.step, time.perf_counter() - start, minutes)) < 1:
        state.optimizer.param_groups[0]["lr"].fill_(recipe.rate * _rate(share, state.step, recipe))
        # An average over the last tenth of a young training's steps.
        state.share.fill_(max(1 - recipe.averaging, 10 / (state.step + 10)))
        total += work(places.draw(recipe.batch, state.generator))
        state.step += 1
        if state.step % every == 0:
            _note(state, recipe, total, start, held_out, checkpoint, report)
            start = time.perf_counter() - state.seconds
    if not state.log or state.log[-1].step != state.step:
        _note(state, recipe, total, start, held_out, checkpoint, report)
    return state


def _done(recipe: Recipe, step: int, seconds: float, minutes: float | None) -> float:
    """Share of the training that is done."""
    steps = step / recipe.steps
    return steps if minutes is None else max(steps, seconds / (60 * minutes))


def _rate(share: float, step: int, recipe: Recipe) -> float:
    return min(1.0, (step + 1) / max(recipe.warmup, 1)) * 0.5 * (1 + float(np.cos(np.pi * share)))


def _note(
    state: State,
    recipe: Recipe,
    total: Tensor,
    start: float,
    held_out: Callable[[Network], dict[str, float]],
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
        state.save(checkpoint, recipe)
    report(state.log[-1])


class _Loss:
    """Root mean square errors of crops in units, likelihood of the spread, and what the prior says of the output.

    PSNR is averaged over pictures, and so looks at the logarithm of each one's error: roots of the mean squares of
    crops lie between their sum, which busy crops rule, and their logarithm, which smooth ones do.
    """

    def __init__(self, recipe: Recipe, regulariser: Regulariser | None) -> None:
        self.recipe, self.regulariser = recipe, regulariser

    def __call__(self, network: nn.Module, crops: Crops) -> tuple[Tensor, Tensor]:
        """What is minimised, and the mean error alone."""
        mean, spread = network(crops.decoded, crops.tables, crops.estimate)
        error = (mean - crops.truth) / units(crops.tables)
        squared = error.square()
        distance = (squared.mean(dim=(1, 2, 3)) + _LEAST).sqrt().mean()
        likelihood = 0.5 * (squared.detach() * torch.exp(-spread) + spread).mean()
        loss = distance + _SPREAD * likelihood
        if self.regulariser is not None:
            loss = loss + self.recipe.strength * self.regulariser(mean, crops.pictures)
        return loss, distance.detach()


def _step(state: State, recipe: Recipe, pool: Pool, loss: _Loss, places: Tensor) -> Tensor:
    value, distance = loss(state.network, pool.crops(places, recipe.crop))
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


def _plainly(state: State, recipe: Recipe, pool: Pool, loss: _Loss) -> Callable[[Tensor], Tensor]:
    return lambda places: _step(state, recipe, pool, loss, places.to(pool.truth.device))


def _captured(state: State, recipe: Recipe, pool: Pool, loss: _Loss) -> Callable[[Tensor], Tensor]:
    """A step as one CUDA graph: its hundreds of small kernels are launched at once."""
    device = pool.truth.device
    held = Places(pool, recipe.crop).draw(recipe.batch, torch.Generator().manual_seed(0)).to(device)
    kept = {name: value.clone() for name, value in state.network.state_dict().items()}
    averaged = {name: value.clone() for name, value in state.averaged.state_dict().items()}
    optimizer = deepcopy(state.optimizer.state_dict())  # which is the state itself, that warming up changes
    fresh = not optimizer["state"]
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            _step(state, recipe, pool, loss, held)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        distance = _step(state, recipe, pool, loss, held)
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
