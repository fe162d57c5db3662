"""What Alembic runs: the steps that are missing, on the connection and with the prefix that `schema` hands over."""

from __future__ import annotations

from alembic import context

from lens_gate.stores.sql.tables import revision_table

_given = context.config.attributes
context.configure(connection=_given["connection"], version_table=revision_table(_given["prefix"]))
with context.begin_transaction():
    context.run_migrations(prefix=_given["prefix"])
