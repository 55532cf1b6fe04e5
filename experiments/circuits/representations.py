"""What does each quantum representation of a picture cost in qubits and gates, and how well does it come back?

A crop of each picture becomes a circuit in every representation and is read exactly and by shots. The whole picture is
compressed as FRQI by dropping small Walsh angles (QPIXL) and as amplitudes by loading few DCT coefficients of a block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import circuits
from circuits.representation.multiplexed import gray_rotation_cost
from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import Picture, PictureParams, Track
from qimg import images, metrics
from qimg.core.arguments import Array, integer, one_of, require
from qimg.evaluation.summary import finite_mean
from qimg.report import Table, plain_log_axis, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOUR = ("mcrqi", "frqci")
"""Representations that take R, G and B; the others take luma."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    representations: tuple[str, ...] = tuple(circuits.REPRESENTATIONS)
    """Representations of the crop."""
    side: int = 8
    """Rows and columns of the crop, at the middle of the picture."""
    order: str = "row_major"
    """Order of the pixels: "row_major" or "morton"; "dct" takes blocks."""
    shots: tuple[int, ...] = (1024, 8192, 65536)
    """Shots of the crop."""
    shares: tuple[float, ...] = (1.0, 0.5, 0.25, 0.1, 0.05)
    """Shares of the whole picture's Walsh angles that are kept."""
    kept: tuple[int, ...] = (64, 32, 16, 8, 4)
    """DCT coefficients loaded for each block of the whole picture."""
    seed: int = 0
    """Seed of the shots."""


TINY = Params(box_mean=8, shots=(1024,), shares=(1.0, 0.25), kept=(1,), representations=("amplitude", "frqi"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, or its crop, in one representation."""

    image: str
    part: str
    """"crop" or "picture"."""
    representation: str
    kept: float
    """Share of the Walsh angles or of the DCT coefficients."""
    pixels: int
    """Pixels of the crop or the picture, without what pads them."""
    qubits: int
    cx: int
    one_qubit: int
    depth: float
    """Of the compiled circuit of a crop; not a number for whole pictures, whose circuits are counted and not built."""
    gray_cx: float
    """CX with the same angles in the order of the Gray code; not a number without colour qubits."""
    shots: int
    """0 where the state itself is read."""
    psnr_db: float
    """Of luma, or of R, G and B; infinite where every pixel comes back."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, representation and number of shots, and per share or kept coefficients of whole pictures."""
    integer("side", params.side, 8, 32)
    integers("shots", params.shots, 1)
    integers("kept", params.kept, 1, 64)
    not_empty("shares", params.shares)
    for share in params.shares:
        require(0 <= share <= 1, "shares", "must be in [0, 1]", share)
    for name in params.representations:
        one_of("representations", name, circuits.REPRESENTATIONS)
    rng = np.random.default_rng(integer("seed", params.seed, 0))
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        for name in params.representations:
            rows += _of_crop(picture, name, params, rng)
        rows += _of_picture(picture, params)
    return rows


def _of_crop(picture: Picture, name: str, params: Params, rng: np.random.Generator) -> list[Row]:
    image = colour_levels(picture) if name in COLOUR else picture.luma()
    top, left = ((length - params.side) // 2 if length > params.side else 0 for length in image.shape[:2])
    crop = image[top : top + params.side, left : left + params.side]
    if (name in ("amplitude", "dct") and not crop.any()) or (name == "dct" and max(crop.shape) < 8):
        return []
    # Every coefficient: what the crop costs when it is loaded as DCT, not what is saved.
    encoded = circuits.encode_image(crop, name, order=_order(name, params), kept=64 if name == "dct" else None)
    # All but the transform are made of RY and CX already.
    circuit = circuits.image_circuit(encoded)
    cost = circuits.count_gates(circuit, optimization_level=1 if name == "dct" else None)
    state = circuits.image_state(encoded)
    decoded = {0: circuits.decode_state(encoded, state)}
    for shots in params.shots:
        counts = rng.multinomial(shots, state**2 / float((state**2).sum()))
        decoded[shots] = circuits.decode_counts(encoded, counts)
    return [
        _row(picture, "crop", encoded, 1.0, cost, psnr=_psnr(crop, found), shots=shots)
        for shots, found in decoded.items()
    ]


def _of_picture(picture: Picture, params: Params) -> list[Row]:
    luma = picture.luma()
    rows = []
    encoded = circuits.encode_image(luma, "frqi", order=_order("frqi", params))
    for share in params.shares:
        small = circuits.compress_image(encoded, share)
        decoded = circuits.decode_state(small, circuits.image_state(small))
        rows.append(_row(picture, "picture", small, share, circuits.image_cost(small), psnr=_psnr(luma, decoded)))
    for kept in params.kept if luma.any() and max(luma.shape) >= 8 else ():
        loaded = circuits.encode_image(luma, "dct", kept=kept)
        decoded = circuits.decode_state(loaded, circuits.image_state(loaded))
        rows.append(_row(picture, "picture", loaded, kept / 64, circuits.image_cost(loaded), psnr=_psnr(luma, decoded)))
    return rows


def _row(
    picture: Picture,
    part: str,
    encoded: circuits.EncodedImage,
    kept: float,
    cost: circuits.GateCount,
    *,
    psnr: float,
    shots: int = 0,
) -> Row:
    gray = sum(gray_rotation_cost(table).cx for table in encoded.table) if encoded.colour_qubits else float("nan")
    return Row(
        image=picture.name,
        part=part,
        representation=encoded.representation,
        kept=kept,
        pixels=encoded.shape[0] * encoded.shape[1],
        qubits=encoded.n_qubits,
        cx=cost.cx,
        one_qubit=cost.one_qubit,
        depth=cost.depth or float("nan"),
        gray_cx=gray,
        shots=shots,
        psnr_db=psnr,
    )


def _order(name: str, params: Params) -> str:
    return "blocks" if name == "dct" else params.order


def colour_levels(picture: Picture) -> Array:
    """R, G and B in whole code values; gray three times where there is no colour."""
    pixels = images.to_uint8(images.code_values(picture.image()))
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _psnr(reference: Array, decoded: Array) -> float:
    return float("inf") if np.array_equal(reference, decoded) else metrics.psnr_db(reference, decoded)


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    crops = [row for row in rows if row.part == "crop" and row.shots == 0]
    names = list(dict.fromkeys(row.representation for row in crops))
    if names:
        costs = ", ".join(
            f"{name} {finite_mean(row.cx for row in crops if row.representation == name):.0f}" for name in names
        )
        wrong = sum(not np.isinf(row.psnr_db) for row in crops)
        sentences.append(f"CX of a crop, on average: {costs}; {wrong} of {len(crops)} exact readings are not exact.")
    for share in sorted({row.kept for row in rows if _is_compressed(row, "frqi") and row.kept < 1}):
        chosen = [row for row in rows if _is_compressed(row, "frqi") and row.kept == share]
        if not any(np.isfinite(row.psnr_db) for row in chosen):
            continue
        saved = 1 - sum(row.cx for row in chosen) / max(sum(row.gray_cx for row in chosen), 1)
        sentences.append(
            f"With {1 - share:.0%} of the angles dropped, FRQI pictures come back at "
            f"{finite_mean(row.psnr_db for row in chosen):.2f} dB; the short path takes {saved:.0%} fewer CX than "
            "the Gray code."
        )
    for kept in sorted({row.kept for row in rows if _is_compressed(row, "dct") and row.kept < 1}):
        chosen = [row for row in rows if _is_compressed(row, "dct") and row.kept == kept]
        if any(np.isfinite(row.psnr_db) for row in chosen):
            mean = finite_mean(row.psnr_db for row in chosen)
            sentences.append(f"Loading 1 of {1 / kept:.0f} DCT coefficients gives {mean:.2f} dB.")
    return sentences or ["Nothing was measured."]


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures; PSNR over those that are not exact."""
    body = []
    for key in dict.fromkeys((row.part, row.representation, row.kept, row.shots) for row in rows):
        chosen = [row for row in rows if (row.part, row.representation, row.kept, row.shots) == key]
        psnr = finite_mean(row.psnr_db for row in chosen)
        body.append(
            [
                *key[:3],
                key[3] or "state",
                max(row.qubits for row in chosen),
                finite_mean(row.cx for row in chosen),
                finite_mean(row.gray_cx for row in chosen),
                finite_mean(row.one_qubit for row in chosen),
                finite_mean(row.depth for row in chosen),
                psnr if np.isfinite(psnr) else float("inf"),
            ]
        )
    columns = ["part", "representation", "kept", "shots", "qubits", "CX", "CX, Gray", "one-qubit", "depth", "PSNR, dB"]
    return Table(columns=columns, rows=body, caption=f"Means over {len({row.image for row in rows})} picture(s)")


def plot(rows: Sequence[Row]) -> "Figure":
    """Crops by shots, and whole pictures by CX for each pixel."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    by_shots: dict[str, tuple[Sequence[float], ...]] = {}
    by_gates: dict[str, tuple[Sequence[float], ...]] = {}
    for name in dict.fromkeys(row.representation for row in rows):
        crops = [row for row in rows if row.part == "crop" and row.representation == name and row.shots]
        whole = [row for row in rows if _is_compressed(row, name)]
        for curves, points in (
            (by_shots, _means(crops, key=lambda row: row.shots, x=lambda row: row.shots)),
            (by_gates, _means(whole, key=lambda row: row.kept, x=lambda row: row.cx / row.pixels)),
        ):
            if points:
                curves[name] = tuple(zip(*points, strict=True))
    for ax, curves, label in ((axes[0], by_shots, "shots of the crop"), (axes[1], by_gates, "CX for each pixel")):
        if curves:
            plot_curves(curves, x_label=label, y_label="PSNR, dB", ax=ax)
        ax.set_xlabel(label)
        plain_log_axis(ax, "x")
    return figure


def _means(rows: Sequence[Row], *, key: Callable[[Row], float], x: Callable[[Row], float]) -> list[tuple[float, float]]:
    """Mean of x and of PSNR for each value of the key, over the pictures that are not exact, in rising order."""
    points = []
    for value in {key(row) for row in rows}:
        chosen = [row for row in rows if key(row) == value and np.isfinite(row.psnr_db)]
        if chosen:
            points.append((finite_mean(x(row) for row in chosen), finite_mean(row.psnr_db for row in chosen)))
    return sorted(points)


def _is_compressed(row: Row, name: str) -> bool:
    return row.part == "picture" and row.representation == name
