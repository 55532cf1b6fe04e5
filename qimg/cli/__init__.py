"""The `qimg` command, which imports and runs the module of a verb."""

import sys
from importlib import import_module
from typing import NoReturn

import tyro

from qimg.cli.errors import clear_errors, spelling_of
from qimg.cli.notices import notices
from qimg.core import spelled_as
from qimg.core.interrupts import raise_when_asked_to_end

VERBS = {
    "restore": "Restore a JPEG file or a folder of them.",
    "encode": "Encode a picture or a folder of pictures.",
    "decode": "Decode a picture, or a folder of them, into another format.",
    "info": "Show the header of an encoded picture without decoding it.",
    "denoise": "Remove white noise from a picture.",
    "inpaint": "Fill in the missing pixels of a picture.",
    "deblur": "Remove a known blur from a picture.",
    "upscale": "Double the rows and columns of a picture.",
    "trial": "Run the practical trial on pictures and write a report.",
    "fit": "Fit a prior, codec tables, a restorer or a network on pictures.",
    "prior": "Show a prior, or compare two.",
    "circuit": "Draw, transform or run a patch of a picture as a quantum circuit.",
    "warmup": "Compile all loops before their first use.",
    "experiments": "List the experiments, or run one.",
}
"""Verbs in the order of the help; the module `qimg.cli.<verb>` has `COMMAND`, a function or functions by name, or
`VERBS` of a folder."""

_FORWARDED = {("prior", "fit"): ("fit", "prior")}


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `qimg` command."""
    raise_when_asked_to_end(KeyboardInterrupt)
    with clear_errors():
        _dispatch(sys.argv[1:] if arguments is None else arguments)


def _dispatch(words: list[str]) -> None:
    old = tuple(words[:2])
    if old in _FORWARDED:
        new = _FORWARDED[old]
        print(f"qimg: `qimg {' '.join(old)}` is now `qimg {' '.join(new)}`", file=sys.stderr)
        words = [*new, *words[2:]]
    verb = words[0] if words else ""
    if verb in VERBS:
        _run(verb, words[1:])
    elif words in (["version"], ["--version"]):
        from qimg import __version__

        print(f"qimg {__version__}")
    elif verb in ("-h", "--help"):
        _help(
            "qimg", "A quantum-inspired linear-algebra toolkit for images.", {**VERBS, "version": "Print the version."}
        )
    else:
        names, text = ", ".join([*VERBS, "version"]), " ".join(words)
        print(f"qimg: error: the verb must be one of {names}, but the command is {text!r}", file=sys.stderr)
        raise SystemExit(2)


def _run(verb: str, arguments: list[str]) -> None:
    with clear_errors(), notices():
        module, prog = import_module(f"qimg.cli.{verb}"), f"qimg {verb.replace('.', ' ')}"
        if hasattr(module, "VERBS"):  # a folder, in which the next word names a module
            word = arguments[0] if arguments else ""
            if word in ("-h", "--help"):
                _help(prog, VERBS[verb], module.VERBS)
            if word not in module.VERBS:
                raise ValueError(f"{prog}: the next word must be one of {', '.join(module.VERBS)}, but is {word!r}")
            _run(f"{verb}.{word}", arguments[1:])
        elif verb == "experiments":
            module.main(arguments)
        elif callable(module.COMMAND):
            with spelled_as(spelling_of(module.COMMAND)):
                tyro.cli(module.COMMAND, prog=prog, args=arguments)
        else:
            command = module.COMMAND.get(arguments[0]) if arguments else None
            with spelled_as(spelling_of(command) if command else {}):
                tyro.extras.subcommand_cli_from_dict(module.COMMAND, prog=prog, description=VERBS[verb], args=arguments)


def _help(prog: str, text: str, verbs: dict[str, str]) -> NoReturn:
    print(f"usage: {prog} VERB [options]; {prog} VERB --help lists the options\n")
    print(f"{text}\n")
    for verb, line in verbs.items():
        print(f"  {verb:<12} {line}")
    raise SystemExit(0)
