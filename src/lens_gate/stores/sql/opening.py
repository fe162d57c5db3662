"""Opening a database by its address: the drivers, the time limits, and a name for people without the password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from lens_gate.errors import UsageProblem
from lens_gate.stores.address import SqlAddress
from lens_gate.stores.settings import SqlSettings, Surroundings
from lens_gate.stores.sql.database import STATEMENT_SECONDS, Database
from lens_gate.stores.sql.schema import STEPS, Schema, Steps
from lens_gate.stores.sql.store import SqlStore
from lens_gate.stores.sql.tables import tables

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,29}|")
_CONNECT_SECONDS = 10
_BUSY_SECONDS = 30
"""How long a writer of SQLite waits for the others."""

_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
}
_LIMITS: Mapping[str, Mapping[str, int | None]] = {
    "sqlite": {"timeout": _BUSY_SECONDS},
    # A statement that was prepared is not known to the other servers behind a pooler of connections.
    "postgresql+psycopg": {"connect_timeout": _CONNECT_SECONDS, "prepare_threshold": None},
    "mysql+pymysql": {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": STATEMENT_SECONDS,
        "write_timeout": STATEMENT_SECONDS,
    },
}
"""What drivers are told where the address does not say it itself, as in `?connect_timeout=3`."""


def open_sql(address: SqlAddress, settings: SqlSettings, around: Surroundings, steps: Steps = STEPS) -> SqlStore:
    """Return the store at `sqlite:///file`, `postgresql://…` or `mysql://…`; nothing is connected to yet.

    Raises UsageProblem for an address or a prefix that cannot be one, ModuleNotFoundError where the driver is missing.
    """
    prefix = settings.table_prefix
    if not _PREFIX.fullmatch(prefix):
        raise UsageProblem(
            f"{prefix[:80]!r} cannot start the name of a table",
            hint="Use up to 30 lower-case letters, digits and _, starting with a letter, or leave it empty.",
        )
    url = _parsed(address.url, around.directory)
    database = Database(
        _engine(url), place=_place(url), secrets=_secrets(url), sleep=around.sleep, draw=around.rng.random
    )
    ours = tables(prefix)
    return SqlStore(database, ours, Schema(database, ours, prefix, steps))


def _parsed(address: str, directory: Path) -> URL:
    hint = "Write sqlite:///file, postgresql://user@host/database or mysql://user@host/database."
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise UsageProblem("this is no address of a database", hint=hint) from None  # the cause quotes the address
    driver = _DRIVERS.get(url.drivername.lower())
    if driver is None:
        raise UsageProblem(f"{url.drivername!r} is no database that lens-gate knows", hint=hint)
    if not url.database or url.database == ":memory:":
        raise UsageProblem("the address names no database", place=_place(url), hint=hint)
    return url.set(drivername=driver, database=str(directory / url.database) if driver == "sqlite" else url.database)


def _engine(url: URL) -> Engine:
    limits = {name: limit for name, limit in _LIMITS[url.drivername].items() if name not in url.query}
    match url.drivername:
        case "sqlite":
            return create_engine(url, connect_args=limits, poolclass=NullPool, hide_parameters=True)
        case "mysql+pymysql":
            url = url.update_query_dict({"charset": "utf8mb4"})
            return create_engine(url, connect_args=limits, pool_pre_ping=True, hide_parameters=True)
        case _:
            # What is correct here was reasoned at this level: at a higher one, who waited would see old tables.
            level = "READ COMMITTED"
            return create_engine(
                url, connect_args=limits, isolation_level=level, pool_pre_ping=True, hide_parameters=True
            )


def _place(url: URL) -> str:
    """Return the address without password and options: an option may hold another password."""
    kind = url.drivername.partition("+")[0]
    public = URL.create(kind, url.username, host=url.host, port=url.port, database=url.database)
    return public.render_as_string()


def _secrets(url: URL) -> tuple[str, ...]:
    """Return what must not be in any text, in every form that a driver may quote it."""
    options = (value for name, value in url.query.items() if "pass" in name and isinstance(value, str))
    words = {word for word in (url.password, *options) if word}
    return tuple(sorted({form for word in words for form in (word, quote(word), quote_plus(word))}, key=len)[::-1])
