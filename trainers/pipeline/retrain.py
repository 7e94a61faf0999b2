"""Retraining: chosen features from scratch, over several seeds. How good is a set of features, whoever chose it?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from trainers.runs.results import Quality
from trainers.spec import JobSpec, SpecError
from trainers.spec.order import canonical_order, with_features
from trainers.training.build import build_plain
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Advance, Trainer, quality

Observer = Callable[[int, Quality], None]


def retrain(
    spec: JobSpec,
    keep: Collection[str],
    seeds: int,
    observer: Observer,
    advance: Advance = lambda step: None,
    *,
    kept_dims: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> list[Quality]:
    """Test metrics of the kept features' model, one a seed: `training.seed` and those after it.

    Trained in this process for at most `training.epochs`, each model taken at its best on validation; the test
    split is read once, at the end. `observer` hears of every seed's result as it comes. `kept_dims` has the dims of
    features that keep some alone: of an embedding their number counts, since its weights are new.

    Raises:
        SpecError: a name that isn't a feature of the spec, or data that doesn't fit the spec.
    """
    names = {feature.name for feature in spec.features}
    unknown = sorted(set(keep) - names)
    if unknown or not keep:
        raise SpecError(f"keep: {unknown[0]!r} is no feature of the spec; name some of its features" if unknown
                        else "keep: no feature; name one or more of the spec's")  # fmt: skip
    chosen, ranks = with_features(canonical_order(spec), keep, kept_dims), RankContext()
    chosen = chosen.model_copy(update={"essential": tuple(set(chosen.essential) & set(keep))})
    opened = DataLoaders.open(chosen, ranks)
    found = []
    for seed in range(spec.training.seed, spec.training.seed + seeds):
        loaders = opened.with_seed(seed)
        seeded = loaders.spec
        model = build_plain(seeded, ranks)
        Trainer(model, loaders, seeded, ranks).run(loaders.plan.epochs, advance)
        metrics = quality(model, loaders, seeded, ranks)
        assert metrics is not None
        observer(seed, metrics)
        found.append(metrics)
    return found
