"""`qimg decode`: decodes files of a codec into picture files."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source, each_of
from qimg.cli.reading import Limit
from qimg.cli.recompression import original_each, returns_jpeg
from qimg.cli.results import Done, facts_of


def decode(
    source: Source,
    out: Out,
    /,
    *,
    codec: placeholders.CodecName = "auto",
    crop: Annotated[tuple[int, int, int, int] | None, tyro.conf.arg(metavar="TOP LEFT HEIGHT WIDTH")] = None,
    threads: int = 1,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    limit: tyro.conf.OmitArgPrefixes[Limit] = Limit(),  # noqa: B008
) -> None:
    """Decode a file, or every .qimg file of a folder, into picture files with the metadata that the format supports.

    Args:
        source: A file written by `qimg encode`, or a folder of them; --recursive searches its subfolders.
        out: File to write; its ending determines the format: png, tif, jpg, webp, avif, bmp, ppm, pgm. For a folder,
            the folder to write into, which is created if necessary. Recompressed JPEG files return the same bytes as
            jpg without a quality.
        codec: Codec of files that are not .qimg, such as peer:jpegxl.
        crop: Rectangle of pixels to write: its top row and left column, counted from 0, its height and its width. The
            codecs block and lossless read no pixels below it.
        threads: Threads for one picture; the codec block uses two. The pixels do not depend on it.
        files: Files to write.
        limit: Limit on the pixels.
    """
    from qimg.codecs import registry

    if codec == "auto" and crop is None and returns_jpeg(source, out, files):
        original_each(source, out, files, limit.options)
        return
    suffix, options = registry.codec(codec).suffix, {"codec": codec, "quality": files.quality, **limit.options}
    options |= {"threads": threads} | ({"crop": crop} if crop else {})
    each_of(
        _decoded, source, out, files, options,
        verb="decoded", suffix=files.suffix, suffixes=[suffix], what="file of the codec",
    )  # fmt: skip


def _decoded(source: Path, out: Path, *, track: Any, **options: Any) -> Done:
    from qimg.codecs.files import decode_file

    decoded = decode_file(source, out, **options)
    height, width = decoded.image.shape[:2]
    line = f"{source} → {out}: {width} × {height}{', partial: the file is cut' if decoded.partial else ''}"
    return Done(line=line, facts={"width": width, "height": height, **facts_of(decoded)})


COMMAND = decode
