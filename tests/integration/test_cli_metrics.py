"""Metrics of a run while it goes on, scraped as Prometheus would."""

from __future__ import annotations

import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from multiprocessing import Pipe
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lens_gate.artifacts.codec import loads
from lens_gate.artifacts.run import Run
from lens_gate.cli.metering import Counter, address_of
from lens_gate.config.output import PrometheusEndpoint
from tests.integration.conftest import Answer, Invoke

Configure = Callable[..., Path]
WITHIN_S = 60.0


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


class Scrapes(threading.Thread):
    """Asks for the metrics again and again, from before the run until it is over."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address = address
        self.over = threading.Event()
        self.texts: list[str] = []
        self.elsewhere = 0

    def run(self) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not self.over.wait(0.05) and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.address, timeout=5) as answer:
                    self.texts.append(answer.read().decode())
                self.hang_up()
                urllib.request.urlopen(f"{self.address}/other", timeout=5)
            except urllib.error.HTTPError as error:
                self.elsewhere = error.code
            except (OSError, HTTPException):
                continue

    def hang_up(self) -> None:
        """Ask, and be gone before there is an answer."""
        place = urlsplit(self.address)
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=5) as gone:
            gone.sendall(b"GET /run/metrics HTTP/1.1\r\n")
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def scraped(invoke: Invoke, port: int) -> Callable[..., tuple[Answer, Scrapes]]:
    def call(*arguments: str) -> tuple[Answer, Scrapes]:
        scrapes = Scrapes(f"http://127.0.0.1:{port}/run/metrics")
        scrapes.start()
        try:
            return invoke(*arguments), scrapes
        finally:
            scrapes.over.set()
            scrapes.join(20)

    return call


def requests_in(text: str) -> float:
    (family,) = [one for one in text_string_to_metric_families(text) if one.name == "llm_requests"]
    return sum(sample.value for sample in family.samples)


def test_a_run_tells_its_metrics_while_it_goes_on(
    scraped: Callable[..., tuple[Answer, Scrapes]], configure: Configure, home: Path, unhurried: None, port: int
) -> None:
    configure(output={"prometheus": {"enabled": True, "port": port, "path": "/run/metrics"}})
    answer, scrapes = scraped("run", "--requests", "30", "--rps", "10", "--output", "run.json")
    assert answer.code == 0, answer.err
    assert f"metrics at http://127.0.0.1:{port}/run/metrics while the run goes on" in answer.err
    counts = [requests_in(text) for text in scrapes.texts]
    run = loads((home / "run.json").read_bytes(), name="run.json")
    assert isinstance(run, Run)
    assert "Traceback" not in answer.err
    assert counts == sorted(counts)
    assert 0 < counts[-1] <= run.summary.total_requests
    assert any("llm_concurrent_requests{" in text for text in scrapes.texts)
    assert scrapes.elsewhere == 404
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_port_that_is_taken_is_told_before_anything_is_sent(invoke: Invoke, configure: Configure, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configure(output={"prometheus": {"enabled": True, "port": port}})
        answer = invoke("run", "--requests", "2", "--output", "run.json")
    assert answer.code == 2
    assert f"metrics cannot be served at port {port} of 127.0.0.1: Address already in use" in answer.err
    assert "lens-gate.yaml:" in answer.err
    assert not (home / "run.json").exists()


def test_a_run_without_the_section_or_with_it_switched_off_serves_nothing(
    invoke: Invoke, configure: Configure, unhurried: None, port: int
) -> None:
    configure(output={"prometheus": {"enabled": False, "port": port}})
    answer = invoke("run", "--requests", "2", "--output", "run.json")
    assert answer.code == 0
    assert "metrics at" not in answer.err


def test_where_nobody_counts_any_more_nothing_is_kept_and_nobody_waits() -> None:
    here, there = Pipe()
    there.close()
    counter = Counter(here)
    counter.put("openai")
    deadline = time.monotonic() + WITHIN_S
    while not here.closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert here.closed
    for _ in range(1_000):
        counter.put("openai")
    counter.close()
    assert len(counter._told) == 0  # noqa: SLF001 nothing else shows what is kept


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    assert address_of(PrometheusEndpoint(host="::1", port=9, path="/m")) == "http://[::1]:9/m"
    assert address_of(PrometheusEndpoint()) == "http://127.0.0.1:9090/metrics"


def test_a_host_is_an_address_and_no_name(invoke: Invoke, configure: Configure) -> None:
    configure(output={"prometheus": {"enabled": True, "host": "example.org"}})
    answer = invoke("validate")
    assert answer.code == 2
    assert "`output.prometheus.host`: 'example.org' is no IP address" in answer.err
