"""JPEG files made smaller without loss, for `encode`, `decode` and `restore`."""

import os
from pathlib import Path
from typing import Any

from qimg.cli.folders import Files, Pictures, each_of
from qimg.cli.reading import Reading
from qimg.cli.results import Done
from qimg.core import ArgumentError, regular
from qimg.images.collections import gather, named_path, several

JPEG_ENDINGS = (".jpg", ".jpeg")
_WHAT = "file of the codec"


def recompress_each(source: str, out: str, files: Files, reading: Reading, options: dict[str, Any]) -> None:
    """Recompress a JPEG file, or every one of a folder.

    Args:
        source: as for `encode`.
        out: as for `encode`.
        files: as for `encode`.
        reading: as for `encode`.
        options: codec and encoder settings, which must be left out.
    """
    from qimg.codecs.protocol import EncodeOptions
    from qimg.images.collections import JPEG_SUFFIXES

    settings = dict(options)
    others = [] if settings.pop("codec") == "auto" else ["codec"]
    others += [
        *EncodeOptions(**settings).named,
        *(name for name in ("first_frame", "to_rgb") if getattr(reading, name)),
    ]
    if others:
        raise ArgumentError("{0} must not be combined with {1}", "recompress", others[0])
    limit = {"max_pixels": reading.max_pixels or None}
    each_of(
        _recompressed, source, out, files, limit,
        verb="recompressed", suffix=".qimg", suffixes=JPEG_SUFFIXES, what="JPEG file",
    )  # fmt: skip


def _recompressed(source: Path, out: Path, **options: Any) -> Done:
    from qimg.codecs.jpeg_recompression.recompression import recompress_file

    before, after = recompress_file(source, out, **options)
    line = f"{source} → {out}: {after:,} bytes, {100 * after / before:.1f} % of the JPEG file"
    return Done(line=line, facts={"bytes": after, "jpeg_bytes": before})


def returns_jpeg(source: str, out: str, files: Pictures) -> bool:
    """Whether `decode` writes the JPEG files that were recompressed: without a quality, if a source is one of them."""
    root = os.environ.get("QIMG_DATA") or None
    one = not several(source, root=root)
    ending = Path(out).suffix.lower() if one else files.suffix.lower()
    if ending not in JPEG_ENDINGS or files.quality is not None:
        return False
    if one:
        return _is_recompressed(named_path(source))
    found = gather([source], root=root, suffixes=[".qimg"], what=_WHAT, recursive=files.recursive)
    return any(one.path is not None and _is_recompressed(one.path) for one in found)


def _is_recompressed(path: Path) -> bool:
    from qimg.codecs import registry
    from qimg.codecs.envelope import LENGTH
    from qimg.codecs.jpeg_recompression.codec import CODEC

    try:
        with regular(path).open("rb") as file:
            return registry.id_of(file.read(LENGTH)) == CODEC.id
    except (OSError, ValueError):  # reported when it is decoded
        return False


def original_each(source: str, out: str, files: Pictures, options: dict[str, Any]) -> None:
    """Write the JPEG file that was recompressed, or all of a folder; arguments as for `decode`."""
    shared = Files(**{name: getattr(files, name) for name in Files.__dataclass_fields__})
    each_of(
        _original, source, out, shared, options,
        verb="decoded", suffix=".jpg", suffixes=[".qimg"], what=_WHAT,
    )  # fmt: skip


def _original(source: Path, out: Path, *, track: Any, **options: Any) -> Done:
    from qimg.codecs.jpeg_recompression.recompression import original_file

    length = original_file(source, out, **options)
    return Done(line=f"{source} → {out}: {length:,} bytes, the JPEG file", facts={"bytes": length})
