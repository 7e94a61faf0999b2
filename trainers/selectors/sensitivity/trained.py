"""What a sensitivity selector is given: a trained model and the validation rows, on every rank.

Shapes: B rows of a batch, N measured rows, C = Σ dims columns, T labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

    from sharding.layout import FeatureLayout
    from trainers.models.batch import Batch
    from trainers.models.ranking import PlainModel
    from trainers.training.ranks import RankContext

Measured = TypeVar("Measured")
# The backbone takes this many rows at once.
ROWS_TOGETHER = 8192


@dataclass(frozen=True)
class EmbeddedRows:
    """Validation rows as the backbone takes them, in the order of the files, the same on every rank.

    `x_NC` is on the rank's device; `label_NT` and `weight_N` are on the CPU.
    """

    x_NC: torch.Tensor
    label_NT: torch.Tensor
    weight_N: torch.Tensor

    def __len__(self) -> int:
        return len(self.x_NC)

    def losses(self, logits: Iterable[torch.Tensor]) -> torch.Tensor:
        """Each row's logloss in nats, float64, averaged over the labels; `logits` are of all rows, part after part."""
        import torch

        logit_NT = torch.cat([part.cpu() for part in logits]).double()
        label_NT = self.label_NT.double()
        return torch.nn.functional.binary_cross_entropy_with_logits(logit_NT, label_NT, reduction="none").mean(1)


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """A full model in evaluation mode, left at its best on validation.

    Args:
        model: inputs, whose tables may be sharded over the ranks, and backbone, whole on every rank.
        batches: opens this rank's validation rows, each once, in file order.
        first_row: number of this rank's first validation row.
        rows: of the validation split, over all ranks.
        ranks: this rank among all.
        seed: of whatever a selector draws.
    """

    model: PlainModel
    batches: Callable[[], AbstractContextManager[Iterator[Batch]]]
    first_row: int
    rows: int
    ranks: RankContext
    seed: int = 0

    @property
    def layout(self) -> FeatureLayout:
        return self.model.inputs.layout

    def embed(self, rows: int) -> EmbeddedRows:
        """Evenly spaced validation rows, at most `rows`, embedded once. Collective: every rank gets all of them."""
        import numpy as np
        import torch

        count = min(rows, self.rows)
        chosen_N = np.arange(count, dtype=np.int64) * self.rows // count
        parts, first = [], self.first_row
        with torch.no_grad(), self.batches() as batches:
            for batch in batches:
                begin, end = np.searchsorted(chosen_N, (first, first + len(batch)))
                x_BC = self.model.inputs(batch)
                picked = torch.from_numpy(chosen_N[begin:end] - first).to(x_BC.device)
                parts.append(tuple(each[picked].cpu() for each in (x_BC, batch.label_BT, batch.weight_B)))
                first += len(batch)
        gathered = self.ranks.gather(parts)
        every = None if gathered is None else [part for own in gathered for part in own]
        x_NC, label_NT, weight_N = (torch.cat(each) for each in zip(*self.ranks.broadcast(every), strict=True))
        return EmbeddedRows(x_NC.to(self.ranks.device), label_NT, weight_N)

    def logloss(self, rows: EmbeddedRows, permuted: Mapping[str, torch.Tensor] | None = None) -> float:
        """Weighted logloss in nats, averaged over the labels. Each rank on its own.

        `permuted` gives a feature the values of other rows: row n takes those of row `permuted[name][n]`.
        """
        import torch

        logits = []
        moved = [(self.layout.slice(name), order_N.to(rows.x_NC.device)) for name, order_N in (permuted or {}).items()]
        with torch.no_grad():
            for begin in range(0, len(rows), ROWS_TOGETHER):
                x_BC = rows.x_NC[begin : begin + ROWS_TOGETHER]
                if moved:
                    x_BC = x_BC.clone()
                for columns, order_N in moved:
                    x_BC[:, columns] = rows.x_NC[order_N[begin : begin + ROWS_TOGETHER], columns]
                logits.append(self.model.backbone(x_BC).cpu())
        weight_N = rows.weight_N.double()
        return float(weight_N @ rows.losses(logits) / weight_N.sum())

    def spread(self, names: Sequence[str], measure: Callable[[str], Measured]) -> dict[str, Measured]:
        """`measure` of every name, the work divided over the ranks. Collective: every rank gets all answers."""
        own = {name: measure(name) for name in names[self.ranks.rank :: self.ranks.world]}
        parts = self.ranks.gather(own)
        found = None if parts is None else {name: value for part in parts for name, value in part.items()}
        answers = self.ranks.broadcast(found)
        return {name: answers[name] for name in names}
