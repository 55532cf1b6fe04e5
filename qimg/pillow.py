"""Pillow reads and writes `.qimg` files once this module is imported; see `qimg.codecs.pillow`."""

from qimg.codecs.pillow import FORMAT, QUALITY, QimgImageFile

__all__ = ["FORMAT", "QUALITY", "QimgImageFile"]
