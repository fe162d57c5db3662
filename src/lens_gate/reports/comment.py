"""The comment on a pull request: what each suite said, the worst first, on one screen where that is possible.

Everything is written from legs, which are bounded and untrusted: each text is escaped here, whoever wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lens_gate.artifacts.leg import MOST_CAUSES, MOST_ROWS, LeftOut, Leg, LegRow
from lens_gate.reports.escape import cut_to, markdown_code, markdown_text, markdown_words, plain, shortened, size
from lens_gate.reports.numbers import count, plural
from lens_gate.reports.page import ReportView, Row
from lens_gate.reports.words import BROKEN, INFO, MARKS, WARNING, Mark, listed, next_words, together
from lens_gate.vocabulary.outcomes import ExitCode, Outcome

TEXT_BYTES = 38_000
"""GitHub takes 65,536 characters; the rest is for the state that the comment carries."""

_SUITES_LISTED = 60
_NAMES_LISTED = 5
_COMMIT_DIGITS = 7
_MARKS: Mapping[str, Mark] = {mark.word: mark for mark in (*MARKS.values(), BROKEN, WARNING, INFO)}
_PASS = MARKS[Outcome.PASS]
_FOUND = {
    MARKS[Outcome.REGRESSION]: "Regression",
    WARNING: "Failed by warnings",
    MARKS[Outcome.NOT_MEASURED]: "Not measured",
    MARKS[Outcome.INCONCLUSIVE]: "Inconclusive",
    MARKS[Outcome.NO_BASELINE]: "No baseline",
    MARKS[Outcome.NOTHING_TO_COMPARE]: "Nothing to compare",
    _PASS: "Pass",
}
"""What a heading says of suites by their mark, the worst first."""

_ORDER = tuple(_FOUND)


_EARLIER = (
    "What is of an earlier commit stands until its job has run again. If it never will, delete this comment: the next "
    "run writes it anew."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A leg, the page of the run that said it, and whether it is of the newest commit that is known.

    `shares` is the name that other results of that commit go by as well, `apart` whether each run on a commit may be
    for another pull request, so that no name of a job's own tells them apart.
    """

    leg: Leg
    url: str
    current: bool = True
    apart: bool = False
    shares: str | None = None


def leg_of(view: ReportView, *, suite: str, commit: str | None, code: ExitCode) -> Leg:
    """Return what a comment keeps of a verdict; `code` is what it meant for its command."""
    return Leg(
        suite=shortened(plain(suite), 100) or "lens-gate",
        outcome=view.outcome,
        exit_code=code,
        mark=view.mark.word if view.mark is not MARKS[view.outcome] else None,
        headline=shortened(view.headline, 600),
        second=shortened(view.second, 1_500),
        compared=shortened(f"{view.compared} {view.validity} {view.spend}", 1_500),
        interval_title=shortened(view.interval_title, 80),
        rows=tuple(_leg_row(row) for row in view.open_rows[:MOST_ROWS]),
        causes=tuple(shortened(cause, 600) for cause in view.causes[:MOST_CAUSES]),
        open_checks=len(view.open_rows),
        passed=len(view.passed_rows),
        next_step=view.next_step if view.next_step and len(view.next_step) <= 600 else None,
        commit=commit,
    )


def _leg_row(row: Row) -> LegRow:
    return LegRow.model_validate(
        {
            "mark": row.mark.word,
            "title": shortened(row.title, 250),
            "baseline": shortened(row.baseline, 80),
            "change": shortened(row.change, 80),
            "interval": shortened(row.interval, 80),
            "allowed": shortened(row.allowed, 80),
            "reason": shortened(row.why, 600),
        }
    )


def lighter(leg: Leg, rows: int) -> Leg:
    """Return a leg with at most so many rows, and without what is folded; with none only its headline is left."""
    if rows:
        kept = tuple(row.model_copy(update={"reason": ""}) for row in leg.rows[:rows])
        return leg.model_copy(update={"rows": kept, "causes": ()})
    bare = {"rows": (), "causes": (), "second": "", "compared": "", "interval_title": "", "next_step": None}
    return leg.model_copy(update={**bare, "headline": shortened(leg.headline, 100)})


def differs(leg: Leg, earlier: Leg | None) -> bool:
    """Whether a suite says something else than before: another end, or other checks that did not pass.

    A suite that said nothing before passed, as far as anybody was told.
    """
    if earlier is None:
        return not passed(leg)
    return (_mark(leg), _not_passed(leg)) != (_mark(earlier), _not_passed(earlier))


def _not_passed(leg: Leg) -> list[tuple[str, str]]:
    return sorted((row.title, row.mark) for row in leg.rows)


def comment(told: Sequence[Told], left_out: Sequence[LeftOut] = (), *, limit: int = TEXT_BYTES) -> str:
    """Return the text of a comment in at most `limit` bytes: worst first, and what does not fit is counted.

    `left_out` are further suites that count.
    """
    ordered = _apart(sorted(told, key=_badness))
    if len(ordered) == 1 and not left_out:
        return cut_to("\n".join(_alone(ordered[0])), limit)
    head = "\n".join(_overview(ordered, left_out))
    open_ones = [one for one in ordered if one.current and not passed(one.leg)]
    return _filled(cut_to(head, limit), ["\n".join(_section(one)) for one in open_ones], limit)


def unpublished(notes: Sequence[str]) -> str:
    """Return the part of a summary that says what is missing elsewhere, and what can be done about it."""
    return "\n".join(
        ("**Not published elsewhere:**", "", *(f"- {markdown_text(shortened(note, 600))}" for note in notes))
    )


def leg_unmeasured(title: str, text: str, *, suite: str, commit: str, code: ExitCode) -> Leg:
    """Return what a comment says where nothing was measured; `code` is what that meant for its command."""
    return Leg(
        suite=shortened(plain(suite), 100) or "lens-gate",
        outcome=Outcome.NOT_MEASURED,
        exit_code=code,
        headline=shortened(plain(title), 600),
        second=shortened(plain(text), 1_500),
        commit=commit,
    )


def unmeasured(headline: str, why: str, missing: str) -> str:
    """Return the summary of a run that measured nothing."""
    head = f"## {MARKS[Outcome.NOT_MEASURED].symbol} Not measured: {headline}"
    return "\n".join((head, "", markdown_text(why), "", markdown_text(shortened(missing, 600))))


def _filled(head: str, blocks: Sequence[str], limit: int) -> str:
    room, kept = limit - size(head) - 120, [head]
    for block in blocks:
        if size(block) + 1 > room:
            break
        kept.append(block)
        room -= size(block) + 1
    left = len(blocks) + 1 - len(kept)
    if left:
        kept.append(f"\n{plural(left, 'more suite')} did not pass: this comment has no room for what they say.")
    return "\n".join(kept)


def badness(leg: Leg) -> tuple[bool, int, str]:
    """Return what puts results in order, the worst first."""
    return leg.exit_code is ExitCode.OK, _ORDER.index(_mark(leg)), leg.suite


def counts(leg: Leg | LeftOut, *, current: bool) -> bool:
    """Say whether the heading is about a result: what did not pass stands until something replaces it."""
    silent = isinstance(leg, LeftOut) and leg.silent
    return not silent and (current or not passed(leg))


def passed(leg: Leg | LeftOut) -> bool:
    """Say whether there is nothing to look at."""
    return _mark(leg) is _PASS


def _badness(one: Told) -> tuple[bool, tuple[bool, int, str]]:
    return not one.current, badness(one.leg)


def _apart(ordered: Sequence[Told]) -> list[Told]:
    """Tell results of the newest commit apart that go by one name."""
    totals, seen = Counter(one.leg.suite for one in ordered if one.current), Counter[str]()

    def numbered(one: Told) -> Told:
        suite = one.leg.suite
        if not one.current or totals[suite] == 1:
            return one
        seen[suite] += 1
        name = f"{suite} ({seen[suite]} of {totals[suite]})"
        return replace(one, leg=one.leg.model_copy(update={"suite": name}), shares=suite)

    return [numbered(one) for one in ordered]


def _alone(one: Told) -> Iterator[str]:
    leg = one.leg
    yield f"## {_mark(leg).symbol} {markdown_text(leg.headline)}"
    yield from _body(leg, one.url)
    yield f"{_link(one)} · {markdown_text(leg.suite)}"


def _section(one: Told) -> Iterator[str]:
    yield f"\n### {_mark(one.leg).symbol} {markdown_text(one.leg.suite)}: {markdown_text(one.leg.headline)}"
    yield from _body(one.leg, one.url)


def _body(leg: Leg, url: str) -> Iterator[str]:
    yield ""
    for text in (leg.second, leg.compared):
        if text:
            yield markdown_words(text)
            yield ""
    if leg.rows:
        yield from _table(leg)
        yield ""
    if more := leg.open_checks - len(leg.rows):
        yield f"{plural(more, 'more check')} did not pass: [the report]({url}) has {'it' if more == 1 else 'them'}."
        yield ""
    if leg.next_step:
        yield f"**{next_words(leg.next_step)}:** {markdown_code(leg.next_step)}"
        yield ""
    yield from _folded(leg)


def _table(leg: Leg) -> Iterator[str]:
    head = ("", "check", "baseline", "change", markdown_text(leg.interval_title), "allowed")
    for cells in (head, (":-:", "---", "--:", "--:", ":-:", "--:"), *map(_row, leg.rows)):
        yield f"| {' | '.join(cells)} |"


def _row(row: LegRow) -> tuple[str, ...]:
    change = markdown_text(row.change)
    worse = row.mark in {MARKS[Outcome.REGRESSION].word, BROKEN.word}
    return (
        f"{_MARKS[row.mark].symbol} {row.mark}",
        markdown_text(row.title),
        markdown_text(row.baseline),
        f"**{change}**" if worse and change else change,
        markdown_text(row.interval),
        markdown_text(row.allowed),
    )


def _folded(leg: Leg) -> Iterator[str]:
    """Fold away why, and say how much passed."""
    alike: dict[str, list[str]] = {}
    for row in leg.rows:
        alike.setdefault(row.reason, []).append(row.title)
    why = [*leg.causes, *(f"{together(titles)}: {reason}" for reason, titles in alike.items() if reason)]
    if why:
        yield from ("<details><summary>Why</summary>", "", *(f"- {markdown_words(text)}" for text in why), "")
        yield from ("</details>", "")
    if leg.passed:
        yield from (f"{plural(leg.passed, 'check')} passed.", "")


def _overview(ordered: Sequence[Told], left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Return the heading of several suites, and one line for each."""
    counted = [one for one in ordered if counts(one.leg, current=one.current)] or ordered
    yield f"## {_heading([*(_mark(one.leg) for one in counted), *map(_mark, left_out)])}"
    yield ""
    yield "| | suite | | checks passed | run |"
    yield "| :-: | --- | --- | --: | --- |"
    for one in ordered[:_SUITES_LISTED]:
        yield f"| {' | '.join(_line(one))} |"
    if more := [*(_mark(one.leg) for one in ordered[_SUITES_LISTED:]), *map(_mark, left_out)]:
        yield f"\n{plural(len(more), 'more suite')}: {_counts(more)}."
    yield from _shared_names(ordered)
    if not all(one.current for one in ordered):
        yield f"\n{_EARLIER}"


def _line(one: Told) -> tuple[str, ...]:
    leg = one.leg
    checks = f"{leg.passed} of {leg.passed + leg.open_checks}"
    return (
        f"{_mark(leg).symbol} {_mark(leg).word}",
        markdown_text(leg.suite),
        markdown_text(shortened(leg.headline, 160)),
        checks,
        _link(one),
    )


def _link(one: Told) -> str:
    commit = f" at `{one.leg.commit[:_COMMIT_DIGITS]}`" if one.leg.commit else ""
    return f"[run]({one.url}){commit}{'' if one.current else ', an earlier commit'}"


def _shared_names(ordered: Sequence[Told]) -> Iterator[str]:
    """Say which names several results go by, and what to do about it."""
    shared = {apart: {one.shares for one in ordered if one.shares and one.apart is apart} for apart in (False, True)}
    by_jobs, by_runs = shared[False], shared[True] - shared[False]
    if by_jobs:
        yield f"\n**Several jobs publish as {_few(by_jobs)}.** Give each a name of its own: `suite`, or `--suite`."
    if by_runs:
        yield (
            f"\n**Several runs measured {_few(by_runs)} on this commit**, perhaps for other pull requests of it: only "
            "another attempt of the same run takes its word back."
        )


def _few(names: Collection[str]) -> str:
    first, more = sorted(names)[:_NAMES_LISTED], len(names) - _NAMES_LISTED
    shown = ", ".join(markdown_code(name) for name in first)
    return f"{shown} and {plural(more, 'other name')}" if more > 0 else shown


def _heading(marks: Sequence[Mark]) -> str:
    worst = min(marks, key=_ORDER.index)
    number = marks.count(worst)
    every = "1 suite" if number == 1 else f"all {count(number)} suites"
    share = every if number == len(marks) else f"{count(number)} of {count(len(marks))} suites"
    return f"{worst.symbol} {_FOUND[worst]} in {share}"


def _counts(marks: Sequence[Mark]) -> str:
    numbers = Counter(marks)
    return listed([f"{numbers[mark]} {mark.word}" for mark in _ORDER if numbers[mark]])


def _mark(leg: Leg | LeftOut) -> Mark:
    return _MARKS[leg.mark] if leg.mark else MARKS[leg.outcome]
