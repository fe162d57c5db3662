"""`run` against a mock server that nobody here wrote, in all four wire formats."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lens_gate.cli.app import execute
from tests.measuring import run_in, samples_in, texts

pytestmark = pytest.mark.real

ANSWER = "The quick brown fox jumps over the lazy dog and runs away from the hunter."
INPUT_TOKENS, OUTPUT_TOKENS = 11, 17
USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "input_tokens": INPUT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "promptTokenCount": INPUT_TOKENS,
    "candidatesTokenCount": OUTPUT_TOKENS,
    "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
}
FIXTURES = [
    {"match": {"userMessage": "hello"}, "response": {"content": ANSWER, "usage": USAGE}},
    {
        "match": {"userMessage": "throttle"},
        "response": {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429},
    },
    {
        "match": {"userMessage": "boom"},
        "response": {"error": {"message": "broken", "type": "server_error"}, "status": 500},
    },
    {"match": {"userMessage": "cut"}, "response": {"content": ANSWER}, "truncateAfterChunks": 3},
]
EXPECTED = {
    "hello": ("none", "ok"),
    "throttle": ("rate_limit", "throttled"),
    "boom": ("api_error", "failed"),
    "cut": ("cut_stream", "failed"),
}
REQUESTS = 40
APIS = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic": "", "google": ""}
CHUNK_CHARACTERS = 6
READY_WITHIN_S = 20.0


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = Path(__file__).parent.parent.parent / ".real" / "node_modules" / "@copilotkit" / "aimock"
    assert program.is_dir(), "run `make test-real`, which installs it"
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    entry = program / json.loads((program / "package.json").read_text(encoding="utf-8"))["bin"]["llmock"]
    command = [shutil.which("node") or "node", str(entry), "-p", str(port), "-f", "fixtures.json"]
    command += ["-l", "10", "-c", str(CHUNK_CHARACTERS), "--log-level", "silent"]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} did not answer")


@pytest.fixture
def measured(aimock: str, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run artifact of requests that should end in each of the expected ways."""
    provider = {
        "name": "mock",
        "api": api,
        "endpoint": aimock + APIS[api],
        "api_key": "k-any",
        "models": [{"id": "m", "max_tokens": 64}],
    }
    workload = {
        "fixed": {"requests_per_second": 20},
        "prompts": [{"id": word, "template": word} for word in EXPECTED],
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lens-gate.yaml").write_text(
        json.dumps({"providers": [provider], "workload": workload}), encoding="utf-8"
    )
    execute(["run", "--requests", str(REQUESTS), "--output", "run.json"])
    return tmp_path / "run.json"


@pytest.mark.parametrize("api", APIS)
def test_counts_lengths_and_error_classes_are_right(api: str, measured: Path) -> None:
    samples = samples_in(measured)
    assert len(samples) == REQUESTS
    found = {
        prompt: (texts(samples, "error_class", prompt_id=prompt), texts(samples, "status", prompt_id=prompt))
        for prompt in EXPECTED
    }
    assert found == {prompt: ({error}, {status}) for prompt, (error, status) in EXPECTED.items()}
    good = samples.where(samples.texts["prompt_id"].equals("hello"))
    assert set(good.numbers["input_tokens"]) == {INPUT_TOKENS}
    assert set(good.numbers["output_tokens"]) == {OUTPUT_TOKENS}
    assert set(good.numbers["answer_characters"]) == {len(ANSWER)}
    assert set(good.numbers["chunk_count"]) == {-(-len(ANSWER) // CHUNK_CHARACTERS)}
    assert set(good.texts["token_source"].strings()) == {"server"}
    assert set(good.texts["finish_reason"].strings()) == {"stop"}
    # This server does not name its model in the format of Google.
    assert set(good.texts["model_returned"].strings()) == {None if api == "google" else "m"}


@pytest.mark.parametrize("api", APIS)
def test_the_summary_counts_what_the_samples_show(api: str, measured: Path) -> None:
    run, samples = run_in(measured), samples_in(measured)
    good = samples.where(samples.texts["status"].equals("ok"))
    assert run.summary.total_requests == REQUESTS
    assert run.summary.successful_requests == len(good) == samples.texts["prompt_id"].equals("hello").sum()
    (model,) = run.providers[0].models
    assert {error.type: error.count for error in model.errors} == {
        error: int(samples.texts["error_class"].equals(error).sum())
        for error, _ in EXPECTED.values()
        if error != "none"
    }
