"""Pillow plug-in for the files of qimg's codecs; importing `qimg.pillow` registers it.

    import qimg.pillow
    from PIL import Image

    Image.open("photo.qimg").show()
    picture.save("photo.qimg", quality=60)  # or lossless=True, size=…, psnr_db=…; effort, tune, exif, xmp

The plug-in reads every file with qimg's envelope; `codec=…` selects another codec for writing. Gray, RGB and alpha in
8 bits and gray in 16 bits are read without change. Pillow has no mode for other pictures in 16 bits, so they are
rounded to 8 bits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

from qimg import codecs
from qimg.codecs import registry
from qimg.codecs.envelope import has_envelope
from qimg.codecs.protocol import METADATA, TARGETS, EncodeOptions
from qimg.images import colours
from qimg.images.metadata import profile_of

FORMAT = "QIMG"
QUALITY = 75
"""Quality of pictures that are saved without a target, such as `quality` or `size`."""

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class QimgImageFile(ImageFile.ImageFile):
    """A file of a codec; its pixels are decoded on first access."""

    format = FORMAT
    format_description = "qimg picture"
    _data: bytes | None = None

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        with _pillows_errors():
            header = codecs.info(self._data)
        self._size = (header.width, header.height)
        self._mode = "I;16" if (header.bit_depth, header.channels) == (16, 1) else _MODES[header.channels]
        self.info |= {name: getattr(header, name) for name in METADATA if getattr(header, name) is not None}

    def load(self) -> Any:
        """Decode the pixels, once."""
        if self._data is not None:
            with _pillows_errors():
                # Pillow checked its limit on the number of pixels when it opened the file.
                partial_ok = ImageFile.LOAD_TRUNCATED_IMAGES
                image = codecs.decode_picture(self._data, max_pixels=None, partial_ok=partial_ok).image
            if image.dtype == np.uint16 and image.ndim == 3:
                image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
            self.im = Image.fromarray(image).im
            self._data = None
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp = None
        return super().load()


@contextmanager
def _pillows_errors() -> Iterator[None]:
    try:
        yield
    except codecs.BitstreamError as error:
        raise OSError(str(error)) from error


def _accept(prefix: bytes) -> bool:
    return has_envelope(prefix)


def _save(image: Image.Image, file: IO[bytes], _name: str | bytes) -> None:
    keywords, converted = image.encoderinfo, _converted(image)
    names = ["codec", *(option.name for option in fields(EncodeOptions))]
    options = {name: keywords[name] for name in names if keywords.get(name) is not None}
    takes = registry.codec(options.get("codec", "auto")).capabilities.options
    if "quality" in takes and not any(name in options for name in TARGETS):
        options["quality"] = QUALITY
    if isinstance(options.get("exif"), Image.Exif):
        options["exif"] = options["exif"].tobytes()
    pixels = np.asarray(converted).astype(np.uint16 if converted.mode.startswith("I;16") else np.uint8)
    if "icc_profile" not in keywords and image.mode not in ("CMYK", "LAB", "HSV"):  # whose profiles do not fit RGB
        options["icc_profile"] = profile_of(image.info.get("icc_profile"), colours(pixels))
    file.write(codecs.encode(pixels, **options))


def _converted(image: Image.Image) -> Image.Image:
    """Convert a picture to a mode that the codec supports; as for WebP, palettes, CMYK and others become RGB."""
    if image.mode in (*_MODES.values(), "I;16", "I;16L", "I;16B"):
        return image
    if image.mode in ("I", "F"):  # these modes define no white
        raise OSError(f"cannot write mode {image.mode} as {FORMAT}")
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _save_all(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    pictures = [image, *image.encoderinfo.get("append_images", [])]
    frames = sum(getattr(picture, "n_frames", 1) for picture in pictures)
    if frames > 1:
        raise ValueError(f"a {FORMAT} file holds one picture, but there are {frames} frames to save")
    _save(image, file, name)


Image.register_open(FORMAT, QimgImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_save_all(FORMAT, _save_all)
Image.register_extension(FORMAT, ".qimg")
Image.register_mime(FORMAT, "image/x-qimg")
