"""Rules of a pull request, held against those of its target branch before a store is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lens_gate.config.load import Source
from lens_gate.errors import SecurityRefusal
from lens_gate.steps.judging.judge import Rules, rules
from tests.fakes.git import commit, make_repository
from tests.fakes.world import a_world

NAME = "lens-gate.yaml"
STORE = "postgresql://${DATABASE}@db.example.org/results"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    return tmp_path


def judged(folder: Path, baseline: str, *, trusted: str | None = None, ref: str | None = "main", **more: Any) -> Rules:
    """Read the rules of a change that names a baseline, where the branch `main` names the trusted one."""
    (folder / NAME).write_text(json.dumps({} if trusted is None else {"regression": {"baseline": {"source": trusted}}}))
    commit(folder)
    changed = {"regression": {"baseline": {"source": baseline}, **more}}
    world = a_world(folder, git=True, trusted_ref=ref, environment={"DATABASE": "user:secret", "KEY": "k"})
    return rules([Source(NAME, json.dumps(changed))], world)


@pytest.mark.parametrize(
    "source", [STORE, "s3://bucket/results", "git:results", "postgresql://${KEY}@away.example.org/x"]
)
def test_a_store_that_the_target_branch_does_not_name_is_never_opened(folder: Path, source: str) -> None:
    with pytest.raises(SecurityRefusal, match="trusted configuration does not name"):
        judged(folder, source)


def test_a_store_that_the_target_branch_names_is_opened(folder: Path) -> None:
    assert judged(folder, STORE, trusted=STORE).baselines == ("postgresql://user:secret@db.example.org/results",)


def test_a_variable_that_the_target_branch_reads_elsewhere_reaches_no_report(folder: Path) -> None:
    gate = {"name": "gate ${DATABASE}", "condition": "mean_latency < 1"}
    with pytest.raises(SecurityRefusal, match="DATABASE"):
        judged(folder, STORE, trusted=STORE, quality_gates=[gate])


def test_a_folder_of_the_repository_needs_nobody_to_vouch_for_it(folder: Path) -> None:
    assert judged(folder, "runs/").baselines == ("runs/",)


def test_where_the_target_branch_is_not_known_no_store_is(folder: Path) -> None:
    with pytest.raises(SecurityRefusal, match="store"):
        judged(folder, "s3://bucket/results", trusted="s3://bucket/results", ref="origin/not-fetched")


def test_outside_of_a_pull_request_the_configuration_is_its_own(folder: Path) -> None:
    assert judged(folder, "s3://bucket/results", ref=None).baselines == ("s3://bucket/results",)
