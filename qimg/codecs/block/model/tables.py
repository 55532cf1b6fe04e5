"""The codec's tables: integers fitted on pictures and stored in one file (`docs/formats/artifacts.md`)."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from qimg.codecs.block.encoder.class_matrices import class_matrices, from_ring
from qimg.codecs.block.encoder.rate_distortion import Costs
from qimg.codecs.block.model import contexts
from qimg.codecs.block.model.strip import Scales
from qimg.codecs.block.transform import smoothing
from qimg.codecs.block.transform.blocks import BASIS_BITS, LARGEST_GAIN, PREDICTOR_BITS, Bases
from qimg.codecs.block.transform.geometry import SIDES, ring_length
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind
from qimg.core.cached import cached_property
from qimg.entropy import mixing as model

_SIZES = range(len(SIDES))
_LARGEST = {"stretch": 2047, "weights": (1 << 24) - 1}
"""Largest magnitudes of arrays, whose products are summed in 64 bits."""
_DEVIATION = 0.05  # largest deviation of bases from orthonormality
_BITS_SCALE = 1024.0  # stored expected bits are in units of 1/1024


class Tables(Artifact):
    """Predictors, bases, scales and the initial state of the entropy model, with their provenance.

    `Tables.assemble` and `load` create tables; decoding depends on their integers only.
    """

    KIND = Kind(tag="codec", ending=".tables", package="qimg.codecs.block.model")

    @classmethod
    def assemble(cls, arrays: Mapping[str, Array], provenance: Mapping[str, Any]) -> "Tables":
        """Tables from integer arrays with the names and shapes of `docs/formats/block.md`."""
        return cls.packed({"operators": [], "mixtures": [], "provenance": dict(provenance)}, arrays)

    @property
    def identity(self) -> bytes:
        """The first 8 bytes of the SHA-256; picture files hold the first 4 of these."""
        return bytes.fromhex(self.sha256)[:8]

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Number of classes of each block size, powers of two."""
        return tuple(len(self.contents.arrays[f"predictor {side}"]) for side in SIDES)

    @cached_property
    def bases(self) -> Bases:
        """Predictors and unitary bases of the classes."""
        return Bases(
            predictor=tuple(self.array(f"predictor {side}") for side in SIDES),
            full=tuple(self.array(f"basis {side}") for side in SIDES[:2]),
            rows=tuple(self.array(f"rows {side}") for side in SIDES[2:]),
            columns=tuple(self.array(f"columns {side}") for side in SIDES[2:]),
            order=tuple(self.array(f"order {side}") for side in SIDES),
            upsampling=self.array("upsampling"),
        )

    @cached_property
    def scales(self) -> Scales:
        """Expected magnitudes of coefficients."""
        return Scales(
            log_sigma=tuple(self.array(f"log sigma {side}").astype(np.int16) for side in SIDES),
            expected=self.array("expected"),
        )

    @cached_property
    def points(self) -> Array:
        """(64, 3) int16 reconstruction points."""
        return self.array("points")

    @cached_property
    def filters(self) -> Array:
        """(3, classes, places, features) int16 weights of the decoder's filter for Y', Cb and Cr."""
        return self.array("filters")

    @cached_property
    def filters_by_lane(self) -> tuple[Array, ...]:
        """The weights of each plane in the order of `smoothing.smooth_rows`."""
        return tuple(smoothing.by_lane(weights) for weights in self.filters)

    def new_model(self) -> model.Model:
        """The entropy model before the first bit."""
        return model.Model(
            probability=self.array("probability").astype(np.int32) << 7,
            counts=self.array("count").astype(np.uint8),
            weights=self.array("weights"),
            stretch=self.array("stretch"),
            squash=self.array("squash"),
            rate=self.array("rate"),
            context=np.zeros(model.INPUTS, np.int64),
            inputs=np.zeros(model.INPUTS, np.int64),
        )

    @cached_property
    def costs(self) -> Costs:
        """Expected bits and matrices for the encoder's search, in single precision; decoding does not use them."""
        bases, unit = self.bases, float(1 << BASIS_BITS)
        joint, ring = [], []
        rows, columns = (
            tuple((part / unit).astype(np.float32) for part in side) for side in (bases.rows, bases.columns)
        )
        for size in _SIZES:
            weights = bases.predictor[size] / float(1 << PREDICTOR_BITS)
            if size < 2:
                basis = bases.full[size] / unit
                folded = -np.einsum("kij,kmj->kim", basis, weights)
                joint.append(np.ascontiguousarray(np.concatenate([basis, folded], axis=2), np.float32))
            else:
                ring.append(from_ring(weights, rows[size - 2], columns[size - 2], bases.order[size], size))
        shares = np.maximum(np.arange(4097), 0.5) / 4096
        return Costs(
            magnitude=(self.array("magnitude bits") / _BITS_SCALE).astype(np.float32),
            end=(self.array("end bits") / _BITS_SCALE).astype(np.float32),
            bits=-np.log2(shares).astype(np.float32),
            joint=tuple(joint),
            ring=tuple(ring),
            by_class=class_matrices(joint, ring, rows, columns),
            rows=rows,
            columns=columns,
            upsampling=(bases.upsampling / unit).astype(np.float32),
        )

    def check(self) -> None:
        """Raise an error if the arrays do not match `docs/formats/block.md`."""
        arrays = self.contents.arrays
        shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "upsampling": ((32, 16), "<i2"),
            "filters": ((3, smoothing.CLASSES, smoothing.PLACES, smoothing.FEATURES), "<i2"),
            "expected": ((64,), "<i4"),
            "points": ((64, 3), "<i2"),
            "probability": ((contexts.SLOTS,), "<i2"),
            "count": ((contexts.SLOTS,), "<i1"),
            "weights": ((contexts.MIXERS, model.INPUTS), "<i4"),
            "stretch": ((4096,), "<i2"),
            "squash": ((4096,), "<i4"),
            "rate": ((256,), "<i4"),
            "magnitude bits": ((2, 12, 32, 16), "<i2"),
            "end bits": ((2, 4, 10, 16, 2), "<i2"),
        }
        for size in _SIZES:
            side, n = SIDES[size], min(SIDES[size] ** 2, 256)
            classes = len(arrays[f"predictor {side}"])
            require(classes in (2, 4, 8, 16, 32), f"classes of size {side}", "must be a power of two up to 32", classes)
            shapes[f"predictor {side}"] = ((classes, ring_length(size), n), "<i2")
            shapes[f"order {side}"] = ((classes, n), "<i2")
            shapes[f"log sigma {side}"] = ((3, classes, n), "<i1")
            if size < 2:
                shapes[f"basis {side}"] = ((classes, n, n), "<i2")
            else:
                shapes[f"rows {side}"] = shapes[f"columns {side}"] = ((classes, 16, 16), "<i2")
        self.require_arrays(shapes)
        ranges = {
            "probability": (1, 32767),
            "count": (0, 127),
            "squash": (1, 65535),
            "rate": (1, 65535),
            "expected": (0, 1 << 16),
        }
        ranges |= {f"order {side}": (0, min(side * side, 256) - 1) for side in SIDES}
        for name, (low, high) in ranges.items():
            self.require_range(name, low, high)

    def check_values(self) -> None:
        """Raise an error where orders are no permutations, bases are not orthonormal, or numbers are out of range."""
        arrays = self.contents.arrays
        for name, most in _LARGEST.items():
            self.require_range(name, -most, most)
        for name in ("magnitude bits", "end bits"):
            self.require_range(name, 0, 32767)
        for side in SIDES:
            order = np.sort(arrays[f"order {side}"], axis=1)
            permuted = bool((order == np.arange(order.shape[1])).all())
            require(permuted, f"order {side}", "must be permutations", permuted)
        for name in (f"{part} {side}" for side in SIDES for part in ("basis", "rows", "columns")):
            if name in arrays:
                basis = arrays[name] / float(1 << BASIS_BITS)
                deviation = float(np.abs(basis @ basis.transpose(0, 2, 1) - np.eye(basis.shape[1])).max())
                require(deviation < _DEVIATION, name, "must be orthonormal up to rounding", deviation)
        for name, axis, bits in [
            *((f"predictor {side}", 1, PREDICTOR_BITS) for side in SIDES),
            ("filters", 3, smoothing.WEIGHT_BITS),
        ]:
            gain = int(np.abs(arrays[name], dtype=np.int32).sum(axis=axis).max()) / (1 << bits)
            require(gain <= LARGEST_GAIN, name, f"must have weights of total magnitude ≤ {LARGEST_GAIN} a sample", gain)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{side}: {classes}" for side, classes in zip(SIDES, self.classes, strict=True))
        return f"Tables({len(self.contents.content)} bytes, classes {{{sizes}}}, {self.sha256[:16]})"


def default() -> Tables:
    """The tables included in qimg."""
    return Tables.load()


def load(path: str | os.PathLike[str]) -> Tables:
    """Read tables from a file.

    Raises:
        ArtifactError: the file is missing, cut, altered or not a file of tables.
    """
    return Tables.load(path)
