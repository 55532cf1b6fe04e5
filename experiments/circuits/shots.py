"""How many shots does a picture need in each representation?

Luma patches are encoded as amplitudes, measured in one Aer run, and rebuilt from √(n_k/n) times the stored norms. They
are not level-shifted, because signs and phases would need measurements in further bases. In the other representations
each patch is a register by itself, whose outcomes are drawn from its exact state. The coverage of the 95 % intervals of
pixels is counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

import numpy as np
from scipy import stats
from tyro.conf import arg

import circuits
from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    LibraryDependent,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    comparable,
    count_pictures,
    distinct,
    each,
    groups,
    levels,
    marks_at,
    mean,
    pictures_counted,
    plot_curves,
    select,
    subplots,
    table_of,
    values,
    whole,
    wide_table,
)
from experiments.circuits.representations import colour_levels, modules_of, psnr_or_exact, represented
from qimg import images, metrics
from qimg.patches import extract_patches
from qimg.states import amplitude_decode, amplitude_encode

JPEG_QUALITY = 50


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    shots_per_patch: Counts = (64, 256, 1024, 4096, 16384)
    """Mean shots for each 8×8 patch."""
    patches: Annotated[int, whole(1, 4096)] = 64
    """Patches drawn at random from each picture."""
    representations: Annotated[tuple[str, ...], each(represented), arg(metavar="NAME ...")] = tuple(
        circuits.REPRESENTATIONS
    )
    """Representations; amplitudes are always measured. Import names of your own (module:object)."""
    patches_each: Annotated[int, whole(1, 4096)] = 8
    """Patches of each representation but the amplitudes."""
    kept: int = 16
    """DCT coefficients loaded of 64, for dct: what is dropped is no error of shots."""
    repeats: Count = 5
    """Independent runs at each number of shots."""
    seed: Seed = 0
    """Seed of the draw and of the shots."""

    def files(self) -> dict[str, str]:
        """Hashes of the modules of imported representations."""
        return modules_of(self.representations)


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
    """Share of the pixels inside their 95 % intervals; not a number for digital codes and for dct."""
    interval_width: float
    """Mean width of the intervals, in code values."""
    first_order_psnr_db: float
    """Of amplitudes, from the first-order variance norm²/(4 n) of each; optimistic where n_k is small."""
    bits_read_per_pixel: float
    """Classical bits that the measurement delivers: one for each qubit and shot, over 64 pixels."""
    jpeg_psnr_db: LibraryDependent
    """Y PSNR of a gray JPEG file of the whole picture at quality 50."""
    jpeg_bits_per_pixel: LibraryDependent


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, representation, number of shots and repeat."""
    check(params)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        luma = picture.luma()
        pair = images.jpeg_round_trip(luma, quality=JPEG_QUALITY)
        facts = {
            "image": picture.name,
            "jpeg_psnr_db": metrics.psnr_db(luma, pair.image, data_range=255),
            "jpeg_bits_per_pixel": metrics.bits_per_pixel(len(pair.file), luma.shape),
        }
        rows += [Row(**facts, **measured) for measured in _of_amplitudes(picture, params, rng)]
        for name in params.representations:
            if name != "amplitude":
                rows += [Row(**facts, **measured) for measured in _of_registers(picture, name, params, rng)]
    return rows


def _of_amplitudes(picture: Picture, params: Params, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    patches = extract_patches(picture.luma())
    patches = patches[rng.permutation(len(patches))[: params.patches]]
    states, norms = amplitude_encode(patches)
    identity = circuits.transform_circuit("identity", 6)
    for shots, repeat in product(params.shots_per_patch, range(params.repeats)):
        variance = float(np.mean(norms**2) / (4 * shots))
        seed = int(rng.integers(2**31))
        counts = circuits.sample_batch(identity, states, shots=shots * len(states), seed=seed)
        rebuilt = amplitude_decode(circuits.amplitude_moduli(counts), norms)
        low, high = (norms[:, None] * end for end in circuits.amplitude_interval(counts))
        covered, width = _coverage(low, high, patches)
        yield {
            "representation": "amplitude",
            "qubits": 6,
            "patches": len(patches),
            "shots_per_patch": shots,
            "repeat": repeat,
            "psnr_db": metrics.psnr_db(patches, rebuilt, data_range=255),
            "covered": covered,
            "interval_width": width,
            "first_order_psnr_db": metrics.psnr_of_error(variance, data_range=255),
            "bits_read_per_pixel": shots * 6 / 64,
        }


def _of_registers(picture: Picture, name: str, params: Params, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    representation = circuits.representation_of(name)
    cut = _cut(colour_levels(picture) if representation.in_colour else picture.luma())
    cut = cut[rng.permutation(len(cut))[: params.patches_each]]
    kept = params.kept if representation.takes_kept else None
    patches = np.array([patch for patch in cut if representation.takes_black or patch.any()])
    encoded = [circuits.encode_image(patch, name, kept=kept) for patch in patches]
    weights = [circuits.image_state(one) ** 2 for one in encoded]
    for shots, repeat in product(params.shots_per_patch if encoded else (), range(params.repeats)):
        counts = [rng.multinomial(shots, weight / weight.sum()) for weight in weights]
        decoded = np.stack([circuits.decode_counts(*pair) for pair in zip(encoded, counts, strict=True)])
        covered, width = _inside(encoded, counts, patches)
        yield {
            "representation": representation.name,
            "qubits": encoded[0].n_qubits,
            "patches": len(patches),
            "shots_per_patch": shots,
            "repeat": repeat,
            "psnr_db": psnr_or_exact(patches, decoded),
            "covered": covered,
            "interval_width": width,
            "first_order_psnr_db": float("nan"),
            "bits_read_per_pixel": shots * encoded[0].n_qubits / 64,
        }


def _inside(encoded: Sequence[circuits.EncodedImage], counts: Sequence[Array], patches: Array) -> tuple[float, float]:
    """Share of the pixels inside their intervals, and the mean width of these."""
    one = circuits.representation_of(encoded[0])
    # Intervals of real levels narrow with the shots; those of whole ones jump to the pixel.
    if one.whole or not one.has_intervals:
        return float("nan"), float("nan")
    ends = [circuits.decode_intervals(*pair) for pair in zip(encoded, counts, strict=True)]
    low, high = (np.stack(end) for end in zip(*ends, strict=True))
    return _coverage(low, high, patches)


def _coverage(low: Array, high: Array, patches: Array) -> tuple[float, float]:
    return float(((low <= patches) & (patches <= high)).mean()), float((high - low).mean())


def _cut(image: Array) -> Array:
    """(n, 8, 8) or (n, 8, 8, 3) patches, the edges repeated."""
    if image.ndim == 2:
        return extract_patches(image).reshape(-1, 8, 8)
    return np.stack([_cut(image[..., plane]) for plane in range(image.shape[2])], axis=-1)


def findings(rows: Sequence[Row]) -> list[str]:
    """PSNR of amplitudes beside JPEG, its rise with the shots, the other representations, and the intervals."""
    shots = levels(rows, "shots_per_patch")
    measured = comparable(comparable(select(rows, representation="amplitude"), "psnr_db"), "jpeg_psnr_db")
    if not measured:
        return ["No picture has an error both by shots and by JPEG, so there is nothing to compare."]
    by_shots = groups(measured, "shots_per_patch")
    middle = shots[len(shots) // 2]
    psnr, error = _mean_and_error(by_shots[middle])
    bar = f" ± {error:.2f}" if np.isfinite(error) else ""
    sentences = [
        f"{middle:,} shots per 8×8 patch read {middle * 6 / 64:.0f} bits per pixel and give {psnr:.2f}{bar} "
        f"dB; a JPEG file at quality {JPEG_QUALITY} needs {mean(by_shots[middle], 'jpeg_bits_per_pixel'):.2f} bits per "
        f"pixel for {mean(by_shots[middle], 'jpeg_psnr_db'):.2f} dB.",
    ]
    rise = _mean_and_error(by_shots[shots[-1]])[0] - _mean_and_error(by_shots[shots[0]])[0]
    if len(shots) > 1 and np.isfinite(rise):
        sentences.append(
            f"PSNR grows by {rise / np.log10(shots[-1] / shots[0]):.1f} dB for ten times the shots; the standard error "
            "1/(2√n) of every amplitude gives 10 dB once all pixels are counted often enough."
        )
    parts = []
    for name, own in groups(select(rows, shots_per_patch=middle), "representation").items():
        if name != "amplitude":
            exact = sum(bool(np.isinf(row.psnr_db)) for row in own)
            shown = f"{mean(own, 'psnr_db'):.2f} dB" if exact < len(own) else "every pixel"
            parts.append(f"{name} {shown}" + (f" (exact in {exact} of {len(own)} runs)" if exact else ""))
    if parts:
        sentences.append(f"The other representations at {middle:,} shots per patch: {', '.join(parts)}.")
    covered = mean(rows, "covered")
    if np.isfinite(covered):
        sentences.append(f"The 95 % intervals hold {covered:.1%} of the pixels.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"psnr": psnr_table(rows), "readings": reading_table(rows), "jpeg": jpeg_table(rows)}


def psnr_table(rows: Sequence[Row]) -> Table:
    """PSNR of each representation at each number of shots, with the interval of the mean."""
    return wide_table(
        _measured(rows),
        _psnr_cell,
        by={"representation": "representation", "qubits": "qubits"},
        across="shots_per_patch",
        heading="{} shots",
        caption=f"PSNR in dB with the 95 % interval from independent repeats, means over {_counted(rows)}; "
        "*exact*: every run gives every pixel",
    )


def reading_table(rows: Sequence[Row]) -> Table:
    """Bits read, PSNR and coverage of each representation at each number of shots."""
    body = []
    for (name, shots), own in groups(_measured(rows), "representation", "shots_per_patch").items():
        psnr, half, exact = _psnr_of(own)
        optional = (half, mean(own, "covered"), mean(own, "interval_width"), mean(own, "first_order_psnr_db"))
        body.append(
            [
                name,
                shots,
                own[0].bits_read_per_pixel,
                psnr,
                *(value if np.isfinite(value) else "" for value in optional),
                exact,
                len(own),
            ]
        )
    formats = dict.fromkeys(("PSNR, dB", "95 % ±, dB", "first order, dB"), ".2f")
    return Table(
        columns=[
            "representation",
            "shots per patch",
            "bits read per pixel",
            "PSNR, dB",
            "95 % ±, dB",
            "pixels in their intervals, %",
            "mean width, code values",
            "first order, dB",
            "exact runs",
            "runs",
        ],
        rows=body,
        caption=f"Means over {_counted(rows)}; PSNR over the runs that are not exact; intervals from independent "
        "repeats",
        formats={
            **formats,
            "shots per patch": "_d",
            "bits read per pixel": "_.0f",
            "pixels in their intervals, %": ".1%",
            "mean width, code values": ".1f",
        },
    )


def jpeg_table(rows: Sequence[Row]) -> Table:
    """A JPEG file of the whole pictures, for comparison."""
    pictures = [own[0] for own in groups(_comparable(rows), "image").values()]
    return table_of(
        pictures,
        {
            "quality": lambda _: JPEG_QUALITY,
            "bits per pixel": "jpeg_bits_per_pixel",
            "PSNR, dB": "jpeg_psnr_db",
        },
        by=("representation",),
        caption=f"Gray JPEG files, means over {count_pictures(pictures)}",
        formats={"bits per pixel": ".2f", "PSNR, dB": ".2f"},
    )


def _comparable(rows: Sequence[Row]) -> list[Row]:
    """Rows of amplitudes, but for blank pictures, which have no error."""
    return comparable(select(rows, representation="amplitude"), "psnr_db")


def _measured(rows: Sequence[Row]) -> list[Row]:
    """Rows in the order of representations and shots. A digital representation that is exact is a result."""
    of_amplitudes = _comparable(rows)
    counted = [row for row in rows if row.representation != "amplitude" or row in of_amplitudes]
    name_of = distinct(rows, "representation").index
    return sorted(counted, key=lambda row: (name_of(row.representation), row.shots_per_patch))


def _counted(rows: Sequence[Row]) -> str:
    return pictures_counted(select(rows, representation="amplitude"), "psnr_db")


def _psnr_of(rows: Sequence[Row]) -> tuple[float, float, int]:
    """Mean PSNR of the runs that are not exact, half its 95 % interval, and how many runs are exact."""
    finite = [row for row in rows if np.isfinite(row.psnr_db)]
    psnr, error = _mean_and_error(finite) if finite else (float("inf"), float("nan"))
    return psnr, error * _two_sided(finite), len(rows) - len(finite)


def _psnr_cell(rows: Sequence[Row]) -> str:
    psnr, half, exact = _psnr_of(rows)
    if exact == len(rows):
        return "exact"
    digits = 1 if half >= 1 else 2
    text = f"{psnr:.{digits}f}" + (f" ± {half:.{digits}f}" if np.isfinite(half) else "")
    return text + (f" ({exact} of {len(rows)} exact)" if exact else "")


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR against shots: of amplitudes for each picture, and of each representation."""
    figure, axes = subplots(1, 2, figsize=(10, 4.2))
    amplitudes = _comparable(rows)
    shots = levels(rows, "shots_per_patch")
    for number, own in enumerate(groups(amplitudes, "image").values()):
        x, y, *_ = _band(own)
        axes[0].plot(x, y, color="0.7", linewidth=0.7, label="" if number else "one picture")
    theory = [mean(amplitudes, "first_order_psnr_db", shots_per_patch=n) for n in shots]
    label = "shots per 8×8 patch"
    means = {"mean of the pictures": _band(amplitudes)[:2], "first-order error theory": (shots, theory)}
    plot_curves(means if amplitudes else {}, x_label=label, y_label="PSNR of luma by amplitudes, dB", ax=axes[0])
    finite = groups([row for row in rows if np.isfinite(row.psnr_db)], "representation")
    kinds = {name: _band(finite[name]) for name in distinct(rows, "representation") if name in finite}
    plot_curves(kinds, x_label=label, y_label="PSNR where it is not exact, dB (band: ±2 σ)", ax=axes[1])
    for ax in axes:
        ax.set_xlim(0.8 * shots[0], 1.25 * shots[-1])  # a black picture alone draws nothing: its PSNR is infinite
        marks_at(ax, shots)
    return figure


def _band(rows: Sequence[Row]) -> tuple[list[int], Array, Array, Array]:
    """Mean PSNR at each number of shots, and two standard deviations of the repeats around it."""
    there = dict(sorted(groups(rows, "shots_per_patch").items()))
    by_picture = [[values(one, "psnr_db") for one in groups(own, "image").values()] for own in there.values()]
    middle = np.array([np.mean([np.mean(one) for one in own]) for own in by_picture])
    spread = np.array([2 * np.mean([_scatter(one) for one in own]) for own in by_picture])
    return list(there), middle, middle - spread, middle + spread


def _two_sided(rows: Sequence[Row]) -> float:
    """Student's factor for a 95 % interval from the repeats of all pictures."""
    freedom = len(rows) - len(distinct(rows, "image"))
    return float(stats.t.ppf(0.975, freedom)) if freedom > 0 else float("nan")


def _mean_and_error(rows: Sequence[Row]) -> tuple[float, float]:
    """Mean over pictures and its standard error from the scatter of the repeats."""
    by_picture = [values(own, "psnr_db") for own in groups(rows, "image").values()]
    variances = [_scatter(own, ddof=1) ** 2 / len(own) if len(own) > 1 else np.nan for own in by_picture]
    middle = float(np.mean([np.mean(own) for own in by_picture]))
    return middle, float(np.sqrt(np.sum(variances)) / len(by_picture))


def _scatter(psnr: Sequence[float], *, ddof: int = 0) -> float:
    """Standard deviation; 0 where a black picture was rebuilt exactly and its PSNR is infinite."""
    return float(np.std(psnr, ddof=ddof)) if np.isfinite(psnr).all() else 0.0
