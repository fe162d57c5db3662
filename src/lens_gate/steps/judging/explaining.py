"""The step `explain`: retells why a gate decided, from its artifact alone."""

from __future__ import annotations

from pathlib import Path

from lens_gate.artifacts.run import Run
from lens_gate.artifacts.selftest import Selftest
from lens_gate.artifacts.trend import Trend, TrendVerdict
from lens_gate.artifacts.unmeasured import UnmeasuredJob
from lens_gate.artifacts.verdict import Verdict
from lens_gate.errors import UsageProblem
from lens_gate.reports.explain import explain, explain_run
from lens_gate.reports.explain_finding import explain_findings, findings_of
from lens_gate.reports.page import Explanation
from lens_gate.steps.judging.judge import rules, verdict_of
from lens_gate.steps.recorded.reading import read_artifact
from lens_gate.steps.world import World


def explanation_of(path: Path, world: World, *, series: str | None = None, metric: str | None = None) -> Explanation:
    """Explain an artifact, or of its findings those of a series and metric.

    An analysis is explained by the rules that it was made by. Raises UsageProblem where there is no such finding.
    """
    artifact = read_artifact(path)
    if isinstance(artifact, Run):
        return explain_run(artifact, file=str(path))
    if isinstance(artifact, UnmeasuredJob):
        raise UsageProblem(
            "nothing was measured, so there is nothing to explain",
            place=str(path),
            hint="`lens-gate report` says why.",
        )
    if isinstance(artifact, Trend | TrendVerdict | Selftest):
        what = "self-test" if isinstance(artifact, Selftest) else "trend"
        raise UsageProblem(
            f"a {what} has nothing more to tell than its report",
            place=str(path),
            hint="`lens-gate report` shows all that it found.",
        )
    verdict = artifact if isinstance(artifact, Verdict) else verdict_of(artifact, path, rules((), world), world)
    if series is None and metric is None:
        return explain(verdict, file=str(path))
    found = findings_of(verdict.analysis, series=series, metric=metric)
    if not found:
        there = sorted({f"--series {one.series} --metric {one.metric}" for one in verdict.analysis.findings})
        raise UsageProblem(
            f"there is no finding about {' and '.join(name for name in (series, metric) if name)}",
            place=str(path),
            hint=f"There are: {'; '.join(there)}." if there else "This verdict has no findings.",
        )
    return explain_findings(verdict, found)
