"""Codecs by name, with two verbs: `encode` and `decode`."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from qimg.codecs import registry
from qimg.codecs.pictures import decode, encode
from qimg.codecs.protocol import Codec, PackCodec
from qimg.core import Array


@dataclass(frozen=True)
class PictureCodec:
    """A codec for single pictures."""

    id: str
    """Id in the registry."""

    def encode(self, image: ArrayLike, /, **options: Any) -> bytes:
        """Encode a picture; arguments and errors as for `qimg.codecs.encode`."""
        return encode(image, codec=self.id, **options)

    def decode(self, data: bytes, /, **options: Any) -> Array:
        """Decode a file of this codec; arguments and errors as for `qimg.codecs.decode`."""
        return decode(data, codec=self.id, **options)


def get(name: str) -> PictureCodec | PackCodec:
    """The codec of a name, with `encode` and `decode`.

    A codec for single pictures, such as `block`, takes and returns a picture; a codec for packs, such as
    `mnist-autoencoder`, takes and returns (n, 28, 28) digits.

    Args:
        name: id in `qimg.codecs.registry`; `auto` is `block`.

    Raises:
        ValueError: the name is unknown.
        ModuleNotFoundError: the codec needs a package that is not installed.

    >>> import numpy as np
    >>> codec = get("block")
    >>> codec.decode(codec.encode(np.zeros((8, 8), np.uint8), quality=50)).shape
    (8, 8)
    """
    if isinstance(registry.named(name), Codec):
        return PictureCodec(registry.codec(name).id)
    return registry.pack_codec(name)
