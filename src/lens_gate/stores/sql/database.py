"""Connections and transactions: each one whole, with time limits, tried again where another writer was in the way."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from lens_gate.stores.sql.failures import judge
from lens_gate.stores.sql.locks import around_transaction, within_transaction

T = TypeVar("T")

STATEMENT_SECONDS = 60
"""The longest that one statement, or the wait for a lock, may take."""
_FIRST_PAUSE_SECONDS = 0.05

_ON_CONNECT = {
    "postgresql": (f"SET statement_timeout = '{STATEMENT_SECONDS}s'", f"SET lock_timeout = '{STATEMENT_SECONDS}s'"),
    # Moments are written in UTC, and what a session calls NOW() must be so too.
    "mysql": ("SET time_zone = '+00:00'", f"SET SESSION innodb_lock_wait_timeout = {STATEMENT_SECONDS}"),
    "sqlite": ("PRAGMA foreign_keys = ON",),
}


class Database:
    """One database, and how to speak with it; `place` is its address without a password."""

    def __init__(
        self,
        engine: Engine,
        *,
        place: str,
        secrets: tuple[str, ...],
        sleep: Callable[[float], None],
        draw: Callable[[], float],
    ) -> None:
        self.place = place
        self.dialect = engine.dialect.name
        self._engine = engine
        self._secrets = secrets
        self._sleep = sleep
        self._draw = draw
        event.listen(engine, "connect", _preparing(self.dialect))
        event.listen(engine, "begin", _begin)
        # A store has no end of its own: with it, or with the process, its connections are closed.
        weakref.finalize(self, engine.dispose)

    @property
    def file(self) -> Path | None:
        """The file of an embedded database."""
        name = self._engine.url.database
        return Path(name) if self.dialect == "sqlite" and name else None

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do the work in one transaction that writes nothing. Raises PublishFailed."""
        return self._repeat(work, writing=False)

    def write(self, work: Callable[[Connection], T], *, alone: str | None = None) -> T:
        """Do the work in one transaction, all of it or nothing; it may be called several times. Raises PublishFailed.

        Meanwhile no other process works `alone` by the same name in the same database. Where the connection was lost
        while it was told to commit, the work is called again although it was done: it has to find that out by itself.
        """
        return self._repeat(work, writing=True, alone=alone)

    def _repeat(
        self, work: Callable[[Connection], T], *, writing: bool, alone: str | None = None, attempt: int = 1
    ) -> T:
        try:
            return self._once(work, writing=writing, alone=alone)
        except DBAPIError as error:
            failure = judge(error, place=self.place, secrets=self._secrets)
            if attempt >= failure.attempts:
                raise failure.error from error
        self._sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (0.5 + self._draw()))
        return self._repeat(work, writing=writing, alone=alone, attempt=attempt + 1)

    def _once(self, work: Callable[[Connection], T], *, writing: bool, alone: str | None) -> T:
        with self._engine.connect().execution_options(writing=writing) as connection:
            if alone is None:
                with connection.begin():
                    return work(connection)
            name = f"{self._engine.url.database}/{alone}"
            with around_transaction(connection, name, place=self.place), connection.begin():
                within_transaction(connection, name)
                return work(connection)


def _preparing(dialect: str) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    """Return what sets the limits of a new connection; it holds nothing of the database, which may go first."""

    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        if dialect == "sqlite":
            connection.isolation_level = None  # we begin transactions ourselves, see _begin
        cursor = connection.cursor()
        for statement in _ON_CONNECT[dialect]:
            cursor.execute(statement)
        cursor.close()
        connection.commit()  # PostgreSQL takes back what was set in a transaction that fails

    return prepare


def _begin(connection: Connection) -> None:
    """Let SQLite take the lock of a writer at once: one that reads first and then writes may find it cannot."""
    if connection.dialect.name == "sqlite":
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
