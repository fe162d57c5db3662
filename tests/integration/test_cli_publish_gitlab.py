"""Publishing through the command line, where a job of GitLab CI starts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.github import Fault
from tests.fakes.gitlab import TOKEN, GitLabServer, gitlab_server, refused
from tests.integration.conftest import Duet, Invoke


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabServer]:
    """A GitLab whose job this process is; nothing is waited for."""
    with gitlab_server() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("time.sleep", lambda _: None)
        yield running


@pytest.fixture
def judged(invoke: Invoke, duet: Duet, home: Path) -> Callable[..., Path]:
    """Write a verdict on a run whose candidate takes `factor` times as long."""

    def write(*, factor: float = 1.6) -> Path:
        models = [{"id": "gpt-small"}]
        config = {"providers": [{"name": "openai", "endpoint": "http://127.0.0.1:9/v1", "models": models}]}
        (home / "lens-gate.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
        duet(factor=factor, pairs=40)
        invoke("gate", "run.json", "--output", "verdict.json")
        return home / "verdict.json"

    return write


def test_auto_writes_the_note_and_the_reports_that_gitlab_reads(
    invoke: Invoke, judged: Callable[..., Path], server: GitLabServer, home: Path
) -> None:
    verdict = judged()
    answer = invoke("report", str(verdict), "--publish", "auto")
    assert answer.code == 0
    (note,) = server.bodies()
    assert "Regression" in note
    assert "/-/pipelines/900" in note
    assert "LENS_GATE_VERDICT=regression\n" in (home / "lens-gate.env").read_text()
    assert (home / "lens-gate-metrics.txt").read_text().endswith("# EOF\n")
    remark = json.loads((home / "gl-code-quality-report.json").read_bytes())[0]
    assert remark["location"]["path"] == "lens-gate.yaml"
    assert "no summary is published on GitLab" in answer.err
    assert TOKEN not in answer.out + answer.err


def test_jobs_share_one_note_and_each_keeps_its_part(
    invoke: Invoke, judged: Callable[..., Path], server: GitLabServer
) -> None:
    verdict = str(judged())
    server.lose = 1
    for suite in ("small", "large", "small"):
        assert invoke("report", verdict, "--publish", "comment", "--suite", suite).code == 0
    (note,) = server.bodies()
    assert "small" in note
    assert "large" in note


def test_no_name_is_a_quick_action(invoke: Invoke, judged: Callable[..., Path], server: GitLabServer) -> None:
    invoke("report", str(judged()), "--publish", "comment", "--suite", "/close")
    (note,) = server.bodies()
    assert not [line for line in note.splitlines() if line.lstrip(" >|").startswith("/")]


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--publish-strict",), 7)])
def test_what_cannot_be_written_names_the_remedy_and_counts_only_where_that_is_asked(
    invoke: Invoke, judged: Callable[..., Path], server: GitLabServer, arguments: tuple[str, ...], code: int
) -> None:
    verdict = judged()
    server.faults = [Fault(refused(403, "403 Forbidden"), method="POST", times=9)]
    answer = invoke("report", str(verdict), "--publish", "comment", *arguments)
    assert answer.code == code
    assert "GITLAB_TOKEN" in answer.err


def test_that_a_job_failed_takes_no_remark_of_the_verdicts_beside_it_away(
    invoke: Invoke, judged: Callable[..., Path], server: GitLabServer, home: Path
) -> None:
    verdict, remarks = str(judged()), home / "gl-code-quality-report.json"
    words = ("report", verdict, "--publish", "annotations", "--exit-zero")
    assert invoke(*words).code == 0
    alone = json.loads(remarks.read_bytes())
    assert alone
    assert invoke(*words, "--result", "failure").code == 3
    assert json.loads(remarks.read_bytes()) == alone


def test_without_a_token_auto_publishes_the_rest(
    invoke: Invoke, judged: Callable[..., Path], server: GitLabServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITLAB_TOKEN")
    answer = invoke("report", str(judged()), "--publish", "auto")
    assert answer.code == 0
    assert "access token" in answer.err
    assert server.asked == []
    assert (home / "lens-gate.env").is_file()
