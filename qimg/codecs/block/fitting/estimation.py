"""Estimation of tables from sums over coded pictures: classes, expected bits, reconstruction points, filters."""

from collections.abc import Sequence

import numpy as np

from qimg.codecs.block.fitting.classes import Classes, upsampling_array
from qimg.codecs.block.fitting.statistics import Statistics
from qimg.codecs.block.model import contexts
from qimg.codecs.block.transform import smoothing
from qimg.core import Array
from qimg.entropy.mixing import INPUTS, logistic_tables
from qimg.operators import CorrelationOperator, conditional_expectation

State = tuple[Array, Array, Array]
"""Probabilities, counts and weights of the entropy model."""
_WEIGHT = 30.0  # weight of the previous round's scales, in blocks
_FEWEST = 40  # least number of blocks for the fit of a class
_BITS = 1024
FIRST_COUNT = 30
"""Largest initial count of a context, which limits the weight of the initial state in a picture."""


def improve(classes: list[Classes], sums: Statistics) -> None:
    """Fit every class on its blocks and their decoded rings.

    Second moments are shrunk towards those of all blocks of the size, scaled to equal energy, with a weight of m / 2
    blocks, or of 2 m blocks for the separable sizes.
    """
    for t, size in enumerate(classes):
        moments, blocks = sums.moments[t], sums.blocks[t]
        pooled = moments.sum(axis=0) / max(blocks.sum(), 1.0)
        for k in range(size.count):
            amplitudes = np.sqrt(2) * sums.amplitudes[t][:, k]
            size.sigma[:, k] = (amplitudes + _WEIGHT * size.sigma[:, k]) / (blocks[k] + _WEIGHT)
            if blocks[k] < _FEWEST:
                continue
            weight = size.ring * (0.5 if size.side <= 8 else 2.0)
            scaled = pooled * (np.trace(moments[k]) / blocks[k] / np.trace(pooled))
            size.fit(k, (moments[k] + weight * scaled) / (blocks[k] + weight))


def expectations(sums: Statistics) -> dict[str, Array]:
    """Expected magnitudes, reconstruction points, and expected bits for the search."""
    by_level = sums.magnitudes.sum(axis=(0, 1)) + 200 * _laplace(1.0 + np.zeros(64))
    expected = 256 * (by_level @ np.arange(by_level.shape[1])) / by_level.sum(axis=1)
    shift = (sums.shifts[0] + 0.05 * 50) / (sums.shifts[1] + 50)
    counts = sums.magnitudes.reshape(2, 12, 32, 2, -1).sum(axis=3)
    smooth = counts.copy()
    smooth[:, 1:] += 0.1 * counts[:, :-1]
    smooth[:, :-1] += 0.1 * counts[:, 1:]
    for nearby in range(12):
        smooth[:, nearby] += 20 * _laplace(2.0 ** ((nearby - 6) / 4) + np.zeros(64))[1::2]
    bits = -np.log2(np.maximum(smooth / smooth.sum(axis=-1, keepdims=True), 1e-6))
    bits[..., 1:] += 1  # the sign
    ends = sums.ends + np.array([2.5, 3.5])
    end_bits = -np.log2(ends / ends.sum(axis=-1, keepdims=True))
    return {
        "expected": np.maximum.accumulate(np.round(expected)).astype(np.int32),
        "points": np.clip(np.round(256 * shift), -40, 100).astype(np.int16),
        "magnitude bits": np.round(_BITS * bits).astype(np.int16),
        "end bits": np.round(_BITS * end_bits).astype(np.int16),
    }


def _laplace(factor: Array) -> Array:
    """(64, 16) probabilities of magnitudes of a Laplace distribution at each level, with a dead zone of ±0.62 steps."""
    scale = factor * 2.0 ** ((np.arange(64) - 40) / 8) / np.sqrt(2)
    sizes = np.arange(15)
    tail = np.exp(-(0.62 + sizes) / scale[:, None]) * -np.expm1(-1 / scale[:, None])
    return np.maximum(np.concatenate([1 - np.exp(-0.62 / scale[:, None]), tail], axis=1), 1e-6)


def filters(sums: Statistics) -> Array:
    """(3, classes, places, F) int16 weights of the conditional expectation of the error given the features.

    Each class and place is shrunk towards its class with a weight of 2000 samples, each class towards all with 300.
    """
    width = smoothing.FEATURES
    moments = sums.errors + np.swapaxes(np.tril(sums.errors, -1), -1, -2)
    out = np.zeros((*sums.samples.shape, width))
    for plane, (of_plane, counts) in enumerate(zip(moments, sums.samples, strict=True)):
        overall = of_plane.sum(axis=(0, 1)) / max(counts.sum(), 1.0)
        for k in range(smoothing.CLASSES):
            of_class = (of_plane[k].sum(axis=0) + 300 * overall) / (counts[k].sum() + 300)
            for place in range(smoothing.PLACES):
                joint = (of_plane[k, place] + 2000 * of_class) / (counts[k, place] + 2000)
                noise = 1e-4 + 0.003 * np.trace(joint[:width, :width]) / width
                operator = CorrelationOperator(matrix=joint, sum=np.zeros(width + 1), count=1, weights="energy")
                estimator = conditional_expectation(operator, observed=width, noise_variance=float(noise))
                out[plane, k, place] = estimator.weights[0]
    return np.clip(np.round(out * (1 << smoothing.WEIGHT_BITS)), -32767, 32767).astype(np.int16)


def first_state() -> State:
    """State of the entropy model before any picture."""
    return (
        np.full(contexts.SLOTS, 1 << 21, np.int32),
        np.zeros(contexts.SLOTS, np.uint8),
        np.full((contexts.MIXERS, INPUTS), 19660, np.int32),
    )


def pooled_state(states: Sequence[State]) -> State:
    """Combine states: the mean of probabilities weighted by the counts of their contexts, the plain mean of weights."""
    probabilities, counts, weights = (np.array(parts) for parts in zip(*states, strict=True))
    shares = counts + 0.5
    return (
        np.round((probabilities * shares).sum(axis=0) / shares.sum(axis=0)).astype(np.int32),
        np.asarray(counts.max(axis=0)),
        np.asarray(np.round(weights.mean(axis=0)), np.int32),
    )


def all_arrays(classes: list[Classes], expected: dict[str, Array], state: State, weights: Array) -> dict[str, Array]:
    """All arrays of the tables."""
    stretch, squash, rate = logistic_tables()
    arrays = {"upsampling": upsampling_array(), "stretch": stretch, "squash": squash, "rate": rate, "filters": weights}
    arrays["probability"] = np.clip(state[0] >> 7, 1, 32767).astype(np.int16)
    arrays["count"] = np.minimum(state[1], FIRST_COUNT).astype(np.int8)
    arrays["weights"] = state[2]
    for size in classes:
        arrays |= size.arrays()
    return arrays | expected
