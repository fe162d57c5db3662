"""The GitLab template in real pipelines, run by gitlab-ci-local: installed by pip, and with a verdict at the end."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.verdict import Verdict
from tests.fakes.git import commit, git, make_repository
from tests.real.acting import ROOT, TOOLS, UNCOMPILED
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
    (folder / "lens-gate.yaml").write_text(config(simulator, "steady+slower=20"), encoding="utf-8")
    commit(folder, "change")
    return folder


def ran(project: Path, wheelhouse: Path, *words: str, **variables: str) -> Pipeline:
    """Run a pipeline of the project with these variables of GitLab's."""
    command = ["node", str(RUNNER), "--force-shell-executor", "--shell-isolation", *words]
    for name, value in variables.items():
        command += ["--variable", f"{name}={value}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI", "GITLAB_"))}
    around = {**kept, **UNCOMPILED, "PIP_FIND_LINKS": f"{wheelhouse} {os.environ.get('PIP_FIND_LINKS', '')}".strip()}
    around |= {"HOME": str(project.parent), "PATH": f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=project, env=around, capture_output=True, text=True, timeout=500, check=False)
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    return Pipeline(done.returncode, log, done.stdout, project)


def previewed(project: Path, wheelhouse: Path, file: str) -> dict[str, Any]:
    """Return the jobs that a file of the project expands to."""
    done = ran(project, wheelhouse, "--preview", "--file", file, **MERGE_REQUEST)
    jobs: dict[str, Any] = yaml.safe_load(done.shown[done.shown.index("---") :])
    return jobs


def test_the_include_of_the_readme_gives_a_verdict_on_its_first_run(project: Path, wheelhouse: Path) -> None:
    done = ran(project, wheelhouse, **MERGE_REQUEST)
    assert done.code == 1, done.log
    assert "outcome=regression exit=1" in done.log, done.log
    assert done.verdict("lens-gate:development").outcome == "regression"


def test_the_second_pipeline_finds_its_environment_in_the_cache_keeps_a_store_and_shows_it_on_pages(
    project: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    written = yaml.safe_load(readme_block("include:"))
    written["include"][0]["inputs"] |= {"store": f"{tmp_path}/runs/", "pages": True, "args": "--requests 60"}
    (project / ".gitlab-ci.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    commit(project, "keep a store")
    git(project, "branch", "--force", "main")
    git(project, "checkout", "--quiet", "main")
    done = ran(project, wheelhouse, CI_PIPELINE_SOURCE="push")
    assert "Collecting" not in done.log
    assert "outcome=no_baseline exit=0" in done.log, done.log
    assert re.search(r"PASS +lens-gate:pages", done.log), done.log
    (page,) = project.glob(".gitlab-ci-local/artifacts/lens-gate*pages/public/index.html")
    assert "steady" in page.read_text(encoding="utf-8")


def test_words_in_a_commit_skip_the_measurement(project: Path, wheelhouse: Path) -> None:
    for message, when in (("words only [skip benchmark]", "never"), ("words [skip] benchmark", "on_success")):
        done = ran(project, wheelhouse, "--list-json", **MERGE_REQUEST, CI_COMMIT_MESSAGE=message)
        listed = re.search(r'"name": "lens-gate:development".*?"when": "(\w+)"', done.log, re.DOTALL)
        assert listed is not None
        assert listed[1] == when


TWO_AND_A_SITE = """\
include:
  - component: $CI_SERVER_FQDN/org/llm-lens/lens-gate@v1
    inputs: { store: runs/, pages: true }
  - component: $CI_SERVER_FQDN/org/llm-lens/lens-gate@v1
    inputs: { prefix: second, store: more/ }
pages:
  script: [make site]
  artifacts: { paths: [public/] }
"""


@pytest.fixture(scope="module")
def jobs(project: Path, wheelhouse: Path) -> dict[str, Any]:
    """The jobs of a pipeline that includes the template twice and has a site already."""
    (project / "two.yml").write_text(TWO_AND_A_SITE, encoding="utf-8")
    return previewed(project, wheelhouse, "two.yml")


def test_several_includes_and_a_site_of_the_projects_own_leave_each_other_alone(jobs: dict[str, Any]) -> None:
    assert jobs["pages"]["script"] == ["make site"]
    assert not jobs["pages"].keys() & {"rules", "needs"}
    for prefix, shown in (("lens-gate", "true"), ("second", "false")):
        job = jobs[f"{prefix}:pages"]
        assert job["pages"] is True
        assert [need["job"] for need in job["needs"]] == [f"{prefix}:report"]
        assert job["rules"][0]["if"].startswith(f'"{shown}" == "true" && ')
    check = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", "-"]
    valid = subprocess.run(check, input=json.dumps(jobs), capture_output=True, text=True, check=False)
    assert valid.returncode == 0, valid.stdout


@pytest.mark.parametrize(
    ("fails", "code", "last"),
    [("none", 0, "gate"), ("ci", 1, "gate"), ("gate", 1, "gate"), ("trend", 1, "trend")],
)
def test_a_scheduled_pipeline_looks_at_the_trend_whatever_its_own_run_shows(
    jobs: dict[str, Any], fails: str, code: int, last: str
) -> None:
    script = "\n".join(jobs["lens-gate:scheduled"]["script"])
    pretending = f"lens_gate() {{ echo $1; [ $1 != {fails} ]; }}\n{script}"
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", pretending], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[-1]) == (code, last)


@pytest.mark.parametrize("way", ["component", "project", "remote"])
def test_each_way_of_including_gives_the_same_jobs(way: str, project: Path, wheelhouse: Path, served: str) -> None:
    text = (ROOT / "gitlab" / f"{way}.gitlab-ci.yml").read_text(encoding="utf-8")
    text = text.replace("https://gitlab.com/org/llm-lens/-/raw/v1", served)
    (project / "other.yml").write_text(text, encoding="utf-8")
    jobs = previewed(project, wheelhouse, "other.yml")
    assert {f"lens-gate:{job}" for job in ("development", "production", "scheduled", "report", "pages")} <= set(jobs)
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
