from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from lens_gate.config.model import Target
from lens_gate.errors import ConfigProblem, LensGateError, TargetNotReady
from lens_gate.load import target as room
from lens_gate.load.target import RunningTarget, start_target

SERVER = """
import http.server, os, pathlib, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = {"/ready": 200, "/moved": 307}.get(self.path, 404)
        body = repr(sorted(os.environ)).encode()
        self.send_response(found)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("starting", pathlib.Path.cwd().name, flush=True)
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    place.mkdir()
    (place / "server.py").write_text(SERVER, encoding="utf-8")
    return place


def a_target(
    command: str = "server.py {port}",
    *,
    ready_url: str = "http://127.0.0.1:{port}/ready",
    port: int | None = None,
    ready_timeout: float = 20,
    endpoint: str | None = None,
) -> Target:
    return Target(
        command=f"{shlex.quote(sys.executable)} {command}",
        ready_url=ready_url,
        port=port,
        ready_timeout=ready_timeout,
        endpoint=endpoint,
    )


def started(
    target: Target, checkout: Path, *, environment: Mapping[str, str] | None = None
) -> tuple[RunningTarget, str, bool]:
    """Return what was started, what it answered, and whether it lived while the context lasted."""

    async def main() -> tuple[RunningTarget, str, bool]:
        log_path = checkout.parent / "target.log"
        async with start_target(target, cwd=checkout, environment=environment or {}, log_path=log_path) as running:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"http://127.0.0.1:{running.port}/ready")
            return running, answer.text, alive(running.pid)

    return asyncio.run(main())


def refused(target: Target, checkout: Path) -> LensGateError:
    with pytest.raises(LensGateError) as caught:
        started(target, checkout)
    return caught.value


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_target_answers_on_a_free_port_and_is_gone_afterwards(checkout: Path) -> None:
    running, _, lived = started(a_target(), checkout)
    assert running.base_url == f"http://127.0.0.1:{running.port}"
    assert lived
    assert not alive(running.pid)
    assert (checkout.parent / "target.log").read_text(encoding="utf-8").startswith("starting checkout")


def test_a_target_sees_the_environment_that_it_is_given_and_no_key_of_ours(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    _, seen, _ = started(a_target(), checkout, environment={"GREETING": "hi"})
    assert "'GREETING'" in seen
    assert "'PORT'" in seen
    assert "OPENAI_API_KEY" not in seen


def test_requests_may_go_to_another_address_than_the_ready_url(checkout: Path) -> None:
    running, _, _ = started(a_target(endpoint="http://localhost:{port}/v1"), checkout)
    assert running.base_url == f"http://localhost:{running.port}/v1"


def test_a_slow_start_is_waited_for(checkout: Path) -> None:
    begun = time.monotonic()
    started(a_target("server.py {port} 0.5"), checkout)
    assert time.monotonic() - begun > 0.5


def test_a_chosen_port_is_used(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    running, _, _ = started(a_target(port=port), checkout)
    assert running.port == port


def test_a_chosen_port_that_somebody_else_has_is_refused(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        error = refused(a_target(port=other.getsockname()[1]), checkout)
    assert isinstance(error, TargetNotReady)
    assert "in use" in str(error)
    assert "{port}" in str(error)


def test_a_target_that_ends_early_is_quoted(checkout: Path) -> None:
    (checkout / "broken.py").write_text("import sys\nprint('no database')\nsys.exit(3)\n", encoding="utf-8")
    error = refused(a_target("broken.py"), checkout)
    assert isinstance(error, TargetNotReady)
    assert "exit code 3" in str(error)
    assert "no database" in str(error)
    assert "target.log" in str(error)


def test_a_target_that_ends_without_a_word_is_reported_all_the_same(checkout: Path) -> None:
    (checkout / "silent.py").write_text("", encoding="utf-8")
    assert str(refused(a_target("silent.py"), checkout)).count("|") == 0


@pytest.mark.parametrize(("path", "last"), [("absent", "404"), ("moved", "307")])
def test_a_target_that_never_answers_2xx_is_not_ready_and_is_stopped(checkout: Path, path: str, last: str) -> None:
    error = refused(a_target(ready_url=f"http://127.0.0.1:{{port}}/{path}", ready_timeout=1.5), checkout)
    assert isinstance(error, TargetNotReady)
    assert f"last: {last}" in str(error)
    assert error.exit_code == 3


def test_a_target_that_listens_elsewhere_is_not_ready(checkout: Path) -> None:
    error = refused(a_target("server.py 0", ready_timeout=0.5), checkout)
    assert "ConnectError" in str(error)


def test_a_server_that_answers_for_a_target_that_has_ended_is_not_taken_for_it(checkout: Path) -> None:
    (checkout / "leaves.py").write_text(
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, 'server.py', sys.argv[1]])\n"
        "time.sleep(0.05)\n",
        encoding="utf-8",
    )
    assert "exit code 0" in str(refused(a_target("leaves.py {port}"), checkout))


@pytest.mark.parametrize("command", ["'open quote", "  "])
def test_a_command_that_is_none_is_a_problem_of_the_configuration(checkout: Path, command: str) -> None:
    target = Target(command=command, ready_url="http://127.0.0.1:{port}/")
    assert isinstance(refused(target, checkout), ConfigProblem)


@pytest.mark.parametrize("ready_url", ["http://127.0.0.1:x{port}/", "http://127.0.0.1:9{port}{port}/"])
def test_a_ready_url_that_is_none_is_a_problem_of_the_configuration(checkout: Path, ready_url: str) -> None:
    error = refused(a_target().model_copy(update={"ready_url": ready_url}), checkout)
    assert isinstance(error, ConfigProblem)
    assert error.place == "target.ready_url"


def test_a_program_that_does_not_exist_is_not_ready(checkout: Path) -> None:
    error = refused(Target(command="no-such-program", ready_url="http://127.0.0.1:{port}/"), checkout)
    assert isinstance(error, TargetNotReady)
    assert "no-such-program" in str(error)


def test_no_shell_reads_the_command(checkout: Path) -> None:
    (checkout / "words.py").write_text("import sys\nprint(sys.argv[1:])\n", encoding="utf-8")
    error = refused(a_target("words.py '$HOME' ; 'a b' {port}x"), checkout)
    assert "['$HOME', ';', 'a b', '" in str(error)


def test_a_target_that_ignores_its_end_is_killed_with_what_it_started(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "stubborn.py").write_text(
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "exec(open('server.py').read())\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(room, "GRACE_S", 0.3)
    running, _, _ = started(a_target("stubborn.py {port}"), checkout)
    child = int((checkout / "child").read_text(encoding="utf-8"))
    assert not alive(running.pid)
    assert ended_soon(child)


def ended_soon(pid: int) -> bool:
    """Whether the process has ended, or waits only for its new parent to notice."""
    for _ in range(50):
        stat = Path(f"/proc/{pid}/stat")
        if not alive(pid) or (stat.exists() and stat.read_text(encoding="utf-8").split()[2] == "Z"):
            return True
        time.sleep(0.02)
    return False


def test_a_process_of_another_group_is_left_alone(checkout: Path) -> None:
    async def main() -> bool:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "import time; time.sleep(60)", start_new_session=True
        )
        log_path = checkout.parent / "target.log"
        async with start_target(a_target(), cwd=checkout, environment={}, log_path=log_path):
            pass
        lives = other.returncode is None and alive(other.pid)
        other.send_signal(signal.SIGKILL)
        await other.wait()
        return lives

    assert asyncio.run(main())
