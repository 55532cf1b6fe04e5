"""Still-image codecs behind one interface: ours, and those that people use, each with the settings of its curve.

Every codec works in one thread, on 8-bit gray or RGB, and writes whole files that other programs read. The settings of
each cover 26 to 40 dB of mean RGB PSNR on photographs.
"""

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image, features

import qimg
from qimg import images
from qimg.core.arguments import Array, one_of

OURS = "qimg"
JPEG = "JPEG"
AVIF = "AVIF"


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One way to write and to read a picture."""

    name: str
    about: str
    """Program and options."""
    settings: tuple[float, ...]
    """Of a curve, from the smallest file to the largest: qualities, or what `about` says."""
    whole: bool = True
    """Whether settings are whole numbers."""
    encode: Callable[[Array, float], bytes] = field(repr=False)
    """The file of a `uint8` picture (H, W) or (H, W, 3) at a setting."""
    decode: Callable[[bytes], Array] = field(repr=False)
    """The pixels of a file, `uint8`; a codec without a gray mode gives RGB."""
    needs: str = ""
    """What has to be installed beside the packages that qimg depends on."""
    installed: Callable[[], bool] = field(repr=False, default=lambda: True)


def chosen(names: Sequence[str]) -> list[Codec]:
    """The codecs of these names, or all that are installed where no name is given.

    Raises:
        ValueError: a name is unknown, or its codec is not installed.
    """
    if not names:
        return [codec for codec in CODECS if codec.installed()]
    named = {codec.name: codec for codec in CODECS}
    codecs = [named[one_of("codecs", name, named)] for name in dict.fromkeys(names)]
    for codec in codecs:
        if not codec.installed():
            raise ValueError(f"codecs names {codec.name}, which needs {codec.needs}")
    return codecs


def as_given(image: Array, decoded: Array) -> Array:
    """A decoded picture in the shape of the one encoded: luma, rounded, where gray came back as RGB."""
    return images.to_uint8(images.luma(decoded)) if image.ndim == 2 and decoded.ndim == 3 else decoded


def not_measured(names: Collection[str]) -> list[str]:
    """A sentence on the codecs that are not among those measured, and what they need; none where all are."""
    left_out = [codec for codec in CODECS if codec.name not in names]
    missing = [codec.name + (f" (needs {codec.needs})" if codec.needs else "") for codec in left_out]
    return [f"Not measured: {', '.join(missing)}."] if missing else []


def _encode_ours(image: Array, quality: float) -> bytes:
    return qimg.encode(image, quality=quality)


def _save(image: Array, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


def _pillow(form: str, **options: Any) -> Callable[[Array, float], bytes]:
    """An encoder of Pillow's whose setting is its quality."""
    return lambda image, quality: _save(image, form, quality=int(quality), **options)


def _encode_jpeg_2000(image: Array, reduction: float) -> bytes:
    # OpenJPEG refuses more halvings than the shorter side allows.
    halvings = min(5, min(image.shape[:2]).bit_length() - 1)
    options = {"irreversible": True, "mct": int(image.ndim == 3), "num_resolutions": halvings + 1}
    return _save(image, "JPEG2000", quality_mode="rates", quality_layers=[reduction], **options)


def _open(data: bytes) -> Array:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def _open_avif(data: bytes) -> Array:
    """As `_open`, in one thread, which Pillow has no argument for."""
    from PIL import AvifImagePlugin as Plugin

    threads, Plugin.DEFAULT_MAX_THREADS = Plugin.DEFAULT_MAX_THREADS, 1
    try:
        return _open(data)
    finally:
        Plugin.DEFAULT_MAX_THREADS = threads


def _has_avif() -> bool:
    if find_spec("PIL.AvifImagePlugin") is None:
        return False
    from PIL import AvifImagePlugin as Plugin

    return Plugin.SUPPORTED


def _encode_jpeg_xl(image: Array, distance: float) -> bytes:
    from imagecodecs import jpegxl_encode

    return bytes(jpegxl_encode(image, distance=distance, effort=7, numthreads=1))


def _decode_jpeg_xl(data: bytes) -> Array:
    from imagecodecs import jpegxl_decode

    return np.asarray(jpegxl_decode(data, numthreads=1))


def ssimulacra2(reference: Array, shown: Array) -> float:
    """SSIMULACRA 2 of two `uint8` pictures of one shape, at most 100; NaN without its package or below 8 pixels."""
    if find_spec("ssimulacra2") is None or min(reference.shape[:2]) < 8:
        return float("nan")
    from ssimulacra2 import compute_ssimulacra2

    files = [io.BytesIO(_save(image, "PNG", compress_level=0)) for image in (reference, shown)]
    return float(compute_ssimulacra2(*files))


CODECS = (
    Codec(
        name=OURS,
        about="this package",
        settings=(2, 8, 14, 20, 27, 34, 41, 48, 56, 70),
        encode=_encode_ours,
        decode=lambda data: qimg.decode(data),
    ),
    Codec(
        name=JPEG,
        about="libjpeg-turbo by Pillow, its defaults, 4:2:0",
        settings=(5, 10, 20, 35, 50, 65, 78, 87, 93, 97),
        encode=_pillow("JPEG"),
        decode=_open,
    ),
    Codec(
        name="JPEG optimised",
        about="libjpeg-turbo by Pillow, optimised and progressive, 4:2:0",
        settings=(5, 10, 20, 35, 50, 65, 78, 87, 93, 97),
        encode=_pillow("JPEG", optimize=True, progressive=True),
        decode=_open,
    ),
    Codec(
        name="WebP",
        about="libwebp by Pillow, method 6",
        settings=(0, 5, 15, 30, 50, 65, 78, 86, 92, 97),
        encode=_pillow("WEBP", method=6),
        decode=_open,
        needs="Pillow with WebP",
        installed=lambda: bool(features.check("webp")),
    ),
    Codec(
        name="JPEG 2000",
        about="OpenJPEG by Pillow, irreversible 9/7 wavelet, by raw bytes per byte of the file",
        settings=(300, 200, 120, 80, 50, 32, 20, 13, 9),
        whole=False,
        encode=_encode_jpeg_2000,
        decode=_open,
        needs="Pillow with OpenJPEG",
        installed=lambda: bool(features.check("jpg_2000")),
    ),
    Codec(
        name=AVIF,
        about="libavif and AOM by Pillow, 4:4:4, speed 6",
        settings=(3, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84),
        encode=_pillow("AVIF", subsampling="4:4:4", speed=6, max_threads=1),
        decode=_open_avif,
        needs="Pillow 11.3 with AVIF",
        installed=_has_avif,
    ),
    Codec(
        name="JPEG XL",
        about="libjxl by imagecodecs, effort 7, by distance",
        settings=(19, 13, 9, 6, 4, 2.7, 1.8, 1.1, 0.7, 0.45),  # from 20 on it codes a picture of half the size
        whole=False,
        encode=_encode_jpeg_xl,
        decode=_decode_jpeg_xl,
        needs="imagecodecs",
        installed=lambda: find_spec("imagecodecs") is not None,
    ),
)
"""All codecs, in the order in which tables name them."""
