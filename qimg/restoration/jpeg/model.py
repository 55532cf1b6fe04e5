"""The explicit estimator as one file of integers in the format of the prior, and the shipped model."""

import lzma
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qimg.core import Array, in_one_blas_thread, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.cached import cached_property
from qimg.core.schema import require_type
from qimg.images.jpeg.blocks import BLOCK
from qimg.prior.integers import mixture_arrays, mixture_from_integers, mixture_to_integers, require_mixture
from qimg.restoration.jpeg.calibration import COARSENESS, LEVELS, Calibration
from qimg.restoration.jpeg.cascade import COUNTS, FIRST_MARGIN, GATED, Cascade, Stage
from qimg.restoration.jpeg.rounding import RoundedExperts
from qimg.restoration.jpeg.symmetry import ELEMENTS, turned_offset

_MOST = 1 << 24  # of the integers of a calibration
_MOST_LOGS = 1024  # of steps, scales and deviations, which are logarithms
_DEVIATION = 0.01  # largest deviation of bases from orthonormality
_LARGEST = 1 << 28  # bytes of the experts of a stage
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]


class Model(Artifact):
    """The fitted explicit estimator, computed from the integers of one file.

    Made by `qimg.restoration.jpeg.fitting.fit` or `load`.
    """

    KIND = Kind(tag="restoration", ending=".restorer", package="qimg.restoration.jpeg")

    @classmethod
    def assemble(
        cls,
        cascade: Cascade,
        experts: Sequence[RoundedExperts],
        calibrations: Sequence[Calibration],
        provenance: Mapping[str, Any],
    ) -> "Model":
        """The model with these parts; experts and calibrations are those of the first estimate and of every stage."""
        integers = [one.to_integers() for one in calibrations]
        arrays: dict[str, Array] = {name: np.stack([one[name] for one in integers]) for name in integers[0]}
        for number, one in enumerate(experts):
            arrays |= {f"experts {number}/{key}": value for key, value in packed(one).items()}
        stages = []
        for number, stage in enumerate(cascade.stages):
            arrays |= {f"gate {number}/{key}": value for key, value in mixture_to_integers(stage.gate).items()}
            stages.append({"offsets": [list(offset) for offset in stage.offsets], "margins": list(stage.margins)})
        return cls.packed({"stages": stages, "provenance": dict(provenance)}, arrays)

    @cached_property
    def experts(self) -> tuple[RoundedExperts, ...]:
        """The experts of the first estimate and of every stage, as integers."""
        return tuple(_unpacked(self.part(f"experts {n}")) for n in range(len(self.contents.header["stages"]) + 1))

    @cached_property
    def cascade(self) -> Cascade:
        """The cascade, made from its integers at the first access."""
        return self._make_cascade()

    @in_one_blas_thread
    def _make_cascade(self) -> Cascade:
        first, *later = (one.experts() for one in self.experts)
        stages = []
        for number, (entry, experts) in enumerate(zip(self.contents.header["stages"], later, strict=True)):
            gate = mixture_from_integers(self.part(f"gate {number}"))
            offsets = tuple((int(row), int(column)) for row, column in entry["offsets"])
            margins = (int(entry["margins"][0]), int(entry["margins"][1]))
            stages.append(Stage(gate=gate, experts=experts, offsets=offsets, margins=margins))
        return Cascade(first=first, stages=tuple(stages))

    @cached_property
    def calibrations(self) -> tuple[Calibration, ...]:
        """Calibrations of the predicted deviations after the first estimate and after every stage."""
        arrays = self.contents.arrays
        return tuple(
            Calibration.from_integers({name: arrays[name][stage] for name in ("scales", "quantiles", "shapes")})
            for stage in range(len(self.experts))
        )

    def check(self) -> None:
        """Raise an error where the arrays do not match the stages that the header names."""
        stages, arrays = self.contents.header["stages"], self.contents.arrays
        count, tables = len(stages) + 1, len(COARSENESS)
        scales = arrays["scales"].shape
        require(scales in ((count, tables), (count, tables, 1)), "scales", f"must have shape {(count, tables)}", scales)
        expected: dict[str, tuple[tuple[int, ...], str]] = {
            "scales": (scales, "<i4"),
            "quantiles": ((count, tables, len(LEVELS)), "<i4"),
            "shapes": ((count, len(COUNTS) + 1, BLOCK * BLOCK), "<i4"),
        }
        sizes = [(len(COUNTS) + 1, (BLOCK + 2 * FIRST_MARGIN) ** 2)]
        for number, stage in enumerate(stages):
            require_type("offsets", stage["offsets"], list[list[int]])
            require_type("margins", stage["margins"], list[int])
            offsets = [tuple(offset) for offset in stage["offsets"]]
            closed = all(turned_offset(one, g) in offsets for one in offsets for g in range(ELEMENTS))
            require(closed, "offsets", "must be closed under the symmetries of the square", offsets)
            classes = len(arrays[f"gate {number}/weights"])
            expected |= mixture_arrays(f"gate {number}", classes, len(GATED))
            sizes.append((len(offsets) * classes, sum((BLOCK + 2 * margin) ** 2 for margin in stage["margins"])))
        for number, (experts, inputs) in enumerate(sizes):
            packed = arrays[f"experts {number}/integers"]
            expected[f"experts {number}/integers"] = packed.shape, "<i1"
            expected[f"experts {number}/shape"] = (3,), "<i4"
            expected[f"experts {number}/steps"] = (experts,), "<i2"
            expected[f"experts {number}/basis"] = (inputs, inputs), "<i2"
            expected[f"experts {number}/scales"] = (inputs,), "<i2"
            expected[f"experts {number}/deviations"] = (experts, BLOCK * BLOCK), "<i2"
        self.require_arrays(expected)
        shapes = [tuple(arrays[f"experts {number}/shape"].tolist()) for number in range(count)]
        require(shapes == [(*size, BLOCK * BLOCK) for size in sizes], "experts", "must fit their stages", shapes)
        require(bool(self.experts), "experts", "must be complete", len(self.experts))  # decompresses them

    def check_values(self) -> None:
        """Raise an error where a number leads to values that are no estimators of pictures."""
        for name in ("scales", "quantiles", "shapes"):
            self.require_range(name, 0, _MOST)
        for number, experts in enumerate(self.experts):
            for part in ("steps", "scales", "deviations"):
                self.require_range(f"experts {number}/{part}", -_MOST_LOGS, _MOST_LOGS)
            basis = experts.basis / 32768.0
            deviation = float(np.abs(basis.T @ basis - np.eye(len(basis))).max())
            require(deviation < _DEVIATION, f"experts {number}/basis", "must be orthonormal up to rounding", deviation)
        for number in range(len(self.contents.header["stages"])):
            require_mixture(f"gate {number}", self.part(f"gate {number}"))

    def __repr__(self) -> str:
        classes = ", ".join(
            str(len(self.part(f"gate {n}")["weights"])) for n in range(len(self.contents.header["stages"]))
        )
        pictures = len(self.provenance.get("inputs", ()))
        return f"Model({pictures} pictures, classes ({classes}), {len(self.to_bytes())} bytes, {self.sha256[:12]})"


def load(path: str | os.PathLike[str] | None = None) -> Model:
    """Read a model; the shipped one when `path` is left out.

    Raises:
        ArtifactError: the file is missing, truncated, altered, or not a model.
    """
    return Model.load(path)


def packed(experts: RoundedExperts) -> dict[str, Array]:
    """The arrays of experts in a file, with compressed integers."""
    integers = experts.integers
    # Ordered by input and output, so that consecutive integers have similar magnitudes.
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
    length = count * inputs * outputs
    require(0 <= length <= _LARGEST, "experts", f"must have at most {_LARGEST} integers", length)
    reader = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    content = reader.decompress(arrays["integers"].tobytes(), max_length=length + 1)  # never more than announced
    require(len(content) == length, "experts", f"must hold {length} integers", len(content))
    require(reader.eof and not reader.unused_data, "experts", "must end where their integers end", reader.eof)
    integers = np.frombuffer(content, np.int8).reshape(inputs, outputs, count).transpose(2, 0, 1)
    return RoundedExperts(
        integers=integers,
        steps=arrays["steps"],
        basis=arrays["basis"],
        scales=arrays["scales"],
        deviations=arrays["deviations"],
    )
