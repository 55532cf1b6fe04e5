"""The interface of representations of pictures, which the functions of `encodings` use.

A representation is an instance of a subclass of `Representation`, or of one of the families that implement it:
`ColourAngles` (angles of colour qubits), `DigitAngles` (digits as one of a few angles), `Amplitudes` and
`TransformedAmplitudes`. Those of qimg are one file each in `circuits/representation/definitions`;
`register_representation` adds others.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

from circuits.compilation import GateCount, count_gates
from qimg.core import Array, require
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedImage:
    """A picture in the form that a circuit loads; position qubits are the lowest of the register."""

    representation: str
    shape: tuple[int, ...]
    """(…, H, W) or (…, H, W, C) of the picture."""
    dtype: np.dtype
    """Type of the picture; decoded values are rounded for integer types and not for `float64`."""
    order: str
    """Order of the pixels, a name in `qimg.patches.ORDERS`."""
    position_qubits: int
    """Qubits that index the pixels and planes."""
    colour_qubits: int
    """Qubits that hold the levels; 0 if amplitudes hold them."""
    table: Array
    """(colour_qubits, 2**position_qubits) Walsh coefficients of the RY angles, or (1, …) the amplitudes to load."""
    loaded: tuple[int, ...]
    """Position qubits on which amplitudes are loaded: all, or for "dct" those of the kept coefficients."""
    norm: float
    """Divisor of the amplitudes; 1 for other representations."""
    axes: int = 2
    """Axes of pixels, the first of `shape`: 2 for a picture, 3 for a volume or a video."""

    @property
    def planes(self) -> int:
        """Channels of a pixel."""
        return self.shape[self.axes] if len(self.shape) > self.axes else 1

    @property
    def n_qubits(self) -> int:
        """Size of the register."""
        return self.position_qubits + self.colour_qubits

    @property
    def bits(self) -> int:
        """Bits of a level: 16 for `uint16`, otherwise 8."""
        return 16 if self.dtype == np.uint16 else 8


@short_repr
class LoadedContents(NamedTuple):
    """Result of `Representation.encode`; the fields are those of `EncodedImage`."""

    table: Array
    loaded: tuple[int, ...]
    colour_qubits: int = 0
    norm: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Representation(ABC):
    """A representation of pictures in a register.

    Levels are an array (planes, 2**position_qubits) of the padded pixels in their order. There is one plane, unless
    `joint_planes` encodes several together.
    """

    name: str
    channels: tuple[int, ...] = (1,)
    """Supported numbers C of channels of pictures (…, H, W, C); 1 stands for (…, H, W)."""
    joint_planes: bool = False
    """Whether one position holds all planes; otherwise the plane is part of the position."""
    whole: bool = False
    """Whether levels must be integers."""
    square: bool = True
    """Whether rows and columns are padded to a square; otherwise each side is padded separately to a power of two."""
    padding: str = "edge"
    """Mode of `numpy.pad`."""
    order: str | None = None
    """Required order of the pixels; None for any order."""
    takes_kept: bool = False
    """Whether the number of kept coefficients is an argument."""
    takes_black: bool = True
    """Whether a black picture can be represented."""
    lossless: bool = True
    """Whether decoding the exact state gives the encoded picture."""

    @abstractmethod
    def encode(self, levels: Array, *, bits: int, kept: int | None) -> LoadedContents:
        """The data that the circuit loads, from levels with this number of bits."""

    @abstractmethod
    def circuit(self, encoded: EncodedImage) -> QuantumCircuit:
        """The circuit that prepares the state."""

    @abstractmethod
    def levels_of_counts(self, encoded: EncodedImage, counts: Array) -> Array:
        """Levels from counts (2**n_qubits,), not all zero; NaN where no count determines a level."""

    def state(self, encoded: EncodedImage) -> Array:
        """The real state (2**n_qubits,), including its sign; by default that of the circuit, gate by gate."""
        state = Statevector(self.circuit(encoded)).data
        rest = float(np.abs(state.imag).max())
        require(rest < 1e-9, "circuit", f"of {self.name} must have real amplitudes", rest)
        return np.asarray(state.real)

    def cost(self, encoded: EncodedImage) -> GateCount:
        """Gates of the circuit, if possible without building it; by default they are counted after compilation."""
        return count_gates(self.circuit(encoded))

    def levels_of_state(self, encoded: EncodedImage, state: Array) -> Array:
        """Levels from a state (2**n_qubits,); by default from the exact probabilities of the outcomes."""
        return self.levels_of_counts(encoded, np.abs(state) ** 2)

    def levels_of_probability(self, encoded: EncodedImage, probability: Array) -> Array:
        """The levels, not rounded, if they are increasing functions of one probability each."""
        raise NotImplementedError(f"{self.name}: levels are not functions of one probability")

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """Smallest and largest levels, not rounded, of probabilities (of `outcomes`) between these ends."""
        return self.levels_of_probability(encoded, low), self.levels_of_probability(encoded, high)

    @property
    def largest_kept(self) -> int | None:
        """The argument `kept` that keeps all coefficients of a block; None without this argument."""
        return 64 if self.takes_kept else None

    @property
    def has_intervals(self) -> bool:
        """Whether the picture's pixels have confidence intervals (`decode_intervals`)."""
        return isinstance(self, PixelProbabilities) and self.lossless

    @property
    def in_colour(self) -> bool:
        """Whether it takes pictures with channels alone."""
        return 1 not in self.channels


@runtime_checkable
class PixelProbabilities(Protocol):
    """A representation whose pixels are determined by probabilities and so have intervals."""

    def outcomes(self, encoded: EncodedImage, counts: Array) -> tuple[Array, Array]:
        """Counts of the outcomes whose probabilities determine the levels, and the numbers of trials.

        The counts are (positions,), or (q, positions) if q probabilities determine each level.
        """

    def levels_between(self, encoded: EncodedImage, low: Array, high: Array) -> tuple[Array, Array]:
        """Smallest and largest levels, not rounded, of probabilities between these ends."""


@runtime_checkable
class Compressible(Protocol):
    """A representation whose coefficients can be reduced."""

    def compress(self, encoded: EncodedImage, share: float) -> EncodedImage:
        """The picture with the largest `share` of its coefficients."""
