"""What does discarding high-frequency qubits after a QFT keep of a picture, beside classical downsampling?

The middle of the luma of each picture becomes amplitudes: its levels, or their roots as in "Quantum JPEG". The circuit
acts on them and is measured; the full picture and the high bits of the position alone are measured beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Annotated, Any

import numpy as np
from scipy import stats

import circuits
from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    among,
    check,
    count_pictures,
    curve,
    curves,
    distinct,
    each,
    finite_mean,
    groups,
    levels,
    marks_at,
    mean,
    mean_or_infinite,
    one_of,
    select,
    subplots,
    table_of,
    values,
    whole,
    wide_table,
)
from experiments.circuits.downsampling import (
    bands,
    block_cosines,
    box_average,
    fourier_crop,
    lanczos,
    published_circuit,
)
from qimg import metrics
from qimg.states import amplitude_encode

LEVELS, ROOTS = "levels", "roots"
POSTSELECTED, TRACED = "QFT, post-selected", "QFT, traced out"
PUBLISHED = "published circuit"
"""Traced out, with the Hadamards that its program has."""
POSITIONS = "position qubits"
FULL, FULL_CROP = "full picture, box mean", "full picture, FFT crop"
CLASSICAL = "classical"
TARGET_DB = 25.0
"""PSNR against box means for which shots are compared."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    encodings: Annotated[tuple[str, ...], each(among((LEVELS, ROOTS)))] = (LEVELS, ROOTS)
    """Amplitudes proportional to the levels of the pixels, or to their square roots."""
    side: Annotated[int, whole(2)] = 256
    """Rows and columns of the square in the middle of the picture, at most: a power of two."""
    factor: Annotated[int, lambda name, value: one_of(name, str(value), ("2", "4", "8"))] = 4
    """How many times fewer rows and columns the small picture has: 2, 4 or 8."""
    shots: Counts = (4096, 16384, 65536, 262144, 1048576)
    """Preparations of the picture, including those that post-selection discards."""
    repeats: Count = 10
    """Independent readings for each number of shots."""
    seed: Seed = 0
    """Seed of the shots."""


TINY = Params(box_mean=8, side=32, shots=(256, 4096), repeats=2)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, made smaller in one way and read once."""

    image: str
    encoding: str
    """"levels", "roots", or "classical"."""
    method: str
    """Post-selected: only preparations whose dropped qubits are all 0; traced out: these qubits are ignored."""
    shots: int
    """0 where probabilities themselves are read, or for classical pictures."""
    repeat: int
    side: int
    small_side: int
    qubits: int
    """Qubits that are measured; 0 for classical pictures."""
    cx: int
    """Of what follows the preparation, at optimisation level 1."""
    depth: int
    success: float
    """Share of the preparations that are kept."""
    box_psnr_db: float
    """Of the small picture against the means of boxes."""
    crop_psnr_db: float
    """Of the small picture against the moduli of the FFT crop of the levels."""
    full_psnr_db: float
    """Of the small picture, enlarged by Lanczos, against the picture."""
    difference: float
    """Largest distance of the post-selected picture from NumPy's FFT crop, over the norm; NaN for the others."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, encoding, method, number of shots and repeat, and one for every classical method."""
    check(params)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        square = _square(picture, params)
        if len(square) < 2 * params.factor or not square.any():
            continue
        rows += _classical(picture.name, square, params.factor)
        for encoding in params.encodings:
            rows += _quantum(picture.name, square, encoding, params, rng)
    return rows


def _square(picture: Picture, params: Params) -> Array:
    luma = picture.luma().astype(float)
    side = 2 ** (min(*luma.shape, params.side).bit_length() - 1)
    top, left = ((length - side) // 2 for length in luma.shape)
    return luma[top : top + side, left : left + side]


def _classical(image: str, square: Array, factor: int) -> list[Row]:
    small = {
        "box mean": box_average(square, factor),
        "FFT crop": np.abs(fourier_crop(square, factor)),
        "Lanczos": lanczos(square, len(square) // factor),
    }
    if len(square) >= 8:
        small["DCT of 8×8 blocks"] = block_cosines(square, factor)
    return [_row(image, CLASSICAL, name, square=square, small=one, qubits=0) for name, one in small.items()]


def _quantum(image: str, square: Array, encoding: str, params: Params, rng: np.random.Generator) -> Iterator[Row]:
    source = np.sqrt(square) if encoding == ROOTS else square
    vector, norm = amplitude_encode(source.ravel())
    bits = len(square).bit_length() - 1
    kept = bits - (params.factor.bit_length() - 1)
    (circuit, cost), (published, published_cost) = _circuits(bits, kept)
    after = bands(circuits.transform_batch(circuit, vector[None])[0], kept)
    ignored = bands(circuits.transform_batch(published, vector[None])[0], kept)
    difference = np.abs(after[0] * (norm / params.factor) - fourier_crop(source, params.factor)).max() / norm
    whole = (vector**2).reshape(square.shape)
    # Outcome probabilities: post-selected ones do not sum to 1.
    probabilities = {
        POSTSELECTED: np.abs(after[0]) ** 2,
        TRACED: (np.abs(after) ** 2).sum(axis=0),
        PUBLISHED: (np.abs(ignored) ** 2).sum(axis=0),
        POSITIONS: box_average(whole, params.factor) * params.factor**2,
        FULL: whole,
    }
    for method, probability in probabilities.items():
        success = min(float(probability.sum()), 1.0)
        row = partial(
            _row,
            image,
            encoding,
            square=square,
            qubits=2 * (bits if method == FULL else kept),
            cost={POSTSELECTED: cost, TRACED: cost, PUBLISHED: published_cost}.get(method),
            success=success,
            difference=float(difference) if method == POSTSELECTED else float("nan"),
        )
        for shots, repeat in ((0, 0), *product(params.shots, range(params.repeats))):
            read = _read(probability, shots, rng) if shots else probability
            decoded = _decoded(read, encoding, float(norm), len(square) // len(read))
            if method == FULL:
                yield row(FULL, small=box_average(decoded, params.factor), shots=shots, repeat=repeat)
                decoded = np.abs(fourier_crop(decoded, params.factor))
            yield row(FULL_CROP if method == FULL else method, small=decoded, shots=shots, repeat=repeat)


def _read(probability: Array, shots: int, rng: np.random.Generator) -> Array:
    """Share of all shots for each outcome; shots outside of them are discarded."""
    missing = max(1 - float(probability.sum()), 0.0)
    every = np.append(probability.ravel(), missing)
    counts = rng.multinomial(shots, every / every.sum())[:-1]
    return counts.reshape(probability.shape) / shots


def _decoded(read: Array, encoding: str, norm: float, factor: int) -> Array:
    """Levels from shares: the mean of a box has its probability spread over factor² pixels."""
    return read * (norm / factor) ** 2 if encoding == ROOTS else np.sqrt(read) * (norm / factor)


@cache
def _circuits(bits: int, kept: int) -> list[tuple[Any, circuits.GateCount]]:
    both = (circuits.downsampling_circuit(bits, kept=kept), published_circuit(bits, kept))
    return [(circuits.compile_circuit(circuit), circuits.count_gates(circuit)) for circuit in both]


def _row(
    image: str,
    encoding: str,
    method: str,
    *,
    square: Array,
    small: Array,
    qubits: int,
    shots: int = 0,
    repeat: int = 0,
    cost: circuits.GateCount | None = None,
    success: float = 1.0,
    difference: float = float("nan"),
) -> Row:
    factor = len(square) // len(small)
    return Row(
        image=image,
        encoding=encoding,
        method=method,
        shots=shots,
        repeat=repeat,
        side=len(square),
        small_side=len(small),
        qubits=qubits,
        cx=cost.cx if cost else 0,
        depth=cost.depth if cost else 0,
        success=success,
        box_psnr_db=_psnr(box_average(square, factor), small),
        crop_psnr_db=_psnr(np.abs(fourier_crop(square, factor)), small),
        full_psnr_db=_psnr(square, lanczos(small, len(square))),
        difference=difference,
    )


def _psnr(reference: Array, small: Array) -> float:
    """Infinite for equal pictures, up to the rounding of transforms."""
    close = np.allclose(small, reference, rtol=0, atol=1e-6)
    return float("inf") if close else metrics.psnr_db(reference, small, data_range=255)


def findings(rows: Sequence[Row]) -> list[str]:
    """Readings, kept preparations and gain of post-selection, and the shots for a PSNR."""
    if not rows:
        return ["No picture has energy and enough pixels, so nothing can be made smaller."]
    circuit = select(rows, method=POSTSELECTED, shots=0)
    sentences = [
        f"Post-selected amplitudes are NumPy's FFT crop to {max(values(circuit, 'difference')):.0e}; "
        f"{circuit[0].qubits} qubits are read instead of {2 * (circuit[0].side.bit_length() - 1)}, after "
        f"{circuit[0].cx} CX."
    ]
    for encoding, own in groups(circuit, "encoding").items():
        parts = []
        for shots in [shots for shots in levels(rows, "shots") if shots]:
            gains = [_gain(rows, encoding, other, shots) for other in (FULL, POSITIONS)]
            if np.isfinite([gain for gain, _ in gains]).all():
                parts.append(f"{' and '.join(_signed(*gain) for gain in gains)} dB at {shots:,} shots")
        against = f" and is, against {FULL}, and against {POSITIONS}: {'; '.join(parts)}" if parts else ""
        sentences.append(
            f"Amplitudes as {encoding}: post-selection keeps {mean(own, 'success'):.1%} of the preparations{against}."
        )
        needed = {name: _shots_for(rows, encoding, name) for name in (POSTSELECTED, POSITIONS, FULL)}
        reached = [f"{name} {shots:,.0f}" for name, shots in needed.items() if np.isfinite(shots)]
        if reached:
            sentences.append(f"Shots for {TARGET_DB:.0f} dB against box means ({encoding}): {', '.join(reached)}.")
    return sentences


def _signed(gain: float, half: float) -> str:
    return f"{gain:+.2f}" + (f" ± {half:.2f}" if np.isfinite(half) else "")


def _gain(rows: Sequence[Row], encoding: str, other: str, shots: int) -> tuple[float, float]:
    """Mean gain in PSNR of post-selection over another way, and the half-width of its 95 % interval."""
    ours, theirs = (
        np.array(_by_repeat(select(rows, encoding=encoding, method=name, shots=shots)))
        for name in (POSTSELECTED, other)
    )
    return _interval(ours - theirs)


def _by_repeat(rows: Sequence[Row]) -> list[float]:
    """PSNR against box means of each repeat, averaged over the pictures that are not exact."""
    return curve(rows, "repeat", "box_psnr_db")[1]


def _shots_for(rows: Sequence[Row], encoding: str, method: str) -> float:
    """Where the mean PSNR reaches the target, linear in the logarithm of the shots; NaN outside what was measured."""
    read = [row for row in select(rows, encoding=encoding, method=method) if row.shots]
    shots, means = curve(read, "shots", "box_psnr_db")
    return float(np.exp(np.interp(TARGET_DB, means, np.log(shots), left=np.nan, right=np.nan)))


def _interval(repeats: Sequence[float] | Array) -> tuple[float, float]:
    """Mean and half-width of the 95 % interval of independent repeats; NaN from one."""
    middle, count = finite_mean(repeats), len(repeats)
    if count < 2 or not np.isfinite(repeats).all():
        return middle, float("nan")
    return middle, float(stats.t.ppf(0.975, count - 1) * np.std(repeats, ddof=1) / np.sqrt(count))


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "shots": shot_table(rows),
        "without noise": exact_table(rows),
        "gains": gain_table(rows),
        "targets": target_table(rows),
    }


def shot_table(rows: Sequence[Row]) -> Table:
    """PSNR against box means at each number of shots, and the shots for a PSNR."""
    return wide_table(
        [row for row in rows if row.shots],
        partial(mean_or_infinite, measure="box_psnr_db"),
        by={"amplitudes": "encoding", "method": "method"},
        columns={_SHOTS_FOR: lambda own: _round_or_empty(_shots_for(rows, own[0].encoding, own[0].method))},
        across="shots",
        heading="{} shots",
        caption=f"PSNR in dB against box means, over {count_pictures(rows)}{_most_interval(rows)}",
        spec=".2f",
        formats={_SHOTS_FOR: "_.0f"},
    )


_SHOTS_FOR = f"shots for {TARGET_DB:.0f} dB"


def _round_or_empty(shots: float) -> float | str:
    """Shots in hundreds."""
    return 100.0 * round(shots / 100) if np.isfinite(shots) else ""


def _most_interval(rows: Sequence[Row]) -> str:
    """For captions: the widest 95 % interval from the repeats."""
    read = [row for row in rows if row.shots]
    halves = [_interval(_by_repeat(own))[1] for own in groups(read, "encoding", "method", "shots").values()]
    finite = [half for half in halves if np.isfinite(half)]
    return f"; 95 % intervals from the repeats are ± {max(finite):.2f} dB or less" if finite else ""


def exact_table(rows: Sequence[Row]) -> Table:
    """Cost of each circuit, and PSNR without the noise of shots."""
    return table_of(
        select(rows, shots=0),
        {
            "amplitudes": "encoding",
            "method": "method",
            "qubits": lambda own: max(values(own, "qubits")),
            "CX": lambda own: max(values(own, "cx")),
            "depth": lambda own: max(values(own, "depth")),
            "preparations kept, %": "success",
            "PSNR against box means, dB": partial(mean_or_infinite, measure="box_psnr_db"),
            "against the FFT crop, dB": partial(mean_or_infinite, measure="crop_psnr_db"),
            "enlarged, dB": partial(mean_or_infinite, measure="full_psnr_db"),
        },
        by=("encoding", "method"),
        caption=f"Probabilities themselves, means over {count_pictures(rows)}; *enlarged*: by Lanczos, against the "
        "picture; ∞: equal",
        formats={
            "preparations kept, %": ".1%",
            "PSNR against box means, dB": ".2f",
            "against the FFT crop, dB": ".2f",
            "enlarged, dB": ".2f",
        },
    )


def gain_table(rows: Sequence[Row]) -> Table:
    """PSNR gained by post-selection over measuring the full picture and over the position qubits."""
    shots = [shots for shots in levels(rows, "shots") if shots]
    body: list[list[object]] = []
    for encoding in [name for name in distinct(rows, "encoding") if name != CLASSICAL]:
        for count in shots:
            gains = [_gain(rows, encoding, other, count) for other in (FULL, POSITIONS)]
            body.append([encoding, count, *(value if np.isfinite(value) else "" for gain in gains for value in gain)])
    columns = [f"over the {FULL.replace(', ', ' and ')}, dB", "± (full)", f"over the {POSITIONS}, dB", "± (position)"]
    return Table(
        columns=["amplitudes", "shots", *columns],
        rows=body,
        caption="PSNR gained by the post-selected circuit against box means, with 95 % intervals from the repeats",
        formats={"shots": "_d", columns[0]: "+.2f", columns[1]: ".2f", columns[2]: "+.2f", columns[3]: ".2f"},
    )


def target_table(rows: Sequence[Row]) -> Table:
    """PSNR by shots of each method against box means, against the FFT crop, and enlarged against the picture."""
    return table_of(
        [row for row in rows if row.shots],
        {
            "amplitudes": "encoding",
            "method": "method",
            "shots": "shots",
            "against box means, dB": partial(mean_or_infinite, measure="box_psnr_db"),
            "against the FFT crop, dB": partial(mean_or_infinite, measure="crop_psnr_db"),
            "enlarged, dB": partial(mean_or_infinite, measure="full_psnr_db"),
        },
        by=("encoding", "method", "shots"),
        caption=f"Means over {count_pictures(rows)}",
        formats={
            "shots": "_d",
            "against box means, dB": ".2f",
            "against the FFT crop, dB": ".2f",
            "enlarged, dB": ".2f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR of the small picture against shots, for each encoding."""
    figure, axes = subplots(1, 2, figsize=(10, 4), sharey=True)
    read = [row for row in rows if row.shots and np.isfinite(row.box_psnr_db)]
    for ax, encoding in zip(axes, (LEVELS, ROOTS), strict=True):
        lines = curves(select(read, encoding=encoding), "shots", "box_psnr_db", by="method")
        Panel(curves=lines, x="shots", y="PSNR against box means, dB", title=f"amplitudes: {encoding}").draw(ax)
        for line, method in zip(ax.lines, lines, strict=True):
            # Roots give the full picture's box means the same probabilities as the position qubits.
            line.set(**{"linestyle": "--", "zorder": 3} if method in (POSITIONS, PUBLISHED, TRACED) else {})
        if lines:
            marks_at(ax, levels(read, "shots"))
            ax.legend()
    return figure
