"""`qimg experiments` lists the experiments; `qimg experiments NAME [--options]` runs one.

`publish`, `draw` and `document` write tables, figures and pages of the results.
"""

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from experiments._results.commands import COMMANDS
from experiments._run import runner
from qimg.cli import placeholders
from qimg.cli.errors import as_options, clear_errors
from qimg.cli.progress import bars
from qimg.core import one_line, spelled_as
from qimg.core.interrupts import raise_when_asked_to_end


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Invalid input prints one sentence and ends with exit status 2."""
    raise_when_asked_to_end(KeyboardInterrupt)
    words = sys.argv[1:] if arguments is None else arguments
    with clear_errors(), spelled_as({"name": "NAME"}):
        if not words or words[0] in ("-h", "--help"):
            _list()
        elif words[0] in COMMANDS:
            tyro.cli(COMMANDS[words[0]], args=words[1:], prog=f"qimg experiments {words[0]}")
        else:
            _run(words[0], words[1:])


def _run(name: str, words: list[str]) -> None:
    module = runner.module(name)
    options_type = _options(module.Params)
    with spelled_as(as_options(one.name for one in fields(options_type) + fields(module.Params))):
        _measure(name, module, tyro.cli(options_type, args=words, prog=f"qimg experiments {name}"))


def _measure(name: str, module: Any, options: Any) -> None:
    """Run an experiment, and print and record what it found."""
    root = runner.results_root(Path(options.out))
    with bars() as named:
        track = named(name)
        shared = {"workers": options.workers, "scheduler": options.scheduler} if _per_picture(module.Params) else {}
        measured = runner.measure(name, options.params, track=track, **shared)
    folder = runner.record(measured, root)
    inputs = options.params.inputs()
    lines = [
        *(f"skipped {one_line(entry.reason)}" for entry in inputs.skipped),
        *inputs.remarks,
        *(f"{table.to_text()}\n" for table in module.tables(measured.rows).values()),
        *(f"• {sentence}" for sentence in module.findings(measured.rows)),
        f"\nwritten to {folder}",
    ]
    for line in lines:
        print(line)


def _list() -> None:
    console = Console()
    console.print("qimg experiments NAME [--options]; NAME --help lists the options\n")
    for name in runner.EXPERIMENTS:
        console.print(f"[bold]{name}[/bold]  {runner.question(name)}", highlight=False, soft_wrap=True)
    console.print()
    for name, command in COMMANDS.items():
        line = (command.__doc__ or "").partition("\n")[0]
        console.print(f"[bold]{name}[/bold]  {line}", highlight=False, soft_wrap=True)


def _options(params_type: Any) -> Any:
    @dataclass(frozen=True)
    class Options:
        params: tyro.conf.OmitArgPrefixes[params_type] = field(default_factory=params_type)
        out: placeholders.Path = "runs"
        """Folder in which the new folder NAME/<hash> is created."""

    if not _per_picture(params_type):
        return Options

    @dataclass(frozen=True)
    class OptionsWithWorkers(Options):
        workers: int = 1
        """Pictures measured at a time, each in a process with one thread, for experiments that measure them one by one;
        0: one per core."""
        scheduler: placeholders.Address = None
        """Address of a Dask scheduler that measures the pictures, or `local` for a Dask cluster on this machine."""

    return OptionsWithWorkers


def _per_picture(params_type: Any) -> bool:
    """Whether `workers` divide the pictures; an experiment with a parameter `workers` divides its work itself."""
    return "workers" not in {field.name for field in fields(params_type)}


if __name__ == "__main__":
    main()
