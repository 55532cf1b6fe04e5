"""How well does the prior undo noise, holes, blur and low resolution, beside scikit-image and Pillow?

Luma in code values is degraded by a map that the methods are given, and white noise. Every method runs at each setting
of a short list; the table shows the setting that is best on average over these very pictures, an advantage that qimg,
whose `effort`s are all shown, does without.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Figure,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    comparable,
    distinct,
    each,
    finite_mean,
    fulfils,
    groups,
    mean,
    one_of,
    per_picture,
    pictures_counted,
    positive,
    select,
    subplots,
    table_of,
    timed,
)
from experiments.restoration.degradation_methods import NOTHING, OURS, Degraded, tasks
from qimg import metrics
from qimg.restoration import PlaneEstimate

SMALLEST = 12
"""Pixels that both sides need when they are made even: more than the kernels of 9×9 have."""

_WITHIN = 1.645  # deviations on both sides of the mean of a Gaussian that hold 90 %


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    crop: Annotated[int, fulfils(lambda side: side == 0 or side >= SMALLEST, f"must be 0 or at least {SMALLEST}")] = 192
    """Side of the square from the middle of each picture that is used; 0 takes the whole picture."""
    sigmas: Annotated[tuple[float, ...], each(positive)] = (10.0, 25.0, 50.0)
    """Standard deviations of the noise, code values."""
    tasks: tuple[str, ...] = ()
    """Names of tasks, such as "noise 25" or "half missing"; all when left out."""
    seed: Seed = 0


TINY = Params(box_mean=8, crop=32, sigmas=(25.0,), tasks=("noise 25", "text over it", "Gaussian blur", "half size"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, restored by one method at one setting."""

    image: str
    task: str
    method: str
    setting: str
    psnr_db: float
    ssim: float
    """NaN where the picture is too small."""
    coverage: float
    """Share of restored pixels within ±1.645 of the deviations that the method states, 0.9 if these were calibrated;
    NaN if it states none."""
    method_seconds: Seconds
    """Processor time; the first picture's includes what is prepared for a noise level once."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per task, method and setting; none below 12×12 pixels."""
    known = tasks(params.sigmas)
    chosen = [one_of("tasks", name, known) for name in params.tasks] or list(known)
    plane = middle(picture.luma().astype(np.float64), params.crop)
    rows: list[Row] = []
    for name in chosen if min(plane.shape) >= SMALLEST else ():
        rng = np.random.default_rng([params.seed, list(known).index(name), int(picture.sha256[:8], 16)])
        degraded = known[name].degrade(plane, rng)
        row = partial(_row, picture.name, name, plane, degraded)
        if degraded.plane.shape == plane.shape:
            rows.append(row(NOTHING, "", degraded.plane, 0.0))
        for method, settings in known[name].methods.items():
            for setting, restore in settings.items():
                rows.append(row(method, setting, *timed(restore, degraded, clock=time.process_time)))
    return rows


run = per_picture(rows_of)


def middle(plane: Array, side: int) -> Array:
    """A square from the middle, or all of the plane where it is smaller or `side` is 0, with even sides."""
    for axis in (0, 1):
        length = plane.shape[axis]
        taken = (length if side == 0 else min(side, length)) // 2 * 2
        first = (length - taken) // 2
        plane = plane.take(range(first, first + taken), axis=axis)
    return plane


def _row(
    image: str,
    task: str,
    plane: Array,
    degraded: Degraded,
    method: str,
    setting: str,
    result: PlaneEstimate | Array,
    seconds: float,
) -> Row:
    estimate = result if isinstance(result, PlaneEstimate) else None
    inner = tuple(slice(degraded.margin, length - degraded.margin) for length in plane.shape)
    values = np.asarray(result if estimate is None else estimate.values, np.float64)
    reference, shown = plane[inner], np.clip(values, 0, 255)[inner]
    coverage = float("nan")
    if estimate is not None and np.isfinite(estimate.deviation).all():
        unknown = np.ones(plane.shape, bool) if degraded.missing is None else degraded.missing
        within = np.abs(values - plane) <= _WITHIN * estimate.deviation
        coverage = float(within[inner][unknown[inner]].mean())
    return Row(
        image=image,
        task=task,
        method=method,
        setting=setting,
        psnr_db=metrics.psnr_db(reference, shown, data_range=255),
        ssim=metrics.measure("ssim", reference, shown, data_range=255),
        coverage=coverage,
        method_seconds=seconds,
    )


def best(rows: Sequence[Row], task: str) -> list[tuple[str, str]]:
    """Methods of a task with the setting of highest mean PSNR, ours with every setting."""
    found = []
    for method, own in groups(select(comparable(rows, "psnr_db"), task=task), "method").items():
        settings = {setting: mean(some, "psnr_db") for setting, some in groups(own, "setting").items()}
        shown = settings if method == OURS else [max(settings, key=lambda setting: settings[setting])]
        found += [(method, setting) for setting in shown]
    return found


def _gains(rows: Sequence[Row], task: str) -> tuple[dict[str, float], str]:
    """Picture → PSNR of our best setting minus that of the best other method, and that method's name."""
    kept = select(comparable(rows, "psnr_db"), task=task)
    psnr = {key: _psnr(kept, *key) for key in best(rows, task)}
    ours, rival = (
        max((key for key in psnr if (key[0] == OURS) is own and key[0] != NOTHING), key=lambda key: psnr[key])
        for own in (True, False)
    )
    by_picture = groups(kept, "image").items()
    return {image: _psnr(own, *ours) - _psnr(own, *rival) for image, own in by_picture}, rival[0]


def _psnr(rows: Sequence[Row], method: str, setting: str) -> float:
    return mean(rows, "psnr_db", method=method, setting=setting)


def gain_db(rows: Sequence[Row], task: str) -> tuple[float, str]:
    """Mean PSNR of our best setting minus that of the best other method, and that method's name."""
    gains, rival = _gains(rows, task)
    return finite_mean(gains.values()), rival


def findings(rows: Sequence[Row]) -> list[str]:
    """Mean gain of our best setting over the best other method, task by task."""
    if not comparable(rows, "psnr_db"):
        return [f"No picture is at least {SMALLEST} pixels high and wide and not restored exactly by some method."]
    gains = {task: gain_db(rows, task) for task in distinct(rows, "task")}
    return [
        f"{task.capitalize()}: qimg {gain:+.2f} dB against {rival}, the best of the others."
        for task, (gain, rival) in gains.items()
    ]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Means over the pictures, each method at its best setting."""
    kept = comparable(rows, "psnr_db")
    shown = [
        row
        for task in distinct(kept, "task")
        for method, setting in best(rows, task)
        for row in select(kept, task=task, method=method, setting=setting)
    ]
    return table_of(
        shown,
        {
            "task": "task",
            "method": "method",
            "setting": "setting",
            "PSNR, dB": "psnr_db",
            "SSIM": "ssim",
            "within the 90 % interval": "coverage",
            "processor seconds": "method_seconds",
        },
        by=("task", "method", "setting"),
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_db')}",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Gain over the best other method, picture by picture and on average, task by task."""
    names = distinct(comparable(rows, "psnr_db"), "task")
    figure, ax = subplots(figsize=(8, 0.5 * len(names) + 1.4), layout="constrained")
    for place, task in enumerate(names):
        by_picture, rival = _gains(rows, task)
        gains = list(by_picture.values())
        ax.plot(gains, [place] * len(gains), "o", color="C0", alpha=0.35, markersize=5)
        ax.plot([np.mean(gains)], [place], "D", color="C0", markersize=8)
        ax.annotate(
            f"over {rival}", (0.99, place), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
        )
    ax.axvline(0, color="0.5", linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.margins(x=0.25)
    label = "PSNR of qimg minus that of the best other method, dB (diamond: mean over the pictures)"
    ax.set(ylim=(len(names) - 0.5, -0.7), xlabel=label)
    return figure
