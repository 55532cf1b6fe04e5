"""Reading of picture files as their tags define the samples: PNG, TIFF, and the other formats of Pillow.

Every reader refuses a picture above a limit on its pixels before memory is allocated for it, and decodes pixels without
parsing metadata, so that damaged metadata cannot cost pixels.
"""

from qimg.images.limits import MAX_PIXELS
from qimg.images.reading.formats import READ_ONLY_SUFFIXES
from qimg.images.reading.reader import read
from qimg.images.reading.samples import upright
from qimg.images.reading.tags import read_metadata

__all__ = ["MAX_PIXELS", "READ_ONLY_SUFFIXES", "read", "read_metadata", "upright"]
