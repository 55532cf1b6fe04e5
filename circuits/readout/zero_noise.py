"""Zero-noise extrapolation: circuits whose noise is amplified by folding, and the limit of their estimates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from scipy.optimize import least_squares

from circuits.compilation import compile_circuit, is_compiled, without_measurements
from circuits.readout.intervals import normal_quantile
from qimg.core import Array, integer, one_of, real, require, require_shape
from qimg.core.records import short_repr

FOLDINGS = ("global", "local")
EXTRAPOLATIONS = ("linear", "richardson", "exponential")


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Extrapolated:
    """Estimates at zero noise and their normal intervals."""

    values: Array
    """(...)."""
    standard_errors: Array
    """(...) propagated from those of the data."""
    low: Array
    """(...) lower ends."""
    high: Array
    """(...) upper ends."""


def fold_circuit(circuit: QuantumCircuit, scale: float, *, method: str = "global") -> QuantumCircuit:
    """The same unitary with about `scale` times as many gates, by folding G → G G† G (Giurgica-Tiron et al., 2020).

    "global" replaces the circuit C by C (C† C)ᵏ and, for a scale between odd numbers, folds the last gates alone;
    "local" folds every gate k times and, for a scale between odd numbers, gates that are spread evenly once more. With
    g gates the number of gates is the nearest to scale·g that is g plus an even number. Barriers separate the folded
    parts, so that a compiler does not cancel them.

    Args:
        circuit: without measurements. Compile it for the device first (`compile_circuit`), because gates of other
            circuits are compiled to CX and one-qubit gates here.
        scale: at least 1.
        method: "global" or "local".
    """
    one_of("method", method, FOLDINGS)
    without_measurements("circuit", circuit)
    require(bool(1 <= scale < np.inf), "scale", "must be at least 1", scale)
    source = circuit if is_compiled(circuit) or circuit.layout is not None else compile_circuit(circuit)
    gates = [one for one in source.data if one.operation.name not in ("barrier", "delay")]
    extra = round((scale - 1) * len(gates) / 2)  # pairs G† G
    whole, rest = divmod(extra, max(len(gates), 1))
    folded = source.copy_empty_like()
    if method == "local":
        often = np.full(len(gates), whole)
        often[np.floor(np.arange(rest) * len(gates) / max(rest, 1)).astype(int)] += 1
        for gate, times in zip(gates, often.tolist(), strict=True):
            folded.append(gate)
            for _ in range(times):
                _append_apart(folded, [gate], inverse=True)
                _append_apart(folded, [gate])
        return folded
    for gate in gates:
        folded.append(gate)
    for part in (*[gates] * whole, gates[len(gates) - rest :]):
        if part:
            _append_apart(folded, part, inverse=True)
            _append_apart(folded, part)
    return folded


def _append_apart(circuit: QuantumCircuit, gates: Sequence, *, inverse: bool = False) -> None:  # type: ignore[type-arg]
    """Append gates, or their inverses in reverse order, after a barrier on their qubits."""
    held = {qubit for gate in gates for qubit in gate.qubits}
    circuit.barrier([qubit for qubit in circuit.qubits if qubit in held])
    for gate in reversed(gates) if inverse else gates:
        circuit.append(gate.operation.inverse() if inverse else gate.operation, gate.qubits)


def extrapolate(
    scales: ArrayLike,
    values: ArrayLike,
    standard_errors: ArrayLike,
    *,
    method: str = "linear",
    level: float = 0.95,
) -> Extrapolated:
    """Estimates at scale 0 from estimates at several scales of the noise, with propagated errors.

    | method | model | estimate |
    |---|---|---|
    | `linear` | a + b λ | weighted least squares |
    | `richardson` | the polynomial through all points | Σ_i y_i ∏_{j≠i} λ_j / (λ_j − λ_i) |
    | `exponential` | a e^{−b λ}, b ≥ 0 | weighted least squares; at least 2 scales |

    The first two are linear in the values, so their errors are exact. Those of the exponential are of first order. The
    intervals are normal and cover the limit of the model; they do not include the deviation of the noise from it.

    Args:
        scales: (s,) different and at least 1, two or more.
        values: (s, ...) estimates at each scale.
        standard_errors: (s, ...) of independent estimates, positive for `exponential` and `linear` where any is.
        method: a name of the table.
        level: of the intervals, in (0, 1).

    >>> limit = extrapolate([1, 3], [0.8, 0.4], [0.01, 0.01])
    >>> round(float(limit.values), 6), round(float(limit.standard_errors), 6)
    (1.0, 0.015811)
    """
    one_of("method", method, EXTRAPOLATIONS)
    z = normal_quantile(level)
    at, data, errors = (
        real(name, one) for name, one in (("scales", scales), ("values", values), ("standard_errors", standard_errors))
    )
    different = at.ndim == 1 and len(at) >= 2 and len(np.unique(at)) == len(at) and at.min() >= 1
    require(different, "scales", "must be two or more different numbers of at least 1", at)
    require_shape(data.shape[:1] == at.shape, "values", f"({len(at)}, ...)", data)
    require_shape(errors.shape == data.shape, "standard_errors", f"{data.shape}", errors)
    require(bool((errors >= 0).all()), "standard_errors", "must not be negative", errors.min())
    flat, sigma = data.reshape(len(at), -1), errors.reshape(len(at), -1)
    if method == "richardson":
        weights = np.array([np.prod([b / (b - a) for b in at if b != a]) for a in at])[:, None]
        limit, error = (weights * flat).sum(axis=0), np.sqrt((weights**2 * sigma**2).sum(axis=0))
    elif method == "linear":
        limit, error = _linear(at, flat, sigma)
    else:
        pairs = [_exponential(at, *column) for column in zip(flat.T, sigma.T, strict=True)]
        limit, error = np.array(pairs).reshape(-1, 2).T
    limit, error = (one.reshape(data.shape[1:]) for one in (limit, error))
    return Extrapolated(values=limit, standard_errors=error, low=limit - z * error, high=limit + z * error)


def zero_noise_scales(points: int) -> Array:
    """The odd scales 1, 3, 5, …, which fold whole circuits.

    >>> zero_noise_scales(3)
    array([1., 3., 5.])
    """
    return np.arange(1.0, 2 * integer("points", points, 2), 2)


def _weights(sigma: Array) -> Array:
    """Weights 1/σ²; equal ones where a standard error is zero."""
    known = (sigma > 0).all(axis=0)
    return np.where(known, 1 / np.where(known, sigma, 1) ** 2, 1.0)


def _linear(at: Array, values: Array, sigma: Array) -> tuple[Array, Array]:
    """Intercepts of weighted lines through (s, m) values, and their standard errors."""
    weight = _weights(sigma)
    total, first, second = (np.sum(weight * (at**power)[:, None], axis=0) for power in (0, 1, 2))
    linear = weight * (second - first * at[:, None]) / (total * second - first**2)
    return (linear * values).sum(axis=0), np.sqrt((linear**2 * sigma**2).sum(axis=0))


def _exponential(at: Array, values: Array, sigma: Array) -> tuple[float, float]:
    """The value at 0 of a e^{−b λ} and its standard error of first order."""
    weight = np.sqrt(_weights(sigma[:, None])[:, 0])
    usable = (np.sign(values) == np.sign(values[0])).all() and values[0] != 0
    slope = max(-np.polyfit(at, np.log(np.abs(values)), 1)[0], 0.0) if usable else 0.0
    start = [values[np.argmin(at)] * np.exp(slope * at.min()), slope]

    def residuals(parameters: Array) -> Array:
        return np.asarray(weight * (parameters[0] * np.exp(-parameters[1] * at) - values))

    bounds = ([-np.inf, 0.0], [np.inf, np.inf])
    fitted = least_squares(residuals, start, bounds=bounds, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    jacobian = np.stack([np.exp(-fitted.x[1] * at), -at * fitted.x[0] * np.exp(-fitted.x[1] * at)], axis=1)
    if fitted.x[1] <= 1e-12 or fitted.x[0] == 0:  # at the bound the model is a constant
        jacobian = jacobian[:, :1]
    linear = np.linalg.pinv(weight[:, None] * jacobian) * weight
    return float(fitted.x[0]), float(np.sqrt((linear[0] ** 2 * sigma**2).sum()))
