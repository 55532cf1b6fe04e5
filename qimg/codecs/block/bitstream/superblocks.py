"""Syntax of a superblock for encoder and decoder: sizes, classes and coefficients of its blocks."""

from qimg.codecs.block.model.contexts import GROUP_COUNT, GROUPS, code_class, code_coefficients, code_split
from qimg.codecs.block.model.local_steps import localise
from qimg.codecs.block.model.maps import mark, mark_activity, nearby_activity, neighbour_sizes, neighbours
from qimg.codecs.block.model.match_contexts import code_matched
from qimg.codecs.block.model.strip import Choice, Expected, Part, Strip
from qimg.codecs.block.transform.blocks import largest_magnitude, predict_block, reconstruct
from qimg.codecs.block.transform.dequantization import dequantize
from qimg.codecs.block.transform.geometry import place_of_block_4x4
from qimg.codecs.block.transform.matching import find_matches
from qimg.core.compiled import inner
from qimg.entropy.mixing import Coder


@inner
def code_size(coder: Coder, strip: Strip, block_4x4: int, cy: int, cx: int) -> int:
    """Code the size index of the block that begins at a 4×4 block: a split flag for each square that begins there."""
    t = 3
    while block_4x4 & ((1 << (2 * t)) - 1):
        t -= 1
    while t > 0:
        left, up = neighbour_sizes(strip.maps, cy, cx)
        divided = 1 if strip.choice.size[block_4x4] < t else 0
        if code_split(coder, strip.model, t, left, up, strip.local.level[0], divided) == 0:
            break
        t -= 1
    return t


@inner
def code_block(coder: Coder, strip: Strip, t: int, block_4x4: int, y: int, x: int) -> None:
    """Code the class and the coefficients of an undivided block; if `coder` reads, also reconstruct its samples."""
    bases, settings, maps, work, choice = strip.bases, strip.settings, strip.maps, strip.work, strip.choice
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    left, up = neighbours(maps, t, cy, cx)
    label = code_class(coder, strip.model, t, settings.depths[t], left, up, choice.label[block_4x4])
    choice.label[block_4x4] = label
    matched = 0
    if settings.matching:
        matched = code_matched(coder, strip.matching_model, maps, t, label, y, x, choice.matched[block_4x4])
        if matched and not coder.writing:
            find_matches(strip.rec[0], t, y, x, strip.above, work.matches)
    choice.matched[block_4x4] = matched
    choice.size[block_4x4] = t
    choice.ends[block_4x4, 1] = coder.position[0]
    n = GROUPS[t, GROUP_COUNT[t]]
    for k in range(n):
        work.before[k] = 0
    for plane in range(settings.planes):
        hidden_signs = settings.hidden_signs and plane == 0
        part = Part(plane, t, label, nearby_activity(maps, plane, t, cy, cx), hidden_signs)
        q = choice.q[plane, 16 * block_4x4 : 16 * block_4x4 + n]
        sigma = strip.scales.log_sigma[t][plane, label]
        log_step, step = strip.local.log_steps[plane], strip.local.steps[plane]
        scale = Expected(sigma, log_step, strip.scales.expected, bases.order[t][label], largest_magnitude(step))
        value = code_coefficients(coder, strip.model, part, scale, work, strip.local.level[0], q)
        choice.ends[block_4x4, 2 + plane] = coder.position[0]
        mark_activity(maps, plane, t, cy, cx, value)
        for k in range(n):
            work.before[k] = abs(q[k])
        if not coder.writing:
            rec = strip.rec[plane]
            predict_block(bases, work, rec, t, label, y, x, strip.above, matched)
            dequantize(q, n, strip.points, sigma, log_step, step, work.coefficients)
            reconstruct(bases, work, rec, t, label, y, x)
    mark(maps, t, cy, cx, label)


@inner
def code_superblock(coder: Coder, strip: Strip, y: int, x: int) -> None:
    """Code the superblock at row y and column x of the strip."""
    localise(strip.local, strip.ladder, strip.offsets[y >> 5, x >> 5])
    block_4x4 = 0
    while block_4x4 < 64:
        row, column = place_of_block_4x4(block_4x4)
        t = code_size(coder, strip, block_4x4, 1 + row, (x >> 2) + column)
        strip.choice.ends[block_4x4, 0] = coder.position[0]
        code_block(coder, strip, t, block_4x4, y + 4 * row, x + 4 * column)
        block_4x4 += 1 << (2 * t)


@inner
def keep_decisions(choice: Choice, row: Choice, s: int) -> None:
    """Copy the decisions on a superblock to position `s` of its row, unless the arrays of the row are empty."""
    if row.q.shape[0] == 0:
        return
    for block_4x4 in range(64):
        row.size[s, block_4x4] = choice.size[block_4x4]
        row.label[s, block_4x4] = choice.label[block_4x4]
        row.matched[s, block_4x4] = choice.matched[block_4x4]
        for part in range(5):
            row.ends[s, block_4x4, part] = choice.ends[block_4x4, part]
    for plane in range(3):
        for k in range(1024):
            row.q[s, plane, k] = choice.q[plane, k]
