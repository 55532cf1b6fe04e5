"""The `qimg` command."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import tyro


@contextmanager
def clear_errors(*, interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Turn bad input into one sentence on the error stream and exit status 2, without a traceback."""
    try:
        yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sentence = _sentence(error)
        print(f"qimg: error: {sentence}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"qimg: {interrupted}", file=sys.stderr)
        raise SystemExit(130) from None


def interrupt_when_asked_to_end() -> None:
    """Let a polite request to end (SIGTERM, a closed terminal) clean up as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def trial(
    images: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    /,
    *,
    out: str | None = None,
    seed: int = 0,
) -> None:
    """Run the practical trial on pictures and write a report.

    Args:
        images: Image files and folders; photographs bundled with scikit-image when left out.
        out: New folder for the report; qimg-trial-1, qimg-trial-2, … when left out.
        seed: Seed of every random draw.
    """
    with clear_errors():
        if seed < 0:
            raise ValueError(f"seed must be at least 0, but seed={seed}")
        from experiments._run.trial import run_trial

        folder = run_trial(images, out=None if out is None else Path(out), seed=seed)
    for entry in json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["skipped"]:
        print(f"skipped {entry['reason']}", file=sys.stderr)
    print(f"report: {folder / 'report.html'}")


def prior(arguments: list[str]) -> None:
    """The commands below `qimg prior`."""
    from qimg.cli import prior as cli_prior

    commands: dict[str, Any] = {"fit": cli_prior.fit, "show": cli_prior.show, "compare": cli_prior.compare}
    with clear_errors(interrupted="interrupted"):
        tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="qimg prior",
            description="Learn the statistics of pictures once: fit, show and compare priors.",
            args=arguments,
        )


def _prior_commands() -> None:
    """Fit a prior on pictures, show one, or compare two: `qimg prior --help`."""


def circuit(arguments: list[str]) -> None:
    """The commands below `qimg circuit`."""
    from qimg.cli import circuit as cli_circuit

    commands: dict[str, Any] = {
        "encode": cli_circuit.encode,
        "transform": cli_circuit.transform,
        "run": cli_circuit.run,
    }
    with clear_errors():
        tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="qimg circuit",
            description="A patch of a picture as a quantum circuit: draw it, transform it, run it.",
            args=arguments,
        )


def _circuit_commands() -> None:
    """A patch of a picture as a quantum circuit: `qimg circuit --help`."""


_CODEC = ("encode", "decode", "info")


def codec(arguments: list[str]) -> None:
    """The commands `qimg encode`, `qimg decode` and `qimg info`."""
    from qimg.cli import codec as cli_codec

    with clear_errors(interrupted="interrupted; no file was left half-written"):
        tyro.cli(getattr(cli_codec, arguments[0]), prog=f"qimg {arguments[0]}", args=arguments[1:])


def _encode_command() -> None:
    """Encode a picture or a folder of pictures: `qimg encode --help`."""


def _decode_command() -> None:
    """Decode a picture into a file of another format: `qimg decode --help`."""


def _info_command() -> None:
    """Show what an encoded picture says of itself: `qimg info --help`."""


def restoration(arguments: list[str]) -> None:
    """The command `qimg restore`."""
    from qimg.cli.restore import restore

    with clear_errors(interrupted="interrupted; no file was left half-written"):
        tyro.cli(restore, prog="qimg restore", args=arguments)


def _restore_command() -> None:
    """Restore a JPEG file or a folder of them: `qimg restore --help`."""


_DEGRADATIONS = ("denoise", "inpaint", "deblur", "upscale")


def degradations(arguments: list[str]) -> None:
    """The commands `qimg denoise`, `qimg inpaint`, `qimg deblur` and `qimg upscale`."""
    from qimg.cli import degradations as cli_degradations

    with clear_errors():
        tyro.cli(getattr(cli_degradations, arguments[0]), prog=f"qimg {arguments[0]}", args=arguments[1:])


def _denoise_command() -> None:
    """Take white noise off a picture: `qimg denoise --help`."""


def _inpaint_command() -> None:
    """Fill in the missing pixels of a picture: `qimg inpaint --help`."""


def _deblur_command() -> None:
    """Take a known blur off a picture: `qimg deblur --help`."""


def _upscale_command() -> None:
    """Double the rows and columns of a picture: `qimg upscale --help`."""


def version() -> None:
    """Print the version of qimg."""
    from qimg import __version__

    print(f"qimg {__version__}")


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `qimg` command."""
    interrupt_when_asked_to_end()
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["prior"]:
        prior(given[1:])
        return
    if given[:1] == ["circuit"]:
        circuit(given[1:])
        return
    if given[:1] and given[0] in _CODEC:
        codec(given)
        return
    if given[:1] == ["restore"]:
        restoration(given[1:])
        return
    if given[:1] and given[0] in _DEGRADATIONS:
        degradations(given)
        return
    tyro.extras.subcommand_cli_from_dict(
        {
            "restore": _restore_command,
            "encode": _encode_command,
            "decode": _decode_command,
            "info": _info_command,
            "denoise": _denoise_command,
            "inpaint": _inpaint_command,
            "deblur": _deblur_command,
            "upscale": _upscale_command,
            "trial": trial,
            "prior": _prior_commands,
            "circuit": _circuit_commands,
            "version": version,
        },
        prog="qimg",
        description="A quantum-inspired linear-algebra toolkit for images.",
        args=["version"] if given == ["--version"] else given,
    )
