"""What was tried on files, processes and circuits, and the outcome: counts, not times.

A file of this folder is one kind of trial. Its `measure()` returns a row for each count;
`python -m benchmarks reliability_NAME` runs it.
"""
