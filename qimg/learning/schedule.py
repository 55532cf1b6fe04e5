"""Parameters of the steps of a training."""

from dataclasses import dataclass

import numpy as np

from qimg.core import integer, require
from qimg.core.fitting import Recipe


@dataclass(frozen=True, kw_only=True)
class Schedule(Recipe):
    """Parameters of the steps of a training."""

    crop: int = 8
    """Blocks on a side of a crop."""
    batch: int = 32
    """Crops of a step."""
    steps: int = 20_000
    """Steps of Adam."""
    rate: float = 2e-3
    """Highest learning rate, reached after `warmup` steps; it then decays to zero as a cosine."""
    warmup: int = 200
    averaging: float = 0.999
    """Decay of the exponential average of the weights, which is the result of the training."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("crop", "batch", "steps"):
            integer(name, getattr(self, name), 1)
        for name in ("warmup", "seed"):
            integer(name, getattr(self, name), 0)
        require(0 <= self.averaging < 1, "averaging", "must be in [0, 1)", self.averaging)
        require(self.rate > 0, "rate", "must be positive", self.rate)

    def learning_rate(self, step: int, done: float) -> float:
        """The learning rate of a step: linear warm-up times a cosine of the completed share of the training."""
        return self.rate * (min(1.0, (step + 1) / max(self.warmup, 1)) * 0.5 * (1 + float(np.cos(np.pi * done))))
