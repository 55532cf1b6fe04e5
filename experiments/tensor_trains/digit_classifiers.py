"""How many digits does a tensor train classify wrongly, next to classical models and a fidelity kernel on equal data?

Every model learns from the same pictures: the first training digits of MNIST, or patches of each picture that stand
upright or upside down. It is tested on all test digits, or on other patches. Models with a seed are trained with each
seed. Shifted copies are a model of their own, because they add knowledge. Seconds are processor time on one core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Annotated

import numpy as np

from circuits import probability_interval
from experiments._run import (
    Count,
    Figure,
    Gathered,
    LibraryDependent,
    Picture,
    PictureParams,
    Seconds,
    Table,
    Track,
    among,
    check,
    distinct,
    each,
    groups,
    in_brackets,
    levels,
    mean,
    plain_log_axis,
    select,
    subplots,
    table_of,
    whole,
)
from experiments.tensor_trains.binary_pictures import mnist_inputs
from experiments.tensor_trains.classifier_models import (
    FREQUENT,
    LOGISTIC,
    MODELS,
    NETWORK,
    PRINTED,
    RBF,
    SEEDED,
    SHIFTED,
    SWEPT_TRAIN,
    TRAIN,
    Outcome,
    Settings,
)
from experiments.tensor_trains.labelled_pictures import FILES, Labelled, labelled_digits, upright_patches
from qimg.report.plots import curve_styles


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    digits: Annotated[tuple[int, ...], each(whole(10), empty=True)] = ()
    """Numbers of training digits of MNIST, from the set mnist in QIMG_DATA; none takes patches of the pictures."""
    models: Annotated[tuple[str, ...], each(among(MODELS))] = (FREQUENT, LOGISTIC, RBF, NETWORK, TRAIN)
    """Models that are trained."""
    box: Count = 2
    """Side of the boxes of pixels whose means are the pixels of the models; digits have 28×28 pixels."""
    side: Count = 8
    """Pixels of a patch's side."""
    patches: Count = 500
    """Most training patches of a picture, and most test patches."""
    bond: Count = 16
    """Bond dimension of the tensor train."""
    seen: Count = 100_000
    """Training pictures of all steps together, of the tensor train and of the network."""
    sweeps: Count = 2
    """Sweeps of the tensor train that is trained by them."""
    shots: Count = 1024
    """Shots for each entry of the kernel."""
    layers: Annotated[int, whole(0)] = 4
    """Layers of the variational circuit."""
    iterations: Count = 60
    """Iterations of its fit."""
    seeds: Annotated[tuple[int, ...], each(whole(0))] = (0, 1, 2)
    """Seeds of the models that have one."""
    seed: Annotated[int, whole(0)] = 0
    """Seed of the choice of patches."""

    def inputs(self) -> Gathered:
        """The pictures, or the files of digits."""
        return Gathered(pictures=mnist_inputs(FILES), skipped=()) if self.digits else self.gather()


TINY = Params(
    box_mean=4,
    side=4,
    box=1,
    patches=40,
    bond=3,
    seen=800,
    sweeps=1,
    iterations=5,
    layers=1,
    seeds=(0,),
    models=tuple(model for model in MODELS if "CNN" not in model),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model, trained on one collection of pictures with one seed."""

    image: str
    """The picture whose patches were used, or "mnist"."""
    model: str
    """One of `MODELS`."""
    pictures: int
    """Training pictures, without shifted copies."""
    seed: int
    """Seed of the model; 0 for models without one."""
    pixels: int
    classes: int
    bond: int
    """Bond dimension of a tensor train; 0 otherwise."""
    parameters: int
    """Stored numbers: weights, cores with the gauge, angles, or numbers of support vectors."""
    train_error: LibraryDependent
    """Share of the first thousand training pictures with a wrong label."""
    test_error: LibraryDependent
    """Share of test pictures with a wrong label."""
    tested: int
    """Test pictures."""
    fit_seconds: Seconds
    """Processor time of the training; of the network with its predictions."""
    predict_seconds: Seconds
    """Processor time of the predictions of the test pictures; NaN for the network."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every model, number of pictures and seed."""
    check(params)
    if params.digits:
        jobs: list[tuple[Picture | None, int]] = [(None, count) for count in params.digits]
    else:
        jobs = [(picture, 0) for picture in params.gather().pictures]
    trials = [
        (job, model, seed)
        for job in jobs
        for model in params.models
        for seed in (params.seeds if model in SEEDED else params.seeds[:1])
    ]
    rows = []
    for job, own in groupby(track(trials), key=itemgetter(0)):
        data = _data(job, params)
        # A sweep changes two neighbouring sites at a time, and boxes may leave one.
        several = max(data.train.shape[1:]) >= 2 * params.box
        rows += [_row(data, model, seed, params) for _, model, seed in own if several or model != SWEPT_TRAIN]
    return rows


def _data(job: tuple[Picture | None, int], params: Params) -> Labelled:
    picture, count = job
    if picture is None:
        return labelled_digits(count)
    rng = np.random.default_rng(params.seed)
    return upright_patches(picture, side=params.side, count=params.patches, rng=rng)


def _row(data: Labelled, model: str, seed: int, params: Params) -> Row:
    settings = Settings(
        bond=params.bond,
        seen=params.seen,
        sweeps=params.sweeps,
        shots=params.shots,
        layers=params.layers,
        iterations=params.iterations,
        seed=seed,
    )
    known = (data.shifted() if model in SHIFTED else data).smaller(params.box)
    outcome: Outcome = MODELS[model](known, settings)
    labels = data.train_labels[:PRINTED]  # unshifted pictures come first
    return Row(
        image=data.name,
        model=model,
        pictures=len(data.train),
        seed=seed if model in SEEDED else 0,
        pixels=known.train[0].size,
        classes=data.classes,
        bond=params.bond if model.startswith(TRAIN) else 0,
        parameters=outcome.parameters,
        train_error=float((outcome.train[: len(labels)] != labels).mean()),
        test_error=float((outcome.test != data.test_labels).mean()),
        tested=len(data.test),
        fit_seconds=outcome.fit_seconds,
        predict_seconds=outcome.predict_seconds,
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """Errors of every model, and where a baseline has fewer than the tensor train."""
    sentences = []
    for pictures, own in groups(rows, "pictures").items():
        errors = {model: 100 * mean(select(own, model=model), "test_error") for model in distinct(own, "model")}
        listed = ", ".join(f"{model} {error:.2f} %" for model, error in errors.items())
        sentences.append(f"Wrong labels of test pictures after {pictures} training pictures: {listed}.")
        if TRAIN in errors:
            better = [model for model in (LOGISTIC, RBF, NETWORK) if errors.get(model, np.inf) < errors[TRAIN]]
            fewer = " and ".join(better) if better else "no baseline"
            sentences.append(f"After {pictures} training pictures, fewer errors than the tensor train: {fewer}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"errors": error_table(rows), "costs": cost_table(rows)}


def error_table(rows: Sequence[Row]) -> Table:
    """Errors of each model: mean over seeds, extremes, and the interval of the sampling of test pictures."""
    return table_of(
        rows,
        {
            "pictures of": "image",
            "learnt from": "pictures",
            "model": "model",
            "bond": lambda own: own[0].bond or "",
            "seeds": len,
            "training": lambda own: 100 * mean(own, "train_error"),
            "test": lambda own: 100 * mean(own, "test_error"),
            "of the seeds": _extremes,
            "95 % interval": _interval,
            "accuracy": lambda own: 100 - 100 * mean(own, "test_error"),
        },
        by=("image", "pictures", "model"),
        caption="Wrong labels in percent; the interval is that of the test pictures (Clopper and Pearson)",
        formats={"learnt from": "_d", **dict.fromkeys(("training", "test", "accuracy"), ".2f")},
    )


def _extremes(own: list[Row]) -> str:
    """The least and the largest error of the seeds."""
    errors = [100 * row.test_error for row in own]
    return in_brackets(min(errors), max(errors), ".2f").strip() if len(own) > 1 else ""


def _interval(own: list[Row]) -> str:
    """The interval of the mean error, as if one model had it."""
    wrong = round(mean(own, "test_error") * own[0].tested)
    low, high = probability_interval(wrong, own[0].tested)
    return in_brackets(100 * float(low), 100 * float(high), ".2f").strip()


def cost_table(rows: Sequence[Row]) -> Table:
    """Numbers and processor time of each model."""
    return table_of(
        rows,
        {
            "pictures of": "image",
            "learnt from": "pictures",
            "model": "model",
            "numbers": lambda own: round(mean(own, "parameters")),
            "training, s": "fit_seconds",
            "test, s": lambda own: mean(own, "predict_seconds"),
        },
        by=("image", "pictures", "model"),
        caption="Stored numbers and seconds of processor time on one core, means over seeds",
        formats={"learnt from": "_d", "numbers": "_d", "training, s": ".1f", "test, s": ".1f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Test errors against the seconds of training and against stored numbers; lines join numbers of pictures."""
    figure, panels = subplots(1, 2, figsize=(11, 4.5), sharey=True)
    models = [model for model in distinct(rows, "model") if model != FREQUENT]
    for model, style in zip(models, curve_styles(), strict=False):
        own = select(rows, model=model)
        sizes = [select(own, pictures=size) for size in levels(own, "pictures")]
        errors = [100 * mean(some, "test_error") for some in sizes]
        for ax, name in zip(panels, ("fit_seconds", "parameters"), strict=True):
            ax.plot([max(mean(some, name), 1e-3) for some in sizes], errors, label=model, **style)
    panels[0].set(xlabel="seconds of training on one core", ylabel="wrong labels of test pictures, %")
    panels[1].set_xlabel("stored numbers")
    if models:
        panels[0].legend(fontsize=8)
        for ax in panels:
            ax.set_xscale("log")
        if all(row.test_error > 0 for row in rows):
            plain_log_axis(panels[0], "y")
    return figure
