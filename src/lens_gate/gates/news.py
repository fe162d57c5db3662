"""What a verdict changes for whoever was told the one before (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lens_gate.artifacts.verdict import Check
from lens_gate.vocabulary.notices import News
from lens_gate.vocabulary.outcomes import Outcome, Severity

WHOLE_RUN = ""
"""The series of what is about no single model."""


Failing: TypeAlias = Mapping[str, str]
"""The checks that fail, by name, each with its series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict as far as news depend on it."""

    outcome: Outcome
    checks: Sequence[Check]


def failing(judged: Judged) -> Failing:
    """Return the gravest of the checks that fail; where a verdict is trouble without one, its outcome is what fails."""
    failed = [check for check in judged.checks if check.outcome is Outcome.REGRESSION]
    for severity in Severity:
        if found := {check.name: _series(check) for check in failed if check.severity is severity}:
            return found
    return {judged.outcome.value: WHOLE_RUN}


def still_failing(before: Failing | None, judged: Judged, *, trouble: bool) -> Failing:
    """Return what fails now: what this verdict says, and of what failed before all that it does not say to be over.

    `trouble` says whether the verdict is one to tell of. An inconclusive answer ends nothing.
    """
    now = failing(judged) if trouble else {}
    if before is None or judged.outcome is Outcome.PASS:
        return now
    passed = {check.name for check in judged.checks if check.outcome is Outcome.PASS}
    return {name: series for name, series in before.items() if name not in passed} | dict(now)


def news(before: Failing | None, now: Failing) -> News | None:
    """Return what there is to tell; `before` is what was failing when it was last told (None: nobody knows)."""
    if not before:
        if not now:
            return None
        return News.FAILING if before is None else News.OPENED
    if not now:
        return News.RECOVERED
    if now.keys() - before.keys():
        return News.WORSE
    return News.BETTER if before.keys() - now.keys() else None


def standing(before: Failing | None, now: Failing, judged: Judged) -> Mapping[str, bool]:
    """Return the series to tell of, each with whether it fails now.

    Where nobody knows what failed before, a series is over whose checks all passed.
    """
    failed = frozenset(now.values())
    over = frozenset(before.values()) if before is not None else _all_passed(judged)
    return {series: series in failed for series in sorted(failed | over)}


def _all_passed(judged: Judged) -> frozenset[str]:
    others = {_series(check) for check in judged.checks if check.outcome is not Outcome.PASS}
    return frozenset(map(_series, judged.checks)) - others


def _series(check: Check) -> str:
    return check.series or WHOLE_RUN
