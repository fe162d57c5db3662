"""Starts the server of one arm, waits until it is ready, and always stops it: that process group and no other."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import httpx

from lens_gate.config.model import Target
from lens_gate.errors import ConfigProblem, TargetNotReady

POLL_S: Final = 0.1
GRACE_S: Final = 5.0
"""How long a target is given to end by itself before it is killed."""

_HIGHEST_PORT: Final = 65535
_TAIL_LINES: Final = 12
_TAIL_BYTES: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTarget:
    """A server that answers; `base_url` is where its arm's requests go."""

    base_url: str
    port: int
    pid: int


@asynccontextmanager
async def start_target(
    target: Target, *, cwd: Path, environment: Mapping[str, str], log_path: Path
) -> AsyncIterator[RunningTarget]:
    """Run `target` in `cwd` for as long as the context lasts; its output goes to `log_path`.

    It sees `environment` and PORT, nothing else, and no shell. Raises ConfigProblem for a command that cannot be split,
    and TargetNotReady if it cannot start, ends, or does not answer 2xx on its ready_url within `ready_timeout`.
    """
    port = await asyncio.to_thread(_choose_port, target.port)
    words = [word.replace("{port}", str(port)) for word in _split(target.command)]
    ready_url = _ready_url(target.ready_url, port)
    process = await _spawn(words, cwd=cwd, environment={**environment, "PORT": str(port)}, log_path=log_path)
    try:
        await _until_ready(process, ready_url, target.ready_timeout, log_path)
        base_url = (target.endpoint or _origin(ready_url)).replace("{port}", str(port))
        yield RunningTarget(base_url=base_url, port=port, pid=process.pid)
    finally:
        await _stop(process)


def _choose_port(wanted: int | None) -> int:
    """Return a free port; a wanted one must be free, or another server's answers would be taken for the target's."""
    if wanted is None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return int(listener.getsockname()[1])
    try:
        socket.create_connection(("127.0.0.1", wanted), timeout=1).close()
    except OSError:
        return wanted
    raise TargetNotReady(
        f"port {wanted} is in use by another process",
        place="target.port",
        hint="Leave `port` out and write {port} in `command` and `ready_url`, so that each arm gets a free one.",
    )


def _ready_url(template: str, port: int) -> str:
    text = template.replace("{port}", str(port))
    try:
        possible = (httpx.URL(text).port or 0) <= _HIGHEST_PORT
    except httpx.InvalidURL:
        possible = False
    if not possible:
        raise ConfigProblem(
            f"{text} is no address that can be asked",
            place="target.ready_url",
            hint="Write it like http://127.0.0.1:{port}/health.",
        )
    return text


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigProblem(f"the command cannot be split into words: {error}", place="target.command") from error
    if not words:
        raise ConfigProblem("the command is empty", place="target.command", hint="Say how to start the server.")
    return words


async def _spawn(words: list[str], *, cwd: Path, environment: Mapping[str, str], log_path: Path) -> Process:
    with await asyncio.to_thread(log_path.open, "wb") as log:
        try:
            return await asyncio.create_subprocess_exec(
                *words,
                cwd=cwd,
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise TargetNotReady(
                f"{words[0]} could not be started: {error.strerror}",
                place="target.command",
                hint="The command is run without a shell, in the checkout of its arm.",
            ) from error


async def _until_ready(process: Process, ready_url: str, timeout_s: float, log_path: Path) -> None:
    answers = deque(["no connection"], maxlen=1)
    try:
        async with asyncio.timeout(timeout_s):
            await _poll(process, ready_url, answers)
    except TimeoutError:
        message = f"the target did not answer 2xx within {timeout_s:g} s (last: {answers[0]})"
        await _not_ready(message, ready_url, log_path)
    if process.returncode is not None:
        await _not_ready(f"the target ended with exit code {process.returncode}", ready_url, log_path)


async def _poll(process: Process, ready_url: str, answers: deque[str]) -> None:
    """Ask until the answer is 2xx or the process has ended; `answers` holds the last one."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None and not answers[-1].startswith("2"):
            await asyncio.sleep(POLL_S)
            answers.append(await _answer(client, ready_url))


async def _answer(client: httpx.AsyncClient, ready_url: str) -> str:
    """Return the status of one try, or what stood in its way."""
    try:
        return str((await client.get(ready_url)).status_code)
    except httpx.HTTPError as error:
        return f"{type(error).__name__} {error}".strip()


async def _not_ready(message: str, ready_url: str, log_path: Path) -> NoReturn:
    tail = await asyncio.to_thread(_tail, log_path)
    raise TargetNotReady(
        f"{message}\n{tail}" if tail else message, place=ready_url, hint=f"Its whole output is in {log_path}."
    )


def _tail(log_path: Path) -> str:
    text = log_path.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")
    return "\n".join(f"  | {line}" for line in text.splitlines()[-_TAIL_LINES:])


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _stop(process: Process) -> None:
    """End the process with its group; whatever it left running in that group is killed after it."""
    if process.returncode is None:
        _signal(process, kill=False)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_S)
    _signal(process, kill=True)
    await process.wait()


def _signal(process: Process, *, kill: bool) -> None:
    """Signal the group that the process leads; on Windows, which has none, the process."""
    with suppress(ProcessLookupError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        elif kill:
            process.kill()
        else:
            process.terminate()
