"""A trend becomes a verdict and an exit code: one check for each rule, series and metric."""

from __future__ import annotations

from collections.abc import Collection

from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind, Provenance
from lens_gate.artifacts.trend import Trend, TrendFinding, TrendSeries, TrendVerdict
from lens_gate.artifacts.verdict import Check, CheckKind
from lens_gate.gates.gate import exit_code, outcome_of
from lens_gate.vocabulary.outcomes import Ending, Severity


def gate_trend(trend: Trend, *, fail_on: Collection[str], provenance: Provenance) -> TrendVerdict:
    """Hold a trend against its own policy; `fail_on` may name `inconclusive`."""
    checks = tuple(_check(series, finding) for series in trend.series for finding in series.findings)
    outcome = outcome_of(checks)
    return TrendVerdict(
        kind=Kind.TREND_VERDICT,
        schema_version=SCHEMA_VERSIONS[Kind.TREND_VERDICT],
        provenance=provenance,
        fingerprint=trend.fingerprint,
        outcome=outcome,
        exit_code=exit_code(outcome=outcome, checks=checks, ending=Ending.COMPLETE, fail_on=fail_on),
        regression=trend.regression,
        checks=checks,
        fail_on=tuple(sorted(fail_on)),
        trend=trend,
    )


def _check(series: TrendSeries, finding: TrendFinding) -> Check:
    effect = finding.effect
    return Check(
        name=f"{series.series or 'run'}/{series.metric}/{finding.rule}",
        kind=CheckKind.TREND,
        series=series.series,
        metric=series.metric,
        severity=Severity.ERROR,
        outcome=finding.outcome,
        value=effect.estimate if effect else None,
        limit=finding.threshold,
        unit=effect.unit if effect else "",
        message=finding.reason,
        because=finding.because,
    )
