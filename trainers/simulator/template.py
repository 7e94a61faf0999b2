"""The spec that comes with a simulated data set."""

from __future__ import annotations

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
training: {{seed: {seed}}}
features:
{features}
"""


def spec_text(population: Population, *, label: str, group: str) -> str:
    """`spec.yaml`: every feature of the population, none of them essential, and defaults for what isn't named."""
    lines = (feature_line(feature.declaration) for feature in population.features)
    return _TEXT.format(label=label, group=group, seed=population.seed, features="\n".join(lines))
