"""Rate-distortion curves that other programs measured, read from CSV files."""

import csv
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

COLUMNS = {
    "codec": "name of the codec",
    "picture": "name of the picture: its file without the ending",
    "bytes": "size of the file",
    "bits_per_pixel": "its bits per pixel; `bytes` or `bits_per_pixel` is required",
    "psnr_rgb_db": "PSNR over all values of R, G and B (of the plane for gray pictures), dB",
    "psnr_y_db": "PSNR of BT.601 full-range luma, dB; one of the two is required",
    "ms_ssim": "MS-SSIM, mean over R, G and B",
    "ssimulacra2": "SSIMULACRA 2",
    "setting": "setting of the codec; otherwise points are numbered from the smallest file on",
    "encode_seconds": "time of encoding",
    "decode_seconds": "time of decoding",
}
"""Columns of a file of curves; only `codec`, `picture`, a rate and a PSNR are required."""

_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "bytes": (lambda value: value >= 1 and value.is_integer(), "must be a whole number of bytes of at least 1"),
    "bits_per_pixel": (lambda value: 0 < value <= 64, "must lie in (0, 64]"),
    "psnr_rgb_db": (lambda value: 3 <= value <= 120 or value == math.inf, "must lie in [3, 120] dB, or be inf"),
    "psnr_y_db": (lambda value: 3 <= value <= 120 or value == math.inf, "must lie in [3, 120] dB, or be inf"),
    "ms_ssim": (lambda value: -1 <= value <= 1, "must lie in [-1, 1]"),
    "ssimulacra2": (lambda value: value <= 100, "must be at most 100"),
    "setting": (math.isfinite, "must be a finite number"),
    "encode_seconds": (lambda value: value >= 0, "must not be negative"),
    "decode_seconds": (lambda value: value >= 0, "must not be negative"),
}
_OF_A_POINT = ("psnr_rgb_db", "psnr_y_db", "ms_ssim", "ssimulacra2", "encode_seconds", "decode_seconds")


class CurveFileError(ValueError):
    """A file of curves that cannot be used; the message names the file, the line and the rule."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One picture by one codec at one setting; NaN where the file has no value."""

    codec: str
    setting: float
    bytes: int
    bits_per_pixel: float
    values: Mapping[str, float]
    """The other columns of a point."""


def read_curves(paths: Sequence[str], areas: Mapping[str, int], *, taken: Sequence[str] = ()) -> dict[str, list[Point]]:
    """Points of all codecs in CSV files, by the name of the picture, each codec from its smallest file on.

    Args:
        paths: CSV files with the columns of `COLUMNS`.
        areas: pixels of each picture as it is measured, by its name. Every codec must have equally many points on each
            of them. Lines of other pictures are left out.
        taken: names of codecs that are measured.

    Raises:
        CurveFileError: a file cannot be read, lacks a column or a picture, or has a value out of range.
    """
    points: dict[str, list[Point]] = {name: [] for name in areas}
    for path in map(Path, paths):
        for codec, own in _of_file(path, areas).items():
            if codec in taken or any(codec == point.codec for some in points.values() for point in some):
                raise CurveFileError(f"{path}: codec {codec!r} is measured or read already; give it another name")
            missing = [name for name in points if name not in own]
            if missing:
                raise CurveFileError(
                    f"{path}: codec {codec!r} needs lines for every picture, but has none for {_few(missing)}; "
                    f"it has {_few(list(own))}"
                )
            counts = {name: len(own[name]) for name in points}
            if len(set(counts.values())) > 1:
                low, high = (pick(counts, key=lambda name: counts[name]) for pick in (min, max))
                raise CurveFileError(
                    f"{path}: codec {codec!r} must have equally many points on every picture, but has {counts[low]} "
                    f"on {low} and {counts[high]} on {high}"
                )
            for name, some in points.items():
                ordered = sorted(own[name], key=lambda point: point.bits_per_pixel)
                some += [
                    replace(point, setting=float(number)) if math.isnan(point.setting) else point
                    for number, point in enumerate(ordered, start=1)
                ]
    return points


def digests(paths: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each file."""
    return {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths}


def _of_file(path: Path, areas: Mapping[str, int]) -> dict[str, dict[str, list[Point]]]:
    """Points by codec and picture, of the pictures in `areas`; at least one of each codec."""
    try:
        reader = csv.DictReader(path.read_text("utf-8-sig").splitlines())
        lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CurveFileError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    names = set(reader.fieldnames or ())
    for group in (("codec",), ("picture",), ("bytes", "bits_per_pixel"), ("psnr_rgb_db", "psnr_y_db")):
        if not names & set(group):
            raise CurveFileError(f"{path}: must have the column {' or '.join(group)}, but has {', '.join(names)}")
    unknown = sorted(names - set(COLUMNS))
    if unknown:
        raise CurveFileError(f"{path}: has unknown columns {', '.join(unknown)}; it may have {', '.join(COLUMNS)}")
    found: dict[str, dict[str, list[Point]]] = {}
    for number, line in enumerate(lines, start=2):
        where = f"{path}, line {number}"
        if None in line or None in line.values():
            raise CurveFileError(f"{where}: must have {len(names)} values")
        picture, codec = (_text(line[name], name, where) for name in ("picture", "codec"))
        own = found.setdefault(codec, {})
        if picture in areas:
            own.setdefault(picture, []).append(_point(line, codec, areas[picture], where))
    if not found:
        raise CurveFileError(f"{path}: has no lines")
    for codec, own in found.items():
        if not own:
            others = list(dict.fromkeys(line["picture"] for line in lines if line["codec"].strip() == codec))
            raise CurveFileError(
                f"{path}: codec {codec!r} must have lines for {_few(list(areas))}, but has some for {_few(others)} only"
            )
    return found


def _text(text: str, name: str, where: str) -> str:
    if not text.strip():
        raise CurveFileError(f"{where}: {name} must not be empty")
    return text.strip()


def _point(line: Mapping[str, str], codec: str, area: int, where: str) -> Point:
    values = {name: _number(line.get(name, ""), name, where) for name in _RANGES}
    size, rate = values["bytes"], values["bits_per_pixel"]
    if math.isnan(size) and math.isnan(rate):
        raise CurveFileError(f"{where}: bytes or bits_per_pixel must be given")
    if math.isnan(values["psnr_rgb_db"]) and math.isnan(values["psnr_y_db"]):
        raise CurveFileError(f"{where}: psnr_rgb_db or psnr_y_db must be given")
    if math.isnan(size):
        size = float(max(1, round(rate * area / 8)))
    of_bytes = 8 * size / area
    if not math.isnan(rate) and abs(rate / of_bytes - 1) > 0.01 and abs(rate * area / 8 - size) > 1:
        raise CurveFileError(
            f"{where}: bits_per_pixel must be {of_bytes:.4g} for {size:.0f} bytes and {area} pixels, but is {rate:g}"
        )
    if of_bytes > 64:
        raise CurveFileError(f"{where}: bytes must be at most {8 * area} for {area} pixels, but are {size:.0f}")
    point = {name: values[name] for name in _OF_A_POINT}
    return Point(codec=codec, setting=values["setting"], bytes=int(size), bits_per_pixel=of_bytes, values=point)


def _number(text: str, name: str, where: str) -> float:
    """A number of a column in its range; NaN for an empty cell."""
    if not text.strip():
        return math.nan
    holds, rule = _RANGES[name]
    try:
        value = float(text)
    except ValueError:
        raise CurveFileError(f"{where}: {name} must be a number, but is {text!r}") from None
    if not holds(value):
        raise CurveFileError(f"{where}: {name} {rule}, but is {text.strip()}")
    return value


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
