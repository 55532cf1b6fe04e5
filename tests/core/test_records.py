"""Texts of records: one screen for every public class, whatever its fields hold."""

import dataclasses
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
import pytest

import circuits
import qimg
from qimg import codecs, images
from qimg.codecs.learned.model import default
from qimg.core.records import short_repr

LINES, COLUMNS = 25, 100
ROOMS = sorted(path.stem for path in Path(__file__).parents[2].glob("docs/api/*.*.md"))


def public_classes() -> Iterator[type]:
    """Every class that a documented room exports."""
    for room in ROOMS:
        module = import_module(room)
        for name in getattr(module, "__all__", [name for name in vars(module) if name[0] != "_"]):
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith(("qimg", "circuits")):
                yield value


def record_classes() -> list[type]:
    records = {
        one
        for one in public_classes()
        if (dataclasses.is_dataclass(one) or hasattr(one, "_fields")) and not inspect.isabstract(one)
    }
    return sorted(records, key=lambda one: one.__qualname__)


def large(hint: Any) -> Any:
    """A large value of a type."""
    text = str(hint)
    if "Mapping" in text or "dict[" in text:
        return {f"key {k}": np.ones((200, 200)) for k in range(300)}
    if "Sequence" in text or "tuple[" in text.partition("numpy")[0]:
        return tuple(np.ones((40, 40)) for _ in range(300))
    simple = {bytes: b"\1" * 100_000, str: "text", int: 3, float: 0.123456, bool: True}
    if type(None) in typing.get_args(hint):
        return large(typing.get_args(hint)[0])
    return simple.get(hint, np.linspace(0, 1, 144_000).reshape(40, 40, 3, 30))


def with_large_fields(record: type) -> Any:
    names = {"MatplotlibFigure": matplotlib.figure.Figure, "Callable": Callable}  # imported for the types alone
    hints = typing.get_type_hints(record, names | vars(import_module(record.__module__)))
    if not dataclasses.is_dataclass(record):
        return tuple.__new__(record, [large(hints[name]) for name in record._fields])  # type: ignore[attr-defined]
    made = object.__new__(record)
    for field in dataclasses.fields(record):
        object.__setattr__(made, field.name, large(hints[field.name]))
    return made


def assert_one_screen(value: object) -> None:
    lines = [max(1, -(-len(line) // COLUMNS)) for line in repr(value).splitlines()]  # a terminal wraps long ones
    assert sum(lines) <= LINES


def has_own_text(record: type) -> bool:
    """Whether the class defines its text itself, instead of `dataclass` or `short_repr`."""
    file = Path(record.__repr__.__code__.co_filename)
    return not hasattr(record.__repr__, "__wrapped__") and file.stem not in ("records", "__init__")


@pytest.mark.parametrize("record", [one for one in record_classes() if not has_own_text(one)])
def test_every_public_record_is_one_screen(record: type) -> None:
    assert_one_screen(with_large_fields(record))


def test_records_with_a_text_of_their_own_are_one_screen() -> None:
    photo = images.box_mean(images.bundled("coffee"), 8)
    train = qimg.tensor_train.decompose(np.arange(2.0**16), [2] * 16, bond=4).train
    prior = qimg.prior.load()
    values = [
        qimg.CorrelationOperator.from_planes(images.to_ycbcr(photo)),
        qimg.LowRankOperator.from_patches(np.eye(200, 300), rank=100),
        qimg.KrausChannel(np.eye(4)[None]),
        qimg.quantization_channel(np.ones((9, 3)), np.ones(3), reconstruction="centroid"),
        train,
        qimg.TensorTrain([np.ones((1, 2, 1))] * 4000),
        qimg.picture_train(photo, levels=1),
        prior,
        qimg.restoration.load(),
        codecs.get("mnist-autoencoder").model(),
        codecs.get("mnist-raster").model(4),
        codecs.get("mnist-contours").model(),
        default(),
        *prior.mixtures.values(),
        next(iter(prior.mixtures.values())).mixture,
        circuits.PreparationSet.packed({"n_qubits": 2}, {"pairs": np.array([[0, 1]]), "angles": np.zeros((9, 4))}),
    ]
    for value in values:
        assert_one_screen(value)
    untried = {one for one in record_classes() if has_own_text(one)} - set(map(type, values))
    assert {one.__qualname__ for one in untried} <= {"Tables", "Learned"}  # files of fits, of which one is tried


def test_results_are_one_screen() -> None:
    photo = images.box_mean(images.bundled("coffee"), 8)
    coded = qimg.encode_picture(photo, quality=40, effort=1)
    file = images.jpeg_round_trip(photo, quality=20)
    encoded = circuits.encode_image(images.to_uint8(images.luma(photo[:8, :8])), "amplitude")
    restored = qimg.restoration.restore_picture(file.file, effort=1)
    for value in (coded, qimg.decode_picture(coded.data), qimg.info(coded.data), file, encoded, restored):
        assert_one_screen(value)
    assert repr(encoded).startswith("EncodedImage(representation='amplitude', shape=(8, 8), dtype=dtype('uint8')")
    assert "image=<uint8 (50, 75, 3)>" in repr(restored)
    assert f"<{len(file.file):,} bytes>" in repr(file)


@short_repr
class Pair(NamedTuple):
    """Two fields."""

    first: Any
    second: Any


def test_values_are_shown_and_large_ones_described() -> None:
    assert repr(Pair(np.array([1.0, 0.25]), b"ab")) == "Pair(first=[1.  , 0.25], second=b'ab')"
    assert repr(Pair((1,), [])) == "Pair(first=(1,), second=[])"
    assert repr(Pair(range(9), 1 / 3)) == "Pair(first=(0, 1, 2, 3, 4, 5, … 9 in all), second=0.333333)"
    assert repr(Pair({"a": np.ones(99)}, None)) == "Pair(first={'a': <float64 (99,)>}, second=None)"
    nested = Pair(Pair(Pair(1, 2), 3), 4)
    assert repr(nested) == "Pair(first=Pair(first=Pair(…), second=3), second=4)"


@pytest.mark.parametrize(
    "package", ["qimg", "circuits", *(f"qimg.{one.name}" for one in pkgutil.iter_modules(qimg.__path__) if one.ispkg)]
)
def test_dir_and_star_import_have_the_public_names(package: str) -> None:
    module = import_module(package)
    public = set(getattr(module, "__all__", ()))
    assert public <= set(dir(module))
    namespace: dict[str, Any] = {}
    exec(f"from {package} import *", namespace)
    assert public <= set(namespace)


def test_the_main_functions_are_listed() -> None:
    assert {"encode", "decode", "restore", "denoise", "load", "save", "codecs", "__version__"} <= set(dir(qimg))
    assert {"encode_image", "prepare", "run", "backend"} <= set(dir(circuits))
    assert "annotations" not in dir(circuits)
