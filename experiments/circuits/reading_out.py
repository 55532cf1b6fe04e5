"""How well does a picture come back from a noisy device, and what do mitigation and extrapolation add?

A crop of each picture is prepared on Qiskit's generic device and read by shots: as they are, with its readout errors
mitigated by a calibration, extrapolated to zero noise from a folded circuit, and both. The same number of shots of an
ideal device stands beside them. Calibration and folded circuits take shots of their own, which are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

import circuits
from circuits.compilation import compile_circuit
from experiments._run import (
    Array,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    among,
    count_pictures,
    curves,
    each,
    figure_of,
    finite_mean,
    fulfils,
    groups,
    levels,
    mean,
    per_picture,
    select,
    timed,
    values,
    whole,
)
from experiments.circuits.representations import psnr_or_exact

READINGS = ("ideal", "noisy", "mitigated", "extrapolated", "both")
"""Ideal device; noisy device as it is, with readout errors mitigated, extrapolated to zero noise, and with both."""

_SCALES = (1.0, 3.0)


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    representations: Annotated[tuple[str, ...], each(among(("neqr", "amplitude", "frqi")))] = ("neqr", "amplitude")
    """Representations of the crop."""
    side: Annotated[int, whole(1, 8)] = 8
    """Rows and columns of the crop, at the middle of the picture."""
    shots: Counts = (256, 1024, 4096)
    """Shots of each circuit."""
    calibration_shots: Annotated[int, fulfils(lambda shots: shots >= 100, "must be at least 100")] = 8192
    """Shots of each of the two calibration circuits."""
    repeats: Annotated[int, whole(2, 1000)] = 50
    """Draws of the bootstrap of the mitigated intervals."""
    seed: Seed = 0
    """Seed of the device and of the shots."""


TINY = Params(box_mean=8, side=2, shots=(256,), calibration_shots=500, repeats=5)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One crop in one representation, read in one way."""

    image: str
    representation: str
    reading: str
    """One of `READINGS`."""
    qubits: int
    cx: int
    """Of the circuit on the device."""
    shots: int
    """Of the circuit that is read, and of each circuit with amplified noise."""
    all_shots: int
    """Those of calibration and folded circuits included."""
    psnr_db: float
    """Infinite where every pixel comes back."""
    wrong_pixels: float
    """Share of the pixels that differ."""
    distance: float
    """Half of the sum of |p − q| of the read distribution and that of the ideal state."""
    bits_read_per_pixel: float
    """All shots times the qubits."""
    seconds: Seconds
    """Simulation of the noisy shots and evaluation of one reading."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per representation, number of shots and reading."""
    luma = picture.luma()
    top, left = ((length - params.side) // 2 if length > params.side else 0 for length in luma.shape)
    crop = luma[top : top + params.side, left : left + params.side]
    rows: list[Row] = []
    for name in params.representations:
        if circuits.REPRESENTATIONS[name].takes_black or crop.any():
            rows += _of_crop(picture, crop, name, params)
    return rows


def _of_crop(picture: Picture, crop: Array, name: str, params: Params) -> list[Row]:
    encoded = circuits.encode_image(crop, name)
    exact = circuits.image_state(encoded) ** 2
    exact = exact / exact.sum()
    n = encoded.n_qubits
    device = circuits.backend("generic", n_qubits=n, seed=params.seed)
    layout = list(range(n))
    circuit = compile_circuit(circuits.image_circuit(encoded), backend=device, layout=layout)
    folded = [circuits.fold_circuit(circuit, scale) for scale in _SCALES]
    rng = np.random.default_rng([params.seed, int(picture.sha256[:8], 16)])
    options: dict[str, Any] = {"seed": params.seed, "layout": layout}
    calibrate = partial(circuits.calibrate_readout, shots=params.calibration_shots, **options)
    calibration, of_calibration = timed(calibrate, circuit, device)
    rows = []
    for shots in params.shots:
        read = partial(circuits.run, backend=device, shots=shots, **options)
        runs = [timed(read, one) for one in folded]
        counts, seconds = [run[0][0] for run in runs], [run[1] for run in runs]
        correct = partial(circuits.mitigate, calibration=calibration, repeats=params.repeats, rng=rng)
        corrected = [timed(correct, one) for one in counts]
        of_mitigation = [one[1] for one in corrected]
        probabilities = [one[0].probabilities for one in corrected]
        calibrating = 2 * params.calibration_shots
        readings = {
            "ideal": (rng.multinomial(shots, exact) / shots, shots, 0.0),
            "noisy": (counts[0] / shots, shots, seconds[0]),
            "mitigated": (probabilities[0], shots + calibrating, seconds[0] + of_calibration + of_mitigation[0]),
            "extrapolated": (
                _limit([one / shots for one in counts]),
                shots * len(counts),
                sum(seconds),
            ),
            "both": (
                _limit(probabilities),
                shots * len(counts) + calibrating,
                sum(seconds) + of_calibration + sum(of_mitigation),
            ),
        }
        for reading, (read, spent_shots, spent) in readings.items():
            decoded = circuits.decode_counts(encoded, read)
            rows.append(
                Row(
                    image=picture.name,
                    representation=name,
                    reading=reading,
                    qubits=n,
                    cx=int(circuit.count_ops().get("cx", 0)),
                    shots=shots,
                    all_shots=spent_shots,
                    psnr_db=psnr_or_exact(crop, decoded),
                    wrong_pixels=float((decoded != crop).mean()),
                    distance=float(np.abs(read - exact).sum() / 2),
                    bits_read_per_pixel=spent_shots * n / crop.size,
                    seconds=spent,
                )
            )
    return rows


def _limit(values: Sequence[Array]) -> Array:
    """The distribution at zero noise by lines through each probability; negative ones are set to zero."""
    stacked = np.stack(values)
    limit = circuits.extrapolate(_SCALES, stacked, np.zeros_like(stacked), method="richardson").values
    return np.asarray(np.maximum(limit, 0) / np.maximum(limit, 0).sum())


run = per_picture(rows_of)


def findings(rows: Sequence[Row]) -> list[str]:
    """The readings beside each other at the largest number of shots, and the simpler one where it is better."""
    sentences = []
    for name, own in groups(rows, "representation").items():
        shots = levels(own, "shots")[-1]
        at = {reading: select(own, reading=reading, shots=shots) for reading in READINGS}
        shown = ", ".join(f"{reading} {_shown(there)}" for reading, there in at.items())
        sentences.append(
            f"{name} at {shots:,} shots of each circuit ({own[0].qubits} qubits, {mean(own, 'cx'):.0f} CX): {shown}."
        )
        wrong = {reading: mean(there, "wrong_pixels") for reading, there in at.items()}
        distance = {reading: mean(there, "distance") for reading, there in at.items()}
        for reading in ("mitigated", "extrapolated", "both"):
            if wrong[reading] >= wrong["noisy"] and distance[reading] >= distance["noisy"]:
                sentences.append(f"{name}: the unmitigated counts are at least as good as the {reading} reading.")
    return sentences or ["No picture could be encoded."]


def _shown(rows: Sequence[Row]) -> str:
    exact = sum(bool(np.isinf(one)) for one in values(rows, "psnr_db"))
    psnr = finite_mean(values(rows, "psnr_db"))
    text = f"{psnr:.2f} dB" if np.isfinite(psnr) else "every pixel"
    return text + (f" ({exact} of {len(rows)} exact)" if 0 < exact < len(rows) else "")


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    body = []
    for (name, shots, reading), own in groups(rows, "representation", "shots", "reading").items():
        finite = finite_mean(values(own, "psnr_db"))
        body.append(
            [
                name,
                shots,
                reading,
                finite if np.isfinite(finite) else "",
                sum(bool(np.isinf(one)) for one in values(own, "psnr_db")),
                mean(own, "wrong_pixels"),
                mean(own, "distance"),
                mean(own, "bits_read_per_pixel"),
                float(np.median(values(own, "seconds"))),
            ]
        )
    return {
        "readings": Table(
            columns=[
                "representation",
                "shots",
                "reading",
                "PSNR, dB",
                "exact",
                "wrong pixels, %",
                "distance",
                "bits read per pixel",
                "seconds",
            ],
            rows=body,
            caption=f"Crops of {count_pictures(rows)} on the generic device; PSNR over the crops that are not exact; "
            "median seconds of a reading",
            formats={
                "shots": "_d",
                "PSNR, dB": ".2f",
                "wrong pixels, %": ".1%",
                "distance": ".3f",
                "bits read per pixel": "_.0f",
                "seconds": ".2f",
            },
        )
    }


def plot(rows: Sequence[Row]) -> Figure:
    """Wrong pixels and distance of the distribution against shots."""
    panels = [
        Panel(
            curves=curves(own, "shots", "distance", by="reading"),
            x="shots of each circuit",
            y="distance from the ideal distribution",
            title=name,
            log="x",
        )
        for name, own in groups(rows, "representation").items()
    ]
    return figure_of(*panels or [Panel(curves={}, x="shots of each circuit", y="distance")], size=(10, 4.2))
