"""Pictures as states of a register: every representation, to a circuit and back, exactly and from counts."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from circuits.representation.colours import CODES, ColourCode
from circuits.representation.multiplexed import keep_largest, walsh_angles, walsh_coefficients
from circuits.representation.positions import Positions, positions
from qimg.core import arguments
from qimg.core.arguments import Array, one_of, require, require_shape
from qimg.states import amplitude_encode
from qimg.transforms import unitary

REPRESENTATIONS = ("amplitude", "dct", *CODES)
"""Names that `encode_image` knows."""
BLOCK = 64
"""Pixels of a block, for "dct"."""


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedImage:
    """A picture in the form in which a circuit loads it; position qubits are the lowest of the register."""

    representation: str
    shape: tuple[int, ...]
    """(H, W) or (H, W, C) of the picture."""
    dtype: np.dtype
    """Of the picture: whole levels are rounded when it is decoded, `float64` code values are not."""
    order: str
    """Order of the pixels (`circuits.representation.positions`)."""
    position_qubits: int
    """Qubits that number pixels, planes included."""
    colour_qubits: int
    """Qubits that hold the levels; 0 where amplitudes do."""
    table: Array
    """(colour_qubits, 2**position_qubits) Walsh coefficients of the RY angles, or (1, …) the amplitudes to load."""
    loaded: tuple[int, ...]
    """Position qubits that the amplitudes are loaded on: all, or for "dct" those of the kept coefficients."""
    norm: float
    """What amplitudes were divided by; 1 for the others."""

    @property
    def n_qubits(self) -> int:
        """Size of the register."""
        return self.position_qubits + self.colour_qubits


def encode_image(
    image: ArrayLike, representation: str, *, order: str = "row-major", kept: int | None = None
) -> EncodedImage:
    r"""A picture in one of the representations, of any size up to the register that fits it.

    | name | register for 8×8 pixels of 8 bits | state, up to normalisation |
    |---|---|---|
    | `amplitude` (QPIE) | 6 qubits | Σ x_p \|p⟩ |
    | `dct` | 6 | the same from its DCT coefficients: the `kept` ones of lowest frequency in each 8×8 block are loaded |
    | `frqi` | 6 + 1 | Σ (cos θ_p \|0⟩ + sin θ_p \|1⟩) \|p⟩, θ = π x / 2·255 (Le et al., 2011) |
    | `mcrqi` | 8 + 1, R, G, B, α | FRQI with the plane among the positions (Sun et al., 2013) |
    | `frqci` | 6 + 1, R, G, B | FRQI with θ = π (2¹⁶R + 2⁸G + B) / 2·(2²⁴ − 1), as in GEQIE |
    | `neqr` | 6 + 8 | Σ \|x_p⟩ \|p⟩ (Zhang et al., 2013) |
    | `ineqr` | 6 + 8 | the same, each side padded to its own power of two (Jiang and Wang, 2015) |
    | `ifrqi` | 6 + 4 | FRQI with one qubit for two bits, at angles that few shots tell apart (Khan, 2019) |

    Padding repeats the last row and column, but amplitudes are padded with zeros.

    Args:
        image: (H, W), or (H, W, 3) for `amplitude`, `mcrqi` and `frqci`, or (H, W, 4) for `mcrqi`; `uint8`, `uint16`,
            or real code values from 0 to 255 where the representation is not digital.
        representation: a name of the table.
        order: "row-major", "morton" or "blocks"; `dct` needs and takes blocks.
        kept: coefficients loaded of 64 for each block, a power of two; for `dct`, where it is required.
    """
    one_of("representation", representation, REPRESENTATIONS)
    if (kept is None) == (representation == "dct"):
        rule = "must be given for dct" if kept is None else f"has no effect on {representation} and must be left out"
        raise ValueError(f"kept {rule}, but kept={kept}")
    pixels, bits = _levels(image, representation)
    code = CODES.get(representation)
    order = "blocks" if representation == "dct" else order
    height, width = pixels.shape[:2]
    place = positions(height, width, order=order, square=code is None or code.square)
    grid = _grid(pixels, place, mode="constant" if representation == "amplitude" else "edge", together=code)
    norm, loaded = 1.0, tuple(range(_qubits(grid)))
    if code is not None:
        table = walsh_coefficients(code.to_angles(grid, bits))
    else:
        if kept is not None:
            loaded = _kept_qubits(kept, _qubits(grid))
            grid = _low_frequencies(grid[0], kept)[None]
        table, norms = amplitude_encode(grid)
        norm = float(norms[0])
        require(norm > 0, "image", f"must not be black for {representation}: a state has norm 1", norm)
    return EncodedImage(
        representation=representation,
        shape=np.shape(image),
        dtype=pixels.dtype if np.asarray(image).dtype.kind == "u" else np.dtype(np.float64),
        order=order,
        position_qubits=place.qubits + (2 if _planes_are_positions(pixels, code) else 0),
        colour_qubits=0 if code is None else len(table),
        table=table,
        loaded=loaded,
        norm=norm,
    )


def compress_image(encoded: EncodedImage, share: float) -> EncodedImage:
    """The picture with only the largest `share` of its Walsh coefficients: fewer RY and CX (Amankwah et al., 2022).

    Args:
        encoded: in a representation with colour qubits; a digital one may come back with wrong bits.
        share: of the coefficients that are kept, in [0, 1].
    """
    require(encoded.colour_qubits > 0, "encoded", "must have colour qubits", encoded.representation)
    return replace(encoded, table=keep_largest(encoded.table, share))


def image_state(encoded: EncodedImage) -> Array:
    """The state (2**n_qubits,) that the circuit prepares, without it: real amplitudes, phase included."""
    require(encoded.n_qubits <= 24, "encoded", "must have at most 24 qubits for a state vector", encoded.n_qubits)
    if encoded.colour_qubits == 0:
        state = np.zeros(2**encoded.position_qubits)
        state[_loaded_index(encoded.loaded)] = encoded.table[0]
        if encoded.representation != "dct":
            return state
        return np.asarray(state.reshape(-1, BLOCK) @ unitary("dct_2d", BLOCK)).ravel()
    state = np.full((1, 2**encoded.position_qubits), 2.0 ** (-encoded.position_qubits / 2))
    for half in walsh_angles(encoded.table) / 2:
        state = np.concatenate([state * np.cos(half), state * np.sin(half)])
    return state.ravel()


def decode_state(encoded: EncodedImage, state: ArrayLike) -> Array:
    """The picture from the state vector that a circuit prepared: exact unless something was dropped.

    Args:
        encoded: shape, order and norm are taken from it, not the picture.
        state: (2**n_qubits,).
    """
    amplitudes = arguments.vectors("state", state)
    require_shape(amplitudes.shape == (2**encoded.n_qubits,), "state", f"({2**encoded.n_qubits},)", amplitudes)
    if encoded.colour_qubits == 0:
        return _picture(encoded, amplitudes.real * encoded.norm)
    return _from_weights(encoded, np.abs(amplitudes) ** 2)


def decode_counts(encoded: EncodedImage, counts: ArrayLike) -> Array:
    """The picture from counts of all qubits; a pixel that was never seen gets the mean of the others.

    Amplitudes are √(n_k/n): signs are not measured, and those of pixels are positive. Colour angles are
    2 atan √(n₁/n₀) at every pixel, so digital codes come out right as soon as a pixel is seen.

    Args:
        encoded: shape, order and norm are taken from it, not the picture.
        counts: (2**n_qubits,) as `circuits.run` gives them, not all zero.
    """
    numbers = arguments.real("counts", counts)
    require_shape(numbers.shape == (2**encoded.n_qubits,), "counts", f"({2**encoded.n_qubits},)", numbers)
    require(bool(numbers.min() >= 0), "counts", "must not be negative", float(numbers.min()))
    require(bool(numbers.sum() > 0), "counts", "must not all be zero", float(numbers.sum()))
    if encoded.colour_qubits == 0:
        return _picture(encoded, np.sqrt(numbers / numbers.sum()) * encoded.norm)
    return _from_weights(encoded, numbers)


def _levels(image: ArrayLike, representation: str) -> tuple[Array, int]:
    """The pixels and their bits, after all checks."""
    raw = np.asarray(image)
    pixels = arguments.real("image", raw)
    channels = {"mcrqi": (3, 4), "frqci": (3,), "amplitude": (3,)}.get(representation, ())
    colour = pixels.ndim == 3 and pixels.shape[-1] in channels
    gray = pixels.ndim == 2 and representation not in ("mcrqi", "frqci")
    expected = " or ".join(
        ([] if representation in ("mcrqi", "frqci") else ["(H, W)"]) + [f"(H, W, {count})" for count in channels]
    )
    require_shape((gray or colour) and pixels.size > 0, "image", f"{expected} for {representation}", pixels)
    bits = 16 if raw.dtype == np.uint16 else 8
    if raw.dtype not in (np.uint8, np.uint16):
        whole = representation in CODES and CODES[representation].whole
        require(not whole, "image", f"must be uint8 or uint16 for {representation}", raw.dtype.name)
        low, high = float(pixels.min()), float(pixels.max())
        require(low >= 0 and high <= 255, "image", "must have code values in [0, 255]", (low, high))
    joint = representation == "frqci" and bits == 16
    require(not joint, "image", "must be uint8 for frqci: 48 bits do not fit into one angle", raw.dtype.name)
    return pixels.astype(raw.dtype) if raw.dtype.kind == "u" else pixels, bits


def _planes_are_positions(pixels: Array, code: ColourCode | None) -> bool:
    return pixels.ndim == 3 and (code is None or code.planes == 1)


def _grid(pixels: Array, place: Positions, *, mode: str, together: ColourCode | None) -> Array:
    """Levels (planes coded together, 2**position_qubits), padded."""
    planes = pixels.reshape(*pixels.shape[:2], -1).astype(float)
    missing = [(0, place.states.shape[0] - planes.shape[0]), (0, place.states.shape[1] - planes.shape[1]), (0, 0)]
    padded = np.pad(planes, missing, mode=mode)  # type: ignore[call-overload]
    grid = np.zeros((padded.shape[-1], 2**place.qubits))
    grid[:, place.states] = np.moveaxis(padded, -1, 0)
    if not _planes_are_positions(pixels, together):
        return grid
    return np.pad(grid, [(0, 4 - len(grid)), (0, 0)]).reshape(1, -1)


def _picture(encoded: EncodedImage, grid: Array, *, rounded: bool = True) -> Array:
    """The picture from levels (planes coded together, 2**position_qubits) or (2**position_qubits,)."""
    code = CODES.get(encoded.representation)
    height, width = encoded.shape[:2]
    place = positions(height, width, order=encoded.order, square=code is None or code.square)
    planes = grid.reshape(-1, 2**place.qubits)[:, place.states[:height, :width]]
    pixels = planes[0] if len(encoded.shape) == 2 else np.moveaxis(planes[: encoded.shape[2]], 0, -1)
    if encoded.dtype.kind != "u" or not rounded:
        return np.asarray(pixels, float)
    return np.clip(np.rint(pixels), 0, np.iinfo(encoded.dtype).max).astype(encoded.dtype)


def _from_weights(encoded: EncodedImage, weights: Array) -> Array:
    """The picture from the weights of all outcomes, by the share of 1 of every colour qubit at every position."""
    table = weights.reshape(-1, 2**encoded.position_qubits)
    seen = table.sum(axis=0)
    outcomes = np.arange(len(table))
    ones = np.stack([table[outcomes >> qubit & 1 == 1].sum(axis=0) for qubit in range(encoded.colour_qubits)])
    angles = 2 * np.arctan2(np.sqrt(ones), np.sqrt(np.maximum(seen - ones, 0)))
    bits = 16 if encoded.dtype == np.uint16 else 8
    levels = CODES[encoded.representation].to_levels(angles, bits).astype(float)
    unseen = seen == 0
    if unseen.any():
        levels[:, unseen] = levels[:, ~unseen].mean(axis=1, keepdims=True)
    return _picture(encoded, levels)


def _qubits(grid: Array) -> int:
    return grid.shape[-1].bit_length() - 1


def _frequency_bits(kept: int) -> tuple[int, int]:
    """Bits of the column's and of the row's frequency that are kept: 16 of 64 are 4×4, 8 are 2 rows of 4 columns."""
    power = arguments.integer("kept", kept, 1, BLOCK)
    require(power & (power - 1) == 0, "kept", "must be a power of two", kept)
    both = power.bit_length() - 1
    return (both + 1) // 2, both // 2


def _kept_qubits(kept: int, position_qubits: int) -> tuple[int, ...]:
    columns, rows = _frequency_bits(kept)
    return (*range(columns), *range(3, 3 + rows), *range(6, position_qubits))


def _low_frequencies(levels: Array, kept: int) -> Array:
    columns, rows = _frequency_bits(kept)
    coefficients = (levels.reshape(-1, BLOCK) @ unitary("dct_2d", BLOCK).T).reshape(-1, 8, 8)
    return np.asarray(coefficients[:, : 2**rows, : 2**columns].reshape(-1))


def _loaded_index(loaded: tuple[int, ...]) -> Array:
    """Basis state of the register for each basis state of the loaded qubits, the others being 0."""
    values = np.arange(2 ** len(loaded))
    return np.asarray(sum((values >> bit & 1) << qubit for bit, qubit in enumerate(loaded)) + np.zeros_like(values))
