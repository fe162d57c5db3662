"""A verdict as news: the few words that whoever does not look at the pipeline is told, plain and bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.artifacts.verdict import Check, Verdict
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.reasons import message_of
from lens_gate.reports.rows import LONGEST_NAME, LONGEST_TEXT, subjects
from lens_gate.reports.trend_view import trend_view
from lens_gate.reports.view import series_names, view
from lens_gate.reports.words import listed, sentence
from lens_gate.vocabulary.notices import News, Notice, Trouble
from lens_gate.vocabulary.outcomes import Outcome

MOST_TROUBLES = 50
_COMMIT_DIGITS = 7
_NAMED_AT_MOST = 3
_LONGEST_MOMENT = 40
_URL = re.compile(r"https?://[A-Za-z0-9.\-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~%/+-]*)?", re.ASCII)
_LONGEST_URL = 500

Telling: TypeAlias = Verdict | TrendVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known around a verdict: the news, the checks that fail and the series to tell of (`gates/news.py`)."""

    news: News
    failing: Mapping[str, str]
    series: Mapping[str, bool]
    suite: str
    project: str | None
    where: str | None


def notice(verdict: Telling, around: Circumstances) -> Notice:
    """Return the news of a verdict in words."""
    told = _words(verdict)
    provenance = verdict.provenance
    troubles = _troubles(verdict.checks, told.names, around.failing, told.stories)
    return Notice(
        news=around.news,
        suite=_named(around.suite),
        outcome=verdict.outcome.value,
        exit_code=int(verdict.exit_code),
        headline=_headline(around, told),
        story=shortened(told.story, LONGEST_TEXT),
        troubles=troubles,
        series={plain(series): fails for series, fails in around.series.items()},
        moment=plain(provenance.created_at)[:_LONGEST_MOMENT],
        source=_named(told.source),
        project=_named_or_none(around.project),
        where=_named_or_none(around.where),
        commit=plain(provenance.commit)[:_COMMIT_DIGITS] if provenance.commit else None,
        url=_address(provenance.ci_run),
        tool=told.tool,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What a report says of a verdict; `stories` are the sentences about its checks, by their names."""

    headline: str
    story: str
    source: str
    tool: str
    names: Mapping[str, str]
    stories: Mapping[str, str]


def _words(verdict: Telling) -> _Words:
    match verdict:
        case Verdict():
            page = view(verdict)
            return _Words(
                headline=page.headline,
                story=page.second,
                source=verdict.analysis.benchmark.id,
                tool=page.tool,
                names=series_names(verdict.analysis),
                stories={row.check: row.story or row.reason for row in page.rows},
            )
        case TrendVerdict():
            trend = trend_view(verdict)
            return _Words(
                headline=trend.headline,
                story=trend.about,
                source=verdict.trend.name,
                tool=trend.tool,
                names=subjects(one.series for one in verdict.trend.series if one.series is not None),
                stories={},
            )
        case _ as never:
            assert_never(never)


def _headline(around: Circumstances, told: _Words) -> str:
    match around.news:
        case News.OPENED | News.FAILING:
            return told.headline
        case News.WORSE:
            return shortened(f"Worse: {told.headline}", LONGEST_TEXT)
        case News.BETTER:
            return "Better: a part of what failed passes again"
        case News.RECOVERED:
            over = [told.names.get(series, series) for series, fails in around.series.items() if series and not fails]
            named = [_named(one) for one in over[:_NAMED_AT_MOST]]
            more = [f"{len(over) - _NAMED_AT_MOST} more"] if len(over) > _NAMED_AT_MOST else []
            who = listed([*named, *more]) if named else "the gate"
            return f"Recovered: {who} {'pass' if len(over) > 1 else 'passes'} again"
        case _ as never:
            assert_never(never)


def _troubles(
    checks: Sequence[Check], names: Mapping[str, str], failing: Mapping[str, str], stories: Mapping[str, str]
) -> tuple[Trouble, ...]:
    """Return the checks that fail, in the order of the verdict."""
    found = (check for check in checks if check.name in failing and check.outcome is Outcome.REGRESSION)
    return tuple(_trouble(check, names, stories) for check in list(found)[:MOST_TROUBLES])


def _trouble(check: Check, names: Mapping[str, str], stories: Mapping[str, str]) -> Trouble:
    text = sentence(stories.get(check.name) or message_of(check))
    return Trouble(
        check=_named(check.name),
        series=None if check.series is None else plain(check.series),
        subject=_named(names.get(check.series, check.series)) if check.series else "",
        text=shortened(text, LONGEST_TEXT),
        severity=check.severity.value,
        metric=check.metric,
        value=check.value,
        limit=check.limit,
        unit=check.unit,
    )


def _named(name: str) -> str:
    return shortened(plain(name), LONGEST_NAME)


def _named_or_none(name: str | None) -> str | None:
    return _named(name) if name else None


def _address(url: str | None) -> str | None:
    """Return the page of a run if it is a plain address: it may come from an artifact that others wrote."""
    fits = url is not None and len(url) <= _LONGEST_URL and _URL.fullmatch(url) is not None
    return url if fits else None
