"""Restoration: from what a degradation left back to the picture, by conditional expectation under the prior."""

from qimg.restoration.jpeg import EFFORT, METHODS, TUNES, Restored, restore, restore_picture
from qimg.restoration.jpeg_file import Component, DamagedJpegWarning, JpegFile, read_jpeg
from qimg.restoration.model import Model, load

__all__ = [
    "EFFORT",
    "METHODS",
    "TUNES",
    "Component",
    "DamagedJpegWarning",
    "JpegFile",
    "Model",
    "Restored",
    "load",
    "read_jpeg",
    "restore",
    "restore_picture",
]
