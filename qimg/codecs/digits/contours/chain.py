"""Code lengths of latents under a chain of integer networks, in compiled loops that update them change by change."""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.distributions import SCALE_FRACTION, SCALES, SMALLEST, CumulativeTables, Distribution, symbol_bits
from qimg.integer_networks.coding import ContextModel

_LIMIT = (1 << 15) - 1


class Chain(NamedTuple):
    """The networks of a chain of single latents with one hidden layer, as arrays of integers."""

    first: Array
    """(channels, 2, channels, width) int32: weights of a latent and of its magnitude in the networks of others."""
    rate: Array
    """(channels, width) int32: weights of the rate."""
    bias: Array
    """(channels, width) int32, with half a unit for rounding."""
    shift: Array
    """(channels, width) int32."""
    second: Array
    """(channels, outputs, width) int32."""
    second_bias: Array
    """(channels, outputs) int32, with half a unit."""
    second_shift: Array
    """(channels, outputs) int32."""
    limits: Array
    """(4,) int32: least and largest hidden activation, least and largest output."""
    bound: int
    """Largest magnitude of a feature."""
    kind: int
    """`Distribution.number`."""
    size: int
    """`Distribution.size`."""
    linked: bool
    """Whether the distribution of a latent depends on others."""


def chain_of(contexts: ContextModel) -> Chain:
    """The networks of a context model whose bands are single latents, given those before and the rate."""
    design, networks = contexts.design, contexts.networks
    channels, outputs = design.channels, design.distribution.outputs
    width = len(networks[0].layers[0].weight)
    first = np.zeros((channels, 2, channels, width), np.int32)
    rate = np.zeros((channels, width), np.int32)
    for band, network in enumerate(networks):
        weight = network.layers[0].weight.astype(np.int32).T
        first[:band, 0, band], first[:band, 1, band], rate[band] = weight[:band], weight[band:-1], weight[-1]
    layers = [[network.layers[k] for network in networks] for k in (0, 1)]
    shifts = [np.stack([one.shift.astype(np.int32) for one in several]) for several in layers]
    biases = [
        (np.stack([one.bias for one in several]) + ((1 << shift) >> 1)).astype(np.int32)
        for several, shift in zip(layers, shifts, strict=True)
    ]
    return Chain(
        first=first,
        rate=rate,
        bias=biases[0],
        shift=shifts[0],
        second=np.stack([one.weight.astype(np.int32) for one in layers[1]]).reshape(channels, outputs, width),
        second_bias=biases[1],
        second_shift=shifts[1],
        limits=np.array([int(one) for several in layers for one in (several[0].low, several[0].high)], np.int32),
        bound=design.bound,
        kind=design.distribution.number,
        size=design.distribution.size,
        linked=True,
    )


def independent(means: Array) -> Chain:
    """Laplace distributions around zero of latents that do not depend on each other.

    Args:
        means: (channels,) mean magnitudes.
    """
    index = np.rint((1 << SCALE_FRACTION) * np.log2(np.maximum(means, SMALLEST) / SMALLEST))
    channels = len(means)
    none = np.zeros((channels, 1), np.int32)
    return Chain(
        first=np.zeros((channels, 2, channels, 1), np.int32),
        rate=none,
        bias=none,
        shift=none,
        second=np.zeros((channels, 2, 1), np.int32),
        second_bias=np.stack([np.zeros(channels), np.minimum(index, SCALES - 1)], axis=1).astype(np.int32),
        second_shift=np.zeros((channels, 2), np.int32),
        limits=np.array([0, 0, -_LIMIT, _LIMIT], np.int32),
        bound=1,
        kind=Distribution(kind="laplace").number,
        size=1,
        linked=False,
    )


@inner
def code_length(
    chain: Chain, tables: CumulativeTables, sums: Array, channel: int, code: int, hidden: Array, parameters: Array
) -> float:
    """Bits of a latent.

    Args:
        chain: the networks.
        tables: of the distributions.
        sums: (channels, width) int32 products of the first layers with the latents before and the rate.
        channel: of the latent.
        code: its value.
        hidden: (width,) int32, overwritten.
        parameters: (outputs,) int32, overwritten.
    """
    for h in range(hidden.size):
        value = (sums[channel, h] + chain.bias[channel, h]) >> chain.shift[channel, h]
        hidden[h] = min(max(value, chain.limits[0]), chain.limits[1])
    for output in range(parameters.size):
        total = chain.second_bias[channel, output]
        for h in range(hidden.size):
            total += chain.second[channel, output, h] * hidden[h]
        total >>= chain.second_shift[channel, output]
        parameters[output] = min(max(total, chain.limits[2]), chain.limits[3])
    return symbol_bits(chain.kind, chain.size, parameters, tables, code)


@inner
def begin(chain: Chain, rate: int, sums: Array) -> None:
    """Set `sums` to what they are before the first latent."""
    for channel in range(sums.shape[0]):
        for h in range(sums.shape[1]):
            sums[channel, h] = chain.rate[channel, h] * np.int32(rate)


@inner
def add_change(chain: Chain, sums: Array, channel: int, before: int, after: int) -> None:
    """Add to the sums of later networks what a change of a latent adds."""
    old, new = min(max(before, -chain.bound), chain.bound), min(max(after, -chain.bound), chain.bound)
    change, magnitude = np.int32(new - old), np.int32(abs(new) - abs(old))
    for later in range(channel + 1, sums.shape[0]):
        for h in range(sums.shape[1]):
            sums[later, h] += chain.first[channel, 0, later, h] * change
            sums[later, h] += chain.first[channel, 1, later, h] * magnitude
