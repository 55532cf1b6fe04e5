"""Counts of noisy circuits by quantum trajectories that branch where the noise of the shots differs.

All shots start together. At each error of the noise model, the numbers of shots that have each of its terms are
multinomial, and the state is copied only for shots that leave the others. Shots without errors therefore cost one run
of the circuit together, and a shot with errors costs the gates after its first one. States are kept as their nonzero
amplitudes, of which a picture in NEQR has at most two for each pixel, as long as no error falls between the rotations
of a colour qubit. The distribution of the counts is that of the noise model, without approximation; amplitudes below
1e-12 are rounded to zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits.execution.trajectory_loop import CHOICE, KRAUS, run_shots
from qimg.core import Array

PART = 2**14
"""Shots that start together."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Program:
    """A compiled circuit with its noise as instructions of `trajectory_loop`."""

    code: NDArray[np.int64]
    matrices: Array
    probabilities: Array
    addresses: NDArray[np.int64]
    n_qubits: int
    """Qubits with a gate or a measurement."""
    measured: Mapping[int, int]
    """Qubit of each classical bit."""
    misread: Mapping[int, Array]
    """For each classical bit with readout errors, (2, 2): row = bit of the state, column = bit that is read."""

    def counts(self, shots: int, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Counts (2**width,) of the classical bits."""
        counts = np.zeros(2**width, np.int64)
        for start in range(0, shots, PART):
            part = min(PART, shots - start)
            register = self.outcomes(part, rng)
            read = np.zeros(part, np.int64)
            for bit, qubit in self.measured.items():
                value = register >> qubit & 1
                if bit in self.misread:
                    value = (rng.random(part) < self.misread[bit][value, 1]).astype(np.int64)
                read |= value << bit
            counts += np.bincount(read, minlength=2**width)
        return counts

    def outcomes(self, shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Basis states (shots,) at the end of the circuit, those of equal trajectories together."""
        size, levels = 2**self.n_qubits, shots.bit_length() + 2
        options = [self.code[self.code[:, 0] == kind, column] for kind, column in ((CHOICE, 2), (KRAUS, 3))]
        most = int(np.concatenate(options).max(initial=1))
        outcomes = np.empty(shots, np.int64)
        run_shots(
            self.code,
            self.matrices,
            self.probabilities,
            self.addresses,
            shots,
            rng,
            np.empty((levels, size), complex),
            np.empty((levels, size), np.int64),
            np.zeros((levels, self.n_qubits, 2, 2), complex),
            np.zeros((levels, self.n_qubits), np.bool_),
            np.zeros((levels, 5), np.int64),
            np.zeros((levels, most), np.int64),
            (np.zeros(size, np.int64), np.empty(size, complex), np.empty(max(size, most))),
            outcomes,
        )
        return outcomes
