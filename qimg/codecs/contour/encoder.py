"""The encoder of the contour codec: from a picture to the bytes of a file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from qimg import metrics
from qimg.codecs.contour import bitstream, targets
from qimg.codecs.contour.bitstream import Header
from qimg.codecs.contour.colours import OPAQUE, colours_of, numbered
from qimg.codecs.contour.fill_coding import encode_fills
from qimg.codecs.contour.fills import Areas, Fills, areas_of, paint
from qimg.codecs.contour.fitting import fit
from qimg.codecs.contour.importance import plain
from qimg.codecs.contour.layers import MOST_COST, encode_layers, spread, superfluous, versions
from qimg.codecs.contour.near_lossless import near
from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.contour.rows import encode_rows
from qimg.codecs.contour.samples import is_slow, sample
from qimg.codecs.contour.simplification import Simplification
from qimg.codecs.envelope import metadata_around
from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.codecs.quality import weight_of_quality
from qimg.core import ArgumentError, Array, Track
from qimg.core.records import short_repr
from qimg.images import has_alpha

_TRIAL = 192  # rows and columns of the part that is coded in both ways
_MOST_BITS = 1000.0  # per pixel, more than any picture can use
_COARSE = 2.0**16  # first λ where the target is out of reach of a sample
_CHUNK = 8  # bytes of a chunk without its payload
_NOTHING = np.zeros(0, np.int64)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ContourEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements."""

    psnr_db: float
    """PSNR of the decoded gray or RGB channels against the source; infinite if they are equal."""


def encode(
    image: Array, options: EncodeOptions, *, track: Track = iter, weigh: Callable[[Array], Array] = plain
) -> ContourEncoded:
    """Encode a picture as a file; alpha is coded without loss.

    A picture with loss is a simpler picture without: `qimg.codecs.contour.simplification` makes it at a λ, of areas
    with and without fills, whichever costs less. The file without loss is taken where it is not larger. With `psnr_db`
    λ is searched on simpler pictures, with `size` and `bits_per_pixel` on files; in a picture that is slow to encode
    the search begins on a sample. With `progressive` the same picture, of areas without fills, is written in layers,
    of which `qimg.codecs.contour.layers` makes the simpler ones.

    Args:
        image: `uint8`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        options: the target and metadata; `quality` is on the scale of
            `qimg.codecs.quality.weight_of_quality`.
        track: wraps the indices of the rows at every attempt.
        weigh: weights (H, W) of the errors of pixels, from pixels (H, W, channels).

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    source = _Source(image, options, track, weigh)
    if options.lossless:
        version = source.written(source.exact())
    elif options.max_error is not None:
        version = source.written(source.near(options.max_error))
    else:
        if is_slow(image):
            source.learn(image, options)
        version = _with_loss(source, options)
    return ContourEncoded(data=version.data, bits_per_pixel=version.bits_per_pixel, psnr_db=version.psnr_db)


def _with_loss(source: "_Source", options: EncodeOptions) -> "_Version":
    """The file that meets a target."""
    if options.quality is not None:
        return source.written(source.smaller(source.at(weight_of_quality(options.quality, source.planes))))
    if options.psnr_db is not None:
        return source.written(source.smaller(source.of_psnr(options.psnr_db)))
    name = "bits_per_pixel" if options.size is None else "size"
    size = options.size or math.floor(min(options.bits_per_pixel or 0.0, _MOST_BITS) * source.area / 8)
    return source.of_size(size, name)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Version(ContourEncoded):
    """A file with the picture that it holds."""

    stored: Array
    """(H, W, stored channels) `uint8` colours of its areas."""
    weight: float
    """λ; 0 without loss."""
    planes: bool
    """Whether areas may have fills."""


class _Source:
    """A picture that is encoded at several λ."""

    def __init__(self, image: Array, options: EncodeOptions, track: Track, weigh: Callable[[Array], Array]) -> None:
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
        self._metadata, self._track = metadata_around(options), track
        self._weigh, self._importance = weigh, weigh(self._colour)
        self._simplifications: dict[bool, Simplification] = {}
        self._layered = options.progressive
        self._planes: bool | None = False if self._layered else None  # layers have no fills
        self._first: float | None = None
        self._latest: tuple[float, bool, _Simple] | None = None
        self._exact: _Version | None = None

    @property
    def planes(self) -> int:
        """Channels of a colour that differ: 3, or 1."""
        return int(self._colour.shape[2])

    @property
    def area(self) -> int:
        """Pixels of the picture."""
        return self._header.width * self._header.height

    @property
    def few_colours(self) -> bool:
        """Whether the colours of the picture can be numbered."""
        return len(np.unique(colours_of(self._stored))) <= MOST_COLOURS

    def exact(self) -> _Version:
        """The file without loss."""
        if self._exact is None:
            self._exact = self._file(self._stored, math.inf, 0.0)
        return self._exact

    def smaller(self, encoded: _Version) -> _Version:
        """The file without loss if it is not larger than another one; it is tried for pictures of few colours."""
        if self.few_colours and len(self.exact().data) <= len(encoded.data):
            return self.exact()
        return encoded

    def near(self, bound: int) -> _Version:
        """The smallest file found whose channels differ from the source's by at most a bound."""
        files = [self.exact()] if self.few_colours else []
        for stored in near(self._stored, bound, self.planes):
            difference = stored.astype(np.int64) - self._stored
            if np.abs(difference).max(initial=0) <= bound and not difference[..., self.planes :].any():
                psnr_db = metrics.psnr_db(self._colour, stored[..., : self.planes], data_range=255)
                files.append(self._file(stored, psnr_db, 0.0))
        return min(files, key=lambda file: len(file.data), default=None) or self.exact()

    def learn(self, image: Array, options: EncodeOptions) -> None:
        """Decide from a sample whether areas may have fills, and at which λ the search begins."""
        if options.size is not None:
            options = replace(options, size=None, bits_per_pixel=8 * options.size / self.area)
        source = _Source(sample(image), replace(options, progressive=False), iter, self._weigh)
        source._first = targets.FIRST if options.psnr_db is None else None
        try:
            version = _with_loss(source, options)
        except ArgumentError:  # out of the sample's reach
            self._first, self._planes = _COARSE, False
        else:
            self._first = min(max(version.weight, targets.LEAST), targets.MOST)
            self._planes = version.planes and not self._layered

    def of_size(self, size: int, name: str) -> _Version:
        """The best file found of at most `size` bytes."""
        if self.few_colours or size >= self.area * len(self._header.stored):
            exact = self.written(self.exact())
            if len(exact.data) <= size:
                return exact
        return targets.of_size(lambda weight: self.written(self.at(weight)), size, name, self._first)

    def at(self, weight: float) -> _Version:
        """The file at a λ; the first call decides whether areas may have fills."""
        if self._planes is not None:
            return self._at(weight, planes=self._planes)
        flat, filled = (self._at(weight, planes=planes) for planes in (False, True))
        self._planes = self._cost(filled, weight) < self._cost(flat, weight)
        return filled if self._planes else flat

    def of_psnr(self, psnr_db: float) -> _Version:
        """The file of the largest λ found that reaches a PSNR, or the one without loss."""
        files = []
        for planes in (False, True) if self._planes is None else (self._planes,):
            weight = targets.weight_of_psnr(partial(self._psnr_db_at, planes=planes), psnr_db, self._first)
            if weight is not None:
                files.append(self._at(weight, planes=planes))
        return min(files, key=lambda file: len(file.data)) if files else self.exact()

    def _at(self, weight: float, *, planes: bool) -> _Version:
        simple = self._simple(weight, planes=planes)
        return self._file(simple.stored, self._psnr_db(simple), weight, simple)

    def _psnr_db_at(self, weight: float, *, planes: bool) -> float:
        return self._psnr_db(self._simple(weight, planes=planes))

    def _psnr_db(self, simple: "_Simple") -> float:
        return metrics.psnr_db(self._colour, simple.shown, data_range=255)

    def _cost(self, file: ContourEncoded, weight: float) -> float:
        """Squared error + λ · bits of a file."""
        return self._colour.size * 255**2 * 10 ** (-file.psnr_db / 10) + 8 * weight * len(file.data)

    def _simple(self, weight: float, *, planes: bool) -> "_Simple":
        if self._latest and self._latest[:2] == (weight, planes):
            return self._latest[2]
        simple = self._simplified(weight, planes=planes)
        self._latest = weight, planes, simple
        return simple

    def _simplified(self, weight: float, *, planes: bool) -> "_Simple":
        if planes not in self._simplifications:
            self._simplifications[planes] = Simplification(self._colour, planes=planes, importance=self._importance)
        flat = self._simplifications[planes].at(weight)
        channels = flat.shape[2]
        stored = np.concatenate([flat, self._stored[..., channels:]], axis=2)
        if not planes:
            return _Simple(stored=stored, shown=flat)
        areas = areas_of(colours_of(stored))
        fills = fit(flat, areas, self._colour, weight)
        if fills is not None:
            paint(flat, areas, fills)
        return _Simple(stored=stored, shown=flat, areas=areas, fills=fills)

    def written(self, version: _Version) -> _Version:
        """A version, or its progressive file if that is asked for, of layers that pay and cost at most `MOST_COST`."""
        if not self._layered:
            return version
        most = MOST_COST * len(version.data)
        chosen = versions(version.stored, self._colour, self._flat, version.weight, len(version.data))
        while True:
            header, palette, layers = self._numbered([layer.stored for layer in chosen])
            payloads = encode_layers(layers, len(header.stored), palette, track=self._track)
            errors, lengths = [layer.error for layer in chosen], [len(payload) for payload in payloads]
            without = superfluous(errors, lengths, spread(self._colour), most - _CHUNK * len(lengths))
            if without is None:
                break
            del chosen[without]
        return self._assembled(replace(header, layers=len(layers)), payloads, b"", version)

    def _flat(self, weight: float) -> Array:
        return self._simple(weight, planes=False).shown

    def _file(self, stored: Array, psnr_db: float, weight: float, simple: "_Simple | None" = None) -> _Version:
        header, palette, (picture,) = self._numbered([stored])
        payload, fills = encode_rows(picture, len(header.stored), palette, track=self._track), b""
        if simple and simple.areas and simple.fills:
            header, fills = replace(header, filled=True), encode_fills(simple.areas, simple.fills)
        version = _Version(
            data=b"",
            bits_per_pixel=0.0,
            psnr_db=psnr_db,
            stored=stored,
            weight=weight,
            planes=simple is not None and simple.areas is not None,
        )
        return self._assembled(header, [payload], fills, version)

    def _numbered(self, pictures: Sequence[Array]) -> tuple[Header, Array, list[Array]]:
        """Header, palette and numbers of colours of all pictures, or their colours where numbers do not pay."""
        header, colours = self._header, np.concatenate([colours_of(stored) for stored in pictures])
        numbers, palette = numbered(colours)
        if _numbers_pay(colours_of(pictures[-1]), palette, len(header.stored)):
            header = replace(header, colours=len(palette), first=pictures[0][0, 0].tobytes())
        else:
            numbers, palette = colours, _NOTHING
        return header, palette, np.split(numbers, len(pictures))

    def _assembled(self, header: Header, payloads: Sequence[bytes], fills: bytes, version: _Version) -> _Version:
        before, after = self._metadata
        data = bitstream.write(header, payloads, fills, before=before, after=after)
        return replace(version, data=data, bits_per_pixel=8 * len(data) / (header.width * header.height))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Simple:
    """A simpler picture."""

    stored: Array
    """(H, W, stored channels) `uint8` colours of its areas."""
    shown: Array
    """(H, W, colour channels) `uint8` colours with fills."""
    areas: Areas | None = None
    fills: Fills | None = None


def _numbers_pay(colours: Array, palette: Array, channels: int) -> bool:
    """Whether numbers of colours cost less than their channels, tried on the middle of the picture."""
    if len(palette) > MOST_COLOURS:
        return False
    top, left = (max(0, (side - _TRIAL) // 2) for side in colours.shape)
    part = np.ascontiguousarray(colours[top : top + _TRIAL, left : left + _TRIAL])
    picture, some = numbered(part)
    return len(encode_rows(picture, channels, some)) <= len(encode_rows(part, channels, _NOTHING))
