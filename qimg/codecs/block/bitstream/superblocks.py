"""Rows of superblocks: what the encoder writes and the decoder reads, in the same words."""

from qimg.codecs.block.model.contexts import GROUP_COUNT, GROUPS, code_class, code_coefficients, code_split
from qimg.codecs.block.model.maps import mark, mark_surprise, nearby_surprise, neighbours, sizes_around
from qimg.codecs.block.model.strip import Choice, Expected, Part, Strip
from qimg.codecs.block.transform.blocks import predict, reconstruct
from qimg.codecs.block.transform.dequantization import dequantize
from qimg.codecs.block.transform.geometry import place_of_cell
from qimg.core.compiled import inner
from qimg.entropy.mixing import Coder


@inner
def code_size(coder: Coder, strip: Strip, cell: int, cy: int, cx: int) -> int:
    """The size index of the block that begins at a cell: a bit for each square that the cell is the first of."""
    t = 3
    while cell & ((1 << (2 * t)) - 1):
        t -= 1
    while t > 0:
        left, up = sizes_around(strip.maps, cy, cx)
        divided = 1 if strip.choice.size[cell] < t else 0
        if code_split(coder, strip.model, t, left, up, strip.settings.step_level, divided) == 0:
            break
        t -= 1
    return t


@inner
def code_block(coder: Coder, strip: Strip, t: int, cell: int, y: int, x: int) -> None:
    """One undivided block: class and coefficients of all planes; a coder that reads also writes its samples."""
    bases, settings, maps, work, choice = strip.bases, strip.settings, strip.maps, strip.work, strip.choice
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    left, up = neighbours(maps, t, cy, cx)
    label = code_class(coder, strip.model, t, settings.depths[t], left, up, choice.label[cell])
    choice.label[cell] = label
    choice.size[cell] = t
    choice.ends[cell, 1] = coder.position[0]
    n = GROUPS[t, GROUP_COUNT[t]]
    for k in range(n):
        work.before[k] = 0
    for plane in range(settings.planes):
        part = Part(plane, t, label, nearby_surprise(maps, plane, t, cy, cx))
        q = choice.q[plane, 16 * cell : 16 * cell + n]
        sigma = strip.scales.log_sigma[t][plane, label]
        log_step = settings.log_steps[plane]
        scale = Expected(sigma, log_step, strip.scales.expected, bases.order[t][label])
        value = code_coefficients(coder, strip.model, part, scale, work, settings.step_level, q)
        choice.ends[cell, 2 + plane] = coder.position[0]
        mark_surprise(maps, plane, t, cy, cx, value)
        for k in range(n):
            work.before[k] = abs(q[k])
        if not coder.writing:
            rec = strip.rec[plane]
            predict(bases, work, rec, t, label, y, x, strip.above)
            dequantize(q, n, strip.points, sigma, log_step, settings.steps[plane], work.coefficients)
            reconstruct(bases, work, rec, t, label, y, x)
    mark(maps, t, cy, cx, label)


@inner
def code_superblock(coder: Coder, strip: Strip, y: int, x: int) -> None:
    """A superblock at row y of the strip, column x."""
    cell = 0
    while cell < 64:
        row, column = place_of_cell(cell)
        t = code_size(coder, strip, cell, 1 + row, (x >> 2) + column)
        strip.choice.ends[cell, 0] = coder.position[0]
        code_block(coder, strip, t, cell, y + 4 * row, x + 4 * column)
        cell += 1 << (2 * t)


@inner
def keep_decisions(choice: Choice, kept: Choice, s: int) -> None:
    """Copy the decisions of a superblock to place `s` of those of its row, where there is room."""
    if kept.q.shape[0] == 0:
        return
    for cell in range(64):
        kept.size[s, cell] = choice.size[cell]
        kept.label[s, cell] = choice.label[cell]
        for part in range(5):
            kept.ends[s, cell, part] = choice.ends[cell, part]
    for plane in range(3):
        for k in range(1024):
            kept.q[s, plane, k] = choice.q[plane, k]
