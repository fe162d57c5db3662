"""Publishing through the command line, where GitHub's runner starts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import dumps
from tests.fakes.github_runner import Runner, commands_in
from tests.integration.conftest import Duet, Invoke
from tests.selftests import a_selftest

OnGitHub = Callable[..., Runner]


@pytest.fixture
def on_github(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> OnGitHub:
    """Make this process a step of a workflow."""

    def begin(name: str = "push", event: dict[str, Any] | None = None, **changes: str) -> Runner:
        runner = Runner(tmp_path_factory.mktemp("runner"), name=name, event=event or {}, changes=changes)
        for variable, value in runner.environment().items():
            monkeypatch.setenv(variable, value)
        return runner

    return begin


@pytest.fixture
def judged(invoke: Invoke, duet: Duet, home: Path) -> Callable[..., Path]:
    """Write a verdict on a run whose candidate takes `factor` times as long."""

    def write(name: str = "verdict.json", *, factor: float = 1.6, rules: Mapping[str, Any] | None = None) -> Path:
        config = []
        if rules is not None:
            (home / "lens-gate.yaml").write_text(json.dumps(rules, indent=1), encoding="utf-8")
            config = ["--config", "lens-gate.yaml"]
        duet(factor=factor, pairs=60)
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        invoke("gate", "run.json", *config, "--output", name)
        return home / name

    return write


def test_a_regression_is_published_as_summary_outputs_and_annotations(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    verdict, runner = judged(), on_github()
    answer = invoke("report", str(verdict), "--publish", "summary,outputs,annotations")
    assert answer.code == 0
    assert runner.summary.startswith("## ◆ Regression")
    assert runner.outputs["verdict"] == "regression"
    assert runner.outputs["exit-code"] == "1"
    assert int(runner.outputs["regressions"]) >= 1
    assert float(runner.outputs["mean-latency-ms"]) > 0
    assert runner.outputs["artifacts"] == str(verdict.parent)
    assert {one.name for one in commands_in(answer.out)} == {"error"}


def test_a_breach_stands_on_the_line_of_the_model_it_is_about(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    rules = {"providers": [{"name": "openai", "models": [{"id": "other"}, {"id": "gpt-small"}]}]}
    verdict, _ = judged(rules=rules), on_github()
    answer = invoke("report", str(verdict), "--publish", "annotations")
    lines = (verdict.parent / "lens-gate.yaml").read_text(encoding="utf-8").splitlines()
    wanted = next(number for number, line in enumerate(lines, 1) if '"gpt-small"' in line)
    places = {(one.properties["file"], one.properties["line"]) for one in commands_in(answer.out)}
    assert places <= {("lens-gate.yaml", str(wanted)), ("lens-gate.yaml", str(wanted - 1))}
    assert places


def test_outside_of_a_pipeline_it_is_said_that_nothing_is_published(
    invoke: Invoke, judged: Callable[..., Path]
) -> None:
    answer = invoke("report", str(judged()), "--publish", "auto")
    assert answer.code == 0
    assert "nothing is published" in answer.err


def test_an_unknown_kind_is_named_with_those_that_there_are(invoke: Invoke, judged: Callable[..., Path]) -> None:
    answer = invoke("report", str(judged()), "--publish", "summary,tweet")
    assert answer.code == 2
    assert "--publish tweet is unknown" in answer.err
    assert "annotations" in answer.err


def test_the_configuration_publishes_without_an_option(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    verdict, runner = judged(rules={"publish": {"kinds": ["outputs"]}}), on_github()
    assert invoke("report", str(verdict), "--config", "lens-gate.yaml").code == 0
    assert runner.outputs["verdict"] == "regression"
    assert not runner.summary


def test_what_cannot_be_published_is_a_warning_or_exit_7_where_that_is_asked(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub, home: Path
) -> None:
    verdict, _ = judged(), on_github(GITHUB_OUTPUT=str(home))
    lenient = invoke("report", str(verdict), "--publish", "outputs")
    assert lenient.code == 0
    assert "warning: not published" in lenient.err
    assert invoke("report", str(verdict), "--publish", "outputs", "--publish-strict").code == 7


def test_ci_publishes_at_its_end_and_exits_with_its_verdict(
    invoke: Invoke, configure: Callable[..., Path], on_github: OnGitHub
) -> None:
    configure()
    runner = on_github()
    command = ("ci", "--against-model", "sim-small", "--requests", "40", "--publish", "summary,outputs")
    answer = invoke(*command)
    assert answer.told["outcome"] == "nothing_to_compare"
    assert runner.outputs["verdict"] == "nothing_to_compare"
    assert runner.outputs["exit-code"] == str(answer.code)
    assert runner.outputs["report"].endswith("report.md")
    assert "Nothing to compare" in runner.summary


def test_a_bad_kind_is_refused_before_anything_is_measured(
    invoke: Invoke, configure: Callable[..., Path], home: Path
) -> None:
    configure()
    answer = invoke("ci", "--against-model", "sim-large", "--requests", "40", "--publish", "everything")
    assert answer.code == 2
    assert not (home / "results").exists()


def test_two_verdicts_of_one_name_are_told_apart_by_their_folders(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    fast, slow = judged("fast/verdict.json", factor=1.0), judged("slow/verdict.json")
    runner = on_github()
    assert invoke("report", str(fast), str(slow), "--publish", "summary,outputs").code == 0
    assert runner.outputs["verdict"] == "regression"
    assert runner.summary.index("Regression") < runner.summary.index("Pass")


def test_names_of_suites_must_fit_the_verdicts(
    invoke: Invoke, judged: Callable[..., Path], on_github: OnGitHub
) -> None:
    fast, slow = judged("fast/verdict.json", factor=1.0), judged("slow/verdict.json")
    on_github()
    answer = invoke("report", str(fast), str(slow), "--publish", "outputs", "--suite", "one")
    assert answer.code == 2
    assert "there are 2 verdicts" in answer.err
    same = invoke("report", str(fast), str(slow), "--publish", "outputs", "--suite", "one", "--suite", "one")
    assert same.code == 2


def test_an_artifact_without_a_verdict_is_not_published(invoke: Invoke, on_github: OnGitHub, home: Path) -> None:
    runner = on_github()
    (home / "selftest.json").write_bytes(dumps(a_selftest()))
    answer = invoke("report", "selftest.json", "--publish", "outputs")
    assert answer.code == 2
    assert "no verdict to publish" in answer.err
    assert runner.outputs == {}
