"""`qimg decode`: files of a codec to pictures of another format."""

from pathlib import Path
from typing import Annotated

import tyro

from qimg.cli.folders import each_of


def decode(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    codec: str = "auto",
    format: str | None = None,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Decode a picture, or every .qimg file of a folder, into another format, with the metadata that it holds.

    Args:
        source: A file that `qimg encode` wrote, or a folder of them; subfolders are not searched.
        out: File to write; its ending names the format: png, tif, jpg, webp, avif, bmp, ppm, pgm. For a folder, the
            folder to write into, made where it does not exist.
        codec: Of files that are not .qimg, such as peer:jpegxl.
        format: Of the files, where a folder is decoded: png when left out.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace files that exist.
    """
    from qimg.codecs.files import decode_file

    def decoded(path: str | Path, file: str | Path) -> str:
        result = decode_file(path, file, codec=codec, quality=quality, overwrite=overwrite)
        height, width = result.image.shape[:2]
        return f"{path} → {file}: {width} × {height}{', partial: the file is cut' if result.partial else ''}"

    if Path(source).is_dir():
        paths = files_of(Path(source), codec)
        files = [path.stem + "." + (format or "png").removeprefix(".") for path in paths]
        each_of(paths, files, Path(out), decoded, "decoded")
        return
    if format is not None:
        raise ValueError(f"format has an effect for a folder only, but {source} is none: the ending of OUT names it")
    print(decoded(source, out))


def files_of(folder: Path, codec: str) -> list[Path]:
    """The files of a folder with the ending of a codec's files."""
    from qimg.codecs import registry

    suffix = registry.codec(codec).suffix
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and path.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: has no {suffix} file")
    return paths


COMMAND = decode
