"""What does each quantum representation of a picture cost in qubits and gates, and how well does it come back?

A crop of each picture becomes a circuit in each representation and is read from the state and by shots. The whole
picture is compressed as FRQI by dropping small Walsh angles (QPIXL), and as amplitudes by loading few DCT coefficients
of each block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from tyro.conf import arg

import circuits
from circuits.compilation import is_compiled
from circuits.representation.multiplexed import gray_rotation_cost
from experiments._run import (
    Array,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    count_pictures,
    curves,
    distinct,
    each,
    figure_of,
    fulfils,
    groups,
    levels,
    marks_at,
    mean,
    mean_or_infinite,
    plain_log_axis,
    select,
    table_of,
    values,
    whole,
    wide_table,
)
from qimg import metrics
from qimg.core import arguments_named
from qimg.core.import_names import is_import_name, module_hashes


def represented(name: str, value: str) -> circuits.Representation:
    """Rule of a parameter: the name of a representation, or the import name of one of the user's own."""
    with arguments_named(representation=name):
        return circuits.representation_of(value)


def modules_of(representations: Sequence[str]) -> dict[str, str]:
    """SHA-256 of the modules of imported representations, by their import names."""
    return module_hashes(name for name in representations if is_import_name(name))


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    representations: Annotated[tuple[str, ...], each(represented, empty=True), arg(metavar="NAME ...")] = tuple(
        circuits.REPRESENTATIONS
    )
    """Representations of the crop; import names of your own (module:object)."""
    side: Annotated[int, whole(8, 32)] = 8
    """Rows and columns of the crop, at the middle of the picture."""
    order: str = "row_major"
    """Order of the pixels: "row_major" or "morton"; "dct" takes blocks."""
    shots: Counts = (1024, 8192, 65536)
    """Shots of the crop."""
    shares: Annotated[tuple[float, ...], each(fulfils(lambda share: 0 <= share <= 1, "must be in [0, 1]"))] = (
        1.0,
        0.5,
        0.25,
        0.1,
        0.05,
    )
    """Shares of the whole picture's Walsh angles that are kept."""
    kept: Annotated[tuple[int, ...], each(whole(1, 64))] = (64, 32, 16, 8, 4)
    """DCT coefficients loaded for each block of the whole picture."""
    seed: Seed = 0
    """Seed of the shots."""

    def files(self) -> dict[str, str]:
        """Hashes of the modules of imported representations."""
        return modules_of(self.representations)


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
    check(params)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        for name in params.representations:
            rows += _of_crop(picture, name, params, rng)
        rows += _of_picture(picture, params)
    return rows


def _of_crop(picture: Picture, name: str, params: Params, rng: np.random.Generator) -> list[Row]:
    representation = circuits.representation_of(name)
    image = colour_levels(picture) if representation.in_colour else picture.luma()
    top, left = ((length - params.side) // 2 if length > params.side else 0 for length in image.shape[:2])
    crop = image[top : top + params.side, left : left + params.side]
    order = representation.order or params.order
    if (not representation.takes_black and not crop.any()) or (order == "blocks" and max(crop.shape) < 8):
        return []
    # Every coefficient: what the crop costs when it is loaded as DCT, not what is saved.
    encoded = circuits.encode_image(crop, name, order=order, kept=representation.largest_kept)
    circuit = circuits.image_circuit(encoded)
    cost = circuits.count_gates(circuit, optimization_level=None if is_compiled(circuit) else 1)
    state = circuits.image_state(encoded)
    row = partial(_row, picture, "crop", encoded, 1.0, cost, crop)
    rows = [row(circuits.decode_state(encoded, state))]
    for shots in params.shots:
        counts = rng.multinomial(shots, state**2 / float((state**2).sum()))
        rows.append(row(circuits.decode_counts(encoded, counts), shots=shots))
    return rows


def _of_picture(picture: Picture, params: Params) -> list[Row]:
    luma = picture.luma()
    whole = circuits.encode_image(luma, "frqi", order=params.order)
    loaded = params.kept if luma.any() and max(luma.shape) >= 8 else ()
    encoded = [
        *((share, circuits.compress_image(whole, share)) for share in params.shares),
        *((kept / 64, circuits.encode_image(luma, "dct", kept=kept)) for kept in loaded),
    ]
    return [_row(picture, "picture", one, kept, circuits.image_cost(one), luma, _read(one)) for kept, one in encoded]


def _read(encoded: circuits.EncodedImage) -> Array:
    return circuits.decode_state(encoded, circuits.image_state(encoded))


def _row(
    picture: Picture,
    part: str,
    encoded: circuits.EncodedImage,
    kept: float,
    cost: circuits.GateCount,
    reference: Array,
    decoded: Array,
    *,
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
        psnr_db=psnr_or_exact(reference, decoded),
    )


def colour_levels(picture: Picture) -> Array:
    """R, G and B in whole code values; gray three times where there is no colour."""
    pixels = picture.code_values()
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def psnr_or_exact(reference: Array, decoded: Array) -> float:
    """PSNR in dB; infinite for equal pictures, blank ones too."""
    return float("inf") if np.array_equal(reference, decoded) else metrics.psnr_db(reference, decoded, data_range=255)


def findings(rows: Sequence[Row]) -> list[str]:
    """Gates of a crop, and PSNR of whole pictures of fewer angles or coefficients."""
    sentences = []
    crops = select(rows, part="crop", shots=0)
    if crops:
        costs = ", ".join(f"{name} {mean(own, 'cx'):.0f}" for name, own in groups(crops, "representation").items())
        wrong = sum(not np.isinf(row.psnr_db) for row in crops)
        sentences.append(f"CX of a crop, on average: {costs}; {wrong} of {len(crops)} exact readings are not exact.")
    compressed = [row for row in rows if row.part == "picture" and row.kept < 1]
    for (name, kept), own in sorted(groups(compressed, "representation", "kept").items(), key=_order_of_findings):
        psnr = mean(own, "psnr_db")
        if np.isfinite(psnr) and name == "frqi":
            saved = 1 - sum(values(own, "cx")) / max(sum(values(own, "gray_cx")), 1)
            sentences.append(
                f"With {1 - kept:.0%} of the angles dropped, FRQI pictures come back at {psnr:.2f} dB; the short path "
                f"takes {saved:.0%} fewer CX than the Gray code."
            )
        elif np.isfinite(psnr):
            sentences.append(f"Loading 1 of {1 / kept:.0f} DCT coefficients gives {psnr:.2f} dB.")
    return sentences or ["Nothing was measured."]


def _order_of_findings(group: tuple[tuple[str, float], list[Row]]) -> tuple[bool, float]:
    (name, kept), _ = group
    return name != "frqi", kept


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"crops": crop_table(rows), "angles": angle_table(rows), "coefficients": coefficient_table(rows)}


def crop_table(rows: Sequence[Row]) -> Table:
    """Qubits and gates of a crop in each representation, and its PSNR from the state and by shots."""
    crops = select(rows, part="crop")
    return wide_table(
        [row for row in crops if row.shots],
        _psnr_cell,
        by={"representation": "representation", "qubits": "qubits"},
        columns={
            "CX": lambda own: mean(own, "cx"),
            "one-qubit gates": lambda own: mean(own, "one_qubit"),
            "depth": lambda own: mean(own, "depth"),
            "exact from the state": lambda own: _exact_states(crops, own[0].representation),
        },
        across="shots",
        heading="{} shots",
        caption=f"Crops of {count_pictures(crops)}; means, PSNR in dB over the crops that are not exact; *exact*: all "
        "crops come back",
        formats={"CX": ".1f", "one-qubit gates": ".1f", "depth": ".0f"},
    )


def _exact_states(crops: Sequence[Row], representation: str) -> str:
    read = select(crops, representation=representation, shots=0)
    return f"{sum(bool(np.isinf(row.psnr_db)) for row in read)} of {len(read)}"


def _psnr_cell(rows: Sequence[Row]) -> str:
    psnr = mean(rows, "psnr_db")
    return f"{psnr:.2f}" if np.isfinite(psnr) else "exact"


def angle_table(rows: Sequence[Row]) -> Table:
    """CX and PSNR of whole pictures as FRQI by the share of Walsh angles that is dropped."""
    whole = select(rows, part="picture", representation="frqi")
    return table_of(
        sorted(whole, key=lambda row: -row.kept),
        {
            "angles dropped, %": lambda own: 1 - own[0].kept,
            "angles for each pixel": partial(mean, measure=lambda row: row.kept * 2 ** (row.qubits - 1) / row.pixels),
            "CX, shortest walk": "cx",
            "CX, Gray code": "gray_cx",
            "fewer, %": lambda own: 1 - sum(values(own, "cx")) / max(sum(values(own, "gray_cx")), 1),
            "CX for each pixel": partial(mean, measure=lambda row: row.cx / row.pixels),
            **_psnr_columns(whole),
        },
        by=("kept",),
        caption=f"FRQI of {count_pictures(whole)}, means",
        formats={
            "angles dropped, %": ".1%",
            "angles for each pixel": ".2f",
            "CX, shortest walk": "_.0f",
            "CX, Gray code": "_.0f",
            "fewer, %": ".0%",
            **_FORMATS,
        },
    )


def coefficient_table(rows: Sequence[Row]) -> Table:
    """CX and PSNR of whole pictures as amplitudes by the number of DCT coefficients that is loaded for a block."""
    whole = select(rows, part="picture", representation="dct")
    return table_of(
        sorted(whole, key=lambda row: -row.kept),
        {
            "coefficients of 64": lambda own: round(64 * own[0].kept),
            "CX with the inverse DCT": "cx",
            "CX for each pixel": partial(mean, measure=lambda row: row.cx / row.pixels),
            **_psnr_columns(whole),
        },
        by=("kept",),
        caption=f"Amplitudes of {count_pictures(whole)}, means",
        formats={"CX with the inverse DCT": "_.0f", **_FORMATS},
    )


_FORMATS = {"CX for each pixel": ".2f", "PSNR, dB": ".2f", "least PSNR, dB": ".2f", "largest PSNR, dB": ".2f"}


def _psnr_columns(rows: Sequence[Row]) -> dict[str, Any]:
    """Columns of PSNR; its range where there are several pictures."""
    columns: dict[str, Any] = {"PSNR, dB": partial(mean_or_infinite, measure="psnr_db")}
    if len(distinct(rows, "image")) > 1:
        columns["least PSNR, dB"] = lambda own: min(values(own, "psnr_db"))
        columns["largest PSNR, dB"] = lambda own: max(values(own, "psnr_db"))
    return columns


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR of crops against shots, and of whole pictures against CX for each pixel."""
    measured = [row for row in rows if np.isfinite(row.psnr_db)]
    crops = [row for row in measured if row.part == "crop" and row.shots]
    by_gates = {}
    for name, own in groups(select(measured, part="picture"), "representation").items():
        points = [
            (mean(at, lambda row: row.cx / row.pixels), mean(at, "psnr_db")) for at in groups(own, "kept").values()
        ]
        by_gates[name] = tuple(zip(*sorted(points), strict=True))
    figure = figure_of(
        Panel(curves=curves(crops, "shots", "psnr_db", by="representation"), x="shots of the crop", y="PSNR, dB"),
        Panel(curves=by_gates, x="CX for each pixel", y="PSNR, dB"),
        size=(10, 3.8),
    )
    if crops:
        marks_at(figure.axes[0], levels(crops, "shots"))
    plain_log_axis(figure.axes[1], "x")
    return figure
