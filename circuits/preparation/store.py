"""Results of `prepare_batch` and `preparation_paths` on disk: one file of numbers for each vector."""

import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from circuits.preparation.ansatz import Preparation
from circuits.preparation.registers import require_pairs
from qimg.core import require
from qimg.core.artifacts import Artifact, Kind


class _Path(Artifact):
    """The preparations of one vector."""

    KIND: ClassVar = Kind(tag="preparation", ending=".preparation")

    def check(self) -> None:
        for number, entry in enumerate(self.contents.header["preparations"]):
            n_qubits, imaginary = entry["n_qubits"], entry["imaginary"]
            sound = type(n_qubits) is int and 1 <= n_qubits <= 8 and type(imaginary) is bool
            require(sound, "preparations", "must have 1 to 8 qubits", entry)
            pairs, angles = (self.contents.arrays[f"{number}/{name}"] for name in ("pairs", "angles"))
            self.require_arrays({f"{number}/pairs": ((len(pairs), 2), "<i8")})
            count = (n_qubits + 2 * len(pairs)) * (1 + imaginary) + imaginary
            self.require_arrays({f"{number}/angles": ((count,), "<f8"), f"{number}/infidelity": ((1,), "<f8")})
            require_pairs(pairs, n_qubits)
            finite = bool(np.isfinite(angles).all() and np.isfinite(self.contents.arrays[f"{number}/infidelity"]).all())
            require(finite, "angles and infidelity", "must be finite", finite)

    @property
    def preparations(self) -> list[Preparation]:
        return [
            Preparation(
                n_qubits=entry["n_qubits"],
                imaginary=entry["imaginary"],
                pairs=self.array(f"{number}/pairs"),
                angles=self.array(f"{number}/angles"),
                infidelity=float(self.contents.arrays[f"{number}/infidelity"][0]),
            )
            for number, entry in enumerate(self.contents.header["preparations"])
        ]


class PreparationStore(MutableMapping[str, list[Preparation]]):
    """A folder as the `cache` of `prepare_batch` and `preparation_paths`; each result is a file, written atomically.

    A file is checked when it is read; a damaged one raises `qimg.core.artifacts.ArtifactError`.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Use a folder, which is created if it does not exist."""
        self._folder = Path(folder)
        self._folder.mkdir(exist_ok=True)

    def __getitem__(self, key: str) -> list[Preparation]:
        if key not in self:
            raise KeyError(key)
        return _Path.load(self._file(key)).preparations

    def __setitem__(self, key: str, value: list[Preparation]) -> None:
        header = {"preparations": [{"n_qubits": one.n_qubits, "imaginary": one.imaginary} for one in value]}
        arrays = {}
        for number, one in enumerate(value):
            arrays[f"{number}/pairs"] = np.asarray(one.pairs, np.int64).reshape(-1, 2)
            arrays[f"{number}/angles"] = np.asarray(one.angles, np.float64)
            arrays[f"{number}/infidelity"] = np.array([one.infidelity])
        _Path.packed({**header, "provenance": {}}, arrays).save(self._file(key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._file(key).is_file()

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._file(key).unlink()

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._folder.glob(f"*{_Path.KIND.ending}")))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _file(self, key: str) -> Path:
        require(key.isalnum(), "key", "must be letters and digits", key)
        return self._folder / f"{key}{_Path.KIND.ending}"
