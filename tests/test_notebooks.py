"""The notebooks run from top to bottom, and are committed as they were written: without outputs."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.fixture
def kernel_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels inherit the environment: figures are shown in the notebook, and small products take one thread."""
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")


def images_of(cell: nbformat.NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def test_the_notebooks_are_there():
    assert [path.stem for path in NOTEBOOKS] == [
        "a_picture_as_a_tensor_train",
        "inspect_a_density_matrix",
        "one_block_through_the_codec",
        "one_patch_back_from_jpeg",
        "submit_a_circuit",
        "the_prior",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_committed(path: Path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 8
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert [cell.execution_count for cell in code] == [None] * len(code)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("kernel_environment")
def test_runs_and_draws(path: Path):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(path.parent))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    drawing = [cell for cell in code if "plt.subplots" in cell.source or "plot_curves(" in cell.source]
    assert [images_of(cell) for cell in drawing] == [1] * len(drawing)
    assert len(drawing) >= 5
    stderr = [out.text for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    assert stderr == []
