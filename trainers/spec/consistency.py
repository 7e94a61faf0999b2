"""What no author of a spec means: parts that exclude each other, and options that nothing reads.

They are looked for before anything starts, not where a spec is read: a run of an earlier version may have one of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainers.problems import list_names
from trainers.selectors.base import GateSpec, SelectorSpec
from trainers.selectors.gates.permutation_options import PermutationGateSpec
from trainers.spec.budget_check import ONLY_COPIES, budget_too_small, unread_by_budget
from trainers.spec.features import DenseFeature
from trainers.spec.prune import NUMBERS, PruneSpec

if TYPE_CHECKING:
    from trainers.spec.job import JobSpec

# See sharding/planner.py, which imports torch.
ON_GPUS_ALONE = ("row_wise", "table_row_wise")


def find_contradictions(spec: JobSpec) -> list[str]:
    """Why the spec can't be meant as it is, a line each, with the remedy."""
    return [*_roles(spec), *_numbers(spec), *_topology(spec)]


def _roles(spec: JobSpec) -> Iterator[str]:
    """A column is the label, a weight or a feature, one of them. A group may be a feature: a user's id often is."""
    data = spec.dataset
    for name in (feature.name for feature in spec.features if feature.source == data.label):
        yield (
            f"feature {name!r}: column {data.label!r} is dataset.label, so that the model would read what it is to "
            "predict; take the feature out, or name another label"
        )
    for role in ("weight", "group"):
        if getattr(data, role) == data.label:
            yield f"dataset.{role}: column {data.label!r} is dataset.label; name another column, or leave it out"
    if data.group is not None and data.group == data.weight:
        yield f"dataset.group: column {data.group!r} is dataset.weight too; name another column for one of the two"
    for split in ("validation", "test"):
        if data.splits is not None and getattr(data, split) is not None:
            yield (
                f"dataset.{split}: {getattr(data, split)!r} wouldn't be read, because dataset.splits cuts all splits "
                f"out of dataset.train; leave `{split}` out, or give both `validation` and `test` and no `splits`"
            )


def _numbers(spec: JobSpec) -> Iterator[str]:
    prune, count = spec.prune, len(spec.features)
    if prune.rule == "top_k" and prune.top_k is not None and prune.top_k > count:
        yield f"prune.top_k: {prune.top_k} of {count} features can't be kept; give at most {count}"
    if prune.rule == "dims" and prune.share is not None and not _essential_dims(spec) and not spec.by_dim:
        total, narrowest = sum(spec.dims.values()), min(spec.dims, key=spec.dims.__getitem__)
        if prune.most_dims(total) < spec.dims[narrowest]:
            yield (
                f"prune.share: {prune.share:g} of {total} dims is {prune.most_dims(total)}, and the narrowest feature, "
                f"{narrowest!r}, has {spec.dims[narrowest]}: no feature could be kept; give at least "
                f"{math.ceil(1e4 * spec.dims[narrowest] / total) / 1e4:g}"
            )
    yield from budget_too_small(spec)
    if prune.guard.metric == "gauc" and spec.dataset.group is None:
        yield "prune.guard.metric: gauc needs groups; name their column as dataset.group, or choose another metric"


def _topology(spec: JobSpec) -> Iterator[str]:
    scaling, topology = spec.scaling, spec.scaling.topology
    if topology.workers_per_host is not None and scaling.workers % topology.workers_per_host:
        yield (
            f"scaling.topology.workers_per_host: {scaling.workers} workers don't fill hosts of "
            f"{topology.workers_per_host}; give a divisor of scaling.workers"
        )
    for kind in topology.sharding:
        if kind in ON_GPUS_ALONE and not scaling.use_gpu:
            yield f"scaling.topology.sharding: {kind!r} can't run on CPUs; leave it out, or set scaling.use_gpu"


def find_unread(spec: JobSpec) -> list[str]:
    """Options that were given a value and that nothing reads, or that change nothing, a line each."""
    return [
        *_unread_by_rule(spec.prune),
        *_unread_by_essential(spec),
        *unread_by_budget(spec),
        *_unread_by_guard(spec),
        *_unread_by_data(spec),
        *_unread_by_training(spec),
        *_unread_by_variant(spec),
        *_unread_by_gate(spec),
        *_named_twice(spec),
        *_without_effect(spec),
    ]


def _unread_by_rule(prune: PruneSpec) -> Iterator[str]:
    readers = {"threshold": "threshold", **NUMBERS, "delta": "curve"}
    for key, rule in readers.items():
        value = getattr(prune, key)
        if rule != prune.rule and value != PruneSpec.model_fields[key].default:
            yield f"prune.{key}: {value} is of rule {rule}, and the rule is {prune.rule}: it decides nothing"


def _unread_by_guard(spec: JobSpec) -> Iterator[str]:
    guard = spec.prune.guard
    if guard.metric in guard.limits:
        yield (
            f"prune.guard.limits.{guard.metric}: {guard.limits[guard.metric]:g} is of the guard's own metric, whose "
            f"limit is prune.guard.max_drop, {guard.max_drop:g}; leave it out"
        )
    elif "gauc" in guard.limits and spec.dataset.group is None:
        yield (
            f"prune.guard.limits.gauc: {guard.limits['gauc']:g} limits nothing, since gauc needs groups; name their "
            "column as dataset.group, or leave it out"
        )


def _unread_by_data(spec: JobSpec) -> Iterator[str]:
    if all(isinstance(feature, DenseFeature) for feature in spec.features):
        rate = spec.training.embedding_learning_rate
        if rate is not None:
            yield f"training.embedding_learning_rate: {rate:g} is of tables, and no feature has one; leave it out"


def _unread_by_variant(spec: JobSpec) -> Iterator[str]:
    """Options that win over the variant that they stand beside."""
    for key, selector in _selectors(spec):
        unlike = selector.unlike_variant() if isinstance(selector, PermutationGateSpec) else {}
        for name, (given, value) in unlike.items():
            yield (
                f"{key}.variant: paper has {name} {value}, and the spec has {given}, which wins; leave {name} out for "
                "the paper's own"
            )


def _unread_by_gate(spec: JobSpec) -> Iterator[str]:
    for key, selector in _selectors(spec):
        if not isinstance(selector, GateSpec):
            continue
        if not selector.penalized and selector.ramp != type(selector).model_fields["ramp"].default:
            yield f"{key}.ramp: {selector.ramp:g} is of a penalty, and {selector.name} has none; leave it out"
        if selector.order != type(selector).model_fields["order"].default and not selector.probability_like:
            yield (
                f"{key}.order: {selector.order} begins with the gates that are open, and scores of {selector.name} "
                "don't tell which are; leave it out"
            )


def _selectors(spec: JobSpec) -> Iterator[tuple[str, SelectorSpec]]:
    """The selectors that rank, with the keys that they stand under."""
    members = spec.selector.members
    if members == (spec.selector,):
        yield "selector", spec.selector
    else:
        yield from ((f"selector.of.{place}", member) for place, member in enumerate(members))


def _named_twice(spec: JobSpec) -> Iterator[str]:
    lists = {
        "essential": spec.essential,
        "prune.keep": spec.prune.keep or (),
        "scaling.topology.sharding": spec.scaling.topology.sharding,
    }
    for key, names in lists.items():
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            yield f"{key}: {list_names(map(repr, twice))} stands there more than once; once is enough"


def _without_effect(spec: JobSpec) -> Iterator[str]:
    """Where the essential features, or the number of the rule, leave nothing to prune."""
    prune, every = spec.prune, {feature.name for feature in spec.features}
    essential = _essential_dims(spec).keys()
    if essential == every:
        yield f"essential: all {len(every)} features are essential, so that none can be pruned; leave some out"
    elif prune.rule == "given" and every <= essential | set(prune.keep or ()):
        yield f"prune.keep: all {len(every)} features stay, so that nothing is pruned; leave some out"
    elif prune.rule == "top_k" and prune.top_k == len(every):
        yield f"prune.top_k: {prune.top_k} of {len(every)} features is all of them, so that {ONLY_COPIES}; lower it"
    elif prune.rule == "dims" and prune.share == 1.0:
        yield f"prune.share: 1 is all dims, so that {ONLY_COPIES}; lower it"
    elif prune.rule == "threshold" and prune.threshold == 0.0:
        yield f"prune.threshold: every score is at least 0, so that {ONLY_COPIES}; raise it"


def _unread_by_essential(spec: JobSpec) -> Iterator[str]:
    """What a rule may keep, where essential features, which stay under every rule, have used it up."""
    prune, essential = spec.prune, _essential_dims(spec)
    if not essential or len(essential) == len(spec.features):
        return
    if prune.rule == "top_k" and prune.top_k is not None and prune.top_k <= len(essential):
        yield (
            f"prune.top_k: {prune.top_k} is no more than the {len(essential)} essential features, which stay anyway: "
            "every other feature is pruned, whatever its score"
        )
    if prune.rule == "dims" and prune.share is not None:
        total, used = sum(spec.dims.values()), sum(essential.values())
        narrowest = 1 if spec.by_dim else min(dim for name, dim in spec.dims.items() if name not in essential)
        if prune.most_dims(total) < used + narrowest:
            yield (
                f"prune.share: {prune.share:g} of {total} dims is {prune.most_dims(total)}, essential features take "
                f"{used}, and the narrowest of the others has {narrowest}: every other feature is pruned, whatever "
                "its score"
            )


def _essential_dims(spec: JobSpec) -> dict[str, int]:
    """Name and width of the features that stay under every rule."""
    return {feature.name: feature.width for feature in spec.features if spec.is_essential(feature)}


def _unread_by_training(spec: JobSpec) -> Iterator[str]:
    tuning = spec.finetune
    if tuning.start == "fresh" and tuning.epochs is not None:
        yield f"finetune.epochs: {tuning.epochs} is of start warm; start fresh trains for training.epochs"
    if tuning.epochs == 0 and tuning.start != "fresh" and tuning.learning_rate is not None:
        yield f"finetune.learning_rate: {tuning.learning_rate:g} is of fine-tuning, and finetune.epochs is 0"
    if not any(isinstance(selector, GateSpec) for _, selector in _selectors(spec)):
        for key in ("max_steps", "checkpoint_every", "report_every"):
            value = getattr(spec.training, key)
            if value != type(spec.training).model_fields[key].default:
                yield f"training.{key}: {value} is of gates, and selector {spec.selector.name} has none"
    weighted = [feature.name for feature in spec.features if feature.source == spec.dataset.weight]
    if weighted:
        yield (
            f"feature {weighted[0]!r}: column {spec.dataset.weight!r} is dataset.weight too; is it known when the "
            "model is asked?"
        )
