"""The commands `qimg encode`, `qimg decode` and `qimg info`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from qimg.cli.progress import bar, each_of
from qimg.core.files import names_for

if TYPE_CHECKING:
    from qimg.codecs.block import Encoded, Info


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


def decode(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    format: str | None = None,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Decode a picture, or every .qimg file of a folder, into another format, with the metadata that it holds.

    Args:
        source: A file that `qimg encode` wrote, or a folder of them; subfolders are not searched.
        out: File to write; its ending names the format: png, tif, jpg, webp, avif, bmp, ppm, pgm. For a folder, the
            folder to write into, made where it does not exist.
        format: Of the files, where a folder is decoded: png when left out.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace files that exist.
    """
    from qimg.codecs.files import decode_file

    def decoded(path: str | Path, file: str | Path) -> str:
        found = decode_file(path, file, quality=quality, overwrite=overwrite)
        height, width = found.image.shape[:2]
        return f"{path} → {file}: {width} × {height}{', partial: the file is cut' if found.partial else ''}"

    if Path(source).is_dir():
        paths = _files_of(Path(source))
        files = [path.stem + "." + (format or "png").removeprefix(".") for path in paths]
        each_of(paths, files, Path(out), decoded, "decoded")
        return
    if format is not None:
        raise ValueError(f"format has an effect for a folder only, but {source} is none: the ending of OUT names it")
    print(decoded(source, out))


def info(file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")], /) -> None:
    """Show what a file, or every .qimg file of a folder, says of itself; nothing is decoded.

    Args:
        file: A file that `qimg encode` wrote, or a folder of them.
    """
    from qimg.codecs.block import BitstreamError
    from qimg.codecs.block import info as info_of

    for path in _files_of(Path(file)) if Path(file).is_dir() else [Path(file)]:
        try:
            found = info_of(path.read_bytes())
        except BitstreamError as error:
            raise error.of_file(path) from None
        Console(soft_wrap=True).print(_table(str(path), found), highlight=False)


def _files_of(folder: Path) -> list[Path]:
    """The .qimg files of a folder."""
    from qimg.codecs.files import SUFFIX

    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == SUFFIX and path.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: has no {SUFFIX} file")
    return paths


def _line(source: str | Path, out: str | Path, encoded: "Encoded") -> str:
    size = len(encoded.data)
    return f"{source} → {out}: {size:,} bytes, {encoded.bits_per_pixel:.3f} bits per pixel, {encoded.psnr_db:.2f} dB"


def _table(name: str, found: "Info") -> Table:
    kinds = {1: "gray", 2: "gray + alpha", 3: "RGB", 4: "RGB + alpha"}
    kind = f"{kinds[found.channels]}, {found.bit_depth} bits per channel"
    if found.channels >= 3 and found.planes == 1:
        kind += ", coded as gray"
    total = sum(found.parts.values())
    table = Table(title=name, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    rows = {
        "size": f"{found.width} × {found.height} pixels",
        "pixels": kind,
        "mode": found.mode
        + (", truncated on purpose" if found.truncated else "")
        + ("" if found.complete else ", cut"),
        "step": f"{found.step:g} code values; Cb × {found.chroma[0]:g}, Cr × {found.chroma[1]:g}",
        "tables": found.tables,
        "file": f"{total:,} bytes, {found.bits_per_pixel:.4g} bits per pixel",
        **{f"  {part.replace('_', ' ')}": f"{count:,} bytes" for part, count in found.parts.items() if count},
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return table
