"""Pillow reads and writes files of the codec once this module is imported.

    import qimg.pillow
    from PIL import Image

    Image.open("photo.qimg").show()
    picture.save("photo.qimg", quality=60)  # or size=…, bits_per_pixel=…, psnr_db=…; effort, progressive, exif, xmp

Gray, RGB and alpha in 8 bits, and gray in 16 bits, are read as they were written. Pillow knows no mode for other
pictures in 16 bits: they are rounded to 8.
"""

from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile

FORMAT = "QIMG"
QUALITY = 75
"""Of pictures that are saved without any of `quality`, `size`, `bits_per_pixel` and `psnr_db`."""

_MAGIC = b"\x89qi\n"
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_TARGETS = ("quality", "size", "bits_per_pixel", "psnr_db")
_OPTIONS = ("effort", "progressive", "xmp", "tables")


class QimgImageFile(ImageFile.ImageFile):
    """A file of the codec; the pixels are decoded when they are first asked for."""

    format = FORMAT
    format_description = "qimg picture"
    _data: bytes | None = None

    def _open(self) -> None:
        from qimg.codecs import block as codec

        assert self.fp is not None
        self._data = self.fp.read()
        try:
            found = codec.info(self._data)
        except codec.BitstreamError as error:
            raise OSError(str(error)) from error
        self._size = (found.width, found.height)
        self._mode = "I;16" if (found.bit_depth, found.channels) == (16, 1) else _MODES[found.channels]
        parts = {"icc_profile": found.icc_profile, "exif": found.exif, "xmp": found.xmp}
        self.info |= {name: part for name, part in parts.items() if part is not None}

    def load(self) -> Any:
        """Decode the pixels, once."""
        from qimg.codecs import block as codec

        if self._data is not None:
            try:
                # Pillow's own limit was asked when the file was opened.
                image = codec.decode_picture(
                    self._data, max_pixels=None, partial_ok=ImageFile.LOAD_TRUNCATED_IMAGES
                ).image
            except codec.BitstreamError as error:
                raise OSError(str(error)) from error
            if image.dtype == np.uint16 and image.ndim == 3:
                image = ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
            self.im = Image.fromarray(image).im
            self._data = None
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp = None
        return super().load()


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(_MAGIC)


def _save(image: Image.Image, file: IO[bytes], _name: str | bytes) -> None:
    from qimg.codecs import block as codec

    options = image.encoderinfo
    chosen = {name: options[name] for name in (*_TARGETS, *_OPTIONS) if options.get(name) is not None}
    if not any(name in chosen for name in _TARGETS):
        chosen["quality"] = QUALITY
    exif = options.get("exif")
    converted = _converted(image)
    # A profile of CMYK says nothing of the RGB that it was converted to.
    profile = options.get("icc_profile", image.info.get("icc_profile") if image.mode != "CMYK" else None)
    file.write(
        codec.encode(
            np.asarray(converted).astype(np.uint16 if converted.mode.startswith("I;16") else np.uint8),
            icc_profile=profile,
            exif=exif.tobytes() if isinstance(exif, Image.Exif) else exif,
            **chosen,
        )
    )


def _converted(image: Image.Image) -> Image.Image:
    """The picture in a mode that the codec holds; as for WebP, palettes, CMYK and others become RGB."""
    if image.mode in (*_MODES.values(), "I;16", "I;16L", "I;16B"):
        return image
    if image.mode in ("I", "F"):  # their white is not known
        raise OSError(f"cannot write mode {image.mode} as {FORMAT}")
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _save_all(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    pictures = [image, *image.encoderinfo.get("append_images", [])]
    frames = sum(getattr(picture, "n_frames", 1) for picture in pictures)
    if frames > 1:
        raise ValueError(f"{FORMAT} holds one picture, but {frames} are to be saved")
    _save(image, file, name)


Image.register_open(FORMAT, QimgImageFile, _accept)
Image.register_save(FORMAT, _save)
Image.register_save_all(FORMAT, _save_all)
Image.register_extension(FORMAT, ".qimg")
Image.register_mime(FORMAT, "image/x-qimg")
