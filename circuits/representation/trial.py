"""Registration of representations of the user's own, which are tried on small pictures first."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from qiskit.quantum_info import Statevector

from circuits.compilation import count_gates
from circuits.readout.intervals import decode_intervals
from circuits.representation.encodings import (
    decode_counts,
    decode_state,
    encode_image,
    image_circuit,
    image_cost,
    image_state,
)
from circuits.representation.protocol import EncodedImage, Representation
from circuits.representation.registry import BUILT_IN, REPRESENTATIONS
from qimg.core import ArgumentError, Array, literal, require
from qimg.patches import ORDERS

MAX_TRIAL_QUBITS = 18
"""Largest register of the pictures of 4×4 pixels on which a representation is tried."""

_TOLERANCE = 1e-9  # rounding of a state by hundreds of gates
_SHOTS, _DRAWS, _LEVEL = 400, 100, 0.95


def register_representation(representation: Representation, *, replace: bool = False) -> Representation:
    """Make a representation of your own available by its name, after a trial on small pictures.

    All functions, experiments and commands then accept its name. The trial encodes seeded pictures of 4×4 pixels (8×8
    in blocks) of `uint8` with every supported number of channels and all 256 levels. It verifies:

    - the state has norm 1 and is that of the circuit within 1e-9, and the register has at most 18 qubits (20 for 8×8);
    - the gates of `cost` are not fewer than those of the compiled circuit, nor more than those without optimisation;
    - the exact state and its exact probabilities decode to the picture, unless `lossless` is False; real code values,
      unless `whole`, within 10⁻³;
    - the 95 % intervals, if there are any, hold the picture at exact probabilities, and in 100 draws of 400 shots not
      less often than the level by five standard errors of 100 draws.

    Cost: about a second. 16 bits are not tried.

    Args:
        representation: an instance of a subclass of `Representation`.
        replace: whether an earlier representation of this name is replaced; never one of qimg.

    Returns:
        The representation.

    Raises:
        ValueError: it breaks the contract, or its name is taken; the message names the rule and the value.
    """
    _check_fields(representation)
    name = representation.name
    before = REPRESENTATIONS.get(name)
    require(name not in BUILT_IN, "name", "must be new, and not that of a representation of qimg", name)
    rule = "must be new; replace=True replaces a registered representation"
    require(before is None or replace, "name", rule, name)
    REPRESENTATIONS[name] = representation
    try:
        for channels in representation.channels:
            _try(representation, channels)
    except BaseException:
        del REPRESENTATIONS[name]
        if before is not None:
            REPRESENTATIONS[name] = before
        raise
    return representation


def _check_fields(one: Any) -> None:
    if isinstance(one, type):
        raise ArgumentError(f"{{0}} must be an object, but is the class {one.__name__}", "representation")
    what = "must be an instance of a subclass of circuits.Representation"
    require(isinstance(one, Representation), "representation", what, type(one).__name__)
    named = isinstance(one.name, str) and re.fullmatch(r"[\w.+-]+", one.name) is not None
    require(named, "name", "must be a word of letters, digits and ._+-", one.name)
    channels = one.channels
    counts = isinstance(channels, tuple) and all(type(count) is int and count >= 1 for count in channels)
    require(counts and len(channels) > 0, "channels", "must be a tuple of integers of at least 1", channels)
    require(one.order in (None, *ORDERS), "order", f"must be None or one of {', '.join(ORDERS)}", one.order)


def _try(one: Representation, channels: int) -> None:
    """Verify all laws on pictures with this number of channels."""
    rng = np.random.default_rng(0)
    side, limit = (8, MAX_TRIAL_QUBITS + 2) if one.order == "blocks" else (4, MAX_TRIAL_QUBITS)
    pictures = _pictures(rng, side, channels)
    small = pictures[0]
    with _explained(one, small):
        encoded = _encoded(one, small)
        rule = f"must need at most {limit} qubits for {side}×{side} pixels"
        _law(encoded.n_qubits <= limit, one, rule, encoded.n_qubits)
        _check_circuit(one, encoded)
        for image in pictures:
            _check_decoding(one, _encoded(one, image), image)
        if one.has_intervals:
            _check_intervals(one, encoded, small)
    if not one.whole and one.lossless:
        values = rng.uniform(0, 255, small.shape)
        with _explained(one, values):
            encoded = _encoded(one, values)
            error = np.abs(decode_state(encoded, image_state(encoded)) - values).max()
            rule = "must give real code values back within 0.001 from its exact state, or be whole"
            _law(bool(error <= 1e-3), one, rule, float(error))


def _pictures(rng: np.random.Generator, side: int, channels: int) -> Array:
    """Pictures (n, side, side) or (n, side, side, channels) that hold each of the 256 levels once in every plane."""
    planes = rng.permuted(np.tile(np.arange(256, dtype=np.uint8), (channels, 1)), axis=1)
    images = np.moveaxis(planes.reshape(channels, -1, side, side), 0, -1)
    return np.asarray(images[..., 0] if channels == 1 else images)


def _encoded(one: Representation, image: Array) -> EncodedImage:
    return encode_image(image, one.name, order=one.order or "row_major", kept=one.largest_kept)


def _check_circuit(one: Representation, encoded: EncodedImage) -> None:
    state, circuit, cost = image_state(encoded), image_circuit(encoded), image_cost(encoded)
    size = 2**encoded.n_qubits
    _law(state.shape == (size,), one, f"must have a state of shape ({size},)", state.shape)
    norm = float(np.linalg.norm(state))
    _law(abs(norm - 1) <= _TOLERANCE, one, "must have a state of norm 1", norm)
    _law(circuit.num_qubits == encoded.n_qubits, one, f"must have {encoded.n_qubits} qubits", circuit.num_qubits)
    error = float(np.abs(Statevector(circuit).data - state).max())
    _law(error <= _TOLERANCE, one, "must have the state of its circuit; the largest difference is shown", error)
    least, most = (count_gates(circuit, optimization_level=level).cx for level in (1, 0))
    _law(least <= cost.cx <= most, one, f"must cost {least} to {most} CX, as its circuit does", cost.cx)


def _check_decoding(one: Representation, encoded: EncodedImage, image: Array) -> None:
    state = image_state(encoded)
    for what, decoded in (
        ("exact state", decode_state(encoded, state)),
        ("exact probabilities", decode_counts(encoded, state**2)),
    ):
        _law(decoded.shape == image.shape, one, f"must decode to shape {image.shape}", decoded.shape)
        wrong = np.argwhere(decoded != image)[:1] if one.lossless else np.empty((0, image.ndim), int)
        for place in map(tuple, wrong):
            _law(False, one, f"must give {image[place]} back at {_text(place)} from its {what}", int(decoded[place]))


def _check_intervals(one: Representation, encoded: EncodedImage, image: Array) -> None:
    weights = image_state(encoded) ** 2
    low, high = decode_intervals(encoded, np.rint(weights * 1e15))
    inside = (low <= image + 0.5) & (image - 0.5 <= high)
    for place in map(tuple, np.argwhere(~inside)[:1]):
        rule = f"must have intervals that hold {image[place]} at {_text(place)} from exact probabilities"
        _law(False, one, rule, (float(low[place]), float(high[place])))
    rng, held = np.random.default_rng(1), []
    for counts in rng.multinomial(_SHOTS, weights / weights.sum(), size=_DRAWS):
        low, high = decode_intervals(encoded, counts, level=_LEVEL)
        held.append((low <= image) & (image <= high))
    # All pixels of a draw may fail together; draws are independent.
    least = _LEVEL - 5 * np.sqrt(_LEVEL * (1 - _LEVEL) / _DRAWS)
    covered = float(np.mean(held))
    _law(covered >= least, one, f"must have 95 % intervals that hold {least:.0%} of the pixels at least", covered)


def _text(place: tuple[int, ...]) -> str:
    return f"pixel ({', '.join(map(str, place))})"


def _law(holds: bool, one: Representation, rule: str, value: object) -> None:
    if not holds:
        raise ArgumentError(f"representation {literal(one.name)} {literal(rule)}, but has {literal(value)}")


@contextmanager
def _explained(one: Representation, image: Array) -> Iterator[None]:
    """Errors of any kind of the representation's own code as those of this trial."""
    try:
        yield
    except ArgumentError:
        raise
    except Exception as error:  # a representation may raise anything
        where = f"representation {one.name} fails on a picture of shape {image.shape} and {image.dtype}"
        raise ArgumentError(literal(f"{where} ({type(error).__name__}: {error})")) from error
