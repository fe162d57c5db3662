"""What a pipeline's shallow checkout leaves out is fetched: two commits, and no more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lens_gate.ci.checkout import credentials, fetch_base
from lens_gate.ci.repository import ChangePlace, Repository, branch_of_origin
from tests.fakes.git import commit, git, make_repository

TOKEN = "ghs_0123456789"

TARGET = branch_of_origin("main")


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A repository on a server, with the merge commit of a pull request as its HEAD."""
    server = tmp_path / "server"
    server.mkdir()
    make_repository(server)
    for number in range(3):
        (server / "file").write_text(str(number), encoding="utf-8")
        commit(server, f"change {number}")
    git(server, "checkout", "--quiet", "-b", "topic")
    (server / "other").write_text("x", encoding="utf-8")
    commit(server, "topic")
    git(server, "checkout", "--quiet", "--detach", "main")
    git(server, "merge", "--quiet", "--no-ff", "--message", "merge", "topic")
    git(server, "update-ref", "refs/pull/12/merge", "HEAD")
    git(server, "config", "uploadpack.allowAnySHA1InWant", "true")
    return server


def shallow(server: Path, folder: Path) -> Repository:
    """Check out one commit, as `actions/checkout` does."""
    folder.mkdir()
    make_repository(folder)
    git(folder, "remote", "add", "origin", server.as_uri())
    git(folder, "fetch", "--quiet", "--depth=1", "origin", "+refs/pull/12/merge:refs/remotes/pull/12/merge")
    git(folder, "checkout", "--quiet", "--detach", "refs/remotes/pull/12/merge")
    return Repository(folder)


def header_for(url: str, variables: Mapping[str, str]) -> str:
    """Return the header that git would send to an address."""
    asked = ["git", "config", "--get-urlmatch", "http.extraheader", url]
    done = subprocess.run(asked, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_the_first_parent_and_the_target_branch_are_fetched_into_a_shallow_checkout(
    merged: Path, tmp_path: Path
) -> None:
    repository, said = shallow(merged, tmp_path / "work"), list[str]()
    parent = git(merged, "rev-parse", "main")
    assert repository.missing_parent() == parent
    fetch_base(repository, TARGET, ChangePlace(), os.environ, said.append)
    assert repository.default_base(ChangePlace(merge=repository.head())) == parent
    assert repository.resolve(TARGET) == parent
    assert repository.is_shallow()
    assert git(repository.root, "rev-list", "--count", parent) == "1"
    assert len(said) == 1
    assert parent in said[0]


def test_of_a_merge_queue_the_commit_that_the_group_stands_on_is_fetched(merged: Path, tmp_path: Path) -> None:
    base = git(merged, "rev-parse", "main~1")
    git(merged, "branch", "gh-readonly-queue/main/pr-12-0", "topic")
    folder = tmp_path / "work"
    folder.mkdir()
    make_repository(folder)
    git(folder, "remote", "add", "origin", merged.as_uri())
    queue = "gh-readonly-queue/main/pr-12-0"
    git(folder, "fetch", "--quiet", "--depth=1", "origin", f"+refs/heads/{queue}:refs/remotes/origin/{queue}")
    git(folder, "checkout", "--quiet", "-b", queue, f"refs/remotes/origin/{queue}")
    repository, place = Repository(folder), ChangePlace(left_at=base, goes_to=("main",))
    fetch_base(repository, TARGET, place, os.environ, lambda _: None)
    assert repository.default_base(place) == base
    assert repository.resolve(TARGET) == git(merged, "rev-parse", "main")


def test_nothing_is_fetched_where_everything_is_there(merged: Path, tmp_path: Path) -> None:
    repository, said = shallow(merged, tmp_path / "work"), list[str]()
    fetch_base(repository, TARGET, ChangePlace(), os.environ, said.append)
    git(repository.root, "remote", "set-url", "origin", "file:///nowhere")
    fetch_base(repository, TARGET, ChangePlace(), os.environ, said.append)
    assert len(said) == 1


def test_a_whole_clone_stays_whole(merged: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--no-local", merged.as_uri(), "work")
    repository = Repository(tmp_path / "work")
    git(repository.root, "update-ref", "-d", "refs/remotes/origin/main")
    fetch_base(repository, TARGET, ChangePlace(), os.environ, list[str]().append)
    assert repository.knows(TARGET)
    assert not repository.is_shallow()


def test_where_it_cannot_be_fetched_it_says_what_to_do_and_goes_on(merged: Path, tmp_path: Path) -> None:
    repository, said = shallow(merged, tmp_path / "work"), list[str]()
    git(repository.root, "remote", "set-url", "origin", "file:///nowhere")
    fetch_base(repository, TARGET, ChangePlace(), os.environ, said.append)
    assert said[0].startswith("warning: ")
    assert "fetch-depth: 0" in said[0]


def test_a_branch_that_is_checked_out_needs_no_parent(merged: Path, tmp_path: Path) -> None:
    repository = shallow(merged, tmp_path / "work")
    git(repository.root, "checkout", "--quiet", "-b", "main")
    said = list[str]()
    fetch_base(repository, None, ChangePlace(), os.environ, said.append)
    assert said == []


def test_the_token_is_shown_to_the_server_of_the_platform_alone(merged: Path, tmp_path: Path) -> None:
    repository = shallow(merged, tmp_path / "work")
    around = {"GITHUB_SERVER_URL": "https://github.example.com", "GITHUB_TOKEN": TOKEN}
    shown = credentials(repository, around)
    assert shown["GIT_CONFIG_KEY_0"] == "http.https://github.example.com/.extraheader"
    assert TOKEN not in shown["GIT_CONFIG_VALUE_0"]
    assert header_for("https://github.example.com/acme/widgets.git", shown) == shown["GIT_CONFIG_VALUE_0"]
    assert header_for("https://elsewhere.example.com/acme/widgets.git", shown) == ""


def test_the_credentials_that_the_checkout_left_are_used_alone(merged: Path, tmp_path: Path) -> None:
    repository = shallow(merged, tmp_path / "work")
    around = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_TOKEN": TOKEN}
    git(repository.root, "config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic eA==")
    assert credentials(repository, around) == {}


def test_settings_that_the_environment_gives_git_stay(merged: Path, tmp_path: Path) -> None:
    repository = shallow(merged, tmp_path / "work")
    around = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_TOKEN": TOKEN, "GIT_CONFIG_COUNT": "2"}
    shown = credentials(repository, around)
    assert shown["GIT_CONFIG_COUNT"] == "3"
    assert shown["GIT_CONFIG_KEY_2"] == "http.https://github.com/.extraheader"


def test_without_a_token_nothing_is_shown(merged: Path, tmp_path: Path) -> None:
    repository = shallow(merged, tmp_path / "work")
    assert credentials(repository, {"GITHUB_SERVER_URL": "https://github.com"}) == {}
