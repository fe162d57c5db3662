"""The store in SQL tables: bytes, entry and the rows of a run are written in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVarTuple
from uuid import uuid4

from sqlalchemy import Row, Select, select

from lens_gate.errors import StoreDamaged
from lens_gate.stores.base import Condition, ETag, Listing, Tagged, check_prefix
from lens_gate.stores.conditions import not_stored
from lens_gate.stores.index_file import split_key
from lens_gate.stores.sql.database import Database
from lens_gate.stores.sql.rows import artifact_row, read_entry, run_rows
from lens_gate.stores.sql.schema import Schema
from lens_gate.stores.sql.tables import Tables
from lens_gate.stores.sql.writing import Write, remove, write
from lens_gate.vocabulary.index import IndexEntry

Columns = TypeVarTuple("Columns")

_AFTER_ALL = "\x7f"
"""Sorts behind every character of a key."""


class SqlStore:
    """Implements Store in the tables of one prefix; the tag of a key is a version that each write makes anew."""

    def __init__(self, database: Database, tables: Tables, schema: Schema) -> None:
        self._database = database
        self._tables = tables
        self._schema = schema

    @property
    def place(self) -> str:
        """The address without its password."""
        return self._database.place

    def get(self, key: str) -> bytes:
        """Return the bytes; NotStored where there are none."""
        return self.read(key).data

    def read(self, key: str) -> Tagged:
        """Return the bytes with their tag; NotStored where there are none, StoreDamaged where a part is missing."""
        split_key(key, place=self.place)
        artifacts, chunks = self._tables.artifacts, self._tables.chunks
        # One statement, so that the version and all chunks are those of one instant.
        rows = self._rows(
            select(artifacts.c.version, artifacts.c.size, chunks.c.data)
            .select_from(artifacts.outerjoin(chunks, chunks.c.key == artifacts.c.key))
            .where(artifacts.c.key == key)
            .order_by(chunks.c.number)
        )
        if not rows:
            raise not_stored(key, self.place)
        data = b"".join(row.data for row in rows if row.data is not None)
        if len(data) != rows[0].size:
            raise StoreDamaged(
                f"{key} has {len(data)} of its {rows[0].size} bytes",
                place=self.place,
                hint="Someone changed the tables: delete this key, or restore them from a copy.",
            )
        return Tagged(data, ETag(rows[0].version))

    def entry(self, key: str) -> IndexEntry | None:
        """Return the entry of a key; None where there is none."""
        split_key(key, place=self.place)
        columns = self._tables.artifacts.c
        found = self._listings(select(columns.key, columns.entry).where(columns.key == key))
        return found[0].entry if found else None

    def put(self, key: str, data: bytes, entry: IndexEntry | None = None, condition: Condition = "none") -> ETag:
        """Write the bytes, their entry and the rows of its run, and return the new tag.

        Raises ConditionFailed where the condition does not hold, PublishFailed where the database cannot be written.
        """
        split_key(key, place=self.place)
        version = uuid4().hex
        artifact = artifact_row(key, entry, len(data), version)
        run = run_rows(entry, entry.run) if entry and entry.run else None
        wanted = Write(key, version, data, artifact, run)
        self._schema.prepare()
        self._database.write(lambda connection: write(connection, self._tables, wanted, condition, place=self.place))
        return ETag(version)

    def delete(self, key: str, condition: Condition = "none") -> None:
        """Remove a key with its rows; NotStored where there is none, ConditionFailed where it holds something else."""
        split_key(key, place=self.place)
        columns = self._tables.artifacts.c
        if not self._rows(select(columns.version).where(columns.key == key)):
            raise not_stored(key, self.place)
        self._schema.prepare()
        self._database.write(lambda connection: remove(connection, self._tables, key, condition, place=self.place))

    def list(self, prefix: str = "") -> tuple[Listing, ...]:
        """Return the keys that start with `prefix`, sorted, with their entries; no bytes are read."""
        columns = self._tables.artifacts.c
        found = columns.key >= check_prefix(prefix), columns.key < prefix + _AFTER_ALL
        return self._listings(select(columns.key, columns.entry).where(*found).order_by(columns.key))

    def newest(self, folder: str, count: int, *, until: str | None = None) -> tuple[Listing, ...]:
        """Return the `count` newest keys with an entry below a folder of days, newest first, by an index."""
        columns = self._tables.artifacts.c
        root = check_prefix(folder).rstrip("/") + "/" if folder else ""
        order = columns.day.desc(), columns.created_at.desc(), columns.key.desc()
        asked = [columns.root == root, *([] if until is None else [columns.day <= until])]
        query = select(columns.key, columns.entry).where(*asked)
        return self._listings(query.order_by(*order).limit(count))

    def _listings(self, query: Select[str, str | None]) -> tuple[Listing, ...]:
        return tuple(
            Listing(key, None if text is None else read_entry(text, place=f"{self.place}: {key}"))
            for key, text in self._rows(query)
        )

    def _rows(self, query: Select[*Columns]) -> Sequence[Row[*Columns]]:
        if not self._schema.readable():
            return ()
        return self._database.read(lambda connection: connection.execute(query).all())
