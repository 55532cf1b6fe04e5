"""What does it cost to write graphics in layers, and what does a bound on every difference save?

Drawings of the script, and pictures that may be files, in the contour codec: without loss in one layer and in layers
(progressive), and with every channel within a bound (`max_error`), beside JPEG-LS, which has such a bound as well.
Pictures of the second part have noise of one code value on request. Bytes are those of whole files.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    HERE,
    Array,
    Figure,
    LibraryDependent,
    Panel,
    Picture,
    Seconds,
    Table,
    Track,
    Workers,
    check,
    distinct,
    each,
    figure_of,
    groups,
    mean,
    rows_by_picture,
    select,
    table_of,
    timed,
    whole,
)
from experiments.coding.compared_codecs import is_installed
from experiments.coding.graphics import CONTOUR, Drawing, DrawingParams, pictures_of
from qimg import metrics
from qimg.codecs.pictures import decode, encode, info

ONE, LAYERS = "one layer", "layers"
JPEG_LS = "JPEG-LS"
Functions = tuple[Callable[[Array], bytes], Callable[[bytes], Array]]
"""Encoder and decoder."""


@dataclass(frozen=True, kw_only=True)
class Params(DrawingParams):
    """Inputs of the experiment."""

    seeds: Annotated[int, whole(1)] = 1
    """Drawings of each kind."""
    noise: Annotated[int, whole(0)] = 1
    """Largest difference of the noise that is added before files with a bound are written; 0 for none."""
    bounds: Annotated[tuple[int, ...], each(whole(1))] = (1, 2, 4, 8)
    """Bounds in code values."""


TINY = Params(box_mean=12, drawings=(), bounds=(2,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file of one picture."""

    image: str
    kind: str
    """Kind of the drawing, or "picture"."""
    codec: str
    mode: str
    """One layer, layers, or the bound of a picture with noise; 0 is without loss."""
    bound: int
    """Largest difference that is allowed; 0 without loss."""
    noisy: bool
    """Whether noise is added to the picture."""
    layers: LibraryDependent
    """Number of layers; 0 in files of one."""
    bytes: LibraryDependent
    """Of the whole file."""
    psnr_db: LibraryDependent
    """Over gray or RGB values; infinite for equal pictures."""
    encode_seconds: Seconds


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """Rows of the pictures, then of the drawings."""
    check(params)
    return rows_by_picture(rows_of, pictures_of(params), params, track=track, workers=workers)


def rows_of(picture: Picture | Drawing, params: Params) -> list[Row]:
    """Rows of one picture: in one layer, in layers, and with noise without loss and at every bound.

    Raises:
        ValueError: a decoded picture differs by more than the bound.
    """
    image = picture.code_values()
    noise = np.random.default_rng(0).integers(-params.noise, params.noise + 1, image.shape)
    noisy = np.clip(image + noise, 0, 255).astype(np.uint8)

    def row(mode: str, source: Array, bound: int, functions: Functions, codec: str = CONTOUR) -> Row:
        write, read = functions
        data, seconds = timed(write, source)
        decoded = read(data)
        largest = int(np.abs(decoded.astype(int) - source).max(initial=0))
        if largest > bound:
            raise ValueError(
                f"{codec}, picture {picture.name}: differences must be at most {bound}, but reach {largest}"
            )
        layers = info(data).details.get("layers", "0") if codec == CONTOUR else "0"
        return Row(
            image=picture.name,
            kind=picture.kind if isinstance(picture, Drawing) else "picture",
            codec=codec,
            mode=mode,
            bound=bound,
            noisy=source is noisy,
            layers=float(layers.split()[0]),
            bytes=float(len(data)),
            psnr_db=metrics.psnr_db(source, decoded),
            encode_seconds=seconds,
        )

    rows = [
        row(ONE, image, 0, _contour(lossless=True)),
        row(LAYERS, image, 0, _contour(lossless=True, progressive=True)),
    ]
    for bound in (0, *params.bounds):
        mode = f"within {bound}" if bound else "without loss"
        rows.append(row(mode, noisy, bound, _contour(max_error=bound) if bound else _contour(lossless=True)))
        if is_installed("peer:jpegxl"):
            rows.append(row(mode, noisy, bound, _jpeg_ls(bound), JPEG_LS))
    return rows


def _contour(**options: Any) -> Functions:
    return partial(encode, codec=CONTOUR, **options), decode


def _jpeg_ls(bound: int) -> Functions:
    import imagecodecs  # imported late: an optional peer

    return lambda image: bytes(imagecodecs.jpegls_encode(image, level=bound)), imagecodecs.jpegls_decode


def cost(rows: Sequence[Row]) -> float:
    """Bytes in layers beyond those in one layer, in %."""
    return 100 * (mean(rows, "bytes", mode=LAYERS) / mean(rows, "bytes", mode=ONE) - 1)


def findings(rows: Sequence[Row]) -> list[str]:
    """Cost of layers, and savings by the bounds."""
    costs = [cost(own) for own in groups(rows, "image").values()]
    sentences = [f"In layers files are {min(costs):+.1f} to {max(costs):+.1f} % larger than in one layer."]
    own = select(rows, codec=CONTOUR, noisy=True)
    whole_bytes = mean(own, "bytes", bound=0)
    for bound in distinct(select(rows, noisy=True), "bound")[1:]:
        share = 100 * (mean(own, "bytes", bound=bound) / whole_bytes - 1)
        sentence = (
            f"With a bound of {bound} files of pictures with noise take {share:+.1f} % against those without loss"
        )
        others = select(rows, codec=JPEG_LS, bound=bound, noisy=True)
        if others:
            difference = 100 * (mean(own, "bytes", bound=bound) / mean(others, "bytes") - 1)
            sentence += f", and {difference:+.1f} % against JPEG-LS"
        sentences.append(f"{sentence}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Layers by picture, and bounds by picture."""
    layers = {
        "picture": "image",
        "one layer, bytes": lambda own: mean(own, "bytes", mode=ONE),
        "layers, bytes": lambda own: mean(own, "bytes", mode=LAYERS),
        "layers": lambda own: mean(own, "layers", mode=LAYERS),
        "cost, %": cost,
    }
    noisy = select(rows, noisy=True)
    columns = {
        f"{mode}, {codec}": partial(_bytes_of, codec, mode)
        for mode in distinct(noisy, "mode")
        for codec in distinct(noisy, "codec")
    }
    return {
        "layers": table_of(
            rows,
            layers,
            by=("image",),
            caption="Files without loss in one layer and in layers",
            formats={"one layer, bytes": ".0f", "layers, bytes": ".0f", "layers": ".0f", "cost, %": "+.1f"},
        ),
        "bounds": table_of(
            noisy,
            {"picture": "image", **columns},
            by=("image",),
            caption="Bytes of pictures with noise, every channel within a bound",
            formats=dict.fromkeys(columns, ".0f"),
        ),
    }


def _bytes_of(codec: str, mode: str, own: Sequence[Row]) -> float:
    return mean(own, "bytes", codec=codec, mode=mode)


def plot(rows: Sequence[Row]) -> Figure:
    """Bytes of pictures with noise over those of the contour codec without loss, by bound: geometric means."""
    noisy = select(rows, noisy=True)
    whole_bytes = {row.image: row.bytes for row in select(noisy, codec=CONTOUR, bound=0)}
    panel = Panel(
        curves={codec: _ratios(own, whole_bytes) for codec, own in groups(noisy, "codec").items()},
        x="bound, code values",
        y="bytes over those of contour without loss",
    )
    return figure_of(panel, size=(6, 3.6), layout="constrained")


def _ratios(rows: Sequence[Row], whole_bytes: Mapping[str, float]) -> tuple[list[int], list[float]]:
    """Bounds, and geometric means of the ratios of bytes."""
    by_bound = {
        bound: [math.log(row.bytes / whole_bytes[row.image]) for row in own]
        for bound, own in groups(rows, "bound").items()
    }
    return list(by_bound), [math.exp(float(np.mean(logarithms))) for logarithms in by_bound.values()]
