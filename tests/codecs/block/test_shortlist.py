"""Classes of least estimated cost: products with all classes at once, the table of costs, and what a list loses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from qimg import images
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.encoder import class_matrices
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.importance import importance_of
from qimg.codecs.block.encoder.shortlist import BINS, expected_costs
from qimg.codecs.block.encoder.strips import encode_strips
from qimg.codecs.block.inspection.stages import inspect
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform import colour
from qimg.core.compiled import compiled
from qimg.transforms import unitary

STEP = 640
SHIPPED = tables.default()


@compiled
def products(matrices, t, transposed, halves, out) -> None:
    class_matrices.separable_products(matrices, t, transposed, halves, out)


@compiled
def add(matrix, values, first, out) -> None:
    class_matrices.add_products(matrix, values, first, out)


@pytest.fixture(scope="module")
def picture():
    return images.box_mean(images.bundled("coffee"), 4)[:96, :128].copy()


@pytest.mark.parametrize("t", [2, 3])
def test_separable_products_are_the_coefficients_in_every_class(t, rng):
    costs, square = SHIPPED.costs, rng.normal(0, 500, (16, 16)).astype(np.float32)
    classes = SHIPPED.classes[t]
    out = np.full(256 * classes, np.nan, np.float32)
    transposed = np.ascontiguousarray(square.T).ravel()
    products(costs.by_class, t, transposed, np.full((16, 16 * classes), np.nan, np.float32), out)
    exact = np.einsum("cui,ij,cvj->uvc", costs.rows[t - 2], square.astype(float), costs.columns[t - 2])
    assert_allclose(out.reshape(16, 16, classes), exact, atol=0.01)  # single precision, Σ of 256 products of 500


@pytest.mark.parametrize("t", [0, 1, 2, 3])
def test_leading_coefficients_of_the_ring_are_those_of_the_prediction(t, rng):
    costs, classes = SHIPPED.costs, SHIPPED.classes[t]
    weights = SHIPPED.bases.predictor[t] / 4096
    ring = rng.normal(0, 300, weights.shape[1]).astype(np.float32)
    count = class_matrices.LEADING[t]
    leading = np.zeros(count * classes, np.float32)
    add(costs.by_class.ring[t], np.concatenate([[7], ring]).astype(np.float32), 1, leading)
    prediction = np.einsum("j,cji->ci", ring, weights)
    if t < 2:
        exact = np.einsum("cki,ci->ck", SHIPPED.bases.full[t] / 8192, prediction)
    else:
        square = prediction.reshape(-1, 16, 16) * (2 if t == 3 else 1)
        rows, columns = SHIPPED.bases.rows[t - 2] / 8192, SHIPPED.bases.columns[t - 2] / 8192
        exact = (rows @ square @ columns.transpose(0, 2, 1)).reshape(-1, 256)
        exact = np.take_along_axis(exact, SHIPPED.bases.order[t].astype(int), axis=1)
    assert_allclose(leading.reshape(count, classes), -exact[:, :count].T, atol=0.05)


def test_a_sample_of_the_prediction_of_a_block_of_32_has_twice_its_norm():
    up = unitary("dct", 32)[:16].T @ unitary("dct", 16)
    assert_allclose(up.T @ np.ones((32, 32)) @ up, 2 * np.ones((16, 16)), atol=1e-12)


def test_expected_costs_are_the_least_of_all_magnitudes(rng):
    costs, points, weight = SHIPPED.costs, SHIPPED.points, 0.12
    table = expected_costs(costs, points, weight)
    for nearby, level, place in zip(*(rng.integers(0, n, 200) for n in (12, 32, BINS)), strict=True):
        size = (place + 0.5) / 4
        values = [0] + [m - points[2 * level, min(m, 3) - 1] / 256 for m in range(1, 16)]
        bits = costs.magnitude[0, nearby, level]
        least = min((size - value) ** 2 + weight * bit for value, bit in zip(values, bits, strict=True))
        assert table[nearby, level, place] == pytest.approx(least, rel=1e-5)


@pytest.mark.parametrize(("count", "percent"), [(31, 0.5), (12, 1), (5, 2)])
def test_a_shortlist_loses_little_against_all_classes(picture, count, percent):
    def cost(shortlist):
        coded = inspect(picture, Parameters(STEP), search=Search(shortlist=shortlist, filtered=False))
        error = colour.squared_error(coded.source[0], coded.filtered[0]) / STEP**2
        return error + Search().lagrange * coded.payload_bits

    every, some, one = cost(32), cost(count), cost(1)
    assert some < (1 + percent / 100) * every
    assert some < one


def test_all_classes_are_judged_where_errors_are_weighted(picture):
    samples = colour.to_samples(picture, 3)
    importance = importance_of(picture, SHIPPED)

    def payload(count):
        search = Search(shortlist=count)
        return next(encode_strips([samples], SHIPPED, Parameters(STEP), search=search, importance=importance))

    assert payload(2) == payload(32)
