"""The encoder of the sketch codec: from a picture to the bytes of a file of a required size."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.codecs.sketch import fit as fitting
from qimg.codecs.sketch import quantizer
from qimg.codecs.sketch.bitstream import AFTER, ID, LARGEST_PAYLOAD, LARGEST_SIDE, VERSION, Header, write
from qimg.codecs.sketch.coders import Writer
from qimg.codecs.sketch.decoder import paint_numbers
from qimg.codecs.sketch.fit import Cuts, Fit
from qimg.codecs.sketch.geometry import LENGTH_FRACTION, STEPS, sides
from qimg.codecs.sketch.jacobian import Grid, grid
from qimg.codecs.sketch.numbers import MOST_ELLIPSES, Frame, magnitude_before
from qimg.codecs.sketch.ordering import by_gain
from qimg.codecs.sketch.statistics import Statistics, of_version
from qimg.core import ArgumentError, Array, Track, in_one_blas_thread, integer
from qimg.core.arguments import EFFORT, allow
from qimg.core.records import short_repr
from qimg.images import to_ycbcr
from qimg.metrics import psnr_db

SMALLEST_SIZE = 40
"""Bytes of the smallest file."""
_COARSE, _FINE = 64, 128  # cells on the longer side of the grids of growth and of quantization
_MIDDLE = 128.0
_BITS, _COLOUR_BITS = 31, 37  # of an ellipse, about
_ROUNDS = (0, 0, 1, 1, 2, 2, 3, 4, 6, 8)  # of removal and growth, by effort
_STEP_AT_0_DB = 28.0  # on the training photographs
_END = 2.0  # bits after the last number until it is determined
_HALVINGS = 3
_LARGEST_SLOPES = 8  # times the slope, for the last ellipse
_REPLACED = 5  # one ellipse of so many is replaced in a round
_ORDERINGS = 2  # each followed by steps on the nested error
_CUT_WEIGHTS = ((1, 0.8), (2, 0.6), (3, 0.5))  # of the errors after quarters of the ellipses, relative to that of all


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class SketchEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements."""

    ellipses: int
    """Number of ellipses."""
    fit_psnr_db: float
    """PSNR of the sketch before quantization, on the reduced picture of the fit."""
    quantized_psnr_db: float
    """PSNR of the quantized sketch on the same reduced picture."""


@in_one_blas_thread
def encode(image: Array, options: EncodeOptions, *, track: Track = iter, step: int | None = None) -> SketchEncoded:
    """Encode a picture as a file of exactly `size` bytes, or fewer for pictures without detail.

    Args:
        image: `uint8`, (H, W) or (H, W, 3), of at most 65 536 rows and columns.
        options: `size` and `effort`.
        track: wraps the indices of the ellipses while they are quantized.
        step: number of the quantization step, by default that of the error of the fit.

    Raises:
        ValueError: the size or the picture is out of range.
    """
    height, width = image.shape[:2]
    allow(max(height, width) <= LARGEST_SIDE, "image", f"must have at most {LARGEST_SIDE} rows and columns")
    assert options.size is not None  # by `qimg.codecs.registry.check`
    effort = EFFORT if options.effort is None else options.effort
    made = sketched(image, options.size, effort=effort, statistics=of_version(VERSION), step=step, track=track)
    header = Header(height=height, width=width, gray=image.ndim == 2, step=made.frame.step)
    payload = _payload(made, options.size - header.length - AFTER)
    base, shown = made.frame.read(payload, len(made.base))
    data = write(header, payload)
    decoded = paint_numbers(base, shown, header)
    return SketchEncoded(
        data=data,
        bits_per_pixel=8 * len(data) / (height * width),
        psnr_db=float(psnr_db(image, decoded)),
        ellipses=len(shown),
        fit_psnr_db=made.fit_psnr_db,
        quantized_psnr_db=made.quantized_psnr_db,
    )


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Sketched:
    """Numbers of a picture for a file of a size."""

    frame: Frame
    base: Array
    """(planes, coefficients) integers."""
    ellipses: list[Array]
    """(9,) or (11,) integers of each ellipse."""
    fit_psnr_db: float
    quantized_psnr_db: float
    """As of `SketchEncoded`."""


def sketched(
    image: Array, size: int, *, effort: int, statistics: Statistics, step: int | None = None, track: Track = iter
) -> Sketched:
    """The numbers of a picture in a file of at most `size` bytes; other arguments as for `encode`.

    Raises:
        ValueError: the size is out of range.
    """
    height, width = image.shape[:2]
    header = Header(height=height, width=width, gray=image.ndim == 2, step=0)
    most = header.length + LARGEST_PAYLOAD + AFTER
    if not SMALLEST_SIZE <= size <= most:
        raise ArgumentError(f"{{0}} must be in [{SMALLEST_SIZE}, {most}] for codec {ID}, but {{0}}={size}", "size")
    budget = 8 * (size - header.length - AFTER)
    count = min(max(budget // (_BITS if header.gray else _COLOUR_BITS), 1), MOST_ELLIPSES)
    fit = _fitted(image, count, _ROUNDS[effort])
    step = _step(fit) if step is None else integer("step", step, 0, STEPS - 1)
    frame, before = Frame(step=step, extent=sides(height, width), statistics=statistics), _psnr(fit)
    base, ellipses = _quantized(fit, frame, budget, track)
    return Sketched(frame=frame, base=base, ellipses=ellipses, fit_psnr_db=before, quantized_psnr_db=_psnr(fit))


def _start(image: Array, cells: int) -> Fit:
    """The fit of a picture reduced to cells on its longer side, without ellipses."""
    height, width = image.shape[:2]
    planes = image[None].astype(float) if image.ndim == 2 else to_ycbcr(image).transpose(2, 0, 1)
    scale = min(cells / max(height, width), 1)
    shape = max(round(height * scale), 1), max(round(width * scale), 1)
    reduced = _averages(shape[0], height) @ (planes - _MIDDLE) @ _averages(shape[1], width).T
    extent = [length / (1 << LENGTH_FRACTION) for length in sides(height, width)]
    return fitting.start(grid(shape, (extent[0], extent[1])), reduced)


def _averages(count: int, length: int) -> Array:
    """(count, length) matrix that averages samples over equal intervals."""
    edges = np.arange(count + 1) * length / count
    places = np.arange(length)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return np.maximum(overlap, 0) * count / length


def _fitted(image: Array, count: int, rounds: int) -> Fit:
    """Grow ellipses on a coarse grid and replace the weakest ones; then order them on a fine grid, for all cuts."""
    coarse, fit = _start(image, _COARSE), _start(image, _FINE)
    fitting.grow(coarse, count)
    for _ in range(rounds):
        fitting.prune(coarse, count // _REPLACED)
        fitting.grow(coarse, count, steps=3)
    fit.base, fit.ellipses = coarse.base, coarse.ellipses
    fitting.improve(fit, 4)
    for _ in range(_ORDERINGS):
        fit.ellipses = fit.ellipses[by_gain(fit)]
        fit.damping = fitting.DAMPING
        fitting.improve(fit, 3, _cuts(len(fit.ellipses)))
    return fit


def _cuts(count: int) -> Cuts:
    """Nested numbers of ellipses with their weights."""
    nested = {count * share // 4: weight for share, weight in _CUT_WEIGHTS}
    return [*((cut, weight) for cut, weight in nested.items() if 0 < cut < count), (count, 1.0)]


def _quantized(fit: Fit, frame: Frame, budget: int, track: Track) -> tuple[Array, list[Array]]:
    """Numbers of the base and of as many ellipses as a number of bits allows; the fit is set to them."""
    base = quantizer.quantize_base(fit, frame)
    start = bits = frame.base_bits(base)
    fitting.improve(fit, 2, _cuts(len(fit.ellipses)), with_base=False)
    ellipses: list[Array] = []
    for index in track(range(MOST_ELLIPSES)):
        if index >= len(fit.ellipses):
            break
        cuts = [cut for cut in _cuts(len(fit.ellipses)) if cut[0] > index]
        ellipses.append(quantizer.quantize_ellipse(fit, index, frame, cuts))
        bits += frame.ellipse_bits(ellipses[-1], index, magnitude_before(ellipses, index))
        if index % 4 == 3:
            _adapt(fit, index + 1, int((budget - bits) * (index + 1) / (bits - start)))
    for _ in range(2):
        quantizer.sweep(fit, ellipses, frame, _slope(fit.grid, frame))
    _fill(fit, ellipses, frame, budget - start)
    _spend(fit, ellipses, frame, budget - start)
    return base, ellipses


def _adapt(fit: Fit, quantized: int, more: int) -> None:
    """Remove the last ellipses, or grow some, so that so many follow those that are quantized."""
    count = min(quantized + max(more, 0), MOST_ELLIPSES)
    if count < len(fit.ellipses):
        fit.ellipses = fit.ellipses[:count]
    elif count > len(fit.ellipses) + 1:
        fitting.add_seeds(fit, count - len(fit.ellipses))


def _fill(fit: Fit, ellipses: list[Array], frame: Frame, budget: float) -> None:
    """Append ellipses while there is room for them."""
    while len(ellipses) < MOST_ELLIPSES:
        room, index = budget - frame.bits(ellipses), len(ellipses)
        before = magnitude_before(ellipses, index)
        fitting.add_seeds(fit, 1)
        fit.damping = fitting.DAMPING
        fitting.improve(fit, 6, first=index, with_base=False)
        numbers = [quantizer.quantize_ellipse(fit, index, frame, [(index + 1, 1.0)])]
        ellipses.extend(numbers)
        slope = _slope(fit.grid, frame)
        while frame.ellipse_bits(ellipses[-1], index, before) > room - _END:
            slope *= 2
            if slope > _LARGEST_SLOPES * _slope(fit.grid, frame):
                ellipses.pop()
                fit.ellipses = fit.ellipses[:-1]
                return
            quantizer.sweep(fit, ellipses, frame, slope, first=index)


def _spend(fit: Fit, ellipses: list[Array], frame: Frame, budget: float) -> None:
    """Use the bits that are too few for an ellipse: sweeps in which a bit is worth less, while the sketch fits."""
    slope = _slope(fit.grid, frame)
    for _ in range(_HALVINGS):
        slope /= 2
        before, shown = list(ellipses), fit.ellipses.copy()
        quantizer.sweep(fit, ellipses, frame, slope)
        if frame.bits(ellipses) > budget - _END:
            ellipses[:], fit.ellipses = before, shown
            return


def _payload(made: Sketched, size: int) -> bytes:
    """The code of a sketch, cut to a size, without bytes that determine nothing."""
    writer, frame, planes = Writer(), made.frame, len(made.base)
    frame.code_base(writer, made.base.copy())
    for index, one in enumerate(made.ellipses):
        frame.code_ellipse(writer, one.copy(), index, magnitude_before(made.ellipses, index))
    payload = writer.to_bytes()[:size]
    count = len(frame.read(payload, planes)[1])
    while payload and len(frame.read(payload[:-1], planes)[1]) == count:
        payload = payload[:-1]
    return payload


def _step(fit: Fit) -> int:
    """Number of the quantization step: in proportion to the error that remains, which is what a bit is worth."""
    return int(np.clip(round(_STEP_AT_0_DB - 4 * _psnr(fit) / (20 * np.log10(2))), 0, STEPS - 1))


def _slope(grid: Grid, frame: Frame) -> float:
    """Squared error on the grid that a bit is worth."""
    cells = grid.rows.size * grid.columns.size * (1 << 2 * LENGTH_FRACTION) / (frame.extent[0] * frame.extent[1])
    return quantizer.SLOPE * 2 ** (frame.step / 2 - 6) * cells


def _psnr(fit: Fit) -> float:
    """PSNR of the sketch on the grid."""
    error = float(np.square(fit.target - fitting.picture(fit)).mean())
    return float(20 * np.log10(255) - 10 * np.log10(max(error, 1e-9)))
