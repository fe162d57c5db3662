"""Artifacts to bytes and back: older versions are migrated, newer ones and foreign bytes are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import orjson
from pydantic import JsonValue, ValidationError

from lens_gate import __version__
from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.compressed import MAGIC, decompress
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.migrations import STEPS, Document, Steps, migrate, oldest_version
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import Trend, TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import ArtifactCorrupt, ArtifactProblem, ArtifactTooNew

Artifact: TypeAlias = Run | Analysis | Verdict | Trend | TrendVerdict | Selftest | UnmeasuredJob

MODELS: Mapping[Kind, type[Artifact]] = {
    Kind.RUN: Run,
    Kind.ANALYSIS: Analysis,
    Kind.VERDICT: Verdict,
    Kind.TREND: Trend,
    Kind.TREND_VERDICT: TrendVerdict,
    Kind.SELFTEST: Selftest,
    Kind.UNMEASURED: UnmeasuredJob,
}
SCHEMA_VERSIONS: Mapping[Kind, int] = {
    Kind.RUN: 1,
    Kind.ANALYSIS: 1,
    Kind.VERDICT: 1,
    Kind.TREND: 1,
    Kind.TREND_VERDICT: 1,
    Kind.SELFTEST: 1,
    Kind.UNMEASURED: 1,
}
"""The version that this lens-gate writes of each kind; it reads every version up to it."""

_REPEAT = "Repeat the step that wrote it, or download the file again."
_EXPECTED = "Expected is the JSON (or .json.gz) that `lens-gate run`, `analyze`, `trend` or `gate` writes."
_UPGRADE = f"Upgrade lens-gate (this is {__version__}), or repeat the step that wrote the file with this version."

_Wanted = TypeVar("_Wanted", Run, Analysis, Verdict, Trend, Selftest)


def dumps(artifact: Artifact, *, pretty: bool = False) -> bytes:
    """Return UTF-8 JSON that ends with a line break, indented where a person will read it."""
    return artifact.model_dump_json(indent=2 if pretty else None).encode() + b"\n"


def loads(data: bytes, *, name: str, steps: Steps = STEPS) -> Artifact:
    """Read an artifact from JSON or gzipped JSON; `name` is the file, for messages.

    Raises ArtifactCorrupt for empty, cut or foreign bytes, and ArtifactTooNew for a newer version.
    """
    text = decompress(data, name=name) if data[: len(MAGIC)] == MAGIC else data
    document = _document(text, name)
    kind = _kind(document, name)
    current = SCHEMA_VERSIONS[kind]
    oldest = oldest_version(kind, current=current, steps=steps)
    version = read_version(document, name=name, oldest=oldest, current=current)
    if version < current:
        migrated = migrate(document, kind=kind, version=version, current=current, steps=steps)
        text = orjson.dumps({**migrated, "schema_version": current})
    return _validated(text, kind, name)


def load_run(data: bytes, *, name: str) -> Run:
    """Read a run; any other kind raises ArtifactProblem."""
    return _expect(loads(data, name=name), Run, name)


def load_analysis(data: bytes, *, name: str) -> Analysis:
    """Read an analysis; any other kind raises ArtifactProblem."""
    return _expect(loads(data, name=name), Analysis, name)


def load_verdict(data: bytes, *, name: str) -> Verdict:
    """Read a verdict; any other kind raises ArtifactProblem."""
    return _expect(loads(data, name=name), Verdict, name)


def load_trend(data: bytes, *, name: str) -> Trend:
    """Read a trend; any other kind raises ArtifactProblem."""
    return _expect(loads(data, name=name), Trend, name)


def load_selftest(data: bytes, *, name: str) -> Selftest:
    """Read the result of a self-test; any other kind raises ArtifactProblem."""
    return _expect(loads(data, name=name), Selftest, name)


def read_version(document: Document, *, name: str, oldest: int, current: int) -> int:
    """Return `schema_version`, or refuse the document: without a version, before the oldest, after the current one."""
    version = document.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ArtifactCorrupt("`schema_version` is missing or no integer", place=name, hint=_EXPECTED)
    if version > current:
        raise ArtifactTooNew(
            f"schema_version {version} is newer than {current}, the newest that this lens-gate reads",
            place=name,
            hint=_UPGRADE,
        )
    if version < oldest:
        raise ArtifactCorrupt(f"schema_version {version} never existed", place=name, hint=_EXPECTED)
    return version


def _document(text: bytes, name: str) -> Document:
    if not text.strip():
        raise ArtifactCorrupt("the file is empty", place=name, hint=_REPEAT)
    try:
        parsed: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _broken_json(text, error, name) from error
    if not isinstance(parsed, dict):
        raise ArtifactCorrupt("this is JSON, but no lens-gate artifact", place=name, hint=_EXPECTED)
    return parsed


def _broken_json(text: bytes, error: orjson.JSONDecodeError, name: str) -> ArtifactCorrupt:
    if not text.lstrip().startswith(b"{"):
        return ArtifactCorrupt("this is no lens-gate artifact, nor any JSON", place=name, hint=_EXPECTED)
    return ArtifactCorrupt(f"the JSON is cut short or damaged at line {error.lineno}", place=name, hint=_REPEAT)


def _kind(document: Document, name: str) -> Kind:
    word = document.get("kind")
    if word == "samples":
        raise ArtifactCorrupt(
            "these are the samples of a run, not the run", place=name, hint="Give the run's own JSON file instead."
        )
    if word not in tuple(Kind):
        raise ArtifactCorrupt("`kind` is missing or unknown", place=name, hint=_EXPECTED)
    return Kind(word)


def _validated(text: bytes, kind: Kind, name: str) -> Artifact:
    try:
        return MODELS[kind].model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        raise ArtifactCorrupt(
            f"`{where}` is a key that this lens-gate does not know" if unknown else f"`{where}`: {first['msg']}",
            place=name,
            hint=_UPGRADE if unknown else _REPEAT,
        ) from error


def _expect(artifact: Artifact, wanted: type[_Wanted], name: str) -> _Wanted:
    if isinstance(artifact, wanted):
        return artifact
    raise ArtifactProblem(
        f"this is an artifact of kind `{artifact.kind}`; needed is one of kind `{wanted.__name__.lower()}`",
        place=name,
        hint="Each step reads what the step before it wrote: run, analyze, gate, report.",
    )
