"""The encoder of the contour codec: from a picture to the bytes of a file."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from qimg.codecs.contour import targets
from qimg.codecs.contour.assembly import Assembler
from qimg.codecs.contour.colours import colours_of
from qimg.codecs.contour.importance import plain
from qimg.codecs.contour.layers import MOST_COST, simpler_layers, spread
from qimg.codecs.contour.near_lossless import near
from qimg.codecs.contour.pixels import MOST_COLOURS
from qimg.codecs.contour.samples import is_slow, sample
from qimg.codecs.contour.versions import Versions
from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.codecs.quality import weight_of_quality
from qimg.core import ArgumentError, Array, Track
from qimg.core.records import short_repr

_MOST_BITS = 1000.0  # per pixel, more than any picture can use
_COARSE = 2.0**16  # first λ where the target is out of reach of a sample


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
        file = source.written(source.exact())
    elif options.max_error is not None:
        file = source.written(source.near(options.max_error))
    else:
        if is_slow(image):
            source.learn(image, options)
        file = _with_loss(source, options)
    return ContourEncoded(data=file.data, bits_per_pixel=file.bits_per_pixel, psnr_db=file.psnr_db)


def _with_loss(source: "_Source", options: EncodeOptions) -> "_File":
    """The file that meets a target."""
    if options.quality is not None:
        return source.written(source.smaller(source.at(weight_of_quality(options.quality, source.planes))))
    if options.psnr_db is not None:
        return source.written(source.smaller(source.of_psnr(options.psnr_db)))
    name = "bits_per_pixel" if options.size is None else "size"
    size = options.size or math.floor(min(options.bits_per_pixel or 0.0, _MOST_BITS) * source.area / 8)
    return source.of_size(size, name)


@dataclass(frozen=True, eq=False, kw_only=True)
class _File(ContourEncoded):
    """A file with the picture that it holds."""

    stored: Array
    """(H, W, stored channels) `uint8` colours of its areas."""
    weight: float = 0.0
    """λ; 0 without loss."""
    planes: bool = False
    """Whether areas may have fills."""


class _Source:
    """A picture that is encoded at several λ."""

    def __init__(self, image: Array, options: EncodeOptions, track: Track, weigh: Callable[[Array], Array]) -> None:
        self._assembler = Assembler(image, options, track)
        header = self._assembler.header
        self._stored = image.reshape(*image.shape[:2], -1)[..., header.stored]
        self._versions = Versions(self._stored, len(header.stored_colours), weigh)
        self._weigh = weigh
        self._layered = options.progressive
        self._planes: bool | None = False if self._layered else None  # layers have no fills
        self._first: float | None = None
        self._exact: _File | None = None

    @property
    def planes(self) -> int:
        """Channels of a colour that differ: 3, or 1."""
        return int(self._versions.colour.shape[2])

    @property
    def area(self) -> int:
        """Pixels of the picture."""
        return self._stored.shape[0] * self._stored.shape[1]

    @property
    def few_colours(self) -> bool:
        """Whether the colours of the picture can be numbered."""
        return len(np.unique(colours_of(self._stored))) <= MOST_COLOURS

    def exact(self) -> _File:
        """The file without loss."""
        if self._exact is None:
            self._exact = self._file(self._assembler.sequential(self._stored), math.inf, self._stored)
        return self._exact

    def smaller(self, encoded: _File) -> _File:
        """The file without loss if it is not larger than another one; it is tried for pictures of few colours."""
        if self.few_colours and len(self.exact().data) <= len(encoded.data):
            return self.exact()
        return encoded

    def near(self, bound: int) -> _File:
        """The smallest file found whose channels differ from the source's by at most a bound."""
        files = [self.exact()] if self.few_colours else []
        for stored in near(self._stored, bound, self.planes):
            difference = stored.astype(np.int64) - self._stored
            if np.abs(difference).max(initial=0) <= bound and not difference[..., self.planes :].any():
                psnr_db = self._versions.psnr_db(stored[..., : self.planes])
                files.append(self._file(self._assembler.sequential(stored), psnr_db, stored))
        return min(files, key=lambda file: len(file.data), default=None) or self.exact()

    def learn(self, image: Array, options: EncodeOptions) -> None:
        """Decide from a sample whether areas may have fills, and at which λ the search begins."""
        if options.size is not None:
            options = replace(options, size=None, bits_per_pixel=8 * options.size / self.area)
        source = _Source(sample(image), replace(options, progressive=False), iter, self._weigh)
        source._first = targets.FIRST_OF_SAMPLE if options.psnr_db is None else None
        try:
            file = _with_loss(source, options)
        except ArgumentError:  # out of the sample's reach
            self._first, self._planes = _COARSE, False
        else:
            self._first = min(max(file.weight, targets.LEAST), targets.MOST)
            self._planes = file.planes and not self._layered

    def of_size(self, size: int, name: str) -> _File:
        """The best file found of at most `size` bytes."""
        if self.few_colours or size >= self.area * self._stored.shape[2]:
            exact = self.written(self.exact())
            if len(exact.data) <= size:
                return exact
        return targets.of_size(lambda weight: self.written(self.at(weight)), size, name, self._first)

    def at(self, weight: float) -> _File:
        """The file at a λ; the first call decides whether areas may have fills."""
        if self._planes is not None:
            return self._at(weight, planes=self._planes)
        flat, filled = (self._at(weight, planes=planes) for planes in (False, True))
        self._planes = self._cost(filled, weight) < self._cost(flat, weight)
        return filled if self._planes else flat

    def of_psnr(self, psnr_db: float) -> _File:
        """The file of the largest λ found that reaches a PSNR, or the one without loss."""
        files = []
        for planes in (False, True) if self._planes is None else (self._planes,):
            weight = targets.weight_of_psnr(partial(self._psnr_db_at, planes=planes), psnr_db, self._first)
            if weight is not None:
                files.append(self._at(weight, planes=planes))
        return min(files, key=lambda file: len(file.data)) if files else self.exact()

    def written(self, file: _File) -> _File:
        """A file, or the progressive one if that is asked for, of layers that pay and cost at most `MOST_COST`."""
        if not self._layered:
            return file
        colour, length = self._versions.colour, len(file.data)
        layers = simpler_layers(file.stored, colour, self._flat, file.weight, length)
        data = self._assembler.layered(layers, spread(colour), MOST_COST * length)
        return replace(file, data=data, bits_per_pixel=8 * len(data) / self.area)

    def _at(self, weight: float, *, planes: bool) -> _File:
        version = self._versions.at(weight, planes=planes)
        data = self._assembler.sequential(version.stored, version.areas, version.fills)
        return self._file(data, version.psnr_db, version.stored, weight=weight, planes=planes)

    def _file(self, data: bytes, psnr_db: float, stored: Array, *, weight: float = 0.0, planes: bool = False) -> _File:
        bits = 8 * len(data) / self.area
        return _File(data=data, bits_per_pixel=bits, psnr_db=psnr_db, stored=stored, weight=weight, planes=planes)

    def _flat(self, weight: float) -> Array:
        return self._versions.at(weight, planes=False).shown

    def _psnr_db_at(self, weight: float, *, planes: bool) -> float:
        return self._versions.at(weight, planes=planes).psnr_db

    def _cost(self, file: ContourEncoded, weight: float) -> float:
        """Squared error + λ · bits of a file."""
        return self._versions.colour.size * 255**2 * 10 ** (-file.psnr_db / 10) + 8 * weight * len(file.data)
