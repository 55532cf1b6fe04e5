"""PNG files: their chunks, and their pixels from the chunks that define pixels alone."""

import io
import zlib

import numpy as np
from PIL import PngImagePlugin

from qimg.core import Array
from qimg.images.limits import check_area, too_short
from qimg.images.planes import ImageError
from qimg.images.reading.headers import png_chunks
from qimg.images.reading.samples import from_integers, with_transparent

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_GRAY, _RGB, _PALETTE = 0, 2, 3
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
_DENSEST = 1032  # bytes that one byte of Deflate can expand to


def frames(content: bytes) -> int:
    """Number of frames: more than 1 in an animated PNG."""
    controls = [data for name, data, _ in png_chunks(content) if name == b"acTL"]
    return int.from_bytes(controls[0][:4], "big") if controls else 1


def read_png(content: bytes, name: str, *, max_pixels: int | None) -> Array:
    """The pixels of a PNG file, of its default picture if it is animated, in 8 or 16 bits as stored.

    1, 2 and 4 bits become 8, palettes RGB, and a transparent colour (tRNS) an alpha channel. `sBIT` does not change
    samples: it only states how many of their bits came from the source.

    Raises:
        ImageError: the file is damaged in a chunk that defines pixels, or has too many of them.
    """
    parts = [(kind, data, whole) for kind, data, whole in png_chunks(content) if kind in _PIXELS]
    for kind, data, whole in parts:
        if zlib.crc32(kind + data) != int.from_bytes(whole[-4:], "big"):
            raise ImageError(f"{name}: cannot be read as an image (the checksum of {kind.decode()} is wrong)")
    header = next((data for kind, data, _ in parts if kind == b"IHDR"), b"")
    if len(header) != 13 or header[9] not in _CHANNELS:
        raise ImageError(f"{name}: cannot be read as an image (it has no valid header IHDR)")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits, form = header[8], header[9]
    check_area(name, height, width, max_pixels)
    packed = sum(len(data) for kind, data, _ in parts if kind == b"IDAT")
    if height * (width * _CHANNELS[form] * bits // 8) > packed * _DENSEST:
        raise too_short(name, height, width)
    reduced = SIGNATURE + b"".join(whole for _, _, whole in parts)
    pixels = _of_16_bits(reduced) if bits == 16 and form != _GRAY else _by_pillow(reduced, form)
    transparent = next((data for kind, data, _ in parts if kind == b"tRNS"), b"")
    if not transparent or form not in (_GRAY, _RGB):
        return pixels
    if len(transparent) != 2 * _CHANNELS[form]:
        raise ImageError(f"{name}: cannot be read as an image (its chunk tRNS has {len(transparent)} bytes)")
    colour = np.frombuffer(transparent, ">u2").astype(np.uint16) & ((1 << bits) - 1)
    return with_transparent(pixels, from_integers(colour, bits))


def _by_pillow(content: bytes, form: int) -> Array:
    with PngImagePlugin.PngImageFile(io.BytesIO(content)) as file:
        file.load()
        if form == _PALETTE:
            return np.array(file.convert("RGBA" if file.has_transparency_data else "RGB"))
        if file.mode == "1":
            return np.array(file.convert("L"))
        return np.array(file).astype(np.uint16) if file.mode.startswith("I") else np.array(file)


def _of_16_bits(content: bytes) -> Array:
    import png

    # Pillow reduces 16 bits of colour to 8.
    width, height, rows, info = png.Reader(bytes=content).read()
    pixels = np.vstack([np.asarray(row, dtype=np.uint16) for row in rows])
    return pixels.reshape(height, width, info["planes"])
