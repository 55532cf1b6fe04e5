"""Placeholders of values in the help: names of files, choices, units."""

from typing import Annotated, TypeAlias

from tyro.conf import Positional, arg

Path: TypeAlias = Annotated[str, arg(metavar="PATH")]
OptionalPath: TypeAlias = Annotated[str | None, arg(metavar="PATH")]
Sources: TypeAlias = Annotated[tuple[str, ...], Positional, arg(metavar="SOURCE ...")]
"""Files, folders, patterns, lists and sets of pictures."""
Pictures: TypeAlias = Annotated[tuple[str, ...], arg(metavar="SOURCE ...")]
Photo: TypeAlias = Annotated[str, Positional, arg(metavar="PICTURE")]
Address: TypeAlias = Annotated[str | None, arg(metavar="ADDRESS|local")]
"""Of a Dask scheduler."""
CodecName: TypeAlias = Annotated[str, arg(metavar="CODEC")]
"""Id of a codec, or import name of one."""
OptionalEffort: TypeAlias = Annotated[int | None, arg(metavar="1-9")]
Effort: TypeAlias = Annotated[int, arg(metavar="1-9")]
Deviation: TypeAlias = Annotated[float, arg(metavar="CODE-VALUES")]
OptionalDeviation: TypeAlias = Annotated[float | None, arg(metavar="CODE-VALUES")]
