"""A population: features, the weights of the logistic model that makes the labels, and rows drawn from them.

    logit = intercept + Σ_strong,weak w_i e_i + Σ_interaction s_a (w_a e_p + o_a) + Σ_sparse w_i 1[x_i is present]

with effects e of mean 0 and variance 1, and s = ±1 with equal chances: an interaction feature a turns the effect of its
strong partner p up or down, and the offset o_a is such that the label's rate is the same for either sign, so that a
tells nothing alone. (Of two features that are both useless alone, a network among hundreds of other columns learns the
use only after it has memorized its training rows; then a data set would measure the optimizer and not the selection.)
All features are independent but duplicates.

Shapes: N rows, T terms.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.simulator.catalog import Feature, catalog
from trainers.simulator.columns import Effect
from trainers.simulator.logistic import cost_of, sigmoid
from trainers.simulator.tables import RowKey
from trainers.simulator.terms import SPARSE_RATE, Term, balance, weigh

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

    def effects(self, values: Mapping[str, Any]) -> dict[str, Effect]:
        """e, s or presence (N) of every feature that enters a term."""
        features = {feature.name: feature for feature in self.features}
        return {name: _effect(features[name], values[name]) for name in self.informative}

    @property
    def informative(self) -> tuple[str, ...]:
        """Names of the features that enter a term."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.names))

    def logits(self, values: Mapping[str, Any]) -> Effect:
        """True logits (N) of drawn values."""
        return self.logits_of(self.effects(values))

    def logits_of(self, effects: Mapping[str, Effect]) -> Effect:
        """True logits (N) of effects."""
        return np.asarray(self.intercept + sum(term.of(effects) for term in self.terms))

    def labels(self, logits_N: Effect, place: Place) -> NDArray[np.bool_]:
        """Bernoulli(sigmoid(logit)), (N)."""
        rng = np.random.default_rng([self.seed, place.stream, place.block, len(self.features)])
        return rng.random(len(logits_N)) < sigmoid(logits_N)

    def users(self, place: Place) -> NDArray[np.int64]:
        """Whose rows they are (N): a group to average metrics in, which has no part in the labels."""
        rng = np.random.default_rng([self.seed, place.stream, place.block, len(self.features) + 1])
        return rng.integers(0, max(1, self.rows // ROWS_PER_USER), place.rows)

    @cached_property
    def pilot(self) -> dict[str, Effect]:
        """Effects over the rows that calibrate the population."""
        return self.effects(self.draw(Place(stream=PILOT_STREAM, block=0, first=0, rows=PILOT_ROWS), self.informative))

    def shares(self) -> dict[str, float]:
        """Each feature's share of the logit's variance, that of an interaction halved; 0 for features in no term."""
        variance_T = [float(term.of(self.pilot).var()) for term in self.terms]
        shares = dict.fromkeys((feature.name for feature in self.features), 0.0)
        for term, variance in zip(self.terms, variance_T, strict=True):
            for name in term.names:
                shares[name] += variance / sum(variance_T) / len(term.names)
        return shares

    def costs(self) -> dict[str, float]:
        """Nats of logloss that the best model without the feature loses; 0 for features that enter no term."""
        return {feature.name: self._cost(feature.name) for feature in self.features}

    def _cost(self, name: str) -> float:
        if name not in self.informative:
            return 0.0
        terms = [term for term in self.terms if name in term.names]
        rest_N = self.logits_of(self.pilot) - sum(term.of(self.pilot) for term in terms)

        def logits_with(effect_N: Effect) -> Effect:
            return np.asarray(rest_N + sum(term.of({**self.pilot, name: effect_N}) for term in terms))

        return cost_of(self.pilot[name], logits_with)


def populate(*, features: int, rows: int, seed: int, base_rate: float) -> Population:
    """A population of `features` features whose labels are positive at `base_rate`, in (0, 1)."""
    columns = tuple(catalog(features=features, rows=rows, seed=seed))
    terms = weigh(columns, np.random.default_rng([seed, 0, 1]), base_rate)
    raw = Population(seed=seed, rows=rows, features=columns, terms=terms)
    terms, intercept = balance(terms, raw.pilot, base_rate)
    return replace(raw, terms=terms, intercept=intercept)


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
    if feature.role == "interaction":
        return np.sign(feature.column.effect(values))
    return feature.column.effect(values)
