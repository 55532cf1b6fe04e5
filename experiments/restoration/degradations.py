"""How well does the prior restore noise, missing pixels, blur and low resolution, beside scikit-image and Pillow?

Luma in code values is degraded by a map that every method receives, and by white noise. Every method runs at each
setting of a short list. The table shows the setting that is best on average over the same pictures; for qimg it shows
every effort instead. Pairs of pictures in two folders are a task of their own: noise, whose standard deviation is that
of their difference, or half the resolution where the originals are twice as large.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Figure,
    Gathered,
    LibraryDependent,
    Named,
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
    pictures_counted,
    positive,
    select,
    subplots,
    timed,
)
from experiments._run.pairs import Pair, TwoFolders, pair_inputs, per_picture_or_pair
from experiments.restoration.degradation_methods import NOTHING, OURS, Degraded, Methods, task_of_pair, tasks
from qimg import images, metrics
from qimg.restoration import PlaneEstimate

SMALLEST = 12
"""Least number of rows and columns, once they are made even: more than those of the 9×9 kernels."""

_WITHIN = 1.645
"""Standard deviations on either side of the mean of a Gaussian that contain 90 %."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    crop: Annotated[int, fulfils(lambda side: side == 0 or side >= SMALLEST, f"must be 0 or at least {SMALLEST}")] = 192
    """Side of the square in the middle of each picture that is used; 0 for the whole picture."""
    sigmas: Annotated[tuple[float, ...], each(positive)] = (10.0, 25.0, 50.0)
    """Standard deviations of the noise, code values."""
    tasks: Named = ()
    """Names of degradations, such as "noise 25" or "half missing"; all when left out."""
    seed: Seed = 0
    pairs: TwoFolders = ()
    """Two folders, of degraded pictures and of their originals of the same names, instead of `images` and `tasks`."""

    def inputs(self) -> Gathered:
        """The pictures, or both pictures of every pair."""
        return pair_inputs(self.pairs) if self.pairs else self.gather()


TINY = Params(box_mean=8, crop=32, sigmas=(25.0,), tasks=("noise 25", "text over it", "Gaussian blur", "half size"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """Measures of one picture restored by one method at one setting."""

    image: str
    task: str
    method: str
    setting: str
    psnr_db: LibraryDependent
    ssim: LibraryDependent
    """NaN where the picture is too small."""
    coverage: LibraryDependent
    """Fraction of restored pixels within ±1.645 predicted standard deviations, 0.9 for calibrated ones; NaN where the
    method predicts none."""
    method_seconds: Seconds
    """Processor time; that of the first picture includes the preparation for a noise level, which is done once."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Measure one picture: one row per task, method and setting, none below 12×12 pixels."""
    defined = tasks(params.sigmas)
    chosen = [one_of("tasks", name, defined) for name in params.tasks] or list(defined)
    plane = middle(picture.luma().astype(np.float64), params.crop)
    rows: list[Row] = []
    for name in chosen if min(plane.shape) >= SMALLEST else ():
        rng = np.random.default_rng([params.seed, list(defined).index(name), int(picture.sha256[:8], 16)])
        rows += rows_of_task(picture.name, name, plane, defined[name].degrade(plane, rng), defined[name].methods)
    return rows


def rows_of_task(image: str, name: str, plane: Array, degraded: Degraded, methods: Methods) -> list[Row]:
    """One row per method and setting, and one of the degraded plane where it has the size of the original."""
    row = partial(_row, image, name, plane, degraded)
    rows = [row(NOTHING, "", degraded.plane, 0.0)] if degraded.plane.shape == plane.shape else []
    for method, settings in methods.items():
        for setting, restore in settings.items():
            rows.append(row(method, setting, *timed(restore, degraded, clock=time.process_time)))
    return rows


def rows_of_pair(pair: Pair, params: Params) -> list[Row]:
    """Measure one pair: one row per method and setting, none below 12×12 pixels."""
    given, plane = (
        images.luma(images.without_alpha(images.load(path))).astype(np.float64)
        for path in (pair.degraded, pair.original)
    )
    given, plane = middle_of_pair(given, plane, params.crop)
    name, degraded, methods = task_of_pair(given, plane)
    return rows_of_task(pair.name, name, plane, degraded, methods) if min(plane.shape) >= SMALLEST else []


run = per_picture_or_pair(rows_of, rows_of_pair, factors=(1, 2), unused=("tasks",))


def middle_of_pair(degraded: Array, original: Array, side: int) -> tuple[Array, Array]:
    """The same square in the middle of a degraded plane and its original, `side` of whose pixels are used; 0: all."""
    factor = len(original) // len(degraded)
    for axis in (0, 1):
        length = degraded.shape[axis]
        taken = (length if side == 0 else min(side // factor, length)) // 2 * 2
        first = (length - taken) // 2
        degraded = degraded.take(range(first, first + taken), axis=axis)
        original = original.take(range(factor * first, factor * (first + taken)), axis=axis)
    return degraded, original


def middle(plane: Array, side: int) -> Array:
    """Square in the middle of a plane with even sides; the whole plane where it is smaller or `side` is 0."""
    return middle_of_pair(plane, plane, side)[0]


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
    """Methods of a task with their setting of highest mean PSNR; qimg with every setting."""
    found = []
    for method, own in groups(select(comparable(rows, "psnr_db"), task=task), "method").items():
        settings = {setting: mean(some, "psnr_db") for setting, some in groups(own, "setting").items()}
        shown = settings if method == OURS else [max(settings, key=lambda setting: settings[setting])]
        found += [(method, setting) for setting in shown]
    return found


def _gains(rows: Sequence[Row], task: str) -> tuple[dict[str, float], str]:
    """PSNR of our best setting minus that of the best other method, by picture, and the name of that method."""
    ours, rival = _leading(rows, task)
    by_picture = groups(select(comparable(rows, "psnr_db"), task=task), "image").items()
    return {image: _psnr(own, *ours) - _psnr(own, *rival) for image, own in by_picture}, rival[0]


def _leading(rows: Sequence[Row], task: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Method and setting of highest mean PSNR, ours and of the others."""
    measured = select(comparable(rows, "psnr_db"), task=task)
    psnr = {key: _psnr(measured, *key) for key in best(rows, task)}
    ours, rival = (
        max((key for key in psnr if (key[0] == OURS) is own and key[0] != NOTHING), key=lambda key: psnr[key])
        for own in (True, False)
    )
    return ours, rival


def _psnr(rows: Sequence[Row], method: str, setting: str) -> float:
    return mean(rows, "psnr_db", method=method, setting=setting)


def gain_db(rows: Sequence[Row], task: str) -> tuple[float, str]:
    """Mean PSNR of our best setting minus that of the best other method, and the name of that method."""
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
    return {"methods": methods_compared(rows), "gains": gains(rows), "intervals": intervals(rows)}


def methods_compared(rows: Sequence[Row]) -> Table:
    """Means over the pictures, each method at its best setting and qimg at all of its settings."""
    return Table(
        columns=["task", "method", "setting", "PSNR, dB", "SSIM", "inside the 90 % interval, %", "processor time, s"],
        rows=[
            [task, method, setting, *(mean(own, name) for name in ("psnr_db", "ssim", "coverage", "method_seconds"))]
            for task, (method, setting), own in _best_rows(rows)
        ],
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_db')}",
        formats={"PSNR, dB": ".2f", "SSIM": ".3f", "inside the 90 % interval, %": ".0%", "processor time, s": ".2f"},
    )


def gains(rows: Sequence[Row]) -> Table:
    """The degraded picture, our best setting, the best other method, and the difference of the two."""
    body: list[list[str | float]] = []
    for task in distinct(comparable(rows, "psnr_db"), "task"):
        ours, rival = _leading(rows, task)
        quality = {(method, setting): own for name, (method, setting), own in _best_rows(rows) if name == task}
        shown = [
            mean(quality.get(key, []), name) for key in ((NOTHING, ""), ours, rival) for name in ("psnr_db", "ssim")
        ]
        by_picture = _gains(rows, task)[0].values()
        body.append([task, *shown[:4], rival[0], *shown[4:], finite_mean(by_picture), min(by_picture)])
    psnr = ("degraded, dB", "qimg, dB", "other, dB")
    ssim = ("degraded, SSIM", "qimg, SSIM", "other, SSIM")
    return Table(
        columns=[
            "task",
            *(psnr[0], ssim[0], psnr[1], ssim[1], "best other method", psnr[2], ssim[2]),
            *("gain, dB", "least gain of a picture, dB"),
        ],
        rows=body,
        caption=f"Luma, PSNR and SSIM, means over {pictures_counted(rows, 'psnr_db')}",
        formats=dict.fromkeys(psnr, ".2f")
        | dict.fromkeys(ssim, ".3f")
        | dict.fromkeys(("gain, dB", "least gain of a picture, dB"), "+.2f"),
    )


def intervals(rows: Sequence[Row]) -> Table:
    """Coverage of intervals of 90 %, and the ratio of true to predicted deviations that Gaussian errors would have."""
    stated = [
        (task, setting, mean(own, "coverage")) for task, (_, setting), own in _best_rows(rows) if _has_intervals(own)
    ]
    return Table(
        columns=["task", "setting", "inside the 90 % interval, %", "error / predicted deviation"],
        rows=[[task, setting, coverage, _excess(coverage)] for task, setting, coverage in stated],
        caption="Pixels inside the intervals of 90 %; ratio of the true to the predicted standard deviation for which "
        "Gaussian errors have this coverage",
        formats={"inside the 90 % interval, %": ".0%", "error / predicted deviation": ".2f"},
    )


def _best_rows(rows: Sequence[Row]) -> list[tuple[str, tuple[str, str], list[Row]]]:
    """Task, method and setting of `best`, and the rows of each."""
    measured = comparable(rows, "psnr_db")
    return [
        (task, key, select(measured, task=task, method=key[0], setting=key[1]))
        for task in distinct(measured, "task")
        for key in best(rows, task)
    ]


def _has_intervals(rows: Sequence[Row]) -> bool:
    return bool(np.isfinite([row.coverage for row in rows]).any())


def _excess(coverage: float) -> float:
    """Deviation of a Gaussian in units of the predicted one; NaN where all or no pixels lie inside."""
    return _WITHIN / NormalDist().inv_cdf((1 + coverage) / 2) if 0 < coverage < 1 else float("nan")


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR of qimg minus that of the best other method, for each picture and on average, by task."""
    names = distinct(comparable(rows, "psnr_db"), "task")
    figure, ax = subplots(figsize=(7, 0.5 * len(names) + 1.6), layout="constrained")
    for place, task in enumerate(names):
        by_picture, rival = _gains(rows, task)
        found = list(by_picture.values())
        first = place == 0
        label = "one picture" if first else None
        ax.plot(found, [place] * len(found), "o", color="0.65", alpha=0.7, markersize=4, label=label)
        ax.plot([np.mean(found)], [place], "D", color="C0", markersize=6, label="mean" if first else None)
        ax.annotate(
            f"over {rival}", (0.99, place), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=6.5
        )
    ax.axvline(0, color="0.5", linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.margins(x=0.25)
    ax.set(ylim=(len(names) - 0.5, -0.7), xlabel="PSNR of qimg minus that of the best other method, dB")
    if names:
        figure.legend(loc="outside lower center", ncols=2)
    return figure
