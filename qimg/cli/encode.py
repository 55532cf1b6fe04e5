"""`qimg encode`: encodes a picture or a folder of pictures."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from qimg.cli import placeholders
from qimg.cli.folders import Files, Out, Source, each_of
from qimg.cli.reading import Reading
from qimg.cli.recompression import recompress_each
from qimg.cli.results import Done, facts_of
from qimg.core import arguments_named

if TYPE_CHECKING:
    from qimg.codecs.protocol import Codec


def encode(
    source: Source,
    out: Out,
    /,
    *,
    codec: placeholders.CodecName = "auto",
    quality: Annotated[float | None, tyro.conf.arg(metavar="1-100")] = None,
    size: Annotated[int | None, tyro.conf.arg(metavar="BYTES")] = None,
    bits_per_pixel: Annotated[float | None, tyro.conf.arg(metavar="BITS")] = None,
    psnr: Annotated[float | None, tyro.conf.arg(metavar="DB")] = None,
    distance: Annotated[float | None, tyro.conf.arg(metavar="0-25")] = None,
    reduction: Annotated[float | None, tyro.conf.arg(metavar="RATIO")] = None,
    lossless: bool = False,
    recompress: bool = False,
    max_error: Annotated[int | None, tyro.conf.arg(metavar="1-32")] = None,
    effort: placeholders.OptionalEffort = None,
    progressive: bool = False,
    stable: bool = False,
    tune: Literal["psnr", "tangent"] = "psnr",
    colour: Literal["adaptive", "ycbcr"] = "adaptive",
    profile: Annotated[Literal["standard", "max"], tyro.conf.arg(metavar="standard|max")] = "standard",
    importance: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None,
    files: tyro.conf.OmitArgPrefixes[Files] = Files(),  # noqa: B008 (a frozen record)
    reading: tyro.conf.OmitArgPrefixes[Reading] = Reading(),  # noqa: B008
) -> None:
    """Encode a picture, or every picture of a folder; exactly one option sets the target.

    The target is `quality`, `size`, `bits-per-pixel`, `psnr`, `distance`, `reduction`, `lossless` or `max-error`.
    `recompress` keeps JPEG files as they are.

    Args:
        source: Image or RAW file, or a folder of them; --recursive searches its subfolders.
        out: File to write, such as photo.qimg; for a folder, the folder to write into, which is created if necessary.
        codec: auto (contour for graphics, block for photographs, mixed for both in one picture, or lossless without
            loss), block, learned, contour, lossless, mixed, sketch (files of 100 to 400 bytes), or a standard format:
            peer:jpeg, peer:jpeg-optimised, peer:webp, peer:jpeg2000, peer:avif, peer:avif-psnr, peer:jpegxl,
            peer:png. Each codec supports some of the options below, refuses the others, and needs its file ending,
            such as .webp. Or a codec of yours, module:object.
        quality: 1 to 100.
        size: Largest number of bytes of each file.
        bits_per_pixel: Largest number of bits of each file per pixel.
        psnr: Least peak signal-to-noise ratio in dB.
        distance: Butteraugli distance, the scale of JPEG XL: 0.5 is very good, 15 poor.
        reduction: Raw bytes per byte of the file, the scale of JPEG 2000.
        lossless: Decode to exactly the pixels that were encoded.
        recompress: Make JPEG files smaller without loss: `qimg decode photo.qimg photo.jpg` returns the same bytes.
            Only options for files and --max-pixels can be combined with it.
        max_error: Largest difference of any channel of any pixel, in code values; for graphics.
        effort: 1 (fast) to 9 (slow), 5 by default; 1, 3, 5 and 7 differ, and every other effort equals the next lower
            one of these.
        progressive: Write progressive files, every prefix of which decodes to a picture; larger at equal PSNR.
        stable: Write files that do not change if they are decoded and encoded again at the same quality.
        tune: Measure that is best at equal bytes: psnr, or tangent for the error that forgives small shifts.
        colour: Colour space of the block codec: adaptive, for the least RGB error, or ycbcr, for the least luma error.
        profile: Tools of the block codec: standard, for fast decoding, or max, for the smallest files.
        importance: Gray picture of the size of the source, whose values weigh the errors of the pixels; steps are finer
            where they are large.
        files: Files to write.
        reading: Rules for reading.
    """
    from qimg.codecs import registry
    from qimg.codecs.protocol import EncodeOptions

    options: dict[str, Any] = {
        "quality": quality, "size": size, "bits_per_pixel": bits_per_pixel, "psnr_db": psnr, "distance": distance,
        "reduction": reduction, "lossless": lossless, "max_error": max_error, "effort": effort,
        "progressive": progressive, "stable": stable, "tune": tune, "colour": colour,
        "profile": profile, "importance": importance,
    }  # fmt: skip
    if recompress:
        with arguments_named(**NAMES):
            recompress_each(source, out, files, reading, options | {"codec": codec})
        return
    with arguments_named(**NAMES):
        settings = EncodeOptions(**options)
        chosen = registry.codec_for(codec, settings)
        registry.check(chosen, settings)
        _try(chosen, options)
    options |= {"codec": codec, **reading.options}
    each_of(_encoded, source, out, files, options, verb="encoded", suffix=chosen.suffix)


NAMES = {"psnr_db": "psnr"}
"""Field of `EncodeOptions` → name of the option, where they differ."""


def _try(codec: "Codec", options: Mapping[str, Any]) -> None:
    """Encode a small picture where the range of the target does not depend on the picture, to check the target once."""
    from qimg.codecs.protocol import EncodeOptions

    target = {name: options[name] for name in ("quality", "distance", "reduction") if options[name] is not None}
    if target:
        codec.encode(np.zeros((8, 8, 3), np.uint8), EncodeOptions(**target))


def _encoded(source: Path, out: Path, **options: Any) -> Done:
    from qimg.codecs.files import encode_file

    with arguments_named(**NAMES):
        encoded = encode_file(source, out, **options)
    quality = "" if encoded.psnr_db is None else f", {encoded.psnr_db:.2f} dB"
    if encoded.psnr_db == math.inf:
        quality = ", without loss"
    line = f"{source} → {out}: {len(encoded.data):,} bytes, {encoded.bits_per_pixel:.3f} bits per pixel{quality}"
    return Done(line=line, facts={"bytes": len(encoded.data), **facts_of(encoded)})


COMMAND = encode
