"""How many shots does a picture need in each representation?

Luma patches (not level-shifted: their amplitudes are not negative) are encoded, measured in one Aer run, and rebuilt
from √(n_k/n) times the stored norms. Signs and phases would need measurements in further bases. In the other
representations each patch is a register by itself, whose outcomes are drawn from its exact state. Every pixel that has
a 95 % interval is looked up in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

import circuits
from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import Picture, PictureParams, Track
from experiments.circuits.representations import COLOUR, colour_levels
from qimg import images, metrics
from qimg.core.arguments import Array, integer, one_of
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
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
    representations: tuple[str, ...] = tuple(circuits.REPRESENTATIONS)
    """Representations; amplitudes are always measured."""
    patches_each: int = 8
    """Patches of each representation but the amplitudes."""
    kept: int = 16
    """DCT coefficients loaded of 64, for dct: what is dropped is no error of shots."""
    repeats: int = 5
    """Independent runs at each number of shots."""
    seed: int = 0
    """Seed of the draw and of the shots."""


TINY = Params(
    box_mean=8,
    shots_per_patch=(64, 256),
    patches=4,
    repeats=2,
    patches_each=2,
    representations=("frqi", "neqr", "mcrqi"),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run."""

    image: str
    representation: str
    qubits: int
    """Of a patch's register."""
    patches: int
    shots_per_patch: int
    repeat: int
    psnr_db: float
    """Of luma, or of R, G and B; infinite where every pixel is right."""
    covered: float
    """Share of the pixels inside their 95 % intervals; not a number where they have none."""
    interval_width: float
    """Mean width of the intervals, in code values."""
    first_order_psnr_db: float
    """Of amplitudes, from the first-order variance norm²/(4 n) of each; optimistic where n_k is small."""
    bits_read_per_pixel: float
    """Classical bits that the measurement delivers: one for each qubit and shot, over 64 pixels."""
    jpeg_psnr_db: float
    """Y PSNR of a gray JPEG file of the whole picture at quality 50."""
    jpeg_bits_per_pixel: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, representation, number of shots and repeat."""
    integer("patches", params.patches, 1, 4096)
    integer("patches_each", params.patches_each, 1, 4096)
    integer("repeats", params.repeats, 1)
    integer("seed", params.seed, 0)
    integers("shots_per_patch", params.shots_per_patch, 1)
    not_empty("representations", params.representations)
    for name in params.representations:
        one_of("representations", name, circuits.REPRESENTATIONS)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        luma = picture.luma()
        pair = images.jpeg_round_trip(luma, quality=JPEG_QUALITY)
        jpeg = (metrics.psnr_db(luma, pair.image), metrics.bits_per_pixel(len(pair.file), luma.shape))
        rows += _of_amplitudes(picture, params, jpeg, rng)
        for name in params.representations:
            if name != "amplitude":
                rows += _of_registers(picture, name, params, jpeg, rng)
    return rows


def _of_amplitudes(picture: Picture, params: Params, jpeg: tuple[float, float], rng: np.random.Generator) -> list[Row]:
    patches = extract_patches(picture.luma())
    patches = patches[rng.permutation(len(patches))[: params.patches]]
    states, norms = amplitude_encode(patches)
    identity = circuits.transform_circuit("identity", 6)
    rows = []
    for shots in params.shots_per_patch:
        variance = float(np.mean(norms**2) / (4 * shots))
        first_order = 10 * float(np.log10(255**2 / variance)) if variance > 0 else float("inf")
        for repeat in range(params.repeats):
            seed = int(rng.integers(2**31))
            counts = circuits.sample_batch(identity, states, shots=shots * len(states), seed=seed)
            rebuilt = amplitude_decode(circuits.amplitude_moduli(counts), norms)
            low, high = (norms[:, None] * end for end in circuits.amplitude_interval(counts))
            rows.append(
                Row(
                    image=picture.name,
                    representation="amplitude",
                    qubits=6,
                    patches=len(patches),
                    shots_per_patch=shots,
                    repeat=repeat,
                    psnr_db=metrics.psnr_db(patches, rebuilt),
                    covered=float(((low <= patches) & (patches <= high)).mean()),
                    interval_width=float((high - low).mean()),
                    first_order_psnr_db=first_order,
                    bits_read_per_pixel=shots * 6 / 64,
                    jpeg_psnr_db=jpeg[0],
                    jpeg_bits_per_pixel=jpeg[1],
                )
            )
    return rows


def _of_registers(
    picture: Picture, name: str, params: Params, jpeg: tuple[float, float], rng: np.random.Generator
) -> list[Row]:
    cut = _cut(colour_levels(picture) if name in COLOUR else picture.luma())
    cut = cut[rng.permutation(len(cut))[: params.patches_each]]
    kept = params.kept if name == "dct" else None
    # A black patch has no state where amplitudes hold the pixels.
    patches = np.array([patch for patch in cut if name != "dct" or patch.any()])
    order = "blocks" if kept else "row_major"
    encoded = [circuits.encode_image(patch, name, order=order, kept=kept) for patch in patches]
    weights = [circuits.image_state(one) ** 2 for one in encoded]
    rows = []
    for shots in params.shots_per_patch if encoded else ():
        for repeat in range(params.repeats):
            counts = [rng.multinomial(shots, weight / weight.sum()) for weight in weights]
            found = np.stack([circuits.decode_counts(*pair) for pair in zip(encoded, counts, strict=True)])
            covered, width = _inside(encoded, counts, patches)
            exact = np.array_equal(found, patches)
            rows.append(
                Row(
                    image=picture.name,
                    representation=name,
                    qubits=encoded[0].n_qubits,
                    patches=len(patches),
                    shots_per_patch=shots,
                    repeat=repeat,
                    psnr_db=float("inf") if exact else metrics.psnr_db(patches, found),
                    covered=covered,
                    interval_width=width,
                    first_order_psnr_db=float("nan"),
                    bits_read_per_pixel=shots * encoded[0].n_qubits / 64,
                    jpeg_psnr_db=jpeg[0],
                    jpeg_bits_per_pixel=jpeg[1],
                )
            )
    return rows


def _inside(encoded: Sequence[circuits.EncodedImage], counts: Sequence[Array], patches: Array) -> tuple[float, float]:
    """Share of the pixels inside their intervals, and the mean width of these."""
    if encoded[0].representation not in circuits.WITH_INTERVALS:
        return float("nan"), float("nan")
    ends = [circuits.decode_intervals(*pair) for pair in zip(encoded, counts, strict=True)]
    low, high = (np.stack(end) for end in zip(*ends, strict=True))
    return float(((low <= patches) & (patches <= high)).mean()), float((high - low).mean())


def _cut(image: Array) -> Array:
    """(n, 8, 8) or (n, 8, 8, 3) patches, the edges repeated."""
    if image.ndim == 2:
        return extract_patches(image).reshape(-1, 8, 8)
    return np.stack([_cut(image[..., plane]) for plane in range(image.shape[2])], axis=-1)


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    shots = sorted({row.shots_per_patch for row in rows})
    measured = comparable(comparable(_of(rows, "amplitude"), "psnr_db"), "jpeg_psnr_db")
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
    parts = []
    for name in [name for name in _names(rows) if name != "amplitude"]:
        chosen = [row for row in _of(rows, name) if row.shots_per_patch == middle]
        exact = sum(bool(np.isinf(row.psnr_db)) for row in chosen)
        mean = finite_mean(row.psnr_db for row in chosen)
        said = f"{mean:.2f} dB" if np.isfinite(mean) else "every pixel"
        parts.append(f"{name} {said}" + (f" (exact in {exact} of {len(chosen)} runs)" if exact else ""))
    if parts:
        sentences.append(f"The other representations at {middle:,} shots per patch: {', '.join(parts)}.")
    covered = finite_mean(row.covered for row in rows)
    if np.isfinite(covered):
        sentences.append(f"The 95 % intervals hold {covered:.1%} of the pixels.")
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over pictures and repeats."""
    body: list[list[object]] = []
    for name in _names(rows):
        # Blank pictures have no error by amplitudes; a digital representation that is exact is a result.
        counted = comparable(_of(rows, name), "psnr_db") if name == "amplitude" else _of(rows, name)
        for shots in sorted({row.shots_per_patch for row in counted}):
            chosen = [row for row in counted if row.shots_per_patch == shots]
            finite = [row for row in chosen if np.isfinite(row.psnr_db)]
            mean, error = _mean_and_error(finite) if finite else (float("inf"), float("nan"))
            half = error * _two_sided(finite)
            covered = finite_mean(row.covered for row in chosen)
            theory = finite_mean(row.first_order_psnr_db for row in chosen)
            body.append(
                [
                    name,
                    shots,
                    chosen[0].bits_read_per_pixel,
                    mean,
                    half if np.isfinite(half) else "",
                    f"{len(chosen) - len(finite)} of {len(chosen)}",
                    covered if np.isfinite(covered) else "",
                    theory if np.isfinite(theory) else "",
                ]
            )
    columns = [
        "representation",
        "shots per patch",
        "bits read per pixel",
        "PSNR, dB",
        "95 % ±, dB",
        "exact runs",
        "pixels in their intervals",
        "first order, dB",
    ]
    over = pictures_counted(_of(rows, "amplitude"), "psnr_db")
    return Table(columns=columns, rows=body, caption=f"Means over {over}; intervals from independent repeats")


def plot(rows: Sequence[Row]) -> "Figure":
    """PSNR against shots: of amplitudes for every picture, and of every representation, with the spread of repeats."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2))
    amplitudes = _of(rows, "amplitude")
    shots = sorted({row.shots_per_patch for row in rows})
    names = dict.fromkeys(row.image for row in rows)
    pictures = {literal_label(name): _curve([row for row in amplitudes if row.image == name]) for name in names}
    label = "PSNR of the rebuilt luma, dB (band: ±2 σ)"
    plot_curves(pictures, x_label="shots per 8×8 patch", y_label=label, ax=axes[0])
    theory = [finite_mean(row.first_order_psnr_db for row in amplitudes if row.shots_per_patch == n) for n in shots]
    axes[0].plot(shots, theory, color="0.5", linestyle="--", linewidth=1, label="first order")
    kinds = {name: _curve([row for row in _of(rows, name) if np.isfinite(row.psnr_db)]) for name in _names(rows)}
    kinds = {name: curve for name, curve in kinds.items() if len(curve[0])}
    if kinds:
        label = "PSNR where it is not exact, dB"
        plot_curves(kinds, x_label="shots per 8×8 patch", y_label=label, ax=axes[1])
    for line in axes[1].lines[7:]:  # the colours begin again
        line.set_linestyle("--")
    for ax, lines in ((axes[0], pictures), (axes[1], kinds)):
        ax.set_xlabel("shots per 8×8 patch")
        ax.set_xlim(0.8 * shots[0], 1.25 * shots[-1])  # a black picture alone draws nothing: its PSNR is infinite
        plain_log_axis(ax, "x")
        if 0 < len(lines) <= 8:
            ax.legend(fontsize=7)
        elif ax.get_legend():
            ax.get_legend().remove()
    return figure


def _of(rows: Sequence[Row], name: str) -> list[Row]:
    return [row for row in rows if row.representation == name]


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.representation for row in rows))


def _curve(rows: Sequence[Row]) -> tuple[list[int], Array, Array, Array]:
    """Mean PSNR at each number of shots, and two standard deviations of the repeats around it."""
    shots = sorted({row.shots_per_patch for row in rows})
    mean, spread = [], []
    for n in shots:
        at = [row for row in rows if row.shots_per_patch == n]
        own = [[row.psnr_db for row in at if row.image == name] for name in dict.fromkeys(row.image for row in at)]
        mean.append(np.mean([np.mean(values) for values in own]))
        spread.append(2 * np.mean([_scatter(values) for values in own]))
    return shots, np.array(mean), np.array(mean) - np.array(spread), np.array(mean) + np.array(spread)


def _two_sided(rows: Sequence[Row]) -> float:
    """Student's factor for a 95 % interval from the repeats of all pictures."""
    freedom = len(rows) - len({row.image for row in rows})
    return float(stats.t.ppf(0.975, freedom)) if freedom > 0 else float("nan")


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
