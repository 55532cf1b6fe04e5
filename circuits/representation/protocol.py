"""What a representation of pictures defines: everything that the functions of `encodings` use.

A new representation is a file with an instance of a subclass of `Representation` and a line in `encodings.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount
from qimg.core import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedImage:
    """A picture in the form in which a circuit loads it; position qubits are the lowest of the register."""

    representation: str
    shape: tuple[int, ...]
    """(H, W) or (H, W, C) of the picture."""
    dtype: np.dtype
    """Of the picture: whole levels are rounded when it is decoded, `float64` code values are not."""
    order: str
    """Order of the pixels, a name in `qimg.patches.ORDERS`."""
    position_qubits: int
    """Qubits that number pixels, planes included."""
    colour_qubits: int
    """Qubits that hold the levels; 0 where amplitudes do."""
    table: Array
    """(colour_qubits, 2**position_qubits) Walsh coefficients of the RY angles, or (1, …) the amplitudes to load."""
    loaded: tuple[int, ...]
    """Position qubits that amplitudes are loaded on: all, or for "dct" those of the kept coefficients."""
    norm: float
    """What amplitudes were divided by; 1 for the others."""

    @property
    def n_qubits(self) -> int:
        """Size of the register."""
        return self.position_qubits + self.colour_qubits

    @property
    def bits(self) -> int:
        """Bits of a level: 16 for `uint16`, otherwise 8."""
        return 16 if self.dtype == np.uint16 else 8


class Contents(NamedTuple):
    """What a representation makes of the levels; the fields are those of `EncodedImage`."""

    table: Array
    loaded: tuple[int, ...]
    colour_qubits: int = 0
    norm: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Representation(ABC):
    """One way to hold a picture in a register.

    Levels are an array (planes, 2**position_qubits) of the padded pixels in their order; there is one plane, unless
    `joint_planes` codes several together.
    """

    name: str
    channels: tuple[int, ...] = (1,)
    """Values C of the pictures (H, W, C) that it takes; 1 stands for (H, W)."""
    joint_planes: bool = False
    """Whether one pixel holds all planes; otherwise the plane is a part of the position."""
    whole: bool = False
    """Whether levels must be whole numbers."""
    square: bool = True
    """Whether pictures are padded to squares; otherwise each side is padded to its own power of two."""
    padding: str = "edge"
    """Mode of `numpy.pad`."""
    order: str | None = None
    """The order of the pixels that it needs; any when None."""
    takes_kept: bool = False
    """Whether a number of kept coefficients has to be given."""
    takes_black: bool = True
    """Whether a black picture has a state."""
    lossless: bool = True
    """Whether an exact reading gives the picture that was encoded."""

    @abstractmethod
    def encode(self, levels: Array, *, bits: int, kept: int | None) -> Contents:
        """What the circuit loads, from levels of so many bits."""

    @abstractmethod
    def state(self, encoded: EncodedImage) -> Array:
        """The real state (2**n_qubits,), phase included."""

    @abstractmethod
    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """The circuit that prepares the state."""

    @abstractmethod
    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of the circuit, without building it where it is large."""

    @abstractmethod
    def levels_of_state(self, encoded: EncodedImage, state: Array) -> Array:
        """Levels from a state (2**n_qubits,)."""

    @abstractmethod
    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Levels from counts (2**n_qubits,), not all zero."""


@runtime_checkable
class PixelProbabilities(Protocol):
    """A representation whose pixels are rising functions of one probability each, so that they have intervals."""

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """For each pixel the number of outcomes whose probability sets its level, and the number of trials."""

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """The levels, not rounded, from these probabilities."""


@runtime_checkable
class Compressible(Protocol):
    """A representation that can drop some of what its circuit loads."""

    def compress(self, encoded: EncodedImage, share: float) -> EncodedImage:
        """The picture with the largest `share` of its coefficients."""
