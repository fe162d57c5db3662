"""The history as pages: what shifted, in words and drawings, with and without a script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import exp
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.analysis.exhibits_history import history_exhibit
from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.artifacts.trend import TrendVerdict
from lens_gate.reports.html.badge import badge
from lens_gate.reports.html.feed import feed
from lens_gate.reports.html.history import Known, Line, Part, headline, lines_of, shifts_of
from lens_gate.reports.html.history_chart import flags_of
from lens_gate.reports.html.links import Links, leads_to_commits
from lens_gate.reports.html.site import site, trend_html
from lens_gate.trends.history import RunRecord
from lens_gate.vocabulary.index import OpenCheck
from lens_gate.vocabulary.outcomes import Outcome
from tests.builders import SERIES
from tests.histories import FIRST_DAY, MEDIAN, a_record, a_trend_verdict, commit, noisy, records_of, run_id, stepped
from tests.unit.reports.pages import Page

KNOWN = Known(
    outcomes={run_id(30): "regression", run_id(4): "inconclusive", run_id(5): "pass", run_id(6): "not_measured"},
    baselines={run_id(2): "main"},
)


def lines(verdict: TrendVerdict, known: Known = KNOWN) -> tuple[Line, ...]:
    return lines_of(verdict.trend, [history_exhibit(series) for series in verdict.trend.series], known)


def files(verdict: TrendVerdict, known: Known = KNOWN) -> dict[str, str]:
    return site(verdict, [history_exhibit(series) for series in verdict.trend.series], known)


def several(**logs: Sequence[float]) -> list[RunRecord]:
    """Return a history of models by their logarithms; names may hold what users write into them."""
    count = max(map(len, logs.values()))
    return [
        a_record(n, values={(f"openai/{name}", "median_ttft"): 500 * exp(log[n]) for name, log in logs.items()})
        for n in range(count)
    ]


SLOWER = several(steady=noisy(38, seed=2), moved=stepped(0.16))


def test_the_newest_shift_is_the_headline_with_its_date_its_size_and_its_commit() -> None:
    verdict = a_trend_verdict(SLOWER)
    [shift] = [one for series in verdict.trend.series for one in series.shifts]
    said, lead = headline(lines(verdict), verdict.trend.runs)
    assert said == "Slower since 31 Jan 2026: moved: first token (median) rose 18\u00a0%"
    assert f"The first run of the new level measured {commit(shift.index)[:7]}." in lead
    assert lead.endswith("1 of 2 lines kept one level.")


def test_what_shifted_comes_first_and_what_did_not_is_steady() -> None:
    moved, steady = lines(a_trend_verdict(SLOWER))
    assert (moved.subject, steady.subject) == ("moved", "steady")
    assert moved.newest is not None
    assert (moved.newest.turn, moved.newest.stays) == ("worse", True)
    assert steady.newest is None
    [row] = shifts_of((moved, steady))
    assert (row.when, row.change) == ("31 Jan 2026", "▲ +18.0\u00a0%")


def test_a_history_in_which_nothing_moved_is_steady() -> None:
    verdict = a_trend_verdict(records_of(noisy(40)))
    assert headline(lines(verdict), 40) == ("Steady: nothing shifted in 40 runs", "1 of 1 line kept one level.")
    page = files(verdict)
    assert "None was found." in page["index.html"]
    assert "None: it kept one level." in next(text for name, text in page.items() if name.startswith("s/"))
    assert ">steady<" in page["badge/index.svg"]


def test_too_few_runs_are_not_called_steady() -> None:
    verdict = a_trend_verdict(records_of(noisy(5)))
    said, lead = headline(lines(verdict), 5)
    assert (said, lead) == ("Too few runs to tell whether anything shifted", "1 line with too few runs to tell.")
    page = files(verdict)
    assert "steady" not in page["index.html"].lower()
    assert all("too few runs" in text for name, text in page.items() if name.endswith(".svg"))


def test_lines_that_are_new_are_told_apart_from_those_that_are_steady() -> None:
    records = [
        a_record(n, values={(f"openai/{name}", "median_ttft"): 500.0 + log for name in names})
        for n, (log, names) in enumerate(zip(noisy(40), [["old"]] * 36 + [["old", "new"]] * 4, strict=True))
    ]
    verdict = a_trend_verdict(records)
    assert headline(lines(verdict), 40)[1] == "1 of 1 line kept one level. 1 line with too few runs to tell."


@pytest.mark.parametrize(("back", "told"), [(-0.12, "Slower since"), (-0.5, "Faster since")])
def test_what_only_part_of_was_undone_is_still_worse(back: float, told: str) -> None:
    verdict = a_trend_verdict(
        records_of([*stepped(0.4, after=30), *(0.4 + back + value for value in noisy(30, seed=3))])
    )
    [line] = lines(verdict)
    assert len(line.shifts) == 2
    assert line.newest is not None
    assert line.newest.turn == "better"
    said, _ = headline((line,), 90)
    assert said.startswith(told)
    badges = [text for name, text in files(verdict).items() if name.startswith("badge/")]
    assert all(("▲" in text or "Slower" in text) is (told == "Slower since") for text in badges)


def test_a_shift_for_the_better_is_told_where_there_is_no_other() -> None:
    verdict = a_trend_verdict(records_of(stepped(-0.2)))
    said, _ = headline(lines(verdict), 38)
    assert said.startswith("Faster since ")
    assert "fell 18" in said
    assert "Faster since" in files(verdict)["badge/index.svg"]


def test_a_shift_without_a_commit_says_nothing_of_one() -> None:
    records = [a_record(n, value, commit=None) for n, value in enumerate(1500 * exp(log) for log in stepped(0.16))]
    _, lead = headline(lines(a_trend_verdict(records)), 38)
    assert "measured" not in lead


def marks(line: Line) -> list[str]:
    """Return the classes of what is marked on a line and on its axis."""
    return re.findall(r'<use href="#m-\w+" class="(m \w+|failed|accepted)"', line.chart.large.text)


def a_known(*checks: OpenCheck, outcome: str = "regression") -> Known:
    return Known(outcomes={run_id(9): outcome}, open_checks={run_id(9): checks}, baselines={run_id(2): "main"})


def check(model: str, metric: str, outcome: str = "regression") -> OpenCheck:
    return OpenCheck(series=f"openai/{model}", metric=metric, outcome=outcome)


def test_a_regression_is_marked_on_the_line_that_it_is_about_and_on_no_other() -> None:
    verdict = a_trend_verdict(several(slow=noisy(20), fine=noisy(20, seed=2)))
    found = {line.subject: marks(line) for line in lines(verdict, a_known(check("slow", "mean_ttft")))}
    assert found == {"slow": ["accepted", "m regression"], "fine": ["accepted"]}


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("p95_latency", "whole answer (p95)"),
        ("cached_share", "share from the cache"),
        ("a_metric_of_later", "a metric of later"),
    ],
)
def test_a_regression_that_no_line_draws_is_marked_on_the_axis_of_its_model(metric: str, words: str) -> None:
    verdict = a_trend_verdict(several(slow=noisy(20), fine=noisy(20, seed=2)))
    known = a_known(check("slow", metric), check("slow", "mean_ttft", "inconclusive"))
    found = {line.subject: (marks(line), line.failed_by) for line in lines(verdict, known)}
    assert found == {"slow": (["accepted", "m inconclusive", "failed"], words), "fine": (["accepted"], "")}
    assert f"◆ on the axis: failed by {words}</span>" in files(verdict, known)["index.html"]


@pytest.mark.parametrize("checked", [OpenCheck(outcome="regression"), check("another", "mean_ttft")])
def test_a_gate_of_no_model_with_a_line_is_marked_on_every_axis(checked: OpenCheck) -> None:
    verdict = a_trend_verdict(several(slow=noisy(20), fine=noisy(20, seed=2)))
    assert {tuple(marks(line)) for line in lines(verdict, a_known(checked))} == {("accepted", "failed")}


def test_what_a_line_draws_is_marked_there_alone_and_what_only_warns_nowhere() -> None:
    verdict = a_trend_verdict(several(slow=noisy(20)))
    [line] = lines(verdict, a_known(check("slow", "mean_ttft"), check("slow", "p95_latency")))
    assert (marks(line), line.failed_by) == (["accepted", "m regression"], "")
    [line] = lines(verdict, a_known(check("slow", "p95_latency"), outcome="pass"))
    assert (marks(line), line.failed_by) == (["accepted"], "")


def test_of_two_checks_of_one_line_the_worse_is_marked() -> None:
    both = check("slow", "mean_ttft"), check("slow", "median_ttft", "inconclusive")
    for checks in (both, both[::-1]):
        [line] = lines(a_trend_verdict(several(slow=noisy(20))), a_known(*checks))
        assert marks(line) == ["accepted", "m regression"]
    [line] = lines(a_trend_verdict(several(slow=noisy(20))), a_known(both[1], outcome="inconclusive"))
    assert marks(line) == ["accepted", "m inconclusive"]


def test_a_gate_that_failed_for_what_nobody_wrote_down_is_marked_on_the_axis() -> None:
    [line] = lines(a_trend_verdict(records_of(stepped(0.16))))
    assert marks(line) == ["accepted", "failed"]
    assert re.search(r'class="failed" x="[\d.]+%" y="100%"', line.chart.large.text)
    page = files(a_trend_verdict(records_of(stepped(0.16))))["index.html"]
    assert "nobody wrote down for what" in page
    assert "a gate said regression of this" not in page
    assert marks(lines(a_trend_verdict(records_of(stepped(0.16))), Known())[0]) == []


def test_many_runs_are_an_envelope_in_which_regressions_still_stand() -> None:
    records = records_of(noisy(1000))
    said = {run_id(n): "regression" if n == 500 else "inconclusive" for n in range(1000)}
    checks = {run: (OpenCheck(series=SERIES, metric=MEDIAN, outcome=outcome),) for run, outcome in said.items()}
    many = Known(outcomes=said, open_checks=checks)
    [line] = lines(a_trend_verdict(records), many)
    assert line.chart.enveloped
    assert 'class="env"' in line.chart.large.text
    assert 'class="runs"' not in line.chart.large.text
    assert marks(line) == ["m regression"]
    assert len(line.chart.large.text) < 40_000


@pytest.mark.parametrize("values", [[0.0] * 20, [0.0, 5.0] * 10, [-3.0] * 12])
def test_the_oddest_values_have_an_axis(values: list[float]) -> None:
    records = [a_record(n, values={("openai/a", "error_rate"): abs(value)}) for n, value in enumerate(values)]
    [line] = lines(a_trend_verdict(records, metrics=("error_rate",)))
    assert "nan" not in line.chart.large.text.lower()


def test_a_metric_of_the_whole_run_has_no_model() -> None:
    records = [a_record(n, values={(None, "total_cost_usd"): 1.0 + n % 3}) for n in range(20)]
    [line] = lines(a_trend_verdict(records, metrics=("total_cost_usd",)))
    assert (line.subject, line.title) == ("Whole run", "cost of the run")


def test_a_series_without_a_value_has_no_line() -> None:
    records = [*records_of(noisy(3)), a_record(9, values={("openai/new", MEDIAN): None})]
    verdict = a_trend_verdict(records)
    assert len(lines(verdict)) < len(verdict.trend.series)


def test_names_that_are_alike_get_files_of_their_own() -> None:
    alike = several(**{"a b": noisy(20), "a-b": noisy(20, seed=2), "a/b": noisy(20, seed=3), "…": noisy(20, seed=4)})
    names = [line.slug for line in lines(a_trend_verdict(alike))]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[a-z0-9-]{1,84}", name) for name in names)


def scripts(text: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", text, re.DOTALL)


def test_every_page_allows_its_own_script_and_no_other() -> None:
    pages = {name: text for name, text in files(a_trend_verdict(SLOWER)).items() if name.endswith(".html")}
    assert len(pages) == 3
    for text in pages.values():
        Page(text)
        [script] = scripts(text)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src &#39;sha256-{digest}&#39;" in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_the_links_of_the_site_lead_somewhere() -> None:
    made = files(a_trend_verdict(SLOWER))
    places = {value for _, name, value in Page(made["index.html"]).attributes if name == "href" and value[0] != "#"}
    assert places == {name for name in made if name.startswith("s/")} | {"feed.xml"}


def test_what_a_script_reads_is_what_the_drawing_shows() -> None:
    text = next(text for name, text in files(a_trend_verdict(records_of(stepped(0.16)))).items() if name[:2] == "s/")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert {len(data[name]) for name in ("t", "y", "say", "commit", "ended")} == {38}
    assert data["t"][:2] == [0, 24 * 3600]
    assert data["start"] == FIRST_DAY.timestamp()
    assert data["ended"][30] == "r"
    assert data["ended"][6] == "-"
    assert data["say"][0].endswith("\u00a0s")


def test_the_last_days_of_a_long_line_can_be_looked_at_by_themselves() -> None:
    verdict = a_trend_verdict(records_of(stepped(0.3, before=80, after=20)))
    series = verdict.trend.series[0]
    late = series.model_copy(update={"points": series.points[-30:], "shifts": ()})
    parts = {0: [Part(30, late, history_exhibit(late))]}
    made = site(verdict, [history_exhibit(series)], KNOWN, parts)
    text = next(text for name, text in made.items() if name.startswith("s/"))
    assert "last 30 days: 30 runs, no shift" in text
    assert text.count('name="days"') == 2
    assert 'name="days"' not in next(text for name, text in files(verdict).items() if name.startswith("s/"))


LINKED = Known(
    links=Links(
        "https://git.example.org/app/commit/{commit}",
        {run_id(30): "https://ci.example.org/runs/1130", run_id(31): "https://ci.example.org/runs/1131"},
    )
)


def test_a_shift_leads_to_its_line_its_commit_and_the_run_that_saw_it_first() -> None:
    verdict = a_trend_verdict(records_of(stepped(0.16)))
    made = files(verdict, LINKED)
    [shift] = verdict.trend.series[0].shifts
    links = {value for _, name, value in Page(made["index.html"]).attributes if name == "href"}
    assert f"https://git.example.org/app/commit/{commit(shift.index)}" in links
    assert any(link.startswith("https://ci.example.org/runs/") for link in links)
    assert {name for name in made if name.startswith("s/")} <= links
    assert "feed.xml" in links
    assert not any(
        "//" in str(value) for _, name, value in Page(files(verdict)["index.html"]).attributes if name == "href"
    )


def test_a_script_is_told_the_addresses_of_runs_without_what_they_begin_with_alike() -> None:
    text = next(
        text for name, text in files(a_trend_verdict(records_of(stepped(0.16))), LINKED).items() if name[:2] == "s/"
    )
    data = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    assert data["runs"][0] == "https://ci.example.org/runs/113"
    assert (data["runs"][31], data["runs"][32], data["runs"][1]) == ("0", "1", "")
    assert data["commits"] == "https://git.example.org/app/commit/{commit}"


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)//{commit}", "https://a b/{commit}", 'https://x/"{commit}', "https://x/c"]
)
def test_what_is_no_plain_address_of_a_commit_is_none(address: str) -> None:
    assert not leads_to_commits(address)


def test_an_address_or_an_id_that_others_wrote_leads_nowhere() -> None:
    links = Links(
        "https://x.org/{commit}", {"a": "javascript:alert(1)", "b": "https://x.org/<b>", "c": "https://x.org/1"}
    )
    assert [links.of_run(run) for run in "abcd"] == ["", "", "https://x.org/1", ""]
    assert [links.of_commit(one) for one in ("3f9c2ab", "../../x", None)] == ["https://x.org/3f9c2ab", "", ""]
    assert Links().of_commit("3f9c2ab") == ""


ATOM = {"atom": "http://www.w3.org/2005/Atom"}


def test_shifts_are_a_feed_whose_entries_keep_their_ids() -> None:
    logs = stepped(0.16)
    earlier, later = (ET.fromstring(files(a_trend_verdict(records_of(some)))["feed.xml"]) for some in (logs[:36], logs))
    ids = [
        [entry.findtext("atom:id", None, ATOM) for entry in one.findall("atom:entry", ATOM)] for one in (earlier, later)
    ]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 1
    [entry] = later.findall("atom:entry", ATOM)
    assert "rose 18" in (entry.findtext("atom:title", None, ATOM) or "")
    assert [link.get("href") for link in entry.findall("atom:link", ATOM)] == ["s/gpt-small-whole-answer-median.html"]
    for needed in ("id", "title", "updated", "author/atom:name"):
        assert later.findtext(f"atom:{needed}", None, ATOM)


@given(name=st.text(min_size=1, max_size=30) | st.just("</title><script>"))
def test_a_name_in_a_feed_is_text(name: str) -> None:
    [shift] = [shift for line in lines(a_trend_verdict(records_of(stepped(0.16)))) for shift in line.shifts]
    root = ET.fromstring(feed(name, [replace(shift, told=name)], "2026-03-02T10:00:00Z"))
    assert [child.tag.rpartition("}")[2] for child in root] == [
        "id",
        "title",
        "updated",
        "author",
        "link",
        "link",
        "entry",
    ]


def test_without_a_script_words_lines_and_shifts_are_there() -> None:
    verdict = a_trend_verdict(SLOWER)
    exhibits = [history_exhibit(series) for series in verdict.trend.series]
    for text in (trend_html(verdict, exhibits), re.sub(r"<script.*?</script>", "", files(verdict)["index.html"])):
        page = Page(text)
        assert any("Slower since" in one for one in page.text_of("h1"))
        assert "▲ +18.0\u00a0%" in page.text_of("b")
        assert page.tags["table"] == 2
        assert page.tags["polyline"] == 0
        assert text.count('class="sp"') == 2


@given(name=st.text(min_size=1, max_size=30) | st.just("</script><script>alert(1)</script>"))
def test_a_name_in_a_badge_is_text(name: str) -> None:
    root = ET.fromstring(badge(name, name, "worse"))
    assert [child.tag.rpartition("}")[2] for child in root] == ["rect", "path", "g"]


def test_a_hostile_name_ends_no_script() -> None:
    made = files(a_trend_verdict(several(**{"</script><script>alert(1)</script>": stepped(0.16)})))
    for name, text in made.items():
        if name.endswith(".html"):
            assert len(scripts(text)) == 1
            Page(text)


def a_staircase(*steps: int) -> TrendVerdict:
    """Return a history of 90 runs whose level rises at each of these."""
    return a_trend_verdict(
        records_of([log + 0.2 * sum(n >= step for step in steps) for n, log in enumerate(noisy(90))])
    )


def flags(line: Line) -> list[tuple[str, str]]:
    """Return the rows and texts over the drawing of a line, the newest shift first."""
    return re.findall(r'class="flag worse"[^>]* dy="(-\d+)"[^>]*>([^<]*)<', line.chart.large.text)


def test_flags_of_shifts_that_are_near_stand_in_two_rows() -> None:
    [line] = lines(a_staircase(30, 45))
    assert [row for row, _ in flags(line)] == ["-5", "-18"]


def test_a_flag_that_has_no_room_is_a_number_that_the_table_names() -> None:
    verdict = a_staircase(30, 41, 52, 63)
    [line] = lines(verdict)
    numbers = [f"({shift.number})" for shift in line.shifts if shift.number]
    assert len(line.shifts) == 4
    assert numbers
    assert [text for _, text in flags(line) if text[0] == "("] == numbers
    page = next(text for name, text in files(verdict).items() if name.startswith("s/"))
    assert all(f'<span class="flag">{number}</span>' in page for number in numbers)


def test_where_not_even_a_number_has_room_a_shift_has_its_line_alone() -> None:
    [series] = a_trend_verdict(records_of(stepped(0.16))).trend.series
    found = flags_of(
        series.model_copy(update={"shifts": series.shifts * 5}), HistoryExhibit(seconds=(0.0, 1.0) * 50, levels=())
    )
    assert [(flag.number, flag.row) for flag in found] == [(5, 0), (4, 1)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True))
def test_no_two_flags_overlap(seconds: list[int]) -> None:
    [series] = a_trend_verdict(records_of(stepped(0.16))).trend.series
    [shift] = series.shifts
    many = series.model_copy(
        update={"shifts": tuple(shift.model_copy(update={"index": n}) for n in range(len(seconds)))}
    )
    drawn = HistoryExhibit(seconds=(*sorted(map(float, seconds)), 1000.0), levels=())
    found = flags_of(many, drawn)
    assert not found[0].numbered
    for row in (0, 1):
        rooms = sorted(flag.room for flag in found if flag.row == row)
        assert all(end <= start for (_, end), (start, _) in pairwise(rooms))


def test_under_a_shift_nothing_is_said_to_pass() -> None:
    verdict = a_trend_verdict(records_of([*stepped(0.4, after=30), *(0.4 + value for value in noisy(30, seed=3))]))
    assert verdict.outcome is Outcome.PASS
    page = files(verdict)["index.html"]
    [newest] = verdict.trend.series[0].shifts
    after = len(verdict.trend.series[0].points) - newest.index - 1
    assert f'<p class="judged quiet">No new shift in the last {after} runs.</p>' in page
    assert "Pass: no alarm" not in page
