"""Refinement of codes against the fixed decoder: coordinate descent on bits + weight · squared error of each digit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qimg.codecs.digits.latent_model import LatentModel
from qimg.core import Array
from qimg.integer_networks.contexts import ContextDesign
from qimg.integer_networks.layers import IntegerLayer

_BATCH = 256
"""Digits that are refined together; results do not depend on it."""
_LEAST = 1e-6
"""Least improvement of the cost that changes a code."""


def refined(model: LatentModel, pixels: Array, codes: Array, rate: int, sweeps: int) -> Array:
    """Codes whose cost, bits + weight · squared error, no change of one code by ±1 reduces after enough sweeps.

    A sweep tries both changes of each code, in the order of coding, and keeps those that reduce the cost. Cost: 2 L
    evaluations of the decoder for each sweep over L latents.

    Args:
        model: transform and context model.
        pixels: (784, n) uint8.
        codes: (channels, n) int32, not modified.
        rate: number of the rate.
        sweeps: at most so many; 0 returns the codes.
    """
    result = codes.copy()
    if not sweeps:
        return result
    chain = _Chain.of(model)
    for start in range(0, codes.shape[1], _BATCH):
        active = np.arange(start, min(start + _BATCH, codes.shape[1]))
        for _ in range(sweeps):
            improved = _swept(model, chain, pixels[:, active].astype(np.float32), result[:, active], rate)
            changed = (improved != result[:, active]).any(axis=0)
            result[:, active] = improved
            active = active[changed]
            if not len(active):
                break
    return result


def _swept(model: LatentModel, chain: "_Chain", pixels: Array, codes: Array, rate: int) -> Array:
    """The codes after one sweep."""
    state = _State.of(model, chain, pixels, codes, rate)
    for channel in range(model.channels):
        for change in (1, -1):
            state.attempt(channel, change)
    return state.codes


@dataclass(eq=False, kw_only=True)
class _State:
    """Codes of a batch, the products of the first layers for them, and their cost."""

    model: LatentModel
    chain: "_Chain"
    pixels: Array
    rate: int
    codes: Array
    """(channels, n)."""
    products: Array
    """(features, n) of the decoder's first layer."""
    context_products: Array
    """(channels, hidden, n) of the first layers of the context networks."""
    lengths: Array
    """(channels, n) bits."""
    errors: Array
    """(n,) squared errors."""

    @classmethod
    def of(cls, model: LatentModel, chain: "_Chain", pixels: Array, codes: Array, rate: int) -> "_State":
        first = model.decoder.layers[0].weight.astype(np.float32)
        products = first @ model.reconstructed(codes, rate).astype(np.float32)
        context_products = chain.products(codes, rate)
        state = cls(
            model=model,
            chain=chain,
            pixels=pixels,
            rate=rate,
            codes=codes.copy(),
            products=products,
            context_products=context_products,
            lengths=chain.lengths(context_products, codes, 0),
            errors=np.zeros(0),
        )
        state.errors = state.errors_of(products)
        return state

    def errors_of(self, products: Array) -> Array:
        """Squared errors (n,) of products of the decoder's first layer."""
        layers = self.model.decoder.layers
        values = layers[0].scaled(products.copy())
        for layer in layers[1:]:
            values = layer(values)
        difference = np.clip(values, 0, 255) - self.pixels
        return np.einsum("pn,pn->n", difference, difference).astype(float)

    def attempt(self, channel: int, change: int) -> None:
        """Change the codes of a channel where this reduces the cost."""
        model, chain = self.model, self.chain
        codes = self.codes.copy()
        codes[channel] += change
        row = slice(channel, channel + 1)
        before, after = (model.reconstructed(values[row], self.rate, row) for values in (self.codes, codes))
        weight = model.decoder.layers[0].weight[:, row].astype(np.float32)
        products = self.products + weight * (after - before).astype(np.float32)
        context_products = chain.moved(self.context_products, channel, self.codes[channel], codes[channel])
        lengths = chain.lengths(context_products, codes, channel)
        errors = self.errors_of(products)
        gain = self.lengths[channel:].sum(axis=0) - lengths.sum(axis=0)
        gain += model.weight(self.rate) * (self.errors - errors)
        better = gain > _LEAST
        self.codes[channel, better] = codes[channel, better]
        self.products[:, better] = products[:, better]
        self.context_products[:, :, better] = context_products[:, :, better]
        self.lengths[channel:, better] = lengths[:, better]
        self.errors[better] = errors[better]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Chain:
    """The networks of a chain of single latents as stacked arrays, which are evaluated together."""

    design: ContextDesign
    first: Array
    """(channels, hidden, 2 channels + conditions): weights of y, |y| and conditions."""
    second: Array
    """(channels, outputs, hidden)."""
    layers: tuple[tuple[IntegerLayer, IntegerLayer], ...]
    """For each channel both layers, with its outputs and those of all later channels: biases, shifts and limits."""

    @classmethod
    def of(cls, model: LatentModel) -> "_Chain":
        design, networks = model.contexts.design, model.contexts.networks
        channels = design.channels
        width = len(networks[0].layers[0].weight)
        first = np.zeros((channels, width, 2 * channels + design.conditions), np.float32)
        for band, network in enumerate(networks):
            features = [*range(band), *range(channels, channels + band), *range(2 * channels, first.shape[2])]
            first[band][:, features] = network.layers[0].weight
        second = np.stack([network.layers[1].weight for network in networks]).astype(np.float32)
        layers = []
        for start in range(channels):
            pairs = zip(*(network.layers for network in networks[start:]), strict=True)
            before, after = (_joined(several) for several in pairs)
            layers.append((before, after))
        return cls(design=design, first=first, second=second, layers=tuple(layers))

    def products(self, codes: Array, rate: int) -> Array:
        """Products (channels, hidden, n) of the first layers."""
        clamped = np.clip(codes, -self.design.bound, self.design.bound)
        conditions = np.full((1, codes.shape[1]), rate)
        return self.first @ np.concatenate([clamped, np.abs(clamped), conditions]).astype(np.float32)

    def moved(self, products: Array, channel: int, before: Array, after: Array) -> Array:
        """The products after a change of the codes of a channel."""
        bound = self.design.bound
        old, new = np.clip(before, -bound, bound), np.clip(after, -bound, bound)
        change, magnitude = (new - old).astype(np.float32), (np.abs(new) - np.abs(old)).astype(np.float32)
        result = products.copy()
        later = slice(channel + 1, None)
        result[later] += self.first[later, :, channel, None] * change
        result[later] += self.first[later, :, self.design.channels + channel, None] * magnitude
        return result

    def lengths(self, products: Array, codes: Array, start: int) -> Array:
        """Bits (channels − start, n) of the codes from the channel `start`."""
        count = products.shape[2]
        first, second = self.layers[start]
        hidden = first.scaled(products[start:].reshape(-1, count).copy()).reshape(-1, products.shape[1], count)
        parameters = self.second[start:] @ hidden
        outputs = parameters.shape[1]
        parameters = second.scaled(parameters.reshape(-1, count)).reshape(-1, outputs, count)
        table = parameters.swapaxes(1, 2).reshape(-1, outputs).astype(np.int32)
        return self.design.distribution.lengths(codes[start:].ravel(), table).reshape(-1, count)


def _joined(layers: Sequence[IntegerLayer]) -> IntegerLayer:
    """One layer with the outputs of several, for `IntegerLayer.scaled`; its weights are zero."""
    bias, shift = (np.concatenate([getattr(layer, name) for layer in layers]) for name in ("bias", "shift"))
    one = layers[0]
    weight = np.zeros((len(bias), 1), np.int8)
    return IntegerLayer(weight=weight, bias=bias, shift=shift, low=one.low, high=one.high, bound=one.bound)
