"""Hashes of the content of circuits and devices, which are the same in every process.

A circuit is described by its gates, parameters, bits and blocks; names of circuits, registers, variables and custom
gates are left out, because Qiskit numbers them. No part of a description is an address in memory: what cannot be
described is refused.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from qiskit.circuit import (
    CASE_DEFAULT,
    AnnotatedOperation,
    BoxOp,
    BreakLoopOp,
    ClassicalRegister,
    Clbit,
    ContinueLoopOp,
    ControlFlowOp,
    ControlledGate,
    ForLoopOp,
    IfElseOp,
    Operation,
    ParameterExpression,
    QuantumCircuit,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr, types
from qiskit.providers import BackendV2

from circuits.execution.device_noise import model_of

_COMMON = frozenset(
    [
        "_definition",
        "_name",
        "_num_qubits",
        "_num_clbits",
        "_params",
        "_label",
        "_num_ctrl_qubits",
        "_ctrl_state",
        "_open_ctrl",
        "base_gate",
    ]
)
"""Attributes of every instruction or controlled gate, which are described on their own."""

_WITHOUT_EFFECT = frozenset(
    [
        "executor",
        "max_parallel_threads",
        "max_parallel_experiments",
        "max_parallel_shots",
        "max_job_size",
        "max_shot_size",
        "max_memory_mb",
        "memory",
        "shots",
        "seed_simulator",
    ]
)
"""Options of a simulator that a run sets itself, or that do not change counts."""

_POINTS = (0.7390851332151607, 1.3247179572447460, 2.6651441426902252)
"""Values of loop variables at which expressions of them are compared."""


def circuit_hash(circuit: QuantumCircuit, names: Set[str] = frozenset()) -> str:
    """Hash of all that the counts of a circuit depend on, and of its global phase.

    Args:
        circuit: without unbound parameters; control flow and custom gates are described by their content.
        names: names and labels of instructions that a device or its noise distinguishes, in addition to their content.

    Raises:
        ValueError: an instruction has neither a definition nor parameters that can be described.
    """
    scope = _Scope(names=frozenset(names)).of(circuit, circuit.qubits, circuit.clbits)
    registers = [[scope.bits[bit] for bit in register] for register in circuit.cregs]
    return _hash([circuit.num_qubits, circuit.num_clbits, registers, _body(circuit, scope)])


def device_hash(device: BackendV2) -> str:
    """Hash of a device: its class, name, version, options, noise, and the gates and errors of its target.

    Raises:
        ValueError: an option cannot be described.
    """
    kind = f"{type(device).__module__}.{type(device).__qualname__}"
    options = {name: value for name, value in vars(device.options).items() if name not in _WITHOUT_EFFECT}
    options.pop("noise_model", None)
    noise = model_of(device)
    scope = _Scope()
    try:
        about = [kind, str(device.name), str(device.backend_version), _value(options, scope), _noise(noise, scope)]
    except _NotDescribed as reason:
        raise ValueError(f"backend must have options that can be identified, but {device.name} has {reason}") from None
    return _hash([*about, _target(device)])


def known_names(device: BackendV2) -> frozenset[str]:
    """Names and labels that a device or its noise model distinguishes."""
    noise = model_of(device)
    noisy = () if noise is None else noise.noise_instructions
    return frozenset([*device.operation_names, *noisy])


class _NotDescribed(Exception):
    """Names what has no description."""


@dataclass(frozen=True)
class _Scope:
    """Numbers of the bits, variables and loop variables in a block."""

    names: frozenset[str] = frozenset()
    bits: dict[Any, int] = field(default_factory=dict)
    variables: dict[Any, int] = field(default_factory=dict)
    loops: dict[Any, int] = field(default_factory=dict)

    def of(self, block: QuantumCircuit, qubits: Sequence[Any], clbits: Sequence[Any]) -> "_Scope":
        """The scope of a block on these bits of the present scope, or on bits of its own."""
        outer = self.bits
        inner = {bit: outer.get(wire, k) for k, (bit, wire) in enumerate(zip(block.qubits, qubits, strict=True))}
        inner |= {bit: outer.get(wire, k) for k, (bit, wire) in enumerate(zip(block.clbits, clbits, strict=True))}
        variables = dict(self.variables)
        for one in (*block.iter_vars(), *block.iter_stretches()):
            variables.setdefault(one.var, len(variables))
        return replace(self, bits=inner, variables=variables)


def _hash(description: Any) -> str:
    return hashlib.sha256(json.dumps(description, separators=(",", ":")).encode()).hexdigest()


def _body(circuit: QuantumCircuit, scope: _Scope) -> list[Any]:
    """The description of a circuit's gates."""
    lines: list[Any] = [_value(circuit.global_phase, scope)]
    definitions: dict[int, Any] = {}
    for instruction in circuit.data:
        operation = instruction.operation
        try:
            if isinstance(operation, ControlFlowOp):
                lines.append(_control_flow(operation, instruction.qubits, instruction.clbits, scope))
                continue
            if id(operation) not in definitions:
                definitions[id(operation)] = _operation(operation, scope), operation  # which keeps the id in use
            wires = [scope.bits[bit] for bit in (*instruction.qubits, *instruction.clbits)]
            lines.append([definitions[id(operation)][0], wires])
        except _NotDescribed as reason:
            raise ValueError(
                f"circuits must have instructions that can be identified, but {operation.name!r} of "
                f"{circuit.name!r} has {reason}"
            ) from None
    return lines


def _operation(operation: Operation, scope: _Scope) -> list[Any]:
    """The description of an instruction without its bits."""
    label = getattr(operation, "label", None)
    named = [operation.name if operation.name in scope.names else "", label if label in scope.names else ""]
    if isinstance(operation, AnnotatedOperation):
        modifiers = [repr(one) for one in operation.modifiers]
        return ["annotated", named, _operation(operation.base_op, scope), modifiers]
    if isinstance(operation, ControlledGate):
        controls = [operation.num_ctrl_qubits, operation.ctrl_state]
        base = _operation(operation.base_gate, scope)
        definition = [] if _is_qiskit(operation) else _definition(operation, scope)
        return ["controlled", named, controls, base, definition]
    size = [operation.num_qubits, operation.num_clbits]
    parameters = list(getattr(operation, "params", ()))
    own = {name: value for name, value in vars(operation).items() if name not in _COMMON}
    standard = _is_qiskit(operation) and operation.base_class.__module__.startswith("qiskit.circuit.library.standard")
    if standard or (_is_qiskit(operation) and parameters and not own):
        return [operation.name, named, size, _value(parameters, scope)]
    definition = _definition(operation, scope)
    if definition:
        return ["defined", named, size, definition]
    return [operation.name, label or "", size, _value(parameters, scope), _value(own, scope)]


def _definition(operation: Any, scope: _Scope) -> list[Any]:
    """The gates of an instruction's definition; empty if it has none."""
    definition = getattr(operation, "definition", None)
    if definition is None:
        return []
    inner = _Scope(names=scope.names, loops=scope.loops).of(definition, definition.qubits, definition.clbits)
    return _body(definition, inner)


def _is_qiskit(operation: Any) -> bool:
    """Whether a class of Qiskit defines the instruction, which is more than a name, a size and parameters otherwise."""
    kind = getattr(operation, "base_class", type(operation))
    return bool(kind.__module__.startswith("qiskit.circuit.library.") and kind is not QuantumCircuit)


def _control_flow(operation: ControlFlowOp, qubits: Sequence[Any], clbits: Sequence[Any], scope: _Scope) -> list[Any]:
    """The description of a block; the order of its bits is arbitrary and left out."""
    blocks = [(block, scope.of(block, qubits, clbits)) for block in operation.blocks]
    if isinstance(operation, IfElseOp | WhileLoopOp):
        about = _value(operation.condition, scope)
    elif isinstance(operation, ForLoopOp):
        indices, variable, _ = operation.params
        about = _value(indices, scope)
        if variable is not None:
            loops = {**scope.loops, variable: len(scope.loops)}
            blocks = [(block, replace(inner, loops=loops)) for block, inner in blocks]
    elif isinstance(operation, SwitchCaseOp):
        cases = [["default" if one is CASE_DEFAULT else one for one in case] for case, _ in operation.cases_specifier()]
        about = [_value(operation.target, scope), _value(cases, scope)]
    elif isinstance(operation, BoxOp):
        about = [_value(operation.duration, scope), operation.unit]
    elif isinstance(operation, BreakLoopOp | ContinueLoopOp):
        about = []
    else:
        raise _NotDescribed(f"the unknown control flow {type(operation).__name__}")
    return [operation.name, about, [_body(block, inner) for block, inner in blocks]]


def _value(value: Any, scope: _Scope) -> Any:
    """The description of a parameter or an option."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return ["int", str(int(value))]
    if isinstance(value, float | np.floating):
        return ["float", float(value).hex()]
    if isinstance(value, complex | np.complexfloating):
        return ["complex", float(value.real).hex(), float(value.imag).hex()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return ["array", value.dtype.str, list(value.shape), content]
    if isinstance(value, range):
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, Mapping):
        return ["map", *sorted([json.dumps(_value(k, scope)), _value(v, scope)] for k, v in value.items())]
    if isinstance(value, Set):
        return ["set", *sorted(json.dumps(_value(one, scope)) for one in value)]
    if isinstance(value, Clbit):
        return ["bit", scope.bits[value]]
    if isinstance(value, ClassicalRegister):
        return ["register", [scope.bits[bit] for bit in value]]
    if isinstance(value, list | tuple):
        return ["list", *(_value(one, scope) for one in value)]
    if isinstance(value, QuantumCircuit):
        return ["circuit", _body(value, _Scope(names=scope.names).of(value, value.qubits, value.clbits))]
    if isinstance(value, ParameterExpression):
        return _parameter(value, scope)
    if isinstance(value, expr.Expr):
        return _expression(value, scope)
    if isinstance(value, Operation):
        return _operation(value, scope)
    if type(value).__module__.startswith(("qiskit._accelerate.circuit.duration", "qiskit.circuit.duration")) or (
        type(value).__name__ == "Duration"
    ):
        return ["duration", repr(value)]
    raise _NotDescribed(f"a parameter of type {type(value).__name__}")


def _parameter(value: ParameterExpression, scope: _Scope) -> list[Any]:
    """A number, or a function of loop variables by its values at a few points."""
    unbound = [one.name for one in value.parameters if one not in scope.loops]
    if unbound:
        raise _NotDescribed(f"the unbound parameters {sorted(unbound)}")
    depths = {one: scope.loops[one] for one in value.parameters}
    values = []
    for shift, point in enumerate(_POINTS):
        bound = value.bind({one: point + (shift + 1) * depth for one, depth in depths.items()})
        number = complex(bound)
        values.append([number.real.hex(), number.imag.hex()])
        if not depths:
            break
    return ["expression", sorted(depths.values()), values]


def _expression(value: expr.Expr, scope: _Scope) -> list[Any]:
    """A classical expression; variables by their number."""
    kind = _type(value.type)
    if isinstance(value, expr.Var | expr.Stretch):
        if isinstance(value, expr.Stretch) or value.standalone:
            return ["variable", scope.variables[value.var], kind]
        return ["bits", _value(value.var, scope), kind]
    if isinstance(value, expr.Value):
        return ["value", _value(value.value, scope), kind]
    if isinstance(value, expr.Cast):
        return ["cast", _expression(value.operand, scope), kind]
    if isinstance(value, expr.Unary):
        return ["unary", value.op.name, _expression(value.operand, scope), kind]
    if isinstance(value, expr.Binary):
        return ["binary", value.op.name, _expression(value.left, scope), _expression(value.right, scope), kind]
    if isinstance(value, expr.Index):
        return ["index", _expression(value.target, scope), _expression(value.index, scope), kind]
    raise _NotDescribed(f"an expression of type {type(value).__name__}")


def _type(kind: types.Type) -> list[Any]:
    return [type(kind).__name__, getattr(kind, "width", 0)]


def _noise(noise: Any, scope: _Scope) -> Any:
    """The content of a noise model of Aer, with its passes."""
    if noise is None:
        return None
    passes = [[type(one).__name__, _value(_plain(vars(one)), scope)] for one in noise._custom_noise_passes]
    return [_value(_without_ids(noise.to_dict(serializable=True)), scope), passes]


def _without_ids(content: Any) -> Any:
    """The content of a noise model without the random identifiers of its errors."""
    if isinstance(content, Mapping):
        return {name: _without_ids(one) for name, one in content.items() if name != "id"}
    return [_without_ids(one) for one in content] if isinstance(content, list | tuple) else content


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a pass that are numbers, text or arrays; its hash follows from an address."""
    kinds = (bool, int, float, str, np.ndarray, type(None))
    return {name: value for name, value in attributes.items() if isinstance(value, kinds) and name != "_hash"}


def _target(device: BackendV2) -> list[Any]:
    """Gates, errors, durations and properties of the qubits of a device."""
    lines: list[Any] = [device.num_qubits]
    for name, places in sorted(device.target.items()):
        for qubits, about in sorted((places or {}).items(), key=lambda item: str(item[0])):
            numbers = [getattr(about, field, None) for field in ("error", "duration")]
            lines.append([name, list(qubits or ()), [None if one is None else float(one).hex() for one in numbers]])
    for about in device.target.qubit_properties or ():
        numbers = [getattr(about, field, None) for field in ("t1", "t2", "frequency")]
        lines.append([None if one is None else float(one).hex() for one in numbers])
    return lines
