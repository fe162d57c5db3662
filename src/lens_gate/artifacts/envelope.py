"""What every artifact carries: kind, version, where it comes from, and the environment it was made in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, GetPydanticSchema, JsonValue
from pydantic_core import core_schema


class Kind(StrEnum):
    """The kinds of artifact that the steps pass to each other."""

    RUN = "run"
    ANALYSIS = "analysis"
    VERDICT = "verdict"
    TREND = "trend"
    TREND_VERDICT = "trend_verdict"
    SELFTEST = "selftest"
    UNMEASURED = "unmeasured"


class Frozen(BaseModel):
    """A strict, immutable part of an artifact: unknown keys are an error, so a typo is never silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


Column = Annotated[JsonValue, GetPydanticSchema(lambda _, __: core_schema.any_schema())]
"""JSON whose cells are checked where they are decoded: one by one, in Python, that took longer than to write them."""


class Provenance(Frozen):
    """Who wrote the artifact and for which commit; `created_at` is RFC 3339 in UTC.

    `event` is what the pipeline ran for, in the words of its platform (`push`, `pull_request`).
    """

    tool_version: str
    created_at: str
    commit: str | None = None
    branch: str | None = None
    ci_run: str | None = None
    event: str | None = None


class Fingerprint(Frozen):
    """The environment of the measurement, by which two runs are judged comparable."""

    runner: str
    platform: str
    python: str
    region: str | None = None
    config_hash: str


class Envelope(Frozen):
    """The head of every artifact. `schema_version` has no default: a file without one is not an artifact."""

    kind: Kind
    schema_version: int
    provenance: Provenance
    fingerprint: Fingerprint
