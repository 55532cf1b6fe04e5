"""Runs of experiments: measurement, and rows, figure and provenance in a new folder; nothing is ever overwritten."""

import dataclasses
import hashlib
import importlib
import io
import itertools
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from experiments._run.pictures import Gathered, Track
from qimg.core import one_blas_thread, require, write_atomically
from qimg.core.atomic import publish_folder, unfinished_folder
from qimg.core.temporary import temporary_files_in
from qimg.core.workers import open_workers
from qimg.report import LIGHT, write_csv

TRIAL = (
    "pairs",
    "convergence",
    "purification",
    "truncation",
    "decoherence",
    "conditional_expectation",
    "transform_circuits",
    "shots",
)
"""The experiments of a trial, in the order of its report."""

THEMES = {
    "operators": (
        "pairs",
        "convergence",
        "purification",
        "truncation",
        "decoherence",
        "conditional_expectation",
        "universality",
        "transfer",
        "likelihood",
        "synthesis",
        "complex_chroma",
        "raw_pairs",
        "low_rank_methods",
    ),
    "coding": (
        "rate_distortion",
        "generation_loss",
        "codec_ablation",
        "channel_of_the_codec",
        "graphics",
        "graphic_layers",
        "lossless",
        "jpeg_recompression",
        "sketch",
    ),
    "learned": (
        "codec_parts",
        "entropy_models",
        "mnist_codecs",
        "digit_errors",
        "size_conditioning",
        "complexity_dial",
        "raster_steps",
        "frequency_bands",
        "learned_codec",
    ),
    "restoration": (
        "restoration",
        "calibration",
        "double_jpeg",
        "restoration_data",
        "restoration_raw",
        "network_prior",
        "perception",
        "degradations",
    ),
    "measures": ("smart_error", "tuned_encoding"),
    "circuits": (
        "transform_circuits",
        "shots",
        "state_preparation",
        "representations",
        "qft_downsampling",
        "transform_cost",
        "noise",
        "train_circuits",
        "encoded_processing",
        "quantum_pca",
        "copies_and_entropies",
        "unitary_denoising",
        "low_depth_circuits",
        "reading_out",
    ),
    "tensor_trains": ("image_mps", "operator_mpo", "born_machine", "digit_classifiers"),
}
"""Experiments by the folder that holds them."""

_FOLDERS = {name: theme for theme, names in THEMES.items() for name in names}

EXPERIMENTS = tuple(_FOLDERS)
"""All experiments."""

_PACKAGES = (
    "qimg",
    "numpy",
    "scipy",
    "pillow",
    "scikit-image",
    "qiskit",
    "qiskit-aer",
    "matplotlib",
    "numba",
    "constriction",
    "jpeglib",
    "torch",
    "imagecodecs",
    "pywavelets",
)


class ResultsExist(FileExistsError):
    """The folder for results already exists; results are never overwritten."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Result of one run of an experiment."""

    name: str
    params: Any
    rows: Sequence[Any]
    seconds: float


def module(name: str) -> Any:
    """The module of an experiment."""
    require(name in EXPERIMENTS, "name", f"must be one of {', '.join(EXPERIMENTS)}", name)
    return importlib.import_module(f"experiments.{_FOLDERS[name]}.{name}")


def question(name: str) -> str:
    """The question of an experiment: the first paragraph of its docstring."""
    return _paragraphs(name)[0]


def method(name: str) -> str:
    """The method of an experiment: the second paragraph of its docstring."""
    return _paragraphs(name)[1]


def _paragraphs(name: str) -> list[str]:
    return [" ".join(part.split()) for part in (module(name).__doc__ or "").split("\n\n")]


def measure(name: str, params: Any, *, track: Track = iter, workers: int = 1, scheduler: str | None = None) -> Measured:
    """Run an experiment in memory.

    BLAS runs on one thread: more threads slow down the many small eigenvalue problems, and with a fixed number the rows
    do not depend on the cores of the machine.

    Args:
        name: of the experiment.
        params: its parameters.
        track: wraps the steps, for a progress bar.
        workers: number of pictures measured at a time, as in `qimg.images.map_pictures`, for experiments that measure
            pictures one by one; rows do not depend on it.
        scheduler: as in `qimg.images.map_pictures`.

    Raises:
        ValueError: there is more than one worker, but the experiment does not measure pictures one by one.
    """
    start = time.perf_counter()
    run = module(name).run
    distributable = "workers" in signature(run).parameters
    local = workers == 1 and scheduler is None
    require(
        distributable or local, "workers", f"must be 1 for {name}, which does not measure pictures one by one", workers
    )
    with one_blas_thread(), open_workers(workers, scheduler) as pool:
        rows = run(params, track=track, workers=pool) if distributable else run(params, track=track)
    return Measured(name=name, params=params, rows=rows, seconds=time.perf_counter() - start)


def record(measured: Measured, root: Path) -> Path:
    """Write rows.csv, figure.png and provenance.json to a new folder root/NAME/<hash of the inputs>.

    Further runs with the same inputs append `-2`, `-3`, … to the hash.
    """
    facts = {"experiment": measured.name} | provenance(
        dataclasses.asdict(measured.params), measured.params.inputs(), seconds={measured.name: measured.seconds}
    )
    inputs = [entry["sha256"] for entry in facts["inputs"]]
    files = measured.params.files()
    if files:
        facts, inputs = facts | {"files": files}, [*inputs, files]
    key = json.dumps([facts["params"], inputs], sort_keys=True)
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    parent = root / measured.name
    parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(parent) as partial:
        write_rows(measured.rows, partial / "rows.csv")
        if measured.rows:
            write_figure(measured, partial / "figure.png")
        write_json(facts, partial / "provenance.json")
        names = itertools.chain([digest], (f"{digest}-{number}" for number in itertools.count(2)))
        return publish_folder(partial, free(parent, names))


def results_root(path: Path) -> Path:
    """The root folder of results; raises an error, before anything is measured, if part of the path is a file."""
    for part in (path, *path.parents):
        if part.exists() and not part.is_dir():
            raise NotADirectoryError(f"{part}: is a file, but a folder for results is expected")
    return path


def write_rows(rows: Sequence[Any], path: Path) -> None:
    """Write the rows as a CSV file; without rows, the file holds the words "no rows"."""
    if rows:
        write_csv(rows, path)
    else:
        write_atomically(path, b"no rows\n")


def write_figure(measured: Measured, path: Path) -> None:
    """Write the figure of the experiment as PNG in the light theme."""
    content = io.BytesIO()
    with temporary_files_in(path.parent):
        import matplotlib.pyplot as plt

        with plt.rc_context({**LIGHT, "backend": "agg"}):
            figure = module(measured.name).plot(measured.rows)
            figure.savefig(content, dpi=150)
            plt.close(figure)
    write_atomically(path, content.getvalue())


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write indented JSON atomically."""
    write_atomically(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def provenance(params: Mapping[str, Any], gathered: Gathered, *, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The record needed to repeat a run: parameters, hashes of inputs, versions, commit, machine and times."""
    return {
        "params": params,
        "inputs": [
            {"name": picture.name, "sha256": picture.sha256, "box_mean": picture.box_mean}
            for picture in gathered.pictures
        ],
        "skipped": [dataclasses.asdict(entry) for entry in gathered.skipped],
        "compressed_before": gathered.remarks,
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        "commit": _commit(),
        "machine": machine(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def machine() -> dict[str, Any]:
    """System, processor, cores, and the kernels of the BLAS libraries, which round differently."""
    libraries = {f"{library['internal_api']} {library.get('architecture', '')}" for library in threadpool_info()}
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "blas": sorted(name.strip() for name in libraries),
    }


def _processor() -> str:
    """Name of the processor; "" where the system does not report it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name only if the block succeeds; after an error, it is removed.

    Raises:
        ResultsExist: `folder` exists already and is not an empty folder.
        OSError: it cannot be created.
    """
    exists = f"{folder}: exists already, but results are never overwritten; name a new folder"
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise ResultsExist(exists)
    if not folder.parent.is_dir():
        raise FileNotFoundError(f"{folder.parent}: no such folder to write {folder.name} into")
    with unfinished_folder(folder.parent) as partial:
        yield partial
        try:
            publish_folder(partial, [folder])
        except FileExistsError:
            raise ResultsExist(exists) from None


def free(parent: Path, names: Iterable[str]) -> Iterator[Path]:
    """The names in a folder that are not in use, for `qimg.core.atomic.publish_folder`."""
    return (parent / name for name in names if not os.path.lexists(parent / name))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Commit of the checkout that the code runs from, with a plus sign if files were changed; "" outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # The package may be installed inside the checkout of another project, which does not track this file.
        _output([*git, "ls-files", "--error-unmatch", Path(__file__).name])
        return _output([*git, "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"])
    except (OSError, subprocess.SubprocessError):
        return ""


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
