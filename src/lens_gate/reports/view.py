"""From artifacts to the one view that all renderers share; nothing is computed here that an artifact does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis
from lens_gate.artifacts.run import LatencySummary, ModelResult, Requests, Run
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.causes import cause_lines
from lens_gate.reports.covering import COVERED_WITHOUT_NONCE, gaps, not_covered
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.facts import (
    answered,
    compared,
    cost_rows,
    coverage_lines,
    error_rows,
    finish_lines,
    identity,
    is_itself,
    known_usd,
    measured_anything,
    moment,
    prices,
    results,
    spent,
    tool_name,
    uncovered_lines,
    valid,
    validity_lines,
    view_lines,
)
from lens_gate.reports.goodput import goodput_cell, goodput_entry, goodput_lines
from lens_gate.reports.headlines import Found, need, opening
from lens_gate.reports.numbers import (
    NBSP,
    NOTHING,
    count,
    duration,
    milliseconds,
    plural,
    quantity,
    share_of,
    three_digits,
    usd,
)
from lens_gate.reports.onward import RUN_FILE, onward
from lens_gate.reports.page import Details, ModelRow, ReportView, RunView
from lens_gate.reports.reasons import told
from lens_gate.reports.replayed import replayed_lines
from lens_gate.reports.rows import LONGEST_NAME, LONGEST_TEXT, check_rows, counted, interval_title, shown_rows, subjects
from lens_gate.reports.words import sentence, verdict_mark
from lens_gate.vocabulary.outcomes import Decision, Outcome
from lens_gate.vocabulary.requests import Arm

PERCENTILES: Mapping[str, str] = {
    "min_ms": "min",
    "median_ms": "median",
    "p75_ms": "p75",
    "p90_ms": "p90",
    "p95_ms": "p95",
    "p99_ms": "p99",
    "max_ms": "max",
}


VERDICT_FILE = "verdict.json"
"""What the file of a verdict is called where nobody says otherwise."""


def view(verdict: Verdict, file: str = VERDICT_FILE) -> ReportView:
    """Return a verdict in words and rounded numbers; `file` is where it, or what it was made from, lies."""
    analysis = verdict.analysis
    names = series_names(analysis)
    rows = check_rows(verdict.checks, analysis.findings, names)
    counts = counted(rows)
    first = opening(Found(verdict=verdict, rows=rows, counts=counts, not_covered=not_covered(analysis), file=file))
    return ReportView(
        outcome=verdict.outcome,
        exit_code=verdict.exit_code,
        mark=verdict_mark(verdict.outcome, verdict.exit_code),
        headline=first.headline,
        second=first.second,
        compared=compared(analysis),
        validity=valid(analysis.validity, measured=measured_anything((*analysis.providers, *analysis.base_providers))),
        spend=spent(analysis.spend),
        remarks=_told(analysis.notes) if analysis.source == "stored" else (),
        caveats=_caveats(analysis),
        interval_title=interval_title(analysis.findings),
        rows=rows,
        causes=cause_lines(analysis, names),
        gaps=gaps(analysis, names) if verdict.outcome is Outcome.PASS else (),
        counts=counts,
        need=need(analysis.need) if verdict.outcome is not Outcome.PASS else None,
        next_step=first.next_step,
        details=_details(analysis, names),
        name=shortened(plain(analysis.benchmark.name), LONGEST_NAME),
        written=moment(verdict.provenance.created_at),
        tool=tool_name(verdict.provenance),
    )


def series_names(analysis: Analysis) -> Mapping[str, str]:
    """Return the name that each series of an analysis goes by in its reports."""
    measured = results((*analysis.providers, *analysis.base_providers))
    return subjects([*measured, *(finding.series for finding in analysis.findings)])


def run_view(run: Run, file: str = RUN_FILE) -> RunView:
    """Return a run that was not judged in words and rounded numbers; `file` is what it is written to."""
    names = subjects(results((*run.providers, *run.base_providers)))
    return RunView(
        name=shortened(plain(run.benchmark.name), LONGEST_NAME),
        generated=moment(run.provenance.created_at),
        duration=duration(run.benchmark.duration_seconds),
        headline=_measured(run),
        compared=_arms(run),
        validity=valid(run.validity, measured=measured_anything((*run.providers, *run.base_providers))),
        spend=_spent(run),
        summary=_summary(run),
        models=_model_rows(run, names),
        percentiles=tuple(PERCENTILES.values()),
        errors=error_rows(run.providers, run.base_providers, names),
        notes=(
            *_ending(run.ending_message),
            *replayed_lines(run.replayed),
            *uncovered_lines(run.uncovered),
            *goodput_lines(run.providers, run.base_providers, names),
            *_without_cache(run.plan.nonce),
        ),
        prices=prices(run.spend),
        onward=onward(run, file),
        tool=tool_name(run.provenance),
    )


def _details(analysis: Analysis, names: Mapping[str, str]) -> Details:
    return Details(
        errors=error_rows(analysis.providers, analysis.base_providers, names),
        cost=cost_rows(analysis.providers, analysis.base_providers, names),
        validity=validity_lines(analysis.validity),
        coverage=coverage_lines(analysis.coverage, names),
        uncovered=uncovered_lines(analysis.uncovered),
        shown=shown_rows(analysis.findings, names),
        views=view_lines(analysis.findings, names),
        method=_method(analysis),
        notes=(
            *_told(analysis.notes),
            *_told([told([remark]) for remark in analysis.remarks]),
            *_ending(analysis.ending_message),
            *finish_lines(analysis.providers, analysis.base_providers, names),
            *goodput_lines(analysis.providers, analysis.base_providers, names),
            *prices(analysis.spend),
        ),
    )


def _told(notes: Sequence[str]) -> tuple[str, ...]:
    return tuple(shortened(sentence(note), LONGEST_TEXT) for note in notes)


def _caveats(analysis: Analysis) -> tuple[str, ...]:
    shared = analysis.comparison is not None and analysis.comparison.shared_machine
    alarm = analysis.policy.false_alarm_note
    return (
        *((shortened(sentence(alarm), LONGEST_TEXT),) if alarm else ()),
        *(("Both versions ran on one machine and shared its load.",) if shared else ()),
        *_without_cache(analysis.nonce),
    )


def _without_cache(nonce: str) -> tuple[str, ...]:
    """Say that caches were never asked, where each request began with a nonce."""
    if nonce != "start":
        return ()
    return (f"Cache effects are not covered: every request began with a string of its own. {COVERED_WITHOUT_NONCE}",)


_RULE = (
    "A change counts as a regression when the data rule out that there is none and its size is at least what you "
    "allow; as a pass when they rule out that it is as large as that; else it is inconclusive."
)


_BOUND = (
    "Beside a pass, and where there are too few pairs for an interval, stands the bound that a pass is judged by; "
    "beside other rows the interval of the whole gate's level."
)
_IF_MEANT = (
    "Where a regression is worth what it brings, raise its limit in the configuration, in the same change; else keep "
    "the old version, or mend the new one."
)


def _method(analysis: Analysis) -> tuple[str, ...]:
    """Say how it was judged, in words for people who have to trust it; nothing where nothing was."""
    if not analysis.findings:
        return ()
    match analysis.policy.decision:
        case Decision.CLASSIC:
            return ("Judged by the classic rules that the configuration names, each on its own.",)
        case Decision.CALIBRATED:
            alpha = f"{100 * analysis.policy.alpha:.4g}{NBSP}%"
            return (
                _RULE,
                _BOUND,
                f"Where nothing has changed, at most {alpha} of all gates raise a false alarm, over all their checks.",
                *([_IF_MEANT] if analysis.regression.detected else []),
            )
        case _ as never:
            assert_never(never)


def _measured(run: Run) -> str:
    total, successful = answered(run)
    requests = plural(total, "request")
    if not total:
        return "Measured nothing"
    if not successful:
        return f"Measured nothing: none of {requests} succeeded"
    both = " of both versions together" if run.base_providers else ""
    which = "all" if successful == total else share_of(successful, total)
    return f"Measured {requests}{both}, {which} of them successful"


def _spent(run: Run) -> str:
    """Say what the run cost; of an endpoint that is no model, whose answers have no tokens, that there is no price."""
    if run.summary.successful_requests and not run.summary.total_tokens and known_usd(run.spend) is None:
        return "The answers had no tokens, so that they have no price."
    return spent(run.spend)


def _arms(run: Run) -> str:
    arms = {arm.arm: identity(arm) for arm in run.arms}
    candidate = arms.get(Arm.CANDIDATE, "this version")
    if Arm.BASE not in arms:
        return f"Measured {candidate}, and no other version."
    if is_itself(run.comparison):
        return f"Measured {candidate} twice at the same time, as both versions."
    return f"Measured {candidate} and {arms[Arm.BASE]} at the same time; no verdict was asked for."


def _summary(run: Run) -> tuple[tuple[str, str], ...]:
    summary = run.summary
    cost = NOTHING if summary.total_cost_usd is None else usd(summary.total_cost_usd)
    return (
        ("Total Requests", count(summary.total_requests)),
        ("Success Rate", _success_rate(run)),
        ("Average Latency", quantity(summary.average_latency_ms, "ms")),
        ("P95 Latency", quantity(summary.p95_latency_ms, "ms")),
        ("Total Cost", cost),
        *goodput_entry(run),
    )


def _success_rate(run: Run) -> str:
    return share_of(run.summary.successful_requests, run.summary.total_requests)


def _model_rows(run: Run, names: Mapping[str, str]) -> tuple[ModelRow, ...]:
    both = bool(run.base_providers)
    now = [
        _model_row(names[series], model, "candidate" if both else "")
        for series, model in results(run.providers).items()
    ]
    before = [_model_row(names[series], model, "baseline") for series, model in results(run.base_providers).items()]
    return (*now, *before)


def _model_row(subject: str, model: ModelResult, arm: str) -> ModelRow:
    requests: Requests = model.requests
    times = (("first token", model.latency.ttft), ("whole answer", model.latency.total))
    return ModelRow(
        subject=subject,
        arm=arm,
        latency=quantity(model.latency.total.mean_ms, "ms"),
        p95=quantity(model.latency.total.p95_ms, "ms"),
        first_token=quantity(model.latency.ttft.median_ms, "ms"),
        tokens_per_second=_rate(model, model.throughput.tokens_per_second),
        output_tokens_per_second=_rate(model, model.throughput.output_tokens_per_second),
        cost_per_1k_tokens=NOTHING if model.cost.per_1k_tokens_usd is None else usd(model.cost.per_1k_tokens_usd),
        success_rate=share_of(requests.successful, requests.total),
        goodput=goodput_cell(model.goodput),
        distribution=tuple((name, _percentiles(summary)) for name, summary in times),
    )


def _rate(model: ModelResult, tokens_per_second: float | None) -> str:
    """Return a rate of tokens; nothing where the answers had none, as those of an endpoint that is no model."""
    return NOTHING if tokens_per_second is None or not model.tokens.total else three_digits(tokens_per_second)


def _percentiles(summary: LatencySummary) -> tuple[str, ...]:
    values = (getattr(summary, field) for field in PERCENTILES)
    return tuple(NOTHING if value is None else milliseconds(value) for value in values)


def _ending(message: str | None) -> tuple[str, ...]:
    return (shortened(sentence(message), LONGEST_TEXT),) if message else ()
