"""Counts of outcomes: conversion of Aer's results and of the forms in which Qiskit returns counts, and their checks."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.result import Result

from qimg.core import Array, real, require, require_shape

Counts: TypeAlias = (
    ArrayLike
    | Mapping[str, float]
    | Mapping[int, float]
    | BitArray
    | DataBin
    | PubResult
    | PrimitiveResult[PubResult]
    | Result
)
"""Counts of one circuit in any form of `checked_counts`."""


def successful(result: Any) -> Any:
    """The result of a run on Aer; raises `RuntimeError` with Aer's message if the run failed."""
    if not result.success:
        raise RuntimeError(f"Aer could not run the circuit: {result.status}")
    return result


def outcome_counts(result: Any, size: int) -> NDArray[np.int64]:
    """Counts (size,) of the outcomes of the first circuit of an Aer result."""
    counts = np.zeros(size, dtype=np.int64)
    for outcome, count in result.data(0)["counts"].items():
        counts[int(outcome, 16)] = count
    return counts


def checked_counts(counts: Counts, size: int) -> Array:
    """Counts (size,), not negative and not all zero, as real numbers.

    Args:
        counts: (size,) numbers; counts by outcome, which is an integer, a hexadecimal number ("0x1f") or a string of
            log₂ size bits, with or without spaces between registers; a `BitArray`; a result of a primitive for one
            circuit with one register; or a `Result` of one circuit.
        size: number of outcomes, 2ⁿ for n bits.

    Raises:
        ValueError: several circuits or registers, another number of bits, an outcome that does not exist, or counts
            that are negative or all zero.
    """
    one = _of_one_circuit(counts)
    if isinstance(one, BitArray):
        bits = size.bit_length() - 1
        require(one.num_bits == bits, "counts", f"must have outcomes of {bits} bits", one.num_bits)
        require(one.size == 1, "counts", "must be of one circuit: choose one of the array", one.shape)
        one = one.get_int_counts()
    numbers = _by_outcome(one, size) if isinstance(one, Mapping) else real("counts", one)
    require_shape(numbers.shape == (size,), "counts", f"({size},)", numbers)
    require(bool(numbers.min() >= 0), "counts", "must not be negative", float(numbers.min()))
    require(bool(numbers.sum() > 0), "counts", "must not all be zero", float(numbers.sum()))
    return numbers


def _of_one_circuit(counts: Any) -> Any:
    """The bit array, the counts by outcome, or the array of a result; other objects are returned unchanged."""
    if isinstance(counts, PrimitiveResult):
        require(len(counts) == 1, "counts", "must be of one circuit: choose one result", f"{len(counts)} results")
        counts = counts[0]
    if isinstance(counts, PubResult):
        counts = counts.data
    if isinstance(counts, DataBin):
        names = list(counts)
        rule = "must have one register: choose one, or join them (`join_data`)"
        require(len(names) == 1, "counts", rule, names)
        counts = counts[names[0]]
    if isinstance(counts, Result):
        require(len(counts.results) == 1, "counts", "must be of one circuit", f"{len(counts.results)} circuits")
        counts = counts.get_counts()
    return counts


def _by_outcome(counts: Mapping[Any, Any], size: int) -> Array:
    numbers = np.zeros(size)
    values = real("counts", list(counts.values()))
    require_shape(values.shape == (len(counts),), "counts", "one number for each outcome", values)
    for outcome, number in zip(counts, values, strict=True):
        numbers[_outcome(outcome, size)] += number
    return numbers


def outcome_index(key: str | int | np.integer) -> int:
    """The integer of an outcome, whose bit b is classical bit b.

    Args:
        key: an integer, a hexadecimal number ("0x1f"), or bits, the highest first, with or without spaces.

    Raises:
        ValueError: the text is no such number.
    """
    if isinstance(key, int | np.integer):
        return int(key)
    digits = "".join(key.replace("_", "").split())
    return int(digits, 16) if digits.lower().startswith("0x") else int(digits, 2)


def _outcome(key: Any, size: int) -> int:
    """The integer of an outcome below `size`; a string of bits without a prefix must have all of them."""
    bits = size.bit_length() - 1
    value = -1
    if isinstance(key, str | int | np.integer) and not isinstance(key, bool):
        with suppress(ValueError):
            value = outcome_index(key)
    if isinstance(key, str) and not key.strip().lower().startswith(("0x", "0b")):
        digits = "".join(key.split())
        value = value if len(digits) == bits and set(digits) <= {"0", "1"} else -1
    rule = f"must have outcomes of {bits} bits: strings of bits, hexadecimal numbers or integers below {size}"
    require(0 <= value < size, "counts", rule, key)
    return value
