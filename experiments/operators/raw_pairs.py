"""What does the way from the sensor to a JPEG do to the correlation operator?

RAW files are developed to linear light, rendered in 16 bit, rounded to 8, and written as JPEG files; at every stage the
operator is compared with that of the rendered picture. From each JPEG the conditional expectation under the joint
operator of the other pictures leads back, and the operators of different cameras are compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Axes,
    Figure,
    LeaveOneOut,
    Picture,
    PictureParams,
    Qualities,
    Table,
    Track,
    among,
    check,
    each,
    finite_mean,
    literal_label,
    others,
    plot_curves,
    subplots,
    zero_line,
)
from experiments.operators.conditional_expectation import estimate, restore
from experiments.operators.stages import (
    DEEP,
    LINEAR,
    NO_CAMERA,
    WHOLE,
    Developed,
    Stages,
    compared,
    developed_picture,
    stages_of,
    whole,
)
from qimg import images, metrics
from qimg.core.arguments import Array
from qimg.operators import CorrelationOperator
from qimg.prior.jpeg_pairs import JpegPair, joint_operator, pairs

_ITSELF = "rendered picture"
_POOLED = "pooled"
_KEPT = 16  # developed pictures of at most 1.5 million pixels, 18 MB each


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment; pictures that are no RAW files count as rendered, without a linear stage."""

    qualities: Qualities = (10, 30, 50, 75, 90, 95)
    """libjpeg qualities."""
    subsamplings: Annotated[tuple[str, ...], each(among(("4:4:4", "4:2:2", "4:2:0")))] = ("4:4:4", "4:2:0")
    """Chroma formats; gray pictures give equal files for all."""
    shrinkage: float = 1.0
    """Added to the variance of every decoded pixel, in squared code values: shrinks towards JPEG itself."""


TINY = Params(box_mean=8, qualities=(20,), subsamplings=("4:2:0",))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one stage, or the pooled operator of one camera's pictures beside that of another camera."""

    image: str
    """Name of the picture; "pooled" for all pictures of a camera."""
    camera: str
    """Make and model, or "no RAW file"."""
    stage: str
    """"linear" (linear light times 255, as if it were code values), "rendered 16 bit", "rendered 8 bit", or a JPEG."""
    quality: int = 0
    """libjpeg's; 0 where there is no JPEG."""
    subsampling: str = ""
    """Chroma format of the JPEG; empty where there is none."""
    reference: str
    """What distance and fidelity compare with: "rendered picture" (as deep as the file), or another camera."""
    patches: int
    entropy_bits: float
    """Of ρ over 192 dimensions, 8×8 Y'CbCr, level-shifted; NaN without energy."""
    luma_ac_entropy_bits: float
    """Of the 63 AC coefficients of luma alone; NaN where luma is flat."""
    trace_distance: float
    """Over all 192 dimensions, as is the fidelity."""
    luma_ac_trace_distance: float
    """Over the 63 AC coefficients of luma."""
    fidelity: float
    bits_per_pixel: float = float("nan")
    """Of the JPEG file; NaN where there is none."""
    psnr_y_db: float = float("nan")
    psnr_rgb_db: float = float("nan")
    """To the rendered picture; NaN for linear light and for cameras."""
    fitted_on: int = 0
    """Pictures that the conditional expectation was fitted on; 0 where there is no JPEG."""
    gain_y_db: float = float("nan")
    """Y PSNR that the conditional expectation adds to the JPEG; NaN where there is none, or no error."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Up to three rows per picture before JPEG, one per picture and JPEG, two per ordered pair of cameras."""
    check(params)
    pictures = params.gather().pictures
    develop = lru_cache(maxsize=_KEPT)(developed_picture)
    rows: list[Row] = []
    stages: dict[str, Stages] = {}
    for picture in track(pictures):
        stages[picture.sha256] = stages_of(develop(picture))
        rows += _before_jpeg(picture.name, develop(picture).rendered, stages[picture.sha256])
    settings = [(quality, subsampling) for subsampling in params.subsamplings for quality in params.qualities]
    for quality, subsampling in track(settings):
        joint = LeaveOneOut(pictures, _joint_of(develop, quality, subsampling))
        for picture in pictures:
            (pair,) = pairs(develop(picture).rendered, (quality,), (subsampling,))
            restored = restore(pair.decoded, estimate(joint.without(picture), shrinkage=params.shrinkage))
            fitted_on = len(others(pictures, picture))
            rows.append(_jpeg(picture.name, stages[picture.sha256], pair, restored, fitted_on))
    return rows + _between_cameras(list(stages.values()))


def _joint_of(
    develop: Callable[[Picture], Developed], quality: int, subsampling: str
) -> Callable[[Picture], CorrelationOperator]:
    return lambda picture: joint_operator(develop(picture).rendered, quality=quality, subsampling=subsampling)


def _before_jpeg(name: str, rendered: Array, stages: Stages) -> list[Row]:
    rows = []
    for stage, operator in stages.operators.items():
        rgb = luma = float("nan")
        if stage != LINEAR:
            rgb, luma = _psnr(rendered, whole(rendered) if stage == WHOLE else rendered)
        rows.append(
            Row(
                image=name,
                camera=stages.camera,
                stage=stage,
                reference=_ITSELF,
                psnr_rgb_db=rgb,
                psnr_y_db=luma,
                **compared(operator, stages.reference),
            )
        )
    return rows


def _jpeg(name: str, stages: Stages, pair: JpegPair, restored: Array, fitted_on: int) -> Row:
    rgb, luma = _psnr(pair.image, pair.decoded)
    _, better = _psnr(pair.image, restored)
    return Row(
        image=name,
        camera=stages.camera,
        stage=f"JPEG Q{pair.quality} {pair.subsampling}",
        quality=pair.quality,
        subsampling=pair.subsampling,
        reference=_ITSELF,
        bits_per_pixel=pair.bits_per_pixel,
        psnr_rgb_db=rgb,
        psnr_y_db=luma,
        fitted_on=fitted_on,
        # Equal infinities, an exact picture before and after, make no gain that could be measured.
        gain_y_db=better - luma if np.isfinite([better, luma]).any() else float("nan"),
        **compared(CorrelationOperator.from_planes(images.to_ycbcr(pair.decoded)), stages.reference),
    )


def _between_cameras(pictures: Sequence[Stages]) -> list[Row]:
    """The operators of all pictures of a camera, in linear light and rendered, beside those of every other camera."""
    cameras = dict.fromkeys(one.camera for one in pictures if one.camera != NO_CAMERA)
    rows = []
    for stage in (LINEAR, DEEP):
        pooled = {
            camera: reduce(add, (one.operators[stage] for one in pictures if one.camera == camera))
            for camera in cameras
        }
        for camera, operator in pooled.items():
            rows += [
                Row(image=_POOLED, camera=camera, stage=stage, reference=other, **compared(operator, pooled[other]))
                for other in pooled
                if other != camera
            ]
    return rows


def _psnr(rendered: Array, shown: Array) -> tuple[float, float]:
    """Of RGB and of luma, in 8-bit code values of any depth."""
    rgb = metrics.psnr_db(images.code_values(rendered), images.code_values(shown))
    return rgb, metrics.psnr_db(images.luma(rendered), images.luma(shown))


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    single = [row for row in rows if row.image != _POOLED]
    names = {row.image for row in single}
    raw = {row.image for row in single if row.camera != NO_CAMERA}
    cameras = sorted({row.camera for row in single} - {NO_CAMERA})
    text = f"{len(names)} picture(s), {len(raw)} of them RAW files"
    text += f" of {len(cameras)} camera(s): {', '.join(cameras)}." if cameras else ": no linear light, no sensors."
    sentences = [text]
    for stage, what in ((LINEAR, "The tone curve"), (WHOLE, "Rounding to 8 bits")):
        sentences += _moved(single, stage, what)
    jpegs = sorted({(row.quality, row.subsampling) for row in single if row.quality})
    for quality, subsampling in (pair for pair in jpegs if pair[0] in (jpegs[0][0], jpegs[-1][0])):
        sentences += _jpeg_finding([row for row in single if (row.quality, row.subsampling) == (quality, subsampling)])
    return sentences + _camera_finding([row for row in rows if row.image == _POOLED])


def _moved(rows: Sequence[Row], stage: str, what: str) -> list[str]:
    """Distance and entropies between a stage before JPEG and the rendered pictures of 16 bit, where there are any."""
    deep = {row.image: row for row in rows if row.stage == DEEP}
    chosen = [row for row in rows if row.stage == stage and row.image in deep and np.isfinite(row.trace_distance)]
    if not chosen:
        return []
    before, after = chosen, [deep[row.image] for row in chosen]
    if stage == WHOLE:
        before, after = after, before
    text = (
        f"{what} moves the operator by a trace distance of {finite_mean(row.trace_distance for row in chosen):.2g} on "
        f"average (fidelity {finite_mean(row.fidelity for row in chosen):.4f}); entropy "
        f"{finite_mean(row.entropy_bits for row in before):.3f} → "
        f"{finite_mean(row.entropy_bits for row in after):.3f} bit"
    )
    textured = [row for row in chosen if np.isfinite(row.luma_ac_trace_distance)]
    if textured:
        first, last = (finite_mean(row.luma_ac_entropy_bits for row in group) for group in (before, after))
        distance = finite_mean(row.luma_ac_trace_distance for row in textured)
        text += f"; of luma AC alone: distance {distance:.2g}, entropy {first:.3f} → {last:.3f} bit"
    return [f"{text}."]


def _jpeg_finding(rows: Sequence[Row]) -> list[str]:
    """Rate, distance and gain at one quality and chroma format."""
    rate = finite_mean(row.bits_per_pixel for row in rows)
    text = f"{rows[0].stage}, {rate:.2f} bits per pixel"
    distance = finite_mean(row.trace_distance for row in rows)
    if np.isfinite(distance):
        text += f": trace distance {distance:.2g} on average, fidelity {finite_mean(row.fidelity for row in rows):.4f}"
    distance = finite_mean(row.luma_ac_trace_distance for row in rows)
    if np.isfinite(distance):
        text += f", luma AC distance {distance:.2g}"
    gains = [row.gain_y_db for row in rows if np.isfinite(row.gain_y_db)]
    if gains:
        text += (
            f"; fitted on {max(row.fitted_on for row in rows)} other picture(s), the conditional expectation changes Y "
            f"PSNR by {np.mean(gains):+.2f} dB ({min(gains):+.2f} to {max(gains):+.2f})"
        )
    return [f"{text}."]


def _camera_finding(rows: Sequence[Row]) -> list[str]:
    """How far the pooled operators of cameras are apart."""
    measured = [row for row in rows if np.isfinite(row.trace_distance)]
    sentences = []
    for stage in dict.fromkeys(row.stage for row in measured):
        chosen = [row for row in measured if row.stage == stage]
        distances, fidelities = ([getattr(row, name) for row in chosen] for name in ("trace_distance", "fidelity"))
        sentences.append(
            f"Between the pooled operators of cameras, {stage}: trace distance {min(distances):.3f} to "
            f"{max(distances):.3f}, fidelity {min(fidelities):.3f} to {max(fidelities):.3f}."
        )
    if sentences:
        sentences.append(
            "These distances are between the scenes as much as between the sensors: only pictures of the same scenes, "
            "or very many, can tell the two apart."
        )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures of each stage, then each pair of cameras."""
    body: list[list[Any]] = []
    single = [row for row in rows if row.image != _POOLED]
    for stage in dict.fromkeys(row.stage for row in single):
        chosen = [row for row in single if row.stage == stage]
        body.append([stage, len(chosen), *(finite_mean(getattr(row, name) for row in chosen) for name in _MEASURES)])
    for row in rows:
        # Distances are symmetric: one line per pair.
        if row.image == _POOLED and row.camera < row.reference:
            body.append(
                [f"{row.stage}: {row.camera} | {row.reference}", "", *(getattr(row, name) for name in _MEASURES)]
            )
    columns = [
        "stage",
        "pictures",
        "S(ρ), bit",
        "S of luma AC, bit",
        "trace distance",
        "of luma AC",
        "fidelity",
        "bits per pixel",
    ]
    caption = "Means over pictures, distances to the rendered picture; with two cameras: the first one's entropy"
    return Table(columns=[*columns, "Y PSNR, dB", "gain, dB"], rows=body, caption=caption)


_MEASURES = (
    *("entropy_bits", "luma_ac_entropy_bits", "trace_distance", "luma_ac_trace_distance", "fidelity"),
    *("bits_per_pixel", "psnr_y_db", "gain_y_db"),
)


def plot(rows: Sequence[Row]) -> Figure:
    """Entropy along the way, distance to the rendered picture, and what the conditional expectation gives back."""
    single = [row for row in rows if row.image != _POOLED]
    figure, axes = subplots(1, 3, figsize=(13, 3.9))
    subsamplings = list(dict.fromkeys(row.subsampling for row in single if row.quality))
    _plot_entropy(single, subsamplings[-1], axes[0])
    jpegs = [row for row in single if row.quality]
    for ax, measure, label in (
        (axes[1], "trace_distance", "trace distance, 192 dimensions"),
        (axes[2], "gain_y_db", "gain in Y PSNR, dB"),
    ):
        _plot_qualities(jpegs, measure, label, ax)
    marks = (finite_mean(row.trace_distance for row in single if row.stage == stage) for stage in (LINEAR, WHOLE))
    for value, label, style in zip(marks, ("linear light", "8 bits"), ("--", ":"), strict=True):
        if value > 0:
            axes[1].axhline(value, color="0.5", linestyle=style, linewidth=1, label=label)
    if any(row.trace_distance > 0 for row in jpegs):
        axes[1].set_yscale("log")
    axes[1].legend(loc="lower left", bbox_to_anchor=(0.0, 0.08))  # between the level of 8 bits and the curves
    axes[1].set_title("distance to the rendered picture")
    axes[2].set_title("conditional expectation − JPEG")
    zero_line(axes[2])
    return figure


def _plot_entropy(rows: Sequence[Row], subsampling: str, ax: Axes) -> None:
    """Every picture's luma AC entropy from the sensor to the coarsest JPEG."""
    chosen = [row for row in rows if row.subsampling in ("", subsampling)]
    coded = sorted({row.quality for row in chosen if row.quality}, reverse=True)
    order = [(LINEAR, 0), (DEEP, 0), (WHOLE, 0), *((f"JPEG Q{quality} {subsampling}", quality) for quality in coded)]
    present = {row.stage for row in chosen}
    stages = [(stage, quality) for stage, quality in order if stage in present]
    for name in dict.fromkeys(row.image for row in chosen):
        values = {row.stage: row.luma_ac_entropy_bits for row in chosen if row.image == name}
        ax.plot([values.get(stage, np.nan) for stage, _ in stages], marker="o", label=literal_label(name))
    labels = [f"Q{quality}" if quality else stage.removeprefix("rendered ") for stage, quality in stages]
    ax.set_xticks(range(len(stages)), labels, rotation=45, ha="right")
    ax.set(xlabel=f"stage ({subsampling})", ylabel="entropy of luma AC, bit")
    if len({row.image for row in chosen}) <= 6:
        ax.legend()


def _plot_qualities(rows: Sequence[Row], measure: str, label: str, ax: Axes) -> None:
    """Means against quality, a line per chroma format."""
    curves = {}
    for subsampling in dict.fromkeys(row.subsampling for row in rows):
        chosen = [row for row in rows if row.subsampling == subsampling]
        qualities = sorted({row.quality for row in chosen})
        means = [
            finite_mean(getattr(row, measure) for row in chosen if row.quality == quality) for quality in qualities
        ]
        curves[subsampling] = (qualities, means)
    plot_curves(curves, x_label="JPEG quality", y_label=f"{label} (mean)", ax=ax)
