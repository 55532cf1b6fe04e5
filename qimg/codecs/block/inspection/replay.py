"""Bits of every decision: the blocks of a written strip with the cost of each of their parts."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.block.encoder.strips import StripWriter
from qimg.codecs.block.model.hidden_signs import hidden_count
from qimg.codecs.block.transform.geometry import SIDES, SMALLEST, SUPERBLOCK, place_of_block_4x4
from qimg.core import Array
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, kw_only=True)
class Block:
    """One undivided block; its bits are −log₂ of the entropy model's probabilities of the coded decisions."""

    row: int
    """Row of its first sample."""
    column: int
    side: int
    """4, 8, 16 or 32."""
    label: int
    """Class of the block."""
    matched: bool
    """Whether it is predicted from its matches (`qimg.codecs.block.transform.matching`)."""
    division_bits: float
    """Bits of the split flags of the squares that begin with this block."""
    class_bits: float
    """Bits of the class, and of whether the block is matched."""
    magnitude_bits: tuple[float, ...]
    """Bits of the magnitudes and of the end of the coefficients, by plane."""
    sign_bits: tuple[int, ...]
    """Bits of the signs by plane, one for each nonzero coefficient whose sign is not hidden."""

    @property
    def bits(self) -> float:
        """Bits of the whole block."""
        return self.division_bits + self.class_bits + sum(self.magnitude_bits) + sum(self.sign_bits)


def blocks_of(coder: StripWriter) -> tuple[tuple[Block, ...], tuple[Array, ...]]:
    """The blocks of a strip written with `keep`, in decoding order, and the integers of each."""
    planes = coder.planes
    blocks: list[Block] = []
    integers: list[Array] = []
    for row, (choice, written) in enumerate(zip(coder.decisions, coder.bits, strict=True)):
        spent = np.concatenate([[0.0], np.cumsum(_bits(*written))])
        begin = 0
        for s in range(len(choice.size)):
            block_4x4 = 0
            while block_4x4 < 64:
                t, ends = int(choice.size[s, block_4x4]), choice.ends[s, block_4x4, : 2 + planes]
                bits = np.diff(spent[ends], prepend=spent[begin]).tolist()
                begin = int(ends[-1])
                y, x = place_of_block_4x4(block_4x4)
                n = min(SIDES[t] ** 2, 256)
                q = choice.q[s, :planes, 16 * block_4x4 : 16 * block_4x4 + n].copy()
                signs = np.count_nonzero(q, axis=1).tolist()
                if coder.settings.hidden_signs:
                    signs[0] -= hidden_count(q[0])
                block = Block(
                    row=SUPERBLOCK * row + SMALLEST * y,
                    column=SUPERBLOCK * s + SMALLEST * x,
                    side=SIDES[t],
                    label=int(choice.label[s, block_4x4]),
                    matched=bool(choice.matched[s, block_4x4]),
                    division_bits=bits[0],
                    class_bits=bits[1],
                    magnitude_bits=tuple(bits[2 + plane] - signs[plane] for plane in range(planes)),
                    sign_bits=tuple(signs),
                )
                blocks.append(block)
                integers.append(q)
                block_4x4 += 1 << (2 * t)
    return tuple(blocks), tuple(integers)


def _bits(bits: Array, probabilities: Array) -> Array:
    """−log₂ of the probability of each written bit."""
    ones = probabilities / 65536
    return np.asarray(-np.log2(np.where(bits, ones, 1 - ones)))
