"""What a basis is worth on vectors that it was not found for."""

from dataclasses import replace

import numpy as np

from qimg.core import Array, arguments
from qimg.core.workers import HERE, Workers
from qimg.operators.correlation import Weights
from qimg.operators.low_rank.streams import Patches, Stream
from qimg.operators.low_rank.sums import Energies, accumulate


def energies_of(
    basis: Array, patches: Patches, *, shift: float = 0.0, weights: Weights = "energy", workers: Workers = HERE
) -> Energies:
    """Energies of vectors along the rows of a basis (k, d), and their totals. Cost: one pass, 2 n d k operations."""
    stream = Stream(patches, shift=shift, weights=weights)
    dimension = stream.rule.dimension
    expected = basis.shape[1]
    arguments.require(dimension == expected, "patches", f"must have {expected} components", dimension)
    if stream.rule.dtype[0] == "f" and np.iscomplexobj(basis):
        stream.rule = replace(stream.rule, dtype={"f4": "c8", "f8": "c16"}[stream.rule.dtype])
    energies = accumulate(stream, Energies(basis.T.astype(stream.rule.dtype)), workers)
    totals = energies.totals
    arguments.require(totals.trace > 0, "patches", "must hold a vector that is not zero", totals.count)
    return energies


def error_psnr_db(squared_error: Array, data_range: float) -> Array:
    """PSNR in dB of mean squared errors; infinite where there is none."""
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(data_range**2 / np.maximum(squared_error, 0.0)))
