"""Analysis by synthesis: codes of digits that reduce bits + weight · squared error of the painted digit.

Coordinate descent in the order of coding: each latent is changed by ±1, the digit is painted again, the lengths of the
latent and of all later ones are computed by the context model, and the change is kept if the cost falls. Before that,
curves other than the first are left out where this reduces the cost.
"""

from typing import NamedTuple

import numpy as np

from qimg.codecs.digits.contours.chain import Chain, add_change, begin, code_length
from qimg.codecs.digits.contours.painter import (
    Drawing,
    add_curve,
    add_displacement,
    place_curve,
    round_points,
    shade_codes,
)
from qimg.codecs.digits.latent_model import FARTHEST, SIDE
from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy.distributions import CumulativeTables

_LEAST = 1e-6
"""Least improvement of the cost that changes a code."""


class Work(NamedTuple):
    """Arrays that the search of one digit after the other overwrites."""

    places: Array
    """(CURVES, 2, POINTS) int64 curves, not rounded."""
    trial: Array
    """(2, POINTS) int64 a changed curve."""
    points: Array
    """(2, POINTS) int64."""
    areas: Array
    """(CURVES, 2, SIDE + 1, SIDE + 1) int32 accumulated areas of each curve."""
    own: Array
    """(2, SIDE + 1, SIDE + 1) int32 areas of the changed curve."""
    total: Array
    """(2, SIDE + 1, SIDE + 1) int32 areas of all curves."""
    coverage: Array
    rows: Array
    """For `painter.shade`."""
    pixels: Array
    """(SIDE, SIDE) int32."""
    sums: Array
    moved: Array
    """(channels, width) int32 of `chain`, before and after a change."""
    lengths: Array
    changed: Array
    """(channels,) bits, before and after a change."""
    hidden: Array
    parameters: Array
    """For `chain.code_length`."""
    codes: Array
    """(channels,) int64 codes without a curve."""


def work_for(drawing: Drawing, chain: Chain) -> Work:
    """Arrays for a frame and a chain."""
    (channels, outputs, width), curves = chain.second.shape, drawing.mean.shape
    areas = np.zeros((curves[0], 2, SIDE + 1, SIDE + 1), np.int32)
    return Work(
        places=np.zeros(curves, np.int64),
        trial=np.zeros(curves[1:], np.int64),
        points=np.zeros(curves[1:], np.int64),
        areas=areas,
        own=np.zeros_like(areas[0]),
        total=np.zeros_like(areas[0]),
        coverage=np.zeros((SIDE + 2, SIDE + 2), np.int32),
        rows=np.zeros((SIDE, SIDE + 2), np.int32),
        pixels=np.zeros((SIDE, SIDE), np.int32),
        sums=np.zeros((channels, width), np.int32),
        moved=np.zeros((channels, width), np.int32),
        lengths=np.zeros(channels),
        changed=np.zeros(channels),
        hidden=np.zeros(width, np.int32),
        parameters=np.zeros(outputs, np.int32),
        codes=np.zeros(channels, np.int64),
    )


@compiled
def refine(
    drawing: Drawing,
    chain: Chain,
    tables: CumulativeTables,
    needs: Array,
    work: Work,
    source: Array,
    codes: Array,
    rates: Array,
    steps: Array,
    weights: Array,
    sweeps: int,
) -> None:
    """Reduce the cost of digits, in place.

    Args:
        drawing: means and basis.
        chain: the context model.
        tables: of the distributions.
        needs: `Layout.needs`.
        work: of `work_for`.
        source: (n, SIDE, SIDE) int32 pixels.
        codes: (n, channels) int64, modified.
        rates: (n,) int64 number of the rate.
        steps: (n,) int64 step of quantization.
        weights: (n,) bits that a squared code value is worth.
        sweeps: at most so many.
    """
    for n in range(len(codes)):
        y, step, weight = codes[n], steps[n], weights[n]
        error = _start(drawing, work, y, step, source[n])
        _all_lengths(chain, tables, needs, work, y, rates[n], work.sums, work.lengths)
        for slot in range(len(drawing.signs) - 1, 0, -1):
            if y[slot] == 1 and (slot != 1 or y[2] == 0):
                error = _without(drawing, chain, tables, needs, work, y, slot, rates[n], source[n], weight, error)
        for _ in range(sweeps):
            error = _sweep(drawing, chain, tables, needs, work, y, step, source[n], weight, error)
            if error < 0:
                break


@inner
def _start(drawing: Drawing, work: Work, y: Array, step: int, source: Array) -> float:
    """Place and accumulate the curves of a digit; its squared error."""
    _fill(work.total, 0)
    for slot in range(len(drawing.signs)):
        areas = work.areas[slot]
        _fill(areas, 0)
        if y[slot] == 1:
            place_curve(drawing, y, step, slot, work.places[slot])
            round_points(work.places[slot], work.points)
            add_curve(areas, work.points, drawing.signs[slot])
            _add(work.total, areas, 1)
    return _error(work, y, source)


@inner
def _all_lengths(
    chain: Chain, tables: CumulativeTables, needs: Array, work: Work, y: Array, rate: int, sums: Array, lengths: Array
) -> None:
    """Sums of the networks, and lengths of all latents that are coded; 0 of others."""
    begin(chain, rate, sums)
    for channel in range(y.size):
        lengths[channel] = 0.0
        if needs[channel] < 0 or y[needs[channel]] == 1:
            lengths[channel] = code_length(chain, tables, sums, channel, y[channel], work.hidden, work.parameters)
            if chain.linked and y[channel] != 0:
                add_change(chain, sums, channel, 0, y[channel])


@inner
def _without(
    drawing: Drawing,
    chain: Chain,
    tables: CumulativeTables,
    needs: Array,
    work: Work,
    y: Array,
    slot: int,
    rate: int,
    source: Array,
    weight: float,
    error: float,
) -> float:
    """Leave a curve out if this reduces the cost; the squared error."""
    first = len(drawing.signs)
    for channel in range(y.size):
        own = drawing.starts[slot] <= channel - first < drawing.starts[slot + 1]
        work.codes[channel] = 0 if own or channel == slot else y[channel]
    _all_lengths(chain, tables, needs, work, work.codes, rate, work.moved, work.changed)
    _add(work.total, work.areas[slot], -1)
    other = _error(work, y, source)
    gain = weight * (error - other)
    for channel in range(y.size):
        gain += work.lengths[channel] - work.changed[channel]
    if gain <= _LEAST:
        _add(work.total, work.areas[slot], 1)
        return error
    _fill(work.areas[slot], 0)
    for channel in range(y.size):
        y[channel], work.lengths[channel] = work.codes[channel], work.changed[channel]
        for h in range(work.sums.shape[1]):
            work.sums[channel, h] = work.moved[channel, h]
    return other


@inner
def _sweep(
    drawing: Drawing,
    chain: Chain,
    tables: CumulativeTables,
    needs: Array,
    work: Work,
    y: Array,
    step: int,
    source: Array,
    weight: float,
    error: float,
) -> float:
    """Try both changes of each latent; the squared error, or −1 if nothing changed."""
    improved, first = False, len(drawing.signs)
    for channel in range(first, y.size):
        slot = needs[channel]
        if y[slot] != 1:
            continue
        shading = channel >= y.size - 2
        for side in range(2):
            change = 1 - 2 * side
            if abs(y[channel] + change) > FARTHEST:
                continue
            if not shading:
                _try_curve(drawing, work, channel - first, change * step, slot)
            y[channel] += change
            other = _error(work, y, source)
            gain = weight * (error - other) + _gained_bits(chain, tables, needs, work, y, channel, y[channel] - change)
            if gain > _LEAST:
                improved, error = True, other
                _keep_lengths(chain, work, channel)
                if not shading:
                    _keep_curve(work, slot)
            else:
                y[channel] -= change
                if not shading:
                    _add(work.total, work.own, -1)
                    _add(work.total, work.areas[slot], 1)
    return error if improved else -1.0


@inner
def _try_curve(drawing: Drawing, work: Work, vector: int, amount: int, slot: int) -> None:
    """Replace the areas of a curve in the total by those of the displaced curve."""
    for side in range(2):
        for k in range(work.trial.shape[1]):
            work.trial[side, k] = work.places[slot, side, k]
    add_displacement(drawing.basis[vector], amount, work.trial)
    round_points(work.trial, work.points)
    _fill(work.own, 0)
    add_curve(work.own, work.points, drawing.signs[slot])
    _add(work.total, work.own, 1)
    _add(work.total, work.areas[slot], -1)


@inner
def _keep_curve(work: Work, slot: int) -> None:
    """Keep the displaced curve."""
    for side in range(2):
        for k in range(work.trial.shape[1]):
            work.places[slot, side, k] = work.trial[side, k]
    areas = work.areas[slot]
    _fill(areas, 0)
    _add(areas, work.own, 1)


@inner
def _gained_bits(
    chain: Chain, tables: CumulativeTables, needs: Array, work: Work, y: Array, channel: int, before: int
) -> float:
    """Bits that a change of a latent saves; the lengths after it are in `work.changed`, the sums in `work.moved`."""
    last = y.size if chain.linked else channel + 1
    work.changed[channel] = code_length(chain, tables, work.sums, channel, y[channel], work.hidden, work.parameters)
    gain = work.lengths[channel] - work.changed[channel]
    if not chain.linked:
        return gain
    for later in range(channel + 1, last):
        for h in range(work.sums.shape[1]):
            work.moved[later, h] = work.sums[later, h]
    add_change(chain, work.moved, channel, before, y[channel])
    for later in range(channel + 1, last):
        work.changed[later] = 0.0
        if y[needs[later]] == 1:
            work.changed[later] = code_length(chain, tables, work.moved, later, y[later], work.hidden, work.parameters)
        gain += work.lengths[later] - work.changed[later]
    return gain


@inner
def _keep_lengths(chain: Chain, work: Work, channel: int) -> None:
    """Keep the lengths and the sums after a change."""
    last = work.lengths.size if chain.linked else channel + 1
    for later in range(channel, last):
        work.lengths[later] = work.changed[later]
    for later in range(channel + 1, last):
        for h in range(work.sums.shape[1]):
            work.sums[later, h] = work.moved[later, h]


@inner
def _error(work: Work, y: Array, source: Array) -> float:
    """Squared error of the digit with the areas in `work.total`."""
    shade_codes(work.total, work.coverage, work.rows, y, work.pixels)
    total = 0
    for row in range(SIDE):
        for column in range(SIDE):
            difference = work.pixels[row, column] - source[row, column]
            total += difference * difference
    return float(total)


@inner
def _fill(areas: Array, value: int) -> None:
    for side in range(2):
        for row in range(areas.shape[1]):
            for column in range(areas.shape[2]):
                areas[side, row, column] = value


@inner
def _add(areas: Array, others: Array, sign: int) -> None:
    """Add areas, or remove them."""
    for side in range(2):
        for row in range(areas.shape[1]):
            for column in range(areas.shape[2]):
                areas[side, row, column] += np.int32(sign) * others[side, row, column]
