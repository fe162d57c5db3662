"""What a job leaves as reports for GitLab to read: variables, metrics and remarks on lines (pure).

GitLab's documentation: "Artifacts reports types", "Code Quality report format", "Metrics reports".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from lens_gate.vocabulary.publishing import Annotation, Level

DOTENV: Final = "lens-gate.env"
METRICS: Final = "lens-gate-metrics.txt"
CODE_QUALITY: Final = "gl-code-quality-report.json"

DOTENV_BYTES: Final = 5 * 1024
"""GitLab refuses a file that is larger, and fails the job."""

PREFIX: Final = "LENS_GATE_"
MOST_REMARKS: Final = 100

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTICE: "info"}
_LONGEST_VALUE = 500


def dotenv(values: Mapping[str, str]) -> str:
    """Return values as variables of later jobs, `LENS_GATE_MEAN_LATENCY_MS=512.3`.

    The format knows neither quotes nor escapes: a value of several lines is put on one, and an odd character is `?`.
    """
    lines = (f"{_variable(name)}={_on_one_line(value)}\n" for name, value in values.items())
    kept, size = [], 0
    for line in lines:
        size += len(line.encode())
        if size <= DOTENV_BYTES:
            kept.append(line)
    return "".join(kept)


def open_metrics(values: Mapping[str, str]) -> str:
    """Return those of the values that are numbers as OpenMetrics text."""
    numbers = {name: value for name, value in values.items() if _NUMBER.fullmatch(value)}
    lines = (f"# TYPE {name} gauge\n{name} {value}\n" for name, value in ((_metric(n), v) for n, v in numbers.items()))
    return "".join(lines) + "# EOF\n"


def code_quality(annotations: Sequence[Annotation]) -> str:
    """Return the remarks that have a place in the repository; GitLab shows them on the lines of the change."""
    placed = [one for one in annotations if one.path is not None][:MOST_REMARKS]
    return json.dumps([_remark(one, one.path or "") for one in placed], indent=1) + "\n"


def _remark(one: Annotation, path: str) -> dict[str, object]:
    told = (path, str(one.line), one.title)
    return {
        "description": f"{one.title}: {one.message}",
        "check_name": "lens-gate",
        "fingerprint": hashlib.sha256("\0".join(told).encode("utf-8", "replace")).hexdigest()[:40],
        "severity": _SEVERITIES[one.level],
        "location": {"path": path, "lines": {"begin": one.line or 1}},
    }


def _variable(name: str) -> str:
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _metric(name: str) -> str:
    return "lens_gate_" + re.sub(r"[^a-z0-9]", "_", name.lower())


def _on_one_line(value: str) -> str:
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in value)[
        :_LONGEST_VALUE
    ]
