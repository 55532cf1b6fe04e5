"""How well do circuits of four and eight layers prepare whole sets of pictures, beside a disentangler and a DCT?

Digits of MNIST, or patches of each picture, are encoded as FRQI and as amplitudes. All are prepared by circuits with
the same two-qubit gates, whose angles start as a disentangler of trains of bond 2 and are fitted in sweeps. The same
disentangler without a fit has the same gates. As many of the largest DCT coefficients as a circuit has angles are the
classical baseline.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

import circuits
from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    Gathered,
    LibraryDependent,
    Panel,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    among,
    check,
    curve,
    each,
    figure_of,
    fulfils,
    groups,
    legend_below,
    levels,
    mean,
    select,
    table_of,
    values,
    whole,
)
from experiments.circuits.picture_registers import CENTRED, HIERARCHICAL, chain_of, square
from experiments.tensor_trains.binary_pictures import digits, luma_patches, mnist_inputs
from qimg import transforms

DISENTANGLER, DCT = "disentangler", "DCT"
FITTED = ("sequential", "brick", "dense")
METHODS = (DISENTANGLER, *FITTED, DCT)
ENCODINGS = ("frqi", "amplitude")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    digits: Annotated[int, whole(0)] = 0
    """Training digits of MNIST, from the set mnist in QIMG_DATA; 0 takes patches of the pictures instead."""
    side: Count = 8
    """Pixels of a patch's side."""
    patches: Count = 100
    """Most patches of a picture."""
    resized: bool = False
    """Resize to sides that are powers of two, bilinearly as in the published data set, instead of padding."""
    encodings: Annotated[tuple[str, ...], each(among(ENCODINGS))] = ENCODINGS
    """"frqi" or "amplitude"."""
    chains: Annotated[tuple[str, ...], each(among((CENTRED, HIERARCHICAL)))] = (CENTRED, HIERARCHICAL)
    """Orders of the qubits: coarse bits of rows and columns and the colour qubit in the middle, or the published one,
    colour first, then bits of rows and columns in turn."""
    layers: Counts = (4, 8)
    """Numbers of layers."""
    sweeps: Annotated[int, whole(0)] = 40
    """Most sweeps after the last layer; 8 after each earlier one."""
    compared: Annotated[int, whole(0)] = 100
    """Pictures on which "brick" and "dense" are fitted, in the first chain; 0 for none."""
    gain: Annotated[float, fulfils(lambda gain: gain >= 0, "must be at least 0")] = 1e-5
    """Gain of fidelity of a sweep at which a picture is not swept again."""
    threads: Count = 1
    """Threads of a fit, which change no circuit."""
    seed: Seed = 0
    """Seed of the patches."""

    def inputs(self) -> Gathered:
        """The pictures, or the files of digits."""
        return Gathered(pictures=mnist_inputs(), skipped=()) if self.digits else self.gather()


TINY = Params(box_mean=8, side=4, patches=6, layers=(1, 2), sweeps=3, compared=3)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One circuit architecture on a set of pictures."""

    image: str
    """The picture whose patches were prepared, or "mnist"."""
    encoding: str
    chain: str
    """Order of the qubits; empty for the DCT."""
    method: str
    """One of `METHODS`."""
    layers: int
    qubits: int
    pictures: int
    gates: int
    """Two-qubit rotations; 0 for the DCT."""
    cx: int
    numbers: int
    """Angles of a circuit, or coefficients, whose positions are not counted."""
    depth: int
    """Longest path through CX and RY; 0 for the DCT."""
    fidelity: LibraryDependent
    """Mean |⟨picture|prepared⟩|²."""
    least: LibraryDependent
    quarter: LibraryDependent
    """A quarter of the fidelities is below it."""
    three_quarters: LibraryDependent
    sweeps: LibraryDependent
    """Sweeps there and back for each picture, on average."""
    bytes_each: LibraryDependent
    """Bytes of the file of all circuits for each picture; 0 for the DCT."""
    method_seconds: Seconds
    """CPU time of the fit, or of the DCT, for each picture."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every encoding, chain, method and number of layers for each collection of pictures."""
    check(params)
    if params.digits:
        return _of_pictures("mnist", digits(params.digits).train, params, track)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        patches = luma_patches(picture, side=params.side, count=params.patches, rng=rng)
        rows += _of_pictures(picture.name, patches.train, params, iter)
    return rows


def _of_pictures(name: str, pictures: Array, params: Params, track: Track) -> list[Row]:
    pictures = pictures[pictures.any(axis=(1, 2))]  # amplitudes of a black picture have no state
    if not len(pictures):
        return []
    pictures = square(pictures, resized=params.resized)
    rows = []
    for encoding in params.encodings:
        states = np.stack([circuits.image_state(circuits.encode_image(one, encoding)) for one in pictures])
        n_qubits = states.shape[1].bit_length() - 1
        for layers in params.layers:
            row = partial(_row, image=name, encoding=encoding, layers=layers, qubits=n_qubits)
            fit = partial(circuits.prepare_in_layers, layers=layers, gain=params.gain, workers=params.threads)
            for number, chain in enumerate(params.chains):
                wires = chain_of(chain, encoding, n_qubits)
                plain = partial(fit, qubits=wires, sweeps=0, growing_sweeps=0)
                rows.append(row(chain, DISENTANGLER, plain, states, track))
                for method in FITTED if number == 0 and params.compared else FITTED[:1]:
                    fitted = partial(fit, qubits=wires, architecture=method, sweeps=params.sweeps)
                    some = states if method == FITTED[0] else states[: params.compared]
                    rows.append(row(chain, method, fitted, some, track))
            rows.append(_of_dct(states, encoding, rows[-1]))
    return rows


def _row(
    chain: str,
    method: str,
    fit: Callable[..., circuits.PreparationSet],
    states: Array,
    track: Track,
    *,
    image: str,
    encoding: str,
    layers: int,
    qubits: int,
) -> Row:
    start = time.process_time()
    found = fit(states, track=track)
    seconds = time.process_time() - start
    fidelities = 1 - found.infidelities
    first = found[0]
    return Row(
        image=image,
        encoding=encoding,
        chain=chain,
        method=method,
        layers=layers,
        qubits=qubits,
        pictures=len(states),
        gates=found.cx // 2,
        cx=found.cx,
        numbers=len(first.angles),
        depth=first.circuit().depth(),
        **_spread(fidelities),
        sweeps=float(found.sweeps.mean()),
        bytes_each=len(found.to_bytes()) / len(states),
        method_seconds=seconds / len(states),
    )


def _of_dct(states: Array, encoding: str, like: Row) -> Row:
    """The largest coefficients of a 2-D DCT of each plane of amplitudes; their share of the energy is the fidelity."""
    planes = states.reshape(len(states), 2 if encoding == "frqi" else 1, -1)
    side = round(planes.shape[-1] ** 0.5)
    start = time.process_time()
    cosine = transforms.unitary("dct", side)
    squares = (cosine @ planes.reshape(*planes.shape[:2], side, side) @ cosine.T) ** 2
    largest = np.sort(squares.reshape(len(states), -1), axis=1)[:, ::-1][:, : like.numbers]
    return Row(
        image=like.image,
        encoding=encoding,
        chain="",
        method=DCT,
        layers=like.layers,
        qubits=like.qubits,
        pictures=len(states),
        gates=0,
        cx=0,
        numbers=like.numbers,
        depth=0,
        **_spread(np.minimum(largest.sum(axis=1), 1.0)),
        sweeps=0.0,
        bytes_each=0.0,
        method_seconds=(time.process_time() - start) / len(states),
    )


def _spread(fidelities: Array) -> dict[str, float]:
    quarter, three_quarters = np.quantile(fidelities, [0.25, 0.75]).tolist()
    extent = {"quarter": quarter, "three_quarters": three_quarters}
    return {"fidelity": float(fidelities.mean()), "least": float(fidelities.min()), **extent}


def findings(rows: Sequence[Row]) -> list[str]:
    """Fitted circuits beside the disentangler and the DCT."""
    if not rows:
        return ["No picture has energy, so there is no state to prepare."]
    sentences = []
    for (encoding, layers), own in groups(rows, "encoding", "layers").items():
        shown = [row for row in own if row.chain in (own[0].chain, "")]
        by = {method: mean(select(shown, method=method), "fidelity") for method in (DISENTANGLER, FITTED[0], DCT)}
        better = "more" if by[DCT] > by[FITTED[0]] else "less"
        sentences.append(
            f"{encoding}, {layers} layer(s), {max(values(own, 'cx'))} CX: mean fidelity {by[FITTED[0]]:.4f} fitted, "
            f"{by[DISENTANGLER]:.4f} by the disentangler; as many DCT coefficients keep {better}, {by[DCT]:.4f}."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"circuits": circuit_table(rows)}


def circuit_table(rows: Sequence[Row]) -> Table:
    """Cost and fidelity of each architecture."""
    return table_of(
        rows,
        {
            "encoding": lambda own: own[0].encoding,
            "chain": lambda own: own[0].chain or "–",
            "circuit": lambda own: own[0].method,
            "layers": lambda own: own[0].layers,
            "pictures": lambda own: sum(values(own, "pictures")),
            "gates": "gates",
            "CX": "cx",
            "depth": "depth",
            "numbers": "numbers",
            "mean fidelity": "fidelity",
            "least": lambda own: min(values(own, "least")),
            "lower quartile": "quarter",
            "upper quartile": "three_quarters",
            "sweeps": "sweeps",
            "bytes each": "bytes_each",
            "CPU time each, ms": lambda own: 1e3 * mean(own, "method_seconds"),
        },
        by=("encoding", "layers", "chain", "method"),
        caption="*Numbers*: angles, or DCT coefficients without their positions; sweeps go there and back",
        formats=dict.fromkeys(("pictures", "gates", "CX", "depth", "numbers", "bytes each"), "_.0f")
        | dict.fromkeys(("mean fidelity", "least", "lower quartile", "upper quartile"), ".4f")
        | {"sweeps": ".0f", "CPU time each, ms": ".0f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Infidelity against layers for each method, by encoding."""
    panels = []
    for encoding, own in groups(rows, "encoding").items():
        curves = {
            f"{method}, {chain}" if chain else method: curve(
                same, "layers", lambda at: max(1e-12, 1 - mean(at, "fidelity"))
            )
            for (chain, method), same in groups(own, "chain", "method").items()
        }
        panels.append(Panel(curves=curves, x=f"layers ({encoding})", y="1 − fidelity", log="y", legend=False))
    figure = figure_of(*panels, size=(10, 4.3), layout="constrained")
    for ax in figure.axes:
        ax.set_xticks(levels(rows, "layers"))
    if panels:
        legend_below(figure)
    return figure
