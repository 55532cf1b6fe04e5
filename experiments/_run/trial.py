"""The practical trial: eight experiments on the same pictures, with one report."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial, reduce
from itertools import count
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from experiments._run import runner
from experiments._run.figures import Figure as MatplotlibFigure
from experiments._run.figures import subplots
from experiments._run.pictures import LARGE, Gathered, LeaveOneOut, Picture, gather
from experiments.operators import conditional_expectation
from experiments.operators.quantized_states import ac_coefficients
from qimg import __version__, images
from qimg.channels import quantization_channel
from qimg.cli.progress import bars
from qimg.core import Array, write_atomically
from qimg.core.atomic import publish_folder, unfinished_folder
from qimg.core.temporary import temporary_files_in
from qimg.evaluation.summary import counted_pictures
from qimg.operators import CorrelationOperator
from qimg.report import Figure, Page, Section, bare, plot_density_matrix, plot_eigen_patches, plot_spectrum, render
from qimg.report.plots import as_board

TITLES = {
    "pairs": "Raw and JPEG pairs",
    "convergence": "Convergence of the correlation operator",
    "purification": "Pictures as purifications",
    "truncation": "Low-rank truncation",
    "decoherence": "Quantization as a channel",
    "conditional_expectation": "Estimation of raw pictures from JPEG",
    "transform_circuits": "Transforms as circuits",
    "shots": "Readout of a picture by shots",
}

CROP_QUALITY = 10
CROP = 160


def parameters(sources: tuple[str, ...], seed: int) -> dict[str, Any]:
    """The parameters of every step of a trial."""
    common: dict[str, Any] = {"images": sources, "box_mean": 0}
    specific: dict[str, dict[str, Any]] = {
        "convergence": {"seed": seed},
        "decoherence": {"seed": seed},
        "transform_circuits": {"seed": seed},
        "shots": {"seed": seed, "shots_per_patch": (64, 256, 1024, 4096), "repeats": 3},
    }
    return {name: runner.module(name).Params(**common, **specific.get(name, {})) for name in runner.TRIAL}


def run_trial(
    sources: Sequence[str], *, out: Path | None = None, seed: int = 0, steps: dict[str, Any] | None = None
) -> Path:
    """Run all steps and write report.html, rows.csv of each step and provenance.json to a new folder.

    Args:
        sources: image files and folders; the bundled photographs if empty.
        out: the new folder; by default the next free `qimg-trial-N` in the working folder.
        seed: seed of every random draw.
        steps: parameters of the steps; by default those of `parameters`.

    Raises:
        ImageError: no picture can be read.
        ResultsExist: `out` already exists.
    """
    if steps is None:
        steps = parameters(tuple(sources), seed)
    if out is not None:
        with runner.new_folder(out) as unfinished:
            _measure_into(unfinished, sources, steps)
        return out
    with unfinished_folder(".") as unfinished:
        _measure_into(unfinished, sources, steps)
        names = (f"qimg-trial-{number}" for number in count(1))
        return publish_folder(unfinished, runner.free(Path(), names))


def _measure_into(folder: Path, sources: Sequence[str], steps: Mapping[str, Any]) -> None:
    """Run all steps and write their files into a folder."""
    with temporary_files_in(folder), bars() as named:
        gathered = gather(sources, box_mean=0)
        results = [runner.measure(name, steps[name], track=named(TITLES[name])) for name in runner.TRIAL]
        for number, measured in enumerate(results, start=1):
            step = folder / _step_folder(number, measured.name)
            step.mkdir()
            runner.write_rows(measured.rows, step / "rows.csv")
        drawn = named("Preparing the report")(list(enumerate(results, start=1)))
        page = _page(gathered, [_section(number, measured, gathered) for number, measured in drawn])
        write_atomically(folder / "report.html", render(page).encode("utf-8", "backslashreplace"))
        facts = runner.provenance(
            {name: dataclasses.asdict(params) for name, params in steps.items()},
            gathered,
            seconds={measured.name: measured.seconds for measured in results},
        )
        runner.write_json(facts, folder / "provenance.json")


def _step_folder(number: int, name: str) -> str:
    return f"{number}-{name.replace('_', '-')}"


def _page(gathered: Gathered, sections: Sequence[Section]) -> Page:
    names = [picture.name for picture in gathered.pictures]
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    notes = [
        f"Pictures: {listed}. All results below were measured on them by `qimg trial`, version {__version__}; "
        "`provenance.json` holds parameters, hashes and versions."
    ]
    reduced = [picture.name for picture in gathered.pictures if picture.pixels > LARGE]
    if reduced:
        notes.append(
            f"{counted_pictures(len(reduced))} of more than {LARGE / 1e6:.1f} million pixels were downscaled by box "
            "means before measurement, which changes the scale of their statistics."
        )
    if gathered.remarks:
        reasons = "; ".join(gathered.remarks)
        notes.append(f"No originals: {counted_pictures(len(gathered.remarks))}. {reasons}.")
    if gathered.skipped:
        reasons = "; ".join(entry.reason for entry in gathered.skipped)
        notes.append(f"Skipped: {len(gathered.skipped)} file(s). {reasons}.")
    return Page(
        title="The practical trial",
        lead="The second moments of image patches form a correlation operator; normalised to unit trace, it is a "
        "density matrix. Eight experiments on photographs measure properties of this matrix and apply it to images.",
        notes=notes,
        sections=sections,
    )


def _section(number: int, measured: runner.Measured, gathered: Gathered) -> Section:
    module = runner.module(measured.name)
    rows = measured.rows
    figures = list(_gallery(measured.name, gathered.pictures))
    # With a single picture, convergence has no resamples and therefore no figure.
    drawable = bool(rows) and not (measured.name == "convergence" and len(gathered.pictures) == 1)
    if drawable:
        figures.append(Figure(draw=lambda: module.plot(rows), caption=_CAPTIONS[measured.name]))
    return Section(
        title=f"{number}. {TITLES[measured.name]}",
        question=f"{runner.question(measured.name)} {runner.method(measured.name)}",
        findings=module.findings(rows),
        figures=figures,
        tables=[next(iter(module.tables(rows).values())).head(32)] if drawable else [],
        files=[f"{_step_folder(number, measured.name)}/rows.csv"],
    )


_CAPTIONS = {
    "pairs": "Luma PSNR against bits per pixel of the whole JPEG file, one line for each picture.",
    "convergence": "Distance to the operator of all pictures, entropy, leading eigenspace, and code length on unseen "
    "pictures against the number of pictures; bands, from eight pictures on, are 5–95 % of resamples of the pictures.",
    "purification": "Entropy of the patches' density matrix and entanglement of the picture's state, which are equal.",
    "truncation": "Luma PSNR and discarded weight against the number of retained coefficients; the basis or order is "
    "that of the other pictures, or that of the picture itself.",
    "decoherence": "Trace distance between each model and the quantized state, as a fraction of the distance between "
    "the states before and after quantization (dashed: identity, without a model).",
    "conditional_expectation": "Gain of the linear conditional expectation over JPEG, fitted without the picture "
    "that it is applied to.",
    "transform_circuits": "Gates and depth of each circuit, and its agreement with the matrix product.",
    "shots": "Luma PSNR of patches rebuilt from measured frequencies; dashed: first-order standard error.",
}


def _gallery(name: str, pictures: Sequence[Picture]) -> list[Figure]:
    """Figures of the pictures and matrices themselves."""
    if name == "pairs":
        crops = [_crop(picture.code_values()) for picture in pictures[:5]]
        coded = [images.jpeg_round_trip(crop, quality=CROP_QUALITY).image for crop in crops]
        return [
            _board(
                {"raw": crops, f"JPEG {CROP_QUALITY}": coded},
                f"Crops of the pictures, before and after JPEG at quality {CROP_QUALITY}.",
            )
        ]
    if name == "convergence":
        operator = reduce(add, (picture.operator() for picture in pictures))
        return [operator_figure(operator)] if np.trace(operator.matrix) > 0 else []
    if name == "decoherence":
        return _channel_figure(max(pictures, key=lambda picture: picture.pixels))
    return [_restored_figure(pictures)] if name == "conditional_expectation" else []


def operator_figure(operator: CorrelationOperator) -> Figure:
    """Density matrix, spectra and leading eigenvectors of a 192-dimensional Y'CbCr operator."""

    def draw() -> MatplotlibFigure:
        figure, axes = subplots(1, 3, figsize=(11, 3.7))
        rho = operator.density_matrix()
        plot_density_matrix(rho, registers=[("Y", 64), ("Cb", 64), ("Cr", 64)], ax=axes[0])
        spectra = {"Y'CbCr": operator.spectrum()}
        for label, part in (("Y", rho[:64, :64]), ("Cb, Cr", rho[64:, 64:])):
            if np.trace(part) > 1e-12:
                spectra[label] = np.linalg.eigvalsh(part / np.trace(part))[::-1]
        plot_spectrum(spectra, ax=axes[1])
        plot_eigen_patches(operator.eigenbasis(), count=25, planes=3, ax=axes[2])
        return _titled(figure, "density matrix ρ", "spectrum", "25 leading eigenvectors")

    return Figure(
        draw=draw,
        caption="The operator of all pictures together: 8×8 patches of three planes, level-shifted by 128, weighted by "
        "energy. Colour of the matrix: sign(ρ)·√|ρ|.",
    )


def _titled(figure: MatplotlibFigure, *titles: str) -> MatplotlibFigure:
    for ax, title in zip(figure.axes, titles, strict=False):  # the axes of colour bars come last
        ax.set_title(title)
    return figure


def _channel_figure(picture: Picture) -> list[Figure]:
    luma = picture.luma()
    coefficients = ac_coefficients(luma)
    if not coefficients.any():
        return []
    step = images.quantization_table(CROP_QUALITY).ravel()[1:]
    channel = quantization_channel(coefficients, step, reconstruction="centroid")
    if not (channel.gains > 0).any():
        return []
    raw = CorrelationOperator.from_patches(coefficients).density_matrix()
    modelled = channel.apply_conditioned(raw)

    def draw() -> MatplotlibFigure:
        figure, axes = subplots(1, 3, figsize=(11, 3.6))
        plot_density_matrix(raw, ax=axes[0])
        plot_density_matrix(modelled, ax=axes[1])
        gains = np.concatenate([[np.nan], channel.gains]).reshape(8, 8)
        image = axes[2].imshow(gains, cmap="viridis", vmin=0, vmax=1)
        axes[2].grid(visible=False)
        axes[2].set(xlabel="horizontal frequency", ylabel="vertical frequency")
        figure.colorbar(image, ax=axes[2], fraction=0.046, pad=0.03).set_label("gain α")
        after = f"after the channel, quality {CROP_QUALITY}"
        return _titled(figure, "AC coefficients, raw", after, "gains α = 1 − D/σ²")

    return [
        Figure(
            draw=draw,
            caption=f"{picture.name}: density matrix of the 63 AC coefficients before and after centroid "
            "quantization, and the gains of the channel.",
        )
    ]


def _restored_figure(pictures: Sequence[Picture]) -> Figure:
    joint = LeaveOneOut(pictures, partial(conditional_expectation.joint_operator, quality=CROP_QUALITY))
    rows: dict[str, list[Array]] = {"raw": [], f"JPEG {CROP_QUALITY}": [], "restored": []}
    for picture in pictures[:4]:
        estimator = conditional_expectation.estimate(joint.without(picture))
        image = picture.code_values()
        decoded = images.jpeg_round_trip(image, quality=CROP_QUALITY).image
        versions = (image, decoded, conditional_expectation.restore(decoded, estimator))
        for row, version in zip(rows.values(), versions, strict=True):
            row.append(_crop(version))
    return _board(
        rows, f"Raw picture, JPEG at quality {CROP_QUALITY}, and the linear conditional expectation of the raw picture."
    )


def _board(rows: Mapping[str, Sequence[Array]], caption: str) -> Figure:
    """Named rows of pictures."""

    def draw() -> MatplotlibFigure:
        figure, axes = subplots(len(rows), 1, figsize=(10, 2.4 * len(rows)), squeeze=False)
        for ax, (name, row) in zip(axes[:, 0], rows.items(), strict=True):
            height = max(len(crop) for crop in row)
            ax.imshow(as_board([_same_height(crop, height) for crop in row]), interpolation="nearest")
            bare(ax)
            ax.set_ylabel(name)
        return figure

    return Figure(draw=draw, caption=caption)


def _crop(image: Array) -> Array:
    """A square from the middle, on the grid of 8×8 blocks."""
    top, left = (max(0, (length - CROP) // 16 * 8) for length in image.shape[:2])
    return image[top : top + CROP, left : left + CROP]


def _same_height(crop: Array, height: int) -> Array:
    missing = height - len(crop)
    return np.pad(crop, [(0, missing)] + [(0, 0)] * (crop.ndim - 1), constant_values=255)
