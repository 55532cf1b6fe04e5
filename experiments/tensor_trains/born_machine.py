"""How many nats does a binary picture cost under a Born machine, next to contexts and mixtures of independent pixels?

A tensor train whose squared amplitudes are probabilities begins at a mixture of independent pixels and is trained by
its exact likelihood, sweep after sweep, on digits of MNIST or on patches of each picture. It is compared with that
mixture, with independent pixels, and with counts in contexts of sixteen pixels, on pictures outside the training set.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Axes,
    Count,
    Figure,
    Gathered,
    LibraryDependent,
    PictureParams,
    Seed,
    Table,
    Track,
    among,
    bare,
    check,
    fulfils,
    groups,
    integer,
    mean,
    select,
    table_of,
    values,
    whole,
)
from experiments.tensor_trains import pixel_contexts
from experiments.tensor_trains.binary_pictures import (
    BINARISATIONS,
    SAMPLE,
    THRESHOLD,
    Collection,
    binarise,
    digits,
    luma_patches,
    mnist_inputs,
)
from qimg import tensor_train
from qimg.tensor_train.born.mixture import mixture_terms

BORN, MIXTURE, INDEPENDENT, CONTEXTS = "Born machine", "mixture", "independent pixels", "contexts of 16 pixels"
MODELS = (INDEPENDENT, MIXTURE, CONTEXTS, BORN)


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    digits: Annotated[int, whole(0)] = 0
    """Training digits of MNIST, from the set mnist in QIMG_DATA; 0 takes patches of the pictures instead."""
    side: Count = 8
    """Pixels of a patch's side."""
    patches: Count = 1000
    """Most training patches of a picture, and most test patches."""
    binarisation: Annotated[str, among(BINARISATIONS)] = THRESHOLD
    """Of training pictures: "threshold" at half of white, or "sample" with probability value/255, anew for a sweep."""
    bond: Count = 16
    """Most values at a cut of the machine."""
    components: int = 0
    """Components of the initial mixture, at most `bond`; 0: as many."""
    sweeps: Count = 10
    """Each there and back."""
    two_site_every: Annotated[int, whole(0)] = 5
    """Every such sweep has centres of two sites, the others of one; 0: all of one."""
    batch: Annotated[int, whole(0)] = 0
    """Pictures of a sweep, drawn anew for each; 0: all."""
    rate: Annotated[float, fulfils(lambda rate: 0 < rate <= 1, "must be in (0, 1]")] = 1.0
    """Share of the best step that is taken in the first sweep, in (0, 1]."""
    cooling: Annotated[float, fulfils(lambda cooling: cooling >= 0, "must be at least 0")] = 0.0
    """Sweep k takes rate / k^cooling; 1 averages over the batches of all sweeps."""
    floor: Annotated[float, fulfils(lambda floor: 0 <= floor < 0.5, "must be in [0, 0.5)")] = 1e-4
    """Least probability of a pixel's value when the machine is tested (`qimg.tensor_train.PixelReader`)."""
    shown: Count = 10
    """Pictures drawn, and test pictures completed."""
    seed: Seed = 0
    """Seed of everything that is drawn."""

    def inputs(self) -> Gathered:
        """The pictures, or the files of digits."""
        return Gathered(pictures=mnist_inputs(), skipped=()) if self.digits else self.gather()


TINY = Params(box_mean=4, side=4, bond=4, sweeps=3, two_site_every=2, patches=200, shown=4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of one collection of pictures; of the Born machine, after one sweep."""

    image: str
    """The picture whose patches were used for training, or "mnist"."""
    model: str
    """One of `MODELS`."""
    sweep: int
    """Of the Born machine; 0 otherwise."""
    height: int
    width: int
    pictures: int
    """Training pictures."""
    binarisation: str
    """Binarisation of the training pictures."""
    parameters: int
    """Numbers of the model: of a train with the gauge, of contexts those that occurred."""
    train_nats: LibraryDependent
    """Mean −log p of the training pictures, the first thousand where there are more."""
    test_threshold_nats: LibraryDependent
    """Of the test pictures, binarised by threshold; of the Born machine, NaN before the last sweep."""
    test_sample_nats: LibraryDependent
    """Of the test pictures, binarised by draws with seed 0; of the Born machine, NaN before the last sweep."""
    entropies_bits: tuple[float, ...] = ()
    """Entanglement entropy at each cut of the trained machine."""
    drawn: tuple[str, ...] = ()
    """Pictures drawn from the trained machine, their pixels as hexadecimal digits."""
    tested: tuple[str, ...] = ()
    """Test pictures."""
    completed: tuple[str, ...] = ()
    """Those test pictures with the lower half drawn given the upper."""

    @property
    def test_nats(self) -> float:
        """Of the test pictures, binarised as those that were learnt from."""
        return self.test_threshold_nats if self.binarisation == THRESHOLD else self.test_sample_nats


PRINTED = 1000
"""Training pictures whose likelihood is printed."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every model for each collection of pictures."""
    check(params)
    integer("components", params.components, 0, params.bond)
    rng = np.random.default_rng(params.seed)
    if params.digits:
        return _of_collection(digits(params.digits), params, rng, track)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        one = luma_patches(picture, side=params.side, count=params.patches, rng=rng)
        rows += _of_collection(one, params, rng, iter)
    return rows


def _of_collection(one: Collection, params: Params, rng: np.random.Generator, track: Track) -> list[Row]:
    train = binarise(one.train, params.binarisation, rng)
    tests = {kind: binarise(one.test, kind, np.random.default_rng(0)) for kind in BINARISATIONS}
    size = params.batch or len(train)
    weights, ones = tensor_train.fit_mixture(
        train[:size], components=min(params.components or params.bond, size, len(train)), rng=rng
    )
    rows = _of_others(one, train, tests, params.binarisation, weights, ones)
    machine = tensor_train.mixture_machine(weights, ones)
    for sweep in track(range(1, params.sweeps + 1)):
        machine = _sweep(machine, _batch(one.train, train, params, rng), sweep, params)
        measured = replace(
            rows[0],
            model=BORN,
            sweep=sweep,
            parameters=machine.train.parameters,
            train_nats=float(-machine.log_likelihood(train[:PRINTED]).mean()),
            test_threshold_nats=math.nan,
            test_sample_nats=math.nan,
        )
        rows.append(measured)
    rows[-1] = _tested(rows[-1], machine, tests, params, rng)
    return rows


def _batch(gray: Array, train: Array, params: Params, rng: np.random.Generator) -> Array:
    """The pictures of one sweep, binarised."""
    if not params.batch and params.binarisation == THRESHOLD:
        return train
    chosen = rng.choice(len(gray), min(params.batch or len(gray), len(gray)), replace=False)
    return binarise(gray[chosen], params.binarisation, rng)


def _sweep(machine: tensor_train.BornMachine, batch: Array, sweep: int, params: Params) -> tensor_train.BornMachine:
    rate = params.rate / sweep**params.cooling
    if params.two_site_every and sweep % params.two_site_every == 0 and machine.pixels > 1:
        return tensor_train.two_site_sweep(machine, batch, bond=params.bond, rate=rate)
    return tensor_train.one_site_sweep(machine, batch, rate=rate)


def _of_others(
    one: Collection, train: Array, tests: dict[str, Array], binarisation: str, weights: Array, ones: Array
) -> list[Row]:
    _, height, width = one.train.shape
    p = (train.sum(axis=0) + 0.5) / (len(train) + 1)
    counts = pixel_contexts.count(train.reshape(one.train.shape))
    costs: dict[str, Callable[[Array], Array]] = {
        INDEPENDENT: lambda x: -mixture_terms(x, np.ones(1), p[None])[:, 0],
        MIXTURE: lambda x: -np.logaddexp.reduce(mixture_terms(x, weights, ones), axis=1),
        CONTEXTS: lambda x: pixel_contexts.nats(x.reshape(-1, height, width), counts),
    }
    sizes = {INDEPENDENT: p.size, MIXTURE: weights.size - 1 + ones.size, CONTEXTS: int(counts.any(axis=0).sum())}
    return [
        Row(
            image=one.name,
            model=model,
            sweep=0,
            height=height,
            width=width,
            pictures=len(train),
            binarisation=binarisation,
            parameters=sizes[model],
            train_nats=float(cost(train[:PRINTED]).mean()),
            test_threshold_nats=float(cost(tests[THRESHOLD]).mean()),
            test_sample_nats=float(cost(tests[SAMPLE]).mean()),
        )
        for model, cost in costs.items()
    ]


def _tested(
    row: Row,
    machine: tensor_train.BornMachine,
    tests: dict[str, Array],
    params: Params,
    rng: np.random.Generator,
) -> Row:
    nats = {
        kind: float(machine.ideal_bits(test, floor=params.floor).mean()) * math.log(2) for kind, test in tests.items()
    }
    known = np.arange(machine.pixels) < row.height // 2 * row.width
    tested = tests[THRESHOLD][: params.shown]
    # A machine may hold for impossible what it has not seen: such pictures cannot be completed.
    possible = np.isfinite(tensor_train.log_marginal(machine, tested, known=known))
    completed = tensor_train.complete(machine, tested[possible], known=known, rng=rng) if possible.any() else tested[:0]
    return replace(
        row,
        test_threshold_nats=nats[THRESHOLD],
        test_sample_nats=nats[SAMPLE],
        entropies_bits=tuple(tensor_train.entanglement_entropy(machine.train).tolist()),
        drawn=_written(machine.sample(params.shown, rng=rng)),
        tested=_written(tested[possible]),
        completed=_written(completed),
    )


def _written(pictures: Array) -> tuple[str, ...]:
    return tuple(np.packbits(picture).tobytes().hex() for picture in pictures)


def read(row: Row, written: str) -> Array:
    """Pixels (height, width) of a picture that a row holds."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(written), np.uint8))
    return bits[: row.height * row.width].reshape(row.height, row.width)


def findings(rows: Sequence[Row]) -> list[str]:
    """Nats of each model on training and on test pictures, and the entanglement of the machine."""
    last = _last(rows)
    sentences = []
    for name, field in (("training pictures", "train_nats"), ("test pictures binarised alike", "test_nats")):
        costs = ", ".join(f"{model} {mean(last[model], field):.2f}" for model in MODELS)
        sentences.append(f"Nats for each of the {name}: {costs}.")
    largest = max((entropy for row in last[BORN] for entropy in row.entropies_bits), default=0.0)
    sentences.append(f"The largest entanglement entropy of a cut is {largest:.2f} bits.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"nats": nat_table(rows), "sweeps": sweep_table(rows), "entropies": entropy_table(rows)}


def nat_table(rows: Sequence[Row]) -> Table:
    """Nats of each model for each collection of pictures."""
    tested = [row for own in _last(rows).values() for row in own]
    names = {"training": "train_nats", "test, thresholded": "test_threshold_nats", "test, drawn": "test_sample_nats"}
    return table_of(
        sorted(tested, key=lambda row: row.image),
        {
            "pictures of": "image",
            "model": "model",
            "learnt from": "pictures",
            "numbers": "parameters",
            **names,
        },
        caption="Nats for each picture, of the Born machine after the last sweep",
        formats={"learnt from": "_d", "numbers": "_d", **dict.fromkeys(names, ".2f")},
    )


def sweep_table(rows: Sequence[Row]) -> Table:
    """Nats of the training pictures after each sweep of the Born machine."""
    return table_of(
        select(rows, model=BORN),
        {"pictures of": "image", "sweep": "sweep", "training": "train_nats", "numbers": "parameters"},
        formats={"training": ".2f", "numbers": "_d"},
    )


def entropy_table(rows: Sequence[Row]) -> Table:
    """Entanglement entropy at the cuts in the middle third of the pixels, of each trained machine."""
    body: list[list[object]] = []
    for row in _last(rows)[BORN]:
        cuts = row.entropies_bits
        middle = cuts[len(cuts) // 3 : len(cuts) - len(cuts) // 3] or (math.nan,)
        body.append([row.image, min(middle), max(middle), max(cuts, default=math.nan)])
    return Table(
        columns=["pictures of", "least, bits", "largest, bits", "largest of all cuts, bits"],
        rows=body,
        caption="Entanglement entropy at the cuts in the middle third of the pixels",
        formats=dict.fromkeys(("least, bits", "largest, bits", "largest of all cuts, bits"), ".1f"),
    )


def _last(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each model that were tested."""
    tested = [row for row in rows if not math.isnan(row.test_sample_nats)]
    return {model: select(tested, model=model) for model in MODELS}


def plot(rows: Sequence[Row]) -> Figure:
    """Pictures drawn and completed by one machine, likelihood against sweeps, and entropy at each cut."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplot_mosaic(
        [["drawn", "drawn"], ["completed", "completed"], ["nats", "entropy"]],
        figsize=(11, 8),
        height_ratios=[1, 2, 3.4],
        layout="constrained",
    )
    shown = _last(rows)[BORN][0]
    tested, completed, drawn = (
        [read(shown, one) for one in pictures] for pictures in (shown.tested, shown.completed, shown.drawn)
    )
    upper = [np.where(np.arange(shown.height)[:, None] < shown.height // 2, one, 0.5) for one in tested]
    _board(axes["drawn"], [drawn], f"drawn from the machine ({shown.image})")
    _board(axes["completed"], [upper, completed], "upper halves of test pictures, and the lower ones drawn given them")
    for name, own in groups(select(rows, model=BORN), "image").items():
        (line,) = axes["nats"].plot(
            values(own, "sweep"), values(own, "train_nats"), marker=".", label=f"{name}, training"
        )
        colour = line.get_color()
        axes["nats"].plot([own[-1].sweep], [own[-1].test_nats], "*", color=colour, label=f"{name}, test")
        cuts = own[-1].entropies_bits
        axes["entropy"].plot(range(1, len(cuts) + 1), cuts, color=colour, linewidth=1, label=name)
    for model, style in ((INDEPENDENT, ":"), (MIXTURE, "-."), (CONTEXTS, "--")):
        level = mean(_last(rows)[model], "test_nats")
        axes["nats"].axhline(level, color="0.4", linewidth=1, linestyle=style, label=f"{model}, test")
    axes["nats"].set(xlabel="sweep", ylabel="nats per picture")
    axes["nats"].xaxis.get_major_locator().set_params(integer=True)
    axes["nats"].legend(fontsize=7, loc="center right")
    axes["entropy"].set(xlabel="cut behind pixel", ylabel="entanglement entropy, bits")
    return figure


def _board(ax: Axes, lines: Sequence[Sequence[Array]], label: str) -> None:
    """Lines of pictures with a gap between them."""
    padded = [[np.pad(one.astype(float), 1, constant_values=0.5) for one in line] for line in lines if line]
    if padded:
        ax.imshow(np.vstack([np.hstack(line) for line in padded]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    bare(ax)
    ax.set_xlabel(label)
