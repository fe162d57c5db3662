"""What `action.yml` calls: inputs from one variable, the outputs of a step, and forks without keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.github import TOKEN, github_server
from tests.fakes.github_runner import SHA, VARIABLES, outputs_in
from tests.integration.conftest import Invoke


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


def test_the_end_of_a_cancelled_job_concludes_the_check_and_nothing_else(
    invoke: Invoke, step: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with github_server() as github:
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        step(publish="auto", suite="chat")
        monkeypatch.setenv("GITHUB_API_URL", github.url)
        answer = invoke("action", "--end")
    (check,) = github.checks.values()
    assert check["status"] == "completed", answer.err
    assert check["conclusion"] != "success"
    assert github.comments == {}


@pytest.mark.parametrize("inputs", [{"publish": "summary"}, {"command": "report", "publish": "auto"}])
def test_where_no_check_was_begun_none_is_ended(
    invoke: Invoke, step: Callable[..., None], inputs: dict[str, str]
) -> None:
    step(**inputs)
    answer = invoke("action", "--end")
    assert (answer.code, answer.err) == (0, "")


def test_on_a_command_line_it_says_what_to_type_instead(invoke: Invoke) -> None:
    answer = invoke("action")
    assert answer.code == 2
    assert "`lens-gate ci`" in answer.err


def test_help_does_not_show_it(invoke: Invoke) -> None:
    assert "\n  action " not in invoke("--help").out
