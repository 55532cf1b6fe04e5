"""`qimg info`: describes an encoded file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qimg.cli import placeholders
from qimg.cli.folders import Many, report
from qimg.core import one_line, regular
from qimg.images.collections import Source, gather, map_pictures, several

if TYPE_CHECKING:
    from qimg.codecs.protocol import Info


def info(
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")],
    /,
    *,
    codec: placeholders.CodecName = "auto",
    many: tyro.conf.OmitArgPrefixes[Many] = Many(),  # noqa: B008 (a frozen record)
) -> None:
    """Describe a file, or every .qimg file of a folder, without decoding it.

    Args:
        file: A file written by `qimg encode`, or a folder of them.
        codec: Codec of a file that is not .qimg, such as peer:jpeg.
        many: Processing of a folder.
    """
    from qimg.codecs import registry

    root = os.environ.get("QIMG_DATA") or None
    if not several(file, root=root):
        _show(file, _info(Source(name=file, group="", path=Path(file)), codec))
        return
    sources = gather(
        [file], root=root, suffixes=[registry.codec(codec).suffix], what="file of the codec", recursive=many.recursive
    )
    results = map_pictures(_info, sources, shared=codec, workers=many.workers, scheduler=many.scheduler)
    report(results, len(sources), lambda source, header: _show(source.name, header), verb="described")


def _info(source: Source, codec: str) -> "Info":
    from qimg import codecs

    path = source.path or Path(source.name)
    try:
        return codecs.info(regular(path).read_bytes(), codec=codec)
    except codecs.BitstreamError as error:
        raise error.of_file(path) from None


def _show(name: str, header: "Info") -> None:
    Console(soft_wrap=True).print(_table(name, header), highlight=False)


def _table(name: str, header: "Info") -> Table:
    kinds = {1: "gray", 2: "gray + alpha", 3: "RGB", 4: "RGB + alpha"}
    total = sum(header.parts.values())
    table = Table(title=Text(one_line(name)), title_justify="left", show_header=False)
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
