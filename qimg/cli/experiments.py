"""`qimg experiments`: the experiments listed, or one of them run, as by `python -m experiments`."""


def main(arguments: list[str]) -> None:
    """List the experiments, or run one, wherever the command is called from."""
    from experiments.__main__ import main as run

    run(arguments)
