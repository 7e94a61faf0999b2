"""The catalog: which columns a population has, role by role, before any row is drawn.

The kinds of a role come in a fixed, repeating order, so that a small population has scalars, vectors, tables and lists
too. Signal is given only to tables of up to 2,000 ids, whose effects a few hundred thousand rows suffice to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np

from trainers.simulator.columns import Column
from trainers.simulator.dense import Scalar, Vector
from trainers.simulator.roles import Role, role_counts
from trainers.simulator.tables import Categorical, MultiCategorical, RowKey, Table

LARGEST_TABLE = 100_000

Maker = Callable[[np.random.Generator], "Column[Any]"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """One simulated feature.

    `copy_of` names what a duplicate copies, `partner` the strong feature that an
    interaction feature turns up or down. Memorizable features have a
    RowKey for a column, and only they.
    """

    name: str
    role: Role
    column: Column[Any] | RowKey
    copy_of: str | None = None
    partner: str | None = None

    @property
    def declaration(self) -> dict[str, object]:
        """The feature's entry in a spec."""
        return {"name": self.name, **self.column.declaration()}


def _scalar(rng: np.random.Generator, *, signed: bool = False) -> Scalar:
    """Any unit: a mean within ±10 deviations, a deviation from 0.1 to 100."""
    deviation = float(10 ** rng.uniform(-1, 2))
    mean = 0.0 if signed else float(rng.uniform(-10, 10)) * deviation
    return Scalar(dim=1, mean=mean, deviation=deviation, signed=signed)


def _vector(rng: np.random.Generator, *, dim: int) -> Vector:
    return Vector.make(rng, dim)


def _ids(rng: np.random.Generator, *, ids: int, dim: int, strings: bool = False) -> Categorical:
    return Categorical(dim=dim, table=Table.make(rng, ids), strings=strings)


def _list(rng: np.random.Generator, *, ids: int, dim: int) -> MultiCategorical:
    return MultiCategorical(dim=dim, table=Table.make(rng, ids))


_MAKERS: dict[Role, tuple[Maker, ...]] = {
    "strong": (
        _scalar,
        partial(_ids, ids=200, dim=8),
        partial(_vector, dim=64),
        partial(_list, ids=50, dim=8),
        partial(_ids, ids=1000, dim=16),
        partial(_vector, dim=16),
        _scalar,
        partial(_ids, ids=50, dim=4, strings=True),
        partial(_vector, dim=128),
        partial(_ids, ids=2000, dim=16),
        partial(_list, ids=200, dim=8),
        _scalar,
    ),
    "weak": (
        _scalar,
        partial(_ids, ids=20, dim=4),
        partial(_vector, dim=8),
        partial(_list, ids=30, dim=4),
        _scalar,
        partial(_vector, dim=32),
        partial(_ids, ids=100, dim=8),
        _scalar,
    ),
    "interaction": (partial(_scalar, signed=True),),
    "sparse": (
        _scalar,
        partial(_ids, ids=20, dim=4),
        partial(_list, ids=20, dim=4),
        partial(_vector, dim=8),
        _scalar,
        partial(_ids, ids=50, dim=8, strings=True),
    ),
    "noise": (
        _scalar,
        partial(_ids, ids=10_000, dim=16),
        partial(_vector, dim=128),
        partial(_list, ids=1000, dim=16),
        partial(_ids, ids=LARGEST_TABLE, dim=16),
        _scalar,
        partial(_vector, dim=256),
        partial(_ids, ids=100, dim=8, strings=True),
        partial(_list, ids=5000, dim=32),
        partial(_vector, dim=16),
        _scalar,
        partial(_ids, ids=10, dim=4),
        partial(_vector, dim=64),
        partial(_ids, ids=20_000, dim=32),
        partial(_list, ids=100, dim=8),
        _scalar,
        partial(_vector, dim=4),
    ),
    "constant": (_scalar, partial(_ids, ids=10, dim=4), partial(_vector, dim=8)),
}


def catalog(*, features: int, rows: int, seed: int) -> list[Feature]:
    """The features of a population, in the order of their columns; names tell a feature's kind, never its role.

    Raises:
        SpecError: too few features to hold every role.
    """
    counts = role_counts(features)
    rng = np.random.default_rng([seed, 0])
    roles = [role for role, count in counts.items() for _ in range(count)]
    columns = _columns(rng, counts, rows)
    positions = rng.permutation(features)
    names = [_name(column, int(at), features) for column, at in zip(columns, positions, strict=True)]
    related = _related(roles, names, columns)
    drafts = [
        Feature(name=name, role=role, column=column, **related.get(name, {}))
        for name, role, column in zip(names, roles, columns, strict=True)
    ]
    return [drafts[index] for index in np.argsort(positions)]


def _columns(rng: np.random.Generator, counts: dict[Role, int], rows: int) -> list[Column[Any] | RowKey]:
    """The columns role by role, in the order of `counts`."""
    made: dict[Role, list[Any]] = {
        role: [maker(rng) for maker in islice(cycle(makers), counts[role])] for role, makers in _MAKERS.items()
    }
    made["duplicate"] = list(islice(cycle(made["strong"]), counts["duplicate"]))
    table = min(rows, LARGEST_TABLE)
    made["memorizable"] = [
        RowKey(dim=16, hash_size=table, strings=bool(index % 2)) for index in range(counts["memorizable"])
    ]
    return [column for role in counts for column in made[role]]


def _name(column: Column[Any] | RowKey, position: int, features: int) -> str:
    kinds: dict[type, str] = {Scalar: "scalar", Vector: "vector", MultiCategorical: "list"}
    return f"{kinds.get(type(column), 'id')}_{position:0{len(str(features - 1))}d}"


def _related(roles: list[Role], names: list[str], columns: list[Column[Any] | RowKey]) -> dict[str, dict[str, str]]:
    """`copy_of` of every duplicate and `partner`, a strong scalar, of every interaction feature."""
    of = {role: [name for name, given in zip(names, roles, strict=True) if given == role] for role in roles}
    stored = dict(zip(names, columns, strict=True))
    scalars = [name for name in of["strong"] if isinstance(stored[name], Scalar)]
    partners = zip(of["interaction"], cycle(scalars), strict=False)
    copies = zip(of["duplicate"], cycle(of["strong"]), strict=False)
    return {name: {"partner": partner} for name, partner in partners} | {
        name: {"copy_of": source} for name, source in copies
    }
