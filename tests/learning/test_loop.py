"""The training loop on a network of its own: it fits, resumes with the same bits, and asks nothing of the layers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from qimg.core.fitting import Checkpoint
from qimg.learning.crops import Places
from qimg.learning.layers import Blocks
from qimg.learning.loop import Record, State, learn
from qimg.learning.schedule import Schedule

CPU = torch.device("cpu")
SCHEDULE = Schedule(crop=1, batch=8, steps=40, rate=0.1, warmup=2, averaging=0.5)


@dataclass(frozen=True)
class Numbers:
    """Draws of one number each, of which a network learns the sum of two."""

    values: Tensor

    @property
    def sides(self) -> Tensor:
        return torch.ones(len(self.values), 2, dtype=torch.int64)

    @property
    def device(self) -> torch.device:
        return self.values.device

    def to(self, device: torch.device) -> "Numbers":
        return Numbers(self.values.to(device))

    def crops(self, places: Tensor, side: int) -> Tensor:
        return self.values[places[:, 0]]


DRAWS = Numbers(torch.linspace(-1, 1, 64).view(32, 2))


def loss(network: nn.Module, crops: Tensor) -> tuple[Tensor, Tensor]:
    noise = 0.01 * torch.randn(len(crops))  # the global generator's state is part of a checkpoint
    error = (network(crops)[:, 0] - crops.sum(dim=1) - noise).square().mean().sqrt()
    return error, error.detach()


def trained(
    path: Path | None = None,
    *,
    until: int | None = None,
    schedule: Schedule = SCHEDULE,
    prepare: Callable[[nn.Linear, float], None] | None = None,
) -> State[nn.Linear]:
    def report(record: Record) -> None:
        if record.step == until:
            raise KeyboardInterrupt

    return learn(
        schedule,
        DRAWS,
        lambda network: {"sum": float(network(torch.ones(1, 2)).detach())},
        build=lambda: nn.Linear(2, 1),
        loss=loss,
        device=CPU,
        checkpoint=Checkpoint(path, recipe=schedule),
        every=10,
        report=report,
        prepare=prepare,
    )


def test_any_network_is_fitted() -> None:
    state = trained()
    assert [record.step for record in state.log] == [10, 20, 30, 40]
    assert state.log[-1].loss < 0.5 * state.log[0].loss
    assert state.network.training
    assert not state.averaged.training


@pytest.mark.parametrize("until", [10, 20, 30])
def test_an_interrupted_training_ends_with_the_same_bits(until: int, tmp_path: Path) -> None:
    whole, path = trained(), tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        trained(path, until=until)
    resumed = trained(path)
    for name in ("network", "averaged"):
        first, second = (getattr(one, name).state_dict() for one in (whole, resumed))
        assert all(torch.equal(first[key], second[key]) for key in first)
    assert [(one.step, one.loss, one.held_out) for one in resumed.log] == [
        (one.step, one.loss, one.held_out) for one in whole.log
    ]


def test_a_training_that_diverges_keeps_its_state(tmp_path: Path) -> None:
    """Losses that are no numbers have no JSON form."""
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "state", until=20, schedule=Schedule(crop=1, steps=40, rate=1e38, warmup=0))
    Checkpoint(tmp_path / "state", recipe=Schedule(crop=1, steps=40, rate=1e38, warmup=0)).load()


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    schedule = Schedule(rate=2.0, warmup=4)
    assert [schedule.learning_rate(step, 0.0) for step in range(5)] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert schedule.learning_rate(100, 0.5) == pytest.approx(1.0)
    assert schedule.learning_rate(100, 1.0) == 0.0


def test_places_are_those_where_a_crop_fits() -> None:
    @dataclass
    class Sides:
        sides: Tensor

    places = Places(Sides(torch.tensor([[1, 9], [3, 4], [2, 2]])), 2).draw(2000, torch.Generator().manual_seed(0))
    counts = torch.unique(places, dim=0, return_counts=True)
    assert counts[0].tolist() == [[1, row, column] for row in range(2) for column in range(3)] + [[2, 0, 0]]
    assert (counts[1] - 2000 / 7).abs().max() < 5 * (2000 / 7) ** 0.5
    with pytest.raises(ValueError, match="crop must fit into a draw, but crop=9"):
        Places(Sides(torch.tensor([[1, 9]])), 9)


def test_blocks_round_in_training_alone() -> None:
    torch.manual_seed(0)
    blocks = Blocks(1, 3, width=4, dilations=[1], tile=2)
    planes, conditions = torch.randn(1, 1, 8, 8), torch.randn(1, 3)
    exact = blocks.eval().features(planes, conditions)
    assert torch.equal(blocks.features(planes, conditions), exact)
    rounded = blocks.train().features(planes, conditions)
    assert not torch.equal(rounded, exact)
    assert torch.allclose(rounded, exact, atol=0.05)  # 8 bits of bfloat16


def test_networks_are_prepared_for_each_step() -> None:
    shares: dict[int, list[float]] = {}
    state = trained(prepare=lambda network, share: shares.setdefault(id(network), []).append(share))
    steps = [step / SCHEDULE.steps for step in range(SCHEDULE.steps)]
    assert shares == {id(state.network): steps, id(state.averaged): steps}
