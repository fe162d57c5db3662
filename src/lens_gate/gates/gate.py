"""An analysis and the rules become a verdict and an exit code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.artifacts.codec import SCHEMA_VERSIONS
from lens_gate.artifacts.envelope import Kind, Provenance
from lens_gate.artifacts.reasons import because
from lens_gate.artifacts.run import ValidityCheck
from lens_gate.artifacts.verdict import Check, CheckKind, Verdict
from lens_gate.config.model import Budget, Regression
from lens_gate.gates.budgets import budget_checks
from lens_gate.gates.quality import quality_checks
from lens_gate.gates.values import Places, subjects
from lens_gate.vocabulary.outcomes import Ending, ExitCode, Outcome, Severity, most_important
from lens_gate.vocabulary.reasons import Why
from lens_gate.vocabulary.requests import ErrorClass

WARNING = "warning"
"""The word with which `fail_on` turns a breached gate or budget of severity `warning` into a failure."""

_CAPS = (Ending.COST_CAP, Ending.TIME_CAP)
_STOPPED = (Ending.AUTHENTICATION, Ending.UNREACHABLE, Ending.ERROR_RATE)


def gate(
    analysis: Analysis,
    *,
    regression: Regression,
    budgets: Sequence[Budget],
    fail_on: Collection[str],
    places: Places,
    provenance: Provenance,
) -> Verdict:
    """Apply comparison, quality gates, budgets, validity, coverage and caps to an analysis.

    An invalid run is held against nothing but its invalidity. `fail_on` names outcomes (`inconclusive`, `no_baseline`,
    `nothing_to_compare`) and `warning`. Raises ConfigProblem for a condition or budget that cannot be read.
    """
    absolute = (
        *quality_checks(analysis, regression.quality_gates, places),
        *budget_checks(analysis, budgets, places),
    )
    checks = (
        *_validity(analysis),
        *(_judgements(analysis, absolute, regression.min_coverage) if analysis.validity.valid else ()),
        *_ending(analysis),
    )
    outcome = outcome_of(checks)
    return Verdict(
        kind=Kind.VERDICT,
        schema_version=SCHEMA_VERSIONS[Kind.VERDICT],
        provenance=provenance,
        fingerprint=analysis.fingerprint,
        outcome=outcome,
        exit_code=exit_code(outcome=outcome, checks=checks, ending=analysis.ending, fail_on=fail_on),
        regression=analysis.regression,
        checks=checks,
        fail_on=tuple(sorted(fail_on)),
        analysis=analysis,
    )


def exit_code(*, outcome: Outcome, checks: Iterable[Check], ending: Ending, fail_on: Collection[str]) -> ExitCode:
    """Return the most important code among those that the parts of a verdict mean (design section "Exit codes")."""
    codes = {_code_of_check(check, fail_on) for check in checks}
    codes |= {_code_of_outcome(outcome, fail_on), _code_of_ending(ending, outcome)}
    return most_important(codes)


def _code_of_check(check: Check, fail_on: Collection[str]) -> ExitCode:
    failing = {Severity.ERROR, Severity.WARNING} if WARNING in fail_on else {Severity.ERROR}
    if check.outcome is Outcome.REGRESSION and check.severity in failing:
        return ExitCode.GATE_FAILED
    return _code_of_outcome(check.outcome, fail_on) if check.severity is Severity.ERROR else ExitCode.OK


def _code_of_outcome(outcome: Outcome, fail_on: Collection[str]) -> ExitCode:
    match outcome:
        case Outcome.REGRESSION:
            return ExitCode.GATE_FAILED
        case Outcome.NOT_MEASURED:
            return ExitCode.COULD_NOT_MEASURE
        case Outcome.INCONCLUSIVE if outcome in fail_on:
            return ExitCode.INCONCLUSIVE
        case Outcome.NO_BASELINE | Outcome.NOTHING_TO_COMPARE if outcome in fail_on:
            return ExitCode.NO_BASELINE
        case _:
            return ExitCode.OK


def _code_of_ending(ending: Ending, outcome: Outcome) -> ExitCode:
    """Return the code of how the run ended; a cap matters only where it came before an answer."""
    if ending is Ending.INTERRUPTED:
        return ExitCode.INTERRUPTED
    if ending in _STOPPED:
        return ExitCode.COULD_NOT_MEASURE
    if ending in _CAPS and outcome not in {Outcome.PASS, Outcome.REGRESSION}:
        return ExitCode.CAP_REACHED
    return ExitCode.OK


_COMPARING = (CheckKind.COMPARISON, CheckKind.TREND)
_WEIGHTS = (Outcome.NOTHING_TO_COMPARE, Outcome.NO_BASELINE, Outcome.INCONCLUSIVE, Outcome.PASS)


def outcome_of(checks: Sequence[Check]) -> Outcome:
    """Return what the checks of severity `error` say together; what is unknown outweighs what passed."""
    weighty = [check for check in checks if check.severity is Severity.ERROR]
    for outcome in (Outcome.REGRESSION, Outcome.NOT_MEASURED):
        if any(check.outcome is outcome for check in weighty):
            return outcome
    # A limit that is kept is no comparison, but one of which nobody knows stands in the way of a pass.
    said = {c.outcome for c in weighty if c.kind in _COMPARING or c.outcome is not Outcome.PASS}
    return next((outcome for outcome in _WEIGHTS if outcome in said), Outcome.NOT_MEASURED)


def _judgements(analysis: Analysis, absolute: Sequence[Check], min_coverage: float) -> tuple[Check, ...]:
    if analysis.regression.verdict is Outcome.NOTHING_TO_COMPARE:
        return (_bare_comparison(analysis, Outcome.NOTHING_TO_COMPARE),)
    silent = _silent_series(analysis)
    enough = _covered_enough(analysis, silent, min_coverage)
    compared = tuple(_comparison(finding) for finding in _gated(analysis))
    if not compared:
        # What stands in the way of a comparison is then that nothing was named to compare with.
        alone = enough and silent and analysis.source == "none"
        compared = (_bare_comparison(analysis, Outcome.NO_BASELINE if alone else analysis.regression.verdict),)
    asked = tuple(_unasked(check) if check.series in _never_answered(analysis) else check for check in absolute)
    excused = (_excuse(check) if enough and check.series in silent else check for check in (*compared, *asked))
    return (*excused, *_coverage(analysis, silent, min_coverage, enough=enough))


def _gated(analysis: Analysis) -> tuple[Finding, ...]:
    return tuple(finding for finding in analysis.findings if finding.gated)


def _comparison(finding: Finding) -> Check:
    return Check(
        name=f"{finding.series}/{finding.metric}",
        kind=CheckKind.COMPARISON,
        series=finding.series,
        metric=finding.metric,
        severity=Severity.ERROR,
        outcome=finding.outcome,
        value=finding.effect.estimate,
        limit=finding.threshold,
        unit=finding.effect.unit,
        message=finding.reason,
        because=finding.because,
    )


_NO_ANSWER = frozenset(
    {
        ErrorClass.AUTHENTICATION,
        ErrorClass.CONNECT,
        ErrorClass.CONNECT_TIMEOUT,
        ErrorClass.TLS,
        ErrorClass.QUOTA,
        ErrorClass.NOT_FOUND,
        ErrorClass.SHED,
        ErrorClass.CAPPED,
        ErrorClass.INTERRUPTED,
    }
)
"""What says nothing about an endpoint: it was not reached, or did not let us in."""


def _never_answered(analysis: Analysis) -> frozenset[str]:
    """Return the series that never got as far as their model."""
    return frozenset(
        one.series
        for one in subjects(analysis)
        if one.model.requests.successful == 0 and all(error.type in _NO_ANSWER for error in one.model.errors)
    )


def _unasked(check: Check) -> Check:
    """Make a limit that was held against no answer at all unknown: neither kept nor breached."""
    why = (because(Why.NOTHING_ANSWERED), *check.because)
    return check.model_copy(update={"outcome": Outcome.NOT_MEASURED, "because": why})


def _excuse(check: Check) -> Check:
    """Make what was not measured a warning: enough other series were."""
    unknown = check.outcome is Outcome.NOT_MEASURED
    return check.model_copy(update={"severity": Severity.WARNING}) if unknown else check


def _bare_comparison(analysis: Analysis, outcome: Outcome) -> Check:
    """Return the one check of a comparison that has no findings."""
    return Check(
        name="comparison",
        kind=CheckKind.COMPARISON,
        series=None,
        metric=None,
        severity=Severity.ERROR,
        outcome=outcome,
        value=None,
        limit=None,
        unit="",
        because=(*(because(Why.SAID, text=note) for note in analysis.notes), *analysis.remarks),
    )


def _silent_series(analysis: Analysis) -> frozenset[str]:
    """Return the series of which something gated was not measured."""
    without_success = {one.series for one in subjects(analysis) if one.model.requests.successful == 0}
    return frozenset(without_success | {f.series for f in _gated(analysis) if f.outcome is Outcome.NOT_MEASURED})


def _all_series(analysis: Analysis) -> frozenset[str]:
    return frozenset({one.series for one in subjects(analysis)} | {finding.series for finding in analysis.findings})


def _covered_enough(analysis: Analysis, silent: frozenset[str], min_coverage: float) -> bool:
    """Whether some series were measured, and the configured share of them."""
    series = _all_series(analysis)
    measured = len(series) - len(silent)
    return measured > 0 and measured >= min_coverage * len(series)


def _coverage(analysis: Analysis, silent: frozenset[str], min_coverage: float, *, enough: bool) -> tuple[Check, ...]:
    series = _all_series(analysis)
    if not silent:
        return ()
    measured = len(series) - len(silent)
    return (
        Check(
            name="coverage",
            kind=CheckKind.COVERAGE,
            series=None,
            metric=None,
            severity=Severity.WARNING if enough else Severity.ERROR,
            outcome=Outcome.NOT_MEASURED,
            value=measured / len(series),
            limit=min_coverage,
            unit="share",
            side="at least",
            because=(because(Why.SERIES_SILENT, measured=measured, all=len(series), names=", ".join(sorted(silent))),),
        ),
    )


def _validity(analysis: Analysis) -> tuple[Check, ...]:
    if analysis.validity.valid:
        return ()
    broken = [check for check in analysis.validity.checks if not check.ok and check.effect == "invalid"]
    return tuple(_invalid(check) for check in broken) or (_invalid(_UNSAID),)


_UNSAID = ValidityCheck(
    name="validity",
    value=None,
    limit=None,
    unit="",
    ok=False,
    effect="invalid",
    message="the run says that it is invalid, and not why",
)


def _invalid(check: ValidityCheck) -> Check:
    return Check(
        name=check.name,
        kind=CheckKind.VALIDITY,
        series=None,
        metric=None,
        severity=Severity.ERROR,
        outcome=Outcome.NOT_MEASURED,
        value=check.value,
        limit=check.limit,
        unit=check.unit,
        message=check.message,
    )


def _ending(analysis: Analysis) -> tuple[Check, ...]:
    if analysis.ending not in {*_CAPS, *_STOPPED, Ending.INTERRUPTED}:
        return ()
    stopped = analysis.ending in _STOPPED
    return (
        Check(
            name=analysis.ending.value,
            kind=CheckKind.CAP,
            series=None,
            metric=None,
            severity=Severity.ERROR if stopped else Severity.WARNING,
            outcome=Outcome.NOT_MEASURED if stopped else Outcome.INCONCLUSIVE,
            value=None,
            limit=None,
            unit="",
            message=analysis.ending_message or f"The run ended early: {analysis.ending.value.replace('_', ' ')}.",
        ),
    )
