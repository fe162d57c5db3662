"""How stores are reached, beside what their addresses say: by kind, for every command and every store of the kind."""

from __future__ import annotations

from pydantic import Field

from lens_gate.config.section import Section
from lens_gate.config.types import Address


class GitStores(Section):
    """Branches of git."""

    remote: str | None = Field(default=None, min_length=1)
    author: str | None = None


class S3Stores(Section):
    """Buckets of Amazon S3, and of what speaks its language; keys come from where the AWS tools look."""

    region: str | None = None
    endpoint: Address | None = None
    path_style: bool = False
    profile: str | None = None


class GcsStores(Section):
    """Buckets of Google Cloud Storage; who we are comes from where Google's tools look."""

    project: str | None = None
    endpoint: Address | None = None


class SqlStores(Section):
    """Databases."""

    table_prefix: str = "lens_gate_"


class Stores(Section):
    """All kinds of stores that can be set."""

    git: GitStores = GitStores()
    s3: S3Stores = S3Stores()
    gcs: GcsStores = GcsStores()
    sql: SqlStores = SqlStores()
