"""Experiments, one file for each question. `python -m experiments` lists them.

Each module has `Params` (every input and the seed), `Row` (one measurement), `TINY` (parameters that take seconds),
`run(params, *, track) -> list[Row]`, `findings(rows)`, `tables(rows)` and `plot(rows) -> Figure`.
"""
