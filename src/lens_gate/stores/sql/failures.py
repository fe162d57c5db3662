"""What a database's error means, in our words: whether another attempt may help, and what a person can do.

Databases tell causes by codes (SQLSTATE, MySQL's numbers, SQLite's), never by words; only a failed connection to
PostgreSQL has none, so that its text is read.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from lens_gate.errors import LensGateError, PublishFailed

_LONGEST_REASON = 300


class Cause(Enum):
    """Why a database said no: what happened, and what to do next."""

    PASSWORD = ("the database refused the user or the password", "Check both; a password is best kept in a variable.")
    HOST = ("there is no such host", "Check the name in the address, and that this machine can resolve it.")
    MISSING = ("there is no such database", "Create it, or name another one; lens-gate makes tables, not databases.")
    RIGHTS = (
        "the database user may not do this",
        "Grant SELECT, INSERT, UPDATE and DELETE on the tables; the first write also needs CREATE.",
    )
    READ_ONLY = ("the database can only be read", "Name the primary server, or make the file and its folder writable.")
    FULL = ("the database has no space left", "Free some: `lens-gate baseline prune` deletes what is past its time.")
    FOREIGN = ("this file is no SQLite database, or it is damaged", "Name another file, or restore this one.")
    OPEN = ("the database file cannot be opened", "Check that its folder exists, and that you may read and write it.")
    SLOW = ("the database took too long to answer", "Try again; a lock that somebody holds, or its load, may be why.")
    GONE = ("the database cannot be reached", "Check the address, and that the server runs and accepts connections.")
    BUSY = ("other writers kept the database busy", "Try again; nothing of this write was kept.")
    OTHER = ("the database refused", "Nothing of this was kept. The message above is the database's own.")


_ATTEMPTS = {Cause.GONE: 4, Cause.BUSY: 8}
"""A server that restarts is waited for; writers that collide are let through one after the other."""

_POSTGRES: Mapping[str, Cause] = {
    "28P01": Cause.PASSWORD,
    "28000": Cause.PASSWORD,
    "3D000": Cause.MISSING,
    "42501": Cause.RIGHTS,
    "25006": Cause.READ_ONLY,
    "53100": Cause.FULL,
    "57014": Cause.SLOW,
    "55P03": Cause.SLOW,
    "40001": Cause.BUSY,
    "40P01": Cause.BUSY,
    "53300": Cause.BUSY,
    "57P01": Cause.GONE,
    "57P02": Cause.GONE,
    "57P03": Cause.GONE,
}
_POSTGRES_TEXTS: Mapping[str, Cause] = {
    r"password|authentication|role .* does not exist|no pg_hba": Cause.PASSWORD,
    r"database .* does not exist": Cause.MISSING,
    r"permission denied for database": Cause.RIGHTS,
    r"resolve host|translate host name|Name or service": Cause.HOST,
    r"too many (clients|connections)|connection slots": Cause.BUSY,
}
_MYSQL: Mapping[int, Cause] = {
    1045: Cause.PASSWORD,
    1698: Cause.PASSWORD,
    1049: Cause.MISSING,
    1044: Cause.RIGHTS,
    1142: Cause.RIGHTS,
    1143: Cause.RIGHTS,
    1227: Cause.RIGHTS,
    1290: Cause.READ_ONLY,
    1792: Cause.READ_ONLY,
    1836: Cause.READ_ONLY,
    1021: Cause.FULL,
    1114: Cause.FULL,
    1969: Cause.SLOW,
    3024: Cause.SLOW,
    1205: Cause.BUSY,
    1213: Cause.BUSY,
    1020: Cause.BUSY,
    1040: Cause.BUSY,
    1203: Cause.BUSY,
    1053: Cause.GONE,
    2006: Cause.GONE,
    2013: Cause.GONE,
}
_SQLITE: Mapping[int, Cause] = {
    sqlite3.SQLITE_BUSY: Cause.SLOW,  # the driver has waited already
    sqlite3.SQLITE_LOCKED: Cause.SLOW,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_PERM: Cause.OPEN,
    sqlite3.SQLITE_CANTOPEN: Cause.OPEN,
    sqlite3.SQLITE_FULL: Cause.FULL,
    sqlite3.SQLITE_NOTADB: Cause.FOREIGN,
    sqlite3.SQLITE_CORRUPT: Cause.FOREIGN,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a database's error is for us, and how often the work may be tried in all."""

    error: LensGateError
    attempts: int


def judge(error: DBAPIError, *, place: str, secrets: tuple[str, ...] = ()) -> Failure:
    """Return what this error means; none of the secrets is in its text."""
    cause = _cause(error)
    message, hint = cause.value
    reason = _reason(error, secrets)
    return Failure(PublishFailed(f"{message}: {reason}", place=place, hint=hint), attempts=_ATTEMPTS.get(cause, 1))


def _cause(error: DBAPIError) -> Cause:
    original = error.orig
    if isinstance(error, IntegrityError):
        return Cause.BUSY  # another writer was faster: the next attempt sees what it wrote
    if isinstance(original, sqlite3.Error):
        return _SQLITE.get(getattr(original, "sqlite_errorcode", 0) & 0xFF, Cause.OTHER)
    number = original.args[0] if original is not None and original.args else None
    return _mysql(number, str(original)) if isinstance(number, int) else _postgres(error)


def _mysql(number: int, text: str) -> Cause:
    if number in {2003, 2005}:
        return Cause.HOST if re.search(r"Name or service|getaddrinfo|resolve", text) else Cause.GONE
    return _MYSQL.get(number, Cause.GONE if number == 0 else Cause.OTHER)


def _postgres(error: DBAPIError) -> Cause:
    if sqlstate := getattr(error.orig, "sqlstate", None):
        return _POSTGRES.get(sqlstate, Cause.GONE if sqlstate.startswith("08") else Cause.OTHER)
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return _postgres_connection(str(error.orig))
    return Cause.OTHER


def _postgres_connection(text: str) -> Cause:
    found = (cause for pattern, cause in _POSTGRES_TEXTS.items() if re.search(pattern, text, re.IGNORECASE))
    return next(found, Cause.GONE)


def _reason(error: DBAPIError, secrets: tuple[str, ...]) -> str:
    original = error.orig
    numbered = original is not None and len(original.args) > 1 and isinstance(original.args[0], int)
    text = str(original.args[1] if original is not None and numbered else original)
    for secret in secrets:
        text = text.replace(secret, "***")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(original).__name__)[:_LONGEST_REASON]
