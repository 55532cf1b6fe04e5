"""Pictures at the edge of what blocks suit: noise, constant pictures, graphics with flat areas, and thin pictures.

Everything is drawn from seeds or taken from the bundled photographs, so that a run needs no other files.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

import qimg
from experiments._results.measurements import Measurement
from qimg import images
from qimg.codecs import registry
from qimg.core import Array, in_one_blas_thread

_DTYPES = (np.uint8, np.uint16)
_CHANNELS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (4,))
_AVIF = "peer:avif-psnr"


def _row(table: str, what: str, quantity: str, value: float, unit: str = "") -> Measurement:
    return Measurement(table=table, what=what, quantity=quantity, value=float(value), unit=unit)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Array:
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def noise(rng: np.random.Generator, count: int) -> Iterator[Measurement]:
    """Sizes of files of noise beside raw size + 1 % + 100 bytes."""
    kinds = {"1×1 to 64×64": (64, 64), "one side of 1 to 12": (12, 2000)}
    for (kind, (rows, columns)), progressive in product(kinds.items(), (False, True)):
        within, excess = 0, -np.inf
        for index in range(count):
            shape = (int(rng.integers(1, rows + 1)), int(rng.integers(1, columns + 1)))
            shape = shape[::-1] if rng.random() < 0.5 else shape
            image = _noise(rng, (*shape, *_CHANNELS[index % 4]), _DTYPES[index // 4 % 2])
            quality = float(rng.uniform(1, 100))
            size = len(qimg.encode(image, codec="block", quality=quality, effort=1, progressive=progressive))
            within += size <= 1.01 * image.nbytes + 100
            excess = max(excess, size - image.nbytes)
        what = f"{kind}, {'progressive' if progressive else 'sequential'}"
        yield _row("noise", what, "tried", count)
        yield _row("noise", what, "at most raw size + 1 % + 100 bytes", within)
        yield _row("noise", what, "largest excess over raw size", excess, "bytes")


def constant(rng: np.random.Generator, count: int) -> Iterator[Measurement]:
    """Constant pictures, and pictures that are constant up to noise of one code value, at qualities 1 to 100."""
    for what, amplitude in (("constant", 0), ("constant ± 1", 1)):
        one_colour, worst, largest = 0, 0, 0
        for index in range(count):
            shape = tuple(int(side) for side in rng.integers(1 + 15 * amplitude, 130, 2))
            channels, dtype = _CHANNELS[index % 4], _DTYPES[index // 4 % 2]
            colour = _noise(rng, channels or (1,), dtype)
            image = np.zeros((*shape, *channels), dtype)
            image[...] = np.clip(colour, amplitude, np.iinfo(dtype).max - amplitude)
            if amplitude:
                shown = images.without_alpha(image)
                shown += rng.integers(-1, 2, shown.shape).astype(dtype)
            data = qimg.encode(image, codec="block", quality=float(rng.uniform(1, 90)), effort=1)
            decoded = images.without_alpha(qimg.decode(data)).reshape(shape[0] * shape[1], -1)
            source = images.without_alpha(image).reshape(decoded.shape)
            one_colour += bool((decoded == decoded[0]).all())
            worst = max(worst, int(abs(decoded.astype(np.int64) - source).max()))
            largest = max(largest, len(data))
        yield _row("constant", what, "tried", count)
        yield _row("constant", what, "of one colour", one_colour)
        yield _row("constant", what, "worst error, code values", worst)
        yield _row("constant", what, "largest file", largest, "bytes")


def graphics(seed: int) -> dict[str, Array]:
    """Graphics with flat areas, by name."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:150, :210]
    disc = np.where(((y - 75) ** 2 + (x - 100) ** 2 < 55**2)[..., None], (0, 0, 255), (255, 0, 0))
    lines = np.where(((x * 7 + y * 3) // 16 % 9 == 0)[..., None], (20, 30, 120), (240, 235, 220))
    inset = np.full((150, 210, 3), (30, 60, 90))
    inset[40:120, 30:140] = images.bundled("coffee")[100:180, 100:210]
    patches = np.kron(rng.integers(1, 255, (3, 4, 3)), np.ones((50, 53, 1), int))
    steps = np.stack([100 + x // 20, 200 - x // 20, 40 + y // 25], axis=-1)
    noisy = patches + rng.integers(-1, 2, patches.shape)
    return {
        "two colours": disc.astype(np.uint8),
        "lines": lines.astype(np.uint8),
        "a photograph on a colour": inset.astype(np.uint8),
        "patches": patches.astype(np.uint8),
        "patches ± 1": noisy.astype(np.uint8),
        "steps of 1": steps.astype(np.uint8),
    }


def flat(qualities: tuple[int, ...]) -> Iterator[Measurement]:
    """Squares of 8×8 pixels of graphics that are constant, up to noise of ± 1 in one: how many come back constant."""
    for what, image in graphics(0).items():
        tried = constants = worst = 0
        for quality in qualities:
            shown = qimg.decode(qimg.encode(image, codec="block", quality=quality))
            source, decoded = (_squares(picture.astype(int)) for picture in (image, shown))
            flat_ones = (np.ptp(source, axis=1) <= 2 * what.endswith("± 1")).all(axis=-1)
            tried += int(flat_ones.sum())
            constants += int((np.ptp(decoded[flat_ones], axis=1) == 0).all(axis=-1).sum())
            worst = max(worst, int(abs(source - decoded)[flat_ones].max()))
        yield _row("flat_squares", what, "tried", tried)
        yield _row("flat_squares", what, "come back constant", constants)
        yield _row("flat_squares", what, "worst error, code values", worst)


def _squares(picture: Array) -> Array:
    """(squares, 64, 3) values of the aligned squares of 8×8."""
    rows, columns = (side // 8 for side in picture.shape[:2])
    squares = picture[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8, 3).swapaxes(1, 2)
    return np.asarray(squares.reshape(rows * columns, 64, 3))


def thin(sides: tuple[int, ...], names: tuple[str, ...]) -> Iterator[Measurement]:
    """Rows and columns of photographs beside AVIF tuned for PSNR: bytes at equal PSNR."""
    if not any(codec.id == _AVIF and codec.installed() for codec in registry.codecs()):
        return
    for short in sides:
        rates = []
        for name, tall in product(names, (False, True)):
            photo = images.bundled(name)
            middle = photo.shape[1 if tall else 0] // 2
            part = photo[:, middle : middle + short] if tall else photo[middle : middle + short]
            image = np.ascontiguousarray(part)
            curves = [_curve(image, _AVIF, (10, 25, 45, 65, 85)), _curve(image, "block", (5, 20, 40, 60, 80))]
            rates.append(qimg.bd_rate(*curves[0], *curves[1]))
        what = f"{short} × N and N × {short}"
        yield _row("thin", what, "tried", len(rates))
        yield _row("thin", what, "no more bytes than AVIF", sum(rate <= 0 for rate in rates))
        yield _row("thin", what, "bytes beyond AVIF at equal PSNR, mean", float(np.mean(rates)), "%")
        yield _row("thin", what, "the worst", max(rates), "%")


def _curve(image: Array, codec: str, qualities: tuple[int, ...]) -> tuple[list[int], list[float]]:
    files = [qimg.encode(image, codec=codec, quality=quality) for quality in qualities]
    quality_db = [qimg.psnr_db(image, qimg.decode(data, codec=codec), data_range=255) for data in files]
    return [len(data) for data in files], quality_db


@in_one_blas_thread
def measure(count: int = 200, sides: tuple[int, ...] = (1, 2, 3, 4, 5, 8, 12), seed: int = 0) -> list[Measurement]:
    """`count` pictures of each kind of noise and of constant pictures, graphics, and thin pictures of `sides`."""
    rng = np.random.default_rng(seed)
    names, qualities = ("coffee", "astronaut", "chelsea"), (20, 40, 60, 80)
    few = len(sides) == 1
    return [
        *noise(rng, count),
        *constant(rng, count),
        *flat(qualities[:1] if few else qualities),
        *thin(sides, names[:1] if few else names),
    ]
