"""Pictures to bytes and back: one protocol, one envelope, and a registry of codecs, of which `block` is the default."""

from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.codecs.pictures import decode, decode_picture, encode, encode_picture, info

__all__ = [
    "BitstreamError",
    "PartialPictureWarning",
    "decode",
    "decode_picture",
    "encode",
    "encode_picture",
    "info",
]
