"""The image codec: what a picture costs in bytes, and the bytes themselves."""

from qimg.codec.coding import Parameters
from qimg.codec.decoder import Decoded, decode, decode_picture
from qimg.codec.description import Info, info
from qimg.codec.encoder import Encoded, encode, encode_picture
from qimg.codec.errors import BitstreamError, PartialPictureWarning
from qimg.codec.tables import Tables
from qimg.codec.targets import step_of_quality
from qimg.codec.truncation import truncate

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
