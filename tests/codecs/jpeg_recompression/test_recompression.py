"""JPEG files without loss: every file comes back bit for bit, is smaller, or is refused with the reason."""

import io
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import qimg
from qimg import images
from qimg.codecs import BitstreamError, original_jpeg, recompress
from qimg.codecs.envelope import assemble
from qimg.codecs.jpeg_recompression import bitstream, headers
from qimg.codecs.jpeg_recompression.scans import scanned
from qimg.codecs.jpeg_recompression.statistics import InitialModels
from qimg.images import ImageError

COFFEE = images.bundled("coffee")
PHOTO = COFFEE[100:183, 200:301]


def jpeg(image=PHOTO, mode="RGB", **options) -> bytes:
    """A JPEG file of Pillow."""
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, "JPEG", **{"quality": 75, **options})
    return file.getvalue()


def in_several_scans(*, marker: int = 0xC0, bits: int = 8) -> bytes:
    """A baseline file with a scan for each component, which redefine their quantization table."""
    height, width = PHOTO.shape[:2]
    out = b"\xff\xd8" + bytes([0xFF, marker]) + struct.pack(">HBHHB", 17, bits, height, width, 3)
    out += b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    planes = Image.fromarray(PHOTO).convert("YCbCr").split()
    for number, (plane, quality) in enumerate(zip(planes, (90, 30, 60), strict=True), 1):
        one = jpeg(np.asarray(plane), "L", quality=quality)
        at = 2
        while one[at + 1] != 0xDA:
            length = int.from_bytes(one[at + 2 : at + 4], "big")
            out += one[at : at + 2 + length] if one[at + 1] in (0xDB, 0xC4) else b""
            at += 2 + length
        scan = one[at + 2 + int.from_bytes(one[at + 2 : at + 4], "big") : -2]
        out += b"\xff\xda\x00\x08\x01" + bytes([number, 0, 0, 63, 0]) + scan
    return out + b"\xff\xd9"


FILES = {
    "gray": jpeg(mode="L"),
    "4:2:0": jpeg(),
    "4:2:2, optimised": jpeg(quality=50, subsampling=1, optimize=True),
    "4:4:4, progressive": jpeg(quality=90, subsampling=0, progressive=True),
    "4:1:1": jpeg(quality=30, subsampling="4:1:1"),
    "CMYK": jpeg(mode="CMYK", quality=60),
    "restarts": jpeg(restart_marker_blocks=3),
    "progressive, restarts": jpeg(progressive=True, restart_marker_rows=1, quality=97),
    "one pixel": jpeg(PHOTO[:1, :1]),
    "thin": jpeg(COFFEE[:3, :300]),
    "quality 1": jpeg(quality=1),
    "quality 100, noise": jpeg(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8), quality=100),
    "metadata": jpeg(exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", icc_profile=b"p" * 300, comment=b"words"),
    "data after the picture": jpeg() + jpeg(PHOTO[:16, :16]) + b"video",
    "several scans": in_several_scans(),
    "cut": jpeg()[:1800],
    "cut, progressive": jpeg(progressive=True)[:2500],
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_every_file_comes_back_bit_for_bit(content):
    data = recompress(content)
    assert original_jpeg(data) == content
    assert recompress(content) == data


@pytest.mark.parametrize("name", ["4:2:0", "4:4:4, progressive", "4:2:2, optimised", "restarts"])
def test_photographs_are_smaller_by_a_fifth(name):
    assert len(recompress(FILES[name])) < 0.85 * len(FILES[name])


def test_the_padding_of_the_last_byte_is_kept():
    content = bytearray(FILES["gray"])
    for filled in range(1, 8):  # the lowest bits of the last byte are ones
        if content[-3] & ((1 << filled) - 1) != (1 << filled) - 1:
            break
        content[-3] &= 0xFF << filled & 0xFF
        assert original_jpeg(recompress(bytes(content))) == bytes(content)


def test_fill_bytes_and_bytes_after_scans_are_kept():
    content = FILES["4:2:0"]
    for more in (b"\xff\xff", b"\x00\x17\x00"):
        odd = content[:-2] + more + content[-2:]
        assert original_jpeg(recompress(odd)) == odd


def test_the_file_decodes_to_the_picture_with_its_metadata():
    content = FILES["metadata"]
    data = recompress(content)
    with Image.open(io.BytesIO(content)) as picture:
        assert_array_equal(qimg.decode(data), np.asarray(picture))
    decoded, info = qimg.codecs.decode_picture(data), qimg.info(data)
    assert decoded.icc_profile == info.icc_profile == b"p" * 300
    assert decoded.exif == info.exif == b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    assert (info.codec, info.width, info.height, info.channels) == ("jpeg-recompression", 101, 83, 3)
    assert sum(info.parts.values()) == len(data)
    assert info.details["JPEG file"].startswith(f"{len(content):,} bytes")
    with pytest.raises(BitstreamError, match="must be gray or RGB, but are CMYK"):
        qimg.decode(recompress(FILES["CMYK"]))


def test_a_picture_is_encoded_as_jpeg_first():
    data = qimg.encode(PHOTO, codec="jpeg-recompression", quality=75)
    assert original_jpeg(data) == FILES["4:2:0"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG", "jpeg must be a JPEG file, which begins with FF D8, but begins with 89 50"),
        (b"", "begins with nothing"),
        (FILES["gray"][:100], "it ends before"),
        (in_several_scans(marker=0xC9), "must be baseline or progressive with Huffman codes, but is arithmetic-coded"),
        (in_several_scans(bits=12), "it must hold 8 bits per sample, but holds 12"),
        (
            FILES["4:2:0"][:800] + np.random.default_rng(1).integers(0, 255, 9000, np.uint8).tobytes(),
            "are not what an encoder writes",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(content, reason):
    with pytest.raises(ImageError, match=reason):
        recompress(content)


def test_large_pictures_are_refused():
    with pytest.raises(ImageError, match="must have at most max_pixels=100, but has 8383"):
        recompress(FILES["gray"], max_pixels=100)
    with pytest.raises(BitstreamError, match="must have at most max_pixels=100, but has 8383"):
        original_jpeg(recompress(FILES["gray"]), max_pixels=100)


def test_headers_of_libjpeg_take_few_bytes():
    content = scanned(FILES["4:2:0"])[0].content
    assert len(headers.packed(content)) < 40 < 600 < len(content)
    assert headers.unpacked(headers.packed(content)) == content


def test_the_shipped_statistics_are_valid():
    InitialModels.load().check_values()


def test_damaged_files_are_refused():
    data = recompress(jpeg(PHOTO[:32, :32]))
    rng = np.random.default_rng(0)
    for _ in range(40):
        place, flipped = int(rng.integers(len(data))), bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        for wrong in (data[:place], bytes(flipped), data + b"x"):
            with pytest.raises(BitstreamError):
                original_jpeg(wrong)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with valid checksums whose header, headers or coefficients are changed."""
    stream = bitstream.parse(data)
    head = bytearray(data[: data.index(b"H") - 4])
    content, payload = bytearray(stream.headers), bytearray(stream.coefficients.payload)
    part = (head, content, content, payload)[int(rng.integers(4))]
    for place in rng.integers(5, len(part), int(rng.integers(1, 4))):
        part[place] = rng.integers(256)
    if rng.random() < 0.2:
        del part[int(rng.integers(5, len(part))) :]
    chunks = [(bitstream.HEADERS, headers.packed(bytes(content))), (bitstream.COEFFICIENTS, bytes(payload))]
    return assemble(bytes(head), chunks)


def decode_mutations(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = [recompress(jpeg(PHOTO[:24, :40], **options)) for options in ({}, {"progressive": True}, {"mode": "L"})]
    for index in range(count):
        wrong = mutated(files[index % len(files)], rng)
        try:
            original_jpeg(wrong, max_pixels=1 << 13)
        except BitstreamError:
            continue
        assert wrong in files  # the CRC of the JPEG file detects everything else


def test_mutations_with_valid_checksums_are_refused():
    decode_mutations(40, seed=0)


@pytest.mark.slow
def test_thousands_of_mutations():
    decode_mutations(1500, seed=1)


@pytest.mark.slow
def test_thousands_of_damaged_jpeg_files_come_back_or_are_refused():
    rng, kept = np.random.default_rng(2), 0
    sources = [FILES[name] for name in ("gray", "4:2:0", "4:4:4, progressive", "progressive, restarts")]
    for index in range(1000):
        content = bytearray(sources[index % len(sources)])
        for place in rng.integers(2, len(content), int(rng.integers(1, 4))):
            content[place] = rng.integers(256)
        try:
            data = recompress(bytes(content), max_pixels=1 << 16)
        except ImageError:
            continue
        kept += 1
        assert original_jpeg(data) == content
    assert kept > 50
