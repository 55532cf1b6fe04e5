"""`qimg info`: the description of a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from qimg.cli.decode import files_of

if TYPE_CHECKING:
    from qimg.codecs.protocol import Info


def info(file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")], /, *, codec: str = "auto") -> None:
    """Describe a file, or every .qimg file of a folder; nothing is decoded.

    Args:
        file: A file that `qimg encode` wrote, or a folder of them.
        codec: Of a file that is not .qimg, such as peer:jpeg.
    """
    from qimg import codecs

    for path in files_of(Path(file), codec) if Path(file).is_dir() else [Path(file)]:
        try:
            header = codecs.info(path.read_bytes(), codec=codec)
        except codecs.BitstreamError as error:
            raise error.of_file(path) from None
        Console(soft_wrap=True).print(_table(str(path), header), highlight=False)


def _table(name: str, header: "Info") -> Table:
    kinds = {1: "gray", 2: "gray + alpha", 3: "RGB", 4: "RGB + alpha"}
    total = sum(header.parts.values())
    table = Table(title=name, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    rows = {
        "size": f"{header.width} × {header.height} pixels",
        "pixels": f"{kinds[header.channels]}, {header.bit_depth} bits per channel",
        "codec": header.codec,
        **header.details,
        "file": f"{total:,} bytes, {header.bits_per_pixel:.4g} bits per pixel",
        **{f"  {part.replace('_', ' ')}": f"{count:,} bytes" for part, count in header.parts.items() if count},
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return table


COMMAND = info
