"""Reports by templates of users: what a template is given of the artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.codec import Artifact
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.errors import UsageProblem
from lens_gate.reports.compare import ComparisonView, comparison_view
from lens_gate.reports.facts import moment
from lens_gate.reports.page import ReportView, RunView
from lens_gate.reports.selftest import selftest_sheet
from lens_gate.reports.sheet import Sheet
from lens_gate.reports.template_job import ESCAPED, TemplateJob
from lens_gate.reports.trend_page import TrendView
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.unmeasured import unmeasured_sheet
from lens_gate.reports.view import run_view, view
from lens_gate.steps.judging.judge import Judgement, Rules
from lens_gate.steps.rendering.render import judged_of, only_ranks
from lens_gate.steps.world import World, rfc3339
from lens_gate.stores.files import read_file

_BULK = {"samples", "attempts", "exhibits"}
"""What artifacts hold of single requests: a template is given sums."""


Told = dict[str, Any]
"""One artifact as data: as it is, and in the words and rounded numbers of our own reports."""


def templated(template: Path, told: Sequence[Told], world: World, *, output: str | None) -> str:
    """Return what a template makes of artifacts.

    Raises UsageProblem where the template fails, or asks for more time, memory or text than it may.
    """
    context = {
        "reports": told,
        "report": told[0],
        "generated": moment(rfc3339(world.now())),
        "tool": f"lens-gate {world.version}",
    }
    job = TemplateJob(
        name=str(template),
        text=_text(template),
        context=orjson.dumps(context, option=orjson.OPT_NON_STR_KEYS, default=str).decode("utf-8"),
        escaped=any(ESCAPED.search(name) for name in (template.name, output or "")),
    )
    return world.render_template(job)


def told_run(run: Run, path: Path) -> Told:
    """Return a run for a template."""
    return _told(run, path, run_view(run, str(path)))


def told_of(artifact: Artifact, path: Path, rules: Rules, world: World) -> Told:
    """Return an artifact for a template; an analysis with the verdict that the rules give it."""
    match artifact:
        case Run():
            return told_run(artifact, path)
        case Selftest():
            return _told(artifact, path, selftest_sheet(artifact))
        case UnmeasuredJob():
            return _told(artifact, path, unmeasured_sheet(artifact))
        case Analysis() if only_ranks(artifact):
            return _told(artifact, path, comparison_view(artifact))
        case _:
            verdict = judged_of(artifact, path, rules, world)
            return _told(verdict, path, _page(verdict, path))


def _page(verdict: Judgement, path: Path) -> ReportView | TrendView:
    return trend_view(verdict) if isinstance(verdict, TrendVerdict) else view(verdict, str(path))


def _told(artifact: Artifact, path: Path, shown: ReportView | RunView | TrendView | ComparisonView | Sheet) -> Told:
    data = artifact.model_dump(mode="json", exclude={**dict.fromkeys(_BULK, True), "analysis": _BULK})
    return {"file": str(path), "kind": artifact.kind, "view": _plain(shown), "data": data}


def _plain(value: Any) -> Any:
    """Return what a view says as plain data, with what its properties say, but for those of its own kind."""
    match value:
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case _ if is_dataclass(value):
            kind = type(value)
            said = [name for name, one in vars(kind).items() if isinstance(one, property)]
            found = {name: getattr(value, name) for name in (*(one.name for one in fields(value)), *said)}
            return {name: _plain(inner) for name, inner in found.items() if not isinstance(inner, kind)}
        case _:
            return value


def _text(template: Path) -> str:
    try:
        return read_file(template).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem("this is no text", place=str(template), hint="A template is UTF-8 text.") from error
