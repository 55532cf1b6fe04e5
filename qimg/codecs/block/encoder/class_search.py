"""The encoder's search for the class of a block, and the cost of a plane of a block in a class."""

import numpy as np

from qimg.codecs.block.encoder.analysis import Target, downsampled, exact_coefficients, full, load, separable
from qimg.codecs.block.encoder.importance import weigh, weights_of_block
from qimg.codecs.block.encoder.rate_distortion import bits_of, prices_of, rate_distortion
from qimg.codecs.block.encoder.sign_hiding import hide_signs
from qimg.codecs.block.model.contexts import class_costs
from qimg.codecs.block.model.maps import nearby_activity, neighbours
from qimg.codecs.block.model.match_contexts import set_matched
from qimg.codecs.block.model.strip import Part, Strip
from qimg.codecs.block.transform.blocks import predict, predict_matched
from qimg.codecs.block.transform.geometry import gather_ring
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
    bases, settings, maps, work = strip.bases, strip.settings, strip.maps, strip.work
    source, costs, space = target.source, target.costs, target.space
    side = 4 << t
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    depth = settings.depths[t]
    nearby = nearby_activity(maps, 0, t, cy, cx)
    if matched:
        level = gather_difference(strip.rec[0], work.matches, y, x, side, strip.above, work.ring)
    else:
        level = gather_ring(strip.rec[0], y, x, side, strip.above, work.ring)
    part = Part(0, t, 0, nearby)
    prices = prices_of(costs, settings, strip.local.steps[0], strip.local.log_steps[0], strip.points, part)
    inverse, lagrange = prices.inverse, prices.lagrange
    block = space.block
    energy = load(source, 0, y, x, side, level, block)
    if matched:
        _subtract_match(strip, side, block)
    n = min(side * side, 256)
    m = 3 * side + 1
    if t < 2:
        for j in range(m):
            block[n + j] = work.ring[j]
    elif t == 3:
        m = 49
        for j in range(48):
            work.ring[1 + j] = (work.ring[1 + 2 * j] + work.ring[2 + 2 * j] + 1) >> 1
    outside = np.float32(0.0)
    weights_of_block(target.importance, t, y, x, space.local)
    candidates, costs_of = space.candidates, space.candidate_costs
    count = 0
    best = np.float32(1e30)  # cost that a class must stay below
    small, prediction = space.downsampled, space.prediction
    if t == 3:
        downsampled(space, costs, block, small)
        inside = np.float32(0.0)
        for i in range(16):
            for j in range(16):
                inside += small[i, j] * small[i, j]
        outside = max(energy - inside, np.float32(0.0)) * inverse * inverse
    scale = np.float32(2.0) if t == 3 else np.float32(1.0)
    for label in range(1 << depth):
        weigh(target.importance, t, label, space.local, space.weights)
        extra = space.weights[n] * outside + lagrange * space.side_bits[matched, label]
        if extra >= best:
            continue
        if t < 2:
            full(costs.joint[t][label], block, n + m, n, space.coefficients)
        else:
            weights = costs.predictor[t - 2][label]
            prediction[:] = 0
            for j in range(m):
                w = np.float32(work.ring[j])
                for i in range(256):
                    prediction[i] += w * weights[j, i]
            if t == 2:
                for i in range(16):
                    for j in range(16):
                        space.residual[i, j] = block[16 * i + j] - prediction[16 * i + j]
            else:
                for i in range(16):
                    for j in range(16):
                        space.residual[i, j] = small[i, j] - scale * prediction[16 * i + j]
            separable(
                space, costs.rows[t - 2][label], costs.columns[t - 2][label], bases.order[t][label], space.coefficients
            )
        sigma = strip.scales.log_sigma[t][0, label]
        cost = rate_distortion(prices, space.weights, sigma, space.coefficients, extra, best, space.trial)
        if cost < best:
            place = min(count, settings.candidates - 1)
            while place > 0 and costs_of[place - 1] > cost:
                candidates[place], costs_of[place] = candidates[place - 1], costs_of[place - 1]
                place -= 1
            candidates[place], costs_of[place] = label, cost
            count = min(count + 1, settings.candidates)
            if count == settings.candidates:
                best = costs_of[count - 1]
    return count


@inner
def _subtract_match(strip: Strip, side: int, block: Array) -> None:
    """Subtract the mean of the matches from a block of luma."""
    for i in range(side):
        for j in range(side):
            block[side * i + j] -= np.float32(mean_match(strip.rec[0], strip.work.matches, i, j))


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
    if matched:
        predict_matched(strip.bases, strip.work, strip.rec[plane], t, label, y, x, strip.above)
    else:
        predict(strip.bases, strip.work, strip.rec[plane], t, label, y, x, strip.above)
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
