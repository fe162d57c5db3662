"""Where a change comes from is told by the commands, and kept in the artifact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Duet, Invoke


def test_a_gate_tells_where_a_slower_answer_comes_from(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet(pairs=60, factor=1.3)

    answer = invoke("gate", "run.json", "--output", "v.json", "--markdown", "r.md")

    assert answer.code == 1
    assert "Where the change of the mean whole answer comes from" in answer.out
    assert "time per token +" in answer.out
    (told,) = json.loads((home / "v.json").read_bytes())["analysis"]["attribution"]
    assert sum(part["change_ms"] for part in told["parts"]) == pytest.approx(told["change_ms"])
    assert "comes from" in (home / "r.md").read_text(encoding="utf-8")


def test_an_unchanged_answer_is_not_explained(invoke: Invoke, duet: Duet) -> None:
    duet(pairs=60)

    answer = invoke("gate", "run.json")

    assert "comes from" not in answer.out


def test_a_stored_run_is_explained_by_prompts_too(invoke: Invoke, duet: Duet, home: Path) -> None:
    duet("base.json", pairs=60, comparison=None)
    duet("run.json", pairs=60, factor=3.0, comparison=None)

    answer = invoke("analyze", "run.json", "--baseline", "base.json", "--output", "a.json")

    assert answer.code == 0
    (told,) = json.loads((home / "a.json").read_bytes())["attribution"]
    assert [part["cause"] for part in told["parts"]] == ["first_token", "pace", "length", "rest", "prompt_mix"]
