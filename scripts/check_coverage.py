"""Hold the coverage promise: every branch of the pure rooms, by the tests of these rooms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PURE = (
    "errors",
    "vocabulary",
    "stats",
    "artifacts",
    "analysis",
    "gates",
    "trends",
    "baselines",
    "reports",
    "providers",
)
PURE_MODULES = ("ci.board", "ci.log_text", "ci.github.commands", "ci.github.event", "ci.github.job")
"""Of rooms that talk to the outside: what decides there without doing anything."""


def main() -> None:
    """Read the coverage data of the last test run; exit 1 where a promise is broken."""
    target = Path(".coverage.json")
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(target)]
    subprocess.run(command, check=True)  # noqa: S603 the command is written above
    report = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    gaps = [
        f"{name}: lines {found['missing_lines'][:8]}, branches {found['missing_branches'][:8]}"
        for name, found in report["files"].items()
        if pure(name) and (found["missing_lines"] or found["missing_branches"])
    ]
    print(f"coverage: pure rooms {'complete' if not gaps else 'incomplete'}")
    if gaps:
        sys.exit("\n".join(gaps))


def pure(name: str) -> bool:
    """Say whether a file lies in a room, or is a module, that promises full branch coverage."""
    parts = Path(name).with_suffix("").parts
    if "lens_gate" not in parts:
        return False
    inside = parts[parts.index("lens_gate") + 1 :]
    return inside[0] in PURE or ".".join(inside) in PURE_MODULES


if __name__ == "__main__":
    main()
