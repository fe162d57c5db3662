"""The first lines of a verdict: what happened, how sure that is, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from lens_gate.artifacts.analysis import Analysis, Need
from lens_gate.artifacts.run import Comparison
from lens_gate.artifacts.verdict import Verdict
from lens_gate.reports.escape import shell_command, shell_word, shortened
from lens_gate.reports.facts import is_itself
from lens_gate.reports.numbers import NBSP, at_worst, cents_up, change, minutes, percent_of, plural, usd, usd_as_set
from lens_gate.reports.obstacles import obstacle
from lens_gate.reports.onward import resuming
from lens_gate.reports.page import Bounds, Counts, Row
from lens_gate.reports.rows import LONGEST_TEXT, decisive
from lens_gate.reports.words import BROKEN, WARNING, listed, verdict_mark
from lens_gate.vocabulary.metrics import Direction
from lens_gate.vocabulary.outcomes import Decision, Ending, ExitCode, Outcome, Severity

_DEFAULT_REF = "main"


@dataclass(frozen=True, slots=True)
class Opening:
    """The headline (without its full stop), what stands behind it, and the command that comes next, if any."""

    headline: str
    second: str
    next_step: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the first lines of a verdict are made from.

    `not_covered` names what a pass says nothing of, `file` is where the verdict, or what it was made from, lies.
    """

    verdict: Verdict
    rows: Sequence[Row]
    counts: Counts
    not_covered: Sequence[str]
    file: str


def opening(found: Found) -> Opening:
    """Return the first lines of a verdict."""
    verdict = found.verdict
    by_warnings = verdict_mark(verdict.outcome, verdict.exit_code) is WARNING
    lines = _failed_by_warnings(found) if by_warnings else _opening(found)
    if verdict.analysis.ending is Ending.INTERRUPTED and not verdict.analysis.looks:
        return replace(lines, second=_spaced(lines.second, _RESUMABLE), next_step=resuming(verdict.analysis.arms))
    if verdict.exit_code is ExitCode.CAP_REACHED:
        return replace(lines, headline=f"Stopped at {_cap(verdict.analysis)} before an answer")
    return lines


def _opening(found: Found) -> Opening:
    match found.verdict.outcome:
        case Outcome.PASS:
            return _pass(found)
        case Outcome.REGRESSION:
            return _regression(found)
        case Outcome.INCONCLUSIVE:
            return _inconclusive(found.verdict.analysis, found.rows, found.counts)
        case Outcome.NOT_MEASURED:
            return _not_measured(found.verdict.analysis, found.rows, found.counts)
        case Outcome.NO_BASELINE | Outcome.NOTHING_TO_COMPARE as outcome:
            return (_no_baseline if outcome is Outcome.NO_BASELINE else _nothing_to_compare)(found.verdict.analysis)
        case _ as never:
            assert_never(never)


NOTHING_TO_COMPARE = Opening(
    "Nothing to compare: both versions send the same requests to the same target",
    "Nothing was sent, and nothing was paid. A change in an application or a server is compared through two endpoints, "
    "or through a `target` in the configuration.",
    "lens-gate ci --against-endpoint URL",
)


_IF_LIMIT = "Mend what is beyond its limit, or set the limit in the configuration to what you accept."
"""Where nothing was compared there is no old version to keep."""


A_PAIR = "A pair is two requests, one to each version."
"""Why commands ask for twice as many requests as there are pairs."""

_RESUMABLE = "The run was interrupted; `lens-gate run --resume` goes on with it."

_WARNINGS_FAIL = "A warning fails it because `--fail-on warning` says so."

_UNSETTLED = "What is open below may still be chance."


def _nothing_to_compare(analysis: Analysis) -> Opening:
    if not analysis.uncovered:
        return NOTHING_TO_COMPARE
    return replace(
        NOTHING_TO_COMPARE,
        headline="Nothing to compare: what both versions have is the same, and the rest only one of them has",
    )


def _pass(found: Found) -> Opening:
    counts, not_covered = found.counts, list(found.not_covered)
    warned = f", with {plural(counts.warnings, 'warning')}" if counts.warnings else ""
    limits = f"; not covered: {listed(not_covered)}" if not_covered else ""
    whole = found.verdict.exit_code is ExitCode.OK
    headline = f"{'Pass' if whole else 'Ended early'}{warned}: nothing got worse by more than you allow{limits}"
    unless = ", unless what is not covered matters to you" if not_covered else ""
    done = f"Nothing has to be done{unless}." if counts.total and whole else ""
    sure = _sure_of_pass(found.verdict.analysis) if counts.total else ""
    return Opening(headline, _spaced(_all_passed(found.rows, counts), sure, done), None)


def _sure_of_pass(analysis: Analysis) -> str:
    """Say how sure a pass is, in a rate that anyone can imagine; nothing where no test says it."""
    policy = analysis.policy
    if policy.decision is Decision.CLASSIC or not any(finding.in_family for finding in analysis.findings):
        return ""
    return f"Each pass is at least {percent_of(policy.pass_confidence)} sure."


def _failed_by_warnings(found: Found) -> Opening:
    failed = [row for row in found.rows if row.mark is WARNING]
    head = ": ".join((f"Fails by {plural(len(failed), 'warning')}", *(row.story for row in failed[:1])))
    told = _spaced(*map(_evidence, failed[:1]), tally(found.counts), _WARNINGS_FAIL)
    return Opening(shortened(head, LONGEST_TEXT), told, _explained(found))


def _explained(found: Found) -> str:
    return shell_command("lens-gate", "explain", found.file)


def _regression(found: Found) -> Opening:
    rows, counts = found.rows, found.counts
    worst = _first(rows, Outcome.REGRESSION)
    if worst is None:
        return Opening("Regression", tally(counts), _explained(found))
    broken = worst.mark is BROKEN
    others = f", and {counts.regressions - 1} more" if counts.regressions > 1 else ""
    head = "Beyond the limit" if broken else "Regression"
    ends = tally(counts) if counts.total > 1 else ""
    told = _spaced(_evidence(worst), ends, _unsure(rows), _IF_LIMIT if broken else "")
    return Opening(shortened(f"{head}: {worst.story}{others}", LONGEST_TEXT), told, _explained(found))


def _unsure(rows: Sequence[Row]) -> str:
    """Say how many regressions are worse for sure, but not surely by more than is allowed."""
    known = (one.bounds for one in rows if one.outcome is Outcome.REGRESSION and one.bounds is not None)
    ends = ((one.harm.lower, one.limit) for one in known)
    number = sum(lower is not None and limit is not None and lower <= limit for lower, limit in ends)
    if not number:
        return ""
    verb = "is" if number == 1 else "are"
    return f"{number} of those that failed {verb} worse for sure, and beyond the limit as far as can be told."


def _inconclusive(analysis: Analysis, rows: Sequence[Row], counts: Counts) -> Opening:
    verb = "needs" if counts.inconclusive == 1 else "need"
    widest = _first(rows, Outcome.INCONCLUSIVE)
    # More requests do not help against the drift between two days.
    what = "both versions at once" if analysis.source == "stored" else "more data"
    return Opening(
        f"Inconclusive: {counts.inconclusive} of {plural(counts.total, 'check')} {verb} {what}",
        _spaced(
            f"{_open_question(widest)} {_UNSETTLED}" if widest else "", need(analysis.need) or "", day_out(analysis)
        ),
        _again(analysis),
    )


def day_out(analysis: Analysis) -> str:
    """Say how to stay with stored runs and take the day out of the comparison; nothing where there are none to keep."""
    had_control = analysis.comparison is not None
    if analysis.source != "stored" or had_control or analysis.policy.decision is Decision.CLASSIC:
        return ""
    return "If you stay with the stored runs, `--control 0.2` with the same --baseline would take the day out."


def _again(analysis: Analysis) -> str:
    """Return the command that would decide; of a version against itself there is nothing to decide."""
    if is_itself(analysis.comparison):
        return "lens-gate doctor --input RUN_FILE"
    models = len({finding.series for finding in analysis.findings}) or 1
    wanted = asking_for(analysis.need, models) if analysis.need else ""
    return f"lens-gate ci {against(analysis.comparison)}{wanted}"


def _not_measured(analysis: Analysis, rows: Sequence[Row], counts: Counts) -> Opening:
    silent = _first(rows, Outcome.NOT_MEASURED)
    met = obstacle(analysis, silent.reason if silent else None)
    also = tally(counts) if counts.passed or counts.inconclusive else ""
    return Opening(
        f"Not measured: {shortened(met.trouble, LONGEST_TEXT)}",
        _spaced("Nothing is said about the endpoint.", met.remedy, also),
        met.command,
    )


def _no_baseline(analysis: Analysis) -> Opening:
    return Opening(
        "No comparison: there is no baseline for this set-up",
        "The numbers of this run are valid on their own; no earlier version was there to compare them with.",
        f"lens-gate ci {against(analysis.comparison)}",
    )


def tally(counts: Counts) -> str:
    """Return how all checks ended: `Of 12 checks, 1 failed, 9 passed, and 2 are inconclusive`."""
    parts = (
        (counts.regressions, "failed", "failed"),
        (counts.passed, "passed", "passed"),
        (counts.inconclusive, "is inconclusive", "are inconclusive"),
        (counts.not_measured, "was not measured", "were not measured"),
        (counts.not_compared, "had nothing to compare with", "had nothing to compare with"),
        (counts.warnings, "is a warning", "are warnings"),
    )
    told = [f"{number} {one if number == 1 else many}" for number, one, many in parts if number]
    return f"Of {plural(counts.total, 'check')}, {listed(told)}."


def need(wanted: Need | None) -> str | None:
    """Say what an answer would take: `About 520 pairs would likely settle what is open ($2.10, 7 minutes)`."""
    if wanted is None:
        return None
    return f"About {plural(wanted.pairs, 'pair')} would likely settle what is open{price(wanted)}. {A_PAIR}"


def price(wanted: Need) -> str:
    """Return what so many pairs cost, in brackets and behind a blank: ` ($2.10, 7 minutes)`."""
    dollars = [usd(wanted.usd)] if wanted.usd is not None else []
    times = [minutes(wanted.minutes)] if wanted.minutes is not None else []
    return f" ({', '.join(dollars + times)})" if dollars or times else ""


def asking_for(wanted: Need, models: int) -> str:
    """Return the options that ask for so many pairs of each model, and cap what they may cost, behind a blank."""
    requests = f" --requests {2 * models * wanted.pairs}"
    return requests if wanted.usd is None else f"{requests} --max-cost {cents_up(wanted.usd)}"


def _cap(analysis: Analysis) -> str:
    if analysis.ending is Ending.TIME_CAP or analysis.spend.cap_usd is None:
        return "your time limit"
    return f"your {usd_as_set(analysis.spend.cap_usd)} limit"


def _first(rows: Sequence[Row], outcome: Outcome) -> Row | None:
    return next((row for row in rows if row.outcome is outcome and row.severity is Severity.ERROR), None)


def _all_passed(rows: Sequence[Row], counts: Counts) -> str:
    if not counts.total:
        return "There was nothing to check."
    everything = f"All {plural(counts.total, 'check')} passed." if counts.total > 1 else "The only check passed."
    return _spaced(everything if counts.passed == counts.total else tally(counts), _closest(rows))


def _closest(rows: Sequence[Row]) -> str:
    closest = next((row for row in rows if row.passed and row.bounds and row.bounds.limit), None)
    if closest is None or closest.bounds is None:
        return ""
    bound = at_worst(decisive(closest.bounds, Outcome.PASS), closest.bounds.worse, beside=closest.bounds.limit)
    worst = f"{bound}{NBSP}{closest.bounds.unit}"
    return f"The closest to its limit is {closest.title}: at worst {worst}, where {closest.allowed} is allowed."


def _evidence(row: Row) -> str:
    """Return size, interval and limit of a regression, or the reason where there is no interval."""
    if row.bounds is None or (row.bounds.lower is None and row.bounds.upper is None):
        return row.reason
    least = "at most " if row.bounds.worse is not Direction.TWO_SIDED else ""
    allowed = f"; {least}{row.allowed} is allowed" if row.bounds.limit is not None else ""
    size = f"That is {row.size}. " if row.size else ""
    both_ends = row.bounds.lower is not None and row.bounds.upper is not None
    return f"{size}The true change {'lies between' if both_ends else 'is'} {between(row.bounds, 'and')}{allowed}."


def _open_question(row: Row) -> str:
    if row.bounds is None or row.bounds.limit is None:
        return f"{row.title}: {row.reason}"
    harm = row.bounds.harm
    if harm.lower is None or harm.upper is None:
        return f"{row.title}: {row.reason}"
    astride = harm.lower < row.bounds.limit < harm.upper
    side = f", on both sides of the {row.allowed} allowed" if astride else f"; {row.allowed} is allowed"
    return f"{row.title}: the true change may lie anywhere between {between(row.bounds, 'and')}{side}."


def between(numbers: Bounds, joint: str) -> str:
    """Return both ends of an interval, each with its unit."""
    lower, upper = (change(end, numbers.unit, beside=numbers.limit) for end in (numbers.lower, numbers.upper))
    if numbers.upper is None:
        return f"{lower} and more"
    return f"{upper} and less" if numbers.lower is None else f"{lower} {joint} {upper}"


def against(comparison: Comparison | None) -> str:
    """Return the option that names the other version, as it was named."""
    if comparison is None or comparison.kind == "import":
        return f"--against-ref {_DEFAULT_REF}"
    return f"--against-{comparison.kind} {shell_word(comparison.value)}"


def _spaced(*parts: str) -> str:
    return " ".join(part for part in parts if part)
