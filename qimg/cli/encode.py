"""`qimg encode`: a picture, or a folder of them, to files of a codec."""

from pathlib import Path
from typing import Any

import tyro

from qimg.cli.folders import Files, Out, Source, each_of


def encode(
    source: Source,
    out: Out,
    /,
    *,
    codec: str = "auto",
    quality: float | None = None,
    size: int | None = None,
    bits_per_pixel: float | None = None,
    psnr: float | None = None,
    distance: float | None = None,
    reduction: float | None = None,
    effort: int | None = None,
    progressive: bool = False,
    stable: bool = False,
    files: tyro.conf.OmitArgPrefixes[Files] = Files(),  # noqa: B008 (a frozen record)
) -> None:
    """Encode a picture, or every picture of a folder; one option sets how good they are to be.

    Args:
        source: Image or RAW file, or a folder of them; subfolders are not searched.
        out: File to write, such as photo.qimg; for a folder, the folder to write into, made where it does not exist.
        codec: auto (block), block, or a codec of others: peer:jpeg, peer:jpeg-optimised, peer:webp, peer:jpeg2000,
            peer:avif, peer:avif-psnr, peer:jpegxl, peer:png. Each takes some of the options below and has its own
            ending, such as .webp; what a codec does not take is refused.
        quality: 1 to 100.
        size: Bytes of each file at most, and as many as the picture can use.
        bits_per_pixel: The same, as bits of the file per pixel.
        psnr: Peak signal-to-noise ratio in dB that is reached in as few bytes as possible.
        distance: Butteraugli distance, the scale of JPEG XL: 0.5 very good, 15 poor.
        reduction: Raw bytes per byte of the file, the scale of JPEG 2000.
        effort: 1 (fast) to 9 (slow), 5 when left out; 1, 3, 5 and 7 differ, the others are as the next one below.
        progressive: Write files of which every beginning is a picture; larger at equal PSNR.
        stable: Write fixed points of decoding and encoding again at the same quality.
        files: What is written, and how.
    """
    from qimg.codecs import registry
    from qimg.codecs.protocol import EncodeOptions

    options: dict[str, Any] = {
        "quality": quality, "size": size, "bits_per_pixel": bits_per_pixel, "psnr_db": psnr, "distance": distance,
        "reduction": reduction, "effort": effort, "progressive": progressive, "stable": stable,
    }  # fmt: skip
    chosen = registry.codec(codec)
    try:
        registry.check(chosen, EncodeOptions(**options))
    except ValueError as error:  # by the names that the options have here
        raise ValueError(str(error).replace("bits_per_pixel", "bits-per-pixel").replace("psnr_db", "psnr")) from None
    each_of(_encoded, source, out, files, options | {"codec": codec}, verb="encoded", suffix=chosen.suffix)


def _encoded(source: Path, out: Path, **options: Any) -> str:
    from qimg.codecs.files import encode_file

    encoded = encode_file(source, out, **options)
    quality = "" if encoded.psnr_db is None else f", {encoded.psnr_db:.2f} dB"
    return f"{source} → {out}: {len(encoded.data):,} bytes, {encoded.bits_per_pixel:.3f} bits per pixel{quality}"


COMMAND = encode
