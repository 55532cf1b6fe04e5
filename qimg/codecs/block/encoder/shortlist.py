"""The classes of a block whose estimated cost for luma is least; the search judges no others.

The estimate reads the cost of a magnitude of each leading coefficient from a table, and takes the energy of the other
coefficients, which the ring hardly predicts, as spread evenly over them.
"""

import numpy as np

from qimg.codecs.block.encoder.analysis import Target
from qimg.codecs.block.encoder.class_matrices import add_products
from qimg.codecs.block.encoder.rate_distortion import Q_COSTS, Costs, Prices
from qimg.codecs.block.model.contexts import level_of
from qimg.codecs.block.model.strip import Strip
from qimg.core import Array
from qimg.core.compiled import inner

BINS = 64
"""Bins of magnitudes in the table, a quarter of a step wide."""
_WIDTH = 4
_SPREAD = np.float32(0.6)  # energy of the others, in units of λ · step², from which their cost grows slowly


def expected_costs(costs: Costs, points: Array, lagrange: float) -> Array:
    """(12, 32, BINS) float32 least distortion / step² + λ · bits of a luma coefficient by nearby, level / 2 and bin.

    Args:
        costs: expected bits.
        points: (64, 3) reconstruction points.
        lagrange: λ in units of the squared step.
    """
    size = (np.arange(BINS) + 0.5) / _WIDTH
    bits = lagrange * costs.magnitude[0].astype(float)
    least = size**2 + bits[:, :, :1]
    for magnitude in range(1, Q_COSTS):
        value = magnitude - points[::2, min(magnitude, 3) - 1, None] / 256
        least = np.minimum(least, (size - value) ** 2 + bits[:, :, magnitude, None])
    return least.astype(np.float32)


@inner
def shortlist(
    strip: Strip, target: Target, t: int, matched: int, nearby: int, prices: Prices, energy: np.float32
) -> int:
    """Write the classes of least estimated cost to `space.shortlist`, by increasing cost; returns their number.

    All classes are listed in their order if the settings or the weights of errors demand it.

    Args:
        strip: strip.
        target: input of the search; `space.block` is the block and its ring, and `space.products` has its coefficients
            from size 16.
        t: size index.
        matched: 1 if the block is predicted from its matches.
        nearby: activity of the neighbours.
        prices: costs of the integers.
        energy: of the block in the bases.
    """
    space = target.space
    classes = 1 << strip.settings.depths[t]
    limit = strip.settings.shortlist
    if limit >= classes or target.importance.blocks.shape[0] > 0:
        for label in range(classes):
            space.shortlist[label] = label
        return classes
    labels, estimates = space.shortlist, space.estimates
    _leading_coefficients(strip, target, t, energy)
    count = 0
    for label in range(classes):
        cost = prices.lagrange * space.side_bits[matched, label]
        cost += _estimated_cost(strip, target, t, label, nearby, prices)
        if count == limit and cost >= estimates[count - 1]:
            continue
        count = insert_class(labels, estimates, count, limit, label, cost)
    return count


@inner
def insert_class(labels: Array, costs: Array, count: int, limit: int, label: int, cost: np.float32) -> int:
    """Insert a class into `count` classes of increasing cost; of more than `limit`, the last is dropped.

    Returns:
        The new number of classes.
    """
    place = min(count, limit - 1)
    while place > 0 and costs[place - 1] > cost:
        labels[place], costs[place] = labels[place - 1], costs[place - 1]
        place -= 1
    labels[place], costs[place] = label, cost
    return min(count + 1, limit)


@inner(fastmath=True)
def _leading_coefficients(strip: Strip, target: Target, t: int, energy: np.float32) -> None:
    """Compute `space.leading`, and `space.rest` from the energy of the block in the bases."""
    space, matrices = target.space, target.costs.by_class
    n, classes, leading = 16 << (2 * t), 1 << strip.settings.depths[t], space.leading
    count = matrices.ring[t].shape[1] // classes
    if t < 2:
        for q in range(count * classes):
            leading[q] = 0
        add_products(matrices.block[t], space.block, 0, leading)
    else:
        for c in range(classes):
            order = strip.bases.order[t][c]
            for k in range(count):
                leading[k * classes + c] = space.products[order[k] * classes + c]
    for c in range(classes):
        space.rest[c] = energy
    for k in range(count):
        for c in range(classes):
            space.rest[c] -= leading[k * classes + c] * leading[k * classes + c]
    add_products(matrices.ring[t], space.block, n, leading)


@inner
def _estimated_cost(strip: Strip, target: Target, t: int, label: int, nearby: int, prices: Prices) -> np.float32:
    """Estimated distortion / step² + λ · bits of the coefficients of a class."""
    space, sigma, expected = target.space, strip.scales.log_sigma[t][0, label], target.expected[nearby]
    classes = 1 << strip.settings.depths[t]
    count = target.costs.by_class.ring[t].shape[1] // classes
    scale = np.float32(prices.inverse * np.float32(_WIDTH))
    total = np.float32(0.0)
    for k in range(count):
        row = expected[level_of(sigma[k], prices.log_step) >> 1]
        size = abs(space.leading[k * classes + label]) * scale
        if size < BINS:
            total += row[int(size)]
        else:
            total += row[BINS - 1] + prices.lagrange * np.float32(2.0) * np.log2(size * np.float32(1.0 / BINS))
    others = np.float32(min(16 << (2 * t), 256) - count)
    mean = max(space.rest[label], np.float32(0.0)) * prices.inverse * prices.inverse / others
    unit = _SPREAD * prices.lagrange
    return total + others * unit * np.log2(np.float32(1.0) + mean / unit)
