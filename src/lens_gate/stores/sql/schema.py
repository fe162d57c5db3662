"""Which migrations a database has seen, and bringing it up to date: by the first writer, while others wait."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, inspect, select

from lens_gate.errors import LensGateError, PublishFailed, StoreProblem, UsageProblem
from lens_gate.stores.sql.database import Database
from lens_gate.stores.sql.tables import Tables


@dataclass(frozen=True, slots=True)
class Steps:
    """The migrations that this lens-gate knows: their folder, their names (oldest first), and what it can read.

    A revision is in `readable` where today's queries understand its tables without the later steps.
    """

    folder: Path
    revisions: tuple[str, ...]
    readable: frozenset[str]


STEPS = Steps(Path(__file__).parent / "migrations", revisions=("0001",), readable=frozenset({"0001"}))


_ALEMBIC = threading.Lock()
"""Alembic keeps what it runs in variables of its module."""


class State(Enum):
    """How the tables of a database stand to those of this lens-gate."""

    EMPTY = "there are none, or their making was broken off"
    FOREIGN = "somebody else made tables of these names"
    UNREADABLE = "an earlier lens-gate made them, and today's queries do not fit them"
    BEHIND = "an earlier lens-gate made them"
    CURRENT = "they are as this lens-gate makes them"
    NEWER = "a later lens-gate changed them"


class Schema:
    """The tables of one prefix in one database, brought up to date when something is written."""

    def __init__(self, database: Database, tables: Tables, prefix: str, steps: Steps = STEPS) -> None:
        self._database = database
        self._tables = tables
        self._prefix = prefix
        self._steps = steps
        self._current = False

    def readable(self) -> bool:
        """Return whether there is anything to read.

        Raises UsageProblem for tables of somebody else, StoreProblem for those of a later lens-gate and those of an
        earlier one that have to be migrated first, and PublishFailed.
        """
        if self._current:
            return True
        file = self._database.file
        state = State.EMPTY if file and not file.exists() else self._database.read(self.state)
        if state in {State.FOREIGN, State.UNREADABLE, State.NEWER}:
            raise self._refusal(state)
        self._current = state is State.CURRENT
        return state is not State.EMPTY

    def prepare(self) -> None:
        """Make or change the tables where needed. Raises what `readable` does, but for tables of earlier versions."""
        if self._current:
            return
        self._make_folder()
        if self._database.read(self.state) is not State.CURRENT:
            self._database.write(self._migrate, alone=self._tables.revision.name)
        self._current = True

    def state(self, connection: Connection) -> State:
        """Look at the tables."""
        present = set(inspect(connection).get_table_names())
        revision = self._tables.revision
        if revision.name not in present:
            return State.FOREIGN if self._tables.names & present else State.EMPTY
        return self._state(connection.execute(select(revision.c.version_num)).scalar())

    def _state(self, revision: str | None) -> State:
        if revision is None:
            return State.EMPTY
        if revision not in self._steps.revisions:
            return State.NEWER
        if revision == self._steps.revisions[-1]:
            return State.CURRENT
        return State.BEHIND if revision in self._steps.readable else State.UNREADABLE

    def _migrate(self, connection: Connection) -> None:
        state = self.state(connection)
        if state in {State.FOREIGN, State.NEWER}:
            raise self._refusal(state)
        if state is not State.CURRENT:
            _upgrade(connection, self._steps.folder, self._prefix)

    def _make_folder(self) -> None:
        file = self._database.file
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PublishFailed(
                f"the folder of the database cannot be made: {error.strerror}",
                place=self._database.place,
                hint="Check its permissions, or name another file.",
            ) from error

    def _refusal(self, state: State) -> LensGateError:
        place = self._database.place
        if state is State.NEWER:
            return StoreProblem(
                "a newer lens-gate changed the tables of this database", place=place, hint="Upgrade lens-gate."
            )
        if state is State.UNREADABLE:
            return StoreProblem(
                "the tables were made by an earlier lens-gate, and have to be migrated before they can be read",
                place=place,
                hint="Write to the store once with a user who may change tables: that migrates them.",
            )
        return UsageProblem(
            f"there are tables of other software whose names start with {self._prefix!r}",
            place=place,
            hint="Choose another `table_prefix` or database: lens-gate changes no tables that it did not make.",
        )


def _upgrade(connection: Connection, folder: Path, prefix: str) -> None:
    from alembic import command  # noqa: PLC0415 only who migrates waits for it
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes.update(connection=connection, prefix=prefix)
    with _ALEMBIC:
        command.upgrade(config, "head")
