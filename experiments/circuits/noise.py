"""How much noise of a device equals JPEG of a quality, in the density matrix of patches and in their pixels?

Luma patches are prepared by exact circuits under depolarizing noise, amplitude damping and the errors of a generic
device, on Aer's density-matrix simulator. Their density matrix and the pixels norm·√p are compared with the raw ones,
and so are the patches of JPEG files. The strength of noise that is as far as JPEG is interpolated. Patches in another
representation than amplitudes are decoded from the exact probabilities, and their density matrix is that of the decoded
pixels, as for JPEG.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from tyro.conf import arg

import circuits
from circuits.noise.models import MAX_NOISY_QUBITS
from experiments._run import (
    Array,
    Figure,
    LibraryDependent,
    Picture,
    PictureParams,
    Seed,
    Table,
    among,
    count_pictures,
    curve,
    each,
    fulfils,
    groups,
    levels,
    mean,
    mean_or_infinite,
    per_picture,
    plot_curves,
    select,
    subplots,
    values,
    whole,
)
from experiments.circuits.representations import modules_of, represented
from qimg import images, metrics
from qimg.core import require
from qimg.patches import extract_patches
from qimg.states import amplitude_encode

SIDES = (4, 8)
KINDS = ("depolarizing", "damping")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    side: Annotated[int, fulfils(SIDES.__contains__, f"must be one of {SIDES}")] = 8
    """Rows and columns of a patch: 8 takes 6 qubits and 29 CX, 4 takes 4 qubits and 6."""
    representation: Annotated[str, represented, arg(metavar="NAME")] = "amplitude"
    """Representation of the patches: one of luma, or the import name of one of your own (module:object)."""
    patches: Annotated[int, whole(1, 4096)] = 48
    """Patches drawn at random from each picture."""
    kinds: Annotated[tuple[str, ...], each(among(KINDS), empty=True)] = KINDS
    """Noise that is scanned; the generic device is measured besides."""
    strengths: Annotated[tuple[float, ...], each(fulfils(lambda strength: 0 < strength <= 1, "must be in (0, 1]"))] = (
        1e-5,
        3e-5,
        1e-4,
        3e-4,
        1e-3,
        3e-3,
        1e-2,
        3e-2,
        0.1,
        0.3,
    )
    """Error weight of a CX, or decay of its qubits; a tenth of it on gates of one qubit."""
    qualities: Annotated[tuple[int, ...], each(whole(1, 95))] = (90, 75, 50, 25, 10)
    """JPEG qualities, gray files of the whole picture."""
    seed: Seed = 0
    """Seed of the draw."""

    def files(self) -> dict[str, str]:
        """Hash of the module of an imported representation."""
        return modules_of([self.representation])


TINY = Params(box_mean=8, side=4, patches=6, strengths=(1e-4, 1e-2), qualities=(50,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture's patches after noise, JPEG, or nothing."""

    image: str
    source: str
    """"depolarizing", "damping", "generic", "jpeg" or "identity": nothing happened."""
    setting: float
    """Strength of the noise (mean CX error of the generic device), or quality of the JPEG file."""
    patches: int
    mean_cx: float
    """CX of a patch's circuit."""
    trace_distance: LibraryDependent
    """Of the patches' density matrix (energy as weights, no level shift) to that of the raw patches."""
    ac_trace_distance: LibraryDependent
    """The same of AC coefficients alone, as shares of their energy; not a number where there are none."""
    psnr_db: LibraryDependent
    """Of the patches; of noisy ones from norm·√p, as infinitely many shots would give it."""
    equal_depolarizing: LibraryDependent
    """For JPEG: the depolarizing strength with the same trace distance; not a number where it lies outside the scan."""
    equal_damping: LibraryDependent
    """The same for amplitude damping."""
    equal_depolarizing_psnr: LibraryDependent
    """For JPEG: the depolarizing strength with the same PSNR."""
    equal_damping_psnr: LibraryDependent
    """The same for amplitude damping."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per kind and strength of noise, one per JPEG quality, and one where nothing happened."""
    luma = picture.luma()
    patches = extract_patches(luma, size=params.side).astype(float)
    rng = np.random.default_rng([params.seed, int(picture.sha256[:8], 16)])
    chosen = rng.permutation(np.flatnonzero(patches.any(axis=1)))[: params.patches]
    if not len(chosen):
        return []
    raw = patches[chosen]
    prepared, cx, rebuilt = _loaded(raw, params)
    reference = _moments(raw)

    def row(source: str, setting: float, rho: Array, pixels: Array, **equal: float) -> Row:
        missing = dict.fromkeys(_EQUAL, float("nan"))
        return Row(
            image=picture.name,
            source=source,
            setting=setting,
            patches=len(raw),
            mean_cx=cx,
            trace_distance=float(metrics.trace_distance(reference, rho)),
            ac_trace_distance=_ac_distance(reference, rho),
            psnr_db=float("inf") if np.array_equal(raw, pixels) else metrics.psnr_db(raw, pixels, data_range=255),
            **{**missing, **equal},
        )

    rows = [row("identity", 0.0, reference, raw)]
    strengths = [(kind, strength) for kind in params.kinds for strength in sorted(params.strengths)]
    for kind, strength in (*strengths, ("generic", None)):
        noisy = circuits.noisy_states(prepared, kind, strength=strength)
        setting = circuits.generic_cx_error(prepared[0].num_qubits) if strength is None else strength
        rows.append(row(kind, setting, *rebuilt(noisy)))
    scanned = {kind: select(rows, source=kind) for kind in params.kinds}
    for quality in params.qualities:
        decoded = images.jpeg_round_trip(luma, quality=quality).image
        lossy = extract_patches(decoded, size=params.side).astype(float)[chosen]
        if not lossy.any():
            continue
        coded = row("jpeg", quality, _moments(lossy), lossy)
        equal = {}
        for kind, points in scanned.items():
            equal[f"equal_{kind}"] = _crossing(points, "trace_distance", coded.trace_distance)
            equal[f"equal_{kind}_psnr"] = _crossing(points, "psnr_db", coded.psnr_db)
        rows.append(row("jpeg", quality, _moments(lossy), lossy, **equal))
    return rows


run = per_picture(rows_of)

_EQUAL = ("equal_depolarizing", "equal_damping", "equal_depolarizing_psnr", "equal_damping_psnr")


def _loaded(raw: Array, params: Params) -> tuple[list[Any], float, Callable[[Array], tuple[Array, Array]]]:
    """Circuits of the patches, their mean CX, and the map from noisy states to a density matrix and pixels."""
    if params.representation == "amplitude":
        states, norms = amplitude_encode(raw)
        prepared = [circuits.prepare(state) for state in states]
        cx = float(np.mean([circuit.count_ops().get("cx", 0) for circuit in prepared]))
        return prepared, cx, lambda noisy: (circuits.mixed_patches(noisy, norms), _pixels(noisy, norms))
    one, side = circuits.representation_of(params.representation), params.side
    require(not one.in_colour, "representation", "must take luma", params.representation)
    patches = raw.astype(np.uint8).reshape(-1, side, side)
    encoded = [circuits.encode_image(patch, one.name, kept=one.largest_kept) for patch in patches]
    rule = f"must need at most {MAX_NOISY_QUBITS} qubits for {side}×{side} pixels"
    qubits = encoded[0].n_qubits
    require(qubits <= MAX_NOISY_QUBITS, "representation", rule, f"{params.representation} with {qubits} qubits")

    def rebuilt(noisy: Array) -> tuple[Array, Array]:
        pairs = zip(encoded, _populations(noisy), strict=True)
        pixels = np.stack([circuits.decode_counts(*pair).ravel() for pair in pairs]).astype(float)
        return _moments(pixels), pixels

    cx = float(np.mean([circuits.image_cost(patch).cx for patch in encoded]))
    return [circuits.image_circuit(patch) for patch in encoded], cx, rebuilt


def _moments(patches: Array) -> Array:
    """Density matrix of patches; fully mixed if noise leaves none but black ones."""
    moments = patches.T @ patches
    energy = np.trace(moments)
    return np.asarray(moments / energy if energy else np.eye(len(moments)) / len(moments))


def _pixels(states: Array, norms: Array) -> Array:
    return np.asarray(norms[:, None] * np.sqrt(_populations(states)))


def _populations(states: Array) -> Array:
    return np.clip(np.diagonal(states, axis1=1, axis2=2).real, 0, None)


def _ac_distance(first: Array, second: Array) -> float:
    """Half the trace norm of the difference off the constant patch, as a share of the first one's energy there."""
    d = len(first)
    rest = np.eye(d) - np.full((d, d), 1 / d)
    energy = float(np.trace(rest @ first).real)
    if energy < 1e-12:
        return float("nan")
    difference = rest @ (first - second) @ rest
    return float(np.abs(np.linalg.eigvalsh(difference)).sum() / 2 / energy)


def _crossing(points: Sequence[Row], name: str, value: float) -> float:
    """Strength at which a measurement has a value, between two strengths on logarithmic scales."""
    for before, after in pairwise(points):
        ends = np.array([getattr(before, name), getattr(after, name)])
        if not np.isfinite(value) or not np.isfinite(ends).all() or ends[0] == ends[1]:
            continue
        if min(ends) <= value <= max(ends):
            scale = np.log(np.maximum([*ends, value], 1e-300)) if name != "psnr_db" else np.array([*ends, value])
            share = (scale[2] - scale[0]) / (scale[1] - scale[0])
            return float(before.setting * (after.setting / before.setting) ** share)
    return float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """Strengths of noise that are as far as JPEG, and the PSNR of the generic device."""
    sentences = []
    for quality in reversed(levels(select(rows, source="jpeg"), "setting")):
        chosen = select(rows, source="jpeg", setting=quality)
        parts = []
        for kind in KINDS:
            measured = {"trace distance": f"equal_{kind}", "PSNR": f"equal_{kind}_psnr"}
            strengths = {what: _median(chosen, name) for what, name in measured.items()}
            ends = [f"{value:.1e} in {what}" for what, value in strengths.items() if value]
            if ends:
                parts.append(f"{kind} of {' and '.join(ends)}")
        if parts:
            sentences.append(f"JPEG at quality {quality:.0f} is as far from the picture as {', '.join(parts)}.")
    generic = [row for row in select(rows, source="generic") if np.isfinite(row.psnr_db)]
    if generic:
        sentences.append(
            f"The generic device (mean CX error {generic[0].setting:.1e}) gives patches at "
            f"{mean(generic, 'psnr_db'):.2f} dB however many shots are taken."
        )
    return sentences or ["Nothing could be compared."]


def _median(rows: Sequence[Row], name: str) -> float:
    """Median of the values that are numbers; 0 where there are none."""
    finite = [value for value in values(rows, name) if np.isfinite(value)]
    return float(np.median(finite)) if finite else 0.0


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"jpeg": jpeg_table(rows), "noise": noise_table(rows)}


def jpeg_table(rows: Sequence[Row]) -> Table:
    """Each JPEG quality with the strengths of noise that are as far from the picture."""
    strengths = {
        "equal depolarizing, distance": "equal_depolarizing",
        "depolarizing, PSNR": "equal_depolarizing_psnr",
        "damping, distance": "equal_damping",
        "damping, PSNR": "equal_damping_psnr",
    }
    lines = groups(select(rows, source="jpeg"), "setting")
    return Table(
        columns=["JPEG quality", "trace distance", "of AC", "PSNR, dB", *strengths],
        rows=[
            [
                quality,
                mean(own, "trace_distance"),
                mean(own, "ac_trace_distance"),
                mean_or_infinite(own, "psnr_db"),
                *(_median(own, name) or "" for name in strengths.values()),
            ]
            for quality, own in sorted(lines.items(), reverse=True)
        ],
        caption=f"Means over {count_pictures(rows)}; medians of the strengths of noise with the same trace distance or "
        "the same PSNR",
        formats={**_FORMATS, "JPEG quality": ".0f", **dict.fromkeys(strengths, ".1e")},
    )


def noise_table(rows: Sequence[Row]) -> Table:
    """Distances and PSNR of each kind and strength of noise."""
    lines = groups([row for row in rows if row.source != "jpeg"], "source", "setting")
    return Table(
        columns=["noise", "strength", "trace distance", "of AC", "PSNR, dB", "CX"],
        rows=[
            [
                source if source != "identity" else "none",
                strength or "",
                mean(own, "trace_distance"),
                mean(own, "ac_trace_distance"),
                mean_or_infinite(own, "psnr_db"),
                mean(own, "mean_cx"),
            ]
            for (source, strength), own in lines.items()
        ],
        caption=f"Means over {count_pictures(rows)}; the strength of the generic device is its mean CX error",
        formats={**_FORMATS, "strength": ".1e", "CX": ".1f"},
    )


_FORMATS = {"trace distance": ".3f", "of AC": ".3f", "PSNR, dB": ".2f"}


def plot(rows: Sequence[Row]) -> Figure:
    """Trace distance and PSNR against the strength of noise, with the levels of JPEG qualities."""
    figure, axes = subplots(1, 2, figsize=(10, 3.8))
    sources = groups(rows, "source")
    for ax, name, label in ((axes[0], "trace_distance", "trace distance"), (axes[1], "psnr_db", "PSNR, dB")):
        lines = {kind: curve(sources[kind], "setting", name) for kind in (*KINDS, "generic") if kind in sources}
        plot_curves(lines, x_label="error weight of a CX", y_label=label, ax=ax)
        files = list(zip(*curve(sources.get("jpeg", []), "setting", name), strict=True))
        for number, (quality, level) in enumerate(files):
            if np.isfinite(level) and level > 1e-9:
                label = "" if number else "JPEG at a quality"
                ax.axhline(level, color="0.6", linewidth=0.8, linestyle="--", label=label)
                place = (1.01, 1.07)[number % 2]  # neighbours would overlap
                ax.text(place, level, f"{quality:.0f}", transform=ax.get_yaxis_transform(), fontsize=6, va="center")
        ax.set_xscale("log")
    if any(row.trace_distance > 0 for row in rows):
        axes[0].set_yscale("log")
    for ax in axes if rows else ():
        ax.legend()
    return figure
