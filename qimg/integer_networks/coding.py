"""Coding of latents under a context model: integers to words of the range coder and back, the same on every machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from qimg.core import Array, require, require_shape
from qimg.core.records import short_repr
from qimg.entropy import range_coder
from qimg.entropy.distributions import bits_of
from qimg.integer_networks.contexts import (
    Coded,
    ContextDesign,
    Phase,
    companded,
    count_features,
    energies,
    gather,
    magnitudes_of,
    place_features,
    shifted,
)
from qimg.integer_networks.layers import IntegerNetwork


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ContextModel:
    """A context model in integers: its design, and a network for each phase of each band.

    Raises:
        ValueError: the networks do not fit the design.
    """

    design: ContextDesign
    networks: tuple[IntegerNetwork, ...]

    def __post_init__(self) -> None:
        steps = list(self.design.steps())
        require(len(self.networks) == len(steps), "networks", f"must be {len(steps)}", len(self.networks))
        for number, ((band, _, phase), network) in enumerate(zip(steps, self.networks, strict=True)):
            sizes = network.layers[0].weight.shape[1], len(network.layers[-1].weight)
            fitting = self.design.features(band, phase), len(self.design.fractions(band))
            require(sizes == fitting, f"networks[{number}]", f"must have {fitting} inputs and outputs", sizes)

    def multiply_accumulates(self) -> float:
        """Products of a position of the latents, on average over the phases."""
        total = 0.0
        for (_, _, phase), network in zip(self.design.steps(), self.networks, strict=True):
            total += network.multiply_accumulates * len(phase.lattices) / phase.period**2
        return total

    def arrays(self, prefix: str) -> dict[str, Array]:
        """The arrays of all networks by name, for a file."""
        parts = [network.arrays(f"{prefix}{number}.") for number, network in enumerate(self.networks)]
        return {name: array for part in parts for name, array in part.items()}

    @classmethod
    def of_arrays(cls, design: ContextDesign, arrays: Mapping[str, ArrayLike], prefix: str) -> "ContextModel":
        """The context model with arrays of `arrays`."""
        networks = []
        for number, (band, _, phase) in enumerate(design.steps()):
            layers = (len(design.hidden) if design.features(band, phase) else 0) + 1
            networks.append(IntegerNetwork.of_arrays(arrays, f"{prefix}{number}.", layers))
        return cls(design=design, networks=tuple(networks))


class Walk:
    """The groups of latents in the order of coding; each group's parameters depend on those before it.

    `groups` yields the place of a group, an index into (channels, H, W, n), with its parameters; the latents of the
    group must be set by `put` before the next one is asked for.
    """

    def __init__(
        self,
        model: ContextModel,
        shape: tuple[int, int, int],
        *,
        side: Array | None = None,
        conditions: Array | None = None,
        dtype: DTypeLike = np.float32,
        shared: bool = True,
    ) -> None:
        """Begin.

        Args:
            model: the context model.
            shape: H, W and n.
            side: (side, H, W, n) integers.
            conditions: (conditions, n) integers.
            dtype: precision of the products, which does not change the result.
            shared: in the order of the raster, compute parameters once for all pictures that have no feature but 0 and
                the position, which does not change the result.
        """
        design = model.design
        height, width, count = shape
        for name, array, needed in (
            ("side", side, (design.side, height, width, count)),
            ("conditions", conditions, (design.conditions, count)),
        ):
            require(array is not None or not needed[0], name, f"must be an array {needed}", array)
            require_shape(array is None or array.shape == needed, name, str(needed), np.asarray(array))
        self._model, self._margin, self._shared = model, max(design.reach, 1), shared
        margin = self._margin
        self.latents = np.zeros((design.channels, height, width, count), np.int32)
        padded = np.zeros((design.channels, height + 2 * margin, width + 2 * margin, count), dtype)
        self._counts = np.zeros((len(design.counted), count), np.int32)
        self._count_features = np.zeros((len(design.counted), 1, 1, count), dtype)
        self._coded = Coded(
            y=padded,
            magnitudes=np.zeros_like(padded),
            energy=np.zeros((design.channels, height, width, count), dtype),
            side=None if side is None else np.clip(side, -design.bound, design.bound).astype(dtype),
            conditions=None if conditions is None else np.asarray(conditions).astype(dtype),
            positions=place_features(design, height, width).astype(dtype),
            counts=np.broadcast_to(self._count_features, (len(design.counted), height, width, count)),
            join=np.concatenate,
            spread=np.broadcast_to,
        )

    def groups(self) -> Iterator[tuple[Any, Array]]:
        """Places, and parameters (symbols, outputs) int32 in the order of the place's elements."""
        design, (height, width) = self._model.design, self.latents.shape[1:3]
        last = -1
        for (band, _, phase), network in zip(design.steps(), self._model.networks, strict=True):
            if band != last and last >= 0 and design.lower_bands:
                self._finish(last)
            last = band
            channels = slice(design.starts[band], design.starts[band] + design.bands[band])
            for rows, columns in _slices(phase, height, width):
                features = np.ascontiguousarray(gather(design, self._coded, band, phase, rows, columns))
                shared = self._shared and phase.one_by_one
                parameters = self._of_distinct(network, features) if shared else network(features)
                shape = (design.bands[band], design.distribution.outputs, -1)
                ordered = parameters.reshape(shape).swapaxes(1, 2).reshape(-1, design.distribution.outputs)
                yield (channels, rows, columns), ordered.astype(np.int32)

    def _of_distinct(self, network: IntegerNetwork, features: Array) -> Array:
        """Outputs (outputs, 1, 1, n) for features (F, 1, 1, n).

        Pictures that have no feature but 0 and the position have the same outputs, which are computed once.
        """
        flat = features.reshape(features.shape[0], -1)
        end = len(flat) - self._model.design.counted_features
        start = end - self._model.design.position_features
        busy = np.logical_or(flat[:start].any(axis=0), flat[end:].any(axis=0))
        own, idle = np.flatnonzero(busy), np.flatnonzero(~busy)
        computed = np.concatenate([own, idle[:1]])
        place = np.full(flat.shape[1], len(own))
        place[own] = np.arange(len(own))
        return network(flat[:, computed])[:, place].reshape(-1, *features.shape[1:])

    def put(self, place: Any, symbols: Array) -> None:
        """Set the latents of a group, (symbols,) in the order of the place's elements."""
        channels, rows, columns = place
        values = symbols.reshape(self.latents[place].shape)
        self.latents[place] = values
        bound, margin = self._model.design.bound, self._margin
        inside = tuple(shifted(one, margin) for one in (rows, columns))
        clamped = np.clip(values, -bound, bound)
        self._coded.y[channels, inside[0], inside[1]] = clamped
        magnitudes = magnitudes_of(self._model.design, clamped)
        self._coded.magnitudes[channels, inside[0], inside[1]] = (
            companded(magnitudes) if self._model.design.companded else magnitudes
        )
        if self._model.design.counted:  # one position of all pictures; its successor is the next one asked for
            for number, level in enumerate(self._model.design.counted):
                self._counts[number] += values[0, 0, 0] == level
            self._count_features[:, 0, 0] = count_features(self._model.design, self._counts)

    def _finish(self, band: int) -> None:
        """Compute the energies of a band, which later bands use."""
        design, margin = self._model.design, self._margin
        channels = slice(design.starts[band], design.starts[band] + design.bands[band])
        inner = slice(margin - 1, -margin + 1 or None)
        total = energies(magnitudes_of(design, self._coded.y[channels, inner, inner]))
        total = companded(total) if design.companded else total
        self._coded.energy[channels] = np.minimum(total, design.bound)


def _slices(phase: Phase, height: int, width: int) -> Iterator[tuple[Any, Any]]:
    """Rows and columns of the positions that are coded together: slices, or the numbers of each position."""
    if phase.slope:
        for number in range(width + phase.slope * (height - 1)):
            rows = np.arange(max(-((width - 1 - number) // phase.slope), 0), min(number // phase.slope, height - 1) + 1)
            yield rows, number - phase.slope * rows
        return
    if phase.one_by_one:
        for row in range(height):
            for column in range(width):
                yield slice(row, row + 1, 1), slice(column, column + 1, 1)
        return
    for row, column in phase.lattices:
        if row < height and column < width:
            yield slice(row, height, phase.period), slice(column, width, phase.period)


def latent_intervals(model: ContextModel, latents: ArrayLike, **given: Any) -> tuple[Array, Array]:
    """Intervals of all latents, for `range_coder.Encoder.push_intervals`.

    Args:
        model: the context model.
        latents: (channels, H, W, n) integers.
        given: `side`, `conditions`, `dtype` and `shared` of `Walk`.
    """
    values = np.asarray(latents)
    require(values.dtype.kind in "iu", "latents", "must be integers", values.dtype.name)
    channels = model.design.channels
    require_shape(values.ndim == 4 and len(values) == channels, "latents", f"({channels}, H, W, n)", values)
    height, width, count = values.shape[1:]
    walk = Walk(model, (height, width, count), **given)
    parts = []
    for place, parameters in walk.groups():
        symbols = np.ascontiguousarray(values[place]).ravel()
        parts.append(model.design.distribution.intervals(symbols, parameters))
        walk.put(place, symbols)
    lefts, widths = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    return lefts, widths


def latent_bits(model: ContextModel, latents: ArrayLike, **given: Any) -> float:
    """The code length of latents in bits, the cross entropy of the model; arguments as for `latent_intervals`."""
    return bits_of(latent_intervals(model, latents, **given)[1])


def decode_latents(model: ContextModel, state: Array, words: Array, shape: tuple[int, int, int], **given: Any) -> Array:
    """Latents (channels, H, W, n) int32 of words; damaged words set `state[range_coder.INVALID]`.

    Args:
        model: the context model.
        state: of `range_coder.start`; modified, so that something else may follow.
        words: (m,) uint32.
        shape: H, W and n.
        given: `side`, `conditions`, `dtype` and `shared` of `Walk`.
    """
    walk = Walk(model, shape, **given)
    for place, parameters in walk.groups():
        walk.put(place, model.design.distribution.decode(state, words, parameters))
        if range_coder.is_broken(state, words):
            break
    return walk.latents
