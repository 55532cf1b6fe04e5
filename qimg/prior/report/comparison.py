"""Comparison of two priors: common inputs, and distances between their operators and mixtures."""

from collections import defaultdict
from collections.abc import Iterator
from functools import reduce
from operator import add

import numpy as np

from qimg import metrics
from qimg.core import Array, integer
from qimg.operators import CorrelationOperator, eigenbasis, von_neumann_entropy
from qimg.prior import GaussianMixture, Prior
from qimg.prior.model import operator_key
from qimg.prior.report.tables import has_energy, operator_order, recipe_text
from qimg.report.tables import Table
from qimg.transforms import ac_block

_LEADING = 8
_ROUNDING = 1 / 12


def compare_priors(
    a: Prior, b: Prior, *, names: tuple[str, str], rng: np.random.Generator, samples: int = 2000
) -> list[Table]:
    """Tables of the differences between two priors: inputs, recipe, operators, mixtures.

    Operators of the same planes and scale are compared group by group where both priors hold the group, and as the sum
    over all groups of each. Excess code lengths (`qimg.metrics.excess_code_length`) are those of AC coefficients with a
    noise variance of 1/12, for luma and colour. Relative entropies of mixtures over the same view have no closed form:
    KL(p‖q) = E_p[ln p − ln q] is estimated from draws of p, without bias, with its standard error. Cost:
    O(samples · K · d²) per mixture.

    Args:
        a: the first prior.
        b: the second prior.
        names: names of the two priors in the tables.
        rng: draws the samples; the same state gives the same tables.
        samples: draws per mixture and direction, at least 2.

    Raises:
        ValueError: the operators were made for different patch shapes.
    """
    samples = integer("samples", samples, 2)
    sizes = [prior.provenance["recipe"]["size"] for prior in (a, b)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"{names[1]}: was made for another patch shape: {sizes[1]}×{sizes[1]} pixels, "
            f"where {names[0]} has {sizes[0]}×{sizes[0]}"
        )
    shared = list(_shared_operators(a, b))
    tables = [_identities(a, b, names), *_recipes(a, b, names)]
    if shared:
        tables += [_states(shared, names), _codes(shared, names, sizes[0])]
    mixtures = [view for view in a.mixtures if view in b.mixtures]
    return tables + ([_mixtures(a, b, mixtures, names, rng, samples)] if mixtures else [])


def _identities(a: Prior, b: Prior, names: tuple[str, str]) -> Table:
    inputs = [{record["sha256"] for record in prior.provenance["inputs"]} for prior in (a, b)]
    common = len(inputs[0] & inputs[1])
    rows: list[list[str | int]] = [
        ["SHA-256, first 16 digits", a.sha256[:16], b.sha256[:16]],
        ["pictures", *(len(prior.provenance["inputs"]) for prior in (a, b))],
        ["pictures in common", common, common],
        ["operators", len(a.operators), len(b.operators)],
        ["mixtures", ", ".join(a.mixtures) or "none", ", ".join(b.mixtures) or "none"],
    ]
    return Table(columns=["property", *names], rows=rows, caption=f"{names[0]} and {names[1]}")


def _recipes(a: Prior, b: Prior, names: tuple[str, str]) -> list[Table]:
    """A table of the fields of the recipe that differ; none if all are equal."""
    first, second = a.provenance["recipe"], b.provenance["recipe"]
    rows = [
        [key, recipe_text(first.get(key, "")), recipe_text(second.get(key, ""))]
        for key in dict.fromkeys([*first, *second])
        if first.get(key) != second.get(key)
    ]
    return [Table(columns=["recipe", *names], rows=rows, caption="Recipes, where they differ")] if rows else []


def _shared_operators(a: Prior, b: Prior) -> Iterator[tuple[str, CorrelationOperator, CorrelationOperator]]:
    """Yield the name and both operators for every operator that both priors hold and that has energy in both."""
    first, second = _groups(a), _groups(b)
    for planes, scale in sorted(set(first) & set(second), key=operator_order):
        groups_a, groups_b = first[planes, scale], second[planes, scale]
        both = [group for group in groups_a if group in groups_b]
        pairs = [(f"{planes} {group}@{scale}", groups_a[group], groups_b[group]) for group in both]
        if len(groups_a) > 1 or set(groups_a) != set(groups_b):
            total = f"{planes} all groups@{scale}"
            pairs.insert(0, (total, reduce(add, groups_a.values()), reduce(add, groups_b.values())))
        yield from (pair for pair in pairs if has_energy(pair[1]) and has_energy(pair[2]))


def _groups(prior: Prior) -> dict[tuple[str, int], dict[str, CorrelationOperator]]:
    groups: defaultdict[tuple[str, int], dict[str, CorrelationOperator]] = defaultdict(dict)
    for name, operator in prior.operators.items():
        planes, group, scale = operator_key(name)
        groups[planes, scale][group] = operator
    return groups


def _states(shared: list[tuple[str, CorrelationOperator, CorrelationOperator]], names: tuple[str, str]) -> Table:
    rows = []
    for name, one, other in shared:
        rho, sigma = one.density_matrix(), other.density_matrix()
        leading = min(_LEADING, len(rho))
        bases = [eigenbasis(state)[:, :leading] for state in (rho, sigma)]
        rows.append(
            [
                name,
                float(metrics.fidelity(rho, sigma)),
                float(metrics.trace_distance(rho, sigma)),
                float(von_neumann_entropy(rho)),
                float(von_neumann_entropy(sigma)),
                float(np.linalg.norm(bases[0].T @ bases[1]) ** 2 / leading),
            ]
        )
    return Table(
        columns=[
            "operator",
            "fidelity",
            "trace distance",
            *(f"entropy, {name} (bit)" for name in names),
            f"overlap of {_LEADING} eigenvectors",
        ],
        rows=rows,
        caption="Density matrices; overlap: mean squared cosine of the angles between the leading eigenspaces",
    )


def _codes(
    shared: list[tuple[str, CorrelationOperator, CorrelationOperator]], names: tuple[str, str], size: int
) -> Table:
    rows: list[list[str | float]] = []
    for name, one, other in shared:
        if name.startswith("jpeg "):
            continue  # patches are coded, not pairs of a patch and its error
        first, second = _ac_moments(one, size), _ac_moments(other, size)
        orders = ((first, second), (second, first))
        excess = [_excess(model, truth, size, scaled) for scaled in (False, True) for model, truth in orders]
        rows.append([name, *excess])
    labels = (f"{names[0]} on {names[1]}", f"{names[1]} on {names[0]}")
    return Table(
        columns=["operator", *labels, *(f"{label}, traces equal" for label in labels)],
        rows=rows,
        caption="Excess code length in bit per pixel: a code for the AC coefficients of one prior applied to the other",
    )


def _ac_moments(operator: CorrelationOperator, size: int) -> Array:
    return ac_block(operator.matrix / operator.count, planes=operator.dimension // size**2)


def _excess(model: Array, truth: Array, size: int, scaled: bool) -> float:
    """Excess code length in bit per pixel; NaN if traces are to be equal and all patches of a prior are flat."""
    if scaled and min(np.trace(model), np.trace(truth)) <= 1e-9:
        return float("nan")
    excess = metrics.excess_code_length(model, truth, noise_variance=_ROUNDING, trace_normalised=scaled)
    return float(excess) / size**2


def _mixtures(
    a: Prior, b: Prior, views: list[str], names: tuple[str, str], rng: np.random.Generator, samples: int
) -> Table:
    rows = []
    for view in views:
        p, q = a.mixtures[view].mixture, b.mixtures[view].mixture
        forth, back = relative_entropy(p, q, samples, rng), relative_entropy(q, p, samples, rng)
        rows.append([view, p.components, q.components, *forth, *back])
    ways = (f"KL({names[0]}‖{names[1]})", f"KL({names[1]}‖{names[0]})")
    return Table(
        columns=["view", *(f"classes, {name}" for name in names), ways[0], "± (1 s.e.)", ways[1], "± (1 s.e.) back"],
        rows=rows,
        caption=f"Mixtures: relative entropy in nats per vector, estimated from {samples:,} draws each",
    )


def relative_entropy(
    p: GaussianMixture, q: GaussianMixture, samples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Estimate of KL(p‖q) = E_p[ln p − ln q] in nats from draws of p, and its standard error."""
    drawn = p.sample(samples, rng)
    ratios = p.log_likelihood(drawn) - q.log_likelihood(drawn)
    return float(ratios.mean()), float(ratios.std(ddof=1) / np.sqrt(samples))
