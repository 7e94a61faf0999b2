"""Databases for tests, of SQLite and of a PostgreSQL of the session's own: copies of one that was migrated once."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.util import LRUCache

from service.settings import Settings
from service.store import database
from service.store.database import open_database, upgrade


def binaries() -> Path | None:
    """Where PostgreSQL's programs are: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    return max((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


@pytest.fixture(scope="session", autouse=True)
def _quick_sqlite() -> Iterator[None]:
    """Commits wait for no disk: what a killed process has written is there all the same. A statement is compiled once,
    not for each test's database again: engines have one dialect, by which SQLAlchemy finds what it has compiled.
    """
    prepare, create, compiled = database._prepare_sqlite, database.create_engine, LRUCache[Any, Any](2000)
    first = create("sqlite://")
    first.connect().close()  # which completes the dialect

    def prepared(connection: Any, record: Any) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    def created(url: Any, **options: Any) -> Engine:
        engine = create(url, **options)
        if engine.dialect.name == "sqlite":
            engine.dialect = first.dialect
            engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_prepare_sqlite", prepared)
        patch.setattr(database, "create_engine", created)
        yield
    first.dispose()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A PostgreSQL of this session's own: data and socket in a private folder, no port. Gives the folder."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL isn't installed: neither `initdb` on the path nor /usr/lib/postgresql/*/bin/initdb")
    folder = Path(tempfile.mkdtemp(prefix="winnow-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # as root it refuses to run
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    making = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8"]
    subprocess.run(making, user=user, cwd=folder, check=True, capture_output=True)
    # With hundreds of databases, autovacuum would be at work all the time.
    chosen = ["listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off"]
    serving = [programs / "postgres", "-D", data, "-k", folder, *(part for each in chosen for part in ("-c", each))]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(serving, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"postgresql+psycopg://postgres@/postgres?host={folder}", server)
        yield str(folder)
    finally:
        server.send_signal(signal.SIGINT)  # without waiting for clients to leave
        server.wait(timeout=30)
        shutil.rmtree(folder)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    engine = create_engine(url)
    deadline = time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
            return engine.dispose()
        except SQLAlchemyError:
            assert server.poll() is None, "PostgreSQL ended while it started"
            assert time.monotonic() < deadline, "PostgreSQL doesn't answer"
            time.sleep(0.1)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the newest schema and without rows, as `Settings.database_url` takes it."""
    if request.param == "sqlite":
        return f"sqlite:///{sqlite(tmp_path)}"
    return str(request.getfixturevalue("postgresql"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema, as `Settings.database_url` takes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'winnow.db'}"
    return database_of(request.getfixturevalue("cluster"))


@pytest.fixture
def postgresql(cluster: str, migrated: str) -> str:
    """A database of PostgreSQL, of the newest schema and without rows."""
    return database_of(cluster, template=migrated)


@pytest.fixture(scope="session")
def migrated(cluster: str) -> str:
    """The name of a database of PostgreSQL that others are copied from."""
    url = database_of(cluster)
    _upgrade(url)
    return str(make_url(url).database)


def database_of(cluster: str, template: str = "template1") -> str:
    """A new one, which has what the template has."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(f"postgresql+psycopg://postgres@/postgres?host={cluster}", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    admin.dispose()
    return f"postgresql://postgres@/{name}?host={cluster}"


def sqlite(home: Path) -> Path:
    """Where a service with this home keeps its database; a new one has the newest schema and no rows."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "winnow.db"
    if not path.exists():
        path.write_bytes(_migrated_file())
    return path


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "winnow.db"
        _upgrade(f"sqlite:///{path}")
        return path.read_bytes()


def _upgrade(url: str) -> None:
    engine = open_database(Settings(database_url=url).database)
    upgrade(engine)
    engine.dispose()
