"""Random places of crops in draws of different sizes."""

from typing import Protocol

import torch
from torch import Tensor

from qimg.core import require


class Sided(Protocol):
    """A collection of draws that crops are cut from."""

    @property
    def sides(self) -> Tensor:
        """(D, 2) rows and columns of blocks of each draw."""


class Places:
    """Random places of crops of side × side blocks, uniformly distributed."""

    def __init__(self, pool: Sided, side: int) -> None:
        self._room = (pool.sides.cpu() - side + 1).clamp(min=0)
        self._ends = self._room.prod(dim=1).cumsum(0)
        require(int(self._ends[-1]) > 0, "crop", "must fit into a draw", side)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, 3) draw, row and column of blocks, on the CPU."""
        chosen = torch.randint(int(self._ends[-1]), (count,), generator=generator)
        draw = torch.searchsorted(self._ends, chosen, right=True)
        room = self._room[draw]
        within = chosen - (self._ends[draw] - room.prod(dim=1))
        return torch.stack([draw, within // room[:, 1], within % room[:, 1]], dim=1)
