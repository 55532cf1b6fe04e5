"""How much quality does a picture lose when it is decoded and encoded repeatedly?

Every codec uses one setting, whose first file comes closest to a target in bits per pixel; each round encodes the
decoded picture of the previous round. In a second run, a row and a column are cropped between rounds, as in an editor,
which shifts the grid of blocks each time. PSNR refers to the original, cropped in the same way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from tyro.conf import arg

from experiments._run import (
    Array,
    Count,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Table,
    comparable,
    counted_pictures,
    curves,
    distinct,
    figure_of,
    finite_mean,
    groups,
    mean,
    not_empty,
    per_picture,
    pictures_counted,
    positive,
    select,
    values,
)
from experiments.coding.compared_codecs import chosen, curve_of, encoded, modules_of, round_trip
from qimg import metrics
from qimg.codecs.protocol import Codec


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    codecs: Annotated[tuple[str, ...], not_empty, arg(metavar="CODEC ...")] = (
        "block",
        "peer:avif-psnr",
        "peer:avif",
        "peer:webp",
        "peer:jpeg",
    )
    """Ids as in `qimg.codecs.registry`, or import names of codecs of yours (module:object)."""
    bits_per_pixel: Annotated[float, positive] = 1.0
    """Target of the first round: each codec uses the setting that comes closest to it on each picture."""
    rounds: Count = 10
    """Number of times that a picture is encoded and decoded."""

    def files(self) -> dict[str, str]:
        """Hashes of the modules of imported codecs."""
        return modules_of(self.codecs)


TINY = Params(box_mean=8, codecs=("block", "peer:jpeg", "peer:webp"), bits_per_pixel=2.0, rounds=3)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture after one round by one codec."""

    image: str
    codec: str
    setting: float
    """On the codec's own scale."""
    cropped: bool
    """Whether a row and a column are cropped before every round but the first."""
    round: int
    """From 1."""
    bytes: int
    bits_per_pixel: float
    psnr_rgb_db: float
    """Relative to the original, cropped in the same way."""
    same_picture: bool
    """Whether the decoded picture equals the encoded one; False in the first round."""
    same_file: bool
    """Whether the file equals that of the previous round; False in the first round."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per codec, with and without cropping, and round."""
    image = picture.code_values()
    size = round(params.bits_per_pixel * image.shape[0] * image.shape[1] / 8)
    rows: list[Row] = []
    for codec in chosen(params.codecs):
        setting = setting_near(codec, image, size)
        for cropped in (False, True):
            rows += _rounds(picture.name, codec, setting, image, cropped=cropped, count=params.rounds)
    return rows


run = per_picture(rows_of)


def setting_near(codec: Codec, image: Array, size: int) -> float:
    """The setting, between the ends of the codec's curve, whose file comes closest to `size` bytes, by bisection."""
    curve = curve_of(codec)
    low, high = curve.settings[0], curve.settings[-1]
    sizes: dict[float, int] = {}
    for _ in range(8):  # settings that are whole numbers lie within 0 to 100
        middle = (low + high) / 2
        setting = float(round(middle)) if curve.whole else middle
        sizes[setting] = len(encoded(codec, image, setting))
        low, high = (middle, high) if sizes[setting] < size else (low, middle)
    return min(sizes, key=lambda setting: abs(sizes[setting] - size))


def _rounds(name: str, codec: Codec, setting: float, image: Array, *, cropped: bool, count: int) -> Iterator[Row]:
    """The rows of one picture; fewer than `count` if nothing is left to crop."""
    original, current, previous = image, image, b""
    for number in range(1, count + 1):
        if cropped and number > 1:
            if min(current.shape[:2]) == 1:
                return
            original, current = original[1:, 1:], current[1:, 1:]
        coded = round_trip(codec, np.ascontiguousarray(current), setting, name=name)
        data, output = coded.data, coded.output
        yield Row(
            image=name,
            codec=codec.name,
            setting=setting,
            cropped=cropped,
            round=number,
            bytes=len(data),
            bits_per_pixel=metrics.bits_per_pixel(len(data), current.shape),
            psnr_rgb_db=metrics.psnr_db(original, output),
            same_picture=number > 1 and np.array_equal(output, current),
            same_file=data == previous,
        )
        current, previous = output, data


def loss_db(rows: Sequence[Row], codec: str, *, cropped: bool) -> list[float]:
    """PSNR of the first round minus that of the last, for every picture that no codec codes exactly."""
    by_picture = groups(select(comparable(rows, "psnr_rgb_db"), codec=codec, cropped=cropped), "image")
    return [own[0].psnr_rgb_db - own[-1].psnr_rgb_db for own in by_picture.values()]


def settled(rows: Sequence[Row], codec: str, *, cropped: bool) -> list[int]:
    """For every picture that does not change in its last round, the first round from which it stays unchanged."""
    by_picture = groups(select(rows, codec=codec, cropped=cropped), "image").values()
    changed = [(max(row.round for row in own if not row.same_picture), own[-1].round) for own in by_picture]
    return [change + 1 for change, last in changed if change < last]


def findings(rows: Sequence[Row]) -> list[str]:
    """Losses on the same grid and with cropping, and the rounds from which pictures stay unchanged."""
    if not comparable(rows, "psnr_rgb_db"):
        return ["Every picture is coded exactly by some codec, so there is no loss to compare."]
    sentences = []
    for codec in distinct(rows, "codec"):
        fixed, shifted = (loss_db(rows, codec, cropped=cropped) for cropped in (False, True))
        bits, psnr = _first_round(rows, codec)
        sentences.append(
            f"{codec}, {psnr:.2f} dB at {bits:.2f} bit/pixel after round 1, loses {finite_mean(fixed):.2f} dB until "
            f"round {max(values(rows, 'round'))} (at most {max(fixed):.2f}), and {finite_mean(shifted):.2f} dB "
            f"(at most {max(shifted):.2f}) with a row and a column cropped between rounds."
        )
        unchanged = settled(rows, codec, cropped=False)
        if unchanged:
            total = len(distinct(rows, "image"))
            sentences.append(
                f"{codec} leaves {len(unchanged)} of {counted_pictures(total)} unchanged from round "
                f"{max(unchanged)} on."
            )
    return sentences


def _first_round(rows: Sequence[Row], codec: str) -> tuple[float, float]:
    """Means of bits per pixel and of PSNR over the pictures of `loss_db`."""
    first = select(comparable(rows, "psnr_rgb_db"), codec=codec, cropped=False, round=1)
    return mean(first, "bits_per_pixel"), mean(first, "psnr_rgb_db")


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Losses of every codec."""
    return {"losses": _losses(rows)}


def _losses(rows: Sequence[Row]) -> Table:
    """Means over the pictures, and the largest losses."""
    columns = [
        "codec",
        "round 1, bits per pixel",
        "round 1, RGB PSNR, dB",
        "lost, dB",
        "lost, largest, dB",
        "lost with cropping, dB",
        "lost with cropping, largest, dB",
        "pictures without further change",
    ]
    body = []
    for codec in distinct(rows, "codec"):
        losses = [loss_db(rows, codec, cropped=cropped) for cropped in (False, True)]
        cells = [value for loss in losses for value in (finite_mean(loss), max(loss, default=float("nan")))]
        unchanged = f"{len(settled(rows, codec, cropped=False))} of {len(distinct(rows, 'image'))}"
        body.append([codec, *_first_round(rows, codec), *cells, unchanged])
    return Table(
        columns=columns,
        rows=body,
        caption=f"{max(values(rows, 'round'))} rounds, means over {pictures_counted(rows, 'psnr_rgb_db')}; "
        "with cropping, a row and a column are cropped between rounds",
        formats=dict.fromkeys(columns[1:-1], ".2f"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Mean PSNR to the original after each round, without and with cropping."""
    usable = comparable(rows, "psnr_rgb_db")
    panels = [
        Panel(
            curves=curves(select(usable, cropped=cropped), "round", "psnr_rgb_db", by="codec"),
            x="round",
            y="RGB PSNR, dB",
            title=title,
        )
        for cropped, title in ((False, "same grid"), (True, "a row and a column cropped"))
    ]
    return figure_of(*panels, size=(10, 3.8), sharey=True, layout="constrained")
