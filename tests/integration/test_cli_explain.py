"""`lens-gate explain`: from one artifact alone, in text and in Markdown, the whole story or one finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from lens_gate.artifacts.codec import dumps
from tests.builders import a_run, a_sample
from tests.integration.conftest import Duet, Invoke
from tests.scenarios import SCENARIOS


@pytest.fixture
def written(home: Path) -> Path:
    """A folder with the verdict of every scenario."""
    for name, scenario in SCENARIOS.items():
        (home / f"{name}.json").write_bytes(dumps(scenario()))
    return home


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_verdict_is_explained_from_its_file_alone(name: str, invoke: Invoke, written: Path) -> None:
    answer = invoke("explain", f"{name}.json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Why the gate says: ")
    for heading in ("The decision", "What was compared", "What it cost", "What comes next"):
        assert f"\n{heading}\n" in answer.out


def test_an_analysis_is_explained_by_the_rules_it_was_made_by(invoke: Invoke, duet: Duet) -> None:
    duet(factor=1.4)
    invoke("analyze", "run.json", "--threshold", "30", "--output", "analysis.json")
    answer = invoke("explain", "analysis.json")
    assert answer.code == 0, answer.err
    assert "Why the gate says: regression" in answer.out
    assert "the 30 % that matter" in " ".join(answer.out.split())


def test_a_run_has_no_judgement_to_explain(invoke: Invoke, home: Path) -> None:
    (home / "run.json").write_bytes(dumps(a_run([a_sample()])))
    answer = invoke("explain", "run.json")
    assert (answer.code, "There is no verdict yet" in answer.out) == (0, True)


def test_the_command_of_a_regression_tells_its_worst_finding(invoke: Invoke, written: Path) -> None:
    command = next(
        line for line in invoke("explain", "regression.json").out.splitlines() if "lens-gate explain" in line
    )
    answer = invoke(*command.split()[1:])
    assert answer.code == 0, answer.err
    assert "openai/gpt-small · first token: regression" in answer.out
    assert "Could it be chance" in answer.out


def test_a_finding_that_is_not_there_is_refused_with_those_that_are(invoke: Invoke, written: Path) -> None:
    answer = invoke("explain", "pass.json", "--metric", "p99_ttft", "--series", "gpt-small")
    assert answer.code == 2
    assert "no finding about gpt-small and p99_ttft" in answer.err
    assert "--series openai/gpt-small --metric mean_ttft" in answer.err
    answer = invoke("explain", "no_baseline.json", "--metric", "mean_ttft")
    assert (answer.code, "has no findings" in answer.err) == (2, True)


@pytest.mark.parametrize("options", [("--format", "markdown", "--output", "why.txt"), ("--output", "why.md")])
def test_markdown_is_written_where_it_is_asked_for(options: tuple[str, ...], invoke: Invoke, written: Path) -> None:
    assert invoke("explain", "pass.json", *options).code == 0
    assert (
        (written / options[-1]).read_text(encoding="utf-8").startswith("# Why the gate says: pass\n\n## The decision")
    )


def test_text_is_written_with_all_its_signs(invoke: Invoke, written: Path) -> None:
    assert invoke("explain", "regression.json", "--output", "why.txt").code == 0
    text = (written / "why.txt").read_text(encoding="utf-8")
    assert text.startswith("Why the gate says: regression\n")
    assert "gpt-small · first token" in text


def test_a_file_that_is_no_artifact_is_refused(invoke: Invoke, home: Path) -> None:
    (home / "x.json").write_text("{}", encoding="utf-8")
    assert invoke("explain", "x.json").code == 2
    assert invoke("explain", "nowhere.json").code == 2
