"""The protocol of codecs: capabilities, encoder and decoder settings, and results of encoding, decoding and `info`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

from numpy.typing import ArrayLike

from qimg.codecs.errors import BitstreamError
from qimg.core import ArgumentError, Array, Track, arguments
from qimg.core.records import short_repr
from qimg.images import MAX_PIXELS

TARGETS = ("quality", "size", "bits_per_pixel", "psnr_db", "distance", "reduction", "lossless", "max_error")
"""Options that set the quality or the size of a file; an encoder needs exactly one of them."""

TANGENT = "tangent"
"""The value of the option `tune` for the tangent error."""

TUNES = ("psnr", TANGENT)
"""Values of the option `tune`."""

COLOURS = ("adaptive", "ycbcr")
"""Values of the option `colour`."""

MAX = "max"
"""The value of the option `profile` for the smallest files."""

PROFILES = ("standard", MAX)
"""Values of the option `profile`."""

METADATA = ("icc_profile", "exif", "xmp")
"""Options that hold metadata."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class EncodeOptions:
    """Settings of an encoder; every codec declares which of them it supports.

    Raises:
        ValueError: two targets are set, or a value is out of range.
    """

    quality: float | None = None
    """1 (worst) to 100 on the codec's scale; WebP and AVIF also allow 0."""
    size: int | None = None
    """Largest number of bytes of the file; the encoder uses at least 99 % of them unless the picture needs fewer."""
    bits_per_pixel: float | None = None
    """Largest number of bits of the file per pixel, used as for `size`."""
    psnr_db: float | None = None
    """Least peak signal-to-noise ratio over all gray or RGB values; the encoder exceeds it by at most 0.05 dB if the
    picture allows."""
    distance: float | None = None
    """Butteraugli distance, 0 (none) to 25."""
    reduction: float | None = None
    """Raw bytes per byte of the file, more than 1."""
    lossless: bool = False
    """Decode to exactly the pixels that were encoded."""
    max_error: int | None = None
    """Largest difference of any channel of any pixel, 1 to 32 code values of 8 bits; alpha is exact."""
    effort: int | None = None
    """1 (fast) to 9 (slow); the default is 5. Decoders read the files of every effort."""
    progressive: bool = False
    """Write a progressive file: every prefix of it decodes to a picture."""
    stable: bool = False
    """Write a fixed point: decoding the file and encoding the result with the same quality gives the same bytes. The
    target must be `quality`."""
    tune: str = "psnr"
    """Measure that the encoder's search minimises at equal bytes: "psnr", the squared error; or "tangent", the smart
    error `qimg.metrics.tangent_error`. Files have the same format, and a target `psnr_db` is the PSNR with both."""
    colour: str = "adaptive"
    """Colour space of lossy colour pictures: "adaptive", chosen for the picture, for the least RGB error; or "ycbcr",
    for files whose luma has the least error at equal bytes."""
    profile: str = "standard"
    """Tools of the codec: "standard", for fast decoding; or "max", for the smallest files, which take longer to encode
    and to decode. Decoders read the files of every profile."""
    importance: Any = field(default=None, repr=False)
    """Weights (H, W) of the squared errors of the pixels, relative to their mean; of `qimg.encode` also a function of
    the picture. Steps are finer where weights are large; targets are reached as without weights."""
    icc_profile: bytes | None = field(default=None, repr=False)
    """Colour profile, stored unchanged."""
    exif: bytes | None = field(default=None, repr=False)
    """EXIF, stored unchanged except for a leading `Exif\\0\\0`, which is removed."""
    xmp: bytes | None = field(default=None, repr=False)
    """XMP packet, stored unchanged."""
    tables: Any = None
    """Fitted tables of the codec, by default those of qimg; the decoder needs the same tables."""

    def __post_init__(self) -> None:
        targets = [name for name in TARGETS if name in self.named]
        if len(targets) > 1:
            raise one_target(TARGETS[:4], targets)
        if self.size is not None:
            arguments.integer("size", self.size, 1)
        if self.bits_per_pixel is not None:
            arguments.require(self.bits_per_pixel > 0, "bits_per_pixel", "must be positive", self.bits_per_pixel)
        if self.psnr_db is not None:
            arguments.require(math.isfinite(self.psnr_db), "psnr_db", "must be finite", self.psnr_db)
        if self.max_error is not None:
            arguments.integer("max_error", self.max_error, 1, 32)
        if self.effort is not None:
            arguments.integer("effort", self.effort, 1, 9)
        arguments.one_of("tune", self.tune, TUNES)
        arguments.one_of("colour", self.colour, COLOURS)
        arguments.one_of("profile", self.profile, PROFILES)

    @property
    def named(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        values = {one.name: (getattr(self, one.name), one.default) for one in fields(self)}
        return {
            name: value
            for name, (value, default) in values.items()
            if value is not default and not (isinstance(default, str) and value == default)
        }


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class DecodeOptions:
    """Settings of a decoder."""

    max_pixels: int | None = MAX_PIXELS
    """Largest number of pixels; larger pictures are refused before memory is allocated. None sets no limit."""
    tables: Any = None
    """Fitted tables that the file was written with, by default those of qimg."""
    partial_ok: bool = True
    """Decode the available part of a cut progressive file; other cut files are always refused."""
    crop: tuple[int, int, int, int] | None = None
    """Top, left, height and width of the rectangle that is needed; None is the whole picture. `qimg.decode` returns it
    alone; a decoder returns a whole picture and may leave the rest undefined, as `block` and `lossless` do, which read
    no pixels below it."""
    threads: int = 1
    """Threads that may decode; the pixels do not depend on it. From 2, `block` filters rows and computes their pixels
    while it reads the next ones. Other codecs use one."""

    def __post_init__(self) -> None:
        arguments.integer("threads", self.threads, 1)
        if self.crop is not None:
            four = isinstance(self.crop, Sequence) and len(self.crop) == 4
            arguments.require(four, "crop", "must be top, left, height and width", self.crop)
            for value, least in zip(self.crop, (0, 0, 1, 1), strict=True):
                arguments.integer("crop", value, least)

    def rows_needed(self, height: int) -> int:
        """The rows from the top that hold the rectangle, of a picture of `height` rows."""
        return height if self.crop is None else min(height, self.crop[0] + self.crop[2])

    def cropped(self, image: Array) -> Array:
        """The rectangle of a picture (H, W, …), a copy; without one the picture itself.

        Raises:
            ArgumentError: the rectangle is not within the picture.
        """
        if self.crop is None:
            return image
        (top, left, height, width), (rows, columns) = self.crop, image.shape[:2]
        within = top + height <= rows and left + width <= columns
        arguments.require(within, "crop", f"must be within the picture of {rows} rows and {columns} columns", self.crop)
        return image[top : top + height, left : left + width].copy()

    def check_area(self, height: int, width: int, offset: int | None = None) -> None:
        """Raise `BitstreamError` if a picture has more than `max_pixels`; a file states its size at `offset`."""
        if self.max_pixels is not None and height * width > self.max_pixels:
            rule = f"the picture must have at most max_pixels={self.max_pixels}, but has {height * width}"
            raise BitstreamError(rule, offset)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Capabilities of a codec; anything else raises an error that names the option."""

    options: frozenset[str]
    """Fields of `EncodeOptions` that have an effect."""
    gray: bool = True
    """Whether gray pictures decode as gray; otherwise they decode as RGB."""
    alpha: bool = False
    """Whether an alpha channel is supported; it is coded without loss."""
    sixteen_bit: bool = False
    """Whether `uint16` pictures are supported."""
    lossless: bool = False
    """Whether every picture is decoded exactly."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    """Settings for comparisons between codecs: they cover 26 to 40 dB of mean RGB PSNR on photographs."""

    option: str
    """Name of the target option."""
    settings: tuple[float, ...]
    """Values of the option, from the smallest file to the largest."""
    whole: bool = True
    """Whether the values are whole numbers."""

    def at(self, setting: float) -> dict[str, Any]:
        """Options of a setting, as keyword arguments of `qimg.encode`."""
        return {self.option: setting}


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """Result of encoding: a file with the encoder's measurements."""

    data: bytes = field(repr=False)
    """The file."""
    bits_per_pixel: float
    """Bits of the whole file per pixel."""
    psnr_db: float | None = None
    """PSNR of the decoded gray or RGB channels against the source, infinite if they are equal; None if the encoder
    does not decode."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Decoded:
    """Result of decoding: the picture and the metadata of a file."""

    image: Array
    """`uint8` or `uint16`, (H, W), (H, W, 2), (H, W, 3) or (H, W, 4)."""
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without a leading `Exif\\0\\0`."""
    xmp: bytes | None = field(default=None, repr=False)
    partial: bool = False
    """Whether the file is cut, so that the picture is incomplete."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Info:
    """The description of a file, read without decoding it."""

    codec: str
    """Id of the codec that wrote the file."""
    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    bit_depth: int
    """Per channel, 8 or 16."""
    parts: Mapping[str, int]
    """Bytes by purpose, such as `pixels`, `icc_profile` and `structure`; their sum is the size of the file."""
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without a leading `Exif\\0\\0`."""
    xmp: bytes | None = field(default=None, repr=False)
    complete: bool = True
    """False if the file is cut."""

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the whole file per pixel."""
        return 8 * sum(self.parts.values()) / (self.width * self.height)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def details(self) -> Mapping[str, str]:
        """Further properties of the codec's files, label → text."""
        return {}


@runtime_checkable
class Codec(Protocol):
    """A codec for single pictures: a frozen object without state."""

    @property
    def id(self) -> str:
        """Id in the registry."""

    @property
    def name(self) -> str:
        """Name in tables and figures."""

    @property
    def about(self) -> str:
        """Program and settings."""

    @property
    def suffix(self) -> str:
        """Ending of the codec's files."""

    @property
    def capabilities(self) -> Capabilities:
        """Supported options and kinds of pictures."""

    @property
    def curve(self) -> CurveSettings | None:
        """Settings for comparisons; None if the codec has no target."""

    @property
    def needs(self) -> str:
        """Software that the codec needs in addition to the dependencies of qimg."""

    def installed(self) -> bool:
        """Whether this software is installed."""

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """Encode a picture.

        Args:
            image: a picture that `capabilities` allows; not modified.
            options: supported options only; see `qimg.codecs.registry.check`.
            track: wraps the indices of the picture's parts at every attempt, for a progress bar.
        """

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; raises `BitstreamError` if it is not a valid file of this codec."""

    def info(self, data: bytes) -> Info:
        """Describe a file; raises `BitstreamError` if it is not a valid file of this codec."""


@runtime_checkable
class PackCodec(Protocol):
    """A codec for packs: many small pictures of one size in one file."""

    @property
    def id(self) -> str:
        """Id in the registry."""

    @property
    def name(self) -> str:
        """Name in tables and figures."""

    def encode(self, images: ArrayLike, /, **options: Any) -> bytes:
        """Encode pictures (n, H, W) as one file; the options are those of the codec."""

    def decode(self, data: bytes, /, **options: Any) -> Array:
        """Decode a file to pictures (n, H, W); raises `BitstreamError` if it is not a valid file of this codec."""


def one_target(possible: Sequence[str], targets: Sequence[str] = ()) -> ArgumentError:
    """The error that not exactly one of the possible targets is set."""
    fields = [f"{{{place}}}" for place in range(len(possible) + len(targets))]
    actual = f"{listed(fields[len(possible) :])} are set" if targets else "none is"
    return ArgumentError(f"one of {listed(fields[: len(possible)])} must be set, but {actual}", *possible, *targets)


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
