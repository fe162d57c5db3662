"""The inputs of the action: in step with the options of `ci`, and turned into a command line without surprises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lens_gate.cli.action_docs import OUTPUT_TYPES
from lens_gate.cli.action_inputs import OWN, command_line, options_of
from lens_gate.cli.app import app
from lens_gate.errors import UsageProblem

ROOT = Path(__file__).parent.parent.parent.parent


def in_file(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))


def ci_options() -> dict[str, click.Option]:
    command = app.get_command(click.Context(app), "ci")
    assert command is not None
    return {
        next(name for name in option.opts if name.startswith("--"))[2:]: option
        for option in command.params
        if isinstance(option, click.Option)
    }


def test_the_action_takes_every_option_of_ci_by_its_name_and_with_its_help() -> None:
    inputs = in_file("action.yml")["inputs"]
    assert list(inputs) == [*OWN, *ci_options()]
    for name, option in ci_options().items():
        assert (option.help or "").removesuffix(".").split(";")[0] in inputs[name]["description"]


def test_the_types_of_inputs_and_outputs_are_told_for_each_of_them() -> None:
    action, types = in_file("action.yml"), in_file("action-types.yml")
    assert list(types["inputs"]) == list(action["inputs"])
    assert list(types["outputs"]) == list(action["outputs"]) == list(OUTPUT_TYPES)
    assert types["inputs"]["until-decided"] == {"type": "boolean"}
    assert types["inputs"]["max-cost"] == {"type": "float"}
    assert types["inputs"]["requests"] == {"type": "integer"}
    assert types["inputs"]["duration"] == {"type": "string"}
    assert types["inputs"]["decision"] == {"type": "enum", "allowed-values": ["calibrated", "classic"]}
    assert types["inputs"]["config"] == {"type": "list", "separator": "\n", "list-item": {"type": "string"}}


def test_no_input_is_written_into_a_line_of_shell() -> None:
    for step in in_file("action.yml")["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


def test_actions_of_others_are_pinned_to_whole_commit_ids() -> None:
    used = [step["uses"] for step in in_file("action.yml")["runs"]["steps"] if "uses" in step]
    assert used
    assert all(len(uses.partition("@")[2]) == 40 for uses in used)


def test_without_any_input_the_command_is_ci() -> None:
    assert command_line({}) == ["ci"]


def test_inputs_become_options_and_what_is_empty_is_left_out() -> None:
    inputs = {"command": "ci", "max-cost": "2.00", "until-decided": "true", "dry-run": "false", "model": "  "}
    assert command_line(inputs) == ["ci", "--max-cost=2.00", "--until-decided"]


def test_an_option_that_may_be_repeated_takes_one_value_from_each_line() -> None:
    assert command_line({"config": "a.yaml\n\n  b.yaml\n"}) == ["ci", "--config=a.yaml", "--config=b.yaml"]


def test_a_single_step_takes_its_words_from_args_which_are_split_as_a_shell_would() -> None:
    inputs = {"command": "report", "args": "'my results/verdict.json' --format markdown"}
    assert command_line(inputs) == ["report", "my results/verdict.json", "--format", "markdown"]


def test_a_command_of_two_words_takes_the_options_of_the_inner_one() -> None:
    assert "store" in options_of(["baseline", "save"])
    assert command_line({"command": "baseline save", "store": "runs/"}) == ["baseline", "save", "--store=runs/"]


def test_no_value_can_pass_for_an_option_or_a_second_word() -> None:
    words = command_line({"model": "--exit-zero", "suite-of-nothing": "", "against-ref": "a b; $(touch x)"})
    assert words == ["ci", "--model=--exit-zero", "--against-ref=a b; $(touch x)"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageProblem) as caught:
        command_line({"until-decided": "yes", "dry-run": "1", "colour": "red"})
    message = caught.value.message
    assert "`until-decided`: it is true or false, not 'yes'" in message
    assert "`dry-run`" in message
    assert "`colour`: `lens-gate ci` has no such option" in message


def test_an_option_of_another_command_is_refused() -> None:
    with pytest.raises(UsageProblem, match="`until-decided`: `lens-gate report` has no such option"):
        command_line({"command": "report", "until-decided": "true"})


def test_args_with_an_open_quote_are_refused() -> None:
    with pytest.raises(UsageProblem, match="cannot be split"):
        command_line({"args": "'open"})
