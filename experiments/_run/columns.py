"""Kinds of columns (exact, equal within a tolerance, or of one machine), declared by the types of a `Row`'s fields."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, get_origin, get_type_hints


@dataclass(frozen=True)
class Exact:
    """Equal on every machine: text, whole numbers, truth values."""

    def __str__(self) -> str:
        return "exact"

    def agree(self, a: Any, b: Any) -> bool:
        """Whether two values of the column are the same result."""
        return type(a) is type(b) and bool(a == b)


@dataclass(frozen=True)
class Within:
    """Equal within a tolerance, relative, and absolute below 1."""

    tolerance: float

    def __str__(self) -> str:
        return f"within {self.tolerance:g}"

    def agree(self, a: Any, b: Any) -> bool:
        """Whether two values of the column are the same result. NaN, a missing measurement, agrees with NaN."""
        if isinstance(a, tuple | list) and isinstance(b, tuple | list):
            return len(a) == len(b) and all(map(self.agree, a, b))
        if type(a) is not type(b) or type(a) not in (int, float):
            return type(a) is type(b) and bool(a == b)
        return math.isclose(a, b, rel_tol=self.tolerance, abs_tol=self.tolerance) or (math.isnan(a) and math.isnan(b))


@dataclass(frozen=True)
class OfOneMachine:
    """Times and memory, which differ between machines and between runs."""

    def __str__(self) -> str:
        return "one machine"

    def agree(self, a: Any, b: Any) -> bool:
        """Whether both values are numbers."""
        return isinstance(a, int | float) and isinstance(b, int | float)


@dataclass(frozen=True)
class Pixels(Exact):
    """Pixels of the measured pictures, left out of committed tables where no licence permits copies."""

    def __str__(self) -> str:
        return "pixels"

    def agree(self, a: Any, b: Any) -> bool:
        """Always true, because a committed table may lack them."""
        return True


Kind: TypeAlias = Exact | Within | OfOneMachine

ROUNDING = Within(1e-9)
"""Default kind of real numbers. The order of summation differs between BLAS libraries, which changes the last of about
16 digits, and after iterations a few more; a change of method changes the leading digits."""

Seconds = Annotated[float, OfOneMachine()]
"""Time on one machine."""
Mebibytes = Annotated[float, OfOneMachine()]
"""Memory of a process on one machine."""
LibraryDependent = Annotated[float, Within(1e-3)]
"""Results of an external encoder or of an iteration whose stopping point depends on rounding."""
CountOfReals = Annotated[int, Within(1e-3)]
"""A count of real numbers on one side of a limit; those within rounding of it differ between machines."""

ImageFile = Annotated[str, Pixels()]
"""An image file in base64."""


def kinds(row: type) -> dict[str, Kind]:
    """The kind of every column of a `Row` type, by name, in their order."""
    kind_of: dict[str, Kind] = {}
    for name, hint in get_type_hints(row, include_extras=True).items():
        declared = [kind for kind in getattr(hint, "__metadata__", ()) if isinstance(kind, Kind)]
        fractional = plain_type(hint) is float or "float" in str(plain_type(hint))
        kind_of[name] = declared[0] if declared else ROUNDING if fractional else Exact()
    return kind_of


def plain_type(hint: Any) -> Any:
    """A type without its annotations."""
    return hint.__origin__ if get_origin(hint) is Annotated else hint
