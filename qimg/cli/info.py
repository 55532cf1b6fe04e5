"""`qimg info`: what a file says of itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from qimg.cli.decode import files_of

if TYPE_CHECKING:
    from qimg.codecs.block import Info


def info(file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")], /) -> None:
    """Show what a file, or every .qimg file of a folder, says of itself; nothing is decoded.

    Args:
        file: A file that `qimg encode` wrote, or a folder of them.
    """
    from qimg.codecs.block import BitstreamError
    from qimg.codecs.block import info as info_of

    for path in files_of(Path(file)) if Path(file).is_dir() else [Path(file)]:
        try:
            found = info_of(path.read_bytes())
        except BitstreamError as error:
            raise error.of_file(path) from None
        Console(soft_wrap=True).print(_table(str(path), found), highlight=False)


def _table(name: str, found: "Info") -> Table:
    kinds = {1: "gray", 2: "gray + alpha", 3: "RGB", 4: "RGB + alpha"}
    kind = f"{kinds[found.channels]}, {found.bit_depth} bits per channel"
    if found.channels >= 3 and found.planes == 1:
        kind += ", coded as gray"
    total = sum(found.parts.values())
    table = Table(title=name, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    rows = {
        "size": f"{found.width} × {found.height} pixels",
        "pixels": kind,
        "mode": found.mode
        + (", truncated on purpose" if found.truncated else "")
        + ("" if found.complete else ", cut"),
        "step": f"{found.step:g} code values; Cb × {found.chroma[0]:g}, Cr × {found.chroma[1]:g}",
        "tables": found.tables,
        "file": f"{total:,} bytes, {found.bits_per_pixel:.4g} bits per pixel",
        **{f"  {part.replace('_', ' ')}": f"{count:,} bytes" for part, count in found.parts.items() if count},
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return table


COMMAND = info
