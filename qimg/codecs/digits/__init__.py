"""Codecs for packs of digits, (n, 28, 28) gray pictures in one file: auto-encoder, KLT, and raster-encoder.

Encoding and decoding compute in integers with NumPy, so that a file decodes to the same pixels on every machine.
"""
