"""The code length on unseen pictures against the number of pictures seen: halves, fitted law, and what is stable."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments._run import Array, Axes, finite_quantiles, plain_log_axis
from experiments._run.laws import PowerLaw, fit_power_law
from experiments.operators.code_length import excess_bits_per_pixel, has_energy

STABLE = 0.01
"""Bits per pixel above the floor that 95 % of the operators of n pictures must stay below for n to be called stable."""

Excess = Mapping[int, Sequence[float]]
"""Number of pictures, ascending → excess code length in bit/pixel of every draw."""


class Halves:
    """Pictures split into halves, anew for every draw: one supplies operators, the other is coded with them."""

    def __init__(self, moments: Array, counts: Sequence[int], *, draws: int, seed: int) -> None:
        """Moments (n, 63, 63) are sums over the patches of each picture, counts the numbers of these patches."""
        self._moments = moments
        self._counts = np.asarray(counts)
        rng = np.random.default_rng([seed, 1])
        self._orders = [rng.permutation(len(counts)) for _ in range(draws)]

    def excess(self, n: int, draw: int) -> float:
        """Excess code length in bit/pixel of n seen pictures; NaN where n is above half or a part has no energy."""
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
    """What was measured, the law, and when the operator is stable."""
    if len(excess) < 4:
        return [
            "Too few pictures to say when the code length on unseen ones settles: that takes two halves, and four "
            "numbers of pictures in one of them."
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
        verdict = f"Not stable with {many} pictures"
    elif stable == many:
        verdict = f"Stable only with {many} pictures, the most that half of them can be"
    else:
        verdict = f"Stable from {stable} pictures on"
    return [*sentences, f"{verdict} ({criterion})."]


def plot(excess: Excess, ax: Axes, *, colour: str) -> None:
    """Medians and 5–95 % of the draws, the fitted law, and the border of what is called stable."""
    ax.set(xlabel="pictures in the operator", ylabel="excess on unseen pictures, bit/pixel")
    if not excess:
        ax.text(0.5, 0.5, "too few pictures", ha="center", va="center", transform=ax.transAxes)
        return
    low, middle, high = zip(*map(finite_quantiles, excess.values()), strict=True)
    ax.plot(list(excess), middle, "o", color=colour)
    ax.fill_between(list(excess), low, high, color=colour, alpha=0.18, linewidth=0)
    fitted = law(excess)
    if fitted is not None:
        n = np.geomspace(min(excess), max(excess), 100)
        label = f"{fitted.floor:.4f} + {fitted.factor:.3f} n$^{{−{fitted.exponent:.2f}}}$"
        ax.plot(n, fitted.at(n), color=colour, linewidth=1.2, label=label)
    ax.axhline(middle[-1] + STABLE, color="gray", linestyle=":", linewidth=1.2, label=f"median at the end + {STABLE}")
    for axis in "xy" if min(low) > 0 else "x":
        plain_log_axis(ax, axis)
    ax.legend()
