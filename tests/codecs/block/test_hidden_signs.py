"""Hidden signs and classes judged with chroma: laws of the parity, round trips, and bits that are saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from qimg import images
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.rate_distortion import Prices
from qimg.codecs.block.encoder.sign_hiding import hide_signs
from qimg.codecs.block.inspection.stages import inspect
from qimg.codecs.block.model import tables
from qimg.codecs.block.model.hidden_signs import LEAST, SET, code_signs, hidden_count
from qimg.codecs.block.transform.dequantization import log_step
from qimg.entropy import range_coder
from qimg.entropy.mixing import new_reader, new_writer

STEP = 640
MAGNITUDES = st.lists(st.integers(-3, 3), min_size=4 * SET, max_size=4 * SET)


@pytest.fixture(scope="module")
def picture():
    return images.box_mean(images.bundled("coffee"), 4)[:96, :128].copy()


def hidden(values):
    """q with its hidden signs, and the coefficients that it came from."""
    shipped = tables.default()
    coefficients = np.array(values, np.float32) * STEP
    q = np.array(values, np.int32)
    prices = Prices(
        t=1,
        log_step=log_step(STEP),
        inverse=np.float32(1 / STEP),
        lagrange=np.float32(0.1),
        optimised=True,
        magnitude=shipped.costs.magnitude[0, 6],
        end=shipped.costs.end[0, 1],
        points=shipped.points,
        bits=shipped.costs.bits,
    )
    sigma = shipped.scales.log_sigma[1][0, 0]
    change = hide_signs(prices, np.ones(65, np.float32), sigma, coefficients, q)
    return q, np.array(values), change


@given(MAGNITUDES)
def test_one_magnitude_of_a_set_changes_by_one_where_the_parity_differs(values):
    q, before, change = hidden(values)
    assert np.isfinite(change)
    for first in range(0, len(q), SET):
        mine, old = q[first : first + SET], before[first : first + SET]
        total = np.abs(mine).sum()
        if np.abs(old).sum() < LEAST:
            assert_array_equal(mine, old)
            continue
        assert np.abs(np.abs(mine) - np.abs(old)).sum() <= 1
        assert (mine * old >= 0).all()
        assert total >= LEAST
        assert (mine[np.flatnonzero(mine)[0]] < 0) == total % 2


@given(MAGNITUDES)
def test_hidden_signs_are_read_and_take_no_bits(values):
    q, _, _ = hidden(values)
    writer = new_writer(1000)
    code_signs(writer, q.copy(), len(q))
    assert writer.position[0] == np.count_nonzero(q) - hidden_count(q)
    read = np.abs(q)
    code_signs(new_reader(range_coder.encode_bits(*writer.coded).astype(np.uint32)), read, len(q))
    assert_array_equal(read, q)


@pytest.mark.parametrize("search", [Search(), Search(optimised=False), Search(sizes=(8,), candidates=2)])
def test_pictures_with_hidden_signs_come_back(picture, search):
    parameters = Parameters(STEP, hidden_signs=True)
    coded = inspect(picture, parameters, search=search)
    (decoded,) = decode_strips([coded.payload], [96], 3, 128, tables.default(), parameters)
    assert_array_equal(decoded, coded.filtered)
    assert -1 < coded.payload_bits - coded.ideal_bits < 100
    saved = sum(hidden_count(q[0]) for q in coded.integers)
    assert sum(sum(block.sign_bits) for block in coded.blocks) == sum(map(np.count_nonzero, coded.integers)) - saved
    assert saved > 100


def test_classes_of_gray_pictures_depend_on_luma_alone(picture):
    gray = picture[..., 1].copy()
    one, four = (inspect(gray, Parameters(STEP), search=Search(candidates=count)) for count in (1, 4))
    assert one.payload == four.payload
    colours = inspect(picture, Parameters(STEP), search=Search(candidates=1))
    assert [block.label for block in colours.blocks] != [
        block.label for block in inspect(picture, Parameters(STEP)).blocks
    ]
