"""The forms in which the encoder can write the pixels: strips or layers, with or without flat areas, or lossless."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.flat_areas import FlatAreas
from qimg.codecs.block.bitstream.lossless import encode_lossless, looks_simple
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.step_map import step_map_to_bytes
from qimg.codecs.block.bitstream.strip_coder import strip_rows
from qimg.codecs.block.encoder import flat_search
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.importance import PLAIN, importance_of
from qimg.codecs.block.encoder.progressive import encode_progressive
from qimg.codecs.block.encoder.step_choice import block_means, step_map_of
from qimg.codecs.block.encoder.strips import encode_strips
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.fold import folded, is_thin, unfolded
from qimg.codecs.protocol import TANGENT
from qimg.core import Array, Track

Chunks = list[tuple[bytes, bytes]]
_LARGE = 1 / 8  # share of flat squares of 8×8 from which errors in flat areas matter more than bytes
_FREE, _FREE_SHARE = 128, 0.02  # bytes, and share of the other bytes, that large flat areas take at no gain in error
_SIDES = (4, 8, 16, 32)  # least sides of flat squares that are tried
_ALWAYS = 1 << 14  # bytes of pixels up to which the lossless form is tried
_LOSSLESS = 0.4  # share of the raw bytes of a lossy form from which the lossless one is tried


@dataclass(frozen=True, eq=False, kw_only=True)
class Form:
    """The pixels as chunks."""

    chunks: Chunks
    error: int
    """Squared error of the decoded pixels."""
    distortion: float
    """The same, weighted by the importance of the pixels."""
    version: int
    """Least stream version, apart from that of the parameters."""
    free: float = 0.0
    """Bytes that do not count in the choice between forms."""

    @property
    def has_blocks(self) -> bool:
        """Whether there are blocks, which need the parameters of the samples."""
        return any(tag in (container.STRIP, container.SEGMENT) for tag, _ in self.chunks)


class _Candidate(NamedTuple):
    areas: FlatAreas
    payload: bytes
    large: bool


class Source:
    """The pixels to encode and what is known of them at every step.

    Args:
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`.
        planes: coded planes.
        progressive: whether the file is progressive.
        tables: fitted tables.
        tune: as in `EncodeOptions`.
        weights: (H, W) of the squared errors, with mean 1; None for equal weights.
    """

    def __init__(
        self,
        pixels: Array,
        planes: int,
        tables: Tables,
        *,
        progressive: bool,
        tune: str,
        weights: Array | None = None,
    ) -> None:
        self.pixels, self.planes, self.tables, self.progressive = pixels, planes, tables, progressive
        self.height, self.width = pixels.shape[:2]
        self.thin = is_thin(self.height, self.width)
        self.values = pixels.reshape(self.height, self.width, -1)[..., :planes]
        """(H, W, planes) without the repeated channels of a gray RGB picture."""
        weighted = tune == TANGENT and not self.thin
        self.importance = importance_of(self.values, tables) if weighted else PLAIN
        """Weights of errors; plain where a picture is too thin for windows."""

        self._weights = weights
        self.step_map = None if weights is None else step_map_of(folded(weights) if self.thin else weights)
        """Offsets of the steps of the superblocks."""

    @property
    def tuned(self) -> bool:
        """Whether errors have the weights of a measure."""
        return self.importance is not PLAIN

    @property
    def _weighted(self) -> bool:
        return self.tuned or self._weights is not None

    @cached_property
    def lossless(self) -> Form:
        """The lossless form."""
        payload = encode_lossless(self.values)
        whole = [(container.LOSSLESS, payload)]
        chunks = list(container.segments(payload, container.LOSSLESS)) if self.progressive else whole
        return Form(chunks=chunks, error=0, distortion=0, version=2)

    def may_be_lossless(self, size: int) -> bool:
        """Whether the lossless form can be the better one beside a lossy one of a number of bytes."""
        return self._simple or size >= _LOSSLESS * self.values.nbytes

    def forms(self, parameters: Parameters, *, search: Search, track: Track) -> Iterator[Form]:
        """The forms for some parameters, the usual one first."""
        pixels = folded(self.pixels) if self.thin else self.pixels
        code = _code_progressive if self.progressive else _code
        chunks: Chunks = []
        errors: list[Array] = []
        decoded: list[Array] = []
        first = 0
        if self.step_map is not None:
            chunks.append((container.STEPS, step_map_to_bytes(self.step_map)))
        for more, part in code(pixels, self, parameters, search=search, track=track):
            chunks += more
            if self.thin:
                decoded.append(part)
            else:
                errors.append(self._errors(part, first))
            first += len(part)
        if self.thin:
            errors.append(self._errors(unfolded(np.concatenate(decoded), self.height, self.width), 0))
        yield from self._with_areas(chunks, errors)
        if self.may_be_lossless(sum(len(payload) for _, payload in chunks)):
            yield self.lossless

    def _errors(self, decoded: Array, first: int) -> Array:
        """Squared errors of decoded rows from `first`: by block where blocks differ, otherwise their sum."""
        source = self.pixels[first : first + len(decoded)]
        if self._areas or self._weighted:
            return flat_search.block_errors(source, decoded)
        return np.array([[colour.squared_error(source, decoded)]])

    @cached_property
    def _simple(self) -> bool:
        return self.values.nbytes <= _ALWAYS or bool(self._areas) or looks_simple(self.values)

    def _with_areas(self, chunks: Chunks, errors: list[Array]) -> Iterator[Form]:
        by_block = np.concatenate(errors)
        version = 3 if self.step_map is not None else 2 if self.thin else 1
        blocks = Form(chunks=chunks, **self._sums(by_block), version=version)
        if not self._areas:
            yield blocks
            return
        rows, columns = by_block.shape
        finest, painted = self._areas[0].areas, self._painted
        whole = finest.whole(self.height, self.width)
        # Other forms would bring a picture of flat areas back with other colours.
        if not whole or blocks.error <= painted.sum():
            yield blocks
        allowed = _FREE + sum(len(payload) for _, payload in chunks) * _FREE_SHARE
        for areas, payload, large in self._areas[: 1 if whole else None]:
            sums = self._sums(np.where(areas.index[:rows, :columns] > 0, painted, by_block))
            free = min(len(payload), allowed) if large else 0.0
            pixels = [] if whole else chunks
            yield Form(chunks=[(container.FLAT, payload), *pixels], **sums, version=max(version, 2), free=free)

    def _sums(self, by_block: Array) -> dict[str, Any]:
        """Squared error, and its weighted sum."""
        error = int(by_block.sum())
        rows, columns = by_block.shape
        weights = self._block_weights[:rows, :columns] if self._weighted else 1
        return {"error": error, "distortion": float((weights * by_block).sum()) if self._weighted else error}

    @cached_property
    def _block_weights(self) -> Array:
        """(rows / 4, width / 4) weights of independent errors by 4×4 block of the padded picture."""
        plain = np.ones(()) if self._weights is None else block_means(self._weights)
        return plain * self.importance.of_noise() if self.tuned else plain

    @cached_property
    def _areas(self) -> list[_Candidate]:
        """Flat areas from the finest to the coarsest."""
        finest = flat_search.flat_areas(self.values)
        pruned = (flat_search.without_small(finest, side) for side in _SIDES) if finest else ()
        return [_Candidate(areas, areas.to_bytes(), _large(areas)) for areas in pruned if areas]

    @cached_property
    def _painted(self) -> Array:
        """Errors of the finest flat areas by block."""
        return flat_search.painted_errors(self.pixels, self._areas[0].areas)


def _large(areas: FlatAreas) -> bool:
    return flat_search.share_of_squares(areas) >= _LARGE


def _code(
    pixels: Array, source: Source, parameters: Parameters, *, search: Search, track: Track
) -> Iterator[tuple[Chunks, Array]]:
    """Encode the strips of the pixels, or of those folded, one at a time; yields the chunk and the decoded pixels."""
    rows = strip_rows(*pixels.shape[:2])
    firsts = np.cumsum([0, *rows]).tolist()
    parts = [pixels[first : first + count] for first, count in zip(firsts, rows, strict=False)]
    decoded: list[Array] = []
    strips = (colour.to_samples(parts[index], source.planes, parameters.space) for index in track(range(len(parts))))
    payloads = encode_strips(
        strips,
        source.tables,
        parameters,
        search=search,
        importance=source.importance,
        step_map=source.step_map,
        decoded=decoded,
    )
    for part, payload in zip(parts, payloads, strict=True):
        decoded_pixels = np.empty_like(part)
        colour.to_pixels(decoded.pop(), decoded_pixels, parameters.space)
        yield [(container.STRIP, payload)], decoded_pixels


def _code_progressive(
    pixels: Array, source: Source, parameters: Parameters, *, search: Search, track: Track
) -> Iterator[tuple[Chunks, Array]]:
    """Encode the segments; yields their chunks and the decoded pixels."""
    assert source.importance is PLAIN  # by `encode`, as are steps
    assert source.step_map is None
    samples = colour.to_samples(pixels, source.planes, parameters.space)
    payload, decoded = encode_progressive(samples, source.tables, parameters, search=search, track=track)
    decoded_pixels = np.empty_like(pixels)
    colour.to_pixels(decoded, decoded_pixels, parameters.space)
    yield list(container.segments(payload)), decoded_pixels
