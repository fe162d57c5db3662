"""One finding in depth: the question, the figures, whether it could be chance, and why the rule says what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.because import because, chance, measured, question, sure_of_pass, worst
from lens_gate.reports.escape import plain
from lens_gate.reports.facts import coverage_lines
from lens_gate.reports.headlines import day_out, need
from lens_gate.reports.numbers import NBSP, change, interval, plural
from lens_gate.reports.page import Explanation, Section
from lens_gate.reports.reasons import reason_of
from lens_gate.reports.rows import bounds
from lens_gate.reports.view import series_names, view
from lens_gate.reports.words import MARKS, label, listed, sentence
from lens_gate.vocabulary.outcomes import Decision, Outcome


def findings_of(analysis: Analysis, *, series: str | None, metric: str | None) -> tuple[Finding, ...]:
    """Return the findings of a series and metric, each named as in the artifact, or as reports name it."""
    names = series_names(analysis)
    return tuple(
        finding
        for finding in analysis.findings
        if series in (None, finding.series, names[finding.series])
        and metric in (None, finding.metric, finding.hypothesis, label(finding.metric, finding.hypothesis))
    )


def explain_findings(verdict: Verdict, findings: Sequence[Finding]) -> Explanation:
    """Tell each of these findings of a verdict alone; there must be one."""
    names = series_names(verdict.analysis)
    subjects = dict.fromkeys(names[finding.series] for finding in findings)
    return Explanation(
        title=f"About {listed(list(subjects))}",
        sections=tuple(section for finding in findings for section in _sections(finding, verdict, names)),
    )


def _sections(finding: Finding, verdict: Verdict, names: Mapping[str, str]) -> Iterator[Section]:
    analysis = verdict.analysis
    asked = f"{names[finding.series]} · {label(finding.metric, finding.hypothesis)}"
    shown = "" if finding.gated else ", shown only"
    yield Section(
        title=f"{asked}: {MARKS[finding.outcome].word}{shown}",
        texts=(question(finding), f"It is the metric {plain(finding.metric)}, answered by: {plain(finding.method)}."),
    )
    parts = {
        "What was measured": tuple(_figures(finding, analysis, names)),
        "Could it be chance": tuple(_luck(finding, analysis)),
        "Why it says that": tuple(_why(finding, analysis)),
    }
    yield from (Section(title=title, texts=texts) for title, texts in parts.items() if texts)
    command = None if verdict.outcome is Outcome.REGRESSION else view(verdict).next_step
    if command and finding.gated and finding.outcome is not Outcome.PASS:
        kept = day_out(analysis) if finding.outcome is Outcome.INCONCLUSIVE else ""
        texts = (*([kept] if kept else []), "With your other options:")
        yield Section(title="What comes next", texts=texts, command=command)


def _figures(finding: Finding, analysis: Analysis, names: Mapping[str, str]) -> Iterator[str]:
    numbers = bounds(finding)
    if numbers is None:
        return
    yield measured(finding)
    if numbers.upper_pass is not None:
        sure = sure_of_pass(analysis.policy)
        yield f"The worst case, by which a pass is judged ({sure} sure), is {worst(numbers)}."
    for seen in finding.views:
        ends = interval(seen.lower, seen.upper)
        yield f"As the ratio of the {plain(seen.name)}s it is {change(seen.estimate, '%')} ({ends})."
    if finding.pairs:
        yield f"These figures come from {plural(finding.pairs, 'pair')} of requests."
    own = [row for row in analysis.coverage if row.series == finding.series]
    yield from coverage_lines([row for row in own if row.censored or row.pairs_used < row.pairs_planned], names)


def _luck(finding: Finding, analysis: Analysis) -> Iterator[str]:
    """Put p values into numbers of runs."""
    if analysis.policy.decision is Decision.CLASSIC:
        yield sentence(analysis.policy.false_alarm_note or "This rule makes no promise about false alarms.")
        return
    if finding.p_value is None or finding.adjusted_p is None:
        return
    asked = sum(one.in_family for one in analysis.findings)
    yield f"If nothing had changed, chance alone would give such a difference in {chance(finding.p_value)}."
    level = "its share of that, since the run was looked at several times," if analysis.looks else "that"
    word = "is" if finding.established else "is not"
    alpha = f"{100 * analysis.policy.alpha:.4g}{NBSP}%"
    yield (
        f"The gate asks {plural(asked, 'question')}, and one of many may stand out by luck. With that counted in, it "
        f"is {chance(finding.adjusted_p)}. The gate allows itself {alpha} of false alarms; a change counts as real "
        f"below {level} and this one {word} below it."
    )


def _why(finding: Finding, analysis: Analysis) -> Iterator[str]:
    told, own = because(finding, analysis.policy), sentence(reason_of(finding))
    yield told
    if own != told:
        yield f"In the gate's own words: {own}"
    if not finding.gated:
        yield "It is shown beside the verdict and decides nothing."
    elif finding.outcome is Outcome.INCONCLUSIVE and (wanted := need(analysis.need)):
        yield wanted
