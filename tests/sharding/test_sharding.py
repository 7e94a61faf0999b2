"""Sharded tables equal unsharded ones, in what they look up, what they learn, keep and save."""

import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torchrec.modules.embedding_modules import EmbeddingBagCollection
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

from sharding.batched import DenseTables
from sharding.parallel import Optimizer, ShardedEmbeddings, TableOptimizer
from sharding.planner import Machine, plan
from sharding.tables import Table, configs, module_name
from tests.support.ranks import ranks

pytestmark = pytest.mark.filterwarnings("ignore")

# Names that a module's part can't have, and a feature can.
TABLES = (
    Table(name="user", rows=50, dim=64),
    Table(name="ad.id", rows=7, dim=3),
    Table(name="train", rows=20, dim=128, pooling="mean"),
    Table(name="keys", rows=9, dim=5),
)
# Columns that stay: of both halves of the wide tables, more of the second, which go on in one shard and in two.
NARROW = {"user": [0, 1, 2, *range(34, 64)], "train": [5, *range(65, 128)], "keys": [1, 4]}
ADAGRAD = TableOptimizer(learning_rate=0.1)
ADAM = TableOptimizer(learning_rate=0.1, kind="adam", weight_decay=0.01)


def ids(rows: int, seed: int) -> KeyedJaggedTensor:
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 4, (len(TABLES), rows), generator=draw)
    lengths[0] = 1
    values = [torch.randint(0, t.rows, (int(n.sum()),), generator=draw) for t, n in zip(TABLES, lengths, strict=True)]
    return KeyedJaggedTensor([t.name for t in TABLES], torch.cat(values), lengths=lengths.flatten())


def by_hand(weights: dict[str, torch.Tensor], batch: KeyedJaggedTensor) -> torch.Tensor:
    """Pooled embeddings through plain indexing; differentiable."""
    columns = []
    for table in TABLES:
        jagged = batch[table.name]
        bags = torch.split(jagged.values(), jagged.lengths().tolist())
        pooled = [weights[table.name][bag, : table.dim].sum(0) for bag in bags]
        if table.pooling == "mean":
            pooled = [p / max(1, len(bag)) for p, bag in zip(pooled, bags, strict=True)]
        columns.append(torch.stack(pooled))
    return torch.cat(columns, 1)


def loss_of(pooled_BE: torch.Tensor) -> torch.Tensor:
    return (pooled_BE - torch.linspace(-1, 1, pooled_BE.shape[1])).square().mean()


def test_one_rank_equals_plain_indexing_and_adagrad_by_hand() -> None:
    embeddings = ShardedEmbeddings(TABLES, ADAGRAD)
    weights = {t.name: t.initial(0).requires_grad_() for t in TABLES}
    optimizer = torch.optim.Adagrad(weights.values(), lr=0.1, eps=1e-8)
    for seed in range(3):
        batch = ids(6, seed)
        expected, found = by_hand(weights, batch), embeddings(batch)
        torch.testing.assert_close(found, expected)
        loss_of(found).backward()
        optimizer.zero_grad()
        loss_of(expected).backward()
        optimizer.step()
    state = embeddings.checkpoint_state()
    for name, tensor in weights.items():
        torch.testing.assert_close(state[f"{name}.weight"], tensor.detach(), atol=1e-6, rtol=1e-5)


def test_adams_tables_equal_plain_indexing_and_adam_and_are_filled_from_a_checkpoint(tmp_path: Path) -> None:
    embeddings = ShardedEmbeddings(TABLES, ADAM)
    weights = {t.name: t.initial(0).requires_grad_() for t in TABLES}
    adam = torch.optim.Adam(weights.values(), lr=0.1, weight_decay=0.01)
    for seed in range(3):
        batch = ids(6, seed)
        expected, found = by_hand(weights, batch), embeddings(batch)
        torch.testing.assert_close(found, expected)
        loss_of(found).backward()
        embeddings.step()
        adam.zero_grad()
        loss_of(expected).backward()
        adam.step()
    state = embeddings.checkpoint_state()
    for name, tensor in weights.items():
        torch.testing.assert_close(state[f"{name}.weight"], tensor.detach(), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(state[f"{name}.exp_avg"], adam.state[tensor]["exp_avg"])
        assert state[f"{name}.step"] == 3
    dcp.save(state, checkpoint_id=tmp_path / "adam", no_dist=True)
    fresh = ShardedEmbeddings(TABLES, ADAM, seed=9)
    dcp.load(fresh.checkpoint_state(), checkpoint_id=tmp_path / "adam", no_dist=True)
    for each in (embeddings, fresh):
        loss_of(each(ids(6, 4))).backward()
        each.step()
    for key, tensor in embeddings.checkpoint_state().items():
        assert torch.equal(fresh.checkpoint_state()[key], tensor)


def test_adam_refuses_tables_that_are_split() -> None:
    with pytest.raises(ValueError, match="'table_wise' splits tables over workers, and Adam trains whole ones"):
        ShardedEmbeddings(TABLES, ADAM, machine=_machine("table_wise"))


def test_a_lookup_without_gradient_learns_nothing_even_between_forward_and_backward() -> None:
    embeddings = ShardedEmbeddings(TABLES, ADAGRAD)
    plain = ShardedEmbeddings(TABLES, ADAGRAD)
    first, other = ids(6, 0), ids(6, 1)
    out = embeddings(first)
    with torch.no_grad():
        embeddings(other)
    loss_of(out).backward()
    loss_of(plain(first)).backward()
    for key, tensor in plain.checkpoint_state().items():
        torch.testing.assert_close(embeddings.checkpoint_state()[key], tensor)


def test_ids_in_another_order_than_the_tables_are_refused() -> None:
    embeddings = ShardedEmbeddings(TABLES[:2], ADAGRAD)
    batch = KeyedJaggedTensor(["ad.id", "user"], torch.tensor([1, 1]), lengths=torch.tensor([1, 1]))
    with pytest.raises(ValueError, match="use one order"):
        embeddings(batch)


def test_first_weights_depend_on_seed_and_name_alone() -> None:
    assert torch.equal(TABLES[0].initial(1), TABLES[0].initial(1))
    assert not torch.equal(TABLES[0].initial(1), TABLES[0].initial(2))
    assert not torch.equal(Table(name="x", rows=50, dim=64).initial(1), TABLES[0].initial(1))
    assert TABLES[0].initial(0).std().item() == pytest.approx(0.01, rel=0.1)


def test_keep_carries_weights_and_optimizer_state() -> None:
    embeddings = ShardedEmbeddings(TABLES, ADAGRAD)
    loss_of(embeddings(ids(6, 0))).backward()
    small = embeddings.keep(["keys", "user"])
    assert [table.name for table in small.tables] == ["user", "keys"]
    assert small.table_bytes() == (50 * 64 + 9 * 8) * 4
    whole = embeddings.checkpoint_state()
    for key, tensor in small.checkpoint_state().items():
        assert torch.equal(tensor, whole[key])


def test_a_narrower_table_has_its_columns_weights_and_optimizer_state() -> None:
    for optimizer in (ADAGRAD, ADAM):
        embeddings = ShardedEmbeddings(TABLES, optimizer)
        loss_of(embeddings(ids(6, 0))).backward()
        embeddings.step()
        small = embeddings.keep(NARROW, NARROW)
        assert [(table.name, table.dim, table.stored_dim) for table in small.tables] == [
            ("user", 33, 36), ("train", 64, 64), ("keys", 2, 4)
        ]  # fmt: skip
        assert small.table_bytes() == (50 * 36 + 20 * 64 + 9 * 4) * 4
        whole, found = embeddings.checkpoint_state(), small.checkpoint_state()
        assert len(found) == (6 if optimizer is ADAGRAD else 12)
        for key, tensor in found.items():
            columns = NARROW[key.rpartition(".")[0]]
            if tensor.ndim:
                assert torch.equal(tensor[:, : len(columns)], whole[key][:, columns])
                assert (tensor[:, len(columns) :] == 0).all()
            else:
                assert tensor == whole[key]


def _machine(kind: str) -> Machine:
    return Machine(world=2, local_world=2, sharding=(kind,))


def sharded(kind: str, optimizer: Optimizer) -> ShardedEmbeddings:
    return ShardedEmbeddings(TABLES, TableOptimizer(learning_rate=0.1, kind=optimizer), machine=_machine(kind))


@ranks(2)
def check_sharded(folder: str) -> None:
    rank = dist.get_rank()
    cases: list[tuple[str, Optimizer]] = [(kind, "adagrad") for kind in ("table_wise", "column_wise", "data_parallel")]
    for kind, optimizer in [*cases, ("data_parallel", "adam")]:
        trained_by = TableOptimizer(learning_rate=0.1, kind=optimizer)
        many, one = sharded(kind, optimizer), ShardedEmbeddings(TABLES, trained_by)
        for seed in range(2):
            batches = [ids(6, 10 * seed + r) for r in range(2)]
            whole = [one(batch) for batch in batches]
            own = many(batches[rank])
            torch.testing.assert_close(own, whole[rank], atol=1e-6, rtol=1e-5)
            # The gradient of the global mean: each rank's share of it, averaged over the ranks.
            loss_of(own).backward()
            many.step()
            one_step(one, batches)
        torch.testing.assert_close(many(batches[rank]), one(batches[rank]), atol=1e-5, rtol=1e-4)
        kept = many.keep(["keys", "train"])
        columns = torch.cat([torch.arange(67, 195), torch.arange(195, 200)])
        part = KeyedJaggedTensor.from_jt_dict({n: batches[rank][n] for n in ("train", "keys")})
        torch.testing.assert_close(kept(part), many(batches[rank])[:, columns])
        assert (many.dense_optimizer is not None) == (kind == "data_parallel")
        check_narrower(many, one, batches)
        if kind != "data_parallel" or optimizer == "adam":
            dcp.save(many.checkpoint_state(), checkpoint_id=f"{folder}/{kind}")
            if rank == 0:
                fresh = ShardedEmbeddings(TABLES, trained_by, seed=9)
                dcp.load(fresh.checkpoint_state(), checkpoint_id=f"{folder}/{kind}", no_dist=True)
                for key, tensor in one.checkpoint_state().items():
                    torch.testing.assert_close(fresh.checkpoint_state()[key], tensor, atol=1e-5, rtol=1e-4)
            dist.barrier()


def check_narrower(many: ShardedEmbeddings, one: ShardedEmbeddings, batches: list[KeyedJaggedTensor]) -> None:
    """Tables that lost columns look up what was left and learn as those of one rank; no rank holds more than before."""
    rank = dist.get_rank()
    before, narrow, single = many.local_bytes(), many.keep(NARROW, NARROW), one.keep(NARROW, NARROW)
    assert narrow.local_bytes() < before
    start = {"user": 0, "train": 67, "keys": 195}
    columns = [start[name] + column for name, kept in NARROW.items() for column in kept]
    parts = [KeyedJaggedTensor.from_jt_dict({name: batch[name] for name in NARROW}) for batch in batches]
    torch.testing.assert_close(narrow(parts[rank]), many(batches[rank])[:, columns])
    loss_of(narrow(parts[rank])).backward()
    narrow.step()
    one_step(single, parts)
    torch.testing.assert_close(narrow(parts[rank]), single(parts[rank]), atol=1e-5, rtol=1e-4)


def one_step(one: ShardedEmbeddings, batches: list[KeyedJaggedTensor]) -> None:
    """One step on the mean of two ranks' losses: both ranks' rows looked up at once."""
    values, lengths = [], []
    for table in one.tables:
        for batch in batches:
            values.append(batch[table.name].values())
            lengths.append(batch[table.name].lengths())
    joined = KeyedJaggedTensor([t.name for t in one.tables], torch.cat(values), lengths=torch.cat(lengths))
    loss_of(one(joined)).backward()
    one.step()


def test_sharded_equals_unsharded(tmp_path: Path) -> None:
    check_sharded(str(tmp_path))


def test_plans_that_cannot_run_on_cpu_are_refused() -> None:
    with pytest.raises(ValueError, match="'row_wise' can't run on cpu; choose among table_wise"):
        Machine(world=2, local_world=2, sharding=("row_wise",))
    with pytest.raises(ValueError, match="3 workers don't fill hosts of 2"):
        Machine(world=3, local_world=2)


@pytest.mark.parametrize(("count", "world"), [(50, 16), pytest.param(500, 64, marks=pytest.mark.slow)])
def test_many_tables_over_many_ranks_are_planned_each(count: int, world: int) -> None:
    tables = [Table(name=f"t{i}", rows=1000 * (i % 97 + 1), dim=8 * (i % 16 + 1)) for i in range(count)]
    collection = EmbeddingBagCollection(configs(tables), device=torch.device("meta"))
    machine = Machine(world=world, local_world=8, device="cuda", memory_bytes=64 * 2**30)
    found = plan(collection, tables, machine, batch_size=1024)
    placed = found.plan[""]
    assert set(placed) == {module_name(table.name) for table in tables}


@pytest.mark.gpu
def test_row_wise_on_a_gpu_equals_unsharded() -> None:
    device = torch.device("cuda")
    one = ShardedEmbeddings(TABLES, ADAGRAD, device=device)
    batch = ids(6, 0).to(device)
    weights = {t.name: t.initial(0).to(device) for t in TABLES}
    torch.testing.assert_close(one(batch), by_hand(weights, batch))


def test_dense_tables_silence_one_warning_of_torch_and_no_other() -> None:
    """fbgemm registers the backward pass of its CPU kernel in another way than torch looks for."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        DenseTables([Table(name="a", rows=5, dim=4)], device=torch.device("cpu"), seed=0)
        seen.clear()
        kernel = "dense_embedding_codegen_lookup_function"
        warnings.warn(f"fbgemm::{kernel}: an autograd kernel was not registered", stacklevel=1)
        warnings.warn("fbgemm::another: an autograd kernel was not registered", stacklevel=1)
        warnings.warn(f"fbgemm::{kernel}: it is slow", stacklevel=1)
    assert [str(each.message) for each in seen] == [
        "fbgemm::another: an autograd kernel was not registered",
        f"fbgemm::{kernel}: it is slow",
    ]
