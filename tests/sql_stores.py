"""SQL stores as tests open them: no pause between attempts, unless a test counts them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from lens_gate.stores.address import SqlAddress
from lens_gate.stores.settings import SqlSettings, Surroundings
from lens_gate.stores.sql.opening import open_sql
from lens_gate.stores.sql.schema import STEPS, Steps
from lens_gate.stores.sql.store import SqlStore

PREFIX = SqlSettings().table_prefix


def opened(
    address: str,
    *,
    directory: Path = Path("/nowhere"),
    prefix: str = PREFIX,
    sleep: Callable[[float], object] = lambda _: None,
    steps: Steps = STEPS,
) -> SqlStore:
    """Open the store of an address."""

    def pause(seconds: float) -> None:
        sleep(seconds)

    around = Surroundings(directory=directory, environment={}, rng=Random(1), sleep=pause)
    return open_sql(SqlAddress(address), SqlSettings(table_prefix=prefix), around, steps)


def sqlite(path: Path, *, prefix: str = PREFIX, steps: Steps = STEPS) -> SqlStore:
    """Open the store in a file."""
    return opened(f"sqlite:///{path}", prefix=prefix, steps=steps)


SECOND_STEP = '''
"""A second step, as a later lens-gate may have one."""
from alembic import op
from sqlalchemy import Column, Integer, inspect

revision = "0002"
down_revision = "0001"


def upgrade(prefix: str) -> None:
    table = f"{prefix}artifacts"
    if "priority" not in {one["name"] for one in inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, Column("priority", Integer()))
'''


def later_steps(folder: Path, *, readable: bool) -> Steps:
    """Make the migrations of a later lens-gate in `folder`, which has one step more than this one."""
    versions = folder / "versions"
    versions.mkdir(parents=True)
    for path in (STEPS.folder / "env.py", *STEPS.folder.glob("versions/r*.py")):
        (folder / path.relative_to(STEPS.folder)).write_bytes(path.read_bytes())
    (versions / "r0002_later.py").write_text(SECOND_STEP, encoding="utf-8")
    return Steps(folder, (*STEPS.revisions, "0002"), frozenset(STEPS.revisions if readable else ()))
