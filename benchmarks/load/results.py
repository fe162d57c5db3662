"""What was measured, one JSON line for each run, so that parts can be run apart and one table made of all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.load.clients import Kind
from benchmarks.load.figures import Figures


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run of one client; `void` where the C client missed a limit in the same run."""

    part: str
    client: str
    kind: Kind
    api: str
    tls: bool
    rate: float
    seconds: float
    run: int
    void: bool
    wrong: tuple[str, ...]
    setting: str
    figures: Figures


class Results:
    """A file that grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, result: Result) -> None:
        """Append one run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def __iter__(self) -> Iterator[Result]:
        """Read all runs."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            yield _result(json.loads(line))


def _result(fields: dict[str, Any]) -> Result:
    fields["kind"], fields["wrong"] = Kind(fields["kind"]), tuple(fields["wrong"])
    return Result(**{**fields, "figures": Figures(**fields["figures"])})


def valid(results: Iterable[Result], part: str) -> list[Result]:
    """Return the runs of a part that count."""
    return [result for result in results if result.part == part and not result.void]
