"""What changes where restoration is fitted and evaluated on RAW files instead of 8-bit pictures?

RAW files are developed to 16 bits. Their luma is rounded to bytes and compressed, as in a camera. The reference is the
luma before rounding or its bytes. Estimators of one recipe are fitted on equally many pixels of the files of other
cameras and of ordinary pictures, against either reference, and evaluated on the files of a camera left out of the fit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Array,
    Count,
    Figure,
    FittingParams,
    LibraryDependent,
    Panel,
    Qualities,
    Seed,
    Table,
    Track,
    among,
    check,
    counted_pictures,
    distinct,
    each,
    fair_mean,
    figure_of,
    legend_below,
    levels,
    mean,
    not_empty,
    pictures_counted,
    require,
    select,
    whole,
)
from experiments.restoration.deep_methods import (
    FITTED,
    JPEG,
    PICTURES,
    SHIPPED,
    Fits,
    Method,
    component_of,
    table_of_methods,
)
from experiments.restoration.deep_pictures import DeepPicture, deep_picture, grain
from qimg import images, metrics
from qimg.images.jpeg.blocks import DCT, to_blocks
from qimg.restoration.jpeg.cascade import table_scale
from qimg.restoration.jpeg.fitting import Recipe
from qimg.restoration.jpeg.fitting.draws import LEAST

TONES = ("rendered", "linear")
UNROUNDED, BYTES = "unrounded", "bytes"
_NOISE = 0.05
"""Standard deviation, in code values, of the noise added to covariances at the finest quantization table."""


@dataclass(frozen=True, kw_only=True)
class Params(FittingParams):
    """Inputs of the experiment; images are RAW files, or pictures whose box means have more than 8 bits."""

    tone: Annotated[str, among(TONES)] = "rendered"
    """"rendered", or "linear": linear light times 255, which only RAW files provide."""
    qualities: Qualities = (10, 40, 75, 90, 95, 98)
    """Quality settings of libjpeg, for fitting and evaluation."""
    classes: Annotated[tuple[int, ...], not_empty] = (16, 16)
    """Classes of each stage."""
    fits: Annotated[tuple[str, ...], each(among(FITTED), empty=True)] = ()
    """Estimators to fit, by their names in the table; all of them when left out."""
    pixels: Count = 900_000
    """Pixels of luma that each estimator is fitted on, or all of the files of other cameras if these have fewer."""
    networks: Annotated[tuple[int, ...], each(whole(1), empty=True)] = ()
    """Efforts of the network (extra `learned`) to evaluate as well."""
    tile: Annotated[int, whole(LEAST)] = 128
    """Least number of rows and columns of the parts of pictures that are drawn for a fit."""
    draws: Count = 4
    """Draws of each part in a pass, each at another quality."""
    seed: Seed = 0
    """Seed of the choice of parts and of the fits."""

    def recipe(self) -> Recipe:
        """Recipe of all fits, apart from the depth of the reference."""
        finest = min(table_scale(images.quantization_table(quality)) for quality in self.qualities)
        return Recipe(
            classes=self.classes,
            qualities=self.qualities,
            pixels=self.draws * (2 * self.tile) ** 2,
            most=self.draws,
            chroma=False,
            gate_vectors=100_000,
            # Sums in single precision need a minimum of noise where steps are as fine as a code value.
            noise_variance=max(0.001, (_NOISE / finest) ** 2),
            seed=self.seed,
        )


TINY = Params(
    box_mean=4,
    qualities=(20, 95),
    classes=(2,),
    fits=("pictures (bytes)", "deep (unrounded)"),
    pixels=60_000,
    tile=64,
    draws=2,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Errors of one picture at one quality by one method, against one reference."""

    image: str
    camera: str
    """Make and model, or "no RAW file"."""
    quality: int
    method: str
    """"JPEG", the decoded file; "shipped", as `qimg.restore`; "shipped (always)", the same without leaving any file as
    it is decoded; a network; or a fit, by its sources and its reference."""
    truth: str
    """Reference: "unrounded", or "bytes", which were compressed."""
    output: str
    """"unrounded", or "bytes"."""
    squared_error: LibraryDependent
    """Mean over the pixels, squared code values."""
    psnr_db: LibraryDependent
    inside: LibraryDependent
    """Fraction of pixels whose reference lies in the 90 % interval, which is half a code value wider for bytes; NaN for
    JPEG."""
    outside_cells: LibraryDependent
    """Fraction of the coefficients of the reference that lie outside the quantization bins of the file; NaN below 8×8
    pixels."""
    left_alone: bool
    """Whether the method leaves the file as it is decoded."""
    fine_share: LibraryDependent
    """Fraction of the AC energy in coefficients with u + v ≥ 8, unrounded; NaN without energy."""
    noise_floor: LibraryDependent
    """Root mean square of these coefficients in the quietest tenth of the blocks, code values; NaN below 8×8 pixels."""
    fitted_pixels: int
    """Pixels that were fitted on; 0 for JPEG and the shipped estimator."""
    fitted_fine_share: LibraryDependent
    """`fine_share` of the pictures fitted on; NaN for JPEG and the shipped estimator."""
    fitted_noise_floor: LibraryDependent
    """`noise_floor` of the pictures fitted on; NaN for JPEG and the shipped estimator."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Measure all pictures: four rows per picture, quality and method."""
    check(params)
    pictures = params.gather().pictures
    deep = [deep_picture(picture, tone=params.tone) for picture in pictures]
    linear = all(one.is_raw for one in deep)
    require(params.tone == "rendered" or linear, "tone", "must be 'rendered' without RAW files", params.tone)
    fits = Fits(params.recipe(), evaluated=pictures, sources=params.sources, pixels=params.pixels, side=params.tile)
    rows: list[Row] = []
    for picture in track(deep):
        methods = table_of_methods(fits.of(picture, deep, names=params.fits or tuple(FITTED)), networks=params.networks)
        for quality in params.qualities:
            rows += _rows(picture, quality, methods)
    return rows


def _rows(picture: DeepPicture, quality: int, methods: Mapping[str, Method]) -> list[Row]:
    deep = images.luma(picture.pixels)
    whole = images.to_uint8(deep)
    file = images.jpeg_round_trip(whole, quality=quality).file
    truths = {UNROUNDED: deep, BYTES: whole.astype(np.float64)}
    row = partial(Row, image=picture.name, camera=picture.camera, quality=quality, **asdict(grain([deep])))
    rows = []
    for name, method in methods.items():
        shown = method.restore(file)
        outputs = {UNROUNDED: shown.values, BYTES: np.rint(shown.values)}
        for (depth, truth), (output, found) in product(truths.items(), outputs.items()):
            rows.append(
                row(
                    method=name,
                    truth=depth,
                    output=output,
                    squared_error=metrics.mean_squared_error(truth, found),
                    psnr_db=metrics.psnr_db(truth, found, data_range=255),
                    inside=_inside(truth, found, shown.half_width, 0.5 if output == BYTES else 0.0),
                    outside_cells=outside_cells(truth, file),
                    left_alone=shown.left_alone,
                    fitted_pixels=method.fitted_pixels,
                    fitted_fine_share=method.fitted_grain.fine_share,
                    fitted_noise_floor=method.fitted_grain.noise_floor,
                )
            )
    return rows


def outside_cells(truth: Array, file: bytes) -> float:
    """Fraction of the coefficients of a plane outside the bins of the file of its bytes; NaN without a whole block."""
    component = component_of(file)
    rows, columns = (length // 8 for length in truth.shape)
    if min(rows, columns) == 0:
        return float("nan")
    found = to_blocks(truth[: 8 * rows, : 8 * columns] - 128.0) @ DCT.T.astype(np.float64) / component.table.ravel()
    return float((np.abs(found - component.coefficients[:rows, :columns].reshape(-1, 64)) > 0.5).mean())


def _inside(truth: Array, values: Array, half_width: Array | None, more: float) -> float:
    return float("nan") if half_width is None else float((np.abs(truth - values) <= half_width + more).mean())


def gain(rows: Sequence[Row], depth: str, **setting: Any) -> float:
    """Mean gain in PSNR over JPEG, with reference and output of one depth."""
    ours, theirs = (_psnr(rows, depth, depth, **{**setting, **method}) for method in ({}, {"method": JPEG}))
    return ours - theirs


def _psnr(rows: Sequence[Row], truth: str, output: str, **setting: Any) -> float:
    return fair_mean(rows, "psnr_db", truth=truth, output=output, **setting)


def lost_by_bytes(rows: Sequence[Row], **setting: Any) -> float:
    """Mean loss of PSNR against the unrounded reference from rounding the output."""
    return _psnr(rows, UNROUNDED, UNROUNDED, **setting) - _psnr(rows, UNROUNDED, BYTES, **setting)


def nearer_to_truth(rows: Sequence[Row], **setting: Any) -> float:
    """Squared error against bytes minus squared error against the unrounded reference, in units of 1/12.

    It is 1 where rounding is noise independent of the estimate, and −1 where the estimate equals the bytes.
    """
    own = select(rows, output=UNROUNDED, **setting)
    return 12 * (mean(own, "squared_error", truth=BYTES) - mean(own, "squared_error", truth=UNROUNDED))


def findings(rows: Sequence[Row]) -> list[str]:
    """Sources, and gains and intervals at the lowest and the highest quality."""
    qualities = levels(rows, "quality")
    sentences = [_sources(rows)]
    for quality in dict.fromkeys((qualities[0], qualities[-1])):
        jpeg = _psnr(rows, UNROUNDED, UNROUNDED, quality=quality, method=JPEG)
        if not np.isfinite(jpeg):
            sentences.append(f"Quality {quality}: no picture has an error that could be measured.")
            continue
        gains = ", ".join(
            f"{name} {gain(rows, UNROUNDED, quality=quality, method=name):+.2f} dB"
            for name in distinct(rows, "method")
            if name != JPEG
        )
        shipped = {"quality": quality, "method": SHIPPED}
        nearer = nearer_to_truth(rows, **shipped)
        sentences.append(
            f"Quality {quality}: JPEG has {jpeg:.2f} dB against the unrounded reference; {gains}. Rounding to bytes "
            f"costs the shipped estimator {lost_by_bytes(rows, **shipped):.2f} dB, and its squared error is "
            f"{abs(nearer):.2f}/12 {'less' if nearer >= 0 else 'more'} against the unrounded reference than against "
            "bytes."
        )
        sentences.append(_intervals(rows, quality))
    return sentences


def _sources(rows: Sequence[Row]) -> str:
    text = f"{counted_pictures(len(distinct(rows, 'image')))}: {', '.join(levels(rows, 'camera'))}"
    ordinary = next((row for row in rows if row.method.startswith(PICTURES)), None)
    share, floor = mean(rows, "fine_share"), mean(rows, "noise_floor")
    if np.isfinite([share, floor]).all():
        text += (
            f". Coefficients with u + v ≥ 8 have {100 * share:.1f} % of the energy without DC, and {floor:.2f} code "
            "values in the quietest tenth of the blocks"
        )
        if ordinary is not None:
            share, floor = ordinary.fitted_fine_share, ordinary.fitted_noise_floor
            text += f"; in the ordinary pictures that are fitted on {100 * share:.1f} % and {floor:.2f}"
    return f"{text}."


def _intervals(rows: Sequence[Row], quality: int) -> str:
    whole, deep = (_inside_percent(rows, depth, quality=quality, method=SHIPPED) for depth in (BYTES, UNROUNDED))
    outside = 100 * mean(rows, "outside_cells", quality=quality, method=JPEG, truth=UNROUNDED, output=UNROUNDED)
    cells = f"; {outside:.2g} % of its coefficients lie outside their bins" if np.isfinite(outside) else ""
    return (
        f"Quality {quality}: the 90 % intervals of the shipped estimator contain {whole:.1f} % of the bytes, and "
        f"{deep:.1f} % of the unrounded reference without the half code value that is added for bytes{cells}."
    )


def _inside_percent(rows: Sequence[Row], depth: str, **setting: Any) -> float:
    return 100 * mean(rows, "inside", truth=depth, output=depth, **setting)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"methods": methods_compared(rows), "gains": gains_by_quality(rows)}


def methods_compared(rows: Sequence[Row]) -> Table:
    """PSNR, effects of rounding, and coverage of intervals, by quality and method."""
    columns: dict[str, tuple[Callable[..., float], str]] = {
        "PSNR, dB": (partial(_psnr, rows, UNROUNDED, UNROUNDED), ".2f"),
        "gain, dB": (partial(gain, rows, UNROUNDED), "+.2f"),
        "gain in bytes, dB": (partial(gain, rows, BYTES), "+.2f"),
        "loss by rounding, dB": (partial(lost_by_bytes, rows), ".2f"),
        "squared error less than against bytes, 1/12": (partial(nearer_to_truth, rows), "+.2f"),
        "inside the 90 % interval, %": (partial(_inside_percent, rows, UNROUNDED), ".1f"),
        "inside in bytes, %": (partial(_inside_percent, rows, BYTES), ".1f"),
    }
    over = pictures_counted(rows, "psnr_db")
    return Table(
        columns=["quality", "method", *columns],
        rows=[
            [quality, method, *(column(quality=quality, method=method) for column, _ in columns.values())]
            for quality in levels(rows, "quality")
            for method in distinct(rows, "method")
        ],
        caption=f"Luma; reference and output are unrounded where bytes are not named; means over {over}",
        formats={heading: spec for heading, (_, spec) in columns.items()},
    )


def gains_by_quality(rows: Sequence[Row]) -> Table:
    """PSNR of JPEG and gains in PSNR, a line for each quality and a column for each method."""
    methods = {f"{name}, dB": name for name in distinct(rows, "method") if name != JPEG}
    return Table(
        columns=["quality", "JPEG, dB", *methods],
        rows=[
            [
                quality,
                _psnr(rows, UNROUNDED, UNROUNDED, quality=quality, method=JPEG),
                *(gain(rows, UNROUNDED, quality=quality, method=name) for name in methods.values()),
            ]
            for quality in levels(rows, "quality")
        ],
        caption="Gain in Y PSNR over JPEG, reference and output unrounded; means over "
        f"{pictures_counted(rows, 'psnr_db')}",
        formats={"JPEG, dB": ".2f"} | dict.fromkeys(methods, "+.2f"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Gain in PSNR, and the effect of rounding the reference, against quality."""
    qualities = levels(rows, "quality")
    gains, nearer = {}, {}
    for method in distinct(rows, "method"):
        settings = [{"quality": quality, "method": method} for quality in qualities]
        gains[method] = (qualities, [gain(rows, UNROUNDED, **one) for one in settings])
        nearer[method] = (qualities, [nearer_to_truth(rows, **one) for one in settings])
    figure = figure_of(
        Panel(curves=gains, x="quality", y="gain in Y PSNR over JPEG, dB", legend=False),
        Panel(curves=nearer, x="quality", y="squared error less than against bytes, 1/12", dashed=(0.0,), legend=False),
        size=(7.5, 4.2),
        layout="constrained",
    )
    legend_below(figure)
    return figure
