"""Images in and out: files, JPEG pairs, colour planes, and the photographs that ship with scikit-image.

An image is a `uint8` or `uint16` array (H, W) or (H, W, 3), with an alpha channel (H, W, 2) or (H, W, 4).
Inside the library, planes are `float64` in 8-bit code values (0 to 255).
"""

import io
import os
import tempfile
import warnings
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from qimg.arguments import Array, integer, one_of, require, require_shape

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".ppm", ".pgm", ".avif")
"""File endings that a folder of images is searched for."""

LEVEL_SHIFT = 128.0
"""Subtracted from every Y'CbCr plane before second moments are taken (ITU-T T.81, A.3.1)."""

BUNDLED = ("astronaut", "chelsea", "coffee", "motorcycle")
"""Colour photographs that scikit-image ships without loss (its `rocket` is a JPEG file, so not raw)."""

_YCBCR = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
_RGB = np.array(
    [
        [1.0, 0.0, 1.402],
        [1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587],
        [1.0, 1.772, 0.0],
    ]
)
_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
_ALPHA_CHANNELS = {2: 1, 4: 3}


class ImageError(ValueError):
    """A file that is not a readable image, or an array that is not an image; the message names it."""


class JpegRoundTrip(NamedTuple):
    """What a JPEG encoder made of an image."""

    image: Array
    """Decoded pixels, `uint8`, of the shape that went in."""
    file: bytes
    """The whole JPEG file."""


def load(path: str | os.PathLike[str]) -> Array:
    """Read an image file.

    The EXIF orientation is applied; palettes become RGB and bilevel becomes gray 0/255. Colour profiles are
    not applied.

    Args:
        path: PNG, TIFF, JPEG, WebP, AVIF, BMP or PNM; gray or RGB, 8 or 16 bit, with or without alpha.

    Returns:
        `uint8` or `uint16` array (H, W), (H, W, 3), (H, W, 2) gray + alpha or (H, W, 4) RGB + alpha.

    Raises:
        ImageError: the file is missing, truncated, no image, animated, or of another pixel format.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # Pillow's own limit (an error at twice the size) guards against bombs; its warning is not needed.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # An uncompressed TIFF without a colour mode that Pillow knows is left to tifffile below.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(path) as file:
                return _pixels(file, path)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, but an image file is expected") from None
    except UnidentifiedImageError:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _load_tiff(path)
        raise ImageError(f"{path}: not an image file that can be read") from None
    except Exception as error:  # decoders raise many kinds on broken files
        raise ImageError(f"{path}: cannot be read as an image ({error})") from None


def _pixels(file: Image.Image, path: Path) -> Array:
    if getattr(file, "n_frames", 1) > 1:
        raise ImageError(f"{path}: holds {file.n_frames} frames, but one picture is expected")  # type: ignore[attr-defined]
    if _stored_in_16_bits(file) and file.mode in ("RGB", "RGBA", "LA"):
        pixels = _load_png16(path) if file.format == "PNG" else _load_tiff(path)
        return _upright(pixels, file.getexif().get(ExifTags.Base.Orientation, 1))
    picture = ImageOps.exif_transpose(file)
    mode = picture.mode
    if mode in ("L", "LA", "RGB", "RGBA"):
        pixels = np.array(picture)
    elif mode == "1":
        pixels = np.array(picture.convert("L"))
    elif mode in ("P", "PA"):
        pixels = np.array(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
    elif mode.startswith("I;16"):
        pixels = np.array(picture).astype(np.uint16)
    else:
        raise ImageError(
            f"{path}: pixel format must be gray or RGB in 8 or 16 bit, with or without alpha, but is {mode}"
        )
    return pixels


def _stored_in_16_bits(file: Image.Image) -> bool:
    """Whether Pillow would cut 16-bit colour down to 8 bits (its issue 7723)."""
    arguments = (tile.args for tile in getattr(file, "tile", ()))
    return any("16" in str(entry[0] if isinstance(entry, tuple) else entry) for entry in arguments)


def _upright(pixels: Array, orientation: int) -> Array:
    """What `ImageOps.exif_transpose` does, for the pixels that Pillow does not read."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels.copy()


def _load_png16(path: Path) -> Array:
    import png

    with path.open("rb") as file:
        width, height, rows, info = png.Reader(file=file).asDirect()
        pixels = np.vstack([np.asarray(row, dtype=np.uint16) for row in rows])
    return pixels.reshape(height, width, info["planes"])


def _load_tiff(path: Path) -> Array:
    import tifffile

    try:
        pixels = np.asarray(tifffile.imread(path))
        return check_image(f"{path}", pixels)
    except ImageError:
        raise
    except Exception as error:  # tifffile raises many kinds on broken files
        raise ImageError(f"{path}: cannot be read as an image ({error})") from None


def save(image: Array, path: str | os.PathLike[str], *, quality: int | None = None) -> None:
    """Write an image file; the ending names the format. Nothing is left behind when writing fails.

    Args:
        image: an image array (see the module).
        path: `.png`, `.tif`, `.tiff`, `.bmp`, `.ppm`, `.pgm` (lossless) or `.jpg`, `.jpeg`, `.webp`, `.avif`.
            16 bit: PNG and TIFF only.
        quality: 1 to 100 for a lossy format, where it must be given.

    Raises:
        ImageError: the array is not an image, or the format cannot hold it.
        ValueError: `quality` is missing, out of range or without effect.
        OSError: the file cannot be written.
    """
    pixels = check_image("image", image)
    path = Path(path)
    suffix = path.suffix.lower()
    one_of("file ending", suffix, SUFFIXES)
    lossy = suffix in (".jpg", ".jpeg", ".webp", ".avif")
    if lossy:
        require(quality is not None, "quality", f"must be given for {suffix}", quality)
        quality = integer("quality", quality or 0, 1, 100)
    else:
        require(quality is None, "quality", f"has no effect for {suffix} and must be left out", quality)
    deep = pixels.dtype == np.uint16
    if deep and suffix not in (".png", ".tif", ".tiff"):
        raise ImageError(f"{path}: {suffix} holds 8 bits per channel, but the image is uint16")
    if has_alpha(pixels) and suffix in (".jpg", ".jpeg", ".bmp", ".ppm", ".pgm"):
        raise ImageError(f"{path}: {suffix} holds no alpha channel, but the image has one")
    write_atomically(path, _encoded(pixels, suffix, quality))


def _encoded(pixels: Array, suffix: str, quality: int | None) -> bytes:
    buffer = io.BytesIO()
    if pixels.dtype == np.uint16 and suffix != ".png":
        import tifffile

        # Without `contig`, a gray picture with alpha would become H pages of W×2 pixels.
        layout: dict[str, Any] = {"planarconfig": "contig"} if pixels.ndim == 3 else {}
        if has_alpha(pixels):
            layout["extrasamples"] = ["unassalpha"]
        tifffile.imwrite(buffer, pixels, photometric="minisblack" if colours(pixels) == 1 else "rgb", **layout)
    elif pixels.dtype == np.uint16 and pixels.ndim == 3:
        import png

        height, width, channels = pixels.shape
        writer = png.Writer(width, height, greyscale=channels == 2, alpha=channels in _ALPHA_CHANNELS, bitdepth=16)
        writer.write(buffer, pixels.reshape(height, -1).tolist())
    else:
        options: dict[str, Any] = {} if quality is None else {"quality": quality}
        Image.fromarray(pixels).save(buffer, _format(suffix), **options)
    return buffer.getvalue()


def _format(suffix: str) -> str:
    return Image.registered_extensions()[suffix]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` under a temporary name in the same folder, then rename: all of it or nothing."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def find(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Image files named by files and folders, folders in alphabetical order and not searched below.

    Raises:
        ImageError: a source does not exist, or a folder holds no image file.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        if source.is_dir():
            inside = sorted(entry for entry in source.iterdir() if entry.suffix.lower() in SUFFIXES)
            if not inside:
                raise ImageError(f"{source}: the folder holds no image ({' '.join(SUFFIXES)})")
            found += inside
        elif source.exists():
            found.append(source)
        else:
            raise ImageError(f"{source}: no such file or folder")
    return found


def bundled(name: str) -> Array:
    """A colour photograph from scikit-image's package, `uint8` (H, W, 3).

    Args:
        name: one of `qimg.images.BUNDLED`.
    """
    one_of("name", name, BUNDLED)
    from skimage import data

    if name == "motorcycle":
        return np.array(data.stereo_motorcycle()[0])
    return np.array(getattr(data, name)())


def check_image(name: str, image: ArrayLike) -> Array:
    """`image` as an array that is an image, or `ImageError` with the rule that it breaks."""
    pixels = np.asarray(image)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: pixels must be uint8 or uint16, but are {pixels.dtype}")
    if pixels.ndim not in (2, 3) or pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] not in (2, 3, 4)):
        raise ImageError(f"{name}: shape must be (H, W), (H, W, 2), (H, W, 3) or (H, W, 4), but is {pixels.shape}")
    return pixels


def has_alpha(image: Array) -> bool:
    """Whether the last channel is alpha: shapes (H, W, 2) and (H, W, 4)."""
    return image.ndim == 3 and image.shape[2] in _ALPHA_CHANNELS


def colours(image: Array) -> int:
    """Number of colour channels: 1 (gray) or 3 (RGB), alpha not counted."""
    if image.ndim == 2:
        return 1
    channels = int(image.shape[2])
    return _ALPHA_CHANNELS.get(channels, channels)


def without_alpha(image: ArrayLike) -> Array:
    """The colour channels of an image: (H, W) or (H, W, 3). Alpha is dropped, not composited."""
    pixels = check_image("image", image)
    if not has_alpha(pixels):
        return pixels
    return pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]


def code_values(image: ArrayLike) -> Array:
    """Colour channels as `float64` in 8-bit code values: `uint16` is divided by 257, so that white is 255."""
    pixels = without_alpha(image)
    return pixels / 257.0 if pixels.dtype == np.uint16 else pixels.astype(np.float64)


def to_uint8(values: ArrayLike) -> Array:
    """Code values rounded to nearest and clipped to [0, 255]."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def rgb_to_ycbcr(rgb: ArrayLike) -> Array:
    """Y'CbCr of R'G'B' in code values: ITU-R BT.601 full range, as in JPEG (ITU-T T.871, section 7).

    Args:
        rgb: (..., 3), 0 to 255.

    Returns:
        (..., 3) `float64`, luma 0 to 255, chroma centred on 128, not rounded.
    """
    colour = np.asarray(rgb, dtype=np.float64)
    require_shape(colour.ndim >= 1 and colour.shape[-1] == 3, "rgb", "(..., 3)", colour)
    return colour @ _YCBCR.T + np.array([0.0, 128.0, 128.0])


def ycbcr_to_rgb(ycbcr: ArrayLike) -> Array:
    """Inverse of `rgb_to_ycbcr`; the result is neither rounded nor clipped."""
    planes = np.asarray(ycbcr, dtype=np.float64)
    require_shape(planes.ndim >= 1 and planes.shape[-1] == 3, "ycbcr", "(..., 3)", planes)
    return (planes - np.array([0.0, 128.0, 128.0])) @ _RGB.T


def to_ycbcr(image: ArrayLike) -> Array:
    """Y'CbCr planes (H, W, 3) of any image; gray has neutral chroma (128)."""
    values = code_values(image)
    if values.ndim == 2:
        neutral = np.full_like(values, 128.0)
        return np.stack([values, neutral, neutral], axis=-1)
    return rgb_to_ycbcr(values)


def luma(image: ArrayLike) -> Array:
    """Luma plane (H, W) in code values, `float64`, not rounded."""
    values = code_values(image)
    return values if values.ndim == 2 else values @ _YCBCR[0]


def box_mean(image: ArrayLike, factor: int) -> Array:
    """Downscale by averaging factor×factor boxes; rows and columns that fill no box are cut.

    Returns an image of the same dtype, rounded to nearest. `factor=1` returns the image itself.
    """
    pixels = check_image("image", image)
    factor = integer("factor", factor, 1, min(pixels.shape[:2]))
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    boxes = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    means = np.rint(boxes.mean(axis=(1, 3))).astype(pixels.dtype)
    return means.reshape(height, width, *pixels.shape[2:])


def jpeg_round_trip(image: ArrayLike, *, quality: int, subsampling: str | None = None) -> JpegRoundTrip:
    """Encode and decode by libjpeg (Pillow), with optimised Huffman tables.

    Args:
        image: an image array; 16 bit is rounded to 8, alpha is dropped.
        quality: 1 to 100, libjpeg's scale.
        subsampling: "4:4:4", "4:2:2" or "4:2:0" (when left out) for colour; must be left out for gray.
    """
    values = code_values(image)
    options: dict[str, Any] = {"quality": integer("quality", quality, 1, 100), "optimize": True}
    if values.ndim == 3:
        name = one_of("subsampling", "4:2:0" if subsampling is None else subsampling, _SUBSAMPLING)
        options["subsampling"] = _SUBSAMPLING[name]
    else:
        require(subsampling is None, "subsampling", "has no effect on a gray image and must be left out", subsampling)
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(values)).save(buffer, "JPEG", **options)
    with Image.open(buffer) as file:
        decoded = np.array(file)
    return JpegRoundTrip(decoded, buffer.getvalue())


def quantization_table(quality: int, *, chroma: bool = False) -> Array:
    """Libjpeg's 8×8 table of quantization steps at a quality, row-major (ITU-T T.81, annex K, scaled).

    Args:
        quality: 1 to 100.
        chroma: the table of Cb and Cr instead of that of luma.

    Returns:
        (8, 8) `float64`, steps in units of the orthonormal DCT of code values.

    >>> quantization_table(50)[0]
    array([16., 11., 10., 16., 24., 40., 51., 61.])
    """
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=integer("quality", quality, 1, 100))
    with Image.open(buffer) as file:
        table = file.quantization[1 if chroma else 0]  # type: ignore[attr-defined]
    return np.array(table, dtype=np.float64).reshape(8, 8)
