"""Pixels changed until a JPEG encoder makes given coefficients of them: exactly, wherever a search finds how."""

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
"""Of a search in one component."""
COLOUR_STEPS = 60
"""Of the search in all three components at once."""
SHARES = (0.8, 0.95, 1.0)
"""Of bins, in turns, that new starting points are projected into."""
ATTEMPTS = 40
"""New starting points of an MCU, at most."""
MCUS = 1024
"""Mended at a time."""
WORK = 2048
"""New starting points of all of them, at most."""


@in_one_blas_thread
def mend(file: JpegFile, pixels: Array, changed: list[Array]) -> None:
    """Change pixels of the MCUs that hold changed blocks until these blocks are the file's.

    An MCU is searched from its pixels; where that fails, from projections of them into the bins, each of which takes
    into account what rounding did to the one before. What is not found stays as near as it came. Always the same for
    the same pixels.

    Args:
        file: whose coefficients are wanted.
        pixels: `uint8` (H, W) or (H, W, 3), not turned; changed.
        changed: (R, C) of each component: which blocks.
    """
    colour = len(file.components) == 3 and not file.is_rgb
    for places in mcus_with(file, changed, most=MCUS):
        frame = Frame.at(places, file)
        layers = [Layer.over(component, places, file) for component in file.components]
        found = frame.read(pixels)
        mended = _mended(layers, frame, found.reshape(*found.shape[:3], len(layers)), colour=colour)
        frame.write(pixels, mended.reshape(found.shape))


def _mended(layers: list[Layer], frame: Frame, pixels: Array, *, colour: bool) -> Array:
    """`uint8` MCUs (n, h, w, k)."""
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
    """(n,) MCUs with a value that cannot go up or down."""
    return np.asarray(((pixels == 0) | (pixels == 255)).any(axis=(1, 2, 3)))


def _sources(held: Array) -> list[tuple[Array, Array]]:
    """(…) which blocks, and (64,) the samples that theirs repeat, for each way in which blocks lie in the picture."""
    grid = np.arange(BLOCK)
    return [
        (
            (held == (rows, columns)).all(axis=-1),
            np.add.outer(BLOCK * np.minimum(grid, rows - 1), np.minimum(grid, columns - 1)).ravel(),
        )
        for rows, columns in np.unique(held[held.all(axis=-1)], axis=0)
    ]


def _searched(layers: list[Layer], pixels: Array, steps: int, seed: int, *, colour: bool) -> tuple[Array, Array]:
    """Pixels (n, h, w, k) after a search, component by component, and (n,) how many blocks are still wrong."""
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
    """(n, rows, columns, 64) least and largest change of each sample of a component, the others as they are."""
    down, up = room(values, place) if colour else (-values[..., place], 255 - values[..., place])
    return layer.blocks(layer.boxes(down).max(axis=(2, 4))), layer.blocks(layer.boxes(up).min(axis=(2, 4)))


def _searched_at_once(layers: list[Layer], pixels: Array, wrong: Array) -> tuple[Array, Array]:
    """As `_searched`, in all components of MCUs of one block, on from what that leaves wrong."""
    after, left = pixels.reshape(-1, BLOCK * BLOCK, 3).astype(np.int32), wrong.copy()
    low, high = (np.stack([getattr(layer.bins, end)[:, 0, 0] for layer in layers], axis=1) for end in ("low", "high"))
    for some, source in _sources(layers[0].held[:, 0, 0]):
        after[some], solved = search_colours(
            after[some], QuantizationBins(low[some], high[some]), source=source, steps=COLOUR_STEPS
        )
        left[some] = np.where(solved, 0, left[some])
    return after.reshape(pixels.shape).astype(np.uint8), left
