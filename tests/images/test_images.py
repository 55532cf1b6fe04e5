"""Files in and out, colour, JPEG pairs."""

import io
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps, JpegImagePlugin
from skimage.transform import downscale_local_mean

from qimg import images
from qimg.core import Array
from qimg.images import ImageError

LOSSLESS = [
    *[
        (suffix, dtype, channels)
        for suffix in (".png", ".tif")
        for dtype in (np.uint8, np.uint16)
        for channels in (1, 2, 3, 4)
    ],
    *[(suffix, np.uint8, channels) for suffix in (".bmp", ".ppm") for channels in (1, 3)],
    (".tiff", np.uint8, 3),
    (".pgm", np.uint8, 1),
]
FORMATS = [
    *[case for case in LOSSLESS if case[2] in (1, 3)],
    *[(suffix, np.uint8, 3) for suffix in (".jpg", ".webp", ".avif")],
]


def picture(shape: tuple[int, int], dtype: type, channels: int, seed: int = 0) -> Array:
    full = shape if channels == 1 else (*shape, channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, full, dtype, endpoint=True)


def pixels_or_message(path: Path) -> Array | str:
    try:
        return images.load(path)
    except ImageError as error:
        return str(error)


def write(folder: Path, case: tuple[str, type, int], shape: tuple[int, int] = (9, 7)) -> Path:
    suffix, dtype, channels = case
    path = folder / f"whole{suffix}"
    images.save(picture(shape, dtype, channels), path, quality=90 if suffix in (".jpg", ".webp", ".avif") else None)
    return path


@pytest.mark.parametrize(("suffix", "dtype", "channels"), LOSSLESS)
@given(height=st.integers(1, 20), width=st.integers(1, 20), seed=st.integers(0, 99))
@example(height=1, width=1, seed=0)
@example(height=5, width=5, seed=0)
@settings(max_examples=12)
def test_lossless_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    dtype: type,
    channels: int,
    height: int,
    width: int,
    seed: int,
) -> None:
    image = picture((height, width), dtype, channels, seed)
    kept = image.copy()
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    images.save(image, path)
    loaded = images.load(path)
    assert loaded.dtype == dtype
    assert_array_equal(loaded, kept)
    assert_array_equal(image, kept)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_tiff_is_one_page_for_others(tmp_path: Path, channels: int) -> None:
    path = write(tmp_path, (".tif", np.uint16, channels))
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
        assert_array_equal(file.asarray(), picture((9, 7), np.uint16, channels))


@pytest.mark.parametrize(
    ("suffix", "channels", "floor_db"),
    [(".jpg", 1, 30), (".jpg", 3, 30), (".webp", 3, 30), (".webp", 4, 30), (".avif", 3, 30)],
)
def test_lossy_formats_keep_shape_and_come_close(tmp_path: Path, suffix: str, channels: int, floor_db: float) -> None:
    # 30 dB is far below what quality 90 gives on a smooth ramp and far above what a swapped channel would leave.
    ramp = np.add.outer(np.arange(32), 2 * np.arange(40))
    scale = np.array([1.0, 0.7, 0.4, 0.0])[:channels]
    image = images.to_uint8(ramp if channels == 1 else ramp[..., None] * scale + 200 * (scale == 0))
    images.save(image, tmp_path / f"x{suffix}", quality=90)
    loaded = images.load(tmp_path / f"x{suffix}")
    assert loaded.shape == image.shape
    error = np.mean((loaded.astype(float) - image) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > floor_db


def test_palette_and_bilevel_become_rgb_and_gray(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 0, 0]]], np.uint8)
    Image.fromarray(colours).quantize(4).save(tmp_path / "palette.png")
    assert_array_equal(images.load(tmp_path / "palette.png"), colours)
    bilevel = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    Image.fromarray(bilevel).convert("1").save(tmp_path / "bilevel.png")
    assert_array_equal(images.load(tmp_path / "bilevel.png"), bilevel)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint16)])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, kind: tuple[str, type]) -> None:
    suffix, dtype = kind
    image = picture((4, 6), dtype, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, image, photometric="rgb", extratags=[(0x0112, "H", 1, orientation, True)])
    else:
        images.save(image, path)
        plain, body = path.read_bytes(), b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        path.write_bytes(plain[:33] + chunk + plain[33:])  # 8 bytes of signature and 25 of IHDR come first
    # Pillow turns the index of each pixel, in 8 bits: 24 pixels, so none is lost.
    index = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    index.getexif()[0x0112] = orientation
    expected = image.reshape(24, 3)[np.array(ImageOps.exif_transpose(index))]
    assert_array_equal(images.load(path), expected)


@pytest.mark.parametrize("case", FORMATS, ids=lambda case: f"{case[0]}-{case[1].__name__}-{case[2]}")
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
@settings(max_examples=25)
def test_truncated_file_is_named_or_complete(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, type, int], share: float
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = write(folder, case)
    whole = images.load(path)
    content = path.read_bytes()
    cut = folder / f"cut{path.suffix}"
    cut.write_bytes(content[: int(share * len(content))])
    outcome = pixels_or_message(cut)
    if isinstance(outcome, str):
        assert outcome.startswith(f"{cut}: ")
    else:  # only a trailer was missing
        assert_array_equal(outcome, whole)


@pytest.mark.parametrize("case", FORMATS, ids=lambda case: f"{case[0]}-{case[1].__name__}-{case[2]}")
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=25)
def test_damaged_file_is_an_image_or_named(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, type, int], share: float, flip: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = write(folder, case)
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= flip
    damaged = folder / f"damaged{path.suffix}"
    damaged.write_bytes(content)
    outcome = pixels_or_message(damaged)
    if isinstance(outcome, str):
        assert outcome.startswith(f"{damaged}: ")
    else:
        assert images.check_image("pixels", outcome) is outcome


def _animated(path: Path) -> None:
    frames = [Image.fromarray(picture((4, 4), np.uint8, 1, seed)) for seed in (0, 1)]
    frames[0].save(path, "PNG", save_all=True, append_images=frames[1:])


def _pages(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((2, 5, 5), np.uint8), photometric="minisblack")


def _sizeless(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((5, 5), np.uint16))
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].tags["ImageWidth"].offset
    content = path.read_bytes()
    path.write_bytes(content[:offset] + b"\xff\xff" + content[offset + 2 :])


BAD_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing.png", lambda path: None, "no such file"),
    ("folder.png", lambda path: path.mkdir(), "is a folder, but an image file is expected"),
    ("text.png", lambda path: path.write_text("not a picture"), "not an image file that can be read"),
    ("empty.jpg", lambda path: path.write_bytes(b""), "not an image file that can be read"),
    ("text.tif", lambda path: path.write_text("not a picture"), "cannot be read as an image"),
    ("animated.png", _animated, "holds 2 frames, but one picture is expected"),
    ("pages.tif", _pages, "holds 2 frames, but one picture is expected"),
    ("print.jpg", lambda path: Image.new("CMYK", (4, 4)).save(path), "pixel format must be gray or RGB.* but is CMYK"),
    ("float.tif", lambda path: Image.new("F", (4, 4), 7.0).save(path), r"must be in \[0, 1\], .* but are in \[7, 7\]"),
    ("missing.dng", lambda path: None, "no such file"),
    ("folder.NEF", lambda path: path.mkdir(), "is a folder, but an image file is expected"),
    ("sizeless.tif", _sizeless, "must have at least one row and one column"),
    ("double.tif", lambda path: tifffile.imwrite(path, -np.ones((4, 4))), r"must be in \[0, 1\], .* but are in \[-1"),
]


@pytest.mark.parametrize(("name", "make", "message"), BAD_FILES, ids=[case[0] for case in BAD_FILES])
def test_bad_files_are_named(tmp_path: Path, name: str, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / name)
    with pytest.raises(ImageError, match=f"{name}: .*{message}"):
        images.load(tmp_path / name)


@pytest.mark.parametrize(
    ("image", "name", "quality", "message"),
    [
        (np.zeros((2, 2)), "x.png", None, "image: pixels must be uint8 or uint16, but are float64"),
        (np.zeros((2, 2, 5), np.uint8), "x.png", None, r"image: shape must be .* but is \(2, 2, 5\)"),
        (np.zeros((0, 2), np.uint8), "x.png", None, r"image: shape must be .* but is \(0, 2\)"),
        (np.zeros((2, 2), np.uint8), "x.xyz", None, "x.xyz: must end in one of .png, .*but has the file ending '.xyz'"),
        (np.zeros((2, 2), np.uint8), "x.dng", None, "x.dng: must end in one of .png, .*but has the file ending '.dng'"),
        (np.zeros((2, 2), np.uint8), "x.jpg", None, r"quality must be set for .jpg files \(1 to 100\)"),
        (np.zeros((2, 2), np.uint8), "x.jpg", 101, r"quality must be in \[1, 100\], but quality=101"),
        (np.zeros((2, 2), np.uint8), "x.jpg", 0, r"quality must be in \[1, 100\], but quality=0"),
        (
            np.zeros((2, 2), np.uint8),
            "x.png",
            90,
            "quality has no effect on .png files and must be left out, but quality=90",
        ),
        (np.zeros((2, 2), np.uint16), "x.bmp", None, "x.bmp: .bmp holds 8 bits per channel, but the image is uint16"),
        (np.zeros((2, 2, 4), np.uint8), "x.jpg", 90, "x.jpg: .jpg holds no alpha channel, but the image has one"),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, image: Array, name: str, quality: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images.save(image, tmp_path / name, quality=quality)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("culprit", ["PIL.Image.Image.save", "os.fdopen", "os.replace"])
def test_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, culprit: str
) -> None:
    path = write(tmp_path, (".png", np.uint8, 3))
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(culprit, fail)
    with pytest.raises(OSError, match="disk full"):
        images.save(picture((3, 3), np.uint8, 3), path)
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_saved_file_is_readable_by_all_and_its_folder_must_exist(tmp_path: Path) -> None:
    assert stat.S_IMODE(write(tmp_path, (".png", np.uint8, 1)).stat().st_mode) == 0o644
    with pytest.raises(FileNotFoundError, match="absent"):
        images.save(picture((2, 2), np.uint8, 1), tmp_path / "absent" / "x.png")


@pytest.mark.parametrize("name", images.BUNDLED)
def test_bundled_photographs(name: str) -> None:
    image = images.bundled(name)
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert min(image.shape[:2]) >= 300


def test_bundled_name_must_be_known() -> None:
    with pytest.raises(ValueError, match=r"name must be one of astronaut, chelsea, .* but name='lena'"):
        images.bundled("lena")


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        # ITU-T T.871, section 7, to the three decimals its six-digit constants determine.
        ((0, 0, 0), (0, 128, 128)),
        ((255, 255, 255), (255, 128, 128)),
        ((255, 0, 0), (76.245, 84.972, 255.5)),
        ((0, 255, 0), (149.685, 43.528, 21.235)),
        ((0, 0, 255), (29.07, 255.5, 107.265)),
        ((90, 90, 90), (90, 128, 128)),
    ],
)
def test_bt601_colours(rgb: tuple[float, ...], ycbcr: tuple[float, ...]) -> None:
    assert_allclose(images.rgb_to_ycbcr(rgb), ycbcr, atol=1e-3)
    assert_allclose(images.ycbcr_to_rgb(ycbcr), rgb, atol=2e-3)


@given(seed=st.integers(0, 2**32 - 1), shape=st.lists(st.integers(1, 4), max_size=3))
def test_colour_round_trip(seed: int, shape: list[int]) -> None:
    rgb = np.random.default_rng(seed).uniform(0, 255, (*shape, 3))
    assert_allclose(images.ycbcr_to_rgb(images.rgb_to_ycbcr(rgb)), rgb, atol=1e-11)
    assert_allclose(images.rgb_to_ycbcr(images.ycbcr_to_rgb(rgb)), rgb, atol=1e-11)


def test_ycbcr_agrees_with_libjpeg() -> None:
    image = picture((40, 40), np.uint8, 3)
    # Pillow uses tables in fixed point, 6 bits after the point, and truncates: at most one code value away.
    theirs = np.array(Image.fromarray(image).convert("YCbCr"), dtype=float)
    assert np.abs(images.to_ycbcr(image) - theirs).max() <= 1 + 3 * 2.0**-7


def test_planes_of_every_kind_of_image() -> None:
    rgb = picture((3, 5), np.uint8, 4)
    assert_array_equal(images.without_alpha(rgb), rgb[..., :3])
    assert_allclose(images.luma(rgb), images.to_ycbcr(rgb)[..., 0], rtol=1e-14)
    gray = picture((3, 5), np.uint16, 2)
    assert_array_equal(images.without_alpha(gray), gray[..., 0])
    assert_allclose(images.luma(gray), gray[..., 0] / 257)
    assert_array_equal(images.to_ycbcr(gray)[..., 1:], np.full((3, 5, 2), 128.0))
    assert [images.colours(picture((2, 2), np.uint8, channels)) for channels in (1, 2, 3, 4)] == [1, 1, 3, 3]


def test_code_values_of_16_bit_white_and_of_every_8_bit_level() -> None:
    levels = np.arange(256)
    assert_array_equal(images.code_values((257 * levels[None]).astype(np.uint16))[0], levels)
    assert_array_equal(images.to_uint8([[-3.0, 0.5, 1.5, 254.4999, 300.0]]), [[0, 0, 2, 254, 255]])


@pytest.mark.parametrize("function", [images.rgb_to_ycbcr, images.ycbcr_to_rgb])
def test_colour_needs_three_channels(function: Callable[[Array], Array]) -> None:
    with pytest.raises(ValueError, match=r"must have shape \(\.\.\., 3\), but has shape \(4, 2\)"):
        function(np.zeros((4, 2)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_box_mean_is_scikit_image_on_whole_boxes(dtype: type, channels: int) -> None:
    image = picture((13, 11), dtype, channels)
    boxes = (3, 3) if channels == 1 else (3, 3, 1)
    expected = np.rint(downscale_local_mean(image[:12, :9].astype(float), boxes))
    reduced = images.box_mean(image, 3)
    assert reduced.dtype == dtype
    assert_array_equal(reduced, expected)
    assert_array_equal(images.box_mean(image, 1), image)


def test_box_mean_needs_one_whole_box() -> None:
    with pytest.raises(ValueError, match=r"factor must be in \[1, 4\], but factor=5"):
        images.box_mean(np.zeros((4, 9), np.uint8), 5)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (16, 24)])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", None])
def test_jpeg_round_trip_is_what_its_file_decodes_to(
    tmp_path: Path, shape: tuple[int, int], subsampling: str | None
) -> None:
    image = picture(shape, np.uint8, 3)
    pair = images.jpeg_round_trip(image, quality=80, subsampling=subsampling)
    (tmp_path / "x.jpg").write_bytes(pair.file)
    assert pair.image.shape == image.shape
    assert_array_equal(images.load(tmp_path / "x.jpg"), pair.image)
    with Image.open(io.BytesIO(pair.file)) as file:
        sampling = JpegImagePlugin.get_sampling(file)
    assert sampling == {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, None: 2}[subsampling]


def test_jpeg_of_gray_deep_and_transparent_pictures(bundled_luma: Array) -> None:
    gray = images.to_uint8(bundled_luma)
    decoded = images.jpeg_round_trip(gray, quality=100).image.astype(float)
    # Steps of 1 in 64 coefficients leave a variance of at most 1/12, rounding to pixels another 1/12.
    assert np.mean((decoded - gray) ** 2) < 2 / 12 + 0.02
    deep = np.stack([gray.astype(np.uint16) * 257, np.zeros(gray.shape, np.uint16)], axis=-1)
    assert_array_equal(images.jpeg_round_trip(deep, quality=100).image, decoded)


def test_jpeg_gets_larger_and_better_with_quality(bundled_luma: Array) -> None:
    gray = images.to_uint8(bundled_luma)
    pairs = [images.jpeg_round_trip(gray, quality=quality) for quality in (5, 25, 50, 75, 95)]
    assert (np.diff([len(pair.file) for pair in pairs]) > 0).all()
    assert (np.diff([np.mean((pair.image.astype(float) - gray) ** 2) for pair in pairs]) < 0).all()


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (picture((8, 8), np.uint8, 1), {"quality": 0}, r"quality must be in \[1, 100\], but quality=0"),
        (picture((8, 8), np.uint8, 1), {"quality": 50, "subsampling": "4:4:4"}, "subsampling has no effect on a gray"),
        (picture((8, 8), np.uint8, 3), {"quality": 50, "subsampling": "4:1:1"}, "subsampling must be one of 4:2:0, "),
    ],
)
def test_jpeg_options_are_checked(image: Array, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images.jpeg_round_trip(image, **options)  # type: ignore[arg-type]


# ITU-T T.81, annex K, tables K.1 and K.2.
LUMA_TABLE = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
]
CHROMA_TABLE = np.full((8, 8), 99)
CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


@pytest.mark.parametrize(("chroma", "table"), [(False, LUMA_TABLE), (True, CHROMA_TABLE)])
@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 90, 100])
def test_quantization_tables_are_annex_k_scaled_by_libjpeg(quality: int, chroma: bool, table: Array) -> None:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    expected = np.clip((np.array(table) * percent + 50) // 100, 1, 255)
    assert_array_equal(images.quantization_table(quality, chroma=chroma), expected)


@pytest.mark.parametrize("quality", [75, 95, 100])
def test_noise_fits_into_a_jpeg_pair(rng, quality):
    noise = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    pair = images.jpeg_round_trip(noise, quality=quality, subsampling="4:4:4")
    assert pair.image.shape == noise.shape
    # More than a byte per pixel, which Pillow's own buffer does not hold.
    assert len(pair.file) > 200 * 200


def test_further_views_behind_a_photograph_are_left_alone(tmp_path):
    first, second = images.bundled("coffee")[:16, :16], images.bundled("chelsea")[:16, :16]
    path = tmp_path / "phone.jpg"
    Image.fromarray(first).save(path, "MPO", save_all=True, append_images=[Image.fromarray(second)], quality=95)
    # JPEG at quality 95 keeps 8×8 blocks of a photograph to a few code values.
    assert np.abs(images.load(path).astype(int) - first).mean() < 6


def test_colour_is_not_saved_as_pgm(tmp_path):
    with pytest.raises(ImageError, match=r"\.pgm holds gray pictures"):
        images.save(np.zeros((2, 2, 3), np.uint8), tmp_path / "x.pgm")
    assert list(tmp_path.iterdir()) == []
