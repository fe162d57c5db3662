"""No key in anything that is printed or written, whatever happens."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from lens_gate.cli.redact import redacted
from tests.integration.conftest import KEY, Answer, Duet, Invoke, Listener, serving

Configure = Callable[..., Path]
EVERY_FILE = [
    {"type": "json", "path": "out/run-{{timestamp}}.json"},
    {"type": "csv", "path": "out/rows.csv"},
    {"type": "markdown", "path": "out/run.md"},
    {"type": "junit", "path": "out/run.xml"},
]
DISGUISES = (KEY, base64.b64encode(KEY.encode()).decode(), KEY[::-1], KEY.encode().hex())


def everything(folder: Path, *answers: Answer) -> str:
    """All that was printed, and the text of all files, unpacked."""
    parts = [answer.out + answer.err for answer in answers]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "target-" not in path.name:
            data = path.read_bytes()
            parts.append(
                f"{path}\n" + (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
            )
    return "\n".join(parts)


def assert_no_key(text: str) -> None:
    for disguise in DISGUISES:
        assert disguise not in text


def a_provider(url: str, **changes: Any) -> dict[str, Any]:
    model = {"id": "sim-small", "max_tokens": 16}
    return {"name": "sim", "api": "openai-chat", "endpoint": url, "api_key": "${SIM_KEY}", "models": [model], **changes}


def whole_line(invoke: Invoke) -> list[Answer]:
    """Every command that reads or writes something of a run."""
    return [
        invoke("run", "--requests", "12", "--output", "alone.json"),
        invoke("ci", "--model", "sim-small", "--against-model", "sim-large", "--requests", "24"),
        invoke("run", "--dry-run"),
        invoke("validate", "--strict-env"),
        *(
            invoke("report", "results/run.json", "--format", form)
            for form in ("text", "markdown", "junit", "csv", "json")
        ),
        invoke("analyze", "results/run.json", "--output", "again/analysis.json"),
        invoke("gate", "alone.json", "--output", "again/verdict.json.gz"),
    ]


def test_a_run_that_passes_leaves_no_key_anywhere(
    invoke: Invoke, configure: Configure, home: Path, unhurried: None
) -> None:
    configure(models=("sim-small", "sim-large"), output={"files": EVERY_FILE})
    answers = whole_line(invoke)
    assert {answer.code for answer in answers} <= {0, 1}
    found = everything(home, *answers)
    assert len(list((home / "out").iterdir())) >= 4
    assert "${SIM_KEY}" in found
    assert_no_key(found)


def test_the_folder_that_a_shell_is_in_is_shown() -> None:
    assert redacted("/home/ada/project/x: no", {"PWD": "/home/ada/project", "OLDPWD": "/home/ada"}) == (
        "/home/ada/project/x: no"
    )
    assert redacted("at hunter22", {"DB_PWD": "hunter22"}) == "at [redacted]"


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic", "google", "generic"])
def test_a_server_that_repeats_the_key_in_its_answer_does_not_bring_it_into_any_file(
    dialect: str, invoke: Invoke, configure: Configure, home: Path, listener: Listener
) -> None:
    headers = {"Authorization": "Bearer ${SIM_KEY}", "X-Other-Token": "${SIM_KEY}"}
    mapping = {"body": {"prompt": "{{prompt}}"}, "response": {"text": "$.text"}} if dialect == "generic" else {}
    provider = a_provider(listener.url, api=dialect, headers=headers)
    provider |= {"generic": mapping} if mapping else {}
    configure(providers=[provider], output={"files": EVERY_FILE})
    answers = [invoke("run", "--requests", "12", "--output", "alone.json"), invoke("gate", "alone.json")]
    assert len(listener) > 0, answers[0].err
    assert answers[0].code == 3
    assert KEY in str(listener.heard)
    assert_no_key(everything(home, *answers))


@pytest.fixture
def gossip() -> Iterator[str]:
    """A server that refuses each request, and quotes its address and all of its headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = f"{self.path} with {dict(self.headers)} and {self.rfile.read(int(self.headers['Content-Length']))!r}"
            body = json.dumps({"error": {"message": said}}).encode()
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler) as url:
        yield url


VALUES = {
    "SITE": "innocent-value-of-a-header",
    "SEAL": "8f3c51-value-of-a-signature",
    "FN": "code+in=the/query",
    "TENANT": "tenant-in-the-path",
    "WHO": "somebody-in-the-params",
}


@pytest.mark.parametrize("dialect", ["openai-chat", "generic"])
def test_whatever_a_provider_reads_from_a_variable_is_in_no_file_though_a_server_quotes_it(
    dialect: str,
    invoke: Invoke,
    configure: Configure,
    home: Path,
    gossip: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOST", gossip.partition("://")[2])
    model = {"id": "m", "max_tokens": 8, "params": {"user": "${WHO}"}}
    provider = {
        "name": "sim",
        "api": dialect,
        "endpoint": "http://${HOST}/${TENANT}/v1?code=${FN}",
        "headers": {"X-Site": "${SITE}", "X-Seal": "v1,${SEAL}"},
        "models": [model],
    }
    if dialect == "generic":
        del model["params"]
        generic = {"path": "/ask?sig=literal-in-the-path", "body": {"q": "{{prompt}}", "who": "${WHO}"}}
        provider |= {"endpoint": "http://${HOST}/${TENANT}/v1", "generic": generic}
    configure(
        providers=[provider],
        output={"files": EVERY_FILE},
        logging={"level": "trace"},
        resilience={"circuit_breaker": {"enabled": True, "failure_threshold": 2}},
        privacy={"save_bodies": True},
    )
    answer = invoke("run", "--requests", "12", "--output", "run.json")
    found = everything(home, answer)
    assert f"http://{gossip.partition('://')[2]}/[redacted]/v1" in found
    [error] = json.loads((home / "run.json").read_text())["providers"][0]["models"][0]["errors"]
    assert "[redacted]" in error["example"]
    assert [value for value in VALUES.values() if value in found] == []
    assert "literal-in-the-path" not in (home / "run.json").read_text()


def test_a_wrong_key_is_no_less_secret(
    invoke: Invoke, configure: Configure, home: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_KEY", "wrong-" + KEY)
    configure(providers=[a_provider(f"{listener.url}/v1")])
    answers = [
        invoke("run", "--requests", "12", "--output", "run.json"),
        invoke("ci", "--against-endpoint", f"{listener.url}/v2", "--requests", "12"),
    ]
    assert [answer.code for answer in answers] == [3, 3]
    assert "[redacted]" in answers[0].out
    assert_no_key(everything(home, *answers))


def test_a_key_in_an_address_is_cut_from_every_artifact(
    invoke: Invoke, configure: Configure, home: Path, listener: Listener
) -> None:
    port = listener.url.rpartition(":")[2]
    configure(providers=[a_provider("http://user:${SIM_KEY}@127.0.0.1:" + port + "/v1")])
    assert_no_key(everything(home, invoke("run", "--requests", "4", "--output", "run.json")))


def test_a_crash_prints_no_key(invoke: Invoke, duet: Duet, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*args: object) -> None:
        raise RuntimeError(f"Authorization: Bearer {KEY}") from ValueError(f"cause with {KEY}")

    duet(pairs=20)
    monkeypatch.setattr("lens_gate.cli.judging.verdict_of", planted)
    answer = invoke("gate", "run.json")
    assert answer.code == 70
    assert "Bearer [redacted]" in answer.err
    assert "cause with [redacted]" in answer.err
    assert_no_key(answer.err)


def test_a_key_on_the_command_line_is_not_repeated_by_an_error(invoke: Invoke, home: Path) -> None:
    for words in (("run", "--rps", KEY), ("run", f"--{KEY}"), ("run", "--config", KEY), ("gate", KEY)):
        answer = invoke(*words)
        assert answer.code == 2
        assert_no_key(answer.err)


def test_a_target_that_prints_its_key_does_not_bring_it_into_the_error(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    program = "import os, sys; print('key is', os.environ['SIM_KEY'], flush=True); sys.exit(1)"
    (home / "app.py").write_text(program, encoding="utf-8")
    target = {
        "command": f"{sys.executable} app.py",
        "ready_url": "http://127.0.0.1:{port}/",
        "environment": ["SIM_KEY"],
    }
    provider = a_provider("")
    del provider["endpoint"]
    configure(providers=[provider], target=target)
    answer = invoke("run", "--requests", "4", "--output", "out/run.json")
    assert answer.code == 3
    assert "key is [redacted]" in answer.err
    assert_no_key(everything(home, answer))


def test_a_target_does_not_see_the_key_that_is_read_for_measuring(
    invoke: Invoke, configure: Configure, home: Path
) -> None:
    program = "import os, sys; print('key is', os.environ.get('SIM_KEY'), flush=True); sys.exit(1)"
    (home / "app.py").write_text(program, encoding="utf-8")
    provider = a_provider("")
    del provider["endpoint"]
    target = {"command": f"{sys.executable} app.py", "ready_url": "http://127.0.0.1:{port}/"}
    configure(providers=[provider], target=target)
    assert "key is None" in invoke("run", "--requests", "4", "--output", "out/run.json").err


def test_only_values_of_variables_with_secret_names_are_blotted_out() -> None:
    environment = {"MY_API_KEY": "abcdef-1", "token": "abcdef-2", "PATH": "abcdef-3", "SHORT_KEY": "ab"}
    assert redacted("abcdef-1 abcdef-2 abcdef-3 ab", environment) == "[redacted] [redacted] abcdef-3 ab"


def test_a_secret_that_contains_another_is_blotted_out_as_a_whole() -> None:
    assert redacted("<secret-long>", {"A_KEY": "secret", "B_KEY": "secret-long"}) == "<[redacted]>"


def test_a_secret_of_several_lines_is_blotted_out_line_by_line() -> None:
    assert redacted("  line-one\n  line-two", {"PEM_SECRET": "line-one\nline-two\n"}) == "  [redacted]\n  [redacted]"
