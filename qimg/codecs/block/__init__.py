"""The block codec: blocks of four sizes, predicted and transformed by the operator of their class."""

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.truncation import truncate
from qimg.codecs.block.decoder.description import BlockInfo
from qimg.codecs.block.encoder.encode import BlockEncoded
from qimg.codecs.block.encoder.targets import step_of_quality
from qimg.codecs.block.model.tables import Tables

__all__ = [
    "BlockEncoded",
    "BlockInfo",
    "Parameters",
    "Tables",
    "step_of_quality",
    "truncate",
]
