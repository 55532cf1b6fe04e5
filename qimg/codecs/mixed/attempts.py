"""A picture as files at several qualities, with the maps that suit them."""

from dataclasses import dataclass

import numpy as np

from qimg import metrics
from qimg.codecs.envelope import metadata_around
from qimg.codecs.mixed import bitstream
from qimg.codecs.mixed.bitstream import ALPHA, BLOCK, CONTOUR, MAP
from qimg.codecs.mixed.decoder import CODECS, OPAQUE
from qimg.codecs.mixed.fill import filled
from qimg.codecs.mixed.tile_costs import best_map, block_costs, contour_costs
from qimg.codecs.mixed.tile_map import box_of, encode_map, pixels_of
from qimg.codecs.protocol import DecodeOptions, Encoded, EncodeOptions
from qimg.codecs.quality import weight_of_quality
from qimg.core import Array, Track
from qimg.core.records import short_repr
from qimg.images import has_alpha, without_alpha

_VALID = 8.0  # qualities around the one of a map for which it is used


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class MixedEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements."""

    psnr_db: float
    """PSNR of the decoded gray or RGB channels against the source; infinite if they are equal."""
    relative_cost: float
    """Squared error + λ · bits at the quality for which the map was chosen, over that of the better codec alone."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Plan:
    """The map that suits a quality."""

    tiles: Array
    relative_cost: float


class Attempts:
    """A picture that is encoded at several qualities."""

    def __init__(self, image: Array, options: EncodeOptions, track: Track) -> None:
        """Prepare a picture; arguments as for `qimg.codecs.mixed.encoder.encode`."""
        self._header, self._track = bitstream.Header.of(image), track
        self._pixels = np.ascontiguousarray(without_alpha(image).reshape(*image.shape[:2], -1))
        self._metadata = metadata_around(options)
        self._alpha: list[tuple[bytes, bytes]] = []
        if has_alpha(image) and (image[..., -1] < OPAQUE).any():
            alpha = CODECS[ALPHA].encode(np.ascontiguousarray(image[..., -1]), EncodeOptions(lossless=True))
            self._alpha = [(ALPHA, bitstream.embedded(alpha.data))]
        self._plans: dict[float, _Plan] = {}

    def at(self, quality: float) -> MixedEncoded:
        """The file at a quality, by the map of a quality near it or by a new one."""
        nearest = min(self._plans, key=lambda other: abs(other - quality), default=np.inf)
        if abs(nearest - quality) > _VALID:
            return self._planned(quality)
        plan = self._plans[nearest]
        return self._encoded(*self._file(plan.tiles, quality), plan.relative_cost)

    def _planned(self, quality: float) -> MixedEncoded:
        """The file at a quality by a new map."""
        weight = weight_of_quality(quality, self._header.colours)
        file, shown = _coded(CONTOUR, self._pixels, quality)
        costs = (block_costs(self._pixels, quality), contour_costs(self._pixels, shown, len(file)))
        totals = [float(one.weighted(weight).sum()) for one in costs]
        tiles = best_map(*costs, weight)
        for candidate in (tiles, np.full(tiles.shape, totals[0] < totals[1])):
            data, error = self._file(candidate, quality)
            relative = (error + weight * 8 * len(data)) / min(totals)
            if relative < 1:
                break
        self._plans[quality] = _Plan(tiles=candidate, relative_cost=relative)
        return self._encoded(data, error, relative)

    def _file(self, tiles: Array, quality: float) -> tuple[bytes, int]:
        """The file of a map at a quality, and the squared error of its pixels."""
        height, width = self._header.height, self._header.width
        chunks, error = [(MAP, encode_map(tiles))], 0
        parts = ((BLOCK, tiles), (CONTOUR, ~tiles))
        for index in self._track(range(len(parts))):
            tag, own = parts[index]
            box = box_of(own, height, width)
            if box is None:
                continue
            pixels, mask = self._pixels[box], pixels_of(own, height, width)[box]
            file, shown = _coded(tag, filled(pixels, mask), quality)
            error += int(((pixels.astype(np.int64) - shown)[mask] ** 2).sum())
            chunks.append((tag, bitstream.embedded(file)))
        before, after = self._metadata
        return bitstream.write(self._header, [*chunks, *self._alpha], before, after), error

    def _encoded(self, data: bytes, error: int, relative_cost: float) -> MixedEncoded:
        area = self._header.width * self._header.height
        psnr_db = metrics.psnr_of_error(error / self._pixels.size, data_range=255.0)
        rate = 8 * len(data) / area
        return MixedEncoded(data=data, bits_per_pixel=rate, psnr_db=psnr_db, relative_cost=relative_cost)


def _coded(tag: bytes, pixels: Array, quality: float) -> tuple[bytes, Array]:
    """The file of a picture (H, W, channels) in one codec, and the decoded pixels of the same shape."""
    codec, image = CODECS[tag], pixels[..., 0] if pixels.shape[2] == 1 else pixels
    data = codec.encode(np.ascontiguousarray(image), EncodeOptions(quality=quality)).data
    return data, codec.decode(data, DecodeOptions(max_pixels=None)).image.reshape(pixels.shape)
