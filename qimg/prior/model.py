"""The prior: operators of sets of pictures, mixtures of operators, their provenance, and one file that holds it all."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from importlib.resources import files
from operator import add
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import arguments
from qimg.core import artifacts as container
from qimg.core.arguments import Array
from qimg.core.artifacts import PriorFileError
from qimg.core.files import write_atomically
from qimg.operators import CorrelationOperator
from qimg.prior.fitting.recipe import Recipe
from qimg.prior.integers import mixture_from_integers, mixture_to_integers, operator_from_integers, operator_to_integers
from qimg.prior.joint import JointMixture
from qimg.prior.mixture import GaussianMixture
from qimg.prior.views import View, is_view

_Value = TypeVar("_Value")
_OPERATOR = re.compile(r"(luma|colour|linear|jpeg \d+ \d:\d:\d) (.+)@(\d+)", re.DOTALL)


class MissingPartError(KeyError, ValueError):
    """A prior does not hold the operator or mixture that was asked for; the message says what it holds."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Parts(Mapping[str, _Value]):
    """Parts of a prior, made from its integers when they are first asked for."""

    def __init__(self, make: Any, names: list[str], what: str) -> None:
        self._make, self._names, self._what = make, names, what
        self._made: dict[str, _Value] = {}

    def __getitem__(self, name: str) -> _Value:
        if name not in self._names:
            known = ", ".join(self._names) or "none"
            raise MissingPartError(f"the prior holds no {self._what} {name!r}; it holds {known}")
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, eq=False)
class Prior:
    """What was learnt from pictures, once: everything here follows from the integers of one file.

    Made by `qimg.prior.fit` or `qimg.prior.load`.
    """

    contents: container.Contents = field(repr=False)

    @classmethod
    def assemble(
        cls,
        *,
        operators: Mapping[str, CorrelationOperator],
        mixtures: Mapping[str, GaussianMixture],
        provenance: Mapping[str, Any],
    ) -> "Prior":
        """The prior of given parts, rounded to what its file holds.

        Args:
            operators: `luma group@scale`, `colour …`, `linear …` and `jpeg quality sampling …` → operator.
            mixtures: view → mixture over its vectors.
            provenance: JSON values; a recipe and lists of inputs and skipped pictures are filled in where they lack.
        """
        arrays: dict[str, Array] = {}
        for name, operator in operators.items():
            arrays |= {f"operator {name}/{key}": value for key, value in operator_to_integers(operator).items()}
        for name, mixture in mixtures.items():
            dimension = View(name).dimension
            arguments.require(
                mixture.dimension == dimension, name, f"must have dimension {dimension}", mixture.dimension
            )
            arrays |= {f"mixture {name}/{key}": value for key, value in mixture_to_integers(mixture).items()}
        for name in operators:
            operator_key(name)
        known = {"recipe": Recipe(mixtures={}).to_json(), "inputs": [], "skipped": [], **provenance}
        header = {"operators": sorted(operators), "mixtures": sorted(mixtures), "provenance": known}
        return cls(container.unpack(container.pack(header, arrays), "prior"))

    @property
    def sha256(self) -> str:
        """Identity of the prior: the hexadecimal SHA-256 at the end of its file, of everything before it."""
        return self.contents.sha256

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Recipe, inputs with their hashes, skipped files, versions, counts and log-likelihoods of the rounds."""
        provenance: Mapping[str, Any] = self.contents.header["provenance"]
        return provenance

    @cached_property
    def operators(self) -> Mapping[str, CorrelationOperator]:
        """`luma group@scale`, `colour …`, `linear …`, `jpeg quality sampling …` → operator, level shift 128."""
        names = [name for name in self.contents.header["operators"] if _OPERATOR.fullmatch(name)]
        return _Parts(lambda name: operator_from_integers(self._arrays(f"operator {name}")), names, "operator")

    @cached_property
    def mixtures(self) -> Mapping[str, JointMixture]:
        """View (`patch8`, `luma8`, `colour8`, …) → mixture of operators over its vectors."""
        names = [name for name in self.contents.header["mixtures"] if is_view(name)]
        return _Parts(
            lambda name: JointMixture(View(name), mixture_from_integers(self._arrays(f"mixture {name}"))),
            names,
            "mixture",
        )

    def _arrays(self, prefix: str) -> dict[str, Array]:
        start = f"{prefix}/"
        return {key.removeprefix(start): value for key, value in self.contents.arrays.items() if key.startswith(start)}

    @cached_property
    def operator(self) -> CorrelationOperator:
        """Second moments of the luma patches, level shift 128, at the smallest scale of the set that the recipe names.

        With no set named (`recipe.operator`), the sum over all sets.
        """
        return self.operator_of("luma")

    def operator_of(self, planes: str, *, group: str | None = None, scale: int | None = None) -> CorrelationOperator:
        """The sum of operators over groups at one scale.

        Args:
            planes: "luma", "colour", "linear", or a JPEG setting such as "jpeg 10 4:2:0", whose joint operators over
                z ⊕ (x − z) `conditional_expectation` takes (see `joint_operator`).
            group: one group; the recipe's choice when left out, all groups where it made none or for "".
            scale: box mean; the smallest when left out.

        Raises:
            MissingPartError: there is no such operator.
        """
        keys = {name: operator_key(name) for name in self.operators}
        if scale is None:
            scale = min((key[2] for key in keys.values()), default=1)
        group = self.provenance["recipe"].get("operator", "") if group is None else group
        chosen = [name for name, key in keys.items() if key == (planes, group or key[1], scale)]
        if not chosen:
            held = ", ".join(self.operators) or "none"
            of = f" of {group}" if group else ""
            raise MissingPartError(f"the prior holds no {planes} operator{of} at scale {scale}; it holds {held}")
        return reduce(add, (self.operators[name] for name in chosen))

    def log_likelihood(self, patches: ArrayLike) -> Array:
        """Log-density of 8×8 luma patches without their mean, in nats, as a density over 63 dimensions.

        Args:
            patches: (..., 64) luma in code values / 255, row-major; a mean that is left is taken off. No noise is
                added.

        Returns:
            (...) ln p of each patch under the mixture `patch8`.

        Raises:
            MissingPartError: the prior was fitted without `patch8`.
        """
        values = arguments.real("patches", patches)
        arguments.require_shape(values.ndim >= 1 and values.shape[-1] == 64, "patches", "(..., 64)", values)
        largest = float(np.abs(values).max(initial=0.0))
        arguments.require(largest <= 2, "patches", "must be in code values / 255, white being 1", largest)
        if "patch8" not in self.mixtures:
            held = ", ".join(self.mixtures) or "none"
            raise MissingPartError(f"the likelihood of 8×8 patches needs the mixture patch8; the prior holds {held}")
        model = self.mixtures["patch8"]
        flat = 255.0 * values.reshape(-1, 64) @ model.view.analysis.T
        return np.asarray(model.mixture.log_likelihood(flat) + 63 * np.log(255.0)).reshape(values.shape[:-1])

    def to_bytes(self) -> bytes:
        """The file's content."""
        return self.contents.content

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the prior's file: all of it or nothing."""
        write_atomically(path, self.to_bytes())

    def __repr__(self) -> str:
        mixtures = ", ".join(f"{name}: {len(self._arrays(f'mixture {name}')['weights'])}" for name in self.mixtures)
        pictures = len(self.provenance["inputs"])
        return (
            f"Prior({pictures} pictures, {len(self.operators)} operators, mixtures {{{mixtures}}}, {self.sha256[:12]})"
        )


def operator_key(name: str) -> tuple[str, str, int]:
    """Planes, group and scale of an operator's name.

    Raises:
        ValueError: a kind of operator that this version does not know.

    >>> operator_key("jpeg 10 4:2:0 Maker One@2")
    ('jpeg 10 4:2:0', 'Maker One', 2)
    """
    match = _OPERATOR.fullmatch(name)
    if match is None:
        raise ValueError(f"operators must be named like `luma group@scale`, but one is named {name!r}")
    return match[1], match[2], int(match[3])


def load(path: str | os.PathLike[str] | None = None) -> Prior:
    """Read a prior; the one that comes with qimg when no path is given.

    Args:
        path: a file that `Prior.save` or `qimg fit prior` wrote.

    Raises:
        PriorFileError: the file is missing, no prior, cut, altered, or of another version.
    """
    if path is None:
        return _from_bytes(files("qimg.prior").joinpath("default.prior").read_bytes(), "the default prior")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise PriorFileError(f"{path}: cannot be read ({error.strerror})") from None
    return _from_bytes(content, str(path))


def _from_bytes(content: bytes, name: str) -> Prior:
    prior = Prior(container.unpack(content, name))
    try:
        _check(prior.contents.header)
        for part in prior.operators:
            _check_operator(prior._arrays(f"operator {part}"), part)
        for part in prior.mixtures:
            _check_mixture(prior._arrays(f"mixture {part}"), part)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PriorFileError(f"{name}: does not hold what its header names ({error!s})") from None
    return prior


def _check(header: Mapping[str, Any]) -> None:
    for key in ("operators", "mixtures"):
        arguments.require(all(isinstance(entry, str) for entry in header[key]), key, "must be names", header[key])
    provenance = header["provenance"]
    lists = isinstance(provenance["inputs"], list) and isinstance(provenance["skipped"], list)
    arguments.require(lists, "inputs and skipped", "must be lists", type(provenance["inputs"]).__name__)
    arguments.require(isinstance(provenance["recipe"], dict), "recipe", "must be a record", provenance["recipe"])


def _check_operator(arrays: Mapping[str, Array], name: str) -> None:
    d = len(arrays["sum"])
    shapes = [arrays[key].shape for key in ("moments", "sum", "count")]
    arguments.require(shapes == [(d * (d + 1) // 2,), (d,), (1,)], name, "must have fitting shapes", shapes)


def _check_mixture(arrays: Mapping[str, Array], name: str) -> None:
    d, classes = View(name).dimension, len(arrays["weights"])
    shapes = [arrays[key].shape for key in ("weights", "exponents", "factors")]
    expected = [(classes,), (classes, d), (classes, d * (d + 1) // 2)]
    arguments.require(shapes == expected and classes > 0, name, "must have fitting shapes", shapes)
