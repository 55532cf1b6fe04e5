"""The first import of Qiskit, which also succeeds on systems without a folder for temporary files."""

from qimg.core.temporary import importing

with importing():
    import qiskit

__all__ = ["qiskit"]
