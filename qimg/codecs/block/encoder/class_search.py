"""The encoder's search for the class of a block, and the cost of a plane of a block in a class."""

import numpy as np

from qimg.codecs.block.encoder.analysis import Target, downsampled, exact_coefficients, full, load
from qimg.codecs.block.encoder.class_matrices import add_products, separable_products
from qimg.codecs.block.encoder.importance import weigh, weights_of_block
from qimg.codecs.block.encoder.rate_distortion import bits_of, prices_of, rate_distortion
from qimg.codecs.block.encoder.shortlist import insert_class, shortlist
from qimg.codecs.block.encoder.sign_hiding import hide_signs
from qimg.codecs.block.model.contexts import class_costs
from qimg.codecs.block.model.maps import nearby_activity, neighbours
from qimg.codecs.block.model.match_contexts import set_matched
from qimg.codecs.block.model.strip import Part, Strip
from qimg.codecs.block.transform.blocks import predict_block
from qimg.codecs.block.transform.geometry import gather_ring, pair_means
from qimg.codecs.block.transform.matching import can_match, find_matches, gather_difference, mean_match
from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.mixing import probability_of_one


@inner
def best_class(strip: Strip, target: Target, t: int, y: int, x: int) -> tuple[int, int]:
    """Find the class of least cost, and whether the block is matched in it.

    Classes are judged for all planes among those of least cost for luma, or for luma alone.
    """
    _weigh_side_information(strip, target, t, y, x)
    label, cost = _best_predicted(strip, target, t, y, x, 0, np.float32(1e30))
    if not (strip.settings.matching and can_match(t, y, x)):
        return label, 0
    find_matches(strip.rec[0], t, y, x, strip.above, strip.work.matches)
    other, matched_cost = _best_predicted(strip, target, t, y, x, 1, cost)
    return (other, 1) if matched_cost < cost else (label, 0)


@inner
def _best_predicted(
    strip: Strip, target: Target, t: int, y: int, x: int, matched: int, bound: np.float32
) -> tuple[int, np.float32]:
    """The class of least cost for a block that is matched or not, and its cost; any class if none is below `bound`."""
    count, space = _best_for_luma(strip, target, t, y, x, matched), target.space
    label, cost = int(space.candidates[0]), space.candidate_costs[0]
    if strip.settings.planes == 1 or cost >= bound or (count == 1 and not strip.settings.matching):
        return label, cost
    return _best_for_chroma(strip, target, t, y, x, count, matched)


@inner
def _weigh_side_information(strip: Strip, target: Target, t: int, y: int, x: int) -> None:
    """Write the bits of every class, and of the flag of matched blocks in it, to `space.side_bits`."""
    maps, space, bits = strip.maps, target.space, target.costs.bits
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    left, up = neighbours(maps, t, cy, cx)
    depth = strip.settings.depths[t]
    class_costs(strip.model, t, depth, left, up, bits, space.class_bits)
    flagged, model = strip.settings.matching and can_match(t, y, x), strip.matching_model
    for label in range(1 << depth):
        class_bits = space.class_bits[(1 << depth) + label]
        space.side_bits[0, label] = class_bits
        if flagged:
            p = probability_of_one(model, set_matched(model, maps, t, label, cy, cx))
            space.side_bits[0, label] = class_bits + bits_of(bits, p, 0)
            space.side_bits[1, label] = class_bits + bits_of(bits, p, 1)


@inner
def _best_for_luma(strip: Strip, target: Target, t: int, y: int, x: int, matched: int) -> int:
    """Write the classes of least cost for luma to `space.candidates`, by increasing cost; returns their number.

    Their costs, in units of the squared luma step, are in `space.candidate_costs`.
    """
    settings, maps, costs, space = strip.settings, strip.maps, target.costs, target.space
    side = 4 << t
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    nearby = nearby_activity(maps, 0, t, cy, cx)
    if matched:
        level = gather_difference(strip.rec[0], strip.work.matches, y, x, side, strip.above, strip.work.ring)
    else:
        level = gather_ring(strip.rec[0], y, x, side, strip.above, strip.work.ring)
    part = Part(0, t, 0, nearby)
    prices = prices_of(costs, settings, strip.local.steps[0], strip.local.log_steps[0], strip.points, part)
    inverse, lagrange = prices.inverse, prices.lagrange
    energy, outside = _load_block(strip, target, t, y, x, level, matched)
    outside *= inverse * inverse
    n = min(side * side, 256)
    weights_of_block(target.importance, t, y, x, space.local)
    candidates, costs_of = space.candidates, space.candidate_costs
    count = 0
    best = np.float32(1e30)  # cost that a class must stay below
    for index in range(shortlist(strip, target, t, matched, nearby, prices, energy)):
        label = int(space.shortlist[index])
        weigh(target.importance, t, label, space.local, space.weights)
        extra = space.weights[n] * outside + lagrange * space.side_bits[matched, label]
        if extra >= best:
            continue
        _coefficients(strip, target, t, label)
        sigma = strip.scales.log_sigma[t][0, label]
        cost = rate_distortion(prices, space.weights, sigma, space.coefficients, extra, best, space.trial)
        if cost < best:
            count = insert_class(candidates, costs_of, count, settings.candidates, label, cost)
            if count == settings.candidates:
                best = costs_of[count - 1]
    return count


@inner
def _load_block(
    strip: Strip, target: Target, t: int, y: int, x: int, level: int, matched: int
) -> tuple[np.float32, np.float32]:
    """Copy the block and the ring in `work.ring`, relative to the level, to `space.block`; downsample blocks of 32.

    Of a matched block, `work.ring` is the difference of the rings, and the mean of the matches is subtracted.
    From size 16, `space.products` becomes the coefficients of the block in all classes.

    Returns:
        The energy inside the bases, and outside of them.
    """
    space, ring = target.space, strip.work.ring
    side = 4 << t
    block, square = space.block, space.transposed
    energy = load(target.source, 0, y, x, side, level, block)
    if matched:
        energy = _subtract_match(strip, side, block)
    m = 3 * side + 1
    if t == 3:
        m = 49
        pair_means(ring)
    for j in range(m):
        block[side * side + j] = ring[j]
    if t < 2:
        return energy, np.float32(0.0)
    inside = energy
    if t == 2:
        for i in range(16):
            for j in range(16):
                square[16 * j + i] = block[16 * i + j]
    else:
        downsampled(space, target.costs, block, space.residual)
        inside = np.float32(0.0)
        for i in range(16):
            for j in range(16):
                square[16 * j + i] = space.residual[i, j]
                inside += space.residual[i, j] * space.residual[i, j]
    separable_products(target.costs.by_class, t, square, space.halves, space.products)
    return inside, max(energy - inside, np.float32(0.0))


@inner
def _coefficients(strip: Strip, target: Target, t: int, label: int) -> None:
    """Compute the coefficients of the residual of the block in `space` to its prediction in a class."""
    space, costs = target.space, target.costs
    n = 16 << (2 * t)
    if t < 2:
        full(costs.joint[t][label], space.block, costs.joint[t].shape[2], n, space.coefficients)
        return
    order, out = strip.bases.order[t][label], space.coefficients
    classes = 1 << strip.settings.depths[t]
    for k in range(256):
        out[k] = space.products[order[k] * classes + label]
    add_products(costs.ring[t - 2][label], space.block, n, out)


@inner
def _subtract_match(strip: Strip, side: int, block: Array) -> np.float32:
    """Subtract the mean of the matches from a block of luma; returns the energy of the difference."""
    energy = np.float32(0.0)
    for i in range(side):
        for j in range(side):
            value = block[side * i + j] - np.float32(mean_match(strip.rec[0], strip.work.matches, i, j))
            block[side * i + j] = value
            energy += value * value
    return energy


@inner
def _best_for_chroma(
    strip: Strip, target: Target, t: int, y: int, x: int, count: int, matched: int
) -> tuple[int, np.float32]:
    """The candidate of least cost for all planes, and its cost."""
    space, settings = target.space, strip.settings
    best = np.float32(1e30)
    chosen = int(space.candidates[0])
    for index in range(count):
        label = int(space.candidates[index])
        total = space.candidate_costs[index]
        for plane in range(1, settings.planes):
            if total >= best:
                break
            weight = np.float32(settings.weight[plane])
            total += weight * plane_cost(
                strip, target, plane, t, label, y, x, matched, (best - total) / weight, space.trial
            )
        if total < best:
            best = total
            chosen = label
    return chosen, best


@inner
def plane_cost(
    strip: Strip,
    target: Target,
    plane: int,
    t: int,
    label: int,
    y: int,
    x: int,
    matched: int,
    bound: np.float32,
    q: Array,
) -> np.float32:
    """Choose the integers of a plane in a class, whose prediction is left in `work.prediction`.

    Args:
        strip: strip.
        target: input of the search; `space.weights` are left those of the class.
        plane: 0, 1 or 2.
        t: size index.
        label: the class.
        y: row of the block in the strip.
        x: column.
        matched: 1 if the block is predicted from its matches, which are in `work.matches`.
        bound: cost at which the search stops.
        q: (≥ n,) int32, filled.

    Returns:
        The cost in units of the plane's squared step.
    """
    settings, space = strip.settings, target.space
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    weigh(target.importance, t, label, space.local, space.weights)
    predict_block(strip.bases, strip.work, strip.rec[plane], t, label, y, x, strip.above, matched)
    outside = exact_coefficients(strip.bases, strip.work, target, plane, t, label, y, x)
    part = Part(plane, t, label, nearby_activity(strip.maps, plane, t, cy, cx))
    step, log_step = strip.local.steps[plane], strip.local.log_steps[plane]
    prices = prices_of(target.costs, settings, step, log_step, strip.points, part)
    sigma = strip.scales.log_sigma[t][plane, label]
    extra = space.weights[min(16 << (2 * t), 256)] * (outside * prices.inverse * prices.inverse)
    cost = rate_distortion(prices, space.weights, sigma, space.coefficients, extra, bound, q)
    if settings.hidden_signs and plane == 0:
        cost += hide_signs(prices, space.weights, sigma, space.coefficients, q)
    return cost
