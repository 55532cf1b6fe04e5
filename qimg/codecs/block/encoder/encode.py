"""A picture to the bytes of a file."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.alpha import encode_alpha
from qimg.codecs.block.bitstream.container import Header
from qimg.codecs.block.bitstream.strips import Parameters, Search, encode_strips, strip_rows
from qimg.codecs.block.decoder.decode import decode
from qimg.codecs.block.encoder import targets
from qimg.codecs.block.layers.progressive import MOST_PIXELS, encode_progressive
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.geometry import UNIT
from qimg.core import arguments
from qimg.core.arguments import Array
from qimg.images import check_image, has_alpha, without_alpha

_MOST_BITS = 1000.0  # per pixel: no picture can use them
_RATIOS = (-8, 0, 10)  # added to the steps of chroma, in 1/64 of the luma step
_MANY_RATIOS = 7  # the effort from which on they are tried
_ROUNDS = 16
_Around = tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]
Track = Callable[[Iterable[int]], Iterable[int]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """What became of a picture."""

    data: bytes = field(repr=False)
    """The file."""
    parameters: Parameters
    psnr_db: float
    """Of the decoded picture's gray or RGB channels against the source's; infinite where they are equal."""
    bits_per_pixel: float
    """Of the whole file."""


def encode(
    image: ArrayLike,
    *,
    quality: float | None = None,
    size: int | None = None,
    bits_per_pixel: float | None = None,
    psnr_db: float | None = None,
    effort: int = 5,
    progressive: bool = False,
    stable: bool = False,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    tables: Tables | None = None,
    track: Track = iter,
) -> bytes:
    """The file of a picture; one of `quality`, `size`, `bits_per_pixel` and `psnr_db` says how good it is to be.

    Alpha is kept without loss.

    Args:
        image: `uint8` or `uint16`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        quality: 1 to 100 on the scale of `step_of_quality`.
        size: bytes of the file at most, and 99 % of them at least where the picture can use them.
        bits_per_pixel: the same, as bits of the file per pixel.
        psnr_db: peak signal-to-noise ratio at least, of all gray or RGB values together, and 0.05 dB more at most where
            the picture allows.
        effort: 1 (fast) to 9 (slow), of which 1, 3, 5 and 7 differ and the others are as the next one below: blocks of
            8 and 16, from 3 also of 32, from 5 also of 4, from 7 three steps of chroma tried. Steps of chroma are not
            tried for gray pictures and with `stable`; progressive files with layers have no blocks of 32. Every decoder
            reads all of them alike.
        progressive: write a file of which every beginning is a picture: up to 2²⁵ pixels, larger at equal PSNR.
        stable: write a fixed point: decoding the file and encoding the outcome with the same `quality`, which must be
            the target, gives the same bytes. Larger at equal PSNR: the filter is left out, and distortion weighs more.
        icc_profile: colour profile, kept as it is.
        exif: kept as it is, but for the letters `Exif` before it.
        xmp: kept as it is.
        tables: what the codec knows of pictures; a decoder needs the same. Those of qimg when left out.
        track: called with the numbers of the strips at every attempt, such as a progress bar.

    Raises:
        ImageError: `image` is no picture.
        ValueError: a target is missing, out of range, or out of reach.
    """
    return encode_picture(
        image, quality=quality, size=size, bits_per_pixel=bits_per_pixel, psnr_db=psnr_db, effort=effort,
        progressive=progressive, stable=stable, icc_profile=icc_profile, exif=exif, xmp=xmp, tables=tables, track=track,
    ).data  # fmt: skip


def encode_picture(
    image: ArrayLike,
    *,
    quality: float | None = None,
    size: int | None = None,
    bits_per_pixel: float | None = None,
    psnr_db: float | None = None,
    effort: int = 5,
    progressive: bool = False,
    stable: bool = False,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    tables: Tables | None = None,
    track: Track = iter,
) -> Encoded:
    """As `encode`, with the PSNR and the steps beside the file."""
    source = check_image("image", image)
    target = _Target(quality=quality, size=size, bits_per_pixel=bits_per_pixel, psnr_db=psnr_db)
    search = Search.of_effort(effort)
    if progressive:
        _check_progressive(source, stable=stable)
    known = tables_module.default() if tables is None else tables
    around = _metadata(source, icc_profile, exif, xmp)
    ratios = _RATIOS if effort >= _MANY_RATIOS else (0,)
    if not stable:
        return _met(source, target, search, around, known, ratios, track, progressive=progressive)
    if quality is None:
        given = next(name for name, value in vars(target).items() if value is not None)
        raise ValueError(f"stable must be False where {given} is given: a fixed point has a fixed quality")
    return _fixed_point(lambda picture: _met(picture, target, search.stable(), around, known, (0,), track), source)


def _met(
    source: Array,
    target: "_Target",
    search: Search,
    around: "_Around",
    tables: Tables,
    ratios: tuple[int, ...],
    track: Track,
    *,
    progressive: bool = False,
) -> Encoded:
    """The file that meets the target; of the chroma ratios tried at each step the one of least cost."""
    pixels = without_alpha(source)
    header = Header(
        width=source.shape[1],
        height=source.shape[0],
        channels=1 if source.ndim == 2 else source.shape[2],
        bits=8 * source.itemsize,
        planes=1 if colour.is_gray(pixels) else 3,
        progressive=progressive,
        identity=tables.identity,
        parameters=Parameters(16).to_bytes(),
    )
    area = header.width * header.height
    before, after = around
    unit = float(np.iinfo(source.dtype).max) / 255

    def cost(coded: Encoded, error: int) -> float:
        """Squared error of a gray or an RGB value in the mean + λ · bits."""
        step = coded.parameters.step / UNIT
        return error / unit**2 / header.planes + search.lagrange * step**2 * 8 * len(coded.data)

    def attempt(parameters: Parameters) -> Encoded:
        found: list[tuple[float, Encoded]] = []
        for ratio in ratios if header.planes == 3 else (0,):
            cb, cr = parameters.chroma
            asked = replace(parameters, chroma=(cb + ratio, cr + ratio))
            code = _code_progressive if progressive else _code
            coded_pixels, error = code(pixels, header.planes, tables, asked, search=search, track=track)
            chunks = [*before, *coded_pixels, *after]
            data = container.assemble(replace(header, parameters=asked.to_bytes()), chunks)
            psnr_db, rate = _psnr_db(pixels, error), 8 * len(data) / area
            coded = Encoded(data=data, parameters=asked, psnr_db=psnr_db, bits_per_pixel=rate)
            found.append((cost(coded, error), coded))
        return min(found, key=lambda pair: pair[0])[1]

    fixed = len(container.assemble(header, [*before, *after]))
    return target.met(attempt, area=area, fixed=fixed, has_colour=header.planes == 3)


def _fixed_point(once: Callable[[Array], Encoded], source: Array) -> Encoded:
    """Encode what the file before decodes to until the file stays the same.

    Raises:
        ValueError: it does not within 16 rounds.
    """
    coded, picture = once(source), source
    for _ in range(_ROUNDS):
        picture = decode(coded.data, max_pixels=None)
        again = once(picture)
        if again.data == coded.data:
            pixels, shown = without_alpha(source), without_alpha(picture)
            return replace(coded, psnr_db=_psnr_db(pixels, colour.squared_error(pixels, shown)))
        coded = again
    raise ValueError(f"stable must be False for this picture and quality: no fixed point within {_ROUNDS} rounds")


@dataclass(frozen=True, kw_only=True)
class _Target:
    """How good a picture is to be: one of the four is given."""

    quality: float | None
    size: int | None
    bits_per_pixel: float | None
    psnr_db: float | None

    def __post_init__(self) -> None:
        named = [name for name, value in vars(self).items() if value is not None]
        if len(named) != 1:
            given = ", ".join(named) or "none"
            raise ValueError(f"one of quality, size, bits_per_pixel and psnr_db must be given, but given are {given}")
        if self.size is not None:
            arguments.integer("size", self.size, 1)
        if self.bits_per_pixel is not None:
            arguments.require(self.bits_per_pixel > 0, "bits_per_pixel", "must be positive", self.bits_per_pixel)

    def met(self, attempt: Callable[[Parameters], Encoded], *, area: int, fixed: int, has_colour: bool) -> Encoded:
        """The result of the attempt that meets the target; arguments as for `targets.of_size`."""
        if self.quality is not None:
            return attempt(Parameters(targets.step_of_quality(self.quality)))
        if self.psnr_db is not None:
            return targets.of_psnr(attempt, self.psnr_db)
        size = self.size or math.floor(min(self.bits_per_pixel or 0.0, _MOST_BITS) * area / 8)
        found = targets.of_size(attempt, size, area=area, fixed=fixed, colour=has_colour)
        if len(found.data) > size:
            name, least = ("size", len(found.data)) if self.size else ("bits_per_pixel", f"{found.bits_per_pixel:.4g}")
            asked = getattr(self, name)
            raise ValueError(f"{name} must be at least {least} for this picture, but {name}={asked}")
        return found


def _metadata(source: Array, icc_profile: bytes | None, exif: bytes | None, xmp: bytes | None) -> _Around:
    """Chunks before the pixels, which are needed to show them, and behind them."""
    alpha = encode_alpha(source[..., -1]) if has_alpha(source) else None
    exif = exif.removeprefix(b"Exif\0\0") if exif else None
    before = [(container.ICC_PROFILE, icc_profile), (container.ALPHA, alpha)]
    after = [(container.EXIF, exif), (container.XMP, xmp)]
    return [(tag, part) for tag, part in before if part], [(tag, part) for tag, part in after if part]


def _code(
    pixels: Array, planes: int, tables: Tables, parameters: Parameters, *, search: Search, track: Track
) -> tuple[list[tuple[bytes, bytes]], int]:
    """Chunks of the strips, and the squared error of the decoded pixels; strips are coded one at a time."""
    rows = strip_rows(*pixels.shape[:2])
    firsts = np.cumsum([0, *rows]).tolist()
    parts = [pixels[first : first + count] for first, count in zip(firsts, rows, strict=False)]
    decoded: list[Array] = []
    chunks: list[tuple[bytes, bytes]] = []
    error = 0
    strips = (colour.to_samples(parts[index], planes) for index in track(range(len(parts))))
    for part, payload in zip(
        parts, encode_strips(strips, tables, parameters, search=search, decoded=decoded), strict=True
    ):
        chunks.append((container.STRIP, payload))
        shown = np.empty_like(part)
        colour.to_pixels(decoded.pop(), shown)
        error += colour.squared_error(part, shown)
    return chunks, error


def _code_progressive(
    pixels: Array, planes: int, tables: Tables, parameters: Parameters, *, search: Search, track: Track
) -> tuple[list[tuple[bytes, bytes]], int]:
    """Chunks of the segments, and the squared error of the decoded pixels."""
    samples = colour.to_samples(pixels, planes)
    payload, decoded = encode_progressive(samples, tables, parameters, search=search, track=track)
    shown = np.empty_like(pixels)
    colour.to_pixels(decoded, shown)
    return list(container.segments(payload)), colour.squared_error(pixels, shown)


def _check_progressive(source: Array, *, stable: bool) -> None:
    area = source.shape[0] * source.shape[1]
    if stable:
        raise ValueError("stable must be False where progressive=True: only sequential files have fixed points")
    if area > MOST_PIXELS:
        raise ValueError(f"progressive must be False for more than {MOST_PIXELS} pixels, but the picture has {area}")


def _psnr_db(pixels: Array, error: int) -> float:
    if error == 0:
        return math.inf
    return 10 * math.log10(int(np.iinfo(pixels.dtype).max) ** 2 * pixels.size / error)
