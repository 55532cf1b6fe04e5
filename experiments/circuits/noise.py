"""How much noise of a device equals JPEG of a quality, in the density matrix of patches and in their pixels?

Luma patches are prepared by exact circuits under depolarizing noise, amplitude damping and the errors of a generic
device, on Aer's density-matrix simulator. Their density matrix and the pixels norm·√p are compared with the raw ones,
as those of the JPEG file's patches are; the strength at which both are equally far is read off between two strengths.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import circuits
from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import Picture, PictureParams, Track
from qimg import images, metrics
from qimg.core.arguments import Array, integer, one_of, require
from qimg.evaluation.summary import finite_mean
from qimg.patches import extract_patches
from qimg.report import Table
from qimg.states import amplitude_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDES = (4, 8)


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    side: int = 8
    """Rows and columns of a patch: 8 takes 6 qubits and 29 CX, 4 takes 4 qubits and 6."""
    patches: int = 48
    """Patches drawn at random from each picture."""
    kinds: tuple[str, ...] = ("depolarizing", "damping")
    """Noise that is scanned; the generic device is measured besides."""
    strengths: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)
    """Error weight of a CX, or decay of its qubits; a tenth of it on gates of one qubit."""
    qualities: tuple[int, ...] = (90, 75, 50, 25, 10)
    """JPEG qualities, gray files of the whole picture."""
    seed: int = 0
    """Seed of the draw."""


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
    trace_distance: float
    """Of the patches' density matrix (energy as weights, no level shift) to that of the raw patches."""
    ac_trace_distance: float
    """The same of AC coefficients alone, as shares of their energy; not a number where there are none."""
    psnr_db: float
    """Of the patches; of noisy ones from norm·√p, as infinitely many shots would give it."""
    equal_depolarizing: float
    """For JPEG: the depolarizing strength with the same trace distance; not a number where it lies outside the scan."""
    equal_damping: float
    """The same for amplitude damping."""
    equal_depolarizing_psnr: float
    """For JPEG: the depolarizing strength with the same PSNR."""
    equal_damping_psnr: float
    """The same for amplitude damping."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture and kind and strength of noise, per JPEG quality, and one where nothing happened."""
    require(params.side in SIDES, "side", f"must be one of {SIDES}", params.side)
    integer("patches", params.patches, 1, 4096)
    integers("qualities", params.qualities, 1, 95)
    not_empty("strengths", params.strengths)
    for strength in params.strengths:
        require(0 < strength <= 1, "strengths", "must be in (0, 1]", strength)
    for kind in params.kinds:
        one_of("kinds", kind, ("depolarizing", "damping"))
    integer("seed", params.seed, 0)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        rows += _of_picture(picture, params)
    return rows


def _of_picture(picture: Picture, params: Params) -> list[Row]:
    luma = picture.luma()
    patches = extract_patches(luma, size=params.side).astype(float)
    rng = np.random.default_rng([params.seed, int(picture.sha256[:8], 16)])
    chosen = rng.permutation(np.flatnonzero(patches.any(axis=1)))[: params.patches]
    if not len(chosen):
        return []
    raw = patches[chosen]
    states, norms = amplitude_encode(raw)
    prepared = [circuits.prepare(state) for state in states]
    cx = float(np.mean([circuit.count_ops().get("cx", 0) for circuit in prepared]))
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
            psnr_db=float("inf") if np.array_equal(raw, pixels) else metrics.psnr_db(raw, pixels),
            **{**missing, **equal},
        )

    rows = [row("identity", 0.0, reference, raw)]
    scanned: dict[str, list[Row]] = {}
    for kind in params.kinds:
        scanned[kind] = []
        for strength in sorted(params.strengths):
            noisy = circuits.noisy_states(prepared, kind, strength=strength)
            scanned[kind].append(row(kind, strength, circuits.mixed_patches(noisy, norms), _pixels(noisy, norms)))
        rows += scanned[kind]
    n_qubits = prepared[0].num_qubits
    noisy = circuits.noisy_states(prepared, "generic")
    error = circuits.generic_cx_error(n_qubits)
    rows.append(row("generic", error, circuits.mixed_patches(noisy, norms), _pixels(noisy, norms)))
    for quality in params.qualities:
        decoded = images.jpeg_round_trip(luma, quality=quality).image
        lossy = extract_patches(decoded, size=params.side).astype(float)[chosen]
        if not lossy.any():
            continue
        found = row("jpeg", quality, _moments(lossy), lossy)
        equal = {}
        for kind, points in scanned.items():
            equal[f"equal_{kind}"] = _crossing(points, "trace_distance", found.trace_distance)
            equal[f"equal_{kind}_psnr"] = _crossing(points, "psnr_db", found.psnr_db)
        rows.append(row("jpeg", quality, _moments(lossy), lossy, **equal))
    return rows


_EQUAL = ("equal_depolarizing", "equal_damping", "equal_depolarizing_psnr", "equal_damping_psnr")


def _moments(patches: Array) -> Array:
    moments = patches.T @ patches
    return np.asarray(moments / np.trace(moments))


def _pixels(states: Array, norms: Array) -> Array:
    populations = np.clip(np.diagonal(states, axis1=1, axis2=2).real, 0, None)
    return np.asarray(norms[:, None] * np.sqrt(populations))


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
    """What the rows say."""
    sentences = []
    for quality in sorted({row.setting for row in rows if row.source == "jpeg"}, reverse=True):
        chosen = [row for row in rows if row.source == "jpeg" and row.setting == quality]
        parts = []
        for kind in ("depolarizing", "damping"):
            state = _median([getattr(row, f"equal_{kind}") for row in chosen])
            pixels = _median([getattr(row, f"equal_{kind}_psnr") for row in chosen])
            ends = [f"{value:.1e} in {what}" for value, what in ((state, "trace distance"), (pixels, "PSNR")) if value]
            if ends:
                parts.append(f"{kind} of {' and '.join(ends)}")
        if parts:
            sentences.append(f"JPEG at quality {quality:.0f} is as far from the picture as {', '.join(parts)}.")
    generic = [row for row in rows if row.source == "generic" and np.isfinite(row.psnr_db)]
    if generic:
        sentences.append(
            f"The generic device (mean CX error {generic[0].setting:.1e}) gives patches at "
            f"{finite_mean(row.psnr_db for row in generic):.2f} dB however many shots are taken."
        )
    return sentences or ["Nothing could be compared."]


def _median(values: Sequence[float]) -> float:
    """Median of those that are numbers; 0 where there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else 0.0


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures; medians of the strengths that are equal."""
    body = []
    for source, setting in dict.fromkeys((row.source, row.setting) for row in rows):
        chosen = [row for row in rows if (row.source, row.setting) == (source, setting)]
        psnr = finite_mean(row.psnr_db for row in chosen)
        body.append(
            [
                source,
                setting,
                finite_mean(row.trace_distance for row in chosen),
                finite_mean(row.ac_trace_distance for row in chosen),
                psnr if np.isfinite(psnr) else float("inf"),
                *(_median([getattr(row, name) for row in chosen]) or "" for name in _EQUAL),
            ]
        )
    columns = [
        "source",
        "strength or quality",
        "trace distance",
        "AC trace distance",
        "PSNR, dB",
        "equal depolarizing",
        "equal damping",
        "equal depolarizing, PSNR",
        "equal damping, PSNR",
    ]
    return Table(columns=columns, rows=body, caption=f"Means over {len({row.image for row in rows})} picture(s)")


def plot(rows: Sequence[Row]) -> "Figure":
    """Distance and PSNR against the strength of noise; JPEG qualities as level lines."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for ax, name, label in ((axes[0], "trace_distance", "trace distance"), (axes[1], "psnr_db", "PSNR, dB")):
        for kind in ("depolarizing", "damping", "generic"):
            points = {row.setting for row in rows if row.source == kind}
            means = [(s, _mean_of(rows, kind, s, name)) for s in sorted(points)]
            if means:
                style = "o" if kind == "generic" else "o-"
                ax.plot(*zip(*means, strict=True), style, markersize=4, label=kind)
        for quality in sorted({row.setting for row in rows if row.source == "jpeg"}):
            level = _mean_of(rows, "jpeg", quality, name)
            if np.isfinite(level) and level > 1e-9:
                ax.axhline(level, color="0.6", linewidth=0.8, linestyle="--")
                ax.text(1.01, level, f"Q{quality:.0f}", transform=ax.get_yaxis_transform(), fontsize=7, va="center")
        ax.set_xscale("log")
        ax.set_xlabel("error weight of a CX")
        ax.set_ylabel(label)
    if any(row.trace_distance > 0 for row in rows):
        axes[0].set_yscale("log")
    if rows:
        axes[1].legend()
    return figure


def _mean_of(rows: Sequence[Row], source: str, setting: float, name: str) -> float:
    return finite_mean(getattr(row, name) for row in rows if (row.source, row.setting) == (source, setting))
