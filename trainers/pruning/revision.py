"""A list whose decisions a person changed: a new list, not fine-tuned yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from trainers.problems import list_names
from trainers.pruning.listing import sum_totals
from trainers.runs.prune_list import COPY, INCONCLUSIVE, GuardVerdict, ListedFeature, PruneList, Revision, Totals
from trainers.spec import JobSpec
from trainers.spec.order import with_features

NOT_MEASURED = "not fine-tuned yet; a follow-up job measures it"


def revise(
    found: PruneList, spec: JobSpec, *, keep: Collection[str], prune: Collection[str], by: str, reason: str
) -> PruneList:
    """A new list with other decisions, and totals to match.

    Args:
        found: the list to change; it stays as it is.
        spec: that of its job, which knows what each feature weighs.
        keep: features to keep that `found` prunes.
        prune: features to prune that `found` keeps.
        by: who changes it.
        reason: why.

    Raises:
        ValueError: a name is unknown, essential, in both, or decided so already; or nothing would be kept, or changed.
    """
    problems = list(_problems(found, set(keep), set(prune)))
    if problems:
        raise ValueError("\n".join(problems))
    features = _without_carriers([_decided(feature, keep, prune) for feature in found.features])
    return found.model_copy(
        update={
            "features": features,
            "after": _totals(features, spec),
            "metrics": None,
            "budget": None,
            "guard": GuardVerdict(
                metric=found.guard.metric,
                max_drop=found.guard.max_drop,
                drop=None,
                error=None,
                verdict=INCONCLUSIVE,
                reason=NOT_MEASURED,
            ),
            "revision": Revision(of=found.id, by=by, reason=reason, keep=tuple(keep), prune=tuple(prune)),
        }
    ).with_id()


def _problems(found: PruneList, keep: set[str], prune: set[str]) -> Iterator[str]:
    by_name = {feature.name: feature for feature in found.features}
    decided = {name: feature.decision for name, feature in by_name.items()}
    essential = {name for name, feature in by_name.items() if feature.why == "essential"}
    checks = (
        ("keep", {name for name in keep if name not in decided}, "not in the list; take it out"),
        ("prune", {name for name in prune if name not in decided}, "not in the list; take it out"),
        ("keep", {name for name in keep if decided.get(name) == "keep"}, "kept already; take it out"),
        ("prune", {name for name in prune if decided.get(name) == "prune"}, "pruned already; take it out"),
        ("prune", prune & essential, "essential; change its status first"),
        ("keep", keep & prune, "in `prune` too; name it once"),
    )
    for field, names, problem in checks:
        if names:
            yield f"{field}: {list_names(map(repr, sorted(names)))}: {problem}"
    if not keep and not prune:
        yield "keep, prune: both are empty; name a feature whose decision changes"
    elif prune >= set(found.kept) and not keep:
        yield "prune: no feature would be left; keep at least one"


def _decided(feature: ListedFeature, keep: Collection[str], prune: Collection[str]) -> ListedFeature:
    if feature.name in keep:
        return feature.model_copy(update={"decision": "keep", "why": "hand"})
    pruned = {"decision": "prune", "why": "hand", "kept_dims": None}
    return feature.model_copy(update=pruned) if feature.name in prune else feature


def _without_carriers(features: Sequence[ListedFeature]) -> tuple[ListedFeature, ...]:
    """Copies whose carrier is pruned by hand are pruned by hand too: nothing that stays has their values."""
    kept = {feature.name for feature in features if feature.decision == "keep"}
    return tuple(
        feature.model_copy(update={"why": "hand"})
        if feature.why == COPY and feature.decision == "prune" and not kept & set(feature.copies)
        else feature
        for feature in features
    )


def _totals(features: Collection[ListedFeature], spec: JobSpec) -> Totals:
    kept = {feature.name: feature.kept_dims for feature in features if feature.decision == "keep"}
    some = {name: dims for name, dims in kept.items() if dims is not None}
    return sum_totals(with_features(spec, kept, some).features)
