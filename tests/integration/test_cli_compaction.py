"""`lens-gate baseline compact`: a branch that forgets, and stores that have nothing to forget."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.git import git, make_repository
from tests.integration.conftest import Invoke
from tests.integration.test_cli_stored import a_day


def test_a_branch_becomes_one_commit_of_what_is_stored(invoke: Invoke, home: Path) -> None:
    make_repository(home)
    for day in (1, 2):
        a_day(home / f"day-{day}.json", day)
        assert invoke("baseline", "save", f"day-{day}.json", "--store", "git:bench/history").code == 0
    before = invoke("baseline", "list", "--store", "git:bench/history").out
    assert int(git(home, "rev-list", "--count", "bench/history")) > 1
    answer = invoke("baseline", "compact", "--store", "git:bench/history")
    assert (answer.code, answer.out) == (
        0,
        "git:bench/history (this repository): one commit now holds all that is stored\n",
    )
    assert git(home, "rev-list", "--count", "bench/history") == "1"
    assert invoke("baseline", "list", "--store", "git:bench/history").out == before


def test_a_branch_that_is_not_there_and_other_stores_are_told(invoke: Invoke, home: Path) -> None:
    make_repository(home)
    answer = invoke("baseline", "compact", "--store", "git:nothing")
    assert answer.code == 7
    assert "there is no such branch" in answer.err
    answer = invoke("baseline", "compact", "--store", "results/")
    assert answer.code == 2
    assert "only a branch of git keeps what was replaced or removed" in answer.err
