"""What is published where a commit breaks its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.github import GitHubServer
from tests.fakes.github_runner import Runner
from tests.integration.conftest import Invoke

CI = ("ci", "--against-model", "sim-large", "--requests", "20")
COMMANDS = (CI, ("gate", "verdict.json"), ("report", "verdict.json"))
GOOD: dict[str, Any] = {"publish": {"suite": "bot"}}
BROKEN = GOOD | {"providerz": []}
NOTHING = "## ✗ Not measured: there is no verdict"

Publish = Callable[..., str]


@pytest.fixture
def publish(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    home: Path,
) -> Publish:  # fmt: skip
    """Publish a pass under a configuration, then call a command in a later run under another one; the comment."""
    runs = iter(range(1, 9))

    def call(*command: str, rules: dict[str, Any] | str | None, code: int, to: str = "check,comment") -> str:
        text = rules if isinstance(rules, str) else json.dumps(rules)
        (home / "lens-gate.yaml").write_text(text, encoding="utf-8")
        on_pull_request(GITHUB_RUN_ID=str(next(runs)))
        answer = invoke(*command, "--config", "lens-gate.yaml", *(("--publish", to) if to else ()))
        assert answer.code == code, answer.err
        assert "Traceback" not in answer.err
        return "\n".join(github.bodies())

    judged(factor=1.0)
    return call


def ended(github: GitHubServer) -> list[tuple[str, str]]:
    return [(one["name"].removeprefix("lens-gate / "), one["conclusion"]) for one in github.checks.values()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commit_that_breaks_the_configuration_takes_the_place_of_what_the_one_before_it_was_worth(
    publish: Publish, github: GitHubServer, command: tuple[str, ...]
) -> None:
    report = ("report", "verdict.json")
    assert "## ✓ Pass" in publish(*report, rules=GOOD, code=0)
    body = publish(*command, rules=BROKEN, code=2)
    assert NOTHING in body
    assert "providerz" in body
    assert ended(github) == [("bot", "success"), ("bot", "failure")]
    body = publish(*report, rules=GOOD, code=0)
    assert "## ✓ Pass" in body
    assert "Not measured" not in body


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_no_yaml_is_told_under_the_name_that_is_given_or_none(
    publish: Publish, github: GitHubServer, command: tuple[str, ...]
) -> None:
    assert NOTHING in publish(*command, rules="profiler: {name: bot", code=2)
    assert ended(github) == []
    publish(*command, "--suite", "chat", rules="profiler: {name: bot", code=2)
    assert ended(github) == [("chat", "failure")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_board_and_the_kinds_are_those_that_a_broken_configuration_still_names(
    publish: Publish, github: GitHubServer, command: tuple[str, ...]
) -> None:
    rules = {"providerz": [], "publish": {"board": "night", "kinds": ["comment"]}}
    body = publish(*command, rules=rules, code=2, to="")
    assert body.startswith("<!-- lens-gate board night -->")
    assert ended(github) == []


@pytest.mark.parametrize("words", [("--publish", "everything"), ()])
def test_what_nobody_asked_for_or_nobody_knows_is_not_published(
    publish: Publish, github: GitHubServer, words: tuple[str, ...]
) -> None:
    assert publish(*CI, *words, rules=BROKEN, code=2, to="") == ""
    assert github.asked == []


def test_a_dry_run_of_a_broken_configuration_publishes_nothing(publish: Publish, github: GitHubServer) -> None:
    assert publish(*CI, "--dry-run", rules=BROKEN, code=2) == ""
    assert github.asked == []


def test_what_cannot_be_taken_away_of_an_earlier_run_is_told_too(
    publish: Publish, home: Path, github: GitHubServer
) -> None:
    (home / "results" / "verdict.json").mkdir(parents=True)
    assert NOTHING in publish(*CI, rules=BROKEN | {"publish": {}, "profiler": {"name": "bot"}}, code=7)
    assert ended(github) == [("bot", "failure")]
