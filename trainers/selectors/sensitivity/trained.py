"""What a sensitivity selector is given: a trained model and the validation rows, on every rank.

Shapes: B rows of a batch, N measured rows, C = Σ dims columns, T labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from sharding.layout import FeatureLayout
    from trainers.models.batch import Batch
    from trainers.models.ranking import PlainModel
    from trainers.training.ranks import RankContext

    # Keys, embedded rows, labels and weights of n rows.
    _Part = tuple[NDArray[np.uint64], torch.Tensor, torch.Tensor, torch.Tensor]

Key = TypeVar("Key", str, int)
Measured = TypeVar("Measured")
_LARGEST = 2**64 - 1
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
        ranks: this rank among all.
        seed: of whatever a selector draws.
    """

    model: PlainModel
    batches: Callable[[], AbstractContextManager[Iterator[Batch]]]
    first_row: int
    ranks: RankContext
    seed: int = 0

    @property
    def layout(self) -> FeatureLayout:
        return self.model.inputs.layout

    def embed(self, rows: int) -> EmbeddedRows:
        """At most `rows` validation rows, embedded once. Collective: every rank gets all of them.

        The seed draws them from the rows that have a weight: others say nothing of a loss. A row's number and the seed
        decide, so that the rows are the same whatever the number of ranks.
        """
        import torch

        parts: list[_Part] = []
        first, limit = self.first_row, _LARGEST
        with torch.no_grad(), self.batches() as batches:
            for batch in batches:
                key_B = _draw_keys(self.seed, first, len(batch))
                x_BC = self.model.inputs(batch)
                picked_B = (batch.weight_B > 0).cpu() & torch.from_numpy(key_B <= limit)
                at = picked_B.nonzero()[:, 0].to(x_BC.device)
                x_nC, label_nT, weight_n = (each[at].cpu() for each in (x_BC, batch.label_BT, batch.weight_B))
                parts.append((key_B[picked_B.numpy()], x_nC, label_nT, weight_n))
                first += len(batch)
                if sum(len(part[0]) for part in parts) > 2 * rows:
                    limit = _largest_key([part[0] for part in parts], rows)
                    parts = [_up_to(limit, part) for part in parts]
        keys = self.ranks.gather([part[0] for part in parts])
        found = None if keys is None else _largest_key([key_n for own in keys for key_n in own], rows)
        limit = self.ranks.broadcast(found)
        gathered = self.ranks.gather([_up_to(limit, part)[1:] for part in parts])
        every = None if gathered is None else [part for own in gathered for part in own]
        x_NC, label_NT, weight_N = (torch.cat(each) for each in zip(*self.ranks.broadcast(every), strict=True))
        return EmbeddedRows(x_NC.to(self.ranks.device), label_NT, weight_N)

    def logloss(
        self,
        rows: EmbeddedRows,
        permuted: Mapping[str, torch.Tensor] | None = None,
        replaced: Mapping[str, torch.Tensor] | None = None,
    ) -> float:
        """Weighted logloss in nats, averaged over the labels. Each rank on its own.

        `permuted` gives a feature the values of other rows: row n takes those of row `permuted[name][n]`. `replaced`
        gives a feature of d columns one value in all rows (d).
        """
        import torch

        logits = []
        fixed = [(self.layout.slice(name), value_d.to(rows.x_NC)) for name, value_d in (replaced or {}).items()]
        moved = [(self.layout.slice(name), order_N.to(rows.x_NC.device)) for name, order_N in (permuted or {}).items()]
        with torch.no_grad():
            for begin in range(0, len(rows), ROWS_TOGETHER):
                x_BC = rows.x_NC[begin : begin + ROWS_TOGETHER]
                if moved or fixed:
                    x_BC = x_BC.clone()
                for columns, value_d in fixed:
                    x_BC[:, columns] = value_d
                for columns, order_N in moved:
                    x_BC[:, columns] = rows.x_NC[order_N[begin : begin + ROWS_TOGETHER], columns]
                logits.append(self.model.backbone(x_BC).cpu())
        weight_N = rows.weight_N.double()
        return float(weight_N @ rows.losses(logits) / weight_N.sum())

    def spread(self, names: Sequence[Key], measure: Callable[[Key], Measured]) -> dict[Key, Measured]:
        """`measure` of every name, or number, the work divided over the ranks. Collective: every rank gets all
        answers."""
        own = {name: measure(name) for name in names[self.ranks.rank :: self.ranks.world]}
        parts = self.ranks.gather(own)
        found = None if parts is None else {name: value for part in parts for name, value in part.items()}
        answers = self.ranks.broadcast(found)
        return {name: answers[name] for name in names}


def _draw_keys(seed: int, first: int, rows: int) -> NDArray[np.uint64]:
    """By row from number `first`: rows with the smallest keys are drawn. No two rows have the same."""
    import numpy as np

    from trainers.data.splits import splitmix64

    start = splitmix64(np.array([seed % 2**64], np.uint64))
    with np.errstate(over="ignore"):
        numbers = np.arange(first, first + rows, dtype=np.uint64)
        return splitmix64(np.add(start, numbers, dtype=np.uint64))


def _largest_key(keys: Sequence[NDArray[np.uint64]], rows: int) -> int:
    """The largest of the `rows` smallest keys."""
    import numpy as np

    every_N = np.concatenate([np.empty(0, np.uint64), *keys])
    return int(np.partition(every_N, rows - 1)[rows - 1]) if len(every_N) > rows else _LARGEST


def _up_to(limit: int, part: _Part) -> _Part:
    """The rows of a part whose keys are no larger."""
    import torch

    key_n, x_nC, label_nT, weight_n = part
    kept_n = torch.from_numpy(key_n <= limit)
    return key_n[kept_n.numpy()], x_nC[kept_n], label_nT[kept_n], weight_n[kept_n]
