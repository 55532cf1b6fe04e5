"""The image codec: what a picture costs in bytes, and the bytes themselves."""

from qimg.codecs.block.bitstream.description import Info, info
from qimg.codecs.block.bitstream.strips import Parameters
from qimg.codecs.block.bitstream.truncation import truncate
from qimg.codecs.block.decoder.decode import Decoded, decode, decode_picture
from qimg.codecs.block.encoder.encode import Encoded, encode, encode_picture
from qimg.codecs.block.encoder.targets import step_of_quality
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.errors import BitstreamError, PartialPictureWarning

__all__ = [
    "BitstreamError",
    "Decoded",
    "Encoded",
    "Info",
    "Parameters",
    "PartialPictureWarning",
    "Tables",
    "decode",
    "decode_picture",
    "encode",
    "encode_picture",
    "info",
    "step_of_quality",
    "truncate",
]
