"""Matched blocks: their places and distances by brute force, round trips, and bytes that are saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import qimg
from qimg import codecs, images
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.encoder.strips import encode_strips
from qimg.codecs.block.inspection.stages import block_stages, inspect
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform import matching
from qimg.codecs.block.transform.blocks import new_work, predict_matched
from qimg.codecs.block.transform.geometry import LARGEST, has_top_right, interleaved
from qimg.codecs.errors import BitstreamError

STEP = 12 * 64
WIDTH, ROWS = 160, 96
PLACES = st.tuples(st.integers(0, 2), st.integers(0, ROWS // 4 - 1), st.integers(0, WIDTH // 4 - 1))


@pytest.fixture(scope="module")
def repetitive() -> np.ndarray:
    """A picture that repeats a texture of 20×26 pixels with noise."""
    rng = np.random.default_rng(4)
    tile = images.bundled("coffee")[100:120, 150:176].astype(float)
    return np.clip(np.tile(tile, (6, 6, 1))[:ROWS, :150] + rng.normal(0, 2, (ROWS, 150, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 30, (1 + ROWS, WIDTH)).astype(np.int16)


def order(row: int, column: int) -> tuple[int, int, int]:
    """Order in which the 4×4 block of a sample is decoded."""
    return row // 32, column // 32, interleaved(row % 32 // 4, column % 32 // 4)


def places_of(t: int, y: int, x: int) -> list[tuple[int, int]]:
    """Places of a block by definition: block, template and ring are decoded before it, row by row."""
    side = 4 << t
    reach = 2 * side if has_top_right(y, x, side, WIDTH, False) else side
    here = order(y, x)
    places = []
    for row in range(max(3, y - 48), min(y + 16, ROWS - side) + 1):
        for column in range(max(3, x - 64), min(x + 64, WIDTH - reach) + 1):
            corners = ((row + side - 1, column + side - 1), (row - 1, column + reach - 1))
            if all(order(*corner) < here for corner in corners):
                places.append((row, column))
    return places


def template(plane: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    region = plane[1 + row - 3 : 1 + row + side, column - 3 : column + side].astype(int)
    return np.concatenate([region[:3].ravel(), region[3:, :3].ravel()])


def aligned(t: int, y: int, x: int) -> tuple[int, int, int]:
    """Index of size, and row and column of a block in samples, from those of one of its 4×4 blocks."""
    return t, (4 * y) >> (2 + t) << (2 + t), (4 * x) >> (2 + t) << (2 + t)


@given(PLACES)
def test_a_matchable_block_has_enough_places_of_which_the_nearest_are_taken(plane, place):
    t, y, x = aligned(*place)
    if not matching.can_match(t, y, x):
        assert y == 0 or x == 0 or (y < 32 and x < 32)
        return
    side, places, matches = 4 << t, places_of(t, y, x), matching.new_matches()
    assert len(places) >= matching.MATCHES
    own = template(plane, y, x, side)
    distances = [int(np.abs(template(plane, *other, side) - own).sum()) for other in places]
    nearest = np.argsort(distances, kind="stable")[: matching.MATCHES]
    matching.find_matches(plane, t, y, x, False, matches)
    assert [(int(row), int(column)) for row, column in zip(matches.row, matches.column, strict=True)] == [
        places[k] for k in nearest
    ]
    assert_array_equal(matches.distance, np.array(distances)[nearest])


@pytest.mark.parametrize("width", [32, 64, 96])
@pytest.mark.parametrize("above", [False, True])
def test_every_matchable_block_of_a_narrow_strip_has_enough_places(width, above):
    plane, matches = np.zeros((1 + 96, width), np.int16), matching.new_matches()
    for t in range(3):
        for y in range(0, 96, 4 << t):
            for x in range(0, width, 4 << t):
                if matching.can_match(t, y, x):
                    matching.find_matches(plane, t, y, x, above, matches)
                    assert (matches.distance == 0).all()


@given(PLACES)
def test_matches_do_not_depend_on_samples_that_are_not_decoded(plane, place):
    t, y, x = aligned(*place)
    if not matching.can_match(t, y, x):
        return
    rows, columns = np.indices((ROWS, WIDTH))
    later = np.array([order(r, c) >= order(y, x) for r, c in zip(rows.flat, columns.flat, strict=True)])
    changed = plane.copy()
    changed[1:][later.reshape(ROWS, WIDTH)] = 16000
    work, shipped = new_work(), tables.default()
    predictions = []
    for samples in (plane, changed):
        matching.find_matches(samples, t, y, x, False, work.matches)
        predict_matched(shipped.bases, work, samples, t, 1, y, x, False)
        predictions.append((work.matches.row.tolist(), work.matches.column.tolist(), work.prediction.tolist()))
    assert predictions[0] == predictions[1]


def test_a_block_that_repeats_is_predicted_exactly():
    """Where the picture repeats without noise, all rings agree, and the prediction is the repeated block."""
    tile = np.random.default_rng(1).integers(0, LARGEST, (16, 16))
    plane = np.zeros((97, 160), np.int16)
    plane[1:] = np.tile(tile, (6, 10))
    work, shipped = new_work(), tables.default()
    for t, y, x in ((0, 36, 92), (1, 40, 72), (2, 80, 80)):
        side = 4 << t
        matching.find_matches(plane, t, y, x, False, work.matches)
        assert (work.matches.distance == 0).all()
        assert predict_matched(shipped.bases, work, plane, t, 3, y, x, False) == 0
        block = plane[1 + y : 1 + y + side, x : x + side]
        assert_array_equal(work.prediction[: side * side].reshape(side, side), block)


def test_extreme_samples_stay_within_32_bits():
    """The clipped ring bounds a prediction by 33 S, whatever the samples and the class are."""
    shipped, work = tables.default(), new_work()
    plane = np.zeros((97, 160), np.int16)
    plane[:, ::2] = LARGEST
    plane[80:] = LARGEST - plane[80:]
    for t in range(3):
        for label in range(shipped.classes[t]):
            matching.find_matches(plane, t, 80, 80, False, work.matches)
            predict_matched(shipped.bases, work, plane, t, label, 80, 80, False)
            assert np.abs(work.ring[: 3 * (4 << t) + 1]).max() <= LARGEST
            assert np.abs(work.prediction[: 16 << (2 * t)]).max() <= 33 * LARGEST


@pytest.mark.parametrize("planes", [1, 3])
def test_pictures_with_matched_blocks_come_back(repetitive, planes):
    image = repetitive if planes == 3 else repetitive[..., 1].copy()
    parameters = Parameters(STEP, hidden_signs=True, matching=True)
    coded = inspect(image, parameters)
    (decoded,) = decode_strips([coded.payload], [ROWS], planes, 150, tables.default(), parameters)
    assert_array_equal(decoded, coded.filtered)
    assert -1 < coded.payload_bits - coded.ideal_bits < 100
    matched = [block for block in coded.blocks if block.matched]
    assert len(matched) > 10
    assert all(matching.can_match((4, 8, 16, 32).index(block.side), block.row, block.column) for block in matched)
    for number in [number for number, block in enumerate(coded.blocks) if block.matched][:20]:
        block = coded.blocks[number]
        stages = block_stages(coded, number, plane=planes - 1)
        rows, columns = slice(block.row, block.row + block.side), slice(block.column, block.column + block.side)
        reconstructed = coded.strip[planes - 1, 1:][rows, columns] / 64
        assert_array_equal(stages.reconstruction, reconstructed)


def test_matches_stay_within_their_strip(repetitive):
    """Each of several strips is searched for itself; the states of the models continue."""
    parameters = Parameters(STEP, matching=True)
    samples = images.luma(repetitive)[None].astype(np.int16) * 64
    strips, decoded = [samples[:, :64], samples[:, 64:]], []
    payloads = list(encode_strips(strips, tables.default(), parameters, decoded=decoded))
    read = list(decode_strips(payloads, [64, 32], 1, 150, tables.default(), parameters))
    for mine, its in zip(read, decoded, strict=True):
        assert_array_equal(mine, its)


def test_the_profile_makes_a_repetitive_picture_smaller_and_better(repetitive):
    standard = codecs.encode_picture(repetitive, codec="block", quality=60)
    smallest = codecs.encode_picture(repetitive, codec="block", quality=60, profile="max")
    assert len(smallest.data) < 0.9 * len(standard.data)
    assert smallest.psnr_db > standard.psnr_db - 0.1
    assert [data[5] >> 5 for data in (standard.data, smallest.data)] == [2, 3]
    assert "with matched blocks" in codecs.info(smallest.data).details["mode"]
    assert "with matched blocks" not in codecs.info(standard.data).details["mode"]


@pytest.mark.parametrize("options", [{"tune": "tangent"}, {"importance": np.linspace(1, 50, 150)[None].repeat(96, 0)}])
def test_the_profile_combines_with_weights_of_errors(repetitive, options):
    encoded = codecs.encode_picture(repetitive, codec="block", quality=50, profile="max", **options)
    assert container.parse(encoded.data).header.version == 4
    shown = codecs.decode(encoded.data)
    assert qimg.metrics.psnr_db(repetitive, shown) == pytest.approx(encoded.psnr_db, abs=1e-9)


def test_a_rectangle_is_that_of_the_whole_picture(repetitive):
    data = codecs.encode(repetitive, codec="block", quality=50, profile="max")
    whole = codecs.decode(data)
    for top, left, height, width in ((0, 0, 5, 5), (40, 60, 33, 70), (90, 149, 6, 1)):
        part = codecs.decode(data, crop=(top, left, height, width))
        assert_array_equal(part, whole[top : top + height, left : left + width])


@pytest.mark.parametrize("option", ["progressive", "stable"])
def test_the_profile_excludes(repetitive, option):
    with pytest.raises(ValueError, match=f"profile must be standard if {option} is set, but profile=max"):
        codecs.encode(repetitive, codec="block", quality=50, profile="max", **{option: True})


def test_progressive_files_have_no_matching(repetitive):
    stream = container.parse(codecs.encode(repetitive, codec="block", quality=50, progressive=True))
    parameters = Parameters(STEP, matching=True).to_bytes(4)
    header = container.Header(
        width=150, height=96, channels=3, bits=8, planes=3, progressive=True, version=4,
        identity=stream.header.identity, parameters=parameters,
    )  # fmt: skip
    with pytest.raises(BitstreamError, match=r"may have the bits 0x03 only, but are 0x08, at offset 14"):
        codecs.decode(container.assemble(header, []))
