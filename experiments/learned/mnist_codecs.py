"""How many bytes does a digit take, at which error and accuracy of a classifier, by learned codecs and by others?

Test digits of MNIST, or patches of each picture of the size of digits, are coded in one pack by the learned codecs and
the KLT, by contours, and by other codecs in one file for each digit and on one sheet. Bytes are those of whole files
over the number of digits; the model's file is a column of its own. The PSNR is that of the squared error averaged over
all digits. The accuracy is that of a convolutional network which learns from original training digits and which no
codec knows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Count,
    Figure,
    Gathered,
    LibraryDependent,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    among,
    check,
    distinct,
    each,
    fulfils,
    mean,
    plain_log_axis,
    select,
    subplots,
    table_of,
    whole,
)
from experiments.coding.compared_codecs import curve_of
from experiments.learned.digit_codecs import (
    Coded,
    class_means,
    lossless_codecs,
    lossless_sheet,
    raster_pack,
    rated_pack,
    sheet_file,
    single_files,
)
from experiments.tensor_trains.binary_pictures import THRESHOLD, binarise, luma_patches, mnist_inputs
from experiments.tensor_trains.labelled_pictures import FILES, labelled_digits
from experiments.tensor_trains.small_network import trained_network
from qimg import tensor_train
from qimg.codecs import registry
from qimg.codecs.digits.latent_model import SIDE
from qimg.report.plots import curve_styles

AUTOENCODER, KLT, RASTER, BORN = "auto-encoder", "KLT", "raster-encoder", "Born machine"
CONTOURS = "contours"
RATED = (AUTOENCODER, KLT, CONTOURS)
PEERS = ("peer:jpeg", "peer:webp", "peer:avif", "peer:jpegxl")
LEVELS = (20.5, 22.0)
"""PSNR at which codecs with a rate are compared, in dB."""
_TRAINED = 60_000


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    digits: Annotated[int, whole(0)] = 0
    """Test digits of MNIST, from the set mnist in QIMG_DATA; 0 takes patches of the pictures instead."""
    patches: Count = 100
    """Most patches of a picture."""
    rated: Annotated[tuple[str, ...], each(among(RATED))] = RATED
    """Codecs with a rate."""
    rates: Annotated[tuple[float, ...], each(fulfils(lambda rate: 0 <= rate <= 1, "must be in [0, 1]"))] = (
        *(0.0, 0.25, 0.5, 0.75, 1.0),
    )
    """Rates of the auto-encoder, the KLT and the contours."""
    efforts: Annotated[tuple[int, ...], each(whole(1))] = (1, 5)
    """Efforts of the auto-encoder; the contours have the largest."""
    levels: Annotated[tuple[int, ...], each(fulfils(lambda n: n in (2, 4, 8, 256), "must be 2, 4, 8 or 256"))] = (
        *(2, 4, 8, 256),
    )
    """Levels of the raster-encoder."""
    peers: Annotated[tuple[str, ...], each(among(PEERS))] = PEERS
    """Other codecs, by ids of `qimg.codecs.registry`."""
    settings: Count = 5
    """Settings of each of them, from the smallest file on."""
    single: Count = 300
    """Digits that are coded in one file each."""
    rounds: Annotated[int, whole(0)] = 10
    """Rounds in which decoded digits are coded again, by codecs that recognise them."""
    recoded: Count = 500
    """Digits of these."""
    seen: Count = 300_000
    """Digits of all steps of the classifier together."""
    bond: Annotated[int, whole(0)] = 16
    """Bond of the Born machine, the raster-encoder of a tensor train; 0 leaves it out."""
    pictures: Count = 1000
    """Training digits of the Born machine, thresholded at half of white."""
    sweeps: Count = 5
    """Sweeps of its training."""
    seed: Seed = 0
    """Seed of patches, classifier and Born machine."""

    def inputs(self) -> Gathered:
        """The pictures, or the files of digits."""
        return Gathered(pictures=mnist_inputs(FILES), skipped=()) if self.digits else self.gather()


TINY = Params(
    patches=6,
    box_mean=2,
    rates=(0.0, 1.0),
    efforts=(1, 5),
    levels=(2, 256),
    peers=("peer:jpeg", "peer:webp"),
    settings=2,
    single=3,
    rounds=2,
    bond=2,
    pictures=20,
    sweeps=1,
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
    """Of a digit: whole files over digits; NaN of the Born machine, for which no file was written."""
    scan_bytes: float
    """Of a digit: the entropy-coded data of JPEG; NaN for others."""
    ideal_bytes: float
    """Of a digit: the cross entropy of the model; NaN for others."""
    model_bytes: int
    """Of the file of the model, which all digits share; 0 for codecs without one."""
    psnr_db: float
    """Of the squared error averaged over all digits; infinite if it is zero."""
    mean_psnr_db: float
    """Mean of the PSNR of each digit, of digits with an error."""
    accuracy: LibraryDependent
    """Share of the decoded digits that the classifier labels rightly; NaN for patches."""
    encode_seconds: Seconds
    """For a digit."""
    decode_seconds: Seconds
    """For a digit."""
    unchanged: tuple[float, ...]
    """Share of the digits whose codes stay as they were when decoded digits are coded again, by round."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Collection:
    """Digits to code, and what the classifier and the Born machine learn from."""

    name: str
    digits: Array
    """(n, 28, 28) uint8."""
    train: Array
    """(m, 28, 28) uint8."""
    labels: Array | None = None
    train_labels: Array | None = None


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every codec and setting, for each collection."""
    check(params)
    if params.digits:
        return _rows(mnist_digits(params.digits), params, track)
    rng = np.random.default_rng(params.seed)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        patches = luma_patches(picture, side=SIDE, count=params.patches, rng=rng)
        digits, train = (padded(some) for some in (patches.test, patches.train))
        rows += _rows(Collection(name=picture.name, digits=digits, train=train), params, iter)
    return rows


def mnist_digits(count: int) -> Collection:
    """The first test digits of MNIST, and all training digits."""
    data = labelled_digits(_TRAINED)
    train, test = (np.round(255 * pictures).astype(np.uint8) for pictures in (data.train, data.test))
    return Collection(
        name="mnist",
        digits=test[:count],
        train=train,
        labels=data.test_labels[:count],
        train_labels=data.train_labels,
    )


def padded(patches: Array) -> Array:
    """Patches of at most 28×28 pixels on black digits."""
    digits = np.zeros((len(patches), SIDE, SIDE), np.uint8)
    digits[:, : patches.shape[1], : patches.shape[2]] = patches
    return digits


def _rows(data: Collection, params: Params, track: Track) -> list[Row]:
    predict = None
    if data.train_labels is not None:
        pictures = (data.train / 255).astype(np.float32)
        predict = trained_network(pictures, data.train_labels, classes=10, seen=params.seen, seed=params.seed)[0]
    rows = [_row(data, job(), predict) for job in track(jobs_of(data, params))]
    if predict is not None and data.train_labels is not None:
        told = predict((data.digits / 255).astype(np.float32))
        rows.append(_row(data, class_means(data.train, data.train_labels, data.digits, told), predict))
    return rows + ([_born(data, params)] if params.bond else [])


def jobs_of(data: Collection, params: Params) -> list[Callable[[], Coded]]:
    """What codes the digits, one call for each row."""
    digits, again = data.digits, {"rounds": params.rounds, "recoded": params.recoded}
    jobs: list[Callable[[], Coded]] = []
    for rate in params.rates:
        if AUTOENCODER in params.rated:
            jobs += [
                partial(rated_pack, "mnist-autoencoder", digits, rate, effort, **again) for effort in params.efforts
            ]
        if KLT in params.rated:
            jobs.append(partial(rated_pack, "mnist-klt", digits, rate, None, **again))
        if CONTOURS in params.rated:
            best = max(params.efforts, default=None)
            jobs.append(partial(rated_pack, "mnist-contours", digits, rate, best, rounds=0, recoded=0))
    for levels in params.levels:
        for effort in (1,) if levels == 256 else (1, 5):
            jobs.append(partial(raster_pack, digits, levels, effort, **again))
    for name in params.peers:
        codec = registry.codec(name)
        for setting in curve_of(codec).settings[: params.settings]:
            jobs.append(partial(single_files, codec, digits[: params.single], setting))
            jobs.append(partial(sheet_file, codec, digits, setting))
    return jobs + [partial(lossless_sheet, name, digits) for name in lossless_codecs()]


def _row(data: Collection, coded: Coded, predict: Callable[[Array], Array] | None) -> Row:
    count = len(coded.output)
    errors = ((coded.output.astype(float) - data.digits[:count]) ** 2).mean(axis=(1, 2))
    accuracy = math.nan
    if predict is not None and data.labels is not None:
        accuracy = float((predict((coded.output / 255).astype(np.float32)) == data.labels[:count]).mean())
    return Row(
        image=data.name,
        codec=coded.codec,
        setting=coded.setting,
        form=coded.form,
        digits=count,
        bytes=coded.size / count,
        scan_bytes=coded.scan / count,
        ideal_bytes=coded.ideal_bits / 8 / count,
        model_bytes=coded.model,
        psnr_db=decibels(float(errors.mean())),
        mean_psnr_db=float(np.mean([decibels(error) for error in errors if error > 0])) if errors.any() else math.inf,
        accuracy=accuracy,
        encode_seconds=coded.encode_seconds / count,
        decode_seconds=coded.decode_seconds / count,
        unchanged=coded.unchanged,
    )


def decibels(error: float) -> float:
    """PSNR of a mean squared error."""
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def _born(data: Collection, params: Params) -> Row:
    """Ideal bits of thresholded digits under a Born machine that reads pixels in the order of the raster."""
    rng = np.random.default_rng(params.seed)
    train, test = (binarise(some, THRESHOLD, rng) for some in (data.train[: params.pictures], data.digits))
    components = min(params.bond, len(train))
    machine = tensor_train.mixture_machine(*tensor_train.fit_mixture(train, components=components, rng=rng))
    for _ in range(params.sweeps):
        machine = tensor_train.one_site_sweep(machine, train)
    bits = float(machine.ideal_bits(test, floor=1e-4).mean())
    output = np.where(test, 255, 0).reshape(data.digits.shape)
    errors = ((output - data.digits.astype(float)) ** 2).mean(axis=(1, 2))
    return Row(
        image=data.name,
        codec=BORN,
        setting=f"2 levels, bond {params.bond}",
        form="pack",
        digits=len(test),
        bytes=math.nan,
        scan_bytes=math.nan,
        ideal_bytes=bits / 8,
        model_bytes=8 * machine.train.parameters,
        psnr_db=decibels(float(errors.mean())),
        mean_psnr_db=float(np.mean([decibels(error) for error in errors if error > 0])) if errors.any() else math.inf,
        accuracy=math.nan,
        encode_seconds=math.nan,
        decode_seconds=math.nan,
        unchanged=(),
    )


def bytes_at(rows: Sequence[Row], psnr_db: float, measure: str = "bytes") -> float:
    """Bytes of a digit at a PSNR, by interpolation of their logarithm between settings; NaN outside of them."""
    points = sorted((row.psnr_db, getattr(row, measure)) for row in rows if math.isfinite(row.psnr_db))
    if len(points) < 2 or not points[0][0] <= psnr_db <= points[-1][0]:
        return math.nan
    levels, sizes = zip(*points, strict=True)
    return float(np.exp(np.interp(psnr_db, levels, np.log(sizes))))


def latent_curves(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of the auto-encoder by effort, and those of the KLT and of contours."""
    own = select(rows, codec=AUTOENCODER)
    efforts = dict.fromkeys(row.setting.split(", ")[1] for row in own)
    curves = {f"{AUTOENCODER}, {effort}": [row for row in own if row.setting.endswith(effort)] for effort in efforts}
    return curves | {name: select(rows, codec=name) for name in (KLT, CONTOURS)}


def findings(rows: Sequence[Row]) -> list[str]:
    """Bytes at 22 dB, the smallest pack of 98 % accuracy, lossless bits, and unchanged codes."""
    sentences = []
    mnist = select(rows, image="mnist")
    for name, own in latent_curves(mnist).items() if mnist else ():
        size = bytes_at(own, 22.0)
        if math.isfinite(size):
            sentences.append(f"{name}: {size:.2f} bytes of a digit at 22 dB.")
        right = [row for row in own if row.accuracy >= 0.98 and row.psnr_db >= 20]
        if right:
            least = min(right, key=lambda row: row.bytes)
            sentences.append(
                f"{name}: {100 * least.accuracy:.2f} % of labels are right at {least.bytes:.2f} bytes "
                f"and {least.psnr_db:.2f} dB."
            )
    scan = bytes_at(select(mnist, codec="JPEG", form="file each"), 22.0, "scan_bytes")
    if math.isfinite(scan):
        sentences.append(f"JPEG, scans alone: {scan:.1f} bytes at 22 dB.")
    for row in rows:
        if row.codec == RASTER and row.image == "mnist":
            bits = f", {8 * row.bytes / SIDE**2:.3f} bits of a pixel" if "256" in row.setting else ""
            sentences.append(f"{RASTER}, {row.setting}: {row.bytes:.2f} bytes at {row.psnr_db:.2f} dB{bits}.")
    changing = [row for row in rows if row.unchanged]
    if changing:
        least_share = min(row.unchanged[0] for row in changing)
        sentences.append(f"After one round at least {100 * least_share:.2f} % of the codes are unchanged.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "rates": rate_table(rows),
        "levels": level_table(rows),
        "rounds": round_table(rows),
        "times": time_table(rows),
    }


def level_table(rows: Sequence[Row]) -> Table:
    """Bytes and accuracy of codecs with a rate at equal PSNR, by interpolation between rates."""
    mnist = select(rows, image="mnist")
    original = max((row.accuracy for row in mnist if math.isinf(row.psnr_db)), default=math.nan)
    lines = [
        [
            name,
            level,
            bytes_at(own, level),
            100 * _interpolated(own, level, "accuracy"),
            100 * (_interpolated(own, level, "accuracy") - original),
        ]
        for level in LEVELS
        for name, own in latent_curves(mnist).items()
        if own
    ]
    return Table(
        columns=["codec", "dB", "bytes", "accuracy, %", "beyond originals"],
        rows=lines,
        caption="Codecs with a rate at equal PSNR",
        formats={"dB": ".1f", "bytes": ".2f", "accuracy, %": ".2f", "beyond originals": "+.2f"},
    )


def _interpolated(rows: Sequence[Row], psnr_db: float, measure: str) -> float:
    """A measure at a PSNR; NaN outside of the settings."""
    points = sorted((row.psnr_db, float(getattr(row, measure))) for row in rows)
    if len(points) < 2 or not points[0][0] <= psnr_db <= points[-1][0]:
        return math.nan
    levels, values = zip(*points, strict=True)
    return float(np.interp(psnr_db, levels, values))


def rate_table(rows: Sequence[Row]) -> Table:
    """Bytes, PSNR and accuracy of every codec and setting."""
    return table_of(
        rows,
        {
            "digits of": "image",
            "codec": "codec",
            "setting": "setting",
            "in": "form",
            "bytes": "bytes",
            "of scans": "scan_bytes",
            "ideal": "ideal_bytes",
            "model": "model_bytes",
            "dB": "psnr_db",
            "dB, mean of digits": "mean_psnr_db",
            "accuracy, %": lambda row: 100 * row.accuracy,
        },
        caption="Bytes of a digit, bytes of the model that all digits share, and PSNR of the mean squared error",
        formats={
            **dict.fromkeys(("bytes", "of scans", "ideal", "dB", "dB, mean of digits", "accuracy, %"), ".2f"),
            "model": "_d",
        },
    )


def round_table(rows: Sequence[Row]) -> Table:
    """Shares of digits whose codes are unchanged after the first and the last round."""
    return table_of(
        [row for row in rows if row.unchanged],
        {
            "digits of": "image",
            "codec": "codec",
            "setting": "setting",
            "first round, %": lambda row: 100 * row.unchanged[0],
            "least of all rounds, %": lambda row: 100 * min(row.unchanged),
            "rounds": lambda row: len(row.unchanged),
        },
        caption="Digits whose codes stay as they were when the decoded digits are coded again",
        formats=dict.fromkeys(("first round, %", "least of all rounds, %"), ".2f"),
    )


def time_table(rows: Sequence[Row]) -> Table:
    """Milliseconds of a digit."""
    timed_rows = [row for row in rows if math.isfinite(row.encode_seconds)]
    return table_of(
        timed_rows,
        {
            "codec": "codec",
            "setting": "setting",
            "in": "form",
            "encoding, ms": lambda own: 1000 * mean(own, "encode_seconds"),
            "decoding, ms": lambda own: 1000 * mean(own, "decode_seconds"),
        },
        by=("codec", "setting", "form"),
        caption="Milliseconds of a digit on one core, with all digits in one pack",
        formats=dict.fromkeys(("encoding, ms", "decoding, ms"), ".2f"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR and accuracy against bytes."""
    figure, panels = subplots(1, 2, figsize=(11, 5.5), sharex=True, layout="constrained")
    curves = {name: own for name, own in latent_curves(rows).items() if own}
    for codec in distinct(rows, "codec"):
        for form in ("pack", "file each", "sheet"):
            own = select(rows, codec=codec, form=form)
            if codec not in (AUTOENCODER, KLT, CONTOURS, BORN) and own:
                curves[f"{codec}, {form}"] = own
    for (name, own), style in zip(curves.items(), curve_styles(), strict=False):
        own = sorted(own, key=lambda row: row.bytes)
        sizes = [row.bytes for row in own]
        panels[0].plot(sizes, [row.psnr_db for row in own], label=name, **style)
        panels[1].plot(sizes, [100 * row.accuracy for row in own], label=name, **style)
    panels[0].set(xlabel="bytes of a digit", ylabel="PSNR, dB", xscale="log")
    panels[1].set(xlabel="bytes of a digit", ylabel="accuracy of the classifier, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    plain_log_axis(panels[0], "x")
    return figure
