"""A training of a codec that learns the mean of numbers, to test the shared loop and the command."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from qimg import images
from qimg.codecs.training import CodecRecipe, Pictures, Task, require_no_evaluation_pictures
from qimg.core.artifacts import Artifact, Kind
from qimg.images.collections import pixel_digest
from qimg.learning.fixed_point import FixedPoint
from tests.learning.test_loop import Numbers


class Means(nn.Module):
    """A layer without inputs: its bias is the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = FixedPoint(0, 1, fractions=4, low=-4096, high=4095)

    def forward(self, values: Tensor) -> Tensor:
        result: Tensor = self.layer(torch.zeros(0, len(values)))[0]
        return result


class ToyModel(Artifact):
    """The file of a mean."""

    KIND: ClassVar = Kind(tag="network", ending=".toy")


def _loss(network: Means, crops: Tensor) -> tuple[Tensor, Tensor]:
    error = (network(crops) - crops).square().mean()
    return error, error.detach()


def _assemble(network: Means, provenance: Mapping[str, Any]) -> ToyModel:
    return ToyModel.packed({"provenance": dict(provenance)}, network.layer.export().arrays("mean."))


class ToyTraining:
    """Learns the mean luma of pictures, in units of the whole range."""

    recipe = CodecRecipe(crop=1, batch=4, steps=60, rate=0.05, warmup=2, averaging=0.5)

    def task(
        self, sources: Iterable[Any], recipe: CodecRecipe, *, held_out: Iterable[Any], root: Any = None
    ) -> Task[Any, Any, Any]:
        (means, pictures), (others, apart) = (_read(some, root) for some in (sources, held_out))
        require_no_evaluation_pictures(pictures.digests, pictures.names)
        return Task(
            recipe=recipe,
            draws=Numbers(torch.tensor(means)),
            pictures=pictures,
            held_out=apart,
            figures=lambda network: {"mean": float(network(torch.zeros(1)).detach()), "true": float(np.mean(others))},
            build=Means,
            loss=_loss,
            assemble=_assemble,
        )


def _read(sources: Iterable[Any], root: Any) -> tuple[list[float], Pictures]:
    read = [(source.name, source.read()[0]) for source in images.gather(sources, root=root)]
    digests = {pixel_digest(pixels): name for name, pixels in read}
    return [float(pixels.mean() / 255) for _, pixels in read], Pictures(names=list(digests.values()), digests=digests)


TRAINING = ToyTraining()
