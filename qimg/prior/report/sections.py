"""The sections of the page on a prior: provenance, operators, classes and edge filters."""

from typing import TYPE_CHECKING, Any

import numpy as np

from qimg.core import Array
from qimg.operators import CorrelationOperator, log_negativity, mutual_information
from qimg.prior import JointMixture, Prior
from qimg.prior.report import tables as priors
from qimg.prior.report.edges import edge_section
from qimg.prior.report.figures import (
    as_one_class,
    by_weight,
    one_plot,
    plot_class_eigen_patches,
    plot_class_spectra,
    plot_predictors,
)
from qimg.report.page import Figure, Page, Section
from qimg.report.plots import plot_density_matrix, plot_eigen_patches, plot_spectrum
from qimg.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

_INPUTS_SHOWN = 24
_BOARD_CLASSES = 16
_PREDICTOR_CLASSES = 6
_EIGENVECTORS = 8


def prior_page(prior: Prior, *, name: str) -> Page:
    """A page on a prior for `render`: provenance, operators, classes and predictors.

    Cost: one eigendecomposition per class and figure.

    Args:
        prior: as loaded or fitted.
        name: name of the prior on the page.
    """
    sections = [_provenance(prior, name)]
    sections += [_operators(prior)] if prior.operators else []
    sections += [_mixture(prior, view, model) for view, model in prior.mixtures.items()]
    flat = [model for model in prior.mixtures.values() if model.view.planes == 1 and model.view.size > 2]
    if flat:
        sections.append(edge_section(max(flat, key=lambda model: model.classes)))
    inputs = len(prior.provenance["inputs"])
    return Page(
        title=f"Prior {name}",
        lead=f"Fitted on {_counted(inputs, 'picture')}: second moments of patches, and "
        "mixtures of operators over blocks and their surroundings. Everything below is computed from the integers of "
        "one file by linear algebra.",
        notes=[f"Identity: `{prior.sha256}` (SHA-256)."],
        sections=sections,
    )


def _provenance(prior: Prior, name: str) -> Section:
    inputs, skipped = prior.provenance["inputs"], prior.provenance.get("skipped", [])
    groups = {record["group"] for record in inputs}
    listed = [
        [record["name"], record["group"], "{1}×{0}".format(*record["shape"]), record["sha256"][:16]]
        for record in inputs
    ]
    tables = [priors.identity_table(prior, name=name), priors.group_table(prior)]
    tables += [priors.mixture_table(prior)] if prior.mixtures else []
    tables.append(
        Table(columns=["picture", "group", "pixels", "SHA-256, first 16 digits"], rows=listed, caption="Inputs").head(
            _INPUTS_SHOWN
        )
    )
    tables += priors.skipped_tables(prior)
    return Section(
        title="Provenance",
        question="Which pictures was the prior fitted on, and with which recipe?",
        findings=[
            f"{_counted(len(inputs), 'picture')} in {_counted(len(groups), 'group')}; "
            f"{_counted(len(skipped), 'file')} skipped.",
            f"{_counted(len(prior.operators), 'operator')} and {_counted(len(prior.mixtures), 'mixture')} with "
            f"{sum(model.classes for model in prior.mixtures.values())} classes in total.",
        ],
        tables=tables,
    )


def _operators(prior: Prior) -> Section:
    pooled = {
        key: one
        for key, one in priors.pooled_operators(prior).items()
        if key[0] in ("luma", "colour") and priors.has_energy(one)
    }
    first = {planes: (scale, one) for (planes, scale), one in reversed(pooled.items())}
    ordered = [(planes, *first[planes]) for planes in ("luma", "colour") if planes in first]
    size = prior.provenance["recipe"]["size"]
    spectra = {f"{planes}, scale {scale}": one.spectrum() for (planes, scale), one in pooled.items()}
    registers = [row for planes, scale, one in ordered for row in _register_rows(planes, scale, one, size)]
    findings = []
    for planes, _, one in ordered:
        values = one.spectrum()
        findings.append(
            f"{planes}: the first eigenvector holds {100 * values[0]:.1f} % of the energy, the first "
            f"{min(_EIGENVECTORS, len(values))} hold {100 * values[:_EIGENVECTORS].sum():.1f} %."
        )
    return Section(
        title="Operators",
        question="What are the second moments of whole patches, summed over all groups, at the smallest scale?",
        findings=findings,
        figures=[_operator_figure(planes, scale, one, spectra) for planes, scale, one in ordered],
        tables=[
            priors.operator_table(prior),
            Table(
                columns=["operator", "between", "mutual information (bit)", "logarithmic negativity"],
                rows=registers,
                caption="Correlations between two registers of a patch, the others traced out. ρ is mixed, so mutual "
                "information includes classical correlation. The planes are the levels of one register",
            ),
        ],
    )


def _register_rows(planes: str, scale: int, operator: CorrelationOperator, size: int) -> list[list[Any]]:
    rho = operator.density_matrix()
    names = ["row", "column"] if planes == "luma" else ["plane", "row", "column"]
    dims = [size, size] if planes == "luma" else [3, size, size]
    pairs = [(i, j) for i in range(len(dims)) for j in range(i + 1, len(dims))]
    return [
        [
            f"{planes}, scale {scale}",
            f"{names[i]} and {names[j]}",
            float(mutual_information(rho, dims, between=(i, j))),
            _unless_rounding(float(log_negativity(rho, dims, between=(i, j)))),
        ]
        for i, j in pairs
    ]


def _unless_rounding(value: float) -> float:
    return value if value > 1e-9 else 0.0


def _operator_figure(planes: str, scale: int, operator: CorrelationOperator, spectra: dict[str, Array]) -> Figure:
    count = 1 if planes == "luma" else 3
    per_plane = operator.dimension // count
    registers = None if count == 1 else [(plane, per_plane) for plane in ("Y'", "Cb", "Cr")]
    rho, basis = operator.density_matrix(), operator.eigenbasis()
    leading = min(25, operator.dimension)

    def draw() -> "MatplotlibFigure":
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(1, 3, figsize=(11, 3.7))
        plot_density_matrix(rho, registers=registers, ax=axes[0])
        plot_spectrum({label: values for label, values in spectra.items() if label.startswith(planes)}, ax=axes[1])
        plot_eigen_patches(basis, count=leading, planes=count, ax=axes[2])
        for ax, title in zip(axes, ("density matrix ρ", "spectrum", f"{leading} leading eigenvectors"), strict=True):
            ax.set_title(title)
        return figure

    return Figure(
        draw=draw,
        caption=f"The {planes} operator at scale {scale}, {operator.count:,} patches, level-shifted by 128. Colour of "
        "the matrix: sign(ρ)·√|ρ|.",
    )


def _mixture(prior: Prior, name: str, model: JointMixture) -> Section:
    order = by_weight(model)
    view = model.view
    heaviest = [int(k) for k in order[:_BOARD_CLASSES]]
    eigenvectors = min(_EIGENVECTORS, view.dimension - view.observed)
    pitch = 1 / (view.size + 1)
    board = one_plot(
        lambda ax: plot_class_eigen_patches(model, classes=heaviest, count=eigenvectors, ax=ax),
        (0.62 * eigenvectors * (1 + pitch) + 1.9, 0.62 * len(heaviest) * (1 + pitch) + 0.6),
        f"The {eigenvectors} leading eigenvectors of the {len(heaviest)} heaviest classes, and the classes' weights. "
        + ("Residual after prediction from the ring" if view.observed else "Patches without their mean")
        + (", planes Y', Cb and Cr shown in colour." if view.planes == 3 else "."),
    )
    spectra = one_plot(
        lambda ax: plot_class_spectra(model, ax=ax),
        (6.4, 3.9),
        f"Spectra of the {'residuals' if view.observed else 'patches'} of all {model.classes} classes, and of one "
        "operator with the second moments of all of them.",
    )
    figures = [board, spectra]
    if view.observed:
        few, planes = heaviest[:_PREDICTOR_CLASSES], ", Y' from the ring in Y'" if view.planes == 3 else ""
        figures.append(
            one_plot(
                lambda ax: plot_predictors(model, classes=few, ax=ax),
                (8.6, 1.2 * len(few) + 0.7),
                f"Predictors of the {len(few)} heaviest classes{planes}. Left: weights of the ring's "
                "pixels in the prediction of one pixel of the block (outlined; row and column above). Right: change of "
                "the predicted block when one pixel of the ring is 1 brighter. Colour: sign(w)·√|w|.",
            )
        )
    return Section(
        title=f"Mixture {name}",
        question=_QUESTIONS[view.kind],
        findings=_mixture_findings(prior, name, model),
        figures=figures,
        tables=[priors.class_table(model).head(priors.CLASSES_SHOWN)],
    )


_QUESTIONS = {
    "patch": "Which classes of patches exist, and which eigenvectors does each have?",
    "luma": "Which classes of blocks exist, how well does the ring predict each, and what is the residual?",
    "colour": "Which classes of blocks exist in three planes, how well does the ring predict each, and what is the "
    "residual?",
}


def _mixture_findings(prior: Prior, name: str, model: JointMixture) -> list[str]:
    weights = model.mixture.weights[by_weight(model)]
    half = int(np.searchsorted(np.cumsum(weights), 0.5) + 1)
    findings = [
        f"{model.classes} classes over {model.view.dimension} dimensions; half of the weight lies in the heaviest "
        f"{half}."
    ]
    history = prior.provenance.get("log_likelihood", {}).get(name, [])
    if len(history) > 1:
        findings.append(
            f"The mean log-likelihood of a vector is {history[0]:.2f} nats in the first recorded round and "
            f"{history[-1]:.2f} in the last."
        )
    if model.view.observed:
        energies = np.array([priors.class_energies(model, k) for k in range(model.classes)])
        block, residual = model.mixture.weights @ energies
        single = priors.gain_db(*priors.class_energies(as_one_class(model), 0))
        gain = priors.gain_db(float(block), float(residual))
        findings.append(
            f"Prediction from the ring reduces the energy of blocks by {gain:.2f} dB if the class is known, and by "
            f"{single:.2f} dB with one operator for all."
        )
    return findings


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
