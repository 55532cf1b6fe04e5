"""JPEG files made smaller without loss, for `encode`, `decode` and `restore`."""

from pathlib import Path
from typing import Any

from qimg.cli.folders import Files, Pictures, each_of
from qimg.cli.reading import Reading
from qimg.cli.results import Done
from qimg.core import ArgumentError

JPEG_ENDINGS = (".jpg", ".jpeg")


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


def returns_jpeg(out: str, files: Pictures, *, one: bool) -> bool:
    """Whether `decode` writes JPEG files without a quality: those that were recompressed."""
    ending = Path(out).suffix.lower() if one else files.suffix.lower()
    return ending in JPEG_ENDINGS and files.quality is None


def original_each(source: str, out: str, files: Pictures, options: dict[str, Any]) -> None:
    """Write the JPEG file that was recompressed, or all of a folder; arguments as for `decode`."""
    shared = Files(**{name: getattr(files, name) for name in Files.__dataclass_fields__})
    each_of(
        _original, source, out, shared, options,
        verb="decoded", suffix=".jpg", suffixes=[".qimg"], what="file of the codec",
    )  # fmt: skip


def _original(source: Path, out: Path, *, track: Any, **options: Any) -> Done:
    from qimg.codecs.jpeg_recompression.recompression import original_file

    length = original_file(source, out, **options)
    return Done(line=f"{source} → {out}: {length:,} bytes, the JPEG file", facts={"bytes": length})
