"""The codecs that people use, behind the protocol of qimg's own."""
