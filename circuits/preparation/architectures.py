"""Places of the two-qubit gates of a layer: next to each other in a chain, as bricks, or between all qubits in turn."""

from collections.abc import Callable

Pairs = list[tuple[int, int]]


def sequential(n_qubits: int, layer: int) -> Pairs:
    """From the middle of the chain outwards, as in the circuit of a train of bond 2 (Jobst et al., 2024).

    The first qubit of a pair is the one nearer to the middle. Every layer is the same.
    """
    middle = n_qubits // 2 - 1  # of the sites, the first of which is the highest qubit
    sites = [(middle, middle + 1)]
    sites += [(site, site + 1) for site in range(middle + 1, n_qubits - 1)]
    sites += [(site, site - 1) for site in range(middle, 0, -1)]
    return [(n_qubits - 1 - inner, n_qubits - 1 - outer) for inner, outer in sites]


def brick(n_qubits: int, layer: int) -> Pairs:
    """Pairs (0, 1), (2, 3), …, then (1, 2), (3, 4), …. Every layer is the same."""
    return [(qubit, qubit + 1) for start in (0, 1) for qubit in range(start, n_qubits - 1, 2)]


def dense(n_qubits: int, layer: int) -> Pairs:
    """Two rounds of a tournament of all qubits, so that n layers or fewer couple every pair."""
    players = [*range(n_qubits), -1] if n_qubits % 2 else list(range(n_qubits))
    rest = len(players) - 1
    pairs = []
    for number in (2 * layer, 2 * layer + 1):
        turned = [players[0], *(players[1 + (place + number) % rest] for place in range(rest))]
        pairs += [(turned[k], turned[-1 - k]) for k in range(len(turned) // 2)]
    return [pair for pair in pairs if min(pair) >= 0][: n_qubits - 1]


ARCHITECTURES: dict[str, Callable[[int, int], Pairs]] = {"sequential": sequential, "brick": brick, "dense": dense}
"""Pairs of the n − 1 gates of a layer, in the order of application, by the name of the architecture."""
