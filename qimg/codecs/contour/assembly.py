"""Assembly of the files of a picture: numbers of colours or colours, fills and layers, to bytes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qimg.codecs.contour import bitstream
from qimg.codecs.contour.bitstream import Header
from qimg.codecs.contour.colours import colours_of, numbered
from qimg.codecs.contour.fill_coding import encode_fills
from qimg.codecs.contour.fills import Areas, Fills
from qimg.codecs.contour.layers import Layer, encode_layers, superfluous
from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.contour.rows import encode_rows
from qimg.codecs.envelope import metadata_around
from qimg.codecs.protocol import EncodeOptions
from qimg.core import Array, Track

_TRIAL = 192  # rows and columns of the part that is coded in both ways
_CHUNK = 8  # bytes of a chunk without its payload
_NOTHING = np.zeros(0, np.int64)


class Assembler:
    """Writes files of one picture and of simpler versions of it."""

    def __init__(self, image: Array, options: EncodeOptions, track: Track) -> None:
        """Describe a picture.

        Args:
            image: as for `qimg.codecs.contour.encoder.encode`.
            options: metadata of its files.
            track: wraps the indices of the rows of each file.
        """
        self.header = Header.of(image)
        self._metadata, self._track = metadata_around(options), track

    def sequential(self, stored: Array, areas: Areas | None = None, fills: Fills | None = None) -> bytes:
        """The file of one layer.

        Args:
            stored: (H, W, stored channels) `uint8` colours of the areas.
            areas: those that have fills.
            fills: of `areas`.
        """
        header, palette, (picture,) = self._numbered([stored])
        payload = encode_rows(picture, len(header.stored), palette, track=self._track)
        if areas is None or fills is None:
            return self._file(header, [payload])
        return self._file(replace(header, filled=True), [payload], encode_fills(areas, fills))

    def layered(self, layers: Sequence[Layer], spread: float, most: float) -> bytes:
        """The progressive file of those layers that pay.

        Args:
            layers: from the simplest one.
            spread: squared error without any layer.
            most: bytes that the layers may take together.
        """
        chosen = list(layers)
        while True:
            header, palette, pictures = self._numbered([layer.stored for layer in chosen])
            payloads = encode_layers(pictures, len(header.stored), palette, track=self._track)
            errors, lengths = [layer.error for layer in chosen], [len(payload) for payload in payloads]
            without = superfluous(errors, lengths, spread, most - _CHUNK * len(lengths))
            if without is None:
                return self._file(replace(header, layers=len(payloads)), payloads)
            del chosen[without]

    def _numbered(self, pictures: Sequence[Array]) -> tuple[Header, Array, list[Array]]:
        """Header, palette and numbers of colours of all pictures, or their colours where numbers do not pay."""
        header, colours = self.header, np.concatenate([colours_of(stored) for stored in pictures])
        numbers, palette = numbered(colours)
        if _numbers_pay(colours_of(pictures[-1]), palette, len(header.stored)):
            header = replace(header, colours=len(palette), first=pictures[0][0, 0].tobytes())
        else:
            numbers, palette = colours, _NOTHING
        return header, palette, np.split(numbers, len(pictures))

    def _file(self, header: Header, payloads: Sequence[bytes], fills: bytes = b"") -> bytes:
        before, after = self._metadata
        return bitstream.write(header, payloads, fills, before=before, after=after)


def _numbers_pay(colours: Array, palette: Array, channels: int) -> bool:
    """Whether numbers of colours cost less than their channels, tried on the middle of the picture."""
    if len(palette) > MOST_COLOURS:
        return False
    top, left = (max(0, (side - _TRIAL) // 2) for side in colours.shape)
    part = np.ascontiguousarray(colours[top : top + _TRIAL, left : left + _TRIAL])
    picture, some = numbered(part)
    return len(encode_rows(picture, channels, some)) <= len(encode_rows(part, channels, _NOTHING))
