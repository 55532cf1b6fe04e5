"""Values of files are checked against annotations to any depth; archives take no more memory than their files."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from qimg.core import Array
from qimg.core.archives import read_npz
from qimg.core.schema import require_type


@dataclass
class Part:
    """A record."""

    array: Array
    names: list[str]
    best: float | None = None


GOOD = Part(np.zeros(2), ["a"])


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (GOOD, Part),
        ([GOOD], list[Part]),
        ({"a": (1, 2.5)}, dict[str, tuple[int, float]]),
        ((1, 2, 3), tuple[int, ...]),
        (3, float),
        (None, int | None),
        (object(), Any),
    ],
)
def test_values_of_their_types_pass(value: object, hint: Any) -> None:
    require_type("state", value, hint)


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ([], Part, "state must be a record Part, but is a list"),
        (Part([], ["a"]), Part, "state.array must be an array"),
        (Part(np.zeros(1), ["a", 3]), Part, r"state.names\[1\] must be str, but is 3"),
        (Part(np.zeros(1), [], "x"), Part, "state.best must be"),
        ({"a": (1,)}, dict[str, tuple[int, float]], r"state\['a'\] must be of length 2"),
        ({3: 1}, dict[str, int], "a key of state must be str"),
        (True, int, "state must be int, but is True"),
        ("1", float, "state must be a number"),
    ],
)
def test_other_values_are_named_by_their_place(value: object, hint: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_type("state", value, hint)


def archive(member: bytes, *, compression: int = zipfile.ZIP_STORED, times: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for _ in range(times):
            file.writestr("a.npy", member)
    return buffer.getvalue()


def member(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_archives_come_back(order: Any) -> None:
    array = np.asarray(np.arange(6.0).reshape(2, 3), order=order)
    read = read_npz(archive(member(array)), ["a"])["a"]
    np.testing.assert_array_equal(read, array)
    assert read.flags.writeable


def test_announced_sizes_are_those_of_the_file() -> None:
    bomb = archive(member(np.zeros(10**6)), compression=zipfile.ZIP_DEFLATED)
    cases = {
        "must not be compressed": bomb,
        "must hold 99999999 numbers of type float64, but has 800 bytes": archive(
            member(np.zeros(100)).replace(b"(100,), }    ", b"(99999999,), }")[:-1]
        ),
    }
    for message, content in cases.items():
        with pytest.raises(ValueError, match=message):
            read_npz(content, ["a"])
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = archive(member(np.zeros(2)), times=2)
    with pytest.raises(ValueError, match="a member occurs twice"):
        read_npz(twice, ["a"])
    with pytest.raises(ValueError, match="must not hold objects"):
        read_npz(archive(member(np.array([None]))), ["a"])
