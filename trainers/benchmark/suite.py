"""BENCH.yaml: what is compared. Config alone; `study` makes cells of it. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from pydantic import Field, ValidationError, model_validator

from trainers.config import LARGEST_SEED, Config, Name, Place, Seed, Share, SpecError
from trainers.models.backbones.registry import AnyBackbone
from trainers.models.backbones.spec import BackboneSpec
from trainers.problems import describe, list_names
from trainers.selectors.base import GateSpec
from trainers.selectors.registry import SELECTORS
from trainers.spec import DatasetSpec, FeatureSpec, TrainingSpec, load_spec
from trainers.spec.job import JobSpec, absolute, read_document


class NoSelection(Config):
    """All features, whatever the ratio: what selection is compared with."""

    name: Literal["no_selection"]


class RandomDraw(Config):
    """Features in an order drawn by the seed: what any method has to beat."""

    name: Literal["random"]


if TYPE_CHECKING:
    from trainers.selectors.base import SelectorSpec

    AnyMethod = SelectorSpec | NoSelection | RandomDraw
else:
    AnyMethod = Annotated[
        Union[(*SELECTORS.values(), NoSelection, RandomDraw)],
        Field(discriminator="name"),
    ]


class MethodEntry(Config):
    """A method under its label. A name, or a selector's block, stands for an entry with the label that it says."""

    label: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="in the tables; the name, and the options that were given, unless it is given"
    )
    selector: AnyMethod

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, raw: Any) -> Any:
        """`leap` and `{name: leap}` mean `{label: leap, selector: {name: leap}}`."""
        whole = {"selector": raw} if isinstance(raw, str) or (isinstance(raw, dict) and "selector" not in raw) else raw
        if not isinstance(whole, dict):
            return raw
        selector = whole["selector"]
        selector = {"name": selector} if isinstance(selector, str) else selector
        if not isinstance(selector, dict):
            return whole
        return {"label": _label(str(selector.get("name")), selector), **whole, "selector": selector}


# What a text in one of these lists stands for: a mapping of this key alone.
SHORT = {"backbones": "backbone", "datasets": "spec"}


class DatasetEntry(Config):
    """A data set: the path of a job's spec, or its parts. Of a job's spec the benchmark reads these parts, and the
    guard's metric, by which training stops early."""

    name: Name | None = Field(default=None, description="in the tables; the spec's own name unless given")
    spec: Place | None = Field(default=None, description="path of a job's spec, from the folder of this file")
    dataset: DatasetSpec | None = None
    features: Annotated[tuple[FeatureSpec, ...], Field(min_length=1)] | None = None
    essential: tuple[str, ...] = Field(default=(), description="names of features that always stay")
    model: AnyBackbone | None = Field(default=None, description="where the benchmark names no backbones")
    training: TrainingSpec | None = None

    @model_validator(mode="after")
    def _is_path_or_parts(self) -> Self:
        given = self.model_fields_set - {"name", "spec"}
        if self.spec is not None and given:
            raise ValueError(
                f"has `spec` and {list_names(f'`{name}`' for name in sorted(given))}; a spec brings its own: give one "
                "of the two"
            )
        if self.spec is None and (self.name is None or self.dataset is None or self.features is None):
            raise ValueError("give `spec`, the path of a job's spec, or `name`, `dataset` and `features`")
        return self

    def load(self, folder: Path) -> JobSpec:
        """The job's spec that the entry stands for, its paths absolute. Raises SpecError."""
        if self.spec is not None:
            job = load_spec(folder / self.spec)
            return job if self.name is None else job.model_copy(update={"name": self.name})
        parts = {key: value for key in JobSpec.model_fields if (value := getattr(self, key, None)) is not None}
        try:
            return absolute(JobSpec(**parts), folder)
        except ValidationError as error:
            raise SpecError(describe(error, parts)) from None


class BenchmarkSpec(Config):
    """Every method on every backbone, data set, ratio and seed."""

    name: Name = "benchmark"
    methods: Annotated[tuple[MethodEntry, ...], Field(min_length=1)] = Field(
        description="selectors, each by its name, as a block with its options, or as an entry with a label of its own; "
        "`no_selection` keeps all features, `random` keeps a draw"
    )
    backbones: tuple[AnyBackbone, ...] = Field(
        default=(), description="each by its name or as a block with its options; each data set's own unless given"
    )
    datasets: Annotated[tuple[DatasetEntry, ...], Field(min_length=1)] = Field(
        description="each the path of a job's spec, or a block"
    )
    retention: Annotated[tuple[Share, ...], Field(min_length=1)] = Field(
        description="shares of the features, or of the dims, that are kept; rounded down"
    )
    by: Literal["features", "dims"] = Field(default="features", description="what a ratio is a share of")
    seeds: Annotated[int, Field(ge=1, le=100)] = Field(
        default=5, description="searches and retrainings of each, by `seed` and the numbers after it"
    )
    seed: Seed = 0
    parallel: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=1, description="cells side by side, on the Ray of RAY_ADDRESS; without one, one after another"
    )
    output: str | None = Field(default=None, description="directory of the results, where --output isn't given")

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, raw: Any) -> Any:
        """`backbones: [fm]` means `backbones: [{backbone: fm}]`."""
        if not isinstance(raw, dict):
            return raw

        def whole(part: str, each: Any) -> Any:
            return {SHORT[part]: each} if isinstance(each, str) else each

        lists = {part: raw[part] for part in SHORT if isinstance(raw.get(part), list)}
        return {**raw, **{part: [whole(part, each) for each in items] for part, items in lists.items()}}

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        problems = [
            *_twice("methods", (method.label for method in self.methods)),
            *_twice("backbones", map(label_backbone, self.backbones)),
            *_twice("retention", (f"{share:g}" for share in self.retention)),
        ]
        if all(isinstance(method.selector, NoSelection) for method in self.methods):
            problems.append("methods: only no_selection; add a method to compare it with")
        for method in self.methods:
            if self.by == "features" and isinstance(method.selector, GateSpec) and method.selector.granularity == "dim":
                problems.append(
                    f"methods: {method.label} ranks dims, and ratios are shares of the features; set `by: dims`, or "
                    "leave granularity out"
                )
        if self.seed + self.seeds - 1 > LARGEST_SEED:
            problems.append(f"seeds: the last of {self.seeds} is beyond {LARGEST_SEED}; lower `seed`")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def every_seed(self) -> range:
        return range(self.seed, self.seed + self.seeds)


def _twice(part: str, labels: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            yield f"{part}: {label} is given twice; take one out, or give it another label or other options"
        seen.add(label)


def label_backbone(backbone: BackboneSpec) -> str:
    """The name, and the options that were given: `deepfm (hidden=[16])`."""
    return _label(backbone.backbone, backbone.model_dump(mode="json", exclude_unset=True))


def _label(name: str, block: Mapping[str, Any]) -> str:
    options = ", ".join(f"{key}={value}" for key, value in block.items() if key not in {"name", "backbone"})
    return f"{name} ({options})" if options else name


def load_suite(path: Path) -> BenchmarkSpec:
    """Read BENCH.yaml, or JSON. Raises SpecError with a line per problem."""
    return parse_suite(read_document(path))


def parse_suite(raw: Any) -> BenchmarkSpec:
    """Validate a mapping. Raises SpecError with a line per problem."""
    try:
        return BenchmarkSpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(describe(error, raw)) from None


def load_datasets(suite: BenchmarkSpec, folder: Path) -> list[JobSpec]:
    """The jobs' specs that the data sets stand for, named each by its own name. Raises SpecError."""
    found: dict[str, JobSpec] = {}
    problems: list[str] = []
    for at, entry in enumerate(suite.datasets):
        problems += collect(f"datasets.{at}", lambda entry=entry: _add(found, entry.load(folder)))  # type: ignore[misc]
    if problems:
        raise SpecError("\n".join(problems))
    return list(found.values())


def _add(found: dict[str, JobSpec], job: JobSpec) -> None:
    if job.name in found:
        raise SpecError(f"name: {job.name!r} is another data set's too; give this one a `name` of its own")
    found[job.name] = job


def collect(place: str, look: Callable[[], object]) -> list[str]:
    """The lines of the SpecError that `look` raises, each under its place; none where it raises none."""
    try:
        look()
    except SpecError as error:
        return [f"{place}: {line}" for line in str(error).splitlines()]
    return []
