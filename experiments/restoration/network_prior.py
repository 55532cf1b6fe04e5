"""How much does the prior improve a network that restores JPEG files?

Small networks are trained on growing sets of pictures without the prior and with it: as an input (an explicit estimate
beside the decoded plane), as a regulariser (a penalty on unlikely patches), as a projection (outputs are confined to
the middle of the quantization bins of the file), and as input and projection at once. The pictures for training are
two folds, and each fold uses the prior that was fitted on the other one. Gains are measured on held-out pictures that
are part of no training and no fit.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np

from experiments._run import (
    Count,
    Counts,
    Figure,
    Gathered,
    LibraryDependent,
    Panel,
    PictureParams,
    Seconds,
    Table,
    Track,
    among,
    bundled,
    check,
    counted_pictures,
    curve,
    curves,
    distinct,
    each,
    figure_of,
    gather,
    groups,
    legend_below,
    levels,
    mean,
    median,
    require,
    select,
    values,
    whole,
)
from experiments._run.pictures import Picture as PictureFile
from qimg import images, prior, restoration

if TYPE_CHECKING:
    import torch

    from qimg.core.artifacts import Artifact
    from qimg.learning.loop import Record
    from qimg.restoration.jpeg.training.pool import Picture
    from qimg.restoration.jpeg.training.recipe import Recipe
    from qimg.restoration.jpeg.training.regulariser import Regulariser

ALONE = "estimate alone"
"""The explicit estimate, without a network."""
USES = ("none", "input", "regulariser", "projection", "input+projection")
"""Uses of the prior in a network."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment; the pictures are held out, and JPEG files are reduced by 2×2 means."""

    folds: tuple[str, ...] = ()
    """Two lists or folders of pictures to train on; when left out, the bundled photographs that are not held out (two,
    where no held-out pictures are named)."""
    restorers: tuple[str, ...] = ()
    """Explicit estimators of the folds, in any order, as `qimg fit restorer` writes them."""
    priors: tuple[str, ...] = ()
    """Priors of the folds with a mixture `patch8`, as `qimg fit prior` writes them."""
    uses: Annotated[tuple[str, ...], each(among(USES), empty=True)] = ()
    """Uses of the prior; when left out, all those whose files are named."""
    counts: Counts = (10, 30, 100, 1000)
    """Numbers of pictures to train on; all where a number exceeds theirs."""
    seeds: Annotated[tuple[int, ...], each(whole(0))] = (0,)
    """Seeds of weights, draws and crops."""
    width: int = 32
    """Channels of the features."""
    blocks: int = 4
    """Residual blocks."""
    steps: int = 8000
    """Steps of training."""
    batch: int = 32
    """Crops of 64×64 in a step."""
    every: int = 1000
    """Steps between two evaluations."""
    draws: Count = 1920
    """Draws of all pictures together, at least eight of each."""
    effort: int = 1
    """Stages of the explicit estimate that is an input."""
    strength: float = 0.01
    """Weight of the regulariser's nats per coefficient."""
    device: str = "cpu"
    """Device by its PyTorch name, such as cuda."""
    workers: int = 1
    """Processes that make the draws."""

    def inputs(self) -> Gathered:
        """All pictures that are read, for training and held out."""
        held_out = self.gather()
        more = [gather([fold], box_mean=1) for fold in self.folds]
        if self.images and not self.folds:
            more.append(gather([], box_mean=1))
        return Gathered(
            pictures=[*held_out.pictures, *(one for some in more for one in some.pictures)],
            skipped=[*held_out.skipped, *(one for some in more for one in some.skipped)],
        )


TINY = Params(counts=(2,), width=4, blocks=1, steps=2, batch=2, every=1, draws=2, effort=0, box_mean=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Gains of one network after a number of steps."""

    use: str
    pictures: int
    seed: int
    step: int
    train_seconds: Seconds
    drawing_seconds: Seconds
    """Time for the draws with their explicit estimates; NaN without estimates."""
    weights: int
    gain_q10_db: LibraryDependent
    """Mean gain in PSNR of luma over the decoded file."""
    gain_q20_db: LibraryDependent
    gain_q40_db: LibraryDependent
    loss: LibraryDependent
    """Root mean square error in units of the table scale, mean over the crops trained on."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Train and evaluate all networks: one row per network and evaluation."""
    check(params)
    import torch

    from qimg.learning.loop import Record
    from qimg.restoration.jpeg.training.held_out import HeldOut
    from qimg.restoration.jpeg.training.objective import train
    from qimg.restoration.jpeg.training.pool import make

    uses = _uses(params)
    folds, held_out = _pictures(params)
    if not held_out:
        return []
    restorers = [restoration.load(file) for file in params.restorers]
    priors = [prior.load(file) for file in params.priors]
    _apart(held_out, folds, [*restorers, *priors])
    device = torch.device(params.device)
    held = HeldOut(held_out, device=device, prior=restorers[0] if restorers else None, effort=params.effort)
    advisers = restorers if any("input" in use for use in uses) else []
    counts = sorted({min(count, sum(len(fold) for fold in folds)) for count in params.counts})
    rows: list[Row] = []
    for seed, count in track([(seed, count) for seed in params.seeds for count in counts]):
        chosen = _chosen(folds, count, seed)
        versions = max(8, -(-params.draws // count))
        start = time.perf_counter()
        pool = make(
            chosen, versions=versions, seed=seed, advisers=advisers, effort=params.effort, workers=params.workers
        )
        drawing = time.perf_counter() - start
        if restorers:
            alone = Record(step=0, seconds=0.0, loss=float("nan"), held_out=held.of_estimates())
            rows.append(_row(ALONE, alone, count, seed))
        for use in uses:
            recipe = _recipe(use, params, seed)
            regulariser = _regulariser(chosen, priors, device) if "regulariser" in recipe.use else None
            state = train(recipe, pool, held, device=device, regulariser=regulariser, every=params.every)
            spent = drawing if "input" in recipe.use else float("nan")
            rows += [
                _row(use, record, count, seed, weights=state.network.weights, drawing=spent) for record in state.log
            ]
    return rows


def _uses(params: Params) -> list[str]:
    """Uses of the prior that the files allow."""
    available = {"input": bool(params.restorers), "regulariser": bool(params.priors)}
    possible = [use for use in USES if all(available.get(part, True) for part in use.split("+"))]
    for use in params.uses:
        require(use in possible, "uses", "must have files of restorers or priors", use)
    return list(params.uses) or possible


def _apart(held_out: Sequence["Picture"], folds: Sequence[Sequence["Picture"]], fitted: Sequence["Artifact"]) -> None:
    """Raise `ValueError` where a held-out picture is part of the training or of the fit of a prior."""
    from qimg.restoration.jpeg.training.pool import fitted_on

    trained = {one.name for fold in folds for one in fold}
    for picture in held_out:
        require(picture.name not in trained, "folds", "must not contain a held-out picture", picture.name)
        fresh = not any(fitted_on(one, picture.name) for one in fitted)
        require(fresh, "images", "must contain no picture that a restorer or a prior was fitted on", picture.name)


def _recipe(use: str, params: Params, seed: int) -> "Recipe":
    from qimg.restoration.jpeg.training.recipe import Recipe

    return Recipe(
        use=tuple(name for name in use.split("+") if name != "none"),
        width=params.width,
        blocks=params.blocks,
        effort=params.effort,
        strength=params.strength,
        steps=params.steps,
        batch=params.batch,
        warmup=min(200, params.steps // 10),
        seed=seed,
    )


def _regulariser(chosen: Sequence["Picture"], priors: Sequence[prior.Prior], device: "torch.device") -> "Regulariser":
    from qimg.restoration.jpeg.training.pool import first_not_fitted_on
    from qimg.restoration.jpeg.training.regulariser import Regulariser

    mixture_of = [first_not_fitted_on(picture.name, priors) for picture in chosen]
    return Regulariser([one.mixtures["patch8"].mixture for one in priors], mixture_of).to(device)


def _row(
    use: str, record: "Record", pictures: int, seed: int, *, weights: int = 0, drawing: float = float("nan")
) -> Row:
    return Row(
        use=use,
        pictures=pictures,
        seed=seed,
        step=record.step,
        train_seconds=record.seconds,
        drawing_seconds=drawing,
        weights=weights,
        gain_q10_db=record.held_out["Q10"],
        gain_q20_db=record.held_out["Q20"],
        gain_q40_db=record.held_out["Q40"],
        loss=record.loss,
    )


def _pictures(params: Params) -> tuple[list[list["Picture"]], list["Picture"]]:
    """The pictures of the folds, and the held-out pictures that are large enough."""
    from qimg.restoration.jpeg.training.held_out import large_enough
    from qimg.restoration.jpeg.training.pictures import read

    if params.folds:
        require(len(params.images) > 0, "images", "must name held-out pictures where folds are given", params.images)
        require(params.box_mean == 0, "box_mean", "has no effect where folds are given", params.box_mean)
        root = Path(os.environ["QIMG_DATA"]) if "QIMG_DATA" in os.environ else None
        return [read([fold], root=root)[0] for fold in params.folds], large_enough(read(params.images, root=root)[0])
    pictures = params.gather().pictures
    if params.images:
        keys = {key for one in pictures for key in (one.name, one.sha256)}
        held_out, others = pictures, [one for one in bundled() if keys.isdisjoint((one.name, one.sha256))]
        require(bool(others), "folds", "must be named where all bundled photographs are held out", params.folds)
    else:
        held_out, others = pictures[::3], [one for number, one in enumerate(pictures) if number % 3]
    return [_planes(others[::2]), _planes(others[1::2])], large_enough(_planes(held_out))


def _planes(pictures: Sequence[PictureFile]) -> list["Picture"]:
    """The planes of the pictures that are large enough to train on."""
    from qimg.images.collections import JPEG_SUFFIXES, Source
    from qimg.restoration.jpeg.fitting.draws import planes
    from qimg.restoration.jpeg.training.pool import Picture

    found = []
    for one in pictures:
        image = one.image()
        if one.path is not None and one.path.suffix.lower() in JPEG_SUFFIXES:
            image = images.box_mean(image, min(2, *image.shape[:2]))
        with suppress(images.ImageError):
            found.append(Picture(one.name, *planes(Source(name=one.name, group="", array=image))))
    return found


def _chosen(folds: Sequence[Sequence["Picture"]], count: int, seed: int) -> list["Picture"]:
    """A number of pictures, in equal parts from the folds."""
    rng = np.random.default_rng(seed)
    orders = [[fold[index] for index in rng.permutation(len(fold))] for fold in folds]
    mixed = [one for some in zip_longest(*orders) for one in some if one is not None]
    return mixed[:count]


def _last(rows: Sequence[Row], use: str, pictures: int) -> list[Row]:
    """The rows of one use and number of pictures after all steps."""
    own = select(rows, use=use, pictures=pictures)
    return select(own, step=max(values(own, "step"), default=0))


def final(rows: Sequence[Row], use: str, pictures: int) -> tuple[float, float, float]:
    """Gains in dB at qualities 10, 20 and 40 after all steps, means over seeds."""
    ten, twenty, forty = (mean(_last(rows, use, pictures), f"gain_q{quality}_db") for quality in (10, 20, 40))
    return ten, twenty, forty


def mean_gain(row: Row) -> float:
    """Mean gain over the three qualities."""
    return (row.gain_q10_db + row.gain_q20_db + row.gain_q40_db) / 3


def share_of_steps(rows: Sequence[Row], use: str, pictures: int) -> float:
    """Fraction of the steps after which a use reaches the final gain without the prior; NaN where it never does."""
    steps, gains = curve(select(rows, use=use, pictures=pictures), "step", _mean_gain)
    goal = mean(select(rows, use="none", pictures=pictures, step=max(steps, default=0)), mean_gain)
    reached = [step for step, gain in zip(steps, gains, strict=True) if gain >= goal]
    return reached[0] / steps[-1] if reached else float("nan")


def _mean_gain(rows: Sequence[Row]) -> float:
    return mean(rows, mean_gain)


def findings(rows: Sequence[Row]) -> list[str]:
    """Gain without the prior, and the difference by each use of it, for each number of pictures."""
    if not rows:
        return ["No held-out picture measures 160×160 pixels."]
    sentences = []
    for pictures, own in sorted(groups(rows, "pictures").items()):
        uses = [use for use in (ALONE, *USES) if select(own, use=use)]
        found = {use: float(np.mean(final(own, use, pictures))) for use in uses}
        if "none" in found:
            alone = found.pop("none")
            parts = ", ".join(f"{use} {value - alone:+.3f} dB" for use, value in found.items())
            sentences.append(f"{counted_pictures(pictures)}: without the prior {alone:+.3f} dB; {parts}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"gains": gains(rows)}


def gains(rows: Sequence[Row]) -> Table:
    """Gains after all steps, by the number of pictures and the use of the prior."""
    uses = (ALONE, *USES)
    body: list[list[object]] = []
    for pictures, use in sorted(groups(rows, "pictures", "use"), key=lambda key: (key[0], uses.index(key[1]))):
        last = _last(rows, use, pictures)
        seconds, drawing = median(last, "train_seconds"), median(last, "drawing_seconds")
        reached = share_of_steps(rows, use, pictures)
        body.append([pictures, use, *final(rows, use, pictures), reached, seconds, drawing, last[0].weights])
    columns = {
        "pictures": "",
        "prior as": "",
        "Q10, dB": "+.3f",
        "Q20, dB": "+.3f",
        "Q40, dB": "+.3f",
        "steps to the final gain without prior, fraction": ".2f",
        "training, s": ".1f",
        "draws with estimates, s": ".1f",
        "weights": "_d",
    }
    return Table(
        columns=list(columns),
        rows=body,
        caption=f"Gain in Y PSNR over JPEG on held-out pictures; seeds: {len(distinct(rows, 'seed'))}",
        formats={heading: spec for heading, spec in columns.items() if spec},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Gain in PSNR against the number of pictures, and against steps with the fewest and with all pictures."""
    counts = levels(rows, "pictures")
    uses = [use for use in USES if select(rows, use=use)]
    lines = {use: (counts, [float(np.mean(final(rows, use, count))) for count in counts]) for use in uses}
    ordered = sorted((row for row in rows if row.use in USES), key=lambda row: USES.index(row.use))
    progress = [
        Panel(
            curves=curves(select(ordered, pictures=count), "step", _mean_gain, by="use"),
            x="steps",
            y="",
            title=counted_pictures(count),
            legend=False,
        )
        for count in (counts[0], counts[-1])
    ]
    gains = Panel(curves=lines, x="pictures trained on", y="gain in Y PSNR, dB", log="x", legend=False)
    figure = figure_of(gains, *progress, size=(8.4, 3.6), layout="constrained")
    legend_below(figure)
    return figure
