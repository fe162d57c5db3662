"""The flat row that a store keeps beside an artifact, so that a listing never opens one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """What `index.json` and the SQL columns are made from; times are RFC 3339 in UTC."""

    kind: str
    id: str
    name: str
    created_at: str
    schema_version: int
    commit: str | None = None
    branch: str | None = None
    outcome: str | None = None
    config_hash: str | None = None
