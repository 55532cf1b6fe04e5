"""The codec's file: its fields lie where the documentation says, and every kind of damage is found and named."""

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.container import Header, assemble, parse, segments
from qimg.codecs.envelope import metadata_of, varint
from qimg.codecs.errors import BitstreamError

HEADER = Header(
    width=300, height=20, channels=3, bits=8, planes=3, identity=bytes.fromhex("0123456789abcdef"),
    parameters=bytes.fromhex("00063030"),
)  # fmt: skip
NEWER = "the block stream version must be at most 4 for this version of qimg, but is 5, at offset 5"
PARTS = [(b"i", b"profile"), (b"S", b"pixels of one strip"), (b"S", b"and of another"), (b"e", b"exif")]


def header_bytes(**changes: object) -> bytes:
    return replace(HEADER, **changes).to_bytes()


def sealed(start: bytes, parts: list[tuple[bytes, bytes]]) -> bytes:
    """A file with right checksums around whatever is given."""
    file, crc = start, zlib.crc32(start)
    file += crc.to_bytes(4, "little")
    for tag, payload in parts:
        body = tag + varint(len(payload)) + payload
        crc = zlib.crc32(body, crc)
        file += body + crc.to_bytes(4, "little")
    return file


def refusal(data: bytes, **options: bool) -> BitstreamError:
    with pytest.raises(BitstreamError) as caught:
        parse(data, **options)
    assert caught.value.offset is not None
    assert str(caught.value).endswith(f", at offset {caught.value.offset}")
    return caught.value


def test_a_file_lies_as_documented():
    data = assemble(HEADER, PARTS)
    assert data[:4] == b"\x89qi\n"
    assert data[4] == 1  # number of the codec
    assert data[5] == 1  # stream version 1, flags: RGB
    assert data[6:10].hex() == "01234567"
    assert data[10:14].hex() == "00063030"
    assert data[14:16] == b"\xac\x02"  # 300 = 0b10_0101100
    assert data[16] == 20
    assert data[17:21] == zlib.crc32(data[:17]).to_bytes(4, "little")
    assert data[21:30] == b"i\x07profile"
    # a checksum is that of all bytes before it, checksums left out
    assert data[30:34] == zlib.crc32(data[:17] + data[21:30]).to_bytes(4, "little")
    assert data[-6:-4] == b"E\x00"
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the polynomial of PNG and zip


def test_what_is_assembled_comes_back():
    stream = parse(assemble(HEADER, PARTS))
    assert stream.header == replace(HEADER, identity=HEADER.identity[:4])
    assert [(chunk.tag, chunk.payload) for chunk in stream.chunks] == PARTS
    assert (stream.complete, stream.size) == (True, len(assemble(HEADER, PARTS)))
    assert [chunk.payload for chunk in stream.all(b"S")] == [b"pixels of one strip", b"and of another"]
    assert metadata_of(stream.chunks) == {"icc_profile": b"profile", "exif": b"exif"}
    data = assemble(HEADER, PARTS)
    assert all(data[chunk.offset :].startswith(chunk.payload) for chunk in stream.chunks)


@given(
    st.integers(1, 1 << 20), st.integers(1, 1 << 20), st.integers(1, 4), st.sampled_from([8, 16]), st.booleans(),
    st.booleans(), st.binary(min_size=4, max_size=4),
)  # fmt: skip
def test_every_header_comes_back(width, height, channels, bits, one_plane, progressive, parameters):
    planes = 1 if one_plane or channels < 3 else 3
    header = Header(
        width=width, height=height, channels=channels, bits=bits, planes=planes, progressive=progressive,
        identity=b"1234", parameters=parameters,
    )  # fmt: skip
    assert parse(assemble(header, [])).header == header
    assert (header.colour, header.has_alpha) == (channels >= 3, channels % 2 == 0)


@given(st.integers(0, 2**35 - 1))
def test_varints_are_short_and_end_with_a_small_byte(value):
    written = varint(value)
    assert len(written) == max(1, -(-value.bit_length() // 7))
    assert sum((byte & 127) << (7 * place) for place, byte in enumerate(written)) == value
    assert [byte >= 128 for byte in written] == [True] * (len(written) - 1) + [False]


def test_a_picture_of_one_strip_costs_less_than_40_bytes_beside_its_payload():
    header = replace(HEADER, width=768, height=512)
    assert len(assemble(header, [(b"S", bytes(5000))])) - 5000 == 35


@pytest.mark.parametrize("sides", [{"width": 0}, {"height": (1 << 20) + 1}])
def test_sides_beyond_the_limit_are_not_written(sides):
    with pytest.raises(ValueError, match=r"must be in \[1, 1048576\], but"):
        replace(HEADER, **sides)


def test_every_flipped_bit_is_found():
    data = assemble(HEADER, PARTS)
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            assert refusal(bytes(changed)).offset <= len(data)


def test_every_cut_is_found():
    data = assemble(HEADER, PARTS)
    for length in range(len(data)):
        error = refusal(data[:length])
        assert error.offset <= length
        assert ("cut" in str(error)) == (length > 0)


def test_of_a_cut_file_the_whole_chunks_are_given():
    data, header = assemble(HEADER, PARTS), len(HEADER.to_bytes()) + 4
    ends = [header]
    for _, payload in PARTS:
        ends.append(ends[-1] + 1 + 1 + len(payload) + 4)
    for length in range(header, len(data)):
        stream = parse(data[:length], partial_ok=True)
        assert not stream.complete
        assert len(stream.chunks) == sum(end <= length for end in ends[1:])
    assert parse(data, partial_ok=True).complete
    for length in range(header):
        refusal(data[:length], partial_ok=True)


def test_damage_is_no_cut():
    data = bytearray(assemble(HEADER, PARTS))
    data[40] ^= 1
    assert "is altered: its CRC must be" in str(refusal(bytes(data), partial_ok=True))


def test_bytes_behind_the_end_are_refused():
    data = assemble(HEADER, PARTS)
    assert str(refusal(data + b"more")) == f"the file must end here, but has 4 more bytes, at offset {len(data)}"
    assert refusal(data + data).offset == len(data)


@pytest.mark.parametrize(
    "order", [[0, 2, 1, 3], [0, 1, 3], [0, 1, 1, 2, 3], [1, 2, 3], [3, 1, 2, 0], [0, 1, 2]], ids=str
)
def test_chunks_that_were_moved_left_out_or_repeated_are_found(order):
    data, place, chunks = assemble(HEADER, PARTS), len(HEADER.to_bytes()) + 4, []
    for _, payload in PARTS:
        chunks.append(data[place : place + 6 + len(payload)])
        place += 6 + len(payload)
    changed = data[:21] + b"".join(chunks[index] for index in order) + data[place:]
    assert "is altered" in str(refusal(changed))


def test_a_chunk_of_another_file_is_found():
    other = assemble(replace(HEADER, height=21), PARTS)
    data = assemble(HEADER, PARTS)
    assert "is altered" in str(refusal(data[:21] + other[21:]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a qimg picture: it must begin with 89 71 69 0a, at offset 0"),
        (b"\x89PNG\r\n\x1a\n", "not a qimg picture: it must begin with 89 71 69 0a, at offset 0"),
        (b"\x89", "the file is cut: it ends before the first bytes 89 71 69 0a do, at offset 1"),
        (b"\x89qi\r\n\x01", "probably converted it as text"),
        (b"\x09qi\n\x01", "probably converted it as text"),
        (b"\x89qi\n\x02\x01", "the file must be of codec 1 (block), but needs codec 2, at offset 4"),
        (b"\x89qi\n\x01\x81", NEWER),
    ],
)
def test_other_files_are_told_apart(data, words):
    assert words in str(refusal(data))


START = header_bytes()[:14]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (START + b"\x00\x01", "the width must be in [1, 1048576], but is 0, at offset 14"),
        (START + b"\x81\x80\x40\x01", "the width must be in [1, 1048576], but is 1048577, at offset 14"),
        (START + b"\x01\x00", "the height must be in [1, 1048576], but is 0, at offset 15"),
        (START + b"\x81\x00\x01", "the width must be written in as few bytes as possible, but is not, at offset 14"),
        (START + b"\xff\xff\xff\xff\xff\x01\x01", "the width must have at most 5 bytes, but is longer, at offset 14"),
        (START[:5] + b"\x80" + START[6:] + b"\x01\x01", NEWER),
        (
            START[:5] + b"\x08" + START[6:] + b"\x01\x01",
            "flag 8 must be combined with flag 1, but the flags are 0x08",
        ),
    ],
)
def test_headers_that_break_a_rule_are_refused(start, words):
    assert words in str(refusal(sealed(start, [(b"E", b"")])))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([(b"Z", b"")], "chunk Z is required, but this version of qimg does not support it"),
        ([(b"5", b"")], "a chunk must begin with a letter, but begins with 0x35"),
        ([(b"\xe9", b"")], "a chunk must begin with a letter, but begins with 0xe9"),
        ([(b"P", b"x")], "pixels must be in chunks S, but one is P"),
        ([(b"A", b"x")], "chunk A must be in pictures with alpha, but the header has no alpha flag"),
        ([(b"x", b"1"), (b"x", b"1")], "chunk x must occur at most once, but occurs again"),
        ([(b"E", b"1")], "the end marker must be empty, but has 1 bytes"),
        ([(b"E", b"")], "the file must end here, but has 6 more bytes"),
    ],
)
def test_chunks_that_break_a_rule_are_refused(parts, words):
    assert words in str(refusal(sealed(header_bytes(), [*parts, (b"E", b"")])))


def test_strips_do_not_belong_in_a_progressive_file():
    error = refusal(sealed(header_bytes(progressive=True), [(b"S", b"x"), (b"E", b"")]))
    assert "pixels must be in chunks P, but one is S" in str(error)


def test_unknown_small_letters_are_skipped():
    parts = [(b"q", b"new"), *PARTS, (b"q", b"newer")]
    stream = parse(sealed(header_bytes(), [*parts, (b"E", b"")]))
    assert [(chunk.tag, chunk.payload) for chunk in stream.chunks] == PARTS


def test_a_length_beyond_the_file_takes_no_memory():
    start = header_bytes()
    data = start + zlib.crc32(start).to_bytes(4, "little") + b"S" + varint(2**35 - 1) + b"short"
    assert "chunk S needs 34359738367 bytes, but 5 are left" in str(refusal(data))


@given(st.integers(0, 20000))
def test_segments_are_a_32nd_of_the_payload_but_not_tiny(length):
    payload = bytes(index % 251 for index in range(length))
    parts = list(segments(payload))
    assert b"".join(part for _, part in parts) == payload
    assert {tag for tag, _ in parts} <= {container.SEGMENT}
    assert len(parts) <= container.SEGMENTS
    assert all(len(part) == max(128, -(-length // 32)) for _, part in parts[:-1])
