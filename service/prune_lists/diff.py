"""How two prune lists differ."""

from __future__ import annotations

from collections.abc import Mapping

from service.schemas.prune_lists import ListDiff, ListRef, ScoreChange
from service.store.tables import PublishedList
from trainers.runs.prune_list import ListedFeature, PruneList


def diff_lists(a: PublishedList, b: PublishedList) -> ListDiff:
    """What changes where b is served in place of a."""
    list_a, list_b = PruneList.parse(a.content), PruneList.parse(b.content)
    features_a, features_b = _by_name(list_a), _by_name(list_b)
    both = [name for name in features_b if name in features_a]
    moved = [
        ScoreChange(feature=name, before=before, after=after, change=after - before)
        for name in both
        if (before := features_a[name].score) != (after := features_b[name].score)
    ]
    changed = [name for name in both if features_a[name].decision != features_b[name].decision]
    kept_a, kept_b = set(list_a.kept), set(list_b.kept)
    totals_a, totals_b = list_a.after.document(), list_b.after.document()
    return ListDiff(
        a=ListRef(number=a.number, list_id=a.list_id, totals=totals_a),
        b=ListRef(number=b.number, list_id=b.list_id, totals=totals_b),
        no_longer_served=[name for name in features_a if name in kept_a - kept_b],
        newly_served=[name for name in features_b if name in kept_b - kept_a],
        newly_pruned=[name for name in changed if features_b[name].decision == "prune"],
        newly_kept=[name for name in changed if features_b[name].decision == "keep"],
        only_in_a=[name for name in features_a if name not in features_b],
        only_in_b=[name for name in features_b if name not in features_a],
        scores=sorted(moved, key=lambda each: -abs(each.change)),
        totals={key: totals_b[key] - totals_a[key] for key in totals_b},
    )


def _by_name(prune_list: PruneList) -> Mapping[str, ListedFeature]:
    return {feature.name: feature for feature in prune_list.features}
