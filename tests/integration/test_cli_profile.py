"""`profile` as a user types it: streams, documents and pages of any URL, its secrets, and its exit codes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import load_run
from lens_gate.artifacts.run import ModelResult, Run
from tests.integration.conftest import KEY, Answer, Invoke, Listener

BRIEFLY = ("--requests", "8", "--rps", "40", "--output", "profile.json")
CHAT = {"model": "sim-small", "stream": True, "messages": "{{messages}}", "stream_options": {"include_usage": True}}


def run_in(home: Path) -> Run:
    return load_run((home / "profile.json").read_bytes(), name="profile.json")


def only_model(run: Run) -> ModelResult:
    (provider,) = run.providers
    (model,) = provider.models
    return model


def everything_written(home: Path, answer: Answer) -> str:
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "payload.json"]
    return answer.out + answer.err + b"".join(files).decode("utf-8", "replace")


@pytest.fixture
def chat(home: Path) -> Path:
    path = home / "payload.json"
    path.write_text(json.dumps(CHAT), encoding="utf-8")
    return path


@pytest.fixture
def site() -> Iterator[tuple[str, list[tuple[str, str, dict[str, str], bytes]]]]:
    """A server of a few lines that answers JSON, a page, nothing, or an error, by path; and what reached it."""
    heard: list[tuple[str, str, dict[str, str], bytes]] = []
    answers = {
        "/api/": (200, "application/json", b'{"ok": true}'),
        "/page": (200, "text/html", b"<html><title>Hello</title></html>"),
        "/events": (200, "text/event-stream", b'data: {"a": 1}\n\ndata: {"b": 2}\n\n'),
        "/nothing": (204, "", b""),
        "/broken": (500, "application/json", b'{"error": "no"}'),
        "/mine": (200, "application/json", b'{"said": {"words": "hello"}, "cost": {"out": 7}}'),
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or "0"))
            heard.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, media, content = answers[self.path.partition("?")[0]]
            self.send_response(status)
            if media:
                self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join(20)


def test_a_stream_in_a_usual_shape_is_read_by_itself(
    invoke: Invoke, chat: Path, home: Path, simulator: str, unhurried: None
) -> None:
    asked = ("--auth", "Bearer ${SIM_KEY}", "--payload-template", "payload.json", "--prompt", "x" * 40)
    answer = invoke("profile", f"{simulator}/v1/chat/completions", *asked, *BRIEFLY)
    assert answer.code == 0, answer.err
    model = only_model(run_in(home))
    assert (model.id, model.requests.total) == ("sim-small", 8)
    # A busy machine may read a stream at once, which is a failure of its own.
    good = model.requests.successful
    assert {error.type for error in model.errors} <= {"buffered"}
    assert good > 4
    assert (model.latency.ttft.count, model.tokens.source) == (good, "server")
    assert model.tokens.output > good
    assert "Written to profile.json" in answer.out


@pytest.mark.parametrize("path", ["/api/", "/page", "/events", "/nothing"])
def test_an_endpoint_without_tokens_is_timed_as_a_whole(
    path: str, invoke: Invoke, home: Path, site: tuple[str, Any], unhurried: None
) -> None:
    url, heard = site
    answer = invoke("profile", f"{url}{path}?q=1", *BRIEFLY)
    assert answer.code == 0, answer.err
    model = only_model(run_in(home))
    assert model.requests.successful == 8
    assert (model.latency.total.count, model.latency.ttft.count, model.tokens.output) == (8, 0, 0)
    assert {(method, where) for method, where, _, _ in heard} == {("GET", f"{path}?q=1")}
    assert "did not say how many tokens" not in answer.out
    shown = answer.out.replace("\xa0", " ").splitlines()
    assert "The answers had no tokens, so that they have no price." in " ".join(" ".join(shown).split())
    row = next(line for head, line in pairwise(shown) if "out tok/s" in head)
    assert row.split()[-4:-2] == ["–", "–"]
    assert "Measured what the command line names, and no other version." in invoke("report", "profile.json").out


def test_a_mapping_says_where_the_answer_is(invoke: Invoke, home: Path, site: tuple[str, Any], unhurried: None) -> None:
    url, heard = site
    paths = ("--map", "text=$.said.words", "--map", "output_tokens = $.cost.out")
    payload = '{"ask": "{{prompt}}", "prices": ["${HOME}", 3]}'
    answer = invoke(
        "profile", f"{url}/mine", "--payload", payload, "--prompt", "Hi", "--method", "put", *paths, *BRIEFLY
    )
    assert answer.code == 0, answer.err
    assert only_model(run_in(home)).tokens.output == 56
    method, _, _, body = heard[0]
    assert (method, json.loads(body)) == ("PUT", {"ask": "Hi", "prices": ["${HOME}", 3]})


def test_where_a_mapping_is_given_an_answer_without_text_is_a_failure(
    invoke: Invoke, home: Path, site: tuple[str, Any]
) -> None:
    answer = invoke("profile", f"{site[0]}/api/", "--map", "text=$.nowhere", *BRIEFLY)
    assert answer.code == 3
    assert only_model(run_in(home)).errors[0].type == "empty"


def test_raw_takes_any_body_as_one_piece(invoke: Invoke, home: Path, site: tuple[str, Any], unhurried: None) -> None:
    answer = invoke("profile", f"{site[0]}/mine", "--stream-format", "raw", *BRIEFLY)
    assert answer.code == 0, answer.err
    assert only_model(run_in(home)).latency.total.count == 8


def test_an_error_status_is_no_success(invoke: Invoke, home: Path, site: tuple[str, Any]) -> None:
    answer = invoke("profile", f"{site[0]}/broken", *BRIEFLY)
    assert answer.code == 3
    assert only_model(run_in(home)).errors[0].type == "api_error"


def test_two_addresses_are_measured_in_pairs(
    invoke: Invoke, home: Path, site: tuple[str, Any], unhurried: None
) -> None:
    url, _ = site
    other = url.replace("127.0.0.1", "localhost")
    answer = invoke("profile", f"{url}/api/", "--against-endpoint", other, *BRIEFLY)
    assert answer.code == 0, answer.err
    run = run_in(home)
    assert run.comparison is not None
    assert (run.comparison.kind, len(run.arms), bool(run.base_providers)) == ("endpoint", 2, True)


def test_secrets_come_from_variables_and_are_written_nowhere(
    invoke: Invoke, home: Path, site: tuple[str, Any], unhurried: None
) -> None:
    url, heard = site
    secrets = ("--header", "X-Api-Key: ${SIM_KEY}", "--auth", "Basic ${SIM_KEY}")
    answer = invoke("profile", f"{url}/api/?token=${{SIM_KEY}}", *secrets, *BRIEFLY)
    assert answer.code == 0, answer.err
    _, where, headers, _ = heard[0]
    assert (where, headers["x-api-key"], headers["authorization"]) == (f"/api/?token={KEY}", KEY, f"Basic {KEY}")
    assert KEY not in everything_written(home, answer)
    assert "${SIM_KEY}" in json.dumps(run_in(home).benchmark.config)


def test_a_key_that_the_shell_put_in_is_sent_and_written_nowhere(
    invoke: Invoke, home: Path, listener: Listener
) -> None:
    given = "sk-given-4242424242"
    answer = invoke(
        "profile", "--url", f"{listener.url}/v1/x", "--auth", f"Bearer {given}", "--payload", "{}", *BRIEFLY
    )
    assert answer.code == 3
    assert listener.heard[0] == ("/v1/x", f"Bearer {given}")
    assert "--auth holds the key itself" in answer.err
    assert given not in everything_written(home, answer)


def test_a_key_in_the_address_is_not_told_when_the_endpoint_refuses_it(
    invoke: Invoke, home: Path, listener: Listener
) -> None:
    answer = invoke("profile", f"{listener.url}/v1/x?key=${{SIM_KEY}}", "--payload", "{}", *BRIEFLY)
    assert answer.code == 3
    assert listener.heard[0][0] == f"/v1/x?key={KEY}"
    assert KEY not in everything_written(home, answer)


BAD = [
    ((), "name one URL"),
    (("http://a.example", "--url", "http://b.example"), "name one URL"),
    (("ftp://a.example/x",), "no http or https URL"),
    (("http://[a",), "this is no URL"),
    (("http://a.example/x?api_key=abc",), "`api_key` in the URL holds a secret"),
    (("http://a.example", "-H", "X-Api-Key: abc"), "the header X-Api-Key holds a secret"),
    (("http://a.example", "-H", "nonsense"), "Name: value"),
    (("http://a.example", "--auth", "Bearer ${NOBODY_SET_THIS}"), "NOBODY_SET_THIS"),
    (("http://a.example", "--payload", '{"a": {{prompt}}}'), "--payload:1:8: the payload is not JSON"),
    (("http://a.example", "--payload", "{}", "--payload-file", "x"), "both give a body"),
    (("http://a.example", "--payload-file", "nowhere.json"), "nowhere.json: there is no such file"),
    (("http://a.example", "--payload", '{"a": "{{nonsense}}"}'), "unknown placeholder {{nonsense}}"),
    (("http://a.example", "--map", "words=$.a"), "names no part"),
    (("http://a.example", "--map", "model=$.a"), "not its text"),
    (("http://a.example", "--map", "text=$.["), "not a JSON path"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    options: tuple[str, ...], message: str, invoke: Invoke
) -> None:
    answer = invoke("profile", *options)
    assert (answer.code, answer.told["exit"]) == (2, "2")
    assert message in answer.err


def test_a_payload_file_must_be_text(invoke: Invoke, home: Path) -> None:
    (home / "payload.json").write_bytes(b'"\xff"')
    answer = invoke("profile", "http://a.example", "--payload-file", "payload.json")
    assert answer.code == 2
    assert "not UTF-8" in answer.err


def test_a_dry_run_sends_nothing(invoke: Invoke, chat: Path, listener: Listener) -> None:
    answer = invoke("profile", f"{listener.url}/v1/x", "--payload-file", "payload.json", "--requests", "5", "--dry-run")
    assert answer.code == 0, answer.err
    assert "In all 5 requests" in answer.out
    assert len(listener) == 0


def test_a_pull_request_sends_no_key_to_a_place_that_the_trusted_branch_does_not_name(
    invoke: Invoke, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    answer = invoke("profile", f"{listener.url}/v1/x", "--auth", "Bearer ${SIM_KEY}", *BRIEFLY)
    assert answer.code == 2
    assert "no trusted configuration is known" in answer.err
    assert len(listener) == 0
