"""Loaded batches through sharded tables: every row looks up its own ids, where ranks hold unequal batches too."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from sharding.parallel import ShardedEmbeddings, TableOptimizer
from sharding.planner import Machine
from sharding.tables import Table
from tests.support.ranks import ranks
from trainers.data.decode import Decoder
from trainers.data.loader import Loader
from trainers.data.source import Source
from trainers.spec import parse_spec

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS, DIM = 27, 8
TABLES = [Table(name="user", rows=50, dim=DIM), Table(name="tags", rows=20, dim=DIM, pooling="sum")]
SPEC = parse_spec(
    {
        "dataset": {"train": "x", "splits": {}},
        "features": [
            {"name": "number", "kind": "dense"},
            {"name": "user", "kind": "categorical", "hash_size": 50, "dim": DIM},
            {"name": "tags", "kind": "multi_categorical", "hash_size": 20, "dim": DIM, "pooling": "sum"},
        ],
    }
)


def tags_of(number: int) -> list[int]:
    return [(number + i) % 20 for i in range(number % 4)]


@ranks(2)
def check_rows(path: str) -> None:
    rank = torch.distributed.get_rank()
    loader = Loader(Source.open(path), Decoder(SPEC), batch_size=4, rank=rank, world=2, shuffle_rows=8)
    machine = Machine(world=2, local_world=2, device="cpu")
    embeddings = ShardedEmbeddings(
        TABLES, TableOptimizer(learning_rate=0.1), machine=machine, device=torch.device("cpu"), batch_size=4
    )
    user, tags = (table.initial(0)[:, :DIM] for table in TABLES)
    for batch in loader.batches(0, 2 * loader.steps_per_epoch):
        numbers = [int(n) for n in batch.dense_BD[:, 0]]
        expected = torch.cat([user[numbers], torch.stack([tags[tags_of(n)].sum(0) for n in numbers])], 1)
        torch.testing.assert_close(embeddings(batch.sparse).detach(), expected)


def test_rows_look_up_their_own_ids_on_two_ranks(tmp_path: Path) -> None:
    numbers = list(range(ROWS))
    tags = pa.array([tags_of(n) for n in numbers], pa.list_(pa.int64()))
    columns = {"number": numbers, "user": numbers, "tags": tags, "label": [n % 2 for n in numbers]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=5)
    check_rows(str(tmp_path))
