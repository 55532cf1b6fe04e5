"""Codec tables without an ingredient, fitted again by the codec's rounds of coding and fitting."""

from collections.abc import Sequence

import numpy as np

from experiments._run import Array, Picture, Track
from experiments.coding.codec_variants import Arrays, Variant
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.fitting import estimation
from qimg.codecs.block.fitting.classes import Classes
from qimg.codecs.block.fitting.statistics import Statistics, add_picture, code_picture
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform.blocks import BASIS_BITS, PREDICTOR_BITS
from qimg.codecs.block.transform.colour import to_samples
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE, SIDES, SUPERBLOCK

CROP = 384
"""Largest side of the part of a picture that is coded in a round."""
STEPS = (8.0, 100.0)
"""Range of luma steps in code values; each picture and round draws one, uniformly in its logarithm."""


def fitted_again(
    variant: Variant, full: Tables, pictures: Sequence[Picture], *, rounds: int, seed: int, track: Track = iter
) -> Tables:
    """Tables of a variant whose classes, scales, expected bits and initial state are fitted to each other again.

    Every round codes the pictures, fits predictors, bases and scales to the blocks that chose each class, and applies
    the change of the variant again. The filter is not fitted again.

    Args:
        variant: with a change of the tables.
        full: tables of the full codec.
        pictures: at least 32 pixels wide and high; smaller ones are left out.
        rounds: of coding and fitting.
        seed: of crops and steps.
        track: wraps the pictures of all rounds, for a progress bar.
    """
    assert variant.change is not None
    tables = variant.tables(full)
    large = [picture for picture in pictures if min(picture.image().shape[:2]) >= SUPERBLOCK]
    if not large:
        return tables
    rng = np.random.default_rng(seed)
    state = tables.new_model()[:3]
    statistics = Statistics.none(_classes(tables), filters=False)
    for number, picture in track([(number, picture) for number in range(rounds) for picture in large]):
        classes = _classes(tables)
        samples = to_samples(_crop(_rgb(picture.image()), rng), 3)
        step = int(SAMPLE_SCALE * np.exp(rng.uniform(*np.log(STEPS))))
        coder, source, payload = code_picture(samples, tables, Parameters(step), state)
        add_picture(statistics, classes, coder, source, payload)
        state = coder.model[:3]
        if picture is large[-1]:
            tables = _improved(variant, tables, classes, statistics, state)
            statistics = Statistics.none(_classes(tables), filters=False)
            assert number < rounds
    return tables


def _improved(
    variant: Variant, tables: Tables, classes: list[Classes], statistics: Statistics, state: tuple[Array, Array, Array]
) -> Tables:
    assert variant.change is not None
    if all((size.predictor == 0).all() for size in classes):
        for size, moments in zip(classes, statistics.moments, strict=True):
            # Without correlation of ring and block, the fit gives a zero predictor and the eigenbasis of the block.
            moments[:, : size.ring, size.ring :] = 0
            moments[:, size.ring :, : size.ring] = 0
    estimation.improve(classes, statistics)
    expectations = estimation.expectations(statistics)
    arrays = estimation.all_arrays(classes, expectations, estimation.pooled_state([state]), tables.filters)
    blocks = {str(side): [int(count) for count in statistics.blocks[t]] for t, side in enumerate(SIDES)}
    variant.change(arrays, blocks)
    return Tables.assemble(arrays, {**tables.provenance, "blocks": blocks})


def _classes(tables: Tables) -> list[Classes]:
    arrays: Arrays = {name: tables.array(name) for name in tables.contents.arrays}
    return [_classes_of(arrays, side) for side in SIDES]


def _classes_of(arrays: Arrays, side: int) -> Classes:
    names = (f"basis {side}",) if side <= 8 else (f"rows {side}", f"columns {side}")
    basis = np.stack([arrays[name] for name in names]) / float(1 << BASIS_BITS)
    return Classes(
        side=side,
        predictor=arrays[f"predictor {side}"] / float(1 << PREDICTOR_BITS),
        basis=basis[0] if side <= 8 else basis,
        order=arrays[f"order {side}"].astype(np.int64),
        sigma=2.0 ** (arrays[f"log sigma {side}"] / 8.0),
    )


def _rgb(pixels: Array) -> Array:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _crop(pixels: Array, rng: np.random.Generator) -> Array:
    """A part of whole superblocks."""
    sides = [min(CROP, side) // SUPERBLOCK * SUPERBLOCK for side in pixels.shape[:2]]
    top, left = (int(rng.integers(0, length - side + 1)) for length, side in zip(pixels.shape, sides, strict=False))
    return np.ascontiguousarray(pixels[top : top + sides[0], left : left + sides[1]])
