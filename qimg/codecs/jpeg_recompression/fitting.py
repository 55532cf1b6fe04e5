"""Fits the state of the models at the beginning of a file to photographs; see `fit`.

python -m qimg.codecs.jpeg_recompression.fitting PICTURES... --out default.recompression
"""

import argparse
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from qimg.codecs.jpeg_recompression.model import KINDS, new_model
from qimg.codecs.jpeg_recompression.planes import Components, encode_planes
from qimg.codecs.jpeg_recompression.prediction import AVAILABLE, BITS, FEATURES
from qimg.codecs.jpeg_recompression.scans import Headers, scanned
from qimg.codecs.jpeg_recompression.statistics import InitialModels
from qimg.codecs.jpeg_recompression.surroundings import (
    CURRENT,
    FRACTION,
    PADDED,
    Surroundings,
    begin_block,
    end_block,
    set_coefficient,
)
from qimg.core import Array, Track, write_atomically
from qimg.core.compiled import compiled, inner
from qimg.images import load
from qimg.images.collections import gather
from qimg.images.jpeg.markers import ZIGZAG

QUALITIES = (40, 97)
"""Range of the qualities of the files."""
_SUBSAMPLINGS = (0, 2, 2, 1)  # 4:4:4, 4:2:0 twice as often, 4:2:2
_ROUNDS = 3  # of reweighted least squares
_RIDGE = 1e-3
_BEYOND = 3  # coefficients after the last one that is not zero, which take part in the regression
MOST_OCCURRENCES = 12
"""Occurrences that probabilities begin with at most."""


def fit(pictures: Sequence[Array], *, seed: int, names: Sequence[str] = (), track: Track = iter) -> InitialModels:
    """The state of the models after coding pictures as JPEG files of random quality and sampling.

    First the weights of the prediction: least squares, weighted by the inverse of the expected squares, for each
    frequency, kind of component and case of neighbours. Then the models code all files one after the other.

    Args:
        pictures: `uint8` (H, W, 3).
        seed: of qualities and samplings, and of the order.
        names: of the pictures, for the provenance.
        track: wraps the files of each round.
    """
    files = [scanned(jpeg)[0] for jpeg in jpeg_files(pictures, seed=seed)]
    models = [new_model(mean, magnitude) for mean, magnitude in zip(*weights_of(files, track=track), strict=True)]
    for file in track(files):
        encode_planes(file, models)
    provenance = {"inputs": list(names), "seed": seed, "qualities": list(QUALITIES), "files": len(files)}
    return InitialModels.of(models, provenance, most=MOST_OCCURRENCES)


def jpeg_files(pictures: Sequence[Array], *, seed: int) -> Iterator[bytes]:
    """JPEG files of pictures by Pillow, of random quality and sampling, in random order."""
    rng = np.random.default_rng(seed)
    for index in rng.permutation(len(pictures)):
        file = io.BytesIO()
        quality, sampling = int(rng.integers(QUALITIES[0], QUALITIES[1])), _SUBSAMPLINGS[rng.integers(4)]
        Image.fromarray(pictures[index]).save(file, "JPEG", quality=quality, subsampling=sampling)
        yield file.getvalue()


def weights_of(files: Iterable[Headers], *, track: Track = iter) -> tuple[Array, Array]:
    """Weights of means and of magnitudes, (KINDS, AVAILABLE, FEATURES, 64) int32 each."""
    shape = (KINDS, AVAILABLE, 64, FEATURES)
    magnitudes = np.zeros(shape)
    magnitudes[..., [0, 1]], magnitudes[..., [6, 7]], magnitudes[..., 15] = 0.2, 0.25, 0.1
    means = np.zeros(shape)
    for _ in range(_ROUNDS):
        sums = [(np.zeros((*shape, FEATURES)), np.zeros(shape)) for _ in range(2)]
        for file in track(files):
            for kind, around, row, column, blocks in Components(file).parts():
                work = np.zeros((2, FEATURES), np.int64)
                parts = [part[kind] for pair in sums for part in pair]
                _accumulate(around, row, column, blocks, magnitudes[kind], work, *parts)
        means, magnitudes = (_solved(*pair) for pair in sums)
    quantized = [np.rint(one * (1 << BITS)).astype(np.int32).swapaxes(-1, -2) for one in (means, magnitudes)]
    return np.ascontiguousarray(quantized[0]), np.ascontiguousarray(quantized[1])


def _solved(squares: Array, products: Array) -> Array:
    """Solutions of normal equations with a small ridge."""
    ridge = _RIDGE * (1 + np.trace(squares, axis1=-2, axis2=-1) / FEATURES)
    return np.linalg.solve(squares + ridge[..., None, None] * np.eye(FEATURES), products[..., None])[..., 0]


@inner
def _set_features(around: Surroundings, at: int, place: int, mean: Array, size: Array) -> None:
    """The features that `qimg.codecs.jpeg_recompression.prediction` weighs."""
    row, column, known = place >> 3, place & 7, around.known
    left, above = around.profiles[1, at - 1], around.profiles[0, at]
    mean[0], mean[1], mean[2], mean[3] = known[0, row], known[1, row], known[2, column], known[3, column]
    mean[4], mean[5], mean[6], mean[7] = left[0, row], left[1, row], above[2, column], above[3, column]
    values, others = around.values, around.others
    beside, over = values[CURRENT, at - 1, place], values[CURRENT - 1, at, place]
    corner, ahead = values[CURRENT - 1, at - 1, place], values[CURRENT - 1, at + 1, place]
    mean[8], mean[9], mean[10], mean[11] = beside, over, corner, ahead
    mean[12], mean[13] = others[0, at, place], others[1, at, place]
    mean[14], mean[15] = others[0, at - 1, place], others[1, at - 1, place]
    for i in range(8, FEATURES):
        mean[i] <<= FRACTION
    block, inside = around.block, PADDED * row + column + 1
    size[0], size[1], size[2] = block[inside + 1], block[inside + PADDED], block[inside + PADDED + 1]
    size[3], size[4], size[5] = block[inside + 2], block[inside + 2 * PADDED], block[inside + PADDED - 1]
    if row > 0:
        size[5] += block[inside - PADDED + 1]
    size[6], size[7], size[8] = abs(beside), abs(over), abs(corner) + abs(ahead)
    size[9], size[10] = abs(values[CURRENT, at - 2, place]), abs(values[CURRENT - 2, at, place])
    size[11], size[12] = around.sums[1, at - 1, place], around.sums[0, at, place]
    size[13], size[14] = abs(others[0, at, place]), abs(others[1, at, place])
    size[15] = around.steps[place]
    for i in range(FEATURES):
        size[i] <<= FRACTION


@compiled
def _accumulate(
    around: Surroundings,
    row: int,
    first: int,
    blocks: Array,
    expected: Array,
    work: Array,
    mean_squares: Array,
    mean_products: Array,
    size_squares: Array,
    size_products: Array,
) -> None:
    """Add a part of a row of blocks to the normal equations.

    Args:
        around: modified.
        row: of blocks.
        first: column of the part.
        blocks: (columns, 64) coefficients.
        expected: (AVAILABLE, 64, FEATURES) weights of magnitudes, which weigh the equations.
        work: (2, FEATURES) int64 working memory.
        mean_squares: (AVAILABLE, 64, FEATURES, FEATURES) sums; modified, as the others.
        mean_products: (AVAILABLE, 64, FEATURES).
        size_squares: as for the mean.
        size_products: as for the mean.
    """
    mean, size = work[0], work[1]
    for column in range(first, first + len(blocks)):
        at, available, block = column + 2, (1 if column > 0 else 0) + (2 if row > 0 else 0), blocks[column - first]
        begin_block(around)
        last = 63
        while last > 0 and block[ZIGZAG[last]] == 0:
            last -= 1
        for number in range(min(last + _BEYOND, 63), -1, -1):
            place = ZIGZAG[number]
            _set_features(around, at, place, mean, size)
            unit, value = float(around.steps[place] << FRACTION), float(block[place])
            magnitude = 0.0
            for i in range(FEATURES):
                magnitude += expected[available, place, i] * size[i] / unit
            square = max(magnitude, 0.05) ** 2
            for_mean, for_size = 1 / (2 * square + 0.15), 1 / (square + 0.05)
            for i in range(FEATURES):
                weighted, weighted_size = for_mean * mean[i] / unit, for_size * size[i] / unit
                mean_products[available, place, i] += weighted * value
                size_products[available, place, i] += weighted_size * abs(value)
                for j in range(FEATURES):
                    mean_squares[available, place, i, j] += weighted * mean[j] / unit
                    size_squares[available, place, i, j] += weighted_size * size[j] / unit
            if block[place] != 0:
                set_coefficient(around, at, place, block[place])
        end_block(around, at, last)


def main() -> None:
    """Fit statistics to pictures, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", help="pictures or folders of them")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sources = [source for source in gather(options.pictures) if source.path is not None]
    pictures = [load(source.path) for source in sources if source.path is not None]
    names = [source.name for source in sources]
    statistics = fit(pictures, seed=options.seed, names=names)
    write_atomically(options.out, statistics.to_bytes(), overwrite=True)


if __name__ == "__main__":
    main()
