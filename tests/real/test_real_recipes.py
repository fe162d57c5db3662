"""The recipes of docs/pipelines.md for other systems: their shell lines, run as each system checks out and calls."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.git import commit, git, make_repository
from tests.real.acting import ROOT, TOOLS
from tests.real.test_real_action import config, simulator
from tests.real.test_real_gitlab_template import wheelhouse

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

__all__ = ["simulator", "wheelhouse"]

PAGE = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
SHA = "HEAD_SHA"
"""Stands in the variables for the commit that is built."""


def recipe(system: str) -> str:
    """Return the block of code below the name of a system."""
    found = re.search(rf"^{system}:\n\n```\w+\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def in_jenkins(text: str) -> list[str]:
    return re.findall(r"sh '(.+?)'", text)


def in_yaml(*words: str) -> Callable[[str], list[str]]:
    """Return what finds the values of a key, such as `run`, in a file of YAML."""

    def found(node: Any) -> list[str]:
        if isinstance(node, list):
            return [line for one in node for line in found(one)]
        if not isinstance(node, dict):
            return []
        mine = [str(value) for key, value in node.items() if key in words]
        return mine + [line for key, value in node.items() if key not in words for line in found(value)]

    return lambda text: found(yaml.safe_load(text))


def one_branch(server: Path, folder: Path) -> None:
    """Check out as Jenkins does for a pull request: the head of its branch, and no other branch of the remote."""
    make_repository(folder)
    git(folder, "remote", "add", "origin", server.as_uri())
    git(folder, "fetch", "--quiet", "origin", "+refs/heads/change:refs/remotes/origin/PR-12")
    git(folder, "checkout", "--quiet", "--detach", "origin/PR-12")


def a_clone(server: Path, folder: Path) -> None:
    """Check out as CircleCI does: a clone, on the branch."""
    git(folder.parent, "clone", "--quiet", "--branch", "change", server.as_uri(), folder.name)


def a_detached_clone(server: Path, folder: Path) -> None:
    """Check out as Buildkite does: a clone, at the commit."""
    a_clone(server, folder)
    git(folder, "checkout", "--quiet", "--detach", "origin/change")


def the_merge(server: Path, folder: Path) -> None:
    """Check out as Azure does for a pull request: all branches, and the merge that it made, detached."""
    git(server, "checkout", "--quiet", "--detach", "main")
    git(server, "merge", "--quiet", "--no-ff", "--message", "Merge pull request 12", "change")
    git(server, "update-ref", "refs/pull/12/merge", "HEAD")
    git(server, "checkout", "--quiet", "main")
    make_repository(folder)
    git(folder, "remote", "add", "origin", server.as_uri())
    refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/pull/12/merge:refs/remotes/pull/12/merge")
    git(folder, "fetch", "--quiet", "origin", *refs)
    git(folder, "checkout", "--quiet", "--detach", "refs/remotes/pull/12/merge")


@dataclass(frozen=True, kw_only=True)
class System:
    """A system: where its recipe keeps lines of shell, how it checks out, and what it sets in the environment."""

    name: str
    lines: Callable[[str], list[str]]
    check_out: Callable[[Path, Path], None]
    variables: dict[str, str]
    schema: str = ""


SYSTEMS = (
    System(
        name="Jenkins",
        lines=in_jenkins,
        check_out=one_branch,
        variables={
            "JENKINS_URL": "https://ci.example/", "BUILD_NUMBER": "7", "BRANCH_NAME": "PR-12", "CHANGE_ID": "12",
            "CHANGE_TARGET": "main", "CHANGE_BRANCH": "change", "GIT_COMMIT": SHA,
        },
    ),
    System(
        name="CircleCI",
        lines=in_yaml("run"),
        check_out=a_clone,
        variables={"CI": "true", "CIRCLECI": "true", "CIRCLE_BRANCH": "change", "CIRCLE_SHA1": SHA},
        schema="vendor.circle-ci",
    ),
    System(
        name="Azure Pipelines",
        lines=in_yaml("script"),
        check_out=the_merge,
        variables={
            "TF_BUILD": "True", "BUILD_REASON": "PullRequest", "BUILD_SOURCEBRANCH": "refs/pull/12/merge",
            "BUILD_SOURCEVERSION": SHA, "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
        },
        schema="vendor.azure-pipelines",
    ),
    System(
        name="Buildkite",
        lines=in_yaml("command"),
        check_out=a_detached_clone,
        variables={"CI": "true", "BUILDKITE": "true", "BUILDKITE_BRANCH": "change", "BUILDKITE_COMMIT": SHA},
        schema="vendor.buildkite",
    ),
)  # fmt: skip


def ids(system: System) -> str:
    return system.name


@pytest.fixture
def server(tmp_path: Path, simulator: str) -> Path:
    """What the project's remote holds: a change that makes the model slower, while main has moved on."""
    folder = tmp_path / "server"
    folder.mkdir()
    make_repository(folder)
    (folder / "lens-gate.yaml").write_text(config(simulator, requests=80), encoding="utf-8")
    commit(folder, "base")
    git(folder, "checkout", "--quiet", "-b", "change")
    slower = config(simulator, "sim-large+slower=100", requests=80)
    (folder / "lens-gate.yaml").write_text(slower, encoding="utf-8")
    commit(folder, "change")
    git(folder, "checkout", "--quiet", "main")
    (folder / "notes.md").write_text("something else", encoding="utf-8")
    commit(folder, "main moves on")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a Python that has not got lens-gate, as an image of such a system has it."""
    folder = tmp_path_factory.mktemp("image") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin"


def ran(lines: Sequence[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines one after the other, each in a shell of its own, up to the first that fails."""
    script = "".join(f"bash -e -c {json.dumps(line)} || exit\n" for line in lines)
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=variables, capture_output=True, text=True, timeout=200, check=False
    )


@pytest.mark.parametrize("system", SYSTEMS, ids=ids)
def test_a_recipe_finds_the_regression_of_a_fresh_change(
    system: System, server: Path, python: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=system.check_out not in {a_clone, a_detached_clone})
    system.check_out(server, folder)
    head = git(folder, "rev-parse", "HEAD")
    # pip installs lens-gate itself; what that needs comes from the environment of the tests, which saves minutes.
    installing = {
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_IGNORE_INSTALLED": "1",
        "PIP_FIND_LINKS": str(wheelhouse),
    }
    around = {"HOME": str(tmp_path), "PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    around |= {"PYTHONPATH": sysconfig.get_path("purelib"), **installing}
    set_by_system = {name: head if value == SHA else value for name, value in system.variables.items()}
    done = ran(system.lines(recipe(system.name)), folder, **around, **set_by_system)
    said = done.stdout + done.stderr
    assert "outcome=regression exit=1" in said, said
    assert done.returncode == 1, said
    assert (folder / "results" / "junit.xml").exists()
    assert "with " + git(server, "rev-parse", "main~1")[:7] in said or system.check_out is the_merge


@pytest.mark.parametrize("system", [one for one in SYSTEMS if one.schema], ids=ids)
def test_a_recipe_is_what_its_system_reads(system: System, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text(recipe(system.name), encoding="utf-8")
    check = [str(TOOLS / "check-jsonschema"), "--builtin-schema", system.schema]
    done = subprocess.run([*check, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    path.write_text(recipe(system.name).replace("steps:", "stebs:"), encoding="utf-8")
    assert subprocess.run([*check, str(path)], capture_output=True, check=False).returncode == 1
