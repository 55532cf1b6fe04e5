"""The encoder: from a picture to the bytes of a file."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from qimg import metrics
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.alpha import encode_alpha
from qimg.codecs.block.bitstream.container import Header
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.decoder.decode import decode
from qimg.codecs.block.encoder import targets
from qimg.codecs.block.encoder.decorrelation import in_space, space_of
from qimg.codecs.block.encoder.effort import DEFAULT_EFFORT, Search
from qimg.codecs.block.encoder.forms import Chunks, Form, Source
from qimg.codecs.block.encoder.step_choice import checked_weights
from qimg.codecs.block.layers.picture import MOST_PIXELS, layers_of
from qimg.codecs.block.model import tables as tables_module
from qimg.codecs.block.model.tables import Tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.colour_space import YCBCR
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE
from qimg.codecs.envelope import metadata_around
from qimg.codecs.protocol import COLOURS, MAX, PROFILES, TARGETS, TUNES, DecodeOptions, Encoded, EncodeOptions
from qimg.core import ArgumentError, Array, Track
from qimg.core.records import short_repr
from qimg.images import has_alpha, without_alpha

_MOST_BITS = 1000.0  # per pixel, more than any picture can use
_RATIOS = (-8, 0, 10)  # offsets of the chroma steps, in 1/64 of the luma step
_MANY_RATIOS = 7  # least effort that tries all of them
_ROUNDS = 16
_TUNED_STEP = 0.7  # of the step of a quality, where details cost less


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class BlockEncoded(Encoded):
    """Result of encoding: a file with the encoder's measurements and parameters."""

    psnr_db: float
    """PSNR of the decoded gray or RGB channels against the source; infinite if they are equal."""
    parameters: Parameters


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> BlockEncoded:
    """Encode a picture as a file; alpha is coded without loss.

    Efforts 1, 3, 5 and 7 differ; every other effort equals the next lower one of these. Effort 1 uses blocks of 8 and
    16, effort 3 also of 32, effort 5 also of 4, and effort 7 tries three chroma steps. Efforts 1, 3 and 5 judge the 5,
    8 and 12 classes of least estimated cost for luma, effort 7 all of them. Effort 1 chooses classes by luma, effort 3
    judges the best two with chroma, and effort 5 the best four. Gray pictures and `stable` use one
    chroma step; progressive files with layers have no blocks of 32. Colours are coded in the eigenbasis of their
    differences, and luma has hidden signs; `stable` uses neither, and files with layers have no hidden signs.

    `profile="max"` predicts blocks from their matches as well (`qimg.codecs.block.transform.matching`). Encoding takes
    more than twice as long, decoding up to three times. It excludes `progressive` and `stable`.

    Noise, graphics, flat areas and thin pictures are coded in other ways where these cost less; see
    `qimg.codecs.block.encoder.forms`. A file is at most 1 % and 100 bytes larger than the pixels, metadata not counted.

    Args:
        image: `uint8` or `uint16`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        options: `quality` is on the scale of `step_of_quality`. `progressive` allows up to 2²⁵ pixels and gives larger
            files at equal PSNR. `stable` needs a quality and gives larger files at equal PSNR: it disables the filter
            and gives more weight to distortion. `tune="tangent"` weights errors as `qimg.metrics.tangent_error` does
            (`qimg.codecs.block.encoder.importance`): at equal bytes it is lower, and so is PSNR. A quality then has a
            finer step. It excludes `progressive` and `stable`, and pictures with less than 8 rows or columns, or of one
            side of at most 12 pixels and a longer one, are encoded as without it. `importance` gives every superblock
            of 32 × 32 pixels a step that is inversely proportional to the root of its mean weight, in eighths of an
            octave and at most three octaves from that of the target. It excludes `progressive` and `stable`.
        track: wraps the indices of the strips at every attempt.

    Raises:
        ValueError: a target is out of range or out of reach.
    """
    tables = tables_module.default() if options.tables is None else options.tables
    effort = DEFAULT_EFFORT if options.effort is None else options.effort
    search, ratios = Search.of_effort(effort), _RATIOS if effort >= _MANY_RATIOS else (0,)
    for option, default in (("tune", TUNES[0]), ("profile", PROFILES[0])):
        value = getattr(options, option)
        for name in (name for name in ("progressive", "stable") if value != default and getattr(options, name)):
            raise ArgumentError(f"{{0}} must be {default} if {{1}} is set, but {{0}}={value}", option, name)
    if options.importance is not None:
        for name in (name for name in ("progressive", "stable") if getattr(options, name)):
            raise ArgumentError("{0} must not be set if {1} is", "importance", name)
    if options.progressive:
        _check_progressive(image, stable=options.stable)
    if not options.stable:
        return _encode_to_target(image, options, search, tables, ratios, track)
    if options.quality is None:
        (target,) = (name for name in TARGETS if name in options.named)
        raise ArgumentError("{0} must be False if {1} is set: a fixed point needs a fixed quality", "stable", target)
    search = search.stable()
    return _fixed_point(lambda picture: _encode_to_target(picture, options, search, tables, (0,), track), image, tables)


def _encode_to_target(
    image: Array, options: EncodeOptions, search: Search, tables: Tables, ratios: tuple[int, ...], track: Track
) -> BlockEncoded:
    """Encode a picture to meet the target; each attempt uses the chroma ratio of least cost."""
    pixels = without_alpha(image)
    header = Header(
        width=image.shape[1],
        height=image.shape[0],
        channels=1 if image.ndim == 2 else image.shape[2],
        bits=8 * image.itemsize,
        planes=1 if colour.is_gray(pixels) else 3,
        progressive=options.progressive,
        identity=tables.identity,
        parameters=Parameters(16).to_bytes(),
    )
    weights = None
    if options.importance is not None:
        weights = checked_weights(options.importance, header.height, header.width)
    source = Source(pixels, header.planes, tables, progressive=options.progressive, tune=options.tune, weights=weights)
    search = search.tuned() if source.tuned else search
    space = YCBCR if options.stable or options.colour != COLOURS[0] else space_of(pixels)
    area = header.width * header.height
    profile, after = metadata_around(options)
    # The profile and alpha come before the pixels, since a viewer needs them to show the pixels.
    before = profile + _alpha(image)
    white = float(np.iinfo(image.dtype).max)

    def file(form: Form, parameters: Parameters) -> BlockEncoded:
        written = parameters if form.has_blocks else Parameters(parameters.step, parameters.chroma)
        version = max(form.version, written.version)
        versioned = replace(header, parameters=written.to_bytes(version), version=version)
        data = container.assemble(versioned, [*before, *form.chunks, *after])
        psnr_db, rate = _psnr_db(pixels, form.error), 8 * len(data) / area
        return BlockEncoded(data=data, parameters=parameters, psnr_db=psnr_db, bits_per_pixel=rate)

    def attempt(parameters: Parameters) -> BlockEncoded:
        candidates: list[tuple[float, BlockEncoded]] = []
        for ratio in ratios if header.planes == 3 else (0,):
            cb, cr = parameters.chroma
            steps = _with_tools(replace(parameters, chroma=(cb + ratio, cr + ratio)), options)
            steps = in_space(steps, space)
            for form in source.forms(steps, search=search, track=track):
                encoded = file(form, steps)
                # Mean squared error of a gray or RGB value + λ · bits.
                step = steps.step / SAMPLE_SCALE
                error = form.distortion / (white / 255) ** 2 / header.planes
                bits = 8 * (len(encoded.data) - form.free)
                candidates.append((error + search.lagrange * step**2 * bits, encoded))
        return min(candidates, key=lambda pair: pair[0])[1]

    if options.quality is not None:
        step = targets.step_of_quality(options.quality)
        return attempt(Parameters(round(_TUNED_STEP * step) if source.tuned else step))
    if options.psnr_db is not None:
        return targets.of_psnr(attempt, options.psnr_db)
    size = options.size or math.floor(min(options.bits_per_pixel or 0.0, _MOST_BITS) * area / 8)
    if source.may_be_lossless(size):
        lossless = file(source.lossless, Parameters(targets.FINEST))
        if len(lossless.data) <= size:
            return lossless
    fixed = len(container.assemble(header, [*before, *after]))
    result = targets.of_size(attempt, size, area=area, fixed=fixed, colour=header.planes == 3)
    if len(result.data) > size:
        name, least = ("size", len(result.data)) if options.size else ("bits_per_pixel", f"{result.bits_per_pixel:.4g}")
        raise ArgumentError(f"{{0}} must be at least {least} for this picture, but {{0}}={options.named[name]}", name)
    return result


def _with_tools(parameters: Parameters, options: EncodeOptions) -> Parameters:
    """The parameters with the tools of a profile.

    Luma has no hidden signs below layers, which could not correct a changed integer, since they divide its bin.
    """
    layered = options.progressive and layers_of(parameters.step) > 0
    hidden_signs = not (options.stable or layered)
    return replace(parameters, hidden_signs=hidden_signs, matching=options.profile == MAX)


def _fixed_point(once: Callable[[Array], BlockEncoded], source: Array, tables: Tables) -> BlockEncoded:
    """Decode and encode again until the file does not change.

    Raises:
        ValueError: the file still changes after `_ROUNDS` rounds.
    """
    coded = once(source)
    for _ in range(_ROUNDS):
        picture = decode(coded.data, DecodeOptions(max_pixels=None, tables=tables)).image
        again = once(picture)
        if again.data == coded.data:
            pixels, decoded = without_alpha(source), without_alpha(picture)
            return replace(coded, psnr_db=_psnr_db(pixels, colour.squared_error(pixels, decoded)))
        coded = again
    rule = f"must be False for this picture and quality: no fixed point within {_ROUNDS} rounds"
    raise ArgumentError(f"{{0}} {rule}", "stable")


def _alpha(source: Array) -> Chunks:
    payload = encode_alpha(source[..., -1]) if has_alpha(source) else None
    return [(container.ALPHA, payload)] if payload else []


def _check_progressive(source: Array, *, stable: bool) -> None:
    area = source.shape[0] * source.shape[1]
    if stable:
        rule = "{0} must be False if {1} is set: only sequential files have fixed points"
        raise ArgumentError(rule, "stable", "progressive")
    if area > MOST_PIXELS:
        rule = f"{{0}} must be False for more than {MOST_PIXELS} pixels, but the picture has {area}"
        raise ArgumentError(rule, "progressive")


def _psnr_db(pixels: Array, error: int) -> float:
    return metrics.psnr_of_error(error / pixels.size, data_range=float(np.iinfo(pixels.dtype).max))
