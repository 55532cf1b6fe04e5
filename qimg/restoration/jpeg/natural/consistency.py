"""Adjustment of pixels so that a JPEG encoder reproduces given coefficients exactly, where a search succeeds."""

import numpy as np

from qimg import images
from qimg.core import Array, in_one_blas_thread
from qimg.images.jpeg.blocks import BLOCK
from qimg.images.jpeg.coefficients import JpegFile
from qimg.images.jpeg.gamut import colours, room
from qimg.images.jpeg.libjpeg import QuantizationBins, to_ycbcr
from qimg.images.jpeg.mcu import Frame, Layer, mcus_with
from qimg.restoration.jpeg.natural.colour_search import search_colours
from qimg.restoration.jpeg.natural.integer_search import inside, search
from qimg.restoration.jpeg.natural.projection import projected

STEPS = 200
"""Steps of a search in one component."""
COLOUR_STEPS = 60
"""Steps of the search in all three components at once."""
SHARES = (0.8, 0.95, 1.0)
"""Shares of bins into which new starting points are projected, in turn."""
ATTEMPTS = 40
"""Largest number of new starting points of an MCU."""
MCUS = 1024
"""MCUs that are mended at a time."""
WORK = 2048
"""Largest number of new starting points of these MCUs together."""


@in_one_blas_thread
def mend(file: JpegFile, pixels: Array, changed: list[Array]) -> None:
    """Change pixels of the MCUs with changed blocks until these blocks equal those of the file.

    The search of an MCU starts from its pixels; where it fails, it starts again from their projections into the bins.
    Each projection takes the rounding errors of the previous one into account. Where every search fails, the nearest
    result remains. The result is deterministic.

    Args:
        file: file with the target coefficients.
        pixels: `uint8` (H, W) or (H, W, 3), not rotated by EXIF orientation; modified in place.
        changed: (R, C) for each component, True for changed blocks.
    """
    colour = len(file.components) == 3 and not file.is_rgb
    for places in mcus_with(file, changed, most=MCUS):
        frame = Frame.at(places, file)
        layers = [Layer.over(component, places, file) for component in file.components]
        mcus = frame.read(pixels)
        mended = _mended(layers, frame, mcus.reshape(*mcus.shape[:3], len(layers)), colour=colour)
        frame.write(pixels, mended.reshape(mcus.shape))


def _mended(layers: list[Layer], frame: Frame, pixels: Array, *, colour: bool) -> Array:
    """The best `uint8` MCUs (n, h, w, k) of all searches."""
    best, values = pixels.copy(), pixels.astype(np.float32)
    left, work = np.ones(len(pixels), np.int64), WORK + len(pixels)
    for attempt in range(ATTEMPTS + 1):
        live = np.flatnonzero(left)
        work -= len(live)
        if not len(live) or work < 0:
            break
        bound = _bound(best[live])
        for mcus, again in ((live[~bound], False), (live[bound], attempt > 0)):
            some, tried = [layer.of(mcus) for layer in layers], best[mcus]
            if again:
                share = SHARES[attempt % len(SHARES)]
                values[mcus] = projected(some, frame.of(mcus), values[mcus], share=share, colour=colour)
                tried = images.to_uint8(values[mcus])
            tried, wrong = _searched(some, tried, STEPS, attempt, colour=colour)
            if again and colour and tried.shape[1:3] == (BLOCK, BLOCK):
                rest = np.flatnonzero(wrong)
                tried[rest], wrong[rest] = _searched_at_once(
                    [layer.of(rest) for layer in some], tried[rest], wrong[rest]
                )
            better = (wrong < left[mcus]) | (attempt == 0)
            best[mcus[better]], left[mcus[better]] = tried[better], wrong[better]
    return best


def _bound(pixels: Array) -> Array:
    """(n,) whether an MCU has a value at a limit of the range, 0 or 255."""
    return np.asarray(((pixels == 0) | (pixels == 255)).any(axis=(1, 2, 3)))


def _sources(extents: Array) -> list[tuple[Array, Array]]:
    """For each extent (rows, columns) of blocks inside the picture: (…) the blocks, (64,) the samples they repeat."""
    grid = np.arange(BLOCK)
    return [
        (
            (extents == (rows, columns)).all(axis=-1),
            np.add.outer(BLOCK * np.minimum(grid, rows - 1), np.minimum(grid, columns - 1)).ravel(),
        )
        for rows, columns in np.unique(extents[extents.all(axis=-1)], axis=0)
    ]


def _searched(layers: list[Layer], pixels: Array, steps: int, seed: int, *, colour: bool) -> tuple[Array, Array]:
    """Pixels (n, h, w, k) after a search component by component, and (n,) numbers of blocks outside their bins."""
    before = to_ycbcr(pixels) if colour else pixels.astype(np.int32)
    values, wrong = before.copy(), np.zeros(len(pixels), np.int64)
    for place, layer in enumerate(layers):
        blocks = layer.sampled(values[..., place])
        bad = layer.real & ~inside(blocks, layer.bins)
        lower, upper = _room(layer, values, place, colour=colour)
        changes = np.zeros_like(blocks)
        for alike, source in _sources(layer.held):
            some = bad & alike
            changes[some], solved = search(
                blocks[some],
                layer.bins.of(some),
                lower=lower[some],
                upper=upper[some],
                source=source,
                steps=steps,
                seed=seed,
            )
            bad[some] = ~solved
        values[..., place] += layer.spread(changes)
        wrong += bad.sum(axis=(1, 2))
    moved, after = (values != before).any(axis=-1), pixels.copy()
    after[moved] = colours(values[moved]) if colour else values[moved]
    return after, wrong


def _room(layer: Layer, values: Array, place: int, *, colour: bool) -> tuple[Array, Array]:
    """(n, rows, columns, 64) smallest and largest change of each sample of a component, the others unchanged."""
    down, up = room(values, place) if colour else (-values[..., place], 255 - values[..., place])
    return layer.blocks(layer.boxes(down).max(axis=(2, 4))), layer.blocks(layer.boxes(up).min(axis=(2, 4)))


def _searched_at_once(layers: list[Layer], pixels: Array, wrong: Array) -> tuple[Array, Array]:
    """Search in all components at once, for MCUs of one block, from the result of `_searched`."""
    after, left = pixels.reshape(-1, BLOCK * BLOCK, 3).astype(np.int32), wrong.copy()
    low, high = (np.stack([getattr(layer.bins, end)[:, 0, 0] for layer in layers], axis=1) for end in ("low", "high"))
    for some, source in _sources(layers[0].held[:, 0, 0]):
        after[some], solved = search_colours(
            after[some], QuantizationBins(low[some], high[some]), source=source, steps=COLOUR_STEPS
        )
        left[some] = np.where(solved, 0, left[some])
    return after.reshape(pixels.shape).astype(np.uint8), left
