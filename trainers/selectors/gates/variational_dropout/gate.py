"""The gate of TorchEasyRec's variational dropout, after Chang, Rampasek and Goldenberg, Dropout Feature Ranking for
Deep Learning Models (2017, arXiv:1712.08645).

A feature is dropped with probability d = σ(feature_p). In training x is multiplied by 1 − b with

    b = σ((log d − log(1 − d) + log u − log(1 − u)) / 0.1),   u ~ Uniform(0, 1),

for each row and feature, in evaluation by 1 − d, and λ/B Σ (1 − d) is added to the loss of a batch of B rows.

Here p = 1 − d is learned, and α Σ p is added whatever the batch: λ/B makes a penalty depend on the rows of a worker.
The rates begin alike; TorchEasyRec draws their logits from N(0, 1), which orders features at random until they moved.

Shapes: F features.
"""

from __future__ import annotations

from trainers.selectors.gates.concrete import PenalizedConcreteGate


class VariationalDropoutGate(PenalizedConcreteGate):
    """Dropout rates learned with the weights, which are trained under the dropout."""
