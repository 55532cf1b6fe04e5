"""Sample-and-query access to a matrix: binary trees of squared moduli (Tang, 2018), and the low-rank method on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, arguments, integer
from qimg.core.records import short_repr


class SampleQuery:
    """A matrix A (n, d) with the operations that sampling algorithms assume (Kerenidis and Prakash, 2017; Tang, 2018).

    A binary tree over the squared norms of the rows, and one over the squared moduli of the entries of each row, give

    | operation | result | cost in nodes |
    |---|---|---|
    | `query` | entries | 1 |
    | `squared_norm` | ‖A_i‖², or ‖A‖² | 1 |
    | `sample_rows` | i with its share ‖A_i‖² of ‖A‖² | log₂ n |
    | `sample_entries` | j with the share of its squared modulus in ‖A_i‖² | log₂ d |
    | `update` | sets an entry | log₂ n + log₂ d |

    Building costs O(n d), as much as reading the matrix, and 16 to 32 bytes per entry beside the matrix.

    Args:
        matrix: (n, d), real or complex.
    """

    def __init__(self, matrix: ArrayLike) -> None:
        self._matrix = np.array(arguments.numeric("matrix", matrix))
        arguments.require_shape(self._matrix.ndim == 2 and self._matrix.size > 0, "matrix", "(n, d)", self._matrix)
        self._entries = _tree(np.abs(self._matrix) ** 2)
        self._rows = _tree(self._entries[:, 1])
        self.nodes_read = 0
        """Nodes of trees and entries of the matrix read by samples and queries so far."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        return self._matrix.shape[0], self._matrix.shape[1]

    def query(self, rows: ArrayLike, columns: ArrayLike) -> Array:
        """Entries A[rows, columns] of broadcast indices."""
        entries = self._matrix[np.asarray(rows), np.asarray(columns)]
        self.nodes_read += entries.size
        return np.asarray(entries)

    def squared_norm(self, row: ArrayLike | None = None) -> Array:
        """‖A_i‖² of rows, or ‖A‖² where none is named."""
        norms = self._rows[1] if row is None else self._entries[np.asarray(row), 1]
        self.nodes_read += norms.size
        return np.asarray(norms)

    def sample_rows(self, rng: np.random.Generator, size: int) -> Array:
        """(size,) indices of rows, drawn with the probability ‖A_i‖² / ‖A‖²."""
        arguments.allow(self._rows[1] > 0, "matrix", "must have an entry that is not zero, so that rows can be drawn")
        trees = np.broadcast_to(self._rows, (size, len(self._rows)))
        return self._descend(trees, rng, np.zeros(size, np.int64))

    def sample_entries(self, rows: ArrayLike, rng: np.random.Generator) -> Array:
        """A column for each of the rows (m,), drawn with the probability |A_ij|² / ‖A_i‖²."""
        chosen = np.asarray(rows)
        empty = chosen[self._entries[chosen, 1] <= 0]
        arguments.require(len(empty) == 0, "rows", "must not be zero vectors", empty[:1].tolist())
        return self._descend(self._entries, rng, chosen)

    def update(self, row: int, column: int, value: complex) -> None:
        """Set an entry and the sums above it."""
        count, dimension = self.shape
        row, column = integer("row", row, 0, count - 1), integer("column", column, 0, dimension - 1)
        self._matrix[row, column] = value
        _set(self._entries[row], column, abs(self._matrix[row, column]) ** 2)
        _set(self._rows, row, self._entries[row, 1])

    def _descend(self, trees: Array, rng: np.random.Generator, which: Array) -> Array:
        """Leaves reached from the roots, where each step takes a child with its share of the sum."""
        leaves = trees.shape[1] // 2
        lines = np.arange(len(which)) if trees.strides[0] == 0 else which
        node = np.ones(len(which), np.int64)
        while node[0] < leaves:
            left, right = trees[lines, 2 * node], trees[lines, 2 * node + 1]
            go_right = (rng.random(len(node)) * (left + right) >= left) & (right > 0)
            node = 2 * node + go_right
            self.nodes_read += 2 * len(node)
        return node - leaves


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class SampledBasis:
    """Leading right singular vectors of a matrix, from a sample of its rows and entries."""

    basis: Array
    """(k, d) orthonormal rows, which span the approximate singular vectors."""
    singular_values: Array
    """(k,) approximate singular values, descending."""
    entries_read: int
    """Entries of the matrix read for the singular values and the coefficients of the vectors."""
    entries_of_basis: int
    """Entries read in addition to write the basis down; sampling algorithms leave it implicit."""


def length_squared_basis(
    matrix: SampleQuery, *, rank: int, rows: int, columns: int, rng: np.random.Generator
) -> SampledBasis:
    """The algorithm of Frieze, Kannan and Vempala (2004) on sample-and-query access.

    Draws s rows by length and c columns by length within them; the singular vectors u of the s×c matrix W, scaled to
    have ‖A‖² on average, give v = S† u / ‖S† u‖ of the scaled rows S. The energy of the basis falls short of the best
    by 2 √(k/s) ‖A‖² on average where all columns are used, and by a further term of order √(k/c) where they are drawn.
    Reads s·c entries, and s·d to write the basis down.

    Args:
        matrix: A (n, d).
        rank: k, at most rows and columns.
        rows: s.
        columns: c.
        rng: source of the draws.
    """
    dimension = matrix.shape[1]
    rank = integer("rank", rank, 1, min(rows, columns, dimension))
    total = float(matrix.squared_norm())
    drawn = matrix.sample_rows(rng, rows)
    scales = np.sqrt(total / (rows * matrix.squared_norm(drawn)))
    chosen = matrix.sample_entries(drawn[rng.integers(rows, size=columns)], rng)
    block = scales[:, None] * matrix.query(drawn[:, None], chosen)
    # All scaled rows have the norm ‖A‖ / √s: a column is drawn with its share of their energy.
    shares = (np.abs(block) ** 2).sum(axis=0) / total
    left, values, _ = np.linalg.svd(block / np.sqrt(columns * shares), full_matrices=False)
    scaled = scales[:, None] * matrix.query(drawn[:, None], np.arange(dimension))
    directions = scaled.T @ left[:, :rank].conj()
    return SampledBasis(
        basis=np.linalg.qr(directions)[0].T,
        singular_values=values[:rank],
        entries_read=rows * columns,
        entries_of_basis=rows * dimension,
    )


def _tree(leaves: Array) -> Array:
    """(..., 2m) binary tree of sums over leaves (..., k): node 1 is the root, node m + i the leaf i."""
    width = 1 << max(0, (leaves.shape[-1] - 1).bit_length())
    tree = np.zeros((*leaves.shape[:-1], 2 * width))
    tree[..., width : width + leaves.shape[-1]] = leaves
    while width > 1:
        tree[..., width // 2 : width] = tree[..., width : 2 * width].reshape(*leaves.shape[:-1], -1, 2).sum(axis=-1)
        width //= 2
    return tree


def _set(tree: Array, leaf: int, value: float) -> None:
    node = len(tree) // 2 + leaf
    tree[node] = value
    while node > 1:
        node //= 2
        tree[node] = tree[2 * node] + tree[2 * node + 1]
