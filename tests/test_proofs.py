"""The page of proofs names what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_test_and_benchmark_that_the_page_names_exists() -> None:
    page = (ROOT / "docs/proofs.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:tests|benchmarks)/[\w/.]*\w", page))
    assert len(named) > 15
    assert {name for name in named if not (ROOT / name).exists()} == set()
