"""The spec that comes with a simulated data set."""

from __future__ import annotations

import math

from trainers.datasets.directory import feature_line
from trainers.simulator.population import Population

_TEXT = """\
# A simulated data set; truth.json beside this file has the role of every feature. Run it with
#   winnow run spec.yaml --output ../run
name: simulated
dataset:
  # Paths are relative to this file.
  train: train
  validation: validation
  test: test
  label: {label}
  group: {group}   # AUC is also averaged per user (GAUC)
model: {{backbone: mlp, hidden: [64, 32]}}
selector: {{name: leap}}
training: {{batch_size: {batch_size}, epochs: 5, seed: {seed}}}
features:
{features}
"""


# Steps in an epoch: what an interaction takes to be learned before the gates weigh it.
STEPS = 312


def batch_size_for(rows: int) -> int:
    """The power of two, 64 to 4,096, that cuts the training rows into about as many steps."""
    return int(min(4096, max(64, 2 ** round(math.log2(max(1, rows) / STEPS)))))


def spec_text(population: Population, *, label: str, group: str, rows: int) -> str:
    """`spec.yaml`: every feature of the population, none of them essential, and defaults for what isn't named."""
    lines = (feature_line(feature.declaration) for feature in population.features)
    return _TEXT.format(
        label=label, group=group, seed=population.seed, batch_size=batch_size_for(rows), features="\n".join(lines)
    )
