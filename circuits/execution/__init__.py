"""Circuits on simulators and devices: backends by name, job lists, batches of patches, expectation values, files."""
