"""Code length on unseen pictures against the number of pictures fitted on: halves, fitted law, stable number."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments._run import (
    Array,
    Axes,
    Table,
    counted_pictures,
    finite_quantiles,
    interval_cell,
    picture_interval,
    plain_log_axis,
)
from experiments._run.laws import PowerLaw, fit_power_law
from experiments.operators.code_length import excess_bits_per_pixel, has_energy

STABLE = 0.01
"""Bits per pixel above the floor that 95 % of the operators of n pictures must stay below for n to be called stable."""

Excess = Mapping[int, Sequence[float]]
"""Number of pictures, ascending → excess code length in bit/pixel of every draw."""


class Halves:
    """Random splits of the pictures into halves: one half makes operators, the other half is coded with them."""

    def __init__(self, moments: Array, counts: Sequence[int], *, draws: int, seed: int) -> None:
        """Moments (n, 63, 63) are sums over the patches of each picture, counts the numbers of these patches."""
        self._moments = moments
        self._counts = np.asarray(counts)
        rng = np.random.default_rng([seed, 1])
        self._orders = [rng.permutation(len(counts)) for _ in range(draws)]

    def excess(self, n: int, draw: int) -> float:
        """Excess code length in bit/pixel of an operator of n pictures.

        NaN where n is above half of the pictures, or a part has no energy.
        """
        order = self._orders[draw]
        half = len(order) // 2
        if n > half:
            return float("nan")
        seen, truth = self._mean(order[:n]), self._mean(order[half:])
        if not (has_energy(seen) and has_energy(truth)):
            return float("nan")
        return float(excess_bits_per_pixel(seen, truth, trace_normalised=True))

    def _mean(self, chosen: Array) -> Array:
        return np.asarray(self._moments[chosen].sum(axis=0) / self._counts[chosen].sum())


def law(excess: Excess) -> PowerLaw | None:
    """The law fitted to the medians."""
    return fit_power_law(list(excess), [finite_quantiles(values)[1] for values in excess.values()])


def stable_from(excess: Excess) -> int | None:
    """Smallest n from which on 95 % of the draws stay within `STABLE` of the floor, the median at the largest n.

    None where not even the largest does.
    """
    stable = None
    floor = finite_quantiles(excess[max(excess)])[1]
    for n in sorted(excess, reverse=True):
        if finite_quantiles(excess[n])[2] > floor + STABLE:
            break
        stable = n
    return stable


def findings(excess: Excess) -> list[str]:
    """Code lengths, the fitted law, and the number of pictures from which the operator is stable."""
    if len(excess) < 4:
        return [
            "There are too few pictures to measure when the code length on unseen ones settles: half of them must hold "
            "four numbers of pictures."
        ]
    few, many = min(excess), max(excess)
    first, last = finite_quantiles(excess[few]), finite_quantiles(excess[many])
    sentences = [
        "On unseen pictures (halves, split anew for each draw) a code for luma without DC built from n pictures "
        f"spends {first[1]:.4f} bit/pixel at n = {few} and {last[1]:.4f} [{last[0]:.4f}, {last[2]:.4f}] at n = {many} "
        "beyond a code built from the pictures that it codes (median, 5–95 % of draws)."
    ]
    fitted = law(excess)
    if fitted is None:
        sentences.append("The medians do not fall, so no law is fitted.")
    else:
        reached = max(fitted.reaches(STABLE), 1)
        beyond = ", more than were measured" if reached > many else ""
        sentences.append(
            f"Fitted to the medians: {fitted.floor:.4f} + {fitted.factor:.3f} · n^−{fitted.exponent:.2f} bit/pixel, "
            f"which is {STABLE} above its floor at n = {reached:.0f}{beyond}."
        )
    stable = stable_from(excess)
    criterion = f"95 % of the draws at most {STABLE} bit/pixel above the median at n = {many}, there and from there on"
    if stable is None:
        verdict = f"Not stable with {counted_pictures(many)}"
    elif stable == many:
        verdict = f"Stable only with {many} pictures, the most that half of them can be"
    else:
        verdict = f"Stable from {stable} pictures on"
    return [*sentences, f"{verdict} ({criterion})."]


def table(excess: Excess, pictures: int) -> Table:
    """Medians at each number of pictures, with intervals where there are enough pictures in both halves together."""
    return Table(
        columns=["pictures", "excess, bit/pixel", "5–95 %"],
        rows=[
            [n, finite_quantiles(drawn)[1], interval_cell(*picture_interval(drawn, pictures), ".3f")]
            for n, drawn in excess.items()
        ],
        caption="Medians over draws, luma without DC, other pictures than those of the operator",
        formats={"excess, bit/pixel": ".3f"},
    )


def law_table(excess: Excess) -> Table:
    """The fitted law, and the numbers of pictures that follow from it and from the draws."""
    fitted, stable = law(excess) if excess else None, stable_from(excess) if len(excess) >= 4 else None
    nothing = float("nan")
    parameters = (fitted.floor, fitted.factor, fitted.exponent) if fitted else (nothing, nothing, nothing)
    reached = round(max(fitted.reaches(STABLE), 1)) if fitted else nothing
    return Table(
        columns=[
            "floor, bit/pixel",
            "factor, bit/pixel",
            "exponent",
            f"pictures at which the law is {STABLE} above its floor",
            "pictures from which the operator is stable",
        ],
        rows=[[*parameters, reached, nothing if stable is None else stable]],
        caption="Law floor + factor · n^−exponent of the medians",
        formats={"floor, bit/pixel": ".4f", "factor, bit/pixel": ".3f", "exponent": ".2f"},
    )


def plot(excess: Excess, ax: Axes, *, colour: str, pictures: int) -> None:
    """Medians and 5–95 % of the draws, the fitted law, and the level below which an operator is stable."""
    ax.set(xlabel="pictures in the operator", ylabel="excess, bit/pixel")
    if not excess:
        ax.text(0.5, 0.5, "too few pictures", ha="center", va="center", transform=ax.transAxes)
        return
    middle = [finite_quantiles(drawn)[1] for drawn in excess.values()]
    low, high = zip(*(picture_interval(drawn, pictures) for drawn in excess.values()), strict=True)
    ax.plot(list(excess), middle, "D", color=colour, label="Y without DC, 63")
    ax.fill_between(list(excess), low, high, color=colour, alpha=0.18, linewidth=0)
    fitted = law(excess)
    if fitted is not None:
        n = np.geomspace(min(excess), max(excess), 100)
        label = f"{fitted.floor:.4f} + {fitted.factor:.3f} n$^{{−{fitted.exponent:.2f}}}$"
        ax.plot(n, fitted.at(n), color="0.25", linewidth=0.9, label=label)
    ax.axhline(middle[-1] + STABLE, color="gray", linestyle=":", linewidth=1.2, label=f"last median + {STABLE}")
    for axis in "xy" if min(map(min, excess.values())) > 0 else "x":
        plain_log_axis(ax, axis)
    ax.legend()
