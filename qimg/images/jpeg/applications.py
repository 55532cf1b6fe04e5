"""Application segments of JPEG files: colour transform and orientation."""

import re

from PIL import Image

from qimg.images.jpeg.markers import FrameHeader

_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_ORIENTATION_TAG = 0x0112
_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


class Applications:
    """What the application segments of a file declare; their number is not limited."""

    def __init__(self) -> None:
        self._jfif = False
        self._adobe: int | None = None
        self._exif, self._xmp = b"", b""

    def add(self, marker: int, body: bytes) -> None:
        """Take a segment into account."""
        if marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 14:
            self._jfif = True
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            self._adobe = body[11]
        elif marker == 0xE1 and body.startswith(_EXIF):
            self._exif += body.removeprefix(_EXIF) if self._exif else body
        elif marker == 0xE1 and body.startswith(_XMP):
            self._xmp = body

    def is_rgb(self, frame: FrameHeader) -> bool:
        """Whether three components are R, G, B, by libjpeg's rules; otherwise they are Y, Cb, Cr."""
        if len(frame.components) != 3 or self._jfif:
            return False
        if self._adobe is not None:
            return self._adobe == 0
        return bytes(one.identifier for one in frame.components) == b"RGB"

    @property
    def orientation(self) -> int:
        """Orientation, 1 to 8, in EXIF or else in XMP; 1 where both are broken, as in `images.load`."""
        tags = Image.Exif()
        try:
            tags.load(self._exif)
            orientation = tags.get(_ORIENTATION_TAG)
        except Exception:  # Pillow raises errors of many types on broken EXIF
            orientation = None
        if orientation is None and (match := _ORIENTATION.search(self._xmp)):
            orientation = int(match[1])
        return orientation if isinstance(orientation, int) and orientation in range(1, 9) else 1
