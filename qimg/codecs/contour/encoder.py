"""The encoder of the contour codec: from a picture to the bytes of a file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qimg import metrics
from qimg.codecs.contour import bitstream, targets
from qimg.codecs.contour.bitstream import Header
from qimg.codecs.contour.colours import OPAQUE, colours_of, numbered
from qimg.codecs.contour.layers import MOST_COST, encode_layers, spread, superfluous, versions
from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.contour.rows import encode_rows
from qimg.codecs.contour.simplification import Simplification
from qimg.codecs.envelope import metadata_chunks
from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.core import Array, Track
from qimg.core.records import short_repr
from qimg.images import has_alpha

_TRIAL = 192  # rows and columns of the part that is coded in both ways
_MOST_BITS = 1000.0  # per pixel, more than any picture can use
EXACT = 0.0
"""λ of the file without loss."""
_NOTHING = np.zeros(0, np.int64)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ContourEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements."""

    psnr_db: float
    """PSNR of the decoded gray or RGB channels against the source; infinite if they are equal."""


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> ContourEncoded:
    """Encode a picture as a file; alpha is coded without loss.

    A picture with loss is a simpler picture without: `qimg.codecs.contour.simplification` makes it at a λ. The file
    without loss is taken where it is not larger. With `psnr_db` λ is searched on simpler pictures, with `size` and
    `bits_per_pixel` with up to 15 files.

    Args:
        image: `uint8`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        options: the target and metadata; `quality` is on the scale of
            `qimg.codecs.contour.targets.weight_of_quality`.
        track: wraps the indices of the rows at every attempt.

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    source = _Source(image, options, track)
    if options.lossless:
        return source.written(EXACT)
    if options.quality is not None:
        return source.written(source.smaller(targets.weight_of_quality(options.quality)))
    if options.psnr_db is not None:
        weight = targets.weight_of_psnr(source.psnr_db_at, options.psnr_db)
        return source.written(EXACT if weight is None else source.smaller(weight))
    name = "bits_per_pixel" if options.size is None else "size"
    area = image.shape[0] * image.shape[1]
    size = options.size or math.floor(min(options.bits_per_pixel or 0.0, _MOST_BITS) * area / 8)
    if source.few_colours or size >= image.size:
        exact = source.written(EXACT)
        if len(exact.data) <= size:
            return exact
    return targets.of_size(source.written, size, name)


class _Source:
    """A picture that is encoded at several λ."""

    def __init__(self, image: Array, options: EncodeOptions, track: Track) -> None:
        planes, alpha = image.reshape(*image.shape[:2], -1), has_alpha(image)
        self._header = Header(
            width=image.shape[1],
            height=image.shape[0],
            channels=planes.shape[2],
            opaque=alpha and bool((planes[..., -1] == OPAQUE).all()),
            one_plane=planes.shape[2] >= 3 and bool((planes[..., :1] == planes[..., 1:3]).all()),
        )
        self._stored = planes[..., self._header.stored]
        self._colour = np.ascontiguousarray(self._stored[..., : 3 if planes.shape[2] >= 3 else 1])
        if self._header.one_plane:
            self._colour = np.ascontiguousarray(self._stored[..., :1])
        self._metadata, self._track = metadata_chunks(options), track
        self._simplification: Simplification | None = None
        self._layered = options.progressive
        self._files: dict[float, ContourEncoded] = {}

    @property
    def few_colours(self) -> bool:
        """Whether the colours of the picture can be numbered."""
        return len(np.unique(colours_of(self._stored))) <= MOST_COLOURS

    def smaller(self, weight: float) -> float:
        """λ, or `EXACT` if the sequential file without loss is not larger; it is tried for pictures of few colours."""
        if self.few_colours and len(self._sequential(EXACT).data) <= len(self._sequential(weight).data):
            return EXACT
        return weight

    def written(self, weight: float) -> ContourEncoded:
        """The file at a λ, or without loss."""
        return self._progressive(weight) if self._layered else self._sequential(weight)

    def psnr_db_at(self, weight: float) -> float:
        """PSNR at a λ."""
        return metrics.psnr_db(self._colour, self._simple(weight), data_range=255)

    def _simple(self, weight: float) -> Array:
        if self._simplification is None:
            self._simplification = Simplification(self._colour)
        return self._simplification.at(weight)

    def _stored_at(self, weight: float) -> Array:
        """The channels of the picture at a λ that are stored."""
        if weight == EXACT:
            return self._stored
        simple = self._simple(weight)
        return np.concatenate([simple, self._stored[..., simple.shape[2] :]], axis=2)

    def _sequential(self, weight: float) -> ContourEncoded:
        if weight not in self._files:
            stored = self._stored_at(weight)
            header, palette, (picture,) = self._numbered([stored])
            payload = encode_rows(picture, len(self._header.stored), palette, track=self._track)
            self._files[weight] = self._file(header, [payload], weight)
        return self._files[weight]

    def _progressive(self, weight: float) -> ContourEncoded:
        """The file of layers: as many as pay and cost at most `MOST_COST` of the sequential file."""
        most = len(self._sequential(weight).data)
        chosen = versions(self._stored_at(weight), self._colour, self._simple, weight, most)
        while True:
            header, palette, layers = self._numbered([layer.stored for layer in chosen])
            payloads = encode_layers(layers, len(self._header.stored), palette, track=self._track)
            errors, lengths = [layer.error for layer in chosen], [len(payload) for payload in payloads]
            without = superfluous(errors, lengths, spread(self._colour), MOST_COST * most)
            if without is None:
                return self._file(replace(header, layers=len(layers)), payloads, weight)
            del chosen[without]

    def _numbered(self, pictures: Sequence[Array]) -> tuple[Header, Array, list[Array]]:
        """Header, palette and numbers of colours of all pictures, or their colours where numbers do not pay."""
        header, colours = self._header, np.concatenate([colours_of(stored) for stored in pictures])
        numbers, palette = numbered(colours)
        if _numbers_pay(colours_of(pictures[-1]), palette, len(header.stored)):
            header = replace(header, colours=len(palette), first=pictures[0][0, 0].tobytes())
        else:
            numbers, palette = colours, _NOTHING
        return header, palette, np.split(numbers, len(pictures))

    def _file(self, header: Header, payloads: Sequence[bytes], weight: float) -> ContourEncoded:
        metadata = self._metadata
        data = bitstream.write(header, payloads, metadata["icc_profile"], metadata["exif"] + metadata["xmp"])
        psnr_db = math.inf if weight == EXACT else self.psnr_db_at(weight)
        return ContourEncoded(data=data, bits_per_pixel=8 * len(data) / (header.width * header.height), psnr_db=psnr_db)


def _numbers_pay(colours: Array, palette: Array, channels: int) -> bool:
    """Whether numbers of colours cost less than their channels, tried on the middle of the picture."""
    if len(palette) > MOST_COLOURS:
        return False
    top, left = (max(0, (side - _TRIAL) // 2) for side in colours.shape)
    part = np.ascontiguousarray(colours[top : top + _TRIAL, left : left + _TRIAL])
    picture, some = numbered(part)
    return len(encode_rows(picture, channels, some)) <= len(encode_rows(part, channels, _NOTHING))
