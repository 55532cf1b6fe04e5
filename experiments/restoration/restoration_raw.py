"""What changes where restoration learns from RAW files, and is judged by them, instead of 8-bit pictures?

RAW files are developed to 16 bits; their luma is rounded to bytes and compressed, as a camera does. The truth is the
luma before rounding, beside its bytes. Estimators of one recipe are fitted on equally many pixels of other cameras'
files and of ordinary pictures, against either truth, and judged on the files of a camera that they have not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Count,
    Figure,
    FittingParams,
    Qualities,
    Seed,
    Table,
    Track,
    among,
    check,
    comparable,
    each,
    finite_mean,
    not_empty,
    pictures_counted,
    plot_curves,
    subplots,
    whole,
    zero_line,
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
from qimg.core.arguments import Array, require
from qimg.images.jpeg.blocks import DCT, to_blocks
from qimg.restoration.jpeg.cascade import unit_of
from qimg.restoration.jpeg.fitting import Recipe
from qimg.restoration.jpeg.fitting.draws import LEAST

TONES = ("rendered", "linear")
UNROUNDED, BYTES = "unrounded", "bytes"
_NOISE = 0.05  # code values that covariances are widened by at the finest table


@dataclass(frozen=True, kw_only=True)
class Params(FittingParams):
    """Inputs of the experiment; images are RAW files, or others, of which means of boxes are deeper than 8 bits."""

    tone: Annotated[str, among(TONES)] = "rendered"
    """"rendered", or "linear": linear light times 255, which only RAW files have."""
    qualities: Qualities = (10, 40, 75, 90, 95, 98)
    """Of libjpeg, fitted and judged."""
    classes: Annotated[tuple[int, ...], not_empty] = (16, 16)
    """Of each stage."""
    fits: Annotated[tuple[str, ...], each(among(FITTED), empty=True)] = ()
    """Names as in the table of the estimators that are fitted; all of them when left out."""
    pixels: Count = 900_000
    """Of luma that every estimator is fitted on, or as many as the files of other cameras have."""
    networks: Annotated[tuple[int, ...], each(whole(1), empty=True)] = ()
    """Efforts of the network (extra `learned`) that are judged as well."""
    tile: Annotated[int, whole(LEAST)] = 128
    """Rows and columns, at least, of the parts of pictures that are drawn for a fit."""
    draws: Count = 4
    """Of each part in a pass, at other qualities."""
    seed: Seed = 0
    """Of the choice of parts and of the fits."""

    def recipe(self) -> Recipe:
        """Of all fits but for the depth of the truth."""
        finest = min(unit_of(images.quantization_table(quality)) for quality in self.qualities)
        return Recipe(
            classes=self.classes,
            qualities=self.qualities,
            pixels=self.draws * (2 * self.tile) ** 2,
            most=self.draws,
            chroma=False,
            gate_vectors=100_000,
            # Sums in single precision need it where steps are as fine as a code value.
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
    """One picture at one quality by one method, against one truth."""

    image: str
    camera: str
    """Make and model, or "no RAW file"."""
    quality: int
    method: str
    """"JPEG" decoded; "shipped", what `qimg.restore` does; "shipped (always)", with no file left as it is decoded; a
    network; or a fit: on what, against what truth."""
    truth: str
    """"unrounded", or "bytes": what was compressed."""
    output: str
    """"unrounded", or "bytes"."""
    squared_error: float
    """Mean over the pixels, squared code values."""
    psnr_db: float
    inside: float
    """Share of the pixels whose truth lies in the 90 % interval, for bytes with half a code value more; NaN of JPEG."""
    outside_cells: float
    """Share of the truth's coefficients that lie outside the file's quantization cells; NaN below 8×8 pixels."""
    left_alone: bool
    """Whether the method leaves the file as it is decoded."""
    fine_share: float
    """Share of the energy of AC that coefficients with u + v ≥ 8 have, unrounded; NaN without energy."""
    noise_floor: float
    """Their root mean square in the quietest tenth of the blocks, code values; NaN below 8×8 pixels."""
    fitted_pixels: int
    """0 of JPEG and of the shipped estimator."""
    fitted_fine_share: float
    """Of what was fitted on; NaN of JPEG and of the shipped estimator, as is the next."""
    fitted_noise_floor: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Four rows per picture, quality and method."""
    check(params)
    given = params.gather().pictures
    deep = [deep_picture(picture, tone=params.tone) for picture in given]
    linear = all(one.is_raw for one in deep)
    require(params.tone == "rendered" or linear, "tone", "must be 'rendered' without RAW files", params.tone)
    fits = Fits(params.recipe(), judged=given, sources=params.sources, pixels=params.pixels, side=params.tile)
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
    about = grain([deep])
    rows = []
    for name, method in methods.items():
        shown = method.restore(file)
        for depth, truth in ((UNROUNDED, deep), (BYTES, whole.astype(np.float64))):
            for output, values in ((UNROUNDED, shown.values), (BYTES, np.rint(shown.values))):
                rows.append(
                    Row(
                        image=picture.name,
                        camera=picture.camera,
                        quality=quality,
                        method=name,
                        truth=depth,
                        output=output,
                        squared_error=metrics.mean_squared_error(truth, values),
                        psnr_db=metrics.psnr_db(truth, values, data_range=255),
                        inside=_inside(truth, values, shown.half_width, 0.5 if output == BYTES else 0.0),
                        outside_cells=outside_cells(truth, file),
                        left_alone=shown.left_alone,
                        fine_share=about.fine_share,
                        noise_floor=about.noise_floor,
                        fitted_pixels=method.fitted_pixels,
                        fitted_fine_share=method.fitted_grain.fine_share,
                        fitted_noise_floor=method.fitted_grain.noise_floor,
                    )
                )
    return rows


def outside_cells(truth: Array, file: bytes) -> float:
    """Share of a plane's coefficients outside the cells of a file made of its bytes; NaN without a whole block."""
    component = component_of(file)
    rows, columns = (length // 8 for length in truth.shape)
    if min(rows, columns) == 0:
        return float("nan")
    found = to_blocks(truth[: 8 * rows, : 8 * columns] - 128.0) @ DCT.T.astype(np.float64) / component.table.ravel()
    return float((np.abs(found - component.coefficients[:rows, :columns].reshape(-1, 64)) > 0.5).mean())


def _inside(truth: Array, values: Array, half_width: Array | None, more: float) -> float:
    return float("nan") if half_width is None else float((np.abs(truth - values) <= half_width + more).mean())


def mean(rows: Sequence[Row], measure: str, quality: int, method: str, truth: str, output: str) -> float:
    """Of a measure, over the pictures."""
    key = (quality, method, truth, output)
    return finite_mean(getattr(r, measure) for r in rows if (r.quality, r.method, r.truth, r.output) == key)


def gain(rows: Sequence[Row], quality: int, method: str, depth: str) -> float:
    """Mean PSNR over JPEG, truth and output of one depth."""
    own = comparable(rows, "psnr_db")
    ours, theirs = (mean(own, "psnr_db", quality, name, depth, depth) for name in (method, JPEG))
    return ours - theirs


def lost_by_bytes(rows: Sequence[Row], quality: int, method: str) -> float:
    """Mean PSNR against the unrounded truth that rounding the output costs."""
    own = comparable(rows, "psnr_db")
    deep, whole = (mean(own, "psnr_db", quality, method, UNROUNDED, output) for output in (UNROUNDED, BYTES))
    return deep - whole


def nearer_to_truth(rows: Sequence[Row], quality: int, method: str) -> float:
    """By how much less the squared error is against the unrounded truth than against bytes, in units of 1/12.

    1 where rounding is noise that nothing is known of, −1 where the bytes themselves are shown.
    """
    whole, deep = (mean(rows, "squared_error", quality, method, truth, UNROUNDED) for truth in (BYTES, UNROUNDED))
    return 12 * (whole - deep)


def _ways_back(rows: Sequence[Row]) -> list[str]:
    return [name for name in dict.fromkeys(row.method for row in rows) if name != JPEG]


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    qualities = sorted({row.quality for row in rows})
    sentences = [_sources(rows)]
    for quality in dict.fromkeys((qualities[0], qualities[-1])):
        jpeg = mean(comparable(rows, "psnr_db"), "psnr_db", quality, JPEG, UNROUNDED, UNROUNDED)
        if not np.isfinite(jpeg):
            sentences.append(f"Quality {quality}: no picture has an error that could be measured.")
            continue
        gains = ", ".join(f"{name} {gain(rows, quality, name, UNROUNDED):+.2f} dB" for name in _ways_back(rows))
        nearer = nearer_to_truth(rows, quality, SHIPPED)
        sentences.append(
            f"Quality {quality}: JPEG has {jpeg:.2f} dB against the unrounded truth; {gains}. Rounding to bytes costs "
            f"the shipped estimator {lost_by_bytes(rows, quality, SHIPPED):.2f} dB, and its squared error is "
            f"{abs(nearer):.2f}/12 {'less' if nearer >= 0 else 'more'} against the unrounded truth than against bytes."
        )
        sentences.append(_intervals(rows, quality))
    return sentences


def _sources(rows: Sequence[Row]) -> str:
    names, cameras = {row.image for row in rows}, {row.camera for row in rows}
    text = f"{len(names)} picture(s): {', '.join(sorted(cameras))}"
    ordinary = next((row for row in rows if row.method.startswith(PICTURES)), None)
    share, floor = (finite_mean(getattr(row, name) for row in rows) for name in ("fine_share", "noise_floor"))
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
    whole, deep = (100 * mean(rows, "inside", quality, SHIPPED, depth, depth) for depth in (BYTES, UNROUNDED))
    text = (
        f"Quality {quality}: its 90 % intervals hold {whole:.1f} % of the bytes, and {deep:.1f} % of the unrounded "
        "truth without the half code value that is added for bytes"
    )
    outside = 100 * mean(rows, "outside_cells", quality, JPEG, UNROUNDED, UNROUNDED)
    return (
        f"{text}; {outside:.2g} % of its coefficients lie outside their cells." if np.isfinite(outside) else f"{text}."
    )


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    body = []
    for quality in sorted({row.quality for row in rows}):
        for method in dict.fromkeys(row.method for row in rows):
            body.append(
                [
                    quality,
                    method,
                    mean(comparable(rows, "psnr_db"), "psnr_db", quality, method, UNROUNDED, UNROUNDED),
                    gain(rows, quality, method, UNROUNDED),
                    gain(rows, quality, method, BYTES),
                    lost_by_bytes(rows, quality, method),
                    nearer_to_truth(rows, quality, method),
                    100 * mean(rows, "inside", quality, method, UNROUNDED, UNROUNDED),
                    100 * mean(rows, "inside", quality, method, BYTES, BYTES),
                ]
            )
    columns = ["quality", "method", "PSNR, dB", "gain, dB", "gain in bytes, dB", "lost by bytes, dB"]
    columns += ["nearer to the truth than to bytes, 1/12", "90 % interval, %", "in bytes, %"]
    caption = (
        f"Luma, truth and output unrounded but where bytes are named; means over {pictures_counted(rows, 'psnr_db')}"
    )
    return Table(columns=columns, rows=body, caption=caption)


def plot(rows: Sequence[Row]) -> Figure:
    """Gains, and what depth of truth and output are worth, against quality."""
    figure, axes = subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    qualities = sorted({row.quality for row in rows})
    curves = {
        name: (qualities, [gain(rows, quality, name, UNROUNDED) for quality in qualities]) for name in _ways_back(rows)
    }
    plot_curves(curves, x_label="quality", y_label="gain over JPEG in Y PSNR, dB", ax=axes[0])
    curves = {
        name: (qualities, [nearer_to_truth(rows, quality, name) for quality in qualities])
        for name in (JPEG, *_ways_back(rows))
    }
    plot_curves(curves, x_label="quality", y_label="squared error less than against bytes, 1/12", ax=axes[1])
    zero_line(axes[1])
    return figure
