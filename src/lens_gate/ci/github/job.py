"""The job that we are a step of, as far as GitHub lets a step tell it from others (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import assert_never

from pydantic import JsonValue

from lens_gate.ci.board import digest

LEG = "LENS_GATE_LEG"
"""The job's matrix as JSON, which `action.yml` sets: of its own GitHub gives a step no variable for it."""

_PULL_REF = re.compile(r"refs/(pull/[0-9]+)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`name` is the same in each run for one change; `nonce` is of this one run of this one job.

    `one_change` is whether a run of this name on the same commit is for the same change: a run `on: workflow_run` does
    not say which pull request, and so which base, was measured.

    Legs of a matrix share their name where they call a workflow: there nobody knows the caller's matrix.
    """

    name: str
    nonce: str
    one_change: bool = True


def read_job(environment: Mapping[str, str]) -> Job:
    """Return the job; what GitHub does not say is left out."""
    workflow = environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0] or environment.get("GITHUB_WORKFLOW", "")
    event = environment.get("GITHUB_EVENT_NAME", "")
    name = "/".join((workflow, event, _change(environment), environment.get("GITHUB_JOB", ""), leg_of(environment)))
    # A runner draws the first for each job, and hides it from containers; the second is another one on each runner.
    runner = [environment.get(variable, "") for variable in ("RUNNER_TRACKING_ID", "RUNNER_NAME")]
    return Job(name=name, nonce=digest(*runner, name), one_change=event != "workflow_run")


def _change(environment: Mapping[str, str]) -> str:
    """Return what tells the pull requests of one commit apart: the number, else the branch that they go to."""
    pull = _PULL_REF.match(environment.get("GITHUB_REF", ""))
    return pull[1] if pull else environment.get("GITHUB_BASE_REF", "")


def leg_of(environment: Mapping[str, str]) -> str:
    """Return the values of the job's matrix as GitHub puts them behind its name; empty where it has none."""
    try:
        matrix = json.loads(environment.get(LEG) or "null")
    except ValueError:
        return ""
    return ", ".join(_scalars(matrix)) if isinstance(matrix, dict) else ""


def _scalars(value: JsonValue) -> Iterator[str]:
    """Return all that is said in a value of a matrix, however deep, as YAML writes it."""
    match value:
        case bool():
            yield str(value).lower()
        case str() | int() | float():
            yield str(value)
        case dict():
            yield from chain.from_iterable(map(_scalars, value.values()))
        case list():
            yield from chain.from_iterable(map(_scalars, value))
        case None:
            return
        case never:
            assert_never(never)
