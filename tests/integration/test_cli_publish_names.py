"""What results go by while there are none: each check that is begun is ended, and none is made that nothing ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.github import GitHubServer
from tests.fakes.github_runner import Runner
from tests.integration.conftest import Duet, Invoke

CONFIGURATION = {"publish": {"suite": "bot"}, "profiler": {"name": "support-bot"}}
BEGIN = ("report", "--begin", "--publish", "check")


@pytest.fixture
def leave(invoke: Invoke, duet: Duet, home: Path, on_pull_request: Callable[..., Runner]) -> Callable[[str], Path]:
    """Leave a passing verdict in a folder, as the job of a suite does."""

    def judge(suite: str) -> Path:
        on_pull_request()
        duet(factor=1.0, pairs=60)
        path = home / "left" / suite / "verdict.json"
        path.parent.mkdir(parents=True)
        invoke("gate", "run.json", "--output", str(path), "--publish", "outputs", "--suite", suite)
        return path

    return judge


def conclusions(github: GitHubServer) -> dict[str, str | None]:
    """Return how the checks ended, by the names of their suites; None is a check that is open."""
    return {one["name"].removeprefix("lens-gate / "): one.get("conclusion") for one in github.checks.values()}


def configured(home: Path) -> None:
    (home / "lens-gate.yaml").write_text(json.dumps(CONFIGURATION), encoding="utf-8")


@pytest.mark.parametrize("unreadable", [True, False])
def test_the_configuration_names_nothing_that_a_folder_of_verdicts_lacks(
    invoke: Invoke, home: Path, leave: Callable[[str], Path], on_pull_request: Callable[..., Runner],
    github: GitHubServer, *, unreadable: bool,
) -> None:  # fmt: skip
    configured(home)
    words = ("report", "--allow-none", "left", "--publish", "check,comment")
    if unreadable:
        for suite in ("one", "two"):
            (home / "left" / suite).mkdir(parents=True)
            (home / "left" / suite / "verdict.json").write_text("{", encoding="utf-8")
    on_pull_request()
    assert invoke(*words).code == (2 if unreadable else 3)
    assert conclusions(github) == {}
    assert github.bodies()[0].splitlines()[1].startswith("## ✗ Not measured")
    for suite in ("a", "b"):
        leave(suite)
    for suite in ("one", "two") if unreadable else ():
        (home / "left" / suite / "verdict.json").unlink()
    on_pull_request(GITHUB_RUN_ATTEMPT="2")
    assert invoke(*words).code == 0
    assert conclusions(github) == {"a": "success", "b": "success"}
    assert github.bodies()[0].splitlines()[1] == "## ✓ Pass in all 2 suites"


def test_a_verdict_in_a_folder_keeps_its_name_and_one_that_is_named_as_a_file_takes_the_configured_one(
    invoke: Invoke, home: Path, leave: Callable[[str], Path], on_pull_request: Callable[..., Runner],
    github: GitHubServer,
) -> None:  # fmt: skip
    path = leave("chat")
    configured(home)
    on_pull_request()
    for given in ("left", str(path)):
        assert invoke("report", given, "--publish", "check").code == 0
    assert conclusions(github) == {"chat": "success", "bot": "success"}


def test_several_files_that_are_not_there_make_no_check(
    invoke: Invoke, home: Path, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    configured(home)
    on_pull_request()
    assert invoke("report", "a.json", "b.json", "--publish", "check").code == 2
    assert invoke("report", "--allow-none", "a.json", "b.json", "--publish", "check").code == 3
    assert conclusions(github) == {}


@pytest.mark.parametrize("words", [("--allow-none", "results/verdict.json"), ("results/verdict.json",), ()])
@pytest.mark.parametrize("known", [True, False])
def test_a_check_that_was_begun_ends_where_nothing_is_there(
    invoke: Invoke, home: Path, on_pull_request: Callable[..., Runner], github: GitHubServer, words: tuple[str, ...],
    *, known: bool,
) -> None:  # fmt: skip
    if known:
        configured(home)
    on_pull_request()
    assert invoke(*BEGIN).code == 0
    assert [*conclusions(github).values()] == [None]
    assert invoke("report", "--publish", "check", *words).code != 0
    assert [*conclusions(github).values()] == ["failure"]


def test_a_gate_of_no_file_ends_the_check_too(
    invoke: Invoke, on_pull_request: Callable[..., Runner], github: GitHubServer
) -> None:
    on_pull_request()
    invoke(*BEGIN)
    answer = invoke("gate", "--publish", "check")
    assert (answer.code, [*conclusions(github).values()]) == (2, ["failure"])
    assert "there is nothing to read" in answer.err


def test_of_another_s_run_no_check_is_begun_that_was_given_no_name(
    invoke: Invoke, in_trusted_half: Callable[..., Runner], github: GitHubServer
) -> None:
    in_trusted_half()
    assert "--suite gives it no name" in invoke(*BEGIN).err
    assert conclusions(github) == {}
    invoke(*BEGIN, "--suite", "chat")
    assert conclusions(github) == {"chat": None}
    assert invoke("report", "--allow-none", "no.json", "--publish", "check", "--suite", "chat").code == 0
    assert conclusions(github) == {"chat": "neutral"}


@pytest.mark.parametrize("name", ["x" * 110, "line\tone", "trailing  ", "  "])
@pytest.mark.parametrize("by", ["option", "configuration", "matrix"])
def test_a_check_begins_by_the_very_name_that_it_ends_by(
    invoke: Invoke, judged: Callable[..., Path], on_pull_request: Callable[..., Runner], github: GitHubServer,
    name: str, by: str,
) -> None:  # fmt: skip
    verdict = judged(factor=1.0, rules={"profiler": {"name": name}} if by == "configuration" else None)
    on_pull_request(**({"LENS_GATE_LEG": json.dumps({"model": name})} if by == "matrix" else {}))
    given = ("--suite", name) if by == "option" else ()
    invoke(*BEGIN, *given)
    (begun,) = conclusions(github)
    if by == "configuration":
        verdict.write_text("{", encoding="utf-8")
    invoke("report", str(verdict), "--publish", "check", *given)
    assert conclusions(github) == {begun: "failure" if by == "configuration" else "success"}
