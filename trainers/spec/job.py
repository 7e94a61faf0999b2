"""The job specification: one pydantic model for REST, the command line and files. Imports no torch.

A spec is data: `load_spec(path)` reads YAML or JSON, `JobSpec.model_validate` takes a mapping, and the
`spec.json` saved beside a run reproduces the run. Unknown keys are refused everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MAX_DIM = 256

Status = Literal["essential", "active", "candidate"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
Dim = Annotated[int, Field(ge=1, le=MAX_DIM)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]


class SpecError(ValueError):
    """A spec, or the data it names, that can't be run; the message has the field, the value and the remedy."""


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitSpec(Config):
    """Shares of the `train` rows held out by a seeded hash of the row number, where there are no separate files."""

    validation: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    test: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    seed: int = 0


class DatasetSpec(Config):
    """Parquet files, directories or pyarrow filesystem URIs (`s3://…`, `gs://…`, `hdfs://…`), and their columns."""

    train: str
    validation: str | None = None
    test: str | None = None
    splits: SplitSpec | None = None
    label: str = "label"
    group: str | None = None
    weight: str | None = None
    non_finite: Literal["refuse", "replace"] = "refuse"

    @model_validator(mode="after")
    def _has_every_split(self) -> Self:
        separate = self.validation is not None and self.test is not None
        if separate == (self.splits is not None):
            raise ValueError("give either both `validation` and `test`, or `splits` to cut them out of `train`")
        return self


class _Feature(Config):
    name: Name
    column: str | None = Field(default=None, description="Parquet column; the feature's name unless given")
    status: Status = "active"

    @property
    def source(self) -> str:
        return self.column or self.name


class DenseFeature(_Feature):
    """A scalar (`dim` 1) or a fixed-length list of floats, standardized by the training data unless told otherwise."""

    kind: Literal["dense"]
    dim: Dim = 1
    default: float = 0.0
    normalize: Literal["standardize", "none"] = "standardize"


class _Embedded(_Feature):
    dim: Dim = 16
    hash_size: Annotated[int, Field(ge=1, le=2**40)]
    ids: Literal["hashed", "checked"] = Field(
        default="hashed", description="hashed: ints modulo, strings by xxhash; checked: ints in [0, hash_size)"
    )


class CategoricalFeature(_Embedded):
    kind: Literal["categorical"]
    default: int | str = Field(default=0, description="the id that stands for null")


class MultiCategoricalFeature(_Embedded):
    """A list of ids; a null list is an empty one, and an empty list pools to the zero vector."""

    kind: Literal["multi_categorical"]
    pooling: Literal["sum", "mean"] = "mean"


FeatureSpec = Annotated[DenseFeature | CategoricalFeature | MultiCategoricalFeature, Field(discriminator="kind")]
Hidden = tuple[Annotated[int, Field(ge=1)], ...]


class MlpSpec(Config):
    backbone: Literal["mlp"]
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False


class WideDeepSpec(Config):
    """Wide&Deep with the sizes of the LeAP paper's experiments."""

    backbone: Literal["wide_deep"] = "wide_deep"
    hidden: Hidden = (32, 16)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    batch_norm: bool = True


class DcnV2Spec(Config):
    backbone: Literal["dcnv2"]
    cross_layers: Annotated[int, Field(ge=1, le=10)] = 2
    rank: Annotated[int, Field(ge=1)] = 32
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False


class DeepFmSpec(Config):
    backbone: Literal["deepfm"]
    factors: Annotated[int, Field(ge=1)] = Field(default=8, description="dims every feature is projected to for the FM")
    hidden: Hidden = (64, 32)
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    batch_norm: bool = False


ModelSpec = Annotated[MlpSpec | WideDeepSpec | DcnV2Spec | DeepFmSpec, Field(discriminator="backbone")]


class LeapSpec(Config):
    """LeAP (LeAP §3). `alpha` weighs the penalty; `target_dims` steers alpha to keep that share of dims instead."""

    name: Literal["leap"] = "leap"
    update: Literal["bilevel", "joint", "progressive"] = "bilevel"
    stand_in: Literal["blended", "permuted"] = Field(
        default="blended",
        description="for a closing feature where bilevel learns gates: blended goes from a permuted value to the "
        "running mean as the gate closes; permuted is the paper's",
    )
    penalty: Literal["adaptive", "uniform"] = "adaptive"
    alpha: Annotated[float, Field(gt=0.0)] = 3e-4
    target_dims: Share | None = None
    temperature: Annotated[float, Field(gt=0.0)] = 0.2
    ema: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.98
    clip: tuple[float, float] = (1.5, 100.0)
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-2
    initial_gate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    warmup: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.3,
        description="share of the search before gates are penalized: an interaction is worth nothing until the "
        "weights know it",
    )

    @model_validator(mode="after")
    def _clip_is_a_range(self) -> Self:
        if not 0.0 < self.clip[0] < self.clip[1]:
            raise ValueError("`clip` takes two numbers, 0 < low < high")
        return self


SelectorSpec = LeapSpec


class GuardSpec(Config):
    """How much worse than the full model the fine-tuned one may be, in units of `metric`; a list beyond is refused."""

    metric: Literal["auc", "gauc", "logloss", "ne"] = "auc"
    max_drop: Annotated[float, Field(ge=0.0)] = 0.001


class PruneSpec(Config):
    """How scores become decisions. Essential features stay under every rule."""

    rule: Literal["threshold", "top_k", "dims", "curve"] = "threshold"
    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    top_k: Annotated[int, Field(ge=1)] | None = Field(default=None, description="features kept under rule top_k")
    share: Share | None = Field(default=None, description="share of dims kept under rule dims")
    delta: Annotated[float, Field(ge=0.0)] = Field(
        default=0.001, description="rise of validation logloss that rule curve may spend (FairFS Eq. 1)"
    )
    curve_points: Annotated[int, Field(ge=2, le=1000)] = 64
    guard: GuardSpec = GuardSpec()

    @model_validator(mode="after")
    def _rule_has_its_number(self) -> Self:
        if self.rule == "top_k" and self.top_k is None:
            raise ValueError("rule top_k needs `top_k`, the number of features to keep")
        if self.rule == "dims" and self.share is None:
            raise ValueError("rule dims needs `share`, the share of dims to keep, in (0, 1]")
        return self


class FinetuneSpec(Config):
    """Training of the pruned model, until validation gets no better: `warm` from the searched weights, for at most
    `epochs`; `fresh` from new ones, for at most `training.epochs`."""

    start: Literal["warm", "fresh"] = "warm"
    epochs: Annotated[int, Field(ge=0)] = 1
    learning_rate: Annotated[float, Field(gt=0.0)] | None = None


class TrainingSpec(Config):
    """`batch_size` counts the rows of one worker and one step; `max_steps` ends the search before `epochs` do."""

    batch_size: Annotated[int, Field(ge=2)] = 1024
    epochs: Annotated[int, Field(ge=1)] = 4
    max_steps: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    embedding_optimizer: Literal["adagrad", "adam"] = Field(
        default="adagrad",
        description="of the tables: adagrad moves the rows looked up, sharded over workers; adam moves every row, "
        "every worker holding all tables: slower, and better on small ones",
    )
    embedding_learning_rate: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None, description="0.02 with adagrad and 0.001 with adam unless given"
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = Field(
        default=0.0, description="of Adam: the backbone's, and the tables' where Adam trains them"
    )
    seed: int = 0
    shuffle_rows: Annotated[int, Field(ge=1)] = Field(default=2**18, description="rows shuffled together on a worker")
    report_every: Annotated[int, Field(ge=1)] = Field(default=50, description="steps between reports")
    checkpoint_every: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="steps between checkpoints; one per epoch unless given"
    )

    @property
    def table_learning_rate(self) -> float:
        return self.embedding_learning_rate or {"adagrad": 0.02, "adam": 0.001}[self.embedding_optimizer]


class TopologySpec(Config):
    """The machine the planner plans for, where it differs from the one it runs on."""

    workers_per_host: Annotated[int, Field(ge=1)] | None = None
    memory_bytes: Annotated[int, Field(ge=1)] | None = Field(default=None, description="of one worker's device")
    sharding: tuple[Literal["data_parallel", "table_wise", "column_wise", "row_wise", "table_row_wise"], ...] = ()


class ScalingSpec(Config):
    workers: Annotated[int, Field(ge=1)] = 1
    use_gpu: bool = False
    max_failures: Annotated[int, Field(ge=0)] = 3
    topology: TopologySpec = TopologySpec()


class JobSpec(Config):
    """One selection run."""

    name: Name = "run"
    dataset: DatasetSpec
    features: Annotated[tuple[FeatureSpec, ...], Field(min_length=1)]
    essential: tuple[str, ...] = Field(default=(), description="names of features that always stay")
    model: ModelSpec = WideDeepSpec()
    selector: SelectorSpec = LeapSpec()
    prune: PruneSpec = PruneSpec()
    finetune: FinetuneSpec = FinetuneSpec()
    training: TrainingSpec = TrainingSpec()
    scaling: ScalingSpec = ScalingSpec()
    output: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_backbone(cls, raw: Any) -> Any:
        """`model: {dropout: 0.1}` means the default backbone with that dropout."""
        if isinstance(raw, dict) and isinstance(raw.get("model"), dict) and "backbone" not in raw["model"]:
            return {**raw, "model": {"backbone": "wide_deep", **raw["model"]}}
        return raw

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"`features` has {', '.join(map(repr, twice))} more than once; names must be unique")
        if self.selector.update == "progressive" and self.training.epochs != 1:
            raise ValueError(
                f"selector: update progressive reads a stream once, and training.epochs is {self.training.epochs}; "
                "make that 1, or choose bilevel"
            )
        sharding = self.scaling.topology.sharding
        if self.training.embedding_optimizer == "adam" and sharding and "data_parallel" not in sharding:
            raise ValueError(
                f"`scaling.topology.sharding` is {', '.join(sharding)}, and training.embedding_optimizer adam needs "
                "data_parallel tables; leave the sharding out, or train tables by adagrad"
            )
        unknown = [name for name in self.essential if name not in names]
        if unknown:
            raise ValueError(
                f"`essential` names {', '.join(map(repr, unknown))}, which `features` doesn't declare; "
                "add the feature or take the name out"
            )
        return self

    def is_essential(self, feature: DenseFeature | CategoricalFeature | MultiCategoricalFeature) -> bool:
        return feature.status == "essential" or feature.name in self.essential

    @property
    def dims(self) -> dict[str, int]:
        """Feature name to width in the concatenation, in the spec's order."""
        return {feature.name: feature.dim for feature in self.features}


def merge_patch(base: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396): objects are merged, null takes a key out, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merge_patch(kept.get(key), value)
    return kept


def describe(error: ValidationError) -> str:
    """One line per problem: the field's path, what is wrong, the value given."""
    lines = []
    for problem in error.errors(include_url=False):
        path = ".".join(str(part) for part in problem["loc"]) or "spec"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines.append(f"{path}: unknown key; remove it or correct its spelling")
        elif problem["type"] == "missing":
            lines.append(f"{path}: required, and missing; add it")
        elif problem["type"] == "value_error":
            lines.append(f"{path}: {message}")
        else:
            lines.append(f"{path}: {message} (got {problem['input']!r})")
    return "\n".join(lines)


def parse_spec(raw: Any) -> JobSpec:
    """Validate a mapping. Raises SpecError with a line per problem."""
    try:
        return JobSpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(describe(error)) from None


def load_spec(path: str | Path) -> JobSpec:
    """Read a YAML or JSON spec; relative dataset paths are taken from the spec's own folder. Raises SpecError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise SpecError(f"{path}: can't be read ({error.strerror}); give the path of a YAML or JSON spec") from None
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"{path}: not valid YAML or JSON: {error}") from None
    return absolute(parse_spec(raw), path.parent)


def absolute(spec: JobSpec, base: Path) -> JobSpec:
    """The spec with local relative dataset paths made absolute from `base`; URIs stay as they are."""

    def fix(uri: str | None) -> str | None:
        return uri if uri is None or "://" in uri else str((base / uri).resolve())

    data = spec.dataset
    fixed = {"train": fix(data.train), "validation": fix(data.validation), "test": fix(data.test)}
    return spec.model_copy(update={"dataset": data.model_copy(update=fixed)})
