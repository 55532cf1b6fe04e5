"""`qimg encode`: a picture, or a folder of them, to files of a codec."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from qimg.cli.folders import each_of
from qimg.cli.progress import bar
from qimg.core.files import names_for

if TYPE_CHECKING:
    from qimg.codecs.block import Encoded


def encode(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    quality: float | None = None,
    size: int | None = None,
    bits_per_pixel: float | None = None,
    psnr: float | None = None,
    effort: int = 5,
    progressive: bool = False,
    stable: bool = False,
    overwrite: bool = False,
) -> None:
    """Encode a picture, or every picture of a folder; one option says how good they are to be.

    Args:
        source: Image or RAW file, or a folder of them; subfolders are not searched.
        out: File to write, such as photo.qimg; for a folder, the folder to write into, made where it does not exist.
        quality: 1 to 100.
        size: Bytes of each file at most, and as many as the picture can use.
        bits_per_pixel: The same, as bits of the file per pixel.
        psnr: Peak signal-to-noise ratio in dB that is reached in as few bytes as possible.
        effort: 1 (fast) to 9 (slow); 1, 3, 5 and 7 differ, the others are as the next one below.
        progressive: Write files of which every beginning is a picture; larger at equal PSNR.
        stable: Write fixed points of decoding and encoding again at the same quality.
        overwrite: Replace files that exist.
    """
    from qimg.codecs.files import SUFFIX, encode_file
    from qimg.images import find

    targets = {"quality": quality, "size": size, "bits_per_pixel": bits_per_pixel, "psnr_db": psnr}
    named = [name.removesuffix("_db") for name, value in targets.items() if value is not None]
    if len(named) != 1:
        given = ", ".join(named) or "none"
        raise ValueError(f"one of quality, size, bits-per-pixel and psnr must be given, but given are: {given}")
    options: dict[str, Any] = {
        **targets,
        "effort": effort,
        "progressive": progressive,
        "stable": stable,
        "overwrite": overwrite,
    }
    if Path(source).is_dir():
        paths = find([Path(source)])

        def encoded_line(path: Path, file: Path) -> str:
            return _line(path, file, encode_file(path, file, **options))

        each_of(paths, names_for(paths, SUFFIX), Path(out), encoded_line, "encoded")
        return
    with bar("strips") as track:
        encoded = encode_file(source, out, track=track, **options)
    print(_line(source, out, encoded))


def _line(source: str | Path, out: str | Path, encoded: "Encoded") -> str:
    size = len(encoded.data)
    return f"{source} → {out}: {size:,} bytes, {encoded.bits_per_pixel:.3f} bits per pixel, {encoded.psnr_db:.2f} dB"


COMMAND = encode
