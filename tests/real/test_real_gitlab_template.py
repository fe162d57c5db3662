"""The GitLab template in real pipelines, run by gitlab-ci-local: installed by pip, and with a verdict at the end."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.verdict import Verdict
from tests.fakes.git import commit, git, make_repository
from tests.real.acting import ROOT
from tests.real.test_real_action import config, readme_block, simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

__all__ = ["simulator"]

RUNNER = ROOT / ".real" / "node_modules" / "gitlab-ci-local" / "src" / "index.js"
TEMPLATE = "templates/lens-gate.yml"
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "12"}
MERGE_REQUEST |= {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline did, and where its artifacts lie."""

    code: int
    log: str
    shown: str
    folder: Path

    def verdict(self, job: str) -> Verdict:
        builds = self.folder / ".gitlab-ci-local" / "builds"
        (path,) = builds.glob(f"{job.replace(':', '*')}/results/verdict.json")
        found = loads(path.read_bytes(), name=path.name)
        assert isinstance(found, Verdict)
        return found


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that is what GitLab has at org/llm-lens, with its tag v1."""
    folder = tmp_path_factory.mktemp("llm-lens")
    make_repository(folder)
    (folder / "templates").mkdir()
    shutil.copy(ROOT / TEMPLATE, folder / TEMPLATE)
    commit(folder, "release")
    git(folder, "tag", "v1")
    return folder


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where pip finds lens-gate; what that needs comes from where pip is configured to look."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, release: Path, simulator: str) -> Path:
    """A fresh project whose merge request makes its model slower; its pipeline is that of the README."""
    folder = tmp_path_factory.mktemp("project") / "widgets"
    folder.mkdir()
    make_repository(folder)
    git(folder, "remote", "add", "origin", "ssh://git@gitlab.com:22/acme/widgets.git")
    git(folder, "config", f"url.{release.as_uri()}.insteadOf", "ssh://git@gitlab.com:22/org/llm-lens.git")
    (folder / ".gitlab-ci.yml").write_text(readme_block("include:"), encoding="utf-8")
    (folder / ".gitignore").write_text(".gitlab-ci-local/\n.lens-gate/\nresults/\n", encoding="utf-8")
    (folder / "lens-gate.yaml").write_text(config(simulator), encoding="utf-8")
    base = commit(folder, "base")
    git(folder, "update-ref", "refs/remotes/origin/main", base)
    git(folder, "checkout", "--quiet", "-b", "change")
    (folder / "lens-gate.yaml").write_text(config(simulator, "sim-large+slower=30"), encoding="utf-8")
    commit(folder, "change")
    return folder


def ran(project: Path, wheelhouse: Path, *words: str, **variables: str) -> Pipeline:
    """Run a pipeline of the project with these variables of GitLab's."""
    command = ["node", str(RUNNER), "--force-shell-executor", "--shell-isolation", *words]
    for name, value in variables.items():
        command += ["--variable", f"{name}={value}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI", "GITLAB_"))}
    around = {**kept, "PIP_FIND_LINKS": f"{wheelhouse} {os.environ.get('PIP_FIND_LINKS', '')}".strip()}
    around |= {"HOME": str(project.parent), "PATH": f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=project, env=around, capture_output=True, text=True, timeout=300, check=False)
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    return Pipeline(done.returncode, log, done.stdout, project)


def test_the_include_of_the_readme_gives_a_verdict_on_its_first_run(project: Path, wheelhouse: Path) -> None:
    done = ran(project, wheelhouse, **MERGE_REQUEST)
    assert done.code == 1, done.log
    assert "outcome=regression exit=1" in done.log, done.log
    assert done.verdict("lens-gate:development").outcome == "regression"


def test_the_second_pipeline_finds_its_environment_in_the_cache_and_keeps_a_store(
    project: Path, wheelhouse: Path, simulator: str
) -> None:
    written = yaml.safe_load(readme_block("include:"))
    written["include"][0]["inputs"] |= {"store": "runs/", "args": "--requests 60"}
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    commit(project, "keep a store")
    git(project, "branch", "--force", "main")
    git(project, "checkout", "--quiet", "main")
    done = ran(project, wheelhouse, CI_PIPELINE_SOURCE="push")
    assert "Collecting" not in done.log
    assert "outcome=no_baseline exit=0" in done.log, done.log


def test_words_in_a_commit_skip_the_measurement(project: Path, wheelhouse: Path) -> None:
    for message, when in (("words only [skip benchmark]", "never"), ("words [skip] benchmark", "on_success")):
        done = ran(project, wheelhouse, "--list-json", **MERGE_REQUEST, CI_COMMIT_MESSAGE=message)
        listed = re.search(r'"name": "lens-gate:development".*?"when": "(\w+)"', done.log, re.DOTALL)
        assert listed is not None
        assert listed[1] == when


@pytest.mark.parametrize("way", ["component", "project", "remote"])
def test_each_way_of_including_gives_the_same_jobs(way: str, project: Path, wheelhouse: Path, served: str) -> None:
    text = (ROOT / "gitlab" / f"{way}.gitlab-ci.yml").read_text(encoding="utf-8")
    text = text.replace("https://gitlab.com/org/llm-lens/-/raw/v1", served)
    (project / "other.yml").write_text(text, encoding="utf-8")
    done = ran(project, wheelhouse, "--preview", "--file", "other.yml", **MERGE_REQUEST)
    jobs = yaml.safe_load(done.shown[done.shown.index("---") :])
    assert {f"lens-gate:{job}" for job in ("development", "production", "scheduled", "report")} <= set(jobs)
    assert "--max-cost 2.00" in jobs["lens-gate:development"]["script"][0]


@pytest.fixture
def served(release: Path) -> Iterator[str]:
    """The template behind an address."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(release))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
