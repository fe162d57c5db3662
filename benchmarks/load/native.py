"""Builds the C programs of this benchmark, once for each version of their sources."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parent / "c"
CACHE = Path.home() / ".cache" / "lens-gate-benchmarks"
"""Where programs and the other tools' environments are kept: outside the checkout."""

COMPILER = ["cc", "-O2", "-Wall", "-Wextra"]
LIBRARIES = ["-lm"]
TLS_LIBRARIES = ["-DWITH_TLS", "-lssl", "-lcrypto"]


@dataclass(frozen=True)
class Program:
    """A program that was built; `tls` where OpenSSL's headers are there."""

    path: Path
    tls: bool


@cache
def built(name: str) -> Program | None:
    """Return the program of `c/NAME.c`; None where there is no C compiler or no Linux for it."""
    if shutil.which(COMPILER[0]) is None:
        return None
    source = SOURCES / f"{name}.c"
    texts = [path.read_bytes() for path in (source, *sorted(SOURCES.glob("*.h")))]
    folder = CACHE / "native" / hashlib.sha256(b"".join(texts)).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for tls, libraries in ((True, TLS_LIBRARIES), (False, [])):
        program = folder / (f"{name}-tls" if tls else name)
        command = [*COMPILER, "-o", str(program), str(source), *LIBRARIES, *libraries]
        if program.exists() or subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return Program(program, tls)
    return None
