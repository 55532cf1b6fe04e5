"""Image codecs: one protocol, one file envelope, and a registry whose default codec is `block`."""

from qimg.codecs.errors import BitstreamError, PartialPictureWarning
from qimg.codecs.jpeg_recompression.recompression import original_jpeg, recompress
from qimg.codecs.named import get
from qimg.codecs.pictures import decode, decode_picture, encode, encode_picture, info

__all__ = [
    "BitstreamError",
    "PartialPictureWarning",
    "decode",
    "decode_picture",
    "encode",
    "encode_picture",
    "get",
    "info",
    "original_jpeg",
    "recompress",
]
