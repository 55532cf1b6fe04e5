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
        paths = files_of(Path(source))
        files = [path.stem + "." + (format or "png").removeprefix(".") for path in paths]
        each_of(paths, files, Path(out), decoded, "decoded")
        return
    if format is not None:
        raise ValueError(f"format has an effect for a folder only, but {source} is none: the ending of OUT names it")
    print(decoded(source, out))


def files_of(folder: Path) -> list[Path]:
    """The .qimg files of a folder."""
    from qimg.codecs.files import SUFFIX

    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == SUFFIX and path.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: has no {SUFFIX} file")
    return paths


COMMAND = decode
