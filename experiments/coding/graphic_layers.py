"""What does it cost to write graphics in layers, and what does a bound on every difference save?

Drawings of the script, and pictures that may be files, in the contour codec: without loss in one layer and in layers
(progressive), and with every channel within a bound (`max_error`). Drawings have noise of one code value on request.
Bytes are those of whole files.
"""

import math
from collections.abc import Callable, Sequence
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
from experiments.coding.graphics import Drawing, DrawingParams, pictures_of
from qimg import metrics
from qimg.codecs.pictures import decode, encode, info

ONE, LAYERS = "one layer", "layers"


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
    """Rows of one picture: in one layer, in layers, and with noise without loss and at every bound."""
    image = picture.code_values()
    noise = np.random.default_rng(0).integers(-params.noise, params.noise + 1, image.shape)
    noisy = np.clip(image + noise, 0, 255).astype(np.uint8)

    def row(mode: str, source: Array, bound: int, **options: Any) -> Row:
        write: Callable[[], bytes] = partial(encode, source, codec="contour", **options)
        data, seconds = timed(write)
        details = info(data).details.get("layers", "0")
        return Row(
            image=picture.name,
            kind=picture.kind if isinstance(picture, Drawing) else "picture",
            mode=mode,
            bound=bound,
            noisy=source is noisy,
            layers=float(details.split()[0]),
            bytes=float(len(data)),
            psnr_db=metrics.psnr_db(source, decode(data)),
            encode_seconds=seconds,
        )

    rows = [row(ONE, image, 0, lossless=True), row(LAYERS, image, 0, lossless=True, progressive=True)]
    rows += [row("without loss", noisy, 0, lossless=True)]
    return rows + [row(f"within {bound}", noisy, bound, max_error=bound) for bound in params.bounds]


def cost(rows: Sequence[Row]) -> float:
    """Bytes in layers beyond those in one layer, in %."""
    return 100 * (mean(rows, "bytes", mode=LAYERS) / mean(rows, "bytes", mode=ONE) - 1)


def findings(rows: Sequence[Row]) -> list[str]:
    """Cost of layers, and savings by the bounds."""
    costs = [cost(own) for own in groups(rows, "image").values()]
    sentences = [f"In layers files are {min(costs):+.1f} to {max(costs):+.1f} % larger than in one layer."]
    whole_bytes = mean(rows, "bytes", mode="without loss")
    for bound, own in groups([row for row in rows if row.bound], "bound").items():
        share = 100 * (mean(own, "bytes") / whole_bytes - 1)
        sentences.append(
            f"With a bound of {bound} files of pictures with noise take {share:+.1f} % against those without loss."
        )
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
    modes = list(dict.fromkeys(row.mode for row in rows if row.noisy))
    return {
        "layers": table_of(
            rows,
            layers,
            by=("image",),
            caption="Files without loss in one layer and in layers",
            formats={"one layer, bytes": ".0f", "layers, bytes": ".0f", "layers": ".0f", "cost, %": "+.1f"},
        ),
        "bounds": table_of(
            select(rows, noisy=True),
            {"picture": "image", **{mode: partial(_bytes_of, mode) for mode in modes}},
            by=("image",),
            caption="Bytes of pictures with noise, every channel within a bound",
            formats=dict.fromkeys(modes, ".0f"),
        ),
    }


def _bytes_of(mode: str, own: Sequence[Row]) -> float:
    return mean(own, "bytes", mode=mode)


def plot(rows: Sequence[Row]) -> Figure:
    """Bytes of pictures with noise over those without loss, by bound: geometric means."""
    noisy = select(rows, noisy=True)
    whole_bytes = {row.image: row.bytes for row in noisy if not row.bound}
    bounds = sorted({row.bound for row in noisy})
    ratios = [
        math.exp(float(np.mean([math.log(row.bytes / whole_bytes[row.image]) for row in select(noisy, bound=bound)])))
        for bound in bounds
    ]
    panel = Panel(curves={"contour": (bounds, ratios)}, x="bound, code values", y="bytes over those without loss")
    return figure_of(panel, size=(6, 3.6), layout="constrained")
