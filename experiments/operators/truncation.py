"""How well do a few coefficients of the KLT, the DCT or Haar wavelets keep a picture?

The patches of a picture are projected on the `rank` coefficients of largest energy. KLT basis and order come from the
picture itself (the low-rank SVD: optimal, but the basis would have to be sent) or from the other pictures (a prior).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    HERE,
    Array,
    Figure,
    LeaveOneOut,
    Panel,
    Picture,
    PictureParams,
    Table,
    Track,
    Workers,
    check,
    comparable,
    each,
    fair_mean,
    figure_of,
    groups,
    levels,
    mean,
    pictures_counted,
    rows_by_picture,
    whole,
)
from qimg import images, metrics
from qimg.images import LEVEL_SHIFT
from qimg.patches import assemble_patches, extract_patches
from qimg.transforms import klt, unitary
from qimg.truncation import energy_order, keep_coefficients


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    ranks: Annotated[tuple[int, ...], each(whole(1, 192))] = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
    """Coefficients kept of 192."""


TINY = Params(box_mean=8, ranks=(1, 16, 48))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture at one rank."""

    image: str
    transform: str
    fitted_on: str
    """Where basis or order of coefficients come from: "itself" or "others"."""
    rank: int
    psnr_y_db: float
    psnr_rgb_db: float
    discarded_weight: float
    """Relative squared error of the level-shifted Y'CbCr patches."""


EXACT = 1e-24
"""Relative squared error that rounding alone explains: such a picture is kept exactly, its PSNR infinite."""


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """One row per picture, transform, source of the basis and rank; only "itself" where the others have no energy."""
    check(params)
    pictures = params.gather().pictures
    shared = params, LeaveOneOut(pictures, Picture.operator)
    return rows_by_picture(rows_of, pictures, shared, track=track, workers=workers)


def rows_of(picture: Picture, shared: tuple[Params, LeaveOneOut]) -> list[Row]:
    """The rows of one picture; none where it has no energy."""
    params, operators = shared
    rows: list[Row] = []
    own, prior = operators.own(picture), operators.without(picture)
    if not np.trace(own.matrix) > 0:
        return rows
    bases = {
        ("KLT", "itself"): (klt(own.matrix), own),
        ("KLT", "others"): (klt(prior.matrix), prior),
        ("DCT", "others"): (_on_planes("dct_2d"), prior),
        ("Haar", "others"): (_on_planes("haar_2d"), prior),
        ("pixels", "others"): (np.eye(192), prior),
    }
    planes, rgb = picture.planes(), images.code_values(picture.image())
    patches = extract_patches(planes) - LEVEL_SHIFT
    for (name, source), (matrix, operator) in bases.items():
        if not np.trace(operator.matrix) > 0:
            continue
        order = energy_order(operator.density_matrix(), matrix)
        for rank in params.ranks:
            kept = keep_coefficients(patches, matrix, order[:rank])
            rebuilt = assemble_patches(kept + LEVEL_SHIFT, planes.shape)
            discarded = float(((kept - patches) ** 2).sum() / (patches**2).sum())
            exact = discarded < EXACT
            rows.append(
                Row(
                    image=picture.name,
                    transform=name,
                    fitted_on=source,
                    rank=rank,
                    psnr_y_db=np.inf if exact else metrics.psnr_db(planes[..., 0], rebuilt[..., 0], data_range=255),
                    psnr_rgb_db=np.inf if exact else metrics.psnr_db(rgb, _rgb_like(rebuilt, rgb), data_range=255),
                    discarded_weight=discarded,
                )
            )
    return rows


def _on_planes(name: str) -> Array:
    return np.kron(np.eye(3), unitary(name, 64))


def _rgb_like(planes: Array, reference: Array) -> Array:
    return planes[..., 0] if reference.ndim == 2 else images.ycbcr_to_rgb(planes)


def findings(rows: Sequence[Row]) -> list[str]:
    """PSNR of the transforms at 16 coefficients, or at the middle rank."""
    if not rows:
        return ["No picture has energy after the level shift, so there is nothing to truncate."]
    ranks = levels(rows, "rank")
    rank = 16 if 16 in ranks else ranks[len(ranks) // 2]
    if not comparable(rows, "psnr_y_db"):
        return ["Every picture is kept exactly by some of these transforms, so there is no error to compare."]
    itself, prior, dct, haar = (
        fair_mean(rows, "psnr_y_db", transform=name, fitted_on=source, rank=rank)
        for name, source in (("KLT", "itself"), ("KLT", "others"), ("DCT", "others"), ("Haar", "others"))
    )
    return [
        f"{rank} of 192 coefficients keep {itself:.2f} dB in Y with each picture's own KLT, {prior:.2f} dB with the "
        f"KLT of the other pictures, {dct:.2f} dB with the DCT and {haar:.2f} dB with Haar wavelets.",
        f"The fitted basis differs from the fixed DCT by {prior - dct:+.2f} dB and falls {itself - prior:.2f} dB short "
        "of the picture's own basis.",
    ]


def _curves(rows: Sequence[Row], measure: str) -> dict[tuple[str, str], tuple[list[int], list[float]]]:
    """(transform, source) → ranks, and means over the pictures that no transform keeps exactly at any rank."""
    ranks, kept = levels(rows, "rank"), comparable(rows, measure)
    return {
        (name, source): (ranks, [mean(kept, measure, transform=name, fitted_on=source, rank=rank) for rank in ranks])
        for name, source in groups(rows, "transform", "fitted_on")
    }


def _label(name: str, source: str) -> str:
    return f"KLT of {'itself' if source == 'itself' else 'other pictures'}" if name == "KLT" else name


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"psnr": _psnr(rows), "differences": _differences(rows)}


def _psnr(rows: Sequence[Row]) -> Table:
    """Mean PSNR at each rank."""
    means = _curves(rows, "psnr_y_db")
    names = [_label(*key) for key in means]
    return Table(
        columns=["coefficients", *names],
        rows=[[rank, *(psnr[k] for _, psnr in means.values())] for k, rank in enumerate(levels(rows, "rank"))],
        caption=f"Y PSNR in dB, means over {pictures_counted(rows, 'psnr_y_db')}",
        formats=dict.fromkeys(names, ".2f"),
    )


def _differences(rows: Sequence[Row]) -> Table:
    """The basis of other pictures beside the DCT and beside the picture's own basis, at each rank."""
    means = {key: psnr for key, (_, psnr) in _curves(rows, "psnr_y_db").items()}
    empty = [float("nan")] * len(levels(rows, "rank"))
    itself, prior, dct = (
        np.array(means.get(key, empty)) for key in (("KLT", "itself"), ("KLT", "others"), ("DCT", "others"))
    )
    differences = {
        "KLT of other pictures − DCT, dB": prior - dct,
        "KLT of itself − KLT of other pictures, dB": itself - prior,
    }
    return Table(
        columns=["coefficients", *differences],
        rows=[
            list(line)
            for line in zip(levels(rows, "rank"), *(own.tolist() for own in differences.values()), strict=True)
        ],
        caption=f"Y PSNR, means over {pictures_counted(rows, 'psnr_y_db')}",
        formats=dict.fromkeys(differences, "+.2f"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR and discarded weight against rank."""
    psnr, weight = (
        {_label(*key): points for key, points in _curves(rows, name).items()}
        for name in ("psnr_y_db", "discarded_weight")
    )
    figure = figure_of(
        Panel(curves=psnr, x="coefficients kept of 192", y="Y PSNR, dB", log="x"),
        Panel(curves=weight, x="coefficients kept of 192", y="discarded weight", log="x"),
        size=(10, 3.8),
    )
    if any(row.discarded_weight > 0 for row in rows):
        figure.axes[1].set_yscale("log")
    return figure
