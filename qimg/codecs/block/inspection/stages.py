"""What the codec did to a picture: its blocks, their bits, and for each block every stage as arrays to look at."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import StripWriter, padded_samples
from qimg.codecs.block.inspection.replay import Block, blocks_of
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.blocks import BASIS_BITS, Bases, new_work, predict, reconstruct
from qimg.codecs.block.transform.dequantization import dequantize, log_step
from qimg.codecs.block.transform.geometry import LARGEST, SAMPLE_SCALE, SIDES, gather_ring
from qimg.core import Array, arguments
from qimg.images import check_image, without_alpha


@dataclass(frozen=True, eq=False, kw_only=True)
class Inspection:
    """A coded picture with every decision; made by `inspect`. Samples are in 1/64 of a code value."""

    parameters: Parameters
    tables: Tables
    height: int
    width: int
    payload: bytes = field(repr=False)
    """What a file would hold of the pixels: a byte that names the filtered planes, and words of the range coder."""
    blocks: tuple[Block, ...] = field(repr=False)
    """In the order of decoding; those at the lower and right border may reach beyond the picture."""
    integers: tuple[Array, ...] = field(repr=False)
    """Quantized coefficients (planes, n) of each block, strongest expected first; n is at most 256."""
    source: Array = field(repr=False)
    """(planes, rows, columns) int16 samples, padded to whole superblocks."""
    strip: Array = field(repr=False)
    """(planes, 1 + rows, columns) int16 samples before the filter; the first row stands for what is above."""
    filtered: Array = field(repr=False)
    """(planes, H, W) int16: what a decoder returns."""

    @property
    def decoded(self) -> Array:
        """(planes, H, W) int16 samples before the filter: what prediction sees."""
        return self.strip[:, 1 : 1 + self.height, : self.width]

    @property
    def planes(self) -> int:
        """1 or 3."""
        return len(self.source)

    @cached_property
    def ideal_bits(self) -> float:
        """Σ −log₂ p over all that was coded: the cross-entropy of the decisions under the entropy model."""
        return float(sum(block.bits for block in self.blocks))

    @property
    def payload_bits(self) -> int:
        """8 · bytes of the payload."""
        return 8 * len(self.payload)

    def at(self, row: int, column: int) -> int:
        """Number of the block that holds a sample."""
        arguments.integer("row", row, 0, self.source.shape[1] - 1)
        arguments.integer("column", column, 0, self.source.shape[2] - 1)
        return int(self._numbers[row // SIDES[0], column // SIDES[0]])

    def of_class(self, side: int, label: int) -> list[int]:
        """Numbers of the blocks of one size and class."""
        return [k for k, block in enumerate(self.blocks) if (block.side, block.label) == (side, label)]

    @cached_property
    def _numbers(self) -> Array:
        out = np.zeros((self.source.shape[1] // SIDES[0], self.source.shape[2] // SIDES[0]), np.int64)
        for k, block in enumerate(self.blocks):
            row, column, blocks_4x4 = block.row // SIDES[0], block.column // SIDES[0], block.side // SIDES[0]
            out[row : row + blocks_4x4, column : column + blocks_4x4] = k
        return out


@dataclass(frozen=True, eq=False, kw_only=True)
class Stages:
    """What became of one plane of one block, in code values; every number is the decoder's own."""

    block: Block
    plane: int
    step: float
    source: Array
    """(side, side)."""
    ring: Array
    """(3 side + 1,) decoded samples: corner, row above, as much to its right, column to the left."""
    level: float
    """Mean of the ring, rounded to 1/64."""
    prediction: Array
    """(side, side) conditional mean under the class operator given the ring."""
    residual: Array
    """(side, side) source minus prediction."""
    basis: Array
    """(n, side²) class basis: the rows are basis vectors, strongest first, unitary but for their rounding to 2⁻¹⁴.

    kron(rows, columns) in the class's order for blocks of 16; for blocks of 32 that after the isometry to 16×16.
    """
    coefficients: Array
    """(n,) basis · residual."""
    scales: Array
    """(n,) how large the class expects them to be: √2 times their mean modulus."""
    integers: Array
    """(n,) what is coded."""
    dequantized: Array
    """(n,) coefficients that the decoder sees."""
    reconstruction: Array
    """(side, side) prediction + basisᵀ · dequantized, rounded and clipped: samples before the filter."""


def inspect(
    image: Array, parameters: Parameters, *, tables: Tables | None = None, search: Search | None = None
) -> Inspection:
    """Code a picture and keep every decision.

    The picture is coded as one strip; files of more than about 2²⁰ pixels hold several. Cost: that of `encode` at given
    parameters and of decoding it once, plus 24 bytes per pixel.

    Args:
        image: `uint8` or `uint16` picture, its alpha left out; or (planes, H, W) `int16` samples of 1 plane or of Y',
            Cb and Cr, in 1/64 of a code value.
        parameters: steps.
        tables: what the codec knows of pictures; those of qimg when left out.
        search: what the encoder tries.

    >>> from qimg.images import bundled
    >>> found = inspect(bundled("coffee")[:128, :128], Parameters(8 * 64))
    >>> sum(block.side**2 for block in found.blocks), round(found.ideal_bits / found.payload_bits, 2)
    (16384, 1.0)
    """
    samples = _samples(image)
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
    """Every stage of one plane of a block, recomputed as the decoder does it.

    Args:
        inspection: the picture.
        number: of the block, as `Inspection.at` gives it.
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
    level = gather_ring(strip, y, x, side, False, ring)
    predict(tables.bases, work, strip, t, label, y, x, False)
    dequantize(q, len(q), tables.points, sigma, log_step(step), step, work.coefficients)
    out = np.zeros((1 + side, side), np.int16)
    reconstruct(tables.bases, work, out, t, label, 0, 0)
    prediction = _seen_whole(work.prediction[: len(q)], t, tables.bases) / SAMPLE_SCALE
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
        tables: what the codec knows of pictures.
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


def _samples(image: Array) -> Array:
    if isinstance(image, np.ndarray) and image.dtype == np.int16:
        ok = image.ndim == 3 and len(image) in (1, 3) and image.size > 0
        arguments.require_shape(ok, "image", "(1, H, W) or (3, H, W) of int16 samples", image)
        low, high = int(image.min()), int(image.max())
        arguments.require(low >= 0 and high <= LARGEST, "image", f"must hold samples in [0, {LARGEST}]", (low, high))
        return image
    pixels = without_alpha(check_image("image", image))
    return colour.to_samples(pixels, 1 if colour.is_gray(pixels) else 3)


def _seen_whole(prediction: Array, t: int, bases: Bases) -> Array:
    if t < 3:
        return prediction.reshape(4 << t, 4 << t)
    up, level = bases.upsampling / float(1 << BASIS_BITS), prediction[0]
    return np.asarray(up @ (2.0 * (prediction - level).reshape(16, 16)) @ up.T + level)
