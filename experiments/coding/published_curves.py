"""Rate-distortion curves copied from publications: of single pictures, or of means over a set of pictures."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments._run import groups
from experiments.coding.external_curves import CurveFileError
from qimg.evaluation.rate_curves import Comparison, RateCurve, compare, curves

MEASURE = "psnr_rgb_db"

SETS: Mapping[str, frozenset[str]] = {"kodak 1-24 mean": frozenset(f"kodim{number:02d}" for number in range(1, 25))}
"""Names of sets → their pictures."""

NAMES = {
    "cool-chic-5.0": "Cool-chic 5.0",
    "kodak-lalic": "LALIC",
    "paper-elic2022_mse": "ELIC",
    "vtm": "VTM",
    "paper-cheng2020-parallel_mse": "cheng2020, checkerboard contexts",
    "compressai-cheng2020-attn_mse_cpu": "cheng2020, attention",
    "compressai-cheng2020-anchor_mse_cpu": "cheng2020",
    "compressai-mbt2018_mse_cpu": "mbt2018",
    "av1": "AV1",
    "compressai-mbt2018-mean_mse_cpu": "mbt2018, without contexts",
    "bpg_444_x265_ycbcr": "BPG 4:4:4",
    "hm": "HM",
    "compressai-bmshj2018-hyperprior_mse_cpu": "bmshj2018, hyperprior",
    "compressai-bmshj2018-factorized_mse_cpu": "bmshj2018, factorized",
    "webp": "WebP",
    "jpeg2000": "JPEG 2000",
    "jpeg": "JPEG",
}
"""Codecs of published curves that are shown, in the order of the tables → their names there."""


@dataclass(frozen=True, kw_only=True)
class PublishedPoint:
    """A point of a published curve."""

    codec: str
    where: str
    """A picture, or a set whose mean it is."""
    bits_per_pixel: float
    psnr_rgb_db: float


@dataclass(frozen=True, kw_only=True)
class PublishedRate:
    """Rates of one codec on the pictures of some published curve."""

    codec: str
    published: bool
    """Whether its curve is published, or measured on the same pictures."""
    pictures: str
    against: Mapping[str, Comparison]
    """Anchor → rate, of the anchor's curve on the same pictures."""


def read_published(paths: Sequence[str]) -> Iterator[PublishedPoint]:
    """Points of CSV files with the columns source, codec, picture or set, bits_per_pixel and rgb_psnr_db.

    Raises:
        CurveFileError: a file cannot be read, lacks a column, or has a rate or a PSNR that is not positive.
    """
    for path in paths:
        try:
            lines = list(csv.DictReader(Path(path).read_text("utf-8").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CurveFileError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
        for number, line in enumerate(lines, start=2):
            where = line.get("picture") or line.get("set")
            try:
                rate, psnr_db = float(line["bits_per_pixel"]), float(line["rgb_psnr_db"])
                codec = line["codec"]
            except (KeyError, TypeError, ValueError):
                rate, psnr_db, codec = math.nan, math.nan, ""
            if not (where and codec and 0 < rate < math.inf and 0 < psnr_db < math.inf):
                raise CurveFileError(
                    f"{path}, line {number}: must have a codec, a picture or a set, and positive numbers "
                    f"bits_per_pixel and rgb_psnr_db, but is {line}"
                )
            yield PublishedPoint(codec=codec, where=where, bits_per_pixel=rate, psnr_rgb_db=psnr_db)


def on_measured_pictures(rows: Sequence[Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name, marked as published → rates and PSNR of the published curves of exactly the measured pictures, means."""
    measured = frozenset(row.image for row in rows if not row.published)
    return {
        f"{codec}, published": curve.mean(np.ones(1))
        for (codec, published), curve in _curves_on(measured, rows).items()
        if published
    }


def published_rates(rows: Sequence[Any], anchors: Sequence[str]) -> list[PublishedRate]:
    """Rates on the measured pictures and on every published set, in this order.

    On each, every codec whose curve is known there is compared with the anchors whose curves are known there. Curves
    are those of means. Without published curves there is nothing to compare.

    Args:
        rows: with image (or set), codec, published, bits_per_pixel and psnr_rgb_db.
        anchors: names of codecs as in `NAMES`.
    """
    measured = frozenset(row.image for row in rows if not row.published)
    wheres = [(f"{len(measured)} measured pictures", measured)]
    wheres += [(name, pictures) for name, pictures in SETS.items() if pictures != measured]
    found = []
    for name, pictures in wheres:
        several = _curves_on(pictures, rows)
        if any(published for _, published in several):
            found += [
                PublishedRate(
                    codec=codec,
                    published=published,
                    pictures=name,
                    against={
                        anchor: compare(several[key], curve, MEASURE)
                        for anchor in anchors
                        for key in [(anchor, published if (anchor, published) in several else not published)]
                        if key in several and key != (codec, published)
                    },
                )
                for (codec, published), curve in several.items()
            ]
    return found


def _curves_on(pictures: frozenset[str], rows: Sequence[Any]) -> dict[tuple[str, bool], RateCurve]:
    """(Codec, whether published) → curve of means over exactly these pictures: measured ones first."""
    sets = {name for name, own in SETS.items() if own == pictures}
    several: dict[tuple[str, bool], RateCurve] = {}
    measured = [row for row in rows if not row.published]
    if {row.image for row in measured} == pictures:
        several |= {
            (codec, False): _mean(curve)
            for codec, curve in curves(measured, MEASURE).items()
            if len(curve.rates) == len(pictures)  # otherwise some picture is coded exactly
        }
    published = groups([row for row in rows if row.published and row.codec in NAMES], "codec")
    for codec, name in NAMES.items():
        own = published.get(codec, [])
        points = sorted({(row.bits_per_pixel, row.psnr_rgb_db) for row in own if row.image in sets})
        single = [row for row in own if row.image in pictures]
        if points:
            rates, values = np.array(points).T
            several[name, True] = RateCurve(rates=rates[None], qualities=values[None])
        elif single and {row.image for row in single} == pictures:
            several[name, True] = _mean(curves(single, MEASURE)[codec])
    return several


def _mean(curve: RateCurve) -> RateCurve:
    rates, values = curve.mean(np.ones(len(curve.rates)))
    return RateCurve(rates=rates[None], qualities=values[None])
