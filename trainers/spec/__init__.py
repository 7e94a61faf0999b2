"""The job specification: one pydantic model for REST, the command line and files. Imports no torch."""

from trainers.config import MAX_DIM, Config, Dim, Name, Share, SpecError, merge_patch
from trainers.models.backbones.registry import BACKBONES
from trainers.problems import describe
from trainers.spec.dataset import DatasetSpec, SplitSpec
from trainers.spec.features import CategoricalFeature, DenseFeature, FeatureSpec, MultiCategoricalFeature, Status
from trainers.spec.job import JobSpec, absolute, load_data_part, load_spec, parse_spec, require_consistent
from trainers.spec.labels import LabelSpec
from trainers.spec.plan import TrainingPlan, plan_training
from trainers.spec.prune import GuardSpec, PruneSpec
from trainers.spec.training import FinetuneSpec, ScalingSpec, TopologySpec, TrainingSpec

__all__ = [
    "BACKBONES",
    "MAX_DIM",
    "CategoricalFeature",
    "Config",
    "DatasetSpec",
    "DenseFeature",
    "Dim",
    "FeatureSpec",
    "FinetuneSpec",
    "GuardSpec",
    "JobSpec",
    "LabelSpec",
    "MultiCategoricalFeature",
    "Name",
    "PruneSpec",
    "ScalingSpec",
    "Share",
    "SpecError",
    "SplitSpec",
    "Status",
    "TopologySpec",
    "TrainingPlan",
    "TrainingSpec",
    "absolute",
    "describe",
    "load_data_part",
    "load_spec",
    "merge_patch",
    "parse_spec",
    "plan_training",
    "require_consistent",
]
