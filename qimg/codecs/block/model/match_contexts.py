"""Context selection for the flag of a block that it is predicted from its matches."""

from itertools import accumulate

import numpy as np

from qimg.codecs.block.model.contexts import CLASSES
from qimg.codecs.block.model.maps import Maps, mark_matched, nearby_activity
from qimg.codecs.block.transform.matching import can_match
from qimg.core.compiled import inner
from qimg.entropy.mixing import INPUTS, Coder, Model, code_bit, set_contexts

_SIZES_OF_SLOTS = (3, 3 * 4, 3 * CLASSES, 3 * CLASSES * 3, 3 * 12 * 4, 3 * 32)
_SIZE, _BESIDE, _CLASS, _COUNT, _ACTIVITY, _AROUND, _SLOTS = accumulate(_SIZES_OF_SLOTS, initial=0)
_MIXERS = 3
_FIRST_WEIGHT = 20000


def new_model(tables: Model) -> Model:
    """The model of the flags before the first one, with the functions of the entropy model: every context has ½."""
    return tables._replace(
        probability=np.full(_SLOTS, 1 << 21, np.int32),
        counts=np.zeros(_SLOTS, np.uint8),
        weights=np.full((_MIXERS, INPUTS), _FIRST_WEIGHT, np.int32),
        context=np.zeros(INPUTS, np.int64),
        inputs=np.zeros(INPUTS, np.int64),
    )


@inner
def set_matched(model: Model, maps: Maps, t: int, label: int, cy: int, cx: int) -> int:
    """Set the contexts of the flag of a block of a class whose first 4×4 block is at (cy, cx); returns the mixer."""
    matched, end = maps.matched, (1 << t) - 1
    left, above = int(matched[cy, cx - 1]), int(matched[cy - 1, cx])
    around = int(matched[cy - 1, cx - 1]) + 2 * int(matched[cy - 1, cx + end]) + 4 * int(matched[cy + end, cx - 1])
    beside = left + 2 * above
    by_class = CLASSES * t + label
    set_contexts(
        model,
        _SIZE + t,
        _BESIDE + 4 * t + beside,
        _CLASS + by_class,
        _COUNT + 3 * by_class + left + above,
        _ACTIVITY + 4 * (12 * t + nearby_activity(maps, 0, t, cy, cx)) + beside,
        _AROUND + 32 * t + 4 * around + beside,
    )
    return t


@inner
def code_matched(coder: Coder, model: Model, maps: Maps, t: int, label: int, y: int, x: int, matched: int) -> int:
    """Code whether a block is matched, and record it in the maps; a block that cannot be matched has no flag."""
    cy, cx = 1 + ((y % 32) >> 2), x >> 2
    coded = 0
    if can_match(t, y, x):
        coded = code_bit(coder, model, set_matched(model, maps, t, label, cy, cx), matched)
    mark_matched(maps, t, cy, cx, coded)
    return coded
