"""Amplitudes from the DCT coefficients of 8×8 blocks, loaded for the lowest frequencies alone."""

from circuits.representation.transformed import TransformedAmplitudes


class BlockCosines(TransformedAmplitudes):
    """The lowest `kept` coefficients of every block, followed by one inverse DCT on 6 qubits for all blocks."""

    def coefficient_bits(self, count: int) -> tuple[int, ...]:
        """The low bits of columns and rows: 4×4 coefficients for 16 of 64, 2 rows of 4 columns for 8."""
        columns, rows = (count + 1) // 2, count // 2
        return (*range(columns), *range(3, 3 + rows))


DCT = BlockCosines(
    name="dct",
    transform="dct_2d",
    block_qubits=6,
    order="blocks",
    takes_kept=True,
    takes_black=False,
    lossless=False,
)
