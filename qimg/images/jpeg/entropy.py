"""Decoding of the entropy-coded data of JPEG scans: Huffman codes, sequential and progressive (ITU-T T.81, F and G).

Damaged data are decoded as libjpeg does (`jdhuff.c`, `jdphuff.c`, `jdmarker.c`): missing bits are zero, a code that
does not exist has the value 0, and markers of restarts resynchronise. Every block that is affected is marked.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.images.jpeg.huffman import LARGEST, LOOK, OFFSET, SYMBOLS
from qimg.images.jpeg.markers import ZIGZAG
from qimg.images.jpeg.marks import MISSING, UNCERTAIN

PADDING = 512
"""Bytes that working memory must have beyond those of the content, for the zeros after the data of an interval."""

BASE, STRIDE, ACROSS, DOWN, DC_TABLE, AC_TABLE = range(6)
"""Columns of a layout: first block of a component, blocks of a row, blocks of an MCU across and down, tables."""
MCU_COLUMNS, MCU_ROWS, INTERVAL, KIND, FIRST, LAST, HIGH, LOW = range(8)
"""Entries of a scan's description."""
SEQUENTIAL_SCAN, DC_FIRST, DC_REFINED, AC_FIRST, AC_REFINED = range(5)
"""Kinds of scans."""
POSITION, MARKER, ENDED, BAD, EXTRANEOUS, LACKING, RESYNCHRONISED, BIT, RUN = range(9)
"""Entries of the state: where the next bytes are read, the marker before them, whether the file has ended; counts of
bad codes, of bytes that belong to nothing, of MCUs without data and of wrong restart markers; position within the data
of an interval, and blocks left in a run of ends of blocks."""

_ZIGZAG = np.concatenate([ZIGZAG, np.full(16, 63)])
_EOI = 0xD9


@inner
def _unstuffed(content: Array, state: Array, data: Array) -> int:
    """Copy the bytes up to the next marker without stuffing, followed by zeros; returns their number."""
    at, n, size = state[POSITION], 0, len(content)
    marker = 0
    while at < size:
        byte = int(content[at])
        at += 1
        if byte == 0xFF:
            while at < size and content[at] == 0xFF:
                at += 1
            if at == size:
                break
            following = int(content[at])
            at += 1
            if following:
                marker = following
                break
        data[n] = byte
        n += 1
    if marker == 0:
        marker = _EOI
        state[ENDED] = 1
    for k in range(n, n + PADDING):
        data[k] = 0
    state[POSITION] = at
    state[MARKER] = marker
    state[BIT] = 0
    state[RUN] = 0
    return n


@inner
def _peek(data: Array, bit: int) -> int:
    """The 16 bits from a position on."""
    byte = bit >> 3
    three = (int(data[byte]) << 16) | (int(data[byte + 1]) << 8) | int(data[byte + 2])
    return (three >> (8 - (bit & 7))) & 0xFFFF


@inner
def _bits(data: Array, state: Array, count: int) -> int:
    """The next `count` bits, 0 to 16."""
    value = _peek(data, state[BIT]) >> (16 - count)
    state[BIT] += count
    return value


@inner
def _symbol(data: Array, state: Array, tables: Array, number: int) -> int:
    """The next symbol; 0 for a code that does not exist."""
    bits = _peek(data, state[BIT])
    entry = int(tables[number, bits >> (16 - LOOK)])
    if entry:
        state[BIT] += entry >> 8
        return entry & 255
    for length in range(LOOK + 1, 17):
        code = bits >> (16 - length)
        if code <= tables[number, LARGEST + length]:
            state[BIT] += length
            return int(tables[number, SYMBOLS + ((int(tables[number, OFFSET + length]) + code) & 255)])
    state[BIT] += 17
    state[BAD] += 1
    return 0


@inner
def _signed(data: Array, state: Array, size: int) -> int:
    """The next coefficient or difference of a category from 0 to 15."""
    if size == 0:
        return 0
    value = _bits(data, state, size)
    return value if value >> (size - 1) else value - (1 << size) + 1


@inner
def _wrapped(value: int, state: Array) -> int:
    """A coefficient in 16 bits; values that need more wrap, as in libjpeg, and count as bad."""
    wrapped = ((value + 32768) & 0xFFFF) - 32768
    if wrapped != value:
        state[BAD] += 1
    return wrapped


@inner
def _sequential(
    coefficients: Array, block: int, data: Array, state: Array, tables: Array, dc: int, ac: int, sums: Array, place: int
) -> None:
    """Decode a block of a sequential scan."""
    sums[place] = _wrapped(sums[place] + _signed(data, state, _symbol(data, state, tables, dc)), state)
    coefficients[block, 0] = sums[place]
    k = 1
    while k < 64:
        symbol = _symbol(data, state, tables, ac)
        size = symbol & 15
        if size:
            k += symbol >> 4
            if k > 63:
                state[BAD] += 1
            coefficients[block, _ZIGZAG[k]] = _signed(data, state, size)
        elif symbol == 0xF0:
            k += 15
        else:
            break
        k += 1


@inner
def _ac_first(
    coefficients: Array, block: int, data: Array, state: Array, tables: Array, ac: int, first: int, last: int, low: int
) -> None:
    """Decode the first bits of the AC coefficients of a block."""
    if state[RUN] > 0:
        state[RUN] -= 1
        return
    k = first
    while k <= last:
        symbol = _symbol(data, state, tables, ac)
        run, size = symbol >> 4, symbol & 15
        if size:
            k += run
            if k > last:
                state[BAD] += 1
            coefficients[block, _ZIGZAG[k]] = _wrapped(_signed(data, state, size) * (1 << low), state)
        elif run == 15:
            k += 15
        else:
            state[RUN] = (1 << run) + _bits(data, state, run) - 1
            break
        k += 1


@inner
def _refine(coefficients: Array, block: int, place: int, data: Array, state: Array, bit: int) -> None:
    """Decode the next bit of a coefficient that is not zero."""
    value = int(coefficients[block, place])
    if _bits(data, state, 1) and (abs(value) & bit) == 0:
        coefficients[block, place] = _wrapped(value + (bit if value > 0 else -bit), state)


@inner
def _ac_refined(
    coefficients: Array, block: int, data: Array, state: Array, tables: Array, ac: int, first: int, last: int, low: int
) -> None:
    """Decode one more bit of the AC coefficients of a block."""
    bit, k = 1 << low, first
    if state[RUN] == 0:
        while k <= last:
            symbol = _symbol(data, state, tables, ac)
            run, size = symbol >> 4, symbol & 15
            value = 0
            if size:
                if size != 1:
                    state[BAD] += 1
                value = bit if _bits(data, state, 1) else -bit
            elif run != 15:
                state[RUN] = (1 << run) + _bits(data, state, run)
                break
            while k <= last:
                place = _ZIGZAG[k]
                if coefficients[block, place] != 0:
                    _refine(coefficients, block, place, data, state, bit)
                elif run == 0:
                    break
                else:
                    run -= 1
                k += 1
            if value:
                if k > last:
                    state[BAD] += 1
                coefficients[block, _ZIGZAG[k]] = value
            k += 1
    if state[RUN] > 0:
        while k <= last:
            if coefficients[block, _ZIGZAG[k]] != 0:
                _refine(coefficients, block, _ZIGZAG[k], data, state, bit)
            k += 1
        state[RUN] -= 1


@inner
def _decode_block(
    coefficients: Array,
    block: int,
    data: Array,
    state: Array,
    tables: Array,
    layout: Array,
    place: int,
    scan: Array,
    sums: Array,
) -> None:
    """Decode a block of a component in a scan of any kind."""
    kind, dc, ac = scan[KIND], layout[place, DC_TABLE], layout[place, AC_TABLE]
    if kind == SEQUENTIAL_SCAN:
        _sequential(coefficients, block, data, state, tables, dc, ac, sums, place)
    elif kind == DC_FIRST:
        sums[place] = _wrapped(sums[place] + _signed(data, state, _symbol(data, state, tables, dc)), state)
        coefficients[block, 0] = _wrapped(sums[place] * (1 << scan[LOW]), state)
    elif kind == DC_REFINED:
        if _bits(data, state, 1):
            coefficients[block, 0] |= 1 << scan[LOW]
    elif kind == AC_FIRST:
        _ac_first(coefficients, block, data, state, tables, ac, scan[FIRST], scan[LAST], scan[LOW])
    else:
        _ac_refined(coefficients, block, data, state, tables, ac, scan[FIRST], scan[LAST], scan[LOW])


@inner
def _decode_interval(
    coefficients: Array,
    data: Array,
    n_bytes: int,
    first: int,
    last: int,
    state: Array,
    tables: Array,
    layout: Array,
    scan: Array,
    sums: Array,
) -> int:
    """Decode MCUs from `first` until `last` or the end of the data; returns the first one that is not complete."""
    columns, limit = scan[MCU_COLUMNS], 8 * n_bytes
    for place in range(len(layout)):
        sums[place] = 0
    for mcu in range(first, last):
        if state[BIT] >= limit and state[RUN] == 0:
            return mcu
        row, column = mcu // columns, mcu % columns
        for place in range(len(layout)):
            across, down = layout[place, ACROSS], layout[place, DOWN]
            for j in range(down):
                block = layout[place, BASE] + (row * down + j) * layout[place, STRIDE] + column * across
                for i in range(across):
                    _decode_block(coefficients, block + i, data, state, tables, layout, place, scan, sums)
                    if state[BIT] > limit:
                        return mcu
    return last


@inner
def _mark(marks: Array, first: int, last: int, mark: int, layout: Array, scan: Array) -> None:
    """Mark the blocks of MCUs from `first` until `last`."""
    columns = scan[MCU_COLUMNS]
    for mcu in range(first, last):
        row, column = mcu // columns, mcu % columns
        for place in range(len(layout)):
            across, down = layout[place, ACROSS], layout[place, DOWN]
            for j in range(down):
                block = layout[place, BASE] + (row * down + j) * layout[place, STRIDE] + column * across
                for i in range(across):
                    marks[block + i] |= mark


@inner
def _restarted(content: Array, state: Array, data: Array, number: int) -> int:
    """Go on behind the restart marker of a number; returns the bytes of the next interval.

    A wrong marker is treated as by libjpeg's `jpeg_resync_to_restart`: one of the two before it is skipped, one of the
    two after it and the end of the scan mean that the interval is missing, and any other is taken for the right one.
    """
    while state[MARKER] != 0xD0 + number:
        marker = state[MARKER]
        state[RESYNCHRONISED] += 1
        ahead = (marker - number) & 7
        if marker >= 0xC0 and (marker < 0xD0 or marker > 0xD7 or ahead == 1 or ahead == 2):
            data[0] = 0
            state[BIT] = 0
            state[RUN] = 0
            return 0
        if 0xD0 <= marker <= 0xD7 and 3 <= ahead <= 5:
            break
        _unstuffed(content, state, data)
    return _unstuffed(content, state, data)


@compiled
def decode_scan(
    content: Array,
    data: Array,
    coefficients: Array,
    marks: Array,
    layout: Array,
    tables: Array,
    scan: Array,
    state: Array,
    sums: Array,
) -> None:
    """Decode a scan; at its end, the state has the marker that follows and the position behind it.

    Args:
        content: (n,) uint8 file.
        data: (n + PADDING,) uint8 working memory.
        coefficients: (blocks, 64) int16 of all components; modified.
        marks: (blocks,) uint8 `UNCERTAIN` and `MISSING`; modified.
        layout: (components, 6) int64, a row for each component of the scan.
        tables: (tables, SIZE) int32 prepared Huffman tables.
        scan: (8,) int64 description.
        state: (9,) int64; modified.
        sums: (components,) int64 working memory.
    """
    total = scan[MCU_COLUMNS] * scan[MCU_ROWS]
    interval = scan[INTERVAL] if scan[INTERVAL] else total
    lost = UNCERTAIN | MISSING if scan[KIND] <= DC_FIRST else UNCERTAIN
    n_bytes, number, first = _unstuffed(content, state, data), 0, 0
    while True:
        last, bad, complete_from = min(first + interval, total), state[BAD], first
        end = _decode_interval(coefficients, data, n_bytes, first, last, state, tables, layout, scan, sums)
        unused = n_bytes - ((state[BIT] + 7) >> 3)
        if end < last:
            _mark(marks, end, last, lost, layout, scan)
            state[LACKING] += last - end
        elif unused > 0:
            state[EXTRANEOUS] += unused
        wrong = state[BAD] > bad or unused > 0 or (end < last and state[ENDED] == 0)
        first = last
        if first < total:
            before = state[RESYNCHRONISED]
            n_bytes = _restarted(content, state, data, number)
            number = (number + 1) & 7
            wrong = wrong or state[RESYNCHRONISED] > before
        if wrong:  # the place of the error is unknown
            _mark(marks, complete_from, end, UNCERTAIN, layout, scan)
        if first >= total:
            break
