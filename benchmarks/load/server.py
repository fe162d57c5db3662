"""Starts the truth server: the C program where it can be built, else the one on asyncio."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.logs import Truth, read_truth
from benchmarks.load.native import built
from benchmarks.load.processes import ANYWHERE, Place

END_S = 20.0
PATHS = {
    "openai-chat": ("/v1", "/chat/completions"),
    "anthropic": ("/v1", "/messages"),
    "google": ("/v1beta", "/models/truth:streamGenerateContent?alt=sse"),
}
"""The base path of each wire format, and what clients put behind it."""


@dataclass(frozen=True)
class Script:
    """How an answer is timed: medians in microseconds and sigmas of lognormals, and the number of tokens."""

    ttft_us: int = 50_000
    ttft_sigma: float = 0.2
    gap_us: int = 5_000
    gap_sigma: float = 0.3
    tokens: int = 32

    @property
    def text(self) -> str:
        """As the server takes it, with sigmas in thousandths."""
        parts = (self.ttft_us, self.ttft_sigma * 1000, self.gap_us, self.gap_sigma * 1000, self.tokens)
        return ":".join(str(round(part)) for part in parts)

    @property
    def answer_s(self) -> float:
        """About how long an answer takes."""
        return (self.ttft_us + self.gap_us * self.tokens) / 1e6


@dataclass(frozen=True)
class Certificate:
    """A certificate for loopback and its key, in PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Serving:
    """A server that listens."""

    port: int
    tls: Certificate | None
    log: Path
    kind: str

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def base_url(self, api: str) -> str:
        """Return the address that a client of this wire format is configured with."""
        return self.origin + PATHS[api][0]

    def path(self, api: str) -> str:
        """Return the target of a request."""
        return "".join(PATHS[api])

    def truth(self) -> Truth:
        """Read the log; it is there when the server has ended."""
        return read_truth(self.log)


@contextmanager
def truth_server(
    script: Script, folder: Path, *, place: Place = ANYWHERE, seed: int = 1, tls: Certificate | None = None
) -> Iterator[Serving]:
    """Serve in a process of its own; its log is whole when the context ends."""
    log = folder / "truth.bin"
    log.unlink(missing_ok=True)
    program = built("truth_server")
    native = program is not None and (tls is None or program.tls)
    start = [str(program.path)] if program and native else [sys.executable, "-m", "benchmarks.load.fallback_server"]
    pem = [str(tls.certificate), str(tls.key)] if tls else []
    command = [*start, str(log), script.text, str(seed), *pem]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=place.entering()) as process:  # noqa: PLW1509
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield Serving(port, tls, log, "C" if native else "asyncio")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(END_S)


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate that is valid on loopback for two days."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", names]
    command += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made
