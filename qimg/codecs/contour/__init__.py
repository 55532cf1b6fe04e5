"""The contour codec, for graphics: areas of few colours, whose edges are predicted from the edges around them."""

from qimg.codecs.contour.truncation import truncate

__all__ = ["truncate"]
