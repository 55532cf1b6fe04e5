"""Inspection of a coded picture: its blocks, their bits, and every stage of each block as arrays."""

from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import StripWriter, padded_samples
from qimg.codecs.block.inspection.replay import Block, blocks_of
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.blocks import BASIS_BITS, Bases, new_work, predict, predict_matched, reconstruct
from qimg.codecs.block.transform.dequantization import dequantize, log_step
from qimg.codecs.block.transform.geometry import LARGEST, SAMPLE_SCALE, SIDES, gather_ring
from qimg.codecs.block.transform.matching import find_matches, gather_difference
from qimg.core import Array, arguments
from qimg.core.cached import cached_property
from qimg.core.records import short_repr
from qimg.images import check_image, without_alpha


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Inspection:
    """A coded picture with every decision, as returned by `inspect`. Samples are in 1/64 of a code value."""

    parameters: Parameters
    tables: Tables
    height: int
    width: int
    payload: bytes = field(repr=False)
    """Bytes of the pixels in a file: a byte of flags of the filtered planes, and words of the range coder."""
    blocks: tuple[Block, ...] = field(repr=False)
    """Blocks in decoding order; those at the lower and right border may extend beyond the picture."""
    integers: tuple[Array, ...] = field(repr=False)
    """Quantized coefficients (planes, n) of each block, by decreasing expected magnitude; n is at most 256."""
    source: Array = field(repr=False)
    """(planes, rows, columns) int16 samples, padded to whole superblocks."""
    strip: Array = field(repr=False)
    """(planes, 1 + rows, columns) int16 samples before the filter; the first row replaces the row above."""
    filtered: Array = field(repr=False)
    """(planes, H, W) int16 samples of the decoded picture, after the filter."""

    @property
    def decoded(self) -> Array:
        """(planes, H, W) int16 samples before the filter, the input of prediction."""
        return self.strip[:, 1 : 1 + self.height, : self.width]

    @property
    def planes(self) -> int:
        """1 or 3."""
        return len(self.source)

    @cached_property
    def ideal_bits(self) -> float:
        """Σ −log₂ p over all coded decisions, their cross-entropy under the entropy model."""
        return float(sum(block.bits for block in self.blocks))

    @property
    def payload_bits(self) -> int:
        """Bits of the payload."""
        return 8 * len(self.payload)

    def at(self, row: int, column: int) -> int:
        """Index of the block that contains a sample."""
        arguments.integer("row", row, 0, self.source.shape[1] - 1)
        arguments.integer("column", column, 0, self.source.shape[2] - 1)
        return int(self._numbers[row // SIDES[0], column // SIDES[0]])

    def of_class(self, side: int, label: int) -> list[int]:
        """Indices of the blocks of one size and class."""
        return [k for k, block in enumerate(self.blocks) if (block.side, block.label) == (side, label)]

    @cached_property
    def _numbers(self) -> Array:
        out = np.zeros((self.source.shape[1] // SIDES[0], self.source.shape[2] // SIDES[0]), np.int64)
        for k, block in enumerate(self.blocks):
            row, column, blocks_4x4 = block.row // SIDES[0], block.column // SIDES[0], block.side // SIDES[0]
            out[row : row + blocks_4x4, column : column + blocks_4x4] = k
        return out


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Stages:
    """Coding stages of one plane of a block, in code values and equal to the decoder's values."""

    block: Block
    plane: int
    step: float
    source: Array
    """(side, side)."""
    ring: Array
    """(3 side + 1,) decoded samples: corner, row above, its continuation to the right, column to the left; of a matched
    block, minus the mean of those of its matches."""
    level: float
    """Mean of the ring, rounded to 1/64."""
    prediction: Array
    """(side, side) conditional mean of the block given the ring, under the class operator; of a matched block, plus the
    mean of its matches."""
    residual: Array
    """(side, side) source minus prediction."""
    basis: Array
    """(n, side²) class basis: the rows are basis vectors, strongest first, unitary except for rounding to 2⁻¹⁴.

    kron(rows, columns) in the class's order for blocks of 16; for blocks of 32 composed with the isometry to 16×16.
    """
    coefficients: Array
    """(n,) basis · residual."""
    scales: Array
    """(n,) expected magnitudes under the class: √2 times the mean modulus."""
    integers: Array
    """(n,) quantized coefficients."""
    dequantized: Array
    """(n,) dequantized coefficients."""
    reconstruction: Array
    """(side, side) samples before the filter: prediction + basisᵀ · dequantized, rounded and clipped."""


def inspect(
    image: Array, parameters: Parameters, *, tables: Tables | None = None, search: Search | None = None
) -> Inspection:
    """Encode a picture and record every decision.

    The picture is coded as one strip; files of more than about 2²⁰ pixels hold several strips. Cost: one `encode` at
    fixed parameters and one decoding, plus 24 bytes of memory per pixel.

    Args:
        image: `uint8` or `uint16` picture, whose alpha is ignored; or (planes, H, W) `int16` samples of 1 plane or of
            Y', Cb and Cr, in 1/64 of a code value.
        parameters: steps.
        tables: fitted tables of the codec, by default those of qimg.
        search: settings of the encoder's search.

    >>> from qimg.images import bundled
    >>> inspection = inspect(bundled("coffee")[:128, :128], Parameters(8 * 64))
    >>> sum(block.side**2 for block in inspection.blocks), round(inspection.ideal_bits / inspection.payload_bits, 2)
    (16384, 1.0)
    """
    samples = _samples(image, parameters)
    planes, height, width = samples.shape
    tables = tables_module.default() if tables is None else tables
    coder = StripWriter(planes, width, tables, parameters, search or Search(), keep=True)
    payload, filtered = coder.write(samples)
    blocks, integers = blocks_of(coder)
    return Inspection(
        parameters=parameters,
        tables=tables,
        height=height,
        width=width,
        payload=payload,
        blocks=blocks,
        integers=integers,
        source=padded_samples(samples),
        strip=coder.unfiltered.copy(),
        filtered=filtered,
    )


def block_stages(inspection: Inspection, number: int, *, plane: int = 0) -> Stages:
    """Recompute every stage of one plane of a block with the decoder's arithmetic.

    Args:
        inspection: the coded picture.
        number: index of the block, as from `Inspection.at`.
        plane: 0, 1, 2 for Y', Cb and Cr.
    """
    arguments.integer("number", number, 0, len(inspection.blocks) - 1)
    arguments.integer("plane", plane, 0, inspection.planes - 1)
    block, tables = inspection.blocks[number], inspection.tables
    side, label, y, x = block.side, block.label, block.row, block.column
    t = SIDES.index(side)
    step = inspection.parameters.steps[plane]
    q = np.ascontiguousarray(inspection.integers[number][plane])
    sigma = tables.scales.log_sigma[t][plane, label]
    strip, work, ring = inspection.strip[plane], new_work(), np.zeros(97, np.int32)
    if block.matched:
        find_matches(inspection.strip[0], t, y, x, False, work.matches)
        level = gather_difference(strip, work.matches, y, x, side, False, ring)
        predict_matched(tables.bases, work, strip, t, label, y, x, False)
    else:
        level = gather_ring(strip, y, x, side, False, ring)
        predict(tables.bases, work, strip, t, label, y, x, False)
    dequantize(q, len(q), tables.points, sigma, log_step(step), step, work.coefficients)
    out = np.zeros((1 + side, side), np.int16)
    reconstruct(tables.bases, work, out, t, label, 0, 0)
    prediction = _full_size(work.prediction[: len(q)], t, tables.bases) / SAMPLE_SCALE
    source = inspection.source[plane, y : y + side, x : x + side] / SAMPLE_SCALE
    basis = class_basis(tables, side, label)
    return Stages(
        block=block,
        plane=plane,
        step=step / SAMPLE_SCALE,
        source=source,
        ring=(level + ring[: 3 * side + 1]) / SAMPLE_SCALE,
        level=level / SAMPLE_SCALE,
        prediction=prediction,
        residual=source - prediction,
        basis=basis,
        coefficients=basis @ (source - prediction).ravel(),
        scales=2.0 ** (sigma / 8),
        integers=q.copy(),
        dequantized=work.coefficients[: len(q)] / SAMPLE_SCALE,
        reconstruction=out[1:] / SAMPLE_SCALE,
    )


def class_basis(tables: Tables, side: int, label: int) -> Array:
    """(n, side²) basis of a class over the pixels of its blocks, row-major; see `Stages.basis`.

    Args:
        tables: fitted tables of the codec.
        side: 4, 8, 16 or 32.
        label: the class.
    """
    arguments.require(side in SIDES, "side", "must be 4, 8, 16 or 32", side)
    t = SIDES.index(side)
    arguments.integer("label", label, 0, tables.classes[t] - 1)
    bases, scale = tables.bases, 1.0 / (1 << BASIS_BITS)
    if t < 2:
        return np.asarray(bases.full[t][label] * scale)
    rows, columns = bases.rows[t - 2][label] * scale, bases.columns[t - 2][label] * scale
    if t == 3:
        up = bases.upsampling * scale
        rows, columns = rows @ up.T, columns @ up.T
    return np.kron(rows, columns)[bases.order[t][label]]


def _samples(image: Array, parameters: Parameters) -> Array:
    if isinstance(image, np.ndarray) and image.dtype == np.int16:
        ok = image.ndim == 3 and len(image) in (1, 3) and image.size > 0
        arguments.require_shape(ok, "image", "(1, H, W) or (3, H, W) of int16 samples", image)
        low, high = int(image.min()), int(image.max())
        arguments.require(low >= 0 and high <= LARGEST, "image", f"must hold samples in [0, {LARGEST}]", (low, high))
        return image
    pixels = without_alpha(check_image("image", image))
    return colour.to_samples(pixels, 1 if colour.is_gray(pixels) else 3, parameters.space)


def _full_size(prediction: Array, t: int, bases: Bases) -> Array:
    """A prediction at the size of its block; that of a block of 32 is upsampled."""
    if t < 3:
        return prediction.reshape(4 << t, 4 << t)
    up, level = bases.upsampling / float(1 << BASIS_BITS), prediction[0]
    return np.asarray(up @ (2.0 * (prediction - level).reshape(16, 16)) @ up.T + level)
