"""A codec of two functions, for comparisons of a codec of yours with those of the registry."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import (
    Capabilities,
    CurveSettings,
    Decoded,
    DecodeOptions,
    Encoded,
    EncodeOptions,
    Info,
)
from qimg.core import Array, Track
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, kw_only=True)
class FunctionCodec:
    """A `qimg.codecs.protocol.Codec` of two functions; its settings are those of the option `quality`.

    >>> import zlib
    >>> codec = FunctionCodec(
    ...     name="coarse zlib",
    ...     write=lambda image, step: repr(image.shape).encode() + zlib.compress(image // step),
    ...     read=lambda data: ...,
    ...     settings=(64, 32, 16, 8),
    ... )
    >>> codec.id
    'coarse-zlib'
    """

    name: str
    """Name in tables and figures."""
    write: Callable[[Array, float], bytes] = field(repr=False)
    """(picture, setting) → file. Pictures are `uint8`, (H, W) or (H, W, 3), and must not be modified."""
    read: Callable[[bytes], Array] = field(repr=False)
    """File → picture, `uint8`, of the shape of the encoded one."""
    settings: tuple[float, ...]
    """Settings of the curve, from the smallest file to the largest."""
    about: str = "a codec of yours"
    """Program and settings."""
    suffix: str = ".bin"
    gray: bool = True
    """Whether gray pictures are read as gray; otherwise they are read as RGB."""
    needs: str = ""

    @property
    def id(self) -> str:
        """The name in lower case, with hyphens."""
        return "-".join(self.name.lower().split())

    @property
    def capabilities(self) -> Capabilities:
        """Gray and RGB of 8 bits, at a quality."""
        return Capabilities(options=frozenset({"quality"}), gray=self.gray)

    @property
    def curve(self) -> CurveSettings:
        """The settings, as qualities."""
        whole = all(float(setting).is_integer() for setting in self.settings)
        return CurveSettings(option="quality", settings=self.settings, whole=whole)

    def installed(self) -> bool:
        """Whether it can be used."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """Encode a picture in one step."""
        assert options.quality is not None  # by `qimg.codecs.registry.check`
        data = self.write(image, options.quality)
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"write must return bytes, but returned {type(data).__name__}")
        data = bytes(data)
        return Encoded(data=data, bits_per_pixel=8 * len(data) / (image.shape[0] * image.shape[1]))

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; every error of `read` becomes a `BitstreamError`."""
        try:
            return Decoded(image=np.asarray(self.read(data)))
        except Exception as error:  # a function may raise anything on broken files
            raise BitstreamError(f"cannot be read as {self.name} ({type(error).__name__}: {error})") from error

    def info(self, data: bytes) -> Info:
        """Describe a file, which is decoded for it."""
        image = self.decode(data, DecodeOptions()).image
        channels = 1 if image.ndim == 2 else image.shape[2]
        height, width = image.shape[:2]
        parts = {"pixels": len(data)}
        return Info(codec=self.id, width=width, height=height, channels=channels, bit_depth=8, parts=parts)
