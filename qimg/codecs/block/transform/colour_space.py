"""Colour spaces of the samples: Y'CbCr, and the eigenbasis of a picture's colours as a matrix of nine bytes.

R'G'B' is an affine function of the samples, in integers: with a matrix S in units of 2^-bits,

    64 · (R', G', B') = origin + S · (samples − centres).

An eigenbasis (Karhunen-Loève transform, KLT) has nearly orthogonal columns of norm √3, so that an error in any of its
planes is an error of the same energy in R'G'B' as one in Y'. It maps the cube of colours into itself.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from qimg.codecs.block.transform.geometry import LARGEST, MIDDLE
from qimg.core import Array, arguments

Matrix = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]

MATRIX_BYTES = 9
"""Bytes of a matrix in a header."""
MATRIX_BITS = 6
"""Entries of such a matrix are in units of 2⁻⁶."""
_ANALYSIS_BITS = 16
_HALF = LARGEST // 2


@dataclass(frozen=True)
class ColourSpace:
    """The affine maps between R'G'B' and the samples of three planes."""

    synthesis: Matrix
    """Rows R', G', B' of S in units of 2^-bits."""
    analysis: Matrix
    """The inverse of S in units of 2⁻¹⁶, with which the encoder computes samples."""
    bits: int
    centres: tuple[int, int, int]
    """Sample of each plane for the origin."""
    origin: int
    """64 R' = 64 G' = 64 B' at the centres."""

    @property
    def weights(self) -> Array:
        """(3,) squared error of R', G' and B' per squared error of each plane, relative to the first plane."""
        energy = np.square(np.array(self.synthesis, float)).sum(axis=0)
        return np.asarray(energy / energy[0])

    def to_bytes(self) -> bytes:
        """The nine entries of S as signed bytes, row by row; for a space from `eigenbasis` only."""
        return np.array(self.synthesis, np.int8).tobytes()


YCBCR = ColourSpace(
    synthesis=((65536, 0, 91881), (65536, -22554, -46802), (65536, 116130, 0)),
    # The rows sum to 2¹⁶, 0 and 0, so that gray has neutral chroma.
    analysis=((19595, 38470, 7471), (-11058, -21710, 32768), (32768, -27439, -5329)),
    bits=16,
    centres=(0, MIDDLE, MIDDLE),
    origin=0,
)
"""Y', Cb and Cr of ITU-R BT.601 in full range as in JPEG (ITU-T T.871)."""


def eigenbasis(content: bytes) -> ColourSpace:
    """The space of a matrix S in a header, nine signed bytes in units of 2⁻⁶, row by row.

    Raises:
        ValueError: the matrix is singular.
    """
    a, b, c, d, e, f, g, h, i = np.frombuffer(content, np.int8).tolist()
    rows: Matrix = ((a, b, c), (d, e, f), (g, h, i))
    return ColourSpace(
        synthesis=rows, analysis=_inverse(rows), bits=MATRIX_BITS, centres=(_HALF, _HALF, _HALF), origin=_HALF
    )


def _inverse(rows: Matrix) -> Matrix:
    """The inverse of a matrix in units of 2⁻⁶, rounded to units of 2⁻¹⁶."""
    cofactors = [[_cofactor(rows, i, j) for j in range(3)] for i in range(3)]
    determinant = sum(rows[0][j] * cofactors[0][j] for j in range(3))
    arguments.require(determinant != 0, "matrix", "must be invertible", rows)
    scale = 1 << (_ANALYSIS_BITS + MATRIX_BITS)
    inverse = [tuple(round(Fraction(scale * cofactors[j][i], determinant)) for j in range(3)) for i in range(3)]
    return inverse[0], inverse[1], inverse[2]  # type: ignore[return-value]


def _cofactor(rows: Matrix, i: int, j: int) -> int:
    (a, b), (c, d) = ([rows[(i + k) % 3][(j + m) % 3] for m in (1, 2)] for k in (1, 2))
    return a * d - b * c
