"""JPEG files of all kinds: tables in force at each scan, damage block by block, refusals with their reasons."""

import io
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from qimg import images
from qimg.images import ImageError
from qimg.images.jpeg import read_jpeg
from qimg.images.jpeg.blocks import decoded
from qimg.images.jpeg.reader import MOST_SCANS
from qimg.restoration.jpeg.restore import _pixels

PHOTO = np.ascontiguousarray(images.bundled("coffee")[100:196, 200:328])
SOF, DHT, DQT, DRI, SOS, EOI = 0xC0, 0xC4, 0xDB, 0xDD, 0xDA, b"\xff\xd9"


def jpeg(pixels, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def parts(content: bytes) -> tuple[dict[int, list[bytes]], bytes]:
    """Bodies of the segments before the only scan, by marker, and the scan's data."""
    at, bodies = 2, {}
    while True:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        bodies.setdefault(marker, []).append(content[at + 4 : at + 2 + length])
        at += 2 + length
        if marker == SOS:
            return bodies, content[at : content.rindex(EOI)]


def in_three_scans(qualities, *, in_one_slot: bool) -> bytes:
    """Y, Cb, Cr in scans of their own, with quantization and Huffman tables that are redefined between them."""
    height, width = PHOTO.shape[:2]
    out = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    components = b"".join(bytes([number, 0x11, 0 if in_one_slot else number - 1]) for number in (1, 2, 3))
    out += segment(SOF, struct.pack(">BHHB", 8, height, width, 3) + components)
    for number, (plane, quality) in enumerate(zip(np.moveaxis(ycbcr(), -1, 0), qualities, strict=True), 1):
        bodies, data = parts(jpeg(np.ascontiguousarray(plane), quality=quality, optimize=True))
        table = bodies[DQT][0]
        out += segment(DQT, table if in_one_slot else bytes([number - 1]) + table[1:])
        out += b"".join(segment(DHT, body) for body in bodies[DHT])
        out += segment(SOS, bytes([1, number, 0, 0, 63, 0])) + data
    return out + EOI


def ycbcr() -> np.ndarray:
    return np.array(Image.fromarray(PHOTO).convert("YCbCr"))


@pytest.mark.parametrize("in_one_slot", [True, False])
def test_each_component_has_the_table_in_force_at_its_scan(in_one_slot):
    qualities = (90, 30, 60)
    file = read_jpeg(in_three_scans(qualities, in_one_slot=in_one_slot))
    assert file.decoder_warnings == ()
    for component, quality, plane in zip(file.components, qualities, np.moveaxis(ycbcr(), -1, 0), strict=True):
        assert_array_equal(component.table, images.quantization_table(quality))
        alone = read_jpeg(jpeg(np.ascontiguousarray(plane), quality=quality)).components[0]
        assert_array_equal(component.coefficients, alone.coefficients)


@pytest.mark.parametrize("quality", [5, 75, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restarts", [0, 1, 5])
def test_coefficients_equal_those_of_libjpeg(tmp_path, quality, subsampling, progressive, restarts):
    jpeglib = pytest.importorskip("jpeglib")
    options = {"restart_marker_blocks": restarts} if restarts else {}
    content = jpeg(PHOTO[:61, :83], quality=quality, subsampling=subsampling, progressive=progressive, **options)
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    theirs = jpeglib.read_dct(str(path))
    file = read_jpeg(content)
    assert file.decoder_warnings == ()
    for component, plane in zip(file.components, (theirs.Y, theirs.Cb, theirs.Cr), strict=True):
        rows, columns = component.coefficients.shape[:2]
        assert_array_equal(component.coefficients, plane[:rows, :columns])
        assert not component.uncertain.any()


def test_any_number_of_application_segments_is_read():
    content = jpeg(PHOTO, quality=50)
    many = content[:2] + segment(0xE1, bytes(100)) * 60 + segment(0xFE, b"comment") * 60 + content[2:]
    file = read_jpeg(many)
    assert file.decoder_warnings == ()
    assert_array_equal(file.components[0].coefficients, read_jpeg(content).components[0].coefficients)


def test_tables_that_motion_jpeg_leaves_out_are_assumed():
    bodies, data = parts(content := jpeg(PHOTO, quality=50))
    assert b"".join(bodies[DHT])
    without = content[:2] + b"".join(
        segment(marker, body) for marker, some in bodies.items() if marker != DHT for body in some
    )
    file = read_jpeg(without + data + EOI)
    assert_array_equal(file.components[2].coefficients, read_jpeg(content).components[2].coefficients)


def test_a_height_after_the_scan_is_read():
    content = jpeg(PHOTO, quality=50)
    frame = content.index(b"\xff\xc0")
    without = content[: frame + 5] + b"\0\0" + content[frame + 7 :]
    with_dnl = without[:-2] + segment(0xDC, struct.pack(">H", len(PHOTO))) + EOI
    assert read_jpeg(with_dnl).shape == PHOTO.shape[:2]
    with pytest.raises(ImageError, match="it holds no height"):
        read_jpeg(without)


@pytest.mark.parametrize(
    ("transform", "jfif", "is_rgb"), [(0, False, True), (1, False, False), (2, False, False), (0, True, False)]
)
def test_the_colour_transform_of_adobe_is_applied_as_by_libjpeg(transform, jfif, is_rgb):
    content = jpeg(PHOTO, quality=90)
    adobe = segment(0xEE, b"Adobe" + bytes([0, 100, 0, 0, 0, 0, transform]))
    file = content[:2] + (content[2:20] if jfif else b"") + adobe + content[20:]
    assert read_jpeg(file).is_rgb == is_rgb


@pytest.mark.parametrize("factors", [(1, 2), (2, 1), (4, 1), (1, 4), (3, 1), (2, 2)])
def test_samplings_with_luma_coarser_than_chroma_are_read(factors):
    """A file of three scans whose chroma has more samples than luma."""
    down, across = factors
    planes = np.moveaxis(ycbcr(), -1, 0)
    height, width = PHOTO.shape[:2]
    small = planes[0][: height // down * down, : width // across * across]
    small = small.reshape(height // down, down, width // across, across).mean(axis=(1, 3)).astype(np.uint8)
    out = b"\xff\xd8" + segment(SOF, struct.pack(">BHHB", 8, height, width, 3) + bytes(
        [1, 0x11, 0, 2, 16 * across + down, 0, 3, 16 * across + down, 0]
    ))  # fmt: skip
    for number, plane in enumerate((small, planes[1], planes[2]), 1):
        bodies, data = parts(jpeg(np.ascontiguousarray(plane), quality=80))
        out += segment(DQT, bodies[DQT][0]) + b"".join(segment(DHT, body) for body in bodies[DHT])
        out += segment(SOS, bytes([1, number, 0, 0, 63, 0])) + data
    file = read_jpeg(out + EOI)
    luma, chroma = file.components[:2]
    assert (luma.vertical, luma.horizontal, chroma.vertical, chroma.horizontal) == (down, across, 1, 1)
    assert np.abs(decoded(luma.coefficients, luma.table)[: len(small), : small.shape[1]] - small).mean() < 3
    assert np.abs(decoded(chroma.coefficients, chroma.table)[:height, :width] - planes[1]).mean() < 3


def test_the_blocks_of_a_cut_file_are_known_exactly():
    content = jpeg(PHOTO, quality=80)
    whole, cut = read_jpeg(content), read_jpeg(content[: len(content) * 2 // 3])
    for component, full in zip(cut.components, whole.components, strict=True):
        assert 0.1 < component.missing.mean() < 0.6
        assert_array_equal(component.missing, component.uncertain)
        assert_array_equal(component.coefficients[~component.missing], full.coefficients[~component.missing])
        assert not component.coefficients[-1, -1].any()


def test_blocks_without_the_last_scans_are_uncertain():
    content = jpeg(PHOTO, quality=80, progressive=True)
    file = read_jpeg(content[: len(content) * 2 // 3])
    assert not file.components[0].missing.any()
    assert file.components[0].uncertain.any()


@pytest.mark.parametrize("restarts", [0, 4])
def test_lost_bytes_make_an_interval_uncertain(restarts):
    options = {"restart_marker_blocks": restarts} if restarts else {}
    content = jpeg(PHOTO[..., 1], quality=80, **options)
    place = len(content) * 2 // 3
    whole, file = read_jpeg(content), read_jpeg(content[:place] + content[place + 60 :])
    one, full = file.components[0], whole.components[0]
    assert file.decoder_warnings
    wrong = (one.coefficients != full.coefficients).any(axis=(2, 3))
    assert wrong.any()
    assert not (wrong & ~one.uncertain).any()
    assert one.uncertain.mean() == 1 if restarts == 0 else one.uncertain.mean() < 0.4


def test_blocks_are_marked_wherever_a_scan_has_a_warning(rng):
    """Codes can hide an error of single bits: JPEG has no checksum. What is noticed is marked."""
    content = bytearray(jpeg(PHOTO, quality=80))
    start, noticed = bytes(content).index(b"\xff\xda") + 14, 0
    for _ in range(40):
        changed = bytearray(content)
        for _ in range(8):
            changed[rng.integers(start, len(content) - 2)] ^= 1 << rng.integers(8)
        file = read_jpeg(bytes(changed))
        noticed += bool(file.decoder_warnings)
        assert bool(file.decoder_warnings) == any(component.uncertain.any() for component in file.components)
    assert noticed > 20


def test_two_bytes_and_headers_without_a_picture_are_named():
    for content, reason in (
        (b"\xff\xd8" + bytes(50), "it ends before a frame header"),
        (b"\xff\xd8" + EOI, "it ends before a frame header"),
        (jpeg(PHOTO)[:200], "it ends before a scan"),
        (b"\xff\xd8" + segment(SOS, bytes([1, 1, 0, 0, 63, 0])), "a scan comes before the frame header"),
        (b"\xff\xd8" + segment(SOF, struct.pack(">BHHB", 8, 8, 0, 1) + bytes([1, 0x11, 0])), "the width must be"),
        (b"\xff\xd8" + segment(SOF, struct.pack(">BHHB", 8, 8, 8, 1) + bytes([1, 0x51, 0])), "sampling factors must"),
        (b"\xff\xd8\xff\xfe\0\0", "the length of segment FF FE must be at least 2, but is 0"),
    ):
        with pytest.raises(ImageError, match=f"header cannot be read .{reason}"):
            read_jpeg(content)


@pytest.mark.parametrize(
    ("marker", "bits", "reason"),
    [
        (0xC1, 12, "must hold 8 bits per sample, but holds 12"),
        (0xC3, 8, "but is lossless"),
        (0xC5, 8, "but is hierarchical"),
        (0xC9, 8, "but is arithmetic-coded"),
        (0xCA, 8, "but is arithmetic-coded"),
    ],
)
def test_processes_that_are_not_read_are_named(marker, bits, reason):
    content = bytearray(jpeg(PHOTO[..., 1]))
    frame = content.index(b"\xff\xc0")
    content[frame + 1], content[frame + 4] = marker, bits
    with pytest.raises(ImageError, match=reason):
        read_jpeg(bytes(content))


def test_work_is_bounded_by_the_content():
    content = bytearray(jpeg(PHOTO[..., 1]))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 16000, 16000)
    with pytest.raises(ImageError, match="must hold at least 1 bit for 32 blocks"):
        read_jpeg(bytes(content))
    scan = segment(SOS, bytes([1, 1, 0, 1, 63, 0])) + b"\xff\x00" * 2
    progressive = jpeg(PHOTO[..., 1], progressive=True)
    file = read_jpeg(progressive[:-2] + scan * (MOST_SCANS + 10) + EOI)
    assert f"more than {MOST_SCANS} scans" in file.decoder_warnings


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7])
def test_narrow_chroma_is_upsampled_as_by_libjpeg(width):
    content = jpeg(PHOTO[20:36, 30 : 30 + width], quality=95, subsampling=2)
    file = read_jpeg(content)
    planes = [decoded(component.coefficients, component.table) for component in file.components]
    with Image.open(io.BytesIO(content)) as shown:
        # Neither rounded before the conversion to R'G'B', nor the same integer arithmetic: up to three code values.
        assert np.abs(_pixels(file, planes).astype(int) - np.array(shown)).max() <= 3
