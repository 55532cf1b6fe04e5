"""Huffman coding of the scans of JPEG files, sequential and progressive, as by libjpeg (`jchuff.c`, `jcphuff.c`).

What an encoder is free to choose is chosen as libjpeg does: runs of ends of blocks are as long as possible, until
their corrections fill its buffer, and no block ends with runs of zeros.
"""

from typing import NamedTuple

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled, inner
from qimg.images.jpeg.entropy import (
    AC_FIRST,
    AC_TABLE,
    ACROSS,
    BASE,
    DC_FIRST,
    DC_REFINED,
    DC_TABLE,
    DOWN,
    FIRST,
    INTERVAL,
    KIND,
    LAST,
    LOW,
    MCU_COLUMNS,
    MCU_ROWS,
    SEQUENTIAL_SCAN,
    STRIDE,
)
from qimg.images.jpeg.markers import ZIGZAG

POSITION, BITS, WAITING, MISSING, RUN, CORRECTIONS = range(6)
"""Entries of the state: bytes written; bits that wait for a byte, and their number; symbols without a code; blocks in
the run of ends of blocks, and their corrections."""
_LONGEST_RUN = 0x7FFF
_BLOCK_BYTES = 1024
"""More than a block takes: 64 coefficients of 32 bits, each byte followed by another one, and corrections."""
_MOST_CORRECTIONS = 937
"""Corrections after which libjpeg ends a run."""


class Sink(NamedTuple):
    """Destination of bits."""

    codes: Array
    """(tables, 256) int64 code · 32 + its length, 0 for a symbol without a code."""
    content: Array
    """uint8 bytes."""
    state: Array
    """(6,) int64."""
    corrections: Array
    """(1024,) uint8 corrections of the run of ends of blocks, followed by those of the block."""


def code_table(counts: bytes, symbols: bytes) -> Array:
    """The row of `Sink.codes` of a Huffman table, from its codes of each length and its symbols."""
    table, code, place = np.zeros(256, np.int64), 0, 0
    for length, count in enumerate(counts, 1):
        for symbol in symbols[place : place + count]:
            table[symbol] = code << 5 | length
            code += 1
        place, code = place + count, 2 * code
    return table


def written(
    coefficients: Array, layout: Array, codes: Array, scan: Array, *, padding: int, most: int
) -> tuple[bytes, int]:
    """The entropy-coded data of a scan, and the number of symbols without a code.

    Args:
        coefficients: (blocks, 64) int16 of all components.
        layout: (components, 6) int64, as for `qimg.images.jpeg.entropy.decode_scan`.
        codes: (tables, 256), as in `Sink`.
        scan: (8,) int64 description, as for `decode_scan`.
        padding: 0 or 1, the bit that fills the last byte of an interval.
        most: bytes after which the data are given up, so that they have a few more.
    """
    blocks = int((layout[:, ACROSS] * layout[:, DOWN]).sum())
    content = np.empty(most + _BLOCK_BYTES * (blocks + 1), np.uint8)
    sink = Sink(codes, content, np.zeros(6, np.int64), np.zeros(1024, np.uint8))
    write_scan(sink, coefficients, layout, scan, np.zeros(len(layout), np.int64), padding, most)
    return content[: sink.state[POSITION]].tobytes(), int(sink.state[MISSING])


@inner
def _put(sink: Sink, value: int, count: int) -> None:
    """Write the lowest `count` bits of a number, 0 to 16."""
    state = sink.state
    bits = state[BITS] << count | (value & ((1 << count) - 1))
    waiting = state[WAITING] + count
    while waiting >= 8:
        waiting -= 8
        byte = bits >> waiting & 255
        sink.content[state[POSITION]] = byte
        state[POSITION] += 1
        if byte == 255:
            sink.content[state[POSITION]] = 0
            state[POSITION] += 1
    state[BITS] = bits & ((1 << waiting) - 1)
    state[WAITING] = waiting


@inner
def _put_symbol(sink: Sink, table: int, symbol: int) -> None:
    code = sink.codes[table, symbol]
    if code == 0:
        sink.state[MISSING] += 1
    _put(sink, code >> 5, code & 31)


@inner
def _size(value: int) -> int:
    """Bits of a number that is not negative."""
    size = 0
    while value > 0:
        value >>= 1
        size += 1
    return size


@inner
def _put_value(sink: Sink, table: int, run: int, value: int) -> None:
    """Write a coefficient or a difference after a run of zeros."""
    size = _size(abs(value))
    _put_symbol(sink, table, (run << 4 | size) & 255)
    _put(sink, value if value >= 0 else value - 1, size)


@inner
def _put_corrections(sink: Sink, first: int, last: int) -> None:
    for k in range(first, last):
        _put(sink, int(sink.corrections[k]), 1)


@inner
def _end_run(sink: Sink, table: int) -> None:
    """Write the run of ends of blocks, and its corrections."""
    state = sink.state
    if state[RUN] > 0:
        size = _size(state[RUN]) - 1
        _put_symbol(sink, table, size << 4)
        _put(sink, state[RUN], size)
        state[RUN] = 0
        _put_corrections(sink, 0, state[CORRECTIONS])
        state[CORRECTIONS] = 0


@inner
def _sequential(sink: Sink, block: Array, dc: int, ac: int, difference: int) -> None:
    _put_value(sink, dc, 0, difference)
    run = 0
    for k in range(1, 64):
        value = int(block[ZIGZAG[k]])
        if value == 0:
            run += 1
            continue
        while run > 15:
            _put_symbol(sink, ac, 0xF0)
            run -= 16
        _put_value(sink, ac, run, value)
        run = 0
    if run > 0:
        _put_symbol(sink, ac, 0)


@inner
def _ac_first(sink: Sink, block: Array, ac: int, first: int, last: int, low: int) -> None:
    run = 0
    for k in range(first, last + 1):
        value = int(block[ZIGZAG[k]])
        size = abs(value) >> low
        if size == 0:
            run += 1
            continue
        _end_run(sink, ac)
        while run > 15:
            _put_symbol(sink, ac, 0xF0)
            run -= 16
        _put_value(sink, ac, run, size if value > 0 else -size)
        run = 0
    if run > 0:
        sink.state[RUN] += 1
        if sink.state[RUN] == _LONGEST_RUN:
            _end_run(sink, ac)


@inner
def _ac_refined(sink: Sink, block: Array, ac: int, first: int, last: int, low: int) -> None:
    state, end = sink.state, 0
    for k in range(first, last + 1):
        if abs(int(block[ZIGZAG[k]])) >> low == 1:
            end = k
    run, begin, place = 0, state[CORRECTIONS], state[CORRECTIONS]
    for k in range(first, last + 1):
        value = int(block[ZIGZAG[k]])
        size = abs(value) >> low
        if size == 0:
            run += 1
            continue
        while run > 15 and k <= end:
            _end_run(sink, ac)
            _put_symbol(sink, ac, 0xF0)
            run -= 16
            _put_corrections(sink, begin, place)
            begin, place = 0, 0
        if size > 1:
            sink.corrections[place] = size & 1
            place += 1
            continue
        _end_run(sink, ac)
        _put_symbol(sink, ac, run << 4 | 1)
        _put(sink, 1 if value > 0 else 0, 1)
        _put_corrections(sink, begin, place)
        begin, place, run = 0, 0, 0
    if run > 0 or place > begin:
        state[RUN] += 1
        state[CORRECTIONS] = place
        if state[RUN] == _LONGEST_RUN or place > _MOST_CORRECTIONS:
            _end_run(sink, ac)


@inner
def _write_block(sink: Sink, block: Array, layout: Array, place: int, scan: Array, sums: Array) -> None:
    """Write a block of a component in a scan of any kind."""
    kind, dc, ac, low = scan[KIND], layout[place, DC_TABLE], layout[place, AC_TABLE], scan[LOW]
    if kind in (SEQUENTIAL_SCAN, DC_FIRST):
        value = int(block[0]) >> low if kind == DC_FIRST else int(block[0])
        difference, sums[place] = value - sums[place], value
        if kind == SEQUENTIAL_SCAN:
            _sequential(sink, block, dc, ac, difference)
        else:
            _put_value(sink, dc, 0, difference)
    elif kind == DC_REFINED:
        _put(sink, int(block[0]) >> low, 1)
    elif kind == AC_FIRST:
        _ac_first(sink, block, ac, scan[FIRST], scan[LAST], low)
    else:
        _ac_refined(sink, block, ac, scan[FIRST], scan[LAST], low)


@inner
def _end_interval(sink: Sink, layout: Array, padding: int) -> None:
    """Write what waits, and fill the last byte."""
    _end_run(sink, layout[0, AC_TABLE])
    if sink.state[WAITING] > 0:
        _put(sink, 127 * padding, 8 - sink.state[WAITING])


@compiled
def write_scan(
    sink: Sink, coefficients: Array, layout: Array, scan: Array, sums: Array, padding: int, most: int
) -> None:
    """Write a scan; arguments as for `written`, and working memory (components,) int64."""
    columns, interval, number = scan[MCU_COLUMNS], scan[INTERVAL], 0
    for mcu in range(columns * scan[MCU_ROWS]):
        if interval > 0 and mcu > 0 and mcu % interval == 0:
            _end_interval(sink, layout, padding)
            sink.content[sink.state[POSITION]] = 0xFF
            sink.content[sink.state[POSITION] + 1] = 0xD0 + number
            sink.state[POSITION] += 2
            number = (number + 1) & 7
            for place in range(len(layout)):
                sums[place] = 0
        if sink.state[POSITION] > most:
            return
        row, column = mcu // columns, mcu % columns
        for place in range(len(layout)):
            across, down = layout[place, ACROSS], layout[place, DOWN]
            for j in range(down):
                block = layout[place, BASE] + (row * down + j) * layout[place, STRIDE] + column * across
                for i in range(across):
                    _write_block(sink, coefficients[block + i], layout, place, scan, sums)
    _end_interval(sink, layout, padding)
