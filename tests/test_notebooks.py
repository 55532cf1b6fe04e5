"""The notebooks are committed with their outputs, and give them again when they run from top to bottom."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

KILOBYTES = 430
"""Most that a notebook may take."""

NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

ROUNDING = 1e-9
"""Printed numbers below this are rounding errors of double precision, which differ between machines."""

RELATIVE = 0.02
"""Fits, encoders and samplers decide in floating point. Another BLAS may round a decision to the other side, which
moves printed numbers by less than this, and the prose of the notebooks claims nothing finer."""


def cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def drawing(cell: nbformat.NotebookNode) -> bool:
    return any(call in cell.source for call in ("plt.subplots", "plt.figure", "plot_curves("))


def images_of(cell: nbformat.NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def agree(a: str, b: str) -> bool:
    """Whether two texts are the same but for the rounding of their numbers."""
    if NUMBER.sub("0", a).split() != NUMBER.sub("0", b).split():
        return False
    return all(
        abs(float(x) - float(y)) <= max(ROUNDING, unit(x), unit(y), RELATIVE * abs(float(x)))
        for x, y in zip(numbers(a), numbers(b), strict=True)
    )


def numbers(text: str) -> list[str]:
    return [number.replace("−", "-") for number in NUMBER.findall(text)]


def unit(number: str) -> float:
    """One of the last digit that is printed."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """The script that refreshes the outputs."""
    spec = importlib.util.spec_from_file_location("run_notebooks", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebooks_are_there():
    assert [path.stem for path in NOTEBOOKS] == [
        "a_density_matrix_at_3072_dimensions",
        "a_picture_as_a_tensor_train",
        "a_picture_layer_by_layer",
        "classify_digits_with_a_tensor_train",
        "denoising_as_a_singular_value_transformation",
        "inspect_a_density_matrix",
        "one_block_through_the_codec",
        "one_patch_back_from_jpeg",
        "quantum_pca_of_a_photograph",
        "submit_a_circuit",
        "the_prior",
        "train_an_autoencoder_on_digits",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_committed(path: Path):
    notebook = nbformat.read(path, as_version=4)
    code = cells(notebook)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert [images_of(cell) for cell in code if drawing(cell)] == [1] * sum(map(drawing, code))
    assert sum(map(drawing, code)) >= 5
    prints = [cell for cell in code if re.search(r"^\s*print\(", cell.source, flags=re.MULTILINE)]
    assert [bool(printed(cell)) for cell in prints] == [True] * len(prints)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_clean(path: Path, run: ModuleType):
    text = path.read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    outputs = [output for cell in cells(notebook) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
    assert len(text) < 1000 * KILOBYTES
    # Nothing of the machine: paths, addresses of objects.
    assert re.findall(r"/home/|/root/|/Users/|/tmp/|0x[0-9a-f]{6,}", text) == []
    assert run.clean(nbformat.reads(text, as_version=4)) == notebook


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("norm 993.5", "norm 993.6", True),
        ("rank 19", "rank 20", True),  # one of the last digit
        ("largest error: 1.4e-11", "largest error: 9e-13", True),
        ("10300 bytes", "10290 bytes", True),
        ("10300 bytes", "9800 bytes", False),
        ("29.91 dB", "28.91 dB", False),
        ("29.91 dB", "29.91 bit", False),
        ("1 2", "1 2 3", False),
    ],
)
def test_texts_agree_up_to_rounding(a: str, b: str, same: bool):
    assert agree(a, b) is same


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_gives_the_same_outputs_again(path: Path, run: ModuleType):
    committed = cells(nbformat.read(path, as_version=4))
    again = cells(run.execute(path))
    assert [images_of(cell) for cell in again] == [images_of(cell) for cell in committed]
    pairs = [(printed(old), printed(new)) for old, new in zip(committed, again, strict=True)]
    assert [pair for pair in pairs if not agree(*pair)] == []
