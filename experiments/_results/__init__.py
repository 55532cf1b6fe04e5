"""Committed results: tables of rows, the numbers, tables and figures of the documentation that come from them, checks.

A run writes rows and provenance to a new folder below `runs`. `publish` copies them into `results/EXPERIMENT/SET.csv`.
`document` inserts values of these tables into README and docs between markers, and `document --check` verifies them.
"""
