"""Files of operators: `.npz` archives without pickled objects, with a header of format, version and weights."""

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qimg.core import Array, regular, sentence, write_atomically
from qimg.core.archives import read_npz


class OperatorFileError(ValueError):
    """A file without a valid operator; the message names the file and the expected content."""


def write_operator(
    path: str | os.PathLike[str], form: tuple[str, int], weights: str, arrays: Mapping[str, Any]
) -> None:
    """Write a file atomically.

    Args:
        path: of the file.
        form: format and version.
        weights: of the operator.
        arrays: by name.
    """
    buffer = io.BytesIO()
    name, version = form
    members: dict[str, Any] = {"header": np.array([name, str(version), weights]), **arrays}
    np.savez(buffer, **members)
    write_atomically(path, buffer.getvalue())


def read_operator(
    path: str | os.PathLike[str], form: tuple[str, int], names: Sequence[str]
) -> tuple[dict[str, Array], str]:
    """The named arrays of a file, and the weights of its header.

    Raises:
        OperatorFileError: the file is missing, damaged or of another format or version.
    """
    name, version = form
    try:
        arrays = read_npz(regular(path).read_bytes(), ("header", *names))
    except FileNotFoundError:
        raise OperatorFileError(f"{path}: no such file") from None
    except Exception as error:  # a damaged archive raises zip, zlib, key, value and end-of-file errors
        reason = sentence(error) if isinstance(error, OSError) else f"{type(error).__name__}: {sentence(error)}"
        what = name.removeprefix("qimg ")
        raise OperatorFileError(f"{path}: is no {what}, or damaged ({reason})") from None
    kind, number, *rest = [str(entry) for entry in np.ravel(arrays.pop("header"))] + ["", ""]
    if kind != name or number != str(version):
        raise OperatorFileError(f"{path}: expected {name} version {version}, but found {kind} {number}")
    return arrays, rest[0]
