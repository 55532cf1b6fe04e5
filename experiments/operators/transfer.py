"""How many bits does the prior's operator cost on pictures that it was not fitted on?

Luma's 63 AC coefficients of the pictures are coded by Gaussian codes built from operators of a prior: those of each
group at each scale, and `operator`. The excess is counted beyond a code built from the coded pictures themselves. The
comparison includes the DCT variances of `operator` without coherences, and white noise of the same energy. Intervals
resample the pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    LEAST_PICTURES,
    Array,
    Figure,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    counted_pictures,
    groups,
    in_brackets,
    interval_cell,
    literal_label,
    plain_log_axis,
    select,
    subplots,
    table_of,
    values,
    whole,
)
from experiments.operators.code_length import ac_operator, excess_bits_per_pixel, has_energy
from qimg import metrics, prior
from qimg.prior.model import operator_key
from qimg.transforms import ac_block


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    prior: str = ""
    """File of a prior with 8×8 operators; the one that comes with qimg when left out."""
    draws: Annotated[int, whole(2)] = 400
    """Resamples of the pictures for the intervals of the pooled rows."""
    seed: Seed = 0
    """Seed of the resampling."""


TINY = Params(box_mean=4, draws=20)

OWN = "the prior's operator"
VARIANCES = "its DCT variances alone"
WHITE = "white noise"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operator on one picture, or on all of them pooled."""

    image: str
    """"pooled" for all together."""
    model: str
    """`group@scale` of the prior, its own operator, or a baseline."""
    pictures: int
    excess_bits_per_pixel: float
    """Beyond a code for the pictures themselves, traces made equal."""
    low: float
    """5 % of the resamples, for the pooled row; NaN for one picture."""
    high: float
    """95 % of the resamples."""
    raw_excess_bits_per_pixel: float
    """The same with the operator's own trace."""
    fidelity: float
    trace_distance: float

    @property
    def interval(self) -> tuple[float, float]:
        """5 % and 95 % of the resamples; NaN for fewer than eight pictures."""
        return (self.low, self.high) if self.pictures >= LEAST_PICTURES else (float("nan"), float("nan"))


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per model and picture, and one per model for all pictures pooled."""
    check(params)
    models = _models(prior.load(params.prior or None))
    pictures = params.gather().pictures
    operators = {picture.name: ac_operator(picture.image()) for picture in track(pictures)}
    alive = {name: one for name, one in operators.items() if has_energy(one.matrix / one.count)}
    if not alive:
        return []
    sums = np.array([one.matrix for one in alive.values()])
    counts = np.array([float(one.count) for one in alive.values()])
    rows = [
        _row(image, name, 1, model, one.matrix / one.count)
        for image, one in alive.items()
        for name, model in models.items()
    ]
    n = len(alive)
    weights = np.random.default_rng(params.seed).multinomial(n, np.full(n, 1 / n), params.draws)
    resampled = np.tensordot(weights, sums, 1) / (weights @ counts)[:, None, None]
    for name, model in models.items():
        excess = excess_bits_per_pixel(model, resampled, trace_normalised=True)
        low, high = np.quantile(excess, [0.05, 0.95]).tolist()
        rows.append(_row("pooled", name, n, model, sums.sum(axis=0) / counts.sum(), low=low, high=high))
    return rows


def _models(fitted: prior.Prior) -> Mapping[str, Array]:
    """Second moments per patch of the AC coefficients, (63, 63)."""
    own = fitted.operator_of("luma")
    block = ac_block(own.matrix / own.count)
    models = {OWN: block, VARIANCES: np.diag(np.diag(block)), WHITE: np.eye(63) * np.trace(block) / 63}
    for name, operator in fitted.operators.items():
        planes, group, scale = operator_key(name)
        if planes == "luma":
            models[f"{group}@{scale}"] = ac_block(operator.matrix / operator.count)
    return models


def _row(
    image: str,
    name: str,
    pictures: int,
    model: Array,
    truth: Array,
    *,
    low: float = float("nan"),
    high: float = float("nan"),
) -> Row:
    rho, sigma = (moments / np.trace(moments) for moments in (model, truth))
    return Row(
        image=image,
        model=name,
        pictures=pictures,
        excess_bits_per_pixel=float(excess_bits_per_pixel(model, truth, trace_normalised=True)),
        low=low,
        high=high,
        raw_excess_bits_per_pixel=float(excess_bits_per_pixel(model, truth, trace_normalised=False)),
        fidelity=float(metrics.fidelity(rho, sigma)),
        trace_distance=float(metrics.trace_distance(rho, sigma)),
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """Excess of the prior's operator on the pooled pictures beside its sets and the baselines, and on single ones."""
    pooled = {row.model: row for row in _pooled(rows)}
    if not pooled:
        return ["No picture has energy beside its mean, so there is nothing to code."]
    own = pooled[OWN]
    sets = [row for row in pooled.values() if "@" in row.model]
    sentences = [
        f"On {counted_pictures(own.pictures)} together the prior's operator costs {own.excess_bits_per_pixel:.3f} "
        f"bit/pixel{in_brackets(*own.interval, '.3f')} beyond a code built from them; its DCT variances without "
        f"coherences cost {pooled[VARIANCES].excess_bits_per_pixel:.3f}, white noise "
        f"{pooled[WHITE].excess_bits_per_pixel:.2f}.",
        f"Of its sets {sets[0].model} costs least, {sets[0].excess_bits_per_pixel:.3f}, and {sets[-1].model} most, "
        f"{sets[-1].excess_bits_per_pixel:.3f}.",
        f"With its own trace the operator costs {own.raw_excess_bits_per_pixel:.3f}: contrast must be taken from the "
        "picture.",
    ]
    single = sorted(row.excess_bits_per_pixel for row in select(rows, model=OWN) if row.image != "pooled")
    if len(single) > 1:
        sentences.append(
            f"On single pictures it costs {single[0]:.2f} to {single[-1]:.2f} bit/pixel: the operator of one picture "
            "differs from that of many."
        )
    return sentences


def _pooled(rows: Sequence[Row]) -> list[Row]:
    """The pooled rows, cheapest first."""
    return sorted(select(rows, image="pooled"), key=lambda row: row.excess_bits_per_pixel)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"pooled": _operators(rows), "pictures": _pictures(rows)}


def _pictures(rows: Sequence[Row]) -> Table:
    """The prior's operator on every single picture."""
    return table_of(
        [row for row in select(rows, model=OWN) if row.image != "pooled"],
        {
            "picture": "image",
            "excess, bit/pixel": "excess_bits_per_pixel",
            "with its own trace": "raw_excess_bits_per_pixel",
            "fidelity": "fidelity",
        },
        formats=dict.fromkeys(("excess, bit/pixel", "with its own trace", "fidelity"), ".3f"),
        caption="The prior's operator on single pictures, luma without DC",
    )


def _operators(rows: Sequence[Row]) -> Table:
    """Every operator on all pictures, cheapest first."""
    pooled = _pooled(rows)
    own = sum(row.excess_bits_per_pixel for row in pooled if row.model == OWN)
    return table_of(
        pooled,
        {
            "operator": "model",
            "excess, bit/pixel": "excess_bits_per_pixel",
            "5–95 %": lambda row: interval_cell(row.interval[0], row.interval[1], ".3f"),
            "beyond the prior's operator": lambda row: row.excess_bits_per_pixel - own,
            "with its own trace": "raw_excess_bits_per_pixel",
            "fidelity": "fidelity",
            "trace distance": "trace_distance",
        },
        formats={"beyond the prior's operator": "+.3f"}
        | dict.fromkeys(("excess, bit/pixel", "with its own trace", "fidelity", "trace distance"), ".3f"),
        caption=f"Luma without DC of {counted_pictures(pooled[0].pictures if pooled else 0)} pooled; traces made "
        "equal, but for one column",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Excess code length of every operator on all pictures, with its interval, and on every picture."""
    pooled = _pooled(rows)[::-1]
    figure, ax = subplots(figsize=(7.5, 0.8 + 0.34 * max(len(pooled), 3)), layout="constrained")
    single = groups([row for row in rows if row.image != "pooled"], "model")
    for height, row in enumerate(pooled):
        own = values(single[row.model], "excess_bits_per_pixel")
        first = height == 0  # one entry in the legend for all
        ax.plot(own, [height] * len(own), ".", color="0.6", markersize=4, label="one picture" if first else None)
        if row.pictures >= LEAST_PICTURES:
            label = "5–95 % of resampled pictures" if first else None
            ax.plot(row.interval, [height, height], color="C0", linewidth=4, alpha=0.35, label=label)
        ax.plot([row.excess_bits_per_pixel], [height], "o", color="C0", label="all pooled" if first else None)
    ax.set_yticks(range(len(pooled)), [literal_label(row.model) for row in pooled])
    ax.set_xlabel("excess code length, bit/pixel")
    if pooled:
        plain_log_axis(ax, "x")
        ax.legend(loc="best")
    return figure
