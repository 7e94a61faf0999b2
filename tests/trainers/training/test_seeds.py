"""Every seed that a spec takes is one that torch and numpy take."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import TinyDataset
from trainers.data.checks.check import check
from trainers.spec import JobSpec, load_spec
from trainers.training.build import build_plain
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext, seed_step
from trainers.training.trainer import Trainer


@pytest.mark.parametrize("seed", [0, 7, -5, 2**63 - 1, -(2**63)])
def test_a_step_is_seeded_by_seed_rank_and_step(seed: int) -> None:
    seed_step(seed, 3, 11)
    assert torch.default_generator.initial_seed() % 2**64 == ((seed * 1_000_003 + 11) * 4_099 + 3) % 2**64


def seeded(path: Path, seed: int, **parts: Any) -> JobSpec:
    raw = load_spec(path).model_dump(mode="json")
    data = {**raw["dataset"], "validation": None, "test": None, "splits": {"seed": seed}}
    training = {**raw["training"], "seed": seed}
    return JobSpec.model_validate({**raw, "dataset": data, "training": training, **parts})


@pytest.mark.parametrize("seed", [-(2**63), -1, 2**63 - 1])
def test_the_least_and_the_largest_seed_are_checked_and_train(tiny_dataset: TinyDataset, seed: int) -> None:
    spec, ranks = seeded(tiny_dataset.spec, seed), RankContext()
    assert check(spec).splits["train"].rows > 0
    loaders = DataLoaders.open(spec, ranks)
    Trainer(build_plain(spec, ranks), loaders, spec, ranks).run(1, lambda step: None)
