"""How does the correlation operator change from the sensor to a JPEG file?

RAW files are developed to linear light, rendered in 16 bits, rounded to 8 bits, and written as JPEG files; at every
stage the operator is compared with that of the rendered picture. Each JPEG file is restored by the conditional
expectation under the joint operator of the other pictures, and the operators of different cameras are compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Array,
    Axes,
    Figure,
    LeaveOneOut,
    Panel,
    Picture,
    PictureParams,
    Qualities,
    Table,
    Track,
    among,
    check,
    counted_pictures,
    curves,
    distinct,
    each,
    groups,
    levels,
    literal_label,
    mean,
    others,
    picture_lines,
    plot_curves,
    select,
    subplots,
    sum_of,
    values,
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
from qimg.operators import CorrelationOperator
from qimg.prior.jpeg_pairs import JpegPair, joint_operator, pairs

_ITSELF = "rendered picture"
_POOLED = "pooled"
_MANY = 6  # pictures up to which each has a curve of its own colour in the figure
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
    """The other operator of distance and fidelity: "rendered picture" (as deep as the file), or another camera."""
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
    shown = {LINEAR: None, WHOLE: whole(rendered)}
    return [
        Row(
            image=name,
            camera=stages.camera,
            stage=stage,
            reference=_ITSELF,
            **_psnr(rendered, shown.get(stage, rendered)),
            **compared(operator, stages.reference),
        )
        for stage, operator in stages.operators.items()
    ]


def _jpeg(name: str, stages: Stages, pair: JpegPair, restored: Array, fitted_on: int) -> Row:
    psnr, better = _psnr(pair.image, pair.decoded), _psnr(pair.image, restored)["psnr_y_db"]
    return Row(
        image=name,
        camera=stages.camera,
        stage=f"JPEG Q{pair.quality} {pair.subsampling}",
        quality=pair.quality,
        subsampling=pair.subsampling,
        reference=_ITSELF,
        bits_per_pixel=pair.bits_per_pixel,
        **psnr,
        fitted_on=fitted_on,
        # Equal infinities, an exact picture before and after, make no gain that could be measured.
        gain_y_db=better - psnr["psnr_y_db"] if np.isfinite([better, psnr["psnr_y_db"]]).any() else float("nan"),
        **compared(CorrelationOperator.from_planes(images.to_ycbcr(pair.decoded)), stages.reference),
    )


def _between_cameras(pictures: Sequence[Stages]) -> list[Row]:
    """The operators of all pictures of a camera, in linear light and rendered, beside those of every other camera."""
    by_camera = groups([one for one in pictures if one.camera != NO_CAMERA], "camera")
    rows = []
    for stage in (LINEAR, DEEP):
        pooled = {camera: sum_of(one.operators[stage] for one in own) for camera, own in by_camera.items()}
        rows += [
            Row(image=_POOLED, camera=camera, stage=stage, reference=other, **compared(pooled[camera], pooled[other]))
            for camera, other in permutations(pooled, 2)
        ]
    return rows


def _psnr(rendered: Array, shown: Array | None) -> dict[str, Any]:
    """The fields of a row with the PSNR of RGB and of luma, in 8-bit code values of any depth."""
    if shown is None:
        return {}
    return {
        "psnr_rgb_db": metrics.psnr_db(images.code_values(rendered), images.code_values(shown), data_range=255),
        "psnr_y_db": metrics.psnr_db(images.luma(rendered), images.luma(shown), data_range=255),
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """Change of the operator at each stage, at the lowest and highest quality, and between cameras."""
    single = [row for row in rows if row.image != _POOLED]
    cameras = sorted({row.camera for row in single} - {NO_CAMERA})
    raw = {row.image for row in single if row.camera != NO_CAMERA}
    text = f"{counted_pictures(len(distinct(single, 'image')))}, {len(raw)} of them RAW files"
    text += (
        f" of {len(cameras)} camera{'' if len(cameras) == 1 else 's'}: {', '.join(cameras)}."
        if cameras
        else ": no linear light, no sensors."
    )
    jpegs = [row for row in single if row.quality]
    qualities = levels(jpegs, "quality")
    ends = [row for row in jpegs if row.quality in (qualities[0], qualities[-1])]
    return [
        text,
        *_moved(single, LINEAR, "The tone curve"),
        *_moved(single, WHOLE, "Rounding to 8 bits"),
        *(_jpeg_finding(own) for _, own in sorted(groups(ends, "quality", "subsampling").items())),
        *_camera_finding(select(rows, image=_POOLED)),
    ]


def _moved(rows: Sequence[Row], stage: str, what: str) -> list[str]:
    """Distance and entropies between a stage before JPEG and the rendered pictures of 16 bit, where there are any."""
    deep = {row.image: row for row in select(rows, stage=DEEP)}
    chosen = [row for row in select(rows, stage=stage) if row.image in deep and np.isfinite(row.trace_distance)]
    if not chosen:
        return []
    before, after = chosen, [deep[row.image] for row in chosen]
    if stage == WHOLE:
        before, after = after, before
    text = (
        f"{what} moves the operator by a trace distance of {mean(chosen, 'trace_distance'):.2g} on average (fidelity "
        f"{mean(chosen, 'fidelity'):.4f}); entropy {mean(before, 'entropy_bits'):.3f} → "
        f"{mean(after, 'entropy_bits'):.3f} bit"
    )
    distance = mean(chosen, "luma_ac_trace_distance")
    if np.isfinite(distance):
        first, last = (mean(stages, "luma_ac_entropy_bits") for stages in (before, after))
        text += f"; of luma AC alone: distance {distance:.2g}, entropy {first:.3f} → {last:.3f} bit"
    return [f"{text}."]


def _jpeg_finding(rows: Sequence[Row]) -> str:
    """Rate, distance and gain at one quality and chroma format."""
    text = f"{rows[0].stage}, {mean(rows, 'bits_per_pixel'):.2f} bits per pixel"
    whole, luma = mean(rows, "trace_distance"), mean(rows, "luma_ac_trace_distance")
    if np.isfinite(whole):
        text += f": trace distance {whole:.2g} on average, fidelity {mean(rows, 'fidelity'):.4f}"
    if np.isfinite(luma):
        text += f", luma AC distance {luma:.2g}"
    gains = [row.gain_y_db for row in rows if np.isfinite(row.gain_y_db)]
    if gains:
        text += (
            f"; fitted on {counted_pictures(max(values(rows, 'fitted_on')))}, the conditional expectation changes Y "
            f"PSNR by {np.mean(gains):+.2f} dB ({min(gains):+.2f} to {max(gains):+.2f})"
        )
    return f"{text}."


def _camera_finding(rows: Sequence[Row]) -> list[str]:
    """How far the pooled operators of cameras are apart."""
    sentences = []
    for stage, own in groups([row for row in rows if np.isfinite(row.trace_distance)], "stage").items():
        distances, fidelities = values(own, "trace_distance"), values(own, "fidelity")
        sentences.append(
            f"Between the pooled operators of cameras, {stage}: trace distance {min(distances):.3f} to "
            f"{max(distances):.3f}, fidelity {min(fidelities):.3f} to {max(fidelities):.3f}."
        )
    if sentences:
        sentences.append(
            "These distances are between the scenes as much as between the sensors: only pictures of the same scenes, "
            "or very many, separate the two."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"stages": _stages(rows), "cameras": _cameras(rows)}


def _stages(rows: Sequence[Row]) -> Table:
    """Means over the pictures of each stage."""
    single = [row for row in rows if row.image != _POOLED]
    return Table(
        columns=["stage", "pictures", *_MEASURES],
        rows=[
            [stage, len(own), *(mean(own, measure) for measure in _MEASURES.values())]
            for stage, own in groups(single, "stage").items()
        ],
        caption="Means over pictures; distances to the rendered picture",
        formats=_FORMATS,
    )


def _cameras(rows: Sequence[Row]) -> Table:
    """Distances between the pooled operators of cameras; they are symmetric, so there is one line per pair."""
    measures = dict(list(_MEASURES.items())[2:5])
    pairs = [row for row in select(rows, image=_POOLED) if row.camera < row.reference]
    return Table(
        columns=["stage", "camera", "other camera", *measures],
        rows=[
            [row.stage, row.camera, row.reference, *(getattr(row, name) for name in measures.values())] for row in pairs
        ],
        caption="Pooled operators of all pictures of a camera",
        formats=dict.fromkeys(measures, ".3f"),
    )


_MEASURES = {
    "S(ρ), bit": "entropy_bits",
    "S of luma AC, bit": "luma_ac_entropy_bits",
    "trace distance": "trace_distance",
    "of luma AC": "luma_ac_trace_distance",
    "fidelity": "fidelity",
    "bits per pixel": "bits_per_pixel",
    "Y PSNR, dB": "psnr_y_db",
    "gain, dB": "gain_y_db",
}
_FORMATS = {
    "S(ρ), bit": ".3f",
    "S of luma AC, bit": ".2f",
    "trace distance": ".4f",
    "of luma AC": ".4f",
    "fidelity": ".4f",
    "bits per pixel": ".2f",
    "Y PSNR, dB": ".2f",
    "gain, dB": "+.2f",
}


def plot(rows: Sequence[Row]) -> Figure:
    """Entropy at every stage, distance to the rendered picture, and gain of the conditional expectation."""
    single = [row for row in rows if row.image != _POOLED]
    jpegs = [row for row in single if row.quality]
    figure, axes = subplots(1, 3, figsize=(7, 2.9))
    _plot_entropy(single, distinct(jpegs, "subsampling")[-1], axes[0])
    distances = curves(jpegs, "quality", "trace_distance", by="subsampling")
    gains = curves(jpegs, "quality", "gain_y_db", by="subsampling")
    Panel(
        curves=distances,
        x="JPEG quality",
        y="trace distance (mean)",
        title="to the rendered picture",
    ).draw(axes[1])
    Panel(
        curves=gains,
        x="JPEG quality",
        y="gain in Y PSNR, dB (mean)",
        title="restored − JPEG",
        dashed=(0.0,),
    ).draw(axes[2])
    for stage, label, style in ((LINEAR, "linear light", "--"), (WHOLE, "8 bits", ":")):
        distance = mean(single, "trace_distance", stage=stage)
        if distance > 0:
            axes[1].axhline(distance, color="0.5", linestyle=style, linewidth=1, label=label)
    if any(row.trace_distance > 0 for row in jpegs):
        axes[1].set_yscale("log")
    axes[1].legend(loc="lower left", bbox_to_anchor=(0.0, 0.08))  # between the level of 8 bits and the curves
    axes[2].legend()
    return figure


def _plot_entropy(rows: Sequence[Row], subsampling: str, ax: Axes) -> None:
    """Every picture's luma AC entropy from the sensor to the coarsest JPEG."""
    order = [LINEAR, DEEP, WHOLE]
    chosen = [row for row in rows if row.subsampling in ("", subsampling)]
    stages = {
        row.stage: f"Q{row.quality}" if row.quality else row.stage.removeprefix("rendered ")
        for row in sorted(chosen, key=lambda row: (-row.quality, 0) if row.quality else (-101, order.index(row.stage)))
    }
    curves = {}
    for name, own in groups(chosen, "image").items():
        entropy = {row.stage: row.luma_ac_entropy_bits for row in own}
        curves[literal_label(name)] = (range(len(stages)), [entropy.get(stage, np.nan) for stage in stages])
    if len(curves) > _MANY:
        picture_lines(ax, curves.values())
        curves = {
            f"mean of {len(curves)}": (
                range(len(stages)),
                [mean(chosen, "luma_ac_entropy_bits", stage=stage) for stage in stages],
            )
        }
    plot_curves(curves, x_label=f"stage ({subsampling})", y_label="entropy of luma AC, bit", ax=ax)
    ax.set_xticks(range(len(stages)), list(stages.values()), rotation=45, ha="right")
    ax.legend()
