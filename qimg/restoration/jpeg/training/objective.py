"""The training of networks that restore planes: what is minimised."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from qimg.learning.loop import Record, State, learn
from qimg.restoration.jpeg.network.architecture import Network, units
from qimg.restoration.jpeg.training.pool import Crops, Pool
from qimg.restoration.jpeg.training.recipe import Recipe
from qimg.restoration.jpeg.training.regulariser import Regulariser

_LEAST = 0.01


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
) -> State[Network]:
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
    return learn(
        recipe,
        pool,
        held_out,
        build=lambda: Network(recipe.architecture),
        loss=_Loss(recipe, regulariser),
        device=device,
        checkpoint=checkpoint,
        every=every,
        minutes=minutes,
        report=report,
    )


class _Loss:
    """Root mean square errors of crops in units, and what the prior says of the output.

    PSNR is averaged over pictures, and so looks at the logarithm of each one's error: roots of the mean squares of
    crops lie between their sum, which busy crops rule, and their logarithm, which smooth ones do.
    """

    def __init__(self, recipe: Recipe, regulariser: Regulariser | None) -> None:
        self.recipe, self.regulariser = recipe, regulariser

    def __call__(self, network: nn.Module, crops: Crops) -> tuple[Tensor, Tensor]:
        """What is minimised, and the mean error alone."""
        mean, _ = network(crops.decoded, crops.tables, crops.estimate)
        error = (mean - crops.truth) / units(crops.tables)
        loss = distance = (error.square().mean(dim=(1, 2, 3)) + _LEAST).sqrt().mean()
        if self.regulariser is not None:
            loss = loss + self.recipe.strength * self.regulariser(mean, crops.pictures)
        return loss, distance.detach()
