"""A report that cannot be written hides no verdict that it tells of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.github import GitHubServer
from tests.fakes.github_runner import Runner
from tests.integration.conftest import Answer, Invoke

Report = Callable[..., Answer]


@pytest.fixture
def report(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Report:  # fmt: skip
    """Publish the report on a verdict where no browser is found, and no file in the folder `taken`."""

    def call(*words: str, factor: float) -> Answer:
        judged(factor=factor)
        (home / "taken").touch()
        (home / "bad.j2").write_text("{{ nothing.at.all }}", encoding="utf-8")
        monkeypatch.setenv("PATH", str(home))
        on_pull_request()
        return invoke("report", "verdict.json", *words, "--publish", "check,comment")

    return call


@pytest.mark.parametrize(
    ("factor", "heading", "ends"), [(1.0, "## ✓ Pass", "success"), (1.6, "## ◆ Regression", "failure")]
)
@pytest.mark.parametrize(
    "way",
    [
        ("--output", "report.pdf", 2),
        ("--output", "taken/report.md", 7),
        ("--template", "bad.j2", 2),
        ("--template", "gone.j2", 2),
    ],
)
def test_the_verdict_is_published_and_the_report_counts(
    report: Report, github: GitHubServer, way: tuple[str, str, int], factor: float, heading: str, ends: str
) -> None:
    *words, code = way
    assert report(*words, factor=factor).code == code
    assert heading in github.bodies()[0]
    assert "Not measured" not in github.bodies()[0]
    assert [check["conclusion"] for check in github.checks.values()] == [ends]


@pytest.mark.parametrize("way", [("--output", "taken/report.md", 3), ("--template", "gone.j2", 2)])
def test_the_code_is_that_of_what_weighs_most_and_both_are_told(
    report: Report, github: GitHubServer, way: tuple[str, str, int]
) -> None:
    option, name, code = way
    answer = report(option, name, "--result", "failure", factor=1.0)
    assert answer.code == code
    assert name in answer.err
    assert "a job failed, and no verdict says by what" in github.bodies()[0]
