"""The simulator as a process, and the command line as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.artifacts.samples import Sample
from lens_gate.cli import publishing
from lens_gate.cli.app import execute
from lens_gate.vocabulary.requests import Arm
from tests.builders import MS, a_duet_run, a_pair
from tests.fakes.github import TOKEN, GitHubServer, an_open_pull, github_server
from tests.fakes.github_runner import SHA, Runner, a_finished_run, a_pull_request
from tests.measuring import be_patient

KEY = "sk-live-0123456789abcdefKEY"


@dataclass(frozen=True)
class Answer:
    """What one invocation printed and returned."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, str]:
        """The last line on stderr as a mapping."""
        last = self.err.strip().splitlines()[-1]
        return dict(word.split("=", 1) for word in last.split() if "=" in word)


Invoke = Callable[..., Answer]
OnGitHub = Callable[..., Runner]


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a simulator that accepts one key only."""
    folder = tmp_path_factory.mktemp("simulator")
    command = [sys.executable, "-m", "lens_gate", "simulate", "--api-key", KEY, "--log", str(folder / "log.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is no git repository, with the key in the environment and nothing else of ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LENS_GATE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("SIM_KEY", KEY)
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def invoke(home: Path, capfd: pytest.CaptureFixture[str]) -> Invoke:
    """Call the command line in the empty folder."""

    def call(*arguments: str) -> Answer:
        capfd.readouterr()
        code = execute(arguments)
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def configure(home: Path, simulator: str) -> Callable[..., Path]:
    """Write a configuration for the simulator; keyword arguments replace whole sections."""

    def write(name: str = "lens-gate.yaml", *, models: tuple[str, ...] = ("sim-small",), **sections: Any) -> Path:
        entries = [
            {"id": model, "max_tokens": 32, "input_usd_per_million": 0.5, "output_usd_per_million": 1.5}
            for model in models
        ]
        provider = {"name": "sim", "api": "openai-chat", "endpoint": f"{simulator}/v1", "models": entries}
        config: dict[str, Any] = {
            "providers": [{**provider, "api_key": "${SIM_KEY}"}],
            "workload": {
                "fixed": {"requests_per_second": 40},
                "prompts": [
                    {"id": "greeting", "template": "Say hello to {{name}}", "variables": {"name": ["Ada", "Bo"]}}
                ],
            },
        } | sections
        path = home / name
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    return write


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other things, which must not turn a measurement of this test invalid."""
    be_patient(monkeypatch)


@dataclass(frozen=True)
class Listener:
    """A server of a few lines: it counts what reaches it, and answers all of it alike."""

    url: str
    heard: list[tuple[str, str | None]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.heard)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of loopback, and give its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(20)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Answers 401, and repeats the Authorization header in body and header as careless gateways do."""
    heard: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            key = self.headers.get("Authorization")
            heard.append((self.path, key))
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.dumps({"error": {"message": f"key {key} is not known here", "type": "auth"}}).encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Echo", str(key))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler) as url:
        yield Listener(url, heard)


Duet = Callable[..., Path]


@cache
def both_arms(factor: float, pairs: int) -> tuple[Sample, ...]:
    """Return so many pairs whose candidate takes `factor` times as long; many tests ask for the same."""
    spread = np.random.default_rng(7).lognormal(0.0, 0.05, (pairs, 2, 2))
    samples = []
    for number, drawn in enumerate(spread):
        for sample, shares in zip(a_pair(number), drawn, strict=True):
            slower = factor if sample.arm is Arm.CANDIDATE else 1.0
            due = sample.intended_ns
            first, last = (due + int(one) for one in np.cumsum(shares * slower * np.array([500.0, 1000.0])) * MS)
            samples.append(
                replace(
                    sample, sent_ns=due + MS, headers_ns=due + 2 * MS, first_byte_ns=first, first_token_ns=first,
                    first_visible_ns=first, last_token_ns=last, end_ns=last + MS,
                )
            )  # fmt: skip
    return tuple(samples)


@pytest.fixture
def duet(home: Path) -> Duet:
    """Write a run of both arms whose candidate takes `factor` times as long; `changes` go to the artifact."""

    def write(name: str = "run.json", *, factor: float = 1.0, pairs: int = 300, **changes: Any) -> Path:
        path = home / name
        path.write_bytes(dumps(a_duet_run(both_arms(factor, pairs), **changes)))
        return path

    return write


@pytest.fixture
def on_github(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> OnGitHub:
    """Make this process a step of a workflow."""

    def begin(name: str = "push", event: dict[str, Any] | None = None, **changes: str) -> Runner:
        runner = Runner(tmp_path_factory.mktemp("runner"), name=name, event=event or {}, changes=changes)
        for variable, value in runner.environment().items():
            monkeypatch.setenv(variable, value)
        return runner

    return begin


@pytest.fixture
def judged(invoke: Invoke, duet: Duet, home: Path) -> Callable[..., Path]:
    """Write a verdict on a run whose candidate takes `factor` times as long."""

    def write(name: str = "verdict.json", *, factor: float = 1.6, rules: Mapping[str, Any] | None = None) -> Path:
        config = []
        if rules is not None:
            (home / "lens-gate.yaml").write_text(json.dumps(rules, indent=1), encoding="utf-8")
            config = ["--config", "lens-gate.yaml"]
        duet(factor=factor, pairs=60)
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        invoke("gate", "run.json", *config, "--output", name)
        return home / name

    return write


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    monkeypatch.setattr(publishing, "PAUSE_S", 0.01)
    with github_server() as server:
        yield server


@pytest.fixture
def on_pull_request(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of a workflow of a pull request, which has a token."""

    def begin(**changes: str) -> Runner:
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN}
        return on_github("pull_request", {"pull_request": a_pull_request()}, **known, **changes)

    return begin


@pytest.fixture
def on_fork(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of the first half: a pull request from a fork."""

    def begin(**changes: str) -> Runner:
        event = {"pull_request": a_pull_request(home="visitor/widgets")}
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "ghs_mayonlyread"}
        return on_github("pull_request", event, **known, **changes)

    return begin


@pytest.fixture
def in_trusted_half(on_github: OnGitHub, github: GitHubServer) -> Callable[..., Runner]:
    """Make this process a step of the second half, which follows the run of a fork."""

    def begin() -> Runner:
        github.pulls = [an_open_pull(99, sha=SHA, ref="longer-prompt")]
        known = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": TOKEN}
        return on_github("workflow_run", {"workflow_run": a_finished_run()}, **known)

    return begin
