"""How many bits does each entropy model need for the same quantized coefficients?

The coefficients are those of a JPEG file of luma with one step for all frequencies, so that JPEG and the lossless
recompression of JPEG XL code the same numbers. The base is a table of each coefficient's values in other pictures. The
learned models are points of a grid: what a distribution depends on, and its family. They are trained on the same other
pictures, for each step, and evaluated in integers; every file is decoded again. Sizes of learned models and tables are
those of the coded numbers, without the picture's size and without the model, which all pictures share. With digits, the
numbers are the latents of an auto-encoder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    Gathered,
    LibraryDependent,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Sources,
    Table,
    Track,
    among,
    check,
    count_pictures,
    distinct,
    each,
    fulfils,
    levels,
    mean,
    others,
    require,
    select,
    subplots,
    table_of,
    timed,
    values,
    whole,
)
from experiments._run.columns import OfOneMachine
from experiments.learned.flat_jpeg import FlatJpeg, flat_jpeg, recompressed_bytes
from experiments.learned.short_trainings import short_schedule
from experiments.learned.symbol_tables import coded_by_tables, counts_of, table_bits, widths_of
from experiments.tensor_trains.binary_pictures import mnist_inputs
from qimg.learning.schedule import Schedule
from qimg.report.plots import curve_styles

STATIC = "table of other pictures"
OWN = "table of the picture"
SCAN, FILE, JXL = "JPEG, scan", "JPEG, file", "JPEG XL of the file"

_DISTRIBUTIONS = ("Laplace", "Gaussian", "mixture of 3")
MODELS = tuple(
    f"{context}, {distribution}"
    for context in ("none", "side", "blocks", "coefficients", "both")
    for distribution in _DISTRIBUTIONS
)
"""Learned models."""


@dataclass(frozen=True, kw_only=True)
class DividedParams(PictureParams):
    """The inputs of experiments that train on some pictures and measure others."""

    sources: Sources = ()
    """Pictures to train on; by default every other picture, and then the remaining ones for them."""

    def inputs(self) -> Gathered:
        """The measured pictures, and those to train on."""
        pictures = self.gather()
        return pictures + self.gather_from(self.sources) if self.sources else pictures


@dataclass(frozen=True, kw_only=True)
class Params(DividedParams):
    """Inputs of the experiment."""

    steps: Annotated[tuple[int, ...], each(whole(1, 255))] = (8, 16, 32)
    """Quantization steps in code values."""
    digits: Annotated[int, whole(0)] = 0
    """Training digits of MNIST; the latents that the shipped auto-encoder gives the test digits are then coded instead
    of pictures, in one pack, from the set mnist in QIMG_DATA."""
    rates: Annotated[tuple[float, ...], each(fulfils(lambda rate: 0 <= rate <= 1, "must be in [0, 1]"))] = (0.5,)
    """Rates of the auto-encoder."""
    models: Annotated[tuple[str, ...], each(among(MODELS))] = (
        "none, Laplace",
        "side, Gaussian",
        "side, Laplace",
        "blocks, Laplace",
        "coefficients, Gaussian",
        "coefficients, Laplace",
        "coefficients, mixture of 3",
        "both, mixture of 3",
    )
    """Learned models: what distributions depend on, and their family."""
    training: Count = 1800
    """Steps of the training of each model."""
    batch: Count = 4
    """Crops of a step of the training."""
    crop: Count = 16
    """Blocks on a side of a crop."""
    rate: float = 6e-3
    """Highest learning rate."""
    hidden: Count = 96
    """Features of the hidden layers."""
    splits: Counts = (1, 7)
    """Blocks of a product, compared with one product for all blocks of a picture."""
    seed: Seed = 0
    """Seed of weights and crops."""

    def inputs(self) -> Gathered:
        """The measured pictures, and those to train on; or the files of digits."""
        return Gathered(pictures=mnist_inputs(), skipped=()) if self.digits else super().inputs()

    def schedule(self) -> Schedule:
        """Parameters of the steps of a training."""
        return short_schedule(steps=self.training, batch=self.batch, rate=self.rate, seed=self.seed, crop=self.crop)


TINY = Params(
    box_mean=6,
    steps=(40,),
    models=("side, Gaussian", "coefficients, mixture of 3"),
    training=4,
    batch=2,
    crop=4,
    hidden=8,
    splits=(3,),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one model at one step."""

    image: str
    """The picture, or "mnist" for the latents of all test digits."""
    step: int
    """Quantization step in code values; for digits the rate of the auto-encoder in percent."""
    model: str
    bytes: LibraryDependent
    ideal_bits: LibraryDependent
    """Σ −log₂ p by the integers that the coder uses, with the side information; NaN for files of other programs."""
    float_bits: LibraryDependent
    """The same sum by the same weights in floating point, without any rounding; NaN for models without weights."""
    bits_per_pixel: LibraryDependent
    psnr_db: LibraryDependent
    """Of luma, the same for all models."""
    weights: int
    """Trained numbers; 0 for models without training."""
    products_per_pixel: float
    """Multiply-accumulates of decoding; 0 for models without networks."""
    float_rows: Annotated[float, OfOneMachine()]
    """Largest share of blocks whose parameters, in floating point, depend on the size of the batch; NaN without."""
    integer_rows: LibraryDependent
    """The same share in integers."""
    train_seconds: Seconds
    """Processor time of the training for all pictures."""
    encode_seconds: Seconds
    decode_seconds: Seconds
    """NaN for files of other programs, and for tables."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of all pictures, steps and models, in the order of the pictures."""
    check(params)
    if params.digits:
        return [row for rate in track(params.rates) for row in _by_latents(rate, params)]
    jobs = [(own, fit, step) for own, fit in divided(params) for step in params.steps]
    rows: list[Row] = []
    for own, fit, step in track(jobs):
        files = [flat_jpeg(picture.luma(), step) for picture in own]
        learnt = [flat_jpeg(picture.luma(), step).symbols for picture in fit]
        coded = [
            Quantized(
                image=picture.name,
                step=step,
                symbols=file.symbols[..., None],
                pixels=file.symbols.size,
                psnr_db=file.psnr_db,
            )
            for picture, file in zip(own, files, strict=True)
        ]
        for one, file in zip(coded, files, strict=True):
            rows += _by_programs(one, file) + _by_tables(one, learnt)
        for name in params.models:
            rows += _by_network(name, coded, learnt, params.schedule(), params)
    order = {picture.name: number for number, picture in enumerate(params.gather().pictures)}
    return sorted(rows, key=lambda row: order[row.image])


def divided(params: DividedParams) -> Iterator[tuple[Sequence[Picture], Sequence[Picture]]]:
    """Pictures to measure, and those to train on for them."""
    pictures = params.gather().pictures
    if params.sources:
        hashes = {picture.sha256 for picture in pictures}
        fit = [one for one in params.gather_from(params.sources).pictures if one.sha256 not in hashes]
        require(bool(fit), "sources", "must hold a picture that images does not", params.sources)
        yield pictures, fit
        return
    yield pictures[::2], pictures[1::2] or others(pictures, pictures[0])
    if len(pictures) > 1:
        yield pictures[1::2], pictures[::2]


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantized:
    """Integers that all models code."""

    image: str
    step: int
    symbols: Array
    """(channels, R, C, n)."""
    pixels: int
    """Of all pictures together, with the padding of blocks."""
    psnr_db: float


def _by_latents(rate: float, params: Params) -> list[Row]:
    """Tables and learned models of the latents of digits."""
    from experiments.learned.digit_latents import digit_latents

    train, test, psnr = digit_latents(params.digits, rate)
    coded = Quantized(image="mnist", step=round(100 * rate), symbols=test, pixels=test.shape[-1] * 784, psnr_db=psnr)
    learnt = list(np.moveaxis(train, -1, 0))
    # Digits have one position each, so that a batch holds as many of them as crops of pictures hold blocks.
    schedule = replace(params.schedule(), crop=1, batch=params.batch * params.crop**2)
    rows = _by_tables(coded, [train])
    return rows + [row for name in params.models for row in _by_network(name, [coded], learnt, schedule, params)]


def _row(coded: Quantized, model: str, size: int, *, weights: int = 0, **columns: float) -> Row:
    columns = dict.fromkeys(_OF_MODELS, np.nan) | {"products_per_pixel": 0.0} | columns
    return Row(
        image=coded.image,
        step=coded.step,
        model=model,
        bytes=float(size),
        bits_per_pixel=8 * size / coded.pixels,
        psnr_db=coded.psnr_db,
        weights=weights,
        **columns,
    )


_OF_MODELS = (
    "ideal_bits",
    "float_bits",
    "float_rows",
    "integer_rows",
    "train_seconds",
    "encode_seconds",
    "decode_seconds",
)


def _by_programs(coded: Quantized, file: FlatJpeg) -> list[Row]:
    """JPEG, and JPEG XL if it is installed."""
    rows = [_row(coded, SCAN, file.scan_bytes), _row(coded, FILE, len(file.file))]
    size, seconds = timed(recompressed_bytes, file.file)
    return rows if size is None else [*rows, _row(coded, JXL, size, encode_seconds=seconds)]


def _by_tables(coded: Quantized, learnt: Sequence[Array]) -> list[Row]:
    """The table of other pictures, and that of the picture with its cost."""
    rows = []
    for model, pictures in ((STATIC, learnt), (OWN, [coded.symbols])):
        counts = counts_of(pictures)
        size, ideal = coded_by_tables(coded.symbols, widths_of(counts))
        cost = table_bits(counts) if model == OWN else 0
        rows.append(_row(coded, model, size + -(-cost // 8), ideal_bits=ideal + cost))
    return rows


def _by_network(
    name: str, coded: Sequence[Quantized], learnt: Sequence[Array], schedule: Schedule, params: Params
) -> list[Row]:
    """A learned model, trained on other pictures (channels, R, C)."""
    from experiments.learned.context_models import KINDS
    from experiments.learned.context_training import (
        bits_in_floating_point,
        rows_that_depend_on_the_batch,
        trained,
    )

    model, seconds = trained(KINDS[name], learnt, schedule, hidden=params.hidden)
    coder = model.export()
    depends = [rows_that_depend_on_the_batch(model, coded[0].symbols, size) for size in params.splits]
    rows = []
    for one in coded:
        (words, ideal), encoding = timed(coder.encode, one.symbols)
        again, decoding = timed(coder.decode, words, one.symbols.shape[1:])
        require(np.array_equal(again, one.symbols), name, f"must decode {one.image}", "other numbers")
        positions = one.symbols[0].size / one.pixels
        rows.append(
            _row(
                one,
                name,
                4 * len(words),
                ideal_bits=ideal,
                float_bits=bits_in_floating_point(model, one.symbols),
                weights=sum(value.numel() for value in model.parameters()),
                products_per_pixel=coder.multiply_accumulates() * positions,
                float_rows=max(floating for floating, _ in depends),
                integer_rows=max(integer for _, integer in depends),
                train_seconds=seconds,
                encode_seconds=encoding,
                decode_seconds=decoding,
            )
        )
    return rows


def savings(rows: Sequence[Row], model: str, base: str) -> dict[int, float]:
    """Percent by which a model's bytes exceed those of another, of all pictures together, by step."""
    result = {}
    for step in levels(rows, "step"):
        own, other = (sum(values(select(rows, model=name, step=step), "bytes")) for name in (model, base))
        result[step] = 100 * (own / other - 1)
    return result


def findings(rows: Sequence[Row]) -> list[str]:
    """Bytes against the table of other pictures and against JPEG XL, the excess of files, and the cost of integers."""
    sentences = []
    present = distinct(rows, "model")
    learned = [model for model in present if model in MODELS]
    for model in present:
        if model != STATIC:
            listed = ", ".join(f"{cell:+.1f} %" for cell in savings(rows, model, STATIC).values())
            sentences.append(f"{model}: {listed} bytes against the {STATIC}, at steps {_steps(rows)}.")
    if JXL in present:
        for model in learned:
            listed = ", ".join(f"{cell:+.1f} %" for cell in savings(rows, model, JXL).values())
            sentences.append(f"{model}: {listed} bytes against {JXL}.")
    own = [row for row in rows if row.model in learned]
    excess = max(row.bytes - row.ideal_bits / 8 * 1.01 for row in own)
    integers = [100 * (sum(values(some, "ideal_bits")) / sum(values(some, "float_bits")) - 1) for some in _by(own)]
    sentences += [
        f"Files of learned models exceed their cross entropy by at most 1 % and {max(excess, 0):.1f} bytes.",
        f"Integers cost {min(integers):+.2f} to {max(integers):+.2f} % of the bits of the same weights in floating "
        f"point.",
        f"With plain single precision, {100 * min(values(own, 'float_rows')):.0f} to "
        f"{100 * max(values(own, 'float_rows')):.0f} % of the positions get other parameters in batches of another "
        f"size; in integers {100 * max(values(own, 'integer_rows')):.0f} %.",
    ]
    return sentences


def _steps(rows: Sequence[Row]) -> str:
    return ", ".join(map(str, levels(rows, "step")))


def _by(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of each model and step."""
    return [select(rows, model=model, step=step) for model in distinct(rows, "model") for step in levels(rows, "step")]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"ladder": ladder(rows), "costs": costs(rows)}


def ladder(rows: Sequence[Row]) -> Table:
    """Bits per pixel of each model and step, and the difference to the table of other pictures and to JPEG XL."""
    steps = levels(rows, "step")
    bases = [base for base in (STATIC, JXL) if base in distinct(rows, "model")]
    columns = [f"bits per pixel, step {step}" for step in steps]
    against = {base: [f"against {base}, %, step {step}" for step in steps] for base in bases}
    body = []
    for model in distinct(rows, "model"):
        rates = [mean(rows, "bits_per_pixel", model=model, step=step) for step in steps]
        cells = [cell for base in bases for cell in savings(rows, model, base).values()]
        body.append([model, *rates, *cells])
    return Table(
        columns=["model", *columns, *(name for names in against.values() for name in names)],
        rows=body,
        caption=f"Size of the same coefficients by each model, {count_pictures(rows)}",
        formats=dict.fromkeys(columns, ".3f") | {name: "+.1f" for names in against.values() for name in names},
    )


def costs(rows: Sequence[Row]) -> Table:
    """What each learned model costs, and how far its files are from its cross entropy."""
    return table_of(
        [row for row in rows if row.model in MODELS],
        {
            "model": "model",
            "step": "step",
            "PSNR, dB": "psnr_db",
            "weights": lambda own: own[0].weights,
            "products per pixel": "products_per_pixel",
            "file over ideal, %": lambda own: (
                100 * (8 * sum(values(own, "bytes")) / sum(values(own, "ideal_bits")) - 1)
            ),
            "integers over floats, %": lambda own: (
                100 * (sum(values(own, "ideal_bits")) / sum(values(own, "float_bits")) - 1)
            ),
            "positions that depend on the batch, floats, %": lambda own: 100 * mean(own, "float_rows"),
            "integers, %": lambda own: 100 * mean(own, "integer_rows"),
            "training, s": "train_seconds",
            "encoding, s": "encode_seconds",
            "decoding, s": "decode_seconds",
        },
        by=("model", "step"),
        caption=f"Learned models, means over {count_pictures(rows)}; seconds on one core, of training for all pictures",
        formats={
            "PSNR, dB": ".2f",
            "weights": "_d",
            "products per pixel": ".0f",
            "file over ideal, %": "+.3f",
            "integers over floats, %": "+.2f",
            "positions that depend on the batch, floats, %": ".0f",
            "integers, %": ".0f",
            "training, s": ".0f",
            "encoding, s": ".2f",
            "decoding, s": ".2f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Bytes against the table of other pictures, by step."""
    figure, ax = subplots(figsize=(8, 5.8), layout="constrained")
    steps = levels(rows, "step")
    models = [model for model in distinct(rows, "model") if model != STATIC]
    for model, style in zip(models, curve_styles(), strict=False):
        ax.plot(range(len(steps)), list(savings(rows, model, STATIC).values()), label=model, **style)
    ax.set_xticks(range(len(steps)), [f"{step}" for step in steps])
    ax.set(xlabel="quantization step, code values", ylabel=f"bytes against the {STATIC}, %")
    ax.set_title(count_pictures(rows), fontsize="medium")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return figure
