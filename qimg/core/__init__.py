"""Shared foundations: argument checks, atomic file writing, artifacts of fitted data, workers, one BLAS thread."""

from qimg.core.arguments import (
    TOLERANCE,
    Array,
    density_matrix,
    dimensions,
    effort,
    fraction,
    hermitian,
    integer,
    numeric,
    one_of,
    populations,
    real,
    require,
    require_shape,
    square,
    unitary,
    vectors,
)
from qimg.core.atomic import write_atomically
from qimg.core.blas import in_one_blas_thread, one_blas_thread
from qimg.core.files import names_for, one_line, regular, sentence, to_write
from qimg.core.progress import Track, ticked

__all__ = [
    "Array",
    "TOLERANCE",
    "Track",
    "density_matrix",
    "dimensions",
    "effort",
    "fraction",
    "hermitian",
    "in_one_blas_thread",
    "integer",
    "names_for",
    "numeric",
    "one_blas_thread",
    "one_line",
    "one_of",
    "populations",
    "real",
    "regular",
    "require",
    "require_shape",
    "sentence",
    "square",
    "ticked",
    "to_write",
    "unitary",
    "vectors",
    "write_atomically",
]
