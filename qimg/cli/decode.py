"""`qimg decode`: files of a codec to pictures of another format."""

from pathlib import Path
from typing import Any

import tyro

from qimg.cli.folders import Out, Pictures, Source, each_of


def decode(
    source: Source,
    out: Out,
    /,
    *,
    codec: str = "auto",
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
) -> None:
    """Decode a picture, or every .qimg file of a folder, into another format, with the metadata that it holds.

    Args:
        source: A file that `qimg encode` wrote, or a folder of them; subfolders are not searched.
        out: File to write; its ending names the format: png, tif, jpg, webp, avif, bmp, ppm, pgm. For a folder, the
            folder to write into, made where it does not exist.
        codec: Of files that are not .qimg, such as peer:jpegxl.
        files: What is written, and how.
    """
    from qimg.codecs import registry

    suffix, options = registry.codec(codec).suffix, {"codec": codec, "quality": files.quality}
    each_of(
        _decoded, source, out, files, options,
        verb="decoded", suffix=files.suffix, suffixes=[suffix], what="file of the codec",
    )  # fmt: skip


def _decoded(source: Path, out: Path, *, track: Any, **options: Any) -> str:
    from qimg.codecs.files import decode_file

    decoded = decode_file(source, out, **options)
    height, width = decoded.image.shape[:2]
    return f"{source} → {out}: {width} × {height}{', partial: the file is cut' if decoded.partial else ''}"


COMMAND = decode
