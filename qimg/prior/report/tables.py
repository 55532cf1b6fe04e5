"""Tables on a prior for the terminal and for pages."""

from collections import Counter, defaultdict
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from qimg.operators import CorrelationOperator, von_neumann_entropy
from qimg.prior import JointMixture, Prior
from qimg.prior.model import operator_key
from qimg.prior.report.figures import by_weight
from qimg.report.tables import Table

CLASSES_SHOWN = 12
SKIPPED_SHOWN = 12
RANK_ENERGY = 0.9


def prior_tables(prior: Prior, *, name: str) -> list[Table]:
    """Tables on the parts of a prior: identity and recipe, groups, operators, mixtures, their classes, skipped files.

    The 12 heaviest classes of each mixture are listed; `class_table` lists all. Cost: one eigendecomposition per
    operator and per class.

    Args:
        prior: as loaded or fitted.
        name: name of the prior in the tables.
    """
    tables = [identity_table(prior, name=name), group_table(prior)]
    tables += [operator_table(prior)] if prior.operators else []
    if prior.mixtures:
        tables.append(mixture_table(prior))
        tables += [class_table(model).head(CLASSES_SHOWN) for model in prior.mixtures.values()]
    return [*tables, *skipped_tables(prior)]


def identity_table(prior: Prior, *, name: str) -> Table:
    """Identity, numbers of pictures, recipe and versions."""
    recipe = prior.provenance["recipe"]
    numbers: list[list[Any]] = [
        ["SHA-256", prior.sha256],
        ["pictures", len(prior.provenance["inputs"])],
        ["skipped files", len(prior.provenance.get("skipped", []))],
        ["patches of the operators", f"{recipe['size']}×{recipe['size']} pixels, {_stride(recipe)}"],
    ]
    fields = [[key, recipe_text(value)] for key, value in recipe.items() if key not in ("size", "stride")]
    versions = prior.provenance.get("versions", {})
    made = [["versions", ", ".join(f"{package} {version}" for package, version in sorted(versions.items()))]]
    return Table(columns=["property", "value"], rows=[*numbers, *fields, *(made if versions else [])], caption=name)


def group_table(prior: Prior) -> Table:
    """Pictures and pixels of each group."""
    inputs = prior.provenance["inputs"]
    counts = Counter(record["group"] for record in inputs)
    pixels: defaultdict[str, int] = defaultdict(int)
    for record in inputs:
        pixels[record["group"]] += record["shape"][0] * record["shape"][1]
    rows = [[group, count, pixels[group] / 1e6] for group, count in sorted(counts.items())]
    return Table(columns=["group", "pictures", "megapixels"], rows=rows, caption="Pictures")


def operator_table(prior: Prior) -> Table:
    """Patches, energy, entropy and effective rank of each operator."""
    rows: list[list[Any]] = []
    for name, operator in prior.operators.items():
        energy = float(np.trace(operator.matrix))
        entropy = float(von_neumann_entropy(operator.density_matrix())) if energy > 0 else float("nan")
        mean = energy / operator.count if operator.count else float("nan")
        rows.append([name, operator.count, operator.dimension, mean, entropy, 2**entropy])
    return Table(
        columns=["operator", "patches", "dimension", "energy (tr M / patch)", "entropy of ρ (bit)", "effective rank"],
        rows=rows,
        caption="Operators, level shift 128, for JPEG over decoded patch and error; effective rank: 2 to the entropy",
    )


def mixture_table(prior: Prior) -> Table:
    """Classes, dimension, vectors and log-likelihood of each mixture."""
    rows: list[list[Any]] = []
    for view, model in prior.mixtures.items():
        history = prior.provenance.get("log_likelihood", {}).get(view, [])
        first, last = (history[0], history[-1]) if history else (float("nan"), float("nan"))
        vectors = prior.provenance.get("vectors", {}).get(view, "–")
        rows.append([view, model.classes, model.view.dimension, vectors, first, last])
    return Table(
        columns=["view", "classes", "dimension", "vectors", "first round (nats)", "last round (nats)"],
        rows=rows,
        caption="Mixtures, with the mean log-likelihood of a vector in the first and in the last recorded round",
    )


def class_table(model: JointMixture) -> Table:
    """All classes of a mixture by descending weight: weight, energy, rank, and the gain of prediction from the ring."""
    view = model.view
    values = view.planes * view.size**2
    columns = ["class", "weight", "block (code values²)", f"rank for {100 * RANK_ENERGY:.0f} %"]
    rows: list[list[Any]] = []
    for k in by_weight(model):
        block, residual = class_energies(model, int(k))
        row = [int(k), float(model.mixture.weights[k]), block / values, model.rank(int(k), energy=RANK_ENERGY)]
        rows.append([*row, residual / values, gain_db(block, residual)] if view.observed else row)
    columns += ["residual (code values²)", "prediction gain (dB)"] if view.observed else []
    part = "residual's" if view.observed else "block's"
    return Table(
        columns=columns,
        rows=rows,
        caption=f"Classes of {view.name}, heaviest first: mean squares of a block's values, and how many eigenvectors "
        f"hold {100 * RANK_ENERGY:.0f} % of the {part} energy",
    )


def skipped_tables(prior: Prior) -> list[Table]:
    """A table of the files that the fit skipped, with reasons; none if nothing was skipped."""
    rows = [[record["name"], _reason(record)] for record in prior.provenance.get("skipped", [])]
    return [Table(columns=["file", "reason"], rows=rows, caption="Skipped").head(SKIPPED_SHOWN)] if rows else []


def class_energies(model: JointMixture, k: int) -> tuple[float, float]:
    """Mean energy of the blocks of a class about the level of their window, and of their prediction residuals."""
    # The transform of the block is orthonormal, so the covariances of coefficients and pixels have the same trace.
    block = float(np.trace(model.mixture.covariances[k][model.view.observed :, model.view.observed :]))
    return block, float(np.trace(model.residual_covariance(k)))


def gain_db(before: float, after: float) -> float:
    """10 log₁₀ of energy before over energy after, in dB."""
    return float(10 * np.log10(before / after)) if before > 0 and after > 0 else float("nan")


def operator_order(key: tuple[str, int]) -> tuple[int, str, int]:
    """Sort key of planes and scale: luma, colour, JPEG settings."""
    planes, scale = key
    return ("luma", "colour").index(planes) if planes in ("luma", "colour") else 2, planes, scale


def pooled_operators(prior: Prior) -> dict[tuple[str, int], CorrelationOperator]:
    """Planes and scale → sum over the groups, in the order luma, colour, JPEG settings, scales ascending."""
    names: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for name in prior.operators:
        planes, _, scale = operator_key(name)
        names[planes, scale].append(name)
    return {
        key: reduce(add, (prior.operators[name] for name in names[key])) for key in sorted(names, key=operator_order)
    }


def recipe_text(value: Any) -> str:
    """A value of a recipe as text."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {recipe_text(one)}" for key, one in sorted(value.items())) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(recipe_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value) or "–"


def has_energy(operator: CorrelationOperator) -> bool:
    """Whether the operator has a density matrix, that is, not all patches are middle gray."""
    return bool(np.trace(operator.matrix) > 0)


def _stride(recipe: Any) -> str:
    return f"every {recipe['stride']} pixels" if recipe["stride"] else "side by side"


def _reason(record: Any) -> str:
    # The reason begins with the path of the file, which may be longer than its name.
    _, separator, reason = str(record["skipped"]).partition(f"{record['name']}: ")
    return reason if separator else str(record["skipped"])
