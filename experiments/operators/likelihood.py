"""How likely are unseen patches under one Gaussian, ICA, mixtures, and a mixture given the neighbours?

The 63 AC coefficients of 8×8 blocks of luma, in code values / 255 and an orthonormal basis, are given to every density:
nats per patch are the mean log-density of this one variable, with no noise added to it. All models are fitted on other
pictures, at the same blocks, and tested on the same blocks. Variances hold the noise of rounding: as ν·1 in Gaussians,
as the least variance of each law of ICA and of DCT-Laplace, so that no constant patch is infinitely likely. Intervals
resample the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeAlias

import numpy as np

from experiments._run import (
    LEAST_PICTURES,
    Array,
    Count,
    Counts,
    Figure,
    Gathered,
    LibraryDependent,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    bundled,
    check,
    counted_pictures,
    each,
    groups,
    groups_by,
    in_brackets,
    interval_cell,
    legend_below,
    picture_interval,
    plain_log_axis,
    require,
    subplots,
    timed,
    values,
    whole,
)
from experiments.operators.patch_models import RASTER, VIEW, Model, fit_models
from qimg import images
from qimg.images.collections import JPEG_SUFFIXES
from qimg.prior.views import random_places


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    only: str = ""
    """Of the pictures of `images`, those whose path holds these letters."""
    fit_on: tuple[str, ...] = ()
    """Sources of the pictures that models are fitted on. Left out, each half of the pictures is tested under the models
    of the other half."""
    jpeg_box_mean: Count = 2
    """Least box mean of JPEG files: 2 washes their block grid out."""
    components: Counts = (1, 4, 16, 64, 200)
    """Numbers of zero-mean Gaussians."""
    joint_components: Count = 64
    """Gaussians of the mixture of blocks with their neighbours."""
    sklearn_components: Annotated[tuple[int, ...], each(whole(1), empty=True)] = ()
    """Gaussians of scikit-learn's mixtures, which take minutes."""
    sklearn_patches: Count = 100_000
    """Most blocks that scikit-learn's mixtures are fitted on."""
    shipped: bool = False
    """Whether the prior that comes with qimg is among the models."""
    fit_patches: Count = 100_000
    """Blocks that models are fitted on, the same number from every picture."""
    patches_per_picture: Count = 1000
    """Blocks of every picture that is tested."""
    epochs: Count = 12
    """Passes over the blocks that fit a mixture."""
    seed: Seed = 0
    """Seed of the blocks and of the fits."""

    def gather(self) -> Gathered:
        """The pictures that are tested."""
        found = self.gather_from(self.images)
        chosen = [picture for picture in found.pictures if self.only in str(picture.path or picture.name)]
        require(len(chosen) > 0, "only", "must be part of the path of a picture", self.only)
        return Gathered(pictures=chosen, skipped=found.skipped)

    def inputs(self) -> Gathered:
        """The pictures that are tested and, where they are given, those that models are fitted on."""
        tested = self.gather()
        return tested + self.gather_from(self.fit_on) if self.fit_on else tested

    def folds(self) -> list[tuple[list[Picture], list[Picture]]]:
        """(tested, fitted) pictures; none is among both.

        Raises:
            ValueError: `fit_on` names no picture beside those that are tested.
        """
        tested = list(self.gather().pictures)
        if self.fit_on:
            fitted = _others(self.gather_from(self.fit_on).pictures, tested)
            require(len(fitted) > 0, "fit_on", "must hold a picture that images does not", self.fit_on)
            return [(tested, fitted)]
        halves = [tested[0::2], tested[1::2]]
        return [(half, _others(tested, half)) for half in halves if half]

    def gather_from(self, sources: Sequence[str]) -> Gathered:
        """The pictures of any sources, files of JPEG reduced by at least `jpeg_box_mean`."""
        found = super().gather_from(sources)
        return Gathered(pictures=[self._washed(picture) for picture in found.pictures], skipped=found.skipped)

    def _washed(self, picture: Picture) -> Picture:
        if picture.path is None or picture.path.suffix.lower() not in JPEG_SUFFIXES:
            return picture
        return replace(picture, box_mean=max(picture.box_mean, self.jpeg_box_mean))


_LEVELS = {
    ("ICA", "nothing"): ("--", "C2"),
    ("DCT-Laplace", "nothing"): (":", "C3"),
    ("joint mixture", "raster ring"): ("-.", "C4"),
    ("shipped prior, joint", "raster ring"): ((0, (5, 1, 1, 1, 1, 1)), "C5"),
}
"""Line and colour of the models without a number of Gaussians in the figure."""

Key: TypeAlias = tuple[str, int, str]
"""Model, components and what is known."""

_GAUSSIAN = ("mixture", 1, "nothing")

TINY = Params(box_mean=4, components=(1, 4), joint_components=2, fit_patches=2000, patches_per_picture=100, epochs=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture under one model."""

    image: str
    model: str
    """"mixture", "DCT-Laplace", "ICA", "joint mixture", "scikit-learn", "shipped prior" or "shipped prior, joint"."""
    components: int
    """Gaussians; 0 where the model has none."""
    known: str
    """"nothing", "raster ring" (above and left) or "whole ring" (lower left as well)."""
    patches: int
    """Blocks tested; 0 where the picture is too small for a block with its ring."""
    fitted_on: int
    """Pictures that the model was fitted on."""
    nats_per_patch: LibraryDependent
    """Mean log-density in 63 dimensions; NaN without a block."""
    fit_seconds: Seconds


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture and model."""
    check(params)
    kinds = [
        *(("mixture", k) for k in params.components),
        ("DCT-Laplace", 0),
        ("ICA", 0),
        ("joint mixture", params.joint_components),
        *(("scikit-learn", k) for k in params.sklearn_components),
        *([("shipped prior", 0)] if params.shipped else []),
    ]
    rows: list[Row] = []
    for tested, fitted in params.folds():
        count, vectors = _fit_vectors(fitted, params)
        blocks = [_vectors(picture, params.patches_per_picture, params.seed) for picture in tested]
        whole, raster = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        edges = np.cumsum([len(one) for one, _ in blocks])[:-1]
        fit = partial(
            fit_models, vectors=vectors, seed=params.seed, epochs=params.epochs, sklearn_patches=params.sklearn_patches
        )
        for kind, components in track(kinds):
            models, seconds = timed(fit, kind, components)
            for model in models:
                nats = np.split(model.log_density(whole, raster) + 63 * np.log(255.0), edges)
                rows += [_row(*one, model, count, seconds) for one in zip(tested, nats, strict=True)]
    return rows


def _row(picture: Picture, nats: Array, model: Model, fitted_on: int, seconds: float) -> Row:
    return Row(
        image=picture.name,
        model=model.name,
        components=model.components,
        known=model.known,
        patches=len(nats),
        fitted_on=fitted_on,
        nats_per_patch=float(nats.mean()) if len(nats) else float("nan"),
        fit_seconds=seconds,
    )


def _others(pictures: Sequence[Picture], tested: Sequence[Picture]) -> list[Picture]:
    hashes = {picture.sha256 for picture in tested}
    return [picture for picture in pictures if picture.sha256 not in hashes]


def _fit_vectors(pictures: Sequence[Picture], params: Params) -> tuple[int, Array]:
    """Number of pictures and their vectors; of the bundled ones where no picture is left that holds a block."""
    for chosen in (pictures, bundled(box_mean=params.box_mean or 1)):
        count = -(-params.fit_patches // max(len(chosen), 1))
        parts = [_vectors(picture, count, params.seed)[0] for picture in chosen]
        if any(len(part) for part in parts):
            return len(chosen), np.concatenate(parts)
    raise images.ImageError("no picture to fit on is large enough for a block with its ring, 17×17 pixels")


def _vectors(picture: Picture, count: int, seed: int) -> tuple[Array, Array]:
    """The same blocks of a picture as vectors of `VIEW` and of `RASTER`, in code values."""
    luma = images.luma(picture.image())
    if not VIEW.fits(luma.shape):
        return np.zeros((0, VIEW.dimension)), np.zeros((0, RASTER.dimension))
    places = random_places(VIEW, luma.shape, count, np.random.default_rng([seed, int(picture.sha256[:16], 16)]))
    return VIEW.vectors(luma, *places), RASTER.vectors(luma, *places)


def findings(rows: Sequence[Row]) -> list[str]:
    """Means of all models, and differences of pairs of them with intervals over the pictures."""
    nats = _by_model(rows)
    if not nats:
        return ["No picture holds an 8×8 block with its ring of neighbours, so no likelihood was measured."]
    pictures = len(next(iter(nats.values())))
    means = ", ".join(f"{_label(*key)} {found.mean():.2f}" for key, found in nats.items())
    sentences = [f"Mean over {counted_pictures(pictures)}, in nats per patch: {means}."]
    for first, second in _pairs(list(nats)):
        if first in nats and second in nats and first != second:
            label = _label(*first)
            difference = _described(nats[first] - nats[second])
            sentences.append(f"{label[:1].upper()}{label[1:]} minus {_label(*second)}: {difference}.")
    if pictures < LEAST_PICTURES:
        sentences.append("With so few pictures the comparison holds for them, not for photographs at large.")
    return sentences


def _pairs(keys: Sequence[Key]) -> list[tuple[Key, Key]]:
    """Pairs of models whose difference is a finding."""
    named = {name: [key for key in keys if key[0] == name] for name, _, _ in keys}
    mixtures = sorted(key[1] for key in named["mixture"])
    many = ("mixture", mixtures[-1], "nothing")
    few = ("mixture", 16 if 16 in mixtures[:-1] else mixtures[0], "nothing")
    joint = named["joint mixture"][0]
    raster, whole = (joint[0], joint[1], "raster ring"), (joint[0], joint[1], "whole ring")
    shipped = named.get("shipped prior", [many])[0]
    return [
        *([(many, _GAUSSIAN)] if few != _GAUSSIAN else []),
        *((many, few), (many, ("ICA", 0, "nothing")), (raster, joint), (raster, many), (whole, raster)),
        *((("mixture", key[1], "nothing"), key) for key in named.get("scikit-learn", ())),
        (shipped, many),
        *((key, shipped) for key in named.get("shipped prior, joint", ())),
    ]


def _described(differences: Array) -> str:
    mean, around = differences.mean(), in_brackets(*_interval(differences), "+.2f")
    return (
        f"{mean:+.2f}{around} nats per patch, {mean / 63 / np.log(2):+.3f} bit per coefficient, "
        f"more in {np.count_nonzero(differences > 0)} of {counted_pictures(len(differences))}"
    )


def _by_model(rows: Sequence[Row]) -> dict[Key, Array]:
    """Nats per patch, picture by picture in one order, of every model; pictures without a block are left out."""
    ordered = sorted(rows, key=lambda row: row.image)
    tested = groups_by([row for row in ordered if row.patches], _key)
    return {key: np.array(values(tested[key], "nats_per_patch")) for key in groups_by(rows, _key) if key in tested}


def _key(row: Row) -> Key:
    return row.model, row.components, row.known


def _label(model: str, components: int, known: str) -> str:
    name = "one Gaussian" if (model, components) == ("mixture", 1) else model
    count = f", K = {components}" if components > 1 else ""
    return f"{name}{count}{'' if known == 'nothing' else f', {known}'}"


def _interval(found: Array) -> tuple[float, float]:
    """5 % and 95 % of the means over resamples of the pictures, always the same ones; NaN for fewer than eight."""
    chosen = np.random.default_rng(0).integers(len(found), size=(2000, len(found)))
    return picture_interval(found[chosen].mean(axis=1), len(found))


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"models": _models(rows), "differences": _differences(rows)}


def _differences(rows: Sequence[Row]) -> Table:
    """Pairs of models: the mean difference over the pictures, with its interval."""
    nats = _by_model(rows)
    body: list[list[Any]] = []
    for first, second in _pairs(list(nats)) if nats else ():
        if first in nats and second in nats and first != second:
            found = nats[first] - nats[second]
            interval = interval_cell(*_interval(found), "+.2f")
            likelier = int(np.count_nonzero(found > 0))
            body.append([_label(*first), _label(*second), float(found.mean()), interval, likelier, len(found)])
    return Table(
        columns=["model", "compared with", "nats per patch", "5–95 %", "pictures that it makes likelier", "pictures"],
        rows=body,
        caption="Mean difference over the pictures, and its interval over resamples of them",
        formats={"nats per patch": "+.2f"},
    )


def _models(rows: Sequence[Row]) -> Table:
    """Means over the pictures of every model, with intervals."""
    body: list[list[Any]] = []
    nats = _by_model(rows)
    nothing = np.array([np.nan])
    for key, own in groups(rows, "model", "components", "known").items():
        found = nats.get(key, nothing)
        interval = interval_cell(*_interval(found), ".2f")
        excess = float((found - nats.get(_GAUSSIAN, nothing)).mean())
        shown = [float(found.mean()), interval, excess, excess / 63 / np.log(2)]
        body.append([_label(*key), sum(values(own, "patches")), *shown, np.mean(values(own, "fit_seconds"))])
    counted = len({row.image for row in rows if row.patches})
    return Table(
        columns=[
            "model",
            "patches",
            "nats per patch",
            "5–95 %",
            "beyond one Gaussian",
            "bit per coefficient",
            "fit, s",
        ],
        rows=body,
        caption=f"Means over {counted_pictures(counted)} that no model was fitted on",
        formats={"patches": "_d", "nats per patch": ".2f", "beyond one Gaussian": "+.2f"}
        | {"bit per coefficient": "+.3f", "fit, s": ".0f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Nats per patch against the number of Gaussians, and of all models, with intervals over the pictures."""
    figure, axes = subplots(1, 2, figsize=(7, 3.8), width_ratios=(1, 1.1))
    nats = _by_model(rows)
    for name, marker in (("mixture", "o"), ("scikit-learn", "s")):
        found = {key[1]: own for key, own in sorted(nats.items()) if key[0] == name}
        if found:
            means, low, high = np.array([(own.mean(), *_interval(own)) for own in found.values()]).T
            around = np.abs([means - low, high - means])
            axes[0].errorbar(list(found), means, yerr=around, marker=marker, capsize=3, label=name)
    for (name, _, known), own in nats.items():
        style = _LEVELS.get((name, known))
        if style:
            label = name if known == "nothing" else f"{name}, {known}"
            axes[0].axhline(own.mean(), linestyle=style[0], linewidth=1.2, color=style[1], label=label)
    if nats:
        plain_log_axis(axes[0], "x")
        legend_below(figure)
    axes[0].set(xlabel="Gaussians in the mixture, K", ylabel="nats per unseen patch")
    reference = nats.pop(_GAUSSIAN, None)
    beyond = {_label(*key): own if reference is None else own - reference for key, own in nats.items()}
    ordered = dict(sorted(beyond.items(), key=lambda item: float(item[1].mean())))
    for place, own in enumerate(ordered.values()):
        low, high = _interval(own)
        axes[1].plot([low, high], [place, place], color="C0", linewidth=2, solid_capstyle="round")
        axes[1].plot(own.mean(), place, "o", color="C0")
        axes[1].annotate(
            f"{own.mean():.1f}",
            (np.fmax(high, own.mean()), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes[1].set_yticks(range(len(ordered)), list(ordered))
    measured = "nats per patch" if reference is None else "nats beyond one Gaussian"
    pictures = max(map(len, beyond.values()), default=0)
    axes[1].set_xlabel(f"{measured}, 5–95 %" if pictures >= LEAST_PICTURES else measured)
    axes[1].margins(x=0.15)
    return figure
