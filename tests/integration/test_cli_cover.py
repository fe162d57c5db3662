"""`run --cover`: what a run was to cover is in its artifact, and `analyze` and `gate` ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Invoke
from tests.integration.test_cli_exit_codes import Configure

BRIEFLY = ("--requests", "30", "--rps", "100", "--output", "run.json")


def policy(path: str) -> Any:
    return json.loads(Path(path).read_bytes())["policy"]


@pytest.fixture
def covering(invoke: Invoke, configure: Configure, unhurried: None) -> None:
    """A run of two versions that was asked to cover late first tokens."""
    configure()
    answer = invoke("run", "--against-model", "sim-mini", "--cover", "tails", *BRIEFLY)
    assert answer.code == 0, answer.err


@pytest.mark.usefixtures("covering")
@pytest.mark.parametrize(
    ("options", "expected"),
    [((), ["tails"]), (("--cover", "tails,errors"), ["errors", "tails"]), (("--cover", "none"), [])],
)
def test_later_steps_cover_it_unless_told_otherwise(
    invoke: Invoke, options: tuple[str, ...], expected: list[str]
) -> None:
    assert invoke("analyze", "run.json", *options, "--output", "analysis.json").code == 0
    assert policy("analysis.json")["cover"] == expected


@pytest.mark.usefixtures("covering")
def test_nothing_beside_none_can_be_asked_for(invoke: Invoke) -> None:
    answer = invoke("gate", "run.json", "--cover", "none,tails")
    assert answer.code == 2
    assert "--cover none is unknown" in answer.err
    assert "tails, errors, none" in answer.err
