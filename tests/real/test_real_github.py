"""What we ask of GitHub, held against GitHub's own description of its interface: by openapi-core, and by prism."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from lens_gate.ci.asking import Errand
from lens_gate.ci.github.api import Api
from lens_gate.ci.github.asking import Asking
from lens_gate.ci.github.event import read_event
from lens_gate.ci.github.job import Job
from lens_gate.ci.notes import Note, Patience, keep_one
from lens_gate.ci.waiting import Waiting
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion, Level
from tests.fakes.github import TOKEN, GitHubServer, Request, an_open_pull, github_server
from tests.fakes.github_runner import BEFORE_SHA, SHA, Runner, a_finished_run, a_pull_request
from tests.real.test_real_object_stores import served

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent.parent
REAL = ROOT / ".real"
DESCRIPTION = REAL / "github-api.json"
HOME = "/repos/acme/widgets"
WAITING = Waiting(sleep=lambda _: None, now=time.time, rng=Random(1))
JOB = Job(name="gate", nonce="0f" * 8)
WRONG: tuple[tuple[str, str, Any], ...] = (
    ("POST", f"{HOME}/issues/482/comments", {}),
    ("PATCH", f"{HOME}/issues/comments/1", {"body": 3}),
    ("POST", f"{HOME}/check-runs", {"name": "x"}),
    ("POST", f"{HOME}/check-runs", {"name": "x", "head_sha": SHA, "status": "completed", "conclusion": "fine"}),
    ("PATCH", f"{HOME}/check-runs/1", {"output": {"summary": "s", "annotations": [{"path": "a"}]}}),
)


def connected(server_url: str, folder: Path, name: str, payload: dict[str, Any], *, run: int = 4242) -> Api:
    changes = {"GITHUB_API_URL": server_url, "GITHUB_RUN_ID": str(run)}
    event = read_event(Runner(folder, name=name, changes=changes).environment(), json.dumps(payload))
    return Api.connect(event, TOKEN, Asking(waiting=WAITING))


def use_everything(server: GitHubServer, folder: Path) -> None:
    """Ask for all that we ever ask: of 250 comments, of doubles, of checks with 120 annotations, lost ones, forks."""
    for number in range(250):
        server.add_comment(f"not ours {number}", login="octocat")
    server.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
    server.runs[77] = "completed"
    on_pull = {"pull_request": a_pull_request(), "before": BEFORE_SHA}
    notes = connected(server.url, folder, "pull_request", on_pull).notes()[0]
    for text in ("m one", "m two"):
        keep_one(notes, "m", lambda _, text=text: text, Patience(waiting=WAITING))  # type: ignore[misc]
    server.add_comment("m a double")
    keep_one(notes, "m", lambda _: "m three", Patience(waiting=WAITING))
    connected(server.url, folder, "pull_request", on_pull, run=77).checks(JOB, time.time).begin("suite")
    checks = connected(server.url, folder, "pull_request", on_pull).checks(JOB, time.time)
    checks.begin("suite")
    lines = tuple(
        Annotation(level=level, title="first token", message="comes later", path="lens-gate.yaml", line=number)
        for number in range(1, 41)
        for level in Level
    )
    for conclusion in Conclusion:
        result = CheckResult(conclusion=conclusion, title="t", summary="s", annotations=lines)
        checks.end("suite", result)
    followed = {"workflow_run": a_finished_run()}
    connected(server.url, folder, "workflow_run", followed).notes()[0].create("from a fork")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[Request]:
    """Every request to the REST interface; the one to GraphQL has no OpenAPI description."""
    with github_server() as server:
        use_everything(server, tmp_path_factory.mktemp("runner"))
        return [one for one in server.asked if one.path != "/graphql"]


def problems_of(requests: list[dict[str, Any]]) -> list[str | None]:
    python = REAL / "venv/bin/python"
    assert python.exists(), "run `make test-real`, which installs it"
    lines = "".join(json.dumps(one) + "\n" for one in requests)
    command = [str(python), str(ROOT / "tests/real/openapi_problems.py"), str(DESCRIPTION)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_plain(one: Request) -> dict[str, Any]:
    return {"method": one.method, "path": one.path, "query": dict(one.query), "body": one.body}


def test_every_request_is_as_github_describes_it(asked: list[Request]) -> None:
    found = problems_of([as_plain(one) for one in asked])
    assert len(found) == len(asked)
    assert [problem for problem in found if problem] == []
    kinds = {(one.method, one.path.removeprefix(HOME).split("/")[1]) for one in asked}
    assert len(kinds) >= 8


def test_what_github_would_not_take_is_found_out() -> None:
    found = problems_of([{"method": verb, "path": path, "query": {}, "body": body} for verb, path, body in WRONG])
    assert all(found), found


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """Prism, which answers as the description says, and refuses what it does not."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = REAL / "node_modules/.bin/prism"
    assert program.exists(), "run `make test-real`, which installs it"
    command = [shutil.which("node") or "node", str(program), "mock", "-h", "127.0.0.1", "-p", str(port), "--errors"]
    with served([*command, str(DESCRIPTION)], port, within_s=100):
        yield f"http://127.0.0.1:{port}"


def kind(one: Request) -> str:
    """Return what a request is like: its method, resource, parameters and fields."""
    resource = re.sub(r"/([0-9]+|[0-9a-f]{40})(?=/|$)", "/ID", one.path)
    return json.dumps([one.method, resource, sorted(one.query), sorted(one.body or ())])


def about_the_request(answer: httpx.Response) -> bool:
    """Whether a refusal is about what was asked: some examples in the description break the description."""
    return any(found["location"][0] != "response" for found in answer.json().get("validation", [{"location": [""]}]))


def test_prism_takes_every_kind_of_request_that_we_send(asked: list[Request], prism: str) -> None:
    kinds = {kind(one): one for one in asked}
    assert len(kinds) >= 12
    for one in kinds.values():
        given: dict[str, Any] = {"params": dict(one.query), "json": one.body}
        answer = httpx.request(one.method, f"{prism}{one.path}", **given, timeout=60)
        assert answer.status_code < 300 or not about_the_request(answer), (one.method, one.path, answer.text[:500])


def test_prism_refuses_what_the_description_does_not_allow(prism: str) -> None:
    for verb, path, body in WRONG:
        answer = httpx.request(verb, f"{prism}{path}", json=body, timeout=30)
        assert answer.status_code == 422, (verb, path, answer.text[:500])


def test_our_client_writes_changes_and_deletes_a_comment_against_prism(prism: str, tmp_path: Path) -> None:
    notes = connected(prism, tmp_path, "pull_request", {"pull_request": a_pull_request()}).notes()[0]
    notes.create("a comment")
    notes.edit(Note(id=1, body=""), "another text")
    notes.delete(Note(id=1, body=""))


def test_what_prism_refuses_is_told_as_githubs_refusal(prism: str, tmp_path: Path) -> None:
    api = connected(prism, tmp_path, "pull_request", {"pull_request": a_pull_request()})
    repository = api.client.get_repo("acme/widgets")
    errand = Errand(what="make a check", permission="checks: write")
    with pytest.raises(PublishFailed, match="refuses to make a check: 422"):
        api.asking(errand, lambda: repository.create_check_run("x", SHA, status="completed", conclusion="fine"))
