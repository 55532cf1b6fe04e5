"""Execute the notebooks and write their outputs in place: `python docs/notebooks/run.py [NAME…]`."""

import base64
import io
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parent

ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OPENBLAS_NUM_THREADS": "1",  # the last digits of sums do not depend on the number of cores,
    "OPENBLAS_CORETYPE": "Haswell",  # nor shots and trainings on the processor; others than x86-64 ignore these
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}
"""Variables of the kernel's environment."""

SETUP = "import matplotlib_inline.backend_inline as _b; _b.set_matplotlib_formats('png', dpi=72); del _b"
"""Executed before the first cell, and not counted: figures are PNG files of a modest size."""

LARGE = 12_000
"""Bytes of a figure above which it is stored with a palette of 256 colours."""


def execute(path: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of a fresh kernel, without metadata that differs from run to run."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False)
    with client.setup_kernel(cwd=str(path.parent), env={**os.environ, **ENVIRONMENT}):
        client.kc.execute(SETUP, silent=True, store_history=False)
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
    return clean(notebook)


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave sources, outputs and the name of the kernel; merge streams, and reduce large figures."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type != "code":
            continue
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
            if "image/png" in output.get("data", {}):
                # The text beside a figure is the address of an object.
                output.data = nbformat.from_dict({"image/png": _reduced(output.data["image/png"])})
    return notebook


def _reduced(figure: str) -> str:
    content = base64.b64decode(figure)
    image = Image.open(io.BytesIO(content))
    if len(content) > LARGE and image.mode != "P":
        buffer = io.BytesIO()
        palette = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        palette.save(buffer, "PNG", optimize=True)
        content = buffer.getvalue()
    return base64.b64encode(content).decode()


def _merged(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs with consecutive parts of one stream joined."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def main(names: list[str]) -> None:
    """Execute the named notebooks, or all of them."""
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # the default of coming releases, without which they warn
    paths = [FOLDER / f"{Path(name).stem}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb"))
    for path in paths:
        nbformat.write(execute(path), path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
