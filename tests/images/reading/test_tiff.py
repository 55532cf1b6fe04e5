"""TIFF files of every layout: the tags define what the samples mean."""

import logging
import tracemalloc
from itertools import product

import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from qimg import images
from qimg.images import ImageError, PictureWarning
from tests.images.reading.made import described, packed, tiff

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, COLOUR_MAP, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8


def written(tmp_path, content: bytes):
    (tmp_path / "x.tif").write_bytes(content)
    return tmp_path / "x.tif"


def samples_of(bits: int, channels: int, shape: tuple[int, int] = (5, 7), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << bits, (*shape, channels), dtype=np.uint64)


def scaled(samples: np.ndarray, bits: int) -> np.ndarray:
    white = 255 if bits <= 8 else 65535
    return np.rint(samples * (white / (2.0**bits - 1)))


@given(
    bits=st.integers(1, 32),
    photometric=st.sampled_from([WHITE_IS_ZERO, BLACK_IS_ZERO, RGB]),
    planes=st.booleans(),
    order=st.sampled_from("<>"),
    seed=st.integers(0, 99),
)
@example(bits=24, photometric=BLACK_IS_ZERO, planes=True, order=">", seed=0)
@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore:.*are rounded to 16 bits")
def test_unsigned_samples_of_every_depth(tmp_path_factory, bits, photometric, planes, order, seed):
    channels = 3 if photometric == RGB else 1
    samples = samples_of(bits, channels, seed=seed)
    samples[0, :2] = [[0], [(1 << bits) - 1]]
    if planes:
        data = b"".join(packed(samples[..., plane], bits, order) for plane in range(channels))
        size = len(data) // channels
        tags = described(photometric, bits, channels, planes=(2,))
        tags |= {273: (4, tuple(8 + size * plane for plane in range(channels))), 279: (4, (size,) * channels)}
    else:
        data, tags = packed(samples.reshape(5, -1), bits, order), described(photometric, bits, channels)
    pixels = images.load(written(tmp_path_factory.getbasetemp(), tiff(data, (5, 7), tags, order)))
    expected = scaled(samples, bits)
    white = 255 if bits <= 8 else 65535
    expected = white - expected if photometric == WHITE_IS_ZERO else expected
    assert pixels.dtype == (np.uint8 if bits <= 8 else np.uint16)
    # Halves are rounded in integers here and in floating point there.
    assert_allclose(pixels.reshape(expected.shape), expected, atol=0 if bits <= 16 else 1)
    assert {pixels[0, 0].min(), pixels[0, 1].max()} == {0, white}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB])
@pytest.mark.parametrize("extras", [(0,), (1,), (2,), (999,), (0, 2), (1, 0), (0, 0)])
@pytest.mark.filterwarnings("ignore:.*which are no colours, are left out")
def test_extra_samples(tmp_path, bits, photometric, extras):
    first = 3 if photometric == RGB else 1
    samples = samples_of(bits, first + len(extras))
    tags = described(photometric, bits, samples.shape[2], extras=extras)
    pixels = images.load(written(tmp_path, tiff(packed(samples.reshape(5, -1), bits, "<"), (5, 7), tags)))
    white = (1 << bits) - 1
    colours = samples[..., :first].astype(float)
    colours = white - colours if photometric == WHITE_IS_ZERO else colours
    alphas = [place for place, meaning in enumerate(extras) if meaning]
    if not alphas:
        assert_array_equal(pixels.reshape(colours.shape), colours)
        return
    alpha = samples[..., first + alphas[0]][..., None].astype(float)
    assert_array_equal(pixels[..., -1:], alpha)
    if extras[alphas[0]] == 1:
        straight = np.floor(np.minimum(colours * white / np.maximum(alpha, 1), white))
        assert_allclose(pixels[..., :-1], np.where(alpha > 0, straight, 0), atol=1)
    else:
        assert_array_equal(pixels[..., :-1], colours)


def test_samples_that_are_no_colours_are_mentioned(tmp_path):
    tags = described(BLACK_IS_ZERO, 8, 2, extras=(0,))
    with pytest.warns(PictureWarning, match="1 of its samples per pixel, which are no colours, are left out"):
        images.load(written(tmp_path, tiff(bytes(70), (5, 7), tags)))


def test_colours_multiplied_by_alpha_are_what_pillow_makes_of_them(tmp_path):
    samples = samples_of(8, 4)
    tags = described(RGB, 8, 4, extras=(1,))
    path = written(tmp_path, tiff(packed(samples.reshape(5, -1), 8), (5, 7), tags))
    with Image.open(path) as file:
        assert_array_equal(images.load(path), np.asarray(file))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize(("factor", "dtype"), [(1, np.uint8), (256, np.uint8), (257, np.uint8), (0, np.uint16)])
def test_colour_maps(tmp_path, bits, factor, dtype):
    indices, rng = samples_of(bits, 1), np.random.default_rng(1)
    table = rng.integers(0, 256, (3, 1 << bits)) * factor if factor else rng.integers(0, 65536, (3, 1 << bits))
    if not factor:
        table[0, 0] = 65534  # not a value of 8 bits in any of the three ways
    tags = described(COLOUR_MAP, bits, 1, colours=tuple(table.ravel().tolist()))
    pixels = images.load(written(tmp_path, tiff(packed(indices[..., 0], bits, "<"), (5, 7), tags)))
    assert pixels.dtype == dtype
    assert_array_equal(pixels, (table.T // max(factor, 1))[indices[..., 0].astype(int)])


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_point_in_0_to_1(tmp_path, kind, photometric, order):
    channels = 3 if photometric == RGB else 1
    values = np.random.default_rng(0).uniform(0, 1, (5, 7, channels)).astype(kind)
    bits = 8 * values.itemsize
    tags = described(photometric, bits, channels, format=(3,) * channels)
    path = written(tmp_path, tiff(values.astype(order + kind).tobytes(), (5, 7), tags, order))
    with pytest.warns(PictureWarning, match=f"its floating-point samples of {bits} bits are rounded to 16 bits"):
        pixels = images.load(path)
    expected = np.rint(values.astype(float) * 65535)
    assert_array_equal(pixels.reshape(values.shape), 65535 - expected if photometric == WHITE_IS_ZERO else expected)


@pytest.mark.parametrize(
    ("compression", "predictor", "dtype"),
    [
        *product(["zlib", "lzw", "zstd", "packbits"], [1], ["u1", "u2", "f4"]),
        *product(["zlib", "lzw", "zstd"], [2], ["u1", "u2"]),
        *product(["zlib", "lzw", "zstd"], [3], ["f4"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*are rounded to 16 bits")
def test_compressed_files(tmp_path, predictor, compression, dtype):
    values = samples_of(8, 3).astype(np.uint8)
    stored = values if dtype == "u1" else values * np.uint16(257) if dtype == "u2" else (values / 255).astype("f4")
    for tile in (None, (16, 16)):
        tifffile.imwrite(
            tmp_path / "x.tif", stored, photometric="rgb", compression=compression, predictor=predictor, tile=tile
        )
        pixels = images.load(tmp_path / "x.tif")
        assert_array_equal(pixels, values if dtype == "u1" else values * np.uint16(257))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("photometric", "bits"), list(product([WHITE_IS_ZERO, RGB], [8, 12, 16])))
def test_orientation(tmp_path, orientation, photometric, bits):
    channels = 3 if photometric == RGB else 1
    data = packed(samples_of(bits, channels).reshape(5, -1), bits, "<")
    plain = images.load(written(tmp_path, tiff(data, (5, 7), described(photometric, bits, channels))))
    tags = described(photometric, bits, channels, orientation=(orientation,))
    assert_array_equal(images.load(written(tmp_path, tiff(data, (5, 7), tags))), images.upright(plain, orientation))


def test_bits_in_reverse_order(tmp_path):
    samples = samples_of(8, 1)[..., 0].astype(np.uint8)
    reverse = np.packbits(np.unpackbits(samples[..., None], axis=2, bitorder="little"), axis=2, bitorder="big")
    tags = described(BLACK_IS_ZERO, 8, 1, order=(2,))
    assert_array_equal(images.load(written(tmp_path, tiff(reverse.tobytes(), (5, 7), tags))), samples)


@pytest.mark.parametrize("factors", [(1, 1), (2, 1), (2, 2), (4, 2)])
def test_uncompressed_ycbcr(tmp_path, factors):
    across, down = factors
    rng = np.random.default_rng(0)
    size = (2 * down + 1, 3 * across + 1)
    rows, columns = -(-size[0] // down), -(-size[1] // across)
    y = rng.integers(0, 256, (rows * down, columns * across))
    chroma = rng.integers(96, 160, (rows, columns, 2))
    boxes = y.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    data = np.dstack([boxes, chroma]).astype(np.uint8).tobytes()
    tags = described(YCBCR, 8, 3) | {530: (3, factors)}
    pixels = images.load(written(tmp_path, tiff(data, size, tags)))
    full = np.dstack([y, chroma.repeat(down, axis=0).repeat(across, axis=1)])[: size[0], : size[1]]
    assert_allclose(pixels, images.to_uint8(images.ycbcr_to_rgb(full)), atol=1)  # one rounding


def test_jpeg_in_tiff(tmp_path):
    photo = images.box_mean(images.bundled("coffee"), 5)
    for subsampling in ((1, 1), (2, 2)):
        tifffile.imwrite(
            tmp_path / "x.tif", photo, photometric="rgb", compression="jpeg", subsampling=subsampling,
            compressionargs={"level": 95},
        )  # fmt: skip
        # A photograph at quality 95 keeps within a few code values.
        assert np.abs(images.load(tmp_path / "x.tif").astype(int) - photo).mean() < 5


def test_inks_are_converted_where_that_is_asked_for(tmp_path):
    samples = samples_of(8, 4)
    for bits, stored in ((8, samples), (16, samples * 257)):
        path = written(tmp_path, tiff(packed(stored.reshape(5, -1), bits, "<"), (5, 7), described(CMYK, bits, 4)))
        with pytest.raises(ImageError, match=r"but is CMYK \(to_rgb, or --to-rgb on the command line, converts it\)"):
            images.load(path)
        expected = Image.frombytes("CMYK", (7, 5), samples.astype(np.uint8).tobytes()).convert("RGB")
        assert_array_equal(images.load(path, to_rgb=True), np.asarray(expected))


def test_cielab(tmp_path):
    # White, black, and the red of sRGB, which is about L* 54.3, a* 80.8, b* 69.9 under D50.
    lab = np.array([[[255, 0, 0], [0, 0, 0], [round(54.3 * 2.55), 81, 70]]], np.int64) & 255
    path = written(tmp_path, tiff(lab.astype(np.uint8).tobytes(), (1, 3), described(LAB, 8, 3)))
    with pytest.raises(ImageError, match="but is LAB"):
        images.load(path)
    # Rounding of a* and b* to integers moves sRGB by a few code values.
    assert_allclose(images.load(path, to_rgb=True)[0], [[255, 255, 255], [0, 0, 0], [255, 0, 0]], atol=8)


def test_pages(tmp_path):
    gray = samples_of(8, 1)[..., 0].astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(gray[::2, ::2], subfiletype=1, photometric="minisblack")  # a picture of lower resolution
        file.write(gray, photometric="minisblack")
        file.write(gray > 100, subfiletype=4, photometric="minisblack")  # a mask
    assert_array_equal(images.load(tmp_path / "x.tif"), gray)
    tifffile.imwrite(tmp_path / "x.tif", np.stack([gray, gray + 1]), photometric="minisblack")
    with pytest.raises(ImageError, match="holds 2 frames"):
        images.load(tmp_path / "x.tif")
    assert_array_equal(images.load(tmp_path / "x.tif", first_frame=True), gray)


REFUSED = {
    "signed": (described(BLACK_IS_ZERO, 8, 1, format=(2,)), "but are signed, for which the file defines no black"),
    "complex": (described(BLACK_IS_ZERO, 64, 1, format=(6,)), "but are complex"),
    "void": (described(BLACK_IS_ZERO, 64, 1, format=(4,)), "unsigned samples must have 1 to 32 bits, but have 64"),
    "mixed depths": (described(RGB, 8, 3) | {258: (3, (5, 6, 5))}, r"one depth and one format, but have \[5, 6\] bits"),
    "mixed formats": (described(RGB, 32, 3, format=(1, 1, 3)), "its TIFF header is damaged or incomplete"),
    "mask": (described(4, 1, 1), "but is a transparency mask"),
    "LogL": (described(32844, 16, 1), "on a logarithmic scale of luminance, which has no white"),
    "sensor": (described(32803, 16, 1), "but is raw data of a sensor"),
    "unknown": (described(77, 8, 1), "of the unknown photometric interpretation 77"),
    "undescribed samples": (described(BLACK_IS_ZERO, 8, 3), "has 3 samples per pixel, but its tags define 1"),
    "too few samples": (described(RGB, 8, 2), "has 2 samples per pixel, but its tags define 3"),
    "no photometric": ({258: (3, (8,)), 277: (3, (1,))}, "lacks the tag PhotometricInterpretation"),
    "no colour map": (described(COLOUR_MAP, 8, 1), "its colour map has 0 colours, but index 9 is in use"),
    "other inks": (described(CMYK, 8, 4) | {332: (3, (2,))}, "its inks must be CMYK, but InkSet is 2"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_undefined_samples_are_refused(tmp_path, kind):
    tags, message = REFUSED[kind]
    path = written(tmp_path, tiff(b"\t" * 70 * 8, (5, 7), tags))
    with pytest.raises(ImageError, match=rf"x\.tif: .*{message}"):
        images.load(path, to_rgb=kind == "other inks")


@pytest.mark.parametrize("bits", [1, 8, 12, 16, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_announced_sizes(tmp_path, bits, channels):
    tags = described(RGB if channels == 3 else BLACK_IS_ZERO, bits, channels)
    for side, message in ((16000, "it is too short for 16000×16000 pixels"), (20000, "max_pixels=268435456")):
        path = written(tmp_path, tiff(bytes(20), (side, side), tags))
        tracemalloc.start()
        with pytest.raises(ImageError, match=message):
            images.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 22  # bytes
    with pytest.raises(ImageError, match="max_pixels=34 pixels, but has 5×7"):
        images.load(written(tmp_path, tiff(bytes(1000), (5, 7), tags)), max_pixels=34)


def test_missing_strips_are_refused(tmp_path):
    tags = described(BLACK_IS_ZERO, 8, 1)
    for change in ({279: (4, (0,))}, {273: (4, (0,))}, {273: (4, (9999,))}):
        with pytest.raises(ImageError, match="it is too short for 5×7 pixels"):
            images.load(written(tmp_path, tiff(bytes(35), (5, 7), tags | change)))


def test_nothing_is_logged_on_the_error_stream(tmp_path, capfd):
    tags = described(BLACK_IS_ZERO, 8, 1) | {700: (3, (1,)), 34675: (3, (1, 2))}
    images.load(written(tmp_path, tiff(bytes(35), (5, 7), tags)))
    with pytest.raises(ImageError):
        images.load(written(tmp_path, tiff(bytes(35), (5, 7), tags)[:-40]))
    assert capfd.readouterr().err == ""
    assert logging.getLogger("tifffile").handlers


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12])
def test_a_missing_decoder_changes_no_pixels(tmp_path, monkeypatch, bits):
    indices = samples_of(bits, 1)
    table = tuple(np.random.default_rng(1).integers(0, 65536, 3 << bits).tolist())
    tags = described(COLOUR_MAP, bits, 1, colours=table)
    path = written(tmp_path, tiff(packed(indices[..., 0], bits), (5, 7), tags))
    expected = images.load(path)

    def missing(*_: object, **__: object) -> None:
        raise ValueError("packints_decode requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    if bits == 12:
        with pytest.raises(ImageError, match=r"imagecodecs.*qimg\[tiff\]|cannot be read as an image"):
            images.load(path)
    else:
        assert_array_equal(images.load(path), expected)
