"""The training of networks that restore planes: the loss."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from qimg.core.fitting import Checkpoint
from qimg.learning.loop import Record, State, learn
from qimg.restoration.jpeg.network.architecture import Network, table_scales
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
    checkpoint: Checkpoint | None = None,
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
        checkpoint: keeps the state, and an interrupted training goes on from it.
        every: steps between lines of the log and checkpoints.
        minutes: shortens the training to what fits: the learning rate follows time where that ends sooner.
        report: called with each line of the log, after the checkpoint.

    Raises:
        ArtifactError: the checkpoint is of another training, or damaged.
    """
    return learn(
        recipe,
        pool,
        held_out,
        build=lambda: Network(recipe.architecture),
        loss=_Loss(recipe, regulariser),
        device=device,
        checkpoint=checkpoint or Checkpoint(None, recipe=recipe),
        every=every,
        minutes=minutes,
        report=report,
    )


class _Loss:
    """Root mean square errors of crops relative to the table scale, and how unlikely the output is under the prior.

    PSNR averages the logarithm of each picture's error. Roots of the mean squares of crops lie between their sum, which
    busy crops dominate, and their logarithm, which smooth ones dominate.
    """

    def __init__(self, recipe: Recipe, regulariser: Regulariser | None) -> None:
        self.recipe, self.regulariser = recipe, regulariser

    def __call__(self, network: nn.Module, crops: Crops) -> tuple[Tensor, Tensor]:
        """What is minimised, and the mean error alone."""
        mean, _ = network(crops.decoded, crops.tables, crops.estimate)
        error = (mean - crops.truth) / table_scales(crops.tables)
        loss = distance = (error.square().mean(dim=(1, 2, 3)) + _LEAST).sqrt().mean()
        if self.regulariser is not None:
            loss = loss + self.recipe.strength * self.regulariser(mean, crops.pictures)
        return loss, distance.detach()
