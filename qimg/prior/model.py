"""The prior: operators of sets of pictures, mixtures of operators and their provenance, stored in one file."""

import os
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments
from qimg.core.artifacts import Artifact, Kind, explained
from qimg.core.cached import cached_property
from qimg.operators import CorrelationOperator
from qimg.prior.fitting.recipe import Recipe
from qimg.prior.integers import (
    mixture_arrays,
    mixture_from_integers,
    mixture_to_integers,
    operator_from_integers,
    operator_to_integers,
    require_mixture,
)
from qimg.prior.joint import JointMixture
from qimg.prior.mixture import GaussianMixture
from qimg.prior.views import View, is_view

_Value = TypeVar("_Value")
_OPERATOR = re.compile(r"(luma|colour|linear|jpeg \d+ \d:\d:\d) (.+)@(\d+)", re.DOTALL)


class MissingPartError(KeyError, ValueError):
    """The prior does not hold the requested operator or mixture; the message lists those that it holds."""

    def __str__(self) -> str:
        return str(self.args[0])


class _Parts(Mapping[str, _Value]):
    """Parts of a prior, each made from its integers at the first access."""

    def __init__(self, make: Any, names: list[str], kind: str) -> None:
        self._make, self._names, self._kind = make, names, kind
        self._made: dict[str, _Value] = {}

    def __getitem__(self, name: str) -> _Value:
        if name not in self._names:
            available = ", ".join(self._names) or "none"
            raise MissingPartError(f"the prior holds no {self._kind} {name!r}; it holds {available}")
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Prior(Artifact):
    """Operators and mixtures fitted on pictures, computed from the integers of one file.

    Made by `qimg.prior.fit` or `qimg.prior.load`.
    """

    KIND = Kind(tag=None, ending=".prior", package="qimg.prior")

    @classmethod
    def assemble(
        cls,
        *,
        operators: Mapping[str, CorrelationOperator],
        mixtures: Mapping[str, GaussianMixture],
        provenance: Mapping[str, Any],
    ) -> "Prior":
        """The prior with these parts, rounded as in its file.

        Args:
            operators: `luma group@scale`, `colour …`, `linear …` and `jpeg quality sampling …` → operator.
            mixtures: view → mixture over its vectors.
            provenance: JSON values; a missing recipe and missing lists of inputs and skipped pictures are filled in.
        """
        arrays: dict[str, Array] = {}
        for name, operator in operators.items():
            operator_key(name)
            arrays |= {f"operator {name}/{key}": value for key, value in operator_to_integers(operator).items()}
        for name, mixture in mixtures.items():
            dimension = View(name).dimension
            arguments.require(
                mixture.dimension == dimension, name, f"must have dimension {dimension}", mixture.dimension
            )
            arrays |= {f"mixture {name}/{key}": value for key, value in mixture_to_integers(mixture).items()}
        complete = {"recipe": Recipe(mixtures={}).to_json(), "inputs": [], "skipped": [], **provenance}
        header = {"operators": sorted(operators), "mixtures": sorted(mixtures), "provenance": complete}
        return cls.packed(header, arrays)

    @cached_property
    def operators(self) -> Mapping[str, CorrelationOperator]:
        """`luma group@scale`, `colour …`, `linear …`, `jpeg quality sampling …` → operator, level shift 128."""
        names = [name for name in self.contents.header["operators"] if _OPERATOR.fullmatch(name)]
        return _Parts(lambda name: operator_from_integers(self.part(f"operator {name}")), names, "operator")

    @cached_property
    def mixtures(self) -> Mapping[str, JointMixture]:
        """View (`patch8`, `luma8`, `colour8`, …) → mixture of operators over its vectors."""
        names = [name for name in self.contents.header["mixtures"] if is_view(name)]
        return _Parts(
            lambda name: JointMixture(View(name), mixture_from_integers(self.part(f"mixture {name}"))),
            names,
            "mixture",
        )

    @cached_property
    def operator(self) -> CorrelationOperator:
        """Second moments of luma patches, level shift 128, at the smallest scale.

        They are those of the group that the recipe names (`recipe.operator`), or the sum over all groups if it names
        none.
        """
        return self.operator_of("luma")

    def operator_of(self, planes: str, *, group: str | None = None, scale: int | None = None) -> CorrelationOperator:
        """The sum of operators over groups at one scale.

        Args:
            planes: "luma", "colour", "linear", or a JPEG setting such as "jpeg 10 4:2:0", whose joint operators over
                z ⊕ (x − z) `conditional_expectation` takes (see `joint_operator`).
            group: one group; that of the recipe when left out. "", or a recipe without one: all groups.
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
            patches: (..., 64) luma in code values / 255, row-major; the mean is subtracted. No noise is added.

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

    def check(self) -> None:
        """Raise an error where the arrays differ from those that the header names."""
        header = self.contents.header
        for key in ("operators", "mixtures"):
            names = header[key]
            sound = isinstance(names, list) and all(isinstance(name, str) for name in names)
            arguments.require(sound and len(set(names)) == len(names), key, "must be different names", names)
        for key, kind in {"inputs": list, "skipped": list, "recipe": dict}.items():
            value = self.provenance[key]
            arguments.require(isinstance(value, kind), key, f"must be a {kind.__name__}", value)
        expected: dict[str, tuple[tuple[int, ...], str]] = {}
        for name in self.operators:
            d, prefix = len(self.part(f"operator {name}")["sum"]), f"operator {name}"
            shapes = {"moments": (d * (d + 1) // 2,), "sum": (d,), "count": (1,)}
            expected |= {f"{prefix}/{key}": (shape, "<i8") for key, shape in shapes.items()}
        for name in self.mixtures:
            classes = len(self.part(f"mixture {name}")["weights"])
            expected |= mixture_arrays(f"mixture {name}", classes, View(name).dimension)
        self.require_arrays(expected)

    def check_values(self) -> None:
        """Raise an error where an operator or a mixture is none."""
        arguments.require(
            isinstance(self.provenance["recipe"].get("operator", ""), str),
            "operator", "must be the name of a group", self.provenance["recipe"].get("operator"),
        )  # fmt: skip
        for name, operator in self.operators.items():
            with explained(f"operator {name}"):
                operator.require_moments()
        for name in self.mixtures:
            require_mixture(f"mixture {name}", self.part(f"mixture {name}"))

    def __repr__(self) -> str:
        mixtures = ", ".join(f"{name}: {len(self.part(f'mixture {name}')['weights'])}" for name in self.mixtures)
        pictures = len(self.provenance["inputs"])
        return (
            f"Prior({pictures} pictures, {len(self.operators)} operators, mixtures {{{mixtures}}}, {self.sha256[:12]})"
        )


def operator_key(name: str) -> tuple[str, str, int]:
    """Planes, group and scale of an operator's name.

    Raises:
        ValueError: the name has no kind of operator that this version supports.

    >>> operator_key("jpeg 10 4:2:0 Maker One@2")
    ('jpeg 10 4:2:0', 'Maker One', 2)
    """
    match = _OPERATOR.fullmatch(name)
    if match is None:
        raise ValueError(f"operators must be named like `luma group@scale`, but one is named {name!r}")
    return match[1], match[2], int(match[3])


def load(path: str | os.PathLike[str] | None = None) -> Prior:
    """Read a prior; the shipped one when `path` is left out.

    Args:
        path: a file that `Prior.save` or `qimg fit prior` wrote.

    Raises:
        ArtifactError: the file is missing, truncated, altered, of another version, or not a prior.
    """
    return Prior.load(path)
