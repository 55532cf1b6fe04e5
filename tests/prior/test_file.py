"""The prior's file: what is packed comes back, damage is named, and what is computed follows from its integers."""

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from qimg import images
from qimg.core import Array
from qimg.core import artifacts as container
from qimg.core.artifacts import ArtifactError
from qimg.operators import CorrelationOperator
from qimg.prior import GaussianMixture, Prior, View, load
from qimg.prior.integers import mixture_from_integers, mixture_to_integers, operator_from_integers, operator_to_integers

SEEDS = st.integers(0, 2**32 - 1)
TYPES = ("<i1", "<i2", "<i4", "<i8", "<u4")


def random_arrays(seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    arrays = {}
    for number, kind in enumerate(TYPES):
        bounds = np.iinfo(kind)
        shape = tuple(rng.integers(0, 4, size=rng.integers(0, 3)))
        drawn = rng.integers(bounds.min, bounds.max, shape, endpoint=True, dtype=np.dtype(kind))
        arrays[f"part {number}/values"] = np.asarray(drawn, kind)
    return arrays


def random_mixture(seed: int, classes: int, dimension: int) -> GaussianMixture:
    """Covariances whose eigenvalues fall from 100 to 1."""
    rng = np.random.default_rng(seed)
    bases = np.linalg.qr(rng.normal(size=(classes, dimension, dimension)))[0]
    covariances = (bases * np.geomspace(100, 1, dimension)) @ np.swapaxes(bases, 1, 2)
    weights = rng.uniform(0.2, 1, classes)
    return GaussianMixture.from_covariances(weights / weights.sum(), (covariances + np.swapaxes(covariances, 1, 2)) / 2)


def small_operator(seed: int, size: int = 2) -> CorrelationOperator:
    """Of planes in sixteenths of a code value, as a fit makes them."""
    planes = np.rint(np.random.default_rng(seed).uniform(0, 255, (20, 30)) * 16) / 16
    return CorrelationOperator.from_planes(planes, size=size)


@pytest.fixture(scope="module")
def prior() -> Prior:
    return Prior.assemble(
        operators={"luma a@1": small_operator(0), "luma b@1": small_operator(1), "luma a@2": small_operator(2)},
        mixtures={"patch2": random_mixture(0, 3, 3), "luma2": random_mixture(1, 2, 12)},
        provenance={"recipe": {"scales": [2, 1], "operator": ""}, "inputs": [{"name": "ä.png"}], "skipped": []},
    )


@pytest.fixture(scope="module")
def likelihood_prior() -> Prior:
    provenance = {"recipe": {"scales": [1]}, "inputs": []}
    return Prior.assemble(operators={}, mixtures={"patch8": random_mixture(3, 3, 63)}, provenance=provenance)


def sealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def with_header(header: object) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return sealed(b"QIMGPRIO" + (1).to_bytes(4, "little") + len(text).to_bytes(4, "little") + text + bytes(64))


@given(seed=SEEDS)
def test_what_is_packed_comes_back(seed: int) -> None:
    arrays = random_arrays(seed)
    header = {"text": "Grüße", "values": [1, 2.5, None], "nested": {"b": 1, "a": 2}}
    content = container.pack(header, arrays)
    found = container.unpack(content)
    assert found.header == header
    assert sorted(found.arrays) == sorted(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert_array_equal(found.arrays[name], array)
        assert not found.arrays[name].flags.writeable
    assert found.sha256 == content[-32:].hex() == hashlib.sha256(content[:-32]).hexdigest()


@given(seed=SEEDS)
def test_equal_contents_give_equal_bytes(seed: int) -> None:
    arrays = random_arrays(seed)
    turned = {
        name: np.array(array, array.dtype.newbyteorder(">"), order="F") for name, array in reversed(arrays.items())
    }
    content = container.pack({"b": 1, "a": {"d": 2, "c": 3}}, arrays)
    assert container.pack({"a": {"c": 3, "d": 2}, "b": 1}, turned) == content
    assert container.pack(*_parts(container.unpack(content))) == content


def _parts(contents: container.Contents) -> tuple[Any, Any]:
    return contents.header, contents.arrays


def test_the_layout_is_the_specified_one() -> None:
    """Byte by byte: a change of this breaks every prior that was ever written."""
    content = container.pack({"x": 1}, {"b": np.array([-2], np.int16), "a": np.array([[7]], np.int32)})
    text = b'{"arrays":{"a":{"dtype":"<i4","offset":0,"shape":[1,1]},"b":{"dtype":"<i2","offset":8,"shape":[1]}},"x":1}'
    text += b" " * (-(16 + len(text)) % 8)
    payload = b"\x07\x00\x00\x00" + bytes(4) + b"\xfe\xff"
    assert content == sealed(b"QIMGPRIO\x01\x00\x00\x00" + len(text).to_bytes(4, "little") + text + payload)


@pytest.mark.parametrize("array", [np.ones(2, complex), np.ones(2, np.uint8), np.ones(2, bool)])
def test_other_numbers_are_not_packed(array: Array) -> None:
    with pytest.raises(ValueError, match="a must be of one of the types <i1, "):
        container.pack({}, {"a": array})


def test_headers_without_a_json_form_are_not_packed() -> None:
    with pytest.raises(ValueError, match="JSON"):
        container.pack({"x": float("nan")}, {})


def test_every_altered_byte_is_noticed(prior: Prior) -> None:
    content = prior.to_bytes()
    offsets = sorted({*range(20), *range(20, len(content), 37), *range(len(content) - 33, len(content))})
    for offset in offsets:
        altered = bytearray(content)
        altered[offset] ^= 1 << (offset % 8)
        with pytest.raises(ArtifactError) as caught:
            container.unpack(bytes(altered))
        assert ("offset" in str(caught.value)) == (offset < 12)


def test_every_truncation_and_every_extension_is_noticed(prior: Prior) -> None:
    content = prior.to_bytes()
    for length in range(len(content)):
        with pytest.raises(ArtifactError):
            container.unpack(content[:length])
    with pytest.raises(ArtifactError, match="cut or altered"):
        container.unpack(content + b"\0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a prior: it must begin with QIMGPRIO at offset 0"),
        (b"\x89PNG" + bytes(100), "cannot be read as a prior: it must begin with QIMGPRIO at offset 0"),
        (b"QIMG", "it is cut: 4 bytes, but at least 48 are needed"),
        (
            sealed(b"QIMGPRIO" + (2).to_bytes(4, "little") + bytes(40)),
            "it has format version 2 at offset 8, but this qimg reads version 1",
        ),
        (sealed(b"QIMGPRIO\x01\0\0\0\xff\xff\xff\xff" + bytes(64)), "its header does not describe its arrays"),
        (with_header(b"\xff\xfe"), "its header does not describe its arrays"),
        (with_header(b"{"), "its header does not describe its arrays"),
        (with_header([]), "its header does not describe its arrays"),
        (with_header("text"), "its header does not describe its arrays"),
        (with_header({}), "its header does not describe its arrays .*arrays"),
        *(
            (with_header({"arrays": {"a": {"dtype": "<i4", "shape": [1], "offset": 0} | entry}}), "does not describe")
            for entry in (
                {"offset": 64},
                {"offset": 61},
                {"offset": -8},
                {"offset": 2**70},
                {"offset": "here"},
                {"shape": [17]},
                {"shape": [-1]},
                {"shape": [-1, -1]},
                {"shape": [2**32, 2**32]},
                {"shape": [2**62, 4]},
                {"shape": [2**70]},
                {"shape": 3},
                {"shape": None},
                {"dtype": "<c16"},
                {"dtype": ["<i4"]},
            )
        ),
        (with_header({"arrays": {"a": 3}}), "does not describe"),
        (with_header({"arrays": []}), "does not describe"),
    ],
)
def test_what_is_no_prior_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.prior"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"bad\.prior: .*{message}"):
        load(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"absent\.prior: cannot be read as a prior: No such file"):
        load(tmp_path / "absent.prior")
    with pytest.raises(ArtifactError, match=r"cannot be read as a prior: Is a directory"):
        load(tmp_path)


@given(seed=SEEDS, size=st.integers(1, 4))
def test_operators_of_planes_in_sixteenths_are_kept_exactly(seed: int, size: int) -> None:
    operator = small_operator(seed, size)
    found = operator_from_integers(operator_to_integers(operator))
    assert_array_equal(found.matrix, operator.matrix)
    assert_array_equal(found.sum, operator.sum)
    assert (found.count, found.weights) == (operator.count, "energy")


def test_other_operators_are_rounded(rng: np.random.Generator) -> None:
    operator = CorrelationOperator.from_patches(rng.normal(size=(9, 3)))
    found = operator_from_integers(operator_to_integers(operator))
    assert np.abs(found.matrix - operator.matrix).max() <= 1 / 512
    assert np.abs(found.sum - operator.sum).max() <= 1 / 32


@given(seed=SEEDS, classes=st.integers(1, 5), dimension=st.integers(1, 12), power=st.integers(-20, 20))
def test_mixtures_in_16_bits_give_nearly_the_same_likelihood(
    seed: int, classes: int, dimension: int, power: int
) -> None:
    mixture = random_mixture(seed, classes, dimension).transformed(2.0**power * np.eye(dimension))
    arrays = mixture_to_integers(mixture)
    found = mixture_from_integers(arrays)
    assert_allclose(found.weights.sum(), 1, rtol=1e-15)
    # Half a unit of 2⁻³⁰, twice: the sum has changed too.
    assert_allclose(found.weights, mixture.weights, rtol=0, atol=classes * 2.0**-30)
    top = np.abs(mixture.factors).max(axis=2, keepdims=True)
    assert (np.abs(found.factors - mixture.factors) <= top / 32767).all()
    assert 2**14 <= np.abs(arrays["factors"].astype(int)).max() < 2**15
    vectors = mixture.sample(20, np.random.default_rng(seed))
    # L + E with |E_ij| ≤ top_i / 32767: to first order the log-density of a class changes by at most
    # (‖w‖² + d) ‖L⁻¹ E‖, w = L⁻¹ x; a mixture's by at most the largest change of a class. 1.1 covers second order.
    change = 0.0
    for k in range(classes):
        error = np.linalg.norm(
            np.abs(mixture.whitening[k]) @ np.tril(np.broadcast_to(top[k] / 32767, (dimension,) * 2))
        )
        white = vectors @ mixture.whitening[k].T
        change = np.maximum(change, ((white**2).sum(axis=1) + dimension) * error)
    difference = np.abs(found.log_likelihood(vectors) - mixture.log_likelihood(vectors))
    assert (difference <= 1.1 * change + 1e-7).all()
    assert difference.mean() < 0.02


def test_integers_are_kept_as_they_are() -> None:
    arrays = mixture_to_integers(random_mixture(4, 3, 6))
    again = mixture_to_integers(mixture_from_integers(arrays))
    assert_array_equal(again["exponents"], arrays["exponents"])
    assert_array_equal(again["factors"], arrays["factors"])


def test_a_prior_is_what_it_is_after_saving_and_loading(prior: Prior, tmp_path: Path) -> None:
    path = tmp_path / "one.prior"
    prior.save(path)
    found = load(path)
    content = path.read_bytes()
    assert found.sha256 == prior.sha256 == hashlib.sha256(content[:-32]).hexdigest()
    assert found.to_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    assert dict(found.provenance) == dict(prior.provenance)
    assert found.provenance["inputs"][0]["name"] == "ä.png"
    assert list(found.operators) == ["luma a@1", "luma a@2", "luma b@1"]
    assert list(found.mixtures) == ["luma2", "patch2"]
    for name in found.mixtures:
        assert_array_equal(found.mixtures[name].mixture.factors, prior.mixtures[name].mixture.factors)
        assert_array_equal(found.mixtures[name].mixture.weights, prior.mixtures[name].mixture.weights)
        assert found.mixtures[name].view == View(name)
        assert found.mixtures[name] is found.mixtures[name]
    assert_array_equal(found.operators["luma a@1"].matrix, small_operator(0).matrix)
    assert repr(found) == f"Prior(1 pictures, 3 operators, mixtures {{luma2: 2, patch2: 3}}, {prior.sha256[:12]})"
    other = Prior.assemble(operators={}, mixtures={}, provenance=prior.provenance)
    assert other.sha256 != prior.sha256


def test_operators_of_groups_and_scales_add(prior: Prior) -> None:
    both = small_operator(0) + small_operator(1)
    assert_array_equal(prior.operator.matrix, both.matrix)
    assert prior.operator.count == both.count
    assert_array_equal(prior.operator_of("luma", group="b").matrix, small_operator(1).matrix)
    assert_array_equal(prior.operator_of("luma", scale=2).matrix, small_operator(2).matrix)


def test_the_recipe_chooses_the_operator() -> None:
    chosen = Prior.assemble(
        operators={"luma a@1": small_operator(0), "luma b@1": small_operator(1)},
        mixtures={},
        provenance={"recipe": {"scales": [1], "operator": "b"}, "inputs": []},
    )
    assert_array_equal(chosen.operator.matrix, small_operator(1).matrix)
    assert_array_equal(chosen.operator_of("luma", group="a").matrix, small_operator(0).matrix)


@pytest.mark.parametrize("shape", [(64,), (1, 64), (5, 64), (2, 3, 64), (0, 64)])
def test_likelihood_of_patches_is_scipys(likelihood_prior: Prior, shape: tuple[int, ...]) -> None:
    patches = np.random.default_rng(5).normal(0.4, 0.02, shape)
    kept = patches.copy()
    found = likelihood_prior.log_likelihood(patches)
    assert found.shape == shape[:-1]
    mixture = likelihood_prior.mixtures["patch8"].mixture
    flat = scipy.fft.dctn(patches.reshape(-1, 8, 8), axes=(1, 2), norm="ortho").reshape(-1, 64)[:, 1:]
    # As a density over the AC coefficients of code values / 255, whose covariances are C / 255².
    each = [
        np.log(weight) + np.reshape(multivariate_normal(np.zeros(63), covariance / 255**2).logpdf(flat), -1)
        for weight, covariance in zip(mixture.weights, mixture.covariances, strict=True)
        if len(flat)
    ]
    expected = logsumexp(each, axis=0) if len(flat) else np.zeros(0)
    assert_allclose(found.ravel(), expected, rtol=1e-10, atol=1e-9)
    assert_allclose(likelihood_prior.log_likelihood(patches + 0.3), found, atol=1e-8)
    assert_array_equal(patches, kept)


def test_likelihood_of_a_photograph_is_finite(likelihood_prior: Prior) -> None:
    plane = images.luma(images.box_mean(images.bundled("chelsea"), 4))[:64, :64] / 255
    patches = plane.reshape(8, 8, 8, 8).swapaxes(1, 2).reshape(8, 8, 64)
    assert np.isfinite(likelihood_prior.log_likelihood(patches)).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p.mixtures["luma8"], KeyError, "the prior holds no mixture 'luma8'; it holds luma2, patch2"),
        (lambda p: p.operators["colour a@1"], KeyError, "the prior holds no operator 'colour a@1'; it holds luma a@1,"),
        (lambda p: p.operator_of("colour"), ValueError, "holds no colour operator at scale 1; it holds luma a@1"),
        (lambda p: p.operator_of("luma", group="c"), KeyError, "no luma operator of c at scale 1"),
        (lambda p: p.operator_of("luma", scale=4), KeyError, "no luma operator at scale 4"),
        (lambda p: p.operator_of("alpha"), ValueError, "holds no alpha operator at scale 1"),
        (lambda p: p.log_likelihood(np.ones(64)), KeyError, "needs the mixture patch8; the prior holds luma2, p"),
        (lambda p: p.log_likelihood(np.ones(63)), ValueError, r"patches must have shape \(\.\.\., 64\), but has"),
        (lambda p: p.log_likelihood(np.full(64, np.nan)), ValueError, "patches must be finite"),
        (
            lambda p: Prior.assemble(operators={}, mixtures={"patch3": random_mixture(0, 1, 3)}, provenance={}),
            ValueError,
            "patch3 must have dimension 8, but patch3=3",
        ),
    ],
)
def test_errors_say_what_is_missing(
    prior: Prior, call: Callable[[Prior], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(prior)


def test_an_empty_prior_says_so() -> None:
    empty = Prior.assemble(operators={}, mixtures={}, provenance={"inputs": []})
    with pytest.raises(KeyError, match="the prior holds no mixture 'luma8'; it holds none"):
        empty.mixtures["luma8"]
    assert "luma8" not in empty.mixtures


def test_saving_into_a_missing_folder(prior: Prior, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot be written \(No such file or directory\).*one\.prior"):
        prior.save(tmp_path / "absent" / "one.prior")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["os.replace", "os.fdopen"])
def test_a_full_disk_leaves_the_old_file(
    prior: Prior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "one.prior"
    path.write_bytes(b"before")

    def full(first: Any, *_: object) -> None:
        if isinstance(first, int):
            os.close(first)  # what `fdopen` would have taken over
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(call, full)
    with pytest.raises(OSError, match="No space left"):
        prior.save(path)
    monkeypatch.undo()
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("one.prior", b"before")]


def test_parts_of_unknown_kinds_are_left_out_and_kept(tmp_path: Path, prior: Prior) -> None:
    header, arrays = dict(prior.contents.header), dict(prior.contents.arrays)
    header["operators"] = [*header["operators"], "edges wiki"]
    header["mixtures"] = [*header["mixtures"], "luma99", "spiral"]
    path = tmp_path / "later.prior"
    path.write_bytes(container.pack(header, {**arrays, "operator edges wiki/angles": np.arange(4, dtype=np.int32)}))
    found = load(path)
    assert list(found.operators) == list(prior.operators)
    assert list(found.mixtures) == list(prior.mixtures)
    assert repr(found).startswith("Prior(")
    assert found.operator.count == prior.operator.count
    found.save(tmp_path / "again.prior")
    assert (tmp_path / "again.prior").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("change", ["no sum", "short factors", "no recipe", "inputs", "number"])
def test_files_that_do_not_hold_what_they_name(tmp_path: Path, prior: Prior, change: str) -> None:
    header, arrays = dict(prior.contents.header), dict(prior.contents.arrays)
    if change == "no sum":
        del arrays[f"operator {next(iter(prior.operators))}/sum"]
    elif change == "short factors":
        key = f"mixture {next(iter(prior.mixtures))}/factors"
        arrays[key] = arrays[key][:, :-1]
    elif change == "number":
        header["operators"] = [3]
    else:
        header["provenance"] = {"inputs": 3 if change == "inputs" else [], "skipped": []}
    path = tmp_path / "odd.prior"
    path.write_bytes(container.pack(header, arrays))
    with pytest.raises(
        ArtifactError, match=r"odd\.prior: cannot be read as a prior: it does not hold what its header names"
    ):
        load(path)
