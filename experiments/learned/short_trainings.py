"""Short trainings within an experiment, by the loop of all trainings."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from qimg.core.fitting import Checkpoint
from qimg.learning.schedule import Schedule

if TYPE_CHECKING:
    from torch import Tensor, nn

N = TypeVar("N", bound="nn.Module")
C = TypeVar("C")


def short_schedule(
    *, steps: int, batch: int, rate: float, seed: int, crop: int = 1, averaging: float = 0.99
) -> Schedule:
    """Parameters of the steps of a short training: a warm-up of a 25th of the steps, averages over few steps."""
    return Schedule(
        crop=crop, batch=batch, steps=steps, rate=rate, warmup=max(steps // 25, 1), averaging=averaging, seed=seed
    )


def trained_network(
    build: Callable[[], N],
    loss: Callable[[N, C], "Tensor"],
    draws: Any,
    schedule: Schedule,
    *,
    prepare: Callable[[N, float], None] | None = None,
) -> tuple[N, float]:
    """A network after its training, and the processor seconds of it.

    Args:
        build: makes the network.
        loss: of the network and crops.
        draws: `qimg.learning.loop.Draws`; crops are smaller where no picture holds one.
        schedule: of the training.
        prepare: as for `qimg.learning.loop.learn`.
    """
    import torch

    from qimg.learning.loop import learn

    def shown(network: N, crops: C) -> tuple["Tensor", "Tensor"]:
        value = loss(network, crops)
        return value, value.detach()

    largest = int(draws.sides.amin(dim=1).max())
    schedule = replace(schedule, crop=min(schedule.crop, largest))
    start = time.process_time()
    with torch.random.fork_rng(devices=[]):
        state = learn(
            schedule,
            draws,
            lambda network: {},
            build=build,
            loss=shown,
            device=torch.device("cpu"),
            checkpoint=Checkpoint(None, recipe=schedule),
            prepare=prepare,
        )
    return state.averaged.eval(), time.process_time() - start
