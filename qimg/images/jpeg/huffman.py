"""Huffman tables of JPEG files, prepared for decoding."""

import numpy as np

from qimg.core import Array
from qimg.core.cached import cached_property

LOOK = 9
"""Bits of the codes that one look-up decodes."""
LARGEST, OFFSET, SYMBOLS = 1 << LOOK, (1 << LOOK) + 17, (1 << LOOK) + 34
"""Places, in a prepared table, of the largest code of each length, of the offset of its symbols, and of the symbols."""
SIZE = SYMBOLS + 256


class BadTable(ValueError):
    """The lengths of the codes are impossible."""


class HuffmanTable:
    """A Huffman table: the number of codes of each length from 1 to 16, and the symbols in the order of their codes."""

    def __init__(self, counts: bytes, symbols: bytes) -> None:
        code = 0
        for length, count in enumerate(counts, 1):
            code += count
            if code > 1 << length:
                raise BadTable(f"a Huffman table has more codes of {length} bits than there can be")
            code *= 2
        if len(symbols) > 256:
            raise BadTable(f"a Huffman table has {len(symbols)} symbols, but there are at most 256")
        self.counts, self.symbols = counts, symbols

    @cached_property
    def prepared(self) -> Array:
        """(SIZE,) int32: length · 256 + symbol by the first `LOOK` bits, 0 for longer codes; then parts by length."""
        table = np.zeros(SIZE, np.int32)
        code, place = 0, 0
        table[LARGEST : LARGEST + 17] = -1
        for length, count in enumerate(self.counts, 1):
            table[OFFSET + length] = place - code
            if count:
                table[LARGEST + length] = code + count - 1
            for symbol in self.symbols[place : place + count]:
                if length <= LOOK:
                    first = code << (LOOK - length)
                    table[first : first + (1 << (LOOK - length))] = 256 * length + symbol
                code += 1
            place += count
            code *= 2
        table[SYMBOLS : SYMBOLS + place] = list(self.symbols)
        return table

    @property
    def fits_dc(self) -> bool:
        """Whether all symbols are categories of differences, 0 to 15."""
        return max(self.symbols, default=0) <= 15


def _typical(counts: str, symbols: str) -> HuffmanTable:
    return HuffmanTable(bytes.fromhex(counts), bytes.fromhex(symbols))


TYPICAL = {
    (0, 0): _typical("00010501010101010100000000000000", "000102030405060708090a0b"),
    (0, 1): _typical("00030101010101010101010000000000", "000102030405060708090a0b"),
    (1, 0): _typical(
        "0002010303020403050504040000017d",
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
        "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
        "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
        "e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
    (1, 1): _typical(
        "00020102040403040705040400010277",
        "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728"
        "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92"
        "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7"
        "e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
}
"""Tables of annex K, by class and number, which decoders assume where a sequential file defines none."""
