"""The protocol of codecs: what each can do, what an encoder is asked for, what encoding, decoding and `info` return."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

from qimg.core import Array, Track, arguments

MAX_PIXELS = 1 << 28
"""Pixels of the largest picture that is decoded unless the caller sets another limit."""

TARGETS = ("quality", "size", "bits_per_pixel", "psnr_db", "distance", "reduction")
"""Options of which an encoder needs exactly one: how good the picture is to be."""

METADATA = ("icc_profile", "exif", "xmp")
"""Options that are bytes beside the picture."""


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodeOptions:
    """What an encoder is asked for; every codec declares which of these options it supports.

    Raises:
        ValueError: two targets are given, or a value is out of range.
    """

    quality: float | None = None
    """1 (worst) to 100 on the codec's own scale; WebP and AVIF have 0 as well."""
    size: int | None = None
    """Bytes of the file at most, and 99 % of them at least where the picture can use them."""
    bits_per_pixel: float | None = None
    """The same, as bits of the file per pixel."""
    psnr_db: float | None = None
    """Peak signal-to-noise ratio at least, of all gray or RGB values together, and 0.05 dB more at most where the
    picture allows."""
    distance: float | None = None
    """Butteraugli distance, 0 (none) to 25."""
    reduction: float | None = None
    """Raw bytes per byte of the file, more than 1."""
    effort: int | None = None
    """1 (fast) to 9 (slow); 5 when left out. Every decoder reads all of them alike."""
    progressive: bool = False
    """Write a file of which every beginning is a picture."""
    stable: bool = False
    """Write a fixed point: decoding the file and encoding the outcome with the same quality, which must be the target,
    gives the same bytes."""
    icc_profile: bytes | None = field(default=None, repr=False)
    """Colour profile, kept as it is."""
    exif: bytes | None = field(default=None, repr=False)
    """Kept as it is, but for the letters `Exif` before it."""
    xmp: bytes | None = field(default=None, repr=False)
    """Kept as it is."""
    tables: Any = None
    """Fitted tables of the codec; a decoder needs the same. Those of qimg when left out."""

    def __post_init__(self) -> None:
        targets = [name for name in TARGETS if name in self.named]
        if len(targets) > 1:
            raise ValueError(f"one of {listed(TARGETS[:4])} must be given, but given are {', '.join(targets)}")
        if self.size is not None:
            arguments.integer("size", self.size, 1)
        if self.bits_per_pixel is not None:
            arguments.require(self.bits_per_pixel > 0, "bits_per_pixel", "must be positive", self.bits_per_pixel)
        if self.psnr_db is not None:
            arguments.require(math.isfinite(self.psnr_db), "psnr_db", "must be finite", self.psnr_db)
        if self.effort is not None:
            arguments.integer("effort", self.effort, 1, 9)

    @property
    def named(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) is not one.default}


@dataclass(frozen=True, eq=False, kw_only=True)
class DecodeOptions:
    """What a decoder is asked for."""

    max_pixels: int | None = MAX_PIXELS
    """Larger pictures are refused before any memory is taken for them; None takes all."""
    tables: Any = None
    """Those that the file was written with; those of qimg when left out."""
    partial_ok: bool = True
    """Return what is there of a progressive file that is cut; other files are refused when they are cut."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a codec can do; everything else is refused by name."""

    options: frozenset[str]
    """Fields of `EncodeOptions` that have an effect."""
    gray: bool = True
    """False where gray pictures come back as RGB."""
    alpha: bool = False
    """Whether an alpha channel is kept, without loss."""
    sixteen_bit: bool = False
    """Whether `uint16` pictures are held."""
    lossless: bool = False
    """Whether every picture comes back exactly."""


@dataclass(frozen=True, kw_only=True)
class CurveSettings:
    """The settings at which a codec is compared with others: they cover 26 to 40 dB of mean RGB PSNR on photographs."""

    option: str
    """The target that is set."""
    settings: tuple[float, ...]
    """From the smallest file to the largest."""
    whole: bool = True
    """Whether settings are whole numbers."""

    def at(self, setting: float) -> dict[str, Any]:
        """Options of a setting, as keywords of `qimg.encode`."""
        return {self.option: setting}


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoded:
    """A file, with what its encoder measured."""

    data: bytes = field(repr=False)
    """The file."""
    bits_per_pixel: float
    """Of the whole file."""
    psnr_db: float | None = None
    """Of the decoded picture's gray or RGB channels against the source's, infinite where they are equal; None where
    the encoder does not decode."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Decoded:
    """The contents of a file."""

    image: Array
    """`uint8` or `uint16`, (H, W), (H, W, 2), (H, W, 3) or (H, W, 4)."""
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without the letters `Exif` before it."""
    xmp: bytes | None = field(default=None, repr=False)
    partial: bool = False
    """Whether the file is cut, so that the picture is not all that was encoded."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Info:
    """The description of a file, read without decoding it."""

    codec: str
    """Id of the codec."""
    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    bit_depth: int
    """Per channel, 8 or 16."""
    parts: Mapping[str, int]
    """Bytes by what they are for, such as `pixels`, `icc_profile` and `structure`; together the whole file."""
    icc_profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    """A TIFF structure, without the letters `Exif` before it."""
    xmp: bytes | None = field(default=None, repr=False)
    complete: bool = True
    """False where the file is cut."""

    @property
    def bits_per_pixel(self) -> float:
        """Of the whole file."""
        return 8 * sum(self.parts.values()) / (self.width * self.height)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def details(self) -> Mapping[str, str]:
        """What the codec has to add, label → text."""
        return {}


@runtime_checkable
class Codec(Protocol):
    """One way to write and to read a picture; a frozen object without state."""

    @property
    def id(self) -> str:
        """By which the registry finds it."""

    @property
    def name(self) -> str:
        """In tables and figures."""

    @property
    def about(self) -> str:
        """Program and settings."""

    @property
    def suffix(self) -> str:
        """Ending of its files' names."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    @property
    def curve(self) -> CurveSettings | None:
        """Settings for comparisons; None where there is nothing to set."""

    @property
    def needs(self) -> str:
        """What has to be installed beside the packages that qimg depends on."""

    def installed(self) -> bool:
        """Whether it can be used here."""

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """The file of a picture.

        Args:
            image: a picture that `capabilities` allows; not modified.
            options: of which all are supported; see `qimg.codecs.registry.check`.
            track: wraps the numbers of the parts of a picture at every attempt, for a progress bar.
        """

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """The picture of a file; raises `BitstreamError` where the data are none of its files."""

    def info(self, data: bytes) -> Info:
        """The description of a file; raises `BitstreamError` likewise."""


@runtime_checkable
class PackCodec(Protocol):
    """One way to write and to read many small pictures together, as one file."""

    @property
    def id(self) -> str:
        """By which the registry finds it."""

    @property
    def name(self) -> str:
        """In tables and figures."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; the options hold for the whole pack."""

    def encode_pack(self, images: Sequence[Array], options: EncodeOptions, *, track: Track = iter) -> bytes:
        """One file of n ≥ 1 pictures, each `uint8` or `uint16` of a shape of its own; their order is kept."""

    def decode_pack(self, data: bytes, options: DecodeOptions) -> list[Array]:
        """The n pictures; `max_pixels` limits them together. Raises `BitstreamError` where the data are no pack."""


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
