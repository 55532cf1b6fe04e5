"""Inspection shows what the decoder does: the same samples, the same integers, the bits that the file really takes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import encode_strips
from qimg.codecs.block.inspection.stages import Inspection, block_stages, class_basis, inspect
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform import colour
from qimg.entropy import range_coder
from qimg.images import bundled

STEP = 20 * 64


@pytest.fixture(scope="module")
def picture():
    """Edges, texture and sky: (200, 250), no multiple of any block."""
    return np.ascontiguousarray(bundled("astronaut")[40:240, 130:380])


@pytest.fixture(scope="module")
def found(picture) -> Inspection:
    return inspect(picture, Parameters(STEP))


def one_of_each_size(found: Inspection) -> list[int]:
    """A block of each size with the most coefficients."""
    chosen = []
    for side in (4, 8, 16, 32):
        of_side = [k for k, block in enumerate(found.blocks) if block.side == side]
        chosen.append(max(of_side, key=lambda k: np.count_nonzero(found.integers[k])))
    return chosen


def test_the_payload_and_the_samples_are_those_of_the_coder(found, picture):
    samples = colour.to_samples(picture, 3)
    decoded = []
    payloads = list(encode_strips([samples], tables.default(), Parameters(STEP), decoded=decoded))
    assert payloads == [found.payload]
    assert_array_equal(found.filtered, decoded[0])
    (read,) = decode_strips(payloads, [200], 3, 250, tables.default(), Parameters(STEP))
    assert_array_equal(found.filtered, read)
    assert_array_equal(inspect(samples, Parameters(STEP)).decoded, found.decoded)


def test_blocks_cover_every_sample_once(found):
    count = np.zeros((224, 256), int)
    for k, block in enumerate(found.blocks):
        assert block.row % block.side == block.column % block.side == 0
        count[block.row : block.row + block.side, block.column : block.column + block.side] += 1
        assert found.at(block.row + block.side - 1, block.column) == k
        assert k in found.of_class(block.side, block.label)
    assert (count == 1).all()


@pytest.mark.parametrize("step", [6 * 64, 20 * 64, 60 * 64])
def test_cross_entropy_is_the_size_of_the_file(picture, step):
    found = inspect(picture, Parameters(step))
    # The range coder ends on whole words of 32 bits, and the payload begins with a byte of its own.
    assert found.payload_bits - found.ideal_bits == pytest.approx(40, abs=0.0015 * found.ideal_bits + 40)
    if found.payload_bits > 20_000:
        assert abs(found.payload_bits / found.ideal_bits - 1) < 0.005


def test_bits_are_those_of_the_probabilities_that_were_coded(picture, monkeypatch):
    coded = []
    encode = range_coder.encode_bits
    monkeypatch.setattr(range_coder, "encode_bits", lambda *given: coded.append(given) or encode(*given))
    found = inspect(picture, Parameters(STEP))
    ((bits, probabilities),) = coded
    p = probabilities / 65536
    assert found.ideal_bits == pytest.approx(-np.log2(np.where(bits == 1, p, 1 - p)).sum(), rel=1e-9)
    signs = sum(sum(block.sign_bits) for block in found.blocks)
    assert signs == sum(np.count_nonzero(q) for q in found.integers)


def test_what_is_given_in_other_ways_is_coded_alike(picture):
    gray = np.ascontiguousarray(picture[..., 1])
    found = inspect(gray, Parameters(STEP))
    assert found.planes == 1
    assert inspect(np.repeat(gray[..., None], 3, axis=2), Parameters(STEP)).payload == found.payload
    with_alpha = np.dstack([picture, picture[..., 0]])
    assert inspect(with_alpha, Parameters(STEP)).payload == inspect(picture, Parameters(STEP)).payload
    squares = inspect(gray, Parameters(STEP), search=Search(sizes=(8,), filtered=False))
    assert {block.side for block in squares.blocks} == {8}
    assert_array_equal(squares.filtered, squares.decoded)


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_stages_rebuild_the_decoded_samples(found, plane):
    for k in {*one_of_each_size(found), *range(0, len(found.blocks), 11)}:
        stages = block_stages(found, k, plane=plane)
        block = stages.block
        here = found.strip[plane, 1 + block.row : 1 + block.row + block.side, block.column : block.column + block.side]
        assert_array_equal(64 * stages.reconstruction, here)
        rebuilt = stages.prediction + (stages.basis.T @ stages.dequantized).reshape(block.side, block.side)
        # Sums are floored and rounded on the way, for blocks of 32 four times: two units of 1/64 at most.
        assert np.abs(np.clip(rebuilt, 0, 255) - stages.reconstruction).max() < 2 / 64
        if block.side <= 8:  # one product, floored: the same in plain integers
            whole = np.rint(2**13 * stages.basis).astype(int).T @ np.rint(64 * stages.dequantized).astype(int)
            samples = ((whole + 2**12) >> 13).reshape(here.shape) + np.rint(64 * stages.prediction).astype(int)
            assert_array_equal(np.clip(samples, 0, 255 * 64), here)


def test_stages_follow_from_each_other(found):
    known = tables.default()
    for k in one_of_each_size(found):
        stages = block_stages(found, k)
        side, label = stages.block.side, stages.block.label
        m = 3 * min(side, 16) + 1
        ring = stages.ring - stages.level
        assert stages.level == pytest.approx(stages.ring.mean(), abs=0.5 / 64)
        if side == 32:  # pairs of the ring predict the block through 16×16 samples
            pairs = (ring[1::2] + ring[2::2]) / 2
            ring = np.concatenate([ring[:1], pairs])
        seen = ring[:m] @ (known.bases.predictor[(4, 8, 16, 32).index(side)][label] / 2**12)
        if side == 32:
            up, first = known.bases.upsampling / 2**13, seen[0]
            seen = (up @ (2 * (seen - first).reshape(16, 16)) @ up.T).ravel() + first
        # Half a sample of rounding; for blocks of 32 also of the pairs, times weights whose sizes add to a few.
        assert np.abs(stages.level + seen - stages.prediction.ravel()).max() < (4 if side == 32 else 1) / 64
        assert_allclose(stages.coefficients, stages.basis @ stages.residual.ravel(), rtol=1e-12)
        # Entries are rounded to 2^-14; blocks of 32 have three factors.
        assert np.abs(stages.basis @ stages.basis.T - np.eye(len(stages.basis))).max() < 2e-3
        assert stages.step == STEP / 64
        kept = stages.integers != 0
        assert (np.sign(stages.dequantized) == np.sign(stages.integers)).all()
        # Reconstruction points lie within half a step of the middle of their bins, and so do most coefficients.
        assert np.abs(stages.dequantized[kept] / stages.step - stages.integers[kept]).max() < 0.5
        assert np.abs(stages.coefficients - stages.dequantized).max() < 1.7 * stages.step


def test_a_separable_basis_is_a_kronecker_product():
    known = tables.default()
    rows, columns = known.bases.rows[0][5] / 2**13, known.bases.columns[0][5] / 2**13
    block = np.random.default_rng(0).normal(size=(16, 16))
    expected = (rows @ block @ columns.T).ravel()[known.bases.order[2][5]]
    assert_allclose(class_basis(known, 16, 5) @ block.ravel(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 8, 8), np.int16), r"image must have shape \(1, H, W\) or \(3, H, W\) of int16 samples"),
        (np.full((1, 8, 8), -1, np.int16), r"image must hold samples in \[0, 16320\]"),
        (np.zeros((8, 8), float), "image"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        inspect(image, Parameters(STEP))


def test_blocks_that_are_not_there_are_refused(found):
    with pytest.raises(ValueError, match=r"plane must be .* \[0, 2\]"):
        block_stages(found, 0, plane=3)
    with pytest.raises(ValueError, match="number must be"):
        block_stages(found, len(found.blocks))
    with pytest.raises(ValueError, match="row must be"):
        found.at(224, 0)
    with pytest.raises(ValueError, match="side must be 4, 8, 16 or 32"):
        class_basis(tables.default(), 12, 0)
