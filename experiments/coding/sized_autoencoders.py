"""Auto-encoders whose number of latents is an input, embedded streams, and stages that code what those before left."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from experiments._run import Array
from experiments.coding.digit_autoencoders import (
    AutoEncoder,
    Sizes,
    columns,
    psnr_of,
    residual_errors,
    rounded,
    squared_errors,
    trained,
)
from qimg.entropy import range_coder
from qimg.integer_networks.coding import ContextModel, Walk, latent_intervals
from qimg.learning.quantizers import noisy, straight_through
from qimg.learning.schedule import Schedule


def masks(sizes: Tensor, latents: int) -> Tensor:
    """(latents, n) ones for the first latents of each picture, as many as its size in (n,) says."""
    return (torch.arange(latents)[:, None] < sizes[None]).float()


def sized(
    sizes: Sizes, digits: Array, *, literal: bool, embedded: bool, weight: float, schedule: Schedule
) -> tuple[AutoEncoder, float]:
    """A model that is given the number of latents, and the seconds of its training.

    Numbers of latents are drawn uniformly in their logarithm. The networks are given them as ones and zeros.

    Args:
        sizes: of the networks.
        digits: to train on.
        literal: whether the loss is divided by the number of latents; otherwise by the error of the KLT.
        embedded: whether the encoder is not given the number, so that one stream serves all.
        weight: bits that a unit of squared error is worth.
        schedule: of the training.
    """
    count = sizes.latents
    table = residual_errors(digits, range(1, count + 1))
    errors = torch.tensor([table[size] for size in range(1, count + 1)])
    norms = torch.arange(1, count + 1).float() if literal else errors / errors.mean()

    def loss(network: AutoEncoder, pixels: Tensor) -> Tensor:
        chosen = torch.exp(torch.rand(pixels.shape[1]) * np.log(count + 1)).floor().clamp(1, count)
        mask, rate = masks(chosen, count), torch.zeros(pixels.shape[1])
        y = network.latents(pixels, mask, rate)
        codes = straight_through(y)
        lengths = (network.lengths(noisy(y), codes, rate) * mask).sum(0)
        output = network.pixels(codes * mask, mask, rate)
        costs = lengths / weight + squared_errors(output, pixels)
        return (costs / norms[chosen.long() - 1]).mean() / 10

    def build() -> AutoEncoder:
        return AutoEncoder(
            sizes, weights=(weight, weight), conditions=count, encoder_conditions=0 if embedded else count
        )

    return trained(build, loss, digits, schedule)


@torch.no_grad()
def sized_results(network: AutoEncoder, digits: Array, sizes: Sequence[int]) -> list[tuple[int, float, float]]:
    """Number of latents, bytes of a picture, and PSNR."""
    pixels, results = columns(digits), []
    rate = torch.zeros(pixels.shape[1])
    for size in sizes:
        mask = masks(torch.full((pixels.shape[1],), size), network.sizes.latents)
        codes = rounded(network.latents(pixels, mask, rate)) * mask
        bits = float((network.lengths(codes, codes, rate) * mask).sum()) / pixels.shape[1]
        results.append((size, bits / 8, psnr_of(network.pixels(codes, mask, rate), pixels)))
    return results


@torch.no_grad()
def cut_streams(network: AutoEncoder, digits: Array) -> list[tuple[int, int, float]]:
    """Latents (mean, rounded down), bytes, and PSNR of single streams cut after each byte, by an embedded model.

    Args:
        network: an embedded model.
        digits: (n, height, width) uint8.
    """
    pixels, model = columns(digits), network.chain.export()
    count, latents = pixels.shape[1], network.sizes.latents
    rate = torch.zeros(count)
    codes = rounded(network.latents(pixels, torch.zeros(0, count), rate))
    streams = [stream_of(model, codes[:, k].numpy().astype(np.int32)) for k in range(count)]
    results = []
    for length in range(max(map(len, streams)) + 1):
        sizes = [certain_latents(model, stream[:length], len(stream) <= length) for stream in streams]
        mask = masks(torch.tensor(sizes), latents)
        psnr = psnr_of(network.pixels(codes * mask, mask, rate), pixels)
        results.append((int(np.mean(sizes)), length, psnr))
    return results


def stream_of(model: ContextModel, codes: Array) -> bytes:
    """The stream of the latents (latents,) of one picture, without the zero bytes at its end."""
    grid, conditions = codes[:, None, None, None], np.zeros((1, 1), np.int32)
    words = range_coder.encode_intervals(*latent_intervals(model, grid, conditions=conditions))
    return words.astype(">u4").tobytes().rstrip(b"\0")


def certain_latents(model: ContextModel, beginning: bytes, whole: bool = False) -> int:
    """How many latents the beginning of a stream determines, whatever bytes follow.

    Latents are decoded with zeros and with ones in place of the bytes that are missing; those before the first
    difference are certain, since the coder's intervals are nested.

    Args:
        model: of the chain of latents.
        beginning: of the stream of one picture.
        whole: whether nothing but zeros is missing.
    """
    if whole:
        return model.design.channels
    first, second = (_decoded(model, beginning, filler) for filler in (b"\0", b"\xff"))
    different = np.flatnonzero(first != second)
    return int(different[0]) if len(different) else len(first)


def _decoded(model: ContextModel, beginning: bytes, filler: bytes) -> Array:
    """Latents (latents,) of a stream that goes on with a filler."""
    whole = beginning + filler * (4 * 16 * model.design.channels - len(beginning))
    words = np.frombuffer(whole[: len(whole) // 4 * 4], ">u4").astype(np.uint32)
    state = range_coder.start(words)
    walk = Walk(model, (1, 1, 1), conditions=np.zeros((1, 1), np.int32))
    for place, parameters in walk.groups():
        walk.put(place, model.design.distribution.decode(state, words, parameters))
    return walk.latents[:, 0, 0, 0]


class Stages(nn.Module):
    """Auto-encoders one after the other; each codes the difference of the picture to the output of those before."""

    def __init__(self, sizes: Sizes, count: int, centre: Tensor, weight: float) -> None:
        """Create `count` auto-encoders with equal shares of the latents, and half of the hidden features each.

        Args:
            sizes: of a single auto-encoder instead of the stages.
            count: number of stages.
            centre: (pixels,) the output before the first stage.
            weight: bits that a unit of squared error is worth.
        """
        super().__init__()
        self.share = share = sizes.latents // count
        narrow = tuple(max(width // 2, 1) for width in sizes.encoder)
        part = Sizes(pixels=sizes.pixels, latents=share, encoder=(narrow[0], narrow[1]), decoder=(narrow[0], narrow[1]))
        self.parts = nn.ModuleList(AutoEncoder(part, weights=(weight, weight)) for _ in range(count))
        self.start = nn.Parameter(centre / 128)

    def outputs(self, pixels: Tensor, *, training: bool) -> list[tuple[Tensor, Tensor]]:
        """Code lengths (n,) and output (pixels, n) of each stage, those of the stages before included."""
        rate, none = torch.zeros(pixels.shape[1]), torch.zeros(0, pixels.shape[1])
        output = 128 * self.start[:, None] + torch.zeros_like(pixels)
        lengths, results = torch.zeros(pixels.shape[1]), []
        for part in self.parts:
            assert isinstance(part, AutoEncoder)
            y = part.latents(pixels - output.clamp(0, 255) + 128, none, rate)
            codes = straight_through(y)
            lengths = lengths + part.lengths(noisy(y) if training else codes, codes, rate).sum(0)
            output = output + part.pixels(codes, none, rate) - 128
            results.append((lengths, output))
        return results


def staged(sizes: Sizes, digits: Array, *, count: int, weight: float, schedule: Schedule) -> tuple[Stages, float]:
    """Stages that were trained together, and the seconds of their training; arguments as for `sized`."""
    share = sizes.latents // count
    errors = residual_errors(digits, [share * (number + 1) for number in range(count)])
    norms = np.array(list(errors.values()))
    norms /= norms.mean()

    def loss(network: Stages, pixels: Tensor) -> Tensor:
        results = network.outputs(pixels, training=True)
        costs = [
            ((lengths / weight + squared_errors(output, pixels)) / float(norm)).mean()
            for (lengths, output), norm in zip(results, norms, strict=True)
        ]
        return torch.stack(costs).mean() / 10

    centre = columns(digits).mean(1)
    return trained(lambda: Stages(sizes, count, centre, weight), loss, digits, schedule)


@torch.no_grad()
def staged_results(network: Stages, digits: Array) -> list[tuple[int, float, float]]:
    """Number of latents, bytes of a picture, and PSNR after each stage."""
    pixels = columns(digits)
    share = network.share
    results = network.outputs(pixels, training=False)
    return [
        (share * (number + 1), float(lengths.mean()) / 8, psnr_of(output, pixels))
        for number, (lengths, output) in enumerate(results)
    ]
