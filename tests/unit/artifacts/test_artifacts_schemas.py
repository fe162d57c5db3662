from __future__ import annotations

from functools import cache
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from lens_gate.artifacts.assemble import sidecar_of
from lens_gate.artifacts.codec import Artifact, dumps
from lens_gate.artifacts.envelope import Kind
from lens_gate.artifacts.schemas import generated_schemas, json_schema
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import a_run, a_verdict, an_analysis, an_unmeasured_job
from tests.unit.artifacts.artifact_examples import full_analysis, full_run, full_trend, full_trend_verdict, full_verdict

ROOT = Path(__file__).parents[3]
ARTIFACTS: list[Artifact] = [
    a_run(),
    full_run(),
    full_run(sidecar_of([b"x"], file="run.samples.jsonl.gz", requests=1)),
    an_analysis(),
    full_analysis(Outcome.INCONCLUSIVE),
    full_verdict(),
    full_trend(),
    full_trend_verdict(),
    an_unmeasured_job(),
]


@cache
def validator(kind: Kind) -> Draft202012Validator:
    """Return what holds documents against the schema of a kind, which is one."""
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", generated_schemas())
def test_the_published_schema_is_the_one_of_the_models(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == generated_schemas()[name]()


def test_each_kind_has_a_published_schema() -> None:
    assert {Path(name).name for name in generated_schemas()} == {
        path.name for path in (ROOT / "schemas").glob("[rastuv]*")
    }


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_artifacts_fit_their_schema(artifact: Artifact) -> None:
    validator(artifact.kind).validate(orjson.loads(dumps(artifact)))


@pytest.mark.parametrize(
    "change", [{"schema_version": 2}, {"kind": "run"}, {"colour": 1}, {"exit_code": 9}, {"checks": 1}]
)
def test_another_document_does_not_fit(change: dict[str, object]) -> None:
    document = {**orjson.loads(dumps(a_verdict())), **change}
    assert not validator(Kind.VERDICT).is_valid(document)


@pytest.mark.parametrize("key", ["kind", "schema_version", "provenance", "fingerprint"])
def test_the_head_is_required(key: str) -> None:
    document = orjson.loads(dumps(a_run()))
    del document[key]
    assert not validator(Kind.RUN).is_valid(document)
