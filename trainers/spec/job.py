"""One selection run, from a mapping or a file.

A spec is data: `load_spec(path)` reads YAML or JSON, `JobSpec.model_validate` takes a mapping, and the `spec.json`
saved beside a run reproduces the run. Unknown keys are refused everywhere.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from trainers.config import LARGEST_SEED, Config, Name, SpecError
from trainers.documents import DocumentError, read_json, read_yaml
from trainers.models.backbones.registry import AnyBackbone
from trainers.models.backbones.wide_deep import WideDeepSpec
from trainers.problems import describe, limit_lines, list_names
from trainers.selectors.base import GateSpec
from trainers.selectors.gates.leap import LeapSpec
from trainers.selectors.registry import SELECTORS, AnySelector
from trainers.spec.consistency import find_contradictions
from trainers.spec.dataset import DatasetSpec
from trainers.spec.features import CategoricalFeature, DenseFeature, FeatureSpec, MultiCategoricalFeature
from trainers.spec.prune import NUMBERS, PruneSpec
from trainers.spec.renamed import describe_old_keys, read_old_keys
from trainers.spec.training import FinetuneSpec, ScalingSpec, TrainingSpec


class JobSpec(Config):
    """One selection run."""

    name: Name = "run"
    dataset: DatasetSpec
    features: Annotated[tuple[FeatureSpec, ...], Field(min_length=1)]
    essential: tuple[str, ...] = Field(default=(), description="names of features that always stay")
    model: AnyBackbone = WideDeepSpec()
    selector: AnySelector = LeapSpec()
    prune: PruneSpec = PruneSpec()
    finetune: FinetuneSpec = FinetuneSpec()
    training: TrainingSpec = TrainingSpec()
    scaling: ScalingSpec = ScalingSpec()
    output: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_in_names(cls, raw: Any) -> Any:
        """`model: {dropout: 0.1}` means the default backbone, and `selector: {alpha: 0.01}` the default selector. The
        default rule is one that the selector's scores fit."""
        raw = read_old_keys(raw)
        if not isinstance(raw, dict):
            return raw
        filled = dict(raw)
        for part, key, default in (("model", "backbone", "wide_deep"), ("selector", "name", "leap")):
            if isinstance(filled.get(part), dict) and key not in filled[part]:
                filled[part] = {key: default, **filled[part]}
        selector = filled.get("selector")
        known = SELECTORS.get(str(selector.get("name"))) if isinstance(selector, dict) else None
        prune = filled.get("prune", {})
        given = prune.keys() if isinstance(prune, dict) else {"rule"}
        if known is not None and not known.probability_like and not given & {"rule", *NUMBERS}:
            filled["prune"] = {"rule": "curve", **prune}
        return filled

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        problems = [*self._name_problems(), *self._option_problems()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _name_problems(self) -> Iterator[str]:
        names = Counter(feature.name for feature in self.features)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            yield f"`features` has {list_names(map(repr, twice))} more than once; names must be unique"
        for key, named in (("essential", self.essential), ("prune.keep", self.prune.keep or ())):
            unknown = [name for name in named if name not in names]
            if unknown:
                yield (
                    f"`{key}` names {list_names(map(repr, unknown))}, which `features` doesn't declare; "
                    "add the feature or take the name out"
                )

    def _option_problems(self) -> Iterator[str]:
        """Options that exclude each other."""
        if self.prune.rule == "threshold" and not self.selector.probability_like:
            yield (
                f"`prune.rule` is threshold, and scores of selector {self.selector.name} have no scale of their own; "
                "choose rule curve, top_k, dims or budget"
            )
        stream = isinstance(self.selector, GateSpec) and self.selector.update == "progressive"
        if stream and self.training.epochs not in (None, 1):
            yield (
                f"selector: update progressive reads a stream once, and training.epochs is {self.training.epochs}; "
                "make that 1, or choose bilevel"
            )
        yield from self._seed_problems()
        yield from self._dim_problems()
        sharding = self.scaling.topology.sharding
        if self.training.embedding_optimizer == "adam" and sharding and "data_parallel" not in sharding:
            yield (
                f"`scaling.topology.sharding` is {', '.join(sharding)}, and training.embedding_optimizer adam needs "
                "data_parallel tables; leave the sharding out, or train tables by adagrad"
            )

    def _dim_problems(self) -> Iterator[str]:
        """Options that count features, or compare two models, where dims are ranked, and dims where they aren't."""
        widths, prune = self.dims, self.prune
        for name, kept in (prune.kept_dims or {}).items():
            (feature, *_) = (*(each for each in self.features if each.name == name), None)
            if feature is None or name not in (prune.keep or ()):
                yield f"`prune.kept_dims` has {name!r}, which `prune.keep` doesn't name; add it there, or take it out"
            elif not set(kept) <= set(feature.number_dims(range(widths[name]))) or sorted(set(kept)) != list(kept):
                yield f"`prune.kept_dims` of {name!r} takes dims that the feature has, in ascending order"
        if not self.by_dim:
            if prune.kept_dims:
                yield "`prune.kept_dims` is of gates on dims; set `selector.granularity: dim`, or take it out"
            return
        if prune.rule == "top_k":
            yield (
                "`prune.rule` is top_k, which counts features, and selector.granularity is dim; "
                "choose rule threshold, curve, dims or budget"
            )
        if prune.rule == "budget" and prune.keep_cost is not None:
            yield (
                "`prune.keep_cost` counts what whole features cost, and selector.granularity is dim; "
                "give keep_dims or keep_bytes"
            )
        if self.training.seeds > 1:
            yield (
                f"`training.seeds` is {self.training.seeds}, and selector.granularity is dim: an embedding's dims mean "
                "something else under every seed, so that their ranks can't be averaged; make it 1"
            )

    def _seed_problems(self) -> Iterator[str]:
        training = self.training
        if training.seeds > 1 and all(member.family == "tabular" for member in self.selector.members):
            yield (
                f"`training.seeds` is {training.seeds}, and selector {self.selector.name} trains no model to rank by: "
                "its seed only draws the rows it reads; make it 1, and raise selector.sample_rows where too few are "
                "read"
            )
        if training.every_seed[-1] > LARGEST_SEED:
            yield (
                f"`training.seeds` is {training.seeds}, and the last of them, {training.every_seed[-1]}, is beyond "
                f"the largest seed, {LARGEST_SEED}; lower training.seed"
            )

    def is_essential(self, feature: DenseFeature | CategoricalFeature | MultiCategoricalFeature) -> bool:
        return feature.status == "essential" or feature.name in self.essential

    @property
    def dims(self) -> dict[str, int]:
        """Feature name to width in the concatenation, in the spec's order."""
        return {feature.name: feature.width for feature in self.features}

    @property
    def by_dim(self) -> bool:
        """Whether dims are ranked and decided on, each for itself, and not whole features."""
        return isinstance(self.selector, GateSpec) and self.selector.granularity == "dim"


def parse_spec(raw: Any) -> JobSpec:
    """Validate a mapping. Raises SpecError with a line per problem."""
    try:
        return JobSpec.model_validate(raw)
    except ValidationError as error:
        lines = [*describe(error, raw).splitlines(), *_problems_between_parts(raw, error)]
        raise SpecError("\n".join(dict.fromkeys(lines))) from None


def _problems_between_parts(raw: Any, error: ValidationError) -> list[str]:
    """What is wrong between the parts of a spec, where some part is wrong by itself, and pydantic looks no further.

    Wrong parts are taken by their defaults, so that what is found is wrong whatever these become; of features the
    names stay.
    """
    wrong = {each["loc"][0] for each in error.errors(include_url=False) if each["loc"]}
    if not isinstance(raw, dict) or not wrong:
        return []
    rest = {key: value for key, value in raw.items() if key not in wrong}
    rest["dataset"] = rest.get("dataset", {"train": "train", "splits": {}})
    if "features" in wrong:
        declared = raw["features"] if isinstance(raw.get("features"), list) else []
        names = [feature.get("name") if isinstance(feature, dict) else None for feature in declared]
        if not names or None in names:
            return []
        rest["features"] = [{"name": name, "kind": "dense"} for name in names]
    try:
        JobSpec.model_validate(rest)
    except ValidationError as other:
        if all(not each["loc"] for each in other.errors(include_url=False)):
            return describe(other, rest).splitlines()
    return []


def require_consistent(spec: JobSpec) -> None:
    """Raises SpecError with a line per contradiction; see `find_contradictions`."""
    problems = find_contradictions(spec)
    if problems:
        raise SpecError("\n".join(limit_lines(problems)))


def load_spec(path: str | Path) -> JobSpec:
    """Read a YAML or JSON spec; relative dataset paths are taken from the spec's own folder. Raises SpecError."""
    path = Path(path)
    raw = read_document(path)
    for message in describe_old_keys(raw):
        warnings.warn(message, FutureWarning, stacklevel=2)
    return absolute(parse_spec(raw), path.parent)


def load_data_part(path: str | Path) -> JobSpec | None:
    """The data set and the features of a spec, all else by default, of a file whose other parts may be wrong; None
    where these are."""
    path = Path(path)
    try:
        raw = read_document(path)
        parts = {key: raw[key] for key in ("dataset", "features")} if isinstance(raw, dict) else {}
        return absolute(parse_spec(parts), path.parent)
    except (SpecError, KeyError):
        return None


def read_document(path: Path) -> Any:
    """The content of a file. Raises SpecError."""
    try:
        text = path.read_text(encoding="utf-8")
        return read_json(text) if path.suffix == ".json" else read_yaml(text)
    except OSError as error:
        raise SpecError(f"{path}: can't be read ({error.strerror}); give the path of a YAML or JSON spec") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: is no text ({error}); write it in UTF-8") from None
    except DocumentError as error:
        raise SpecError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None


def absolute(spec: JobSpec, base: Path) -> JobSpec:
    """The spec with local relative dataset paths made absolute from `base`; URIs stay as they are."""

    def fix(uri: str | None) -> str | None:
        return uri if uri is None or "://" in uri else str((base / uri).resolve())

    data = spec.dataset
    fixed = {"train": fix(data.train), "validation": fix(data.validation), "test": fix(data.test)}
    return spec.model_copy(update={"dataset": data.model_copy(update=fixed)})
