"""The terms of the logit, their weights, and the offsets that leave an interaction feature useless alone.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainers.simulator.catalog import Feature
from trainers.simulator.columns import Effect
from trainers.simulator.logistic import root, sigmoid, solve_intercept

# Variance of the logit; it puts the Bayes-optimal AUC near 0.88.
SIGNAL_VARIANCE = 6.0
WEAK_VARIANCE = 0.009
INTERACTION_TO_STRONG = 2.0  # harder to find than an effect of one feature, so worth more
SPARSE_RATE = 0.008
SPARSE_EFFECT = 4.0


@dataclass(frozen=True, kw_only=True)
class Term:
    """One summand of the logit: weight · e of one feature, or s · (weight · e + offset) of `names` (s's, e's)."""

    names: tuple[str, ...]
    weight: float
    offset: float = 0.0

    def of(self, effects: Mapping[str, Effect]) -> Effect:
        """What the term adds to the logits (N)."""
        if len(self.names) == 1:
            return np.asarray(self.weight * effects[self.names[0]])
        sign_N, effect_N = (effects[name] for name in self.names)
        return np.asarray(sign_N * (self.weight * effect_N + self.offset))


def weigh(features: Sequence[Feature], rng: np.random.Generator, base_rate: float) -> tuple[Term, ...]:
    """Weak and sparse features have fixed weights; strong ones and interactions share what is left of the variance."""
    of = {role: [f.name for f in features if f.role == role] for role in ("strong", "weak", "sparse")}
    pairs = [(f.name, f.partner) for f in features if f.partner is not None]
    rare_variance = SPARSE_EFFECT**2 * SPARSE_RATE * (1 - SPARSE_RATE)
    left = SIGNAL_VARIANCE - WEAK_VARIANCE * len(of["weak"]) - rare_variance * len(of["sparse"])
    unit = left / (len(of["strong"]) + INTERACTION_TO_STRONG * len(pairs))
    spread = rng.permutation(np.linspace(0.8, 1.2, len(of["strong"])))
    variances: dict[tuple[str, ...], float] = {
        (name,): unit * factor for name, factor in zip(of["strong"], spread, strict=True)
    }
    variances |= {(name,): WEAK_VARIANCE for name in of["weak"]}
    variances |= dict.fromkeys(pairs, INTERACTION_TO_STRONG * unit)
    dense = [
        Term(names=names, weight=float(rng.choice([-1, 1]) * np.sqrt(variance)))
        for names, variance in variances.items()
    ]
    # A rare effect tells most where it moves the label away from its usual value.
    rare = SPARSE_EFFECT if base_rate <= 0.5 else -SPARSE_EFFECT
    return (*dense, *(Term(names=(name,), weight=rare) for name in of["sparse"]))


def balance(terms: Sequence[Term], effects: Mapping[str, Effect], base_rate: float) -> tuple[tuple[Term, ...], float]:
    """The terms with offsets under which no interaction feature tells anything alone, and the intercept."""
    terms = list(terms)
    intercept = solve_intercept(sum_of(terms, effects), base_rate)
    # Offsets and intercept move each other only a little: three rounds settle them.
    for _ in range(3):
        for at, term in enumerate(terms):
            if len(term.names) == 2:
                rest_N = intercept + sum_of(terms, effects) - term.of(effects)
                terms[at] = replace(term, offset=_neutral_offset(term, rest_N, effects[term.names[1]]))
        intercept = solve_intercept(sum_of(terms, effects), base_rate)
    return tuple(terms), intercept


def sum_of(terms: Sequence[Term], effects: Mapping[str, Effect]) -> Effect:
    """The logits (N) without intercept."""
    return np.asarray(np.sum([term.of(effects) for term in terms], axis=0))


def _neutral_offset(term: Term, rest_N: Effect, effect_N: Effect) -> float:
    """The offset at which the label's rate is the same for s = +1 and s = -1."""
    turned_N = term.weight * effect_N

    def excess(offset: float) -> float:
        up_N, down_N = sigmoid(rest_N + turned_N + offset), sigmoid(rest_N - turned_N - offset)
        return float(up_N.mean() - down_N.mean())

    return root(excess, -10.0, 10.0)
