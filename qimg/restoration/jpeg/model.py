"""The explicit estimator as one file of integers, in the prior's format, and the one that comes with qimg."""

import lzma
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from qimg.core import artifacts as container
from qimg.core.arguments import Array
from qimg.core.blas import in_one_blas_thread
from qimg.core.files import write_atomically
from qimg.prior.integers import mixture_from_integers, mixture_to_integers
from qimg.restoration.jpeg.calibration import Calibration
from qimg.restoration.jpeg.cascade import Cascade, Stage
from qimg.restoration.jpeg.rounding import RoundedExperts

_KIND = "restoration"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]


@dataclass(frozen=True, eq=False)
class Model:
    """What was learnt from pictures: everything follows from the integers of one file.

    Made by `qimg.restoration.jpeg.fitting.fit` or `load`.
    """

    contents: container.Contents = field(repr=False)

    @classmethod
    def assemble(
        cls,
        cascade: Cascade,
        experts: Sequence[RoundedExperts],
        calibrations: Sequence[Calibration],
        provenance: Mapping[str, Any],
    ) -> "Model":
        """The model of given parts: experts and calibrations of the first estimate and of every stage."""
        integers = [one.to_integers() for one in calibrations]
        arrays: dict[str, Array] = {name: np.stack([one[name] for one in integers]) for name in integers[0]}
        for number, one in enumerate(experts):
            arrays |= {f"experts {number}/{key}": value for key, value in _packed(one).items()}
        stages = []
        for number, stage in enumerate(cascade.stages):
            arrays |= {f"gate {number}/{key}": value for key, value in mixture_to_integers(stage.gate).items()}
            stages.append({"offsets": [list(offset) for offset in stage.offsets], "margins": list(stage.margins)})
        header = {"kind": _KIND, "stages": stages, "provenance": dict(provenance)}
        return cls(container.unpack(container.pack(header, arrays), "model"))

    @property
    def sha256(self) -> str:
        """Identity: the hexadecimal SHA-256 at the end of the file."""
        return self.contents.sha256

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Recipe, pictures, skipped files and versions."""
        provenance: Mapping[str, Any] = self.contents.header["provenance"]
        return provenance

    @cached_property
    def cascade(self) -> Cascade:
        """The estimator, made from its integers when it is first asked for."""
        return self._made()

    @in_one_blas_thread
    def _made(self) -> Cascade:
        stages = []
        for number, entry in enumerate(self.contents.header["stages"]):
            gate = mixture_from_integers(self._arrays(f"gate {number}"))
            offsets = tuple((int(row), int(column)) for row, column in entry["offsets"])
            experts = _unpacked(self._arrays(f"experts {number + 1}")).experts()
            stages.append(
                Stage(
                    gate=gate,
                    experts=experts,
                    offsets=offsets,
                    margins=(int(entry["margins"][0]), int(entry["margins"][1])),
                )
            )
        return Cascade(first=_unpacked(self._arrays("experts 0")).experts(), stages=tuple(stages))

    @cached_property
    def calibrations(self) -> tuple[Calibration, ...]:
        """What makes its deviations true, after every stage."""
        arrays = self.contents.arrays
        return tuple(
            Calibration.from_integers({name: arrays[name][stage] for name in ("scales", "quantiles", "shapes")})
            for stage in range(len(self.contents.header["stages"]) + 1)
        )

    def _arrays(self, name: str) -> dict[str, Array]:
        start = f"{name}/"
        return {key.removeprefix(start): value for key, value in self.contents.arrays.items() if key.startswith(start)}

    def to_bytes(self) -> bytes:
        """The file's content."""
        return self.contents.content

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file: all of it or nothing."""
        write_atomically(path, self.to_bytes())

    def __repr__(self) -> str:
        classes = ", ".join(
            str(len(self._arrays(f"gate {n}")["weights"])) for n in range(len(self.contents.header["stages"]))
        )
        pictures = len(self.provenance["inputs"])
        return f"Model({pictures} pictures, classes ({classes}), {len(self.to_bytes())} bytes, {self.sha256[:12]})"


def load(path: str | os.PathLike[str] | None = None) -> Model:
    """The model of a file, or the one that comes with qimg.

    Raises:
        PriorFileError: no such model, cut or altered.
    """
    if path is None:
        return _default()
    return _read(Path(path).read_bytes(), os.fspath(path))


@cache
def _default() -> Model:
    return _read(files("qimg.restoration.jpeg").joinpath("default.restorer").read_bytes(), "default.restorer")


def _read(content: bytes, name: str) -> Model:
    contents = container.unpack(content, name)
    if contents.header.get("kind") != _KIND:
        raise container.PriorFileError(
            f"{name}: must hold a model for restoration, but is of kind {contents.header.get('kind')!r}"
        )
    return Model(contents)


def _packed(experts: RoundedExperts) -> dict[str, Array]:
    integers = experts.integers
    # By input and output, so that what follows each other has the same spread.
    ordered = np.ascontiguousarray(integers.transpose(1, 2, 0)).tobytes()
    return {
        "shape": np.array(integers.shape, np.int32),
        "integers": np.frombuffer(lzma.compress(ordered, lzma.FORMAT_RAW, filters=_FILTERS), np.int8),
        "steps": experts.steps,
        "basis": experts.basis,
        "scales": experts.scales,
        "deviations": experts.deviations,
    }


def _unpacked(arrays: dict[str, Array]) -> RoundedExperts:
    count, inputs, outputs = (int(length) for length in arrays["shape"])
    content = lzma.decompress(arrays["integers"].tobytes(), lzma.FORMAT_RAW, filters=_FILTERS)
    integers = np.frombuffer(content, np.int8).reshape(inputs, outputs, count).transpose(2, 0, 1)
    return RoundedExperts(
        integers=integers,
        steps=arrays["steps"],
        basis=arrays["basis"],
        scales=arrays["scales"],
        deviations=arrays["deviations"],
    )
