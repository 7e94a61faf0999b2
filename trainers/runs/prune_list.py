"""prune_list.json: the decision of a run, immutable, named by its content.

`PruneList` reads three versions. Version 1 is of LeAP alone: each feature has `divergence` and `endurance`, the
list `polarization`. From version 2 on a feature has the `details` of whichever selector ranked it, the list its
`diagnostics`. From version 3 on the guard has a `verdict` of three. Until the older versions are no longer read, a list
carries the old names beside the new ones.

| old | today |
|---|---|
| features[].divergence | features[].details.divergence |
| features[].endurance | features[].details.mean_gate |
| polarization.{low, middle, high, polarized, converged} | diagnostics |
| polarization.warning | warning |
| guard.passed | guard.verdict: passed, or one of the two others |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trainers.runs.results import ModelQuality
from trainers.runs.schema import Known, Schema

SCHEMA_VERSION, OLDER = 3, (1, 2)
Diagnostics = dict[str, bool | float | str]
Verdict = Literal["passed", "failed", "inconclusive"]
PASSED: Verdict = "passed"
FAILED: Verdict = "failed"
INCONCLUSIVE: Verdict = "inconclusive"
# Why a feature is pruned that another one, which stays, has the values of.
CONSTANT = "constant"
COPY = "copy"
MISSED = "missed"
VERDICTS = (PASSED, FAILED, INCONCLUSIVE)


class SelectorInfo(Schema):
    """Which selector ranked the features."""

    name: str
    family: Literal["gate", "sensitivity", "tabular", "consensus"] = Field(
        description="gate: learned within the model; sensitivity: of a trained model; tabular: of the rows alone; "
        "consensus: the rankings of several others"
    )
    probability_like: bool = Field(description="whether scores lie in [0, 1], so that rule threshold has a meaning")


LEAP = SelectorInfo(name="leap", family="gate", probability_like=True)


class ListedFeature(Schema):
    name: str
    kind: str
    dim: int
    score: float = Field(description="higher is more needed")
    details: dict[str, float] = Field(
        default={},
        description="what the selector says beside the score, by name; LeAP's: divergence, mean_gate, and of "
        "features ordered by elimination drop_cost, its standard error drop_error, and missed, 1 where held-out rows "
        "miss a feature of a closed gate; over several seeds means of them, and of gates selection_frequency",
    )
    decision: Literal["keep", "prune"]
    why: str = Field(
        description="the rule that decided, `essential`, `hand`, `best` for the one that always stays, `missed` for "
        "what stays by the rule `threshold` though its gate is below it, `copy`: one of its `copies` stays, or "
        "`constant`: it has one value in every training row looked at, so that no rule but `given` keeps it"
    )
    copies: tuple[str, ...] = Field(
        default=(),
        description="other features of its kind with the same values in every row looked at, up to 65,536 of each "
        "split; absent where there are none",
        exclude_if=lambda value: not value,
    )
    constant: bool = Field(
        default=False,
        description="whether it has one value in every training row looked at, up to 1,048,576; absent where it varies",
        exclude_if=lambda value: not value,
    )
    kept_dims: Known[tuple[int, ...]] = Field(
        default=None,
        description="of a feature that stays with some of its dims alone, which, from 0 in ascending order: `dim` is "
        "then how many it had. Of an embedding only their number counts, for a model that is trained anew. Absent "
        "where a feature stays with all dims, or goes with all",
    )
    divergence: Known[float] = Field(
        default=None,
        deprecated="read details",
        description="the old place of details.divergence",
    )
    endurance: Known[float] = Field(
        default=None,
        deprecated="read details",
        description="the old place of details.mean_gate",
    )

    @model_validator(mode="before")
    @classmethod
    def _carry_old_names(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "details" not in content:
            return content
        details = content["details"]
        return {**content, "divergence": details.get("divergence"), "endurance": details.get("mean_gate")}


class Interaction(Schema):
    """How strongly features act together: two, or more where the backbone crosses more."""

    features: tuple[str, ...] = Field(min_length=2)
    importance: float = Field(description="as the backbone measures it; compares crosses of one list alone")


class Totals(Schema):
    """What a set of features weighs."""

    features: int
    dims: int
    embedding_bytes: int = Field(description="of the tables' weights")
    bytes_per_example: float = Field(description="4 for each dense float, 8 for an id; a list counts as one id")


class BudgetUse(Schema):
    """What a rule with a budget made of it: `budget`, or `dims`."""

    unit: Literal["dims", "bytes", "cost"] = Field(
        description="dims of the concatenation; bytes of the embedding tables' weights; the features' own costs"
    )
    limit: float
    spent: float = Field(description="by the features that stay")
    total: float = Field(description="of all features")
    closed_gates: int | None = Field(
        default=None,
        description="features that stay because there was room, though their gates ended below 0.5 and held-out rows "
        "don't miss them; null where scores are no gates",
    )
    passed_over: str | None = Field(
        default=None,
        description="the first feature of the ranking that was too wide for what was left, and that is neither "
        "constant nor a copy of one that stays",
    )
    passed_over_takes: float | None = Field(default=None, description="of that feature, in the same unit")
    warning: str | None = Field(default=None, description="why more than 3% of the limit are left")


class GuardVerdict(Schema):
    """Whether the fine-tuned model may replace the full one."""

    metric: str = Field(description="what the two models are compared by, as `prune.guard.metric` names it")
    max_drop: float = Field(description="how much worse is allowed, in units of the metric")
    drop: float | None = Field(
        description="how much worse the fine-tuned model is, in units of the metric; negative is better"
    )
    error: float | None = Field(description="standard error of `drop` over the test rows, where it is known")
    interval: tuple[float, float] | None = Field(default=None, description="95% confidence interval of `drop`")
    verdict: Verdict = Field(
        description="passed: the whole interval of `drop` is within `max_drop`; failed: all of it is beyond; "
        "inconclusive: `max_drop` lies within it, or a model predicts no better than chance. Where an older list has "
        "`passed` alone, it is read from that"
    )
    rows_needed: int | None = Field(
        default=None,
        description="how many test rows, in all, would decide an inconclusive verdict in 4 of 5 cases, if `drop` and "
        "the spread of the rows stay as they are; null of the two other verdicts, and where no number of rows would",
    )
    limits: dict[str, float] = Field(
        default={}, description="how much worse each other metric may become before `banner` says so, by metric"
    )
    banner: str | None = Field(
        default=None, description="other metrics that fell beyond their limits, and not by chance; null where none did"
    )
    reason: str = Field(description="the verdict in a sentence, with the numbers that it goes by")
    passed: Known[bool] = Field(
        default=None, deprecated="read verdict", description="the old form of the verdict: whether it is `passed`"
    )

    @model_validator(mode="before")
    @classmethod
    def _carry_old_names(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        if "verdict" in content:
            return {**content, "passed": content["verdict"] == PASSED}
        if isinstance(content.get("passed"), bool):
            return {**content, "verdict": PASSED if content["passed"] else FAILED}
        return content


class Revision(Schema):
    """How a person changed the decisions of another list."""

    of: str = Field(description="id of the list that was changed")
    by: str = Field(description="who changed it")
    reason: str
    keep: tuple[str, ...] = Field(default=(), description="features that the other list prunes, kept by hand")
    prune: tuple[str, ...] = Field(default=(), description="features that the other list keeps, pruned by hand")


class Leak(Schema):
    """A sign that the label is known to the features: the model's quality says little."""

    feature: str | None = Field(description="the feature whose AUC alone it is; null for that of the full model")
    auc: float = Field(description="of a feature on a sample of training rows; of the full model on the test split")
    message: str


class PolarizationSummary(Schema):
    """The old form of diagnostics and warning."""

    low: float
    middle: float
    high: float
    polarized: bool
    converged: bool
    warning: str | None


class PruneList(Schema):
    """The features of a run in the order of the ranking, each with its decision."""

    schema_version: Literal[3] = 3
    id: str = Field(default="", description="SHA-256 of everything else, as canonical JSON")
    name: str
    selector: SelectorInfo
    features: tuple[ListedFeature, ...]
    interactions: tuple[Interaction, ...] = Field(
        default=(),
        description="crosses of features that stay, most important first, up to 100; empty where neither the selector "
        "nor the backbone tells",
    )
    before: Totals = Field(description="of all features")
    after: Totals = Field(description="of the features that stay")
    metrics: ModelQuality | None = Field(description="null of a revision, whose model was not fine-tuned yet")
    guard: GuardVerdict
    leaks: tuple[Leak, ...] = Field(
        default=(),
        description="features that stay and know the label, and a full model that knows it; such a list is never "
        "approved by a policy; the key is absent where there are none",
        exclude_if=lambda v: not v,
    )
    budget: Known[BudgetUse] = Field(
        default=None, description="of a rule with a budget; absent of others, and of a revision"
    )
    diagnostics: Diagnostics = Field(default={}, description="what the selector says of itself, by name")
    warning: str | None = Field(default=None, description="why the ranking may be weak, and the remedy")
    fingerprints: dict[str, str] = Field(description="SHA-256 of the spec, of the data and of the code that read them")
    revision: Known[Revision] = Field(
        default=None, description="who changed which decisions of which list; absent of a list as its job made it"
    )
    polarization: Known[PolarizationSummary] = Field(
        default=None,
        deprecated="read diagnostics and warning",
        description="the old form of diagnostics and warning",
    )

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, content: Any) -> Any:
        """A document of an older version becomes one of version 3, with the id it had; it has the old names as well."""
        if not isinstance(content, Mapping):
            return content
        version = content.get("schema_version", SCHEMA_VERSION if "selector" in content else 1)
        found = _upgraded(content) if version == 1 else content
        if version in OLDER:
            found = {**found, "schema_version": SCHEMA_VERSION}
        if "diagnostics" not in found:
            return found
        return {**found, "polarization": _polarization(found["diagnostics"], found.get("warning"))}

    @classmethod
    def parse(cls, document: Any) -> Self:
        """A list of version 1, 2 or 3, as one of version 3.

        Raises:
            ValueError: the document is no prune list, or one of a newer version.
        """
        version = document.get("schema_version", 1) if isinstance(document, Mapping) else None
        if version not in (*OLDER, SCHEMA_VERSION, None):
            raise ValueError(f"schema_version: {version!r} is not known here, 1 to 3 are; take a newer Winnow")
        return super().parse(document)

    def with_id(self) -> Self:
        """The list, named: its id is the SHA-256 of everything else, as canonical JSON."""
        content = self.model_dump(mode="json", exclude={"id"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return self.model_copy(update={"id": hashlib.sha256(text.encode()).hexdigest()})

    @property
    def decisions_id(self) -> str:
        """The same for lists that decide the same: SHA-256 of each feature's decision, by name, and its kept dims."""
        decided = {
            feature.name: feature.decision if feature.kept_dims is None else [feature.decision, *feature.kept_dims]
            for feature in self.features
        }
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()

    def pruned_copies(self) -> dict[str, str]:
        """Features that are pruned as copies, and the best of the features with their values that stays."""
        places = {name: place for place, name in enumerate(self.kept)}
        found = {}
        for feature in self.features:
            if feature.why == COPY and feature.decision == "prune":
                carriers = [name for name in feature.copies if name in places]
                if carriers:
                    found[feature.name] = min(carriers, key=places.__getitem__)
        return found

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the features that stay, best first."""
        return tuple(feature.name for feature in self.features if feature.decision == "keep")

    @property
    def kept_dims(self) -> dict[str, tuple[int, ...]]:
        """By name, of the features that stay with some of their dims alone, which."""
        return {feature.name: feature.kept_dims for feature in self.features if feature.kept_dims is not None}


SUMMARIZED = ("low", "middle", "high", "polarized", "converged")


def _polarization(diagnostics: Mapping[str, Any], warning: str | None) -> dict[str, Any] | None:
    """The old form; None where the selector has no such diagnostics."""
    if any(name not in diagnostics for name in SUMMARIZED):
        return None
    return {name: diagnostics[name] for name in SUMMARIZED} | {"warning": warning}


def _upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of version 1 in today's form. What isn't as version 1 has it is left for the schema to refuse."""
    content = {key: value for key, value in document.items() if key != "polarization"}
    parted = document.get("polarization")
    if isinstance(parted, Mapping):
        content["diagnostics"] = {name: value for name, value in parted.items() if name != "warning"}
        content["warning"] = parted.get("warning")
    features = document.get("features")
    if isinstance(features, list | tuple):
        content["features"] = [_upgraded_feature(feature) for feature in features]
    return content | {"schema_version": SCHEMA_VERSION, "selector": LEAP}


def _upgraded_feature(feature: Any) -> Any:
    if not isinstance(feature, Mapping):
        return feature
    content = dict(feature)
    details = {"divergence": content.pop("divergence", None), "mean_gate": content.pop("endurance", None)}
    return content | {"details": {name: value for name, value in details.items() if value is not None}}
