from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg
import pymysql
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from lens_gate.errors import ConditionFailed, NotStored, PublishFailed, UsageProblem
from lens_gate.stores.base import ETag
from lens_gate.stores.sql.database import Database
from lens_gate.stores.sql.failures import judge
from tests.sql_stores import opened, sqlite
from tests.stores_contract import ENTRY, RICH, RUN

T = TypeVar("T")


class Coded(psycopg.OperationalError):
    def __init__(self, text: str, sqlstate: str) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


def sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


REFUSED = psycopg.OperationalError('connection failed: connection to server at "127.0.0.1" failed: Connection refused')


@pytest.mark.parametrize(
    ("original", "message", "attempts"),
    [
        (Coded("x", "28P01"), "refused the user or the password", 1),
        (Coded("x", "3D000"), "no such database", 1),
        (Coded("x", "42501"), "may not do this", 1),
        (Coded("x", "25006"), "can only be read", 1),
        (Coded("x", "53100"), "no space left", 1),
        (Coded("x", "57014"), "took too long", 1),
        (Coded("x", "40001"), "other writers", 8),
        (Coded("x", "40P01"), "other writers", 8),
        (Coded("x", "57P01"), "cannot be reached", 4),
        (Coded("x", "08006"), "cannot be reached", 4),
        (Coded("x", "42P01"), "the database refused: x", 1),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "a"'), "user or the password", 1),
        (psycopg.OperationalError('FATAL:  database "a" does not exist'), "no such database", 1),
        (psycopg.OperationalError('FATAL:  permission denied for database "a"'), "may not do this", 1),
        (
            psycopg.OperationalError("failed to resolve host 'a': [Errno -2] Name or service not known"),
            "no such host",
            1,
        ),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "other writers", 8),
        (REFUSED, "cannot be reached", 4),
        (psycopg.OperationalError(""), "cannot be reached: OperationalError", 4),
        (pymysql.err.OperationalError(1045, "Access denied"), "user or the password: Access denied", 1),
        (pymysql.err.OperationalError(1049, "Unknown database 'a'"), "no such database", 1),
        (pymysql.err.OperationalError(1142, "denied"), "may not do this", 1),
        (pymysql.err.OperationalError(1290, "--read-only"), "can only be read", 1),
        (pymysql.err.OperationalError(1213, "Deadlock found"), "other writers", 8),
        (pymysql.err.OperationalError(2003, "Can't connect ([Errno -2] Name or service not known)"), "no such host", 1),
        (pymysql.err.OperationalError(2003, "Can't connect ([Errno 111] Connection refused)"), "cannot be reached", 4),
        (pymysql.err.OperationalError(2013, "Lost connection"), "cannot be reached", 4),
        (pymysql.err.InterfaceError(0, ""), "cannot be reached", 4),
        (pymysql.err.OperationalError(1146, "no table"), "the database refused: no table", 1),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"), "took too long", 1),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED, "readonly"), "can only be read", 1),
        (sqlite_error(sqlite3.SQLITE_FULL, "full"), "no space left", 1),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN, "unable"), "cannot be opened", 1),
        (sqlite_error(sqlite3.SQLITE_IOERR, "disk I/O error"), "the database refused: disk I/O error", 1),
    ],
)
def test_what_a_database_says_is_told_in_our_words(original: Exception, message: str, attempts: int) -> None:
    failure = judge(OperationalError("SELECT", {}, original), place="here")
    assert message in failure.error.message
    assert isinstance(failure.error, PublishFailed)
    assert failure.error.place == "here"
    assert failure.error.hint
    assert failure.attempts == attempts


def test_a_writer_that_was_overtaken_may_look_again() -> None:
    assert judge(IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE")), place="here").attempts == 8


def test_what_is_no_failed_connection_is_not_tried_again() -> None:
    failure = judge(InternalError("x", {}, psycopg.InternalError("role a does not exist")), place="here")
    assert (failure.error.message, failure.attempts) == ("the database refused: role a does not exist", 1)


def test_a_password_is_in_no_place_and_in_no_error() -> None:
    address = "postgresql://user:p%40ss%2Fw%20rd@127.0.0.1:1/db?sslpassword=hidden&connect_timeout=1"
    store = opened(address)
    assert store.place == "postgresql://user@127.0.0.1:1/db"
    with pytest.raises(PublishFailed) as caught:
        store.list()
    text = f"{caught.value} {caught.value.__cause__}"
    assert not [word for word in ("p@ss/w rd", "p%40ss", "hidden") if word in text]
    said = OperationalError("SELECT", {}, psycopg.OperationalError("no: p%40ss%2Fw%20rd, p@ss/w rd; hidden"))
    failure = judge(said, place="here", secrets=("p%40ss%2Fw%20rd", "p@ss/w rd", "hidden"))
    assert failure.error.message.endswith("no: ***, ***; ***")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_not_there_is_asked_a_few_times_with_longer_and_longer_pauses(scheme: str) -> None:
    pauses: list[float] = []
    store = opened(f"{scheme}://user@127.0.0.1:1/db", sleep=pauses.append)
    for act in (store.list, lambda: store.put(RUN, b"x", ENTRY)):
        pauses.clear()
        with pytest.raises(PublishFailed, match="the database cannot be reached"):
            act()
        assert len(pauses) == 3
        assert pauses == sorted(pauses)
        assert sum(pauses) < 1


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite://", "names no database"),
        ("sqlite:///:memory:", "names no database"),
        ("postgresql://user:secret@host", "names no database"),
        ("oracle://user:secret@host/db", "'oracle' is no database that lens-gate knows"),
        ("postgresql+asyncpg://user:secret@host/db", "is no database that lens-gate knows"),
        ("postgresql://user:secret@host:port/db", "this is no address of a database"),
        ("secret", "this is no address of a database"),
    ],
)
def test_an_address_that_cannot_be_one_is_told_without_its_password(address: str, message: str) -> None:
    with pytest.raises(UsageProblem, match=message) as caught:
        opened(address)
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"


def test_a_relative_file_is_one_of_the_directory_given(tmp_path: Path) -> None:
    store = opened("SQLite:///below/store.db", directory=tmp_path)
    store.put(RUN, b"x")
    assert (tmp_path / "below" / "store.db").exists()
    assert store.place == f"sqlite:///{tmp_path}/below/store.db"


@pytest.mark.parametrize("prefix", ["1a_", "A_", "a-", "a" * 31, "a.b", "a\n"])
def test_a_prefix_that_cannot_start_a_name_is_told(prefix: str) -> None:
    with pytest.raises(UsageProblem, match="cannot start the name of a table"):
        opened("sqlite:///x", prefix=prefix)


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the answers to the next commits be lost: what they wrote is there, and the client cannot know."""
    once = Database._once  # noqa: SLF001 the seam between a transaction and its retries

    def losing(times: int) -> None:
        left = list(range(times))

        def act(self: Database, work: Callable[[Connection], T], *, writing: bool, alone: str | None) -> T:
            done = once(self, work, writing=writing, alone=alone)
            if writing and left:
                left.pop()
                raise OperationalError("COMMIT", {}, pymysql.err.OperationalError(2013, "Lost connection"))
            return done

        monkeypatch.setattr(Database, "_once", act)

    return losing


def test_a_write_whose_answer_was_lost_is_known_as_our_own(tmp_path: Path, lose: Callable[[int], None]) -> None:
    store = sqlite(tmp_path / "store.db")
    store.put("other", b"x")
    lose(2)
    first = store.put(RUN, b"one", RICH, "absent")
    lose(1)
    second = store.put(RUN, b"two", RICH, first)
    assert store.read(RUN).etag == second
    lose(1)
    store.delete(RUN, second)
    with pytest.raises(NotStored):
        store.get(RUN)


def test_a_server_that_goes_on_losing_answers_is_given_up(tmp_path: Path, lose: Callable[[int], None]) -> None:
    store = sqlite(tmp_path / "store.db")
    store.put("other", b"x")
    lose(99)
    with pytest.raises(PublishFailed, match="the database cannot be reached: Lost connection"):
        store.put(RUN, b"one", RICH)


def test_a_key_that_was_deleted_and_made_anew_does_not_bear_its_old_tag(tmp_path: Path) -> None:
    store = sqlite(tmp_path / "store.db")
    etag = store.put(RUN, b"one")
    store.delete(RUN)
    store.put(RUN, b"one")
    with pytest.raises(ConditionFailed):
        store.put(RUN, b"two", condition=ETag(etag))


def test_a_key_that_goes_while_it_is_deleted_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = sqlite(tmp_path / "store.db")
    store.put(RUN, b"one", RICH)
    once = Database._once  # noqa: SLF001

    def overtaken(self: Database, work: Callable[[Connection], T], *, writing: bool, alone: str | None) -> T:
        if writing:
            monkeypatch.setattr(Database, "_once", once)
            sqlite(tmp_path / "store.db").delete(RUN)
        return once(self, work, writing=writing, alone=alone)

    monkeypatch.setattr(Database, "_once", overtaken)
    store.delete(RUN)
    assert store.list() == ()


def test_a_failure_of_another_kind_is_not_tried_again(tmp_path: Path) -> None:
    pauses: list[float] = []
    path = tmp_path / "store.db"
    path.mkdir()
    with pytest.raises(PublishFailed, match="the database file cannot be opened: unable to open database file"):
        opened(f"sqlite:///{path}", sleep=pauses.append).put(RUN, b"x")
    assert pauses == []


def test_a_store_that_nobody_holds_any_more_closes_its_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Engine] = []

    def note(engine: Engine) -> None:
        ended.append(engine)

    monkeypatch.setattr(Engine, "dispose", note)
    store = sqlite(tmp_path / "store.db")
    store.put(RUN, b"x")
    assert ended == []
    del store
    assert len(ended) == 1


def test_the_limits_of_a_connection_outlive_a_transaction_that_fails(tmp_path: Path) -> None:
    database = sqlite(tmp_path / "store.db")._database  # noqa: SLF001 what every statement goes through

    def fail(connection: Connection) -> None:
        raise ValueError(connection.exec_driver_sql("PRAGMA foreign_keys").scalar())

    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            database.read(fail)
