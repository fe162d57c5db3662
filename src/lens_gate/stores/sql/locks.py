"""One lock per name and server, for work that must not be done twice: the lock outlives no connection.

It is given up only after the commit, or who waits for it would still see the old tables. PostgreSQL ties such a lock to
a transaction; MySQL's belongs to the connection, so that it is taken before the transaction and given up behind it;
SQLite's transaction of a writer is a lock already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from lens_gate.errors import PublishFailed

_WAIT_SECONDS = 30


@contextmanager
def around_transaction(connection: Connection, name: str, *, place: str) -> Iterator[None]:
    """Hold the lock of this name while a transaction begins and ends, where the database has it so.

    Raises PublishFailed where somebody else keeps it.
    """
    if connection.dialect.name != "mysql":
        yield
        return
    given = {"name": f"lens-gate {hashlib.sha256(name.encode()).hexdigest()[:32]}", "seconds": _WAIT_SECONDS}
    taken = connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), given).scalar()
    connection.rollback()
    if taken != 1:
        raise PublishFailed(
            "another process is changing the tables, and does not end",
            place=place,
            hint="Try again; nothing was written.",
        )
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": given["name"]})
            connection.rollback()


def within_transaction(connection: Connection, name: str) -> None:
    """Hold the lock of this name until the transaction ends, where the database has it so."""
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
