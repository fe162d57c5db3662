"""`lens-gate export prometheus` as a user types it, against a gateway of four lines."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from lens_gate.artifacts.codec import dumps
from tests.builders import a_run, a_sample, a_verdict
from tests.integration.conftest import Invoke


class Gateway:
    """What was pushed, and how the next push is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.pushes: list[tuple[str, str, str | None, str]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                gateway.pushes.append(("PUT", self.path, self.headers["Authorization"], body))
                self.send_response(gateway.status)
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    thread = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join(10)
        found.server.server_close()


@pytest.fixture
def run(home: Path) -> Path:
    path = home / "results.json"
    path.write_bytes(dumps(a_run(samples=[a_sample(index=number) for number in range(3)])))
    return path


def requests_in(text: str) -> float:
    (family,) = [one for one in text_string_to_metric_families(text) if one.name == "llm_requests"]
    return sum(sample.value for sample in family.samples)


def test_a_run_is_written_to_a_file_or_to_standard_output(invoke: Invoke, run: Path, home: Path) -> None:
    answer = invoke("export", "prometheus", "--input", "results.json", "--output", "metrics.prom")
    assert (answer.code, answer.out) == (0, "")
    text = (home / "metrics.prom").read_text(encoding="utf-8")
    assert requests_in(text) == 3
    assert invoke("export", "prometheus", "results.json").out == text


def test_a_push_replaces_the_group_of_its_job_and_labels(invoke: Invoke, run: Path, gateway: Gateway) -> None:
    options = ("--push", gateway.address, "--job", "nightly", "--grouping", "branch=main")
    answer = invoke("export", "prometheus", "results.json", *options)
    assert (answer.code, answer.out) == (0, "")
    ((method, path, authorization, body),) = gateway.pushes
    assert (method, path, authorization) == ("PUT", "/metrics/job/nightly/branch/main", None)
    assert requests_in(body) == 3


def test_a_password_comes_from_the_environment(
    invoke: Invoke, run: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSHGATEWAY_USERNAME", "lens")
    monkeypatch.setenv("PUSHGATEWAY_PASSWORD", "hush")
    assert invoke("export", "prometheus", "results.json", "--push", gateway.address).code == 0
    assert gateway.pushes[0][2] == f"Basic {base64.b64encode(b'lens:hush').decode()}"


def test_a_gateway_that_refuses_or_is_not_there_is_exit_7(invoke: Invoke, run: Path, gateway: Gateway) -> None:
    gateway.status = 400
    refused = invoke("export", "prometheus", "results.json", "--push", gateway.address)
    assert (refused.code, refused.told["exit"]) == (7, "7")
    assert f"{gateway.address}: the Pushgateway did not take the metrics" in refused.err
    gone = invoke("export", "prometheus", "results.json", "--push", "http://127.0.0.1:9")
    assert gone.code == 7
    assert "refused" in gone.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("verdict.json",), "verdict.json: only a run has metrics to export"),
        (("results.json", "--job", "x", "--timeout", "3"), "--job and --timeout means nothing without --push"),
        (("results.json", "--push", "http://127.0.0.1:9", "-o", "x"), "--output means nothing beside --push"),
        (("results.json", "--push", "http://me:hush@127.0.0.1:9"), "the address holds a user or a password"),
        (("results.json", "--push", "ftp://127.0.0.1:9"), "did not take the metrics"),
        (("results.json", "--push", "http://h", "--grouping", "1=x"), "--grouping '1=x' is not LABEL=VALUE"),
        (("results.json", "--push", "http://h", "--grouping", "model=x"), "would overwrite a label"),
        ((), "there is nothing to read"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: tuple[str, ...], said: str, invoke: Invoke, run: Path, home: Path
) -> None:
    (home / "verdict.json").write_bytes(dumps(a_verdict()))
    answer = invoke("export", "prometheus", *options)
    assert answer.code == (7 if "ftp" in str(options) else 2)
    assert said in answer.err
    assert "hush" not in answer.err
