"""The inputs in `action.yml`, and `action-types.yml`, written from the options of `lens-gate ci`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import click

from lens_gate.cli.action_inputs import DEFAULTS, OWN, options_of

INPUTS_BEGIN = "  # inputs: written by `make docs`\n"
INPUTS_END = "  # end of inputs\n"

_OWN_TYPES: Mapping[str, list[str]] = {
    "extras": ["type: enum", "allowed-values:", "  - all"],
}
_NUMBERS: Mapping[str, str] = {
    "integer": "integer",
    "integer range": "integer",
    "float": "float",
    "float range": "float",
}
"""By click's name of a type, that of the typing of actions."""

OUTPUT_TYPES: Mapping[str, str] = {
    "verdict": "string",
    "exit-code": "integer",
    "regressions": "integer",
    "mean-latency-ms": "float",
    "p95-latency-ms": "float",
    "cost-usd": "float",
    "baseline-id": "string",
    "report": "string",
    "junit": "string",
    "artifacts": "string",
    "artifact-name": "string",
}
"""What each output of `action.yml` is, in the words of the typing of actions."""


def with_inputs(action_yml: str) -> str:
    """Return `action.yml` with its inputs written anew; what stands around them is written by hand."""
    head, rest = action_yml.split(INPUTS_BEGIN)
    return f"{head}{INPUTS_BEGIN}{''.join(_inputs())}{INPUTS_END}{rest.split(INPUTS_END)[1]}"


def types_yml() -> str:
    """Return `action-types.yml`, by which typed callers of the action are checked."""
    options = options_of(["ci"])
    inputs = {name: _OWN_TYPES.get(name, ["type: string"]) for name in OWN} | {
        name: _type_of(options[name]) for name in options
    }
    outputs = {name: [f"type: {form}"] for name, form in OUTPUT_TYPES.items()}
    head = "# Written by `make docs` from the options of `lens-gate ci`, for typed callers (github-actions-typing).\n"
    return f"{head}inputs:\n{''.join(_typed(inputs))}outputs:\n{''.join(_typed(outputs))}"


def _inputs() -> Iterator[str]:
    told = {name: (own.description, own.default) for name, own in OWN.items()}
    told |= {name: (_described(option), DEFAULTS.get(name, "")) for name, option in options_of(["ci"]).items()}
    for name, (description, default) in told.items():
        lines = [f"  {name}:", f"    description: {json.dumps(description)}"]
        lines += [f"    default: {json.dumps(default)}"] if default else []
        yield "\n".join(lines) + "\n"


def _described(option: click.Option) -> str:
    text = (option.help or "").replace("; repeatable", "")
    return f"{text} One on each line." if option.multiple else f"{text} true or false." if option.is_flag else text


def _typed(entries: Mapping[str, list[str]]) -> Iterator[str]:
    for name, lines in entries.items():
        yield f"  {name}:\n" + "".join(f"    {line}\n" for line in lines)


def _type_of(option: click.Option) -> list[str]:
    """Return the type of an option's input."""
    if option.multiple:
        return ["type: list", r'separator: "\n"', "list-item:", "  type: string"]
    if isinstance(option.type, click.Choice):
        return ["type: enum", "allowed-values:", *(f"  - {json.dumps(str(choice))}" for choice in option.type.choices)]
    return [f"type: {'boolean' if option.is_flag else _NUMBERS.get(option.type.name, 'string')}"]
