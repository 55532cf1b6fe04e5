"""`qimg experiments` lists the experiments; `qimg experiments NAME [--options]` runs one.

`publish`, `draw` and `document` make tables, figures and pages of what was measured.
"""

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from experiments._results.commands import COMMANDS
from experiments._run import runner
from qimg.cli.errors import clear_errors, interrupt_when_asked_to_end
from qimg.cli.progress import bars


def main(arguments: list[str] | None = None) -> None:
    """Entry point; bad input is one sentence and exit status 2."""
    interrupt_when_asked_to_end()
    given = sys.argv[1:] if arguments is None else arguments
    console = Console()
    if not given or given[0] in ("-h", "--help"):
        _list(console)
        return
    if given[0] in COMMANDS:
        with clear_errors():
            tyro.cli(COMMANDS[given[0]], args=given[1:], prog=f"qimg experiments {given[0]}")
        return
    with clear_errors():
        module = runner.module(given[0])
        options = tyro.cli(_options(module.Params), args=given[1:], prog=f"qimg experiments {given[0]}")
        root = runner.results_root(Path(options.out))
        with bars() as named:
            track = named(given[0])
            shared = {"workers": options.workers, "scheduler": options.scheduler} if _shares(module.Params) else {}
            measured = runner.measure(given[0], options.params, track=track, **shared)
        folder = runner.record(measured, root)
        skipped = options.params.inputs().skipped
    for entry in skipped:
        console.print(f"skipped {entry.reason}", highlight=False, soft_wrap=True)
    for table in module.tables(measured.rows).values():
        console.print(f"{table.to_text()}\n", highlight=False, soft_wrap=True)
    for sentence in module.findings(measured.rows):
        console.print(f"• {sentence}", highlight=False, soft_wrap=True)
    console.print(f"\nwritten to {folder}", highlight=False, soft_wrap=True)


def _list(console: Console) -> None:
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
        out: str = "runs"
        """Folder that the new folder NAME/<hash> is written into."""

    if not _shares(params_type):
        return Options

    @dataclass(frozen=True)
    class OptionsWithWorkers(Options):
        workers: int = 1
        """Pictures at a time, each in a process with one thread, where an experiment measures them one by one; 0 takes
        one per core."""
        scheduler: str | None = None
        """Address of a Dask scheduler that measures the pictures, or `local` for a Dask cluster on this machine."""

    return OptionsWithWorkers


def _shares(params_type: Any) -> bool:
    """Whether workers share the pictures; an experiment with `workers` among its parameters divides its own work."""
    return "workers" not in {field.name for field in fields(params_type)}


if __name__ == "__main__":
    main()
