"""How far are decoded digits from the originals under the tangent error, which forgives small displacements?

The digits, codecs and settings are those of `mnist_codecs`, fewer of each. The tangent error is the mean over the
digits, as is the squared error of the PSNR. Codecs that place an edge exactly and miss its profile differ from those
that blur it in the tangent error at equal PSNR.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments._run import Array, Figure, Panel, Table, Track, check, curves, distinct, figure_of, select, table_of
from experiments.learned import mnist_codecs
from experiments.learned.digit_codecs import Coded
from experiments.learned.mnist_codecs import Collection, decibels, jobs_of, mnist_digits, padded
from experiments.tensor_trains.binary_pictures import luma_patches
from qimg.codecs.digits.latent_model import SIDE
from qimg.metrics import tangent_error


@dataclass(frozen=True, kw_only=True)
class Params(mnist_codecs.Params):
    """Inputs of the experiment, as those of `mnist_codecs`; there is no classifier and no Born machine."""

    efforts: tuple[int, ...] = (5,)
    rounds: int = 0


TINY = Params(
    patches=3, box_mean=2, rates=(1.0,), efforts=(1,), levels=(2,), peers=("peer:jpeg",), settings=1, single=2
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One codec at one setting, on one collection of digits."""

    image: str
    """The picture whose patches were used, or "mnist"."""
    codec: str
    setting: str
    form: str
    """"pack", "file each" or "sheet"."""
    digits: int
    bytes: float
    """Of a digit: whole files over digits."""
    psnr_db: float
    """Of the squared error averaged over all digits; infinite if it is zero."""
    tangent_error: float
    """Mean over the digits."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every codec and setting, for each collection."""
    check(params)
    if params.digits:
        collections = [mnist_digits(params.digits)]
    else:
        rng, collections = np.random.default_rng(params.seed), []
        for picture in params.gather().pictures:
            patches = luma_patches(picture, side=SIDE, count=params.patches, rng=rng)
            digits, train = (padded(some) for some in (patches.test, patches.train))
            collections.append(Collection(name=picture.name, digits=digits, train=train))
    jobs = [(data, job) for data in collections for job in jobs_of(data, params)]
    return [_row(data.name, data.digits, job()) for data, job in track(jobs)]


def _row(name: str, digits: Array, coded: Coded) -> Row:
    count = len(coded.output)
    error = float(((coded.output.astype(float) - digits[:count]) ** 2).mean())
    tangent = [tangent_error(*pair) for pair in zip(digits[:count], coded.output, strict=True)]
    return Row(
        image=name,
        codec=coded.codec,
        setting=coded.setting,
        form=coded.form,
        digits=count,
        bytes=coded.size / count,
        psnr_db=decibels(error),
        tangent_error=float(np.mean(tangent)),
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """The tangent error of each codec at its setting nearest to 22 dB."""
    sentences = []
    for codec in distinct(rows, "codec"):
        own = [row for row in select(rows, codec=codec) if np.isfinite(row.psnr_db)]
        if own:
            row = min(own, key=lambda row: abs(row.psnr_db - 22))
            sentences.append(f"{codec}: tangent error {row.tangent_error:.3f} at {row.psnr_db:.2f} dB.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The table of the documentation."""
    table = table_of(
        rows,
        {
            "codec": "codec",
            "setting": "setting",
            "in": "form",
            "bytes": "bytes",
            "dB": "psnr_db",
            "tangent error": "tangent_error",
        },
        caption="Bytes of a digit, PSNR of the mean squared error, and mean tangent error",
        formats={"bytes": ".2f", "dB": ".2f", "tangent error": ".4f"},
    )
    return {"errors": table}


def plot(rows: Sequence[Row]) -> Figure:
    """Tangent error by PSNR, of packs and sheets."""
    usable = [row for row in rows if row.form != "file each" and np.isfinite(row.psnr_db)]
    panel = Panel(
        curves=curves(select(usable, image=usable[0].image), "psnr_db", "tangent_error", by="codec"),
        x="PSNR, dB",
        y="tangent error",
    )
    return figure_of(panel, size=(6, 4), layout="constrained")
