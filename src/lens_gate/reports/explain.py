"""Retells a verdict from its artifact alone: what was compared, what was found, how sure that is, what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from lens_gate.artifacts.analysis import Analysis, Finding
from lens_gate.artifacts.run import Run
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.because import because, measured
from lens_gate.reports.covering import gaps
from lens_gate.reports.escape import plain, shell_command, shortened
from lens_gate.reports.facts import Basis, basis_of
from lens_gate.reports.headlines import day_out
from lens_gate.reports.numbers import NBSP, plural
from lens_gate.reports.page import Explanation, Gap, ReportView, Row, Section
from lens_gate.reports.rows import LONGEST_TEXT, told_rows
from lens_gate.reports.view import run_view, series_names, view
from lens_gate.reports.words import WARNING, sentence
from lens_gate.vocabulary.outcomes import Decision, ExitCode, Outcome

MOST_TOLD = 5
"""Checks that the whole story tells; each finding can be told alone."""

_EXITS: Mapping[ExitCode, str] = {
    ExitCode.OK: "the pipeline goes on",
    ExitCode.GATE_FAILED: "the pipeline fails",
    ExitCode.USAGE: "the command line or the configuration is wrong",
    ExitCode.COULD_NOT_MEASURE: "the pipeline fails, because nothing can be said about the endpoint",
    ExitCode.INCONCLUSIVE: "the pipeline fails, because `--fail-on inconclusive` asks for it",
    ExitCode.NO_BASELINE: "the pipeline fails, because there was nothing to compare with",
    ExitCode.CAP_REACHED: "the run was stopped by a limit before there was an answer",
    ExitCode.PUBLISH_FAILED: "a report could not be written",
    ExitCode.DEFECT: "lens-gate itself is broken",
    ExitCode.INTERRUPTED: "the run was interrupted",
}
_MEANINGS: Mapping[Outcome, str] = {
    Outcome.PASS: "Nothing that was checked got worse by as much as matters, and the data are sure enough of that.",
    Outcome.REGRESSION: "Something got worse by as much as matters, and that is no chance.",
    Outcome.INCONCLUSIVE: "The data allow both: that something got worse by as much as matters, and that it did not. "
    "This is no hidden pass and no hidden failure.",
    Outcome.NOTHING_TO_COMPARE: "Both versions would have sent the same to the same place, so there was no question.",
    Outcome.NO_BASELINE: "The numbers of this version are there, but none of another version to hold them against.",
    Outcome.NOT_MEASURED: "What was measured cannot carry a judgement; that says nothing about the endpoint.",
}
_BROKEN_RULE = "A rule or a limit that you set is broken. Whether that is chance, it does not say."
_ADVICE: Mapping[Outcome, str] = {
    Outcome.PASS: "Nothing has to be done.",
    Outcome.REGRESSION: "If the change is not meant to cost this, look at what it touches. If it is meant, allow more "
    "for that metric in the configuration, in the same change.",
    Outcome.INCONCLUSIVE: "Measure more. This command names what an answer would take, where that is known; add your "
    "other options.",
    Outcome.NOTHING_TO_COMPARE: "Compare what can differ: a change in an application or a server shows through two "
    "addresses, or through a `target` in the configuration.",
    Outcome.NO_BASELINE: "Measure both versions at the same time; add your other options.",
    Outcome.NOT_MEASURED: "Mend what the decision names, and measure again with the same command.",
}
Told: TypeAlias = tuple[tuple[Row, Finding | None], ...]


def explain(verdict: Verdict, *, file: str) -> Explanation:
    """Retell a verdict; `file` is its artifact, for the commands that come next."""
    page, analysis = view(verdict), verdict.analysis
    names = series_names(analysis)
    told = told_rows(verdict.checks, analysis.findings, names)
    sections = (
        Section(title="The decision", texts=_decision(verdict, page, told)),
        Section(title="What was compared", texts=tuple(_compared(analysis, page))),
        Section(title="What was found", texts=tuple(_found(told, page, analysis))),
        Section(title="How sure that is", texts=tuple(_sure(analysis))),
        *_gaps(gaps(analysis, names)),
        Section(title="What it cost", texts=(page.spend,)),
        _next(verdict, page, told, file),
    )
    return Explanation(
        title=f"Why the gate says: {page.mark.word}", sections=tuple(one for one in sections if one.texts)
    )


def explain_run(run: Run, *, file: str) -> Explanation:
    """Say of a run that nobody has judged it, and what it holds."""
    page = run_view(run)
    unjudged = "This file is a run: it holds what was measured, and no judgement, so there is no decision to explain."
    return Explanation(
        title="There is no verdict yet",
        sections=(
            Section(title="What this is", texts=(unjudged, sentence(page.headline), page.compared, page.validity)),
            Section(
                title="What comes next",
                texts=("Judge it, then explain the verdict.",),
                command=shell_command("lens-gate", "gate", file, "--output", "verdict.json"),
            ),
        ),
    )


def _decision(verdict: Verdict, page: ReportView, told: Told) -> tuple[str, ...]:
    code = verdict.exit_code
    by_rule = _ended(page) is Outcome.REGRESSION and _worst_finding(told, verdict.analysis) is None
    meaning = _BROKEN_RULE if by_rule else _MEANINGS[verdict.outcome]
    return sentence(page.headline), meaning, f"Exit code {code.value}: {_EXITS[code]}."


def _ended(page: ReportView) -> Outcome:
    """Return what a verdict is as good as: a pass that fails its command all the same is none."""
    if page.mark is WARNING:
        return Outcome.REGRESSION
    return page.outcome if page.passed or page.outcome is not Outcome.PASS else Outcome.INCONCLUSIVE


def _worst_finding(told: Told, analysis: Analysis) -> Finding | None:
    """Return the worst regression that a calibrated test found, None where a rule or a limit stands alone."""
    if analysis.policy.decision is Decision.CLASSIC:
        return None
    return next((finding for row, finding in told if finding and row.outcome is Outcome.REGRESSION), None)


def _compared(analysis: Analysis, page: ReportView) -> Iterator[str]:
    yield page.compared
    equal = analysis.comparison is not None and analysis.comparison.equal
    match analysis.source:
        case "duet" if not equal:
            yield (
                "Each prompt went to both versions in neighbouring moments, in random order. Whatever the provider did "
                "meanwhile hit both alike, so that what differs within a pair is the change, or chance."
            )
        case "stored":
            yield _apart(basis_of(analysis))
        case "duet" | "none":
            pass
        case _ as never:
            assert_never(never)
    yield from page.remarks
    yield page.validity
    alarms = sentence(analysis.policy.false_alarm_note or "")
    yield from (caveat for caveat in page.caveats if caveat != alarms)


def _apart(basis: Basis | None) -> str:
    """Say what may have changed between the two versions of a run without pairs."""
    if basis is not None and basis.runs == 0:
        return "Both were measured in the same run, but not in pairs."
    if basis is not None and basis.control_requests:
        return (
            "The stored runs were measured at other times. A control took the day out: "
            f"{plural(basis.control_requests, 'request')} a model of this run went with the baseline's own "
            "configuration, and show how fast that one is today."
        )
    return (
        "The two were measured at different times. All that changed in between is part of the difference, the "
        "provider's own good and bad days included."
    )


def _found(told: Told, page: ReportView, analysis: Analysis) -> Iterator[str]:
    """Tell the worst checks, or where all passed those closest to their limits; then how the others ended."""
    first = [one for one in told if not one[0].passed] or list(told)
    kept = first[:MOST_TOLD]
    for row, finding in kept:
        yield shortened(f"{row.title}, {row.mark.word}. {_story(row, finding, analysis)}", 2 * LONGEST_TEXT)
    passed = sum(row.passed for row, _ in told) - sum(row.passed for row, _ in kept)
    others = {"did not pass": len(told) - len(kept) - passed, "passed": passed}
    yield from (f"{plural(number, 'more check')} {word}." for word, number in others.items() if number)
    if not told and not page.remarks:
        yield from map(sentence, analysis.notes)


def _story(row: Row, finding: Finding | None, analysis: Analysis) -> str:
    if finding is None:
        return f"{row.reason} ({plain(row.place)})" if row.place else row.reason
    return f"{measured(finding)} {because(finding, analysis.policy)}".strip()


def _sure(analysis: Analysis) -> Iterator[str]:
    """Say what the outcomes promise, in rates that anyone can imagine."""
    policy, asked = analysis.policy, sum(finding.in_family for finding in analysis.findings)
    if policy.decision is Decision.CLASSIC:
        yield sentence(policy.false_alarm_note or "The classic rules make no promise about false alarms.")
    elif asked:
        alpha, sure = (f"{100 * share:.4g}{NBSP}%" for share in (policy.alpha, policy.pass_confidence))
        together = f", with all {asked} questions counted together" if asked > 1 else ""
        yield (
            f"A change counts as real only where chance alone would do the same in less than {alpha} of such gates"
            f"{together}. So where nothing has changed, at most {alpha} of gates raise an alarm."
        )
        yield f"A pass is {sure} sure of each question by itself: so often the true change lies below the bound shown."
    if analysis.looks:
        times = "once" if len(analysis.looks) == 1 else f"{len(analysis.looks)} times"
        yield (
            f"The run was looked at {times} while it went on, and the allowance of false alarms is shared out among "
            "all planned looks."
        )


def _gaps(found: Sequence[Gap]) -> Iterator[Section]:
    """Tell what is not covered, each with what would cover it."""
    for number, gap in enumerate(found):
        title = "" if number else "What is not covered"
        yield Section(title=title, texts=(*gap.texts, *([gap.remedy] if gap.remedy else [])), command=gap.command)


def _next(verdict: Verdict, page: ReportView, told: Told, file: str) -> Section:
    ended = _ended(page)
    apart = ended is Outcome.INCONCLUSIVE and verdict.analysis.source == "stored"
    advice = [_ADVICE[Outcome.NO_BASELINE if apart else ended]]
    if apart and (kept := day_out(verdict.analysis)):
        advice.insert(0, kept)
    worst = _worst_finding(told, verdict.analysis)
    command = None if ended is Outcome.REGRESSION else page.next_step
    if worst is not None:
        advice.append("This tells the worst finding in depth:")
        command = shell_command("lens-gate", "explain", file, "--series", worst.series, "--metric", worst.metric)
    return Section(title="What comes next", texts=tuple(advice), command=command)
