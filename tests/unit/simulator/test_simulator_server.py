"""A running simulator: its log against what clients see, its connections, its start and its end."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from lens_gate.errors import ArtifactCorrupt, PublishFailed, UsageProblem
from lens_gate.simulator.app import run_forever
from lens_gate.simulator.log import RequestRecord, read_log
from lens_gate.simulator.server import SimulatorThread, serve
from lens_gate.simulator.settings import SimulatorSettings
from lens_gate.vocabulary.requests import Api, FinishReason
from tests.unit.simulator.simulated_calls import STEADY

CHAT = "/v1/chat/completions"


def a_body(model: str = "steady", *, stream: bool = True, **extra: Any) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}], **extra}


def raw_request(model: str = "sim-instant", extra: str = "") -> bytes:
    body = json.dumps(a_body(model)).encode()
    return f"POST {CHAT} HTTP/1.1\r\nhost: x\r\n{extra}content-length: {len(body)}\r\n\r\n".encode() + body


class Desk:
    """A simulator, a client and the log of one test."""

    def __init__(self, simulator: SimulatorThread, client: httpx.Client, log_path: Path) -> None:
        self.simulator = simulator
        self.client = client
        self.log_path = log_path

    def records(self, count: int) -> list[RequestRecord]:
        """Return the log once it has so many lines; what a client does reaches the server a little later."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.simulator.flush_log()
            records = list(read_log(self.log_path))
            if len(records) >= count:
                return records
            time.sleep(0.01)
        raise AssertionError(f"the log did not reach {count} lines")

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.simulator.port), timeout=5)

    def stream(self, model: str = "steady") -> list[tuple[int, bytes]]:
        """Stream an answer and return its parts, each with when it was read."""
        with self.client.stream("POST", CHAT, json=a_body(model)) as response:
            return [(time.perf_counter_ns(), part) for part in response.iter_raw()]


@pytest.fixture(params=["asyncio", "uvloop"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    loop_factory = uvloop.new_event_loop if request.param == "uvloop" else None
    settings = SimulatorSettings(models={"steady": STEADY}, log_path=tmp_path / "log.jsonl", stall_s=0.3)
    with (
        SimulatorThread(settings, loop_factory=loop_factory) as simulator,
        httpx.Client(base_url=simulator.base_url, timeout=5, trust_env=False) as client,
    ):
        yield Desk(simulator, client, tmp_path / "log.jsonl")


def read_until(sock: socket.socket, ready: Callable[[bytes], bool]) -> bytes:
    data = b""
    while not ready(data):
        part = sock.recv(65536)
        if not part:
            break
        data += part
    return data


def test_the_log_says_when_each_token_was_written(desk: Desk) -> None:
    parts = desk.stream()
    (record,) = desk.records(1)
    assert [kind for _, _, kind in record.writes] == ["open", *["text"] * 10, "end"]
    assert record.received_ns <= record.writes[0][0]
    assert record.head_ns == record.writes[0][0]
    assert record.first_token_ns == record.writes[1][0]
    assert record.last_token_ns == record.writes[10][0]
    assert record.end_ns == record.writes[-1][0]
    assert (record.api, record.model, record.status) == (Api.OPENAI_CHAT, "steady", 200)
    assert (record.prompt_tokens, record.output_tokens) == (1, 10)
    assert record.finish_reason is FinishReason.STOP
    assert not record.client_closed
    assert len(parts) <= len(record.writes)


@pytest.mark.measuring
def test_writes_leave_at_their_deadlines_and_do_not_drift(desk: Desk) -> None:
    # A busy machine may delay any timer, but a drift would show in every stream.
    lateness_ms: list[float] = []
    dues_ms = [20.0, *(40.0 + 4 * i for i in range(10)), 76.0]
    for number in range(1, 31):
        desk.stream()
        record = desk.records(number)[-1]
        written_ms = [(t_ns - record.received_ns) / 1e6 for t_ns, _, _ in record.writes]
        lateness_ms = [written - due for written, due in zip(written_ms, dues_ms, strict=True)]
        # uvloop counts in whole milliseconds, and rounds twice.
        if -2.0 < min(lateness_ms) <= max(lateness_ms) < 3.0:
            return
    pytest.fail(f"none of 30 streams kept its deadlines; the last was late by {lateness_ms} ms")


@pytest.mark.measuring
def test_a_client_reads_each_write_within_milliseconds_of_its_stamp(desk: Desk) -> None:
    apart_ms = math.inf
    # Either side may lose its turn between the socket and the clock, but not every time.
    for number in range(1, 31):
        parts = desk.stream()
        record = desk.records(number)[-1]
        first_ns = next(t_ns for t_ns, part in parts if b'"content":"' in part and b"role" not in part)
        assert record.first_token_ns is not None
        apart_ms = (first_ns - record.first_token_ns) / 1e6
        if abs(apart_ms) < 2.0:
            return
    pytest.fail(f"none of 30 first tokens was read when it was written; the last was {apart_ms} ms apart")


def test_writes_that_are_due_together_still_leave_one_by_one(desk: Desk) -> None:
    desk.stream("sim-instant")
    (record,) = desk.records(1)
    assert [tokens for _, tokens, _ in record.writes] == [0, *[1] * 32, 0]
    stamps = [t_ns for t_ns, _, _ in record.writes]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == len(stamps)


def test_one_connection_serves_many_requests_and_pages(desk: Desk) -> None:
    with desk.socket() as sock:
        for _ in range(3):
            sock.sendall(raw_request())
            assert read_until(sock, lambda data: data.endswith(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        sock.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b'{"status":"ok"}' in read_until(sock, lambda data: data.endswith(b"}"))
    records = desk.records(4)
    assert [record.status for record in records] == [200] * 4
    assert records[-1].api is None


def test_requests_that_are_sent_ahead_are_answered_in_turn(desk: Desk) -> None:
    with desk.socket() as sock:
        sock.sendall(raw_request("steady") + raw_request("sim-instant"))
        data = read_until(sock, lambda data: data.count(b"[DONE]") == 2)
    assert data.index(b'"model":"steady"') < data.rindex(b'"model":"steady"') < data.index(b'"model":"sim-instant"')


def test_a_request_may_arrive_byte_by_byte(desk: Desk) -> None:
    with desk.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in raw_request():
            sock.sendall(bytes([byte]))
        assert b"[DONE]" in read_until(sock, lambda data: data.endswith(b"0\r\n\r\n"))


def test_a_client_that_wants_to_close_is_closed(desk: Desk) -> None:
    with desk.socket() as sock:
        sock.sendall(raw_request(extra="connection: close\r\n"))
        data = read_until(sock, lambda _: False)
    assert b"connection: close" in data
    assert data.endswith(b"0\r\n\r\n")


def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(desk: Desk) -> None:
    head, _, body = raw_request(extra="expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with desk.socket() as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert read_until(sock, lambda data: data.endswith(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b"[DONE]" in read_until(sock, lambda data: data.endswith(b"0\r\n\r\n"))


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
)
def test_what_is_no_plain_http_request_is_refused(desk: Desk, nonsense: bytes) -> None:
    with desk.socket() as sock:
        sock.sendall(nonsense)
        assert b"HTTP/1.1 400 Bad Request" in read_until(sock, lambda _: False)


def test_a_body_beyond_the_limit_is_refused(desk: Desk) -> None:
    response = desk.client.post(CHAT, content=b"x" * (33 * 1024 * 1024))
    assert response.status_code == 413


def test_a_client_that_leaves_is_logged_with_what_it_was_sent(desk: Desk) -> None:
    with desk.client.stream("POST", CHAT, json=a_body("steady+slower=300")) as response:
        next(response.iter_raw())
    (record,) = desk.records(1)
    assert record.client_closed
    assert 1 <= len(record.writes) < 12
    assert record.end_ns >= record.writes[-1][0]


def test_a_cut_stream_closes_without_the_last_chunk(desk: Desk) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        desk.stream("steady+fault=cut")
    (record,) = desk.records(1)
    assert (record.fault, record.client_closed, record.finish_reason) == ("cut", False, FinishReason.NONE)
    assert sum(tokens for _, tokens, _ in record.writes) < record.output_tokens == 10


def test_a_reset_stream_is_reset(desk: Desk) -> None:
    with pytest.raises(httpx.ReadError):
        desk.stream("steady+fault=reset")
    assert desk.records(1)[0].fault == "reset"


def test_a_stalled_stream_stays_silent_until_somebody_gives_up(desk: Desk) -> None:
    with pytest.raises(httpx.ReadTimeout):
        desk.client.post(CHAT, json=a_body("steady+fault=stall"), timeout=0.2)
    started = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        desk.stream("steady+fault=stall")
    assert time.monotonic() - started >= 0.3
    assert [record.fault for record in desk.records(2)] == ["stall", "stall"]


def test_slow_headers_come_after_the_stall(desk: Desk) -> None:
    started = time.monotonic()
    assert desk.stream("sim-instant+fault=slow-headers")
    assert time.monotonic() - started >= 0.3


def test_the_client_s_id_finds_its_line(desk: Desk) -> None:
    for number in range(3):
        desk.client.post(CHAT, json=a_body("sim-instant"), headers={"x-lens-request": f"r{number}"})
    assert [record.request_id for record in desk.records(3)] == ["r0", "r1", "r2"]


def test_a_hundred_streams_at_once_are_all_whole(desk: Desk) -> None:
    async def all_at_once() -> list[bytes]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=desk.simulator.base_url, limits=limits, trust_env=False) as client:
            answers = await asyncio.gather(*(client.post(CHAT, json=a_body()) for _ in range(100)))
        return [answer.content for answer in answers]

    contents = asyncio.run(all_at_once())
    assert all(content.endswith(b"data: [DONE]\n\n") and content.count(b'"content":"') == 11 for content in contents)
    assert len({record.id for record in desk.records(100)}) == 100


def test_the_log_is_written_every_second_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with SimulatorThread(SimulatorSettings(log_path=path)) as simulator:
        httpx.post(simulator.base_url + CHAT, json=a_body("sim-instant"), trust_env=False)
        deadline = time.monotonic() + 5
        while path.stat().st_size == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(list(read_log(path))) == 1


def test_stopping_ends_open_streams_and_logs_them(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with SimulatorThread(SimulatorSettings(log_path=path)) as simulator:
        url = simulator.base_url + CHAT
        with httpx.stream("POST", url, json=a_body("sim-small+slower=5000"), trust_env=False) as response:
            next(response.iter_raw())
            simulator.stop()
    (record,) = read_log(path)
    assert record.client_closed


def test_without_a_log_nothing_is_written(tmp_path: Path) -> None:
    async def one() -> int:
        async with await serve(SimulatorSettings()) as simulator, httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(simulator.base_url + CHAT, json=a_body("sim-instant"))
            await simulator.flush_log()
            return answer.status_code

    assert asyncio.run(one()) == 200
    assert not list(tmp_path.iterdir())


def test_it_listens_on_ipv6_too_and_says_so() -> None:
    async def one() -> tuple[str, int]:
        async with (
            await serve(SimulatorSettings(host="::1")) as simulator,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            return simulator.base_url, (await client.get(simulator.base_url + "/health")).status_code

    url, status = asyncio.run(one())
    assert url.startswith("http://[::1]:")
    assert status == 200


def test_an_address_in_use_is_a_usage_problem_with_a_way_out() -> None:
    with SimulatorThread(SimulatorSettings()) as first:
        second = SimulatorThread(SimulatorSettings(port=first.port))
        with pytest.raises(UsageProblem, match="or 0 for a free one") as refused:
            second.start()
    assert refused.value.place == f"127.0.0.1:{first.port}"


def test_a_log_that_cannot_be_written_is_said_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(PublishFailed, match="Choose another --log"):
        SimulatorThread(SimulatorSettings(log_path=tmp_path / "missing" / "log.jsonl")).start()


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"id": 3}\n', encoding="utf-8")
    with pytest.raises(ArtifactCorrupt, match=r"log\.jsonl:1"):
        list(read_log(path))


def test_it_returns_at_the_first_signal() -> None:
    urls: list[str] = []

    def ready(url: str) -> None:
        urls.append(url)
        signal.raise_signal(signal.SIGTERM)

    run_forever(SimulatorSettings(), ready)
    assert urls[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_the_log_written(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "log.jsonl"
    program = (
        "import sys\nfrom pathlib import Path\nfrom lens_gate.simulator.app import run_forever\n"
        "from lens_gate.simulator.settings import SimulatorSettings\n"
        "run_forever(SimulatorSettings(log_path=Path(sys.argv[1])), lambda url: print(url, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        httpx.post(url + CHAT, json=a_body("sim-instant"), trust_env=False)
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    assert len(list(read_log(path))) == 1
