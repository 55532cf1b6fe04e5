"""Which measures find a moved line nearer than a dotted one, and how well do they agree with opinion scores?

Pairs of pictures of known order, drawn or made of photographs with errors of equal energy, are measured; a ratio below
1 finds the nearer one. Eight distortions of TID2013 are made again at its five levels, on crops of Kodak.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    HERE,
    Array,
    Figure,
    LibraryDependent,
    Panel,
    Paths,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    Workers,
    check,
    each,
    figure_of,
    fulfils,
    positive,
    rows_by_picture,
    select,
    table_of,
    whole,
)
from experiments.coding.external_curves import digests
from experiments.measures import cases
from experiments.measures.comparisons import COMPARISONS, NAMES, correlations, measured, ratio
from experiments.measures.opinions import (
    DISTORTIONS,
    LEVELS_DB,
    centre,
    distorted,
    read_scores,
    reference_number,
)
from qimg import images, metrics

DRAWN = "drawn"
"""`image` of the rows of drawn pictures."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    side: Annotated[int, whole(64)] = 192
    """Rows and columns of drawn pictures, and at most of crops with errors of equal energy."""
    phases: Annotated[tuple[float, ...], each(fulfils(np.isfinite, "must be finite"))] = (0, 0.25, 0.5, 0.75, 1, 2, 4)
    """Positions of the line and of the letter, in pixels."""
    displacement: Annotated[float, positive] = 0.6
    """Root mean square displacement of the warp, in pixels."""
    levels: Annotated[tuple[int, ...], each(whole(1, len(LEVELS_DB)))] = (1, 2, 3, 4, 5)
    """Levels of the distortions of TID2013."""
    scores: Paths = ()
    """File of the 3000 mean opinion scores of TID2013, in the order i01_01_1, i01_01_2, …, i25_24_5, for the pictures
    kodim01 to kodim24."""
    seed: Seed = 0
    """Seed of noise, displacements and textures."""

    def files(self) -> dict[str, str]:
        """Hash of the file of scores."""
        return digests(self.scores)


TINY = Params(box_mean=16, side=64, phases=(0.5,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One pair of pictures; NaN where they are too small for a measure, its package is missing, or it was left out."""

    image: str
    """Name of the picture, or "drawn"."""
    case: str
    position: float
    """Of a drawn line or letter, in pixels; NaN for others."""
    level: int
    """Level of a distortion of TID2013; 0 for others."""
    opinion: float
    """Mean opinion score; NaN for pairs without one."""
    psnr_db: LibraryDependent
    ssim_y: LibraryDependent
    ms_ssim_y: LibraryDependent
    gmsd_y: LibraryDependent
    ssimulacra2: LibraryDependent
    tangent: LibraryDependent
    tangent_affine: LibraryDependent
    bures: LibraryDependent
    bures_full: LibraryDependent


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """The rows of drawn pictures, then those of photographs."""
    check(params)
    if params.scores:
        read_scores(params.scores)  # a wrong file is an error before the first picture
    drawn = [row for position in params.phases for row in _drawn(position, params)]
    return drawn + rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)


def _drawn(position: float, params: Params) -> list[Row]:
    """Lines, letters and textures at one position."""
    rng = np.random.default_rng(params.seed)
    side = params.side
    line, moved = cases.line(position, side=side), cases.line(position + 0.5, side=side)
    letter = cases.glyph("C", shift=(position, 0), side=side)
    shown = {
        "line moved": (line, moved),
        "line dotted": (line, cases.dotted(line)),
        "line missing": (line, np.zeros_like(line)),
        "C moved": (letter, cases.glyph("C", shift=(position + 0.5, 0), side=side)),
        "C turned": (letter, cases.glyph("C", shift=(position, 0), degrees=2, side=side)),
        "O for C": (letter, cases.glyph("O", shift=(position, 0), side=side)),
        "B for C": (letter, cases.glyph("B", shift=(position, 0), side=side)),
    }
    pairs = {case: (_painted(first), _painted(second)) for case, (first, second) in shown.items()}
    reference, other = pairs["line moved"]
    energy = float(np.mean((reference.astype(float) - other) ** 2))
    noise = cases.noisy(reference.astype(float), rng, mean_squared_error=energy)
    pairs["line with noise"] = reference, images.to_uint8(noise)
    textures = [cases.texture(np.random.default_rng([params.seed, k]), side=side) for k in range(2)]
    first, second = (images.to_uint8(texture) for texture in textures)
    pairs |= {"texture again": (first, second), "texture flat": (first, np.full_like(first, 128))}
    return [_row(DRAWN, case, *pair, position=position) for case, pair in pairs.items()]


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Errors of equal energy in the middle of a picture, and where it has scores, the distortions of TID2013."""
    image = picture.code_values()
    rows = _equal_energy(picture.name, image, params)
    number = reference_number(picture.name)
    if not (number and params.scores):
        return rows
    scores = read_scores(params.scores)[number - 1]
    crop = centre(image)
    for kind, case in DISTORTIONS.items():
        for level in params.levels:
            rng = np.random.default_rng([params.seed, kind, level])
            opinion = float(scores[kind - 1, level - 1])
            other = distorted(crop, kind, level, rng)
            rows.append(_row(picture.name, case, crop, other, level=level, opinion=opinion, all_modes=False))
    return rows


def _equal_energy(name: str, image: Array, params: Params) -> list[Row]:
    """A warp, and other errors of its energy."""
    top, left = (max(0, side - params.side) // 2 for side in image.shape[:2])
    crop = image[top : top + params.side, left : left + params.side]
    rng = np.random.default_rng(params.seed)
    original = crop.astype(np.float64)
    warped = images.to_uint8(cases.warped(original, rng, displacement=params.displacement))
    energy = float(np.mean((original - warped) ** 2))
    others = {
        "warp": warped,
        "noise": cases.noisy(original, rng, mean_squared_error=energy),
        "blur": cases.blurred(original, mean_squared_error=energy),
        "JPEG": cases.compressed(crop, mean_squared_error=energy),
        "hot pixels": cases.with_hot_pixels(original, rng, mean_squared_error=energy),
    }
    return [_row(name, case, crop, images.to_uint8(other)) for case, other in others.items()]


def _painted(coverage: Array) -> Array:
    return images.to_uint8(cases.painted(coverage, colour=True))


def _row(
    name: str,
    case: str,
    first: Array,
    second: Array,
    *,
    position: float = float("nan"),
    level: int = 0,
    opinion: float = float("nan"),
    all_modes: bool = True,
) -> Row:
    """All measures of a pair of `uint8` pictures; `all_modes` includes affine deformations and full matrices."""
    options = {"data_range": 255, "channel_axis": 2 if first.ndim == 3 else None}
    missing = float("nan")
    return Row(
        image=name,
        case=case,
        position=position,
        level=level,
        opinion=opinion,
        **measured(first, second),
        tangent_affine=metrics.measure("tangent_error", first, second, deformation="affine", **options)
        if all_modes
        else missing,
        bures_full=metrics.measure("patch_bures", first, second, states="full", **options) if all_modes else missing,
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """Ratios of the tangent error, and correlations with opinions."""
    sentences = []
    for near, far in COMPARISONS:
        tangent, squared = (ratio(rows, name, near, far) for name in ("tangent", "psnr_db"))
        if np.isfinite([tangent, squared]).all():
            sentences.append(
                f"{near} against {far}: at most {tangent:.3f} of the tangent error, {squared:.3f} of the squared error."
            )
    for name, one in correlations(rows).items():
        sentences.append(
            f"{NAMES[name]}: rank correlation {one.all:.2f} with opinions, {one.within:.2f} at equal PSNR."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    found = correlations(rows)
    opinions = Table(
        columns=["measure", "all", "5–95 %", "at equal PSNR", "5–95 % at equal PSNR"],
        rows=[
            [NAMES[name], one.all, _interval(one.all_interval), one.within, _interval(one.within_interval)]
            for name, one in found.items()
        ],
        caption="Spearman's rank correlation with mean opinion scores of TID2013 on distortions made again; intervals "
        "over resamples of the references",
        formats={"all": ".2f", "at equal PSNR": ".2f"},
    )
    return {"ratios": _ratios(rows), "cases": _cases(rows), "opinions": opinions}


def _interval(ends: tuple[float, float]) -> str:
    return "" if np.isnan(ends[0]) else f"{ends[0]:.2f} – {ends[1]:.2f}"


def _ratios(rows: Sequence[Row]) -> Table:
    """Largest ratio of the near case to the far one, by every measure."""
    return Table(
        columns=["near", "far", *NAMES.values()],
        rows=[[near, far, *(ratio(rows, name, near, far) for name in NAMES)] for near, far in COMPARISONS],
        caption="Dissimilarity of the near case divided by that of the far one, largest over positions and pictures",
        formats=dict.fromkeys(NAMES.values(), ".3f"),
    )


def _cases(rows: Sequence[Row]) -> Table:
    """Mean of every measure for each case."""
    spec = {"psnr_db": ".1f", "ssimulacra2": ".1f", "ssim_y": ".3f", "ms_ssim_y": ".3f", "gmsd_y": ".3f"}
    return table_of(
        select(rows, level=0),
        {"case": "case"} | {label: name for name, label in NAMES.items()},
        by=("case",),
        caption="Means over positions, or pictures",
        formats={label: spec.get(name, ".4f") for name, label in NAMES.items()},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Ratios of near to far cases by the squared error, SSIM and both measures of qimg."""
    shown = ("psnr_db", "ssim_y", "gmsd_y", "tangent", "bures")
    numbers = list(range(1, len(COMPARISONS) + 1))
    curves = {
        NAMES[name]: (numbers, [max(ratio(rows, name, near, far), 1e-4) for near, far in COMPARISONS]) for name in shown
    }
    panel = Panel(curves=curves, x="comparison, in the order of the table", y="near / far", log="y", dashed=(1.0,))
    return figure_of(panel, size=(7, 3.8), layout="constrained")
