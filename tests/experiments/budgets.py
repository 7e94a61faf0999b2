"""How much of a budget the rule `budget` spends: shares of a table's dims, of its tables' bytes and of its costs.

    python -m tests.experiments.budgets ../shared/data/census/spec.yaml ../shared/data/amazon/spec.yaml

One search a set, at the default settings; no α is set. Where the spec gives no costs, the cost of a feature is 1, 2 or
3 by its place, so that costs don't go with dims.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, get_args

import torch
import typer

from tests.experiments.search import rank
from trainers.data.decode import Decoder
from trainers.data.source import open_splits
from trainers.pipeline.sampling import find_copies
from trainers.pruning.budget import describe_use
from trainers.pruning.ranking import RankedFeature, rank_features
from trainers.pruning.rules import decide
from trainers.selectors.base import Ranking
from trainers.spec import JobSpec, load_spec
from trainers.spec.budget import Unit
from trainers.spec.prune import PruneSpec

SHARES = (0.75, 0.5, 0.25, 0.1)


@dataclass(frozen=True, kw_only=True)
class Landing:
    """What was spent of a budget, and what the list says where much is left."""

    unit: Unit
    limit: float
    spent: float
    said: str | None


def with_costs(features: Sequence[RankedFeature]) -> list[RankedFeature]:
    """With costs of 1, 2 or 3, unless any feature has one of its own."""
    if any(feature.cost is not None for feature in features):
        return list(features)
    return [replace(feature, cost=1.0 + place % 3) for place, feature in enumerate(features)]


def land(features: Sequence[RankedFeature], shares: Iterable[float] = SHARES) -> list[Landing]:
    """Every share of every unit that the features have something of."""
    order, found = with_costs(features), []
    for unit in get_args(Unit):
        total = sum(feature.weight(unit) for feature in order)
        for share in shares:
            limit = share * total if unit == "cost" else int(share * total)
            if limit < min(feature.weight(unit) for feature in order) or not total:
                continue
            rule = PruneSpec.model_validate({"rule": "budget", f"keep_{unit}": limit})
            budget = rule.budget(int(sum(feature.dim for feature in order)))
            assert budget is not None
            use = describe_use(order, decide(order, rule, ()), budget, gates=True)
            found.append(Landing(unit=unit, limit=limit, spent=use.spent, said=use.warning))
    return found


def known(spec: JobSpec, cache: Path) -> list[RankedFeature]:
    """The features by Winnow's ranking in a cache of `tests.experiments.ranking`; copies are found in the data."""
    names = json.loads(cache.read_text())["rankings"]["Winnow"]
    ranking = Ranking.by_score({name: -float(place) for place, name in enumerate(names)})
    return rank_features(spec, ranking, find_copies(spec, open_splits(spec.dataset, Decoder(spec).columns)))


def main(
    specs: Annotated[list[Path], typer.Argument(help="Each of a table.")],
    cache: Annotated[
        list[Path] | None, typer.Option(help="Of tests.experiments.ranking, one a spec: its ranking is taken.")
    ] = None,
) -> None:
    torch.set_num_threads(1)
    print("| set | budgets | within 3% | named what prevents it | more than the budget | least of a budget spent |")
    print("|---|---|---|---|---|---|", flush=True)
    rankings: Sequence[Path | None] = cache or [None for _ in specs]
    for path, kept in zip(specs, rankings, strict=True):
        spec = load_spec(path)
        found = land(rank(spec) if kept is None else known(spec, kept))
        near = [each for each in found if 0.97 * each.limit <= each.spent <= each.limit]
        told = [each for each in found if each not in near and each.said]
        over = sum(each.spent > each.limit for each in found)
        least = min(each.spent / each.limit for each in found)
        print(f"| {spec.name} | {len(found)} | {len(near)} | {len(told)} | {over} | {least:.1%} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
