"""The inputs of experiments that train small auto-encoders on digits, or on patches of pictures of their size."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Annotated

import numpy as np

from experiments._run import Count, Gathered, PictureParams, Seed, Track, each, positive, whole
from experiments.learned.short_trainings import short_schedule
from experiments.tensor_trains.binary_pictures import Collection, digits, luma_patches, mnist_inputs
from qimg.codecs.digits.latent_model import SIDE
from qimg.learning.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class DigitParams(PictureParams):
    """Inputs of the experiment."""

    digits: Annotated[int, whole(0)] = 0
    """Training digits of MNIST, from the set mnist in QIMG_DATA; 0 takes patches of the pictures."""
    tested: Count = 10_000
    """Most test pictures."""
    patches: Count = 400
    """Most training patches of a picture, and most test patches."""
    latents: Count = 32
    """Latents of a picture."""
    weights: Annotated[tuple[float, ...], each(positive)] = (5.0, 11.0, 26.0, 60.0)
    """Bits that a unit of squared error, in units of 256², is worth, ascending: the measured rates."""
    training: Count = 4000
    """Steps of the training of an auto-encoder."""
    batch: Count = 128
    rate: float = 2e-3
    """Highest learning rate."""
    seed: Seed = 0

    def inputs(self) -> Gathered:
        """The pictures, or the files of digits."""
        return Gathered(pictures=mnist_inputs(), skipped=()) if self.digits else self.gather()

    def schedule(self, steps: int | None = None) -> Schedule:
        """Parameters of a training of so many steps, by default `training`."""
        steps = self.training if steps is None else steps
        return short_schedule(steps=steps, batch=self.batch, rate=self.rate, seed=self.seed)

    def collections(self, track: Track) -> Iterator[Collection]:
        """The digits, or the patches of each picture."""
        for picture in track([None] if self.digits else list(self.gather().pictures)):
            if picture is None:
                yield digits(self.digits)
            else:
                yield luma_patches(picture, side=SIDE, count=self.patches, rng=np.random.default_rng(self.seed))


def share_of(weight: float, low: float, high: float) -> float:
    """The rate at which a unit of squared error is worth `weight` bits: 0 where it is worth `low`, 1 for `high`."""
    return log(weight / low) / log(high / low) if high > low else 0.0
