"""Encoding of pictures as states of a register, their circuits, and decoding from states and from counts."""

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount
from circuits.counts import Counts, checked_counts
from circuits.representation.positions import levels_of_picture, picture_of_levels
from circuits.representation.protocol import Compressible, EncodedImage, Representation
from circuits.representation.registry import REPRESENTATIONS as REPRESENTATIONS  # its place in earlier versions
from circuits.representation.registry import representation_of
from qimg.core import Array, integer, plain, real, require, require_shape, vectors
from qimg.states import qubits_for


def encode_image(
    image: ArrayLike, representation: str, *, order: str = "row_major", kept: int | None = None, axes: int = 2
) -> EncodedImage:
    r"""A picture of any size and with any number of axes in one of the representations.

    | name | register for 8×8 pixels of 8 bits | state, up to normalisation |
    |---|---|---|
    | `amplitude` (QPIE) | 6 qubits | Σ x_p \|p⟩ |
    | `dct` | 6 | the same, from the `kept` DCT coefficients of lowest frequency in each 8×8 block |
    | `frqi` | 6 + 1 | Σ (cos θ_p \|0⟩ + sin θ_p \|1⟩) \|p⟩, θ = π x / 2·255 (Le et al., 2011) |
    | `mcrqi` | 8 + 1, R, G, B, α | FRQI with the plane among the positions (Sun et al., 2013) |
    | `frqci` | 6 + 1, R, G, B | FRQI with θ = π (2¹⁶R + 2⁸G + B) / 2·(2²⁴ − 1), as in GEQIE |
    | `neqr` | 6 + 8 | Σ \|x_p⟩ \|p⟩ (Zhang et al., 2013) |
    | `ineqr` | 6 + 8 | NEQR with each side padded separately to a power of two (Jiang and Wang, 2015) |
    | `ifrqi` | 6 + 4 | FRQI with one qubit for two bits, at angles that few shots distinguish (Khan, 2019) |

    Padding repeats the last row and column; `amplitude` is padded with zeros.

    A volume (D, H, W) or a video (T, H, W) has `axes=3`: the depth or the time is one more register, above those of
    rows and columns, padded to a power of two. The channels come last and are no axis.

    Args:
        image: (…, H, W), or (…, H, W, 3) for `amplitude`, `mcrqi` and `frqci`, or (…, H, W, 4) for `mcrqi`; `uint8`,
            `uint16`, or, for a representation that is not digital, real code values from 0 to 255.
        representation: a name of the table, that of a registered representation (`register_representation`), or an
            import name, `module:object`.
        order: "row_major", "morton" or "blocks" (`qimg.patches.order_bits`) of all axes; `dct` always uses "blocks",
            which are those of 8×8 pixels in rows and columns.
        kept: number of loaded coefficients of the 64 of a block, a power of two; required for `dct`, an error for the
            others.
        axes: axes of pixels, 2 or more.

    Raises:
        ValueError: the picture does not fit the representation, or needs more than 26 qubits of positions.
    """
    one = representation_of(representation)
    if (kept is None) == one.takes_kept:
        rules = (f"has no effect on {one.name} and must be left out", f"must be given for {one.name}")
        require(False, "kept", rules[one.takes_kept], kept)
    axes = integer("axes", axes, 2)
    pixels, dtype = _checked_pixels(image, one, axes)
    order = one.order or order
    levels = levels_of_picture(pixels, one, order, axes)
    contents = one.encode(levels, bits=16 if dtype == np.uint16 else 8, kept=kept)
    return EncodedImage(
        representation=one.name,
        shape=pixels.shape,
        dtype=dtype,
        order=order,
        position_qubits=qubits_for(levels.shape[-1]),
        axes=axes,
        **contents._asdict(),
    )


def compress_image(encoded: EncodedImage, share: float) -> EncodedImage:
    """The picture with only the largest `share` of its Walsh coefficients, for fewer RY and CX (Amankwah et al., 2022).

    Args:
        encoded: a picture in a representation with colour qubits; a digital one may be decoded with wrong bits.
        share: share of the remaining coefficients, in [0, 1].
    """
    one = representation_of(encoded)
    if not isinstance(one, Compressible):
        raise ValueError(f"encoded must have colour qubits to be compressed, but encoded={one.name!r}")
    return one.compress(encoded, share)


def image_state(encoded: EncodedImage) -> Array:
    """The state (2**n_qubits,) of `image_circuit`, computed without it: real amplitudes, including the sign."""
    require(encoded.n_qubits <= 24, "encoded", "must have at most 24 qubits for a state vector", encoded.n_qubits)
    return representation_of(encoded).state(encoded)


def image_circuit(encoded: EncodedImage) -> QuantumCircuit:
    """The circuit that takes |0…0⟩ to the picture's state (`image_state`).

    Amplitudes are loaded by `prepare` up to 8 qubits and by `template` above; for "dct" one inverse DCT of all blocks
    follows. Each colour qubit has one multiplexed rotation (`append_rotation`).
    """
    return representation_of(encoded).circuit(encoded)


def image_cost(encoded: EncodedImage) -> GateCount:
    """Gates of `image_circuit`, counted without building it; a compiler may merge a few more one-qubit gates.

    Amplitudes on more than 8 qubits take 2ⁿ − 2 CX. For colour qubits see `rotation_cost`.
    """
    return representation_of(encoded).cost(encoded)


def decode_state(encoded: EncodedImage, state: ArrayLike) -> Array:
    """The picture from the state vector of a circuit; exact for lossless representations without compression.

    The global phase of the state has no effect. Amplitudes must be real up to this phase; they are multiplied by the
    one for which they are real and have a positive sum. Pixels that the state gives no weight have the mean of the
    others of their plane.

    Args:
        encoded: the encoded picture, of which only shape, order and norm are used.
        state: (2**n_qubits,).
    """
    amplitudes = vectors("state", state)
    require_shape(amplitudes.shape == (2**encoded.n_qubits,), "state", f"({2**encoded.n_qubits},)", amplitudes)
    one = representation_of(encoded)
    return _rounded(encoded, picture_of_levels(one.levels_of_state(encoded, amplitudes), one, encoded))


def decode_counts(encoded: EncodedImage, counts: Counts) -> Array:
    """The picture from counts of all qubits.

    Amplitudes are √(n_k/n); signs are not measured, but pixels are not negative. Colour angles are 2 atan √(n₁/n₀) at
    every pixel, so that digital codes are exact for every pixel with a count. Pixels without counts have the mean of
    the others of their plane; `decode_intervals` gives the whole range for them. Counts in the padding of the picture,
    which only a noisy device or colour angles produce, are left out.

    Args:
        encoded: the encoded picture, of which only shape, order and norm are used.
        counts: counts of all qubits, not all zero and not all in the padding, in any form of
            `circuits.counts.checked_counts`: (2**n_qubits,) as returned by `circuits.run`, counts by outcome, or a
            result of Qiskit for one circuit.
    """
    numbers = checked_counts(counts, 2**encoded.n_qubits)
    one = representation_of(encoded)
    return _rounded(encoded, picture_of_levels(one.levels_of_counts(encoded, numbers), one, encoded))


def _checked_pixels(image: ArrayLike, one: Representation, axes: int) -> tuple[Array, np.dtype]:
    """The pixels as real numbers, and the type of the decoded picture."""
    raw = plain("image", image)
    require(raw.dtype != np.bool_, "image", "must hold code values, not booleans: multiply by 255", raw.dtype.name)
    pixels = real("image", raw)
    planes = [() if count == 1 else (count,) for count in one.channels]
    sides = ", ".join([*(f"D{axis}" if axes > 3 else "D" for axis in range(1, axes - 1)), "H", "W"])
    expected = " or ".join(f"({sides})" if count == 1 else f"({sides}, {count})" for count in one.channels)
    fits = pixels.ndim >= axes and pixels.shape[axes:] in planes and pixels.size > 0
    where = f"{one.name} with axes={axes}" if axes > 2 else one.name
    require_shape(fits, "image", f"{expected} for {where}{_fitting_axes(pixels, one, axes)}", pixels)
    if raw.dtype not in (np.uint8, np.uint16):
        require(not one.whole, "image", f"must be uint8 or uint16 for {one.name}", raw.dtype.name)
        low, high = float(pixels.min()), float(pixels.max())
        require(low >= 0 and high <= 255, "image", "must have code values in [0, 255]", (low, high))
    return pixels, raw.dtype if raw.dtype.kind == "u" else np.dtype(np.float64)


def _fitting_axes(pixels: Array, one: Representation, axes: int) -> str:
    """The numbers of axes for which the shape would fit, if there are any, as words of an error."""
    plain_axes = [pixels.ndim] if 1 in one.channels else []
    with_channels = [pixels.ndim - 1] if pixels.shape[-1:] and pixels.shape[-1] in one.channels else []
    others = [str(count) for count in (*with_channels, *plain_axes) if count >= 2 and count != axes]
    return f", or axes={' or '.join(others)}" if others and pixels.size else ""


def _rounded(encoded: EncodedImage, picture: Array) -> Array:
    """The picture in the type of the encoded one, rounded and clipped for integers; NaN becomes the plane's mean."""
    planes = picture.reshape(-1, encoded.planes)
    unknown = np.isnan(planes)
    if unknown.all():
        raise ValueError("the counts or the state must have an outcome in the picture, and not only in its padding")
    if unknown.any():
        whole = np.nanmean(planes)
        means = [
            whole if missing.all() else np.nanmean(plane) for plane, missing in zip(planes.T, unknown.T, strict=True)
        ]
        picture = np.where(unknown, means, planes).reshape(picture.shape)
    if encoded.dtype.kind != "u":
        return picture
    return np.clip(np.rint(picture), 0, np.iinfo(encoded.dtype).max).astype(encoded.dtype)
