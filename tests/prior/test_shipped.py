"""The prior that comes with qimg: what its provenance says is what it holds, and a stranger can read its file."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import qimg
from qimg import images, prior
from qimg.prior.model import operator_key

MIB = 1 << 20


@pytest.fixture(scope="module")
def shipped() -> prior.Prior:
    return prior.load()


@pytest.fixture(scope="module")
def content() -> bytes:
    return files("qimg.prior").joinpath("default.prior").read_bytes()


def test_it_is_at_most_six_mebibytes(content):
    assert len(content) <= 6 * MIB


def test_its_parts_are_those_of_its_recipe(shipped):
    recipe = shipped.provenance["recipe"]
    assert prior.Recipe(**{**recipe, **{key: tuple(recipe[key]) for key in recipe if isinstance(recipe[key], list)}})
    assert {name: shipped.mixtures[name].classes for name in shipped.mixtures} == recipe["mixtures"]
    groups = {record["group"] for record in shipped.provenance["inputs"]}
    expected = {("luma", group, scale) for group in groups for scale in recipe["scales"]}
    expected |= {("colour", group, min(recipe["scales"])) for group in groups}
    assert {operator_key(name) for name in shipped.operators} == expected
    assert recipe["operator"] in groups


def test_its_provenance_is_complete(shipped):
    provenance = shipped.provenance
    assert set(provenance["versions"]) == {"qimg", "numpy", "pillow"}
    assert len(provenance["inputs"]) == 241
    assert all(len(record["sha256"]) == 64 for record in provenance["inputs"])
    assert all(not record["name"].startswith("/") for record in [*provenance["inputs"], *provenance["skipped"]])
    rounds = prior.Recipe(mixtures=provenance["recipe"]["mixtures"]).steps.count("round")
    for name, classes in provenance["recipe"]["mixtures"].items():
        # The pass that splits large mixtures is one more round for small ones.
        assert len(provenance["log_likelihood"][name]) == rounds + (classes < 32)
        assert provenance["log_likelihood"][name][-1] > provenance["log_likelihood"][name][0]


def test_no_evaluation_picture_was_fitted_on(shipped):
    folders = {record["name"].split("/")[0] for record in shipped.provenance["inputs"]}
    assert folders == {"train"}


def test_its_public_names(shipped):
    operator = shipped.operator
    assert operator.dimension == 64
    assert operator.weights == "energy"
    # Level-shifted: the mean of natural pictures lies below 128.
    assert -40 < operator.mean.mean() < 0
    patches = qimg.extract_patches(images.luma(images.bundled("astronaut"))) / 255
    nats = shipped.log_likelihood(patches - patches.mean(axis=1, keepdims=True))
    assert nats.shape == (4096,)
    assert_allclose(nats, shipped.log_likelihood(patches), rtol=1e-9)
    gaussian = prior.GaussianMixture.from_covariances([1.0], [shipped.mixtures["patch8"].mixture.covariance()])
    single = gaussian.log_likelihood(255 * patches @ prior.View("patch8").analysis.T) + 63 * np.log(255)
    assert nats.mean() > single.mean() + 50


def test_a_stranger_reads_the_file(content, shipped):
    """By `docs/formats/artifacts.md` alone: nothing of qimg is used to read."""
    assert content[:8] == b"QIMGPRIO"
    assert int.from_bytes(content[8:12], "little") == 1
    end = 16 + int.from_bytes(content[12:16], "little")
    assert end % 8 == 0
    assert hashlib.sha256(content[:-32]).digest() == content[-32:]
    assert content[-32:].hex() == shipped.sha256
    header = json.loads(content[16:end])

    def array(name: str) -> np.ndarray:
        entry = header["arrays"][name]
        count = int(np.prod(entry["shape"]))
        return np.frombuffer(content, entry["dtype"], count, end + entry["offset"]).reshape(entry["shape"])

    def triangle(numbers: np.ndarray, d: int) -> np.ndarray:
        full = np.zeros((*numbers.shape[:-1], d, d))
        full[..., np.tri(d, dtype=bool)] = numbers
        return full

    name = f"luma {header['provenance']['recipe']['operator']}@1"
    lower = triangle(array(f"operator {name}/moments") / 256, 64)
    matrix = lower + np.tril(lower, -1).T
    assert_array_equal(matrix, shipped.operator.matrix)
    assert_array_equal(array(f"operator {name}/sum") / 16, shipped.operator.sum)
    assert array(f"operator {name}/count")[0] == shipped.operator.count

    exponents = array("mixture luma8/exponents").astype(float)
    factors = triangle(array("mixture luma8/factors").astype(float), 96) * 2.0 ** exponents[:, :, None]
    weights = array("mixture luma8/weights")
    mixture = shipped.mixtures["luma8"].mixture
    assert_array_equal(factors, mixture.factors)
    assert_allclose(weights / weights.sum(), mixture.weights, rtol=1e-15)

    # A vector of luma8, by the words of the page.
    plane = np.random.default_rng(0).uniform(0, 255, (24, 24))
    s, row, column = 8, 1, 1
    ring = np.concatenate([plane[row - 1, column - 1 : column + 2 * s], plane[row : row + 2 * s, column - 1]])

    def dct(n: int) -> np.ndarray:
        k, j = np.mgrid[:n, :n]
        return np.sqrt((2 - (k == 0)) / n) * np.cos(np.pi * k * (2 * j + 1) / (2 * n))

    block = dct(s) @ (plane[row : row + s, column : column + s] - ring.mean()) @ dct(s).T
    vector = np.concatenate([(dct(4 * s + 1) @ ring)[1:], block.ravel()])
    assert_allclose(prior.View("luma8").vectors(plane, [row], [column])[0], vector, atol=1e-9)
