"""How well does the prior undo noise, holes, blur and low resolution, beside scikit-image and Pillow?

Luma in code values is degraded by a map that the methods are told, and white noise. Every method runs at each setting
of a short list; the table shows the setting that is best on average over these very pictures, an advantage that qimg,
whose `effort`s are all shown, does without.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments._run.parameters import not_empty
from experiments._run.pictures import PictureParams, Track
from experiments.restoration.degradation_methods import NOTHING, OURS, Degraded, tasks
from qimg import metrics
from qimg.core.arguments import Array, integer, one_of, require
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.report import Table
from qimg.restoration import PlaneEstimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 12
"""Pixels that both sides need when they are made even: more than the kernels of 9×9 have."""

_WITHIN = 1.645  # deviations on both sides of the mean of a Gaussian that hold 90 %


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    crop: int = 192
    """Side of the square from the middle of each picture that is used; 0 takes the whole picture."""
    sigmas: tuple[float, ...] = (10.0, 25.0, 50.0)
    """Standard deviations of the noise, code values."""
    tasks: tuple[str, ...] = ()
    """Names of tasks, such as "noise 25" or "half missing"; all when left out."""
    seed: int = 0


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
    method_seconds: float
    """Processor time; the first picture's includes what is prepared for a noise level once."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, task, method and setting; pictures below 12×12 are left out."""
    require(params.crop == 0 or params.crop >= SMALLEST, "crop", f"must be 0 or at least {SMALLEST}", params.crop)
    not_empty("sigmas", params.sigmas)
    for sigma in params.sigmas:
        require(sigma > 0, "sigmas", "must be positive", sigma)
    integer("seed", params.seed, 0)
    known = tasks(params.sigmas)
    chosen = [one_of("tasks", name, known) for name in params.tasks] or list(known)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        plane = middle(picture.luma().astype(np.float64), params.crop)
        if min(plane.shape) < SMALLEST:
            continue
        for name in chosen:
            rng = np.random.default_rng([params.seed, list(known).index(name), int(picture.sha256[:8], 16)])
            degraded = known[name].degrade(plane, rng)
            if degraded.plane.shape == plane.shape:
                rows.append(_row(picture.name, name, NOTHING, "", plane, degraded, degraded.plane, 0.0))
            for method, settings in known[name].methods.items():
                for setting, restore in settings.items():
                    start = time.process_time()
                    result = restore(degraded)
                    seconds = time.process_time() - start
                    rows.append(_row(picture.name, name, method, setting, plane, degraded, result, seconds))
    return rows


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
    method: str,
    setting: str,
    plane: Array,
    degraded: Degraded,
    result: PlaneEstimate | Array,
    seconds: float,
) -> Row:
    estimate = result if isinstance(result, PlaneEstimate) else None
    inner = tuple(slice(degraded.margin, length - degraded.margin) for length in plane.shape)
    values = np.asarray(result if estimate is None else estimate.values, np.float64)
    reference, shown = plane[inner], np.clip(values, 0, 255)[inner]
    coverage = float("nan")
    if estimate is not None:
        unknown = np.ones(plane.shape, bool) if degraded.missing is None else degraded.missing
        within = np.abs(values - plane) <= _WITHIN * estimate.deviation
        coverage = float(within[inner][unknown[inner]].mean())
    return Row(
        image=image,
        task=task,
        method=method,
        setting=setting,
        psnr_db=metrics.psnr_db(reference, shown),
        ssim=metrics.ssim(reference, shown) if min(reference.shape) >= 11 else float("nan"),
        coverage=coverage,
        method_seconds=seconds,
    )


def best(rows: Sequence[Row], task: str) -> list[tuple[str, str]]:
    """Methods of a task with the setting of highest mean PSNR, ours with every setting."""
    kept = [row for row in comparable(rows, "psnr_db") if row.task == task]
    found = []
    for method in dict.fromkeys(row.method for row in kept):
        settings = dict.fromkeys(row.setting for row in kept if row.method == method)
        if method == OURS:
            found += [(method, setting) for setting in settings]
        else:
            found.append((method, max(settings, key=lambda setting: _mean(kept, task, method, setting, "psnr_db"))))
    return found


def _mean(rows: Sequence[Row], task: str, method: str, setting: str, measure: str) -> float:
    key = (task, method, setting)
    return finite_mean(getattr(row, measure) for row in rows if (row.task, row.method, row.setting) == key)


def gain_db(rows: Sequence[Row], task: str) -> tuple[float, str]:
    """Mean PSNR of our best setting minus that of the best other method, and that method's name."""
    kept = comparable(rows, "psnr_db")
    means = {key: _mean(kept, task, *key, "psnr_db") for key in best(rows, task)}
    ours = max(value for key, value in means.items() if key[0] == OURS)
    others = {key: value for key, value in means.items() if key[0] not in (OURS, NOTHING)}
    rival = max(others, key=lambda key: others[key])
    return ours - others[rival], rival[0]


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    if not comparable(rows, "psnr_db"):
        return [f"No picture is at least {SMALLEST} pixels high and wide and not restored exactly by some method."]
    sentences = []
    for task in dict.fromkeys(row.task for row in rows):
        gain, rival = gain_db(rows, task)
        sentences.append(f"{task.capitalize()}: qimg {gain:+.2f} dB against {rival}, the best of the others.")
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures, each method at its best setting."""
    kept = comparable(rows, "psnr_db")
    body = []
    for task in dict.fromkeys(row.task for row in kept):
        for method, setting in best(rows, task):
            means = [
                _mean(kept, task, method, setting, measure)
                for measure in ("psnr_db", "ssim", "coverage", "method_seconds")
            ]
            body.append([task, method, setting, *means])
    return Table(
        columns=["task", "method", "setting", "PSNR, dB", "SSIM", "within the 90 % interval", "processor seconds"],
        rows=body,
        caption=f"Luma, means over {pictures_counted(rows, 'psnr_db')}",
    )


def plot(rows: Sequence[Row]) -> "Figure":
    """Gain over the best other method, picture by picture and on average, task by task."""
    import matplotlib.pyplot as plt

    kept = comparable(rows, "psnr_db")
    names = list(dict.fromkeys(row.task for row in kept))
    figure, ax = plt.subplots(figsize=(8, 0.5 * len(names) + 1.4), layout="constrained")
    for place, task in enumerate(names):
        keys = best(rows, task)
        means = {key: _mean(kept, task, *key, "psnr_db") for key in keys}
        ours = max((key for key in keys if key[0] == OURS), key=lambda key: means[key])
        rival = max((key for key in keys if key[0] not in (OURS, NOTHING)), key=lambda key: means[key])
        gains = [
            _mean([row for row in kept if row.image == image], task, *ours, "psnr_db")
            - _mean([row for row in kept if row.image == image], task, *rival, "psnr_db")
            for image in dict.fromkeys(row.image for row in kept)
        ]
        ax.plot(gains, [place] * len(gains), "o", color="C0", alpha=0.35, markersize=5)
        ax.plot([np.mean(gains)], [place], "D", color="C0", markersize=8)
        ax.annotate(
            f"over {rival[0]}", (0.99, place), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
        )
    ax.axvline(0, color="0.5", linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.7)
    ax.margins(x=0.25)
    ax.set_xlabel("PSNR of qimg minus that of the best other method, dB (diamond: mean over the pictures)")
    return figure
