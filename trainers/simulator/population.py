"""A population: features, the weights of the logistic model that makes the labels, and rows drawn from them.

    logit = intercept + Σ_strong,weak w_i e_i(x_i) + Σ_pairs w_p s(x_a) s(x_b) + Σ_sparse w_i 1[x_i is present]

with e_i of mean 0 and variance 1, and s = ±1 with equal chances and independent of everything else, so that neither
half of a pair tells anything of the label without the other. Terms are independent of each other.

Shapes: N rows, T terms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.simulator.catalog import Feature, catalog
from trainers.simulator.columns import Effect
from trainers.simulator.logistic import cost_of, sigmoid, solve_intercept
from trainers.simulator.tables import RowKey

# Variance of the logit; it puts the Bayes-optimal AUC near 0.88.
SIGNAL_VARIANCE = 6.0
WEAK_VARIANCE = 0.009
PAIR_TO_STRONG = 4.0  # harder to find than a term of one feature, so worth more
SPARSE_RATE = 0.008
SPARSE_EFFECT = 4.0
ROWS_PER_USER = 40

PILOT_STREAM = 1  # calibrates; the splits have their own streams, from 2 on
PILOT_ROWS = 32_768


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where rows come from: a random stream, a block of it, and the number in the data set of the block's first row."""

    stream: int
    block: int
    first: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Term:
    """One summand of the logit: `weight` times the effect of one feature or, for an interaction, of two."""

    names: tuple[str, ...]
    weight: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """`seed` and a row's place decide the row: the same place drawn twice is the same, whatever else was drawn."""

    seed: int
    rows: int
    features: tuple[Feature, ...]
    terms: tuple[Term, ...]
    intercept: float = 0.0

    def draw(self, place: Place, only: Collection[str] | None = None) -> dict[str, Any]:
        """Values of every feature, or of `only` those named, in the order of the features (originals before copies)."""
        values: dict[str, Any] = {}
        # Originals before their copies.
        for at, feature in sorted(enumerate(self.features), key=lambda pair: pair[1].copy_of is not None):
            if only is None or feature.name in only:
                rng = np.random.default_rng([self.seed, place.stream, place.block, at])
                values[feature.name] = _values(feature, rng, values, place)
        return values

    def contributions(self, values: Mapping[str, Any]) -> Effect:
        """What every term adds to the logit of the drawn values, (T, N)."""
        return np.stack([self._contribution(term, values) for term in self.terms])

    def logits(self, values: Mapping[str, Any]) -> Effect:
        """True logits (N) of drawn values."""
        return np.asarray(self.intercept + self.contributions(values).sum(axis=0))

    def labels(self, logits_N: Effect, place: Place) -> NDArray[np.bool_]:
        """Bernoulli(sigmoid(logit)), (N)."""
        rng = np.random.default_rng([self.seed, place.stream, place.block, len(self.features)])
        return rng.random(len(logits_N)) < sigmoid(logits_N)

    def users(self, place: Place) -> NDArray[np.int64]:
        """Whose rows they are (N): a group to average metrics in, which has no part in the labels."""
        rng = np.random.default_rng([self.seed, place.stream, place.block, len(self.features) + 1])
        return rng.integers(0, max(1, self.rows // ROWS_PER_USER), place.rows)

    @cached_property
    def pilot(self) -> Effect:
        """Contributions of the terms over the rows that calibrate the population, (T, N)."""
        needed = {name for term in self.terms for name in term.names}
        place = Place(stream=PILOT_STREAM, block=0, first=0, rows=PILOT_ROWS)
        return self.contributions(self.draw(place, needed))

    def shares(self) -> dict[str, float]:
        """Each term's share of the logit's variance, halved between the members of a pair; 0 for other features."""
        variance_T = self.pilot.var(axis=1)
        shares = dict.fromkeys((feature.name for feature in self.features), 0.0)
        for term, share in zip(self.terms, variance_T / variance_T.sum(), strict=True):
            shares.update({name: float(share) / len(term.names) for name in term.names})
        return shares

    def costs(self) -> dict[str, float]:
        """Nats of logloss that the best model without the feature loses; 0 for features that enter no term."""
        logits_N = self.intercept + self.pilot.sum(axis=0)
        rng = np.random.default_rng([self.seed, PILOT_STREAM])
        costs = dict.fromkeys((feature.name for feature in self.features), 0.0)
        for term, contribution_N in zip(self.terms, self.pilot, strict=True):
            costs.update(dict.fromkeys(term.names, cost_of(contribution_N, logits_N, rng)))
        return costs

    def _contribution(self, term: Term, values: Mapping[str, Any]) -> Effect:
        columns = {feature.name: feature for feature in self.features if feature.name in term.names}
        effects = [_effect(columns[name], values[name]) for name in term.names]
        if len(effects) == 1:
            return term.weight * effects[0]
        return np.asarray(term.weight * np.sign(effects[0]) * np.sign(effects[1]))


def populate(*, features: int, rows: int, seed: int, base_rate: float) -> Population:
    """A population of `features` features whose labels are positive at `base_rate`, in (0, 1)."""
    columns = tuple(catalog(features=features, rows=rows, seed=seed))
    terms = _weigh(columns, np.random.default_rng([seed, 0, 1]), base_rate)
    raw = Population(seed=seed, rows=rows, features=columns, terms=terms)
    return replace(raw, intercept=solve_intercept(raw.pilot.sum(axis=0), base_rate))


def _weigh(features: Sequence[Feature], rng: np.random.Generator, base_rate: float) -> tuple[Term, ...]:
    """Weak and sparse features have fixed weights; strong ones and pairs share what is left of the variance."""
    of = {role: [f.name for f in features if f.role == role] for role in ("strong", "weak", "sparse")}
    pairs = [(f.name, f.partner) for f in features if f.partner is not None and f.name < f.partner]
    rare_variance = SPARSE_EFFECT**2 * SPARSE_RATE * (1 - SPARSE_RATE)
    left = SIGNAL_VARIANCE - WEAK_VARIANCE * len(of["weak"]) - rare_variance * len(of["sparse"])
    unit = left / (len(of["strong"]) + PAIR_TO_STRONG * len(pairs))
    spread = rng.permutation(np.linspace(0.8, 1.2, len(of["strong"])))
    variances: dict[tuple[str, ...], float] = {
        (name,): unit * factor for name, factor in zip(of["strong"], spread, strict=True)
    }
    variances |= {(name,): WEAK_VARIANCE for name in of["weak"]}
    variances |= dict.fromkeys(pairs, PAIR_TO_STRONG * unit)
    dense = [
        Term(names=names, weight=float(rng.choice([-1, 1]) * np.sqrt(variance)))
        for names, variance in variances.items()
    ]
    # A rare effect tells most where it moves the label away from its usual value.
    rare = SPARSE_EFFECT if base_rate <= 0.5 else -SPARSE_EFFECT
    return (*dense, *(Term(names=(name,), weight=rare) for name in of["sparse"]))


def _values(feature: Feature, rng: np.random.Generator, drawn: Mapping[str, Any], place: Place) -> Any:
    column = feature.column
    if isinstance(column, RowKey):
        return column.of_rows(place.first, place.rows)
    if feature.copy_of is not None:
        return column.copy(rng, drawn[feature.copy_of])
    if feature.role == "constant":
        return column.constant(place.rows)
    if feature.role == "sparse":
        return column.draw_sparse(rng, rng.random(place.rows) < SPARSE_RATE)
    return column.draw(rng, place.rows)


def _effect(feature: Feature, values: Any) -> Effect:
    assert not isinstance(feature.column, RowKey)
    if feature.role == "sparse":
        return feature.column.present(values).astype(np.float64)
    return feature.column.effect(values)
