"""The envelope: six bytes, variable integers and chunks come back; what is newer, cut or altered is refused by name."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qimg.codecs import BitstreamError
from qimg.codecs.envelope import (
    LENGTH,
    MAGIC,
    CutError,
    Envelope,
    Reader,
    assemble,
    metadata_chunks,
    metadata_of,
    varint,
)
from qimg.codecs.protocol import EncodeOptions


@given(st.integers(1, 255), st.integers(1, 8), st.integers(0, 31))
def test_every_envelope_is_six_bytes_and_comes_back(number, version, flags) -> None:
    envelope = Envelope(number=number, version=version, flags=flags)
    data = envelope.to_bytes()
    assert len(data) == LENGTH == 6
    assert data[:4] == MAGIC
    reader = Reader(data)
    assert reader.envelope() == envelope
    assert reader.offset == LENGTH


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"number": 0}, r"number must be in \[1, 255\], but number=0"),
        ({"number": 1, "version": 9}, r"version must be in \[1, 8\], but version=9"),
        ({"number": 1, "flags": 32}, r"flags must be in \[0, 31\], but flags=32"),
    ],
)
def test_what_has_no_room_is_not_written(values, words) -> None:
    with pytest.raises(ValueError, match=words):
        Envelope(**values)


@given(st.integers(0, 2**35 - 1))
def test_variable_integers_come_back(value) -> None:
    reader = Reader(varint(value) + b"rest")
    assert reader.varint("a number") == value
    assert reader.take(4, "the rest") == b"rest"


def test_the_crc_is_that_of_all_bytes_before_it_without_earlier_ones() -> None:
    data = assemble(b"header", [(b"S", b"pixels")])
    assert data[6:10] == zlib.crc32(b"header").to_bytes(4, "little")
    assert data[10:18] == b"S\x06pixels"
    assert data[18:22] == zlib.crc32(b"headerS\x06pixels").to_bytes(4, "little")
    reader = Reader(data)
    reader.take(6, "the header")
    reader.check("the header")
    assert [(chunk.tag, chunk.payload, chunk.offset) for chunk in reader.chunks((b"S",))] == [(b"S", b"pixels", 12)]


def refusal(data: bytes, number: int = 7, version: int = 2) -> BitstreamError:
    with pytest.raises(BitstreamError) as caught:
        Reader(data).envelope_of("toy", number, version=version)
    return caught.value


def test_other_codecs_and_newer_versions_are_refused_by_name() -> None:
    newer = Envelope(number=7, version=3).to_bytes()
    rule = "the toy stream version must be at most 2 for this version of qimg"
    assert str(refusal(newer)) == f"{rule}, but is 3, at offset 5"
    other = Envelope(number=8).to_bytes()
    assert str(refusal(other)) == "the file must be of codec 7 (toy), but needs codec 8, at offset 4"
    for version in (1, 2):  # those up to its own are read
        data = Envelope(number=7, version=version, flags=5).to_bytes()
        assert Reader(data).envelope_of("toy", 7, version=2).flags == 5
    assert str(refusal(MAGIC + b"\0\0")) == "the codec's number must be in [1, 255], but is 0, at offset 4"


def test_a_cut_envelope_is_named_as_one() -> None:
    data = Envelope(number=7).to_bytes()
    assert str(refusal(b"")) == "not a qimg picture: it must begin with 89 71 69 0a, at offset 0"
    for length in range(1, LENGTH):
        error = refusal(data[:length])
        assert isinstance(error, CutError)
        assert "the file is cut" in str(error)


def test_metadata_that_are_not_empty_become_chunks_and_come_back() -> None:
    options = EncodeOptions(icc_profile=b"profile", exif=b"Exif\0\0II*\0", xmp=b"")
    parts = metadata_chunks(options)
    assert parts == {"icc_profile": [(b"i", b"profile")], "exif": [(b"e", b"II*\0")], "xmp": []}
    reader = Reader(assemble(b"", [chunk for chunks in parts.values() for chunk in chunks]))
    reader.check("the header")
    assert metadata_of(reader.chunks(())) == {"icc_profile": b"profile", "exif": b"II*\0"}
