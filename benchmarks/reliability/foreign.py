"""Reading of other projects' test files, beside pypng for PNG, tifffile or Pillow for TIFF, and Pillow for the rest.

    python -m benchmarks.reliability.foreign [FOLDER]

The files are those in each subfolder of FOLDER, by default `foreign` in the folder QIMG_DATA. Every file is read, or
refused with a reason. What is read is compared with a reference that follows a rule of its own:

- PNG: R, G, B, alpha by pypng's `asRGBA`, without its reduction to the bits of sBIT, in units of its white.
- TIFF of up to 8 bits that Pillow reads: its pixels, upright.
- Other TIFF: gray or RGB samples by tifffile over 2^bits − 1, or over 1 for floating point, from white down where the
  file says so.
- Other formats: Pillow's pixels, upright, converted to RGB where they are CMYK without a profile.
"""

import io
import os
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import png
import tifffile
from PIL import Image, ImageOps

from benchmarks.records import rows_of
from experiments._results.measurements import Measurement
from qimg import images
from qimg.core import Array

EQUAL, OPTION, REFUSED, BOTH, ALONE, DIFFERENT = (
    "equal to the reference",
    "equal with --first-frame or --to-rgb",
    "refused with a reason, though another library returns pixels",
    "refused with a reason, and by the other library",
    "read, without a reference",
    "different",
)
OUTCOMES = (EQUAL, OPTION, REFUSED, BOTH, ALONE, DIFFERENT)


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    path: Path
    outcome: str
    reason: str = ""
    """The message of a refusal, or the largest deviation in units of white."""


def outcome_of(path: Path) -> Outcome:
    """Read a file and compare it with its reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = reference(path)
        except Exception:  # the other libraries raise errors of many types
            expected = None
        try:
            pixels, outcome, reason = images.load(path), EQUAL, ""
        except images.ImageError as error:
            reason = str(error)
            try:
                pixels, outcome = images.load(path, first_frame=True, to_rgb=True), OPTION
            except images.ImageError:
                return Outcome(path, BOTH if expected is None else REFUSED, reason.removeprefix(f"{path}: "))
    if expected is None:
        return Outcome(path, ALONE, reason)
    values, tolerance = expected
    ours = _rgba(pixels / float(np.iinfo(pixels.dtype).max))
    if ours.shape != values.shape:
        return Outcome(path, DIFFERENT, f"shape {ours.shape}, but {values.shape} in the reference")
    # Colours below a transparent alpha are not defined, where alpha had been multiplied to them.
    visible = np.maximum(ours[..., 3:], values[..., 3:]) > 0
    deviation = float(np.abs(np.where(visible, ours - values, 0)).max())
    return Outcome(path, outcome if deviation <= tolerance else DIFFERENT, f"{deviation:.2g}")


def reference(path: Path) -> tuple[Array, float] | None:
    """R, G, B, alpha (H, W, 4) in [0, 1] and the tolerance of the comparison; None where no library defines them."""
    start = path.read_bytes()[:8]
    if start == b"\x89PNG\r\n\x1a\n":
        return _of_png(path)
    return _of_tiff(path) if start[:2] in (b"II", b"MM") else _of_pillow(path)


def _of_png(path: Path) -> tuple[Array, float]:
    reader = png.Reader(filename=str(path))
    reader.preamble()
    reader.sbit = None  # pypng would reduce the samples to these bits
    width, height, rows, info = reader.asRGBA()
    return np.array([list(row) for row in rows]).reshape(height, width, 4) / (2 ** info["bitdepth"] - 1), 1e-9


def _of_tiff(path: Path) -> tuple[Array, float] | None:
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        bits, photometric = page.bitspersample, int(page.photometric)
        if isinstance(bits, int) and bits <= 8 and (expected := _of_pillow(path)) is not None:
            return expected[0], 1 / 255 if photometric == 3 else expected[1]
        if photometric not in (0, 1, 2) or page.dtype.kind not in "uf" or page.samplesperpixel not in (1, 3):
            return None
        values = page.asarray() / (2.0**bits - 1 if page.dtype.kind == "u" else 1.0)
        values = np.moveaxis(values, 0, -1) if int(page.planarconfig) == 2 and values.ndim == 3 else values
        # Half a code value of 8 or 16 bits, to which the samples are rounded.
        return _rgba(1 - values if photometric == 0 else values), 0.5 / (255 if bits < 8 else 65535) + 1e-9


def _of_pillow(path: Path) -> tuple[Array, float] | None:
    try:
        with Image.open(path) as file:
            file.load()
            picture = ImageOps.exif_transpose(file)
    except Exception:  # decoders raise errors of many types
        return None
    if picture.mode == "CMYK" and picture.info.get("icc_profile"):
        return None
    if picture.mode in ("I;16", "I;16B"):
        return _rgba(np.asarray(picture) / 65535), 1e-9
    if picture.mode in ("I", "F"):
        return None
    return np.asarray(picture.convert("RGBA")) / 255, 1e-9


def _rgba(values: Array) -> Array:
    channels = values[..., None] if values.ndim == 2 else values
    colour, alpha = (channels[..., :-1], channels[..., -1:]) if channels.shape[2] in (2, 4) else (channels, None)
    colour = colour.repeat(3, axis=2) if colour.shape[2] == 1 else colour
    return np.dstack([colour, np.ones(channels.shape[:2]) if alpha is None else alpha])


def outcomes(folder: Path) -> dict[str, list[Outcome]]:
    """Outcome of every file, by subfolder."""
    return {
        part.name: [outcome_of(path) for path in sorted(part.rglob("*")) if path.is_file()]
        for part in sorted(path for path in folder.iterdir() if path.is_dir())
    }


def measure(folder: Path | None = None) -> list[Measurement]:
    """Number of files by outcome, for each set in `folder`, by default `foreign` in the folder QIMG_DATA."""
    chosen = folder or (Path(os.environ["QIMG_DATA"]) / "foreign" if "QIMG_DATA" in os.environ else None)
    if chosen is None or not chosen.is_dir():
        raise FileNotFoundError(
            "foreign files need a folder with one subfolder for each set, such as QIMG_DATA/foreign"
        )
    rows: list[Measurement] = []
    for name, found in outcomes(chosen).items():
        count = Counter(one.outcome for one in found)
        values = {"tried": len(found), **{outcome: count[outcome] for outcome in OUTCOMES}}
        rows += rows_of("foreign_files", name, values)
    return rows


def contact_sheet(folder: Path, side: int = 64, columns: int = 16) -> bytes:
    """A PNG of all pictures that are read, reduced to tiles on gray, for a look at them."""
    tiles = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                pixels = images.load(path, first_frame=True, to_rgb=True)
            except images.ImageError:
                continue
        values = np.rint(255 * _rgba(pixels / float(np.iinfo(pixels.dtype).max))).astype(np.uint8)
        tile = Image.new("RGBA", (side, side), "gray")
        small = ImageOps.contain(Image.fromarray(values), (side - 4, side - 4), Image.Resampling.BOX)
        tile.alpha_composite(small, (2, 2))
        tiles.append(np.asarray(tile.convert("RGB")))
    blank = np.full((side, side, 3), 128, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    buffer = io.BytesIO()
    sheet = np.vstack([np.hstack(tiles[at : at + columns]) for at in range(0, len(tiles), columns)])
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ.get("QIMG_DATA", ".")) / "foreign"
    for group, results in outcomes(place).items():
        for result in results:
            if result.outcome != EQUAL:
                print(f"{group}/{result.path.name}: {result.outcome}: {result.reason}")
        print(f"{group}: {dict(Counter(result.outcome for result in results))}")
