"""Artifacts as they were written in the past: a published format is a promise, so these files never change."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from lens_gate.artifacts.assemble import samples_of
from lens_gate.artifacts.codec import SCHEMA_VERSIONS, dumps, load_analysis, load_run, load_trend, load_verdict, loads
from lens_gate.artifacts.journal import decode_journal
from lens_gate.artifacts.run import Sidecar
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.vocabulary.outcomes import Outcome
from lens_gate.vocabulary.requests import Arm, Phase, Status

FOLDER = Path(__file__).parents[2] / "artifacts"
V1 = {
    "run-duet.json": "39d89a52b689f0b00d93b3f93d52a8f1470d7e769fe97d8c2cffa9764493ef69",
    "run-sidecar.json": "dc9cb92d07f2ba5d52545a9c5e9c8c39967ae5fe555817585e86d36d9a30f2a1",
    "run-sidecar.samples.jsonl.gz": "4cb40f617705885cb3dfc0aeb519d8bde2be4d329d2afc8c0223364ce7b245d7",
    "analysis-regression.json.gz": "c7a463734a821f12bd39254bafec24dfc5a6737fc87329025294cc567c90dbc2",
    "verdict-inconclusive.json": "dccaddf3a7854391db4d6274bd9dc3710db52dacf187109078389a2aae7f18e2",
    "trend-regression.json.gz": "d38dcd47b1392b063ee42de29bc5a9d615ebf53c632086276b7837749086b464",
    "trend-verdict-regression.json.gz": "0f9e95efe6099fd635bcbeee098f2c450ae4283650c442dfcaaa3cc15b3323db",
    "selftest.json": "f064dda30a89a28cd2b30c9ef448a33acff6ae8f90a55f68c66c4fea9ac15291",
    "unmeasured.json": "600f57989304b227adccbe1a882dcd1cb4cdcb0e1f33130d7e0d3cd6501f93f0",
}
ARTIFACTS = [name for name in V1 if ".samples." not in name]


def frozen(name: str) -> bytes:
    return (FOLDER / "v1" / name).read_bytes()


def beside(name: str) -> Samples:
    return samples_of(load_run(frozen(name), name=name), frozen)


@pytest.mark.parametrize("name", V1)
def test_a_frozen_file_is_never_changed(name: str) -> None:
    assert hashlib.sha256(frozen(name)).hexdigest() == V1[name]


def test_no_file_lies_there_unnamed() -> None:
    assert {path.name for path in (FOLDER / "v1").iterdir()} == set(V1)


@pytest.mark.parametrize("name", ARTIFACTS)
def test_a_frozen_artifact_loads_as_the_current_version_and_can_be_written_again(name: str) -> None:
    artifact = loads(frozen(name), name=name)
    assert artifact.schema_version == SCHEMA_VERSIONS[artifact.kind]
    assert loads(dumps(artifact), name=name) == artifact


def test_every_kind_has_a_frozen_sample() -> None:
    assert {loads(frozen(name), name=name).kind for name in ARTIFACTS} == set(SCHEMA_VERSIONS)


@pytest.mark.parametrize(("name", "requests"), [("run-duet.json", 80), ("run-sidecar.json", 120)])
def test_the_samples_of_a_frozen_run_mean_what_they_meant(name: str, requests: int) -> None:
    samples = beside(name)
    candidates = samples.texts["arm"].equals(Arm.CANDIDATE)
    succeeded = samples.texts["status"].equals(Status.OK)
    assert (len(samples), candidates.sum(), (~succeeded).sum()) == (requests, requests // 2, requests // 10)
    assert samples.texts["phase"].equals(Phase.WARMUP).sum() == 4
    assert np.array_equal(np.isnan(samples.numbers["first_token_ns"]), ~succeeded)
    assert samples.numbers["intended_ns"].tolist() == [index * 1e8 for index in range(requests)]


def test_a_frozen_run_names_its_sidecar_and_a_frozen_journal_its_run() -> None:
    sidecar = load_run(frozen("run-sidecar.json"), name="x").samples
    assert isinstance(sidecar, Sidecar)
    contents = decode_journal(frozen(sidecar.file), name=sidecar.file)
    assert (contents.header.run, contents.header.run_head) == ("run-1", {"plan": {"seed": 1}})
    assert [row["http_status"] for row in contents.attempts] == [500]


def test_the_frozen_judgements_say_what_they_said() -> None:
    analysis = load_analysis(frozen("analysis-regression.json.gz"), name="x")
    assert (analysis.regression.detected, analysis.findings[0].threshold) == (True, 10.0)
    verdict = load_verdict(frozen("verdict-inconclusive.json"), name="x")
    assert (verdict.outcome, verdict.exit_code, verdict.regression.detected) == (Outcome.INCONCLUSIVE, 0, False)


def test_the_frozen_trend_says_what_it_said() -> None:
    (series,) = load_trend(frozen("trend-regression.json.gz"), name="x").series
    (shift,) = series.shifts
    assert (len(series.points), shift.index, shift.alarm) == (37, 29, True)
    assert (series.unknown, series.creep is not None, len(series.slopes)) == (1, True, 2)
    verdict = loads(frozen("trend-verdict-regression.json.gz"), name="x")
    assert isinstance(verdict, TrendVerdict)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.REGRESSION, 1)
