"""Pictures to bytes and back: one protocol, one envelope, and a registry of codecs, of which `block` is the default."""

from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.codecs.pictures import decode, decode_picture, encode, encode_picture, info
from qimg.codecs.protocol import Decoded, DecodeOptions, Encoded, EncodeOptions, Info

__all__ = [
    "BitstreamError",
    "DecodeOptions",
    "Decoded",
    "EncodeOptions",
    "Encoded",
    "Info",
    "PartialPictureWarning",
    "decode",
    "decode_picture",
    "encode",
    "encode_picture",
    "info",
]
