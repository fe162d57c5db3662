"""Checks on a commit: when they begin, and what a verdict means for one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lens_gate.ci.platform import Platform
from lens_gate.errors import PublishFailed
from lens_gate.reports.markdown import markdown
from lens_gate.reports.page import ReportView
from lens_gate.steps.line import attempted
from lens_gate.vocabulary.outcomes import ExitCode
from lens_gate.vocabulary.publishing import Annotation, CheckResult, Conclusion

SUMMARY_BYTES = 60_000
"""GitHub takes 65,535."""


def check_result(
    view: ReportView, code: ExitCode, annotations: Sequence[Annotation], *, vouched: bool = True
) -> CheckResult:
    """Return what a check says of a verdict: one that nobody can vouch for never ends as a success."""
    return CheckResult(
        conclusion=_conclusion(code, passed=view.passed and vouched),
        title=view.headline if vouched else f"As a fork's own run says: {view.headline}",
        summary=markdown(view, limit=SUMMARY_BYTES),
        annotations=tuple(annotations),
    )


def _conclusion(code: ExitCode, *, passed: bool) -> Conclusion:
    """Return how a check ends: what fails its command fails, a pass succeeds, and all that is open is neutral."""
    if code is not ExitCode.OK:
        return Conclusion.FAILURE
    return Conclusion.SUCCESS if passed else Conclusion.NEUTRAL


def begin_checks(suites: Sequence[str], platform: Platform) -> tuple[PublishFailed, ...]:
    """Show on the commit that these suites are being measured."""
    return attempted(*(partial(platform.begin_check, suite) for suite in suites))
