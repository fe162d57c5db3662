"""The page of a verdict: what happened, how sure that is, what to do next, and then everything behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.exhibits import Exhibits, Shown
from lens_gate.artifacts.run import ArmIdentity, Run
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.compare import comparison_view
from lens_gate.reports.escape import shortened
from lens_gate.reports.facts import identity, measured_anything, moment, results
from lens_gate.reports.html.document import document
from lens_gate.reports.html.failures import failures_of
from lens_gate.reports.html.figures import figures, limits_of
from lens_gate.reports.html.forest import forest_of
from lens_gate.reports.html.marks import Kind, kind_of
from lens_gate.reports.html.parts import PHASES, parts_of, waterfalls
from lens_gate.reports.html.tiles import tiles
from lens_gate.reports.numbers import NOTHING
from lens_gate.reports.page import ReportView, grounds_of
from lens_gate.reports.rows import LONGEST_NAME, LONGEST_TEXT, subjects
from lens_gate.reports.view import run_view, series_names, view
from lens_gate.vocabulary.requests import Arm

_ARMS = {Arm.CANDIDATE: "This version", Arm.BASE: "Baseline"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and what it says, in a list of facts."""

    name: str
    text: str


def verdict_html(verdict: Verdict, file: str) -> str:
    """Return the report of a verdict as one file; `file` is where the verdict, or what it was made from, lies."""
    shown, analysis = view(verdict, file), verdict.analysis
    names = series_names(analysis)
    providers = (*analysis.providers, *analysis.base_providers)
    sent = any(model.requests.total for provider in providers for model in provider.models)
    return document(
        "verdict.html",
        style="report.css",
        page=shown,
        kind=kind_of(shown.mark),
        kind_of=kind_of,
        versions=versions(analysis.arms),
        tiles=tiles(analysis),
        forest=forest_of(shown.rows, analysis),
        **drawn(analysis.exhibits, names, limits_of(analysis)),
        parts=parts_of(analysis.attribution, names),
        failures=failures_of(shown.details.errors),
        grounds=grounds_of(row for row in shown.open_rows if row.bounds),
        provenance=tuple(provenance(analysis, shown, sent=sent)),
        sent=sent,
        answered=measured_anything(providers),
    )


def drawn(
    found: Exhibits | None, names: Mapping[str, str], limits: Mapping[tuple[str, Shown], float]
) -> dict[str, Any]:
    """Return the figures that are drawn from samples; none of them where the artifact has no extract of those."""
    return {
        "drawn": found is not None,
        "figures": figures(found, names, limits) if found else (),
        "slowest": waterfalls(found.slowest, names) if found else (),
        "series_left_out": found.left_out if found else 0,
        "phases": PHASES,
    }


def run_html(run: Run, file: str, found: Exhibits | None) -> str:
    """Return a run that was not judged as one file; `file` is what it is written to."""
    names = subjects(results((*run.providers, *run.base_providers)))
    shown = run_view(run, file)
    return document(
        "run.html",
        style="report.css",
        page=shown,
        failures=failures_of(shown.errors),
        kind=Kind.NEUTRAL,
        kind_of=kind_of,
        versions=versions(run.arms),
        tiles=tiles(run),
        **drawn(found, names, {}),
    )


def versions(arms: Sequence[ArmIdentity]) -> tuple[str, ...]:
    """Return how the candidate is named, and the baseline where there is one."""
    named = {arm.arm: identity(arm) for arm in arms}
    return tuple(named[arm] for arm in (Arm.CANDIDATE, Arm.BASE) if arm in named)


def provenance(analysis: Analysis, shown: ReportView, *, sent: bool) -> Iterator[Entry]:
    """Say where a verdict comes from, so that it can be made anew."""
    yield Entry("Written", f"{shown.written} by {shown.tool}")
    if sent:
        yield Entry("Measured", f"{moment(analysis.benchmark.start_time)} to {moment(analysis.benchmark.end_time)}")
    for arm in analysis.arms:
        name = _ARMS[arm.arm]
        yield Entry(name, identity(arm))
        yield Entry(f"{name}: endpoints", shortened(", ".join(arm.endpoints), LONGEST_TEXT) or NOTHING)
        yield Entry(f"{name}: configuration", shortened(arm.config_hash, LONGEST_NAME))
    machine = analysis.fingerprint
    where = (machine.runner, machine.platform, f"Python {machine.python}", machine.region)
    yield Entry("Machine", shortened(", ".join(part for part in where if part), LONGEST_TEXT))


def comparison_html(analysis: Analysis) -> str:
    """Return a comparison of several models as one file."""
    return document("comparison.html", style="report.css", page=comparison_view(analysis), kind=Kind.NEUTRAL)
