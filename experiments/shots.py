"""How many shots does an amplitude-encoded picture need?

Luma patches (not level-shifted: their amplitudes are not negative) are encoded, measured in one Aer run, and rebuilt
from √(n_k/n) times the stored norms. Signs and phases would need measurements in further bases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import circuits
from experiments.parameters import integers
from experiments.pictures import PictureParams, Track
from experiments.summary import comparable, finite_mean, pictures_counted
from qimg import images, metrics
from qimg.arguments import integer
from qimg.patches import extract_patches
from qimg.report import Table, literal_label, plain_log_axis, plot_curves
from qimg.states import amplitude_decode, amplitude_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JPEG_QUALITY = 50


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    shots_per_patch: tuple[int, ...] = (64, 256, 1024, 4096, 16384)
    """Mean shots for each 8×8 patch."""
    patches: int = 64
    """Patches drawn at random from each picture."""
    repeats: int = 5
    """Independent runs at each number of shots."""
    seed: int = 0
    """Seed of the draw and of the shots."""


TINY = Params(box_mean=8, shots_per_patch=(64, 256), patches=4, repeats=2)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run."""

    image: str
    patches: int
    shots_per_patch: int
    repeat: int
    psnr_db: float
    first_order_psnr_db: float
    """From the first-order variance norm²/(4 n) of every amplitude; optimistic where n_k is small."""
    bits_read_per_pixel: float
    """Classical bits that the measurement delivers: 6 per shot over 64 pixels."""
    jpeg_psnr_db: float
    """Y PSNR of a gray JPEG file of the whole picture at quality 50."""
    jpeg_bits_per_pixel: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, number of shots and repeat."""
    integer("patches", params.patches, 1, 4096)
    integer("repeats", params.repeats, 1)
    integer("seed", params.seed, 0)
    integers("shots_per_patch", params.shots_per_patch, 1)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    identity = circuits.transform_circuit("identity", 6)
    for picture in track(params.gather().pictures):
        luma = picture.luma()
        patches = extract_patches(luma)
        patches = patches[rng.permutation(len(patches))[: params.patches]]
        states, norms = amplitude_encode(patches)
        pair = images.jpeg_round_trip(luma, quality=JPEG_QUALITY)
        for shots in params.shots_per_patch:
            for repeat in range(params.repeats):
                seed = int(rng.integers(2**31))
                counts = circuits.sample_batch(identity, states, shots=shots * len(states), seed=seed)
                rebuilt = amplitude_decode(circuits.amplitude_moduli(counts), norms)
                variance = float(np.mean(norms**2) / (4 * shots))
                rows.append(
                    Row(
                        image=picture.name,
                        patches=len(patches),
                        shots_per_patch=shots,
                        repeat=repeat,
                        psnr_db=metrics.psnr_db(patches, rebuilt),
                        first_order_psnr_db=10 * float(np.log10(255**2 / variance)) if variance > 0 else float("inf"),
                        bits_read_per_pixel=shots * 6 / 64,
                        jpeg_psnr_db=metrics.psnr_db(luma, pair.image),
                        jpeg_bits_per_pixel=metrics.bits_per_pixel(len(pair.file), luma.shape),
                    )
                )
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    shots = sorted({row.shots_per_patch for row in rows})
    measured = comparable(comparable(rows, "psnr_db"), "jpeg_psnr_db")
    if not measured:
        return ["No picture has an error both by shots and by JPEG, so there is nothing to compare."]
    groups = {n: [row for row in measured if row.shots_per_patch == n] for n in shots}
    middle = shots[len(shots) // 2]
    mean, error = _mean_and_error(groups[middle])
    bar = f" ± {error:.2f}" if np.isfinite(error) else ""
    jpeg_psnr = float(np.mean([row.jpeg_psnr_db for row in groups[middle]]))
    jpeg_rate = float(np.mean([row.jpeg_bits_per_pixel for row in groups[middle]]))
    sentences = [
        f"{middle:,} shots per 8×8 patch read {middle * 6 / 64:.0f} bits per pixel and give {mean:.2f}{bar} "
        f"dB; a JPEG file at quality {JPEG_QUALITY} needs {jpeg_rate:.2f} bits per pixel for {jpeg_psnr:.2f} dB.",
    ]
    rise = _mean_and_error(groups[shots[-1]])[0] - _mean_and_error(groups[shots[0]])[0]
    if len(shots) > 1 and np.isfinite(rise):
        sentences.append(
            f"PSNR grows by {rise / np.log10(shots[-1] / shots[0]):.1f} dB for ten times the shots; the standard error "
            "1/(2√n) of every amplitude says 10 dB once all pixels are seen often enough."
        )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over pictures and repeats."""
    body = []
    for shots in sorted({row.shots_per_patch for row in rows}):
        chosen = [row for row in comparable(rows, "psnr_db") if row.shots_per_patch == shots]
        if not chosen:
            continue
        mean, error = _mean_and_error(chosen)
        theory = float(np.mean([row.first_order_psnr_db for row in chosen]))
        body.append([shots, chosen[0].bits_read_per_pixel, mean, error, theory])
    columns = ["shots per patch", "bits read per pixel", "PSNR, dB", "standard error of repeats, dB", "first order, dB"]
    return Table(
        columns=columns,
        rows=body,
        caption=f"Means over {pictures_counted(rows, 'psnr_db')}; error bars from independent repeats",
    )


def plot(rows: Sequence[Row]) -> "Figure":
    """PSNR against shots for every picture, with the spread of repeats."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7.5, 4.0))
    shots = sorted({row.shots_per_patch for row in rows})
    curves = {}
    for name in dict.fromkeys(row.image for row in rows):
        values = [[row.psnr_db for row in rows if (row.image, row.shots_per_patch) == (name, n)] for n in shots]
        mean, spread = np.array([np.mean(v) for v in values]), np.array([2 * _scatter(v) for v in values])
        curves[literal_label(name)] = (shots, mean, mean - spread, mean + spread)
    plot_curves(curves, x_label="shots per 8×8 patch", y_label="PSNR of the rebuilt luma, dB (band: ±2 σ)", ax=ax)
    theory = [finite_mean(row.first_order_psnr_db for row in rows if row.shots_per_patch == n) for n in shots]
    ax.plot(shots, theory, color="0.5", linestyle="--", linewidth=1, label="first order")
    ax.set_xlim(0.8 * shots[0], 1.25 * shots[-1])  # a black picture alone draws nothing: its PSNR is infinite
    plain_log_axis(ax, "x")
    if len(curves) <= 8:
        ax.legend()
    elif ax.get_legend():
        ax.get_legend().remove()
    return figure


def _mean_and_error(rows: Sequence[Row]) -> tuple[float, float]:
    """Mean over pictures and its standard error from the scatter of the repeats."""
    pictures = list(dict.fromkeys(row.image for row in rows))
    groups = [[row.psnr_db for row in rows if row.image == name] for name in pictures]
    variances = [_scatter(group, ddof=1) ** 2 / len(group) if len(group) > 1 else np.nan for group in groups]
    mean = float(np.mean([np.mean(group) for group in groups]))
    return mean, float(np.sqrt(np.sum(variances)) / len(groups))


def _scatter(values: Sequence[float], *, ddof: int = 0) -> float:
    """Standard deviation; 0 where a black picture was rebuilt exactly and its PSNR is infinite."""
    return float(np.std(values, ddof=ddof)) if np.isfinite(values).all() else 0.0
