"""Training of networks that restore planes, and its loss."""

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

    On a CPU the result is bit-identical for the same machine and number of threads; a GPU sums in no fixed order.

    Args:
        recipe: parameters of the training.
        pool: draws of the pictures.
        held_out: gains of a network on other pictures, by quality.
        device: device to train on.
        regulariser: the regulariser, if the recipe uses it.
        checkpoint: stores the state; an interrupted training resumes from it.
        every: steps between lines of the log and checkpoints.
        minutes: time limit of the training; the learning rate is then scheduled by time if that ends sooner.
        report: called with each line of the log, after the checkpoint.

    Raises:
        ArtifactError: the checkpoint belongs to another training or is damaged.
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
    """Root mean square errors of crops relative to the table scale, plus the regulariser.

    PSNR averages the logarithm of each picture's error. The root of the mean square error is a compromise between the
    mean square, which detailed crops dominate, and its logarithm, which smooth crops dominate.
    """

    def __init__(self, recipe: Recipe, regulariser: Regulariser | None) -> None:
        self.recipe, self.regulariser = recipe, regulariser

    def __call__(self, network: nn.Module, crops: Crops) -> tuple[Tensor, Tensor]:
        """The loss that is minimised, and the mean error without regularisation."""
        mean, _ = network(crops.decoded, crops.tables, crops.estimate)
        error = (mean - crops.truth) / table_scales(crops.tables)
        loss = distance = (error.square().mean(dim=(1, 2, 3)) + _LEAST).sqrt().mean()
        if self.regulariser is not None:
            loss = loss + self.recipe.strength * self.regulariser(mean, crops.pictures)
        return loss, distance.detach()
