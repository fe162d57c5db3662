"""A run, and what it is compared with, become an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lens_gate.analysis.alone import noise_of
from lens_gate.analysis.attribution import attributed_duet, attributed_stored
from lens_gate.analysis.baseline import Missing, Stored, matched_with
from lens_gate.analysis.classic import DEFAULT_METHODS, classic_findings
from lens_gate.analysis.compare import rank
from lens_gate.analysis.duet import duet
from lens_gate.analysis.exhibits import exhibits
from lens_gate.analysis.false_alarms import false_alarm_note
from lens_gate.analysis.judgement import overall
from lens_gate.analysis.need import need_of, need_of_duet, need_to_cover
from lens_gate.analysis.pairing import pair_up
from lens_gate.analysis.rules import policy_of, rules_of
from lens_gate.analysis.screen import Screening, covered, screen
from lens_gate.analysis.sequential import settle
from lens_gate.analysis.shown import shown_findings
from lens_gate.analysis.stored import StoredSeries, arm_of, match_series
from lens_gate.analysis.uncached import kept_findings, kept_ranking, said_not_covered, without_cache
from lens_gate.artifacts.analysis import (
    Analysis,
    Attribution,
    Coverage,
    Finding,
    LookTaken,
    Need,
    Ranking,
    RegressionSummary,
)
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind, Provenance
from lens_gate.artifacts.reasons import Reason
from lens_gate.artifacts.run import ProviderResult, Run
from lens_gate.artifacts.samples import Samples
from lens_gate.config.model import Method, Regression
from lens_gate.vocabulary.outcomes import Decision, Outcome
from lens_gate.vocabulary.requests import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the samples say: the verdict and all that stands behind it."""

    verdict: Outcome
    source: Literal["duet", "stored", "none"]
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    need: Need | None = None
    covering: Need | None = None
    looks: tuple[LookTaken, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[Reason, ...] = ()
    attribution: tuple[Attribution, ...] = ()
    base_providers: tuple[ProviderResult, ...] | None = None


def analyze(
    run: Run,
    samples: Samples,
    *,
    baseline: Stored | Missing | None,
    regression: Regression,
    request_timeout_s: float,
    provenance: Provenance,
) -> Analysis:
    """Say what changed: between the arms of a duet, else against stored runs or a control, else nothing.

    `request_timeout_s` is taken for the limit of a run that does not name its own.
    Raises NoBaseline for a stored run that cannot be compared (another model, invalid, or without a success), and
    ConfigProblem for rules that name an unknown metric.
    """
    limit_s = run.plan.request_timeout_s or request_timeout_s
    said = _say(run, samples, baseline=baseline, regression=regression, limit_ns=1e9 * limit_s)
    ranking = _ranking(run, samples, regression, limit_ns=1e9 * limit_s)
    if without_cache(run.plan):
        said, ranking = _without_cache(said), kept_ranking(ranking)
    return Analysis(
        kind=Kind.ANALYSIS,
        schema_version=SCHEMA_VERSIONS[Kind.ANALYSIS],
        provenance=provenance,
        fingerprint=run.fingerprint,
        benchmark=run.benchmark,
        providers=run.providers,
        base_providers=run.base_providers if said.base_providers is None else said.base_providers,
        summary=run.summary,
        arms=run.arms,
        comparison=run.comparison,
        source=said.source,
        policy=policy_of(regression, false_alarm_note=_false_alarms(regression, said)),
        findings=said.findings,
        coverage=said.coverage,
        uncovered=run.uncovered,
        need=said.need,
        covering=said.covering,
        looks=said.looks,
        regression=RegressionSummary(detected=said.verdict is Outcome.REGRESSION, verdict=said.verdict),
        notes=said.notes,
        remarks=said.remarks,
        ending=run.ending,
        ending_message=run.ending_message,
        validity=run.validity,
        spend=run.spend,
        attribution=said.attribution,
        ranking=ranking,
        nonce=run.plan.nonce,
        exhibits=exhibits(samples, base=_compared_samples(said, baseline), findings=said.findings),
    )


def _compared_samples(said: _Said, baseline: Stored | Missing | None) -> Samples | None:
    """Return the samples of the stored run, where it is what was compared with; None: those of the other arm."""
    if isinstance(baseline, Stored) and said.base_providers is baseline.run.providers:
        return baseline.samples
    return None


def _without_cache(said: _Said) -> _Said:
    """Take the question of the cache out of what is said, the verdict included, and say that it is not covered."""
    findings = kept_findings(said.findings)
    asked = len(findings) < len(said.findings)
    return replace(
        said,
        verdict=overall(findings) if asked else said.verdict,
        findings=findings,
        coverage=said_not_covered(said.coverage),
    )


def _ranking(run: Run, samples: Samples, regression: Regression, *, limit_ns: float) -> Ranking | None:
    """Compare the series with each other, where they were asked side by side and the run can be trusted."""
    if run.comparison is not None or not run.validity.valid:
        return None
    results = {f"{provider.name}/{model.id}": model for provider in run.providers for model in provider.models}
    return rank(samples, results, rules_of(regression), limit_ns=limit_ns, requests_per_second=_rate(run))


def _false_alarms(regression: Regression, said: _Said) -> str | None:
    if said.source == "none" or not _is_classic(regression):
        return None
    return false_alarm_note(regression.methods or DEFAULT_METHODS, said.source)


def _is_classic(regression: Regression) -> bool:
    return regression.decision is Decision.CLASSIC


def _say(
    run: Run, samples: Samples, *, baseline: Stored | Missing | None, regression: Regression, limit_ns: float
) -> _Said:
    if run.comparison is not None and run.comparison.equal:
        note = (
            "What both versions have in common is the same on both sides, so nothing was sent."
            if run.uncovered
            else "Both versions send the same requests to the same place, so nothing was sent."
        )
        return _Said(verdict=Outcome.NOTHING_TO_COMPARE, source="none", notes=(note,))
    if not run.validity.valid:
        reasons = "; ".join(
            check.message for check in run.validity.checks if not check.ok and check.effect == "invalid"
        )
        note = f"The measurement is invalid, so it says nothing about the endpoint: {reasons}."
        return _Said(verdict=Outcome.NOT_MEASURED, source="none", notes=(note,))
    if is_duet(run):
        return _say_duet(run, samples, regression, limit_ns)
    stored = baseline if isinstance(baseline, Stored) else None
    if stored is not None or run.comparison is not None:
        return _say_stored(run, samples, stored, regression)
    return _say_alone(run, baseline if isinstance(baseline, Missing) else None)


def is_duet(run: Run) -> bool:
    """Whether a run has pairs: two arms, of which neither is the control of stored runs."""
    return run.comparison is not None and run.comparison.control_share is None


def _say_alone(run: Run, missing: Missing | None) -> _Said:
    models = [(p.name, model) for p in run.providers for model in p.models]
    silent = [f"{provider}/{model.id}" for provider, model in models if model.requests.successful == 0]
    if silent or not models:
        note = f"No request succeeded: {', '.join(silent) or 'nothing was measured'}."
        return _Said(verdict=Outcome.NOT_MEASURED, source="none", notes=(note,))
    if missing is not None:
        note = f"There is no baseline to compare with. {missing.reason}"
        return _Said(verdict=Outcome.NO_BASELINE, source="none", notes=(note,), remarks=noise_of(run))
    note = "There is nothing to compare with: name the other version (--against-ref), or a stored run (--baseline)."
    return _Said(verdict=Outcome.NO_BASELINE, source="none", notes=(note,))


def _say_duet(run: Run, samples: Samples, regression: Regression, limit_ns: float) -> _Said:
    if _is_classic(regression):
        matched = match_series(arm_of(samples, Arm.CANDIDATE), arm_of(samples, Arm.BASE))
        return _say_classic(matched, regression.methods, source="duet")
    rules, series = rules_of(regression), pair_up(samples, limit_ns=limit_ns)
    settled = settle(samples, run.looks, rules, limit_ns) if run.looks else None
    result, series = (settled.duet, settled.series) if settled else (duet(series, rules), series)
    arms = match_series(arm_of(samples, Arm.CANDIDATE), arm_of(samples, Arm.BASE)) if rules.shown else ()
    apart = "The two versions have no prompt in common, so no" if run.uncovered else "No"
    notes = result.notes if series else (f"{apart} pair of requests was measured.",)
    return _Said(
        verdict=overall(result.findings),
        source="duet",
        findings=(*result.findings, *shown_findings(arms, rules.shown)),
        coverage=result.coverage,
        need=need_of(result.judged, series, rules, requests_per_second=_rate(run)),
        covering=need_to_cover(result.coverage, series, requests_per_second=_rate(run)),
        looks=settled.taken if settled else (),
        notes=notes,
        attribution=attributed_duet(series),
    )


def _rate(run: Run) -> float | None:
    """Return the requests per second of both arms: as asked for, else as achieved."""
    if run.plan.requests_per_second is not None:
        return run.plan.requests_per_second
    sent = sum(
        m.requests.total for providers in (run.providers, run.base_providers) for p in providers for m in p.models
    )
    return sent / run.benchmark.duration_seconds if sent and run.benchmark.duration_seconds > 0 else None


def _say_classic(
    matched: Sequence[StoredSeries], methods: Sequence[Method], *, source: Literal["duet", "stored"]
) -> _Said:
    findings = classic_findings(matched, methods)
    return _Said(verdict=overall(findings), source=source, findings=findings)


def _say_stored(run: Run, samples: Samples, baseline: Stored | None, regression: Regression) -> _Said:
    matched = matched_with(run, samples, baseline)
    if _is_classic(regression):
        findings, need = classic_findings(matched.series, regression.methods), None
    else:
        rules = rules_of(regression)
        screening = Screening(rules=rules, disaster_percent=regression.disaster_percent)
        findings = (*screen(matched.series, screening), *shown_findings(matched.series, rules.shown))
        need = need_of_duet(matched.series, rules, requests_per_second=_rate(run))
    return _Said(
        verdict=overall((*findings, *matched.missing)),
        source="stored",
        findings=(*findings, *matched.missing),
        coverage=() if _is_classic(regression) else covered(matched.series),
        need=need,
        notes=matched.notes,
        # With a control beside a history, the day is in the parts and not in the findings.
        attribution=attributed_stored([one for one in matched.series if one.control is None or not one.past]),
        base_providers=matched.base_providers,
    )
