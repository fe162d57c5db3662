"""What can be set for each kind of store, beside its address; whoever reads the configuration builds these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from pydantic import SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """Where a branch lives, and who writes to it.

    `remote` is the name of a remote, or the address of a repository; None is `origin`, or where the repository has no
    remote at all, its own branch. `author` is `NAME <ADDRESS>`; None is the bot in GitHub Actions, else who git says.
    `tries` is how often a write starts again after others were faster, `timeout_s` what each call of git may take.
    """

    remote: str | None = None
    author: str | None = None
    tries: int = 60
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """How to reach a bucket; what is None comes from where the AWS tools look: environment, profiles, roles.

    `endpoint_url` and `path_style` are for other stores that speak S3. `attempts` counts the first one too.
    """

    region: str | None = None
    endpoint_url: str | None = None
    path_style: bool = False
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    attempts: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsSettings:
    """How to reach a bucket; what is None comes from where Google's tools look (application default credentials).

    STORAGE_EMULATOR_HOST in the environment of the process names an endpoint that gets no credentials. A request that
    failed in passing is sent again for up to `retry_seconds`.
    """

    project: str | None = None
    endpoint_url: str | None = None
    read_timeout_seconds: float = 30.0
    retry_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSettings:
    """How the tables are named."""

    table_prefix: str = "lens_gate_"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The settings of every kind; a store takes its own."""

    git: GitSettings = GitSettings()
    s3: S3Settings = S3Settings()
    gcs: GcsSettings = GcsSettings()
    sql: SqlSettings = SqlSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a store takes from the process that opens it: where it runs, its environment, chance and rest.

    Relative paths start at `directory`. `rng` draws the pauses between the tries of a write, `sleep` takes seconds.
    """

    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    rng: Random
    sleep: Callable[[float], None]
