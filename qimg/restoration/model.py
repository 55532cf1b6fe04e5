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

from qimg.arguments import Array
from qimg.images import write_atomically
from qimg.prior import container
from qimg.prior.integers import mixture_from_integers, mixture_to_integers
from qimg.restoration.cascade import Cascade, Stage
from qimg.restoration.rounding import RoundedExperts
from qimg.restoration.threads import in_one_blas_thread

COARSENESS = np.arange(0.0, 8.25, 0.5)
"""log₂ of the mean step of the three lowest AC coefficients at which calibration is kept."""
LEVELS = np.array([0.5, 0.68, 0.8, 0.9, 0.95, 0.99])
"""Probabilities whose quantiles are kept."""
_FINE = 1024.0
_KIND = "restoration"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]


def coarseness_of(table: Array) -> int:
    """The place of a table among `COARSENESS`.

    Low steps tell qualities apart where libjpeg cuts the high ones off at 255, which its sizes do not.
    """
    low = (table[0, 1] + table[1, 0] + table[1, 1]) / 3
    return int(np.abs(np.log2(low) - COARSENESS).argmin())


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """What turns the deviations that a cascade believes in into true ones."""

    scales: Array
    """(stages + 1, tables) root mean square of error / believed deviation."""
    quantiles: Array
    """(stages + 1, tables, levels) of |error| / true deviation."""
    shapes: Array
    """(stages + 1, classes of the first stage, 64) mean squares of an error's DCT coefficients, their mean being 1."""

    def scale(self, table: Array, stage: int) -> float:
        """The factor for a table after a stage."""
        return float(self.scales[stage, coarseness_of(table)])

    def half_width(self, table: Array, stage: int, probability: float) -> float:
        """Deviations on either side of an estimate within which the truth lies with this probability."""
        return float(np.interp(probability, LEVELS, self.quantiles[stage, coarseness_of(table)]))


@dataclass(frozen=True, eq=False)
class Model:
    """What was learnt from pictures: everything follows from the integers of one file.

    Made by `qimg.restoration.fitting.fit` or `load`.
    """

    contents: container.Contents = field(repr=False)

    @classmethod
    def assemble(
        cls,
        cascade: Cascade,
        experts: Sequence[RoundedExperts],
        calibration: Calibration,
        provenance: Mapping[str, Any],
    ) -> "Model":
        """The model of given parts: the experts of the first estimate and of every stage, rounded."""
        arrays: dict[str, Array] = {
            "scales": np.rint(_FINE * calibration.scales).astype(np.int32),
            "quantiles": np.rint(_FINE * calibration.quantiles).astype(np.int32),
            "shapes": np.rint(_FINE * calibration.shapes).astype(np.int32),
        }
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
    def calibration(self) -> Calibration:
        """What makes its deviations true."""
        arrays = self.contents.arrays
        scales, quantiles, shapes = (arrays[name] / _FINE for name in ("scales", "quantiles", "shapes"))
        return Calibration(scales=scales, quantiles=quantiles, shapes=np.maximum(shapes, 1 / _FINE))

    @property
    def levels(self) -> tuple[float, ...]:
        """Probabilities whose intervals are known."""
        return tuple(float(level) for level in LEVELS)

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
    return _read(files("qimg.restoration").joinpath("default.restorer").read_bytes(), "default.restorer")


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
