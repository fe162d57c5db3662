"""What `action.yml` calls: inputs from one variable, the outputs of a step, and forks without keys."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lens_gate.artifacts.codec import dumps
from lens_gate.ci.github.platform import GitHub
from lens_gate.cli import publishing, running
from lens_gate.errors import ConfigProblem
from tests.fakes.github import TOKEN, GitHubServer
from tests.fakes.github_runner import SHA, VARIABLES, outputs_in
from tests.integration.conftest import Duet, Invoke
from tests.selftests import a_selftest


@pytest.fixture
def step(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Stand in a step of a job whose action has these inputs."""

    def stand(pull_from: str = "acme/widgets", **inputs: str) -> None:
        head, base = {"sha": SHA, "repo": {"full_name": pull_from}}, {"repo": {"full_name": "acme/widgets"}}
        payload = {"pull_request": {"number": 12, "head": head, "base": base}}
        (home / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        own = {"GITHUB_OUTPUT": home / "outputs", "GITHUB_STEP_SUMMARY": home / "summary"}
        own |= {"GITHUB_EVENT_PATH": home / "event.json"}
        around = VARIABLES | {name: str(path) for name, path in own.items()} | {"GITHUB_EVENT_NAME": "pull_request"}
        around |= {"LENS_GATE_INPUTS": json.dumps({name.replace("_", "-"): text for name, text in inputs.items()})}
        around |= {"LENS_GATE_OUTPUTS": "true"}
        for name, value in around.items():
            monkeypatch.setenv(name, value)

    return stand


def outputs(home: Path) -> dict[str, str]:
    return outputs_in((home / "outputs").read_text(encoding="utf-8"))


def test_the_command_runs_with_the_inputs_as_its_options(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None]
) -> None:
    configure()
    step(command="ci", dry_run="true", requests="20", publish="auto")
    answer = invoke("action")
    assert answer.code == 0
    assert "lens-gate ci --dry-run --requests=20 --publish=auto" in answer.err
    assert "20 requests" in answer.out


def test_patterns_in_args_stand_for_the_files_that_they_find(
    home: Path, invoke: Invoke, step: Callable[..., None]
) -> None:
    (home / "a b.json").write_text("no artifact", encoding="utf-8")
    step(command="report", args="'a*.json' nothing-*.json")
    answer = invoke("action")
    assert "lens-gate report a b.json nothing-*.json" in answer.err
    assert answer.code == 2


def test_a_command_of_another_folder_runs_there(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None]
) -> None:
    configure().rename(home / "kept.yaml")
    (home / "inner").mkdir()
    (home / "kept.yaml").rename(home / "inner" / "lens-gate.yaml")
    step(working_directory="inner", dry_run="true", requests="20")
    assert invoke("action").code == 0


def test_inputs_that_cannot_be_used_end_before_anything_is_sent(
    home: Path, invoke: Invoke, step: Callable[..., None]
) -> None:
    step(until_decided="maybe")
    answer = invoke("action")
    assert answer.code == 2
    assert "`until-decided`: it is true or false" in answer.err


def test_an_error_leaves_the_verdict_not_measured(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None]
) -> None:
    configure(providers=[{"name": "sim", "api": "openai-chat", "endpoint": "http://127.0.0.1:9/v1", "models": 3}])
    step()
    assert invoke("action").code == 2
    assert outputs(home)["verdict"] == "not_measured"


@pytest.mark.parametrize(("command", "set_to"), [("ci", "not_measured"), ("report", None), ("baseline list", None)])
def test_only_a_command_that_measures_begins_as_not_measured(
    home: Path, invoke: Invoke, step: Callable[..., None], command: str, set_to: str | None
) -> None:
    step(command=command)
    invoke("action")
    there = (home / "outputs").exists()
    assert (outputs(home).get("verdict") if there else None) == set_to


@pytest.mark.parametrize("asked", ["summary", ""])
@pytest.mark.parametrize("configured", [["summary"], []])
def test_the_verdict_is_an_output_of_the_action_whatever_else_is_published(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None], asked: str,
    configured: list[str],
) -> None:  # fmt: skip
    configure(publish={"kinds": configured})
    step(against_model="sim-small", requests="20", publish=asked)
    assert invoke("action").code == 0
    assert outputs(home)["verdict"] == "nothing_to_compare"
    assert outputs(home)["artifacts"] == "results"
    assert ((home / "summary").exists()) == (asked == "summary" or bool(configured))


@pytest.mark.parametrize("kind", ["trend", "selftest", "run", "run and verdict"])
def test_a_report_of_what_is_no_verdict_needs_none_where_nothing_is_to_be_published(
    home: Path, invoke: Invoke, duet: Duet, step: Callable[..., None], kind: str
) -> None:
    duet(pairs=60)
    invoke("trend", "run.json", "--output", "trend.json")
    invoke("gate", "run.json", "--output", "verdict.json")
    (home / "selftest.json").write_bytes(dumps(a_selftest()))
    step(command="report", args=" ".join(f"{name}.json" for name in kind.split(" and ")))
    assert invoke("action").code == 0
    assert not (home / "outputs").exists()


@pytest.mark.parametrize("command", ["report", "gate"])
def test_a_verdict_that_is_only_read_sets_the_outputs_of_the_action(
    home: Path, invoke: Invoke, duet: Duet, step: Callable[..., None], command: str
) -> None:
    duet(factor=1.6, pairs=60)
    invoke("gate", "run.json", "--output", "verdict.json")
    step(command=command, args="verdict.json")
    assert invoke("action").code == (0 if command == "report" else 1)
    assert outputs(home)["verdict"] == "regression"
    assert not (home / "summary").exists()


KEYLESS = [{
    "name": "sim", "api": "openai-chat", "endpoint": "http://127.0.0.1:9/v1", "api_key": "${NOT_SET_IN_A_FORK}",
    "models": [{"id": "sim-small"}, {"id": "sim-large"}],
}]  # fmt: skip


@pytest.mark.parametrize(("asked", "code"), [("", 2), ("summary", 0)])
def test_only_a_fork_that_was_to_publish_is_excused_from_having_no_key(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None], asked: str, code: int
) -> None:  # fmt: skip
    configure(profiler={"name": "bot"}, providers=KEYLESS)
    step(pull_from="visitor/widgets", against_model="sim-large", requests="20", publish=asked)
    assert invoke("action").code == code
    assert outputs(home)["verdict"] == "not_measured"
    assert (home / "summary").exists() == bool(asked)


def test_a_dry_run_of_the_action_reaches_no_verdict(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None]
) -> None:
    configure()
    step(dry_run="true", requests="20", publish="summary")
    assert invoke("action").code == 0
    assert outputs(home) == {"verdict": "not_measured"}


# The last step of a job that was cancelled


@pytest.fixture
def kill(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None],
    github: GitHubServer, monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:  # fmt: skip
    """Kill the action while it measures, after it has `left` something, so that its check stays open."""
    configure(profiler={"name": "bot"})
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("RUNNER_TEMP", str(home))

    def run(left: Callable[[], None] = lambda: None, **inputs: str) -> None:
        begun: dict[Path, float] = {}

        def killed(*_: object, **__: object) -> None:
            begun.update((path, path.stat().st_mtime) for path in home.glob("lens-gate-begun-*"))
            left()
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(running, "measure", killed)
            patched.setattr(publishing, "give_up", lambda *_, **__: None)
            begin(step, github, monkeypatch, **inputs)
            assert invoke("action").code == 130
        (check,) = github.checks.values()
        assert check["status"] == "in_progress"
        for path, moment in begun.items():  # who is killed takes nothing away
            path.touch()
            os.utime(path, (moment, moment))
        begin(step, github, monkeypatch, **inputs)

    return run


def begin(step: Callable[..., None], github: GitHubServer, monkeypatch: pytest.MonkeyPatch, **inputs: str) -> None:
    step(**{"publish": "check", "against_model": "sim-large", **inputs})
    monkeypatch.setenv("GITHUB_API_URL", github.url)


def only(github: GitHubServer) -> dict[str, Any]:
    (check,) = github.checks.values()
    return check


def test_a_check_that_was_left_open_ends_as_a_failure_and_once(
    invoke: Invoke, kill: Callable[..., None], step: Callable[..., None], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    kill(suite="chat")
    assert invoke("action", "--end").code == 0
    assert (only(github)["name"], only(github)["conclusion"]) == ("lens-gate / chat", "failure")
    assert "no verdict" in only(github)["output"]["title"]
    github.asked.clear()
    begin(step, github, monkeypatch, suite="chat")
    assert invoke("action", "--end").code == 0
    assert github.asked == []


def test_a_check_that_an_error_has_ended_is_not_ended_again(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("RUNNER_TEMP", str(home))

    def stopped(*_: object, **__: object) -> None:
        raise ConfigProblem("it cannot be measured")

    monkeypatch.setattr(running, "measure", stopped)
    for words, code in (((), 2), (("--end",), 0)):
        begin(step, github, monkeypatch)
        assert invoke("action", *words).code == code
        assert only(github)["conclusion"] == "failure"
    assert [*home.glob("lens-gate-begun-*")] == []


@pytest.mark.parametrize("while_it", ["begins", "gives up"])
def test_a_check_whose_step_was_stopped_while_it_told_github_is_ended_by_the_last_step(
    invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch, while_it: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("RUNNER_TEMP", str(configure().parent))
    begin_check, told = GitHub.begin_check, list[str]()

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def begun_and_stopped(self: GitHub, suite: str) -> None:
        begin_check(self, suite)
        told.append(suite)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(running, "measure", stopped)
        patched.setattr(GitHub, "end_check", stopped)  # the second time, while the end is told
        if while_it == "begins":
            patched.setattr(GitHub, "begin_check", begun_and_stopped)
        begin(step, github, monkeypatch)
        assert invoke("action").code == 130
    assert (only(github)["status"], len(told)) == ("in_progress", int(while_it == "begins"))
    begin(step, github, monkeypatch)
    assert invoke("action", "--end").code == 0
    assert only(github)["conclusion"] == "failure"


def test_a_check_that_is_stopped_as_soon_as_it_began_ends_by_the_command_itself(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None], github: GitHubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    begin_check = GitHub.begin_check

    def begun_and_stopped(self: GitHub, suite: str) -> None:
        begin_check(self, suite)
        raise KeyboardInterrupt

    monkeypatch.setattr(GitHub, "begin_check", begun_and_stopped)
    begin(step, github, monkeypatch)
    assert invoke("ci", "--against-model", "sim-large", "--publish", "check").code == 130
    assert only(github)["conclusion"] == "failure"


@pytest.mark.parametrize("age_s", [0, 3600])
def test_a_verdict_counts_for_the_check_only_if_this_step_wrote_it(
    home: Path, invoke: Invoke, kill: Callable[..., None], github: GitHubServer, duet: Duet, age_s: int
) -> None:
    duet(factor=1.0, pairs=60)
    invoke("gate", "run.json", "--output", "pass.json")
    data = (home / "pass.json").read_bytes()

    def leave_a_pass() -> None:
        path = home / "results" / "verdict.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        written = path.stat().st_mtime - age_s
        os.utime(path, (written, written))

    kill(leave_a_pass)
    assert invoke("action", "--end").code == 0
    assert only(github)["conclusion"] == ("failure" if age_s else "success")


def test_words_of_args_count_at_the_end_as_well(
    home: Path, invoke: Invoke, kill: Callable[..., None], github: GitHubServer, duet: Duet
) -> None:
    duet(factor=1.6, pairs=60)
    invoke("gate", "run.json", "--output", "worse.json")
    (home / "lens-gate.yaml").rename(home / "other.yaml")

    def leave_a_regression() -> None:
        (home / "out").mkdir()
        (home / "out" / "verdict.json").write_bytes((home / "worse.json").read_bytes())

    kill(leave_a_regression, args="--suite chat --output-dir out --config other.yaml --exit-zero")
    assert invoke("action", "--end").code == 0
    assert (only(github)["name"], only(github)["conclusion"]) == ("lens-gate / chat", "neutral")


@pytest.mark.parametrize("inputs", [{"publish": "summary"}, {"command": "report", "publish": "auto"}, {}])
def test_where_no_check_was_begun_none_is_ended(
    home: Path, invoke: Invoke, step: Callable[..., None], monkeypatch: pytest.MonkeyPatch, inputs: dict[str, str]
) -> None:
    monkeypatch.setenv("RUNNER_TEMP", str(home))
    step(**inputs)
    answer = invoke("action", "--end")
    assert (answer.code, answer.err) == (0, "")


def test_a_step_that_was_not_stopped_leaves_nothing_to_end(
    home: Path, invoke: Invoke, configure: Callable[..., Path], step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    configure()
    monkeypatch.setenv("RUNNER_TEMP", str(home))
    before = {path.name for path in home.iterdir()}
    step(dry_run="true", requests="20")
    assert invoke("action").code == 0
    assert {path.name for path in home.iterdir()} - before <= {"event.json", "outputs", "summary"}


def test_on_a_command_line_it_says_what_to_type_instead(invoke: Invoke) -> None:
    answer = invoke("action")
    assert answer.code == 2
    assert "`lens-gate ci`" in answer.err


def test_help_does_not_show_it(invoke: Invoke) -> None:
    assert "\n  action " not in invoke("--help").out
