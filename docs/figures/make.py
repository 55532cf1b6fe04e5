"""Draw docs/figures/operator.png from the bundled photographs: `python docs/figures/make.py`."""

from functools import reduce
from operator import add
from pathlib import Path

import matplotlib.pyplot as plt

from experiments._run.pictures import bundled
from experiments._run.trial import operator_figure
from qimg.report import LIGHT


def main() -> None:
    """Write the figure beside this file."""
    operator = reduce(add, (picture.operator() for picture in bundled()))
    with plt.rc_context({**LIGHT, "backend": "agg"}):
        operator_figure(operator).draw().savefig(Path(__file__).with_name("operator.png"), dpi=120)


if __name__ == "__main__":
    main()
