"""Damaged files of fitted data: whether every damage is the documented error when the file is opened.

Files are cut, single bits are changed, and files are forged: a part is changed and the checksum is made to fit.
"""

import io
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import rows_of
from experiments._results.measurements import Measurement
from qimg.codecs.block.model.tables import Tables
from qimg.core import Array
from qimg.core.artifacts import Artifact, ArtifactError, pack
from qimg.core.fitting import Checkpoint, Recipe
from qimg.operators import CorrelationOperator
from qimg.operators.correlation import OperatorFileError
from qimg.prior import Prior
from qimg.prior.mixture import GaussianMixture
from qimg.restoration.jpeg import model as restorer
from qimg.restoration.jpeg.experts import Experts
from qimg.restoration.jpeg.fitting.stages import Progress
from qimg.restoration.jpeg.rounding import RoundedExperts

Contents = tuple[dict[str, Any], dict[str, Array]]

REFUSED, USABLE = "refused as documented", "opened and usable"
OTHER, LATE = "other errors when opened", "errors at the first use"
QUANTITIES = (REFUSED, USABLE, OTHER, LATE)
_ODD = (None, -1, 2**70, "x", [], {}, 1e308, True, [[0]], {"": "tuple", "values": 3})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file: a valid example, how it is opened, and a use of everything in it."""

    name: str
    content: bytes
    forged: Callable[[np.random.Generator], bytes]
    opened: Callable[[Path], Any]
    used: Callable[[Any], object]
    error: type[ValueError]


def measure(count: int = 1000, seed: int = 0) -> list[Measurement]:
    """Outcomes of `count` damaged files of each kind, half of them forged."""
    rows: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds():
            tally = outcomes(kind, count, np.random.default_rng(seed), Path(folder, "damaged"))
            values = {"tried": tally.total(), **{name: tally[name] for name in QUANTITIES}}
            rows += rows_of("damaged_file", kind.name, values)
    return rows


def outcomes(kind: Kind, count: int, rng: np.random.Generator, path: Path) -> Counter[str]:
    """How often each of `QUANTITIES` occurs among `count` damaged files, which are written to `path`."""
    tally: Counter[str] = Counter()
    for number in range(count):
        path.write_bytes(kind.forged(rng) if number % 2 else _damaged(kind.content, rng))
        tally[outcome(kind, path)] += 1
    return tally


def outcome(kind: Kind, path: Path) -> str:
    """What becomes of a file, one of `QUANTITIES`."""
    try:
        data = kind.opened(path)
    except kind.error as error:
        return REFUSED if str(path) in str(error) and "\n" not in str(error) else OTHER
    except Exception:  # an error of any type is an outcome, which is counted
        return OTHER
    try:
        with np.errstate(all="ignore"):
            kind.used(data)
    except Exception:  # likewise
        return LATE
    return USABLE


def kinds() -> list[Kind]:
    """Small files of every kind."""
    return [_prior(), _tables(), _restorer(), _network(), _checkpoint(), _operator()]


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    position = int(rng.integers(len(content)))
    if rng.random() < 0.5:
        return content[:position]
    return content[:position] + bytes([content[position] ^ 1 << int(rng.integers(8))]) + content[position + 1 :]


def _of(artifact: Artifact, name: str, used: Callable[[Any], object]) -> Kind:
    contents = dict(artifact.contents.header), dict(artifact.contents.arrays)
    return Kind(
        name=name,
        content=artifact.to_bytes(),
        forged=lambda rng: forged(*contents, rng),
        opened=type(artifact).load,
        used=used,
        error=ArtifactError,
    )


def forged(header: dict[str, Any], arrays: dict[str, Array], rng: np.random.Generator) -> bytes:
    """A file with one change and a checksum that fits."""
    while True:
        try:
            if rng.random() < 0.4:
                return pack(_odd(header, rng), arrays)
            name = sorted(arrays)[int(rng.integers(len(arrays)))]
            changed = _odd_array(arrays[name], rng)
            rest = {key: value for key, value in arrays.items() if key != name}
            return pack(header, rest if changed is None else {**rest, name: changed})
        except (ValueError, TypeError):  # a change that no file can hold
            continue


def _odd(value: Any, rng: np.random.Generator) -> Any:
    """A copy of JSON values with one of them replaced or missing, at any depth."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = sorted(value)[int(rng.integers(len(value)))]
        rest = {one: part for one, part in value.items() if one != key}
        return rest if rng.random() < 0.2 else {**rest, key: _odd(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = int(rng.integers(len(value)))
        return [*value[:place], *([] if rng.random() < 0.2 else [_odd(value[place], rng)]), *value[place + 1 :]]
    odd: Any = _ODD[int(rng.integers(len(_ODD)))]
    return odd


def _odd_array(array: Array, rng: np.random.Generator) -> Array | None:
    """The array without its last row, of another type, or with extreme numbers; None for no array at all."""
    change = int(rng.integers(6))
    if change == 0 or array.size == 0:
        return None
    if change == 1:
        return array[:-1]
    if change == 2:
        return array.astype("<f8" if array.dtype.kind == "i" else "<i4")
    if change == 3:
        return array[None]
    info: Any = np.finfo(array.dtype) if array.dtype.kind == "f" else np.iinfo(array.dtype)
    extremes = [info.min, info.max, 0, *([np.nan, np.inf] if array.dtype.kind == "f" else [-1])]
    number, odd = extremes[int(rng.integers(len(extremes)))], np.array(array)
    odd.reshape(-1)[slice(None) if change == 4 else int(rng.integers(array.size))] = number
    return odd


def _prior() -> Kind:
    rng = np.random.default_rng(1)
    operator = CorrelationOperator.from_patches(rng.integers(-99, 99, (200, 64)))
    mixture = GaussianMixture(weights=np.array([0.25, 0.75]), factors=np.stack([np.eye(63), 3 * np.eye(63)]))
    prior = Prior.assemble(operators={"luma a@1": operator}, mixtures={"patch8": mixture}, provenance={})

    def used(prior: Prior) -> None:
        for part in prior.operators.values():
            part.density_matrix()
        if "patch8" in prior.mixtures:
            prior.log_likelihood(np.zeros((1, 64)))
        repr(prior)

    return _of(prior, "prior", used)


def _tables() -> Kind:
    def used(tables: Tables) -> None:
        _ = tables.bases, tables.scales, tables.points, tables.filters, tables.new_model(), tables.costs, repr(tables)

    return _of(Tables.load(), "codec tables", used)


@cache
def small_restorer() -> restorer.Model:
    """The shipped restorer with one stage of two classes."""
    whole = restorer.load()
    stage = whole.contents.header["stages"][0]
    later, experts = whole.experts[1], 2 * len(stage["offsets"])
    cut = RoundedExperts(
        integers=later.integers[:experts],
        steps=later.steps[:experts],
        basis=later.basis,
        scales=later.scales,
        deviations=later.deviations[:experts],
    )
    arrays = {name: whole.contents.arrays[name][:2] for name in ("scales", "quantiles", "shapes")}
    arrays |= {f"gate 0/{key}": array[:2] for key, array in whole.part("gate 0").items()}
    for number, one in enumerate((whole.experts[0], cut)):
        arrays |= {f"experts {number}/{key}": array for key, array in restorer.packed(one).items()}
    return restorer.Model.packed({"stages": [stage], "provenance": {"inputs": []}}, arrays)


def _restorer() -> Kind:
    def used(model: restorer.Model) -> None:
        _ = model.cascade, model.calibrations, repr(model)

    return _of(small_restorer(), "restorer", used)


def _network() -> Kind:
    import torch

    from qimg.images.jpeg.tables import quantization_table
    from qimg.restoration.jpeg.network import Architecture, Learned, Network, load

    torch.manual_seed(0)
    network = Learned.assemble(Network(Architecture(width=6, blocks=2)), load(effort=1).calibration, {"inputs": []})

    def used(learned: Learned) -> None:
        estimate = learned.estimate(np.zeros((2, 2, 8, 8), np.int16), quantization_table(50))
        _ = learned.calibration, repr(learned), learned.sha256
        if not np.isfinite(estimate.values).all():
            raise ValueError("the estimate is not finite")

    return _of(network, "network", used)


@dataclass(frozen=True, kw_only=True)
class _Fit(Recipe):
    seed: int = 0


def _checkpoint() -> Kind:
    def at(path: Path) -> Checkpoint:
        types = (Progress, RoundedExperts, GaussianMixture, Experts)
        return Checkpoint(path, recipe=_Fit(), types=types, state=Progress)

    from qimg.core import artifacts

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "checkpoint")
        at(path).save(Progress(experts=[small_restorer().experts[1]]))
        content = path.read_bytes()
    contents = artifacts.unpack(content)
    return Kind(
        name="checkpoint of a fit",
        content=content,
        forged=lambda rng: forged(dict(contents.header), dict(contents.arrays), rng),
        opened=lambda path: at(path).load(),
        used=lambda progress: progress.passes,
        error=ArtifactError,
    )


def _operator() -> Kind:
    operator = CorrelationOperator.from_patches(np.random.default_rng(2).normal(size=(50, 12)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "operator.npz")
        operator.save(path)
        content = path.read_bytes()
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)

    def changed(rng: np.random.Generator) -> bytes:
        name = sorted(arrays)[int(rng.integers(len(arrays)))]
        numbers = arrays[name] if arrays[name].dtype.kind in "if" else np.arange(3)
        odd = _odd_array(np.atleast_1d(numbers), rng)
        kept = {key: value for key, value in arrays.items() if key != name}
        if odd is not None:
            kept[name] = odd.astype(object) if rng.random() < 0.2 else odd
        buffer = io.BytesIO()
        (np.savez_compressed if rng.random() < 0.2 else np.savez)(buffer, **kept)
        return buffer.getvalue()

    return Kind(
        name="correlation operator",
        content=content,
        forged=changed,
        opened=CorrelationOperator.load,
        used=lambda operator: (operator.eigenbasis(), operator.truncate(rank=2), repr(operator)),
        error=OperatorFileError,
    )
