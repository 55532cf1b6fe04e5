"""The argument `seed` of the functions of `circuits`: its check, and the independent streams derived from it.

A seed is an integer in [0, 2³¹) for all random numbers of a call: shots of a simulator, random bases, errors of the
generic device, starts of a search. The default is 0, so that the same call gives the same result; None draws a random
seed. It has no effect on the shots of a device. Functions that resample data in NumPy have the argument `rng`, a
`numpy.random.Generator`, instead.

Calls that differ in anything (function, circuit, backend, shots, seed) have independent streams, even with the same
seed: each stream is a `numpy.random.SeedSequence` whose spawn key is a hash of the call (`stream`). Random numbers of
one circuit in a call are independent of those of every other circuit.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

from qimg.core import integer

MAX_SEED = 2**31 - 1
"""Largest seed of a call."""

DECIMALS = 6
"""Decimals of the numbers in the name of a stream, so that rounding errors of another machine do not change it."""


def checked_seed(seed: int | None) -> int:
    """The seed, which must be in [0, 2³¹); for None a random one."""
    if seed is None:
        return int(np.random.default_rng().integers(MAX_SEED))
    return integer("seed", seed, 0, MAX_SEED)


def stream(seed: int | None, *call: Any) -> np.random.SeedSequence:
    """The stream of a call; streams of calls that differ are independent.

    Args:
        seed: seed of the call, in [0, 2³¹); None for a random stream.
        call: what the random numbers are for: names, numbers, arrays, circuits, and sequences and mappings of them.
            Numbers are rounded to 6 decimals.
    """
    digest = hashlib.sha256()
    for part in _parts(call):
        digest.update(part)
        digest.update(b"\0")
    key = tuple(np.frombuffer(digest.digest()[:16], "<u4").tolist())
    return np.random.SeedSequence(checked_seed(seed), spawn_key=key)


def stream_seed(seed: int | None, *call: Any) -> int:
    """A seed in [0, 2³¹) for a part of a call, such as a batch, that calls another function of `circuits`."""
    return drawn_seed(stream(seed, *call))


def drawn_seed(one: np.random.SeedSequence) -> int:
    """The seed in [0, 2³¹) that a stream gives."""
    return int(one.generate_state(1)[0] >> 1)


def simulator_seed(one: np.random.SeedSequence) -> int:
    """A seed in [0, 2⁶³) for a simulator.

    Aer gives circuit k of a job the seed s + 2113 k, and shot i of a noisy or dynamic circuit one larger by i. Seeds
    spread over 63 bits are further apart than that, which seeds of users (0, 1, 2, …) are not.
    """
    return int(one.generate_state(1, np.uint64)[0] >> np.uint64(1))


def _parts(one: Any) -> Iterator[bytes]:
    """The content of an object in bytes; objects of other types contribute their type alone."""
    if isinstance(one, str):
        yield one.encode()
    elif isinstance(one, QuantumCircuit):
        yield f"circuit {one.num_qubits} {one.num_clbits}".encode()
        yield from _parts(one.global_phase)
        for instruction in one.data:
            wires = [one.find_bit(bit).index for bit in (*instruction.qubits, *instruction.clbits)]
            yield f"{instruction.operation.name} {wires}".encode()
            yield from _parts(instruction.operation.params)
    elif isinstance(one, float):
        yield f"{round(one, DECIMALS) + 0.0}".encode()  # 0.0 instead of −0.0
    elif isinstance(one, Number | np.ndarray):
        array = np.asarray(one)
        rounded = array if array.dtype.kind in "biu" else np.round(array, DECIMALS) + 0.0
        yield f"{array.shape} {rounded.dtype.str}".encode()
        yield rounded.tobytes()
    elif isinstance(one, Mapping):
        yield from _parts([item for pair in one.items() for item in pair])
    elif isinstance(one, Iterable):
        yield b"("
        for item in one:
            yield from _parts(item)
        yield b")"
    else:
        yield type(one).__name__.encode()
