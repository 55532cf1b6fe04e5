"""Files of fitted data: those that come with qimg are what they were, and every damage is named when one is opened."""

import hashlib
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reliability.artifacts import small_restorer
from qimg.codecs.block.model.tables import Tables
from qimg.core import Array
from qimg.core.artifacts import NAMES, Artifact, ArtifactError, Kind, pack, unpack
from qimg.prior import Prior
from qimg.restoration import Model
from qimg.restoration.jpeg.model import _FILTERS

SHIPPED: list[tuple[type[Artifact], str]] = [
    (Prior, "911da144e9c92b80311e19e1e8fa5627a979ff300793776d5378a4a47a9ace9e"),
    (Tables, "fa35f187818d3279acec1b407992a7099c7344453ef062505c97fd120352a801"),
    (Model, "360d8af284e0b619a4f9b331272e76d6ce1acd7a73ad1227607d8c6bd0a49c0d"),
]


class Toy(Artifact):
    """A small kind of its own."""

    KIND = Kind(tag="network", ending=".toy")

    def check(self) -> None:
        self.require_arrays({"values": ((3,), "<f4"), "counts": ((2, 2), "<i2")})


TOY = Toy.packed(
    {"text": "Grüße", "provenance": {"inputs": []}},
    {"values": np.array([0.1, np.inf, np.nan], np.float32), "counts": np.arange(4, dtype=np.int16).reshape(2, 2)},
)


@pytest.mark.parametrize(("kind", "sha256"), SHIPPED)
def test_shipped_files_are_what_they_were(kind: type[Artifact], sha256: str) -> None:
    artifact = kind.load()
    assert artifact.sha256 == sha256
    assert artifact is kind.load()
    again = pack(artifact.contents.header, artifact.contents.arrays)
    assert again == artifact.to_bytes()


@given(st.integers(0, 2**32 - 1), st.sampled_from(["<f2", "<f4", "<f8"]))
def test_floating_point_comes_back_bit_by_bit(seed: int, dtype: str) -> None:
    bits = np.random.default_rng(seed).integers(0, 256, 6 * np.dtype(dtype).itemsize, dtype=np.uint8)
    array = bits.view(dtype).reshape(2, 3)
    stored = unpack(pack({}, {"a": array})).arrays["a"]
    assert stored.dtype == np.dtype(dtype)
    assert stored.tobytes() == array.tobytes()


def test_a_file_comes_back(tmp_path: Path) -> None:
    TOY.save(tmp_path / "a.toy")
    again = Toy.load(tmp_path / "a.toy")
    assert again.to_bytes() == TOY.to_bytes()
    assert again.contents.header == {"kind": "network", "text": "Grüße", "provenance": {"inputs": []}}
    assert again.array("counts").tolist() == [[0, 1], [2, 3]]
    assert again.array("counts").flags.writeable


def refusal(kind: type[Artifact], path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        kind.load(path)
    said = str(caught.value)
    start = f"{path}: cannot be read as {NAMES[kind.KIND.tag]}: "
    assert said.startswith(start)
    assert "\n" not in said
    return said.removeprefix(start)


def test_damage_at_every_byte_is_named(tmp_path: Path) -> None:
    content = TOY.to_bytes()
    for offset in range(len(content)):
        altered = content[:offset] + bytes([content[offset] ^ 0x41]) + content[offset + 1 :]
        reason = refusal(Toy, tmp_path / "a.toy", altered)
        if offset < 8:
            assert reason == "it must begin with QIMGPRIO at offset 0"
        elif offset < 12:
            assert reason.startswith("it has format version ")
        else:
            assert reason.startswith("it is cut or altered: ")
        assert refusal(Toy, tmp_path / "a.toy", content[:offset])


@pytest.mark.parametrize("kind", [kind for kind, _ in SHIPPED])
@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_damage_to_the_real_files_is_named_by_their_kind(kind: type[Artifact], part: float, tmp_path: Path) -> None:
    content = bytearray(kind.load().to_bytes())
    offset = int(part * len(content))
    content[offset] ^= 1
    assert refusal(kind, tmp_path / "damaged", bytes(content)).startswith(("it must begin", "it is cut or altered"))
    assert refusal(kind, tmp_path / "cut", bytes(content[:offset]))


@pytest.mark.parametrize("expected", [kind for kind, _ in SHIPPED])
@pytest.mark.parametrize("given_", [*(kind for kind, _ in SHIPPED), Toy])
def test_a_file_of_another_kind_is_named(expected: type[Artifact], given_: type[Artifact], tmp_path: Path) -> None:
    if given_ is not expected:
        content = TOY.to_bytes() if given_ is Toy else given_.load().to_bytes()
        assert refusal(expected, tmp_path / "other", content) == f"it holds {NAMES[given_.KIND.tag]}"


def test_unknown_kinds_and_missing_files_are_named(tmp_path: Path) -> None:
    assert refusal(Prior, tmp_path / "a", pack({"kind": "poem"}, {})) == "it holds data of the kind 'poem'"
    assert "['poem']" in refusal(Prior, tmp_path / "a", pack({"kind": ["poem"]}, {}))
    with pytest.raises(ArtifactError, match="none: cannot be read as codec tables: No such file or directory"):
        Tables.load(tmp_path / "none")
    with pytest.raises(ArtifactError, match="cannot be read as a restorer: Is a directory"):
        Model.load(tmp_path)


def test_headers_of_any_depth_are_refused(tmp_path: Path) -> None:
    depth = 100_000
    text = b'{"arrays":{},"deep":' + b"[" * depth + b"]" * depth + b"}"
    content = _sealed(b"QIMGPRIO\x01\0\0\0" + len(text).to_bytes(4, "little") + text)
    assert refusal(Toy, tmp_path / "deep", content).startswith("its header does not describe its arrays (")


def _sealed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def _changed(artifact: Artifact, change: Callable[[dict[str, Any], dict[str, Array]], None]) -> bytes:
    header, arrays = dict(artifact.contents.header), dict(artifact.contents.arrays)
    change(header, arrays)
    return pack(header, arrays)


@pytest.mark.slow
def test_every_array_of_every_kind_is_needed_with_its_shape_and_type(tmp_path: Path) -> None:
    """Checked when the file is opened: here on the arrays of one part of each sort."""
    for kind, _ in SHIPPED:
        artifact = kind.load()
        names = sorted(artifact.contents.arrays)
        parts = {name.rstrip("0123456789 ") if "/" not in name else name.split("/")[1]: name for name in names}
        for name in parts.values():
            array = artifact.contents.arrays[name]

            def missing(header: dict[str, Any], arrays: dict[str, Array], name: str = name) -> None:
                del arrays[name]

            def short(header: dict[str, Any], arrays: dict[str, Array], name: str = name, array: Array = array) -> None:
                arrays[name] = array.reshape(-1)[:-1]

            def other(header: dict[str, Any], arrays: dict[str, Array], name: str = name, array: Array = array) -> None:
                arrays[name] = array.astype("<f8")

            for change in (missing, short, other):
                reason = refusal(kind, tmp_path / "odd", _changed(artifact, change))
                assert reason.startswith("it does not hold what its header names (")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"provenance": None}, "provenance must be a record"),
        ({"stages": None}, ""),
        ({"stages": 5 * [{"offsets": [[0, 1]], "margins": [0, 2]}]}, "offsets must be closed under the symmetries"),
        ({"stages": 5 * [{"offsets": [[0, 0]]}]}, "there is no 'margins'"),
    ],
)
def test_odd_headers_of_a_restorer_are_named(header: dict[str, Any], reason: str, tmp_path: Path) -> None:
    content = _changed(Model.load(), lambda old, arrays: old.update(header))
    assert reason in refusal(Model, tmp_path / "odd", content)


def test_experts_that_cannot_be_decompressed_are_named(tmp_path: Path) -> None:
    def change(header: dict[str, Any], arrays: dict[str, Array]) -> None:
        damaged = arrays["experts 1/integers"].copy()
        damaged[100:200] = 77
        arrays["experts 1/integers"] = damaged

    said = refusal(Model, tmp_path / "odd", _changed(Model.load(), change))
    assert said.startswith("it does not hold what its header names (")


def test_orders_of_tables_stay_within_their_blocks(tmp_path: Path) -> None:
    def change(header: dict[str, Any], arrays: dict[str, Array]) -> None:
        arrays["order 4"] = np.full_like(arrays["order 4"], 16)

    assert "order 4 must be in [0, 15]" in refusal(Tables, tmp_path / "odd", _changed(Tables.load(), change))


@pytest.mark.parametrize("kind", [kind for kind, _ in SHIPPED])
def test_shipped_files_have_valid_numbers(kind: type[Artifact]) -> None:
    """They are opened without this check, which takes longer than opening them."""
    kind.load().check_values()


def test_names_occur_once_and_numbers_are_numbers_of_json(tmp_path: Path) -> None:
    for text, reason in {
        b'{"arrays":{},"a":1,"a":2}': "a name occurs twice",
        b'{"arrays":{},"a":NaN}': "NaN is no number of JSON",
        b'{"arrays":{"a":{"dtype":"<f8","shape":[4294967296,4294967296],"offset":0}}}': "lies outside the file",
        b'{"arrays":{"a":{"dtype":"<f8","shape":[1],"offset":9223372036854775808}}}': "lies outside the file",
    }.items():
        padded = text + b" " * (-len(text) % 8)
        content = _sealed(b"QIMGPRIO\x01\0\0\0" + len(padded).to_bytes(4, "little") + padded)
        assert reason in refusal(Toy, tmp_path / "odd", content)


def _filled(name: str, number: int) -> Callable[[dict[str, Any], dict[str, Array]], None]:
    def change(header: dict[str, Any], arrays: dict[str, Array]) -> None:
        arrays[name] = np.full_like(arrays[name], number)

    return change


@pytest.mark.parametrize(
    ("kind", "name", "number", "reason"),
    [
        (Tables, "stretch", 2048, r"stretch must be in [-2047, 2047]"),
        (Tables, "order 4", 3, "order 4 must be permutations"),
        (Tables, "basis 8", 0, "basis 8 must be orthonormal"),
        (Tables, "end bits", -1, "end bits must be in [0, 32767]"),
        (Prior, "mixture patch8/weights", 0, "mixture patch8/weights must be positive"),
        (Prior, "mixture patch8/weights", 1 << 62, "mixture patch8/weights must be positive"),
        (Prior, "mixture patch8/factors", 0, "mixture patch8/factors must have a positive diagonal"),
        (Prior, "operator luma wiki@1/moments", -256, "matrix must be positive semidefinite"),
        (Prior, "operator luma wiki@1/sum", 1 << 40, "sum must have a norm of at most"),
        (Prior, "operator luma wiki@1/count", -1, "count must be an integer of at least 0"),
    ],
)
def test_numbers_that_no_fit_gives_are_named(
    kind: type[Artifact], name: str, number: int, reason: str, tmp_path: Path
) -> None:
    assert reason in refusal(kind, tmp_path / "odd", _changed(kind.load(), _filled(name, number)))


def test_compressed_integers_never_grow_beyond_what_is_announced(tmp_path: Path) -> None:
    bomb = np.frombuffer(lzma.compress(bytes(1 << 24), lzma.FORMAT_RAW, filters=_FILTERS), np.int8)

    def change(header: dict[str, Any], arrays: dict[str, Array]) -> None:
        arrays["experts 0/integers"] = bomb

    said = refusal(Model, tmp_path / "odd", _changed(small_restorer(), change))
    assert "experts must hold 163840 integers, but experts=163841" in said


def test_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="pipe: cannot be read as a prior: is a pipe, but a file to read is"):
        Prior.load(tmp_path / "pipe")
