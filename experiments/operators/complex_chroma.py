"""What does the phase of chroma carry that a Hermitian operator does not hold?

Chroma is taken as one complex amplitude ψ = Cb + iCr, level-shifted. Its Hermitian operator C = E[ψψ†] is compared with
the real joint operator of Cb ⊕ Cr, which holds the pseudo-covariance P = E[ψψᵀ] as well: entropies, the length of a
Gaussian code, and the prediction of an 8×8 block from the pixels left of it, fitted on the other pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Array,
    Axes,
    Figure,
    LeaveOneOut,
    Measure,
    Picture,
    PictureParams,
    Table,
    Track,
    check,
    comparable,
    counted_pictures,
    finite_mean,
    mean,
    others,
    picture_lines,
    positive,
    subplots,
    sum_of,
    table_of,
    values,
    whole,
    zero_line,
)
from qimg.images import LEVEL_SHIFT, ycbcr_to_rgb
from qimg.metrics import psnr_of_error
from qimg.operators import (
    ComplexMoments,
    CorrelationOperator,
    strictly_linear_estimator,
    von_neumann_entropy,
    widely_linear_estimator,
)
from qimg.patches import extract_patches, grid
from qimg.report import format_cell

POOLED = "pooled"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    columns: Annotated[int, whole(1, 8)] = 1
    """Columns of pixels left of a block that it is predicted from, 1 to 8."""
    noise_variance: Annotated[float, positive] = 1 / 12
    """Added to the variance of Cb and of Cr at every pixel, in squared code values: 1/12 stands for rounding."""


TINY = Params(box_mean=8)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The chroma of one picture, or of all ("pooled").

    Codes are built from the row's own moments, or from those of the other pictures ("others"); pooled, the latter are
    means over patches of what each picture loses. Bits per pixel count Cb and Cr together.
    """

    image: str
    patches: int
    fitted_on: int
    """Other pictures that the models "others" were fitted on."""
    imaginary_ratio: float
    """‖Im C‖ / ‖Re C‖, Frobenius."""
    pseudo_ratio: float
    """‖P‖ / ‖C‖, Frobenius."""
    axis_degrees: float
    """Principal axis of (Cb, Cr), from the Cb axis, in (−90, 90]."""
    polarization: float
    """(λ₁ − λ₂) / (λ₁ + λ₂) of the 2×2 second moments of (Cb, Cr) at one pixel."""
    axis_share: float
    """Share of ‖P‖² that is real once the plane is turned to the principal axis: what one common hue axis explains."""
    entropy_hermitian_bits: float
    """S(C / tr C), 64 dimensions."""
    entropy_joint_bits: float
    """S of the real joint density matrix of Cb ⊕ Cr, 128 dimensions."""
    asymmetry_bits: float
    """1 + the first − the second: the entropy that random hues would add, in [0, 1]."""
    proper_excess_bits_per_patch: float
    """Excess of a Gaussian code built from C alone over one built from C and P, own moments."""
    proper_excess_bits_per_pixel: float
    proper_excess_others_bits_per_pixel: float
    """The same with C and P of the other pictures: negative where their P makes the code longer."""
    separate_excess_bits_per_pixel: float
    """Excess of coding Cb and Cr apart, each with its own moments, over the code built from C and P."""
    separate_excess_others_bits_per_pixel: float
    turned_excess_bits_per_pixel: float
    """Excess of coding the plane along the principal axis and the one across it apart."""
    turned_excess_others_bits_per_pixel: float
    blocks_predicted: int
    """Blocks with a left neighbour; 0 where there is none to predict or to learn from."""
    psnr_copy_db: float
    """Both planes, every row of a block predicted by the pixel left of it. NaN where no block is predicted."""
    psnr_mean_db: float
    """Predicted by the mean of the pixels seen."""
    psnr_strictly_linear_db: float
    """ψ̂ = W z, fitted on the others."""
    psnr_widely_linear_db: float
    """ψ̂ = W z + V z*, fitted on the others: the conditional expectation under the real joint operator."""
    circularity: tuple[float, ...]
    """(64) circularity coefficients of the patches, descending."""


_PREDICTORS = {
    "copy": "psnr_copy_db",
    "mean": "psnr_mean_db",
    "strictly linear": "psnr_strictly_linear_db",
    "widely linear": "psnr_widely_linear_db",
}
_PREDICTED_BY = {
    "copy": "nearest pixel copied",
    "mean": "mean of the pixels",
    "strictly linear": "W z",
    "widely linear": "W z + V z*",
}
_CODES = {"proper": "C alone", "separate": "Cb and Cr apart", "turned": "along and across the axis apart"}


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture in colour, and one for all of them."""
    check(params)
    pictures = [picture for picture in params.gather().pictures if _in_colour(picture)]
    if not pictures:
        return []
    patches = LeaveOneOut(pictures, chroma_operator)
    predictions = LeaveOneOut(pictures, partial(prediction_operator, columns=params.columns))
    rows = []
    for picture in track(pictures):
        own = patches.own(picture)
        facts = {
            "image": picture.name,
            "fitted_on": len(others(pictures, picture)),
            **_excess(patches.without(picture), own, params, "_others"),
            **_predicted(picture, predictions.without(picture), params),
        }
        rows.append(Row(**_described(own, params), **facts))
    everything = sum_of(map(patches.own, pictures))
    return [*rows, Row(**_described(everything, params), **_pooled(rows))]


def _in_colour(picture: Picture) -> bool:
    """Whether chroma is more than the rounding of gray pixels."""
    return bool(np.abs(picture.planes()[..., 1:] - LEVEL_SHIFT).max() > 1e-6)


def chroma_operator(picture: Picture) -> CorrelationOperator:
    """The 128-dimensional operator of the 8×8 patches of Cb ⊕ Cr."""
    return CorrelationOperator.from_planes(picture.planes()[..., 1:])


def neighbours_and_blocks(chroma: Array, columns: int) -> tuple[Array, Array]:
    """The pixels (n, 8·columns) left of every block that has a left neighbour, and the blocks (n, 64), row-major."""
    blocks = extract_patches(chroma).reshape(*grid(chroma.shape, 8), 8, 8)
    seen = blocks[:, :-1, :, 8 - columns :]
    return seen.reshape(-1, 8 * columns), blocks[:, 1:].reshape(-1, 64)


def prediction_operator(picture: Picture, columns: int) -> CorrelationOperator:
    """The real joint operator of (pixels seen, block) as complex vectors: real parts first, then imaginary parts."""
    vectors = np.hstack(neighbours_and_blocks(_complex_chroma(picture), columns))
    return CorrelationOperator.from_patches(np.hstack([vectors.real, vectors.imag]))


def _complex_chroma(picture: Picture) -> Array:
    planes = picture.planes() - LEVEL_SHIFT
    return planes[..., 1] + 1j * planes[..., 2]


def excess_bits(model: CorrelationOperator, data: CorrelationOperator, *, noise_variance: float) -> dict[str, float]:
    """Bits per patch that poorer Gaussian codes lose to that of the real joint operator.

    Args:
        model: real joint operator of Cb ⊕ Cr that the codes are built from.
        data: that of the patches that are coded, with noise of the same variance added to them.
        noise_variance: of each real component.

    Returns:
        "proper": the code built from C alone. "separate": the codes of Cb and of Cr, each with its own moments.
        "turned": the same after the plane (Cb, Cr) is turned to the model's principal axis.
    """
    known, seen = ComplexMoments.from_real_joint(model), ComplexMoments.from_real_joint(data)
    turned, turned_seen = (_turned(moments, known.axis).to_real_joint() for moments in (known, seen))

    def bits(code: CorrelationOperator, of: CorrelationOperator) -> float:
        return _gaussian_bits(code.matrix / code.count, of.matrix / of.count, noise_variance)

    best = bits(model, data)
    return {
        "proper": bits(known.proper().to_real_joint(), data) - best,
        "separate": bits(_apart(model), data) - best,
        "turned": bits(_apart(turned), turned_seen) - best,
    }


def _turned(moments: ComplexMoments, angle: float) -> ComplexMoments:
    """The moments of e^{−i angle} ψ."""
    phase = np.exp(-1j * angle)
    return replace(moments, pseudo=phase**2 * moments.pseudo, sum=phase * moments.sum)


def _apart(joint: CorrelationOperator) -> CorrelationOperator:
    """The operator without the correlation of its two halves."""
    half = joint.dimension // 2
    matrix = joint.matrix.copy()
    matrix[:half, half:] = matrix[half:, :half] = 0.0
    return replace(joint, matrix=matrix)


def _gaussian_bits(model: Array, data: Array, noise_variance: float) -> float:
    """½ (log₂ det Σ + log₂ e · tr Σ⁻¹ S): the code length per vector up to a constant that all models share."""
    from scipy.linalg import cho_factor, cho_solve

    noise = noise_variance * np.eye(len(model))
    factor = cho_factor(model + noise, lower=True)
    trace = float(np.trace(cho_solve(factor, data + noise)))
    return float(np.log2(np.diag(factor[0])).sum()) + trace / (2 * np.log(2))


def _predicted(picture: Picture, joint: CorrelationOperator, params: Params) -> dict[str, Any]:
    """The fields of a row with the PSNR of predicted blocks."""
    seen, blocks = neighbours_and_blocks(_complex_chroma(picture), params.columns)
    if len(blocks) == 0 or joint.count == 0:
        return {"blocks_predicted": 0, **dict.fromkeys(_PREDICTORS.values(), float("nan"))}
    moments = ComplexMoments.from_real_joint(joint)
    observed = seen.shape[1]
    strictly = strictly_linear_estimator(moments, observed=observed, noise_variance=params.noise_variance)
    widely = widely_linear_estimator(moments, observed=observed, noise_variance=params.noise_variance)
    guesses = {
        "copy": np.repeat(seen.reshape(-1, 8, params.columns)[:, :, -1], 8, axis=1),
        "mean": seen.mean(axis=1, keepdims=True),
        "strictly linear": strictly.apply(seen),
        "widely linear": widely.apply(seen),
    }
    # |ψ|² is the sum over two planes.
    errors = {name: float((np.abs(blocks - guess) ** 2).mean()) / 2 for name, guess in guesses.items()}
    quality = {_PREDICTORS[name]: psnr_of_error(error, data_range=255) for name, error in errors.items()}
    return {"blocks_predicted": len(blocks), **quality}


def _excess(model: CorrelationOperator, data: CorrelationOperator, params: Params, source: str) -> dict[str, float]:
    """The fields of a row with the excess of the codes of a model on data."""
    excess = excess_bits(model, data, noise_variance=params.noise_variance)
    return {f"{name}_excess{source}_bits_per_pixel": bits / 64 for name, bits in excess.items()}


def _described(own: CorrelationOperator, params: Params) -> dict[str, Any]:
    """The fields of a row that depend on its own moments alone."""
    moments = ComplexMoments.from_real_joint(own)
    pseudo = _turned(moments, moments.axis).pseudo
    strength = float(np.linalg.norm(pseudo))
    coefficients = moments.circularity_coefficients(noise_variance=params.noise_variance)
    return {
        "patches": own.count,
        "imaginary_ratio": moments.imaginary_ratio,
        "pseudo_ratio": moments.pseudo_ratio,
        "axis_degrees": float(np.degrees(moments.axis)),
        "polarization": moments.polarization,
        "axis_share": float(np.linalg.norm(pseudo.real) / strength) ** 2 if strength > 0 else 1.0,
        "entropy_hermitian_bits": float(von_neumann_entropy(moments.hermitian_operator().density_matrix())),
        "entropy_joint_bits": float(von_neumann_entropy(own.density_matrix())),
        "asymmetry_bits": moments.asymmetry_bits(),
        "proper_excess_bits_per_patch": moments.improper_bits(noise_variance=params.noise_variance),
        **_excess(own, own, params, ""),
        "circularity": tuple(coefficients.tolist()),
    }


def _pooled(rows: Sequence[Row]) -> dict[str, Any]:
    """The fields of the pooled row that are means over patches of what each picture has."""
    patches = values(rows, "patches")
    predicted = [row for row in rows if row.blocks_predicted > 0]
    blocks = sum(values(predicted, "blocks_predicted"))
    facts: dict[str, Any] = {
        "image": POOLED,
        "fitted_on": max(values(rows, "fitted_on")),
        "blocks_predicted": blocks,
    }
    for field in (f"{name}_excess_others_bits_per_pixel" for name in _CODES):
        facts[field] = float(np.average(values(rows, field), weights=patches))
    for field in _PREDICTORS.values():
        errors = [row.blocks_predicted * 255.0**2 * 10 ** (-getattr(row, field) / 10) for row in predicted]
        facts[field] = psnr_of_error(sum(errors) / blocks, data_range=255) if predicted else float("nan")
    return facts


def findings(rows: Sequence[Row]) -> list[str]:
    """Sentences about the rows."""
    if not rows:
        return ["No picture is in colour, so there is no chroma."]
    *single, pooled = rows
    axes = values(single, "axis_degrees")
    sentences = [
        f"Pooled over {counted_pictures(len(single))} in colour, the imaginary part of E[ψψ†] is "
        f"{100 * pooled.imaginary_ratio:.1f} % of its real part, and the pseudo-covariance E[ψψᵀ] is "
        f"{100 * pooled.pseudo_ratio:.0f} % of E[ψψ†]: the information of the phase is in the pseudo-covariance.",
        f"It is a direction of hue: the principal axis of (Cb, Cr) lies at {pooled.axis_degrees:+.0f}° from Cb "
        f"({min(axes):+.0f}° to {max(axes):+.0f}° in single pictures), and one axis for all pixels explains all but "
        f"{100 * (1 - pooled.axis_share):.2g} % of ‖P‖².",
        f"S(C / tr C) is {pooled.entropy_hermitian_bits:.3f} bit in 64 dimensions, the entropy of the real joint "
        f"operator {pooled.entropy_joint_bits:.3f} bit in 128. With random hues the second is one bit above the first; "
        f"the preferred hue reduces it by {pooled.asymmetry_bits:.3f} bit.",
        f"A Gaussian code built from C alone takes {pooled.proper_excess_bits_per_patch:.1f} bit per patch more than "
        f"one built from C and P. In bit per pixel, with the pictures' own moments and with those of other pictures: "
        + "; ".join(f"{label} {own:+.3f} and {other:+.3f}" for label, own, other in _excesses(pooled))
        + ".",
    ]
    predicted = predicted_rows(rows)
    if not predicted:
        return [*sentences, "No block has a left neighbour and an error to be measured, so nothing is predicted."]
    gains = [row.psnr_widely_linear_db - row.psnr_strictly_linear_db for row in predicted]
    means = {name: mean(predicted, field) for name, field in _PREDICTORS.items()}
    sentences.append(
        f"A block predicted from the pixels left of it has {means['copy']:.2f} dB by copying, {means['mean']:.2f} dB "
        f"by their mean, {means['strictly linear']:.2f} dB by W z and {means['widely linear']:.2f} dB by W z + V z*, "
        f"both fitted on other pictures: the conjugate changes it by {finite_mean(gains):+.3f} dB "
        f"({min(gains):+.3f} to {max(gains):+.3f})."
    )
    return sentences


def _excesses(row: Row) -> list[tuple[str, float, float]]:
    """Label, excess with own moments and with those of the others, of every code, in bit per pixel."""
    fields = ("excess_bits_per_pixel", "excess_others_bits_per_pixel")
    return [(label, *(getattr(row, f"{name}_{field}") for field in fields)) for name, label in _CODES.items()]


def predicted_rows(rows: Sequence[Row]) -> list[Row]:
    """Single pictures whose errors can be measured for every predictor."""
    kept: Sequence[Row] = [row for row in rows if row.image != POOLED]
    for field in _PREDICTORS.values():
        kept = comparable(kept, field)
    return list(kept)


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "pictures": _pictures(rows),
        "operators": _operators(rows),
        "codes": _code_lengths(rows),
        "prediction": _prediction(rows),
    }


def _operators(rows: Sequence[Row]) -> Table:
    """The moments of all pictures together."""
    measures: dict[str, tuple[Measure, str]] = {
        "‖Im C‖ / ‖Re C‖, %": (lambda row: 100 * row.imaginary_ratio, ".1f"),
        "‖P‖ / ‖C‖, %": (lambda row: 100 * row.pseudo_ratio, ".0f"),
        "principal axis of (Cb, Cr), °": ("axis_degrees", ".0f"),
        "‖P‖² that one axis for all pixels does not explain, %": (lambda row: 100 * (1 - row.axis_share), ".1g"),
        "S(C / tr C), 64 dimensions, bit": ("entropy_hermitian_bits", ".3f"),
        "entropy of the real joint operator, 128 dimensions, bit": ("entropy_joint_bits", ".3f"),
        "asymmetry: 1 + the first − the second, bit": ("asymmetry_bits", ".3f"),
    }
    return Table(
        columns=["quantity", "value"],
        rows=[
            [name, format_cell(values(rows[-1:], measure)[0], spec)]
            for name, (measure, spec) in measures.items()
            if rows
        ],
        caption=f"Moments of {counted_pictures(max(len(rows) - 1, 0))} pooled",
    )


def _code_lengths(rows: Sequence[Row]) -> Table:
    """Excess of the poorer codes on all pictures, and pictures on which the full code of the others is longer."""
    single = rows[:-1]
    own, other = "moments of the pictures, bit/pixel", "moments of the others, bit/pixel"
    return Table(
        columns=["code", own, other, "pictures on which the full code of the others is longer", "pictures"],
        rows=[
            [
                label,
                *_excesses(rows[-1])[number][1:],
                sum(_excesses(row)[number][2] < 0 for row in single),
                len(single),
            ]
            for number, label in enumerate(_CODES.values())
            if rows
        ],
        caption="Excess over the Gaussian code of C and P",
        formats={own: ".3f", other: ".3f"},
    )


def _prediction(rows: Sequence[Row]) -> Table:
    """Mean PSNR of every predictor, and its difference to W z over the pictures."""
    predicted = predicted_rows(rows)
    differences = ["beyond W z, dB", "least", "largest"]
    body = []
    for name, field in _PREDICTORS.items():
        gains = [getattr(row, field) - row.psnr_strictly_linear_db for row in predicted] or [float("nan")]
        body.append([_PREDICTED_BY[name], mean(predicted, field), finite_mean(gains), min(gains), max(gains)])
    return Table(
        columns=["predictor", "PSNR, dB", *differences],
        rows=body,
        caption=f"8×8 block of chroma from the pixels left of it; mean of {len(predicted)} pictures, each predicted "
        "from the moments of the others",
        formats={"PSNR, dB": ".2f"} | dict.fromkeys(differences, "+.3f"),
    )


def _pictures(rows: Sequence[Row]) -> Table:
    """One line per picture and one for all."""
    excess = {
        heading: partial(_excess_cell, number=number)
        for number, heading in enumerate(("C alone", "Cb, Cr apart", "axis apart"))
    }
    return table_of(
        rows,
        {
            "picture": "image",
            "‖P‖ / ‖C‖": "pseudo_ratio",
            "axis, °": "axis_degrees",
            "asymmetry, bit": "asymmetry_bits",
            **excess,
            "copy, dB": "psnr_copy_db",
            "W z, dB": "psnr_strictly_linear_db",
            "W z + V z*, dB": "psnr_widely_linear_db",
        },
        formats={"‖P‖ / ‖C‖": ".3f", "axis, °": ".0f", "asymmetry, bit": ".3f"}
        | dict.fromkeys(("copy, dB", "W z, dB", "W z + V z*, dB"), ".2f"),
        caption="Excess code length of Gaussian codes in bit/pixel: moments of the picture itself / of the others",
    )


def _excess_cell(row: Row, number: int) -> str:
    _, own, other = _excesses(row)[number]
    return f"{own:.3f}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{other:+.3f}"


def plot(rows: Sequence[Row]) -> Figure:
    """Circularity, hue axes, excess code length and prediction of every picture."""
    figure, axes = subplots(2, 2, figsize=(7, 6.4))
    _plot_circularity(rows, axes[0, 0])
    _plot_axes(rows, axes[0, 1])
    _plot_excess(rows, axes[1, 0])
    _plot_predictions(rows, axes[1, 1])
    return figure


def _plot_circularity(rows: Sequence[Row], ax: Axes) -> None:
    ranks = np.arange(1, 65)
    picture_lines(ax, [(ranks, row.circularity) for row in rows[:-1]])
    ax.plot(ranks, rows[-1].circularity, linewidth=2, label="pooled")
    ax.set(
        ylim=(0, 1),
        xlabel="rank",
        ylabel="circularity coefficient k",
        title="1: one hue axis; 0: no hue preferred",
    )
    ax.legend()


def _plot_axes(rows: Sequence[Row], ax: Axes) -> None:
    """For every picture a line along its principal axis, as long as it is polarized, its ends in their hues."""
    for row in rows:
        angle = np.radians(row.axis_degrees)
        ends = row.polarization * np.outer([-1, 1], [np.cos(angle), np.sin(angle)])
        pooled = row.image == POOLED
        ax.plot(
            ends[:, 0],
            ends[:, 1],
            color="0.15" if pooled else "0.7",
            linewidth=2.5 if pooled else 1,
            zorder=3 if pooled else 1,
            label="pooled" if pooled else "one picture" if row is rows[0] else None,
        )
        unit = ends / max(row.polarization, 1e-9)
        hues = ycbcr_to_rgb(np.column_stack([np.full(2, 140.0), LEVEL_SHIFT + 70 * unit])[None])[0]
        colours = np.clip(hues, 0, 255) / 255
        ax.scatter(
            ends[:, 0],
            ends[:, 1],
            c=colours,
            s=110 if pooled else 45,
            zorder=4,
            edgecolors="0.15" if pooled else "none",
        )
    ax.set(
        xlim=(-1.05, 1.05),
        ylim=(-1.05, 1.05),
        aspect="equal",
        xlabel="Cb",
        ylabel="Cr",
        title=r"principal axis, length $|{\rm tr}\,P|\,/\,{\rm tr}\,C$",
    )
    ax.legend()


def _plot_excess(rows: Sequence[Row], ax: Axes) -> None:
    """Excess of every code with the picture's own moments and with those of the others."""
    order = sorted(rows[:-1], key=lambda row: row.proper_excess_bits_per_pixel)
    place = np.arange(len(order))
    for number, label in enumerate(_CODES.values()):
        own, other = zip(*(_excesses(row)[number][1:] for row in order), strict=True)
        x = place + 0.22 * (number - 1)
        ax.plot(x, own, "os^"[number], color=f"C{number}", label=f"{label}, own moments", markersize=3)
        ax.plot(x, other, "x+1"[number], color=f"C{number}", label=f"{label}, of the others", markersize=4)
    _label(ax, "by the excess of C alone", "excess, bit/pixel", "excess of Gaussian codes")


def _plot_predictions(rows: Sequence[Row], ax: Axes) -> None:
    """Differences to copying: the level of PSNR, which differs between flat and busy pictures, cancels."""
    shown = sorted(predicted_rows(rows), key=lambda row: row.psnr_strictly_linear_db - row.psnr_copy_db)
    place = np.arange(len(shown))
    for name, colour, marker in (("mean", "C2", "s"), ("strictly linear", "C0", "o"), ("widely linear", "C1", "x")):
        gains = [getattr(row, _PREDICTORS[name]) - row.psnr_copy_db for row in shown]
        ax.plot(place, gains, marker, color=colour, label=_PREDICTED_BY[name], markersize=4)
    _label(ax, "by gain", "PSNR − that of copying, dB", "block predicted from the pixels left of it")


def _label(ax: Axes, order: str, y: str, title: str) -> None:
    zero_line(ax)
    ax.set(xticks=[], xlabel=f"pictures, {order}", ylabel=y, title=title)
    if len(ax.get_lines()) > 1:
        ax.legend(fontsize=6)
