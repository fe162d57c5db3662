from __future__ import annotations

import pytest

from lens_gate.artifacts.trend import TrendRule
from lens_gate.artifacts.verdict import CheckKind
from lens_gate.reports.notices import MOST_TROUBLES, Circumstances, Telling, notice
from lens_gate.vocabulary.notices import News, Notice
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import PROVENANCE, SERIES, a_check, a_verdict
from tests.histories import a_trend_verdict, records_of, stepped
from tests.notices import HOSTILE
from tests.scenarios import SCENARIOS

SLOW = SCENARIOS["regression"]()


def told(verdict: Telling, **changes: object) -> Notice:
    failing = {check.name: check.series or "" for check in verdict.checks if check.outcome is Outcome.REGRESSION}
    values: dict[str, object] = {
        "news": News.OPENED,
        "failing": failing,
        "series": dict.fromkeys(failing.values(), True),
        "suite": "support-bot",
        "project": "acme/widgets",
        "where": "main",
    }
    return notice(verdict, Circumstances(**(values | changes)))  # type: ignore[arg-type] # by keyword


def test_a_notice_says_what_the_report_says() -> None:
    page = told(SLOW)
    assert page.headline.startswith("Regression: ")
    assert page.story.startswith("That is ")
    assert [one.check for one in page.troubles] == [
        check.name for check in SLOW.checks if check.outcome == "regression"
    ]
    assert page.troubles[0].text.endswith("later.")
    assert (page.suite, page.where, page.project, page.commit) == ("support-bot", "main", "acme/widgets", "3f9c2ab")
    assert (page.outcome, page.exit_code) == ("regression", 1)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_verdict_can_be_told(name: str) -> None:
    page = told(SCENARIOS[name]())
    assert page.headline
    assert page.source == SCENARIOS[name]().analysis.benchmark.id


def test_each_kind_of_news_has_its_headline() -> None:
    series = {SERIES: False, "openai/large": False}
    assert told(SLOW, news=News.WORSE).headline.startswith("Worse: Regression: ")
    assert told(SLOW, news=News.BETTER).headline == "Better: a part of what failed passes again"
    assert (
        told(SLOW, news=News.RECOVERED, series={SERIES: False}).headline == "Recovered: openai/gpt-small passes again"
    )
    both = told(SLOW, news=News.RECOVERED, series=series).headline
    assert both == "Recovered: openai/gpt-small and openai/large pass again"
    whole = told(SLOW, news=News.RECOVERED, series={"": False}).headline
    assert whole == "Recovered: the gate passes again"
    many = told(SLOW, news=News.RECOVERED, series={f"p/m{number}": False for number in range(5)}).headline
    assert many == "Recovered: p/m0, p/m1, p/m2, and 2 more pass again"


def test_a_trend_is_told_with_its_checks() -> None:
    verdict = a_trend_verdict(records_of(stepped(0.3)), rules=(TrendRule.CHANGE_POINTS,))
    page = told(verdict)
    assert page.headline.startswith("Regression: ")
    assert page.source == verdict.trend.name
    assert page.troubles[0].text


def test_a_check_that_no_report_shows_is_told_by_its_message() -> None:
    check = a_check(name="budget", series=None, kind=CheckKind.BUDGET, outcome=Outcome.REGRESSION, message="too dear")
    page = told(a_verdict(checks=(check,)))
    assert (page.troubles[0].subject, page.troubles[0].series) == ("", None)
    assert page.troubles[0].text


def test_troubles_are_bounded() -> None:
    checks = tuple(a_check(name=f"c{number}", outcome=Outcome.REGRESSION) for number in range(MOST_TROUBLES + 20))
    assert len(told(a_verdict(checks=checks)).troubles) == MOST_TROUBLES


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_is_plain_and_bounded(text: str) -> None:
    check = a_check(name=text, series=text, outcome=Outcome.REGRESSION, message=text)
    changed = PROVENANCE.model_copy(update={"commit": text, "ci_run": text, "created_at": text, "tool_version": text})
    page = told(a_verdict(checks=(check,), provenance=changed), suite=text, where=text, project=text)
    words = [
        page.suite,
        page.headline,
        page.story,
        page.where or "",
        page.project or "",
        page.commit or "",
        page.moment,
    ]
    words += [word for one in page.troubles for word in (one.check, one.subject, one.text)]
    assert all(word.isprintable() for word in "".join(words) if word != "\u00a0")
    assert max(map(len, words)) <= 600
    assert page.url is None or page.url.startswith("https://evil.example")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://github.com/acme/widgets/actions/runs/4242", True),
        ("https://gitlab.corp.example:8443/acme/widgets/-/pipelines/7", True),
        ("https://ci.example", True),
        ("https://ci.example/a|b", False),
        ("https://ci.example/a>b", False),
        ("https://user:password@ci.example/", False),
        ("javascript:alert(1)", False),
        ("https://ci.example/" + "x" * 600, False),
        (None, False),
    ],
)
def test_only_a_plain_address_of_a_run_is_linked(url: str | None, kept: bool) -> None:
    verdict = a_verdict(provenance=PROVENANCE.model_copy(update={"ci_run": url}))
    assert told(verdict).url == (url if kept else None)
