"""Which statistics of real pictures do pictures drawn from the prior have?

Real patches are compared with draws from the mixture and from one Gaussian of the mixture's covariance; real crops with
textures of the joint mixture in raster order and of one joint Gaussian. Patches are compared by their second moments,
tails and dependence of magnitudes, textures also by spectrum, reach of contrast and of edges, and seams. The prior is
fitted on the same pictures, or read from a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np

import experiments.operators.texture_statistics as statistics
from experiments._run import (
    LEAST_PICTURES,
    Array,
    Count,
    Figure,
    ImageFile,
    LibraryDependent,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    finite_quantiles,
    in_brackets,
    interval_cell,
    picture_interval,
    require,
    select,
    whole,
)
from experiments.operators.synthesis_figure import (
    COLOUR,
    GAUSSIAN,
    GAUSSIAN_TEXTURE,
    MIXTURE,
    REAL,
    SHOWN,
    SOURCES,
    TEXTURE,
    WHOLE,
    board,
    draw,
    encoded,
)
from qimg import images, metrics
from qimg.prior import GaussianMixture, JointMixture, Prior, Recipe, fit, load, sample
from qimg.prior.views import View, random_places

POOLED = "pooled"
SMALLEST = 32
"""Side in pixels below which a picture is too small for statistics of textures."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    prior: str = ""
    """File of a prior with the mixtures patch8 and luma8, or "default" for the one that comes with qimg; left out, one
    is fitted on the pictures. A texture in colour is drawn where it holds colour8."""
    components: Count = 32
    """Classes of patch8, where the prior is fitted."""
    classes: Count = 32
    """Classes of luma8, where the prior is fitted."""
    colour_classes: Annotated[int, whole(0)] = 8
    """Classes of colour8, where the prior is fitted; 0 leaves it out."""
    rounds: Count = 6
    """Passes of the fit."""
    side: Annotated[int, whole(SMALLEST)] = 256
    """Pixels of a texture's side, at least 32; real pictures are cut down to their middle."""
    textures: Count = 12
    """Textures of each kind, and batches of the drawn patches."""
    patches: Count = 40_000
    """Patches of each source, as many from each picture as from any other."""
    seed: Seed = 0
    """Seed of all draws."""


TINY = Params(box_mean=4, components=4, classes=2, colour_classes=2, rounds=2, side=64, textures=2, patches=2000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One statistic of one picture, texture or batch of patches, or of all of a source ("pooled")."""

    source: str
    """"real", "Gaussian" and "mixture" (patches), "Gaussian texture", "prior texture" (planes and their patches)."""
    image: str
    statistic: str
    x: float
    """Distance in pixels, frequency in cycles per pixel or index of the coefficient; NaN where there is none."""
    value: LibraryDependent
    picture: ImageFile = ""
    """An image file in base64 for the figure, for statistic "picture"; `value` is its height in pixels."""


class Statistic(NamedTuple):
    """How a statistic is shown."""

    label: str
    field: str
    """Its name in the rows."""
    sources: Sequence[str]
    x: float = float("nan")


STATISTICS = {
    "slope": Statistic("slope of the power spectrum", "slope", WHOLE),
    "contrast 8": Statistic("correlation of contrast at 8 px", "contrast", WHOLE, 8),
    "contrast 32": Statistic("correlation of contrast at 32 px", "contrast", WHOLE, 32),
    "edges 4": Statistic("continuation of edges at 4 px", "edges", WHOLE, 4),
    "edges 16": Statistic("continuation of edges at 16 px", "edges", WHOLE, 16),
    "edges 24": Statistic("continuation of edges at 24 px", "edges", WHOLE, 24),
    "seams": Statistic("energy of differences across borders of blocks / inside", "seams", WHOLE),
    "busy": Statistic("share of windows in the busiest quarter of the classes", "busy", WHOLE),
    "trace distance": Statistic("trace distance of AC density matrices to all real patches", "trace distance", SOURCES),
    "differences": Statistic("root mean square of pixel differences", "differences", SOURCES),
    "kurtosis of differences": Statistic("kurtosis of pixel differences", "kurtosis of differences", SOURCES),
    "kurtosis": Statistic("kurtosis of DCT coefficients, median of 63", "kurtosis", SOURCES),
    "magnitudes": Statistic("correlation of magnitudes of neighbouring coefficients", "magnitudes", SOURCES),
    "energy spread": Statistic("spread of energy inside classes", "energy spread", (REAL, GAUSSIAN, MIXTURE)),
}
"""Statistics of findings and table."""

DISTANCES = (2, 4, 8, 16, 24, 32, 48, 64)


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every picture, texture and batch; none where no picture is large enough and has structure."""
    check(params)
    pictures = [picture for picture in track(params.gather().pictures) if _structured(picture)]
    if not pictures:
        return []
    prior = _prior(params, pictures, track)
    gaussian = _single_classes(prior)
    rng = np.random.default_rng(params.seed)
    planes: dict[str, dict[str, Array]] = {
        REAL: {picture.name: _middle(_luma(picture), params.side) for picture in pictures},
        GAUSSIAN_TEXTURE: _textures(gaussian, params, rng, track),
        TEXTURE: _textures(prior, params, rng, track),
    }
    each = -(-params.patches // len(pictures))
    patches = {
        REAL: {picture.name: _random_patches(_luma(picture), each, rng) for picture in pictures},
        GAUSSIAN: _batches(gaussian, params, rng),
        MIXTURE: _batches(prior, params, rng),
        **{name: {unit: _all_patches(plane) for unit, plane in planes[name].items()} for name in WHOLE[1:]},
    }
    return [
        *(
            row
            for source in WHOLE
            for unit, plane in track(planes[source].items())
            for row in _of_plane(source, unit, plane, prior.mixtures["luma8"])
        ),
        *_of_patches(patches, prior.mixtures["patch8"].mixture),
        *_pictures(prior, pictures[0], planes, patches, rng),
    ]


def _pictures(
    prior: Prior,
    first: Picture,
    planes: dict[str, dict[str, Array]],
    patches: dict[str, dict[str, Array]],
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Pictures of the figure: the first plane of each source, boards of patches, and colour where there is any."""
    shown = {source: _middle(next(iter(planes[source].values())), SHOWN) for source in WHOLE}
    if "colour8" in prior.mixtures:
        side = min(SHOWN, len(shown[TEXTURE]))
        shown[REAL] = _middle(first.image(), SHOWN)
        shown[COLOUR] = images.ycbcr_to_rgb(sample(prior, rng=rng, texture=(side, side), view="colour8"))
    together = {source: np.concatenate(list(patches[source].values())) for source in (REAL, GAUSSIAN, MIXTURE)}
    largest = max(float(np.quantile(np.abs(together[REAL]), 0.995)), 1.0)
    boards = {
        f"{source} patches": board(own[rng.choice(len(own), size=min(144, len(own)), replace=False)], largest)
        for source, own in together.items()
    }
    for source, picture in {**shown, **boards}.items():
        pixels = images.to_uint8(images.code_values(picture)) if picture.dtype.kind == "u" else images.to_uint8(picture)
        yield Row(
            source=source,
            image=first.name if source == REAL else "",
            statistic="picture",
            x=float("nan"),
            value=float(len(pixels)),
            picture=encoded(pixels),
        )


def _luma(picture: Picture) -> Array:
    return images.luma(picture.image())


def _structured(picture: Picture) -> bool:
    """Whether the picture is large enough and more than one shade."""
    plane = _luma(picture)
    return min(plane.shape) >= SMALLEST and float(plane.std()) > 0.5


def _prior(params: Params, pictures: Sequence[Picture], track: Track) -> Prior:
    if params.prior:
        for name in ("components", "classes", "colour_classes", "rounds"):
            usual = getattr(Params, name)
            require(getattr(params, name) == usual, name, "has no effect where prior is given", getattr(params, name))
        prior = load(None if params.prior == "default" else params.prior)
        for name in ("patch8", "luma8"):
            require(name in prior.mixtures, "prior", f"must hold the mixture {name}", params.prior)
        return prior
    colour = {"colour8": params.colour_classes} if params.colour_classes else {}
    recipe = Recipe(
        mixtures={"patch8": params.components, "luma8": params.classes, **colour},
        colour=bool(colour),
        scales=(1,),
        jpeg_scale=1,
        rounds=params.rounds,
        seed=params.seed,
    )
    return fit([picture.image() for picture in pictures], recipe, track=track)


def _single_classes(prior: Prior) -> Prior:
    """The prior whose mixtures have one class with the covariance of all."""
    one = {
        name: GaussianMixture.from_covariances([1.0], prior.mixtures[name].mixture.covariance()[None])
        for name in ("patch8", "luma8")
    }
    return Prior.assemble(operators=dict(prior.operators), mixtures=one, provenance=prior.provenance)


def _middle(plane: Array, side: int) -> Array:
    """The largest square in the middle, of at most this side."""
    side = min(side, *plane.shape[:2])
    row, column = ((length - side) // 2 for length in plane.shape[:2])
    return plane[row : row + side, column : column + side]


def _textures(prior: Prior, params: Params, rng: np.random.Generator, track: Track) -> dict[str, Array]:
    side = (params.side, params.side)
    return {str(number + 1): sample(prior, rng=rng, texture=side) for number in track(range(params.textures))}


def _batches(prior: Prior, params: Params, rng: np.random.Generator) -> dict[str, Array]:
    drawn = sample(prior, rng=rng, patches=params.patches)
    return {str(number + 1): batch for number, batch in enumerate(np.array_split(drawn, params.textures)) if len(batch)}


def _random_patches(plane: Array, count: int, rng: np.random.Generator) -> Array:
    view = View("patch8")
    patches = view.windows(plane, *random_places(view, plane.shape, count, rng))
    return patches - patches.mean(axis=1, keepdims=True)


def _all_patches(plane: Array) -> Array:
    """Patches at a phase that cuts through the blocks of a texture as often as not: every 5th row and column."""
    patches = np.lib.stride_tricks.sliding_window_view(plane, (8, 8))[::5, ::5].reshape(-1, 64)
    return patches - patches.mean(axis=1, keepdims=True)


def _of_plane(source: str, unit: str, plane: Array, model: JointMixture) -> Iterator[Row]:
    row = partial(Row, source=source, image=unit)
    spectrum = statistics.radial_spectrum(_middle(plane, min(plane.shape)))
    for frequency, power in zip(statistics.frequencies(), spectrum, strict=True):
        if np.isfinite(power):
            yield row(statistic="power", x=float(frequency), value=float(power))
    yield row(statistic="slope", x=float("nan"), value=statistics.spectral_slope(spectrum))
    yield row(statistic="seams", x=float("nan"), value=statistics.seam_ratio(plane))
    yield row(statistic="busy", x=float("nan"), value=statistics.busy_share(plane, model))
    for distance in DISTANCES:
        if distance <= min(plane.shape) // 2:
            contrast = statistics.contrast_correlation(plane, distance)
            yield row(statistic="contrast", x=float(distance), value=contrast)
            yield row(statistic="edges", x=float(distance), value=statistics.edge_continuation(plane, distance))


def _of_patches(patches: dict[str, dict[str, Array]], mixture: GaussianMixture) -> Iterator[Row]:
    analysis = View("patch8").analysis
    coefficients = {
        source: {unit: own @ analysis.T for unit, own in units.items()} for source, units in patches.items()
    }
    real = list(coefficients[REAL].values())
    reference = np.concatenate(real)
    for source, units in coefficients.items():
        together = np.concatenate(list(units.values()))
        # All real patches have no distance to themselves: the distance between halves of the pictures is the scale.
        halves = (np.concatenate(real[::2]), np.concatenate(real[1::2])) if len(real) > 1 else (together, together)
        compared = halves if source == REAL else (together, reference)
        yield Row(source=source, image=POOLED, statistic="trace distance", x=float("nan"), value=_distance(*compared))
        for k, value in enumerate(statistics.kurtosis(together), 1):
            yield Row(source=source, image=POOLED, statistic="kurtosis of coefficient", x=float(k), value=float(value))
        for unit, own in [*units.items(), (POOLED, together)]:
            row = partial(Row, source=source, image=unit, x=float("nan"))
            if unit != POOLED:
                yield row(statistic="trace distance", value=_distance(own, reference))
            yield row(statistic="kurtosis", value=finite_quantiles(statistics.kurtosis(own))[1])
            differences = statistics.pixel_differences(own @ analysis)
            yield row(statistic="differences", value=float(np.sqrt((differences**2).mean())))
            yield row(statistic="kurtosis of differences", value=float(statistics.kurtosis(differences)))
            yield row(statistic="magnitudes", value=statistics.magnitude_correlation(own))
            if source in STATISTICS["energy spread"].sources:
                yield row(statistic="energy spread", value=statistics.energy_spread(own, mixture))


def _distance(a: Array, b: Array) -> float:
    """Trace distance of the density matrices of two sets of coefficients; NaN where one has no energy."""
    moments = [own.T @ own for own in (a, b)]
    traces = [float(np.trace(matrix)) for matrix in moments]
    if min(traces) < 1e-9:
        return float("nan")
    return float(metrics.trace_distance(moments[0] / traces[0], moments[1] / traces[1]))


def quantiles(rows: Sequence[Row], name: str, source: str) -> tuple[float, float, float]:
    """5 %, 50 % and 95 % of a statistic over the pictures, textures or batches of a source."""
    return finite_quantiles(_values(rows, name, source))


def _interval(rows: Sequence[Row], name: str, source: str) -> tuple[float, float]:
    own = _values(rows, name, source)
    return picture_interval(own, len(own))


def _values(rows: Sequence[Row], name: str, source: str) -> list[float]:
    shown = STATISTICS[name]
    at = {} if np.isnan(shown.x) else {"x": shown.x}
    own = select(rows, source=source, statistic=shown.field, **at)
    return [row.value for row in own if row.image != POOLED and np.isfinite(row.value)]


def shared(rows: Sequence[Row], name: str, source: str) -> bool:
    """Whether the median of a source lies among the middle half of the real pictures.

    A distance cannot be too small.
    """
    low, high = np.quantile(_values(rows, name, REAL), [0.25, 0.75])
    value = quantiles(rows, name, source)[1]
    return bool((low <= value or name == "trace distance") and value <= high)


def findings(rows: Sequence[Row]) -> list[str]:
    """Statistics that patches and textures share with real pictures, those that they do not, and pooled kurtosis."""
    if not rows:
        return [f"No picture has {SMALLEST} pixels on each side and energy beyond one shade, so nothing is compared."]
    around = ", and 5–95 % over the pictures" if len(_values(rows, "slope", REAL)) >= LEAST_PICTURES else ""
    sentences = [
        f"Medians{around}. A statistic counts as shared where the median of the samples lies in the middle half of the "
        "real pictures."
    ]
    for drawn, single, what in (
        (MIXTURE, GAUSSIAN, "Patches of the mixture"),
        (TEXTURE, GAUSSIAN_TEXTURE, "Textures of the prior"),
    ):
        texts: dict[str, list[str]] = {"share": [], "do not share": []}
        for name, statistic in STATISTICS.items():
            middle, value, plain = (quantiles(rows, name, source)[1] for source in (REAL, drawn, single))
            if drawn in statistic.sources and np.isfinite([middle, value, plain]).all():
                interval = in_brackets(*_interval(rows, name, REAL), ".3g")
                beside = f"real {middle:.3g}{interval}, one Gaussian {plain:.3g}"
                verb = "share" if shared(rows, name, drawn) else "do not share"
                texts[verb].append(f"{statistic.label} {value:.3g} ({beside})")
        sentences += [f"{what} {verb} with real ones: {'; '.join(listed)}." for verb, listed in texts.items() if listed]
    pooled = {row.source: row.value for row in select(rows, image=POOLED, statistic="kurtosis")}
    if np.isfinite([pooled[source] for source in (REAL, GAUSSIAN, MIXTURE)]).all():
        sentences.append(
            f"Over all pictures together DCT coefficients have a kurtosis of {pooled[REAL]:.3g} (median of 63), those "
            f"of the mixture {pooled[MIXTURE]:.3g} and those of one Gaussian {pooled[GAUSSIAN]:.3g}."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"medians": _medians(rows), "shared": _shared(rows)}


def _medians(rows: Sequence[Row]) -> Table:
    """Median of every statistic, source by source, with the interval over the real pictures."""

    def median(name: str, source: str) -> float:
        return quantiles(rows, name, source)[1] if source in STATISTICS[name].sources else float("nan")

    return Table(
        columns=["statistic", REAL, "5–95 %", *_DRAWN.values()],
        rows=[
            [
                statistic.label,
                median(name, REAL),
                interval_cell(*_interval(rows, name, REAL), ".2f"),
                *(median(name, source) for source in _DRAWN),
            ]
            for name, statistic in STATISTICS.items()
            if rows
        ],
        caption="Medians over pictures, textures and batches of patches; interval over the real pictures",
        formats=dict.fromkeys((REAL, *_DRAWN.values()), ".2f"),
    )


_DRAWN = {
    GAUSSIAN: "Gaussian patches",
    MIXTURE: "mixture patches",
    GAUSSIAN_TEXTURE: "Gaussian textures",
    TEXTURE: "prior textures",
}


def _shared(rows: Sequence[Row]) -> Table:
    """Whether the median of every source of draws lies in the middle half of the real pictures."""
    return Table(
        columns=["statistic", *_DRAWN.values()],
        rows=[
            [statistic.label, *(_verdict(rows, name, source) for source in _DRAWN)]
            for name, statistic in STATISTICS.items()
            if rows
        ],
        caption="Whether the median of the draws lies in the middle half of the real pictures; a trace distance cannot "
        "be too small",
    )


def _verdict(rows: Sequence[Row], name: str, source: str) -> str:
    medians = [quantiles(rows, name, one)[1] for one in (REAL, source)]
    if source not in STATISTICS[name].sources or not np.isfinite(medians).all():
        return "–"
    return "yes" if shared(rows, name, source) else "no"


def plot(rows: Sequence[Row]) -> Figure:
    """Real pictures and patches beside drawn ones, and curves of spectrum, tails, contrast and edges."""
    return draw(rows)
