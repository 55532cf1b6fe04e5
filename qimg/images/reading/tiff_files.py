"""TIFF files: samples read as their tags define them."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from qimg.core import Array
from qimg.images.limits import check_area, several
from qimg.images.planes import ImageError, remark
from qimg.images.reading import colour
from qimg.images.reading.samples import DEEPEST, from_floats, from_integers, straight, upright
from qimg.images.reading.tiff_samples import OLD_JPEG, decoded_by_pillow, stored_samples

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_WHITE_IS_ZERO, _RGB, _PALETTE, _CMYK, _LAB, _ICC_LAB = 0, 2, 3, 5, 8, 9
_COLOURS = {_WHITE_IS_ZERO: 1, 1: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, 6: 3, _LAB: 3, _ICC_LAB: 3}
_RAW = "raw data of a sensor; a RAW file needs the ending of its camera, such as .dng"
_LOG = "on a logarithmic scale of luminance, which has no white"
_REFUSED = {4: "a transparency mask", 10: "in ITU L*a*b*", 32803: _RAW, 32844: _LOG, 32845: _LOG, 34892: _RAW}
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_ASSOCIATED, _UNASSOCIATED, _COREL = 1, 2, 999


@dataclass(frozen=True)
class _Layout:
    """The meaning of the samples of a page."""

    photometric: int
    bits: int
    is_float: bool
    extras: tuple[int, ...]
    """The meaning of each sample behind the colours."""

    @property
    def colours(self) -> int:
        return _COLOURS[self.photometric]


def read_tiff(content: bytes, name: str, *, max_pixels: int | None, first_frame: bool, convert: bool) -> Array:
    """The picture of a TIFF file, upright, gray or RGB, with alpha where an extra sample is declared as such.

    Up to 8 bits become `uint8`; 9 to 32 bits, and floating point in [0, 1], become `uint16`; the white of the file is
    the white of the array. Zero is black or white as the file defines; palettes and Y'CbCr become RGB; colours that
    were multiplied by alpha are divided by it. Pages of lower resolution and masks are left out.

    Raises:
        ImageError: the file is damaged, holds several pictures, or samples without a defined black and white.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = _page(file, name, first_frame)
        check_area(name, int(page.imagelength), int(page.imagewidth), max_pixels)
        layout = _layout(page, name)
        if layout.photometric in (_CMYK, _LAB, _ICC_LAB) and not convert:
            raise colour.refused(name, "CMYK" if layout.photometric == _CMYK else "LAB")
        samples = stored_samples(page, content, name, layout.photometric, layout.bits)
        if samples is None:
            return decoded_by_pillow(page, content, name)
        pixels = _interpreted(samples, page, layout, name)
        orientation = page.tags.valueof(ExifTags.Base.Orientation, 1)
        return upright(pixels, orientation) if orientation in range(2, 9) else pixels


def _page(file: Any, name: str, first_frame: bool) -> Any:
    """The page of the picture: the first one that is neither of lower resolution nor a mask."""
    pages = [page for page in file.pages if not (int(page.subfiletype or 0) & 5 or page.tags.valueof(255) == 2)]
    if len(pages) > 1 and not first_frame:
        raise several(name, len(pages))
    return (pages or file.pages)[0]


def _layout(page: Any, name: str) -> _Layout:
    photometric = _photometric(page, name)
    depths, formats = _values(page, ExifTags.Base.BitsPerSample), _values(page, ExifTags.Base.SampleFormat)
    formats = {_UNSIGNED if one == 4 else one for one in formats}  # 4 leaves the format undefined
    if photometric == _LAB:
        formats = {_UNSIGNED}  # a* and b* are signed by definition, whether the tag states it or not
    if len(depths) > 1 or len(formats) > 1:
        raise ImageError(
            f"{name}: its samples must have one depth and one format, but have {sorted(depths)} bits and "
            f"the formats {sorted(formats)}"
        )
    bits, form = depths.pop(), formats.pop()
    if form not in (_UNSIGNED, _FLOAT):
        kind = "signed" if form == _SIGNED else "complex" if form in (5, 6) else f"of the format {form}"
        raise ImageError(
            f"{name}: its samples must be unsigned, or floating-point in [0, 1], but are {kind}, "
            "for which the file defines no black and white"
        )
    if form == _UNSIGNED and not 1 <= bits <= DEEPEST:
        raise ImageError(f"{name}: unsigned samples must have 1 to {DEEPEST} bits, but have {bits}")
    if photometric == _CMYK and page.tags.valueof(332, 1) != 1:
        raise ImageError(f"{name}: its inks must be CMYK, but InkSet is {page.tags.valueof(332)}")
    return _Layout(photometric, bits, form == _FLOAT, _extras(page, name, photometric))


def _values(page: Any, tag: int) -> set[int]:
    stored = page.tags.valueof(tag, 1)
    return {int(one) for one in (stored if isinstance(stored, tuple) else (stored,))}


def _photometric(page: Any, name: str) -> int:
    stored = page.tags.valueof(ExifTags.Base.PhotometricInterpretation)
    if int(page.compression) == OLD_JPEG:
        return 6
    if stored is None and page.samplesperpixel in (3, 4):
        return _RGB
    if stored is None:
        raise ImageError(f"{name}: lacks the tag PhotometricInterpretation, which defines black and white")
    if int(stored) not in _COLOURS:
        kind = _REFUSED.get(int(stored), f"of the unknown photometric interpretation {int(stored)}")
        raise ImageError(f"{name}: must be gray, RGB, Y'CbCr or a palette, but is {kind}")
    return int(stored)


def _extras(page: Any, name: str, photometric: int) -> tuple[int, ...]:
    count = int(page.samplesperpixel) - _COLOURS[photometric]
    stored = page.tags.valueof(ExifTags.Base.ExtraSamples, ())
    declared = tuple(int(one) for one in (stored if isinstance(stored, tuple) else (stored,)))
    if count == 1 and not declared and photometric == _RGB:
        return (_UNASSOCIATED,)  # many programs write R, G, B, A without the tag
    if count < 0 or len(declared) < count:
        raise ImageError(
            f"{name}: has {page.samplesperpixel} samples per pixel, but its tags define "
            f"{_COLOURS[photometric] + len(declared)}"
        )
    return declared[:count]


def _interpreted(samples: Array, page: Any, layout: _Layout, name: str) -> Array:
    """Gray or RGB pixels with alpha, of stored samples (H, W, S)."""
    first = layout.colours
    if layout.photometric == _PALETTE:
        codes = from_integers(samples, layout.bits)
        colours = _looked_up(samples[..., 0], page, name)
    elif layout.photometric in (_LAB, _ICC_LAB):
        codes = from_integers(samples, layout.bits)
        picture = colour.lab_picture(samples[..., :3], layout.bits, signed=layout.photometric == _LAB)
        colours = np.asarray(colour.to_rgb(picture, None, name))
    else:
        codes = from_floats(samples, name) if layout.is_float else from_integers(samples, layout.bits)
        colours = codes[..., :first]
        if layout.is_float or layout.bits > 16:
            kind = "floating-point" if layout.is_float else "unsigned"
            remark(name, f"its {kind} samples of {layout.bits} bits are rounded to 16 bits")
    if layout.photometric == _CMYK:
        colours = np.asarray(colour.to_rgb(_inks(colours), page.tags.valueof(34675), name))
    if layout.photometric == _WHITE_IS_ZERO:
        colours = np.iinfo(colours.dtype).max - colours
    pixels = _with_alpha(colours, codes[..., first:], layout.extras, name)
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _inks(codes: Array) -> Image.Image:
    """A CMYK picture of 8 bits."""
    if codes.dtype == np.uint16:
        codes = np.rint(codes / 257.0).astype(np.uint8)
    return Image.frombytes("CMYK", codes.shape[1::-1], np.ascontiguousarray(codes).tobytes())


def _looked_up(indices: Array, page: Any, name: str) -> Array:
    """R, G, B of palette indices, `uint8` where the entries hold 8 bits in one of three usual ways, else `uint16`."""
    stored = page.tags.valueof(ExifTags.Base.ColorMap)
    table = np.asarray([] if stored is None else stored, np.uint16).reshape(3, -1).T
    if len(table) <= int(indices.max()):
        raise ImageError(f"{name}: its colour map has {len(table)} colours, but index {indices.max()} is in use")
    # Some programs write 8-bit values, against the specification; libtiff recognises them in the same way.
    factor = 1 if (table < 256).all() else next((one for one in (257, 256) if not (table % one).any()), 0)
    return (table // factor).astype(np.uint8)[indices] if factor else table[indices]


def _with_alpha(colours: Array, others: Array, meanings: tuple[int, ...], name: str) -> Array:
    """Colours with the first of the other samples that is alpha."""
    alphas = [place for place, one in enumerate(meanings) if one in (_ASSOCIATED, _UNASSOCIATED, _COREL)][:1]
    if len(meanings) > len(alphas):
        remark(name, f"{len(meanings) - len(alphas)} of its samples per pixel, which are no colours, are left out")
    if not alphas:
        return colours
    alpha = others[..., alphas[0]]
    if alpha.dtype != colours.dtype:  # a colour map of 16 bits, or inks that are converted in 8 bits
        deep = colours.dtype == np.uint16
        alpha = alpha.astype(np.uint16) * np.uint16(257) if deep else np.rint(alpha / 257.0).astype(np.uint8)
    pixels = np.dstack([colours, alpha])
    return straight(pixels) if meanings[alphas[0]] == _ASSOCIATED else pixels
