"""Derivatives of expectation values by parameters of a circuit, by the parameter-shift rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import Parameter, ParameterExpression, QuantumCircuit
from qiskit.providers import BackendV2

from circuits.execution.expectations import Observable, estimate
from qimg.core import Array, real, require, require_shape
from qimg.core.records import short_repr

SHIFTED = ("rx", "ry", "rz", "rxx", "ryy", "rzz", "rzx", "p", "u1")
"""Gates e^{−iθG/2} with G² = 1, up to a global phase."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Gradient:
    """Estimated expectation values and their derivatives."""

    values: Array
    """(observables,)."""
    gradient: Array
    """(observables, parameters), in the order of `circuit.parameters`."""
    value_errors: Array
    """(observables,) standard errors of the values."""
    gradient_errors: Array
    """(observables, parameters) standard errors of the derivatives."""


@short_repr
class Shift(NamedTuple):
    """A circuit whose expectation value contributes to a derivative."""

    parameter: int
    """Number of the parameter in `circuit.parameters`."""
    weight: float
    """Its factor in the derivative."""
    circuit: QuantumCircuit
    """The circuit with all parameters bound and one gate's angle shifted."""


def shift_circuits(circuit: QuantumCircuit, parameters: ArrayLike) -> list[Shift]:
    """The circuits of the parameter-shift rule; each derivative is Σ weight ⟨O⟩, exactly (Schuld et al., 2019).

    For a gate e^{−iθG/2} with G² = 1, ∂⟨O⟩/∂θ = [⟨O⟩(θ + π/2) − ⟨O⟩(θ − π/2)] / 2. A parameter of several gates, or in
    an expression, has two circuits for each of its gates, with the derivative of the expression as a factor. Cost: two
    circuits for each parameter in each angle.

    Args:
        circuit: with parameters in `SHIFTED` gates alone.
        parameters: (parameters,) values in the order of `circuit.parameters`.
    """
    values = _bound(circuit, parameters)
    many: list[Shift] = []
    for place, instruction in enumerate(circuit.data):
        held = [one for one in instruction.operation.params if isinstance(one, ParameterExpression) and one.parameters]
        if not held:
            continue
        name = instruction.operation.name
        rule = f"must have its parameters in gates of {', '.join(SHIFTED)}"
        require(name in SHIFTED, "circuit", rule, name)
        (angle,) = held
        pair = [_shifted(circuit, place, sign * np.pi / 2).assign_parameters(values) for sign in (1, -1)]
        for number, parameter in enumerate(circuit.parameters):
            if parameter in angle.parameters:
                slope = _slope(angle, parameter, values)
                many += [Shift(number, sign * slope / 2, one) for sign, one in zip((1, -1), pair, strict=True)]
    return many


def estimate_gradient(
    circuit: QuantumCircuit,
    parameters: ArrayLike,
    observables: Sequence[Observable],
    backend: str | BackendV2 = "statevector",
    *,
    precision: float,
    seed: int | None = 0,
) -> Gradient:
    """Expectation values and their derivatives by every parameter, from shots, by the parameter-shift rule.

    The rule is exact, also on a device whose noise does not depend on the angles; the estimates have the errors of
    their shots. Finite differences of step h would divide these errors by h.

    Args:
        circuit: without measurements, with parameters in `SHIFTED` gates alone.
        parameters: (parameters,) values in the order of `circuit.parameters`.
        observables: as in `circuits.estimate`.
        backend: as in `circuits.estimate`.
        precision: target standard error of each Pauli string in each circuit.
        seed: seed of a simulator's shots (`circuits.seeds`).
    """
    values = _bound(circuit, parameters)
    shifts = shift_circuits(circuit, parameters)
    many = [circuit.assign_parameters(values), *(one.circuit for one in shifts)]
    found = estimate(many, observables, backend, precision=precision, seed=seed)
    gradient, variance = np.zeros((2, len(observables), len(values)))
    for k, shift in enumerate(shifts):
        gradient[:, shift.parameter] += shift.weight * found.values[k + 1]
        variance[:, shift.parameter] += shift.weight**2 * found.standard_errors[k + 1] ** 2
    return Gradient(
        values=found.values[0],
        gradient=gradient,
        value_errors=found.standard_errors[0],
        gradient_errors=np.sqrt(variance),
    )


def _bound(circuit: QuantumCircuit, parameters: ArrayLike) -> Mapping[Parameter, float]:
    numbers = real("parameters", parameters)
    require(circuit.num_parameters > 0, "circuit", "must have parameters", circuit.name)
    require_shape(numbers.shape == (circuit.num_parameters,), "parameters", f"({circuit.num_parameters},)", numbers)
    return dict(zip(circuit.parameters, numbers.tolist(), strict=True))


def _shifted(circuit: QuantumCircuit, place: int, shift: float) -> QuantumCircuit:
    """The circuit with a constant added to the angle of one gate."""
    copy = circuit.copy_empty_like()
    for number, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if number == place:
            operation = operation.to_mutable()
            operation.params = [operation.params[0] + shift]
        copy.append(operation, instruction.qubits, instruction.clbits)
    return copy


def _slope(angle: ParameterExpression, parameter: Parameter, values: Mapping[Parameter, float]) -> float:
    """The derivative of an angle by a parameter, at these values."""
    slope = angle.gradient(parameter)
    if isinstance(slope, ParameterExpression):
        slope = slope.bind({one: values[one] for one in slope.parameters})
    return float(np.real(complex(slope)))
