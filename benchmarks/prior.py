"""Fitting a prior: speed beside bare decoding, on a Dask cluster and beside scikit-learn's mixture; memory; loading."""

import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.timing import compare, comparison, printed, seconds_of
from experiments._results.measurements import Measurement
from qimg import images, prior
from qimg.core import one_blas_thread
from qimg.core.workers import dask_cluster
from qimg.images import collections as sources
from qimg.prior.views import random_places

OPERATORS = prior.Recipe(mixtures={}, scales=(1,))
"""One pass, one second-moment matrix."""
COUNT = 96
"""Photographs of the timed fits, twelve tasks; fits on a cluster take six times as many."""


def photographs() -> list[np.ndarray]:
    """The set kodak of QIMG_DATA, or the photographs bundled with scikit-image."""
    kodak = Path(os.environ.get("QIMG_DATA", "")) / "kodak"
    if "QIMG_DATA" in os.environ and kodak.is_dir():
        return [source.read()[0] for source in images.gather([kodak])]
    return [images.bundled(name) for name in images.BUNDLED]


@contextmanager
def folder_of(originals: Sequence[np.ndarray], count: int) -> Iterator[list[str]]:
    """Paths of `count` PNG files that differ by a pixel at least: a fit leaves exact copies out."""
    with TemporaryDirectory() as folder:
        paths = []
        for number in range(count):
            pixels = originals[number % len(originals)].copy()
            change, place = divmod(number // len(originals), pixels.size)
            pixels.flat[place] ^= 1 + change
            path = Path(folder) / f"{number:05d}.png"
            images.save(pixels, path)
            paths.append(str(path))
        yield paths


def fit_against_decode(paths: Sequence[str], *, threads: int, repeats: int) -> Measurement:
    """A fit of operators against reading and decoding the same files, on as many threads."""

    def decode() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(images.load, paths))

    with one_blas_thread():
        return compare(
            f"prior.fit, {len(paths)} PNG photographs, threads: {threads}",
            lambda: prior.fit(paths, OPERATORS, workers=threads),
            "images.load of the same files",
            decode,
            target="≥ 0.70 times as fast",
            repeats=repeats,
        )


def memory(counts: Iterable[int] = (10, 100, 1000, 10_000)) -> list[Measurement]:
    """Peak memory of arrays and objects when so many files of 64×64 are fitted, each in a separate interpreter."""
    script = (
        "import sys, tracemalloc\n"
        "from pathlib import Path\n"
        "from qimg import prior\n"
        "paths = sorted(map(str, Path(sys.argv[1]).iterdir()))[: int(sys.argv[2])]\n"
        "recipe = prior.Recipe(mixtures={}, scales=(1,))\n"
        "prior.fit(paths[:2], recipe)\n"
        "tracemalloc.start()\n"
        "fitted = prior.fit(paths, recipe)\n"
        "assert len(fitted.provenance['inputs']) == len(paths)\n"
        "print(tracemalloc.get_traced_memory()[1])\n"
    )
    counts = list(counts)
    small = [images.bundled("coffee")[100:164, 100:164, 1]]
    with folder_of(small, max(counts)) as paths:
        folder = str(Path(paths[0]).parent)
        return [
            Measurement(
                table="fitted_files",
                what=str(count),
                quantity="peak memory of arrays and objects",
                value=int(printed(script, folder, str(count))) / 2**20,
                unit="MiB",
            )
            for count in counts
        ]


def dask_speedup(paths: Sequence[str], *, repeats: int) -> Measurement:
    """Two single-threaded Dask workers against one; both clusters run before the measurement."""
    with dask_cluster(None, workers=1) as one, dask_cluster(None, workers=2) as two:
        return compare(
            f"prior.fit, {len(paths)} PNG photographs, 2 Dask workers",
            lambda: prior.fit(paths, OPERATORS, scheduler=two.address),
            "1 Dask worker",
            lambda: prior.fit(paths, OPERATORS, scheduler=one.address),
            target="≥ 1.6 times as fast",
            repeats=repeats,
        )


def mixtures(*, components: int = 16, patches: int = 100_000, epochs: int = 30) -> list[Measurement]:
    """Time of both until 0.1 nat below scikit-learn's final held-out likelihood, without the time to evaluate it."""
    from sklearn.mixture import GaussianMixture

    class Watched(GaussianMixture):
        """Records seconds and held-out likelihood after every iteration."""

        def _print_verbose_msg_iter_end(self, n_iter: int, diff_ll: float) -> None:
            now = time.perf_counter()
            self.history.append((now - self.start, float(self.score(held_out))))
            self.start += time.perf_counter() - now

    fitted, held_out = patch_sets(patches)
    noise = prior.Recipe().noise_variance
    peer = Watched(components, reg_covar=noise, random_state=0)
    peer.history, peer.start = [], time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its default limit of iterations was met
        peer.fit(fitted)
    peer_end, peer_nats = peer.history[-1]
    level = peer_nats - 0.1
    peer_seconds, peer_passes = next(
        (seconds, number) for number, (seconds, nats) in enumerate(peer.history, start=1) if nats >= level
    )
    rng = np.random.default_rng(0)
    passes = prior.fit_mixture(fitted, components, rng=rng, noise_variance=noise, epochs=epochs)
    seconds, reached, number, nats = 0.0, float("nan"), 0, float("nan")
    start = time.perf_counter()
    for count, mixture in enumerate(passes, start=1):
        seconds += time.perf_counter() - start
        nats = float(mixture.log_likelihood(held_out).mean())
        if not number and nats >= level:
            reached, number = seconds, count
        start = time.perf_counter()
    ends = {"qimg": (nats, seconds, number), "scikit-learn": (peer_nats, peer_end, peer_passes)}
    return [
        comparison(
            f"prior.fit_mixture, K = {components}, {len(fitted)} patches, to 0.1 nat below the peer's end",
            (reached, peer_seconds),
            "sklearn.mixture.GaussianMixture",
            target="≥ 5 times as fast",
        ),
        *(
            Measurement(table="mixture", what=name, quantity=quantity, value=float(value), unit=unit)
            for name, values in ends.items()
            for (quantity, unit), value in zip(_ENDS, values, strict=True)
        ),
    ]


_ENDS = (
    ("held-out likelihood at the end", "nats per patch"),
    ("time to the end", "s"),
    ("passes to 0.1 nat below scikit-learn's end", ""),
)


def patch_sets(count: int) -> tuple[np.ndarray, np.ndarray]:
    """AC vectors of patches to fit on, and a fifth as many of other pictures: the lists of QIMG_DATA, or bundled."""
    root = Path(os.environ.get("QIMG_DATA", ""))
    if "QIMG_DATA" in os.environ and (root / "splits.json").is_file():
        fitted, held_out = (list(_listed(root, entry)) for entry in ("fit", "holdout"))
    else:
        *fitted, last = (images.bundled(name) for name in images.BUNDLED)
        held_out = [last]
    return _vectors(fitted, count), _vectors(held_out, count // 5)


def _listed(root: Path, entry: str) -> Iterator[np.ndarray]:
    """Pictures of an entry of the lists, JPEG files averaged over 2×2 boxes; other files are left out."""
    for source in sources.gather([f"splits.json#{entry}"], root=root):
        with suppress(images.ImageError):
            yield images.box_mean(source.read()[0], 2 if source.jpeg else 1)


def _vectors(pictures: Sequence[np.ndarray], count: int) -> np.ndarray:
    view, rng = prior.View("patch8"), np.random.default_rng(0)
    each = -(-count // len(pictures))
    planes = [images.luma(picture) for picture in pictures]
    parts = [view.vectors(plane, *random_places(view, plane.shape, each, rng)) for plane in planes]
    return np.concatenate(parts)[:count]


def loading(repeats: int) -> list[Measurement]:
    """Size, time to load, and time of the first likelihood of 1000 patches, of a saved and of the shipped prior."""
    rows = []
    with TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.prior"
        _example().save(saved)
        shipped = Path(prior.__file__).parent / "default.prior"
        priors = {"a saved prior": saved, **({"the shipped prior": shipped} if shipped.exists() else {})}
        patches = np.random.default_rng(0).uniform(size=(1000, 64))
        for name, path in priors.items():
            load = seconds_of(lambda path=path: prior.load(path), repeats=repeats)
            both = seconds_of(lambda path=path: prior.load(path).log_likelihood(patches), repeats=repeats)
            quantities = (
                ("size", path.stat().st_size / 2**20, "MiB", ""),
                ("load", load, "s", "≤ 0.05 s"),
                ("first likelihood of 1000 patches", both - load, "s", ""),
            )
            rows += [
                Measurement(table="prior", what=name, quantity=quantity, value=value, unit=unit, target=target)
                for quantity, value, unit, target in quantities
            ]
    return rows


def _example() -> prior.Prior:
    """A prior of the usual size: 200 classes of patches, 64 with their rings, 16 in colour."""
    rng = np.random.default_rng(0)
    parts = {}
    for name, classes in {"patch8": 200, "luma8": 64, "colour8": 16}.items():
        d = prior.View(name).dimension
        halves = rng.standard_normal((classes, d, d)) / np.sqrt(d)
        covariances = halves @ np.swapaxes(halves, 1, 2) + 0.1 * np.eye(d)
        parts[name] = prior.GaussianMixture.from_covariances(np.full(classes, 1 / classes), covariances)
    return prior.Prior.assemble(operators={}, mixtures=parts, provenance={"inputs": []})


def measure() -> list[Measurement]:
    """Fits beside bare decoding, one Dask worker and scikit-learn's mixture; memory and loading."""
    cores = os.cpu_count() or 1
    with folder_of(photographs(), 6 * COUNT) as paths:
        rows = [fit_against_decode(paths[:COUNT], threads=threads, repeats=5) for threads in sorted({1, cores})]
        rows.append(dask_speedup(paths, repeats=5))
    return [*rows, *mixtures(), *memory(), *loading(9)]
