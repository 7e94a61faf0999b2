"""Engine, sessions and migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from service.store import events

MIGRATIONS = Path(__file__).parent.parent / "migrations"
MIGRATION_LOCK = 0x77696E6E6F77  # any number of ours: "winnow" in ASCII
CONNECT_SECONDS = 5
TURN_SECONDS = 30.0
READERS = 8
CONNECTIONS = 16
READS = "reads"  # in the `info` of sessions that can't write


def connect(url: str) -> sessionmaker[Session]:
    """Sessions on an upgraded database."""
    engine = open_database(url)
    if _revision(engine) != _newest_revision():
        upgrade(engine)
    sessions = sessionmaker(engine, expire_on_commit=False)
    events.install(sessions)
    return sessions


def read_only_sessions(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Sessions that only read. On SQLite they have connections of their own, which wait for no writer."""
    engine: Engine = sessions.kw["bind"]
    if engine.dialect.name != "sqlite":
        return sessions
    readers = create_engine(engine.url, pool_size=READERS, max_overflow=READERS)
    event.listen(readers, "connect", _prepare_sqlite)
    event.listen(readers, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    event.listen(readers, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return sessionmaker(readers, expire_on_commit=False, info={READS: True})


def open_database(url: str) -> Engine:
    """The database as it is. SQLite gets a write-ahead log, and one connection, which transactions take in turns.

    Its own way to wait lets late comers pass, and gives up after a while. A transaction takes the file's lock at its
    start: one that reads before it writes would else be refused, or write over what it never saw.
    """
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=TURN_SECONDS)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    settings = {"connect_timeout": CONNECT_SECONDS}
    return create_engine(url, pool_pre_ping=True, pool_size=CONNECTIONS, connect_args=settings)


@cache
def _newest_revision() -> str | None:
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _revision(engine: Engine) -> str | None:
    """The schema's; None where there is no schema."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision; safe to call at every start, of several processes at once."""
    with _migration_connection(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    with _migration_connection(engine) as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def _migration_connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that has the schema to itself.

    To change a table of SQLite is to make it anew and drop the old one, with which all that refers to it would go:
    foreign keys are off meanwhile, and checked before the end.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            _wait_for_turn(connection)
            yield connection
        return
    alone = create_engine(engine.url, poolclass=NullPool)
    event.listen(alone, "connect", _prepare_sqlite)
    event.listen(alone, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
    event.listen(alone, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with alone.begin() as connection:
        yield connection
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"the migration left rows that refer to nothing: {broken[:5]}; nothing was changed")


def _wait_for_turn(connection: Connection) -> None:
    """One migration at a time, until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


def _config(connection: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing: the listener above does
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
