"""A loopback HTTP server that answers from a script, whatever it is asked, and remembers what that was."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler

from tests.fakes import serving


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` closes the connection after that many bytes of the body, and a status of 0 before any."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class HttpScript:
    """`answers` are given in turn, the last one for ever."""

    base_url: str
    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def http_script(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[HttpScript]:
    """Serve the answers until the context ends, with `tls` over that."""

    class Handler(serving.Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        """Not an older one, which would let a client that asks first whether to send its body wait for a second."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.asked.append(Asked(self.command, self.path, self.headers, body))
            _send(self, script.answers.pop(0) if len(script.answers) > 1 else script.answers[0])

        do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - the base class calls them so

    with serving.served(Handler, tls) as url:
        script = HttpScript(url, list(answers))
        yield script


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.close_connection = True
    if not answer.status:
        return
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer.body[: answer.cut])
