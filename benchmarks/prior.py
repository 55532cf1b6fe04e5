"""Fitting a prior against bare decoding, in memory, on a cluster, and against scikit-learn's mixture."""

import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.timing import Comparison, printed, ratio, seconds_of
from benchmarks.timing import compare as timed
from qimg import images, prior
from qimg.core import one_blas_thread
from qimg.core.workers import dask_cluster
from qimg.images import collections as sources
from qimg.prior.views import random_places

OPERATORS = prior.Recipe(mixtures={}, scales=(1,))
"""One pass, one second-moment matrix."""
COUNT = 96
"""Photographs of the timed fits, twelve tasks; six times as many where a cluster takes them."""


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


def fit_against_decode(paths: Sequence[str], *, threads: int, repeats: int) -> Comparison:
    """A fit of operators against reading and decoding the same files, on as many threads."""

    def decode() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(images.load, paths))

    with one_blas_thread():
        return timed(
            f"prior.fit, operators of {len(paths)} PNG photographs, {threads} thread(s)",
            lambda: prior.fit(paths, OPERATORS, workers=threads),
            "images.load of the same files",
            decode,
            target="≥ 0.70",
            figure="speed of decoding alone",
            repeats=repeats,
        )


def memory(counts: Iterable[int] = (10, 100, 1000, 10_000)) -> list[tuple[int, float]]:
    """Peak memory of arrays and objects in MiB of fitting n files of 64×64, each counted by its own interpreter."""
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
        return [(n, int(printed(script, folder, str(n))) / 2**20) for n in counts]


def dask_speedup(paths: Sequence[str], *, repeats: int) -> Comparison:
    """Two single-threaded Dask workers against one, both clusters running before the clock does."""
    with dask_cluster(None, workers=1) as one, dask_cluster(None, workers=2) as two:
        return timed(
            f"prior.fit on 2 Dask workers, {len(paths)} PNG photographs",
            lambda: prior.fit(paths, OPERATORS, scheduler=two.address),
            "the same on 1 Dask worker",
            lambda: prior.fit(paths, OPERATORS, scheduler=one.address),
            target="≥ 1.6",
            figure="times as fast as one worker",
            repeats=repeats,
        )


def mixtures(*, components: int = 16, patches: int = 100_000, epochs: int = 30) -> tuple[Comparison, str]:
    """Time of both to 0.1 nat below scikit-learn's final held-out likelihood; looking at it is not counted."""
    from sklearn.mixture import GaussianMixture

    class Watched(GaussianMixture):
        """Notes seconds and held-out likelihood after every iteration."""

        def _print_verbose_msg_iter_end(self, n_iter: int, diff_ll: float) -> None:
            now = time.perf_counter()
            self.seen.append((now - self.start, float(self.score(held_out))))
            self.start += time.perf_counter() - now

    fitted, held_out = patch_sets(patches)
    noise = prior.Recipe().noise_variance
    peer = Watched(components, reg_covar=noise, random_state=0)
    peer.seen, peer.start = [], time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its default limit of iterations was met
        peer.fit(fitted)
    total, aim = peer.seen[-1]
    peer_seconds = next(seconds for seconds, nats in peer.seen if nats >= aim - 0.1)
    rng = np.random.default_rng(0)
    passes = prior.fit_mixture(fitted, components, rng=rng, noise_variance=noise, epochs=epochs)
    seconds, reached, number, nats = 0.0, float("nan"), 0, float("nan")
    start = time.perf_counter()
    for count, mixture in enumerate(passes, start=1):
        seconds += time.perf_counter() - start
        nats = float(mixture.log_likelihood(held_out).mean())
        if not number and nats >= aim - 0.1:
            reached, number = seconds, count
        start = time.perf_counter()
    comparison = ratio(
        f"prior.fit_mixture, K = {components}, {len(fitted):,} patches, to 0.1 nat below the peer's end",
        "sklearn.mixture.GaussianMixture",
        (reached, peer_seconds),
        target="≥ 5",
        figure="times as fast",
    )
    return comparison, (
        f"held-out nats per patch: scikit-learn {aim:.2f} after {total:.1f} s, ours {nats:.2f} after {seconds:.1f} s, "
        f"within 0.1 of scikit-learn's after {number} pass(es)"
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
    """Pictures of an entry of the lists, JPEG files averaged over 2×2 boxes; what is no picture is passed over."""
    for source in sources.gather([f"splits.json#{entry}"], root=root):
        with suppress(images.ImageError):
            yield images.box_mean(source.read()[0], 2 if source.jpeg else 1)


def _vectors(pictures: Sequence[np.ndarray], count: int) -> np.ndarray:
    view, rng = prior.View("patch8"), np.random.default_rng(0)
    each = -(-count // len(pictures))
    planes = [images.luma(picture) for picture in pictures]
    parts = [view.vectors(plane, *random_places(view, plane.shape, each, rng)) for plane in planes]
    return np.concatenate(parts)[:count]


def loading(repeats: int) -> list[tuple[str, float, float, float]]:
    """(name, MiB, seconds to load, seconds of the first likelihood of 1000 patches), of each prior that is there."""
    found = []
    with TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.prior"
        _example().save(saved)
        shipped = Path(prior.__file__).parent / "default.prior"
        named = {"a saved prior": saved, **({"the shipped prior": shipped} if shipped.exists() else {})}
        patches = np.random.default_rng(0).uniform(size=(1000, 64))
        for name, path in named.items():
            load = seconds_of(lambda path=path: prior.load(path), repeats=repeats)
            both = seconds_of(lambda path=path: prior.load(path).log_likelihood(patches), repeats=repeats)
            found.append((name, path.stat().st_size / 2**20, load, both - load))
    return found


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


def compare() -> tuple[list[Comparison], list[str]]:
    """All of it: comparisons, and sentences about what is no ratio."""
    cores = os.cpu_count() or 1
    with folder_of(photographs(), 6 * COUNT) as paths:
        rows = [fit_against_decode(paths[:COUNT], threads=threads, repeats=5) for threads in sorted({1, cores})]
        rows.append(dask_speedup(paths, repeats=5))
    race, nats = mixtures()
    peaks = ", ".join(f"{n:,}: {mib:.1f} MiB" for n, mib in memory())
    said = [
        nats,
        f"peak memory of fitting operators of n PNG files of 64 × 64: {peaks}",
        *(
            f"{name}, {mib:.1f} MiB: load {1e3 * load:.1f} ms (target < 50), first likelihood of 1000 patches "
            f"{1e3 * first:.0f} ms"
            for name, mib, load, first in loading(9)
        ),
    ]
    return [*rows, race], said
